"""Which agencies report for others (handbook 01 and 02)."""

from __future__ import annotations

import polars as pl


def covered_populations(agencies: pl.DataFrame) -> pl.DataFrame:
    """Population that each agency covers directly, by its ORI or legacy ORI.

    Args:
        agencies: ``data_year``, ``agency_id``, ``ori``, ``legacy_ori``, ``covered_by_ori`` and ``population``.

    Returns:
        ``data_year``, ``agency_id``, ``covered_population`` (0 if it covers no agency), ``is_covering`` and
        ``covering_group_ori``, one row for each agency and year. ``covering_group_ori`` is the first agency that covers
        it; otherwise its own ORI if it covers others; otherwise missing.
    """
    year = "data_year"
    covered = agencies.select(
        year, "population", covered_id="agency_id", key=pl.col("covered_by_ori").str.split(";")
    ).explode("key")
    names = pl.concat(agencies.select(year, "agency_id", key=name) for name in ("ori", "legacy_ori"))
    covers = (
        names.drop_nulls("key")
        .join(covered.drop_nulls("key"), on=[year, "key"])
        .filter(pl.col("agency_id") != pl.col("covered_id"))
        .unique([year, "agency_id", "covered_id"])
        .group_by(year, "agency_id")
        .agg(covered_population=pl.col("population").sum().cast(pl.Int32), is_covering=pl.lit(True))
    )
    return (
        agencies.select(year, "agency_id", "ori", "covered_by_ori")
        .join(covers, on=[year, "agency_id"], how="left", maintain_order="left")
        .with_columns(pl.col("covered_population").fill_null(0), pl.col("is_covering").fill_null(False))
        .select(
            year,
            "agency_id",
            "covered_population",
            "is_covering",
            covering_group_ori=pl.coalesce(
                pl.col("covered_by_ori").str.split(";").list.first(), pl.when("is_covering").then("ori")
            ),
        )
    )
