"""Units of prediction variances, and which benchmark estimates a column, on a nation small enough to follow."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse
from tests.support.frames import table

from nibrs_estimation.model.counts import no_agency
from nibrs_estimation.stats.prediction import (
    Memberships,
    PredictionEstimates,
    PredictionForm,
    Units,
    expansion,
    prediction_estimates,
    weights_of_psus,
    with_own_weights,
)
from nibrs_estimation.stats.prediction.units import PRIOR_AGENCIES
from nibrs_estimation.survey.design import Design, estimation_design
from nibrs_estimation.survey.filled import FilledVariance
from nibrs_estimation.survey.prediction import (
    Incidents,
    PlaceUnits,
    Predictions,
    prediction_units,
    predictions_of,
)
from nibrs_estimation.tables.explained import EXPLAINED

Floats = NDArray[np.float64]
MURDER, LARCENY = EXPLAINED.index("n_murder"), EXPLAINED.index("n_larceny")
#: Numbers of the geographies; the coverage has them in another order.
NATION, CITIES, NH, VT = 1, 6, 86, 102
GEOGRAPHIES = (
    (VT, "state", "VT", None),
    (NATION, "nation", "US", None),
    (NH, "state", "NH", None),
    (CITIES, "nation", "US", "Agency Type City"),
)
GROUP, WITHOUT_BENCHMARK = 5, 8


@dataclass(frozen=True)
class Agency:
    """An agency of a state, in weight groups of the nation and of its state."""

    state: str = "VT"
    group: int = GROUP
    total: float = 100.0
    murder: float = 0.0
    weight: float | None = 1.5
    kind: str = "City"
    source: str = "smoothed"
    share: float = 1.0


#: Agency 4 does not respond, agency 5 neither and has the benchmark of a donor; agency 6 reports, but its group has no
#: weights.
AGENCIES = {
    1: Agency("VT", total=100, murder=4, weight=1.25),
    2: Agency("NH", total=60, murder=2, weight=2.0, kind="County"),
    3: Agency("VT", total=40, weight=1.5, share=0.5),
    4: Agency("NH", total=80, murder=3, weight=None),
    5: Agency("VT", total=20, murder=6, weight=None, source="donor", share=0.5),
    6: Agency("VT", group=WITHOUT_BENCHMARK, total=0, weight=None),
}


def given(agencies: dict[int, Agency], arrests_without_agency: tuple[str, ...] = ()) -> dict[str, pl.LazyFrame]:
    frame, weights, values = [], [], []
    cells: dict[tuple[str, str, int], list[bool]] = {}
    for number, agency in agencies.items():
        frame.append(
            {"agency_id": number, "state_abbr": agency.state, "agency_type_name": agency.kind,
             "n_total": agency.total, "n_murder": agency.murder, "benchmark_source": agency.source}
        )  # fmt: skip
        for level, code, group in (("nation", "US", agency.group), ("state", agency.state, agency.group - 1)):
            key = {"geography_level": level, "geography_code": code, "weight_group": group}
            share = 1.0 if level == "nation" else agency.share
            weights.append(
                {**key, "agency_id": number, "state_abbr": agency.state, "population_share": share,
                 "is_respondent": agency.weight is not None or agency.group == WITHOUT_BENCHMARK,
                 "weight": agency.weight}
            )  # fmt: skip
            cells.setdefault((level, code, group), []).append(agency.weight is not None)
            if level == "nation" and agency.weight is not None:
                for control, value in (("total", agency.total), ("murder", agency.murder)):
                    values.append({**key, "agency_id": number, "control": control, "value": value})
    rules = {("state", "VT"): "full_coverage", ("state", "NH"): "equal", ("nation", "US"): "calibrated"}
    shared = {"eligible_agencies": 1, "eligible_pieces": 1, "responding_agencies": 1, "population": 1000,
              "population_responding": 500, "is_excluded": False, "is_missing_over_10_percent": False,
              "universe_scope": "all", "estimate_geographic_location": "somewhere", "is_model_used": True}  # fmt: skip
    return {
        "coverage": table(
            "coverage",
            *(
                {"geography_number": number, "geography_level": level, "geography_code": code, "agency_group": only}
                | shared
                for number, level, code, only in GEOGRAPHIES
            ),
        ),
        # The order of the rows is not that of the units.
        "weighting_frame": table("weighting_frame", *reversed(frame)),
        "agency_weight": table("agency_weight", *reversed(weights)),
        "weight_cell": table(
            "weight_cell",
            *(
                {"geography_level": level, "geography_code": code, "weight_group": group, "eligible_agencies": len(who),
                 "responding_agencies": sum(who), "rule": rules[level, code] if any(who) else "no_response"}
                for (level, code, group), who in cells.items()
            ),
        ),
        "calibration_variable": table("calibration_variable", *values),
        "unit_profile": table(
            "unit_profile",
            *(
                {"state_abbr": state, "agency_id": no_agency(state), "profile_id": 1,
                 "counting_unit": "arrestee_by_arrest_code"}
                for state in arrests_without_agency
            ),
        ),
    }  # fmt: skip


def units_of(
    data: dict[str, pl.LazyFrame], categories: dict[tuple[str, int], pl.Series] | None = None
) -> tuple[Design, PlaceUnits]:
    design = estimation_design(**data)
    others = {name: frame for name, frame in data.items() if name != "unit_profile"}
    return design, prediction_units(design, **others, categories=categories or {})


class NothingFilled(FilledVariance):
    """Tests count nothing as reported, so that no total is raised to it; still nothing is filled."""

    def at(
        self,
        completed: sparse.csc_array,
        own: sparse.csc_array,
        domain: NDArray[np.integer],
        column: NDArray[np.integer],
    ) -> Floats:
        return super().at(completed, completed, domain, column)


def prepared(design: Design, units: PlaceUnits, incidents: Floats, *, corrects: bool = True) -> Predictions:
    """Predictions of units whose incidents were all reported."""
    everything = Incidents(incidents, incidents)
    predictions = predictions_of(design, units, everything, corrects=corrects)
    return replace(predictions, filled=NothingFilled(predictions.weights, *everything))


def keyed(agencies: dict[int, Agency]) -> list[tuple[str, int]]:
    """Place and agency of the units in order: nation and states, weight groups, agencies."""
    places = [("US", "VT NH"), ("NH", "NH"), ("VT", "VT")]
    return [
        (place, number)
        for place, states in places
        for group in (GROUP, WITHOUT_BENCHMARK)
        for number, agency in agencies.items()
        if agency.group == group and agency.state in states
    ]


def test_units_of_a_small_nation() -> None:
    city = pl.Series([number for number, agency in AGENCIES.items() if agency.kind == "City"], dtype=pl.Int32)
    design, found = units_of(given(AGENCIES), {("agency_type", 1): city})
    units, keys = found.units, keyed(AGENCIES)
    of = [AGENCIES[number] for _place, number in keys]
    share = np.array([1.0 if place == "US" else AGENCIES[number].share for place, number in keys])
    assert design.agencies.to_list() == [1, 2, 3]
    assert units.place.tolist() == [{"US": 0, "NH": 1, "VT": 2}[place] for place, _number in keys]
    # Nation, no region, states.
    assert units.place_level.tolist() == [0, 2, 2]
    assert units.group.tolist() == [0] * 5 + [1] + [2] * 2 + [3] * 3 + [4]
    assert units.psu.tolist() == [{1: 0, 2: 1, 3: 2}.get(number, -1) for _place, number in keys]
    assert units.weight.tolist() == [agency.weight or 0.0 for agency in of]
    assert units.share.tolist() == share.tolist()
    assert units.size.tolist() == [agency.total * part for agency, part in zip(of, share, strict=True)]
    assert units.state.tolist() == [("NH", "VT").index(agency.state) for agency in of]
    assert found.category[:, 0].tolist() == [agency.kind == "City" for agency in of]
    assert np.array_equal(found.benchmarks[:, 0], units.size)
    assert found.benchmarks[:, MURDER].tolist() == [a.murder * part for a, part in zip(of, share, strict=True)]
    # All agencies are in one class: its variance, and the squared distance from its mean.
    for position, name, values in (
        (0, "total", units.donor_variance), (MURDER, "murder", found.donor_variances[:, MURDER]),
    ):  # fmt: skip
        known = np.array([getattr(agency, name) for agency in AGENCIES.values()])
        expected = known.var(ddof=1) + (getattr(AGENCIES[5], name) - known.mean()) ** 2
        is_donor = np.array([number == 5 for _place, number in keys])
        assert values == pytest.approx(np.where(is_donor, expected * share**2, 0.0))
        assert np.array_equal(found.donor_variances[:, position], values)


def test_variances_of_donors_are_those_of_the_benchmark_that_explains() -> None:
    design, found = units_of(given(AGENCIES))
    predictions = prepared(design, found, np.ones(3))
    unit, domain = found.members.unit, found.members.domain
    for position in range(len(EXPLAINED)):
        form = benchmark_form(predictions, position)
        domains = form.design.domains
        pairs = np.repeat(np.arange(len(domains.place)), np.diff(domains.first_pair))
        expected = np.bincount(domain, found.donor_variances[unit, position], len(domains.place))
        assert np.bincount(pairs, domains.donor, len(domains.place)) == pytest.approx(expected)


def test_controls_are_those_of_calibrated_groups() -> None:
    """All respondents of a group with full coverage are known by the total; others have no controls."""
    _design, found = units_of(given(AGENCIES))
    for row, (place, number) in enumerate(keyed(AGENCIES)):
        agency, controls = AGENCIES[number], np.zeros(11)
        is_calibrated = place == "US" and agency.weight is not None
        if is_calibrated:
            controls[[0, 3]] = agency.total, agency.murder
        if place == "VT" and agency.group == GROUP:
            controls[0] = agency.total * agency.share
        assert found.units.controls[row].tolist() == controls.tolist()


def test_members_are_the_units_of_geographies() -> None:
    design, found = units_of(given(AGENCIES))
    keys = keyed(AGENCIES)
    members: dict[int, list[tuple[str, int]]] = {}
    for unit, domain in zip(found.members.unit.tolist(), found.members.domain.tolist(), strict=True):
        members.setdefault(int(design.geographies[domain]), []).append(keys[unit])
    assert members == {
        NATION: [key for key in keys if key[0] == "US"],
        CITIES: [key for key in keys if key[0] == "US" and AGENCIES[key[1]].kind == "City"],
        NH: [key for key in keys if key[0] == "NH"],
        VT: [key for key in keys if key[0] == "VT"],
    }


def test_arrests_without_agency_are_units_of_whole_places() -> None:
    """They are of weight 1, in a group of their own and without benchmark; a part of the nation does not have them."""
    design, found = units_of(given(AGENCIES, ("VT",)))
    assert design.agencies.to_list() == [no_agency("VT"), 1, 2, 3]
    units = found.units
    rows = np.flatnonzero(units.psu == 0)
    assert units.place[rows].tolist() == [0, 2]
    for name, value in (("weight", 1.0), ("share", 1.0), ("size", 0.0), ("donor_variance", 0.0)):
        assert (getattr(units, name)[rows] == value).all()
    assert not units.controls[rows].any()
    assert (np.bincount(units.group)[units.group[rows]] == 1).all()
    of = np.isin(found.members.unit, rows)
    assert sorted(design.geographies[found.members.domain[of]].tolist()) == [NATION, VT]
    y = sparse.csc_array(np.array([[7.0], [0], [0], [0]]))
    estimates = estimated(prepared(design, found, np.zeros(4)), y, MURDER)
    assert estimates.total.tolist() == [7, 7]
    # They are part of the ratio of the place, so that nonrespondents have an error; their number itself has none.
    assert (estimates.standard_error > 0).all() and (estimates.standard_error < 0.2 * 7).all()


def test_regions_are_between_nation_and_states() -> None:
    data = given(AGENCIES)
    region = {"geography_level": "region", "geography_code": "1"}
    for name in ("agency_weight", "weight_cell", "coverage"):
        rows = data[name].filter(pl.col("geography_level") == "nation")
        if name == "coverage":
            rows = rows.filter(pl.col("agency_group").is_null()).with_columns(geography_number=pl.lit(3, pl.Int32))
        of_region = rows.with_columns(**{key: pl.lit(value) for key, value in region.items()})
        data[name] = pl.concat([data[name], of_region])
    _design, found = units_of(data)
    assert found.units.place_level.tolist() == [0, 1, 2, 2]
    assert np.bincount(found.units.place).tolist() == [6, 6, 2, 4]


def nation() -> tuple[Design, PlaceUnits, Predictions]:
    """In Vermont seven of ten agencies respond, in New Hampshire four of six: all have murders in the benchmark."""
    agencies = {
        number: Agency(
            state="VT" if number <= 10 else "NH",
            total=50.0 + 10 * number,
            murder=float(number % 4 + 1),
            weight=1.5 if number <= 7 or number > 12 else None,
            kind="City" if number % 2 else "County",
        )
        for number in range(1, 17)
    }
    kinds = {
        ("agency_type", k): pl.Series([n for n, a in agencies.items() if a.kind == kind], dtype=pl.Int32)
        for k, kind in enumerate(("City", "County"), start=1)
    }
    design, units = units_of(given(agencies), kinds)
    return design, units, prepared(design, units, np.ones(len(design.agencies)))


def benchmark_form(predictions: Predictions, position: int) -> PredictionForm:
    if position == 0:
        return predictions.by_total
    assert predictions.by_benchmark is not None
    return predictions.by_benchmark(position)


def estimated(predictions: Predictions, y: sparse.csc_array, *explained: int, **choices: Any) -> PredictionEstimates:
    nothing = sparse.csc_array((y.shape[0], 0))
    none = np.full(y.shape[1], -1)
    return predictions.estimate(y, 0 * y, nothing, nothing, none, np.array(explained), **choices)


def test_a_benchmark_that_few_respondents_have_is_not_used() -> None:
    """A murder of each respondent: of Vermont's, seven have murders in the benchmark, of New Hampshire's four."""
    design, units, predictions = nation()
    y = sparse.csc_array(np.ones((11, 2)))
    found = estimated(predictions, y, MURDER, 0)
    plain = prediction_estimates(predictions.by_total, y, 0 * y)
    better = prediction_estimates(benchmark_form(predictions, MURDER), y, 0 * y)
    assert design.geographies[found.domain].tolist() == [NATION, CITIES, NH, VT] * 2
    for name in ("total", "standard_error"):
        of_plain, of_better, of = (getattr(each, name) for each in (plain, better, found))
        assert of[[0, 1, 3]].tolist() == of_better[[0, 1, 3]].tolist() != of_plain[[0, 1, 3]].tolist()
        assert of[[2, 4, 5, 6, 7]].tolist() == of_plain[[2, 4, 5, 6, 7]].tolist()
    # Vermont: murders of all by murders of the respondents, which are in one group.
    in_vermont = units.units.place == 2
    murders, responds = units.benchmarks[in_vermont, MURDER], units.units.psu[in_vermont] >= 0
    assert found.total[3] == pytest.approx(7 * murders.sum() / murders[responds].sum(), rel=1e-12)


def test_a_row_is_at_most_its_denominator() -> None:
    """A rare row is expanded as the column that it is part of: in every place, and in every part of one."""
    _design, _units, predictions = nation()
    whole = np.full((11, 1), 3.0)
    rare = np.zeros((11, 1))
    rare[[0, 8]] = 3
    y, b = sparse.csc_array(np.hstack([rare, whole])), sparse.csc_array(whole)
    found = predictions.estimate(y, 0 * y, b, 0 * b, np.zeros(2, dtype=int), np.full(2, MURDER))
    totals = {(cell, domain): total for cell, domain, total in zip(found.cell, found.domain, found.total, strict=True)}
    assert {domain for cell, domain in totals if cell == 0} == {0, 1, 2, 3}
    for k, (cell, domain) in enumerate(zip(found.cell, found.domain, strict=True)):
        assert totals[cell, domain] <= totals[1, domain]
        assert found.ratio[k] == pytest.approx(totals[cell, domain] / totals[1, domain])


def test_a_benchmark_that_no_respondent_has_explains_nothing() -> None:
    _design, _units, predictions = nation()
    y = sparse.csc_array(np.ones((11, 1)))
    found, plain = estimated(predictions, y, LARCENY), prediction_estimates(predictions.by_total, y, 0 * y)
    for name in ("total", "standard_error"):
        assert getattr(found, name).tolist() == getattr(plain, name).tolist()


def test_percentages_have_the_benchmark_of_their_column() -> None:
    """Columns with and without denominators, of two benchmarks, as if each were estimated alone."""
    _design, _units, predictions = nation()
    values = np.random.default_rng(1).integers(1, 9, (11, 2)).astype(np.float64)
    b = sparse.csc_array(values + np.array([3, 1]))
    y = sparse.csc_array(values[:, [0, 1, 0, 1]])
    denominator_of = np.array([1, -1, 0, 1])
    found = predictions.estimate(y, 0 * y, b, 0 * b, denominator_of, np.array([MURDER, MURDER, 0, MURDER]))
    for cell, form in enumerate(
        [*[benchmark_form(predictions, MURDER)] * 2, predictions.by_total, benchmark_form(predictions, MURDER)]
    ):
        alone = prediction_estimates(
            form, y[:, [cell]], 0 * y[:, [cell]], b, denominator_of[[cell]], own_denominators=0 * b
        )
        of = np.flatnonzero(found.cell == cell)[[0, 1, 3]]
        for name in ("total", "standard_error", "ratio", "ratio_standard_error"):
            assert np.array_equal(getattr(found, name)[of], getattr(alone, name)[[0, 1, 3]], equal_nan=True)


def test_categories_are_parts_of_the_column_of_all_agencies() -> None:
    """Of cities the geography of the nation's cities knows the same, and cities and counties are all."""
    design, _units, predictions = nation()
    values = np.random.default_rng(2).integers(1, 9, (11, 1)).astype(np.float64)
    is_city = (design.agencies.to_numpy() % 2 == 1)[:, None]
    y = sparse.csc_array(np.hstack([values * is_city, values, values * ~is_city]))
    b, of = sparse.csc_array(values), np.zeros(3, dtype=int)
    category_of, whole_of = np.array([0, -1, 1]), np.array([1, -1, 1])
    found = predictions.estimate(y, 0 * y, b, 0 * b, of, np.full(3, MURDER), category_of, whole_of)
    alone = estimated(predictions, y[:, [1]], MURDER)
    by_cell = [np.flatnonzero(found.cell == cell) for cell in range(3)]
    of_nation = [of_cell[found.domain[of_cell] == 0][0] for of_cell in by_cell]
    cities = np.flatnonzero(alone.domain == 1)[0]
    assert found.total[of_nation[0]] == pytest.approx(alone.total[cities], rel=1e-12)
    assert found.standard_error[of_nation[0]] == pytest.approx(alone.standard_error[cities], rel=1e-12)
    assert found.total[by_cell[1]].tolist() == alone.total.tolist()
    for domain in (0, 2, 3):
        city, whole, county = (of_cell[found.domain[of_cell] == domain][0] for of_cell in by_cell)
        assert found.total[city] + found.total[county] == pytest.approx(found.total[whole], rel=1e-12)
        assert found.ratio[city] + found.ratio[county] == pytest.approx(1.0, rel=1e-12)
    # The nation's cities are cities alone.
    city = by_cell[0][found.domain[by_cell[0]] == 1][0]
    assert found.ratio[city] == pytest.approx(1.0, rel=1e-12)
    assert found.ratio_standard_error[city] == pytest.approx(0.0, abs=1e-6)


