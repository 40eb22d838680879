"""Tables of summary counts: columns as lines of the Return A, rows of regions, what respondents reported, flags."""

import numpy as np
import polars as pl
import pytest
from tests.support.frames import table

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.fields import GEOGRAPHY_LEVELS, INCIDENT_LEVELS, SUMMARY_LEVELS
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.stages.coverage.geographies import list_geographies, list_nation
from nibrs_estimation.survey.units import whole_divisions
from nibrs_estimation.tables.counting import all_counting_units
from nibrs_estimation.tables.matrices.summary_matrix import line_weights, summary_counts
from nibrs_estimation.tables.read import (
    RETURN_A,
    RETURN_A_REPORTED,
    all_definitions,
    summary_definitions,
    table_definition,
    table_definitions,
)

LABELS = [
    "Violent Crime", "Murder and Non-negligent Manslaughter", "Rape", "Robbery", "Aggravated Assault", "Property Crime",
    "Burglary", "Larceny-theft", "Motor Vehicle Theft",
]  # fmt: skip


def test_the_tables() -> None:
    tables = summary_definitions()
    assert list(tables) == ["SRS1a", "SRS1araw", "SRS2a"]
    assert [column.label for column in tables["SRS1a"].columns] == LABELS
    assert [column.label for column in tables["SRS2a"].columns] == [
        *LABELS[:2],
        "Revised Rape",
        *LABELS[3:],
    ]
    assert [table.unit for table in tables.values()] == [RETURN_A, RETURN_A_REPORTED, RETURN_A]
    assert {column.unit for column in tables["SRS1araw"].columns} == {RETURN_A_REPORTED}
    assert tables["SRS1araw"].variant_of == "SRS1a"
    # Nothing is counted from incidents for them.
    assert not tables.keys() & table_definitions().keys()
    assert not {unit.unit for unit in all_counting_units()} & {RETURN_A, RETURN_A_REPORTED}
    assert [*all_definitions()] == [*table_definitions(), *tables]
    assert table_definition("srs2A").table == "SRS2a"


def test_columns_are_lines_of_the_return_a() -> None:
    by_label = dict(zip(LABELS, table_definition("SRS1a").columns, strict=True))
    signs = {label: {i: w for i, w in enumerate(line_weights(c.offenses)) if w} for label, c in by_label.items()}
    assert signs == {
        "Violent Crime": {0: 1, 2: 1, 5: 1, 10: 1, 15: -1},
        "Murder and Non-negligent Manslaughter": {0: 1},
        "Rape": {2: 1},
        "Robbery": {5: 1},
        "Aggravated Assault": {10: 1, 15: -1},
        "Property Crime": {16: 1, 20: 1, 21: 1},
        "Burglary": {16: 1},
        "Larceny-theft": {20: 1},
        "Motor Vehicle Theft": {21: 1},
    }
    with pytest.raises(PipelineError, match="13C, 200 are no line of the Return A, or a part of one"):
        line_weights(["13C", "200", "220"])


def test_counts_of_agencies() -> None:
    completed, reported = np.zeros((3, 26)), np.zeros((3, 26))
    completed[:, 20], reported[:, 20] = [10, 20, 30], [10, 15, 40]
    completed[:, 10], completed[:, 15] = [5, 5, 5], [3, 6, 0]
    region = {"region": np.array([1, 4, 0], dtype=np.int8)}
    of = summary_counts(table_definition("SRS2a"), completed, reported, region)
    rows = of.completed.toarray().reshape(3, 5, 9)
    assert rows[:, :, 7].tolist() == [[10, 0, 0, 0, 10], [0, 0, 0, 20, 20], [0, 0, 0, 0, 30]]
    # No count is negative, and more than reported is what was filled.
    assert rows[:, 4, 4].tolist() == [2, 0, 5]
    assert of.own.toarray().reshape(3, 5, 9)[:, 4, 7].tolist() == [10, 15, 30]
    assert of.records.toarray().reshape(3, 5, 9)[:, 4, 7].tolist() == [10, 15, 40]


def test_levels() -> None:
    assert set(INCIDENT_LEVELS) | set(SUMMARY_LEVELS) == set(GEOGRAPHY_LEVELS)
    assert set(SUMMARY_LEVELS) - set(INCIDENT_LEVELS) == {"division", "metro_division"}


def test_divisions_are_estimated_if_all_of_their_states_are_in_the_run() -> None:
    states = code_list("state").filter(pl.col("division_code").is_in([1, 2]))
    frame = pl.DataFrame({"state_abbr": states["state_abbr"]})
    assert whole_divisions(frame) == ["1", "2"]
    assert whole_divisions(frame.filter(pl.col("state_abbr") != "VT")) == ["2"]


def test_numbers_of_geographies() -> None:
    counties = table(
        "agency_county",
        *(
            {"ori": f"VT00{i}0000", "msa_name": f"Area {i:03}", "metro_division_name": "A" if i else None}
            for i in range(460)
        ),
        {"ori": "VT9990000", "judicial_district_name": "Vermont", "field_office_name": "Albany"},
    )
    found = list_geographies(counties, 2024)
    assert not found["geography_number"].is_duplicated().any()
    of_level = (
        found.group_by("geography_level").agg(pl.col("geography_number").min(), n=pl.len()).sort("geography_number")
    )
    assert of_level.rows() == [
        ("nation", 1, 1), ("region", 2, 4), ("division", 6, 9), ("state", 15, 51), ("msa", 66, 460),
        ("judicial_district", 450, 1), ("field_office", 540, 1), ("metro_division", 751, 1),
    ]  # fmt: skip
    by_number = dict(found.select("geography_number", "geography_code").iter_rows())
    assert (by_number[15], by_number[65], by_number[66], by_number[449], by_number[788]) == (
        "AL", "WY", "Area 000", "Area 383", "Area 384",
    )  # fmt: skip
    # Beyond the reference's numbers.
    assert by_number[1001] == "Area 456"
    assert list_nation()["geography_level"].to_list() == ["nation"]
