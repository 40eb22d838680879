"""Time of prediction variances beside linearized ones: the same cells, agencies and weights.

A nation of 16,600 agencies in 51 states and 4 regions, of which 12,000 respond, with weights of its own in each of the
56 places; in a place agencies are in up to 8 weight groups, calibrated to some of 12 controls. Of 2,000 cells of a
table 1 to 95 % of the respondents have a count; each is also divided by one of 20 sums of cells. Domains are the
places, as a whole and by kind and size of agency; then the places alone, where both rules do the same sums for each
count. Time of compiling is left out: kernels are kept on disk.

    uv run python benchmarks/prediction_vs_linearization.py
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.stats.linearization.cell_estimates import cell_estimates
from nibrs_estimation.stats.linearization.variance_form import Memberships, Sample, variance_form
from nibrs_estimation.stats.prediction import Settings, Units, prediction_estimates, prediction_form

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
LARGEST_RATIO = 1.0
AGENCIES, RESPONDENTS, STATES, REGIONS, GROUPS, CONTROLS = 16_600, 12_000, 51, 4, 8, 12
DENOMINATORS = 20


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--cells", type=int, default=2000)
    options.add_argument("--repetitions", type=int, default=5)
    options.add_argument("--threads", type=int, default=1)
    chosen = options.parse_args()
    rng = np.random.default_rng(1)
    units = units_of_a_nation(rng)
    sizes = units.size[(units.place == 0) & (units.psu >= 0)]
    y = counts(rng, sizes, chosen.cells)
    denominator_of = np.arange(chosen.cells) % DENOMINATORS
    denominators = y @ sparse.csc_array((np.ones(chosen.cells), (np.arange(chosen.cells), denominator_of)))
    print(
        f"{RESPONDENTS:,} respondents of {AGENCIES:,}, {len(units.place_level)} places, {chosen.cells:,} cells, "
        f"{y.nnz:,} counts above 0"
    )
    for parts in (2, 0):
        members = domains(rng, units, parts)
        compare(units, members, y, denominators, denominator_of, chosen.threads, chosen.repetitions)


def compare(
    units: Units,
    members: Memberships,
    y: sparse.csc_array,
    denominators: sparse.csc_array,
    denominator_of: Integers,
    threads: int,
    repetitions: int,
) -> None:
    start = time.perf_counter()
    # As by default: ratios of places to one benchmark.
    by_ratio = replace(units, controls=units.size[:, None])
    form = prediction_form(by_ratio, members, RESPONDENTS, settings=Settings(state_variance=0.0016, is_of_place=True))
    laid_out = time.perf_counter() - start
    start = time.perf_counter()
    before = variance_form(*sample_of(units, members), RESPONDENTS)
    print(
        f"{members.domains} domains: laid out in {laid_out:.2f} s, for linearization in "
        f"{time.perf_counter() - start:.2f} s"
    )

    def linearized() -> object:
        return cell_estimates(before, y, threads=threads)

    def predicted() -> object:
        return prediction_estimates(form, y, y, threads=threads)

    def linearized_ratios() -> object:
        return cell_estimates(before, y, denominators, denominator_of, threads=threads)

    def predicted_ratios() -> object:
        return prediction_estimates(form, y, y, denominators, denominator_of, threads=threads)

    for name, old, new in (
        ("totals", linearized, predicted),
        ("totals and percentages", linearized_ratios, predicted_ratios),
    ):
        of_old, of_new = seconds(old, new, repetitions)
        print(
            f"  {name:22} linearization {of_old:5.2f} s, prediction {of_new:5.2f} s, "
            f"ratio {of_new / of_old / LARGEST_RATIO:.2f}"
        )


def units_of_a_nation(rng: np.random.Generator) -> Units:
    """Each agency is a unit of the nation, of its region and of its state."""
    controls = np.floor(rng.lognormal(1, 2, (AGENCIES, 1)) * rng.gamma(1.0, 1.0, (AGENCIES, CONTROLS - 1)) * 20)
    x = np.column_stack([controls.sum(axis=1), controls])
    responds = np.zeros(AGENCIES, dtype=np.bool_)
    responds[rng.choice(AGENCIES, RESPONDENTS, replace=False)] = True
    state = np.minimum(rng.zipf(1.3, AGENCIES * 8) - 1, 10**6)
    state = state[state < STATES][:AGENCIES]
    place = np.concatenate([np.zeros(AGENCIES, dtype=int), 1 + state % REGIONS, 1 + REGIONS + state])
    agency = np.tile(np.arange(AGENCIES), 3)
    kind = rng.integers(0, GROUPS, AGENCIES)
    group = np.unique(place * GROUPS + kind[agency], return_inverse=True)[1]
    number, responding = np.bincount(group), np.bincount(group, responds[agency])
    weight = np.maximum(number / np.maximum(responding, 1), 1)[group] * rng.uniform(0.95, 1.2, len(group))
    is_selected = rng.random((len(number), CONTROLS)) < 0.5
    is_selected[:, 0] = True
    row = np.where(responds, np.cumsum(responds) - 1, -1)
    return Units(
        psu=row[agency],
        place=place,
        group=group,
        weight=np.where(responds[agency], weight, 0.0),
        share=np.ones(len(agency)),
        size=x[agency, 0],
        controls=x[agency] * is_selected[group],
        state=state[agency],
        donor_variance=np.where(~responds & (rng.random(AGENCIES) < 0.02), 1000.0, 0.0)[agency],
        place_level=np.repeat([0, 1, 2], [1, REGIONS, STATES]),
    )


def domains(rng: np.random.Generator, units: Units, partitions: int) -> Memberships:
    """The places and, for each partition of them, four parts."""
    n, P = len(units.psu), len(units.place_level)
    numbers = [units.place]
    numbers += [P + (k * P + units.place) * 4 + rng.integers(0, 4, n) for k in range(partitions)]
    return Memberships(np.tile(np.arange(n), 1 + partitions), np.concatenate(numbers), P * (1 + 4 * partitions))


def sample_of(units: Units, members: Memberships) -> tuple[Sample, Memberships]:
    """Respondents as a sample stratified by weight group."""
    of = np.flatnonzero(units.psu >= 0)
    stratum = np.unique(units.group[of], return_inverse=True)
    number = np.full(len(units.psu), -1)
    number[of] = np.arange(len(of))
    is_kept = number[members.unit] >= 0
    first = np.unique(units.group[of], return_index=True)[1]
    sample = Sample(
        psu=units.psu[of],
        weight=units.weight[of],
        share=units.share[of],
        stratum=stratum[1],
        group=np.zeros(len(of), dtype=np.int64),
        controls=units.controls[of],
        stratum_population=np.bincount(units.group)[stratum[0]],
        stratum_design=units.place[of][first],
    )
    return sample, Memberships(number[members.unit[is_kept]], members.domain[is_kept], members.domains)


def counts(rng: np.random.Generator, sizes: Floats, cells: int) -> sparse.csc_array:
    """Counts by respondent and cell; the shares of respondents with a count go from 1 to 95 %."""
    columns = []
    for share in np.linspace(0.01, 0.95, cells):
        rows = np.sort(rng.choice(len(sizes), int(share * len(sizes)), replace=False))
        values = 1.0 + rng.poisson(0.1 * share * sizes[rows])
        columns.append(sparse.csc_array((values, rows, [0, len(rows)]), shape=(len(sizes), 1)))
    return sparse.csc_array(sparse.hstack(columns, format="csc"))


def seconds(old: Callable[[], object], new: Callable[[], object], repetitions: int) -> tuple[float, float]:
    """Least processor time of several calls of each, in turn, after one that compiles."""
    times: tuple[list[float], list[float]] = ([], [])
    for repetition in range(repetitions + 1):
        for function, taken in zip((old, new), times, strict=True):
            start = time.process_time()
            function()
            if repetition:
                taken.append(time.process_time() - start)
    return min(times[0]), min(times[1])


if __name__ == "__main__":
    main()
