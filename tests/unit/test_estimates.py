"""Estimates of tables 1a and 3a with calibrated and other weights, against a slow twin of one cell in one place."""

import random
from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any, Literal, TypedDict

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from polars.testing import assert_frame_equal
from tests.support.frames import table

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.counts import no_agency
from nibrs_estimation.model.estimates import CELL_ESTIMATE, CELL_GAP, SERIES_ESTIMATE
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.stages.estimation.estimate import estimate_cells
from nibrs_estimation.stages.estimation.series import estimate_series
from nibrs_estimation.survey.strata import variance_strata
from nibrs_estimation.tables.read import table_definitions
from nibrs_estimation.tables.series import demographic_series, series_parts

Rows = list[dict[str, Any]]


class Rules(TypedDict):
    control_rule: Literal["corrected", "reference"]
    variance_rule: Literal["prediction", "reference"]
    second_estimator: Literal["sound", "reference", "none"]


#: What the slow twin computes.
REFERENCE: Rules = {
    "control_rule": "reference",
    "variance_rule": "reference",
    "second_estimator": "none",
}
CALIBRATED, PLAIN = 5, 8
STATES = {"VT": 102, "NH": 86}
#: Geographies: number, place, and the type of agency to which it is confined.
PLACES = ((1, "US", None), (6, "US", "City"), (109, "Area", None), (102, "VT", None), (86, "NH", None))
KINDS = {"City": 57, "County": 58}
#: Columns of table 1a.
MURDER, VIOLENT = 5, 17

agency = st.tuples(
    st.sampled_from(["VT", "NH"]),
    st.sampled_from([CALIBRATED, PLAIN]),
    st.sampled_from(["City", "County"]),
    st.booleans(),  # responds
    st.lists(  # its incidents: murder too, clearance, with weapon record, firearm, how many
        st.tuples(st.booleans(), st.integers(1, 3), st.booleans(), st.booleans(), st.integers(1, 200)), max_size=4
    ),
    st.integers(1, 40),  # control
    st.floats(1, 5),  # weight
    st.floats(0.2, 1),  # share in the metropolitan area
)
Agency = tuple[str, int, str, bool, list[tuple[bool, int, bool, bool, int]], int, float, float]
Count = Callable[[Agency], float]
Floats = NDArray[np.float64]


def given_weights(nation: list[Agency]) -> dict[str, pl.LazyFrame]:
    """Weights of the nation (a calibrated group and one that is not), of its states and of one metropolitan area."""
    weights: Rows = []
    cells: dict[tuple[str, str, int], list[int]] = {}
    values: Rows = []
    for number, (state, group, _kind, responds, _incidents, control, weight, share) in enumerate(nation):
        places = [("nation", "US", group, 1.0), ("state", state, 4, 1.0), ("msa", "Area", 1, share)]
        for level, code, of_group, part in places:
            key = {"geography_level": level, "geography_code": code, "weight_group": of_group}
            weights.append(
                {**key, "agency_id": number, "population_share": part, "is_respondent": responds,
                 "weight": weight if responds else None}
            )  # fmt: skip
            N, n = cells.setdefault((level, code, of_group), [0, 0])
            cells[level, code, of_group] = [N + 1, n + responds]
            if responds and of_group == CALIBRATED:
                values.append({**key, "agency_id": number, "control": "total", "value": float(control)})
    shared = {"eligible_agencies": 1, "eligible_pieces": 1, "responding_agencies": 1, "population": 1000,
              "population_responding": 500, "is_excluded": False, "is_missing_over_10_percent": False,
              "universe_scope": "all", "estimate_geographic_location": "somewhere"}  # fmt: skip
    levels = {"US": "nation", "Area": "msa"}
    coverage = [
        {"geography_number": number, "geography_level": (level := levels.get(place, "state")), "geography_code": place,
         "agency_group": None if only is None else f"Agency Type {only}",
         "is_model_used": level == "nation", **shared}
        for number, place, only in PLACES
    ]  # fmt: skip
    return {
        "weighting_frame": table(
            "weighting_frame",
            *(
                {"agency_id": i, "agency_type_name": row[2], "n_total": float(row[5])} for i, row in enumerate(nation)
            ),
        ),
        "agency_weight": table("agency_weight", *weights),
        "weight_cell": table(
            "weight_cell",
            *(
                {"geography_level": level, "geography_code": code,
                 "weight_group": group, "eligible_agencies": N, "responding_agencies": n,
                 "rule": ("full_coverage" if level == "msa" else "calibrated") if n else "no_response"}
                for (level, code, group), (N, n) in cells.items()
            ),
        ),
        "calibration_variable": table("calibration_variable", *values),
        "coverage": table("coverage", *coverage),
        "agency_county": table("agency_county"),
        "county_population": table("county_population"),
        "police_employees": table("police_employees"),
    }  # fmt: skip


