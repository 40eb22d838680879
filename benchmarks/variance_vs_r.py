"""Standard errors of totals and ratios beside R's survey package.

A nation of 18,000 agencies in 60 weight groups of 300, of which 195 respond, and 1,000 cells of a table of which 0.5 to
30 % of the agencies have a count; each cell is also divided by one of 20 sums of cells. R gets the same sample and, as
it is slow, some of the cells, one at a time as the reference method does; all cells are estimated here. First with
weights N/n, then calibrated to three controls in each group. Time of compiling is left out: kernels are kept on disk.
Needs Rscript and R's package survey (Debian: apt-get install r-base-core r-cran-survey).

    uv run python benchmarks/variance_vs_r.py
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.stats.calibration import calibrate
from nibrs_estimation.stats.linearization.cell_estimates import CellEstimates, cell_estimates
from nibrs_estimation.stats.linearization.variance_form import Memberships, Sample, VarianceForm, variance_form

Floats = NDArray[np.float64]
TIMES_AS_FAST, LARGEST_ERROR = 300.0, 1e-8
GROUPS, AGENCIES, RESPONDENTS, CONTROLS = 60, 300, 195, 3
CELLS, DENOMINATORS = 1000, 20


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--cells-in-r", type=int, default=20)
    options.add_argument("--repetitions", type=int, default=5)
    chosen = options.parse_args()
    if shutil.which("Rscript") is None:
        sys.exit("Rscript is not installed (Debian: apt-get install r-base-core r-cran-survey): nothing was compared")
    for is_calibrated in (False, True):
        rng = np.random.default_rng(1)
        sample, size = sample_of_a_nation(rng, is_calibrated)
        y = counts(rng, size)
        denominator_of = np.arange(CELLS) % DENOMINATORS
        denominators = y @ sparse.csc_array((np.ones(CELLS), (np.arange(CELLS), denominator_of)))
        n = len(size)
        members = Memberships(np.arange(n), np.zeros(n, dtype=np.int64), 1)
        start = time.perf_counter()
        form = variance_form(sample, members, n)
        laid_out = time.perf_counter() - start
        print(
            f"{n:,} respondents, {CONTROLS if is_calibrated else 'no'} controls, {CELLS:,} cells, "
            f"{y.nnz / n / CELLS:.0%} of the values above 0; sample laid out in {laid_out:.2f} s"
        )
        compare(form, sample, y, denominators, denominator_of, is_calibrated, chosen.cells_in_r, chosen.repetitions)


def compare(
    form: VarianceForm,
    sample: Sample,
    y: sparse.csc_array,
    denominators: sparse.csc_array,
    denominator_of: NDArray[np.int64],
    is_calibrated: bool,
    cells_in_r: int,
    repetitions: int,
) -> None:
    of_totals, _ = timed(repetitions, form, y)
    of_both, made = timed(repetitions, form, y, denominators, denominator_of)
    picked = np.flatnonzero(denominator_of == 0)[:cells_in_r]
    in_r, r_totals, r_ratios = r_estimates(sample, y[:, picked], denominators[:, [0]], is_calibrated)
    ours = np.column_stack([made.total, made.standard_error, made.ratio, made.ratio_standard_error])[picked]
    if is_calibrated:
        # R does not correct for the degrees of freedom that the regressions use up.
        ours[:, [1, 3]] /= np.sqrt((RESPONDENTS - 1) / (RESPONDENTS - CONTROLS))
    error = np.abs(ours / in_r - 1).max()
    for name, seconds, its_seconds in (
        ("totals", of_totals / CELLS, r_totals),
        ("totals and ratios", of_both / CELLS, r_totals + r_ratios),
    ):
        times = its_seconds / seconds
        print(
            f"  {name:18} {1e6 * seconds:7.1f} µs per cell; R {1e3 * its_seconds:6.1f} ms, {times:6,.0f} times as fast "
            f"here, ratio {TIMES_AS_FAST / times:.2f}"
        )
    print(f"  {len(picked)} cells differ from R by {error:.0e}, ratio {error / LARGEST_ERROR:.2g}")


def timed(
    repetitions: int,
    form: VarianceForm,
    y: sparse.csc_array,
    denominators: sparse.csc_array | None = None,
    denominator_of: NDArray[np.int64] | None = None,
) -> tuple[float, CellEstimates]:
    made = cell_estimates(form, y, denominators, denominator_of)
    best = np.inf
    for _ in range(repetitions):
        start = time.perf_counter()
        cell_estimates(form, y, denominators, denominator_of)
        best = min(best, time.perf_counter() - start)
    return best, made


def sample_of_a_nation(rng: np.random.Generator, is_calibrated: bool) -> tuple[Sample, Floats]:
    """The respondents by group, with their weights, and the size of each."""
    n = GROUPS * RESPONDENTS
    group = np.repeat(np.arange(GROUPS), RESPONDENTS)
    size = np.exp(rng.normal(np.linspace(2, 6, GROUPS)[group], 1.0))
    weight, x = np.full(n, AGENCIES / RESPONDENTS), np.zeros((n, CONTROLS))
    if is_calibrated:
        x = rng.poisson(size[:, None] * (2.0, 0.4, 0.2)) + np.array([1.0, 0, 0])
        for number in range(GROUPS):
            of = group == number
            wanted = (weight[of] @ x[of]) * rng.uniform(0.995, 1.005, CONTROLS)
            weight[of] = calibrate(x[of], weight[of], wanted, bounds=(-np.inf, np.inf), method="linear").weights
    sample = Sample(
        psu=np.arange(n),
        weight=weight,
        share=np.ones(n),
        stratum=group,
        group=np.zeros(n, dtype=np.int64),
        controls=x,
        stratum_population=np.full(GROUPS, AGENCIES),
        stratum_design=np.zeros(GROUPS, dtype=np.int64),
    )
    return sample, size


def counts(rng: np.random.Generator, size: Floats) -> sparse.csc_array:
    """Cells of a table: from 0.5 to 30 % of the agencies have a count."""
    columns = []
    for share in np.exp(rng.uniform(np.log(0.005), np.log(0.3), CELLS)):
        expected = size / size.mean() * np.exp(rng.normal(0, 1, len(size)))
        low, high = 1e-6, 1e3
        for _ in range(30):
            middle = np.sqrt(low * high)
            low, high = (low, middle) if (1 - np.exp(-middle * expected)).mean() > share else (middle, high)
        columns.append(sparse.csc_array(rng.poisson(low * expected)[:, None]))
    return sparse.csc_array(sparse.hstack(columns))


def r_estimates(
    sample: Sample, y: sparse.csc_array, denominator: sparse.csc_array, is_calibrated: bool
) -> tuple[Floats, float, float]:
    """Cells x (total, its standard error, ratio, its standard error), and seconds per total and per ratio."""
    x = sample.controls
    cells = np.column_stack([y.toarray(), denominator.toarray()])
    table = np.column_stack([sample.stratum, sample.stratum_population[sample.stratum], sample.weight, x, cells])
    names = ["stratum", "population", "weight", *(f"x{k}" for k in range(x.shape[1]))]
    names += [f"y{k}" for k in range(cells.shape[1])]
    with tempfile.TemporaryDirectory() as folder:
        np.savetxt(f"{folder}/sample.csv", table, delimiter=",", header=",".join(names), comments="", fmt="%.17g")
        printed = subprocess.run(
            ["Rscript", str(Path(__file__).with_suffix(".R")), f"{folder}/sample.csv", str(int(is_calibrated)),
             f"{folder}/results"],
            check=True, stdout=subprocess.PIPE, text=True,
        ).stdout  # fmt: skip
        results = np.loadtxt(f"{folder}/results", ndmin=2)
    totals, ratios = map(float, printed.split())
    return results, totals, ratios


if __name__ == "__main__":
    main()
