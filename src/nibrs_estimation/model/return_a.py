"""The items of the summary report (Return A), and which items are totals of others.

Source: handbook 02 and 06; code list ``srs_item``.
"""

from __future__ import annotations

import polars as pl

#: Total items and their parts; larceny (20) has no parts.
PARTS: dict[int, tuple[int, ...]] = {
    2: (3, 4),
    5: (6, 7, 8, 9),
    10: (11, 12, 13, 14, 15),
    16: (17, 18, 19),
    21: (22, 23, 24),
    26: (27, 28),
    # The grand total is the sum of the other totals; legacy rape is left out.
    25: (0, 1, 2, 5, 10, 16, 20, 21),
}
GRAND_TOTAL = 25
#: Wide files of the reference pipeline: names of months, number of the first item of January, and difference of months.
MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
FIRST_NUMBER, STRIDE = 70, 118
#: The items that make up the total of a crime; some reports have the total without them.
PARTS_OF_CRIMES = tuple(sorted(part for total, parts in PARTS.items() if total != GRAND_TOTAL for part in parts))
DETAILS = tuple(item for item in range(29) if item not in PARTS)

#: The elementary crimes of the benchmark and their NIBRS offenses; the other crimes are sums of these.
OFFENSES_OF_CRIME: dict[str, tuple[str, ...]] = {
    "murder": ("09A",),
    "manslaughter": ("09B",),
    "rape": ("11A", "11B", "11C"),
    "robbery": ("120",),
    "aggravated_assault": ("13A",),
    "simple_assault": ("13B", "13C"),
    "burglary": ("220",),
    "larceny": ("23A", "23B", "23C", "23D", "23E", "23F", "23G", "23H"),
    "vehicle_theft": ("240",),
}
#: The same crimes, with their Return A items and signs. Totals are used because some states do not send their parts:
#: aggravated assaults are all assaults minus simple assaults (docs/develop/adding-a-source.md).
ITEMS_OF_CRIME: dict[str, dict[int, int]] = {
    "murder": {0: 1},
    "manslaughter": {1: 1},
    "rape": {2: 1},
    "robbery": {5: 1},
    "aggravated_assault": {10: 1, 15: -1},
    "simple_assault": {15: 1},
    "burglary": {16: 1},
    "larceny": {20: 1},
    "vehicle_theft": {21: 1},
}


def with_totals(counts: pl.DataFrame) -> pl.DataFrame:
    """Add missing totals to counts of items.

    Existing totals are not changed: some states send totals without their parts (docs/develop/adding-a-source.md).

    Args:
        counts: ``item_code`` and ``n``, each item at most once for equal values of the other columns.

    Returns:
        The same columns, with every total that was present or has at least one part.
    """
    ordinary = {total: parts for total, parts in PARTS.items() if total != GRAND_TOTAL}
    counts = _with_sums(counts, ordinary)
    return _with_sums(counts, {GRAND_TOTAL: PARTS[GRAND_TOTAL]})


def _with_sums(counts: pl.DataFrame, sums: dict[int, tuple[int, ...]]) -> pl.DataFrame:
    key = [column for column in counts.columns if column not in ("item_code", "n")]
    parts = pl.DataFrame(
        [(total, part) for total, members in sums.items() for part in members],
        schema={"total": pl.Int8(), "item_code": pl.Int8()},
        orient="row",
    )
    totals = (
        counts.join(parts, on="item_code")
        .group_by(*key, item_code="total")
        .agg(pl.col("n").sum())
        .select(pl.col(name).cast(dtype) for name, dtype in counts.schema.items())
        .join(counts, on=[*key, "item_code"], how="anti")
    )
    return pl.concat([counts, totals])
