"""Months that are not what happened: found, missed and false alarms by size of agency, beside the reference's rule.

    uv run python -m benchmarks.odd_months [--scale 1.0] [--nations 3] [--repeat 5]

Return A 2013 (if NIBRS_SHARED_DATA has it): in a fifth of the full monthly reporters, a month is empty, a month beside
a gap keeps 30 % of its offenses, or the year comes in lumps; in turn, repeated with other agencies. Synthetic nation:
the months that the generator reports wrongly. Limits: of months without offense, a tenth is missed at most in agencies
of 240 offenses a year or more; of months times ten, a tenth in those of 50 or more; false alarms 1 % for low and for
high months.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable

import polars as pl
from tests.support.frames import number
from tests.support.odd_months import (
    RULES,
    SEED,
    YEAR,
    false_in_nation,
    found_in_nation,
    found_in_return_a,
    marked_as_reported,
    monthly_counts,
    nation_months,
)
from tests.support.shared_data import SHARED_DATA

from nibrs_estimation.sources.synthetic.source import SyntheticSource

RETURN_A = SHARED_DATA / "public" / "RETURNA2013.zip"
#: Share of the planted months that may be missed, and of the others that may be marked.
MISSED_LIMIT, FALSE_LIMIT = 0.1, 0.01


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--scale", type=float, default=1.0)
    options.add_argument("--nations", type=int, default=3, help="synthetic nations")
    options.add_argument("--repeat", type=int, default=5, help="plantings in Return A")
    arguments = options.parse_args()
    with pl.Config(tbl_cols=20, tbl_rows=60, float_precision=4, tbl_width_chars=200, tbl_hide_dataframe_shape=True):
        if RETURN_A.is_file():
            return_a(arguments.repeat)
        nations(arguments.scale, arguments.nations)


def return_a(repeat: int) -> None:
    """Print what is found among the full monthly reporters of 2013, whose reports are taken as what happened."""
    reports, part_one = monthly_counts(RETURN_A)
    print(f"Return A 2013: {reports.is_full.sum():,} full monthly reporters, {repeat} plantings in a fifth of them.")
    print("By Part I offenses of the year. old_found: by the outlier rule of the reference, which judges no series of")
    print("fewer than 24 months; there is one year. Lumped years: agencies; all else: months.")
    tables = [found_in_return_a(reports, part_one, seed) for seed in range(SEED, SEED + repeat)]
    found = pl.concat(tables).group_by("kind", "size", maintain_order=True).sum()
    print(found.with_columns(found_share=pl.col("found") / pl.col("planted")))
    print("No month of an untouched agency can be a false alarm here: full reporters are those with known months only.")
    print("Months that are not taken as known of all real agencies with twelve reported months, nothing changed:")
    print(marked_as_reported(reports, part_one))
    empty = found.filter((pl.col("kind") == "empty month") & (pl.col("size") >= 240))
    missed = ratio(empty["missed"], empty["planted"])
    print(f"empty months missed, 240 or more: {missed / MISSED_LIMIT:.2f} of the limit")
    rest = found.filter(kind="empty month")
    false = ratio(rest["false_sound"], rest["sound"])
    print(f"other months of these agencies marked: {false / FALSE_LIMIT:.2f} of the limit")
    edges = found.filter(kind="complete month beside a gap")
    print(f"complete months beside a gap marked: {ratio(edges['false_sound'], edges['sound']):.2%}; no limit is stated")


def nations(scale: float, number: int) -> None:
    """Print what is found among the months that synthetic nations report wrongly."""
    months = pl.concat(each_nation(scale, range(SEED, SEED + number)))
    print(f"Synthetic nation at scale {scale}, {number} seeds, months of the data year, by offenses of the year.")
    print("recent: the default rule with the rules for the months of a year; the others: the outlier rule alone.")
    print(found_in_nation(months).sort("kind", "size"))
    for least in (50, 240):
        print(f"the same, {least} offenses or more:")
        print(found_in_nation(months.filter(pl.col("size") >= least).with_columns(size=least)).sort("kind"))
    print("false alarms among the months of agencies with nothing planted in the year:")
    print(false_in_nation(months))
    everything = false_in_nation(months.with_columns(size=0))
    print(everything.with_columns(size=pl.lit("all")))
    for kind, least, mark in (("0", 240, "low_recent"), ("10", 50, "high_recent")):
        planted = months.filter((pl.col("kind") == kind) & "is_changed" & (pl.col("size") >= least))
        old = planted.filter("has_history")
        missed, missed_of_old = (ratio(~some[mark], some["is_changed"]) / MISSED_LIMIT for some in (planted, old))
        print(
            f"months times {kind} missed, {least} or more: {missed:.2f} of the limit ({planted.height} planted); ",
            end="",
        )
        print(f"of series of 24 months or more {missed_of_old:.2f} ({old.height})")
    for way in ("low", "high"):
        shares = ", ".join(f"{rule} {everything[f'{way}_{rule}'].item() / FALSE_LIMIT:.2f}" for rule in RULES)
        print(f"false alarms, {way} months, of the limit: {shares}")


def each_nation(scale: float, seeds: Iterable[int]) -> Iterable[pl.DataFrame]:
    """The months of one nation after another."""
    for seed in seeds:
        print(f"generating the history of nation {seed} at scale {scale} ...", flush=True)
        made = SyntheticSource(scale).ingest_agencies(YEAR, seed)
        yield nation_months({name: frame.lazy() for name, frame in made.items()}, seed)


def ratio(part: pl.Series, whole: pl.Series) -> float:
    """A sum as part of another, 0 where there is nothing."""
    return number(part.sum()) / max(number(whole.sum()), 1)


if __name__ == "__main__":
    main()
