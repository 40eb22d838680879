"""Times of the steps, and error of the reference's block imputation, on the synthetic nation."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from nibrs_estimation.model.agency import AGENCY_MONTH_OFFENSE
from nibrs_estimation.model.completeness import COPIED_GROUPS
from nibrs_estimation.model.geography import AGENCY_COUNTY
from nibrs_estimation.stages.block_imputation.donors import choose_donors
from nibrs_estimation.stages.block_imputation.fill import fill_months
from nibrs_estimation.stages.block_imputation.known import judge_months
from nibrs_estimation.stages.completeness.months import describe_months
from nibrs_estimation.stages.completeness.patterns import describe_patterns
from nibrs_estimation.stages.outliers.detect import detect_outliers
from nibrs_estimation.stages.universe.officers import impute_officers

YEAR, SEED = 2024, 1
#: Share of the complete agencies that miss months in a pattern.
PARTIAL_SHARE = 0.1
#: Offense codes whose errors are listed.
LISTED = ("13A", "13B", "120", "220", "23H", "240", "290", "35A")


def timed(name: str, function: Callable[[], Any]) -> tuple[Any, float]:
    """What a function returns, and the seconds that it took, which are printed."""
    start = time.perf_counter()
    result = function()
    seconds = time.perf_counter() - start
    print(f"  {name:<28}{seconds:8.2f} s", flush=True)
    return result, seconds


def steps(data: dict[str, pl.LazyFrame]) -> dict[str, pl.LazyFrame]:
    """What the steps make by the default rules; their times, and that of the reference's donors, beside the limits."""
    agency, reports, offenses = data["agency"], data["report_month"], data["agency_month_offense"]
    months, first = timed("describe_months", lambda: describe_months(agency, reports, offenses, YEAR))
    month = months["agency_month"].lazy()
    timed("describe_patterns", lambda: describe_patterns(agency, AGENCY_COUNTY.empty(), month, offenses).collect())
    outliers, second = timed("detect_outliers", lambda: detect_outliers(agency, month, YEAR, "recent"))
    colors = outliers["outlier_month"].lazy()
    known, third = timed("judge_months", lambda: judge_months(agency, month, colors, offenses, YEAR))
    employees, _ = timed(
        "impute_officers", lambda: impute_officers(agency, reports, data["srs_month"], offenses, YEAR, SEED)
    )
    given = (agency, month, colors, employees.lazy(), offenses)
    filled, fourth = timed("fill_months", lambda: fill_months(*given, known.lazy(), YEAR, SEED, "own_months"))
    blocks, fifth = timed("choose_donors (reference)", lambda: choose_donors(*given, YEAR, SEED))
    seconds = first + second + third + fourth
    print(f"months, outliers and filling: {seconds:.2f} s, {seconds / 15:.2f} of the limit of 15 s")
    print(f"the reference's donor model and matching: {fifth / 10:.2f} of the limit of 10 s")
    for name, found in (("default", filled), ("reference", blocks)):
        print(name, found["block_agency"].group_by("part").len().sort("part"))
    return {
        "agency": agency, "agency_month": month, "outlier_month": colors, "police_employees": employees.lazy(),
        "known_month": known.lazy(), **{name: frame.lazy() for name, frame in filled.items()},
    }  # fmt: skip


def filling_errors(made: dict[str, pl.LazyFrame], data: dict[str, pl.LazyFrame], n_patterns: int) -> pl.DataFrame:
    """Hide months of complete agencies, fill them, and compare with what was hidden: a row for each kind of offense."""
    current = made["agency_month"].filter((pl.col("data_year") == YEAR) & pl.col("is_reported")).collect()
    full = current.filter(pl.len().over("agency_id") == 12)
    planted = made["outlier_month"].filter((pl.col("data_year") == YEAR) & (pl.col("color") != "green")).collect()
    full = full.join(planted, on="agency_id", how="anti").sort("agency_id", "month")
    ids = full["agency_id"].unique().sort()
    offenses = (
        data["agency_month_offense"]
        .filter((pl.col("data_year") == YEAR) & pl.col("offense_code").is_in(LISTED))
        .collect()
    )
    rows = []
    for pattern in range(n_patterns):
        hidden = _hidden(ids, pattern)
        shown = full.join(hidden, on=["agency_id", "month"], how="anti")
        blocks = choose_donors(
            made["agency"],
            shown.lazy(),
            made["outlier_month"].clear(),
            made["police_employees"],
            AGENCY_MONTH_OFFENSE.empty(),
            YEAR,
            pattern,
        )
        rows += [
            {"pattern": pattern, **row}
            for row in _errors(full, hidden, blocks["block_reference"], offenses).iter_rows(named=True)
        ]
    errors = pl.DataFrame(rows)
    return errors.group_by("kind", maintain_order=True).agg(
        truth=pl.col("truth").mean(),
        error_blocks=pl.col("blocks").mean(),
        mc_se=pl.col("blocks").std() / np.sqrt(n_patterns),
        rmse_blocks=(pl.col("blocks") ** 2).mean().sqrt(),
        rmse_own_rate=(pl.col("own_rate") ** 2).mean().sqrt(),
        agency_rmse_blocks=pl.col("agency_blocks").mean(),
        agency_rmse_own_rate=pl.col("agency_own_rate").mean(),
    )


