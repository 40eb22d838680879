"""Find a finished run and read its estimates."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from nibrs_estimation.model.coverage import COVERAGE, GEOGRAPHY_POPULATION
from nibrs_estimation.model.estimates import CELL_ESTIMATE, CELL_GAP, GEOGRAPHY_QUALITY, SERIES_ESTIMATE
from nibrs_estimation.model.parameters import SMALL_COUNT, VARIANCE_RULE
from nibrs_estimation.model.published import PUBLISHED
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.files import atomic_path
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
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.published import published_rows
from nibrs_estimation.tables.read import RETURN_A, RETURN_A_REPORTED
from nibrs_estimation.tables.series import Series
from nibrs_estimation.tables.suppression import suppressed_rows
from nibrs_estimation.tables.table_rows import estimated_places, part_of, table_rows

_NEEDED = (CELL_ESTIMATE, CELL_GAP, COVERAGE, GEOGRAPHY_POPULATION, GEOGRAPHY_QUALITY)
_HINT = "`nibrs demo` creates a small one, `nibrs run all RUN_ID --source ...` one of your data."
#: Number of geographies whose rows are computed together.
_BATCH = 20


@dataclass(frozen=True)
class EstimatedRun:
    """A run with estimates.

    Attributes:
        identity: name, source and year of the run, and whether it is synthetic.
        datasets: folder of its datasets.
        coverage: dataset ``coverage``.
        places: rows of coverage that are estimated.
        choice: message on how the run was chosen; "" if it was named or is the only one.
    """

    identity: Identity
    datasets: Path
    coverage: pl.DataFrame
    places: pl.DataFrame
    choice: str = ""

    @property
    def run_id(self) -> str:
        """Id of the run."""
        return self.identity.run_id

    @property
    def year(self) -> int:
        """Data year of the run."""
        return self.identity.year

    def variance_rule(self) -> str:
        """The rule by which its standard errors and intervals were computed, from the record of the task."""
        return choice_of(self.datasets.parent, ("estimate_cells", "estimate_summaries"), VARIANCE_RULE)

    def read(self, dataset: Dataset) -> pl.LazyFrame:
        """Read one of its datasets."""
        return read_table(find_table(self.datasets, dataset), dataset)

    def rows(
        self,
        table: TableDefinition,
        places: pl.DataFrame,
        series: Series | None,
        only_rows: Collection[int] | None = None,
    ) -> pl.DataFrame:
        """All or some rows of a table for some geographies; see ``tables/table_rows.py``, ``tables/suppression.py``.

        Raises:
            UsageError: the run has not estimated the table or its series; all cells would seem to be 0.
        """
        dataset, part = CELL_ESTIMATE if series is None else SERIES_ESTIMATE, part_of(table, series)
        if not (self.datasets / dataset.name / f"{part}.parquet").is_file():
            what = f"table {table.table}" if series is None else f"demographic series of table {table.table}"
            raise UsageError(
                f"Run {self.run_id} has not estimated {what}. Run it completely: `nibrs run {flow_of(table)} "
                f"{self.run_id}` with "
                "its --year and --source (the demo: --source synthetic:0.01 --seed 1)."
            )
        cells = self.read(dataset)
        populations = self.read(GEOGRAPHY_POPULATION)
        rows = table_rows(
            table,
            cells,
            self.read(CELL_GAP),
            places,
            populations,
            series=series,
            only_rows=only_rows,
            variance_rule=self.variance_rule(),
        )
        exports = ("export_estimates", "export_summary_estimates")
        small_count = choice_of(self.datasets.parent, exports, SMALL_COUNT)
        return suppressed_rows(rows, table, places, self.read(GEOGRAPHY_QUALITY), small_count)


def choice_of(root: Path, tasks: Sequence[str], parameter: Parameter) -> str:
    """The choice with which one of some tasks of the run in a folder ran; the default if none has run."""
    manifests = [Manifest.read(root / "manifests" / f"{task}.json") for task in tasks]
    choices = [manifest.cause.parameters.get(parameter.name) for manifest in manifests if manifest is not None]
    return str(next(filter(None, choices), parameter.default))


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
    datasets: Path
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
    coverage = read_table(find_table(found.datasets, COVERAGE), COVERAGE).sort("geography_number").collect()
    return EstimatedRun(found.identity, found.datasets, coverage, estimated_places(coverage.lazy()), choice)


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
        datasets = path.parent / "datasets"
        if not is_of_other_version(path.parents[1]) and all(find_table(datasets, dataset) for dataset in _NEEDED):
            about = json.loads(path.read_text(encoding="utf-8"))
            yield _Found(
                Identity(**about["identity"]), datasets, str(about.get("state", "")), str(about.get("ended", ""))
            )


def write_csv(
    run: EstimatedRun,
    table: TableDefinition,
    places: pl.DataFrame,
    series: Series | None,
    path: Path,
    wanted: pl.Expr,
) -> int:
    """Write a table with the columns of ``estimates.csv``, in batches of geographies; returns the number of rows.

    Args:
        run: the run.
        table: definition of the table.
        places: geographies, rows of dataset ``coverage``.
        series: demographic series, or None for all persons.
        path: file to write.
        wanted: condition on ``row`` and ``column`` that selects the cells.
    """
    n_rows = 0
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        PUBLISHED.empty().collect().write_csv(file)
        for batch in places.iter_slices(_BATCH):
            rows = published_rows(run.rows(table, batch, series).filter(wanted), table, batch, run.identity, series)
            rows.write_csv(file, include_header=False)
            n_rows += rows.height
    return n_rows
