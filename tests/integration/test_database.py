"""The smoketest and the doctor against a real PostgreSQL: the server that PG* names, else one from a wheel."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from tests.support.command import nibrs
from tests.support.postgresql import database_of, fresh_database, postgresql_server

from nibrs_estimation.pipeline.database import ConnectionLostError, Database, count_rows
from nibrs_estimation.pipeline.errors import PipelineError, UsageError

PASSWORD = "a-password-that-must-not-show"


@pytest.fixture(scope="module")
def postgres() -> Iterator[dict[str, str]]:
    """Settings of a database of our own with three incidents, two of them in 2024."""
    with postgresql_server() as server, fresh_database(server, f"nibrs_test_{os.getpid()}") as settings:
        given = {"PGPASSWORD": PASSWORD, **settings}
        with database_of(given).connect() as connection:
            connection.read_only = False
            connection.execute("CREATE TABLE nibrs_incident (incident_id bigint, incident_date date)")
            connection.execute(
                "INSERT INTO nibrs_incident VALUES (1, '2024-01-01'), (2, '2024-12-31'), (3, '2025-01-01')"
            )
        yield given


def smoketest(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return nibrs(folder, "run", "smoketest", "smoke", NIBRS_SOURCE="synthetic", DATA_YEAR="2024", **settings)


def test_smoketest_counts_the_years_incidents(postgres: dict[str, str], tmp_path: Path) -> None:
    done = smoketest(tmp_path, **postgres)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "artifacts/smoke/smoketest/smoketest.html").read_text()
    assert "2 incidents in 2024" in page
    assert re.search(r"Universe: \d+ agencies, \d+ of them eligible", page)
    for path in [p for p in tmp_path.rglob("*") if p.suffix in (".json", ".log", ".html")]:
        assert postgres["PGPASSWORD"] not in path.read_text()


def test_smoketest_without_a_database_says_so(tmp_path: Path) -> None:
    assert smoketest(tmp_path).returncode == 0
    assert "no database configured" in (tmp_path / "artifacts/smoke/smoketest/smoketest.html").read_text()


def test_missing_table_is_told(postgres: dict[str, str], tmp_path: Path) -> None:
    done = smoketest(tmp_path, **{**postgres, "PGDATABASE": "postgres"})
    assert done.returncode == 1
    assert 'relation "nibrs_incident" does not exist' in done.stderr
    assert PASSWORD not in done.stderr + done.stdout


def test_unreachable_database_is_told(tmp_path: Path) -> None:
    done = smoketest(tmp_path, PGHOST="127.0.0.1", PGPORT="1", PGPASSWORD=PASSWORD)
    assert done.returncode == 1
    assert "cannot be reached" in done.stderr
    assert PASSWORD not in done.stderr + done.stdout


def test_doctor_asks_the_database(postgres: dict[str, str], tmp_path: Path) -> None:
    done = nibrs(tmp_path, "doctor", NIBRS_SOURCE="synthetic", **postgres)
    assert done.returncode == 0, done.stdout
    assert "answers" in done.stdout
    assert PASSWORD not in done.stdout


def test_readers_of_a_snapshot_see_the_same_and_write_nothing(postgres: dict[str, str]) -> None:
    database = database_of(postgres)
    count = "SELECT count(*) AS n FROM nibrs_incident"
    with database.snapshot() as snapshot:
        with database.connect() as writer:
            writer.read_only = False
            writer.execute("INSERT INTO nibrs_incident VALUES (4, '2025-02-02')")
        with snapshot.reader() as first, snapshot.reader() as second:
            assert first.frame(count)["n"].to_list() == second.frame(count)["n"].to_list() == [3]
            with pytest.raises((PipelineError, ConnectionLostError)):
                first.frame("DELETE FROM nibrs_incident")
    with database.connect() as writer:
        writer.read_only = False
        writer.execute("DELETE FROM nibrs_incident WHERE incident_id = 4")


def test_a_refused_query_is_told_apart_from_a_lost_connection(postgres: dict[str, str]) -> None:
    database = database_of(postgres)
    with database.snapshot() as snapshot, snapshot.reader() as reader:
        with pytest.raises(PipelineError, match="refuses a query") as caught:
            reader.frame("SELECT nothing_of_the_kind FROM nibrs_incident")
        assert postgres["PGPASSWORD"] not in str(caught.value)
    with database.snapshot() as snapshot, snapshot.reader() as reader:
        own = reader.frame("SELECT pg_backend_pid() AS pid")["pid"][0]
        with database.connect() as other:
            other.execute("SELECT pg_terminate_backend(%s)", (own,))
        with pytest.raises(ConnectionLostError):
            reader.frame("SELECT 1 AS one")


def test_a_wait_for_a_lock_is_told_as_one(postgres: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nibrs_estimation.pipeline.database.LOCK_TIMEOUT_MS", 200)
    database = database_of(postgres)
    with database.connect() as other:
        other.read_only = False
        other.execute("LOCK TABLE nibrs_incident IN ACCESS EXCLUSIVE MODE")
        with (
            database.snapshot() as snapshot,
            snapshot.reader() as reader,
            pytest.raises(PipelineError, match=r"table locked.*pg_stat_activity") as read,
        ):
            reader.frame("SELECT * FROM nibrs_incident")
        with pytest.raises(PipelineError, match="table locked") as counted:
            count_rows(database, "nibrs_incident", "incident_date", 2024)
        assert "SELECT" not in str(read.value) + str(counted.value)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("localhost", "postgresql://me:hidden@elsewhere/ucr_prd"),
        ("localhost", "host=elsewhere password=hidden"),
        ("me:hidden@elsewhere", "ucr_prd"),
    ],
)
def test_an_address_is_no_name_of_a_database(host: str, name: str) -> None:
    with pytest.raises(UsageError, match="must be a plain name") as caught:
        Database(host, 5432, name, None, None)
    assert "hidden" not in str(caught.value)


def test_empty_results_have_their_columns(postgres: dict[str, str]) -> None:
    with database_of(postgres).snapshot() as snapshot, snapshot.reader() as reader:
        found = reader.frame("SELECT incident_id, incident_date FROM nibrs_incident WHERE FALSE")
    assert found.schema == {"incident_id": pl.Int64, "incident_date": pl.Date}
