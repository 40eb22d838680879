"""Converted incidents beside the Return A of the same agencies and months (handbook 16)."""

from __future__ import annotations

import datetime as dt
from html import escape
from typing import Any

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.return_a_file import ACTUAL, ITEM_COLUMNS, ITEMS
from nibrs_estimation.model.summary import CONVERSION_DIFFERENCE
from nibrs_estimation.pages import counted, html_table, page, writer
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.stages.summary.years import with_rape_of_year

_KEY = ["agency_id", "month", "item_code"]
#: Agencies that the page names.
_LISTED = 30


def compare_conversion(
    agency: pl.LazyFrame,
    incident_summary: pl.LazyFrame,
    summary_report: pl.LazyFrame,
    year: int,
    identity: Identity,
) -> dict[str, Any]:
    """Compare converted incidents with Return A where an agency has both, from the start of NIBRS on.

    The Return A of an agency with incidents is the FBI's own conversion of these, or a second report of the agency.
    Differences tell of the conversion, or of incidents that are missing.
    """
    agencies = (
        agency.filter((pl.col("data_year") == year) & (pl.col("nibrs_start_date") <= dt.date(year, 12, 31)))
        .select("agency_id", "ori", "state_abbr", "agency_name", first_month=_first_month(year))
        .collect()
    )
    with_incidents = incident_summary.select("agency_id").unique().collect()
    reports = with_rape_of_year(summary_report.filter(pl.col("card") == ACTUAL).collect(), year)
    months = (
        reports.join(with_incidents, on="agency_id", how="semi")
        .join(agencies, on="agency_id")
        .filter(pl.col("month") >= pl.col("first_month"))
    )
    told = months.select("agency_id", "month", *ITEM_COLUMNS).unpivot(
        index=["agency_id", "month"], variable_name="item", value_name="n_return_a"
    )
    told = told.with_columns(item_code=pl.col("item").str.strip_prefix("item_").cast(pl.Int8)).drop_nulls("n_return_a")
    converted = incident_summary.select(*_KEY, n_converted="n").collect()
    both = told.join(converted, on=_KEY, how="left").with_columns(pl.col("n_converted").fill_null(0))
    differing = both.filter(pl.col("n_return_a") != pl.col("n_converted")).join(agencies, on="agency_id")
    content = [
        ("All lines", _lines(both)),
        ("Agencies that differ most", _agencies(both, agencies)),
    ]
    n = months.select("agency_id").n_unique() if months.height else 0
    subtitle = (
        f"Incidents converted by the hierarchy rule beside the Return A of {counted(n, 'agency', 'agencies')} that "
        f"have both, in {counted(months.height, 'month')}"
    )
    return {
        CONVERSION_DIFFERENCE.name: CONVERSION_DIFFERENCE.cast(differing),
        "conversion.html": writer(page("Conversion of incidents", subtitle, content, identity)),
    }


def _first_month(year: int) -> pl.Expr:
    start = pl.col("nibrs_start_date")
    return pl.when(start.dt.year() == year).then(start.dt.month()).otherwise(1)


def _lines(both: pl.DataFrame) -> str:
    """Sums of each line, and the share of months that agree."""
    if both.is_empty():
        return "<p>No agency has both incidents and a Return A.</p>"
    labels = dict(code_list("srs_item").select(pl.col("code").cast(pl.Int8), "label").iter_rows())
    shown = (
        both.group_by("item_code")
        .agg(
            pl.col("n_return_a", "n_converted").sum(),
            agree=(pl.col("n_return_a") == pl.col("n_converted")).mean(),
        )
        .sort("item_code")
        .with_columns(
            label=pl.col("item_code").replace_strict(labels, return_dtype=pl.String),
            ratio=pl.when(pl.col("n_return_a") > 0).then(pl.col("n_converted") / pl.col("n_return_a")),
        )
    )
    headings = {
        "label": "Line", "n_return_a": "Return A", "n_converted": "Converted", "ratio": "Ratio",
        "agree": "Agency-months that agree",
    }  # fmt: skip
    formats = {"n_return_a": "integer", "n_converted": "integer", "ratio": "fine", "agree": "percent"}
    return f'<div class="numbers">{html_table(shown, "lines", headings, **formats)}</div>'


def _agencies(both: pl.DataFrame, agencies: pl.DataFrame) -> str:
    """Agencies with the largest difference of all fields in the year."""
    of_year = (
        both.filter(pl.col("item_code") == max(ITEMS))
        .group_by("agency_id")
        .agg(pl.col("n_return_a", "n_converted").sum(), months=pl.len())
        .with_columns(difference=pl.col("n_converted") - pl.col("n_return_a"))
        .filter(pl.col("difference") != 0)
        .join(agencies, on="agency_id")
        .sort(pl.col("difference").abs(), "ori", descending=[True, False])
    )
    if of_year.is_empty():
        return "<p>None.</p>"
    shown = of_year.head(_LISTED).with_columns(name=pl.coalesce("agency_name", "ori"))
    headings = {
        "state_abbr": "State", "ori": "ORI", "name": "Agency", "months": "Months", "n_return_a": "Return A",
        "n_converted": "Converted", "difference": "Difference",
    }  # fmt: skip
    formats = dict.fromkeys(("months", "n_return_a", "n_converted", "difference"), "integer")
    more = f"{of_year.height:,} agencies differ in the sum of all offenses; these are the {shown.height} largest."
    note = f"<p>{escape(more)} Dataset conversion_difference has all months and lines.</p>"
    return f'{note}<div class="numbers">{html_table(shown, "agencies", headings, **formats)}</div>'
