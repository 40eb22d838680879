"""The real Return A master file of 2013: what it holds, against figures counted apart from this program."""

from __future__ import annotations

import datetime
from pathlib import Path

import polars as pl
import pytest
from tests.support.command import nibrs
from tests.support.shared_data import SHARED_DATA

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.intake import INTAKE_COUNT, INTAKE_LOSS, QUARANTINE
from nibrs_estimation.model.return_a import GRAND_TOTAL, PARTS
from nibrs_estimation.model.return_a_file import (
    ACTUAL,
    DETAIL_COLUMNS,
    ITEM_COLUMNS,
    ITEMS,
    RETURN_A_AGENCY,
    RETURN_A_COUNT,
    RETURN_A_MONTH,
)
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.sources.return_a import ReturnA, read_return_a
from nibrs_estimation.sources.return_a.summary import offenses_of_year, summarize

FILE = SHARED_DATA / "public" / "RETURNA2013.zip"
pytestmark = pytest.mark.skipif(not FILE.is_file(), reason=f"no {FILE.name} under NIBRS_SHARED_DATA={SHARED_DATA}")

MONTHS = pl.col("months_reported")
OFFENSES = {
    "murder": 14_105,
    "robbery": 341_393,
    "aggravated_assault": 713_060,
    "burglary": 1_882_724,
    "larceny": 5_879_662,
    "vehicle_theft": 689_659,
}
OF_ALL = {
    "murder": 14_114,
    "robbery": 341_538,
    "aggravated_assault": 713_479,
    "burglary": 1_884_358,
    "larceny": 5_882_214,
    "vehicle_theft": 690_038,
}
#: Eligible agencies, and those of twelve months.
OF_GROUP = {
    "1A": (10, 10), "1B": (25, 24), "1C": (43, 43), "2": (217, 217), "3": (484, 477), "4": (889, 861),
    "5": (1_918, 1_825), "6": (4_030, 3_596), "7": (5_603, 3_863), "8A": (4, 4), "8B": (296, 269), "8C": (670, 597),
    "8D": (1_855, 1_410), "8E": (90, 75), "9A": (171, 167), "9B": (499, 466), "9C": (289, 254), "9D": (1_236, 897),
    "9E": (86, 54),
}  # fmt: skip
#: Estimates of the Census Bureau for 1 July 2013.
OF_STATE = {
    "CA": 38_332_521, "TX": 26_448_193, "NY": 19_651_127, "FL": 19_552_860, "IL": 12_882_135, "PA": 12_773_801,
    "OH": 11_570_808, "GA": 9_992_167,
}  # fmt: skip


@pytest.fixture(scope="module")
def found() -> ReturnA:
    return read_return_a(FILE)


@pytest.fixture(scope="module")
def eligible(found: ReturnA) -> pl.DataFrame:
    return found.agencies.filter("is_eligible")


@pytest.fixture(scope="module")
def actual(found: ReturnA) -> pl.DataFrame:
    return found.counts.filter(pl.col("card") == ACTUAL)


def test_every_record_is_read(found: ReturnA) -> None:
    count = found.accounts[INTAKE_COUNT.name].row(0, named=True)
    assert (count["rows_read"], count["rows_kept"], count["rows_quarantined"]) == (22_202, 22_202, 0)
    assert found.accounts[QUARANTINE.name].is_empty()
    losses = found.accounts[INTAKE_LOSS.name]
    assert dict(losses.select("loss", "n").rows())["short_ori"] == 22_202
    assert (found.agencies.height, found.months.height, found.counts.height) == (22_202, 266_424, 1_065_696)
    for frame, dataset in ((found.agencies, RETURN_A_AGENCY), (found.months, RETURN_A_MONTH)):
        checked(frame, dataset)


def test_agencies(found: ReturnA, eligible: pl.DataFrame) -> None:
    assert found.data_year == 2013
    assert found.agencies["is_covered"].sum() == 3_782
    in_states = pl.col("state_abbr").is_in(code_list("state")["state_abbr"].implode())
    assert found.agencies.filter(~in_states).height == 5
    assert eligible.height == 18_415
    assert dict(eligible["agency_type_name"].value_counts().rows()) == {
        "City": 11_686,
        "County": 3_037,
        "University or College": 761,
        "State Police": 1_134,
        "Other": 509,
        "Other State Agency": 1_086,
        "Tribal": 202,
    }
    groups = eligible.group_by("population_group_code").agg(pl.len(), (MONTHS == 12).sum().alias("full"))
    assert {group: (n, full) for group, n, full in groups.rows()} == OF_GROUP
    assert set(found.agencies["ori7"].str.head(2)) == set(found.agencies["state_abbr"])
    covering = found.agencies["covered_by_ori7"].drop_nulls()
    assert covering.is_in(found.agencies["ori7"].implode()).all()
    chained = found.agencies.filter("is_covered").filter(pl.col("ori7").is_in(covering.implode()))["ori7"]
    assert covering.is_in(chained.implode()).sum() == 80