def test_a_category_that_no_respondent_has_is_predicted() -> None:
    """Cities report nothing; those that do not respond are expected to have what the place's ratio gives them."""
    design, _units, predictions = nation()
    is_city = (design.agencies.to_numpy() % 2 == 1)[:, None]
    values = np.where(is_city, 0.0, 3.0)
    y, b = sparse.csc_array(np.hstack([0 * values, values, values])), sparse.csc_array(values)
    category_of, whole_of = np.array([0, -1, 1]), np.array([1, -1, 1])
    found = predictions.estimate(y, 0 * y, b, 0 * b, np.zeros(3, dtype=int), np.full(3, MURDER), category_of, whole_of)
    city, whole, county = (np.flatnonzero((found.cell == cell) & (found.domain == 0))[0] for cell in range(3))
    assert found.unit_count[city] == found.reported[city] == 0
    assert 0 < found.total[city] < found.total[whole]
    assert found.standard_error[city] > 0
    assert found.total[city] + found.total[county] == pytest.approx(found.total[whole], rel=1e-12)


def test_a_share_of_a_category_has_the_error_of_both_parts() -> None:
    """[(1 - R)² V_c + R² (V - V_c)] / T², with R the share, and V_c and V the variances of part and whole."""
    design, _units, predictions = nation()
    values = np.random.default_rng(3).integers(1, 9, (11, 1)).astype(np.float64)
    is_city = (design.agencies.to_numpy() % 2 == 1)[:, None]
    y, b = sparse.csc_array(np.hstack([values * is_city, values])), sparse.csc_array(values)
    found = predictions.estimate(
        y, 0 * y, b, 0 * b, np.zeros(2, dtype=int), np.full(2, MURDER), np.array([0, -1]), np.array([1, -1])
    )
    part, whole = (np.flatnonzero((found.cell == cell) & (found.domain == 0))[0] for cell in (0, 1))
    share = found.total[part] / found.total[whole]
    own, others = found.standard_error[part] ** 2, found.standard_error[whole] ** 2 - found.standard_error[part] ** 2
    assert found.ratio[part] == pytest.approx(share)
    assert found.ratio_standard_error[part] ** 2 == pytest.approx(
        ((1 - share) ** 2 * own + share**2 * others) / found.total[whole] ** 2
    )


