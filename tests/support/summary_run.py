"""Flow srs in memory: its tasks one after the other, without files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from nibrs_estimation.flows.registry import find_flow
from nibrs_estimation.model.parameters import METHOD_DEFAULTS
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.pipeline.task import Task


def estimated(
    given: Mapping[str, pl.LazyFrame], year: int, seed: int, until: str, **choices: str
) -> dict[str, pl.DataFrame]:
    """Run the tasks of flow srs in memory as far as a dataset.

    Args:
        given: datasets of the source by name, and ``incident_summary`` with ``conversion_account``.
        year: data year.
        seed: of the run.
        until: name of the last dataset.
        choices: parameters of methods that are not the default.
    """
    frames = dict(given)
    waiting = [task for task in find_flow("srs").tasks if task.name != "convert_incidents"]
    written = {output.name for task in waiting for output in task.writes}
    parameters = METHOD_DEFAULTS | {"year": year, "seed": seed} | choices
    while until not in frames:
        ready = [task for task in waiting if _is_ready(task.reads, frames, written)]
        assert ready, "the tasks do not fit together"
        for task in ready:
            frames |= _run(task, frames, parameters)
            waiting.remove(task)
    return {name: frame.collect() for name, frame in frames.items()}


def _is_ready(reads: Iterable[Dataset], frames: Mapping[str, pl.LazyFrame], written: set[str]) -> bool:
    return all(dataset.name in frames or (dataset.is_optional and dataset.name not in written) for dataset in reads)


def _run(task: Task, frames: Mapping[str, pl.LazyFrame], parameters: Mapping[str, Any]) -> dict[str, pl.LazyFrame]:
    inputs = {dataset.name: frames.get(dataset.name, dataset.empty()) for dataset in task.reads}
    if any(parameter.name == "identity" for parameter in task.parameters):
        # Documents for people, which nothing reads.
        return {output.name: output.empty() for output in task.datasets}
    made = task.function(**inputs, **{p.name: parameters[p.name] for p in task.parameters})
    outputs = made if isinstance(made, Mapping) else {task.datasets[0].name: made}
    found = {}
    for dataset in task.datasets:
        parts = outputs[dataset.name]
        tables = list(parts.values()) if isinstance(parts, Mapping) else [parts]
        whole = pl.concat(part.lazy() for part in tables if isinstance(part, pl.LazyFrame | pl.DataFrame))
        found[dataset.name] = whole.sort(dataset.primary_key).collect().lazy()
    return found
