"""The population covered by the reported months, and its change since the year before (handbook 04)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.pages import BLUE, GRAY, html_table, page, rows_of, svg, writer
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.task import DocumentWriter
from nibrs_estimation.stages.validation.scope import scope_of

#: Lower ends, in percent, of the groups of changes; smaller changes are not listed.
CHANGE_STEPS = (5, 10, 20, 30, 40, 50)
#: Largest number of agencies in a list on a page; the datasets contain all.
LISTED = 50

_PARTS = ("reported", "completed", "partly", "not reported")
_COLORS = (BLUE, "#8fb8d4", "#e0a458", GRAY)


def validate_population(
    agency: pl.LazyFrame,
    universe: pl.LazyFrame,
    reporting_status: pl.LazyFrame,
    block_reference: pl.LazyFrame,
    year: int,
    identity: Identity,
) -> dict[str, DocumentWriter]:
    """Show the reported share of the eligible population, by state, group and type, and large changes of population."""
    eligible = _parts(universe, reporting_status, block_reference)
    changes = population_changes(agency.collect(), year)
    sections = [
        (
            "Population by what its agencies reported",
            "<p>Eligible agencies, by their population. Reported: all twelve months. Completed: at least three, the "
            "others copied from a donor. Partly: some months, but fewer than three, or no donor. Not reported: nothing "
            "usable.</p>" + _nation(eligible) + _inferred(eligible),
        ),
        ("By state", f"<p>{_ORDER}</p><figure>{_bars(eligible, 'state_name', 'State')}</figure>"),
        ("By population group", f"<figure>{_bars(eligible, 'group', 'Population group')}</figure>"),
        ("By type of agency", f"<figure>{_bars(eligible, 'agency_type_name', 'Type')}</figure>"),
        (f"Changes of population since {year - 1}", _changes(changes, year)),
    ]
    title = f"Population and coverage, {year}"
    subtitle = f"The agencies that reported, and the population that they serve. {scope_of(agency, year)}"
    return {"validation_population.html": writer(page(title, subtitle, sections, identity))}


def population_changes(agency: pl.DataFrame, year: int) -> pl.DataFrame:
    """Agencies of both years with their change in percent, rounded to one decimal (handbook 04).

    Returns:
        ``ori``, ``agency_name``, ``state_abbr``, ``previous``, ``current`` and ``change`` (missing where a population
        is 0), one row for each agency that is in both years, by agency_id.
    """
    previous = agency.filter(pl.col("data_year") == year - 1).select("agency_id", previous="population")
    change = 100 * (pl.col("current") - pl.col("previous")) / pl.col("previous")
    return (
        agency.filter(pl.col("data_year") == year)
        .select("agency_id", "ori", "agency_name", "state_abbr", current="population")
        .join(previous, on="agency_id")
        .with_columns(
            change=pl.when((pl.col("previous") > 0) & (pl.col("current") > 0)).then(
                change.round(1, mode="half_away_from_zero")
            )
        )
        .sort("agency_id")
    )


#: Explanation of the bars of the charts.
_ORDER = (
    "Shares of the population; where the agencies have no population (such as state police and universities), shares "
    "of the agencies. Places with the largest reported or completed share are first."
)


def _inferred(eligible: pl.DataFrame) -> str:
    """Number of empty months that count as reported; public data have had no zero reports since 2021."""
    agencies = eligible.filter(pl.col("months_inferred") > 0)
    if agencies.is_empty():
        return ""
    return (
        f"<p>Of {agencies.height:,} agencies, {agencies['months_inferred'].cast(pl.Int64).sum():,} empty months are "
        "treated as months without crime, because the source has no zero reports.</p>"
    )


def _parts(universe: pl.LazyFrame, reporting_status: pl.LazyFrame, block_reference: pl.LazyFrame) -> pl.DataFrame:
    recipients = block_reference.select("agency_id", is_recipient=pl.lit(True)).unique()
    groups = code_list("population_group").lazy().select(population_group_code="code", group="label")
    states = code_list("state").lazy().select("state_abbr", "state_name")
    return (
        universe.filter("is_eligible")
        .join(
            reporting_status.select("agency_id", "months_reported", "months_inferred", "is_full_year"),
            on="agency_id",
            how="left",
        )
        .join(recipients, on="agency_id", how="left")
        .join(groups, on="population_group_code", how="left")
        .join(states, on="state_abbr", how="left")
        .with_columns(
            pl.col("group").fill_null("Not known"),
            part=pl.when("is_full_year")
            .then(pl.lit("reported"))
            .when("is_recipient")
            .then(pl.lit("completed"))
            .when(pl.col("months_reported") > 0)
            .then(pl.lit("partly"))
            .otherwise(pl.lit("not reported")),
        )
        .sort("agency_id")
        .collect()
    )


def _nation(eligible: pl.DataFrame) -> str:
    order = pl.DataFrame({"part": _PARTS})
    table = order.join(
        eligible.group_by("part").agg(pl.len().alias("agencies"), pl.col("population").cast(pl.Int64).sum()),
        on="part",
        how="left",
        maintain_order="left",
    ).fill_null(0)
    table = table.with_columns(
        share_agencies=pl.col("agencies") / pl.sum("agencies"),
        share=pl.col("population") / pl.max_horizontal(pl.sum("population"), 1),
    )
    labels = {
        "part": "Months", "agencies": "Agencies", "share_agencies": "Share", "population": "Population",
        "share": "Share of population",
    }  # fmt: skip
    kinds = {"agencies": "integer", "population": "integer", "share": "percent", "share_agencies": "percent"}
    return html_table(table, "nation", labels, **kinds)


def _bars(eligible: pl.DataFrame, by: str, title: str) -> str:
    """Stacked bars of shares of the population, or of the agencies if they have no population."""
    import altair as alt  # noqa: PLC0415 (a second that only tasks with charts should take)

    size = pl.when(pl.col("population").sum().over(by) > 0).then("population").otherwise(1)
    shares = (
        eligible.with_columns(size=size.cast(pl.Int64))
        .group_by(by, "part")
        .agg(pl.col("size").sum())
        .with_columns(share=pl.col("size") / pl.col("size").sum().over(by))
        .with_columns(position=pl.col("part").replace_strict(dict(zip(_PARTS, range(4), strict=True))))
        .sort(by, "position")
    )
    good = shares.filter(pl.col("position") < 2).group_by(by).agg(good=pl.col("share").sum())
    order = (
        shares.select(by)
        .unique()
        .join(good, on=by, how="left")
        .fill_null(0.0)
        .sort("good", by, descending=[True, False])
    )
    chart = (
        alt.Chart(rows_of(shares))
        .mark_bar()
        .encode(
            y=alt.Y(f"{by}:N", sort=order[by].to_list(), title=title, axis=alt.Axis(labelLimit=320)),
            x=alt.X("share:Q", title="Share", axis=alt.Axis(format=".0%"), stack="zero"),
            color=alt.Color("part:N", scale=alt.Scale(domain=list(_PARTS), range=list(_COLORS)), title=None),
            order="position:Q",
        )
        .properties(width=560)
    )
    return svg(chart)


def _changes(changes: pl.DataFrame, year: int) -> str:
    if changes.is_empty():
        return f"<p>The source contains no agencies of {year - 1}.</p>"
    size = pl.col("change").abs()
    groups = [
        (
            f"{low} to {high - 0.1:.1f} %" if high is not None else f"{low} % and more",
            changes.filter((size >= low) & (size < high if high is not None else pl.lit(True))).height,
        )
        for low, high in zip(CHANGE_STEPS, (*CHANGE_STEPS[1:], None), strict=True)
    ]
    counts = pl.DataFrame(groups, schema={"change": pl.String, "agencies": pl.Int64}, orient="row")
    zero_now = changes.filter((pl.col("current") == 0) & (pl.col("previous") > 0)).height
    zero_before = changes.filter((pl.col("current") > 0) & (pl.col("previous") == 0)).height
    listed = changes.filter(size >= CHANGE_STEPS[0]).sort(size, "ori", descending=[True, False]).head(LISTED)
    labels = {
        "ori": "ORI", "agency_name": "Agency", "state_abbr": "State", "previous": str(year - 1), "current": str(year),
        "change": "Change, %",
    }  # fmt: skip
    zeros = (
        "Possible harmless reasons: a new projection, a new division of a county's residents, a city that was "
        f"dissolved or founded, a change of covered agencies. {zero_now:,} agencies lost their whole population, "
        f"{zero_before:,} had none the year before."
    )
    summary = html_table(counts, "changes", {"change": "Change", "agencies": "Agencies"}, agencies="integer")
    if listed.is_empty():
        return f"{summary}<p>{zeros}</p>"
    return f"{summary}<p>{zeros} The largest changes, at most {LISTED}:</p>" + html_table(
        listed, "largest", labels, previous="integer", current="integer", change="number"
    )
