"""A run with estimates: found among those of a scratch folder, and read."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from nibrs_estimation.model.coverage import COVERAGE, GEOGRAPHY_POPULATION
from nibrs_estimation.model.estimates import CELL_ESTIMATE, CELL_GAP, GEOGRAPHY_QUALITY, SERIES_ESTIMATE
from nibrs_estimation.model.parameters import CONTROL_RULE, SMALL_COUNT, VARIANCE_RULE
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.flow import RUN_LAYOUT
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.manifest import Manifest
from nibrs_estimation.pipeline.parameter import Parameter
from nibrs_estimation.pipeline.runs import (
    MAIN_FLOW,
    METADATA_FILE,
    SUMMARY_FLOWS,
    check_run_id,
    is_of_other_version,
    version_conflict,
)
from nibrs_estimation.pipeline.table import find_table, read_table
from nibrs_estimation.reading.files import Files, LocalFiles
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.read import RETURN_A, RETURN_A_REPORTED
from nibrs_estimation.tables.series import Series
from nibrs_estimation.tables.suppression import suppressed_rows
from nibrs_estimation.tables.table_rows import estimated_places, part_of, table_rows

#: Datasets without which a run has no estimates that can be shown.
NEEDED = (CELL_ESTIMATE, CELL_GAP, COVERAGE, GEOGRAPHY_POPULATION, GEOGRAPHY_QUALITY)
_HINT = "`nibrs demo` creates a small one, `nibrs run all RUN_ID --source ...` one of your data."


@dataclass(frozen=True)
class EstimatedRun:
    """A run with estimates, of one flow.

    Attributes:
        identity: name, source and year of the run, and whether it is synthetic.
        files: its files.
        choices: choice of each parameter of the method that reading needs, by the parameter's name.
        coverage: dataset ``coverage``.
        places: rows of coverage that are estimated.
        choice: message on how the run was chosen; "" if it was named or is the only one.
    """

    identity: Identity
    files: Files
    choices: Mapping[str, str]
    coverage: pl.DataFrame
    places: pl.DataFrame
    choice: str = ""

    @classmethod
    def of(cls, identity: Identity, files: Files, choices: Mapping[str, str], choice: str = "") -> EstimatedRun:
        """Open a run whose files are there."""
        coverage = read_table(files.table(COVERAGE), COVERAGE).sort("geography_number").collect()
        return cls(identity, files, choices, coverage, estimated_places(coverage.lazy()), choice)

    @property
    def run_id(self) -> str:
        """Id of the run."""
        return self.identity.run_id

    @property
    def year(self) -> int:
        """Data year of the run."""
        return self.identity.year

    def variance_rule(self) -> str:
        """The rule by which its standard errors and intervals were computed."""
        return self.choices[VARIANCE_RULE.name]

    def has(self, dataset: Dataset) -> bool:
        """Whether the run has a dataset."""
        return bool(self.files.table(dataset))

    def has_part(self, part: str) -> bool:
        """Whether the run has estimated a table, or a part of it with demographic series."""
        return any(self.files.has(dataset, part) for dataset in (CELL_ESTIMATE, SERIES_ESTIMATE))

    def read(self, dataset: Dataset, part: str | None = None) -> pl.LazyFrame:
        """Read one of its datasets, or a part of it."""
        return read_table(self.files.table(dataset, part), dataset)

    def rows(
        self,
        table: TableDefinition,
        places: pl.DataFrame,
        series: Series | None,
        only_rows: Collection[int] | None = None,
        *,
        is_whole: bool = True,
    ) -> pl.DataFrame:
        """All or some rows of a table for some geographies; see ``tables/table_rows.py``, ``tables/suppression.py``.

        Raises:
            UsageError: the run has not estimated the table or its series; all cells would seem to be 0.
        """
        dataset, part = CELL_ESTIMATE if series is None else SERIES_ESTIMATE, part_of(table, series)
        if not self.files.has(dataset, part):
            what = f"table {table.table}" if series is None else f"demographic series of table {table.table}"
            raise UsageError(
                f"Run {self.run_id} has not estimated {what}. Run it completely: `nibrs run {flow_of(table)} "
                f"{self.run_id}` with "
                "its --year and --source (the demo: --source synthetic:0.01 --seed 1)."
            )
        rows = table_rows(
            table,
            self.read(dataset, part),
            self.read(CELL_GAP),
            places,
            self.read(GEOGRAPHY_POPULATION),
            series=series,
            is_whole=is_whole,
            only_rows=only_rows,
            variance_rule=self.variance_rule(),
        )
        return suppressed_rows(rows, table, places, self.read(GEOGRAPHY_QUALITY), self.choices[SMALL_COUNT.name])


def choice_of(root: Path, tasks: Sequence[str], parameter: Parameter) -> str:
    """The choice with which one of some tasks of the run in a folder ran; the default if none has run."""
    manifests = [Manifest.read(root / "manifests" / f"{task}.json") for task in tasks]
    choices = [manifest.cause.parameters.get(parameter.name) for manifest in manifests if manifest is not None]
    return str(next(filter(None, choices), parameter.default))


#: Parameters of the method that reading needs, with the tasks that used them.
_USED = (
    (VARIANCE_RULE, ("estimate_cells", "estimate_summaries")),
    (CONTROL_RULE, ("estimate_cells", "estimate_summaries")),
    (SMALL_COUNT, ("export_estimates", "export_summary_estimates")),
)


def choices_of_tasks(root: Path) -> dict[str, str]:
    """The choices with which the tasks of the run in a folder ran, by the name of the parameter."""
    return {parameter.name: choice_of(root, tasks, parameter) for parameter, tasks in _USED}


def recorded_choices(settings: Mapping[str, object]) -> dict[str, str]:
    """The same from the settings in the metadata of a published run, which has no records of tasks."""
    return {
        parameter.name: str(settings.get(parameter.setting.lower(), parameter.default)) for parameter, _tasks in _USED
    }


def _estimates(flow: str) -> str:
    return "estimates" if flow == MAIN_FLOW else f"estimates of flow {flow}"


def _alike(flow: str) -> tuple[str, ...]:
    """The flow and those that estimate the same tables."""
    return SUMMARY_FLOWS if flow in SUMMARY_FLOWS else (flow,)


def _hint(flow: str) -> str:
    return _HINT if flow == MAIN_FLOW else f"`nibrs run {flow} RUN_ID --source ...` makes them."


def flow_of(table: TableDefinition) -> str:
    """The flow that estimates a table."""
    return SUMMARY_FLOWS[0] if table.unit in (RETURN_A, RETURN_A_REPORTED) else MAIN_FLOW


def check_comparable(table: TableDefinition) -> None:
    """Refuse a table whose estimates cannot be compared or taken apart.

    Raises:
        UsageError: it is of summary estimates.
    """
    if flow_of(table) != MAIN_FLOW:
        raise UsageError(
            f"Table {table.table} is of summary estimates, which cannot be compared or taken apart yet: only tables of "
            "incidents can. `nibrs tables show` shows the tables of each run."
        )


def find_run(scratch: Path, run_id: str | None, flow: str = MAIN_FLOW) -> EstimatedRun | None:
    """A run of a flow by its id, or the newest finished, preferably of real data; None if no run has estimates.

    Raises:
        UsageError: the named run has no estimates.
    """
    found = sorted(_runs(scratch, flow), key=lambda run: (run.ended, run.identity.run_id))
    if run_id is not None:
        check_run_id(run_id)
        named = [run for run in found if run.identity.run_id == run_id]
        if not named and is_of_other_version(scratch / run_id):
            raise UsageError(version_conflict(scratch / run_id))
        if not named:
            others = ", ".join(sorted(run.identity.run_id for run in found))
            flows = {path.parent.name for path in scratch.glob(f"{run_id}/*/{METADATA_FILE}")}
            raise UsageError(
                f"There is no run {run_id!r} with {_estimates(flow)} in {scratch}"
                + (
                    f": it is of flow {', '.join(sorted(flows))}. "
                    if flows and flows.isdisjoint(_alike(flow))
                    else ". "
                )
                + (f"Runs with {_estimates(flow)}: {others}." if found else _hint(flow))
            )
        return _open(named[0], "")
    finished = [run for run in found if run.state == "finished"]
    if not finished:
        return None
    real = [run for run in finished if not run.identity.is_synthetic]
    chosen = (real or finished)[-1]
    return _open(chosen, _choice(chosen, finished))


def finished_runs(scratch: Path, flow: str) -> list[EstimatedRun]:
    """All finished runs of a flow that have estimates, the oldest first."""
    found = sorted(_runs(scratch, flow), key=lambda run: (run.ended, run.identity.run_id))
    return [_open(run, "") for run in found if run.state == "finished"]


@dataclass(frozen=True)
class _Found:
    """A run with estimates whose datasets are not read yet."""

    identity: Identity
    root: Path
    state: str
    ended: str


def _choice(chosen: _Found, finished: list[_Found]) -> str:
    """Message on why this run is shown, if there are several runs."""
    newest = finished[-1]
    if newest is not chosen:
        return (
            f"Run {newest.identity.run_id} is newer but synthetic: the newest run of real data is shown. "
            f"--run {newest.identity.run_id} shows the synthetic one."
        )
    if len(finished) > 1:
        kind = "synthetic runs; none has real data" if chosen.identity.is_synthetic else "runs"
        return f"The newest of {len(finished)} finished {kind}; --run NAME shows another."
    return ""


def _open(found: _Found, choice: str) -> EstimatedRun:
    root = found.root
    files = LocalFiles(root / RUN_LAYOUT.datasets, root / RUN_LAYOUT.documents)
    return EstimatedRun.of(found.identity, files, choices_of_tasks(root), choice)


def required_run(scratch: Path, run_id: str | None, flow: str = MAIN_FLOW) -> EstimatedRun:
    """The same as :func:`find_run`, but a run must exist.

    Raises:
        UsageError: there is no run with estimates.
    """
    run = find_run(scratch, run_id, flow)
    if run is None:
        old = [folder.name for folder in sorted(scratch.glob("*")) if is_of_other_version(folder)]
        of_old = f" These runs are of another version of this program: {', '.join(old)}." if old else ""
        raise UsageError(f"No finished run in {scratch} has {_estimates(flow)}.{of_old} {_hint(flow)}")
    return run


def _runs(scratch: Path, flow: str) -> Iterator[_Found]:
    """Runs of a flow, or of one that estimates the same tables, and of this version, that have estimates."""
    for path in (path for name in _alike(flow) for path in scratch.glob(f"*/{name}/run_metadata.json")):
        datasets = path.parent / RUN_LAYOUT.datasets
        if not is_of_other_version(path.parents[1]) and all(find_table(datasets, dataset) for dataset in NEEDED):
            about = json.loads(path.read_text(encoding="utf-8"))
            yield _Found(
                Identity(**about["identity"]), path.parent, str(about.get("state", "")), str(about.get("ended", ""))
            )
