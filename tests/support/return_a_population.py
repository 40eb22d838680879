"""A real population with known truth: monthly reporters of a Return A master file, some of their months hidden."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.return_a import ITEMS_OF_CRIME
from nibrs_estimation.model.return_a_file import ACTUAL, ITEM_COLUMNS
from nibrs_estimation.sources.return_a import read_return_a
from nibrs_estimation.stages.block_imputation.donors import donor_design, fit_donor_model, match
from nibrs_estimation.stages.block_imputation.known import judge
from nibrs_estimation.stats import random
from nibrs_estimation.survey.months import MEAN_THAT_RULES_OUT_ZERO, MonthStatus
from nibrs_estimation.survey.own_months import fill_from_own_months

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
#: Agencies among which one is drawn for each real pattern.
CANDIDATES = 10
#: The crimes of Part I; simple assault is none of them.
PART_I = tuple(crime for crime in ITEMS_OF_CRIME if crime != "simple_assault")


@dataclass(frozen=True)
class Population:
    """Agencies with their months.

    Attributes:
        agencies: ``agency_id``, ``state_abbr``, ``region_code``, ``population_group_code``, ``population``, and what
            the donor model asks for.
        counts: (n, 12, crimes) Part I offenses.
        patterns: (k, 12) reported months of the real partial reporters.
        candidates: (k, 10) agencies that may take each pattern: those of the partial reporter's population group (and
            with or without residents as it is) that are nearest in offenses a year.
    """

    agencies: pl.DataFrame
    counts: Floats
    patterns: Flags
    candidates: NDArray[np.int64]


def monthly_reporters(path: Path) -> Population:
    """The agencies that reported every month of the year by itself, and the patterns of those that did not."""
    file = read_return_a(path)
    states = code_list("state").select("state_abbr", "region_code")
    agencies = (
        file.agencies.filter("is_eligible")
        .join(states, on="state_abbr", how="left", maintain_order="left")
        .sort("ori7")
        .with_row_index("agency_id", offset=1)
        .with_columns(pl.col("agency_id").cast(pl.Int32), pl.col("agency_type_name").fill_null("Other"))
    )
    counts = (
        file.counts.filter(pl.col("card") == ACTUAL)
        .join(agencies.select("ori7", "agency_id"), on="ori7")
        .sort("agency_id", "month")
    )
    items = counts.select(ITEM_COLUMNS).fill_null(0).to_numpy()
    crimes = np.stack([sum(sign * items[:, item] for item, sign in ITEMS_OF_CRIME[crime].items()) for crime in PART_I])
    months = np.maximum(crimes.T.reshape(-1, 12, len(PART_I)).astype(np.float64), 0.0)
    reported = counts["is_reported"].to_numpy().reshape(-1, 12)
    total = months.sum(axis=2)
    others = (total.sum(axis=1, keepdims=True) - total) / np.maximum(reported.sum(axis=1, keepdims=True) - 1, 1)
    is_hidden = reported & (total == 0) & (others >= MEAN_THAT_RULES_OUT_ZERO)
    sends_months = agencies["lumped_kind"].is_null().to_numpy() & (agencies["last_month_reported"] > 0).to_numpy()
    known = reported & ~is_hidden
    is_full, is_partial = sends_months & known.all(axis=1), sends_months & ~known.all(axis=1) & known.any(axis=1)
    status, _ = judge(np.where(known, total, np.nan), np.zeros(total.shape, dtype=np.bool_), agencies)
    # An agency of which the program takes a month as incomplete is no known truth.
    is_full &= (status == MonthStatus.KNOWN).all(axis=1)
    names = agencies["population_group_code"].fill_null("") + (agencies["population"] > 0).cast(pl.String)
    group = (names.rank("dense") - 1).to_numpy().astype(np.int64)
    annual = np.where(known, total, 0.0).sum(axis=1) * 12 / np.maximum(known.sum(axis=1), 1)
    described = agencies.filter(pl.Series(is_full)).with_columns(
        has_population=pl.col("population") > 0, is_covering=pl.lit(False), is_suburban=pl.lit(False),
        male_officers=pl.lit(0), female_officers=pl.lit(0), months_certified=pl.lit(0.0),
    )  # fmt: skip
    return Population(
        agencies=described,
        counts=months[is_full],
        patterns=known[is_partial],
        candidates=_nearest(group[is_partial], annual[is_partial], group[is_full], annual[is_full]),
    )


def _nearest(
    group: NDArray[np.int64], annual: Floats, group_of_full: NDArray[np.int64], annual_of_full: Floats
) -> NDArray[np.int64]:
    """The ten full reporters of the same group that are nearest in offenses a year, of each partial reporter."""
    found = np.zeros((len(group), CANDIDATES), dtype=np.int64)
    for row, (number, size) in enumerate(zip(group, annual, strict=True)):
        pool = np.flatnonzero(group_of_full == number)
        order = pool[np.argsort(np.abs(annual_of_full[pool] - size), kind="stable")]
        found[row] = np.resize(order[:CANDIDATES], CANDIDATES)
    return found


def hidden_months(population: Population, seed: int) -> Flags:
    """(n, 12) Months that are hidden: each real pattern is given to an agency of like size."""
    hidden = np.zeros((population.agencies.height, 12), dtype=np.bool_)
    units = np.arange(len(population.patterns))
    choice = np.floor(random.uniform(seed, "which", units) * CANDIDATES).astype(np.int64)
    hidden[population.candidates[units, choice]] = ~population.patterns
    return hidden


def completed_by_own_months(population: Population, hidden: Flags, seed: int) -> Floats:
    """(n, crimes) Years with the hidden months filled by the program's rule."""
    counts = np.where(hidden[:, :, None], np.nan, population.counts)
    total = counts.sum(axis=2)
    status, shares = judge(total, np.zeros(total.shape, dtype=np.bool_), population.agencies)
    known = (status == MonthStatus.KNOWN).astype(np.float64)
    is_recipient, is_donor = (known > 0).any(axis=1) & (known < 1).any(axis=1), (known == 1).all(axis=1)
    classes = population.agencies["has_population"].to_numpy().astype(np.int64)
    ids = population.agencies["agency_id"].to_numpy()
    filled = fill_from_own_months(total, known, shares, is_recipient, is_donor, classes, ids, seed)
    own = np.where((known > 0)[:, :, None], counts, 0.0).sum(axis=1)
    given = np.where((known == 0)[:, :, None], population.counts[filled.donor], 0.0).sum(axis=1)
    return np.asarray(own * (1 + filled.own_scale)[:, None] + given * filled.donor_scale[:, None])


def completed_by_donors(population: Population, hidden: Flags, seed: int) -> Floats:
    """(n, crimes) Years with the hidden months copied from a donor, by the reference's rule; officers are not known."""
    total = np.where(hidden, np.nan, population.counts.sum(axis=2))
    observed, is_recipient = np.nansum(total, axis=1), np.asarray(hidden.any(axis=1))
    model = fit_donor_model(population.agencies, observed, ~is_recipient, 0)
    assert model is not None
    predicted = model.predict(donor_design(population.agencies, ~is_recipient, 0))
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
