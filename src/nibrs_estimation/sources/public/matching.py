"""Which agency of nine characters an ORI of seven characters is (docs/user-guide/nation-from-public-data.md)."""

from __future__ import annotations

import polars as pl

#: The usual last two characters, and how many come before them.
USUAL_ENDING = "00"
ORI7_LENGTH = 7
#: How an ORI was found.
HOW = {
    "00": "seven characters and 00",
    "several_00": "several agencies have these seven characters; that with 00",
    "only": "the only agency with these seven characters",
    "type": "several; the only one of the same type",
    "population": "several; that with the most residents",
    "ambiguous": "several, and nothing tells which",
    "none": "none has these seven characters",
}


def match(rows: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Find the nine characters of each ORI of seven.

    Of several agencies with the same seven characters, that with 00 is meant; failing that, the only one of the same
    type; failing that, the one with the most residents. If none can be found, the ORI is the seven characters and 00.

    Args:
        rows: ``ori7``, each once, and ``agency_type_name`` (may be null).
        known: ``ori``, each once, ``agency_type_name`` and ``population`` (both may be null).

    Returns:
        ``ori7``, ``ori`` and ``how``, a key of :data:`HOW`, in the order of ``rows``.
    """
    made_up = pl.col("ori7") + USUAL_ENDING
    candidates = rows.join(known.with_columns(ori7=pl.col("ori").str.head(ORI7_LENGTH)), on="ori7", suffix="_known")
    is_usual = pl.col("ori") == made_up
    is_same_type = (pl.col("agency_type_name") == pl.col("agency_type_name_known")).fill_null(False)
    residents = pl.col("population").fill_null(0)
    is_largest = (residents == residents.max()) & (residents > 0)
    found = candidates.group_by("ori7").agg(
        n=pl.len(),
        usual=pl.col("ori").filter(is_usual).first(),
        only=pl.col("ori").first(),
        of_type=pl.when(is_same_type.sum() == 1).then(pl.col("ori").filter(is_same_type).first()),
        largest=pl.when(is_largest.sum() == 1).then(pl.col("ori").filter(is_largest).first()),
    )
    n = pl.col("n").fill_null(0)
    how = (
        pl.when(n == 0)
        .then(pl.lit("none"))
        .when(pl.col("usual").is_not_null())
        .then(pl.when(n == 1).then(pl.lit("00")).otherwise(pl.lit("several_00")))
        .when(n == 1)
        .then(pl.lit("only"))
        .when(pl.col("of_type").is_not_null())
        .then(pl.lit("type"))
        .when(pl.col("largest").is_not_null())
        .then(pl.lit("population"))
        .otherwise(pl.lit("ambiguous"))
    )
    return (
        rows.join(found, on="ori7", how="left", maintain_order="left")
        .with_columns(how=how)
        .select(
            "ori7",
            ori=pl.when(n == 1).then("only").otherwise(pl.coalesce("usual", "of_type", "largest", made_up)),
            how="how",
        )
    )
