"""The reported incidents of a state with their segments, in the order of sources/synthetic/README.md."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model import incident as model
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.sources.synthetic.arrests import arrestee_rows, arrestee_weapon_rows
from nibrs_estimation.sources.synthetic.crime import latent_incidents, sent_incidents
from nibrs_estimation.sources.synthetic.group_b import group_b_rows
from nibrs_estimation.sources.synthetic.harms import circumstance_rows, injury_rows
from nibrs_estimation.sources.synthetic.marginals import chance, days_after, draw, is_offense
from nibrs_estimation.sources.synthetic.missingness import with_missing
from nibrs_estimation.sources.synthetic.offenses import (
    activity_rows,
    bias_rows,
    offense_details,
    offense_rows,
    using_rows,
    weapon_rows,
)
from nibrs_estimation.sources.synthetic.persons import (
    offender_rows,
    relationship_rows,
    victim_offense_rows,
    victim_rows,
    with_suspects,
)
from nibrs_estimation.sources.synthetic.property import drug_rows, item_rows, loss_rows, property_rows
from nibrs_estimation.sources.synthetic.reporting import reported_months
from nibrs_estimation.sources.synthetic.truth import blanked_items

SEGMENTS = model.DATASETS
_CARGO_THEFT_SHARE = 0.0005


def reported_segments(agencies: pl.DataFrame, year: int, seed: int) -> dict[str, pl.DataFrame]:
    """The datasets of ``SEGMENTS`` by name, of a state's agencies; arguments as of :func:`segments_with_truth`."""
    return segments_with_truth(agencies, year, seed)[0]


def segments_with_truth(
    agencies: pl.DataFrame, year: int, seed: int, *, by_value: bool = False
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """All segments of the incidents that a state's agencies reported, and their Group B arrests.

    Args:
        agencies: the agencies of one state, all of them, by agency_id.
        year: data year.
        seed: seed of the run.
        by_value: whether it depends on a value whether it is missing.

    Returns:
        The datasets of ``SEGMENTS`` by name; and dataset ``synthetic_truth_item``, the true values of the items that
        were left unknown or blank.
    """
    months = reported_months(agencies, year, seed)
    sent = sent_incidents(agencies, latent_incidents(agencies, year, seed), months, year, seed, "N")
    segments = segments_of(sent, seed, by_value=by_value)
    group_b = group_b_rows(agencies, year, seed, by_value=by_value)
    state_abbr = pl.lit(agencies["state_abbr"].first(), pl.String).alias("state_abbr")
    blanks = blanked_items(segments, group_b).select(state_abbr, pl.all())
    arrestee = pl.concat(_declared(rows, model.ARRESTEE) for rows in (segments[model.ARRESTEE.name], group_b))
    segments |= {model.ARRESTEE.name: arrestee, model.ARRESTEE_WEAPON.name: arrestee_weapon_rows(arrestee, seed)}
    return {
        dataset.name: _declared(segments.pop(dataset.name).with_columns(state_abbr), dataset) for dataset in SEGMENTS
    }, blanks


def segments_of(incidents: pl.DataFrame, seed: int, *, by_value: bool = False) -> dict[str, pl.DataFrame]:
    """The segments of incidents by name, except weapons of arrestees, which Group B arrestees also have.

    Items that agencies left unknown or blank stand beside their true values, in columns ``true_<item>``.

    Args:
        incidents: ``incident_id``, ``agency_id``, ``offense`` (number of the main offense), ``incident_date`` and
            ``month``; any incidents, because incidents are independent of each other.
        seed: seed of the run.
        by_value: whether it depends on a value whether it is missing.
    """
    incidents = with_suspects(incidents, seed).with_columns(
        form_year=pl.col("incident_date").dt.year(), form_month="month"
    )
    offense = offense_details(offense_rows(incidents, seed), seed)
    victim = victim_rows(incidents, offense, seed, by_value=by_value)
    links = victim_offense_rows(victim, offense)
    offender = offender_rows(incidents, seed, by_value=by_value)
    losses = loss_rows(offense, seed)
    segments = {
        model.INCIDENT: _described(incidents, offense, seed),
        model.OFFENSE: offense,
        model.OFFENSE_BIAS: bias_rows(offense, seed),
        model.OFFENSE_WEAPON: weapon_rows(offense, seed),
        model.OFFENSE_ACTIVITY: activity_rows(offense, seed),
        model.OFFENSE_USING: using_rows(offense, seed),
        model.VICTIM: victim,
        model.VICTIM_OFFENSE: links,
        model.VICTIM_INJURY: injury_rows(links, seed),
        model.VICTIM_CIRCUMSTANCE: circumstance_rows(links, seed),
        model.OFFENDER: offender,
        model.VICTIM_OFFENDER: relationship_rows(victim, offender, seed),
        model.PROPERTY: property_rows(losses, seed),
        model.PROPERTY_ITEM: item_rows(losses, incidents, seed),
        model.DRUG: drug_rows(losses, seed),
        model.ARRESTEE: arrestee_rows(incidents, seed, by_value=by_value),
    }
    return {dataset.name: rows for dataset, rows in segments.items()}


def _described(incidents: pl.DataFrame, offense: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Add hour, exceptional clearance (for known offenders without arrest) and the other columns of ``incident``."""
    unit = incidents["incident_id"].to_numpy()
    takes_cargo = offense.filter(pl.Series(is_offense("takes_cargo", offense["offense"].to_numpy())))["incident_id"]
    true_hour = draw("hour", seed, unit)
    hour = with_missing(true_hour, "hour", seed, unit, incidents["agency_id"].to_numpy())
    return incidents.with_columns(
        data_year=pl.col("incident_date").dt.year(),
        is_report_date=draw("report_date", seed, unit) == "true",
        incident_hour=hour.cast(pl.Int8),
        true_incident_hour=true_hour.cast(pl.Int8),
        cleared_exceptionally_code=pl.when((pl.col("offenders") > 0) & (pl.col("arrestees") == 0))
        .then(draw("exceptional", seed, unit))
        .otherwise(pl.lit("N")),
        is_cargo_theft=pl.when(pl.col("incident_id").is_in(takes_cargo.implode())).then(
            pl.lit(pl.Series(chance("cargo_theft", seed, unit, _CARGO_THEFT_SHARE)))
        ),
    ).with_columns(
        cleared_exceptionally_date=pl.when(pl.col("cleared_exceptionally_code") != "N").then(
            days_after("incident_date", "clearance_lag", seed, unit)
        )
    )


def _declared(rows: pl.DataFrame, dataset: Dataset) -> pl.DataFrame:
    """The declared columns that the rows have, with the declared types."""
    return rows.select(
        pl.col(column.name).cast(column.dtype) for column in dataset.columns if column.name in rows.columns
    )
