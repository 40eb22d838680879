"""The recount of Vermont agrees with itself: identities among its cells (handbook 10), without the program."""

from collections.abc import Callable, Iterable

import polars as pl
import pytest

from tests.support.shared_data import VERMONT, needs_vermont
from tests.support.table_identities import EXHAUSTIVE, RATES, SAME, SHAPE, VARIANTS
from tests.support.vermont_recount import recount, untold
from tests.support.vermont_table_1a import recount as recount_of_table_1a

pytestmark = needs_vermont

Count = Callable[[str, int, int], int]


@pytest.fixture(scope="module")
def cells() -> pl.DataFrame:
    return recount(VERMONT)


@pytest.fixture(scope="module")
def n(cells: pl.DataFrame) -> Count:
    counts = {(table, row, column): n for table, row, column, n in cells.iter_rows()}
    return lambda table, row, column: counts.get((table, row, column), 0)


def test_cells_are_counts_of_the_tables_that_can_be_told(cells: pl.DataFrame) -> None:
    # No child of 12 to 17 years was murdered.
    assert set(cells["table_name"]) == set(SHAPE) - {"YT1"}
    assert (cells["n"] > 0).all()
    found = {(table, row, column) for table, row, column, _ in cells.iter_rows()}
    assert len(found) == cells.height
    assert found & untold()
    for table, row, column in found | untold():
        rows, columns = SHAPE[table]
        assert 1 <= row <= rows
        assert 1 <= column <= columns
        assert row not in RATES.get(table, set())


def test_table_1a_is_as_counted_with_the_csv_module(n: Count) -> None:
    counts, _, _ = recount_of_table_1a()
    assert [n("1a", 1, column) for column in range(1, 21)] == counts


@pytest.mark.parametrize("table", EXHAUSTIVE)
def test_exhaustive_blocks_sum_to_row_1(n: Count, table: str) -> None:
    family = [table] + ([f"{table}clear", f"{table}unclear"] if table in ("3a", "3b") else [])
    for variant in family:
        for first, last in EXHAUSTIVE[table]:
            for column in range(1, SHAPE[table][1] + 1):
                # Whether a person was arrested several times is not asked in Group B.
                if (table, first) == ("5a", 49) and (table, first, column) in untold():
                    continue
                total = sum(n(variant, row, column) for row in range(first, last + 1))
                assert total == n(variant, 1, column), (variant, first, column)


def test_drug_blocks_sum_to_the_column_total(n: Count) -> None:
    of_incidents = (38, [(13, 26), (27, 31), (32, 37), (39, 42)])
    of_arrestees = (49, [(3, 10), (13, 18), (40, 43), (56, 58), (59, 65)])
    for table, (total, blocks) in {
        "DM6": of_incidents, "DM8": of_incidents, "DM7": of_arrestees, "DM9": of_arrestees,
    }.items():  # fmt: skip
        for first, last in blocks:
            for column in range(1, 55):
                assert sum(n(table, row, column) for row in range(first, last + 1)) == n(table, total, column)


@pytest.mark.parametrize(("whole", "cleared", "uncleared"), VARIANTS)
def test_cleared_and_uncleared_make_the_whole(n: Count, whole: str, cleared: str, uncleared: str) -> None:
    rows, columns = SHAPE[whole]
    for row in range(1, rows + 1):
        for column in range(1, columns + 1):
            assert n(cleared, row, column) + n(uncleared, row, column) == n(whole, row, column)


@pytest.mark.parametrize(("rates", "counts"), SAME)
def test_counts_behind_rates_are_those_of_the_table_of_counts(n: Count, rates: str, counts: str) -> None:
    for first, last, of in SAME[rates, counts]:
        for row in range(first, last + 1):
            for column in range(1, SHAPE[rates][1] + 1):
                assert n(rates, row, column) == n(counts, of + row - first, column)


def test_incidents_victims_offenses(n: Count) -> None:
    """Crimes against persons: incidents ≤ victims ≤ victims × offenses."""
    for column in range(1, 15):
        assert n("1a", 1, column) <= n("3a", 1, column) <= n("2a", 1, column)


