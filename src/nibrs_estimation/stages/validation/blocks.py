"""The effects of copied months: shares, distributions, donors, and checks (handbook 04)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.completeness import COPIED_GROUPS, OFFENSE_GROUPS
from nibrs_estimation.pages import BLUE, RED, counted, html_table, page, rows_of, svg, writer
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.task import DocumentWriter
from nibrs_estimation.stages.validation.scope import scope_of

#: Largest number of agencies in a list on a page; the datasets contain all.
LISTED = 50
#: Recipients are listed if their completed year differs by more than this factor from their own rate.
UNUSUAL_FACTOR = 3
MONTHS_PER_YEAR = 12


def validate_blocks(
    agency: pl.LazyFrame,
    agency_month: pl.LazyFrame,
    agency_month_offense: pl.LazyFrame,
    block_agency: pl.LazyFrame,
    block_month: pl.LazyFrame,
    block_reference: pl.LazyFrame,
    block_check: pl.LazyFrame,
    year: int,
    identity: Identity,
) -> dict[str, DocumentWriter]:
    """Show how many months were copied, their share of each offense, their donors, and the checks."""
    names = agency.filter(pl.col("data_year") == year).select("agency_id", "agency_name", "agency_type_name")
    agencies = block_agency.join(names, on="agency_id", how="left").sort("agency_id").collect()
    references = block_reference.collect()
    recipients = agencies.filter(pl.col("agency_id").is_in(references["agency_id"].unique().implode()))
    if recipients.is_empty():
        sections = [
            ("Copied months", "<p>No month was copied: none is missing or too low, or no agency can be a donor.</p>")
        ]
    else:
        counted = offense_shares(agency_month, agency_month_offense, references, year)
        sections = [
            ("Copied months", _overview(agencies, references, block_month.collect())),
            (
                "Imputed share by offense",
                "<p>Offenses that count, of all agencies that reported, including federal agencies and agencies with "
                f"one or two months.</p><figure>{_share_chart(counted)}</figure>" + _share_table(counted),
            ),
            ("Before and after", _before_after(recipients)),
            ("By state", _by(recipients, references, "state_abbr", "State")),
            ("By type of agency", _by(recipients, references, "agency_type_name", "Type")),
            ("Donors", _donors(recipients, references)),
            ("Recipients far from their own rate", _far_from_own_rate(recipients, references)),
        ]
    sections.append(("Checks", _checks(block_check.collect())))
    subtitle = "Months that are missing or too low are copied whole from a donor, and are in the estimates. "
    subtitle += scope_of(agency, year)
    return {"validation_blocks.html": writer(page(f"Copied months, {year}", subtitle, sections, identity))}


def offense_shares(
    agency_month: pl.LazyFrame, agency_month_offense: pl.LazyFrame, references: pl.DataFrame, year: int
) -> pl.DataFrame:
    """Offenses that count, own and copied, by code: ``offense_code``, ``label``, ``own``, ``copied``, ``share``.

    Own offenses are those in reported months that are not replaced, of all agencies that reported.
    """
    reported = agency_month.filter((pl.col("data_year") == year) & pl.col("is_reported"))
    counts = (
        agency_month_offense.filter((pl.col("data_year") == year) & (pl.col("n") > 0))
        .join(reported, on=["agency_id", "month"], how="semi")
        .select("agency_id", "month", "offense_code", "n")
        .collect()
    )
    own = counts.join(references, on=["agency_id", "month"], how="anti")
    copied = references.select("month", agency_id="donor_agency_id").join(counts, on=["agency_id", "month"])
    labels = code_list("offense").select(offense_code="code", label="label")
    return (
        pl.concat([own.select("offense_code", "n", is_own=True), copied.select("offense_code", "n", is_own=False)])
        .group_by("offense_code")
        .agg(own=pl.col("n").filter("is_own").sum(), copied=pl.col("n").filter(~pl.col("is_own")).sum())
        .join(labels, on="offense_code", how="left")
        .with_columns(share=pl.col("copied") / (pl.col("own") + pl.col("copied")))
        .sort("offense_code")
    )


def _overview(agencies: pl.DataFrame, references: pl.DataFrame, months: pl.DataFrame) -> str:
    parts = dict(agencies.group_by("part").len().iter_rows())
    flags = dict(references.group_by("month_flag").len().iter_rows())
    recipients = references["agency_id"].n_unique()
    lines = (
        f"<p>{counted(recipients, 'agency takes', 'agencies take')} {counted(references.height, 'month')} from "
        f"{references['donor_agency_id'].n_unique():,} of {counted(parts.get('donor', 0), 'possible donor')} "
        f"({references.height / recipients:.2f} months each): "
        f"{counted(flags.get(1, 0), 'missing month')}, {counted(flags.get(2, 0), 'month')} too low. "
        f"{counted(parts.get('neither', 0), 'complete agency has', 'complete agencies have')} a month that "
        "is too high and therefore cannot be donors.</p>"
    )
    flagged = pl.col("month_flag").is_not_null()
    rows = [
        {
            "group": OFFENSE_GROUPS[group],
            "observed": months[f"own_{group}"].cast(pl.Int64).sum(),
            "replaced": months.filter(flagged)[f"own_{group}"].cast(pl.Int64).sum(),
            "imputed": months.filter(flagged)[f"completed_{group}"].cast(pl.Int64).sum(),
            "completed": months[f"completed_{group}"].cast(pl.Int64).sum(),
        }
        for group in COPIED_GROUPS
    ]
    table = pl.DataFrame(rows).with_columns(share=pl.col("imputed") / pl.max_horizontal("completed", 1))
    labels = {
        "group": "Offenses of eligible agencies with three months or more", "observed": "Reported",
        "replaced": "Of these replaced", "imputed": "Copied", "completed": "Completed", "share": "Share copied",
    }  # fmt: skip
    return lines + html_table(
        table,
        "overview",
        labels,
        **dict.fromkeys(("observed", "replaced", "imputed", "completed"), "integer"),
        share="percent",
    )


def _share_chart(counted: pl.DataFrame) -> str:
    import altair as alt  # noqa: PLC0415 (takes a second to import, only for tasks with charts)

    largest = counted.sort(pl.col("own") + pl.col("copied"), "offense_code", descending=[True, False]).head(25)
    order = largest.sort("share", "offense_code", descending=[True, False])["label"].to_list()
    chart = (
        alt.Chart(rows_of(largest))
        .mark_bar(color=BLUE)
        .encode(
            y=alt.Y("label:N", sort=order, title=None, axis=alt.Axis(labelLimit=320)),
            x=alt.X(
                "share:Q",
                title="Share of offenses in copied months",
                axis=alt.Axis(format=".1%", labelOverlap=True, tickCount=5),
            ),
        )
        .properties(width=560)
    )
    return svg(chart)


def _share_table(counted: pl.DataFrame) -> str:
    labels = {"offense_code": "Code", "label": "Offense", "own": "Own", "copied": "Copied", "share": "Share copied"}
    return html_table(counted, "shares", labels, own="integer", copied="integer", share="percent")


def _before_after(recipients: pl.DataFrame) -> str:
    import altair as alt  # noqa: PLC0415 (as above)

    levels = (0.1, 0.25, 0.5, 0.75, 0.9)
    table = pl.DataFrame(
        [
            {"what": what, **{f"{level:.0%}": recipients[column].quantile(level, "linear") for level in levels}}
            for what, column in (("Reported", "n_observed"), ("Completed", "n_completed"), ("Predicted", "n_predicted"))
        ]
    )
    points = recipients.filter((pl.col("n_observed") > 0) & (pl.col("n_completed") > 0)).select(
        "n_observed", "n_completed", months=MONTHS_PER_YEAR - pl.col("months_missing")
    )
    scale = alt.Scale(type="log")
    # Few ticks, so that the labels of a short axis do not overlap.
    axis = alt.Axis(tickCount=4, format="~s", labelOverlap=True)
    chart = (
        alt.Chart(rows_of(points))
        .mark_point(filled=True, size=22, opacity=0.6)
        .encode(
            x=alt.X("n_observed:Q", scale=scale, axis=axis, title="Offenses of the reported months (log scale)"),
            y=alt.Y("n_completed:Q", scale=scale, axis=axis, title="Completed year (log scale)"),
            color=alt.Color("months:Q", scale=alt.Scale(scheme="viridis"), title="Months reported"),
        )
        .properties(width=520, height=360)
    )
    quantiles = html_table(
        table,
        "quantiles",
        {"what": "Offenses of recipients, quantiles", **{f"{level:.0%}": f"{level:.0%}" for level in levels}},
        **{f"{level:.0%}": "integer" for level in levels},
    )
    note = "<p>Predicted is the linear score by which donors are found; for small agencies it may be below 0.</p>"
    return quantiles + note + (f"<figure>{svg(chart)}</figure>" if points.height else "")


def _by(recipients: pl.DataFrame, references: pl.DataFrame, column: str, title: str) -> str:
    months = references.group_by("agency_id").agg(
        missing=(pl.col("month_flag") == 1).sum(), low=(pl.col("month_flag") == 2).sum()
    )
    table = (
        recipients.join(months, on="agency_id")
        .group_by(column)
        .agg(
            recipients=pl.len(),
            missing=pl.col("missing").sum(),
            low=pl.col("low").sum(),
            observed=pl.col("n_observed").sum(),
            completed=pl.col("n_completed").sum(),
        )
        .with_columns(ratio=(pl.col("missing") + pl.col("low")) / pl.col("recipients"))
        .sort(column)
    )
    labels = {
        column: title, "recipients": "Recipients", "missing": "Missing months copied",
        "low": "Low months copied", "ratio": "Months each", "observed": "Offenses reported",
        "completed": "Offenses completed",
    }  # fmt: skip
    whole = dict.fromkeys(("recipients", "missing", "low", "observed", "completed"), "integer")
    return html_table(table, f"by_{column}", labels, **whole, ratio="number")


def _donors(recipients: pl.DataFrame, references: pl.DataFrame) -> str:
    pairs = references.select("agency_id", "donor_agency_id").unique()
    uses = pairs.group_by("donor_agency_id").len(name="recipients")
    table = uses.group_by("recipients").len(name="donors").sort("recipients")
    rules = dict(recipients.group_by("match_rule").len().sort("match_rule").iter_rows())
    distance = recipients["distance"]
    most_used = int(uses["recipients"].to_numpy().max())
    words = ", ".join(f"{level:.0%}: {distance.quantile(level, 'linear'):,.1f}" for level in (0.5, 0.9, 0.99))
    noun = "recipient" if most_used == 1 else "recipients"
    return (
        f"<p>The most used donor has {most_used:,} {noun}. Distance of predictions, in offenses "
        f"a year, by quantile: {words}. Donors were found "
        + ", ".join(f"by rule {rule} for {number:,}" for rule, number in rules.items())
        + ".</p>"
        + html_table(
            table,
            "donors",
            {"recipients": "Recipients of a donor", "donors": "Donors"},
            recipients="integer",
            donors="integer",
        )
    )


def _far_from_own_rate(recipients: pl.DataFrame, references: pl.DataFrame) -> str:
    copied = references.group_by("agency_id").len(name="k")
    own_rate = pl.col("n_observed") * MONTHS_PER_YEAR / (MONTHS_PER_YEAR - pl.col("months_missing"))
    ratio = (
        recipients.join(copied, on="agency_id")
        .with_columns(own_rate=own_rate)
        .with_columns(ratio=pl.when(pl.col("own_rate") > 0).then(pl.col("n_completed") / pl.col("own_rate")))
    )
    has_only_copies = (pl.col("own_rate") == 0) & (pl.col("n_completed") > 0)
    unusual = ratio.filter(
        (pl.col("ratio") > UNUSUAL_FACTOR) | (pl.col("ratio") < 1 / UNUSUAL_FACTOR) | has_only_copies
    )
    listed = unusual.sort(pl.col("n_completed") - pl.col("own_rate"), "ori", descending=[True, False]).head(LISTED)
    labels = {
        "ori": "ORI", "agency_name": "Agency", "k": "Months copied", "n_observed": "Reported",
        "own_rate": "Its own rate, per year", "n_completed": "Completed", "ratio": "Ratio",
    }  # fmt: skip
    kinds = {"n_observed": "integer", "own_rate": "integer", "n_completed": "integer", "ratio": "number"}
    return (
        f"<p>{unusual.height:,} of {counted(recipients.height, 'recipient')} "
        f"{'has' if unusual.height == 1 else 'have'} a completed year of more than {UNUSUAL_FACTOR} times, "
        f"or less than a third of, the rate of their own months; the largest, at most {LISTED}:</p>"
        + html_table(listed, "unusual", labels, **kinds)
    )


def _checks(checks: pl.DataFrame) -> str:
    failed = checks.filter(pl.col("n_failed") > 0).height
    idle = checks.filter(pl.col("n_checked") == 0).height
    passed = checks.height - failed - idle
    word = f"{counted(passed, 'check passes', 'checks pass')}; {idle:,} had no case to check."
    if failed:
        word = f'<span style="color:{RED}">{counted(failed, "check fails", "checks fail")}.</span> {word}'
    labels = {"check": "Check", "n_checked": "Cases", "n_failed": "Failed"}
    return f"<p>{word}</p>" + html_table(
        checks.sort("check"), "checks", labels, n_checked="integer", n_failed="integer"
    )