def given_incidents(nation: list[Agency]) -> dict[str, pl.LazyFrame]:
    """Profiles of incidents; numbers of profiles and signatures are of one state, and another's mean other columns."""
    profiles: Rows = []
    counts: Rows = []
    for number, row in enumerate(nation):
        for place, (murder, clearance, told, firearm, n) in enumerate(row[4]):
            key = {"state_abbr": row[0], "profile_id": 10 * number + place}
            profiles.append(
                {**key, "agency_id": number, "signature_id": murder ^ (row[0] == "NH"), "clearance": clearance}
            )
            counts.append({**key, "n": n})
            if told:
                yes_no = {"variable": "incident.weapon_no_yes", "category": 2 if firearm else 1}
                counts.append({**key, **yes_no, "n": n})
            if told and firearm:
                counts.append({**key, "variable": "incident.weapon6", "category": 2, "n": n})
    signatures = [
        {"state_abbr": state, "signature_id": murder ^ (state == "NH"), "column_key": column}
        for state in STATES
        for murder, columns in enumerate((["violent_crime"], ["murder", "violent_crime"]))
        for column in columns
    ]
    return {
        "unit_profile": table("unit_profile", *profiles),
        "profile_signature": table("profile_signature", *signatures),
        "profile_count": table("profile_count", *counts),
        "incident_profile": table("incident_profile"),
        "block_reference": table("block_reference"),
        "agency": table("agency"),
        "intake_loss": table("intake_loss"),
    }


def counted(row: Agency, of_table_row: int, column: int) -> int:
    """What an agency counted in a cell of table 1a."""
    total = 0
    for murder, clearance, told, firearm, n in row[4]:
        is_in = {
            1: True, 3: told and not firearm, 4: told and firearm, 6: told and firearm,
            57: row[2] == "City", 58: row[2] == "County", 64: clearance == 1, 65: clearance == 2, 66: clearance == 3,
        }[of_table_row]  # fmt: skip
        total += n if is_in and (murder or column == VIOLENT) else 0
    return total


def slow(nation: list[Agency], place: str, only: str | None, count: Count) -> tuple[float, float | None]:
    """Total and standard error in one geography, straight from handbook 11."""
    units = []
    for row in nation:
        state, group, kind, responds, _incidents, control, weight, share = row
        if place in STATES and state != place:
            continue
        part = share if place == "Area" else 1.0
        of_group = {"US": group, "Area": 1}.get(place, 4)
        y = part * count(row) if only in (None, kind) else 0.0
        units.append((of_group, responds, y, part * control, weight))
    total = 0.0
    u: dict[int, Floats] = {}
    sizes: dict[int, list[int]] = {}
    for group in {unit[0] for unit in units}:
        members = [unit for unit in units if unit[0] == group]
        sample = [unit for unit in members if unit[1]]
        if not sample:
            continue
        sizes[group] = [len(members), len(sample)]
        of_y, x, w = (np.array([unit[k] for unit in sample]) for k in (2, 3, 4))
        total += float(w @ of_y)
        knows_total = place == "Area" or (place == "US" and group == CALIBRATED)
        e = of_y - x * (x @ of_y) / (x @ x) if knows_total else of_y
        u[group] = w * e
    strata = {group: [group] for group in u}
    open_groups = [group for group in sorted(u) if sizes[group][0] != sizes[group][1]]
    if len(open_groups) == 2 and any(sizes[g][0] < 5 or sizes[g][1] < 2 for g in open_groups):
        strata = {group: [group] for group in u if group not in open_groups} | {min(open_groups): open_groups}
    variance = 0.0
    for groups in strata.values():
        N, n = (sum(sizes[g][k] for g in groups) for k in (0, 1))
        values = np.concatenate([u[g] for g in groups])
        if n < N:
            variance += np.nan if n == 1 else (1 - n / N) * n / (n - 1) * ((values - values.mean()) ** 2).sum()
    return total, None if np.isnan(variance) else float(np.sqrt(variance))


