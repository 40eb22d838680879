"""Several completed data sets, as a check of what imputation adds to the variance (handbook 05)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from nibrs_estimation.model.analysis import (
    ANALYSIS_ARRESTEE,
    ANALYSIS_OFFENDER,
    ANALYSIS_VICTIM,
    ANALYSIS_VICTIM_OFFENDER,
)
from nibrs_estimation.model.counts import DATASETS as COUNTS
from nibrs_estimation.model.estimates import CELL_ESTIMATE
from nibrs_estimation.model.imputations import IMPUTATION_CHECK, IMPUTATION_ESTIMATE
from nibrs_estimation.model.universe import POLICE_EMPLOYEES
from nibrs_estimation.pages import html_table, page, writer
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.task import DocumentWriter
from nibrs_estimation.stages.counting.count import count_units
from nibrs_estimation.stages.estimation.estimate import estimate_cells
from nibrs_estimation.stages.item_imputation.ethnicity import ethnicity_parts, impute_ethnicity
from nibrs_estimation.stages.item_imputation.finish import finish_persons
from nibrs_estimation.stages.item_imputation.relationships import impute_property_relationships, property_parts
from nibrs_estimation.stages.item_imputation.tasks import impute_persons

#: Most completed data sets.
MOST = 20
LEVELS = ("nation", "region", "state")
PAGE = "imputations.html"
#: Seeds of completed data sets are so far apart that no run has them.
_SEEDS = 1 << 32
_KEY = ["table_name", "geography_number", "row", "column"]
_READS_OF_PERSONS = (
    "incident", "offense", "offense_bias", "offense_weapon", "victim", "victim_offense", "offender", "victim_offender",
    "property", "property_item", "arrestee", "arrestee_weapon", "person_link",
)  # fmt: skip
_READS_OF_COUNTS = (
    "incident", "offense", "offense_bias", "offense_weapon", "offense_activity", "victim_offense", "victim_injury",
    "property", "property_item", "drug", "arrestee_weapon", "new_offense",
)  # fmt: skip
Tables = Mapping[str, pl.LazyFrame]


def imputation_parts() -> tuple[str, ...]:
    """Parts of dataset ``imputation_estimate``."""
    return tuple(f"{number:02d}" for number in range(1, MOST + 1))


def repeat_imputation(
    incident: pl.LazyFrame,
    offense: pl.LazyFrame,
    offense_bias: pl.LazyFrame,
    offense_weapon: pl.LazyFrame,
    offense_activity: pl.LazyFrame,
    victim: pl.LazyFrame,
    victim_offense: pl.LazyFrame,
    victim_injury: pl.LazyFrame,
    offender: pl.LazyFrame,
    victim_offender: pl.LazyFrame,
    property: pl.LazyFrame,
    property_item: pl.LazyFrame,
    drug: pl.LazyFrame,
    arrestee: pl.LazyFrame,
    arrestee_weapon: pl.LazyFrame,
    person_link: pl.LazyFrame,
    new_offense: pl.LazyFrame,
    agency: pl.LazyFrame,
    agency_county: pl.LazyFrame,
    county_population: pl.LazyFrame,
    removed_month: pl.LazyFrame,
    block_reference: pl.LazyFrame,
    weighting_frame: pl.LazyFrame,
    agency_weight: pl.LazyFrame,
    weight_cell: pl.LazyFrame,
    calibration_variable: pl.LazyFrame,
    coverage: pl.LazyFrame,
    intake_loss: pl.LazyFrame,
    year: int,
    seed: int,
    item_method: str,
    item_cycles: str,
    imputations: str,
    control_rule: str,
    partition: str,
) -> pl.DataFrame:
    """Impute all items anew, with other random numbers, and estimate the nation, regions and states from them."""
    if int(partition) > int(imputations) or item_method == "none":
        return IMPUTATION_ESTIMATE.empty().collect()
    segments: Tables = {
        "incident": incident, "offense": offense, "offense_bias": offense_bias, "offense_weapon": offense_weapon,
        "offense_activity": offense_activity, "victim": victim, "victim_offense": victim_offense,
        "victim_injury": victim_injury, "offender": offender, "victim_offender": victim_offender, "property": property,
        "property_item": property_item, "drug": drug, "arrestee": arrestee, "arrestee_weapon": arrestee_weapon,
        "person_link": person_link, "new_offense": new_offense,
    }  # fmt: skip
    places: dict[str, Any] = {"agency": agency, "agency_county": agency_county, "county_population": county_population}
    own_seed = seed + int(partition) * _SEEDS
    choices: dict[str, Any] = {"seed": own_seed, "item_method": item_method, "item_cycles": item_cycles}
    states = incident.select("state_abbr").unique().collect()["state_abbr"].sort().to_list()

    def of(state: str, names: tuple[str, ...]) -> dict[str, Any]:
        return {name: segments[name].filter(pl.col("state_abbr") == state) for name in names}

    persons: dict[str, dict[str, pl.LazyFrame]] = {}
    for state in states:
        made = impute_persons(
            **of(state, _READS_OF_PERSONS),
            **places,
            removed_month=removed_month,
            year=year,
            partition=state,
            **choices,
        )
        persons[state] = {name: frame.lazy() for name, frame in made.items()}
    joined = {
        name: pl.concat([persons[state][name] for state in states])
        for name in ("person_frame", "state_item_distribution", "relationship_frame")
    }
    ethnicity = pl.concat(
        [impute_ethnicity(joined["person_frame"], partition=part, **choices) for part in ethnicity_parts()]
    ).lazy()
    of_property = pl.concat(
        [
            impute_property_relationships(joined["relationship_frame"], partition=part, **choices)
            for part in property_parts()
        ]
    ).lazy()
    counts: dict[str, list[pl.LazyFrame]] = {dataset.name: [] for dataset in COUNTS}
    for state in states:
        finished = finish_persons(
            **of(state, ("victim", "offender", "arrestee", "victim_offender")),
            **{name: persons[state][name] for name in ("person_frame", "item_value", "relationship_value")},
            item_distribution=joined["state_item_distribution"],
            ethnicity_value=ethnicity,
            property_relationship_value=of_property,
            seed=own_seed,
            partition=state,
        )
        counted = count_units(
            **of(state, _READS_OF_COUNTS),
            **{
                dataset.name: finished[dataset.name].lazy()
                for dataset in (ANALYSIS_VICTIM, ANALYSIS_OFFENDER, ANALYSIS_ARRESTEE, ANALYSIS_VICTIM_OFFENDER)
            },
            block_reference=block_reference,
            removed_month=removed_month,
            year=year,
            count_mode="indicator",
            partition=state,
        )
        for name, frame in counted.items():
            counts[name].append(frame.collect().lazy())
    estimated = estimate_cells(
        **{name: pl.concat(frames) for name, frames in counts.items()},
        block_reference=block_reference,
        weighting_frame=weighting_frame,
        agency_weight=agency_weight,
        weight_cell=weight_cell,
        calibration_variable=calibration_variable,
        coverage=coverage.filter(pl.col("geography_level").is_in(LEVELS) & pl.col("agency_group").is_null()),
        agency=agency,
        agency_county=agency_county,
        county_population=county_population,
        police_employees=POLICE_EMPLOYEES.empty(),
        intake_loss=intake_loss,
        year=year,
        control_rule=control_rule,  # type: ignore[arg-type]
        variance_rule="prediction",
        second_estimator="none",
        bias_rule="difference",
    )
    parts = estimated[CELL_ESTIMATE.name]
    assert isinstance(parts, Mapping)
    cells = pl.concat([frame.lazy().collect() for frame in parts.values()])
    return IMPUTATION_ESTIMATE.cast(cells.with_columns(imputation=pl.lit(partition), table_name="table_part"))


def combine_imputations(
    imputation_estimate: pl.LazyFrame, cell_estimate: pl.LazyFrame, coverage: pl.LazyFrame, imputations: str
) -> pl.DataFrame:
    """Combine the completed data sets by Rubin's rules, beside the closed form.

    With B the variance between the m data sets, imputation adds (1 + 1/m) B. A cell without an estimate is 0.
    """
    m = int(imputations)
    square = pl.col("estimate") ** 2
    repeated = (
        imputation_estimate.group_by(_KEY)
        .agg(total=pl.col("estimate").sum(), squares=square.sum())
        .with_columns(mean=pl.col("total") / m)
    )
    between = (pl.col("squares") - m * pl.col("mean") ** 2).clip(lower_bound=0) / (m - 1)
    levels = coverage.select("geography_number", "geography_level")
    part = pl.col("rubin") ** 2 - pl.col("closed_form") ** 2
    return IMPUTATION_CHECK.cast(
        cell_estimate.filter(pl.col("imputed_share") > 0)
        .rename({"table_part": "table_name", "imputation_standard_error": "closed_form"})
        .join(repeated, on=_KEY)
        .join(levels, on="geography_number")
        .with_columns(imputations=pl.lit(m), rubin=((1 + 1 / m) * between).sqrt())
        .with_columns(standard_error_rubin=(pl.col("standard_error") ** 2 + part).clip(lower_bound=0).sqrt())
        .collect()
    )


def show_imputations(imputation_check: pl.LazyFrame, imputations: str, identity: Identity) -> dict[str, DocumentWriter]:
    """Show both standard errors that imputation adds."""
    checked = imputation_check.collect()
    rows = (
        checked.filter((pl.col("rubin") > 0) & (pl.col("closed_form") > 0))
        .group_by("geography_level", "table_name")
        .agg(
            cells=pl.len(),
            imputed=pl.col("imputed_share").median(),
            ratio=(pl.col("closed_form") ** 2).sum().sqrt() / (pl.col("rubin") ** 2).sum().sqrt(),
            median=(pl.col("closed_form") / pl.col("rubin")).median(),
            part=(pl.col("rubin") / pl.col("standard_error_rubin")).median(),
        )
        .sort("geography_level", "table_name")
    )
    labels = {
        "geography_level": "Places", "table_name": "Table", "cells": "Cells", "imputed": "Share imputed, median",
        "ratio": "Closed form over Rubin, root mean square", "median": "The same, median",
        "part": "Rubin's part of the standard error, median",
    }  # fmt: skip
    kinds = {"cells": "integer", "imputed": "percent", "ratio": "fine", "median": "fine", "part": "percent"}
    text = (
        f"<p>All items were imputed {imputations} times with other random numbers. What the estimates differ by is "
        "what imputation adds by chance. Beside it is the closed form, which is part of every published standard "
        "error. A ratio of 1 means that they agree; below 1 the closed form is too small.</p>"
    )
    body = text + (html_table(rows, "imputations", labels, **kinds) if rows.height else "<p>Nothing was imputed.</p>")
    title = "What imputation adds to the standard error"
    return {PAGE: writer(page(title, "Cells of the nation, regions and states.", [("Two ways", body)], identity))}
