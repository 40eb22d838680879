"""The items of the summary report (Return A): which are totals, and of what.

Source: specification 02, section 6; 05, section 2.1; code list ``srs_item``.
"""

from __future__ import annotations

import polars as pl

#: The total items and the details that make them; larceny (20) has no details.
PARTS: dict[int, tuple[int, ...]] = {
    2: (3, 4),
    5: (6, 7, 8, 9),
    10: (11, 12, 13, 14, 15),
    16: (17, 18, 19),
    21: (22, 23, 24),
    # Legacy rape is left out of the grand total.
    25: (0, 1, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14, 15, 17, 18, 19, 20, 22, 23, 24),
    26: (27, 28),
}
DETAILS = tuple(item for item in range(29) if item not in PARTS)

#: The crimes of the benchmark that add up to all others, and the NIBRS offenses that make them.
OFFENSES_OF_CRIME: dict[str, tuple[str, ...]] = {
    "murder": ("09A",),
    "manslaughter": ("09B",),
    "rape": ("11A", "11B", "11C"),
    "rob": ("120",),
    "aggAssault": ("13A",),
    "simpAssault": ("13B", "13C"),
    "burglary": ("220",),
    "larceny": ("23A", "23B", "23C", "23D", "23E", "23F", "23G", "23H"),
    "vhcTheft": ("240",),
}
#: The same crimes, and the items that make them; an item with a minus is taken off. Totals are taken, not their
#: details, which some states do not send: aggravated assaults are all assaults less the simple ones (09 section 3.3).
ITEMS_OF_CRIME: dict[str, tuple[int, ...]] = {
    "murder": (0,),
    "manslaughter": (1,),
    "rape": (2,),
    "rob": (5,),
    "aggAssault": (10, -15),
    "simpAssault": (15,),
    "burglary": (16,),
    "larceny": (20,),
    "vhcTheft": (21,),
}


def with_totals(details: pl.DataFrame) -> pl.DataFrame:
    """Add the totals to counts of the detail items.

    Args:
        details: ``item_code`` and ``n``, each detail at most once for equal values of the other columns, which are
            kept; total items must not be there.

    Returns:
        The same columns; every total that has at least one of its parts.
    """
    key = [column for column in details.columns if column not in ("item_code", "n")]
    parts = pl.DataFrame(
        [(total, part) for total, members in PARTS.items() for part in members],
        schema={"total": pl.Int8(), "item_code": pl.Int8()},
        orient="row",
    )
    totals = (
        details.join(parts, on="item_code")
        .group_by(*key, item_code="total")
        .agg(pl.col("n").sum())
        .select(pl.col(name).cast(dtype) for name, dtype in details.schema.items())
    )
    return pl.concat([details, totals])