def test_a_category_is_at_least_what_was_reported() -> None:
    design, _units, predictions = nation()
    is_city = (design.agencies.to_numpy() % 2 == 1)[:, None]
    values = np.ones((11, 1))
    y = sparse.csc_array(np.hstack([values * is_city, values]))
    own = sparse.csc_array(100 * y)
    nothing = sparse.csc_array((11, 0))
    found = predictions.estimate(
        y, own, nothing, nothing, np.full(2, -1), np.full(2, MURDER), np.array([0, -1]), np.array([1, -1])
    )
    assert (found.total == found.reported).all()


def test_a_category_without_a_column_of_all_agencies_is_estimated_as_any_other() -> None:
    design, _units, predictions = nation()
    y = sparse.csc_array((design.agencies.to_numpy() % 2 == 1)[:, None].astype(np.float64))
    none = np.array([-1])
    found = estimated(predictions, y, MURDER, category_of=np.array([0]), whole_of=none)
    assert found.total.tolist() == estimated(predictions, y, MURDER).total.tolist()


def test_without_corrections_totals_are_weighted_sums() -> None:
    design, units, _predictions = nation()
    plain = prepared(design, units, np.ones(11), corrects=False)
    assert plain.by_benchmark is None
    is_city = (design.agencies.to_numpy() % 2 == 1)[:, None]
    y = sparse.csc_array(np.hstack([np.ones((11, 1)) * is_city, np.ones((11, 1))]))
    nothing = sparse.csc_array((11, 0))
    found = plain.estimate(
        y, 100 * y, nothing, nothing, np.full(2, -1), np.full(2, MURDER), np.array([0, -1]), np.array([1, -1])
    )
    assert found.total == pytest.approx(1.5 * found.unit_count)


