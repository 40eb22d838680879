"""Persons and relationships as they are analyzed: reported, edited and imputed values in one place (handbook 05)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from nibrs_estimation.model.analysis import (
    ANALYSIS_ARRESTEE,
    ANALYSIS_OFFENDER,
    ANALYSIS_VICTIM,
    ANALYSIS_VICTIM_OFFENDER,
)
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.items import (
    EDITED,
    IMPUTED,
    IMPUTED_ITEM,
    ITEM_COLUMNS,
    NO_PERSON,
    PERSON_KINDS,
    REPORTED,
    UNKNOWN,
)
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.stages.item_imputation.groups import state_groups
from nibrs_estimation.stages.item_imputation.links import age_in_years
from nibrs_estimation.stages.item_imputation.models import MIN_DONORS
from nibrs_estimation.stages.item_imputation.persons import items
from nibrs_estimation.stats import random

_KEY = ["person_kind", "person_id", "other_id", "item"]


def finish_persons(
    victim: pl.LazyFrame,
    offender: pl.LazyFrame,
    arrestee: pl.LazyFrame,
    victim_offender: pl.LazyFrame,
    person_frame: pl.LazyFrame,
    item_value: pl.LazyFrame,
    item_distribution: pl.LazyFrame,
    ethnicity_value: pl.LazyFrame,
    relationship_value: pl.LazyFrame,
    property_relationship_value: pl.LazyFrame,
    seed: int,
    partition: str,
) -> dict[str, pl.DataFrame | pl.LazyFrame]:
    """Give every item the value that is analyzed, and a flag that says where it comes from.

    Items in scope for which the state has too few donors are drawn from the distribution of other states: of the same
    offense in its group of states, then of its region, then of the nation.
    """
    is_here = pl.col("state_abbr") == partition
    frame = person_frame.collect()
    values = pl.concat(
        [
            rows.filter(is_here).select(*_KEY, "value", "donor_id", "donor_other_id", "pool", "step")
            for rows in (item_value, ethnicity_value, relationship_value, property_relationship_value)
        ]
    ).collect()
    left = pl.concat([_left(frame, values), values.filter(pl.col("value").is_null()).select(*_KEY)])
    given = values.filter(pl.col("value").is_not_null())
    if left.height:
        offenses = frame.select("person_kind", "person_id", "offense_code").unique(["person_kind", "person_id"])
        left = left.join(offenses, on=["person_kind", "person_id"], how="left", maintain_order="left")
        drawn = drawn_from_others(left, item_distribution.collect(), partition, seed)
        given = pl.concat([given, drawn.select(given.columns)])
    of_kind = {kind: given.filter(pl.col("person_kind") == kind) for kind in PERSON_KINDS}
    scope = {kind: frame.filter(pl.col("person_kind") == kind) for kind in of_kind}
    made: dict[str, pl.DataFrame | pl.LazyFrame] = {}
    audit = []
    for dataset, segment, key, kinds in (
        (ANALYSIS_VICTIM, victim, "victim_id", ("victim",)),
        (ANALYSIS_OFFENDER, offender, "offender_id", ("offender",)),
        (ANALYSIS_ARRESTEE, arrestee, "arrestee_id", ("arrestee", "arrestee_b")),
    ):
        persons = segment.collect()
        parts = []
        for kind in kinds:
            rows = persons.filter(pl.col("is_group_b") == (kind == "arrestee_b")) if len(kinds) > 1 else persons
            done = _analyzed(rows, key, scope[kind], of_kind[kind])
            parts.append(done)
            audit.append(_audit(done, key, kind, of_kind[kind]))
        made[dataset.name] = _declared(pl.concat(parts), dataset)
    pairs, of_pairs = _relationships(victim_offender.collect(), of_kind["victim"], partition)
    made[ANALYSIS_VICTIM_OFFENDER.name] = pairs
    all_items = pl.concat([*audit, of_pairs], how="diagonal").with_columns(state_abbr=pl.lit(partition))
    made[IMPUTED_ITEM.name] = IMPUTED_ITEM.cast(all_items).sort(IMPUTED_ITEM.primary_key)
    return made


def _left(frame: pl.DataFrame, values: pl.DataFrame) -> pl.DataFrame:
    """Items of persons in scope that no model set."""
    missing = [
        frame.filter(pl.col(column).is_null()).select(
            "person_kind", "person_id", other_id=pl.lit(0, pl.Int64), item=pl.lit(item)
        )
        for item, column in ITEM_COLUMNS.items()
    ]
    return pl.concat(missing).join(values.select(_KEY), on=_KEY, how="anti", maintain_order="left")


def drawn_from_others(left: pl.DataFrame, distribution: pl.DataFrame, state: str, seed: int) -> pl.DataFrame:
    """Values drawn from the reported values of other states and the own.

    The first of these distributions with at least :data:`MIN_DONORS` values, not all the same, is used: the state's,
    its group's, its region's and the nation's of the same offense; then the same without regard to the offense. Where
    none has, the item stays unknown.

    Args:
        left: the key of dataset ``item_value`` with ``offense_code``.
        distribution: dataset ``item_distribution`` of all states.
        state: the state of the persons.
        seed: of the run.
    """
    pools = _pools(state)
    found = []
    for (kind, item), rows in left.group_by("person_kind", "item", maintain_order=True):
        known = distribution.filter((pl.col("person_kind") == kind) & (pl.col("item") == item))
        rest = rows
        groups = "ethnicity" if item == "ethnicity" else "others"
        for name, states in pools[groups]:
            of_pool = known.filter(pl.col("state_abbr").is_in(states))
            for by_offense in (True, False):
                rest, drawn = _drawn(rest, of_pool, seed, by_offense=by_offense)
                found.append(drawn.with_columns(pool=pl.lit(name)))
    if not found:
        return left.with_columns(value=pl.lit(None, pl.String))
    return pl.concat(found).with_columns(
        donor_id=pl.lit(None, pl.Int64), donor_other_id=pl.lit(None, pl.Int64), step=pl.lit("pool")
    )


def _pools(state: str) -> dict[str, list[tuple[str, Sequence[str]]]]:
    regions = dict(code_list("state").select("state_abbr", "region_code").iter_rows())
    region = [name for name, code in regions.items() if code == regions.get(state)]
    pools: dict[str, list[tuple[str, Sequence[str]]]] = {}
    for key, groups in (("ethnicity", state_groups("ethnicity")), ("others", state_groups("relationship"))):
        group = next((states for states in groups.values() if state in states), (state,))
        pools[key] = [("state", [state]), ("state group", group), ("region", region), ("nation", list(regions))]
    return pools


def _drawn(
    rows: pl.DataFrame, known: pl.DataFrame, seed: int, *, by_offense: bool
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that have no distribution here, and the others with a value."""
    key = ["offense_code"] if by_offense else []
    counts = known.group_by(*key, "value").agg(pl.col("n").sum()).sort(*key, "value")
    if not by_offense:
        counts = counts.with_columns(offense_code=pl.lit(None, pl.String))
    enough = (pl.col("n").sum().over("offense_code") >= MIN_DONORS) & (pl.len().over("offense_code") > 1)
    counts = counts.filter(enough).with_columns(
        end=pl.col("n").cum_sum().over("offense_code") / pl.col("n").sum().over("offense_code")
    )
    own = pl.col("offense_code").fill_null("") if by_offense else pl.lit(None, pl.String)
    rows = rows.with_row_index("row").with_columns(of=own)
    stream = "items/pool/" + "".join(rows["item"].head(1))
    point = random.uniform(seed, stream, rows["person_id"].to_numpy(), rows["other_id"].to_numpy())
    hits = (
        rows.with_columns(point=pl.Series(np.asarray(point)))
        .join(counts.rename({"offense_code": "of"}), on="of", nulls_equal=True)
        .filter(pl.col("point") <= pl.col("end"))
        .sort("row", "end")
        .unique("row", keep="first", maintain_order=True)
    )
    rest = rows.join(hits.select("row"), on="row", how="anti", maintain_order="left").drop("row", "of")
    return rest, hits.select(*_KEY, "value")


