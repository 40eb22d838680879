"""Estimates of a finished run: which run, and where they lie."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from nibrs_estimation.model.coverage import COVERAGE, GEOGRAPHY_POPULATION
from nibrs_estimation.model.estimates import CELL_ESTIMATE, CELL_GAP, SERIES_ESTIMATE
from nibrs_estimation.model.published import PUBLISHED
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.files import atomic_path
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.runs import MAIN_FLOW, check_run_id, is_of_other_version, other_version
from nibrs_estimation.pipeline.table import find_table, read_table
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.published import published_rows
from nibrs_estimation.tables.series import Series
from nibrs_estimation.tables.table_rows import estimated_places, part_of, table_rows

_NEEDED = (CELL_ESTIMATE, CELL_GAP, COVERAGE, GEOGRAPHY_POPULATION)
_MAKE_ONE = "`nibrs demo` makes a small one, `nibrs run all RUN_ID --source ...` one of your data."
#: Geographies whose rows are made at a time.
_BATCH = 20


@dataclass(frozen=True)
class EstimatedRun:
    """A run whose estimates are there.

    Attributes:
        identity: its name, source and year, and whether it is synthetic.
        datasets: folder of its datasets.
        coverage: dataset of that name.
        places: the geographies of it that are estimated.
        choice: how it was chosen among others, for people; "" where it was named or is the only one.
    """

    identity: Identity
    datasets: Path
    coverage: pl.DataFrame
    places: pl.DataFrame
    choice: str = ""

    @property
    def run_id(self) -> str:
        """Its name."""
        return self.identity.run_id

    @property
    def year(self) -> int:
        """Its data year."""
        return self.identity.year

    def read(self, dataset: Dataset) -> pl.LazyFrame:
        """One of its datasets."""
        return read_table(find_table(self.datasets, dataset), dataset)

    def rows(self, table: TableDefinition, places: pl.DataFrame, series: Series | None) -> pl.DataFrame:
        """The whole table for some geographies, as ``tables/table_rows.py`` describes it.

        Raises:
            UsageError: the run has not estimated the table, or not for the series: no row would be taken for 0.
        """
        dataset, part = CELL_ESTIMATE if series is None else SERIES_ESTIMATE, part_of(table, series)
        if not (self.datasets / dataset.name / f"{part}.parquet").is_file():
            what = f"table {table.table}" if series is None else f"demographic series of table {table.table}"
            raise UsageError(
                f"Run {self.run_id} has not estimated {what}. Run it again, whole: `nibrs run all {self.run_id}` with "
                "its --year and --source (the demo: --source synthetic:0.01 --seed 1)."
            )
        cells = self.read(dataset)
        populations = self.read(GEOGRAPHY_POPULATION)
        return table_rows(table, cells, self.read(CELL_GAP), places, populations, series=series)


def find_run(scratch: Path, run_id: str | None) -> EstimatedRun | None:
    """A run by its id, or the newest that finished, of real data where there is one; None if no run has estimates.

    Raises:
        UsageError: the run that is named has none.
    """
    found = sorted(_runs(scratch), key=lambda run: (run.ended, run.identity.run_id))
    if run_id is not None:
        check_run_id(run_id)
        named = [run for run in found if run.identity.run_id == run_id]
        if not named and is_of_other_version(scratch / run_id):
            raise UsageError(other_version(scratch / run_id))
        if not named:
            others = ", ".join(sorted(run.identity.run_id for run in found))
            raise UsageError(
                f"There is no run {run_id!r} with estimates in {scratch}. "
                + (f"Runs with estimates: {others}." if found else _MAKE_ONE)
            )
        return _opened(named[0], "")
    finished = [run for run in found if run.state == "finished"]
    if not finished:
        return None
    real = [run for run in finished if not run.identity.is_synthetic]
    chosen = (real or finished)[-1]
    return _opened(chosen, _choice(chosen, finished))


@dataclass(frozen=True)
class _Found:
    """A run with estimates, before anything of it is read."""

    identity: Identity
    datasets: Path
    state: str
    ended: str


def _choice(chosen: _Found, finished: list[_Found]) -> str:
    """Why this of several runs is shown: nobody should take one for another."""
    newest = finished[-1]
    if newest is not chosen:
        return (
            f"Run {newest.identity.run_id} is newer, but synthetic: the newest run of real data is shown instead. "
            f"--run {newest.identity.run_id} shows the synthetic one."
        )
    if len(finished) > 1:
        others = "synthetic runs; none has real data" if chosen.identity.is_synthetic else "runs"
        return f"The newest of {len(finished)} finished {others}; --run NAME shows another."
    return ""


def _opened(found: _Found, choice: str) -> EstimatedRun:
    coverage = read_table(find_table(found.datasets, COVERAGE), COVERAGE).sort("geography_number").collect()
    return EstimatedRun(found.identity, found.datasets, coverage, estimated_places(coverage.lazy()), choice)


def required_run(scratch: Path, run_id: str | None) -> EstimatedRun:
    """The same where there must be one.

    Raises:
        UsageError: there is none.
    """
    run = find_run(scratch, run_id)
    if run is None:
        old = [folder.name for folder in sorted(scratch.glob("*")) if is_of_other_version(folder)]
        of_old = f" Of another version of this program are: {', '.join(old)}." if old else ""
        raise UsageError(f"No finished run in {scratch} has estimates.{of_old} {_MAKE_ONE}")
    return run


def _runs(scratch: Path) -> Iterator[_Found]:
    """Runs with estimates, of this version of the program."""
    for path in scratch.glob(f"*/{MAIN_FLOW}/run_metadata.json"):
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
    """Write a table with the columns of ``estimates.csv``, some geographies at a time; returns the number of rows.

    Args:
        run: whose estimates.
        table: its definition.
        places: the geographies, rows of dataset ``coverage``.
        series: group of persons, or None for everybody.
        path: the file.
        wanted: which cells, by ``row`` and ``column``.
    """
    n_rows = 0
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        PUBLISHED.empty().collect().write_csv(file)
        for batch in places.iter_slices(_BATCH):
            rows = published_rows(run.rows(table, batch, series).filter(wanted), table, batch, run.identity, series)
            rows.write_csv(file, include_header=False)
            n_rows += rows.height
    return n_rows
