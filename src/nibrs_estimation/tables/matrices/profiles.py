"""Profiles of a counting unit as arrays, for the matrices of tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.tables import atoms
from nibrs_estimation.tables.counting import all_counting_units
from nibrs_estimation.tables.matrices.cell_counts import FeatureCounts, Incidents, Profiles

#: Index of units that are not persons, after the atoms.
NO_ATOM = atoms.NUMBER
NO_CLEARANCE = 0
#: Number of a feature = number of the variable times this, plus the category.
CATEGORIES = 128
#: State and number of a profile are combined into one number.
_STATE = 2**32

Integers = NDArray[np.int32]


@dataclass(frozen=True)
class CountedProfiles:
    """The four datasets of counts for all states (model/counts.py)."""

    unit_profile: pl.LazyFrame
    profile_signature: pl.LazyFrame
    profile_count: pl.LazyFrame
    incident_profile: pl.LazyFrame


@dataclass(frozen=True, eq=False)
class UnitCounts:
    """Counts of one counting unit.

    Attributes:
        profiles: the profiles.
        feature_counts: counts by profile and feature.
        incidents: profiles by incident.
        signatures: number of sets of columns.
        columns: column key -> whether each set contains it: (signatures,).
        variables: name in dataset ``profile_count`` -> number; category c of variable v is feature 128 v + c.
    """

    profiles: Profiles
    feature_counts: FeatureCounts
    incidents: Incidents
    signatures: int
    columns: Mapping[str, NDArray[np.bool_]]
    variables: Mapping[str, int]


def matrix_rows(agencies: pl.Series, block_reference: pl.LazyFrame) -> pl.DataFrame:
    """The rows of the matrices: the agencies in order, then the donor months that they copy.

    Args:
        agencies: identifiers, ascending.
        block_reference: dataset of that name.

    Returns:
        ``row``, ``agency_id`` and ``month``, which is missing for an agency's own counts.
    """
    own = pl.DataFrame({"agency_id": agencies}).with_columns(month=pl.lit(None, dtype=pl.Int8))
    # What an agency's own months add is a multiple of its own counts, and needs no row.
    is_given = pl.col("donor_agency_id") != pl.col("agency_id")
    copied = (
        block_reference.filter(pl.col("agency_id").is_in(agencies.implode()) & is_given)
        .select(agency_id="donor_agency_id", month=pl.col("month").cast(pl.Int8))
        .unique()
        .sort("agency_id", "month")
        .collect()
    )
    return pl.concat([own, copied]).with_columns(row=pl.int_range(pl.len(), dtype=pl.Int32))


def read_unit(name: str, counted: CountedProfiles, rows: pl.DataFrame) -> UnitCounts:
    """The counts of a counting unit in given rows; other agencies, and months that are not copied, are omitted.

    Profiles are numbered by agency and month, so the profiles of a row, and their counts, are contiguous.
    """
    is_unit = pl.col("counting_unit") == name
    sets = _signatures(counted.profile_signature.filter(is_unit).collect())
    states = {state: number for number, state in enumerate(sets["state_abbr"].unique().sort())}
    profiles = (
        counted.unit_profile.filter(is_unit)
        .join(rows.lazy(), on=["agency_id", "month"], how="left", nulls_equal=True)
        .join(sets.lazy().select("state_abbr", "signature_id", "signature").unique(), on=["state_abbr", "signature_id"])
        .select(
            _key(states, "profile_id"),
            "signature",
            pl.col("row").fill_null(-1),
            pl.col("atom").fill_null(NO_ATOM),
            pl.col("clearance").fill_null(NO_CLEARANCE),
            "imputed_items",
        )
        .sort("key")
        .collect()
    )
    key, row_of = profiles["key"].to_numpy(), profiles["row"].to_numpy()
    first, last = _ranges(row_of, rows.height)
    names = next(unit.features for unit in all_counting_units() if unit.name == name)
    variables = {feature.name: number for number, feature in enumerate(names)}
    feature_key, feature_counts = _feature_counts(counted.profile_count.filter(is_unit), states, variables)
    columns = {}
    for (column,), part in sets.group_by("column_key"):
        columns[str(column)] = np.isin(np.arange(sets["signature"].n_unique()), part["signature"].to_numpy())
    own = Profiles(
        first=first,
        last=last,
        signature=profiles["signature"].to_numpy(),
        atom=profiles["atom"].to_numpy(),
        clearance=profiles["clearance"].to_numpy(),
        imputed=profiles["imputed_items"].to_numpy(),
    )
    counts = FeatureCounts(
        first=np.append(np.searchsorted(feature_key, key), len(feature_key)),
        feature=feature_counts["feature"].to_numpy(),
        n=feature_counts["n"].to_numpy(),
        n_imputed=feature_counts["n_imputed"].to_numpy(),
    )
    return UnitCounts(
        profiles=own,
        feature_counts=counts,
        incidents=_incidents(counted.incident_profile.filter(is_unit), states, key, row_of, rows.height),
        signatures=sets["signature"].n_unique(),
        columns=columns,
        variables=variables,
    )


def _feature_counts(
    counts: pl.LazyFrame, states: Mapping[str, int], variables: Mapping[str, int]
) -> tuple[NDArray[np.int64], pl.DataFrame]:
    """Counts by profile: the profile's key, ascending, and ``feature``, ``n`` and ``n_imputed``."""
    number = _number(pl.col("variable"), variables).cast(pl.Int16)
    feature_counts = (
        counts.select(_key(states, "profile_id"), "n", "n_imputed", feature=number * CATEGORIES + pl.col("category"))
        .filter(pl.col("feature").is_not_null())
        .collect()
    )
    if not feature_counts["key"].is_sorted():
        feature_counts = feature_counts.sort("key", maintain_order=True)
    return feature_counts["key"].to_numpy(), feature_counts.drop("key")