def _analyzed(segment: pl.DataFrame, key: str, scope: pl.DataFrame, values: pl.DataFrame) -> pl.DataFrame:
    """A segment with the values that are analyzed, and a flag for each item.

    Args:
        segment: rows of ``victim``, ``offender`` or ``arrestee``.
        key: its identifier.
        scope: rows of ``person_frame`` of the same kind.
        values: what was imputed for them.
    """
    edited = scope.select(
        pl.col("person_id").alias(key), **{f"edited_{item}": pl.col(column) for item, column in ITEM_COLUMNS.items()}
    )
    # An item that is known after the edits was reported or edited; only those that models set are imputed.
    wide = segment.with_columns(reported_age=age_in_years(), **_reported()).join(
        edited, on=key, how="left", maintain_order="left"
    )
    is_nobody = (pl.col("sequence_number") == 0).fill_null(False) if "offender_id" in segment.columns else pl.lit(False)
    for item, column in ITEM_COLUMNS.items():
        of_item = values.filter(pl.col("item") == item).select(pl.col("person_id").alias(key), imputed="value")
        wide = wide.join(of_item, on=key, how="left", maintain_order="left")
        dtype = pl.Int16 if item == "age" else pl.String
        imputed, known = pl.col("imputed").cast(dtype), pl.col(f"reported_{item}")
        after_edits = pl.coalesce(imputed, f"edited_{item}", known)
        is_edited = after_edits.is_not_null() & after_edits.ne_missing(known)
        wide = wide.with_columns(
            # A known code stays as it is, also an older one of the same meaning.
            pl.when(imputed.is_not_null() | is_edited)
            .then(after_edits)
            .otherwise(known if item == "age" else pl.col(column))
            .alias(column),
            pl.when(imputed.is_not_null())
            .then(IMPUTED)
            .when(is_edited)
            .then(EDITED)
            .when(known.is_not_null())
            .then(REPORTED)
            .when(is_nobody)
            .then(NO_PERSON)
            .otherwise(UNKNOWN)
            .cast(pl.Int8)
            .alias(f"{item}_flag"),
        ).drop("imputed")
    return wide.drop(f"edited_{item}" for item in ITEM_COLUMNS)


