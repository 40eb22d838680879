"""`nibrs publish database` against a real PostgreSQL: all of a year, or what was there before."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import polars as pl
import psycopg
import pytest
from tests.support.command import ROOT
from tests.support.estimated import MADE_UP, cell, estimates
from tests.support.frames import table
from tests.support.postgresql import database_of, fresh_database, postgresql_server
from typer.testing import CliRunner, Result

from nibrs_estimation.cli.main import app
from nibrs_estimation.cli.settings import load_settings
from nibrs_estimation.model.published import ESTIMATES
from nibrs_estimation.pipeline.database import Database
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.publishing import publish
from nibrs_estimation.pipeline.runs import RunRecord
from nibrs_estimation.pipeline.store import LocalStore, open_store
from nibrs_estimation.stages.publication.database import FILE, PUBLISHED_TABLES, READER, TABLES, load_estimates
from nibrs_estimation.stages.publication.files import export_estimates

REAL = replace(MADE_UP, run_id="us-2024", source="postgresql", is_synthetic=False)
PASSWORD = "a-password-that-must-not-show"
Row = tuple[object, ...]
NAMES = [one.name for one in PUBLISHED_TABLES]


@pytest.fixture(scope="module")
def postgres_server() -> Iterator[dict[str, str]]:
    with postgresql_server() as settings:
        yield settings


@pytest.fixture
def settings(postgres_server: dict[str, str]) -> Iterator[dict[str, str]]:
    with fresh_database(postgres_server, f"nibrs_estimates_{os.getpid()}") as settings:
        yield settings
    with database_of({**postgres_server, "PGDATABASE": "postgres"}).connect() as admin:
        admin.read_only = False
        admin.execute(f"DROP ROLE IF EXISTS {READER}".encode())


@pytest.fixture
def database(settings: dict[str, str]) -> Database:
    return database_of(settings)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return exported(tmp_path / FILE, REAL)


def exported(path: Path, identity: Identity, *, has_more: bool = False) -> Path:
    """The published file of a run made by hand, perhaps with another cell, of 77."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(exported_bytes(identity, has_more))
    return path