def test_columns_of_offenses_add_up(n: Count) -> None:
    sums: dict[str, dict[int, Iterable[int]]] = {
        "2a": {17: (5, 16, 15, 2), 19: (2, 3, 4), 16: (10, 11, 12), 1: range(2, 15), 20: (5, 16, 13, 15, 2, 3)},
        "2b": {1: (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13), 14: (4, 10, 11), 16: (3, 7), 17: (7,)},
        "2c": {1: range(2, 28)},
        "GV1a": {2: (4, 6, 7), 4: (5, 11, 12), 5: (8, 9, 10), 3: (6,)},
    }
    for table, columns in sums.items():
        for row in range(1, SHAPE[table][0] + 1):
            for column, parts in columns.items():
                assert n(table, row, column) == sum(n(table, row, part) for part in parts), (table, row, column)


def test_carjackings_are_robberies(n: Count) -> None:
    robbery_and_carjacking = {
        "1a": (15, 18), "1b": (12, 15), "2a": (15, 18), "2b": (12, 15), "3a": (17, 31), "3c": (12, 15), "4a": (26, 32),
        "5a": (26, 61), "GV1a": (9, 13),
    }  # fmt: skip
    for table, (robbery, carjacking) in robbery_and_carjacking.items():
        assert n(table, 1, carjacking) > 0 or table.startswith(("3c", "GV")), table
        within_incident = set(range(154, 158)) if table == "3a" else set()
        for row in set(range(1, SHAPE[table][0] + 1)) - within_incident:
            assert n(table, row, carjacking) <= n(table, row, robbery), (table, row)


def test_youth_and_offender_tables(n: Count) -> None:
    assert n("YT2", 1, 1) > 0
    for row in range(2, 6):
        assert n("YT2", row, 1) <= n("YT2", 1, 1)
    for row in range(2, 5):
        assert n("YT2", row, 1) + n("YT2", 5, 1) <= n("YT2", 1, 1)


def test_drug_tables(n: Count) -> None:
    assert n("DM3", 2, 1) + n("DM3", 8, 1) <= n("DM3", 1, 1)
    assert n("DM1", 2, 1) + n("DM1", 4, 1) == n("DM2", 1, 1)
    assert {n(table, 1, 1) for table in ("DM2", "DM3", "DM4", "DM5")} == {n("DM2", 1, 1)}
    for column in range(1, 5):
        assert n("DM10", 2, column) + n("DM10", 3, column) <= n("DM10", 1, column)
    for pair in range(72):
        assert n("DM5", 74 + pair, 1) <= n("DM5", 2 + pair, 1)


def test_drug_pairs_by_column(n: Count) -> None:
    """A table's column total ≤ total of its drug ≤ total of all pairs; columns are the pairs of DM5 without E and O."""
    for table, column_total in (("DM6", 38), ("DM8", 38), ("DM7", 49), ("DM9", 49)):
        assert len({n(table, 1, column) for column in range(1, 55)}) == 1
        for column in range(1, 55):
            first_of_drug = column - (column - 1) % 6
            assert n(table, 2, column) == n(table, 2, first_of_drug)
            assert n(table, column_total, column) <= n(table, 2, column) <= n(table, 1, column)
    for column in range(1, 55):
        drug, activity = divmod(column - 1, 6)
        pair = 8 * drug + (0, 1, 2, 5, 6, 7)[activity]
        assert n("DM8", 38, column) == n("DM5", 2 + pair, 1)
        assert n("DM6", 38, column) == n("DM5", 74 + pair, 1)


def test_victims_by_incident(n: Count) -> None:
    """Incidents by their number of victims: as many incidents as table 1a has, and no more victims than row 1."""
    for column in range(1, 15):
        incidents = [n("3a", row, column) for row in range(154, 158)]
        assert sum(incidents) == n("1a", 1, column)
        assert sum(size * k for k, size in enumerate(incidents, start=1)) <= n("3a", 1, column)
    for column in range(1, 14):
        assert sum(n("GV2a", row, column) for row in range(29, 33)) <= n("GV3a", 1, column)
