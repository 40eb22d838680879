"""Months that are not what happened, planted in Return A 2013 and in the synthetic nation: found, missed, false alarms.

Return A has one year of history, so only the rules for the months of a year can find something there. In the
synthetic nation agencies have up to five years, and the outlier rule judges their months, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from nibrs_estimation.evaluate.populations.return_a import PART_I, MonthlyReports, monthly_reports
from nibrs_estimation.model.agency import AGENCY
from nibrs_estimation.model.completeness import AGENCY_MONTH
from nibrs_estimation.model.outliers import HIGH_COLORS, LOW_COLORS
from nibrs_estimation.model.return_a_file import LUMPED_MONTHS
from nibrs_estimation.sources.return_a import read_return_a
from nibrs_estimation.sources.synthetic.faults import planted_faults
from nibrs_estimation.sources.synthetic.truth import true_offenses
from nibrs_estimation.stages.block_imputation.known import judge_months
from nibrs_estimation.stages.completeness.months import describe_months
from nibrs_estimation.stages.outliers.colors import Rule
from nibrs_estimation.stages.outliers.detect import detect_outliers
from nibrs_estimation.stats import random
from nibrs_estimation.survey.months import MONTHS_PER_YEAR, MonthStatus, judge

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]

YEAR, SEED = 2024, 1
#: Lower ends of the classes of offenses a year.
SIZES = (0, 50, 120, 240, 600, 1_200)
#: Share of the agencies of which something is changed.
CHOSEN_SHARE = 0.2
#: Part of its offenses that an incomplete month keeps.
KEPT = 0.3
#: Longest gap inside a year, in months.
LONGEST_INNER_GAP = 3
#: How the names of kinds begin in which a year comes in lumps.
LUMPS = "year in lumps"
RULES: tuple[Rule, ...] = get_args(Rule)


@dataclass(frozen=True)
class Planted:
    """Reports of n agencies, some of which are not what happened.

    Attributes:
        counts: (n, 12) offenses as reported, NaN where the month was not reported.
        is_odd: (n, 12) reported months that differ from what happened.
        is_sound: (n, 12) months of chosen agencies that are as they happened, and are to be taken as known.
        is_chosen: (n,) agencies of which something may have been changed or hidden.
    """

    counts: Floats
    is_odd: Flags
    is_sound: Flags
    is_chosen: Flags


def monthly_counts(path: Path) -> tuple[MonthlyReports, Floats]:
    """The eligible agencies of a Return A master file, and their (n, 12) Part I offenses."""
    file = read_return_a(path)
    reports = monthly_reports(file.agencies, file.counts)
    return reports, reports.counts[:, :, PART_I].sum(axis=2)


def chosen(ids: NDArray[np.str_], seed: int) -> Flags:
    """(n,) A fifth of the agencies."""
    return np.asarray(random.uniform(seed, "chosen", ids) < CHOSEN_SHARE)


def empty_months(truth: Floats, ids: NDArray[np.str_], seed: int) -> Planted:
    """A month of each chosen agency is reported with no offense."""
    month = _drawn(seed, "empty", ids, MONTHS_PER_YEAR)
    is_odd = chosen(ids, seed)[:, None] & (np.arange(MONTHS_PER_YEAR) == month[:, None]) & (truth > 0)
    return Planted(np.where(is_odd, 0.0, truth), is_odd, chosen(ids, seed)[:, None] & ~is_odd, chosen(ids, seed))


def partial_years(truth: Floats, ids: NDArray[np.str_], seed: int, kept: float = KEPT) -> Planted:
    """Each chosen agency has a gap, and a month beside it keeps each of its offenses with a given probability."""
    is_chosen = chosen(ids, seed)[:, None]
    hidden, edge = (is_chosen & each for each in gaps(ids, seed))
    thinned = stats.binom.ppf(random.uniform(seed, "thinned", ids)[:, None], truth, kept)
    counts = np.where(edge, thinned, truth)
    is_odd = counts != truth
    beside = np.pad(hidden, ((0, 0), (1, 1)))
    is_sound = ~hidden & ~is_odd & (beside[:, :-2] | beside[:, 2:])
    return Planted(np.where(hidden, np.nan, counts), is_odd, is_sound, is_chosen[:, 0])


def gaps(ids: NDArray[np.str_], seed: int) -> tuple[Flags, Flags]:
    """(n, 12) The months that are missing, and a month beside them.

    A third of the agencies miss the end of the year, a third its beginning, and a third up to three months inside it.
    At least three months are left.
    """
    kind = _drawn(seed, "gap", ids, 3)
    is_quit, is_late = kind == 0, kind == 1
    # December and January are no inner months.
    place = _drawn(seed, "gap start", ids, MONTHS_PER_YEAR - 3)
    length = 1 + _drawn(seed, "gap length", ids, LONGEST_INNER_GAP)
    first = np.select([is_quit, is_late], [3 + place, 0], 1 + place)
    last = np.select([is_quit, is_late], [MONTHS_PER_YEAR - 1, place], np.minimum(place + length, MONTHS_PER_YEAR - 2))
    is_before = is_quit | (~is_late & (random.uniform(seed, "gap side", ids) < 1 / 2))
    month = np.arange(MONTHS_PER_YEAR)
    beside = np.where(is_before, first - 1, last + 1)[:, None]
    return (month >= first[:, None]) & (month <= last[:, None]), month == beside


def lumped_years(truth: Floats, ids: NDArray[np.str_], seed: int, months: tuple[int, ...]) -> Planted:
    """Each chosen agency reports the offenses of a period in its last month."""
    is_chosen = chosen(ids, seed)
    lumped = np.zeros_like(truth)
    lumped[:, np.array(months) - 1] = truth.reshape(len(truth), len(months), -1).sum(axis=2)
    counts = np.where(is_chosen[:, None], lumped, truth)
    return Planted(counts, counts != truth, np.zeros(truth.shape, dtype=np.bool_), is_chosen)


PLANTERS: dict[str, Callable[[Floats, NDArray[np.str_], int], Planted]] = {
    "empty month": empty_months,
    "incomplete month beside a gap": partial_years,
    "complete month beside a gap": partial(partial_years, kept=1.0),
    **{f"{LUMPS}, {kind}": partial(lumped_years, months=months) for kind, months in LUMPED_MONTHS.items()},
}


def found_in_return_a(reports: MonthlyReports, part_one: Floats, seed: int) -> pl.DataFrame:
    """What is found of each kind of fault planted in the full monthly reporters, by size.

    Columns: see :func:`_outcome`. Lumped years are counted in agencies, all else in months.
    """
    agencies, truth = reports.agencies.filter(pl.Series(reports.is_full)), part_one[reports.is_full]
    ids = agencies["ori7"].to_numpy().astype(np.str_)
    size = size_of(truth.sum(axis=1))
    frames = []
    for kind, plant in PLANTERS.items():
        made = plant(truth, ids, seed)
        status, _ = judge(made.counts, np.zeros(truth.shape, dtype=np.bool_), agencies)
        in_lumps = kind.startswith(LUMPS)
        is_known = np.isin(status, (MonthStatus.KNOWN, MonthStatus.NOT_REPORTED))
        is_marked = np.asarray(status == MonthStatus.LUMPED) if in_lumps else ~is_known
        outcome = _outcome(made, is_marked, _low_by_reference(made.counts), size, in_agencies=in_lumps)
        frames.append(outcome.select(pl.lit(kind).alias("kind"), pl.all()))
    return pl.concat(frames)


def _outcome(made: Planted, is_marked: Flags, is_old: Flags, size: Integers, *, in_agencies: bool) -> pl.DataFrame:
    """Counts by size: ``planted``, ``found``, ``missed``, ``old_found`` (by the rule of the reference).

    ``untouched`` are the months of agencies of which nothing was changed, and ``false_alarms`` those of them that are
    not taken as known. ``sound`` are the other months of chosen agencies (beside gaps: only those beside the gap),
    and ``false_sound`` those of them that are not taken as known.
    """
    untouched = ~made.is_chosen[:, None]
    flags: dict[str, Flags] = {
        "planted": made.is_odd,
        "found": made.is_odd & is_marked,
        "missed": made.is_odd & ~is_marked,
        "old_found": made.is_odd & is_old,
        "untouched": np.isfinite(made.counts) & untouched,
        "false_alarms": is_marked & untouched,
        "sound": made.is_sound,
        "false_sound": made.is_sound & is_marked,
    }
    if in_agencies:
        # All months of a lumped agency are found, or none.
        flags = {name: np.asarray(each.any(axis=1))[:, None] for name, each in flags.items()}
    sums = pl.DataFrame({"size": size, **{name: each.sum(axis=1) for name, each in flags.items()}})
    return sums.group_by("size").sum().sort("size")


def _low_by_reference(counts: Floats) -> Flags:
    """(n, 12) Months that the outlier rule of the reference pipeline finds low, with this year as the whole history."""
    row, month = np.nonzero(np.isfinite(counts))
    columns = {
        "agency_id": row,
        "data_year": np.full(len(row), YEAR),
        "month": month + 1,
        "is_reported": np.full(len(row), fill_value=True),
        "n_all": counts[row, month],
    }
    months = pl.DataFrame(columns, schema={name: AGENCY_MONTH.schema[name] for name in columns}, strict=False)
    colors = detect_outliers(AGENCY.empty(), months.lazy(), YEAR, "reference")["outlier_month"]
    low = colors.filter(pl.col("color").is_in(LOW_COLORS))
    found = np.zeros(counts.shape, dtype=np.bool_)
    found[low["agency_id"].to_numpy(), low["month"].to_numpy() - 1] = True
    return found


def marked_as_reported(reports: MonthlyReports, part_one: Floats) -> pl.DataFrame:
    """Months of real agencies that reported all twelve, nothing changed, which are not taken as known, by size."""
    is_full_year = (pl.Series(reports.is_monthly) & (reports.agencies["months_reported"] == MONTHS_PER_YEAR)).to_numpy()
    agencies, counts = reports.agencies.filter(pl.Series(is_full_year)), part_one[is_full_year]
    status, _ = judge(counts, np.zeros(counts.shape, dtype=np.bool_), agencies)
    kinds = (MonthStatus.EMPTY, MonthStatus.LOW, MonthStatus.INCOMPLETE)
    sums = pl.DataFrame(
        {
            "size": size_of(counts.sum(axis=1)),
            "months": np.full(len(counts), MONTHS_PER_YEAR),
            **{kind.name.lower(): (status == kind).sum(axis=1) for kind in kinds},
        }
    )
    return sums.group_by("size").sum().sort("size")


def nation_months(data: dict[str, pl.LazyFrame], seed: int) -> pl.DataFrame:
    """Every reported month of a synthetic nation's data year, what was planted, and which rules mark it.

    Columns: ``agency_id``, ``month``, ``size`` by true offenses of the year, ``kind`` of fault (``0``, ``1/4``, ``3``,
    ``10``: what an odd month was multiplied by; ``edge``; null), ``is_changed`` (the report differs from the truth),
    ``has_fault`` (anything was planted in the agency's year), ``has_history``, and ``low_<rule>`` and ``high_<rule>``
    of each outlier rule. For ``recent``, the default, low is any month that is not taken as known.
    """
    agency, offenses = data["agency"], data["agency_month_offense"]
    agencies = agency.filter(pl.col("data_year") == YEAR).sort("agency_id").collect()
    month = describe_months(agency, data["report_month"], offenses, YEAR)["agency_month"].lazy()
    found = {rule: detect_outliers(agency, month, YEAR, rule) for rule in RULES}
    known = judge_months(agency, month, found["recent"]["outlier_month"].lazy(), offenses, YEAR)
    key = ["agency_id", "month"]
    truth = true_offenses(agencies, YEAR, seed).group_by(key).agg(true=pl.col("n").sum())
    planted = planted_faults(agencies, YEAR, seed).filter(form_code="N").select(*key, "kind", "factor")
    rows = known.filter(pl.col("month_status") != "not_reported").select(*key, low_recent=_is_not_known())
    for rule, tables in found.items():
        rows = rows.join(_colored(tables["outlier_month"], rule), on=key)
    reasons = found["recent"]["outlier_agency"].select(
        "agency_id", has_history=pl.col("reason").ne_missing("short_history")
    )
    annual = truth.group_by("agency_id").agg(a_year=pl.col("true").sum())
    rows = (
        rows.join(truth, on=key, how="left")
        .join(planted, on=key, how="left")
        .join(annual, on="agency_id", how="left")
        .join(reasons, on="agency_id")
        .with_columns(pl.col("true", "a_year").fill_null(0))
    )
    return rows.with_columns(
        kind=_kind(),
        is_changed=pl.col("n_all") != pl.col("true"),
        has_fault=pl.col("kind").is_not_null().any().over("agency_id"),
        size=pl.Series(size_of(rows["a_year"].to_numpy())),
    )


def _is_not_known() -> pl.Expr:
    return pl.col("month_status") != MonthStatus.KNOWN.name.lower()


def _colored(outlier_month: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    """Months of the data year with the marks of a rule."""
    color = pl.col("color")
    marks = {f"high_{rule}": color.is_in(HIGH_COLORS)}
    # What the default rule finds low is among the months that are not known.
    marks |= {"n_all": pl.col("n_all")} if rule == "recent" else {f"low_{rule}": color.is_in(LOW_COLORS)}
    return outlier_month.filter(pl.col("data_year") == YEAR).select("agency_id", "month", **marks)


def _kind() -> pl.Expr:
    """What was planted; an odd month by its factor."""
    names = {0.0: "0", 0.25: "1/4", 3.0: "3", 10.0: "10"}
    odd = pl.col("factor").replace_strict(names, default=None, return_dtype=pl.String)
    return pl.when(pl.col("kind") == "edge").then(pl.lit("edge")).otherwise(odd)


def found_in_nation(months: pl.DataFrame) -> pl.DataFrame:
    """Planted months by kind and size, how many belong to a long history, and the share that each rule finds.

    A month that was planted, but is the same by chance, is left out: nothing can be found.
    """
    is_high = pl.col("kind").is_in(("3", "10"))
    shares = {rule: pl.when(is_high).then(f"high_{rule}").otherwise(f"low_{rule}").mean() for rule in RULES}
    planted = months.filter(pl.col("kind").is_not_null() & "is_changed")
    return planted.group_by("kind", "size").agg(planted=pl.len(), with_history=pl.col("has_history").sum(), **shares)


def false_in_nation(months: pl.DataFrame) -> pl.DataFrame:
    """Months of agencies with nothing planted in the year, and the share that each rule marks, by size."""
    shares = {f"{way}_{rule}": pl.col(f"{way}_{rule}").mean() for way in ("low", "high") for rule in RULES}
    return months.filter(~pl.col("has_fault")).group_by("size").agg(months=pl.len(), **shares).sort("size")


def size_of(a_year: Floats) -> Integers:
    """The lower ends of the classes of size."""
    return np.asarray(np.array(SIZES)[np.searchsorted(SIZES, a_year, side="right") - 1])


def _drawn(seed: int, stream: str, ids: NDArray[np.str_], number: int) -> Integers:
    """(n,) Keyed whole numbers from 0 to one below the given number."""
    return np.floor(random.uniform(seed, stream, ids) * number).astype(np.int64)
