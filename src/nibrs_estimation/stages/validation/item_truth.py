"""Imputed items of a synthetic nation beside their true values (handbook 05)."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from nibrs_estimation.model.items import IMPUTED
from nibrs_estimation.pages import BLUE, html_table, rows_of, svg
from nibrs_estimation.stages.validation.age_classes import age_class

#: A difference of shares is expected within this many points in cells of at least so many imputed values.
LIMIT_POINTS, LARGE = 1.0, 10_000
#: If no cell is so large, cells of at least so many are shown.
_FEW = 100
_LISTED = 15
#: Column of a segment -> item.
_ITEMS: Mapping[str, str] = {
    "age_code": "age", "sex_code": "sex", "race_code": "race", "ethnicity_code": "ethnicity",
    "relationship_code": "relationship",
}  # fmt: skip
_BABIES: Mapping[str, str] = {"NN": "0", "NB": "0", "BB": "0"}
_KEY = ["person_kind", "person_id", "other_id", "item"]


def compared_with_truth(
    imputed_item: pl.LazyFrame, person_frame: pl.LazyFrame, synthetic_truth_item: pl.LazyFrame
) -> pl.DataFrame:
    """Dataset ``item_truth`` but the state: imputed and true values by offense. No row where no truth is known."""
    truth = synthetic_truth_item.filter(pl.col("item").is_in(list(_ITEMS)))
    of_pairs = pl.col("segment") == "victim_offender"
    kind = pl.when(pl.col("detail_code") == "B").then(pl.lit("arrestee_b")).otherwise("segment")
    known = truth.select(
        person_kind=pl.when(of_pairs).then(pl.lit("victim")).otherwise(kind),
        person_id="unit_id",
        other_id=pl.when(of_pairs).then(pl.col("detail_code").cast(pl.Int64, strict=False)).otherwise(0),
        item=pl.col("item").replace(_ITEMS),
        true="value",
    )
    compared = (
        imputed_item.filter(pl.col("flag") == IMPUTED)
        .select(*_KEY, "value")
        .join(known, on=_KEY)
        .join(person_frame.select("person_kind", "person_id", "offense_code"), on=["person_kind", "person_id"])
        .with_columns(pl.col("offense_code").fill_null(""))
        .collect()
    )
    of = ["person_kind", "item", "offense_code"]
    counts = [
        compared.group_by(*of, category=_category(value)).agg(pl.len().cast(pl.Int64).alias(name))
        for name, value in (("n_imputed", pl.col("value")), ("n_true", pl.col("true")))
    ]
    return counts[0].join(counts[1], on=[*of, "category"], how="full", coalesce=True).fill_null(0)


def _category(value: pl.Expr) -> pl.Expr:
    years = value.replace(_BABIES).cast(pl.Int16, strict=False)
    return pl.when(pl.col("item") == "age").then(age_class(years)).otherwise(value)


def shares_beside_truth(item_truth: pl.DataFrame) -> pl.DataFrame:
    """Shares of imputed and of true values by kind of person, item, offense and value, in the nation.

    Returns:
        The key with ``values`` (imputed values of the offense), ``imputed`` and ``true`` (shares, 0 to 1), ``points``
        (their difference, in percentage points) and ``error`` (the difference over its standard error if both were
        drawn at random).
    """
    of = ["person_kind", "item", "offense_code"]
    rows = item_truth.group_by(*of, "category").agg(pl.col("n_imputed", "n_true").sum())
    values = pl.col("n_true").sum().over(of)
    both = (pl.col("n_imputed") + pl.col("n_true")) / (2 * values)
    difference = (pl.col("n_imputed") - pl.col("n_true")) / values
    noise = (2 * both * (1 - both) / values).sqrt()
    return rows.select(
        *of,
        "category",
        values=values,
        imputed=pl.col("n_imputed") / values,
        true=pl.col("n_true") / values,
        points=100 * difference,
        error=pl.when(noise > 0).then(difference / noise),
    ).sort(*of, "category")


def truth_section(item_truth: pl.DataFrame, names: Mapping[str, str]) -> str:
    """HTML: how far shares of imputed values are from the truth, by size of the cell and for the worst cells."""
    import altair as alt  # noqa: PLC0415 (a second that only tasks with charts should take)

    if item_truth.is_empty():
        return "<p>No imputed item has a known truth.</p>"
    shares = shares_beside_truth(item_truth).with_columns(
        pl.col("person_kind").replace_strict(names, return_dtype=pl.String)
    )
    least = LARGE if shares.filter(pl.col("values") >= LARGE).height else _FEW
    large = shares.filter(pl.col("values") >= least)
    of = ["person_kind", "item"]
    summary = shares.group_by(of).agg(
        values=(pl.col("values") * pl.col("true")).sum(),
        cells=(pl.col("values") >= least).sum(),
        within=(pl.col("points").abs() <= LIMIT_POINTS).filter(pl.col("values") >= least).mean(),
        largest=pl.col("points").abs().filter(pl.col("values") >= least).max(),
        spread=pl.col("error").filter(pl.col("values") >= least).std(),
    )
    chart = (
        alt.Chart(rows_of(shares.filter(pl.col("values") >= _FEW)))
        .mark_circle(size=14, color=BLUE, opacity=0.6)
        .encode(
            x=alt.X("values:Q", title="Imputed values of the offense", scale=alt.Scale(type="log")),
            y=alt.Y("points:Q", title="Imputed share less true share, points"),
            column=alt.Column("item:N", title=None),
        )
        .properties(width=150, height=180)
    )
    note = (
        "<p>The nation is synthetic, and the true value of every blank item is known. A point is an offense and a "
        f"value; it should be near 0. Listed are cells of at least {least:,} imputed values. “Spread” is the standard "
        "deviation of the differences over their random errors: about 1 where nothing but chance is at work.</p>"
    )
    labels = {
        "person_kind": "Persons", "item": "Item", "values": "Imputed values", "cells": "Cells",
        "within": f"Within {LIMIT_POINTS:.0f} point", "largest": "Largest difference, points", "spread": "Spread",
    }  # fmt: skip
    kinds = {"values": "integer", "cells": "integer", "within": "percent", "largest": "fine", "spread": "fine"}
    worst_labels = {
        "person_kind": "Persons", "item": "Item", "offense_code": "Offense", "category": "Value",
        "values": "Imputed values", "imputed": "Share of imputed", "true": "True share", "points": "Points",
    }  # fmt: skip
    worst = large.sort(pl.col("points").abs(), *of, "offense_code", "category", descending=[True] + [False] * 4)
    return (
        note
        + f"<figure>{svg(chart)}</figure>"
        + html_table(summary.sort(of), "truth", labels, **kinds)
        + f"<p>The {min(_LISTED, worst.height)} largest differences:</p>"
        + html_table(
            worst.head(_LISTED), "truth-worst", worst_labels,
            values="integer", imputed="percent", true="percent", points="fine",
        )
    )  # fmt: skip
