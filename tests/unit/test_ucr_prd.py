"""Tables of `ucr_prd`, their SQL, and what becomes of values, lines and states; without a server."""

from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from nibrs_estimation.model import ucr_prd
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.geography import AGENCY_COUNTY
from nibrs_estimation.pipeline.database import Database
from nibrs_estimation.pipeline.ddl import duckdb_table, postgresql_table
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.sources.external_files import with_external_files
from nibrs_estimation.sources.intake.repeats import without_repeats
from nibrs_estimation.sources.ucr_prd import UcrPrdSource
from nibrs_estimation.sources.ucr_prd.accounts import DatabaseAccounts
from nibrs_estimation.sources.ucr_prd.agencies import USED_COLUMNS, overrides, return_a_items
from nibrs_estimation.sources.ucr_prd.catalogue import FoundColumn, needed_columns, type_fault
from nibrs_estimation.sources.ucr_prd.layout import AGENCY_OF_ROW, SEGMENTS, segment_query
from nibrs_estimation.sources.ucr_prd.scope import states_of_run
from nibrs_estimation.sources.ucr_prd.segments import clean_text
from nibrs_estimation.sources.ucr_prd.spool import Scope, Spool

TABLES = {table.name: table for table in ucr_prd.DATASETS}


def test_every_reference_and_code_list_of_the_tables_is_there() -> None:
    for table in ucr_prd.DATASETS:
        assert table.description.endswith(".")
        assert table.source
        for column in table.columns:
            if column.references:
                parent, _, key = column.references.partition(".")
                assert TABLES[parent].column(key).type == column.type, (table.name, column.name)
            if column.code_list:
                assert code_list(column.code_list).height


def test_tables_become_sql() -> None:
    assert postgresql_table(ucr_prd.NIBRS_SUSPECTED_DRUG, "ucr_prd") == (
        'CREATE TABLE "ucr_prd"."nibrs_suspected_drug" ("suspected_drug_id" bigint NOT NULL, "property_id" bigint, '
        '"drug_code" character varying(1), "drug_measure_code" character varying(2), "est_drug_qty" numeric(12,3), '
        'PRIMARY KEY ("suspected_drug_id"))'
    )
    for table in ucr_prd.DATASETS:
        assert duckdb_table(table).startswith("CREATE TABLE")


def test_everything_that_is_read_is_declared() -> None:
    for table, columns in needed_columns({}).items():
        assert columns <= set(TABLES[table].schema.names()), table
        assert not {(table, column) for column in columns} & ucr_prd.OPTIONAL_COLUMNS
    assert set(USED_COLUMNS) <= set(TABLES)


@pytest.mark.parametrize("segment", SEGMENTS, ids=lambda segment: segment.table.name)
def test_every_column_of_a_segment_is_read_or_made(segment: object) -> None:
    query = segment_query(segment, "s", 2024, is_enforced=False)  # type: ignore[arg-type]
    assert f"AS {AGENCY_OF_ROW}" in query
    assert "DATE '2024-01-01'" in query
    assert "DATE '2025-01-01'" in query


def test_orphans_are_looked_for_only_where_the_database_does_not_forbid_them() -> None:
    segment = next(each for each in SEGMENTS if each.table is ucr_prd.NIBRS_VICTIM_INJURY)
    assert "OR i.incident_id IS NULL" in segment_query(segment, "s", 2024, is_enforced=False)
    assert "LEFT JOIN" not in segment_query(segment, "s", 2024, is_enforced=True)


def test_texts_that_say_nothing_are_missing() -> None:
    given = pl.DataFrame(
        {
            "sex_code": ["M ", "X", "", None],
            "race_code": ["W", "NS", " ", "U"],
            "resident_code": ["R", "None", "-1", " N"],
        }
    )
    found = given.select(clean_text(name) for name in given.columns)
    assert found.to_dict(as_series=False) == {
        "sex_code": ["M", None, None, None],
        "race_code": ["W", None, None, "U"],
        "resident_code": ["R", None, None, "N"],
    }


def test_of_repeated_keys_one_is_kept_whatever_the_order() -> None:
    segment = next(each for each in SEGMENTS if each.table is ucr_prd.NIBRS_VICTIM_OFFENDER_RELATIONSHIP)
    rows = pl.DataFrame(
        {
            "victim_id": [1, 1, 1, 2],
            "offender_id": [1, 1, 1, 1],
            "relationship_code": ["SE", "AQ", "AQ", "AQ"],
        }
    )
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        accounts = DatabaseAccounts("db", "VT")
        accounts.set_key("t", ["victim_id", "offender_id"])
        accounts.read("t", 4, 0)
        kept = without_repeats("t", segment.dataset, rows[order], accounts)
        accounts.kept("t", segment.dataset.name, kept.height)
        assert kept.sort("victim_id")["relationship_code"].to_list() == ["AQ", "AQ"]
        frames = accounts.frames()
        assert frames["intake_count"]["rows_quarantined"].to_list() == [2]
        assert sorted(frames["quarantine"].select("record", "reason").rows()) == [
            ("1/1", "duplicate"),
            ("1/1 (2)", "conflict"),
        ]