def test_populations(found: ReturnA, eligible: pl.DataFrame) -> None:
    assert eligible["population"].sum() == 316_128_839
    assert found.agencies["population"].sum() == 321_947_240
    covered = found.agencies.filter("is_covered")["population"]
    assert (covered.sum(), (covered == 0).sum()) == (5_818_401, 1_983)
    of_state = dict(eligible.group_by("state_abbr").agg(pl.col("population").sum()).rows())
    assert {state: of_state[state] for state in OF_STATE} == OF_STATE
    in_msa = eligible.filter(pl.col("county_1_msa_code").is_not_null())["population"].sum()
    assert round(100 * in_msa / 316_128_839, 2) == 85.15
    assert found.agencies["county_2_code"].count() == 669
    assert (found.agencies["county_3_population"] > 0).sum() == 63
    assert found.agencies["county_1_code"].null_count() == 559
    silent = eligible.filter(pl.col("population") == 0)
    assert (silent.height, silent.filter(MONTHS == 0).height) == (3_712, 556)


def test_months_of_eligible_agencies(eligible: pl.DataFrame) -> None:
    population = pl.col("population")
    months = eligible.select(
        full=(MONTHS == 12).sum(),
        some=MONTHS.is_between(3, 11).sum(),
        few=MONTHS.is_between(1, 2).sum(),
        none=(MONTHS == 0).sum(),
    )
    assert months.row(0) == (15_109, 1_278, 223, 1_805)
    shares = eligible.select(
        (population.filter(condition).sum() / population.sum() * 100).alias(name)
        for name, condition in {"full": MONTHS == 12, "three": MONTHS >= 3, "none": MONTHS == 0}.items()
    )
    assert [round(share, 2) for share in shares.row(0)] == [95.50, 98.17, 1.59]


def test_types_of_months(found: ReturnA, actual: pl.DataFrame) -> None:
    assert dict(actual["card_type"].value_counts().rows()) == {5: 77_658, 2: 114_496, 0: 3_340, None: 70_930}
    assert actual.filter("is_reported").height == 192_154
    unreported = actual.filter(~pl.col("is_reported"))
    assert unreported.select(pl.col(ITEM_COLUMNS).is_null().all()).row(0) == (True,) * 26
    assert found.months["included_in_month"].null_count() == 266_424
    empty = actual.filter("is_reported").filter(pl.all_horizontal(pl.col(ITEM_COLUMNS).fill_null(0) == 0))
    assert empty.height == 34_698
    of_agency = found.months.filter("is_reported").group_by("ori7").agg(last=pl.col("month").max())
    last = found.agencies.join(of_agency, on="ori7", how="left").with_columns(pl.col("last").fill_null(0))
    assert last.filter(pl.col("last") != pl.col("last_month_reported")).height == 4


def test_months_of_totals_only(found: ReturnA, actual: pl.DataFrame) -> None:
    totals_only = actual.filter("is_totals_only").join(found.agencies.select("ori7", "state_abbr"), on="ori7")
    assert totals_only.height == 8_878
    assert totals_only.filter(pl.col("state_abbr") == "IL").height == 8_867
    of_illinois = totals_only.filter(pl.col("state_abbr") == "IL")
    assert of_illinois.select(pl.col(DETAIL_COLUMNS).is_null().all()).row(0) == (True,) * len(DETAIL_COLUMNS)
    # One agency has details of all crimes in a month of totals; three more have simple assaults.
    has_details = totals_only.filter(pl.any_horizontal(pl.col(DETAIL_COLUMNS).is_not_null()))
    assert set(has_details["ori7"]) == {"FL00608", "MS04202", "OR02002", "OR02006"}
    assert has_details.height == totals_only["item_15"].count() == 10
    assert has_details.filter(pl.col("item_6").is_not_null())["ori7"].to_list() == ["FL00608"]


