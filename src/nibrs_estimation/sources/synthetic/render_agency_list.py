"""Writes the list of agencies of the Crime Data Explorer: a JSON text for each state, as its interface answers.

The list is of a later day than the data year: it has starts of NIBRS that lie ahead, and neither year, residents nor
coverage. It lacks dormant agencies, nearly all covered ones and some that do not report to NIBRS. Of some of its
agencies it tells neither type nor counties. The shares are those of the list of 2025.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.pipeline.files import atomic_path
from nibrs_estimation.sources.synthetic.fbi_text import marked, zip_entry
from nibrs_estimation.sources.synthetic.marginals import parameter
from nibrs_estimation.stats import random

NO_COUNTY = "NOT SPECIFIED"
_COLUMNS = (
    "ori", "counties", "is_nibrs", "latitude", "longitude", "state_abbr", "state_name", "agency_name",
    "agency_type_name", "nibrs_start_date",
)  # fmt: skip


def render_agency_list(agencies: pl.DataFrame, path: Path, seed: int) -> int:
    """Write the list.

    Args:
        agencies: rows of dataset ``agency`` as of the day of the list.
        path: the zip, which has a text for each state. Equal data give equal bytes.
        seed: seed of who is listed, and of places on the map.

    Returns:
        Number of agencies.
    """
    listed = _listed(agencies, seed)
    with atomic_path(path, is_synced=False) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for (state,), rows in listed.partition_by("state_abbr", as_dict=True, maintain_order=True).items():
            archive.writestr(zip_entry(f"{state}.json"), _text(rows))
    return listed.height


def _listed(agencies: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The agencies of the list with its columns, by state and ORI."""
    unit = agencies["agency_id"].to_numpy()
    streams = ("listed", "typed", "early start", "latitude", "longitude")
    points = {f"{name}_point": pl.Series(random.uniform(seed, f"agency list {name}", unit)) for name in streams}
    states = code_list("state").select("state_abbr", "state_postal_abbr")
    has_start = pl.col("nibrs_start_date").is_not_null()
    share = (
        pl.when("is_covered")
        .then(parameter("listed_share_covered"))
        .when(has_start)
        .then(1.0)
        .otherwise(parameter("listed_share_silent"))
    )
    is_typed = pl.col("typed_point") < parameter("typed_share")
    return (
        agencies.with_columns(**points)
        .filter(~pl.col("is_dormant") & (pl.col("listed_point") < share))
        .join(states, on="state_abbr", how="left")
        .select(
            "ori",
            counties=pl.when(is_typed & pl.col("county_name").is_not_null())
            .then(pl.col("county_name").str.replace_all(";", ", ", literal=True))
            .otherwise(pl.lit(NO_COUNTY)),
            is_nibrs=has_start & (pl.col("early start_point") >= parameter("early_start_share")),
            latitude=pl.when(is_typed).then((26 + 22 * pl.col("latitude_point")).round(6)),
            longitude=pl.when(is_typed).then((-122 + 50 * pl.col("longitude_point")).round(6)),
            state_abbr="state_postal_abbr",
            state_name=marked(pl.col("state_name")),
            agency_name="published_agency_name",
            agency_type_name=pl.when(is_typed & (pl.col("agency_type_name") != "Unknown")).then("agency_type_name"),
            nibrs_start_date=pl.col("nibrs_start_date").dt.strftime("%Y-%m-%d"),
        )
        .sort("state_abbr", "ori")
    )


def _text(rows: pl.DataFrame) -> str:
    """The agencies of a state by county; one in several counties stands under each."""
    by_county = (
        rows.with_columns(county=pl.col("counties").str.split(", "))
        .explode("county")
        .sort("county", "ori")
        .partition_by("county", as_dict=True, maintain_order=True, include_key=False)
    )
    parts = [f"{json.dumps(county)}: {part.select(_COLUMNS).write_json()}" for (county,), part in by_county.items()]
    return "{" + ",\n".join(parts) + "}"
