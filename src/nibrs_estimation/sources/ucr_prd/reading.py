"""Read all tables from one snapshot of the database, with several connections in parallel.

Source: docs/develop/adding-a-source.md.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import polars as pl

from nibrs_estimation.model import ucr_prd
from nibrs_estimation.pipeline.database import ConnectionLostError, Database, Reader, Snapshot, UnreachableError
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.files import temporary_folder
from nibrs_estimation.pipeline.optional import postgresql_module
from nibrs_estimation.sources.ucr_prd.agencies import OPTIONAL_TABLE, queries
from nibrs_estimation.sources.ucr_prd.catalogue import check_catalogue, fingerprint, read_catalogue
from nibrs_estimation.sources.ucr_prd.layout import SEGMENTS, Segment
from nibrs_estimation.sources.ucr_prd.scope import states_of_run
from nibrs_estimation.sources.ucr_prd.spool import Scope, Spool

if TYPE_CHECKING:
    import psycopg
else:
    psycopg = postgresql_module("psycopg")

_log = logging.getLogger(__name__)

MOST_TRIES = 3
#: Pause after the first lost connection; it is doubled after the second.
PAUSE_S = 1.0
#: Foreign keys that the database enforces on all rows.
_FOREIGN_KEYS = """
SELECT child.relname, parent.relname
FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class child ON child.oid = k.conrelid
JOIN pg_catalog.pg_class parent ON parent.oid = k.confrelid
JOIN pg_catalog.pg_namespace n ON n.oid = child.relnamespace AND n.oid = parent.relnamespace
WHERE k.contype = 'f' AND k.convalidated AND n.nspname = %s"""

_Job = Callable[[Reader], None]


@dataclass(frozen=True)
class Reading:
    """Result of reading one snapshot.

    Attributes:
        frames: results of :func:`~nibrs_estimation.sources.ucr_prd.agencies.queries`, by name.
        spool: rows of the segments.
        states: states of the run, ascending.
        fingerprint: fingerprint of the database in the snapshot.
        folder: folder of the spool; it is removed with this object.
    """

    frames: dict[str, pl.DataFrame]
    spool: Spool
    states: tuple[str, ...]
    fingerprint: str
    folder: TemporaryDirectory[str]


def read_database(database: Database, schema: str, year: int, connections: int) -> Reading:
    """Read all tables from one snapshot; if a connection is lost, read all of them again from a new one.

    Rows of two snapshots are never mixed: rows from the lost snapshot are discarded.

    Raises:
        PipelineError: the database is not as declared, or connections were lost in each of three tries.
    """
    for attempt in range(1, MOST_TRIES + 1):
        folder = temporary_folder("ucr_prd")
        try:
            with database.snapshot() as snapshot:
                return _read_snapshot(snapshot, schema, year, connections, folder)
        except (ConnectionLostError, UnreachableError, psycopg.OperationalError) as error:
            folder.cleanup()
            # A timeout is not a lost connection.
            if late := database.timeout_error(error):
                raise late from None
            # In the first try the database was never reached; later, a server may be restarting.
            if isinstance(error, UnreachableError) and attempt == 1:
                raise
            reason = database.error_reason(error)
            if attempt == MOST_TRIES:
                raise PipelineError(
                    f"The connection to {database} was lost in each of {MOST_TRIES} tries ({reason}). Check the "
                    "network and the server's log, then run the same command again."
                ) from None
            _log.warning(
                "the connection to %s was lost (%s); everything is read again from a new snapshot, try %d of %d",
                database,
                reason,
                attempt + 1,
                MOST_TRIES,
            )
            time.sleep(PAUSE_S * attempt)
        except BaseException:
            folder.cleanup()
            raise
    raise AssertionError("every try returns or raises")


def _read_snapshot(
    snapshot: Snapshot, schema: str, year: int, connections: int, folder: TemporaryDirectory[str]
) -> Reading:
    found = read_catalogue(snapshot.database, snapshot.connection, schema)
    check_catalogue(snapshot.database, schema, found)
    mark = fingerprint(snapshot.database, snapshot.connection, schema, year, found)
    enforced = {(str(child), str(parent)) for child, parent in snapshot.connection.execute(_FOREIGN_KEYS, (schema,))}
    texts = queries(schema, year, OPTIONAL_TABLE in found)
    with snapshot.reader() as reader:
        frames = {name: reader.frame(texts.pop(name)) for name in ("agencies", "status")}
    states = states_of_run(frames["agencies"], frames["status"], year)
    if not states:
        raise PipelineError(
            f"{snapshot.database}, schema {schema}: no state has an active agency that reports incidents in {year}. "
            "Choose another data year, or check ref_agency_yearly and ref_agency_status."
        )
    scope = Scope(_agency_scope(frames, year), states)
    spool = Spool(Path(folder.name))

    def fetch(name: str) -> _Job:
        def job(reader: Reader) -> None:
            frames[name] = reader.frame(texts[name])

        return job

    def fill(segment: Segment) -> _Job:
        def job(reader: Reader) -> None:
            spool.fill(segment, schema, year, _is_enforced(segment, enforced), reader, scope)

        return job

    # The connection that exports the snapshot is included in the limit.
    _run([fetch("offenses"), *map(fill, SEGMENTS), *map(fetch, texts.keys() - {"offenses"})], snapshot, connections - 1)
    return Reading(frames, spool, states, mark, folder)


def _agency_scope(frames: dict[str, pl.DataFrame], year: int) -> pl.DataFrame:
    """All agencies with their state, and whether they report incidents and have a status in the year."""
    has_status = pl.col("agency_id").is_in(frames["status"]["agency_id"].implode())
    is_nibrs = pl.col("is_nibrs").fill_null(False) & (pl.col("data_year") == year)
    return (
        frames["agencies"]
        .group_by("agency_id")
        .agg(pl.col("state_abbr").str.strip_chars().first(), is_in_scope=(is_nibrs & has_status).any())
        .with_columns(pl.col("agency_id").cast(pl.Int32))
    )


def _is_enforced(segment: Segment, enforced: set[tuple[str, str]]) -> bool:
    incident = ucr_prd.NIBRS_INCIDENT.name
    if segment.parent is None:
        return (segment.table.name, incident) in enforced
    is_group_b = segment.parent is ucr_prd.NIBRS_GROUPB_ARRESTEE
    return (segment.table.name, segment.parent.name) in enforced and (
        is_group_b or (segment.parent.name, incident) in enforced
    )


def _run(jobs: list[_Job], snapshot: Snapshot, workers: int) -> None:
    """Do the jobs in order, each worker with its own connection; the first failure stops all."""
    waiting = deque(jobs)

    def work() -> None:
        with snapshot.reader() as reader:
            while True:
                try:
                    job = waiting.popleft()
                except IndexError:
                    return
                try:
                    job(reader)
                except BaseException:
                    waiting.clear()
                    raise

    with ThreadPoolExecutor(workers) as pool:
        for future in [pool.submit(work) for _ in range(workers)]:
            future.result()
