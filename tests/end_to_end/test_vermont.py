"""Vermont 2024: every eligible agency reported, so each estimate must be the plain count, without error.

The recounts, one of table 1a with the csv module alone and one of every table in SQL (`vermont_recount`), are written
from the reference's description and share no code with the package.
"""

from collections.abc import Iterable
from pathlib import Path

import duckdb
import polars as pl
import pytest

from nibrs_estimation.model.published import ESTIMATES, PUBLISHED
from nibrs_estimation.tables.read import table_definitions
from tests.support import vermont_recount
from tests.support.command import nibrs
from tests.support.shared_data import VERMONT, needs_vermont
from tests.support.vermont_recount import untold
from tests.support.vermont_table_1a import COLUMNS, recount

pytestmark = needs_vermont


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vermont")
    # By these rules no month is removed and no item imputed, so that every cell is the recount of the files.
    rule = {"NIBRS_MONTH_RULE": "reference", "NIBRS_ITEM_METHOD": "none"}
    done = nibrs(folder, "run", "all", "vt", "--year", "2024", "--source", f"cde:{VERMONT}", **rule)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def counts() -> pl.DataFrame:
    """The recount: table_name, row, column, n; cells without any unit are absent."""
    return vermont_recount.recount(VERMONT)


@pytest.fixture(scope="module")
def estimates(run: Path) -> pl.DataFrame:
    return pl.read_csv(run / "artifacts" / "vt" / "estimates.csv", schema=PUBLISHED.schema)


def of_table(estimates: pl.DataFrame, geography: int, row: int) -> pl.DataFrame:
    names = [f"t_1a_1_{row}_{column}" for column in range(1, len(COLUMNS) + 1)]
    found = estimates.filter(pl.col("geography_number") == geography)
    return pl.DataFrame({"der_variable_name": names}).join(
        found, on="der_variable_name", how="left", maintain_order="left"
    )


@pytest.mark.parametrize("geography", [1, 102], ids=["nation", "Vermont"])
def test_estimates_are_the_plain_counts(estimates: pl.DataFrame, geography: int) -> None:
    counts, population, agencies = recount()
    # A cell that is not there is 0.
    total = of_table(estimates, geography, 1).with_columns(
        pl.col("estimate", "estimate_unweighted", "agency_counts").fill_null(0)
    )
    assert total["estimate"].to_list() == counts
    assert total["estimate_unweighted"].to_list() == counts
    assert total["agency_counts"].to_list() == agencies
    rate = of_table(estimates, geography, 2)
    assert rate["estimate"].fill_null(0).to_list() == pytest.approx(
        [100_000 * count / population for count in counts], rel=1e-12
    )
    assert set(rate["population_estimate"].drop_nulls()) == {population}


def test_every_standard_error_is_zero(estimates: pl.DataFrame) -> None:
    known = estimates.drop_nulls("estimate")
    assert set(known["estimate_standard_error"]) == {0.0}
    assert (known["estimate_lower_bound"] == known["estimate"]).all()
    assert (known["estimate_upper_bound"] == known["estimate"]).all()


def test_estimates_speak_of_reporting_agencies(estimates: pl.DataFrame) -> None:
    places = dict(estimates.select("geography_number", "geography_name").unique().iter_rows())
    assert places == {1: "reporting agencies of all states in this run", 102: "reporting agencies of Vermont"}


def test_every_row_says_what_it_is_of(estimates: pl.DataFrame) -> None:
    origin = estimates.select("data_year", "run_id", "is_synthetic", "universe_scope").unique()
    assert origin.rows() == [(2024, "vt", False, "reporting")]
    assert estimates["data_source"].unique().item().startswith("cde:")
    key = ["geography_level", "geography_code", "state_abbr", "state_fips"]
    assert set(estimates.select(key).unique().rows()) == {("nation", "US", None, None), ("state", "VT", "VT", "50")}


def test_what_is_not_known_of_agencies_that_all_reported_is_empty(run: Path) -> None:
    """The coverage is not known, and with it all flags; months are inferred, so there are no intervals."""
    with duckdb.connect(run / "artifacts/vt/estimates.duckdb", read_only=True) as connection:
        names = ", ".join(f'count("{column.name}")' for column in ESTIMATES.columns)
        filled = connection.execute(f"SELECT {names} FROM estimates").fetchone()
    assert filled is not None
    empty = [column.name for column, n in zip(ESTIMATES.columns, filled, strict=True) if n == 0]
    assert empty == [
        "estimate_upper_bound",
        "estimate_lower_bound",
        "suppression_flag_indicator",
        "der_rrmse_gt_30_se_estimate_0_2_cond",
        "der_rrmse_gt_30_se_estimate_0_2_cond_top",
        "der_perm_group_unsuppression_flag",
        "der_perm_group_suppression_flag",
    ]