#: Place and group of a unit, whether it responds, and its benchmark.
Unit = tuple[tuple[int, int], bool, float]


def weighted_units(rows: list[Unit]) -> tuple[Units, Floats]:
    """Units of groups that are numbered through, of weight 1.5, and their benchmark."""
    groups = sorted({place for place, _, _ in rows})
    responds, size = np.array([r for _, r, _ in rows]), np.array([x for _, _, x in rows])
    n = len(rows)
    units = Units(
        psu=np.where(responds, np.arange(n), -1),
        place=np.array([place for (place, _), _, _ in rows]),
        group=np.array([groups.index(key) for key, _, _ in rows]),
        weight=np.where(responds, 1.5, 0.0),
        share=np.ones(n),
        size=size,
        controls=size[:, None],
        state=np.zeros(n, dtype=np.int64),
        donor_variance=np.zeros(n),
        place_level=np.zeros(max(place for (place, _), _, _ in rows) + 1, dtype=np.int64),
    )
    return units, size


def slow_ratio_weights(rows: list[Unit]) -> list[float]:
    weights = []
    for (place, group), responds, _ in rows:
        inside = [(g, r, x) for (p, g), r, x in rows if p == place]
        reported = sum(x for _, r, x in inside if r)
        of_group = [(r, x) for g, r, x in inside if g == group]
        stands_for_itself = all(r and x == 0 for r, x in of_group)
        if not responds:
            weights.append(0.0)
        elif reported == 0:
            weights.append(1.5)
        elif stands_for_itself:
            weights.append(1.0)
        else:
            left, own = 0.0, 0.0
            for other in {g for g, _, _ in inside}:
                known = [x for g, r, x in inside if g == other and r]
                missing = sum(x for g, r, x in inside if g == other and not r)
                if sum(known) > 0:
                    K = PRIOR_AGENCIES * sum(x * x for x in known) / sum(known)
                    left += missing * K / (sum(known) + K)
                    own = missing / (sum(known) + K) if other == group else own
                else:
                    left += missing
            weights.append(1 + own + left / reported)
    return weights


