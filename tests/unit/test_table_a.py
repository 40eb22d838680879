"""Table A: worked example 13.4 of handbook 07, edge cases, and a slow twin."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from tests.support.estimated import MADE_UP
from tests.support.frames import table

from nibrs_estimation.model.benchmark import CRIMES, TABLE_A_ROWS
from nibrs_estimation.model.weights import TABLE_A
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.stages.weighting.table_a import compare_with_benchmark

Rows = list[dict[str, Any]]

#: Section 13.1, U = 2.5: weight (missing for the two nonrespondents), violent and property crime.
EXAMPLE = [
    (1.4209629, 10, 100), (1.1021826, 40, 300), (1.9530923, 25, 400), (1.5751498, 5, 80), (None, 20, 200),
    (None, 15, 300),
]  # fmt: skip


def compared(frame: Rows, weights: Rows, cells: Rows) -> pl.DataFrame:
    tables = (
        table("universe"),
        table("weighting_frame", *frame),
        table("agency_weight", *weights),
        table("weight_cell", *cells),
    )
    made = compare_with_benchmark(*tables, MADE_UP)["table_a"]
    assert isinstance(made, pl.DataFrame)
    return checked(made, TABLE_A)


def row_of(found: pl.DataFrame, crime: str, group: str = "all", code: str = "US") -> dict[str, Any]:
    is_it = (pl.col("crime_type") == crime) & (pl.col("group") == group) & (pl.col("geography_code") == code)
    return found.filter(is_it).row(0, named=True)


def weight_rows(weights: list[float | None], **cell: Any) -> Rows:
    return [
        {"agency_id": i, "weight": weight, "is_respondent": weight is not None, **cell}
        for i, weight in enumerate(weights, 1)
    ]


def example_rows() -> tuple[Rows, Rows, Rows]:
    frame = [
        {"agency_id": i, "n_violent": float(violent), "n_property": float(stolen)}
        for i, (_weight, violent, stolen) in enumerate(EXAMPLE, 1)
    ]
    return frame, weight_rows([weight for weight, *_ in EXAMPLE]), [{"weight_group": 8}]


def test_worked_example() -> None:
    found = compared(*example_rows())
    violent, stolen = row_of(found, "violent"), row_of(found, "property")
    assert (violent["estimate"], violent["benchmark"]) == (pytest.approx(115, abs=1e-4), 115)
    assert violent["standard_error"] ** 2 == pytest.approx(571.3281, abs=5e-4)
    assert violent["standard_error"] == pytest.approx(23.9025, abs=5e-5)
    assert (violent["relative_standard_error_pct"], violent["relative_bias_pct"]) == (20.78, 0.0)
    assert stolen["standard_error"] == pytest.approx(352.536, abs=5e-4)
    assert (stolen["relative_standard_error_pct"], stolen["relative_bias_pct"]) == (25.55, 0.0)
    assert not found["is_biased"].any()
    assert "-0.0" not in found["relative_bias_pct"].cast(pl.String).to_list()


def test_groupings_of_nation_region_and_state() -> None:
    frame = [
        {"agency_id": 1, "population_group_code": "6", "n_rape": 1.0},
        {"agency_id": 2, "population_group_code": "7", "n_rape": 2.0, "agency_type_name": "Tribal"},
        {"agency_id": 3, "population_group_code": "9E", "n_rape": 4.0, "region_code": 3, "state_abbr": "TX"},
        {"agency_id": 4, "population_group_code": "?", "n_rape": 8.0},
    ]
    places = {"nation": "US", "region": "1", "state": "VT"}
    cells = [{"geography_level": name, "geography_code": code} for name, code in places.items()]
    weights = [row for cell in cells for row in weight_rows([1.0, 1.0, 1.0, 1.0], **cell)]
    found = compared(frame, weights, cells).filter(pl.col("crime_type") == "rape")
    named = {
        (variable, grouping, group): value
        for variable, grouping, group, value in found.select(
            "geography_level", "grouping", "group", "benchmark"
        ).iter_rows()
    }
    groups = {
        ("population_group", "Cities under 10,000"): 3, ("population_group", "MSA Counties"): 4,
        ("population_group", "Not known"): 8, ("agency_type", "City"): 13, ("agency_type", "Tribal"): 2,
        ("all", "all"): 15,
    }  # fmt: skip
    assert named == {
        **{("nation", *key): value for key, value in groups.items()},
        **{("region", *key): value for key, value in groups.items()},
        ("nation", "region", "Northeast"): 11,
        ("nation", "region", "South"): 4,
        ("state", "all", "all"): 15,
    }


def test_strata_of_the_nation_are_cut_by_state_and_those_of_a_state_are_not() -> None:
    """Two states whose agencies are alike within, unlike between."""
    frame = [{"agency_id": i, "n_rape": 1.0 if i < 4 else 9.0} for i in range(1, 7)]
    weights = [1.5, 1.5, None, 1.5, 1.5, None]
    nation = weight_rows(weights)
    state = weight_rows(weights, geography_level="state", geography_code="VT")
    for row in (*nation, *state):
        row["state_abbr"] = "VT" if row["agency_id"] < 4 else "TX"
    cells = [{}, {"geography_level": "state", "geography_code": "VT"}]
    found = compared(frame, [*nation, *state], cells)
    assert row_of(found, "rape")["standard_error"] == 0
    assert row_of(found, "rape", code="VT")["standard_error"] ** 2 == pytest.approx((1 - 4 / 6) * 4 / 3 * 4 * 6**2)


def test_no_benchmark_and_no_estimate() -> None:
    frame = [{"agency_id": 1, "n_murder": 0.0, "n_rape": 0.0}, {"agency_id": 2, "n_murder": 0.0, "n_rape": 3.0}]
    found = compared(frame, weight_rows([2.0, None]), [{}])
    murder, rape = row_of(found, "murder"), row_of(found, "rape")
    assert (murder["relative_bias_pct"], murder["is_biased"], murder["relative_standard_error_pct"]) == (
        None,
        False,
        None,
    )
    assert (rape["estimate"], rape["relative_bias_pct"], rape["is_biased"]) == (0.0, -100.0, True)
    assert (rape["standard_error"], rape["relative_standard_error_pct"]) == (0.0, None)


def test_a_bias_of_five_percent_is_none() -> None:
    for benchmark, bias, is_biased in ((20.0, 5.0, False), (20.2, 3.96, False), (19.9, 5.53, True)):
        frame = [{"agency_id": 1, "n_rape": 10.0}, {"agency_id": 2, "n_rape": benchmark - 10}]
        row = row_of(compared(frame, weight_rows([2.1, None]), [{}]), "rape")
        assert (row["relative_bias_pct"], row["is_biased"]) == (bias, is_biased)


def test_a_geography_without_respondents_has_no_error() -> None:
    frame = [{"agency_id": 1, "n_rape": 10.0}]
    rape = row_of(compared(frame, weight_rows([None]), [{}]), "rape")
    assert (rape["estimate"], rape["benchmark"], rape["relative_bias_pct"]) == (0.0, 10.0, -100.0)
    assert (rape["standard_error"], rape["relative_standard_error_pct"]) == (None, None)


def test_one_respondent_of_several_is_not_centred() -> None:
    frame = [{"agency_id": i, "n_rape": 10.0} for i in (1, 2, 3, 4)]
    rape = row_of(compared(frame, weight_rows([4.0, None, None, None]), [{}]), "rape")
    assert rape["standard_error"] ** 2 == pytest.approx(3 / 4 * 40**2)
    alone = row_of(compared(frame[:1], weight_rows([1.0]), [{}]), "rape")
    assert alone["standard_error"] == 0


def test_nothing_at_all() -> None:
    assert compared([], [], []).is_empty()


def test_csv_for_people(tmp_path: Path) -> None:
    frame = [
        {"agency_id": 1, "n_total": 1200.4, "n_violent": 0.0, "n_murder": 1.0},
        {"agency_id": 2, "n_total": 1200.3, "n_violent": 0.0, "n_murder": 2.0},
    ]
    tables = (
        table("universe", {"agency_id": 1, "universe_scope": "all"}, {"agency_id": 2, "universe_scope": "reporting"}),
        table("weighting_frame", *frame),
        table("agency_weight", *weight_rows([2.0, None])),
        table("weight_cell", {}),
    )
    write = compare_with_benchmark(*tables, MADE_UP)["table_a.csv"]
    assert callable(write)
    write(tmp_path / "table_a.csv")
    lines = (tmp_path / "table_a.csv").read_text().splitlines()
    assert lines[0] == (
        "data_year,run_id,data_source,is_synthetic,universe_scope,geography_level,"
        "geography_code,state_abbr,state_fips,grouping,group,offense_type,estimate,standard_error,"
        "relative_standard_error_pct,benchmark,relative_bias_pct,flag"
    )
    assert [line.split(",")[11] for line in lines[1:14]] == list(TABLE_A_ROWS.values())
    origin = "2024,made_up,synthetic:0.01,true,reporting,"
    assert lines[1] == f"{origin}nation,US,,,all,all,All Crime,2401,1697.62,70.71,2401,0.0,"
    assert lines[2] == f"{origin}nation,US,,,all,all,All Violent,0,0.0,-,0,NC,"
    assert lines[3] == f"{origin}nation,US,,,all,all,Murder,2,1.41,70.71,3,-33.33,*"


@st.composite
def nations(draw: st.DrawFn) -> tuple[Rows, Rows, Rows]:
    """Agencies of four states in cells of nation, regions and judicial districts."""
    agencies = draw(st.integers(1, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    states = {"VT": 1, "ME": 1, "TX": 3, "CA": 4}
    frame = [
        {
            "agency_id": i, "state_abbr": (state := str(rng.choice(list(states)))), "region_code": states[state],
            "population_group_code": str(rng.choice(["1A", "1B", "6", "7", "9E"])),
            "agency_type_name": str(rng.choice(["City", "County"])),
            **{column: float(rng.poisson(2)) for column in CRIMES.values()},
        }
        for i in range(1, agencies + 1)
    ]  # fmt: skip
    weights, cells = [], []
    for variable in ("nation", "region", "judicial_district"):
        for agency in frame:
            code = {"nation": "US", "region": str(agency["region_code"])}.get(variable, agency["state_abbr"])
            key = {"geography_level": variable, "geography_code": code, "weight_group": int(rng.integers(1, 3))}
            responds = bool(rng.random() < draw(st.sampled_from([0.0, 0.6, 1.0])))
            weights.append(
                {
                    **key, "agency_id": agency["agency_id"], "state_abbr": agency["state_abbr"],
                    "is_respondent": responds, "weight": float(rng.uniform(1, 4)) if responds else None,
                    "population_share": float(rng.choice([1.0, 0.4])),
                }
            )  # fmt: skip
            cell = key
            if cell not in cells:
                cells.append(cell)
    return frame, weights, cells


def value_of(grouping: str, agency: dict[str, Any]) -> str:
    if grouping == "region":
        return {1: "Northeast", 3: "South", 4: "West"}[agency["region_code"]]
    if grouping == "agency_type":
        return str(agency["agency_type_name"])
    if grouping == "population_group":
        return {
            "1A": "Cities 250,000 or over", "1B": "Cities 250,000 or over", "6": "Cities under 10,000",
            "7": "Cities under 10,000", "9E": "MSA Counties",
        }[agency["population_group_code"]].replace("Cities 250", "All cities 250")  # fmt: skip
    return "all"


def slow_row(row: dict[str, Any], frame: Rows, weights: Rows) -> tuple[float, float, float | None]:
    """Estimate, benchmark and variance of one row: agency by agency, stratum by stratum."""
    column = CRIMES[row["crime_type"]]
    strata: dict[Any, Rows] = {}
    for of in weights:
        if (of["geography_level"], of["geography_code"]) == (row["geography_level"], row["geography_code"]):
            state = of["state_abbr"] if of["geography_level"] == "nation" else None
            strata.setdefault((of["weight_group"], state), []).append(of)
    estimate = benchmark = variance = 0.0
    respondents = 0
    for members in strata.values():
        u = []
        for of in members:
            agency = frame[of["agency_id"] - 1]
            is_inside = value_of(row["grouping"], agency) == row["group"]
            y = of["population_share"] * agency[column] if is_inside else 0.0
            benchmark += y
            if of["weight"] is not None:
                u.append(of["weight"] * y)
                respondents += is_inside
        estimate += sum(u)
        n, N = len(u), len(members)
        if n == 1:
            variance += (1 - n / N) * u[0] ** 2
        elif n > 1:
            variance += (1 - n / N) * n / (n - 1) * sum((value - sum(u) / n) ** 2 for value in u)
    return estimate, benchmark, variance if respondents else None


@given(nations(), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_equals_the_slow_twin_whatever_the_order_of_rows(nation: tuple[Rows, Rows, Rows], random: Any) -> None:
    found = compared(*nation)
    for row in found.iter_rows(named=True):
        estimate, benchmark, variance = slow_row(row, *nation[:2])
        assert row["estimate"] == pytest.approx(estimate, rel=1e-12)
        assert row["benchmark"] == pytest.approx(benchmark, rel=1e-12)
        error = None if variance is None else pytest.approx(variance**0.5, rel=1e-8, abs=1e-10)
        assert row["standard_error"] == error
    assert_frame_equal(compared(*(random.sample(rows, len(rows)) for rows in nation)), found, check_exact=True)
