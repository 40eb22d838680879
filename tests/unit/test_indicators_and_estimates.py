"""Counts of table 1a and their estimates, each against a slow twin."""

import math
from collections import defaultdict

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.frames import table

from nibrs_estimation.model.results import AGENCY_CELL_COUNT, BLOCK_CELL_COUNT, ESTIMATES
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.stages.indicators.count import count_cells
from nibrs_estimation.stages.variance.estimate import estimate_cells
from nibrs_estimation.stages.weighting.coverage import measure_coverage
from nibrs_estimation.tables import definition
from nibrs_estimation.tables.definition import table_definition

TABLE = table_definition("1a")
CODES = ["09A", "09B", "100", "11A", "120", "13A", "13B", "220", "35A", "64A", "720"]


def test_table_1a_is_the_specifications() -> None:
    assert [column.name for column in TABLE.columns][16:19] == ["violent_crime", "car_jacking", "assault_offenses"]
    assert len(TABLE.columns) == 20
    assert [row.label for row in TABLE.rows] == ["Incident count", "Incident rate (per 100k total pop)"]


incidents = st.lists(
    st.tuples(
        st.integers(1, 3),  # agency
        st.sampled_from([2023, 2024]),
        st.sets(st.sampled_from(CODES), min_size=1, max_size=4),
        st.sampled_from("AC"),
        st.sampled_from(["I", "L", "B"]),
        st.sampled_from([5, 6, 7]),
        st.sampled_from(["03", "37", "77"]),
    ),
    max_size=12,
)


@settings(deadline=None)
@given(incidents)
def test_counts_equal_the_slow_twin(rows: list[tuple]) -> None:
    tables = defaultdict(list)
    expected: dict[tuple[int, int], int] = defaultdict(int)
    for i, (agency, year, codes, attempt, victim_type, loss, thing) in enumerate(rows):
        tables["incident"].append({"incident_id": i, "agency_id": agency, "data_year": year})
        tables["victim"].append({"victim_id": i, "incident_id": i, "victim_type_code": victim_type})
        tables["property"].append({"property_id": i, "incident_id": i, "loss_code": loss})
        tables["property_item"].append({"property_id": i, "description_code": thing})
        for j, code in enumerate(sorted(codes)):
            offense = {"offense_id": 10 * i + j, "incident_id": i, "offense_code": code}
            tables["offense"].append({**offense, "attempt_complete_code": attempt})
            tables["victim_offense"].append({"victim_id": i, "offense_id": 10 * i + j})
        is_carjacking = (
            "120" in codes and attempt == "C" and victim_type == "I" and loss in (5, 7) and thing in ("03", "37")
        )
        for number, column in enumerate(TABLE.columns, start=1):
            if year == 2024 and codes & set(column.offenses) and (column.where is None or is_carjacking):
                expected[agency, number] += 1
    names = ("incident", "offense", "victim", "victim_offense", "property", "property_item")
    made = count_cells(
        *(table(name, *tables[name]) for name in names), table("block_reference"), table("removed_month"), year=2024
    )
    counted = checked(made["agency_cell_count"], AGENCY_CELL_COUNT)
    assert checked(made["block_cell_count"], BLOCK_CELL_COUNT).is_empty()
    assert dict(zip(counted.select("agency_id", "column").iter_rows(), counted["n"], strict=True)) == expected
    assert set(counted["row"]) <= {1}


def agencies(frame: list[tuple[str, bool, int, int]]) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Weights and counts of agencies given as (state, responds, population, count), all in one stratum."""
    N, n = len(frame), sum(responds for _state, responds, _population, _count in frame)
    rows = [
        {
            "agency_id": i, "state_abbr": state, "region_code": 1, "population": population, "stratum_agencies": N,
            "stratum_respondents": n, "is_respondent": responds, "weight": N / n if responds else None,
        }
        for i, (state, responds, population, _count) in enumerate(frame)
    ]  # fmt: skip
    counts = [
        {"agency_id": i, "state_abbr": state, "column": 17, "n": count}
        for i, (state, _responds, _population, count) in enumerate(frame)
        if count
    ]
    return table("agency_weight", *rows), table("agency_cell_count", *counts)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["VT", "NH"]), st.booleans(), st.integers(0, 9000), st.integers(0, 500)),
        min_size=3,
        max_size=10,
    ).filter(lambda frame: sum(row[1] for row in frame) >= 2)
)
def test_estimates_equal_the_slow_twin(frame: list[tuple[str, bool, int, int]]) -> None:
    weights, counts = agencies(frame)
    made = checked(
        estimate_cells(
            weights, counts, table("block_cell_count"), table("block_reference"), measure_coverage(weights), 2024
        ),
        ESTIMATES,
    )
    N, sample = len(frame), [row for row in frame if row[1]]
    n = len(sample)
    for number, states in ((1, {"VT", "NH"}), (102, {"VT"}), (86, {"NH"})):
        inside = [row for row in frame if row[0] in states]
        found = made.filter(
            (pl.col("permutation_number") == number) & pl.col("der_variable_name").str.ends_with("_17")
        ).sort("estimate_type_num")
        if not any(row[1] for row in inside):
            assert found.is_empty()
            continue
        u = [N / n * row[3] if row[0] in states else 0.0 for row in sample]
        total, mean = sum(u), sum(u) / n
        error = math.sqrt((1 - n / N) * n / (n - 1) * sum((value - mean) ** 2 for value in u))
        count, rate = found.rows(named=True)
        assert count["estimate"] == pytest.approx(total)
        assert count["estimate_standard_error"] == pytest.approx(error, abs=1e-6)
        assert count["estimate_upper_bound"] == pytest.approx(total + 1.96 * error)
        assert count["estimate_lower_bound"] == pytest.approx(max(total - 1.96 * error, 0), abs=1e-6)
        assert count["agency_counts"] == sum(row[0] in states and row[3] > 0 for row in sample)
        assert count["estimate_unweighted"] == sum(row[3] for row in sample if row[0] in states)
        population = sum(row[2] for row in inside)
        assert rate["population_estimate"] == population
        if population:
            assert rate["estimate"] == pytest.approx(total / population * 100_000)
            assert rate["estimate_standard_error"] == pytest.approx(error / population * 100_000, abs=1e-6)
            assert rate["relative_standard_error"] == count["relative_standard_error"]
        else:
            assert rate["estimate"] is None
            assert rate["estimate_standard_error"] is None


def test_stated_columns_come_first_in_order() -> None:
    """The 31 columns of 07 section 9, then the words for people."""
    assert len(ESTIMATES.columns) == 35
    assert [column.name for column in ESTIMATES.columns[31:]] == [
        "indicator_name",
        "estimate_domain_1",
        "estimate_domain_2",
        "estimate_geographic_location",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("table: [", "wrong.yaml is not valid YAML"),
        ("columns: [no_such]", "uses the column 'no_such'"),
        ("columns: [murder]\ntable: w", "title"),
        (
            "{columns: [murder], table: w, title: t, unit: incident, rate_label: r, "
            "rows: [{row: 2, section: 1, label: l, estimate: rate, of: 1}]}",
            "names in `of` the count row",
        ),
    ],
)
def test_wrong_definitions_are_refused(text: str, message: str, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "_columns.yaml").write_text("murder: {label: Murder, offenses: [09A]}")
    (tmp_path / "wrong.yaml").write_text(text)
    monkeypatch.setattr(definition, "_FOLDER", tmp_path)
    with pytest.raises(PipelineError, match=message):
        table_definition.__wrapped__("wrong")