def close(expected: float | None) -> Any:
    return None if expected is None else pytest.approx(expected, rel=1e-6, abs=1e-6)


#: Rows of table 1a -> the rows that they are percentages of.
DENOMINATORS = {1: (), 3: (3, 4), 4: (3, 4), 6: (4,), 57: (57, 58), 58: (57, 58), 64: (64, 65, 66), 65: (64, 65, 66)}


def check_cell(
    found: dict[str, Any] | None, nation: list[Agency], place: str, only: str | None, row: int, column: int
) -> None:
    members = [
        (other, counted(other, row, column))
        for other in nation
        if other[3] and place in ("US", "Area", other[0]) and only in (None, other[2])
    ]
    if not any(n for _other, n in members):
        assert found is None
        return
    assert found is not None
    total, error = slow(nation, place, only, lambda other: counted(other, row, column))
    assert found["estimate"] == close(total)
    assert found["standard_error"] == close(error)
    assert found["unweighted"] == sum(n for _other, n in members)
    assert found["agency_counts"] == sum(n > 0 for _other, n in members)
    if not DENOMINATORS[row]:
        assert (found["percentage"], found["percentage_standard_error"]) == (None, None)
        return

    def base(other: Agency) -> int:
        return sum(counted(other, of_row, column) for of_row in DENOMINATORS[row])

    divisor, _error = slow(nation, place, only, base)
    R = total / divisor
    _total, error = slow(nation, place, only, lambda other: counted(other, row, column) - R * base(other))
    assert found["percentage"] == close(100 * R)
    assert found["percentage_unweighted"] == close(
        100 * found["unweighted"] / sum(base(other) for other, _n in members)
    )
    assert found["percentage_standard_error"] == close(None if error is None else 100 * error / divisor)


@settings(deadline=None, max_examples=40)
@given(st.lists(agency, min_size=3, max_size=14).filter(lambda nation: any(row[3] for row in nation)))
def test_estimates_equal_the_slow_twin(nation: list[Agency]) -> None:
    data = {**given_weights(nation), **given_incidents(nation)}
    made = estimate_cells(**data, year=2024, bias_rule="difference", **REFERENCE)
    found = checked(part_of(made, "1a"), CELL_ESTIMATE)
    shuffled = {name: frame.collect().sample(fraction=1.0, shuffle=True, seed=1).lazy() for name, frame in data.items()}
    again = estimate_cells(**shuffled, year=2024, bias_rule="difference", **REFERENCE)
    assert checked(part_of(again, "1a"), CELL_ESTIMATE).equals(found)
    assert set(found["table_part"]) <= {"1a"}
    assert gaps_of(made).is_empty()
    cells = {(row["geography_number"], row["row"], row["column"]): row for row in found.iter_rows(named=True)}
    for number, place, only in PLACES:
        for row in DENOMINATORS:
            for column in (MURDER, VIOLENT):
                check_cell(cells.get((number, row, column)), nation, place, only, row, column)


PREDICTION: Rules = {
    "control_rule": "corrected",
    "variance_rule": "prediction",
    "second_estimator": "sound",
}


@settings(deadline=None, max_examples=20)
@given(st.lists(agency, min_size=3, max_size=14).filter(lambda nation: any(row[3] for row in nation)))
def test_predictions_hold_what_was_reported(nation: list[Agency]) -> None:
    data = {**given_weights(nation), **given_incidents(nation)}
    found = checked(
        part_of(estimate_cells(**data, year=2024, bias_rule="difference", **PREDICTION), "1a"), CELL_ESTIMATE
    )
    twin = checked(part_of(estimate_cells(**data, year=2024, bias_rule="difference", **REFERENCE), "1a"), CELL_ESTIMATE)
    key = ["geography_number", "row", "column"]
    # The same cells where an agency reported something, with the same reported counts; beyond them only predictions.
    same = [*key, "series_number", "reported", "filled_share", "unweighted", "agency_counts"]
    of_reports = found.join(twin, on=key, how="semi", maintain_order="left")
    assert_frame_equal(of_reports.select(same), twin.select(same))
    others = found.join(twin, on=key, how="anti")
    assert (others["estimate"] > 0).all()
    for name in ("reported", "filled_share", "unweighted", "agency_counts"):
        assert (others[name].fill_null(0) == 0).all()
    margin = 1e-9 * found["estimate"] + 1e-9
    assert (found["reported"] <= found["estimate"] + margin).all()
    assert (found["lower_bound"] <= found["estimate"] + margin).all()
    assert (found["lower_bound"] >= found["reported"] - margin).all()
    assert (found["upper_bound"].fill_null(np.inf) >= found["estimate"] - margin).all()
    for row in found.iter_rows(named=True):
        place, only = next((place, only) for number, place, only in PLACES if number == row["geography_number"])
        if row["row"] in DENOMINATORS:
            assert row["reported"] == close(reported(nation, place, only, row["row"], row["column"]))


