"""The join on real files: Return A of 2013, the lists of agencies and areas, residents of California, Vermont's zip."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest
from tests.support.shared_data import SHARED_DATA, VERMONT, needs_vermont

from nibrs_estimation.model.agency import AGENCY, AGENCY_MONTH_OFFENSE
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.geography import AGENCY_COUNTY
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.sources.public import PublicFolder
from nibrs_estimation.sources.public.companions import Companions
from nibrs_estimation.sources.public.content import Content
from nibrs_estimation.sources.public.counties import pieces_of_names
from nibrs_estimation.sources.public.employees import read_employees
from nibrs_estimation.sources.public.facts import YearFiles
from nibrs_estimation.sources.public.join import Joined, join_agencies
from nibrs_estimation.sources.public.metropolitan import read_metropolitan_areas
from nibrs_estimation.sources.return_a.reading import read_return_a
from nibrs_estimation.stages.universe.frame import define_universe

PUBLIC = SHARED_DATA / "public"
needs_public = pytest.mark.skipif(
    not (PUBLIC / "RETURNA2013.zip").is_file(), reason=f"no public files under NIBRS_SHARED_DATA={SHARED_DATA}"
)
STATES = code_list("state")["state_abbr"]


@pytest.fixture(scope="module")
def joined() -> Joined:
    """The universe of 2013 from Return A, with the list of agencies of 2025 and the areas of 2020, and no incidents."""
    summaries = read_return_a(PUBLIC / "RETURNA2013.zip").agencies
    companions = Companions(
        lists=(Content(PUBLIC / "cde_agencies_2025.csv.gz"),), areas=Content(PUBLIC / "list1_2020.xls"), edition=2013
    )
    read = companions.read(2013)
    return join_agencies(
        YearFiles(
            kind="nibrs_master",
            year=2013,
            listed=AGENCY.empty().collect(),
            agency_county=AGENCY_COUNTY.empty().collect(),
            return_a=summaries,
            agency_list=read.agency_list,
            employees=None,
            states=tuple(STATES),
            reporters=pl.Series([], dtype=pl.String),
            summary_reporters=summaries.filter(pl.col("months_reported") > 0)["ori7"],
            first_months=pl.DataFrame(schema={"ori": pl.String, "first_month": pl.Int8}),
        ),
        read.counties,
    )


@pytest.fixture(scope="module")
def eligible(joined: Joined) -> pl.DataFrame:
    return joined.agency.filter(~pl.col("is_covered"))


@needs_public
def test_no_agency_is_lost(joined: Joined) -> None:
    account = joined.universe_account.drop("state_abbr", "data_year").sum().row(0, named=True)
    assert account == {
        "n_rows": 22_202, "n_eligible": 17_859, "n_covered": 3_782, "n_dormant": 556, "n_federal": 0,
        "n_outside_states": 5, "population": 316_128_839, "population_covered": 5_818_401,
    }  # fmt: skip
    assert joined.agency["ori"].is_unique().all()
    numbered = joined.agency.with_columns(agency_id=pl.int_range(pl.len(), dtype=pl.Int32))
    checked(numbered, AGENCY)
    checked(joined.agency_county, AGENCY_COUNTY)


@needs_public
def test_the_universe_of_estimates_is_that_of_the_file(joined: Joined) -> None:
    """Every eligible agency has a weight class, and the residents are those that the FBI published for 2013."""
    numbered = joined.agency.with_columns(agency_id=pl.int_range(pl.len(), dtype=pl.Int32))
    universe = define_universe(numbered.lazy(), AGENCY_MONTH_OFFENSE.empty(), 2013).collect()
    eligible = universe.filter("is_eligible")
    assert (eligible.height, eligible["population"].sum()) == (17_859, 316_128_839)
    assert dict(universe["ineligible_reason"].drop_nulls().value_counts().rows()) == {
        "covered": 3_782, "not active": 556,
    }  # fmt: skip


@needs_public
def test_agencies_by_type(eligible: pl.DataFrame) -> None:
    assert eligible.height == 18_415
    assert dict(eligible["agency_type_name"].value_counts().rows()) == {
        "City": 11_686, "County": 3_037, "University or College": 761, "State Police": 1_134, "Other": 509,
        "Other State Agency": 1_086, "Tribal": 202,
    }  # fmt: skip


@needs_public
def test_oris_are_matched_with_the_list(joined: Joined) -> None:
    assert dict(joined.matched["how"].value_counts().rows()) == {
        "00": 16_806, "only": 523, "several_00": 31, "type": 2, "ambiguous": 30, "none": 4_810,
    }  # fmt: skip
    endings = joined.source_conflict.filter(pl.col("fact") == "ori_ending")
    assert endings.height == 523 + 2 + 30


@needs_public
def test_counties_and_areas(joined: Joined, eligible: pl.DataFrame) -> None:
    """Without names of the Census Bureau some places of Alaska and Virginia are in no county, and in no area either."""
    pieces = joined.agency_county.join(eligible.select("ori", "state_abbr"), on="ori")
    sums = joined.agency_county.group_by("ori").agg(pl.col("population").sum(), pl.col("population_share").sum())
    own = sums.join(joined.agency.select("ori", of_agency="population"), on="ori")
    assert (own["population"] == own["of_agency"]).all()
    assert own["population_share"].is_between(1 - 1e-9, 1 + 1e-9).all()
    unplaced = eligible.filter((pl.col("population") > 0) & ~pl.col("ori").is_in(pieces["ori"].implode()))
    assert set(unplaced["state_abbr"]) <= {"AK", "VA", "CT"}
    assert unplaced["population"].sum() < 0.003 * 316_128_839
    new_york = pieces.filter(pl.col("ori") == "NY0303000")
    # 8,396,126 residents in the proportions of the census of 2020, such as 1,472,654 of 8,804,190 in the Bronx.
    assert dict(new_york.select("county_fips", "population").rows()) == {
        "36005": 1_404_398, "36047": 2_609_260, "36061": 1_615_724, "36081": 2_293_974, "36085": 472_770,
    }  # fmt: skip
    assert new_york["msa_name"].unique().to_list() == ["New York-Newark-Jersey City, NY-NJ-PA"]
    in_areas = pieces.filter(pl.col("msa_name").is_not_null())["population"].sum()
    # Return A's own codes, of the areas of 2013, give 85.15 %.
    assert 0.84 < in_areas / 316_128_839 < 0.87
    assert pieces.select(pl.col("judicial_district_name", "field_office_name").null_count()).row(0) == (0, 0)
    assert pieces["judicial_district_name"].n_unique() == 90
    georgia = pieces.filter(pl.col("state_abbr") == "GA")
    assert georgia["field_office_name"].unique().to_list() == ["Atlanta"]


@needs_public
def test_names_of_counties_in_the_list_of_2025() -> None:
    """Connecticut's are planning regions. Of places without metropolitan area some have no name outside the census."""
    companions = Companions(
        lists=(Content(PUBLIC / "cde_agencies_2025.csv.gz"),), areas=Content(PUBLIC / "list1_2023.xlsx"), edition=2023
    )
    read = companions.read(2024)
    assert read.agency_list is not None
    states = read.agency_list.select("ori", "state_abbr")
    pieces = pieces_of_names(read.agency_list, read.counties, "agency_list").join(states, on="ori")
    assert pieces.height == 19_395
    unknown = pieces.filter(pl.col("county_fips").is_null())
    assert dict(unknown["state_abbr"].value_counts().rows()) == {"AK": 26, "VA": 7, "SD": 1}
    assert pieces.filter(pl.col("state_abbr") == "CT", pl.col("county_fips").str.starts_with("091")).height == 103


