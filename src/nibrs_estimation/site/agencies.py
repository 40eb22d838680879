"""The agencies behind the numbers of each place, as one Parquet file of a run."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from nibrs_estimation.model.agency import AGENCY
from nibrs_estimation.model.blocks import BLOCK_MONTH, BLOCK_REFERENCE
from nibrs_estimation.model.completeness import REPORTING_STATUS
from nibrs_estimation.model.weights import AGENCY_WEIGHT
from nibrs_estimation.reading.runs import EstimatedRun
from nibrs_estimation.site.cells import parts_of

#: Rows of a row group: a place of some hundred agencies reads one or two.
ROWS_OF_A_PART = 1_000


def write_agencies(run: EstimatedRun, folder: Path) -> dict[int, tuple[int, int]]:
    """Write the agencies of each place, those with the most residents first.

    The file is ``agencies.parquet``, with the positions of its parts in ``index.json``.

    Returns:
        The first row and the number of rows of each place, by the number of its geography. A group of agencies of a
        place has none: its agencies are among those of the place.
    """
    places = run.places.filter(pl.col("agency_group").is_null()).select(
        "geography_level", "geography_code", "geography_number"
    )
    names = run.read(AGENCY).filter(pl.col("data_year") == run.identity.year)
    donors = (
        run.read(BLOCK_REFERENCE)
        .filter(pl.col("donor_agency_id") != pl.col("agency_id"))
        .join(names.select("agency_name", donor_agency_id="agency_id"), on="donor_agency_id", how="left")
        .group_by("agency_id")
        .agg(donors=pl.col("agency_name").drop_nulls().unique().sort().str.join("; "))
    )
    filled = run.read(BLOCK_MONTH).filter(pl.col("month_flag").is_not_null()).group_by("agency_id").len("filled")
    rows = (
        run.read(AGENCY_WEIGHT)
        .join(places.lazy(), on=["geography_level", "geography_code"])
        .join(names.select("agency_id", "ori", "agency_name", "agency_type_name", "population"), on="agency_id")
        .join(run.read(REPORTING_STATUS).select("agency_id", "months_reported"), on="agency_id", how="left")
        .join(filled, on="agency_id", how="left")
        .join(donors, on="agency_id", how="left")
        .select(
            "geography_number",
            "state_abbr",
            "ori",
            name="agency_name",
            type="agency_type_name",
            population="population",
            share="population_share",
            responds="is_respondent",
            weight=pl.col("weight").round(2),
            months=pl.col("months_reported").fill_null(0).cast(pl.Int32),
            filled=pl.col("filled").fill_null(0).cast(pl.Int32),
            donors="donors",
        )
        .sort("geography_number", "population", "ori", descending=[False, True, False], nulls_last=True)
        .collect()
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "agencies.parquet"
    rows.write_parquet(
        path, compression="zstd", row_group_size=ROWS_OF_A_PART, statistics=False, metadata=run.identity.metadata()
    )
    (folder / "index.json").write_text(json.dumps({path.stem: parts_of(path)}), encoding="utf-8")
    counts = rows.group_by("geography_number", maintain_order=True).len()
    starts = counts["len"].cum_sum() - counts["len"]
    return {
        number: (start, length)
        for number, start, length in zip(counts["geography_number"], starts, counts["len"], strict=True)
    }
