"""Which agencies report to NIBRS, and which months (sources/synthetic/README.md)."""

from __future__ import annotations

from functools import cache
from typing import Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.sources.synthetic.marginals import Booleans, Floats, Integers, parameter, table
from nibrs_estimation.sources.synthetic.rates import usual_crime
from nibrs_estimation.stats import random

#: How response to NIBRS depends on the agency: on its population group alone, on its size within the group as well, or
#: on its state alone, of which some are missing as a whole.
Response = Literal["random", "large", "states"]
RESPONSES: tuple[Response, ...] = get_args(Response)
#: A form of reports: incident reports (N) and summaries (R).
Form = Literal["N", "R"]

#: Agencies that start within their first year instead of at its beginning.
_LATE_SHARE = 0.5
_DUAL_SHARE = 0.15
_YEARS_BEFORE = 5
_MONTHS = np.arange(12)


def with_response(agencies: pl.DataFrame, year: int, seed: int, response: Response) -> pl.DataFrame:
    """Add ``is_nibrs``, whether each agency has changed over to NIBRS by the year, and ``nibrs_start_date``.

    An agency never changes back. Covered and dormant agencies and those that report officers only (status L) never
    report to NIBRS.
    """
    readiness = _readiness(agencies, seed, response)
    odds_ratio = _odds_ratio(agencies, seed, response)
    is_nibrs = reports_crime(agencies).to_numpy() & (readiness < _share(odds_ratio, year))
    first_year, first_month = _start(agencies, readiness, odds_ratio, seed)
    return agencies.with_columns(
        is_nibrs=pl.Series(is_nibrs), first_year=pl.Series(first_year), first_month=pl.Series(first_month)
    ).with_columns(
        nibrs_start_date=pl.when("is_nibrs").then(pl.date("first_year", "first_month", 1)),
    )


def reported_months(agencies: pl.DataFrame, year: int, seed: int) -> Booleans:
    """The months that each agency reported to NIBRS: (n, 12).

    Args:
        agencies: rows of :func:`~nibrs_estimation.sources.synthetic.agency_frame`.
        year: data year.
        seed: seed of the run.
    """
    start = agencies.select(
        is_nibrs="is_nibrs",
        # Months from January of the data year to the start.
        wait=((pl.col("nibrs_start_date").dt.year() - year) * 12 + pl.col("nibrs_start_date").dt.month() - 1).fill_null(
            0
        ),
    )
    has_started = start["wait"].to_numpy()[:, None] <= _MONTHS
    months = _sent_months(agencies, year, seed, "N") & has_started & start["is_nibrs"].to_numpy()[:, None]
    return np.asarray(months, dtype=np.bool_)


def reported_summaries(agencies: pl.DataFrame, year: int, seed: int) -> Booleans:
    """The months for which each agency sent a summary (Return A): (n, 12).

    Agencies that do not report to NIBRS do, and some that report both ways.
    """
    is_dual = random.uniform(seed, "dual reporter", agencies["agency_id"].to_numpy()) < _DUAL_SHARE
    sends = reports_crime(agencies).to_numpy() & (~agencies["is_nibrs"].to_numpy() | is_dual)
    return _sent_months(agencies, year, seed, "R") & sends[:, None]


def reports_crime(agencies: pl.DataFrame) -> pl.Series:
    """Whether agencies report crime: not if covered, dormant, or reporting only officers (status L)."""
    return ~(agencies["is_covered"] | agencies["is_dormant"] | (agencies["agency_status"] == "L"))


def _sent_months(agencies: pl.DataFrame, year: int, seed: int, form: Form) -> Booleans:
    """The months that agencies send that report crime: all, some in a pattern, or none; (n, 12).

    Partial reporters have less crime than the others of their group: the odds of an agency fall with its level such
    that the mean level of partial reporters is ``partial_level`` of ``reporting.csv``.
    """
    unit = agencies["agency_id"].to_numpy()
    usual = usual_crime(agencies, seed)
    rows = agencies.with_columns(has_residents=pl.col("population") > 0).join(
        table("reporting"), on=["population_group_code", "has_residents"], how="left", maintain_order="left"
    )
    variance = np.maximum(usual.sigma**2, 1e-6)
    slope = -np.log(rows["partial_level"].to_numpy()) / variance
    tilt = np.exp(-slope * usual.log_effect - (slope + slope**2) * variance / 2)
    silent = rows["silent_share"].to_numpy()
    partial = np.minimum(rows["partial_share"].to_numpy() * tilt, 1.0) * (1 - silent)
    point = random.uniform(seed, f"reporting_{form}", unit, year)
    months = np.where((point < silent)[:, None], False, np.ones((len(unit), 12), dtype=np.bool_))
    is_partial = (point >= silent) & (point < silent + partial)
    masks, probability = patterns()
    place = random.categorical(seed, f"pattern_{form}", unit[is_partial], year, probabilities=probability)
    months[is_partial] = masks[place]
    return months


