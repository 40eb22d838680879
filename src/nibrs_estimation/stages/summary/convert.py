"""Summary counts of a state's incidents (handbook 16)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.return_a import with_totals
from nibrs_estimation.model.summary import (
    CONVERSION_ACCOUNT,
    INCIDENT_SUMMARY,
    LAST_LEGACY_YEAR,
    MEASURES,
    UNRANKED_SUMMARY,
)
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.stages.summary.families import (
    MANSLAUGHTER,
    Segments,
    families_of,
    family_counts,
    traffic_deaths,
    trafficking_counts,
)

_BY_MONTH = ("agency_id", "month", "item_code")
#: Lines of the Return A that are counted without the hierarchy: not manslaughter, which needs the removal of traffic
#: deaths, not vehicles, and no sum of all.
_UNRANKED_LINES = (0, *range(2, 21))


def convert_incidents(
    agency: pl.LazyFrame,
    incident: pl.LazyFrame,
    offense: pl.LazyFrame,
    offense_weapon: pl.LazyFrame,
    victim: pl.LazyFrame,
    victim_offense: pl.LazyFrame,
    victim_circumstance: pl.LazyFrame,
    property: pl.LazyFrame,
    property_item: pl.LazyFrame,
    year: int,
    partition: str,
) -> dict[str, pl.DataFrame]:
    """Count incidents by agency and month as lines of the Return A, by the hierarchy rule.

    Each incident counts for the first of murder, manslaughter by negligence, rape, robbery, aggravated assault,
    burglary, motor vehicle theft, larceny and simple assault that it has, even if this one counts nothing.

    Raises:
        PipelineError: incidents were lost or counted twice.
    """
    every = incident.filter(pl.col("data_year") == year).select("incident_id", "agency_id", "incident_date")
    incidents = since_start(every, agency, year).collect()
    segments = Segments(
        offense, offense_weapon, victim, victim_offense, victim_circumstance, property, property_item
    ).of(incidents)
    is_legacy = year <= LAST_LEGACY_YEAR
    families = families_of(segments, is_legacy)
    deaths = traffic_deaths(segments, families)
    families = families.join(
        deaths.with_columns(family=pl.lit(MANSLAUGHTER, pl.Int8)), on=["incident_id", "family"], how="anti"
    )
    first = families.group_by("incident_id").agg(pl.col("family").min())
    found = family_counts(segments, families, is_legacy)
    counts = found.counts.join(first, on=["incident_id", "family"], how="semi")
    n = {
        "incidents": every.select(pl.len()).collect().item(),
        "counted": counts["incident_id"].n_unique(),
        "vehicular_manslaughter": deaths.height,
        "fewer_vehicles": found.fewer_vehicles.join(first, on=["incident_id", "family"], how="semi").height,
    }
    n["before_start"] = n["incidents"] - incidents.height
    n["without_family"] = incidents.join(first, on="incident_id", how="anti").height
    n["counted_nothing"] = first.join(counts, on="incident_id", how="anti").height
    if n["incidents"] != sum(n[part] for part in ("before_start", "without_family", "counted", "counted_nothing")):
        raise PipelineError(
            f"State {partition}: {n['incidents']} incidents do not balance with their summary ({n}). The segments are "
            "not of one run: compute the run again with --force."
        )
    account = pl.DataFrame({"state_abbr": partition, "measure": list(MEASURES), "n": [n[each] for each in MEASURES]})
    return {
        INCIDENT_SUMMARY.name: INCIDENT_SUMMARY.cast(with_totals(_by_month(counts, incidents, partition))),
        CONVERSION_ACCOUNT.name: CONVERSION_ACCOUNT.cast(account),
    }


def count_unranked(
    agency: pl.LazyFrame,
    incident: pl.LazyFrame,
    offense: pl.LazyFrame,
    offense_weapon: pl.LazyFrame,
    victim: pl.LazyFrame,
    victim_offense: pl.LazyFrame,
    victim_circumstance: pl.LazyFrame,
    property: pl.LazyFrame,
    property_item: pl.LazyFrame,
    year: int,
    partition: str,
) -> pl.DataFrame:
    """Count incidents by agency and month as lines of the Return A, every offense by itself: for grants.

    Victims of human trafficking are counted in addition. There is no sum of all lines, and motor vehicle theft and
    manslaughter by negligence are not counted.
    """
    every = incident.filter(pl.col("data_year") == year).select("incident_id", "agency_id", "incident_date")
    incidents = since_start(every, agency, year).collect()
    segments = Segments(
        offense, offense_weapon, victim, victim_offense, victim_circumstance, property, property_item
    ).of(incidents)
    is_legacy = year <= LAST_LEGACY_YEAR
    counts = family_counts(segments, families_of(segments, is_legacy), is_legacy).counts
    lines = with_totals(_by_month(counts, incidents, partition)).filter(pl.col("item_code").is_in(_UNRANKED_LINES))
    trafficking = _by_month(trafficking_counts(segments), incidents, partition)
    return UNRANKED_SUMMARY.cast(pl.concat([lines, trafficking.select(lines.columns)]))


def since_start(incidents: pl.LazyFrame, agency: pl.LazyFrame, year: int) -> pl.LazyFrame:
    """Incidents with their ``month``, without months before the one in which the agency started NIBRS."""
    starts = agency.filter((pl.col("data_year") == year) & (pl.col("nibrs_start_date").dt.year() == year)).select(
        "agency_id", first_month=pl.col("nibrs_start_date").dt.month()
    )
    return (
        incidents.with_columns(month=pl.col("incident_date").dt.month())
        .join(starts, on="agency_id", how="left")
        .filter(pl.col("month") >= pl.col("first_month").fill_null(1))
        .select("incident_id", "agency_id", "month")
    )


def _by_month(counts: pl.DataFrame, incidents: pl.DataFrame, state_abbr: str) -> pl.DataFrame:
    return (
        counts.join(incidents, on="incident_id")
        .group_by(_BY_MONTH)
        .agg(pl.col("n").sum())
        .with_columns(state_abbr=pl.lit(state_abbr))
    )
