"""Variance strata: weight groups; small ones are collapsed with a neighbor (handbook 11)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.fields import WeightRule

MINIMUM_AGENCIES, MINIMUM_RESPONDENTS = 5, 2


def variance_strata(weight_cell: pl.DataFrame) -> pl.DataFrame:
    """The stratum of each weight group that has weights.

    A group with fewer than 5 eligible agencies or fewer than 2 respondents is collapsed with the next group of its
    geography; the last group is collapsed with the previous one. Groups in which all agencies respond have no variance
    and are not collapsed.

    Args:
        weight_cell: dataset of that name.

    Returns:
        ``geography_level``, ``geography_code``, ``weight_group``, ``stratum`` (the smallest group in it),
        ``stratum_agencies`` (N_h) and ``stratum_respondents`` (n_h), one row for each group.
    """
    key = ["geography_level", "geography_code"]
    cells = weight_cell.filter(pl.col("rule") != WeightRule.NO_RESPONSE).sort(*key, "weight_group")
    is_census = pl.col("eligible_agencies") == pl.col("responding_agencies")
    collapsed = [_collapsed(part) for part in cells.filter(~is_census).partition_by(key, maintain_order=True)]
    censuses = cells.filter(is_census).with_columns(stratum="weight_group")
    strata = pl.concat([censuses, *collapsed]).sort(*key, "weight_group")
    return strata.select(
        *key,
        "weight_group",
        "stratum",
        stratum_agencies=pl.col("eligible_agencies").sum().over(*key, "stratum"),
        stratum_respondents=pl.col("responding_agencies").sum().over(*key, "stratum"),
    )


def _collapsed(cells: pl.DataFrame) -> pl.DataFrame:
    """The groups of one geography, in order, with their stratum."""
    strata = [
        ([group], N, n)
        for group, N, n in cells.select("weight_group", "eligible_agencies", "responding_agencies").iter_rows()
    ]
    index = 0
    while len(strata) > 1 and index < len(strata):
        groups, N, n = strata[index]
        if N >= MINIMUM_AGENCIES and n >= MINIMUM_RESPONDENTS:
            index += 1
            continue
        other = index + 1 if index + 1 < len(strata) else index - 1
        first = min(index, other)
        strata[first : first + 2] = [(groups + strata[other][0], N + strata[other][1], n + strata[other][2])]
        index = first
    of_group = {group: min(groups) for groups, _N, _n in strata for group in groups}
    return cells.with_columns(
        stratum=pl.Series([of_group[group] for group in cells["weight_group"]], dtype=cells.schema["weight_group"])
    )
