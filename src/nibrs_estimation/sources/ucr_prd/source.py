"""The source: its name, years and states, and its task."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from nibrs_estimation.model import agency, incident
from nibrs_estimation.model.geography import AGENCY_COUNTY
from nibrs_estimation.model.intake import INTAKE_FILE, PARTITIONED
from nibrs_estimation.pipeline.database import Database
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.optional import postgresql_module
from nibrs_estimation.pipeline.source import Probe
from nibrs_estimation.pipeline.task import YEAR, Task
from nibrs_estimation.sources.intake.manifest import MANIFEST_TASK
from nibrs_estimation.sources.ucr_prd.agencies import queries, reference_datasets
from nibrs_estimation.sources.ucr_prd.catalogue import (
    DEFAULT_SCHEMA,
    check_catalogue,
    fingerprint,
    read_catalogue,
)
from nibrs_estimation.sources.ucr_prd.reading import Reading, read_database
from nibrs_estimation.sources.ucr_prd.scope import states_of_run
from nibrs_estimation.sources.ucr_prd.segments import normalized_state

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql
else:
    psycopg = postgresql_module("psycopg")
    sql = postgresql_module("psycopg.sql")

_log = logging.getLogger(__name__)

DEFAULT_CONNECTIONS, LEAST_CONNECTIONS = 4, 2
#: Comment on the schema of a database with synthetic data.
SYNTHETIC_MARK = "synthetic nation"
SEGMENT_DATASETS = (*incident.DATASETS, *PARTITIONED)

# A year with an agency that reports incidents is a candidate; one incident confirms it. No table is read completely.
_YEARS = """
SELECT y.data_year FROM (SELECT DISTINCT data_year FROM {yearly} WHERE is_nibrs) y
CROSS JOIN LATERAL (
    SELECT FROM {incident} i WHERE i.incident_date >= make_date(y.data_year, 1, 1)
        AND i.incident_date < make_date(y.data_year + 1, 1, 1) LIMIT 1
) i ORDER BY 1"""


@dataclass(frozen=True)
class UcrPrdSource:
    """An FBI `ucr_prd` database in PostgreSQL.

    Attributes:
        database: the database.
        schema: schema of its tables.
        connections: maximum number of connections at the same time, 2 or more.
    """

    database: Database
    schema: str = DEFAULT_SCHEMA
    connections: int = DEFAULT_CONNECTIONS
    has_counties: bool = True

    def __post_init__(self) -> None:
        if self.connections < LEAST_CONNECTIONS:
            raise UsageError(
                f"The import needs at least {LEAST_CONNECTIONS} connections, one of them for the snapshot; "
                f"{self.connections} is too few."
            )
        if '"' in self.schema or "'" in self.schema:
            raise UsageError(f"{self.schema!r} is not the name of a schema: it must not contain quotation marks.")

    @property
    def spec(self) -> str:
        """Its name."""
        return "postgresql"

    def newest_year(self) -> int:
        """The latest year with incidents in the database.

        Raises:
            PipelineError: it cannot be reached or examined, or has no incidents.
        """
        with self.database.connect() as connection:
            try:
                check_catalogue(self.database, self.schema, read_catalogue(self.database, connection, self.schema))
                years = self._years(connection)
            except psycopg.Error as error:
                raise self._examination_error(error) from None
        if not years:
            raise PipelineError(
                f"{self.database}, schema {self.schema}, has no incidents of agencies that report incidents. "
                "Check that it is the right database, and that it is loaded."
            )
        return years[-1]

    def _examination_error(self, error: psycopg.Error) -> PipelineError:
        return self.database.timeout_error(error) or PipelineError(
            f"{self.database} cannot be examined ({self.database.error_reason(error)}). Check that the server is up "
            "and that this user may SELECT from every table of the schema."
        )

    def probe(self, year: int, seed: int) -> Probe:
        """Examine the catalog, the years and the states, without reading the incidents.

        Raises:
            PipelineError: the database cannot be reached, lacks a schema, table, column or right, has a column of
                another type, or has no incidents of the year.
        """
        del seed
        with self.database.connect() as connection:
            try:
                found = read_catalogue(self.database, connection, self.schema)
                check_catalogue(self.database, self.schema, found)
                years = self._years(connection)
                if year not in years:
                    raise PipelineError(
                        f"{self.database}, schema {self.schema}, has no incidents of {year} of agencies that report "
                        f"incidents. Its years are: {', '.join(map(str, years)) or 'none'}. Choose one of them with "
                        "--year or DATA_YEAR."
                    )
                states = self._states(connection, year)
                mark = fingerprint(self.database, connection, self.schema, year, found)
                is_synthetic = self._is_synthetic(connection)
            except psycopg.Error as error:
                raise self._examination_error(error) from None
        if not states:
            raise PipelineError(
                f"{self.database}, schema {self.schema}: no state has an active agency that reports incidents in "
                f"{year}. Choose another data year, or check ref_agency_yearly and ref_agency_status."
            )
        return Probe(
            years=years,
            partitions={"state_abbr": states},
            fingerprint=mark,
            is_content_hash=False,
            summary=f"{self.database}, schema {self.schema}, data year {year}: {len(states)} states",
            is_synthetic=is_synthetic,
        )

    def without(self, datasets: Collection[str]) -> UcrPrdSource:
        """The source without ``agency_county``, if it is one of the datasets.

        The database has no judicial districts and field offices of counties.
        """
        return replace(self, has_counties=AGENCY_COUNTY.name not in datasets)

    def tasks(self) -> tuple[Task, ...]:
        """One task that reads everything from one snapshot, and one that writes the accounts."""
        places = (AGENCY_COUNTY,) if self.has_counties else ()
        return (
            Task(
                name="ingest_database",
                function=self.ingest_database,
                writes=(*agency.DATASETS, agency.SRS_MONTH, *places, INTAKE_FILE, *SEGMENT_DATASETS),
                parameters=(YEAR,),
                memory="huge",
            ),
            MANIFEST_TASK,
        )

    def ingest_database(self, year: int) -> dict[str, Any]:
        """Read agencies, months and incidents from one snapshot of the database.

        Raises:
            PipelineError: see :meth:`probe`; also if connections were lost repeatedly.
        """
        reading = read_database(self.database, self.schema, year, self.connections)
        comment = reading.frames["scope_mark"]["comment"][0]
        scope = "synthetic" if comment == SYNTHETIC_MARK else "all"
        states = States(reading, year, str(self.database))
        datasets = reference_datasets(reading.frames, year, scope)
        if not self.has_counties:
            del datasets[AGENCY_COUNTY.name]
        return {
            **datasets,
            INTAKE_FILE.name: self._intake_file(year, reading.fingerprint),
            **{dataset.name: StateTables(dataset.name, states) for dataset in SEGMENT_DATASETS},
        }

    def _intake_file(self, year: int, fingerprint: str) -> pl.DataFrame:
        row = {
            "input_name": str(self.database),
            "state_abbr": "US",
            "data_year": year,
            "layout": "ucr_prd",
            "use": "incidents",
            "is_excerpt": False,
            "sha256": fingerprint,
        }
        return pl.DataFrame([row], schema=INTAKE_FILE.schema)

    def _years(self, connection: psycopg.Connection[tuple[object, ...]]) -> tuple[int, ...]:
        query = sql.SQL(_YEARS).format(
            yearly=sql.Identifier(self.schema, "ref_agency_yearly"),
            incident=sql.Identifier(self.schema, "nibrs_incident"),
        )
        return tuple(int(str(year)) for (year,) in connection.execute(query))

    def _is_synthetic(self, connection: psycopg.Connection[tuple[object, ...]]) -> bool:
        query = queries(self.schema, 0, has_msa_table=False)["scope_mark"]
        return connection.execute(query.encode()).fetchone() == (SYNTHETIC_MARK,)

    def _states(self, connection: psycopg.Connection[tuple[object, ...]], year: int) -> tuple[str, ...]:
        texts = queries(self.schema, year, has_msa_table=False)
        frames = []
        for name in ("agencies", "status"):
            cursor = connection.execute(texts[name].encode())
            columns = [column.name for column in cursor.description or ()]
            frames.append(pl.DataFrame(cursor.fetchall(), schema=columns, orient="row", infer_schema_length=None))
        return states_of_run(frames[0], frames[1], year)


@dataclass
class States:
    """The normalized tables of every state; a state is computed on first access."""

    reading: Reading
    year: int
    input_name: str
    _computed: set[str] = field(default_factory=set)

    def table(self, dataset: str, state: str) -> pl.DataFrame:
        """One dataset of one state."""
        folder = Path(self.reading.folder.name) / "normalized" / state
        if state not in self._computed:
            folder.mkdir(parents=True)
            codes = self.reading.frames["offense_codes"]
            for name, frame in normalized_state(self.reading.spool, codes, state, self.year, self.input_name).items():
                frame.write_ipc(folder / f"{name}.arrow", compression="lz4")
            self._computed.add(state)
        return pl.read_ipc(folder / f"{dataset}.arrow")


@dataclass(frozen=True)
class StateTables(Mapping[str, pl.DataFrame]):
    """A dataset by state."""

    dataset: str
    states: States

    def __getitem__(self, state: str) -> pl.DataFrame:
        if state not in self.states.reading.states:
            raise KeyError(state)
        return self.states.table(self.dataset, state)

    def __iter__(self) -> Iterator[str]:
        return iter(self.states.reading.states)

    def __len__(self) -> int:
        return len(self.states.reading.states)