def reported(nation: list[Agency], place: str, only: str | None, row: int, column: int) -> float:
    """What respondents counted in a place, with the shares of each that are in it."""
    members = [other for other in nation if other[3] and place in ("US", "Area", other[0]) and only in (None, other[2])]
    return sum((other[7] if place == "Area" else 1.0) * counted(other, row, column) for other in members)


@settings(deadline=None, max_examples=10)
@given(st.lists(agency, min_size=3, max_size=14))
def test_full_response_leaves_nothing_to_predict(nation: list[Agency]) -> None:
    everybody: list[Agency] = [(*row[:3], True, *row[4:6], 1.0, row[7]) for row in nation]
    data = {**given_weights(everybody), **given_incidents(everybody)}
    found = checked(
        part_of(estimate_cells(**data, year=2024, bias_rule="difference", **PREDICTION), "1a"), CELL_ESTIMATE
    )
    zero = pytest.approx([0.0] * found.height, abs=1e-6)
    assert found["standard_error"].to_list() == zero
    for name in ("reported", "lower_bound", "upper_bound"):
        assert (found[name] - found["estimate"]).to_list() == zero


def part_of(made: Mapping[str, pl.LazyFrame | Mapping[str, pl.LazyFrame]], table_name: str) -> pl.LazyFrame:
    """The estimates of one table, which are a part of all of them."""
    parts = made[CELL_ESTIMATE.name]
    assert isinstance(parts, Mapping)
    return parts[table_name]


def gaps_of(made: Mapping[str, pl.LazyFrame | Mapping[str, pl.LazyFrame]]) -> pl.DataFrame:
    gaps = made[CELL_GAP.name]
    assert isinstance(gaps, pl.LazyFrame)
    return checked(gaps, CELL_GAP)


def residual(part: Count, ratio: float, base: Count) -> Count:
    """What the error of a ratio is made of."""
    return lambda row: part(row) - ratio * base(row)


def lone(incidents: list[tuple[bool, int, bool, bool, int]]) -> Agency:
    return ("VT", PLAIN, "City", True, incidents, 1, 2.0, 1.0)


def test_cells_that_are_never_estimated_are_left_out() -> None:
    """Losses of an attempted murder are blank in table 1a; rows 56 and 63 are empty by design."""
    nation = [lone([(True, 1, False, False, 5)]), lone([])]
    data = given_incidents(nation)
    losses = {"variable": "incident.property_loss", "category": 1, "profile_id": 0, "n": 5}
    data["profile_count"] = pl.concat([data["profile_count"], table("profile_count", losses)])
    found = part_of(
        estimate_cells(**given_weights(nation), **data, year=2024, bias_rule="difference", **REFERENCE), "1a"
    ).collect()
    assert set(found["column"]) == {MURDER, VIOLENT}
    assert found.filter(pl.col("row").is_between(72, 79) | pl.col("row").is_in([56, 63])).is_empty()


def test_the_variance_of_the_difference_needs_the_default_rules() -> None:
    nation = [lone([]), lone([])]
    with pytest.raises(PipelineError, match="NIBRS_BIAS_RULE=less_variance needs NIBRS_CONTROL_RULE=corrected"):
        estimate_cells(
            **given_weights(nation), **given_incidents(nation), year=2024, bias_rule="less_variance", **REFERENCE
        )