def _incidents(
    incident_profile: pl.LazyFrame, states: Mapping[str, int], key: NDArray[np.int64], row_of: Integers, rows: int
) -> Incidents:
    found = (
        incident_profile.select(_key(states, "incident_number"), "n", profile=_key(states, "profile_id"))
        .sort("key", "profile")
        .collect()
    )
    profile = np.searchsorted(key, found["profile"].to_numpy())
    starts = np.flatnonzero(np.diff(found["key"].to_numpy(), prepend=-1))
    first, last = _ranges(row_of[profile[starts]], rows)
    return Incidents(
        first=first,
        last=last,
        first_profile=np.append(starts, found.height),
        profile=profile.astype(np.int32),
        n=found["n"].to_numpy(),
    )


def _key(states: Mapping[str, int], number: str) -> pl.Expr:
    """State and number of a profile or incident as one number."""
    return (_number(pl.col("state_abbr"), states).cast(pl.Int64) * _STATE + pl.col(number)).alias("key")


def _number(names: pl.Expr, number_of: Mapping[str, int]) -> pl.Expr:
    """Positions of names; missing for others. An enumeration takes half the time of a replacement of each name."""
    return names.cast(pl.Enum(list(number_of)), strict=False).to_physical()


def _ranges(row_of: Integers, rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Start and end of the items of each row: (rows,) each.

    Raises:
        ValueError: the items of a row are not contiguous.
    """
    starts = np.flatnonzero(np.diff(row_of, prepend=-2))
    ends = np.append(starts[1:], len(row_of))
    wanted = row_of[starts] >= 0
    at = row_of[starts[wanted]]
    if len(np.unique(at)) < len(at):
        raise ValueError("profiles of an agency are not contiguous: the datasets of counts are from different runs")
    first, last = np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=np.int64)
    first[at], last[at] = starts[wanted], ends[wanted]
    return first, last


def _signatures(columns_of_sets: pl.DataFrame) -> pl.DataFrame:
    """Add ``signature`` to the states' signatures: the same number for the same columns in all states."""
    key = ["state_abbr", "signature_id"]
    sets = columns_of_sets.sort("column_key").group_by(key).agg(pl.col("column_key").str.join("\n"))
    numbered = sets.select(*key, signature=(pl.col("column_key").rank("dense") - 1).cast(pl.Int32))
    return columns_of_sets.join(numbered, on=key)
