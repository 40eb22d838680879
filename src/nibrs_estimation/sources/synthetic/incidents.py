"""The reported incidents of a state with their segments, in the order of specification 02, section 15.2 step 5."""

from __future__ import annotations

import numpy as np
import polars as pl

from nibrs_estimation.model.incident import (
    ARRESTEE,
    INCIDENT,
    OFFENDER,
    OFFENSE,
    OFFENSE_WEAPON,
    PROPERTY,
    PROPERTY_ITEM,
    VICTIM,
    VICTIM_OFFENDER,
    VICTIM_OFFENSE,
)
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.sources.synthetic.crime import latent_incidents
from nibrs_estimation.sources.synthetic.marginals import days_after, draw
from nibrs_estimation.sources.synthetic.offenses import offense_details, offense_rows, weapon_rows
from nibrs_estimation.sources.synthetic.persons import (
    arrestee_rows,
    offender_rows,
    relationship_rows,
    victim_offense_rows,
    victim_rows,
    with_suspects,
)
from nibrs_estimation.sources.synthetic.property import item_rows, property_rows
from nibrs_estimation.sources.synthetic.reporting import reported_months

SEGMENTS = (
    INCIDENT,
    OFFENSE,
    OFFENSE_WEAPON,
    VICTIM,
    VICTIM_OFFENSE,
    OFFENDER,
    VICTIM_OFFENDER,
    PROPERTY,
    PROPERTY_ITEM,
    ARRESTEE,
)


def reported_segments(agencies: pl.DataFrame, year: int, seed: int) -> dict[str, pl.DataFrame]:
    """Every segment of the incidents that a state's agencies reported.

    Args:
        agencies: the agencies of one state, all of them, by agency_id.
        year: data year.
        seed: of the run.

    Returns:
        The datasets of ``SEGMENTS`` by name.
    """
    incidents = with_suspects(_reported(latent_incidents(agencies, year, seed), agencies, year, seed), seed)
    offense = offense_details(offense_rows(incidents, seed), seed)
    victim = victim_rows(offense, seed)
    offender = offender_rows(incidents, seed)
    property_ = property_rows(offense, seed)
    segments = {
        INCIDENT: _described(incidents, year, seed),
        OFFENSE: offense,
        OFFENSE_WEAPON: weapon_rows(offense, seed),
        VICTIM: victim,
        VICTIM_OFFENSE: victim_offense_rows(victim, offense),
        OFFENDER: offender,
        VICTIM_OFFENDER: relationship_rows(victim, offender, seed),
        PROPERTY: property_,
        PROPERTY_ITEM: item_rows(property_, incidents, seed),
        ARRESTEE: arrestee_rows(incidents, seed),
    }
    state_abbr = str(agencies["state_abbr"].first())
    return {dataset.name: _declared(rows, dataset, state_abbr) for dataset, rows in segments.items()}


def _reported(incidents: pl.DataFrame, agencies: pl.DataFrame, year: int, seed: int) -> pl.DataFrame:
    place = np.searchsorted(agencies["agency_id"].to_numpy(), incidents["agency_id"].to_numpy())
    months = reported_months(agencies, year, seed)
    return incidents.filter(pl.Series(months[place, incidents["month"].to_numpy() - 1]))


def _described(incidents: pl.DataFrame, year: int, seed: int) -> pl.DataFrame:
    """Add hour, exceptional clearance (of known offenders without arrest) and what else dataset ``incident`` asks."""
    unit = incidents["incident_id"].to_numpy()
    return incidents.with_columns(
        data_year=pl.lit(year, pl.Int16),
        is_report_date=draw("report_date", seed, unit) == "true",
        incident_hour=draw("hour", seed, unit).cast(pl.Int8),
        cleared_exceptionally_code=pl.when((pl.col("offenders") > 0) & (pl.col("arrestees") == 0))
        .then(draw("exceptional", seed, unit))
        .otherwise(pl.lit("N")),
        is_cargo_theft=pl.lit(None, pl.Boolean),
    ).with_columns(
        cleared_exceptionally_date=pl.when(pl.col("cleared_exceptionally_code") != "N").then(
            days_after("incident_date", "clearance_lag", seed, unit)
        )
    )


def _declared(rows: pl.DataFrame, dataset: Dataset, state_abbr: str) -> pl.DataFrame:
    """The columns that the dataset declares, in its types."""
    return rows.with_columns(state_abbr=pl.lit(state_abbr)).select(
        pl.col(column.name).cast(column.dtype) for column in dataset.columns
    )
