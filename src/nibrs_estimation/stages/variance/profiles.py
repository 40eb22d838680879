"""Profiles of a counting unit as arrays, in the order of the rows of the tables' matrices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.stages.variance.cell_counts import IncidentFacts, ProfileFacts, Profiles
from nibrs_estimation.tables import atoms

#: Place of the units that are no persons among the atoms.
NO_ATOM = atoms.NUMBER
NO_CLEARANCE = 0


@dataclass(frozen=True)
class CountedProfiles:
    """The four datasets of counts, all states (model/counts.py)."""

    unit_profile: pl.LazyFrame
    profile_signature: pl.LazyFrame
    profile_count: pl.LazyFrame
    incident_profile: pl.LazyFrame


@dataclass(frozen=True, eq=False)
class UnitCounts:
    """Counts of one counting unit.

    Attributes:
        profiles: what units share.
        facts: counts by profile.
        incidents: profiles by incident.
        signatures: number of sets of columns.
        columns: column key -> which sets hold it: (signatures,).
        features: (variable, category) -> number of the feature, in order.
    """

    profiles: Profiles
    facts: ProfileFacts
    incidents: IncidentFacts
    signatures: int
    columns: Mapping[str, NDArray[np.bool_]]
    features: Mapping[tuple[str, int], int]


def matrix_rows(agencies: pl.Series, block_reference: pl.LazyFrame) -> pl.DataFrame:
    """The rows of the matrices: agencies in their order, then the months of donors that one of them copies.

    Args:
        agencies: identifiers, ascending.
        block_reference: dataset of that name.

    Returns:
        ``row``, ``agency_id`` and ``month``, which is missing for an agency's own counts.
    """
    own = pl.DataFrame({"agency_id": agencies}).with_columns(month=pl.lit(None, dtype=pl.Int8))
    copied = (
        block_reference.filter(pl.col("agency_id").is_in(agencies.implode()))
        .select(agency_id="donor_agency_id", month=pl.col("month").cast(pl.Int8))
        .unique()
        .sort("agency_id", "month")
        .collect()
    )
    return pl.concat([own, copied]).with_columns(row=pl.int_range(pl.len(), dtype=pl.Int32))


def read_unit(name: str, counted: CountedProfiles, rows: pl.DataFrame) -> UnitCounts:
    """The counts of a counting unit in given rows; units of other agencies, and months nobody copies, are left out."""
    is_unit = pl.col("counting_unit") == name
    signature_of, columns = _signatures(counted.profile_signature.filter(is_unit).collect())
    profiles = (
        counted.unit_profile.filter(is_unit)
        .join(rows.lazy(), on=["agency_id", "month"], nulls_equal=True)
        .join(signature_of.lazy(), on=["state_abbr", "signature_id"])
        .sort("row", "state_abbr", "profile_id")
        .with_columns(profile=pl.int_range(pl.len(), dtype=pl.Int32))
        .select("state_abbr", "profile_id", "profile", "row", "signature", "atom", "clearance")
        .collect()
    )
    key = ["state_abbr", "profile_id"]
    of_profile = profiles.lazy().select(*key, "profile", "row")
    counts = (
        counted.profile_count.filter(is_unit)
        .join(of_profile, on=key)
        .select("profile", "row", "variable", "category", "n")
        .sort("profile", "variable", "category")
        .collect()
    )
    features = counts.select("variable", "category").unique().sort("variable", "category").with_row_index("feature")
    counts = counts.join(features, on=["variable", "category"], maintain_order="left")
    incidents = (
        counted.incident_profile.filter(is_unit)
        .join(of_profile, on=key)
        .sort("row", "state_abbr", "incident_number", "profile")
        .with_columns(incident=pl.struct("row", "state_abbr", "incident_number").rle_id())
        .select("row", "incident", "profile", "n")
        .collect()
    )
    first = np.flatnonzero(np.diff(incidents["incident"].to_numpy().astype(np.int64), prepend=-1))
    return UnitCounts(
        profiles=Profiles(
            signature=profiles["signature"].to_numpy(),
            atom=profiles["atom"].fill_null(NO_ATOM).to_numpy(),
            clearance=profiles["clearance"].fill_null(NO_CLEARANCE).to_numpy(),
        ),
        facts=ProfileFacts(
            first=np.searchsorted(counts["row"].to_numpy(), np.arange(rows.height + 1)),
            profile=counts["profile"].to_numpy(),
            feature=counts["feature"].cast(pl.Int32).to_numpy(),
            n=counts["n"].to_numpy(),
        ),
        incidents=IncidentFacts(
            row=incidents["row"].to_numpy()[first],
            first=np.append(first, incidents.height),
            profile=incidents["profile"].to_numpy(),
            n=incidents["n"].cast(pl.Int64).to_numpy(),
        ),
        signatures=signature_of["signature"].n_unique(),
        columns=columns,
        features={(name, category): number for number, name, category in features.iter_rows()},
    )


def _signatures(held: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, NDArray[np.bool_]]]:
    """The states' signatures with one number for all that hold the same columns, and which hold each column."""
    sets = (
        held.sort("column_key")
        .group_by("state_abbr", "signature_id", maintain_order=True)
        .agg(columns=pl.col("column_key").str.join("\n"))
        .with_columns(signature=(pl.col("columns").rank("dense") - 1).cast(pl.Int32))
    )
    distinct = sets.select("signature", pl.col("columns").str.split("\n")).unique("signature").explode("columns")
    number = sets["signature"].n_unique()
    columns = {}
    for (key,), part in distinct.group_by("columns"):
        holds = np.zeros(number, dtype=bool)
        holds[part["signature"].to_numpy()] = True
        columns[str(key)] = holds
    return sets.select("state_abbr", "signature_id", "signature"), columns