def test_nothing_counted_is_no_estimate() -> None:
    nation = [lone([]), lone([])]
    made = estimate_cells(
        **given_weights(nation), **given_incidents(nation), year=2024, bias_rule="difference", **REFERENCE
    )
    parts = made[CELL_ESTIMATE.name]
    assert isinstance(parts, Mapping)
    assert set(parts) == set(table_definitions())
    for name in table_definitions():
        assert checked(part_of(made, name), CELL_ESTIMATE).is_empty()
    data = {**given_weights(nation), **given_persons(nation, [{}, {}])}
    assert checked(series_part_of(data, "4a_all1"), SERIES_ESTIMATE).is_empty()


def test_what_the_input_cannot_tell_is_a_gap_and_no_estimate() -> None:
    nation = [lone([]), lone([])]
    data = given_incidents(nation)
    unit = {"counting_unit": "arrestee_by_arrest_code"}
    data["unit_profile"] = table("unit_profile", {**unit, "profile_id": 0, "agency_id": 0, "atom": 0, "clearance": 2})
    data["profile_count"] = table("profile_count", {**unit, "profile_id": 0, "n": 3})
    columns = ("arson", "dui", "total_arrest")
    data["profile_signature"] = table("profile_signature", *({**unit, "column_key": key} for key in columns))
    positions = {column.name: column.position for column in table_definitions()["5a"].columns if column.name in columns}
    whole = part_of(
        estimate_cells(**given_weights(nation), **data, year=2024, bias_rule="difference", **REFERENCE), "5a"
    ).collect()
    assert set(whole["column"]) == set(positions.values())
    data["intake_loss"] = table(
        "intake_loss", {"state_abbr": "VT", "input_name": "zip", "loss": "no_group_b", "subject": "arrestee"}
    )
    made = estimate_cells(**given_weights(nation), **data, year=2024, bias_rule="difference", **REFERENCE)
    gaps = gaps_of(made)
    assert set(gaps["table_name"]) == {"5a", "5b", "GB1"}
    assert set(positions.values()) & set(gaps.filter(table_name="5a")["column"]) == {
        positions["dui"],
        positions["total_arrest"],
    }
    left = part_of(made, "5a").collect()
    assert left.equals(whole.filter(column=positions["arson"]))


def given_arrests(arrests: list[tuple[str, int, int, int]]) -> dict[str, pl.LazyFrame]:
    """Arrestees for arson and, as many, for driving under the influence: state, agency, on view, summoned."""
    unit = {"counting_unit": "arrestee_by_arrest_code"}
    profiles, counts = [], []
    for place, (state, agency_id, *numbers) in enumerate(arrests):
        for set_number in (0, 1):
            # No arrest for arson names no agency.
            if set_number == 0 and agency_id < 0:
                continue
            key = {**unit, "state_abbr": state, "profile_id": 2 * place + set_number}
            profiles.append({**key, "agency_id": agency_id, "signature_id": set_number, "atom": 0})
            counts.append({**key, "n": sum(numbers)})
            for category, n in enumerate(numbers, start=1):
                counts.append({**key, "variable": "arrestee.arrest_type", "category": category, "n": n})
    signatures = [
        {**unit, "state_abbr": state, "signature_id": set_number, "column_key": column}
        for state in STATES
        for set_number, column in enumerate(("arson", "dui"))
    ]
    loss = {"state_abbr": "VT", "input_name": "zip", "loss": "no_agency", "subject": "arrestee", "n": 1}
    return {
        "unit_profile": table("unit_profile", *profiles),
        "profile_signature": table("profile_signature", *signatures),
        "profile_count": table("profile_count", *counts),
        "intake_loss": table("intake_loss", loss),
    }


