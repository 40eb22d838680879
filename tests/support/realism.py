"""Figures of a nation's counts by agency and month, by which a synthetic nation is compared with a real one.

Every figure is computed alike for both from :class:`Counted`. An agency reports monthly if its offenses do not all
stand in the last months of its quarters, half-years or year; a month without offenses of an agency whose other months
have ten or more on average was left out, though it was marked as sent. Sizes are Part I offenses a year.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nibrs_estimation.sources.synthetic.reporting import pattern_of

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

CLASSES = ("murder", "rape", "robbery", "aggravated assault", "burglary", "larceny", "vehicle theft")
PATTERNS = ("late", "quit", "one_inside", "longer_gap", "several_gaps")
#: Least annual offenses of the classes of size.
SIZES = (1, 12, 50, 120, 240, 600, 1200, 6000)
TOPS = (100, 500)
LEAST_AGENCIES = 100
#: A quantile below it is too small a number for a relative difference.
LEAST_QUANTILE = 5.0
_LEAST_IN_LUMP, _LEAST_AROUND_ZERO = 10, 10
_LEAST_IN_HALF_YEAR = 5


@dataclass(frozen=True)
class Counted:
    """What the agencies of a nation that no other agency covers reported in a year.

    Attributes:
        counts: (n agencies, 7 classes, 12 months) offenses; 0 in months that were not sent.
        sent: (n, 12) whether the month was reported.
        group: (n,) population group.
        population: (n,) residents.
        region: (n,) region code, 1 to 4.
    """

    counts: Integers
    sent: Booleans
    group: NDArray[np.str_]
    population: Integers
    region: Integers

    @cached_property
    def months(self) -> Integers:
        """Part I offenses by agency and month: (n, 12)."""
        return np.asarray(self.counts.sum(axis=1), dtype=np.int64)

    @cached_property
    def total(self) -> Integers:
        """Part I offenses of the year: (n,)."""
        return np.asarray(self.months.sum(axis=1), dtype=np.int64)

    @cached_property
    def is_lumped(self) -> Booleans:
        """Agencies whose offenses all stand in the last month of a quarter, half-year or year: (n,)."""
        beside = np.stack([self.months[:, np.arange(1, 13) % k > 0].sum(axis=1) for k in (3, 6, 12)])
        return np.asarray((beside == 0).any(axis=0) & (self.total >= _LEAST_IN_LUMP))

    @cached_property
    def truly_sent(self) -> Booleans:
        """The months sent that are not empty by mistake: (n, 12)."""
        others = (self.total[:, None] - self.months) / np.maximum(self.sent.sum(axis=1)[:, None] - 1, 1)
        is_hidden = (self.months == 0) & (others >= _LEAST_AROUND_ZERO) & ~self.is_lumped[:, None]
        return np.asarray(self.sent & ~is_hidden)

    @cached_property
    def is_monthly(self) -> Booleans:
        """Agencies whose twelve months came, each by itself: (n,)."""
        return np.asarray(self.truly_sent.all(axis=1) & ~self.is_lumped)


Figure = tuple[str, float]


def shares_of_top(nation: Counted) -> Iterator[Figure]:
    """Share of the nation's offenses in the agencies that have most of them, of those that reported to December."""
    annual = nation.counts[nation.sent[:, 11]].sum(axis=2)
    for name, counts in (*zip(CLASSES, annual.T, strict=True), ("total", annual.sum(axis=1))):
        largest = np.sort(counts)[::-1]
        for top in TOPS:
            yield f"{name}, top {top}", float(largest[:top].sum() / largest.sum())


def quantiles_of_groups(nation: Counted, least: int = 1) -> Iterator[Figure]:
    """Quartiles of annual offenses in each population group of so many agencies that reported to December."""
    full = nation.sent[:, 11]
    for group in np.unique(nation.group):
        for has_residents in (True, False):
            total = nation.total[full & (nation.group == group) & ((nation.population > 0) == has_residents)]
            if len(total) >= least:
                name = f"group {group}" + ("" if has_residents else ", no residents")
                for share in (0.25, 0.5, 0.75):
                    yield f"{name}, {share:.0%}", float(np.quantile(total, share))


def half_years(nation: Counted) -> Iterator[Figure]:
    """Robust sd of log(July to December / January to June) about the group's ratio, beyond chance, by size."""
    first, second = nation.months[:, :6].sum(axis=1), nation.months[:, 6:].sum(axis=1)
    some = nation.is_monthly & (np.minimum(first, second) >= _LEAST_IN_HALF_YEAR)
    first, second, group, total = first[some], second[some], nation.group[some], nation.total[some]
    _, place = np.unique(group, return_inverse=True)
    common = np.log(np.bincount(place, second) / np.bincount(place, first))[place]
    ratio, chance = np.log(second / first) - common, 1 / first + 1 / second
    for name, rows in _by_size(total, SIZES[1:]):
        spread = np.diff(np.quantile(ratio[rows], [0.16, 0.84]))[0] / 2
        yield name, float(np.sqrt(max(spread**2 - chance[rows].mean(), 0.0)))


def month_variation(nation: Counted) -> Iterator[Figure]:
    """Coefficient of variation of a month about its season, beyond chance, by size."""
    deviation, expected, total = _deviations(nation)
    for name, rows in _by_size(total, SIZES):
        chance = (expected * (1 - expected / total[:, None]))[rows].sum()
        yield name, float(np.sqrt(max((deviation[rows] ** 2).sum() - chance, 0) / (expected[rows] ** 2).sum()))


