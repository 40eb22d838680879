"""Design weights N_h / n_h by national weight class, with thin classes collapsed."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.weighting import AGENCY_WEIGHT
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.stages.weighting.collapse import Stratum, collapse

WEIGHT_VARIABLE = "NationalWgt"


def weight_agencies(
    universe: pl.LazyFrame, reporting_status: pl.LazyFrame, block_reference: pl.LazyFrame
) -> pl.LazyFrame:
    """Give every eligible agency a stratum, and every respondent the weight N_h / n_h of its stratum.

    A respondent is an eligible agency whose twelve months are there: reported, or copied from a donor. Strata are the
    20 national classes of 05 section 5.1; a class with N_h < 5 or n_h < 2 is merged with a neighbour (05 section 5.2).

    Raises:
        PipelineError: the frame is empty, or no agency responded.
    """
    # Who receives one missing month receives all of them.
    recipients = block_reference.select("agency_id", is_recipient=pl.lit(True)).unique()
    frame = (
        universe.filter("is_eligible")
        .join(reporting_status.select("agency_id", "is_full_year"), on="agency_id", how="left")
        .join(recipients, on="agency_id", how="left")
        .with_columns(is_respondent=pl.col("is_full_year").fill_null(False) | pl.col("is_recipient").fill_null(False))
        .drop("is_full_year", "is_recipient")
        .collect()
    )
    if not frame["is_respondent"].any():
        raise PipelineError(
            f"None of the {frame.height} eligible agencies has twelve months, reported or copied, so there is "
            "nothing to estimate from. Check the data year and the source."
        )
    strata = _strata(frame)
    return (
        frame.lazy()
        .join(strata.lazy(), on="weight_class", how="left")
        .with_columns(
            weight_variable=pl.lit(WEIGHT_VARIABLE),
            weight_method=pl.lit("design"),
            weight=pl.when("is_respondent").then(pl.col("stratum_agencies") / pl.col("stratum_respondents")),
        )
        .select(AGENCY_WEIGHT.schema.names())
    )


def _strata(frame: pl.DataFrame) -> pl.DataFrame:
    """One row per weight class: the stratum into which it went, with N_h and n_h."""
    classes = (
        frame.group_by("weight_class")
        .agg(pl.len(), pl.col("is_respondent").sum())
        .join(code_list("weight_class"), on="weight_class", how="left")
        .sort("weight_class")
    )
    strata = collapse(
        [
            Stratum((number,), agencies, respondents, frozenset({super_group}))
            for number, agencies, respondents, super_group, _label in classes.iter_rows()
        ]
    )
    label = dict(zip(classes["weight_class"], classes["label"], strict=True))
    return pl.DataFrame(
        [
            (number, min(stratum.classes), "; ".join(label[k] for k in stratum.classes), stratum.N_h, stratum.n_h)
            for stratum in strata
            for number in stratum.classes
        ],
        schema={
            "weight_class": pl.Int8,
            "stratum": pl.Int16,
            "stratum_label": pl.String,
            "stratum_agencies": pl.Int32,
            "stratum_respondents": pl.Int32,
        },
        orient="row",
    )