def test_lines_of_the_return_a_are_known_by_their_names() -> None:
    lines = pl.DataFrame(
        {
            "breakdown_id": [11, 30, 31, 51, 55, 70, 24, 110],
            "offense_name": ["Murder", "Robbery", "Robbery", "Aggravated Assault", "Simple Assault", "Larceny",
                             "Rape (Legacy)", "Arson"],
            "breakdown_name": ["Murder and Nonnegligent Homicide", "Total Robbery", "Firearm", "Firearm", "Simple",
                               "Total Larceny", "Rape (Legacy)", "Single Occupancy"],
        },
        schema_overrides={"breakdown_id": pl.Int16},
    )  # fmt: skip
    assert dict(return_a_items(lines).rows()) == {11: 0, 30: 5, 31: 6, 51: 11, 55: 15, 70: 20, 24: 27}


def test_states_of_a_run_have_an_active_agency_in_scope() -> None:
    row = {"agency_id": 1, "data_year": 2024, "is_nibrs": True, "agency_status": "A", "is_covered": False}
    rows = [
        {**row, "state_abbr": "VT", "agency_type_name": "City"},
        {**row, "state_abbr": "NB ", "agency_type_name": "County"},
        {**row, "state_abbr": "FS", "agency_type_name": "Federal"},
        {**row, "state_abbr": "ME", "agency_type_name": "Federal"},
        {**row, "state_abbr": "NH", "agency_type_name": "City", "is_covered": True},
        {**row, "state_abbr": "MA", "agency_type_name": "City", "agency_status": "D"},
        {**row, "state_abbr": "NY", "agency_type_name": "City", "is_nibrs": None},
        {**row, "state_abbr": "CT", "agency_type_name": "City", "agency_id": 2},
    ]
    assert states_of_run(pl.DataFrame(rows), pl.DataFrame({"agency_id": [1]}), 2024) == ("NB", "VT")


def test_rows_of_no_state_of_the_run_are_dropped_and_counted_with_the_first(tmp_path: Path) -> None:
    agencies = pl.DataFrame(
        {"agency_id": [1, 2, 3], "state_abbr": ["VT", "VT", "FS"], "is_in_scope": [True, False, True]},
        schema_overrides={"agency_id": pl.Int32},
    )
    rows = pl.DataFrame({AGENCY_OF_ROW: [1, 2, 3, None]}, schema={AGENCY_OF_ROW: pl.Int32})
    found = Scope(agencies, ("NB", "VT")).locate(rows)
    assert found["is_in_scope"].to_list() == [True, False, False, True]
    assert found["state of row"].to_list() == ["VT", "VT", "NB", "NB"]
    assert Spool(tmp_path).dropped == Counter()


def test_kinds_of_types_are_compared_not_names() -> None:
    hour = ucr_prd.NIBRS_INCIDENT.column("incident_hour")
    assert type_fault(hour, FoundColumn("N", "integer", True)) is None
    assert type_fault(hour, FoundColumn("S", "text", True)) == "is of type text, not a number"
    text = ucr_prd.NIBRS_VICTIM.column("sex_code")
    assert type_fault(text, FoundColumn("S", "character(1)", True)) is None


def test_overrides_are_read() -> None:
    assert overrides().rows() == [(2024, 1206, "drop_nibrs_months")]


def test_source_refuses_what_it_cannot_use() -> None:
    nowhere = Database("nowhere", 5432, "ucr_prd", None, None)
    with pytest.raises(UsageError, match="at least 2 connections"):
        UcrPrdSource(nowhere, connections=1)
    with pytest.raises(UsageError, match="is not the name of a schema"):
        UcrPrdSource(nowhere, schema='a"b')


def test_counties_of_a_file_take_the_place_of_the_databases() -> None:
    """The file names the judicial district and field office of a county, which the database does not."""
    source = UcrPrdSource(Database("localhost", 5432, "ucr_prd", None, None))
    for code_names, writer in (([], "ingest_database"), (["cbi_summary_county_reduced"], "import_agency_county")):
        tasks = with_external_files(source, code_names).tasks()
        assert [task.name for task in tasks if AGENCY_COUNTY in task.writes] == [writer]
