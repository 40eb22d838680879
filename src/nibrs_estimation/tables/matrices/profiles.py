"""Profiles of a counting unit as arrays, for the matrices of tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.tables import atoms
from nibrs_estimation.tables.counting import all_counting_units
from nibrs_estimation.tables.matrices.cell_counts import Facts, Incidents, Profiles

#: Place of the units that are no persons among the atoms.
NO_ATOM = atoms.NUMBER
NO_CLEARANCE = 0
#: Numbers of features are those of their variable times this, plus the category.
CATEGORIES = 128
#: Profiles are found by state and number in one number.
_STATE = 2**32

Integers = NDArray[np.int32]


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
        variables: name in dataset ``profile_count`` -> number; category c of variable v is feature 128 v + c.
    """

    profiles: Profiles
    facts: Facts
    incidents: Incidents
    signatures: int
    columns: Mapping[str, NDArray[np.bool_]]
    variables: Mapping[str, int]


def matrix_rows(agencies: pl.Series, block_reference: pl.LazyFrame) -> pl.DataFrame:
    """The rows of the matrices: agencies in their order, then the months of donors that one of them copies.

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
    """The counts of a counting unit in given rows; units of other agencies, and months nobody copies, are in no row.

    Profiles are numbered by agency and month, so those of a row, and their counts, lie together.
    """
    is_unit = pl.col("counting_unit") == name
    sets = _signatures(counted.profile_signature.filter(is_unit).collect())
    states = {state: place for place, state in enumerate(sets["state_abbr"].unique().sort())}
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
        )
        .sort("key")
        .collect()
    )
    key, row_of = profiles["key"].to_numpy(), profiles["row"].to_numpy()
    first, last = _ranges(row_of, rows.height)
    names = next(unit.features for unit in all_counting_units() if unit.name == name)
    variables = {feature.name: number for number, feature in enumerate(names)}
    fact_key, facts = _facts(counted.profile_count.filter(is_unit), states, variables)
    columns = {}
    for (column,), part in sets.group_by("column_key"):
        columns[str(column)] = np.isin(np.arange(sets["signature"].n_unique()), part["signature"].to_numpy())
    return UnitCounts(
        profiles=Profiles(
            first=first,
            last=last,
            signature=profiles["signature"].to_numpy(),
            atom=profiles["atom"].to_numpy(),
            clearance=profiles["clearance"].to_numpy(),
        ),
        facts=Facts(
            first=np.append(np.searchsorted(fact_key, key), len(fact_key)),
            feature=facts["feature"].to_numpy(),
            n=facts["n"].to_numpy(),
        ),
        incidents=_incidents(counted.incident_profile.filter(is_unit), states, key, row_of, rows.height),
        signatures=sets["signature"].n_unique(),
        columns=columns,
        variables=variables,
    )


def _facts(
    counts: pl.LazyFrame, states: Mapping[str, int], variables: Mapping[str, int]
) -> tuple[NDArray[np.int64], pl.DataFrame]:
    """Counts by profile: the profile's key, ascending, and ``feature`` and ``n``."""
    number = pl.col("variable").replace_strict(variables, default=None, return_dtype=pl.Int16)
    facts = (
        counts.select(_key(states, "profile_id"), "n", feature=number * CATEGORIES + pl.col("category"))
        .filter(pl.col("feature").is_not_null())
        .collect()
    )
    if not facts["key"].is_sorted():
        facts = facts.sort("key", maintain_order=True)
    return facts["key"].to_numpy(), facts.drop("key")


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
    state = pl.col("state_abbr").replace_strict(states, return_dtype=pl.Int64)
    return (state * _STATE + pl.col(number)).alias("key")


def _ranges(row_of: Integers, rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where what belongs to each row begins and ends: (rows,) each.

    Raises:
        ValueError: what belongs to a row does not lie together.
    """
    starts = np.flatnonzero(np.diff(row_of, prepend=-2))
    ends = np.append(starts[1:], len(row_of))
    wanted = row_of[starts] >= 0
    at = row_of[starts[wanted]]
    if len(np.unique(at)) < len(at):
        raise ValueError("profiles of an agency do not lie together: the datasets of counts are not of one run")
    first, last = np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=np.int64)
    first[at], last[at] = starts[wanted], ends[wanted]
    return first, last


def _signatures(held: pl.DataFrame) -> pl.DataFrame:
    """The states' signatures with one number, ``signature``, for all that hold the same columns."""
    key = ["state_abbr", "signature_id"]
    sets = held.sort("column_key").group_by(key).agg(pl.col("column_key").str.join("\n"))
    numbered = sets.select(*key, signature=(pl.col("column_key").rank("dense") - 1).cast(pl.Int32))
    return held.join(numbered, on=key)
