"""Outlier months: numbers by kind of agency, and charts of 60 months of the agencies that have them (handbook 03)."""

from __future__ import annotations

from typing import Literal

import polars as pl

from nibrs_estimation.model.outliers import COLORS
from nibrs_estimation.pages import GRAY, html_table, page, rows_of, svg, writer
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.task import DocumentWriter
from nibrs_estimation.stages.validation.scope import scope_of

#: Number of charts: agencies with the most offenses in outlier months.
CHARTS = 48
CHARTS_PER_ROW = 4
_HTML_COLORS = {"green": GRAY, "orange": "#e08e0b", "red": "#c0392b", "blue": "#2f6690", "brown": "#7b4f2c"}

#: Lower ends of the classes of population and of mean monthly offenses (handbook 03).
_POPULATIONS = (0, 1, 2_500, 10_000, 25_000, 50_000, 100_000, 250_000)
_MEANS = (0, 10, 20, 30, 40, 50)


def validate_outliers(
    agency: pl.LazyFrame,
    outlier_agency: pl.LazyFrame,
    outlier_month: pl.LazyFrame,
    completeness_issue: pl.LazyFrame,
    year: int,
    outlier_rule: Literal["intended", "reference"],
    identity: Identity,
) -> dict[str, DocumentWriter]:
    """Show outlier months by kind of agency, the series of agencies that have them, and issues in the input."""
    current = agency.filter(pl.col("data_year") == year).select(
        "agency_id", "agency_name", "agency_type_name", "state_abbr", "population"
    )
    agencies = outlier_agency.join(current, on="agency_id", how="left").sort("agency_id").collect()
    sections = [
        (
            "Agencies and months",
            f"<p>Months of the data year. {_RULES[outlier_rule]} Compared with the agency's own months of {year - 4} "
            f"to {year}; agencies with fewer than 24 months are not evaluated (short history).</p>"
            + _summaries(summary(agencies)),
        ),
        (
            "The agencies with most offenses in outlier months",
            f"<p>Offenses of each month over five years, at most {CHARTS} agencies; the scales differ, and lines break "
            f"where a month was not reported. {_legend()}</p>" + _charts(agencies, outlier_month.collect(), year),
        ),
        ("Issues in months and counts", _issues(completeness_issue.collect())),
    ]
    subtitle = f"Months whose number of offenses is unusual in the agency's own series. {scope_of(agency, year)}"
    return {"validation_outliers.html": writer(page(f"Outlier months, {year}", subtitle, sections, identity))}


_RULES = {
    "intended": "Red and orange: too low; blue and brown: too high.",
    "reference": "Colors of the reference pipeline (outlier_rule = reference): red and orange are too low; blue is "
    "too high or, in a series without spread, too low.",
}


def _legend() -> str:
    """Each color with its meaning."""
    return ", ".join(
        f'<span style="color:{html_color}">&#9679;</span> {color}: {_MEANING[color]}'
        for color, html_color in _HTML_COLORS.items()
    )


def _summaries(rows: pl.DataFrame) -> str:
    """The summary, with a heading for each division of the agencies; kinds without an agency are omitted."""
    whole = dict.fromkeys(list(_LABELS)[1:], "integer")
    kind = pl.col("kind")
    division = (
        pl.when(kind == "All")
        .then(pl.lit("All agencies"))
        .when(kind.str.starts_with("Population "))
        .then(pl.lit("By population"))
        .when(kind.str.starts_with("Offenses a month "))
        .then(pl.lit("By offenses a month"))
        .otherwise(pl.lit("By type"))
    )
    parts = rows.filter(pl.col("agencies") > 0).with_columns(division=division)
    return "".join(
        f"<h3>{heading}</h3>{html_table(part, f'summary-{number}', _LABELS, **whole)}"
        for number, ((heading,), part) in enumerate(parts.group_by("division", maintain_order=True))
    )


#: What the colors of the charts mean.
_MEANING = {
    "green": "usual", "orange": "low", "red": "very low", "blue": "high", "brown": "very high",
}  # fmt: skip
_LABELS = {
    "kind": "Agencies", "agencies": "Number", "two_levels": "With two levels", "short_history": "Short history",
    "level_shift": "Level shift", "any_low": "With a low month", "any_high": "With a high month",
    **{f"n_{color}": f"Months {_MEANING[color]}" for color in COLORS},
}  # fmt: skip