def test_arrests_that_name_no_agency_are_in_the_totals_of_whole_places() -> None:
    """Of nation and states, as they are; percentages are of all, their errors of the agencies' arrests."""
    nation, _victims = drawn_nation(1)
    known = {id(row): (1 + place % 5, 1 + place % 3) for place, row in enumerate(nation)}
    nameless = {"VT": (20, 70), "NH": (3, 1)}
    data = {
        **given_weights(nation),
        **given_incidents(nation),
        **given_arrests(
            [
                *((row[0], number, *known[id(row)]) for number, row in enumerate(nation)),
                *((state, no_agency(state), *numbers) for state, numbers in nameless.items()),
            ]
        ),
    }
    states = pl.Series([row[0] for row in nation])
    data["weighting_frame"] = data["weighting_frame"].with_columns(state_abbr=states)
    made = estimate_cells(**data, year=2024, bias_rule="difference", **REFERENCE)
    found = checked(part_of(made, "5a"), CELL_ESTIMATE)
    cells = {(row["geography_number"], row["row"], row["column"]): row for row in found.iter_rows(named=True)}

    def on_view(row: Agency) -> float:
        return known[id(row)][0]

    def all_arrests(row: Agency) -> float:
        return sum(known[id(row)])

    arson, dui = (
        next(column.position for column in table_definitions()["5a"].columns if column.name == name)
        for name in ("arson", "dui")
    )
    for number, place, only in PLACES:
        total, base = (slow(nation, place, only, count)[0] for count in (on_view, all_arrests))
        assert cells[number, 2, arson]["estimate"] == close(total)
        assert cells[number, 2, arson]["agency_counts"] > 0
        if number in (6, 109):
            assert (number, 1, dui) not in cells
            assert (number, 2, dui) not in cells
            continue
        without = [numbers for state, numbers in nameless.items() if place in ("US", state)]
        total, base = total + sum(n for n, _ in without), base + sum(map(sum, without))
        cell = cells[number, 2, dui]
        assert cell["estimate"] == close(total)
        assert cell["standard_error"] == close(slow(nation, place, only, on_view)[1])
        assert cell["agency_counts"] is None
        of_sample = [known[id(row)] for row in nation if row[3] and place in ("US", row[0])]
        unweighted = np.array([*of_sample, *without]).sum(axis=0)
        assert cell["unweighted"] == unweighted[0]
        assert cell["percentage_unweighted"] == close(100 * unweighted[0] / unweighted.sum())
        R = total / base
        assert cell["percentage"] == close(100 * R)
        error = slow(nation, place, only, residual(on_view, R, all_arrests))[1]
        assert cell["percentage_standard_error"] == close(None if error is None else 100 * error / base)
    gaps = gaps_of(made)
    assert gaps["is_of_parts"].all()
    asked = {name: data[name] for name in signature(estimate_series).parameters if name in data}
    of_series = series_part_of({**asked, "cell_gap": gaps.lazy()}, "5a_all2").collect()
    male = of_series.filter(row=1, column=dui).filter(series_number=10)
    for number, estimate in male.select("geography_number", "estimate").iter_rows():
        assert estimate == close(cells[number, 1, dui]["estimate"])
    assert set(male["geography_number"]) == {1, 86, 102}


def test_arrests_of_a_state_that_delivered_none_are_known_nowhere() -> None:
    nation = [lone([]), lone([])]
    data = {**given_weights(nation), **given_incidents(nation), **given_arrests([("VT", 0, 1, 1)])}
    data["intake_loss"] = data["intake_loss"].with_columns(n=pl.lit(0, pl.Int64))
    made = estimate_cells(**data, year=2024, bias_rule="difference", **REFERENCE)
    assert not gaps_of(made)["is_of_parts"].any()
    columns = {column.position: column.name for column in table_definitions()["5a"].columns}
    assert {columns[position] for position in part_of(made, "5a").collect()["column"]} == {"arson"}


Person = tuple[int, str, str, str]  # place of the age bin, sex, race, ethnicity
Belongs = Callable[[Person], bool]
BINS = code_list("age_bin")["code"].to_list()


def atom_of(person: Person) -> int:
    age, sex, race, ethnicity = person
    return ((age * 3 + "MFU".index(sex)) * 6 + "WBIAPU".index(race)) * 3 + "HNU".index(ethnicity)


def given_persons(nation: list[Agency], victims: list[dict[Person, int]]) -> dict[str, pl.LazyFrame]:
    """Profiles of victims of murder."""
    unit = {"counting_unit": "person_victim"}
    profiles, counts = [], []
    for number, persons in enumerate(victims):
        for place, (person, n) in enumerate(persons.items()):
            key = {**unit, "state_abbr": nation[number][0], "profile_id": 100 * number + place}
            profiles.append({**key, "agency_id": number, "atom": atom_of(person), "clearance": 1})
            counts.append({**key, "n": n})
    signatures = [{**unit, "state_abbr": state, "column_key": "murder"} for state in STATES]
    return {
        "unit_profile": table("unit_profile", *profiles),
        "profile_signature": table("profile_signature", *signatures),
        "profile_count": table("profile_count", *counts),
        "incident_profile": table("incident_profile"),
        "block_reference": table("block_reference"),
        "cell_gap": table("cell_gap"),
    }


