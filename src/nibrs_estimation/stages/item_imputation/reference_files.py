"""Imputed items in the files of the reference pipeline, for comparison with its files (handbook 05)."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from nibrs_estimation.model.items import EDITED, IMPUTED, REPORTED
from nibrs_estimation.pipeline.task import DocumentWriter
from nibrs_estimation.stages.item_imputation.relationships import (
    FEW_OFFENDERS,
    RELATIONSHIPS,
    UNKNOWN_RELATIONSHIP,
)

_RACES = {"W": 1, "B": 2, "I": 3, "A": 4, "AP": 4, "C": 4, "J": 4, "P": 8, "O": 9, "M": 98}
_ETHNICITIES = {"H": 1, "N": 2, "M": 4}
#: A file in a zip has a date; this one says nothing.
_NO_DATE = (1980, 1, 1, 0, 0, 0)
Files = Iterator[tuple[str, pl.DataFrame]]


def write_item_files(
    analysis_victim: pl.LazyFrame,
    analysis_offender: pl.LazyFrame,
    analysis_arrestee: pl.LazyFrame,
    analysis_victim_offender: pl.LazyFrame,
    person_frame: pl.LazyFrame,
    relationship_value: pl.LazyFrame,
    property_relationship_value: pl.LazyFrame,
    incident: pl.LazyFrame,
    agency: pl.LazyFrame,
    year: int,
) -> dict[str, DocumentWriter]:
    """Write the persons and relationships in scope, by state, with the names and codes of the reference pipeline."""
    persons = {"victim": analysis_victim, "offender": analysis_offender, "arrestee": analysis_arrestee}
    frame = person_frame.select("state_abbr", "person_kind", "person_id")
    states = frame.select("state_abbr").unique().collect()["state_abbr"].sort()
    agencies = agency.filter(pl.col("data_year") == year).select("agency_id", "ori", "legacy_ori")

    def files() -> Files:
        for state in states:
            is_here = pl.col("state_abbr") == state
            for kind, rows in persons.items():
                scope = frame.filter(is_here & (pl.col("person_kind") == kind)).rename({"person_id": f"{kind}_id"})
                of_kind = rows.filter(is_here)
                if kind == "arrestee":
                    of_kind = of_kind.filter(~pl.col("is_group_b"))
                found = of_kind.join(scope, on=f"{kind}_id", how="semi").sort(f"{kind}_id").collect()
                yield f"17_{state}_{kind}_imputed_final_flag", _demographics(found, kind)
                yield f"17_{state}_{kind}_imputed_final_flag_hisp", _ethnicity(found, kind)
            pairs = _pairs(
                analysis_victim_offender.filter(is_here),
                analysis_victim.filter(is_here),
                analysis_offender.filter(is_here),
                incident.filter(is_here),
                agencies,
            )
            for name, values in (
                ("04_imputed_relationship_code_offender", relationship_value),
                ("05_imputed_relationship_code_offender_propertyoffense", property_relationship_value),
            ):
                yield from _relationships(name, state, pairs, values.filter(is_here))
        yield "02_mice_group_b_arrestee", _group_b(analysis_arrestee, agencies)

    return {"item_imputation_data.zip": _zip_writer(files)}


def _zip_writer(files: Callable[[], Files]) -> DocumentWriter:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for name, rows in files():
                content = gzip.compress(rows.write_csv().encode(), mtime=0)
                archive.writestr(zipfile.ZipInfo(f"item_imputation_data/{name}.csv.gz", _NO_DATE), content)

    return write


def _flag(item: str) -> pl.Expr:
    return pl.col(f"{item}_flag")


def _demographics(persons: pl.DataFrame, kind: str) -> pl.DataFrame:
    return persons.select(
        "incident_id",
        f"{kind}_id",
        pl.col("sequence_number").alias(f"{kind}_seq_num"),
        pl.col("age_years").alias(f"age_num_{kind}_i"),
        pl.col("sex_code").alias(f"sex_code_{kind}_i"),
        pl.col("race_code").replace_strict(_RACES, default=None, return_dtype=pl.Int8).alias(f"race_code_{kind}_i"),
        *(_flag(item).alias(f"{item}_{kind}_i_flag") for item in ("age", "sex", "race")),
    )


def _ethnicity(persons: pl.DataFrame, kind: str) -> pl.DataFrame:
    code = pl.col("ethnicity_code").replace_strict(_ETHNICITIES, default=None, return_dtype=pl.Int8)
    return persons.select(
        "incident_id",
        f"{kind}_id",
        pl.col("sequence_number").alias(f"{kind}_seq_num"),
        code.alias(f"ethnicity_code_{kind}_i"),
    )


def _pairs(
    pairs: pl.LazyFrame, victims: pl.LazyFrame, offenders: pl.LazyFrame, incident: pl.LazyFrame, agencies: pl.LazyFrame
) -> pl.DataFrame:
    kinds = {code: number for number, codes in enumerate(RELATIONSHIPS.values(), 1) for code in codes}
    known = offenders.filter(pl.col("sequence_number") != 0)
    number = known.group_by("incident_id").agg(offenders=pl.len())
    return (
        pairs.join(
            victims.select("victim_id", "incident_id", victim_seq_num="sequence_number"), on="victim_id", how="left"
        )
        .join(known.select("offender_id", offender_seq_num="sequence_number"), on="offender_id", how="left")
        .join(number, on="incident_id", how="left")
        .join(incident.select("incident_id", "agency_id", month_num="form_month"), on="incident_id", how="left")
        .join(agencies, on="agency_id", how="left")
        .with_columns(
            der_relationship=pl.col("relationship_code").replace_strict(
                kinds | {UNKNOWN_RELATIONSHIP: 6}, default=None, return_dtype=pl.Int8
            )
        )
        .collect()
    )


def _relationships(name: str, state: str, pairs: pl.DataFrame, values: pl.LazyFrame) -> Files:
    """Pairs that a model set; the reference's files have reported pairs in scope, too."""
    imputed = values.select(victim_id="person_id", offender_id="other_id").collect()
    rows = pairs.join(imputed, on=["victim_id", "offender_id"], how="semi").sort("victim_id", "offender_id")
    is_few = pl.col("offenders") <= FEW_OFFENDERS
    parts = [("", rows)]
    if name.startswith("04"):
        parts = [("_le3", rows.filter(is_few)), ("_gt3", rows.filter(~is_few))]
    for part, found in parts:
        if found.height:
            yield (
                f"{name}{part}_{state}",
                found.select(
                    "incident_id", "offender_seq_num", "victim_seq_num", "der_relationship", "offender_id", "victim_id",
                    "state_abbr", "ori", "month_num",
                ),
            )  # fmt: skip


def _group_b(arrestee: pl.LazyFrame, agencies: pl.LazyFrame) -> pl.DataFrame:
    is_known = pl.all_horizontal(_flag(item).is_in([REPORTED, EDITED, IMPUTED]) for item in ("age", "sex", "race"))
    return (
        arrestee.filter(pl.col("is_group_b") & is_known)
        .join(agencies, on="agency_id", how="left")
        .sort("arrestee_id")
        .select(
            "ori",
            "legacy_ori",
            groupb_arrestee_id="arrestee_id",
            sex_code_i="sex_code",
            race_code_i="race_code",
            age_num_i="age_years",
            ethnicity_code_i="ethnicity_code",
        )
        .collect()
    )