def _reported() -> dict[str, pl.Expr]:
    _age, sex, race, ethnicity = items()
    return {"reported_sex": sex, "reported_race": race, "reported_ethnicity": ethnicity}


def _audit(persons: pl.DataFrame, key: str, kind: str, values: pl.DataFrame) -> pl.DataFrame:
    """The items of persons that were edited or imputed, with what was reported."""
    rows = [
        persons.filter(pl.col(f"{item}_flag").is_in([EDITED, IMPUTED])).select(
            pl.lit(kind).alias("person_kind"),
            pl.col(key).alias("person_id"),
            pl.lit(0, pl.Int64).alias("other_id"),
            pl.lit(item).alias("item"),
            pl.col(column).cast(pl.String).alias("value"),
            pl.col(f"reported_{item}").cast(pl.String).alias("reported"),
            pl.col(f"{item}_flag").alias("flag"),
        )
        for item, column in ITEM_COLUMNS.items()
    ]
    origin = values.select(*_KEY, "donor_id", "donor_other_id", "pool", "step")
    return (
        pl.concat(rows)
        .join(origin, on=_KEY, how="left", maintain_order="left")
        .with_columns(pl.col("step").fill_null("edit"), pl.col("pool").fill_null("pair"))
    )


def _relationships(reported: pl.DataFrame, values: pl.DataFrame, state: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Dataset ``analysis_victim_offender``, and the rows of ``imputed_item`` that it holds."""
    given = values.filter(pl.col("item") == "relationship").select(
        victim_id="person_id", offender_id="other_id", value="value", donor_id="donor_id",
        donor_other_id="donor_other_id", pool="pool", step="step",
    )  # fmt: skip
    pairs = (
        reported.join(given, on=["victim_id", "offender_id"], how="full", coalesce=True)
        .with_columns(
            state_abbr=pl.lit(state),
            is_new=pl.col("value").is_not_null(),
            reported=pl.col("relationship_code"),
            is_known=pl.col("relationship_code").is_not_null() & (pl.col("relationship_code") != "RU"),
        )
        .with_columns(
            relationship_code=pl.coalesce("value", "relationship_code"),
            relationship_flag=pl.when("is_new").then(IMPUTED).when("is_known").then(REPORTED).otherwise(UNKNOWN),
        )
    )
    audit = pairs.filter("is_new").select(
        "reported", "donor_id", "donor_other_id", "pool", "step", "value",
        person_kind=pl.lit("victim"), person_id="victim_id", other_id="offender_id", item=pl.lit("relationship"),
        flag=pl.lit(IMPUTED, pl.Int8),
    )  # fmt: skip
    return _declared(pairs, ANALYSIS_VICTIM_OFFENDER), audit


def _declared(rows: pl.DataFrame, dataset: Dataset) -> pl.DataFrame:
    return dataset.cast(rows).sort(dataset.primary_key)