@cache
def exported_bytes(identity: Identity, has_more: bool) -> bytes:
    tables = {name: frame for name, frame in estimates().items() if name != "series_estimate"}
    if has_more:
        tables["cell_estimate"] = pl.concat(
            [tables["cell_estimate"], table("cell_estimate", cell("1a", 12, 1, 2, 77.0))]
        )
    writers = export_estimates(
        **tables, year=identity.year, identity=identity, small_count="off", variance_rule="prediction"
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        writers[FILE](path)
        return path.read_bytes()


def load(
    database: Database, file: Path, identity: Identity = REAL, watch: Callable[[str, int, int], None] | None = None,
    *, allow_synthetic: bool = False,
) -> dict[str, int]:  # fmt: skip
    watch = watch or (lambda _name, _n, _all: None)
    return load_estimates(file, identity, database, "estimates", watch, allow_synthetic=allow_synthetic).n_rows


def asked(database: Database, query: str) -> list[Row]:
    with database.connect() as connection:
        return connection.execute(query.encode()).fetchall()


def changed(database: Database, *statements: str) -> None:
    with database.connect() as connection:
        connection.read_only = False
        for statement in statements:
            connection.execute(statement.encode())


def content(database: Database, names: list[str] = NAMES) -> dict[str, list[Row]]:
    """All rows of the tables, sorted."""
    return {name: sorted(asked(database, f"SELECT * FROM estimates.{name}"), key=repr) for name in names}


def content_of(file: Path) -> dict[str, list[Row]]:
    with duckdb.connect(file, read_only=True) as connection:
        return {name: sorted(connection.execute(f"SELECT * FROM {name}").fetchall(), key=repr) for name in NAMES}


def relations(database: Database) -> list[Row]:
    return asked(database, "SELECT relname FROM pg_class WHERE relnamespace = 'estimates'::regnamespace")


def test_postgresql_holds_the_rows_of_duckdb(database: Database, file: Path) -> None:
    n_rows = load(database, file)
    found = content(database)
    assert found == content_of(file)
    assert n_rows == {name: len(rows) for name, rows in found.items()}
    assert min(n_rows.values()) > 0
    [(year, run_id, source, is_synthetic, age, rows)] = asked(
        database,
        "SELECT time_series_start_year, run_id, data_source, is_synthetic, "
        "extract(epoch FROM now() AT TIME ZONE 'utc' - loaded_at), estimate_rows FROM estimates.runs",
    )
    assert (year, run_id, source, is_synthetic, rows) == (2024, "us-2024", "postgresql", False, n_rows["estimates"])
    assert 0 <= float(str(age)) < 600


def test_booleans_keep_their_three_values(database: Database, file: Path) -> None:
    with duckdb.connect(file) as connection:
        [(n,)] = connection.execute("SELECT count(*) FROM estimates").fetchall()
        connection.execute(
            "UPDATE estimates SET suppression_flag_indicator = [NULL, true, false][1 + rowid % 3], "
            "der_rrmse_30 = ['', NULL, '1'][1 + rowid % 3]"
        )
    load(database, file)
    assert n >= 3
    assert content(database) == content_of(file)
    kinds = asked(database, "SELECT DISTINCT suppression_flag_indicator, der_rrmse_30 FROM estimates.estimates")
    assert set(kinds) == {(None, ""), (True, None), (False, "1")}


def test_counts_are_those_of_the_parquet_cells(database: Database, file: Path) -> None:
    load(database, file)
    stored = estimates()["cell_estimate"].collect()
    cells = {
        (part, row, column, geography): (estimate, error)
        for part, row, column, geography, estimate, error in stored.select(
            "table_part", "row", "column", "geography_number", "estimate", "standard_error"
        ).iter_rows()
    }
    counts = asked(
        database,
        "SELECT der_variable_name, permutation_number, estimate, estimate_standard_error FROM estimates.estimates "
        "WHERE estimate_type = 'count' AND estimate IS NOT NULL",
    )
    assert len(counts) >= 10
    for name, geography, *numbers in counts:
        _t, part, _section, row, column = str(name).split("_")
        assert cells[part, int(row), int(column), int(str(geography))] == tuple(numbers)


def test_a_second_load_of_the_same_run_changes_nothing(database: Database, file: Path) -> None:
    load(database, file)
    before, tables = content(database), sorted(relations(database))
    load(database, file)
    assert content(database) == before
    assert len(relations(database)) == len(tables)


def test_years_are_side_by_side_and_each_is_replaced_alone(database: Database, file: Path, tmp_path: Path) -> None:
    next_year = replace(REAL, run_id="us-2025", year=2025)
    later = exported(tmp_path / "later" / FILE, next_year)
    load(database, file)
    load(database, later, next_year)
    both = {name: sorted(rows + content_of(later)[name], key=repr) for name, rows in content_of(file).items()}
    assert content(database) == both
    more = exported(file, REAL, has_more=True)
    load(database, more)
    assert asked(database, "SELECT count(*) FROM estimates.estimates WHERE estimate = 77") == [(1,)]
    assert content(database) == {n: sorted(r + content_of(later)[n], key=repr) for n, r in content_of(more).items()}
    runs = asked(database, "SELECT time_series_start_year, run_id FROM estimates.runs ORDER BY 1")
    assert runs == [(2024, "us-2024"), (2025, "us-2025")]


def test_a_year_again_lists_every_changed_estimate(
    settings: dict[str, str], database: Database, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing for the same rows; otherwise the cell that came, the one that went, and the one with another number."""
    listed = tmp_path / "changed-estimates-2024.csv"
    published(tmp_path, file)
    first = command(tmp_path, monkeypatch, "us-2024", **settings)
    assert "differ" not in first.output
    again = command(tmp_path, monkeypatch, "us-2024", **settings)
    assert "0 estimates differ" in " ".join(again.output.split())
    assert not listed.exists()
    is_first = "permutation_number = 1 AND der_variable_name = 't_1a_1_1_1' AND estimate_type_num = 1"
    changed(
        database,
        f"UPDATE estimates.estimates SET estimate = 1 WHERE {is_first}",
        "DELETE FROM estimates.estimates WHERE permutation_number = 12 AND estimate_type_num = 1 "
        "AND der_variable_name = 't_1a_1_1_1'",
        "INSERT INTO estimates.estimates SELECT time_series_start_year, 999, der_variable_name, rate_specific_domain, "
        f"estimate, estimate_unweighted, estimate_type, estimate_type_num FROM estimates.estimates WHERE {is_first}",
    )
    done = command(tmp_path, monkeypatch, "us-2024", **settings)
    assert "3 estimates differ from what 2024 had before" in " ".join(done.output.split())
    rows = pl.read_csv(listed).select("change", "permutation_number", "former_estimate", "new_estimate").rows()
    assert rows == [("changed", 1, 1.0, 18_000.0), ("added", 12, None, 8000.0), ("removed", 999, 1.0, None)]
    assert content(database) == content_of(file)


@pytest.mark.parametrize("during", [one.name for one in TABLES])
def test_a_killed_load_leaves_the_former_content(during: str, database: Database, file: Path) -> None:
    load(database, file)
    before, tables = content(database, [*NAMES, "runs"]), sorted(relations(database))
    more = exported(file, REAL, has_more=True)
    seen: list[dict[str, list[Row]]] = []

    def kill(name: str, _n_rows: int, _total: int) -> None:
        if name == during:
            # Whoever reads during a load waits for nothing, and sees what was there before.
            seen.append(content(database, [*NAMES, "runs"]))
            killed = asked(
                database,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY \"estimates\"%'",
            )
            assert killed == [(True,)]

    with pytest.raises(PipelineError, match=r"connection to .* was lost.*run the same command again"):
        load(database, more, watch=kill)
    assert seen == [before]
    assert content(database, [*NAMES, "runs"]) == before
    assert sorted(relations(database)) == tables
    load(database, more)
    assert content(database) == content_of(more) != {name: before[name] for name in NAMES}


def test_a_full_disk_leaves_the_former_content(database: Database, file: Path) -> None:
    load(database, file)
    before = content(database)
    # What the server says when it cannot extend a file, while it builds an index.
    changed(
        database,
        "CREATE FUNCTION full_disk() RETURNS event_trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$",
        "CREATE EVENT TRIGGER full_disk ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION full_disk()",
    )
    with pytest.raises(PipelineError, match=r"no room for the load.*could not extend file.*former content remains"):
        load(database, exported(file, REAL, has_more=True))
    assert content(database) == before


def test_the_reader_reads_and_writes_nothing(database: Database, file: Path) -> None:
    load(database, file)
    with database.connect() as connection:
        connection.read_only = False
        connection.execute(f"SET SESSION ROLE {READER}".encode())
        [(n,)] = connection.execute("SELECT count(*) FROM estimates.estimates").fetchall()
        assert n == len(content_of(file)["estimates"])
        connection.commit()
        for statement in (
            "DELETE FROM estimates.estimates",
            "UPDATE estimates.runs SET run_id = 'other'",
            "INSERT INTO estimates.runs SELECT * FROM estimates.runs",
            "TRUNCATE estimates.population_lookup",
            "CREATE TABLE estimates.mine (n int)",
            "DROP TABLE estimates.estimates",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
            connection.rollback()


@pytest.fixture
def guest(settings: dict[str, str]) -> Iterator[str]:
    """A user without rights."""
    admin = database_of(settings)
    name = f"nibrs_guest_{os.getpid()}"
    changed(admin, f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
    yield name
    changed(admin, f"DROP OWNED BY {name} CASCADE", f"DROP ROLE {name}")


def test_a_user_without_rights_reads_which_grant_helps(
    settings: dict[str, str], database: Database, guest: str, file: Path
) -> None:
    own = database_of(settings, PGUSER=guest, PGPASSWORD=PASSWORD)
    with pytest.raises(PipelineError, match="may not load") as refused:
        load(own, file)
    grant = f'GRANT CREATE ON DATABASE "{database.dbname}" TO "{guest}";'
    assert grant in str(refused.value)
    assert PASSWORD not in str(refused.value)
    changed(database, grant)
    loaded = load_estimates(file, REAL, own, "estimates", lambda _name, _n, _total: None)
    # It may create the schema, but no role: the sentence says what an administrator runs, and that helps.
    assert loaded.note is not None
    assert loaded.note.startswith(f'CREATE ROLE "{READER}" NOLOGIN; GRANT USAGE')
    changed(database, *loaded.note.split(";")[:-1])
    assert load_estimates(file, REAL, own, "estimates", lambda _name, _n, _total: None).note is None
    assert content(database) == content_of(file)


def test_tables_of_another_role_are_not_replaced(
    settings: dict[str, str], database: Database, guest: str, file: Path
) -> None:
    load(database, file)
    before = content(database)
    changed(database, f"GRANT USAGE, CREATE ON SCHEMA estimates TO {guest}")
    changed(database, f"GRANT SELECT ON ALL TABLES IN SCHEMA estimates TO {guest}")
    with pytest.raises(PipelineError, match=r"GRANT their_owner TO"):
        load(database_of(settings, PGUSER=guest, PGPASSWORD=PASSWORD), file)
    assert content(database) == before


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("ALTER TABLE estimates.estimates DROP COLUMN estimate_copula", "has no column estimate_copula"),
        ("ALTER TABLE estimates.runs ADD COLUMN release text", "estimates.runs .*has a column release"),
        ("ALTER TABLE estimates.estimates ALTER COLUMN estimate TYPE real", "has estimate as real"),
        (
            "DROP TABLE estimates.population_lookup; CREATE TABLE estimates.population_lookup (population_pk int)",
            "and [0-9]+ more differences",
        ),
    ],
)  # fmt: skip
def test_tables_of_another_version_are_named(statement: str, told: str, database: Database, file: Path) -> None:
    load(database, file)
    changed(database, *statement.split(";"))
    with pytest.raises(PipelineError, match=rf"{told}.*--schema.*DROP SCHEMA"):
        load(database, file)


def test_synthetic_years_are_not_put_beside_real_ones(database: Database, file: Path, tmp_path: Path) -> None:
    later = replace(MADE_UP, year=2025)
    made_up = exported(tmp_path / "later" / FILE, later)
    load(database, file)
    for identity in (later, MADE_UP):
        with pytest.raises(UsageError, match=r"synthetic data.*real data: year 2024, run us-2024.*--allow-synthetic"):
            load(database, made_up, identity)
    assert content(database) == content_of(file)
    load(database, made_up, later, allow_synthetic=True)
    runs = "SELECT time_series_start_year, is_synthetic FROM estimates.runs ORDER BY 1"
    assert asked(database, runs) == [(2024, False), (2025, True)]
    with pytest.raises(UsageError, match=r"is of real data.*synthetic data: year 2025"):
        load(database, file)
    # A real run may take the place of a synthetic one.
    real = replace(REAL, run_id="us-2025", year=2025)
    load(database, exported(made_up, real), real)
    assert asked(database, runs) == [(2024, False), (2025, False)]


def test_two_loads_do_not_meet(database: Database, file: Path) -> None:
    def second(name: str, _n_rows: int, _total: int) -> None:
        if name == "estimates":
            with pytest.raises(PipelineError, match="Another load into schema estimates"):
                load(database, file)

    load(database, file, watch=second)
    assert content(database) == content_of(file)


def test_one_variable_and_one_geography_are_found_by_an_index(database: Database, file: Path) -> None:
    load(database, file)
    for condition, index in (
        ("der_variable_name = 't_1a_1_1_1'", "der_variable_name_permutation_number"),
        ("time_series_start_year = 2024 AND permutation_number = 12", "pkey"),
    ):
        with database.connect() as connection:
            connection.execute("SET enable_seqscan = off")
            plan = connection.execute(
                f"EXPLAIN SELECT * FROM estimates.estimates WHERE {condition}".encode()
            ).fetchall()
        assert index in str(plan)


def test_a_file_of_an_earlier_version_is_told(database: Database, file: Path) -> None:
    with duckdb.connect(file) as connection:
        connection.execute("DROP TABLE population_lookup")
    with pytest.raises(PipelineError, match=r"earlier version.*no table population_lookup"):
        load(database, file)


# The command.


def published(folder: Path, file: Path, run_id: str = "us-2024") -> None:
    record = RunRecord(replace(REAL, run_id=run_id), "")
    publish(LocalStore(folder / "artifacts"), run_id, record, [(file, file.name)], folder)


def command(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str, **settings: str) -> Result:
    monkeypatch.chdir(folder)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return CliRunner().invoke(app, ["publish", "database", *arguments])


def test_the_command_loads_what_was_published(
    settings: dict[str, str], database: Database, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(tmp_path, file)
    done = command(tmp_path, monkeypatch, "us-2024", "--schema", "estimates", **settings)
    assert done.exit_code == 0, done.exception
    assert content(database) == content_of(file)
    shown = " ".join(done.output.split())
    assert f"estimates.estimates: {len(content_of(file)['estimates'])} rows" in shown
    assert "data year 2024, source postgresql, run us-2024" in shown


def test_the_command_reads_artifacts_from_s3(
    settings: dict[str, str], s3_settings: dict[str, str], s3_bucket: str, database: Database, file: Path,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name, value in {**s3_settings, "ARTIFACT_STORE": f"s3://{s3_bucket}/there"}.items():
        monkeypatch.setenv(name, value)
    store = open_store(f"s3://{s3_bucket}/there", load_settings().s3())
    publish(store, "us-2024", RunRecord(REAL, ""), [(file, file.name)], tmp_path)
    done = command(tmp_path, monkeypatch, "us-2024", **settings)
    assert done.exit_code == 0, done.exception
    assert content(database) == content_of(file)


def test_a_dry_run_prints_the_sql_of_a_load(
    settings: dict[str, str], database: Database, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(tmp_path, file)
    done = command(tmp_path, monkeypatch, "us-2024", "--dry-run", "--schema", "trial", PGHOST="127.0.0.1", PGPORT="1")
    assert done.exit_code == 0, done.exception
    lines = done.output.splitlines()
    copies = [line for line in lines if line.startswith("COPY")]
    assert [line.rpartition("rows: ")[2] for line in copies] == [
        *(str(len(rows)) for rows in content_of(file).values()),
        "1",
    ]
    changed(database, *(line for line in lines if line not in (*copies, "BEGIN;", "COMMIT;")))
    described = asked(
        database,
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = 'trial' AND table_name = 'estimates' ORDER BY ordinal_position",
    )
    assert [name for (name,) in described] == list(ESTIMATES.schema)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{PASSWORD}@host:port/name",
        f"postgresql://me:{PASSWORD}@host",
        f"host=here dbname=there password={PASSWORD}",
        f"postgresql://me:{PASSWORD}@host/name?options={PASSWORD}",
        f"postgresql://me:{PASSWORD}@host/name?nonsense={PASSWORD}",
        f"mysql://me:{PASSWORD}@host/name",
        PASSWORD,
    ],
)
def test_a_wrong_address_is_not_repeated(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = command(tmp_path, monkeypatch, "us-2024", "--url", url)
    assert isinstance(done.exception, UsageError)
    assert "postgresql://user@host:port/database" in str(done.exception)
    assert PASSWORD not in str(done.exception) + done.output


def test_no_server_and_no_address_are_told(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published(tmp_path, file)
    none = command(tmp_path, monkeypatch, "us-2024")
    assert isinstance(none.exception, UsageError)
    assert "--url" in str(none.exception)
    url = f"postgresql://me:{PASSWORD}@127.0.0.1:1/name"
    dead = command(tmp_path, monkeypatch, "us-2024", "--url", url)
    assert isinstance(dead.exception, PipelineError)
    assert "127.0.0.1:1/name cannot be reached" in str(dead.exception)
    assert PASSWORD not in str(dead.exception) + dead.output


def test_a_wrong_password_is_told_and_not_shown(
    settings: dict[str, str], database: Database, guest: str, file: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The server asks for passwords of this user only: the one from the wheel trusts everybody."""
    [(path,)] = asked(database, "SHOW hba_file")
    rules = Path(str(path))
    if not rules.is_file():
        pytest.skip("the server is on another machine, so its rules for passwords cannot be changed")
    before = rules.read_text(encoding="utf-8")
    rules.write_text(f"local all {guest} scram-sha-256\nhost all {guest} all scram-sha-256\n{before}", encoding="utf-8")
    try:
        asked(database, "SELECT pg_reload_conf()")
        published(tmp_path, file)
        wrong = {**settings, "PGUSER": guest, "PGPASSWORD": "wrong-" + PASSWORD}
        done = command(tmp_path, monkeypatch, "us-2024", **wrong)
        assert isinstance(done.exception, PipelineError)
        assert "password authentication failed" in str(done.exception)
        assert PASSWORD not in str(done.exception) + done.output
    finally:
        rules.write_text(before, encoding="utf-8")
        asked(database, "SELECT pg_reload_conf()")


def test_a_run_that_is_not_finished_is_told(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://me@127.0.0.1:1/name"
    unknown = command(tmp_path, monkeypatch, "us-2024", "--url", url)
    assert isinstance(unknown.exception, PipelineError)
    assert "contains no published run" in str(unknown.exception)
    other = tmp_path / "README.txt"
    other.write_text("nothing")
    published(tmp_path, other)
    unfinished = command(tmp_path, monkeypatch, "us-2024", "--url", url)
    assert isinstance(unfinished.exception, UsageError)
    assert "published no estimates.duckdb" in str(unfinished.exception)
    published(tmp_path, file)
    (tmp_path / "artifacts/us-2024/estimates.duckdb").write_bytes(b"other")
    altered = command(tmp_path, monkeypatch, "us-2024", "--url", url)
    assert isinstance(altered.exception, PipelineError)
    assert "nibrs publish artifacts us-2024" in str(altered.exception)


def test_a_schema_has_a_plain_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = command(tmp_path, monkeypatch, "us-2024", "--schema", 'x"; DROP')
    assert isinstance(done.exception, UsageError)
    assert "no name of a schema" in str(done.exception)


def test_the_page_lists_the_tables() -> None:
    page = (ROOT / "docs/user-guide/estimates-database.md").read_text(encoding="utf-8")
    assert all(f"data-dictionary.md#{one.name})" in page for one in TABLES)
