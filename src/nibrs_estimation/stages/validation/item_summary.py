"""What item imputation did, by state: values, donors, matched pairs, agencies (handbook 05)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.items import (
    AGENCY_ITEM,
    IMPUTED,
    ITEM_COLUMNS,
    ITEM_DONORS,
    ITEM_PAIRS,
    ITEM_SUMMARY,
    ITEM_TRUTH,
    UNKNOWN,
)
from nibrs_estimation.stages.validation.age_classes import age_class
from nibrs_estimation.stages.validation.item_truth import compared_with_truth

NOT_KNOWN = "unknown"
_KEY = ["person_kind", "item"]


def summarize_items(
    analysis_victim: pl.LazyFrame,
    analysis_offender: pl.LazyFrame,
    analysis_arrestee: pl.LazyFrame,
    analysis_victim_offender: pl.LazyFrame,
    person_frame: pl.LazyFrame,
    person_link: pl.LazyFrame,
    imputed_item: pl.LazyFrame,
    incident: pl.LazyFrame,
    synthetic_truth_item: pl.LazyFrame,
    partition: str,
) -> dict[str, pl.DataFrame]:
    """Count reported, imputed and (of a synthetic nation) true values, donors, matched pairs and blank items."""
    persons = persons_in_scope(analysis_victim, analysis_offender, analysis_arrestee, person_frame)
    values = pl.concat([_values(persons, item) for item in ITEM_COLUMNS])
    relationships = analysis_victim_offender.select(
        person_kind=pl.lit("victim"),
        item=pl.lit("relationship"),
        category=pl.when(pl.col("relationship_flag") != UNKNOWN).then("relationship_code"),
        flag="relationship_flag",
    ).collect()
    is_imputed = pl.col("flag") == IMPUTED
    summary = (
        pl.concat([values.select(relationships.columns), relationships])
        .group_by(*_KEY, pl.col("category").fill_null(NOT_KNOWN))
        .agg(n_reported=(~is_imputed).sum(), n_imputed=is_imputed.sum())
    )
    donors = (
        imputed_item.filter(is_imputed)
        .collect()
        .with_columns(uses=pl.len().over("person_kind", "item", "pool", "donor_id", "donor_other_id"))
        .group_by(*_KEY, "pool")
        .agg(
            values=pl.len(),
            donors=pl.struct("donor_id", "donor_other_id").filter(pl.col("donor_id").is_not_null()).n_unique(),
            most_used=pl.col("uses").filter(pl.col("donor_id").is_not_null()).max().fill_null(0),
        )
    )
    agencies = incident.select("incident_id", "agency_id").collect()
    blank = (
        values.join(agencies, on="incident_id", how="left")
        .with_columns(pl.coalesce("agency_id_right", "agency_id").alias("agency_id"))
        .filter(pl.col("agency_id").is_not_null())
        .group_by("agency_id", *_KEY)
        .agg(persons=pl.len(), missing=pl.col("flag").is_in([IMPUTED, UNKNOWN]).sum())
    )
    found = {
        ITEM_SUMMARY: summary,
        ITEM_DONORS: donors,
        ITEM_PAIRS: _pairs(persons, person_link.collect()),
        AGENCY_ITEM: blank,
        ITEM_TRUTH: compared_with_truth(imputed_item, person_frame, synthetic_truth_item),
    }
    return {
        dataset.name: dataset.cast(rows.with_columns(state_abbr=pl.lit(partition))) for dataset, rows in found.items()
    }


def persons_in_scope(
    analysis_victim: pl.LazyFrame,
    analysis_offender: pl.LazyFrame,
    analysis_arrestee: pl.LazyFrame,
    person_frame: pl.LazyFrame,
) -> pl.DataFrame:
    """Persons whose items are imputed: ``person_kind``, ``person_id``, ``incident_id``, items and flags."""
    columns = [*ITEM_COLUMNS.values(), *(f"{item}_flag" for item in ITEM_COLUMNS)]
    kinds = [
        (analysis_victim, "victim_id", pl.lit("victim")),
        (analysis_offender, "offender_id", pl.lit("offender")),
        (
            analysis_arrestee,
            "arrestee_id",
            pl.when("is_group_b").then(pl.lit("arrestee_b")).otherwise(pl.lit("arrestee")),
        ),
    ]
    everybody = pl.concat(
        [
            rows.select(
                "incident_id",
                pl.col("agency_id") if key == "arrestee_id" else pl.lit(None, pl.Int32).alias("agency_id"),
                *columns,
                person_id=key,
                person_kind=kind,
            )
            for rows, key, kind in kinds
        ]
    )
    return everybody.join(
        person_frame.select("person_kind", "person_id"), on=["person_kind", "person_id"], how="semi"
    ).collect()


def _values(persons: pl.DataFrame, item: str) -> pl.DataFrame:
    column = pl.col(ITEM_COLUMNS[item])
    category = age_class(column) if item == "age" else column
    flag = pl.col(f"{item}_flag")
    return persons.select(
        "incident_id",
        "agency_id",
        "person_kind",
        item=pl.lit(item),
        category=pl.when(flag != UNKNOWN).then(category),
        flag=flag,
    )


def _pairs(persons: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    matched = links.filter(pl.col("is_same_person") & ~pl.col("is_dropped")).select("offender_id", "arrestee_id")
    columns = list(ITEM_COLUMNS.values())
    for kind in ("offender", "arrestee"):
        of_kind = persons.filter(pl.col("person_kind") == kind).select(
            pl.col("person_id").alias(f"{kind}_id"), *(pl.col(column).alias(f"{kind}_{column}") for column in columns)
        )
        matched = matched.join(of_kind, on=f"{kind}_id")
    equal = {
        item: pl.col(f"offender_{column}") == pl.col(f"arrestee_{column}") for item, column in ITEM_COLUMNS.items()
    }
    counts = matched.select(test.sum().alias(item) for item, test in equal.items()).row(0, named=True)
    return pl.DataFrame({"item": list(counts), "pairs": [matched.height] * len(counts), "equal": list(counts.values())})
