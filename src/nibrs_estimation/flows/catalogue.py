"""Listings of all tasks and datasets of the flows and sources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nibrs_estimation.evaluate.source import DEFAULT_RULES, Backtest
from nibrs_estimation.flows.registry import FLOWS
from nibrs_estimation.metrics.history import RunHistory
from nibrs_estimation.model import estimates_database, geography, published
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.task import Task
from nibrs_estimation.sources.registry import source_examples
from nibrs_estimation.sources.synthetic import SyntheticSource
from nibrs_estimation.sources.ucr_prd.contract import as_contract


def _tasks() -> dict[str, Task]:
    return {task.name: task for flow in FLOWS.values() for task in flow.tasks}


def _source_tasks() -> list[tuple[str, Task]]:
    backtest = Backtest(SyntheticSource(), "random", "", "", DEFAULT_RULES, 1)
    examples = source_examples()
    sources = {
        **examples,
        "backtest": backtest,
        "contract": as_contract(examples["postgresql"]),
        "runs": RunHistory(Path("scratch")),
    }
    return [(kind, task) for kind, source in sources.items() for task in source.tasks()]


def _datasets() -> dict[str, Dataset]:
    tasks = [*(task for _kind, task in _source_tasks()), *_tasks().values()]
    used = [dataset for task in tasks for dataset in (*task.datasets, *task.reads)]
    # The last ones are not datasets of a run, but the content of published files and of the estimates database.
    named = (*geography.OPTIONAL, *published.DATASETS, *estimates_database.DATASETS)
    return {dataset.name: dataset for dataset in (*used, *named)}


def all_flows() -> list[dict[str, Any]]:
    """Every flow with its tasks."""
    return [
        {"flow": flow.name, "description": flow.description, "tasks": [task.name for task in flow.tasks]}
        for flow in FLOWS.values()
    ]


def all_tasks() -> list[dict[str, Any]]:
    """Every task: the sources' first, then the stages' in the order of the flows."""
    stages = [
        {
            "task": task.name,
            "in": [flow.name for flow in FLOWS.values() if task in flow.tasks],
            "reads": [dataset.name for dataset in task.reads],
            "writes": [output.name for output in task.writes],
            "description": task.description,
        }
        for task in _tasks().values()
    ]
    sources = [
        {
            "task": task.name,
            "in": [f"source {kind}"],
            "reads": [],
            "writes": [output.name for output in task.writes],
            "description": task.description,
        }
        for kind, task in _source_tasks()
    ]
    return [*sources, *stages]


def all_datasets() -> list[dict[str, Any]]:
    """Every dataset with its writers and readers."""
    tasks = all_tasks()
    return [
        {
            "dataset": dataset.name,
            "written_by": sorted({task["task"] for task in tasks if dataset.name in task["writes"]}),
            "read_by": [task["task"] for task in tasks if dataset.name in task["reads"]],
            "description": dataset.description,
        }
        for dataset in _datasets().values()
    ]


def describe_columns(dataset: Dataset) -> list[dict[str, Any]]:
    """The columns of a dataset: type, unit, codes, description, and whether required."""
    return [
        {
            "column": column.name,
            "type": column.type,
            "required": not column.is_nullable,
            "unit": column.unit,
            "codes": list(column.codes),
            "description": column.description,
        }
        for column in dataset.columns
    ]


def find_task(name: str) -> Task:
    """A stage's task by its name.

    Raises:
        UsageError: there is no such task.
    """
    tasks = _tasks()
    if name not in tasks:
        raise UsageError(f"There is no task {name!r}. The tasks are: {', '.join(tasks)}.")
    return tasks[name]


def find_dataset(name: str) -> Dataset:
    """A dataset by its name.

    Raises:
        UsageError: there is no such dataset.
    """
    datasets = _datasets()
    if name not in datasets:
        of_flow = (
            f" It is a flow: `nibrs flows` lists its tasks, `nibrs run {name} RUN_ID` runs it." if name in FLOWS else ""
        )
        raise UsageError(f"There is no dataset {name!r}.{of_flow} The datasets are: {', '.join(datasets)}.")
    return datasets[name]