def zero_months(nation: Counted) -> Iterator[Figure]:
    """Share of months without offenses of the monthly reporters below 120 offenses, by size."""
    total = nation.total[nation.is_monthly]
    for name, rows in _by_size(total, SIZES[:4]):
        if not name.startswith("120"):
            yield name, float((nation.months[nation.is_monthly][rows] == 0).mean())


def partial_patterns(nation: Counted) -> Iterator[Figure]:
    """Shares of the patterns among agencies that sent some months, and how often a month is missing among them."""
    sent = nation.truly_sent[~nation.is_lumped]
    number = sent.sum(axis=1)
    partial = sent[(number > 0) & (number < 12)]
    pattern = pattern_of(partial)
    for name in PATTERNS:
        yield name, float((pattern == name).mean())
    for month, name in ((0, "January"), (5, "June"), (11, "December")):
        yield f"{name} missing", float((~partial[:, month]).mean())


def partial_share(nation: Counted) -> Iterator[Figure]:
    """Share of partial reporters among agencies that report monthly, in all and by group."""
    number = nation.truly_sent.sum(axis=1)
    reports = (number > 0) & ~nation.is_lumped
    yield "all", float((number < 12)[reports].mean())
    for group in ("5", "6", "7", "9B", "8B", "8C", "8D", "9D"):
        rows = reports & (nation.group == group)
        yield f"group {group}", float((number < 12)[rows].mean())


def partial_level(nation: Counted) -> Iterator[Figure]:
    """Crime per head and month of partial reporters beside full ones of the group."""
    number = nation.truly_sent.sum(axis=1)
    for group in ("6", "7", "8D"):
        rows = (nation.group == group) & (nation.population > 0) & (number > 0) & ~nation.is_lumped
        rates = [
            nation.total[rows & some].sum() / (nation.population * number)[rows & some].sum()
            for some in (number < 12, number == 12)
        ]
        yield f"group {group}", float(rates[0] / rates[1])


def edge_months(nation: Counted) -> Iterator[Figure]:
    """Offenses of the months beside a gap as a share of what the agency's other months make expected."""
    rows = ~nation.is_lumped & (nation.truly_sent.sum(axis=1) >= 3) & (nation.total >= 24)
    sent, months = nation.truly_sent[rows], nation.months[rows]
    season = _season(nation)[nation.region[rows] - 1]
    sides = {
        "last before a gap": sent[:, :-1] & ~sent[:, 1:],
        "first after a gap": sent[:, 1:] & ~sent[:, :-1],
    }
    for name, is_edge in sides.items():
        place, month = np.nonzero(is_edge)
        month = month + (name == "first after a gap")
        known = (months * sent).sum(axis=1)[place] - months[place, month]
        expected = known * season[place, month] / ((season * sent).sum(axis=1)[place] - season[place, month])
        some = expected >= 3
        yield name, float(months[place, month][some].sum() / expected[some].sum())
        yield f"{name}, below half", float((months[place, month] < expected / 2)[some].mean())


def odd_agencies(nation: Counted) -> Iterator[Figure]:
    """Share of agencies of twelve months with one that is 0, below a third or above three times the median, by size."""
    full = nation.sent.all(axis=1) & ~nation.is_lumped
    months, total = nation.months[full], nation.total[full]
    median = np.median(months, axis=1)[:, None]
    is_odd = ((months == 0) | (months < median / 3) | (months > 3 * median)).any(axis=1)
    for name, rows in _by_size(total, SIZES[2:]):
        yield name, float(is_odd[rows].mean())


def kinds_of_reporters(nation: Counted) -> Iterator[Figure]:
    """Share of agencies that send several months at once, and of agencies without any crime."""
    full = nation.sent[:, 11]
    yield "several months at once", float(nation.is_lumped[full].mean())
    for group in ("7", "8D"):
        rows = full & (nation.group == group) & (nation.population > 0)
        yield f"no crime, group {group}", float((nation.total == 0)[rows].mean())
    yield "no crime, no residents", float((nation.total == 0)[full & (nation.population == 0)].mean())


def _deviations(nation: Counted) -> tuple[Floats, Floats, Integers]:
    """Months of the monthly reporters less what total and season make expected, that, and the totals."""
    rows = nation.is_monthly & (nation.total > 0)
    months, total = nation.months[rows], nation.total[rows]
    is_county = np.char.startswith(nation.group[rows], "8") | np.char.startswith(nation.group[rows], "9")
    cell = nation.region[rows] * 2 + is_county
    seasons = np.zeros((10, 12))
    np.add.at(seasons, cell, months)
    share = seasons / np.maximum(seasons.sum(axis=1, keepdims=True), 1)
    expected = total[:, None] * share[cell]
    return months - expected, expected, total


def _season(nation: Counted) -> Floats:
    """Month shares of the monthly reporters by region: (4, 12)."""
    months = np.zeros((4, 12))
    np.add.at(months, nation.region[nation.is_monthly] - 1, nation.months[nation.is_monthly])
    return np.asarray(months / months.sum(axis=1, keepdims=True))


def _by_size(total: Integers, starts: tuple[int, ...]) -> Iterator[tuple[str, Booleans]]:
    for start, end in zip(starts, (*starts[1:], None), strict=True):
        yield f"{start}-{end - 1 if end else ''}", (total >= start) & (total < (end or np.inf))