UNITS = st.lists(
    st.tuples(
        st.tuples(st.integers(0, 1), st.integers(0, 2)), st.booleans(), st.sampled_from([0.0, 1.0, 7.5, 40.0, 1e4])
    ),
    min_size=1,
    max_size=14,
)


def ratio_weights(units: Units) -> Floats:
    """How often each respondent counts in the total of its place; a nonrespondent does not."""
    own, psus = with_own_weights(units), len(units.psu)
    whole = Memberships(np.arange(psus), units.place, len(units.place_level))
    found = expansion(own, int(units.group.max()) + 1, PRIOR_AGENCIES)
    weights: Floats = weights_of_psus(own, whole, psus, found).toarray().sum(axis=0)
    return weights


@drawn(UNITS)
def test_ratio_weights_are_those_of_the_slow_twin(rows: list[Unit]) -> None:
    units, _size = weighted_units(rows)
    assert ratio_weights(units) == pytest.approx(slow_ratio_weights(rows))


@drawn(UNITS)
def test_ratio_weights_meet_the_benchmark_of_the_place(rows: list[Unit]) -> None:
    units, size = weighted_units(rows)
    weight = ratio_weights(units)
    for place in set(units.place):
        inside, responds = units.place == place, units.psu >= 0
        if size[inside & responds].sum() > 0:
            assert (weight * size)[inside].sum() == pytest.approx(size[inside].sum())
            if responds[inside].all():
                assert weight[inside & (size > 0)] == pytest.approx(1.0)


def test_ratio_weights_by_hand() -> None:
    """Two groups: K = 10 (100 + 400) / 30 = 166.67 and 10 * 100 / 10 = 100."""
    rows = [
        ((0, 0), True, 10.0),
        ((0, 0), True, 20.0),
        ((0, 0), False, 30.0),
        ((0, 1), True, 10.0),
        ((0, 1), False, 50.0),
    ]
    left = (30 * (500 / 3) / (30 + 500 / 3) + 50 * 100 / 110) / 40
    first, second = 1 + 30 / (30 + 500 / 3) + left, 1 + 50 / 110 + left
    assert ratio_weights(weighted_units(rows)[0]) == pytest.approx([first, first, 0, second, 0])