@needs_public
def test_types_differ_in_three_agencies(joined: Joined) -> None:
    differing = joined.source_conflict.filter(pl.col("fact") == "agency_type_name")
    assert differing.height == 3
    assert set(differing["other_source"]) == {"agency_list"}


@needs_public
@pytest.mark.parametrize(
    ("name", "counties", "metropolitan", "areas", "divisions"),
    [("list1_2020.xls", 1_916, 1_251, 392, 31), ("list1_2023.xlsx", 1_915, 1_252, 393, 37)],
)
def test_lists_of_areas(name: str, counties: int, metropolitan: int, areas: int, divisions: int) -> None:
    found = read_metropolitan_areas(Content(PUBLIC / name)).frame
    assert found.height == counties
    assert found["msa_name"].count() == metropolitan
    assert found["msa_name"].drop_nulls().n_unique() == areas
    assert found["metro_division_name"].drop_nulls().n_unique() == divisions


@needs_public
def test_police_employees_of_texas() -> None:
    rows = read_employees(Content(PUBLIC / "pe_2018_TX.csv"), 2018)
    assert (rows.frame.height, rows.dropped) == (1_284, 16)
    silent = rows.frame.filter(pl.col("male_officers").is_null())
    assert rows.frame.filter(~pl.col("population_group_code").is_null()).height > 0
    assert 0 < silent.height < rows.frame.height
    assert rows.account(2018)["public_fault"].is_empty()


@needs_public
@needs_vermont
def test_vermont_from_its_zip_and_national_lists(tmp_path: Path) -> None:
    """The list has the 87 agencies of the zip and no other, so that nobody is missing; 19 are around Burlington."""
    for path in (VERMONT, PUBLIC / "cde_agencies_2025.csv.gz", PUBLIC / "list1_2023.xlsx"):
        shutil.copy(path, tmp_path / path.name)
    found = PublicFolder(tmp_path).of_year(2024).tasks()[0].function(2024)
    assert isinstance(found, dict)
    agencies, pieces = found["agency"], found["agency_county"]
    assert isinstance(agencies, pl.DataFrame)
    assert isinstance(pieces, pl.DataFrame)
    assert agencies.height == 87
    assert set(agencies["universe_scope"]) == {"all"}
    burlington = pieces.filter(pl.col("msa_name") == "Burlington-South Burlington, VT")
    assert (burlington.height, burlington["population"].sum()) == (19, 228_516)
    # The zip names the area of each agency, too: both agree.
    of_zip = agencies.select("ori", of_zip="msa_name").join(pieces.select("ori", "msa_name"), on="ori")
    assert of_zip.filter(pl.col("of_zip").ne_missing(pl.col("msa_name"))).is_empty()
    areas = found["geography"]
    assert isinstance(areas, pl.DataFrame)
    assert areas.filter(pl.col("geography_level") == "msa")["geography_code"].to_list() == [
        "Burlington-South Burlington, VT"
    ]