def summary(agencies: pl.DataFrame) -> pl.DataFrame:
    """Agencies and months by type, population, mean monthly offenses and length of history.

    Args:
        agencies: dataset ``outlier_agency`` with ``agency_type_name`` and ``population``.

    Returns:
        ``kind``, numbers of agencies and of months of each color, one row for each kind.
    """
    mean, people = pl.col("mean_monthly_offenses"), pl.col("population")
    types = agencies["agency_type_name"].drop_nulls().unique().sort()
    kinds = [
        ("All", pl.lit(True)),
        *((str(name), pl.col("agency_type_name") == name) for name in types),
        *_classes("Population", people, _POPULATIONS),
        *_classes("Offenses a month", mean, _MEANS),
    ]
    numbers = {
        "agencies": pl.len(),
        "two_levels": ((pl.col("n_levels") == 2) & pl.col("reason").ne_missing("short_history")).sum(),
        "short_history": (pl.col("reason") == "short_history").sum(),
        "level_shift": (pl.col("reason") == "level_shift").sum(),
        "any_low": (pl.col("n_red") + pl.col("n_orange") > 0).sum(),
        "any_high": (pl.col("n_blue") + pl.col("n_brown") > 0).sum(),
        **{f"n_{color}": pl.col(f"n_{color}").cast(pl.Int64).sum() for color in COLORS},
    }
    return pl.concat(
        agencies.filter(is_of_kind).select(kind=pl.lit(name), **{k: n.cast(pl.Int64) for k, n in numbers.items()})
        for name, is_of_kind in kinds
    )


def _classes(name: str, value: pl.Expr, lower: tuple[int, ...]) -> list[tuple[str, pl.Expr]]:
    def label(low: int, high: int | None) -> str:
        if high is None:
            return f"{name} {low:,} and more"
        return f"{name} {low}" if high == low + 1 else f"{name} {low:,} to below {high:,}"

    return [
        (label(low, high), (value >= low) & (value < high if high is not None else pl.lit(True)))
        for low, high in zip(lower, (*lower[1:], None), strict=True)
    ]


def _charts(agencies: pl.DataFrame, months: pl.DataFrame, year: int) -> str:
    import altair as alt  # noqa: PLC0415 (takes a second to import, only for tasks with charts)

    outliers = months.filter((pl.col("data_year") == year) & (pl.col("color") != "green"))
    # The size of a low month is measured by the agency's mean, because its own number is small.
    size = (
        outliers.join(agencies, on="agency_id")
        .group_by("agency_id")
        .agg(size=pl.max_horizontal("n_all", "mean_monthly_offenses").sum())
    )
    chosen = size.sort("size", "agency_id", descending=[True, False]).head(CHARTS)
    if chosen.is_empty():
        return "<p>No month of the data year is an outlier.</p>"
    names = agencies.select("agency_id", name=pl.concat_str("agency_name", "ori", separator=", ", ignore_nulls=True))
    grid = pl.DataFrame(
        {"data_year": range(year - 4, year + 1)}, schema={"data_year": months.schema["data_year"]}
    ).join(pl.DataFrame({"month": range(1, 13)}, schema={"month": months.schema["month"]}), how="cross")
    shown = (
        chosen.join(names, on="agency_id", maintain_order="left")
        .with_row_index("position")
        .join(grid, how="cross")
        .join(months, on=["agency_id", "data_year", "month"], how="left")
        .with_columns(time=pl.col("data_year") + (pl.col("month") - 1) / 12)
        .sort("position", "data_year", "month")
    )
    charts = []
    for part in shown.partition_by("position", maintain_order=True):
        base = alt.Chart(rows_of(part.select("time", "n_all", "color")), title=part["name"][0]).encode(
            x=alt.X(
                "time:Q",
                title=None,
                scale=alt.Scale(domain=[year - 4, year + 1]),
                axis=alt.Axis(format="d", tickCount=5),
            ),
            y=alt.Y("n_all:Q", title=None, axis=alt.Axis(tickCount=3)),
        )
        html_color = alt.Color(
            "color:N", scale=alt.Scale(domain=list(_HTML_COLORS), range=list(_HTML_COLORS.values())), legend=None
        )
        points = base.mark_point(filled=True, size=18, opacity=1).encode(color=html_color)
        line = base.mark_line(color="#cfd8df", strokeWidth=1, invalid="break-paths-show-domains")
        charts.append(alt.layer(line, points.transform_filter("isValid(datum.n_all)")).properties(width=190, height=90))
    rows = [alt.hconcat(*charts[start : start + CHARTS_PER_ROW]) for start in range(0, len(charts), CHARTS_PER_ROW)]
    return f"<figure>{svg(alt.vconcat(*rows).configure_title(fontSize=10, limit=190))}</figure>"


def _issues(issues: pl.DataFrame) -> str:
    if issues.is_empty():
        return "<p>Nothing.</p>"
    labels = {
        "issue": "What", "data_year": "Year", "n_rows": "Rows", "n_agencies": "Agencies", "first_agency": "The first",
        "rule": "What was done",
    }  # fmt: skip
    return html_table(issues.sort("issue", "data_year"), "issues", labels, n_rows="integer", n_agencies="integer")