def test_totals_equal_their_details(actual: pl.DataFrame) -> None:
    with_details = actual.filter(pl.col("is_reported") & ~pl.col("is_totals_only"))
    assert with_details.height == 183_276
    for total, parts in PARTS.items():
        if total in ITEMS:
            rows = actual.filter("is_reported") if total == GRAND_TOTAL else with_details
            sums = rows.select(pl.sum_horizontal(ITEM_COLUMNS[part] for part in parts) == pl.col(ITEM_COLUMNS[total]))
            assert sums.to_series().all(), total


def test_corrections(found: ReturnA, actual: pl.DataFrame) -> None:
    negative = found.counts.group_by("card").agg(pl.sum_horizontal((pl.col(ITEM_COLUMNS) < 0).sum()).alias("n"))
    assert dict(negative.rows()) == {0: 8, 1: 579, 2: 14, 3: 15}
    values = actual.unpivot(ITEM_COLUMNS, index="ori7").filter(pl.col("value") < 0)
    assert (values["ori7"].n_unique(), values["value"].min(), values["value"].sum()) == (281, -18, -709)
    rapes = values.filter(pl.col("variable").is_in(["item_2", "item_3", "item_4"]))
    assert rapes.height == 265


def test_offenses(found: ReturnA, eligible: pl.DataFrame) -> None:
    summary = summarize(found.agencies.lazy(), found.counts.lazy())
    assert {crime: summary.offenses[crime] for crime in OFFENSES} == OFFENSES
    assert summary.offenses["rape"] == 96_210
    assert (summary.agencies, summary.covered, summary.full_year) == (22_202, 3_782, 15_109)
    assert summary.groups == {group: n for group, (n, _full) in OF_GROUP.items()}
    of_year = offenses_of_year(found.counts.lazy()).collect()
    assert of_year.select(pl.col(*OF_ALL).sum()).row(0, named=True) == OF_ALL
    silent = eligible.filter(pl.col("population") == 0).select("ori7")
    of_silent = of_year.join(silent, on="ori7", how="semi")
    assert of_silent.select(pl.col("murder", "robbery", "larceny").sum()).row(0) == (355, 3_988, 158_757)


def test_agencies_whose_months_are_lumped(found: ReturnA) -> None:
    lumped = found.agencies.filter(pl.col("lumped_kind").is_not_null())
    by_state = lumped.group_by("state_abbr", "lumped_kind").len()
    assert {(state, kind): n for state, kind, n in by_state.rows() if state != "FL"} == {
        ("MA", "annual"): 6,
        ("OH", "annual"): 2,
        ("KS", "quarterly"): 5,
    }
    of_kansas = lumped.filter(pl.col("state_abbr") == "KS")
    assert sorted(of_kansas["agency_name"]) == ["KANSAS CITY", "MISSION", "OLATHE", "OVERLAND PARK", "TOPEKA"]
    counts = found.counts.filter((pl.col("card") == ACTUAL) & pl.col("ori7").is_in(of_kansas["ori7"].implode()))
    assert counts["item_25"].sum() == 28_935
    of_florida = found.counts.filter((pl.col("card") == ACTUAL) & pl.col("ori7").str.starts_with("FL"))
    by_month = dict(of_florida.group_by("month").agg(pl.col("item_25").sum()).rows())
    assert (by_month[12], by_month[6], sum(by_month.values())) == (733_663, 146_104, 880_729)


def test_agencies_that_sent_incidents(found: ReturnA, actual: pl.DataFrame) -> None:
    stamped = found.months.filter(pl.col("updated_date") == datetime.date(2015, 1, 14))
    of_type = stamped.join(actual.filter(pl.col("card_type") == 5), on=["ori7", "month"], how="semi")
    agencies = found.agencies.join(of_type, on="ori7", how="semi")
    assert agencies.height == 6_299
    assert round(agencies["population"].sum(), -5) == 91_700_000


def test_the_command_reads_the_file(tmp_path: Path) -> None:
    done = nibrs(tmp_path, "ingest", "return-a", str(FILE))
    assert done.returncode == 0, done.stderr
    assert "Read 22,202 rows, kept 22,202" in done.stdout
    assert "18,415 eligible" in done.stdout
    assert "316,128,839 residents" in done.stdout
    assert "murder 14,105" in done.stdout
    assert "1A 10, 1B 25, 1C 43, 2 217, 3 484, 4 889, 5 1,918, 6 4,030, 7 5,603" in done.stdout
    written = pl.read_parquet(tmp_path / "return_a_2013" / f"{RETURN_A_COUNT.name}.parquet")
    assert written.height == 1_065_696