@cache
def patterns() -> tuple[Booleans, Floats]:
    """Every set of months that a partial reporter can send, and its probability: (4094, 12) and (4094,).

    The probability of a pattern and a number of missing months is that of ``reporting_pattern.csv``; sets that are
    alike in both share it, later months being missing more often.
    """
    number = np.arange(1, 2**12 - 1)
    sent = (number[:, None] >> _MONTHS & 1).astype(np.bool_)
    kind, missing = pattern_of(sent), 12 - sent.sum(axis=1)
    lateness = np.exp(parameter("late_months_slope") * (~sent * (_MONTHS - 5.5)).sum(axis=1) / missing)
    probability = np.zeros(len(number))
    for pattern, low, high, agencies in table("reporting_pattern").drop("source").iter_rows():
        chosen = (kind == pattern) & (missing >= low) & (missing <= high)
        # Each number of missing months that the pattern can have within the range is as likely.
        each = np.bincount(missing[chosen], lateness[chosen], minlength=13)
        probability[chosen] = agencies * (lateness[chosen] / each[missing[chosen]]) / np.count_nonzero(each)
    return sent, probability / probability.sum()


def pattern_of(sent: Booleans) -> NDArray[np.str_]:
    """The pattern of each agency's months (n, 12): full, none, late, quit, one_inside, longer_gap or several_gaps."""
    number = sent.sum(axis=1)
    gaps = (~sent[:, 0]).astype(np.int64) + (sent[:, :-1] & ~sent[:, 1:]).sum(axis=1)
    has_one = gaps == 1
    return np.select(
        [number == 12, number == 0, has_one & ~sent[:, 0], has_one & ~sent[:, 11], has_one & (number == 11), has_one],
        ["full", "none", "late", "quit", "one_inside", "longer_gap"],
        default="several_gaps",
    )


def _start(agencies: pl.DataFrame, readiness: Floats, odds_ratio: Floats, seed: int) -> tuple[Integers, Integers]:
    """The year and month in which each agency changed over: January, except for late starters."""
    known = table("nibrs_share")["year"].to_list()
    years = range(known[0], known[-1])
    waited = np.sum([readiness >= _share(odds_ratio, year) for year in years], axis=0)
    # Agencies that report in the first year of the table may have started earlier.
    year = np.where(waited > 0, years[0] + waited, years[0] - _YEARS_BEFORE)
    unit = agencies["agency_id"].to_numpy()
    is_late = random.uniform(seed, "late start", unit) < _LATE_SHARE
    month = np.floor(2 + 11 * random.uniform(seed, "start month", unit)).astype(np.int64)
    return year, np.where(is_late, month, 1)


def _readiness(agencies: pl.DataFrame, seed: int, response: Response) -> Floats:
    """A threshold in (0, 1) for each agency: it is a NIBRS agency when its probability exceeds the threshold.

    Where states respond as a whole, the agencies of a state have the number of the state.
    """
    unit = agencies["state_abbr"].to_list() if response == "states" else agencies["agency_id"].to_numpy()
    return random.uniform(seed, "nibrs", unit)


def _odds_ratio(agencies: pl.DataFrame, seed: int, response: Response) -> Floats:
    """How many times the nation's odds of being a NIBRS agency those of each agency are: (n,)."""
    groups = agencies.join(table("population_group"), on="population_group_code", how="left", maintain_order="left")
    if response == "states":
        return np.ones(agencies.height)
    odds: Floats = groups["nibrs_odds"].to_numpy()
    if response == "large":
        size = np.maximum(usual_crime(agencies, seed).part_one, 1.0)
        typical = agencies.select("population_group_code", size=pl.Series(np.log(size)))
        centered = typical.select(pl.col("size") - pl.col("size").median().over("population_group_code"))["size"]
        odds = odds * np.exp(-parameter("large_slope") * centered.to_numpy())
    return odds


def _share(odds_ratio: Floats, year: int) -> Floats:
    """Probability of being a NIBRS agency in a year: the nation's share, at the agency's odds."""
    shares = table("nibrs_share")
    share = float(np.interp(year, shares["year"].to_numpy(), shares["share"].to_numpy()))
    odds = share / (1 - share) * odds_ratio
    return np.asarray(odds / (1 + odds), dtype=np.float64)
