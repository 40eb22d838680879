"""Statistics mode: runs single tasks from plain files to plain files, without run, resume or engine."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from nibrs_estimation.pipeline.code import code_hash
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.files import sha256_of
from nibrs_estimation.pipeline.flow import FLAT_LAYOUT, Unit, units_by_value
from nibrs_estimation.pipeline.manifest import Cause
from nibrs_estimation.pipeline.table import check_files, find_table, read_table
from nibrs_estimation.pipeline.task import IDENTITY, PARTITION, Task
from nibrs_estimation.pipeline.unit import Job, Outcome, run_job


@dataclass(frozen=True)
class Folders:
    """Folders of the input and output files.

    Attributes:
        inputs: contains ``<dataset>.parquet``, ``<dataset>.csv`` or folder ``<dataset>``; may be a run's ``datasets``.
        outputs: receives ``<dataset>.parquet`` (or a folder of parts), ``documents``, ``logs``, ``manifests``.
    """

    inputs: Path
    outputs: Path


def run_tasks(
    tasks: Sequence[Task],
    folders: Folders,
    parameters: Mapping[str, Any],
    externals: Mapping[str, Path],
    *,
    log_threshold: str = "INFO",
    partitions: Mapping[str, tuple[str, ...]] | None = None,
    report: Callable[[Outcome], None] = lambda _outcome: None,
    published: frozenset[str] = frozenset(),
) -> list[Outcome]:
    """Run tasks in order; a task reads the outputs of earlier tasks from the output folder.

    Args:
        tasks: the tasks, in order.
        folders: input and output folders.
        parameters: value of every parameter that a task may use; ``identity`` is also written to the output folder.
        externals: path of every external file that exists.
        log_threshold: level of the task logs.
        partitions: values of the partition keys; by default those of the task or of the input data.
        report: called with every outcome.
        published: names of the outputs that a run publishes, which contain the identity of the run.

    Returns:
        The outcomes; if a unit failed, its outcome is the last one.

    Raises:
        PipelineError: an input is missing, is ambiguous or does not fit its declaration; an output would exist twice;
            or another command writes to the output folder.
    """
    if not folders.inputs.is_dir():
        raise UsageError(
            f"The input folder {folders.inputs} does not exist. Set INPUT_PIPELINE_DIR to the folder of the inputs."
        )
    for task in tasks:
        if task.partition_by is None or task.parts(partitions or {}) is not None:
            _check_outputs(task, _units(task, {}, partitions or {}), folders)
    with _exclusive(folders.outputs):
        if identity := parameters.get(IDENTITY.name):
            identity.write(folders.outputs)
        written: set[str] = set()
        checked: set[str] = set()
        outcomes: list[Outcome] = []
        for task in tasks:
            files = {dataset.name: _files(dataset, folders, written, task) for dataset in task.reads}
            for dataset in task.reads:
                if dataset.name not in written | checked and dataset not in task.tolerates:
                    check_files(files[dataset.name], dataset)
                    checked.add(dataset.name)
            units = _units(task, files, partitions or {})
            _check_outputs(task, units, folders)
            for unit in units:
                outcome = run_job(_job(unit, files, folders, parameters, externals, log_threshold, published))
                report(outcome)
                outcomes.append(outcome)
                if outcome.state == "failed":
                    return outcomes
            written |= {output.name for output in task.writes}
        return outcomes


@contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    """Prevent a second command from writing to a folder; the system releases the lock when this process ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # The folder itself is locked: a lock file would be among the outputs.
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise PipelineError(
            f"The output folder {folder} cannot be created or used ({error.strerror}). Choose another folder."
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise PipelineError(
                f"Another command is writing to {folder}. Wait for it to end, or choose another output folder."
            ) from None
        yield
    finally:
        os.close(descriptor)


def _files(dataset: Dataset, folders: Folders, written: set[str], task: Task) -> list[Path]:
    folder = folders.outputs if dataset.name in written else folders.inputs
    files = find_table(folder, dataset)
    if not files and not dataset.is_optional:
        raise PipelineError(
            f"Task {task.name} needs dataset {dataset.name}, but {folder} contains no {dataset.name}.parquet, "
            f"{dataset.name}.csv or folder {dataset.name}. Put it there, or run the task that writes it first "
            "(see `nibrs datasets`)."
        )
    return files


def _units(task: Task, files: Mapping[str, list[Path]], partitions: Mapping[str, tuple[str, ...]]) -> list[Unit]:
    key, known = task.partition_by, task.parts(partitions)
    if key is None:
        return [Unit(task, partitions=known or ())]
    if known is not None:
        return list(units_by_value(task, known))
    found = [
        read_table(files[dataset.name], dataset).select(pl.col(key).unique()).collect()[key]
        for dataset in task.reads
        if dataset.partition_key == key
    ]
    values = sorted(pl.concat(found).unique().to_list()) if found else []
    if not values:
        raise PipelineError(f"Task {task.name} runs by {key}, but its inputs have no rows. Check the input files.")
    return list(units_by_value(task, values))


def _check_outputs(task: Task, units: Sequence[Unit], folders: Folders) -> None:
    """Refuse to write a dataset next to another form of it, or next to parts of another run."""
    for dataset in task.datasets:
        planned = {
            (folders.outputs / unit.file_name(dataset, partition)).resolve()
            for unit in units
            for partition in unit.parts_of(dataset).values()
        }
        strays = [path for path in find_table(folders.outputs, dataset) if path.resolve() not in planned]
        if strays:
            raise PipelineError(
                f"Task {task.name} would write {dataset.name} next to {strays[0]}, which is another form or part. "
                "Move that file away, or choose another output folder."
            )


def _job(
    unit: Unit,
    files: Mapping[str, list[Path]],
    folders: Folders,
    parameters: Mapping[str, Any],
    externals: Mapping[str, Path],
    log_threshold: str,
    published: frozenset[str],
) -> Job:
    values = {p.name: unit.partition if p == PARTITION else parameters[p.name] for p in unit.task.parameters}
    paths = {external.code_name: externals.get(external.code_name) for external in unit.task.externals}
    return Job(
        unit=unit,
        root=folders.outputs.resolve(),
        inputs={name: tuple(found) for name, found in files.items()},
        parameters=values,
        externals=paths,
        cause=Cause(
            code=code_hash(unit.task.function),
            parameters={name: str(value) for name, value in values.items()},
            inputs={name: [sha256_of(path) for path in found] for name, found in files.items()},
            externals={name: sha256_of(path) for name, path in paths.items() if path},
        ),
        log_threshold=log_threshold,
        engine="none",
        shares_process=False,
        layout=FLAT_LAYOUT,
        identity=parameters.get(IDENTITY.name),
        published=published,
    )
