"""Incidents of the years before the data year, of which the nation has only counts: with date and offenses alone."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model import incident as segments
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.sources.hierarchy import hierarchy


def incidents_of_counts(counts: pl.DataFrame, *, first_id: int = 1) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Incidents that have these counts, on the first day of each month.

    Each offense that a summary counts is an incident. Those that none counts are in the month's more serious
    incidents, of each code one in an incident as far as there are enough.

    Args:
        counts: rows of dataset ``agency_month_offense``.
        first_id: number of the first incident.

    Returns:
        Incidents: ``incident_id``, ``agency_id``, ``ori``, ``data_year``, ``month``, ``offense_code``,
        ``incident_date``. Offenses: ``incident_id`` and ``offense_code``.
    """
    rows = counts.sort("agency_id", "data_year", "month", "offense_code").with_columns(
        pl.col("n_summary").fill_null(pl.col("n"))
    )
    incidents = _repeated(rows, "n_summary").with_columns(
        incident_id=first_id + pl.int_range(pl.len(), dtype=pl.Int64),
        incident_date=pl.date("data_year", "month", 1),
    )
    month = ["agency_id", "data_year", "month"]
    rank = pl.col("offense_code").replace_strict(hierarchy(), default=None, return_dtype=pl.Int8)
    ranked = incidents.with_columns(rank=rank).sort(*month, "rank", nulls_last=True, maintain_order=True)
    by_rank = ranked.drop_nulls("rank").group_by(*month, "rank").agg(incidents=pl.len())
    lesser = _repeated(rows, pl.col("n") - pl.col("n_summary")).with_columns(rank=rank)
    of_code = lesser.select(*month, "rank").unique().join(by_rank, on=month, suffix="_above")
    above = of_code.filter(pl.col("rank_above") < pl.col("rank")).group_by(*month, "rank").agg(
        above=pl.col("incidents").sum()
    )  # fmt: skip
    lesser = lesser.join(above, on=[*month, "rank"], how="left", maintain_order="left").with_columns(
        place=pl.int_range(pl.len()).over(*month, "rank") % pl.col("above")
    )
    places = ranked.select(*month, "incident_id", place=pl.int_range(pl.len()).over(month))
    lesser = lesser.join(places, on=[*month, "place"], how="left", maintain_order="left")
    offenses = pl.concat(
        [
            incidents.filter(pl.col("offense_code") != "none").select("incident_id", "offense_code"),
            lesser.select("incident_id", "offense_code"),
        ]
    )
    return incidents.drop("n", "n_summary"), offenses


def former_incidents(counts: pl.LazyFrame, agencies: pl.DataFrame, year: int) -> dict[Dataset, pl.DataFrame]:
    """The segments of a former year of some agencies: incidents and offenses, all others empty.

    Args:
        counts: dataset ``agency_month_offense`` of the year.
        agencies: ``agency_id`` and ``state_abbr`` of agencies.
        year: a year before the data year.
    """
    of_agencies = counts.join(agencies.lazy().select("agency_id"), on="agency_id", how="semi")
    incidents, offenses = incidents_of_counts(of_agencies.filter(pl.col("data_year") == year).collect())
    incidents = incidents.join(agencies.select("agency_id", "state_abbr"), on="agency_id", maintain_order="left")
    offenses = offenses.with_columns(offense_id=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
    known = {segments.INCIDENT: incidents, segments.OFFENSE: offenses}
    return {dataset: _with_all_columns(dataset, known.get(dataset)) for dataset in segments.DATASETS}


def _with_all_columns(dataset: Dataset, rows: pl.DataFrame | None) -> pl.DataFrame:
    """Rows with the columns of a dataset, missing where not given."""
    empty = dataset.empty().collect()
    if rows is None:
        return empty
    given = rows.select(pl.col(name).cast(dtype) for name, dtype in empty.schema.items() if name in rows.columns)
    return pl.concat([empty, given], how="diagonal")


def _repeated(rows: pl.DataFrame, times: str | pl.Expr) -> pl.DataFrame:
    """Each row as often as ``times`` says."""
    return rows.select(pl.all().repeat_by(times).explode())
