"""Second estimates, bias, errors, momentum and suppression of all base cells of a nation of full size, each alone.

    uv run python -m benchmarks.quality scratch/<run_id>/all [second|quality]

Reads a finished run and writes nothing. Each part is best taken in a process of its own, whose peak of memory is then
that of the part. Limits: second estimates 8 minutes and 10 GiB; all others together 3 minutes.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl

from nibrs_estimation.model.benchmark import WEIGHTING_FRAME
from nibrs_estimation.model.coverage import COVERAGE, GEOGRAPHY_POPULATION
from nibrs_estimation.model.estimates import CELL_ESTIMATE, CELL_GAP
from nibrs_estimation.model.geography import AGENCY_COUNTY, COUNTY_POPULATION
from nibrs_estimation.model.universe import POLICE_EMPLOYEES
from nibrs_estimation.reading.basis import basis_of
from nibrs_estimation.reading.runs import EstimatedRun, required_run
from nibrs_estimation.stages.estimation.quality import judge_geographies
from nibrs_estimation.survey.second_estimator import plan_of, second_estimator
from nibrs_estimation.tables.read import table_definitions
from nibrs_estimation.tables.suppression import suppressed_rows
from nibrs_estimation.tables.table_rows import table_rows

#: Geographies whose rows are computed together.
_BATCH = 50
_SECOND, _QUALITY = (8.0, 10.0), (3.0, None)


class Clock:
    """Wall and processor time of parts."""

    def __init__(self) -> None:
        self.wall, self.cpu = 0.0, 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Take the time of a block."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu

    def report(self, what: str, cells: int, limits: tuple[float, float | None]) -> None:
        """Print times and memory beside their limits, in minutes and GiB."""
        minutes, gib = limits
        print(f"{what}: {cells:,} cells, {self.wall:.1f} s, processor time {self.cpu:.1f} s")
        print(f"  {self.wall / 60:6.2f} min, limit {minutes:4.0f} min, ratio {self.wall / 60 / minutes:.2f}")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"  {peak:6.2f} GiB" + (f", limit {gib:4.0f} GiB, ratio {peak / gib:.2f}" if gib else ""))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("run", type=Path, help="folder of a finished run, scratch/<run_id>/all")
    options.add_argument("part", nargs="?", choices=("second", "quality"), help="default: both")
    arguments = options.parse_args()
    root = arguments.run.absolute()
    run = required_run(root.parents[1], root.parent.name)
    if arguments.part != "quality":
        second_estimates(run)
    if arguments.part != "second":
        quality(run)


def second_estimates(run: EstimatedRun) -> None:
    """U of all stored base cells; they must be those of the run."""
    laid_out, counted, imputed, n = Clock(), Clock(), Clock(), 0
    with laid_out.running():
        basis = basis_of(run, None)
    with imputed.running():
        second = second_estimator(
            basis.design,
            basis.units,
            run.read(WEIGHTING_FRAME),
            run.read(POLICE_EMPLOYEES),
            run.read(AGENCY_COUNTY),
            run.read(COUNTY_POPULATION),
            basis.members,
            run.year,
            "sound",
        )
    for name, table in table_definitions().items():
        C, cells = len(table.columns), run.read(CELL_ESTIMATE).filter(pl.col("table_part") == name)
        stored = cells.select("geography_number", "row", "column", "copula_estimate").collect()
        cell = ((stored["row"].cast(pl.Int64) - 1) * C + stored["column"] - 1).to_numpy()
        domain = np.searchsorted(basis.design.geographies, stored["geography_number"].to_numpy())
        order = np.lexsort((domain, cell))
        with counted.running():
            counts = basis.counts.of_table(table).of()
        with imputed.running():
            found = second.at(plan_of(table, second.categories), counts.completed, domain[order], cell[order])
        np.testing.assert_allclose(found, stored["copula_estimate"].to_numpy()[order], rtol=1e-6, atol=1e-6)
        n += stored.height
    print(f"before: units and predictions {laid_out.cpu:.1f} s, matrices of counts {counted.cpu:.1f} s")
    imputed.report("second estimates", n, _SECOND)


def quality(run: EstimatedRun) -> None:
    """Bias, errors and intervals, momentum of geographies, flags and suppression of all base cells."""
    clock, n = Clock(), 0
    cells, gaps, populations = (run.read(d) for d in (CELL_ESTIMATE, CELL_GAP, GEOGRAPHY_POPULATION))
    with clock.running():
        judged = judge_geographies(cells, gaps, run.read(COVERAGE), populations).lazy()
    print(f"momentum of {run.places.height} geographies: {clock.wall:.1f} s, processor time {clock.cpu:.1f} s")
    for table in table_definitions().values():
        for places in run.places.iter_slices(_BATCH):
            with clock.running():
                rows = table_rows(table, cells, gaps, places, populations, is_whole=False)
                n += suppressed_rows(rows, table, places, judged).height
    clock.report("bias, errors, momentum and suppression, with rates and percentages", n, _QUALITY)


if __name__ == "__main__":
    main()