SERIES: dict[int, Callable[[Person], bool]] = {
    3: lambda person: BINS[person[0]] == "A15",
    10: lambda person: person[1] == "M",
    18: lambda person: person[0] <= BINS.index("A17"),
    145: lambda person: person[3] == "H",
}
MALE_ROW, WHITE_ROW = 15, 18


def drawn_nation(seed: int) -> tuple[list[Agency], list[dict[Person, int]]]:
    draw = random.Random(seed)
    nation: list[Agency] = [
        (draw.choice(["VT", "NH"]), draw.choice([CALIBRATED, PLAIN]), draw.choice(["City", "County"]),
         draw.random() < 0.7, [], draw.randint(1, 40), draw.uniform(1, 5), draw.uniform(0.2, 1))
        for _agency in range(20)
    ]  # fmt: skip
    victims = [
        {
            (draw.randrange(len(BINS)), draw.choice("MFU"), draw.choice("WBIAPU"), draw.choice("HNU")): draw.randint(
                1, 9
            )
            for _person in range(draw.randint(0, 12))
        }
        for _agency in nation
    ]
    return nation, victims


def with_item(belongs: Belongs, has: str | None) -> Belongs:
    return lambda person: belongs(person) and (has is None or has in person[1:3])


def with_known(belongs: Belongs, item: int) -> Belongs:
    return lambda person: belongs(person) and person[item] != "U"


def series_part_of(data: Mapping[str, pl.LazyFrame], part: str) -> pl.LazyFrame:
    """A part of the series of a table."""
    parts = estimate_series(**data, partition=part.partition("_")[0], year=2024, **REFERENCE)
    return parts[SERIES_ESTIMATE.name][part]


def of_all_series(data: Mapping[str, pl.LazyFrame]) -> pl.LazyFrame:
    """Table 3a for the series of all geographies, whose parts are estimated one by one."""
    parts = [part for part in series_parts() if part.startswith("all")]
    assert len(parts) == 4
    return pl.concat(series_part_of(data, f"3a_{part}") for part in parts)


@pytest.mark.parametrize("seed", [1, 2])
def test_series_equal_the_slow_twin(seed: int) -> None:
    nation, victims = drawn_nation(seed)
    data = {**given_weights(nation), **given_persons(nation, victims)}
    found = checked(of_all_series(data), SERIES_ESTIMATE)
    cells = {
        (row["series_number"], row["geography_number"], row["row"], row["column"]): row
        for row in found.iter_rows(named=True)
    }
    of = {id(row): persons for row, persons in zip(nation, victims, strict=True)}

    def counts(belongs: Belongs) -> Count:
        return lambda row: sum(n for person, n in of[id(row)].items() if belongs(person))

    for series, belongs in SERIES.items():
        for number, place, only in PLACES:
            for row, has, item in ((1, None, None), (WHITE_ROW, "W", 2), (MALE_ROW, "M", 1)):
                is_blank = (row, series) in ((MALE_ROW, 10), (WHITE_ROW, 145))
                whole = counts(belongs)
                part = counts(with_item(belongs, has))
                total, error = slow(nation, place, only, part)
                cell = cells.get((series, number, row, MURDER))
                if is_blank or total == 0:
                    assert cell is None
                    continue
                assert cell is not None
                assert cell["estimate"] == close(total)
                assert cell["standard_error"] == close(error)
                if item is None:
                    assert cell["percentage_known"] is None
                    continue
                R = total / slow(nation, place, only, whole)[0]
                assert cell["percentage"] == close(100 * R)
                known = counts(with_known(belongs, item))
                base, _error = slow(nation, place, only, known)
                R = total / base
                _total, error = slow(nation, place, only, residual(part, R, known))
                assert cell["percentage_known"] == close(100 * R)
                assert cell["percentage_known_standard_error"] == close(None if error is None else 100 * error / base)


