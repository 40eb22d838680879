"""Months reported and offenses by group, for every agency and year (handbook 02)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.agency import HISTORY_YEARS, INFERRED
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.completeness import (
    AGENCY_MONTH,
    COMPLETENESS_ISSUE,
    OFFENSE_GROUPS,
    PART1P,
    PART1V,
    REPORTING_STATUS,
)
from nibrs_estimation.model.fields import MONTHS

MONTHS_PER_YEAR = 12
#: The key of an agency's month.
KEY = ("agency_id", "data_year", "month")
#: `U` is a form that does not state whether it is empty; it is not a report of incidents (handbook 02).
_REPORTED, _KNOWN = ("I", "Z"), ("I", "Z", "U")


def describe_months(
    agency: pl.LazyFrame, report_month: pl.LazyFrame, agency_month_offense: pl.LazyFrame, year: int
) -> dict[str, pl.DataFrame]:
    """Determine for each month of each agency whether it was reported, and its offenses by group.

    The flag is 1 if a report of the month exists. It is 0 for months before the agency started NIBRS reporting, and for
    all months if no start is known (handbook 02). A flag of 0 with offenses is corrected to 1. A month without report
    or offense is missing, not 0; so are all months before the start, even if they have offenses (handbook 02).
    """
    agencies = agency.select("agency_id", "ori", "data_year", "nibrs_start_date").collect()
    reports = report_month.filter(pl.col("form_code") == "N").collect()
    offenses = agency_month_offense.collect()
    # Of several numbers for a month and offense the largest is used, so that a repeated row counts once.
    counts = offenses.group_by(*KEY, "offense_code").agg(pl.col("n").max())
    # Looking for the repeated rows takes long, and there are hardly ever any.
    repeats = offenses.clear() if counts.height == offenses.height else _repeated(offenses, [*KEY, "offense_code"])
    issues = [*_report_issues(reports, agencies), *_count_issues(offenses, repeats, agencies)]
    months = (
        agencies.join(pl.DataFrame({"month": MONTHS}, schema={"month": pl.Int8}), how="cross")
        .join(reported_months(reports), on=KEY, how="left")
        .join(grouped_counts(counts), on=KEY, how="left")
        .with_columns(pl.col(f"n_{group}").fill_null(0) for group in OFFENSE_GROUPS)
        .with_columns(_is_from_start=_is_from_start())
        .with_columns(
            mm_flag=pl.when(pl.col("is_reported") & pl.col("_is_from_start").fill_null(False))
            .then(pl.lit(1, dtype=pl.Int8))
            .otherwise(pl.lit(0, dtype=pl.Int8))
        )
    )
    issues += [*_month_issues(months), *_history_issues(months, year)]
    return {
        AGENCY_MONTH.name: mask_unreported(months).select(AGENCY_MONTH.schema.names()),
        COMPLETENESS_ISSUE.name: pl.DataFrame(issues, schema=COMPLETENESS_ISSUE.schema, orient="row"),
    }


def reported_months(reports: pl.DataFrame) -> pl.DataFrame:
    """The months with a report of incidents or a zero report: the key and ``is_reported``, without repeats."""
    return reports.filter(pl.col("status").is_in(_REPORTED)).select(*KEY, is_reported=pl.lit(True)).unique()


def grouped_counts(counts: pl.DataFrame) -> pl.DataFrame:
    """Offense segments by agency, year, month and group: columns ``n_part1v``, ``n_part1p``, ``n_otherc``, ``n_all``.

    Incidents without offense and justifiable homicides (09C) count in ``n_all`` but in no group. Negative and missing
    numbers are left out.
    """
    code = pl.col("offense_code").str.strip_chars().str.to_uppercase()
    in_group = {"part1v": code.is_in(PART1V), "part1p": code.is_in(PART1P)}
    in_group["otherc"] = ~(in_group["part1v"] | in_group["part1p"] | (code == "NONE") | (code == "09C"))
    # The texts of codes are looked at once each, not in every row.
    groups = counts.select(pl.col("offense_code").unique()).with_columns(
        is_in.fill_null(False).cast(pl.Int64).alias(f"n_{group}") for group, is_in in in_group.items()
    )
    # If only some numbers of a month are unusable, the others are used.
    usable = counts.with_columns(n_all=pl.when(pl.col("n") >= 0).then(pl.col("n").cast(pl.Int64)).otherwise(0))
    numbers = [f"n_{group}" for group in in_group]
    return (
        usable.join(groups, on="offense_code", how="left", nulls_equal=True)
        .with_columns(pl.col(name) * pl.col("n_all") for name in numbers)
        .group_by(KEY)
        .agg(pl.col(*numbers, "n_all").sum().cast(pl.Int32))
    )


def mask_unreported(months: pl.DataFrame) -> pl.DataFrame:
    """Correct flags that are contradicted by offenses, and set numbers of months that were not reported to missing.

    Args:
        months: one row for each month with ``mm_flag``, ``nibrs_start_date`` and ``n_<group>``, none missing.

    Returns:
        The same rows with corrected ``mm_flag``, ``is_flag_repaired``, ``is_reported``, and missing numbers.
    """
    numbers = [f"n_{group}" for group in OFFENSE_GROUPS]
    # With flag 1 or 9 a number of 0 is a true zero. If the start is unknown, the numbers are not changed.
    has_report = (pl.col("mm_flag") != 0) | (pl.col("n_all") > 0)
    return (
        months.with_columns(
            is_flag_repaired=(pl.col("mm_flag") == 0) & (pl.col("n_all") > 0),
            is_reported=has_report & _is_from_start().fill_null(True),
        )
        .with_columns(pl.when("is_flag_repaired").then(pl.lit(1, dtype=pl.Int8)).otherwise("mm_flag").alias("mm_flag"))
        .with_columns(pl.when("is_reported").then(name).alias(name) for name in numbers)
    )


def summarize_reporting(
    universe: pl.LazyFrame, agency_month: pl.LazyFrame, report_month: pl.LazyFrame, year: int
) -> pl.LazyFrame:
    """Count the reported months of each agency in the data year: all, with incidents, and inferred.

    A zero report is a report: a month without crime is not missing.
    """
    inferred = report_month.filter(
        (pl.col("data_year") == year) & (pl.col("form_code") == "N") & pl.col("status_source").is_in(INFERRED)
    ).select("agency_id", "month", is_inferred=pl.lit(True))
    reported = agency_month.filter((pl.col("data_year") == year) & pl.col("is_reported"))
    counted = (
        reported.join(inferred.unique(), on=["agency_id", "month"], how="left")
        .group_by("agency_id")
        .agg(
            months_reported=pl.len().cast(pl.Int8),
            months_with_incidents=(pl.col("n_all") > 0).sum().cast(pl.Int8),
            months_inferred=pl.col("is_inferred").fill_null(False).sum().cast(pl.Int8),
        )
    )
    return (
        universe.join(counted, on="agency_id", how="left")
        .with_columns(pl.col("months_reported", "months_with_incidents", "months_inferred").fill_null(0))
        .with_columns(is_full_year=pl.col("months_reported") == MONTHS_PER_YEAR)
        .select(REPORTING_STATUS.schema.names())
    )


def _is_from_start() -> pl.Expr:
    """Whether the agency had started NIBRS reporting in the month; missing if the start is unknown."""
    return pl.col("nibrs_start_date").dt.month_start() <= pl.date("data_year", "month", 1)


_UNUSABLE = "Left out: a reported month counts its other numbers, or 0; one without report stays missing."
Issue = tuple[str, int, int, int, str | None, str]


def _issues(name: str, rows: pl.DataFrame, rule: str) -> list[Issue]:
    """One issue for each year, from rows with ``data_year``, ``agency_id`` and ``ori``."""
    by_year = (
        rows.sort("agency_id")
        .group_by("data_year")
        .agg(
            pl.len(),
            pl.col("agency_id").n_unique(),
            pl.coalesce("ori", pl.col("agency_id").cast(pl.String)).first().alias("first"),
        )
        .sort("data_year")
    )
    return [(name, *row, rule) for row in by_year.iter_rows()]


def _report_issues(reports: pl.DataFrame, agencies: pl.DataFrame) -> list[Issue]:
    known = ["agency_id", "data_year"]
    out_of_range = ~pl.col("month").is_in(MONTHS).fill_null(False)
    return [
        *_issues(
            "month of an unknown agency",
            reports.join(agencies, on=known, how="anti"),
            "Left out: dataset agency does not contain the agency in that year. Add it there, or remove the months.",
        ),
        *_issues("month out of range", reports.filter(out_of_range), "Left out: months are 1 to 12."),
        *_issues(
            "repeated month",
            _repeated(reports, list(KEY)),
            "Counted once: any report of a month makes it reported.",
        ),
        *_issues(
            "unknown status",
            reports.filter(~pl.col("status").is_in(_KNOWN).fill_null(False)),
            "Treated as no report: a status is I, Z or U.",
        ),
    ]


def _repeated(rows: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """The rows whose key an earlier row has."""
    return rows.filter(~pl.struct(key).is_first_distinct())


def _count_issues(counts: pl.DataFrame, repeats: pl.DataFrame, agencies: pl.DataFrame) -> list[Issue]:
    code = pl.col("offense_code").str.strip_chars().str.to_uppercase()
    known = counts.select(pl.col("offense_code").unique()).filter(
        code.is_in([*code_list("offense")["code"], "NONE"]).fill_null(False)
    )["offense_code"]
    return [
        *_issues(
            "count of an unknown agency",
            counts.join(agencies, on=["agency_id", "data_year"], how="anti"),
            "Left out: dataset agency does not contain the agency in that year. Add it there, or remove the counts.",
        ),
        *_issues(
            "count out of range",
            counts.filter(~pl.col("month").is_in(MONTHS).fill_null(False)),
            "Left out: months are 1 to 12.",
        ),
        *_issues(
            "repeated count",
            repeats,
            "Counted once: of several numbers for a month and offense the largest is used.",
        ),
        *_issues(
            "unknown offense code",
            counts.filter(~pl.col("offense_code").is_in(known.implode()).fill_null(False)),
            "Counted among the other offenses (handbook 02).",
        ),
        *_issues("negative count", counts.filter(pl.col("n") < 0), _UNUSABLE),
        *_issues("missing count", counts.filter(pl.col("n").is_null()), _UNUSABLE),
    ]


def _month_issues(months: pl.DataFrame) -> list[Issue]:
    has_offenses = pl.col("n_all") > 0
    from_start = pl.col("_is_from_start").fill_null(True)
    return [
        *_issues(
            "count before the start of NIBRS",
            months.filter(has_offenses & ~from_start),
            "The month counts as not reported (handbook 02).",
        ),
        *_issues(
            "no start of NIBRS",
            months.filter(
                pl.col("nibrs_start_date").is_null() & (has_offenses | pl.col("is_reported").fill_null(False))
            ),
            "Without a start, months with offenses count as reported, but other reports do not. Complete the date.",
        ),
        *_issues(
            "count without a report",
            months.filter(has_offenses & from_start & (pl.col("mm_flag") == 0) & pl.col("is_reported").is_null()),
            "The flag is corrected: offenses are a report (handbook 02).",
        ),
    ]


def _history_issues(months: pl.DataFrame, year: int) -> list[Issue]:
    """Issues of years of the window in which no agency reported."""
    reported = months.group_by("data_year").agg((pl.col("mm_flag").any() | (pl.col("n_all") > 0).any()).alias("any"))
    years = set(reported.filter("any")["data_year"])
    present = range(year - HISTORY_YEARS + 1, year + 1)
    rule = "Outlier months are detected in the other years, for agencies with at least 24 reported months."
    return [("year without history", each, 0, 0, None, rule) for each in present if each not in years]
