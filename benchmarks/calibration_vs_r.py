"""Calibration beside R's survey and sampling packages, and all cells of a nation at once.

First: one bounded logit calibration of a cell of agencies, here and with survey::calibrate and sampling::gencalib, in
the same run. Second: some 1,400 cells of all kinds of geographies with ten controls; where a cell fails, smaller and
smaller subsets of its controls are tried, up to 80. Needs Rscript and the R packages survey and sampling (Debian:
apt-get install r-base-core r-cran-survey; install.packages("sampling")).

    uv run python benchmarks/calibration_vs_r.py
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nibrs_estimation.stats.calibration import CellCalibrations, calibrate, calibrate_cells

Floats = NDArray[np.float64]
TIMES_AS_FAST, MAX_SECONDS, MAX_GIB = 5.0, 30.0, 2.0
UPPER = 10.0
SHARES = (0.05, 0.04, 0.1, 0.2, 0.06, 0.25, 0.3)
NAMES = ("tot", "viol", "prop", "murder", "rape", "agg", "burg", "rob", "larc", "mvt")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--repetitions", type=int, default=5)
    repetitions = options.parse_args().repetitions
    print("one logit calibration; ratio = limit / (times as fast), limit", TIMES_AS_FAST)
    for units in (800, 3000, 10_000):
        for controls in (3, 8, 10):
            beside_r(units, controls, repetitions)
    nation()


def beside_r(units: int, controls: int, repetitions: int) -> None:
    x, responds = cell(np.random.default_rng(units + controls), units, controls)
    totals, x = x.sum(axis=0), x[responds]
    d, lower = len(responds) / len(x), len(x) / len(responds)
    weights = np.full(len(x), d)
    best = np.inf
    for _ in range(repetitions):
        start = time.perf_counter()
        for _ in range(10):
            made = calibrate(x, weights, totals, bounds=(lower, UPPER))
        best = min(best, (time.perf_counter() - start) / 10)
    error = np.abs(made.residuals / totals).max()
    print(f"  {units:6,} agencies, {controls:2} controls: {1e3 * best:6.2f} ms, totals to {error:.0e}, {made.status}")
    for name, seconds, its_error in in_r(x, totals, d, lower, repetitions):
        told = "did not converge" if its_error is None else f"totals to {its_error:.0e}"
        print(
            f"      {name:20} {1e3 * seconds:6.2f} ms, {told}; {seconds / best:4.1f} times as fast here, "
            f"ratio {TIMES_AS_FAST * best / seconds:.2f}"
        )


def in_r(x: Floats, totals: Floats, d: float, lower: float, repetitions: int) -> list[tuple[str, float, float | None]]:
    if shutil.which("Rscript") is None:
        sys.exit("Rscript is not installed (Debian: apt-get install r-base-core r-cran-survey): nothing was compared")
    with tempfile.TemporaryDirectory() as folder:
        names = ",".join(f"x{k + 1}" for k in range(x.shape[1]))
        np.savetxt(f"{folder}/x.csv", x, delimiter=",", header=names, comments="", fmt="%.17g")
        np.savetxt(f"{folder}/totals", totals, fmt="%.17g")
        printed = subprocess.run(
            ["Rscript", str(Path(__file__).with_suffix(".R")), f"{folder}/x.csv", f"{folder}/totals", repr(float(d)),
             repr(lower), repr(UPPER), str(repetitions)],
            check=True, stdout=subprocess.PIPE, text=True,
        ).stdout  # fmt: skip
    lines = [line.split() for line in printed.splitlines()]
    return [
        (name, float(seconds), None if error == "NA" else float(error))
        for name, (seconds, error) in zip(("survey::calibrate", "sampling::gencalib"), lines, strict=True)
    ]


def cell(rng: np.random.Generator, respondents: int, controls: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Counts of the agencies of a cell, and which respond: some 65 %, large ones less often."""
    units = int(respondents / 0.65)
    size = np.exp(rng.normal(4, 1.2, units))
    shares = np.resize([0.3, 1.5, 3.0, 0.02, 0.1, 0.2, 0.6, 0.15, 2.0, 0.4], controls)
    x = rng.poisson(size[:, None] * shares * np.exp(rng.normal(0, 0.5, (units, controls)))).astype(float)
    order = np.argsort(size ** (1 / 8) * rng.exponential(size=units))
    responds = np.zeros(units, dtype=np.bool_)
    responds[order[:respondents]] = True
    return x, responds