def test_quiet_agencies_count_as_reporting(run: Path) -> None:
    """34 of the 87 agencies have empty months, which are inferred zero reports."""
    status = pl.read_parquet(run / "scratch/vt/all/datasets/reporting_status.parquet")
    assert status.height == 87
    assert (status["months_inferred"] > 0).sum() == 34
    assert status["is_full_year"].all()


# Every table, against the recount in SQL.

CELL = ["table_name", "row", "column"]
PLACES = pytest.mark.parametrize("geography", [1, 102], ids=["nation", "Vermont"])


@pytest.fixture(scope="module")
def cells(run: Path) -> pl.DataFrame:
    """The stored estimates of all tables."""
    stored = pl.read_parquet(run / "scratch/vt/all/datasets/cell_estimate/*.parquet")
    return stored.rename({"table_part": "table_name"}).with_columns(pl.col("row", "column").cast(pl.Int64))


def keys(found: Iterable[tuple[str, int, int]]) -> pl.DataFrame:
    return pl.DataFrame(
        sorted(found), schema={"table_name": pl.String, "row": pl.Int64, "column": pl.Int64}, orient="row"
    )


def never_estimated() -> pl.DataFrame:
    blank = {(name, *cell) for name, table in table_definitions().items() for cell in table.blank}
    dropped = {
        (name, row.row, column.position)
        for name, table in table_definitions().items()
        for row in table.rows if row.is_dropped
        for column in table.columns
    }  # fmt: skip
    return keys(blank | dropped)


@PLACES
def test_every_cell_of_every_table_is_the_recount(cells: pl.DataFrame, counts: pl.DataFrame, geography: int) -> None:
    """What is stored is all that has a unit, but cells that are blank."""
    found = cells.filter(pl.col("geography_number") == geography)
    expected = counts.join(never_estimated(), on=CELL, how="anti")
    # Arrests for driving under the influence are among them.
    assert expected.filter(table_name="5a", row=1, column=59)["n"].to_list() == [2_015]
    assert expected.height > 20_000
    assert set(expected["table_name"]) == set(table_definitions()) - {"YT1"}
    both = found.join(expected, on=CELL, how="full", coalesce=True)
    wrong = both.filter(
        pl.any_horizontal(pl.col(name).ne_missing(pl.col("n")) for name in ("estimate", "unweighted"))
    ).select(*CELL, "estimate", "unweighted", "n")
    assert wrong.is_empty(), wrong


def test_what_is_never_estimated_is_not_stored(cells: pl.DataFrame, counts: pl.DataFrame) -> None:
    assert cells.join(never_estimated(), on=CELL, how="semi").is_empty()
    # Some of these cells would have something to tell.
    assert counts.join(never_estimated(), on=CELL, how="semi").height > 200


def test_gaps_are_the_arrests_of_group_b(run: Path, cells: pl.DataFrame) -> None:
    """Of parts of the state; nation and state have them."""
    gaps = pl.read_parquet(run / "scratch/vt/all/datasets/cell_gap.parquet").select(
        "table_name", pl.col("row", "column").cast(pl.Int64), "is_of_parts"
    )
    # A rate of a count that cannot be told is a gap, too, and no cell of the recount.
    rates = {(name, row.row) for name, table in table_definitions().items() for row in table.rows if row.kind == "rate"}
    found = list(gaps.select(CELL).iter_rows())
    assert {cell for cell in found if cell[:2] not in rates} == untold()
    assert {cell[:2] for cell in set(found) - untold()} == {("GB1", 2)}
    assert gaps.height == len(set(found))
    assert gaps["is_of_parts"].all()
    assert set(cells.join(gaps, on=CELL, how="semi")["geography_number"]) == {1, 102}


def test_how_many_agencies_made_arrests_of_group_b_is_not_known(estimates: pl.DataFrame) -> None:
    """And that they are counted as reported, is said; other arrests are of agencies."""
    rows = estimates.filter(estimate_type="count")
    dui, assault = (rows.filter(der_variable_name=f"t_5a_1_1_{column}") for column in (59, 2))
    assert dui["estimate"].to_list() == [2_015, 2_015]
    assert dui["agency_counts"].null_count() == 2
    assert set(dui["caution"]) == {"without_weights;no_sampling_error;months_inferred"}
    assert assault["agency_counts"].null_count() == 0
    assert set(assault["caution"]) == {"no_sampling_error;months_inferred"}


