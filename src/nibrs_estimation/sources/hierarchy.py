"""Which offenses of an incident a summary report (Return A) counts: the hierarchy rule.

Source: FBI, Uniform Crime Reporting Handbook (2004), pages 10 to 12; ``hierarchy_level`` of the code list ``offense``.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl

from nibrs_estimation.model.codes import code_list

#: Level of the offenses that the rule leaves alone, and a rank below all others.
_NO_LEVEL, _UNRANKED = 99, 127


@cache
def hierarchy() -> dict[str, int]:
    """The offense codes under the rule, each with its rank: 0 is the most serious, and no two are equal.

    The order is murder, manslaughter by negligence, rape, robbery, aggravated assault, burglary, motor vehicle theft,
    larceny, simple assault. Motor vehicle theft stands above larceny, because a vehicle that is stolen with goods in it
    counts as a vehicle. Arson is not in the order: it always counts, and hides nothing. Of codes of one level, such as
    two kinds of larceny, the first stands for the crime.
    """
    levels = code_list("offense").select("code", level=pl.col("hierarchy_level").cast(pl.Int16))
    ranked = levels.filter(pl.col("level") < _NO_LEVEL).sort("level", "code")
    return {code: rank for rank, code in enumerate(ranked["code"])}


def in_summary(offenses: pl.DataFrame) -> pl.Series:
    """Which offense segments a summary counts: all of the most serious offense of their incident, and all not ranked.

    Args:
        offenses: ``incident_id`` and ``offense_code`` of all segments of the incidents, in any order.

    Returns:
        (n,) true or false, in the order of the segments.
    """
    codes = offenses["offense_code"].replace_strict(hierarchy(), default=None, return_dtype=pl.Int8)
    rank, incident = codes.fill_null(_UNRANKED).to_numpy(), offenses["incident_id"].to_numpy()
    # Grouping in Polars takes five times as long.
    order = np.argsort(incident, kind="stable")
    ordered = incident[order]
    start = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] - 1))
    most_serious = np.empty_like(rank)
    most_serious[order] = np.repeat(np.minimum.reduceat(rank[order], start), np.diff(start, append=len(rank)))
    return pl.Series("in_summary", (rank == most_serious) | (rank == _UNRANKED))
