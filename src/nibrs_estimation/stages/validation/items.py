"""Items that were blank: how many, what was imputed for them, and from whom (handbook 05)."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from nibrs_estimation.model.items import (
    AGENCY_ITEM_CHECK,
    ITEM_CHECK,
    PERSON_KINDS,
)
from nibrs_estimation.pages import BLUE, RED, html_table, page, rows_of, svg, writer
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.task import DocumentWriter
from nibrs_estimation.stages.validation.age_classes import AGE_LABELS
from nibrs_estimation.stages.validation.item_summary import NOT_KNOWN
from nibrs_estimation.stages.validation.item_truth import truth_section

#: A change of a share is marked beyond this many standard deviations of the item's changes.
_DEVIATIONS = 3
#: Agencies with fewer persons are not compared with others.
_MIN_PERSONS = 16
#: Interquartile ranges above the third quartile by which agencies are graded.
_STEPS = (0.5, 1.0, 1.5, 2.0)
_LISTED = 50
_AGES = {label: number for number, label in enumerate(AGE_LABELS)}
KIND_NAMES: Mapping[str, str] = {
    "victim": "Victims",
    "offender": "Offenders of cleared incidents",
    "arrestee": "Group A arrestees",
    "arrestee_b": "Group B arrestees",
}


def check_items(item_summary: pl.LazyFrame, agency_item: pl.LazyFrame) -> dict[str, pl.DataFrame]:
    """Compare shares before and after imputation, and agencies by how often they leave items blank."""
    return {
        ITEM_CHECK.name: compared_shares(item_summary.collect()),
        AGENCY_ITEM_CHECK.name: unusual_agencies(agency_item.collect()),
    }


def compared_shares(summary: pl.DataFrame) -> pl.DataFrame:
    """Dataset ``item_check`` of the values that are known in the end.

    A change is marked if it is beyond the mean change of the item and kind of person, over the nation and all states,
    by three standard deviations.
    """
    key = ["person_kind", "item", "place"]
    known = summary.filter(pl.col("category") != NOT_KNOWN)
    by_state = known.select("person_kind", "item", "category", "n_reported", "n_imputed", place="state_abbr")
    nation = by_state.group_by("person_kind", "item", "category").agg(pl.col("n_reported", "n_imputed").sum())
    rows = pl.concat([by_state, nation.with_columns(place=pl.lit("US")).select(by_state.columns)])
    reported, imputed = pl.col("n_reported"), pl.col("n_imputed")
    share = reported / reported.sum().over(key)
    rows = rows.with_columns(
        share_reported=share.fill_nan(0.0),
        share_imputed=pl.when(imputed.sum().over(key) > 0).then(imputed / imputed.sum().over(key)),
        change=((reported + imputed) / (reported + imputed).sum().over(key) - share).fill_nan(0.0),
    )
    of_item = ["person_kind", "item"]
    mean, spread = pl.col("change").mean().over(of_item), pl.col("change").std().over(of_item).fill_null(0.0)
    return ITEM_CHECK.cast(rows.with_columns(is_marked=(pl.col("change") - mean).abs() > _DEVIATIONS * spread))


def unusual_agencies(agency_item: pl.DataFrame) -> pl.DataFrame:
    """Dataset ``agency_item_check``: agencies whose share of blank items is far above that of most agencies.

    Of agencies with at least 16 persons and a share between 0 and 1 the log of the share is compared: k is the largest
    step for which it exceeds the third quartile by k interquartile ranges. Agencies without any known item are listed.
    """
    of_item = ["person_kind", "item"]
    share = pl.col("missing") / pl.col("persons")
    rows = agency_item.filter((pl.col("persons") >= _MIN_PERSONS) & (pl.col("missing") > 0)).with_columns(
        log_share=pl.when(share < 1).then(share.log().round(4))
    )
    first, third = (pl.col("log_share").quantile(q, "linear").over(of_item) for q in (0.25, 0.75))
    exceeds = pl.lit(None, pl.Float64)
    for step in _STEPS:
        exceeds = pl.when(pl.col("log_share") > third + step * (third - first)).then(step).otherwise(exceeds)
    graded = rows.with_columns(exceeds=exceeds)
    return AGENCY_ITEM_CHECK.cast(graded.filter(pl.col("exceeds").is_not_null() | (share == 1)))


def validate_items(
    item_summary: pl.LazyFrame,
    item_donors: pl.LazyFrame,
    item_pairs: pl.LazyFrame,
    item_check: pl.LazyFrame,
    agency_item_check: pl.LazyFrame,
    item_truth: pl.LazyFrame,
    agency: pl.LazyFrame,
    year: int,
    item_method: str,
    identity: Identity,
) -> dict[str, DocumentWriter]:
    """Show how often items were blank, what was imputed, and how far that changes shares."""
    summary, checked = item_summary.collect(), item_check.collect()
    sections = [
        ("Blank items", _blank(summary)),
        ("Blank items by state", _by_state(summary)),
        *((f"{KIND_NAMES[kind]}: values", _shares(checked, kind)) for kind in PERSON_KINDS),
        ("Changes beyond the usual", _marked(checked)),
        ("Donors", _donors(item_donors.collect())),
        ("One person, one set of values", _same(item_pairs.collect())),
        ("Agencies that often leave items blank", _agencies(agency_item_check.collect(), agency, year)),
    ]
    truth = item_truth.collect()
    if truth.height:
        sections.insert(2, ("Imputed values beside the truth", truth_section(truth, KIND_NAMES)))
    method = {
        "donors": "Blank items are imputed from donors of the same offense who are alike.",
        "reference": "Blank items are imputed by the rules of the reference pipeline.",
        "none": "Items stay as reported: nothing is imputed.",
    }[item_method]
    subtitle = f"Age, sex, race, ethnicity and relationship of persons in the scope of imputation. {method}"
    return {"validation_items.html": writer(page(f"Blank items, {year}", subtitle, sections, identity))}


def _of_items(summary: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    is_unknown = pl.col("category") == NOT_KNOWN
    number = pl.col("n_reported") + pl.col("n_imputed")
    return (
        summary.group_by(by)
        .agg(
            persons=number.sum(),
            imputed=pl.col("n_imputed").sum(),
            left=pl.col("n_reported").filter(is_unknown).sum(),
        )
        .with_columns(
            blank=(pl.col("imputed") + pl.col("left")) / pl.col("persons"),
            share_left=pl.col("left") / pl.col("persons"),
        )
        .sort(by)
    )


def _named(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.col("person_kind").replace_strict(KIND_NAMES, return_dtype=pl.String))


def _blank(summary: pl.DataFrame) -> str:
    if summary.is_empty():
        return "<p>No item is in the scope of imputation.</p>"
    labels = {
        "person_kind": "Persons", "item": "Item", "persons": "Number", "blank": "Blank in the report",
        "imputed": "Imputed", "left": "Left unknown", "share_left": "Share left unknown",
    }  # fmt: skip
    kinds = {"persons": "integer", "imputed": "integer", "left": "integer", "blank": "percent", "share_left": "percent"}
    note = (
        "<p>Relationships are counted in pairs of victim and offender. They are left unknown in incidents that are not "
        "cleared, and where several offenders were known and the relationship to them was not.</p>"
    )
    return html_table(_named(_of_items(summary, ["person_kind", "item"])), "blank", labels, **kinds) + note


def _by_state(summary: pl.DataFrame) -> str:
    import altair as alt  # noqa: PLC0415 (a second that only tasks with charts should take)

    if summary.is_empty():
        return "<p>Nothing to show.</p>"
    rows = _named(_of_items(summary, ["person_kind", "item", "state_abbr"]))
    chart = (
        alt.Chart(rows_of(rows))
        .mark_tick(thickness=2, color=BLUE)
        .encode(
            x=alt.X("blank:Q", title="Share blank in the report", axis=alt.Axis(format=".0%")),
            y=alt.Y("item:N", title=None),
            row=alt.Row("person_kind:N", title=None, header=alt.Header(labelAngle=0, labelAlign="left")),
        )
        .properties(width=520)
    )
    return f"<p>A line is a state.</p><figure>{svg(chart)}</figure>"


def _shares(checked: pl.DataFrame, kind: str) -> str:
    rows = checked.filter((pl.col("person_kind") == kind) & (pl.col("place") == "US"))
    if rows.is_empty():
        return "<p>There are no such persons.</p>"
    labels = {
        "item": "Item", "category": "Value", "n_reported": "Reported", "share_reported": "Share of reported",
        "n_imputed": "Imputed", "share_imputed": "Share of imputed", "points": "Change of the share, points",
    }  # fmt: skip
    by_age = pl.col("category").replace_strict(_AGES, default=-1, return_dtype=pl.Int8)
    shown = rows.with_columns(points=100 * pl.col("change")).sort("item", by_age, "category")
    kinds = {
        "n_reported": "integer", "n_imputed": "integer", "share_reported": "percent", "share_imputed": "percent",
        "points": "fine",
    }  # fmt: skip
    return html_table(shown, f"shares-{kind}", labels, **kinds)


def _marked(checked: pl.DataFrame) -> str:
    rows = checked.filter("is_marked")
    note = (
        "<p>Shares of values, in the nation and in states, that imputation changes by more than three standard "
        "deviations from the mean change of the item. Most are of ages, whose changes are tiny. A change is no error: "
        "blank items may be those of other people than the known ones.</p>"
    )
    if rows.is_empty():
        return note + "<p>There is none.</p>"
    labels = {
        "place": "Place", "person_kind": "Persons", "item": "Item", "category": "Value", "share_reported": "Reported",
        "share_imputed": "Imputed", "points": "Change, points",
    }  # fmt: skip
    shown = _named(
        rows.with_columns(points=100 * pl.col("change"))
        .sort(pl.col("change").abs(), "place", "person_kind", "item", "category", descending=[True] + [False] * 4)
        .head(_LISTED)
    )
    more = f"<p>The {_LISTED} largest of {rows.height:,}.</p>" if rows.height > _LISTED else ""
    kinds = {"share_reported": "percent", "share_imputed": "percent", "points": "fine"}
    return note + more + html_table(shown, "marked", labels, **kinds)


def _donors(donors: pl.DataFrame) -> str:
    if donors.is_empty():
        return "<p>Nothing was imputed.</p>"
    rows = _named(
        donors.group_by("person_kind", "item", "pool")
        .agg(pl.col("values", "donors").sum(), pl.col("most_used").max())
        .sort("person_kind", "item", "values", "pool", descending=[False, False, True, False])
    )
    labels = {
        "person_kind": "Persons", "item": "Item", "pool": "Donors of the same", "values": "Values", "donors": "Donors",
        "most_used": "Most uses of one donor",
    }  # fmt: skip
    note = (
        "<p>A value comes from a reported person. Where the class has fewer than 30 donors, the next wider one is "
        "used. Where a state has too few, values are drawn from the distribution of other states; they have no donor. "
        "“Pair” is the other one of a matched offender and arrestee.</p>"
    )
    return note + html_table(rows, "donors", labels, values="integer", donors="integer", most_used="integer")


def _same(pairs: pl.DataFrame) -> str:
    rows = pairs.group_by("item").agg(pl.col("pairs", "equal").sum()).sort("item")
    labels = {"item": "Item", "pairs": "Matched pairs", "equal": "With equal values"}
    note = (
        "<p>An offender and an arrestee of known, equal age and sex and the same race are one person. Ethnicities that "
        "were reported differently stay as they are.</p>"
    )
    return note + html_table(rows, "pairs", labels, pairs="integer", equal="integer")


def _agencies(unusual: pl.DataFrame, agency: pl.LazyFrame, year: int) -> str:
    import altair as alt  # noqa: PLC0415 (as above)

    note = (
        f"<p>Agencies with at least {_MIN_PERSONS} persons of which all lack the item, or of which the share without "
        "it is far above that of most agencies: “k” is the number of interquartile ranges above the third quartile, on "
        "the log scale.</p>"
    )
    if unusual.is_empty():
        return note + "<p>There is none.</p>"
    names = agency.filter(pl.col("data_year") == year).select("agency_id", "ori", "agency_name").collect()
    counted = _named(unusual).group_by("person_kind", "item").agg(agencies=pl.len()).sort("person_kind", "item")
    chart = (
        alt.Chart(rows_of(counted))
        .mark_bar(color=RED)
        .encode(
            x=alt.X("agencies:Q", title="Agencies"),
            y=alt.Y("item:N", title=None),
            row=alt.Row("person_kind:N", title=None, header=alt.Header(labelAngle=0, labelAlign="left")),
        )
        .properties(width=520)
    )
    listed = (
        _named(unusual)
        .join(names, on="agency_id", how="left")
        .with_columns(share=pl.col("missing") / pl.col("persons"))
        .sort("missing", "agency_id", "person_kind", "item", descending=[True, False, False, False])
        .head(_LISTED)
    )
    labels = {
        "ori": "ORI", "agency_name": "Agency", "state_abbr": "State", "person_kind": "Persons", "item": "Item",
        "persons": "Number", "missing": "Blank", "share": "Share", "exceeds": "k",
    }  # fmt: skip
    kinds = {"persons": "integer", "missing": "integer", "share": "percent", "exceeds": "number"}
    return (
        f"{note}<figure>{svg(chart)}</figure><p>Those with the most blank items, at most {_LISTED}; all are in dataset "
        f"<code>agency_item_check</code>.</p>{html_table(listed, 'agencies', labels, **kinds)}"
    )
