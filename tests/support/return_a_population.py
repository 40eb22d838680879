"""A real population with known truth: monthly reporters of a Return A master file, some of their months hidden."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.evaluate.patterns import Members, responding_months
from nibrs_estimation.evaluate.populations.return_a import CRIMES, PART_I, monthly_reports, return_a_population
from nibrs_estimation.model.benchmark import VIOLENT
from nibrs_estimation.sources.return_a import read_return_a
from nibrs_estimation.stages.block_imputation.donors import NUMBERS
from nibrs_estimation.survey.donors import match, predict_by_donors
from nibrs_estimation.survey.months import COUNTIES, MonthStatus, judge, month_shares
from nibrs_estimation.survey.own_months import Filled, fill_from_own_months

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
#: The crimes of Part I; simple assault is none of them.
NAMES = tuple(CRIMES[place] for place in PART_I)


@dataclass(frozen=True)
class Population:
    """Agencies with their months.

    Attributes:
        agencies: rows of dataset ``agency``, and what the donor model asks for.
        counts: (n, 12, crimes) Part I offenses.
        members: what real partial reporters missed, and who may have missed it as well.
    """

    agencies: pl.DataFrame
    counts: Floats
    members: Members


def monthly_reporters(path: Path) -> Population:
    """The agencies that reported every month of the year by itself, and the patterns of those that did not."""
    file = read_return_a(path)
    found = monthly_reports(file.agencies, file.counts)
    population = return_a_population(file.agencies, file.counts, file.data_year)
    agencies = population.agencies.with_columns(
        has_population=pl.col("population") > 0, is_covering=pl.lit(False), is_suburban=pl.lit(False),
        male_officers=pl.lit(0), female_officers=pl.lit(0), months_certified=pl.lit(0.0),
    )  # fmt: skip
    return Population(agencies, found.counts[found.is_full][:, :, PART_I], population.members)


def hidden_months(population: Population, seed: int) -> Flags:
    """(n, 12) Months that are hidden: each real pattern is given to an agency of like size."""
    return ~responding_months("partial-years", population.members, None, 0, seed)


def completed_by_own_months(population: Population, hidden: Flags, seed: int) -> Floats:
    """(n, crimes) Years with the hidden months filled by the program's rule."""
    counts, known, _, filled = _filled(population, hidden, seed)
    return _completed(population, counts, known, filled, filled.own_scale[:, None])


def completed_by_groups(population: Population, hidden: Flags, seed: int) -> Floats:
    """The same with a scale of its own for violent and for property crime, each by its own season."""
    counts, known, is_recipient, filled = _filled(population, hidden, seed)
    is_county = population.agencies["population_group_code"].str.contains(COUNTIES).fill_null(False).to_numpy()
    region, is_donor = population.agencies["region_code"].fill_null(0).to_numpy(), (known == 1).all(axis=1)
    is_violent = np.isin(NAMES, VIOLENT)
    scale = np.zeros((len(counts), len(NAMES)))
    for of_group in (is_violent, ~is_violent):
        shares = month_shares(counts[:, :, of_group].sum(axis=2), is_donor, region, is_county)
        S = np.where(is_recipient, (known * shares).sum(axis=1), 1.0)
        scale[:, of_group] = (filled.own_weight * (1 - S) / S)[:, None]
    return _completed(population, counts, known, filled, scale)


def _filled(population: Population, hidden: Flags, seed: int) -> tuple[Floats, Floats, Flags, Filled]:
    """Counts with NaN in hidden months, known months, who is filled, and how."""
    counts = np.where(hidden[:, :, None], np.nan, population.counts)
    total = counts.sum(axis=2)
    status, shares = judge(total, np.zeros(total.shape, dtype=np.bool_), population.agencies)
    known = (status == MonthStatus.KNOWN).astype(np.float64)
    is_recipient, is_donor = (known > 0).any(axis=1) & (known < 1).any(axis=1), (known == 1).all(axis=1)
    classes = population.agencies["has_population"].to_numpy().astype(np.int64)
    ids = population.agencies["agency_id"].to_numpy()
    filled = fill_from_own_months(total, known, shares, is_recipient, is_donor, classes, ids, seed)
    return counts, known, is_recipient, filled


def _completed(population: Population, counts: Floats, known: Floats, filled: Filled, own_scale: Floats) -> Floats:
    own = np.where((known > 0)[:, :, None], counts, 0.0).sum(axis=1)
    given = np.where((known == 0)[:, :, None], population.counts[filled.donor], 0.0).sum(axis=1)
    return np.asarray(own * (1 + own_scale) + given * filled.donor_scale[:, None])


def completed_by_donors(population: Population, hidden: Flags, seed: int) -> Floats:
    """(n, crimes) Years with the hidden months copied from a donor, by the reference's rule; officers are not known."""
    total = np.where(hidden, np.nan, population.counts.sum(axis=2))
    observed, is_recipient = np.nansum(total, axis=1), np.asarray(hidden.any(axis=1))
    predicted = predict_by_donors(population.agencies, observed, ~is_recipient, "region_code", NUMBERS)
    donor, _ = match(population.agencies, predicted, is_recipient, ~is_recipient, seed)
    copied = np.where(hidden[:, :, None], population.counts[donor], population.counts)
    return np.asarray(np.where(is_recipient[:, None], copied.sum(axis=1), population.counts.sum(axis=1)))


def relative_errors(population: Population, completed: Floats) -> tuple[Floats, Floats]:
    """Relative errors of the nation, (crimes + 1,), and of the states' totals, (states,); the total comes first."""
    truth = population.counts.sum(axis=1)
    with_total = [np.column_stack([each.sum(axis=1), each]) for each in (truth, completed)]
    nation = np.asarray(with_total[1].sum(axis=0) / with_total[0].sum(axis=0) - 1)
    state = (population.agencies["state_abbr"].rank("dense") - 1).to_numpy().astype(np.int64)
    sums = [np.bincount(state, weights=each[:, 0]) for each in with_total]
    return nation, sums[1] / sums[0] - 1