def _hidden(ids: pl.Series, pattern: int) -> pl.DataFrame:
    """The months that a tenth of the agencies miss: late starters, quitters, and others here and there."""
    generator = np.random.default_rng([SEED, pattern])
    some = ids.filter(pl.Series(generator.uniform(size=len(ids)) < PARTIAL_SHARE)).to_numpy()
    kind, turn = generator.integers(0, 3, len(some))[:, None], generator.integers(4, 10, len(some))[:, None]
    month = np.arange(1, 13)[None, :]
    scattered = generator.uniform(size=(len(some), 12)) < 0.3
    missing = np.select([kind == 0, kind == 1], [month < turn, month >= turn], scattered)
    missing[missing.sum(axis=1) > 9, :3] = False
    row, column = np.nonzero(missing)
    return pl.DataFrame({"agency_id": some[row], "month": (column + 1).astype(np.int8)})


def _errors(full: pl.DataFrame, hidden: pl.DataFrame, references: pl.DataFrame, offenses: pl.DataFrame) -> pl.DataFrame:
    """Relative errors of the totals of the agencies with hidden months, by group of offenses and by offense."""
    groups = full.select("agency_id", "month", *(pl.col(f"n_{group}").alias(group) for group in COPIED_GROUPS))
    long = pl.concat(
        [
            groups.unpivot(index=["agency_id", "month"], variable_name="kind", value_name="n").with_columns(
                pl.col("n").cast(pl.Int64)
            ),
            groups.select("agency_id", "month", kind=pl.lit("all"), n=pl.sum_horizontal(COPIED_GROUPS).cast(pl.Int64)),
            offenses.select("agency_id", "month", kind="offense_code", n=pl.col("n").cast(pl.Int64)),
        ]
    )
    partial = hidden.group_by("agency_id").len(name="k")
    mine = long.join(partial, on="agency_id")
    truth = mine.group_by("agency_id", "kind").agg(truth=pl.col("n").sum())
    seen = (
        mine.join(hidden, on=["agency_id", "month"], how="anti")
        .group_by("agency_id", "kind")
        .agg(own=pl.col("n").sum())
    )
    copied = (
        references.join(long.rename({"agency_id": "donor_agency_id"}), on=["donor_agency_id", "month"])
        .group_by("agency_id", "kind")
        .agg(copied=pl.col("n").sum())
    )
    both = (
        truth.join(seen, on=["agency_id", "kind"], how="full", coalesce=True)
        .join(copied, on=["agency_id", "kind"], how="full", coalesce=True)
        .join(partial, on="agency_id")
        .fill_null(0)
        .with_columns(filled=pl.col("own") + pl.col("copied"), rate=pl.col("own") * 12 / (12 - pl.col("k")))
    )
    order = {kind: number for number, kind in enumerate(("all", *COPIED_GROUPS, *LISTED))}
    n = partial.height
    return (
        both.group_by("kind")
        .agg(
            truth=pl.col("truth").sum(),
            blocks=pl.col("filled").sum() / pl.col("truth").sum() - 1,
            own_rate=pl.col("rate").sum() / pl.col("truth").sum() - 1,
            agency_blocks=(((pl.col("filled") - pl.col("truth")) ** 2).sum() / n).sqrt(),
            agency_own_rate=(((pl.col("rate") - pl.col("truth")) ** 2).sum() / n).sqrt(),
        )
        .sort(pl.col("kind").replace_strict(order, return_dtype=pl.Int32))
    )
