"""Return A of the data year in one form, from whatever source (handbook 16)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.return_a_file import ACTUAL, ITEM_COLUMNS, ITEMS
from nibrs_estimation.model.summary import LEGACY_LINES, REPORT_ISSUE, SUMMARY_REPORT
from nibrs_estimation.stages.summary.issues import Issue, issue

_KEY = ["agency_id", "month"]
_LEGACY_COLUMNS = tuple(f"item_{line}" for line in LEGACY_LINES)


def collect_reports(
    agency: pl.LazyFrame,
    report_month: pl.LazyFrame,
    srs_month: pl.LazyFrame,
    reta_mm: pl.LazyFrame,
    return_a_card: pl.LazyFrame,
    year: int,
) -> dict[str, pl.DataFrame]:
    """Collect the reported months of the data year with their lines.

    Months and counts are those of the source, or of a RETA-MM file if one is given. Cards of offenses that were
    unfounded or cleared are added where the source has them.
    """
    agencies = agency.filter(pl.col("data_year") == year).select("agency_id", "ori").unique("agency_id").collect()
    given = reta_mm.filter(pl.col("data_year") == year).collect()
    if given.height:
        months, counts = given.filter("is_reported").select(_KEY), _long(given)
    else:
        is_summary = (pl.col("data_year") == year) & (pl.col("form_code") == "R")
        months = report_month.filter(is_summary).select(_KEY).unique().collect()
        counts = srs_month.filter(pl.col("data_year") == year).select(*_KEY, "item_code", "n").collect()
    issues: list[Issue] = [
        *issue(
            "summary of an agency outside the universe",
            pl.concat([months, counts.select(_KEY)]).join(agencies, on="agency_id", how="anti"),
            agencies,
            "Left out: dataset agency has no such agency in the data year.",
        ),
        *issue(
            "summary counts of a month without a report",
            counts.filter(pl.col("n") != 0).join(months, on=_KEY, how="anti"),
            agencies,
            "The month counts as not reported, and its counts are left out.",
        ),
    ]
    lines = _wide(counts)
    # What a reported month does not list is 0; legacy rape is missing if nobody tells it.
    has_legacy = bool(counts["item_code"].is_in(LEGACY_LINES).any())
    unknown = () if has_legacy else _LEGACY_COLUMNS
    known = (*ITEM_COLUMNS, *_LEGACY_COLUMNS) if has_legacy else ITEM_COLUMNS
    actual = (
        months.join(agencies, on="agency_id", how="semi")
        .join(lines, on=_KEY, how="left")
        .with_columns(pl.col(known).fill_null(0), *_none(unknown), card=pl.lit(ACTUAL), is_within_another=pl.lit(False))
    )
    cards = return_a_card.filter(pl.col("data_year") == year).collect().join(agencies, on="agency_id", how="semi")
    # The source of a Return A master file knows which lines a card does not tell.
    own = cards.filter(pl.col("card") == ACTUAL)
    actual = actual.join(own, on=_KEY, how="anti")
    return {
        SUMMARY_REPORT.name: pl.concat(
            [SUMMARY_REPORT.cast(actual), SUMMARY_REPORT.cast(cards.with_columns(_none(_LEGACY_COLUMNS)))]
        ),
        REPORT_ISSUE.name: pl.DataFrame(issues, schema=REPORT_ISSUE.schema, orient="row"),
    }


def _none(columns: tuple[str, ...]) -> list[pl.Expr]:
    return [pl.lit(None, pl.Int32).alias(column) for column in columns]


def _long(reta_mm: pl.DataFrame) -> pl.DataFrame:
    item = pl.col("item").str.strip_prefix("item_").cast(pl.Int8)
    wide = reta_mm.select(*_KEY, *ITEM_COLUMNS, *_LEGACY_COLUMNS)
    return (
        wide.unpivot(index=_KEY, variable_name="item", value_name="n")
        .drop_nulls("n")
        .select(*_KEY, item_code=item, n="n")
    )


def _wide(counts: pl.DataFrame) -> pl.DataFrame:
    return counts.group_by(_KEY).agg(
        pl.col("n").filter(pl.col("item_code") == item).sum().cast(pl.Int32).alias(f"item_{item}")
        for item in (*ITEMS, *LEGACY_LINES)
    )
