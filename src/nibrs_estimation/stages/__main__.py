"""`python -m nibrs_estimation.stages STAGE [TASK]`: run one stage, in statistics mode."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from nibrs_estimation.cli.statistics import stage_main, stages_main
from nibrs_estimation.pipeline.task import Task

#: In the order of the chain.
STAGES = (
    "universe", "completeness", "outliers", "block_imputation", "benchmark", "weighting", "coverage",
    "item_imputation", "validation", "accounting", "counting", "estimation", "publication", "summary", "smoketest",
)  # fmt: skip


def run_stage(name: str, *others: str) -> None:
    """Run the tasks of a stage, and of stages that were part of it in the past, or one that the command line names."""
    stage_main(name, [task for stage in (name, *others) for task in _tasks_of(stage)])


def _tasks_of(stage: str) -> Sequence[Task]:
    tasks: Sequence[Task] = import_module(f"nibrs_estimation.stages.{stage}").TASKS
    return tasks


if __name__ == "__main__":
    stages_main(STAGES, _tasks_of)
