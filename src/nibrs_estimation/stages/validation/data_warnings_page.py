"""The page of data warnings, and its file (handbook: data warnings)."""

from __future__ import annotations

from html import escape
from pathlib import Path

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.pages import BLUE, RED, counted, html_table, page, rows_of, svg, writer
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.task import DocumentWriter
from nibrs_estimation.stages.validation.data_warnings import warning_limits
from nibrs_estimation.stages.validation.quality_page import LISTED
from nibrs_estimation.stages.validation.scope import scope_of

_OFFICERS = ("few_officers", "many_officers")
_LABELS = {
    "agency_name": "Agency", "ori": "ORI", "state_abbr": "State", "subject": "What", "observed": "Observed", "n": "Of",
}  # fmt: skip


def show_data_warnings(
    agency: pl.LazyFrame, incident_time: pl.LazyFrame, data_warning: pl.LazyFrame, year: int, identity: Identity
) -> dict[str, DocumentWriter]:
    """Show each warning with its limit, the reason of the limit, what it means, and the agencies."""
    warnings = data_warning.collect()
    sections = [
        ("Overview", _overview(warnings)),
        *((row["label"], _of_warning(row, warnings)) for row in warning_limits().iter_rows(named=True)),
        ("All agencies together", _shares(incident_time.collect())),
    ]
    subtitle = f"Agencies whose data look unusual; no estimate is changed. {scope_of(agency, year)}"
    return {
        "validation_warnings.html": writer(page(f"Data warnings, {year}", subtitle, sections, identity)),
        "data_warnings.csv": _csv(warnings),
    }


def _csv(warnings: pl.DataFrame) -> DocumentWriter:
    def write(path: Path) -> None:
        warnings.write_csv(path)

    return write


def _overview(warnings: pl.DataFrame) -> str:
    agencies = warnings["agency_id"].n_unique()
    counts = warnings.group_by("warning").agg(agencies=pl.col("agency_id").n_unique())
    rows = (
        code_list("data_warning")
        .select("label", warning="code")
        .join(counts, on="warning", how="left", maintain_order="left")
    )
    color = RED if agencies else BLUE
    return (
        f'<p><span style="color:{color}">{counted(agencies, "agency", "agencies")} with a warning.</span> A warning is '
        "no error: it says where to look before rows by hour, day or item are used.</p>"
        + html_table(
            rows.with_columns(pl.col("agencies").fill_null(0)),
            "overview",
            {"label": "Warning", "agencies": "Agencies"},
            agencies="integer",
        )
    )


def _of_warning(limit: dict[str, object], warnings: pl.DataFrame) -> str:
    found = warnings.filter(pl.col("warning") == limit["warning"])
    text = f"<p>{escape(_rule(limit))} <em>Why this limit:</em> {escape(str(limit['source']))}.</p>"
    if found.is_empty():
        return f"{text}<p>No agency.</p>"
    is_below = limit["comparison"] == "below"
    listed = found.sort("observed", "agency_id", "subject", descending=[not is_below, False, False]).head(LISTED)
    kind = "fine" if limit["warning"] in _OFFICERS else "percent"
    scale = 1000 if limit["warning"] in _OFFICERS else 1
    more = found.height - listed.height
    rest = f"<p>And {more:,} more in data_warnings.csv.</p>" if more else ""
    return (
        f"{text}<p>{escape(str(limit['meaning']))}</p>"
        + html_table(
            listed.with_columns(pl.col("observed") * scale),
            str(limit["warning"]).replace("_", "-"),
            _LABELS,
            observed=kind,
            n="integer",
        )
        + rest
    )


def _rule(limit: dict[str, object]) -> str:
    """The limit in words."""
    base = f"Agencies with at least {limit['minimum']:,} {limit['of']}"
    if limit["threshold"] is None:
        return f"{base} that leave an item blank far more often than others, or always."
    threshold = float(str(limit["threshold"]))
    if limit["warning"] in _OFFICERS:
        return f"{base} and {limit['comparison']} {1000 * threshold:g} officers for 1,000 residents."
    return f"{base} and a share {limit['comparison']} {threshold:.0%}."


def _shares(times: pl.DataFrame) -> str:
    """How the shares of agencies with enough incidents are distributed, with the limits."""
    import altair as alt  # noqa: PLC0415 (takes a second to import, only for tasks with charts)

    limits = {row["warning"]: row for row in warning_limits().iter_rows(named=True)}
    charts = []
    for warning, part, of in (("midnight", "at_midnight", "with_hour"), ("first_of_month", "on_first", "with_date")):
        limit = limits[warning]
        shares = times.filter(pl.col(of) >= limit["minimum"]).select(share=pl.col(part) / pl.col(of))
        if shares.is_empty():
            continue
        bars = (
            alt.Chart(rows_of(shares), title=str(limit["label"]))
            .mark_bar(color=BLUE)
            .encode(
                x=alt.X("share:Q", bin=alt.Bin(step=0.01), title="Share", axis=alt.Axis(format=".0%")),
                y=alt.Y("count()", title="Agencies"),
            )
        )
        line = (
            alt.Chart(rows_of(pl.DataFrame({"limit": [limit["threshold"]]}))).mark_rule(color=RED).encode(x="limit:Q")
        )
        charts.append(alt.layer(bars, line).properties(width=320, height=140))
    if not charts:
        return "<p>No agency has enough incidents to show shares.</p>"
    return (
        "<p>Shares of the agencies with enough incidents; the red line is the limit.</p>"
        f"<figure>{svg(alt.hconcat(*charts))}</figure>"
    )
