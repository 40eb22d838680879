"""Running one unit of work: read, call, check, write and record. All engines call `run_job`."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

import polars as pl
from threadpoolctl import ThreadpoolController

from nibrs_estimation.pipeline import memory
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.files import atomic_path, checkpoint, full_disk_error, working_under
from nibrs_estimation.pipeline.flow import RUN_LAYOUT, Layout, Unit
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.logs import task_log
from nibrs_estimation.pipeline.manifest import Cause, Manifest
from nibrs_estimation.pipeline.table import FileRecord, read_table, write_table
from nibrs_estimation.pipeline.task import DocumentWriter, Table

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """A unit with everything that it needs, ready to be sent to another process.

    Attributes:
        unit: what to run.
        root: folder of outputs, log and manifest.
        inputs: files of each dataset that the task reads.
        parameters, externals: by name.
        cause: cause to be recorded in the manifest.
        log_threshold: TRACE, DEBUG, INFO, WARNING or ERROR.
        engine: name of the engine, for the manifest.
        shares_process: whether other units may run in this process at the same time.
        layout: folders of the outputs under ``root``.
        identity: identity of the run, for its log and its published tables; None if there is none.
        published: names of the published outputs; the bytes of other outputs do not depend on the run.
    """

    unit: Unit
    root: Path
    inputs: Mapping[str, tuple[Path, ...]]
    parameters: Mapping[str, Any]
    externals: Mapping[str, Path | None]
    cause: Cause
    log_threshold: str
    engine: str
    shares_process: bool
    layout: Layout = RUN_LAYOUT
    identity: Identity | None = None
    published: frozenset[str] = frozenset()

    @property
    def log_path(self) -> Path:
        """Path of the unit's log."""
        return self.root / "logs" / f"{self.unit.stem}.log"

    @property
    def manifest_path(self) -> Path:
        """Path of the unit's manifest."""
        return self.root / "manifests" / f"{self.unit.stem}.json"


@dataclass(frozen=True)
class Outcome:
    """Result of a unit.

    Attributes:
        key, task_name: names of the unit and its task.
        state: "done", "kept" (up to date), "failed" or "blocked" (a unit that it needs failed).
        message: reason why it failed or was blocked.
        manifest: manifest of a unit that is done or kept.
    """

    key: str
    task_name: str
    state: str
    duration_s: float = 0.0
    message: str = ""
    log_path: Path | None = None
    manifest: Manifest | None = None


def run_job(job: Job) -> Outcome:
    """Run a unit; a failure is logged and returned, never raised."""
    started, clock, cpu = datetime.now(UTC), time.perf_counter(), time.process_time()
    key, name = job.unit.key, job.unit.task.name
    try:
        with task_log(job.log_path, job.log_threshold) as log, _blas().limit(limits=1):
            memory.reset_peak()
            log.info("%s started; %s", key, job.identity.text if job.identity else "no run")
            try:
                log.debug("parameters %s", job.cause.parameters)
                with working_under(job.root):
                    outputs = _run(job)
            except Exception as error:
                log.error("%s failed\n%s", key, traceback.format_exc())  # noqa: TRY400 (the text is scanned by people)
                known = error if isinstance(error, PipelineError) else full_disk_error(error, job.root)
                message = str(known) if known else f"{type(error).__name__}: {error}"
                return Outcome(key, name, "failed", time.perf_counter() - clock, message, job.log_path)
            duration_s, cpu_s = time.perf_counter() - clock, time.process_time() - cpu
            log.info("%s finished in %.2f s", key, duration_s)
        manifest = Manifest(
            unit=key,
            cause=job.cause,
            outputs=outputs,
            started=started.isoformat(timespec="milliseconds"),
            duration_s=round(duration_s, 4),
            peak_memory_bytes=memory.peak_bytes(),
            peak_memory_of="process" if job.shares_process else "task",
            engine=job.engine,
            cpu_s=round(cpu_s, 4),
        )
        checkpoint("before manifest", job.manifest_path)
        manifest.write(job.manifest_path)
        checkpoint("after manifest", job.manifest_path)
    except (OSError, PipelineError) as error:
        return Outcome(key, name, "failed", time.perf_counter() - clock, str(error), job.log_path)
    return Outcome(key, name, "done", duration_s, log_path=job.log_path, manifest=manifest)


@cache
def _blas() -> ThreadpoolController:
    # Matrix products must not depend on the number of cores. Cached because the search takes a millisecond.
    return ThreadpoolController()


def _run(job: Job) -> dict[str, FileRecord]:
    task = job.unit.task
    arguments: dict[str, Any] = {dataset.name: _input(job, dataset) for dataset in task.reads}
    arguments |= {parameter.name: job.parameters[parameter.name] for parameter in task.parameters}
    arguments |= {external.code_name: job.externals[external.code_name] for external in task.externals}
    result = task.function(**arguments)
    by_name = dict(result) if isinstance(result, Mapping) else {task.writes[0].name: result}
    expected = [output.name for output in task.writes]
    if sorted(by_name) != sorted(expected):
        raise PipelineError(f"Task {task.name} must return {', '.join(expected)}, but returned {', '.join(by_name)}.")
    records = {}
    for output in task.writes:
        for name, partition in job.unit.parts_of(output).items():
            path, value = job.root / job.layout.path(job.unit, output, partition), by_name[output.name]
            rows = None
            if isinstance(output, Dataset):
                table = value[cast(str, partition)] if isinstance(value, Mapping) else value
                metadata = job.identity.metadata() if job.identity and output.name in job.published else None
                rows = write_table(cast(Table, table), output, path, partition=partition, metadata=metadata)
            else:
                with atomic_path(path) as temporary:
                    cast(DocumentWriter, value)(temporary)
            records[name] = FileRecord.of(path, job.root, rows)
            LOG.debug("wrote %s: %s", records[name].path, "a document" if rows is None else f"{rows:,} rows")
    return records


def _input(job: Job, dataset: Dataset) -> pl.LazyFrame:
    table = read_table(job.inputs[dataset.name], dataset)
    partition = job.unit.partition_read(dataset)
    return table if partition is None else table.filter(pl.col(str(dataset.partition_key)) == partition)