def test_every_stored_standard_error_is_zero(cells: pl.DataFrame) -> None:
    assert (cells["standard_error"] == 0).all()
    assert cells["standard_error"].null_count() == 0
    shares = cells.drop_nulls("percentage")
    assert (shares["percentage_standard_error"] == 0).all()
    assert shares["percentage_standard_error"].null_count() == 0


@PLACES
def test_every_percentage_is_of_its_denominator(cells: pl.DataFrame, counts: pl.DataFrame, geography: int) -> None:
    """Of the recount: 100 n over the sum of the rows that the definition names, blank ones too."""
    parts = pl.DataFrame(
        [
            (name, row.row, other)
            for name, t in table_definitions().items()
            for row in t.rows
            for other in row.denominator
        ],
        schema={"table_name": pl.String, "row": pl.Int64, "other": pl.Int64},
        orient="row",
    )
    bases = parts.join(counts.rename({"row": "other", "n": "base"}), on=["table_name", "other"])
    expected = counts.join(bases.group_by(CELL).agg(pl.col("base").sum()), on=CELL).with_columns(
        expected=100 * pl.col("n") / pl.col("base")
    )
    found = cells.filter(pl.col("geography_number") == geography).join(expected, on=CELL, how="left")
    assert found["expected"].count() > 15_000
    for name in ("percentage", "percentage_unweighted"):
        wrong = found.filter(
            pl.col(name).is_null()
            != pl.col("expected").is_null() | ((pl.col(name) - pl.col("expected")).abs() > 1e-9 * pl.col("expected"))
        )
        assert wrong.is_empty(), wrong.select(*CELL, "n", "base", name, "expected")


@PLACES
def test_unknown_values_are_shown_and_shares_of_the_known_add_up(
    cells: pl.DataFrame, counts: pl.DataFrame, geography: int
) -> None:
    """Of the recount, by age, sex, race and Hispanic origin of victims: with the unknown row all units are shown."""
    victims = (("3a", first, last) for first, last in ((5, 14), (15, 17), (18, 23), (162, 164), (165, 171)))
    for table, first, unknown in (*victims, ("4a", 15, 17), ("5a", 15, 17), ("GV2a", 64, 66)):
        block = pl.col("row").is_between(first, unknown) & (pl.col("table_name") == table)
        found = cells.filter(block, pl.col("geography_number") == geography, pl.col("column") <= 3)
        of_column = found.group_by("column").agg(
            pl.col("percentage", "percentage_known").sum().round(6), pl.col("estimate").sum()
        )
        assert of_column.height
        assert (of_column["percentage"] == 100).all()
        assert (of_column["percentage_known"] == 100).all()
        assert found.filter(row=unknown)["percentage_known"].null_count() == found.filter(row=unknown).height
        known = counts.filter(block & (pl.col("row") < unknown)).group_by("column").agg(known=pl.col("n").sum())
        shares = found.filter(pl.col("row") < unknown).join(known, on="column")
        assert ((shares["percentage_known"] - 100 * shares["estimate"] / shares["known"]).abs() < 1e-9).all()
    origin = cells.filter(table_name="3a", row=164, column=1, geography_number=geography)
    assert origin["percentage"].item() > 10


@PLACES
def test_the_file_for_people_says_the_same(
    run: Path, estimates: pl.DataFrame, counts: pl.DataFrame, geography: int
) -> None:
    """Counts, and rates by the population that stands beside them; everything can be told."""
    parts = pl.col("der_variable_name").str.split("_")
    rows = estimates.filter(pl.col("geography_number") == geography).with_columns(
        table_name=parts.list.get(1), row=parts.list.get(3).cast(pl.Int64), column=parts.list.get(4).cast(pl.Int64)
    )
    rates = pl.DataFrame(
        [(name, row.row, row.of or row.row) for name, table in table_definitions().items() for row in table.rows],
        schema={"table_name": pl.String, "row": pl.Int64, "counted": pl.Int64},
        orient="row",
    )
    of_rates = rates.join(counts.rename({"row": "counted"}), on=["table_name", "counted"])
    told = rows.join(of_rates, on=CELL, how="left").filter(pl.col("estimate").is_not_null())
    of_counts = told.filter(pl.col("estimate_type") == "count")
    assert (of_counts["estimate"] == of_counts["n"]).all()
    assert of_counts["n"].null_count() == 0
    of_persons = told.filter(pl.col("estimate_type") == "rate")
    assert of_persons.height > 100
    assert of_persons.select(
        ((pl.col("estimate") * pl.col("population_estimate") / 100_000 - pl.col("n")).abs() <= 1e-9 * pl.col("n")).all()
    ).item()
    assert rows.filter(pl.col("estimate").is_null() & (pl.col("estimate_type") == "count")).is_empty()
