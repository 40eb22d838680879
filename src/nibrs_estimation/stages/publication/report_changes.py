"""The section of the report on changes since the run's predecessor."""

from __future__ import annotations

from html import escape

import polars as pl

from nibrs_estimation.model.headlines import COMPARED
from nibrs_estimation.pages import html_table
from nibrs_estimation.pages.changes import change_chart
from nibrs_estimation.tables.labels import plain_label
from nibrs_estimation.tables.read import table_definition
from nibrs_estimation.tables.suppression import SUPPRESSED

_CLEAR = {"higher": "yes, higher", "lower": "yes, lower"}
_MEANS = (
    "Of 100 such intervals 95 hold the change that would be found if all agencies had reported in both years. A change "
    "is clear if its interval does not hold 0. What the errors of both years have in common is found from the agencies "
    "that responded in both."
)


def changes_section(found: pl.DataFrame, year: int) -> str:
    """Headline counts beside those of the predecessor, as a picture and a table; empty without one.

    Args:
        found: dataset ``year_change``.
        year: data year of the run.
    """
    if found.is_empty():
        return ""
    before = found.row(0, named=True)
    columns = [(table, table_definition(table).column(name)) for table, name in COMPARED]
    labels = pl.DataFrame(
        [(table, column.position, plain_label(column.label)) for table, column in columns],
        schema={"table_name": pl.String, "column": pl.Int16, "label": pl.String},
        orient="row",
    )
    is_suppressed = pl.coalesce("suppression_reason", "earlier_suppression_reason").is_not_null()
    in_order = labels.join(found, on=["table_name", "column"], maintain_order="left")
    shown = in_order.with_columns(
        label=pl.concat_str("label", pl.when(is_suppressed).then(pl.lit(f" {SUPPRESSED}")).otherwise(pl.lit(""))),
        change=pl.col("change_pct"),
        change_lower=pl.col("change_lower_pct"),
        change_upper=pl.col("change_upper_pct"),
        share=pl.col("change_pct") / 100,
        interval=_ends("lower_bound", "upper_bound", 0),
        change_interval=_ends("change_lower_pct", "change_upper_pct", 1),
        clear=pl.col("clear").replace(_CLEAR),
    )
    headings = {
        "label": "Incidents with", "estimate": str(year), "earlier_estimate": str(before["earlier_year"]),
        "difference": "Difference", "interval": "95 % interval", "share": "Change",
        "change_interval": "95 % interval, %", "clear": "Clear?",
    }  # fmt: skip
    whole = dict.fromkeys(("estimate", "earlier_estimate", "difference"), "integer")
    table = html_table(shown, "changes", headings, **whole, share="percent")
    notes = [
        f'<p class="note">{SUPPRESSED} Suppressed in {of}: {escape(why)}.</p>'
        for of, reasons in ((year, "suppression_reason"), (before["earlier_year"], "earlier_suppression_reason"))
        for why in found[reasons].drop_nulls().unique().sort()
    ]
    missing = [f'<p class="note">–: {escape(why)}.</p>' for why in found["missing"].drop_nulls().unique().sort()]
    return (
        f"<section><h2>Change since {before['earlier_year']}</h2><p>{escape(_MEANS)} Counts of "
        f"{before['earlier_year']} are those of run {escape(before['earlier_run_id'])}.</p>"
        f"<figure>{change_chart(shown.filter(pl.col('change_upper').is_finite()))}</figure>"
        f'<div class="numbers">{table}</div>{"".join([*missing, *notes])}</section>'
    )


def how_to_get_changes(found: pl.DataFrame) -> str:
    """What to do where a report has no changes."""
    if found.height:
        return ""
    return (
        "<p>Changes since an earlier year are shown if the run is compared with a run of that year: "
        "<code>nibrs run --predecessor</code>.</p>"
    )


def _ends(low: str, high: str, decimals: int) -> pl.Expr:
    return pl.struct(low, high).map_elements(
        lambda ends: (
            None
            if ends[low] is None or ends[high] is None
            else f"{ends[low]:+,.{decimals}f} to {ends[high]:+,.{decimals}f}"
        ),
        return_dtype=pl.String,
    )