def nation() -> None:
    x, d, totals, of_records, lower = cells_of_a_nation(np.random.default_rng(1))
    start = time.perf_counter()
    first, found, tried = search_subsets(x, d, totals, of_records, lower)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{len(totals):,} cells, {len(x):,} records, up to {tried} subsets of 10 controls:")
    for status in ("converged", "infeasible", "not_converged"):
        print(f"  all controls {status:14} {np.count_nonzero(first.status == status):6,} cells")
    print(f"  some subset converged       {np.count_nonzero(found):6,} cells")
    print(f"  {seconds:.1f} s, ratio {seconds / MAX_SECONDS:.2f}; peak {peak:.2f} GiB, ratio {peak / MAX_GIB:.2f}")


def cells_of_a_nation(rng: np.random.Generator) -> tuple[Floats, Floats, Floats, NDArray[np.int64], Floats]:
    """Respondents of cells of 3 to 18,000 agencies, as of the nation, its regions, states, offices and districts."""
    sizes = np.concatenate(
        [
            rng.integers(40, 5000, 15), rng.integers(10, 1500, 60), np.maximum(3, rng.lognormal(4.2, 1.2, 200)),
            np.maximum(3, rng.lognormal(4.0, 1.2, 325)), np.maximum(3, rng.lognormal(3.2, 1.1, 800)), [18_000],
        ]
    ).astype(int)  # fmt: skip
    records, totals, weights, cells, lowers = [], [], [], [], []
    for number, units in enumerate(sizes):
        size = np.exp(rng.normal(4, 1.5, units))
        parts = rng.poisson(size[:, None] * SHARES * np.exp(rng.normal(0, 0.6, (units, 7))))
        murder, rape, agg, rob, mvt, burg, larc = parts.T
        violent, prop = murder + rape + agg + rob + rng.poisson(0.01 * size), burg + larc + mvt
        x = np.column_stack([violent + prop, violent, prop, murder, rape, agg, burg, rob, larc, mvt]).astype(float)
        responds = rng.random(units) < rng.uniform(0.5, 0.97)
        responds[0] = True
        n = int(responds.sum())
        records.append(x[responds])
        totals.append(x.sum(axis=0))
        weights.append(np.full(n, units / n))
        cells.append(np.full(n, number))
        lowers.append(n / units)
    return (
        np.concatenate(records), np.concatenate(weights), np.array(totals), np.concatenate(cells), np.array(lowers)
    )  # fmt: skip


def search_subsets(
    x: Floats, d: Floats, totals: Floats, of_records: NDArray[np.int64], lower: Floats
) -> tuple[CellCalibrations, NDArray[np.bool_], int]:
    """All controls; where they fail, subsets with tot, viol and prop, largest first, the same span tried once."""
    first = calibrate_cells(x, d, totals, of_records, bounds=(lower, UPPER))
    found = first.status == "converged"
    tried, spans = 1, {frozenset(NAMES[3:])}
    for size in range(6, -1, -1):
        for subset in combinations(NAMES[3:], size):
            # With prop, any two of its three parts give the third.
            parts = {"burg", "larc", "mvt"} & set(subset)
            span = frozenset(set(subset) | ({"burg", "larc", "mvt"} if len(parts) == 2 else set()))
            if span in spans or found.all():
                continue
            spans.add(span)
            tried += 1
            left = np.flatnonzero(~found)
            rows = ~found[of_records]
            selected = np.isin(NAMES, ("tot", "viol", "prop", *subset))
            made = calibrate_cells(
                x[rows][:, selected], d[rows], totals[left][:, selected], np.searchsorted(left, of_records[rows]),
                bounds=(lower[left], UPPER),
            )  # fmt: skip
            found[left[made.status == "converged"]] = True
    return first, found, tried


if __name__ == "__main__":
    main()
