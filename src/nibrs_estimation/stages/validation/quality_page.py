"""The quality checks as a page, and with their tables as files (handbook: quality checks)."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from nibrs_estimation.model.quality import FEW_AGENCIES, NATION, REPORTER_TYPES, SUMMARY_KINDS
from nibrs_estimation.pages import BLUE, GRAY, RED, counted, html_table, page, rows_of, svg, writer
from nibrs_estimation.pipeline.files import write_json
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.task import DocumentWriter
from nibrs_estimation.stages.validation.quality import LISTED_DIFFERENCE, limit_words, written
from nibrs_estimation.stages.validation.scope import scope_of

#: Largest number of rows in a list on the page; the files contain all.
LISTED = 50
#: Number of patterns of inconsistent reporters on the page (the reference's number).
PATTERNS = 20
#: Kinds of the comparison with summaries that deserve a look, as the reference lists them.
_ODD = ("no_summary_offenses", "no_summary", "no_incident_offenses", "no_incidents", "empty_summary_only", "missing")
_RESULTS = {True: "passed", False: "failed", None: "not judged"}
#: Limit of the shares of states that the chart shows.
_STATE_LIMIT = "state_population_coverage"


def show_quality(
    agency: pl.LazyFrame,
    quality_check: pl.LazyFrame,
    state_coverage: pl.LazyFrame,
    summary_comparison: pl.LazyFrame,
    reporter_type: pl.LazyFrame,
    population_comparison: pl.LazyFrame,
    year: int,
    identity: Identity,
) -> dict[str, DocumentWriter]:
    """Write the checks as page, CSV and JSON, and the tables behind them as CSV."""
    checks, coverage = quality_check.collect(), state_coverage.collect()
    comparison, types, populations = (
        table.collect() for table in (summary_comparison, reporter_type, population_comparison)
    )
    sections = [
        ("Failed checks", _failed(checks)),
        ("All checks", _overview(checks)),
        ("Coverage by state", _coverage(coverage, checks)),
        ("Incidents and summaries", _summaries(comparison)),
        ("Partial reporters", _reporters(types)),
        ("Populations", _populations(populations)),
    ]
    subtitle = "What was checked before anybody relies on the estimates. " + scope_of(agency, year)
    tables = {
        "quality_checks.csv": checks,
        "state_coverage.csv": coverage,
        "summary_comparison.csv": comparison,
        "reporter_types.csv": types,
        "population_comparison.csv": populations,
    }
    return {
        "validation_quality.html": writer(page(f"Quality checks, {year}", subtitle, sections, identity)),
        "quality_checks.json": lambda path: write_json(path, checks.to_dicts()),
        **{name: _csv(table) for name, table in tables.items()},
    }


def _csv(table: pl.DataFrame) -> DocumentWriter:
    def write(path: Path) -> None:
        table.write_csv(path)

    return write


def _with_words(checks: pl.DataFrame) -> pl.DataFrame:
    numbers = [
        {
            "result": _RESULTS[row["is_passed"]],
            "found": "–" if row["observed"] is None else written(row["observed"], row["unit"]),
            "limit": f"{limit_words(row['comparison'])} {written(row['threshold'], row['unit'])}",
        }
        for row in checks.iter_rows(named=True)
    ]
    schema = dict.fromkeys(("result", "found", "limit"), pl.String)
    return pl.concat([checks, pl.DataFrame(numbers, schema=schema)], how="horizontal")


def _failed(checks: pl.DataFrame) -> str:
    failed = checks.filter(~pl.col("is_passed")).sort("severity", "check", "subject")
    passed, unknown = checks["is_passed"].sum(), checks["is_passed"].null_count()
    told = f"{counted(int(passed), 'check passes', 'checks pass')}; {unknown:,} could not be judged."
    if failed.is_empty():
        return f"<p>No check fails. {told}</p>"
    hard = failed.filter(pl.col("severity") == "hard").height
    labels = {
        "severity": "Severity", "description": "Check", "subject": "Place", "found": "Observed", "limit": "Must be",
        "if_failed": "What it means",
    }  # fmt: skip
    return (
        f'<p><span style="color:{RED}">{counted(failed.height, "check fails", "checks fail")}, {hard:,} of them hard.'
        f"</span> {told}</p>" + html_table(_with_words(failed), "failed", labels)
    )


def _overview(checks: pl.DataFrame) -> str:
    """A tile for each check of the nation, and how many states passed, with the numbers below."""
    import altair as alt  # noqa: PLC0415 (takes a second to import, only for tasks with charts)

    words = _with_words(checks)
    counts = words.group_by("description", "result").len(name="places").sort("description", "result")
    chart = (
        alt.Chart(rows_of(counts))
        .mark_bar()
        .encode(
            y=alt.Y("description:N", title=None, axis=alt.Axis(labelLimit=520)),
            x=alt.X("places:Q", stack="normalize", title="Share of places", axis=alt.Axis(format=".0%")),
            color=alt.Color(
                "result:N", title=None, scale=alt.Scale(domain=list(_RESULTS.values()), range=[BLUE, RED, GRAY])
            ),
        )
        .properties(width=320)
    )
    nation = words.filter(pl.col("subject") == NATION)
    labels = {
        "description": "Check", "severity": "Severity", "found": "Observed", "limit": "Must be", "result": "Result",
        "not_judged": "Why not judged",
    }  # fmt: skip
    return (
        f"<figure>{svg(chart)}</figure><p>Checks of the whole run; those of states are in quality_checks.csv.</p>"
        + html_table(nation, "nation", labels)
    )


def _coverage(coverage: pl.DataFrame, checks: pl.DataFrame) -> str:
    import altair as alt  # noqa: PLC0415 (as above)

    states = coverage.filter(pl.col("place") != NATION)
    shown = states.filter(pl.col("population_share").is_not_null() | pl.col("crime_share").is_not_null())
    figure = ""
    if shown.height:
        long = shown.select("place", population="population_share", crimes="crime_share").unpivot(
            index="place", variable_name="of", value_name="share"
        )
        limits = checks.filter(pl.col("check") == _STATE_LIMIT)["threshold"].to_list()[:1]
        bars = (
            alt.Chart(rows_of(long.drop_nulls()))
            .mark_point(filled=True, size=70)
            .encode(
                y=alt.Y("place:N", title="State"),
                x=alt.X(
                    "share:Q",
                    title="Share of agencies that report incidents",
                    axis=alt.Axis(format=".0%"),
                    scale=alt.Scale(domain=[0, 1]),
                ),
                color=alt.Color("of:N", title="Share of", scale=alt.Scale(range=["#e0a458", BLUE])),
            )
        )
        rule = alt.Chart(rows_of(pl.DataFrame({"limit": limits}))).mark_rule(color=RED).encode(x="limit:Q")
        figure = f"<figure>{svg((bars + rule).properties(width=520))}</figure>"
    labels = {
        "place": "State", "eligible_agencies": "Eligible agencies", "nibrs_agencies": "Report incidents",
        "started_agencies": "Have started", "population": "Population", "population_share": "Share of population",
        "crime_share": "Share of crimes", "agency_share": "Share of agencies",
    }  # fmt: skip
    whole = dict.fromkeys(("eligible_agencies", "nibrs_agencies", "started_agencies", "population"), "integer")
    shares = dict.fromkeys(("population_share", "crime_share", "agency_share"), "percent")
    return (
        "<p>Eligible agencies that report incidents (type I), by what they serve. Crimes are those of the benchmark. "
        f"Places of {FEW_AGENCIES} agencies or fewer have no shares. The red line is the limit of the check.</p>"
        + figure
        + html_table(coverage, "coverage", labels, **whole, **shares)
    )


def _summaries(comparison: pl.DataFrame) -> str:
    if not (comparison["summary_months"] > 0).any():
        return "<p>The source has no summary reports of the data year.</p>"
    counts = (
        pl.DataFrame({"kind": list(SUMMARY_KINDS), "words": list(SUMMARY_KINDS.values())})
        .join(comparison.group_by("kind").agg(agencies=pl.len(), large=pl.col("is_large").sum()), on="kind", how="left")
        .fill_null(0)
        .sort("agencies", "kind", descending=[True, False])
    )
    odd = comparison.filter(pl.col("is_large") & pl.col("kind").is_in(_ODD)).with_columns(
        words=pl.col("kind").replace_strict(SUMMARY_KINDS)
    )
    labels = {
        "ori": "ORI", "agency_name": "Agency", "population": "Population", "incident_months": "Months of incidents",
        "n_incident_offenses": "Offenses", "summary_months": "Months of summaries",
        "n_summary_offenses": "Offenses of summaries", "words": "Kind",
    }  # fmt: skip
    numbers = dict.fromkeys(
        ("population", "incident_months", "n_incident_offenses", "summary_months", "n_summary_offenses"), "integer"
    )
    listed = (
        f"<p>Large agencies whose reports differ, at most {LISTED}:</p>"
        + html_table(
            odd.sort("population", "ori", descending=[True, False]).head(LISTED), "odd_summaries", labels, **numbers
        )
        if odd.height
        else "<p>The reports of no large agency differ.</p>"
    )
    return (
        "<p>Active and federal agencies by what their two reports of the year say.</p>"
        + html_table(
            counts,
            "summaries",
            {"words": "Reports", "agencies": "Agencies", "large": "Large agencies"},
            agencies="integer",
            large="integer",
        )
        + _scatter(comparison)
        + listed
    )


def _scatter(comparison: pl.DataFrame) -> str:
    import altair as alt  # noqa: PLC0415 (as above)

    points = comparison.filter(
        (pl.col("n_comparable") > 0)
        & (pl.col("n_summary_offenses") > 0)
        & (pl.col("incident_months") == pl.col("summary_months"))
    ).select("n_comparable", "n_summary_offenses")
    if points.is_empty():
        return ""
    scale, axis = alt.Scale(type="log"), alt.Axis(tickCount=4, format="~s", labelOverlap=True)
    ends = pl.DataFrame({"n": [1.0, float(str(points.max_horizontal().max()))]})
    dots = (
        alt.Chart(rows_of(points))
        .mark_point(filled=True, size=20, opacity=0.5, color=BLUE)
        .encode(
            x=alt.X("n_summary_offenses:Q", scale=scale, axis=axis, title="Offenses of summaries (log scale)"),
            y=alt.Y("n_comparable:Q", scale=scale, axis=axis, title="Offenses of incidents that a summary counts"),
        )
    )
    line = alt.Chart(rows_of(ends)).mark_line(color=GRAY).encode(x="n:Q", y="n:Q")
    return (
        "<p>Agencies that sent both reports for the same number of months. On the gray line both reports agree.</p>"
        f"<figure>{svg((line + dots).properties(width=420, height=360))}</figure>"
    )


def _reporters(types: pl.DataFrame) -> str:
    import altair as alt  # noqa: PLC0415 (as above)

    reporters = types.filter("is_nibrs")
    if reporters.is_empty():
        return "<p>No eligible agency reports incidents.</p>"
    counts = reporters.group_by("category", "reporter_type").len(name="agencies").sort("category", "reporter_type")
    colors = [BLUE, "#8fb8d4", "#e0a458", RED, GRAY]
    chart = (
        alt.Chart(rows_of(counts))
        .mark_bar()
        .encode(
            y=alt.Y("category:N", title="Population group", axis=alt.Axis(labelLimit=320)),
            x=alt.X("agencies:Q", stack="normalize", title="Share of agencies", axis=alt.Axis(format=".0%")),
            color=alt.Color(
                "reporter_type:N",
                title=None,
                scale=alt.Scale(domain=list(REPORTER_TYPES), range=colors),
                legend=alt.Legend(labelExpr="replace(datum.label, '_', ' ')"),
            ),
        )
        .properties(width=480)
    )
    table = (
        pl.DataFrame({"reporter_type": list(REPORTER_TYPES), "words": list(REPORTER_TYPES.values())})
        .join(
            reporters.group_by("reporter_type").agg(
                agencies=pl.len(), new=pl.col("is_new_joiner").sum(), large=pl.col("is_large").sum()
            ),
            on="reporter_type",
            how="left",
        )
        .fill_null(0)
        .with_columns(pl.col("reporter_type").str.replace("_", " "))
    )
    patterns = (
        reporters.filter(pl.col("reporter_type") == "inconsistent")
        .group_by("pattern")
        .len(name="agencies")
        .sort("agencies", "pattern", descending=[True, False])
        .head(PATTERNS)
    )
    labels = {
        "reporter_type": "Type", "words": "Months reported", "agencies": "Agencies", "new": "New joiners",
        "large": "Large agencies",
    }  # fmt: skip
    most = (
        f"<p>Most frequent patterns of inconsistent reporters, at most {PATTERNS} (January first; 1: reported):</p>"
        + html_table(patterns, "patterns", {"pattern": "Pattern", "agencies": "Agencies"}, agencies="integer")
        if patterns.height
        else ""
    )
    return (
        "<p>Eligible agencies that report incidents, by how their reported months lie in the year. A new joiner "
        "started in or after February of the year before.</p>"
        + html_table(table, "reporter_types", labels, agencies="integer", new="integer", large="integer")
        + f"<figure>{svg(chart)}</figure>{most}"
    )


def _populations(populations: pl.DataFrame) -> str:
    places = populations.filter(pl.col("level") != "agency").sort(
        pl.col("level").replace_strict({"nation": 0, "region": 1, "state": 2}), "code"
    )
    differing = (
        populations.filter((pl.col("level") == "agency") & (pl.col("county_difference").abs() >= LISTED_DIFFERENCE))
        .sort(pl.col("county_difference").abs(), "code", descending=[True, False])
        .head(LISTED)
    )
    sizes = {
        "population": "Agency file", "county_population": "By county", "census_population": "Census Bureau",
        "previous_population": "Year before",
    }  # fmt: skip
    shares = {
        "county_difference": "By county, difference", "census_difference": "Census, difference", "change": "Change"
    }  # fmt: skip
    kinds = dict.fromkeys(sizes, "integer") | dict.fromkeys(shares, "percent")
    table = html_table(places, "populations", {"label": "Place", **sizes, **shares}, **kinds)
    agencies = (
        f"<p>Agencies whose population by county differs by {LISTED_DIFFERENCE:.0%} or more, at most {LISTED}:</p>"
        + html_table(
            differing,
            "differing",
            {
                "code": "ORI",
                "label": "Agency",
                "population": "Agency file",
                "county_population": "By county",
                "county_difference": "Difference",
            },
            population="integer",
            county_population="integer",
            county_difference="percent",
        )
        if differing.height
        else "<p>No agency's population by county differs by 10 % or more.</p>"
    )
    return (
        "<p>Eligible agencies. A difference is 2 (A − B) / (A + B), where B is the population of the agency file.</p>"
        + table
        + agencies
    )