def test_series_are_those_of_the_part() -> None:
    """Series of the nation alone are estimated there; retired ones nowhere; some never in a part of the nation."""
    nation, victims = drawn_nation(3)
    weights, persons = given_weights(nation), given_persons(nation, victims)
    # A part of the nation in which no series by age is estimated.
    weights["coverage"] = weights["coverage"].with_columns(pl.col("geography_number").replace({6: 107}))
    parts = {
        level: series_part_of({**weights, **persons}, f"3a_{level}").collect() for level in ("region", "national")
    } | {"all": of_all_series({**weights, **persons}).collect()}
    of_level = {series.number: series.geographies for series in demographic_series() if not series.is_retired}
    for level, part in parts.items():
        series, geography = part["series_number"], part["geography_number"]
        assert {of_level[number] for number in series} <= {level}
        assert set(geography) <= ({1} if level != "all" else {1, 107, 109, *STATES.values()})
    assert parts["national"].height
    everywhere = set(parts["all"].select("series_number", "geography_number").rows())
    assert not everywhere & {(3, 107), (18, 107)}
    assert (10, 107) in everywhere


def strata(*sizes: tuple[int, int]) -> list[int]:
    cells = table(
        "weight_cell",
        *(
            {"weight_group": group, "eligible_agencies": N, "responding_agencies": n}
            for group, (N, n) in enumerate(sizes, start=1)
        ),
    ).collect()
    return variance_strata(cells)["stratum"].to_list()


def test_thin_groups_go_to_a_neighbor() -> None:
    assert strata((10, 5), (10, 5)) == [1, 2]
    assert strata((10, 1), (10, 5), (10, 5)) == [1, 1, 3]
    assert strata((10, 5), (4, 3)) == [1, 1]
    assert strata((10, 5), (10, 1), (9, 9), (10, 1)) == [1, 2, 3, 2]
    assert strata((1, 1), (10, 1)) == [1, 2]


@pytest.mark.parametrize("seed", [1, 2])
def test_imputed_items_add_to_the_standard_error(seed: int) -> None:
    """With u units of an agency that only an imputed item put into a cell: V + sum of w² u (1 - p)."""
    nation, victims = drawn_nation(seed)
    persons = given_persons(nation, victims)
    # Of every third profile the sex is imputed.
    is_imputed = pl.col("profile_id") % 3 == 0
    imputed = persons["unit_profile"].with_columns(imputed_items=pl.when(is_imputed).then(2).otherwise(0).cast(pl.Int8))
    key = ["series_number", "geography_number", "row", "column"]
    before, after = (
        checked(
            of_all_series({**given_weights(nation), **persons | {"unit_profile": rows}}),
            SERIES_ESTIMATE,
        )
        for rows in (persons["unit_profile"], imputed)
    )
    both = before.join(after, on=key, suffix="_after")
    assert before.height == after.height == both.height
    assert both["estimate"].equals(both["estimate_after"].alias("estimate"))
    assert both["reported"].equals(both["reported_after"].alias("reported"))
    assert set(both["imputed_share"]) == {0.0}
    seen = 0
    for row in both.filter((pl.col("column") == MURDER) & pl.col("row").is_in([1, MALE_ROW])).iter_rows(named=True):
        series = row["series_number"]
        if series not in SERIES:
            continue
        of_sex = series == 10 or row["row"] == MALE_ROW
        _, place, only = next(each for each in PLACES if each[0] == row["geography_number"])
        total = variance = 0.0
        for number, (agency, of_agency) in enumerate(zip(nation, victims, strict=True)):
            state, _group, kind, responds, _incidents, _control, weight, share = agency
            if not responds or only not in (None, kind) or (place in STATES and place != state):
                continue
            u = sum(
                n
                for position, (person, n) in enumerate(of_agency.items())
                if (100 * number + position) % 3 == 0
                and SERIES[series](person)
                and (row["row"] == 1 or person[1] == "M")
            )
            w = weight * (share if place == "Area" else 1.0)
            total += w * u * of_sex
            variance += w**2 * u * of_sex
        p = (row["percentage"] or 0.0) / 100
        seen += total > 0
        assert row["imputed_share_after"] == pytest.approx(total / row["estimate"] if row["estimate"] else 0.0)
        if row["standard_error"] is not None:
            expected = row["standard_error"] ** 2 + variance * (1 - p)
            assert row["standard_error_after"] ** 2 == pytest.approx(expected)
            if row["percentage"] is not None and 0 < p < 1:
                slope = row["percentage"] / row["estimate"]
                expected = row["percentage_standard_error"] ** 2 + slope**2 * variance * (1 - p)
                assert row["percentage_standard_error_after"] ** 2 == pytest.approx(expected)
    assert seen > 10
