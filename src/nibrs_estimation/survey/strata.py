"""Strata of the variance: weight groups, the thin ones merged with a neighbor (handbook 11)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.fields import WeightRule

MINIMUM_AGENCIES, MINIMUM_RESPONDENTS = 5, 2


def variance_strata(weight_cell: pl.DataFrame) -> pl.DataFrame:
    """The stratum of each weight group that has weights.

    A group is thin if it has fewer than 5 eligible agencies or 2 respondents; it goes to the next group of its
    geography, the last to the one before. Groups all of whose agencies respond have no variance and stay as they are.

    Args:
        weight_cell: dataset of that name.

    Returns:
        ``geography_level``, ``geography_code``, ``weight_group``, ``stratum`` (the smallest group in it),
        ``stratum_agencies`` (N_h) and ``stratum_respondents`` (n_h), one row for each group.
    """
    key = ["geography_level", "geography_code"]
    cells = weight_cell.filter(pl.col("rule") != WeightRule.NO_RESPONSE).sort(*key, "weight_group")
    is_census = pl.col("eligible_agencies") == pl.col("responding_agencies")
    merged = [_merged(part) for part in cells.filter(~is_census).partition_by(key, maintain_order=True)]
    alone = cells.filter(is_census).with_columns(stratum="weight_group")
    strata = pl.concat([alone, *merged]).sort(*key, "weight_group")
    return strata.select(
        *key,
        "weight_group",
        "stratum",
        stratum_agencies=pl.col("eligible_agencies").sum().over(*key, "stratum"),
        stratum_respondents=pl.col("responding_agencies").sum().over(*key, "stratum"),
    )


def _merged(cells: pl.DataFrame) -> pl.DataFrame:
    """The groups of one geography, in order, with their stratum."""
    strata = [
        ([group], N, n)
        for group, N, n in cells.select("weight_group", "eligible_agencies", "responding_agencies").iter_rows()
    ]
    place = 0
    while len(strata) > 1 and place < len(strata):
        groups, N, n = strata[place]
        if N >= MINIMUM_AGENCIES and n >= MINIMUM_RESPONDENTS:
            place += 1
            continue
        other = place + 1 if place + 1 < len(strata) else place - 1
        first = min(place, other)
        strata[first : first + 2] = [(groups + strata[other][0], N + strata[other][1], n + strata[other][2])]
        place = first
    of_group = {group: min(groups) for groups, _N, _n in strata for group in groups}
    return cells.with_columns(
        stratum=pl.Series([of_group[group] for group in cells["weight_group"]], dtype=cells.schema["weight_group"])
    )
