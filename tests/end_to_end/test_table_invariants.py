"""What must hold among the estimates of a tiny nation, whatever the data (handbook 10)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.read import table_definitions
from nibrs_estimation.tables.series import demographic_series
from nibrs_estimation.tables.table_rows import estimated_places, part_of, table_rows
from nibrs_estimation.tables.variables import derived_variables
from tests.support.table_identities import SAME, VARIANTS

Floats = NDArray[np.float64]
TABLES = table_definitions()
SERIES = {series.number: series for series in demographic_series()}
NATION, REGIONS, STATES = 1, (12, 23), range(56, 107)
#: Of these a unit has exactly one category, so that a block with all of them is the total.
ALWAYS_ONE = {
    "age10", "sex3", "race6", "ethnicity3", "rh7", "er12", "agency_type", "msa", "clearance3", "cleared_by_arrest",
    "cleared_incident", "wh18", "wh5", "vor_hierarchy8", "juvenile_disposition", "drug_equipment_class", "murdered",
}  # fmt: skip
#: Of these at most one.
AT_MOST_ONE = ALWAYS_ONE | {
    "population_group", "tod_incident", "tod_report", "arrest_type", "multiple_arrest", "weapon_no_yes",
    "injury_no_yes", "gang", "armed_no_yes", "victim_count", "offender_count", "offense_count", "exceptional5",
    "n_person_victims", "n_firearm_victims", "injury_hierarchy5", "injury_hierarchy6", "vor_hierarchy_known6",
    "wh18_within_offense", "residence_within_offense",
}  # fmt: skip
Dense = Callable[..., Floats]


@pytest.fixture(scope="module")
def datasets(whole_run: Path) -> Path:
    return whole_run / "scratch/whole/all/datasets"


@pytest.fixture(scope="module")
def coverage(datasets: Path) -> pl.LazyFrame:
    return pl.scan_parquet(datasets / "coverage.parquet")


def rows_left_out(definition: TableDefinition, dimensions: Collection[str] = ()) -> list[int]:
    """Rows without a count of their own in any column."""
    rows = {row.row for row in definition.rows if row.kind == "rate" or row.is_dropped}
    return sorted(rows | {row for name in dimensions for row in definition.blank_by_series.get(name, ())})


def as_array(stored: pl.DataFrame, definition: TableDefinition, places: Sequence[int], left_out: list[int]) -> Floats:
    """Places x rows x columns, both from 1; NaN where nothing is estimated, 0 where nothing is stored."""
    found = np.zeros((len(places), len(definition.rows) + 1, len(definition.columns) + 1))
    number = stored["geography_number"].replace_strict(list(places), range(len(places)), return_dtype=pl.Int64)
    found[number, stored["row"].to_numpy(), stored["column"].to_numpy()] = stored.to_series(3).to_numpy()
    found[:, 0, :] = found[:, :, 0] = np.nan
    found[:, left_out, :] = np.nan
    for row, column in definition.blank:
        found[:, row, column] = np.nan
    return found


@pytest.fixture(scope="module")
def places(coverage: pl.LazyFrame) -> list[int]:
    return estimated_places(coverage)["geography_number"].to_list()


@pytest.fixture(scope="module")
def cells(datasets: Path, places: list[int]) -> Dense:
    """Numbers of a table by place, row and column."""

    @cache
    def dense(name: str, value: str = "estimate") -> Floats:
        stored = pl.read_parquet(datasets / f"cell_estimate/{name}.parquet").select(
            "geography_number", "row", "column", pl.col(value).fill_null(np.nan)
        )
        return as_array(stored, TABLES[name], places, rows_left_out(TABLES[name]))

    return dense


@pytest.fixture(scope="module")
def groups(datasets: Path) -> Dense:
    """Estimates of a table in nation and regions for a demographic series."""
    wanted = [NATION, *REGIONS]

    @cache
    def dense(name: str, number: int, value: str = "estimate") -> Floats:
        series = SERIES[number]
        where = wanted if series.geographies != "national" else [NATION]
        stored = (
            pl.scan_parquet(datasets / f"series_estimate/{part_of(TABLES[name], series)}.parquet")
            .filter(pl.col("geography_number").is_in(where), series_number=number)
            .select("geography_number", "row", "column", value)
            .collect()
        )
        return as_array(stored, TABLES[name], where, rows_left_out(TABLES[name], series.dimensions))

    return dense


def check_equal(found: Floats, expected: Floats, least: int = 1) -> None:
    """Equal where both are estimated, which must be so in some cells that are not 0."""
    known = ~np.isnan(found) & ~np.isnan(expected)
    assert np.count_nonzero(expected[known]) >= least
    np.testing.assert_allclose(found[known], expected[known], rtol=1e-9, atol=1e-6)


def check_at_most(found: Floats, most: Floats) -> None:
    known = ~np.isnan(found) & ~np.isnan(most)
    assert np.count_nonzero(most[known])
    assert (found[known] <= most[known] * (1 + 1e-9) + 1e-6).all()


def blocks(definition: TableDefinition) -> dict[tuple[object, ...], list[int]]:
    """Rows of one variable with the same conditions in one section, by these."""
    found: dict[tuple[object, ...], list[int]] = {}
    for row in definition.rows:
        if row.variable is not None and not row.is_dropped:
            found.setdefault((row.variable, row.where, row.section), []).append(row.row)
    return found


# Percentages and rates.


@pytest.mark.parametrize("name", [name for name, t in TABLES.items() if any(row.denominator for row in t.rows)])
def test_percentages_are_of_their_denominators(cells: Dense, name: str) -> None:
    """And those of a whole denominator sum to 100, but for what is never estimated."""
    estimate, percentage = cells(name), cells(name, "percentage")
    for rows in dict.fromkeys(row.denominator for row in TABLES[name].rows if row.denominator):
        base = estimate[:, list(rows)].sum(axis=1)
        of = [row.row for row in TABLES[name].rows if row.denominator == rows]
        for row in of:
            known = (base > 0) & (estimate[:, row] > 0)
            np.testing.assert_allclose(
                percentage[:, row][known], 100 * estimate[:, row][known] / base[known], rtol=1e-9
            )
        if set(rows) <= set(of):
            sums = percentage[:, list(rows)].sum(axis=1)
            known = (base > 0) & ~np.isnan(sums)
            np.testing.assert_allclose(sums[known], 100, rtol=1e-9)


@pytest.mark.parametrize("name", ["1a", "3a", "3b", "4b", "GV2a", "LEOKA"])
def test_rates_times_populations_are_counts(
    name: str, datasets: Path, coverage: pl.LazyFrame, cells: Dense, places: list[int]
) -> None:
    definition = TABLES[name]
    chosen = estimated_places(coverage).filter(pl.col("geography_number").is_in([NATION, *REGIONS, 6, 102]))
    rows = table_rows(
        definition,
        pl.scan_parquet(datasets / f"cell_estimate/{name}.parquet"),
        pl.scan_parquet(datasets / "cell_gap.parquet"),
        chosen,
        pl.scan_parquet(datasets / "geography_population.parquet"),
    )
    rates = rows.filter((pl.col("estimate_type_num") == 3) & pl.col("estimate").is_not_null())
    assert (rates["estimate"] > 0).sum() > len(definition.columns)
    assert set(rates["row"]) == {
        row.row for row in definition.rows
        if "rate" in row.estimates and not all((row.row, c.position) in definition.blank for c in definition.columns)
    }  # fmt: skip
    of = {row.row: row.of or row.row for row in definition.rows}
    place = [places.index(number) for number in rates["geography_number"]]
    counts = cells(name)[place, [of[row] for row in rates["row"]], rates["column"].to_list()]
    check_equal((rates["estimate"] * rates["population_estimate"] / 100_000).to_numpy(), counts)


# Geographies.


@pytest.mark.parametrize("name", TABLES)
def test_respondents_counts_of_regions_and_states_are_those_of_the_nation(
    cells: Dense, name: str, places: list[int]
) -> None:
    for value in ("unweighted", "agency_counts"):
        found = cells(name, value)
        for parts in (REGIONS, [number for number in STATES if number in places]):
            check_equal(sum(found[places.index(number)] for number in parts), found[places.index(NATION)])


@pytest.mark.parametrize("name", TABLES)
def test_kinds_of_agencies_are_the_whole(cells: Dense, name: str, places: list[int]) -> None:
    """Six types of agencies (permutations 6 to 11, and the same of each region) have all of the weighted total.

    Not of arrests of Group B, whose agencies zips do not name.
    """
    definition = TABLES[name]
    # Columns count from 1.
    is_named = [True] + [
        definition.unit != "arrestee_by_arrest_code" or not any(code.startswith("90") for code in column.offenses)
        for column in definition.columns
    ]
    for value, whole in product(("estimate", "unweighted"), (NATION, *REGIONS)):
        found = cells(name, value)[:, :, is_named]
        parts = [places.index(whole + n) for n in range(5, 11) if whole + n in places]
        check_equal(found[parts].sum(axis=0), found[places.index(whole)], least=int(whole == NATION))


# Blocks of rows.


@pytest.mark.parametrize("name", TABLES)
def test_blocks_do_not_exceed_the_total(cells: Dense, name: str) -> None:
    """Every unit has one category of some variables, and at most one of others."""
    definition, found = TABLES[name], cells(name)
    total = next((row.row for row in definition.rows if row.kind in ("total", "rate_total") and not row.where), None)
    if total is None:
        return
    for (variable, where, _section), rows in blocks(definition).items():
        if variable not in AT_MOST_ONE or where:
            continue
        # Robberies of table 2a are counted by offense, their relationships by victim.
        check_at_most(np.nansum(found[:, rows], axis=1), found[:, total])
        categories = {definition.rows[row - 1].category for row in rows}
        is_whole = categories == set(range(1, len(categories) + 1))
        if variable in ALWAYS_ONE and is_whole and len(rows) == number_of_categories(str(variable)):
            check_equal(found[:, rows].sum(axis=1), found[:, total], least=0)


def number_of_categories(variable: str) -> int:
    """But for dropped ones, which are always empty: federal agencies."""
    return {"agency_type": 6}.get(variable, len(derived_variables()[variable].categories))


@pytest.mark.parametrize(("whole", "cleared", "uncleared"), VARIANTS)
def test_cleared_and_uncleared_make_the_whole(cells: Dense, whole: str, cleared: str, uncleared: str) -> None:
    for value in ("estimate", "unweighted"):
        check_equal(cells(cleared, value) + cells(uncleared, value), cells(whole, value), least=10_000)


@pytest.mark.parametrize(("rates", "counts"), SAME)
def test_tables_of_rates_have_the_counts_of_their_companions(cells: Dense, rates: str, counts: str) -> None:
    for value in ("estimate", "standard_error", "unweighted"):
        for first, last, of in SAME[rates, counts]:
            rows = np.arange(first, last + 1)
            check_equal(cells(rates, value)[:, rows], cells(counts, value)[:, of + rows - first], least=0)


def test_incidents_victims_offenses(cells: Dense) -> None:
    persons = slice(1, 15)
    check_at_most(cells("1a")[:, 1, persons], cells("3a")[:, 1, persons])
    check_at_most(cells("3a")[:, 1, persons], cells("2a")[:, 1, persons])


# Columns. Names as in _columns.yaml.

SUMS = [
    ("2a", "violent_crime", "murder revised_rape robbery aggravated_assault"),
    ("2a", "assault_offenses", "aggravated_assault simple_assault intimidation"),
    ("2a", "revised_rape", "rape sodomy sexual_assault_object"),
    ("2b", "property_crime", "burglary larceny vehicle_theft"),
    ("2b", "corruption", "bribery embezzlement"),
    ("GV1a", "total_gun_violence", "nonfatal_gun_violence murder neg_manslaughter"),
    ("GV1a", "nonfatal_gun_violence", "nonfatal_gun_violence_2 kidnapping human_trafficking"),
    ("GV1a", "nonfatal_gun_violence_2", "revised_rape robbery aggravated_assault"),
    ("GV1a", "fatal_gun_violence", "murder"),
]


def total_of(arrays: Iterable[Floats]) -> Floats:
    """The sum of arrays, of which there is at least one."""
    total: Floats = np.sum(list(arrays), axis=0)
    return total


def of_column(found: Floats, table: str, name: str) -> Floats:
    (position,) = [column.position for column in TABLES[table].columns if column.name == name]
    return found[:, :, position]


@pytest.mark.parametrize(("table", "whole", "parts"), SUMS)
def test_columns_of_offenses_add_up(cells: Dense, table: str, whole: str, parts: str) -> None:
    for value in ("estimate", "unweighted"):
        found = cells(table, value)
        check_equal(total_of(of_column(found, table, part) for part in parts.split()), of_column(found, table, whole))


@pytest.mark.parametrize(("table", "others"), [("2a", 1), ("2b", 1), ("2c", 1)])
def test_totals_of_crimes_against_persons_property_and_society(cells: Dense, table: str, others: int) -> None:
    """Column 1 is the sum of the columns that hold one kind of offense each, once."""
    seen: set[str] = set()
    parts = []
    for column in TABLES[table].columns[1:]:
        if (
            column.where is None
            and not seen & set(column.offenses)
            and set(column.offenses) <= set(TABLES[table].columns[0].offenses)
        ):
            seen |= set(column.offenses)
            parts.append(column.position)
    assert seen == set(TABLES[table].columns[0].offenses)
    found = cells(table)
    check_equal(found[:, :, parts].sum(axis=2), found[:, :, others])


def test_carjackings_are_robberies(cells: Dense) -> None:
    for table in ("1a", "1b", "2a", "2b", "3a", "3c", "4a", "5a", "GV1a", "GV2a", "GV3a"):
        rows = [row.row for row in TABLES[table].rows if row.variable != "n_victims_of_column"]
        found = cells(table)
        check_at_most(of_column(found, table, "car_jacking")[:, rows], of_column(found, table, "robbery")[:, rows])


# Drugs, youth, victims by incident.


def test_drug_incidents(cells: Dense) -> None:
    classes = cells("DM1")[:, :, 1]
    check_equal(classes[:, 2:5].sum(axis=1), classes[:, 1])
    for name in ("DM2", "DM3", "DM4", "DM5"):
        check_equal(cells(name)[:, 1, 1], classes[:, 2] + classes[:, 4])
    seized = cells("DM3")[:, :, 1]
    check_at_most(seized[:, 2] + seized[:, 8], seized[:, 1])
    pairs = cells("DM5")[:, :, 1]
    check_at_most(pairs[:, 74:146], pairs[:, 2:74])
    arrests = cells("DM10")
    check_at_most(arrests[:, 2] + arrests[:, 3], arrests[:, 1])
    check_at_most(arrests[:, 1, 2:5], arrests[:, 1, 1:2] * np.ones(3))


@pytest.mark.parametrize(("name", "total", "pairs"), [("DM6", 38, 74), ("DM8", 38, 2), ("DM7", 49, 0), ("DM9", 49, 0)])
def test_drug_pairs(cells: Dense, name: str, total: int, pairs: int) -> None:
    found = cells(name)[:, :, 1:]
    assert (found[:, 1] == found[:, 1, :1]).all()
    by_drug = found[:, 2].reshape(len(found), 9, 6)
    assert (by_drug == by_drug[:, :, :1]).all()
    check_at_most(found[:, total], found[:, 2])
    check_at_most(found[:, 2], found[:, 1])
    if pairs:
        activities = [8 * drug + activity for drug in range(9) for activity in (0, 1, 2, 5, 6, 7)]
        check_equal(found[:, total], cells("DM5")[:, pairs + np.array(activities), 1])


def test_youth(cells: Dense) -> None:
    victims, offenders = cells("YT1")[:, :, 1], cells("YT2")[:, :, 1]
    for first, last in ((2, 3), (4, 6), (7, 9), (10, 21)):
        check_equal(victims[:, first : last + 1].sum(axis=1), victims[:, 1])
    # Victims of 12 to 17 years in table 3a.
    (murder,) = [column.position for column in TABLES["3a"].columns if column.name == "murder"]
    check_equal(victims[:, 1], cells("3a")[:, 85, murder])
    for row in (2, 3, 4, 5):
        check_at_most(offenders[:, row], offenders[:, 1])
    for row in (2, 3, 4):
        check_at_most(offenders[:, row] + offenders[:, 5], offenders[:, 1])


def test_victims_by_incident(cells: Dense) -> None:
    """Incidents by their victims are as many as table 1a has, and have no more victims than there are."""
    incidents = cells("3a")[:, 154:158, 1:15]
    check_equal(incidents.sum(axis=1), cells("1a")[:, 1, 1:15])
    check_at_most((incidents * np.arange(1, 5)[:, None]).sum(axis=1), cells("3a")[:, 1, 1:15])
    check_at_most(cells("GV2a")[:, 29:33].sum(axis=1), cells("GV3a")[:, 1])


# Demographic groups: the whole, and the numbers of the groups that are its parts.

PARTS = [(22, (23, 24)), (18, (21, 22)), (139, (23,)), (152, (149, 150, 151)), (153, (150, 151)), (258, (149, 151)),
         (21, (1, 136)), (27, (6, 7, 8)), (17, (27, 9)), (140, (92,)), (141, (103,)), (25, (22, 17)),
         (168, (165, 166, 167)), (88, (84, 85, 86, 87))]  # fmt: skip
#: Table -> rows of its groups by the number of the series that is the same group.
ROWS = {
    "3a": {**{n: 4 + n for n in range(1, 10)}, 10: 15, 11: 16, 21: 84, 22: 85, 23: 86, 24: 87, 17: 88, 145: 162,
           146: 163, **{147 + n: 166 + n for n in range(5)}},
    "4a": {**{n: 4 + n for n in range(1, 10)}, 10: 15, 11: 16, 21: 65, 22: 66, 23: 67, 24: 68, 17: 69, 145: 71,
           146: 72, **{147 + n: 75 + n for n in range(5)}},
    "DM10": {10: 2, 11: 3},
    "GV2a": {10: 20, 11: 21, 18: 11, 21: 12, 22: 13, 17: 14, 145: 64, 146: 65},
}  # fmt: skip


@pytest.mark.parametrize(("whole", "parts"), PARTS)
@pytest.mark.parametrize("table", ["3a", "4a", "GV2a", "DM9"])
def test_groups_are_sums_of_groups(groups: Dense, table: str, whole: int, parts: tuple[int, ...]) -> None:
    persons = [row.row for row in TABLES[table].rows if row.variable != "n_victims_of_column"]
    for value in ("estimate", "unweighted"):
        found = [groups(table, number, value) for number in (whole, *parts)]
        places = min(map(len, found))
        of_whole, *of_parts = (array[:places, persons] for array in found)
        check_equal(total_of(of_parts), of_whole)


@pytest.mark.parametrize("table", ROWS)
def test_groups_are_rows_of_the_table(groups: Dense, cells: Dense, places: list[int], table: str) -> None:
    """The total of a group is the row of the group in the table of all persons; unknown is what is left over."""
    where = [places.index(number) for number in (NATION, *REGIONS)]
    whole = cells(table)[where]
    for number, row in ROWS[table].items():
        check_equal(groups(table, number)[:, 1], whole[:, row], least=0)
    assert sum(groups(table, number)[0, 1, 1] > 0 for number in ROWS[table]) > len(ROWS[table]) / 2
    for parts in ((10, 11), range(1, 10), (17, 18), (145, 146)):
        check_at_most(total_of(groups(table, number)[:, 1] for number in parts), whole[:, 1])


def test_unknown_is_what_is_left_over(groups: Dense, cells: Dense, places: list[int]) -> None:
    """Victims of murder aged 12 to 17 have an own row for unknown sex (YT1); known and unknown are all."""
    where = [places.index(number) for number in (NATION, *REGIONS)]
    victims = cells("YT1")[where][:, :, 1]
    (murder,) = [column.position for column in TABLES["3a"].columns if column.name == "murder"]
    known = groups("3a", 92)[:, 1, murder] + groups("3a", 103)[:, 1, murder]
    check_at_most(known, victims[: len(known), 2])
    check_equal(victims[:, 1] - victims[:, 6], victims[:, 4] + victims[:, 5])
