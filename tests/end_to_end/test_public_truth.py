"""The nation from its public files beside the same nation: equal, but for the losses that are listed here.

`nibrs synth --public` renders the files of a synthetic nation, `nibrs ingest public` reads them. docs/user-guide/
nation-from-public-data.md lists the losses, too.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nibrs_estimation.evaluate.estimating import Drawing, estimates_of
from nibrs_estimation.model import agency, geography, incident
from nibrs_estimation.model.agency import AGENCY, AGENCY_MONTH_OFFENSE, REPORT_MONTH, SRS_MONTH
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.geography import AGENCY_COUNTY, COUNTY_POPULATION, GEOGRAPHY, SRS_BENCHMARK
from nibrs_estimation.model.public import PUBLIC_FAULT, SOURCE_CONFLICT, UNIVERSE_ACCOUNT
from nibrs_estimation.model.return_a import PARTS
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.pipeline.table import find_table, read_table
from nibrs_estimation.sources.synthetic.render_public import REGIONS
from nibrs_estimation.sources.synthetic.return_a_reports import TOTALS_ONLY_STATE
from tests.support.command import succeed

pytestmark = pytest.mark.slow

Frames = dict[str, pl.DataFrame]
YEAR, SCALE, SEED = 2024, "0.001", "4"
YEARS = list(range(YEAR - 4, YEAR + 1))
#: Columns of agencies that public files do not tell, tell otherwise or mark as made up; the tests say how.
TOLD_OTHERWISE = [
    "agency_id", "legacy_ori", "agency_name", "published_agency_name", "agency_status", "covered_by_ori", "is_dormant",
    "is_suburban", "judicial_district_code", "field_office_code",
]  # fmt: skip
NOT_TOLD = [
    "ncic_agency_name", "is_direct_contributor", "is_most_in_population", "submitting_agency_id",
    "submitting_agency_sai", "submitting_agency_name", "nibrs_certification_date", "nibrs_cargo_theft_start_date",
    "nibrs_multi_bias_start_date", "nibrs_offender_ethnicity_start_date",
]  # fmt: skip
EMPLOYEES = ["has_police_employees", "male_officers", "male_civilians", "female_officers", "female_civilians"]
IN_CONNECTICUT = pl.col("ori").str.starts_with("CT")
USUAL_ENDING = pl.lit("00")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("public_truth")


@pytest.fixture(scope="module")
def nation(folder: Path) -> Frames:
    """The nation's own datasets."""
    succeed(
        folder, "synth", "--scale", SCALE, "--year", str(YEAR), "--seed", SEED, "--out", "nation", "--public"
    )  # fmt: skip
    return read(folder / "nation")


@pytest.fixture(scope="module")
def found(folder: Path, nation: Frames) -> Frames:
    """The datasets from its public files."""
    assert nation
    succeed(folder, "ingest", "public", "nation/public", "--year", str(YEAR), "--out", "us")
    return read(folder / "us", SOURCE_CONFLICT, UNIVERSE_ACCOUNT, PUBLIC_FAULT)


def read(folder: Path, *others: Dataset) -> Frames:
    datasets = (*agency.DATASETS, SRS_MONTH, *geography.DATASETS, *incident.DATASETS, *others)
    return {dataset.name: read_table(find_table(folder, dataset), dataset).collect() for dataset in datasets}


def with_ori(frames: Frames, dataset: Dataset) -> pl.DataFrame:
    ids = frames[AGENCY.name].select("agency_id", "data_year", "ori")
    return frames[dataset.name].join(ids, on=["agency_id", "data_year"])


def same(first: pl.DataFrame, second: pl.DataFrame) -> None:
    """Equal in any order, and not empty."""
    assert first.height
    assert_frame_equal(first, second, check_row_order=False)


def of_year(frame: pl.DataFrame, year: int = YEAR) -> pl.DataFrame:
    return frame.filter(pl.col("data_year") == year)


# ---------------------------------------------------------------- agencies


def test_no_file_is_at_fault_and_files_do_not_differ(found: Frames) -> None:
    assert found[SOURCE_CONFLICT.name].is_empty()
    # Records that stand twice, as in real files.
    assert set(found[PUBLIC_FAULT.name]["reason"]) <= {"duplicate"}


def test_every_agency_is_there_once(nation: Frames, found: Frames) -> None:
    key = ["data_year", "ori"]
    same(nation[AGENCY.name].select(key), found[AGENCY.name].select(key))
    account = of_year(found[UNIVERSE_ACCOUNT.name]).sum()
    own = of_year(nation[AGENCY.name])
    possessions = 3
    assert account["n_rows"].item() == own.height + possessions
    assert account["n_outside_states"].item() == possessions
    assert account["n_covered"].item() == own["is_covered"].sum()
    assert account["population_covered"].item() == own.filter("is_covered")["population"].sum()


def test_agencies_are_equal_but_for_the_losses(nation: Frames, found: Frames) -> None:
    """Type, residents, group, coverage, metropolitan area, division, NIBRS start, participation, employees and more."""
    kept = [name for name in AGENCY.schema.names() if name not in (*TOLD_OTHERWISE, *NOT_TOLD)]
    unplaced = unplaced_in_connecticut(found)
    own, read_back = (
        of_year(frames[AGENCY.name]).select(kept).filter(~pl.col("ori").is_in(unplaced.implode()))
        for frames in (nation, found)
    )  # fmt: skip
    assert own.height > 400
    same(own, read_back)


@pytest.mark.parametrize("column", [*TOLD_OTHERWISE, *NOT_TOLD])
def test_every_loss_is_one(column: str, nation: Frames, found: Frames) -> None:
    own, read_back = (of_year(frames[AGENCY.name]).sort("ori")[column] for frames in (nation, found))
    assert own.ne_missing(read_back).any()


def test_former_years_of_agencies(nation: Frames, found: Frames) -> None:
    """Employees are those of the data year alone, and of a covered agency only its group tells the type."""
    # Only the data year's list has names of counties where Return A has none; the latest is taken everywhere.
    left_out = {*TOLD_OTHERWISE, *NOT_TOLD, *EMPLOYEES, "agency_type_name"}
    kept = [name for name in AGENCY.schema.names() if name not in left_out]
    unplaced = unplaced_in_connecticut(found)
    for year in YEARS[:-1]:
        own, read_back = (
            of_year(frames[AGENCY.name], year).select(kept).filter(~pl.col("ori").is_in(unplaced.implode()))
            for frames in (nation, found)
        )  # fmt: skip
        same(own, read_back)
        kinds = of_year(nation[AGENCY.name], year).join(of_year(found[AGENCY.name], year), on="ori", suffix="_found")
        assert kinds.filter((pl.col("agency_type_name") != pl.col("agency_type_name_found")) & ~pl.col("is_covered")
                            ).is_empty()  # fmt: skip
        assert not of_year(found[AGENCY.name], year)["has_police_employees"].any()


def test_status_follows_from_residents_and_reports(nation: Frames, found: Frames) -> None:
    """No file tells who is dormant or listed for its officers alone."""
    reporters = set(nation[REPORT_MONTH.name]["ori"])
    for row in of_year(found[AGENCY.name]).iter_rows(named=True):
        is_active = row["population"] > 0 or row["is_covered"] or row["ori"] in reporters
        expected = "F" if row["agency_type_name"] == "Federal" else "A" if is_active else "D"
        assert row["agency_status"] == expected, row["ori"]
        assert row["is_dormant"] == (expected == "D")
    own = of_year(nation[AGENCY.name])
    both = own.join(of_year(found[AGENCY.name]), on="ori", suffix="_found")
    changed = both.filter(pl.col("agency_status") != pl.col("agency_status_found"))
    # Whoever reports crime keeps its status.
    assert changed.filter(pl.col("ori").is_in(list(reporters)))["agency_status"].to_list() == []
    assert set(changed["agency_status"]) <= {"D", "L"}


def test_names_and_former_oris(nation: Frames, found: Frames) -> None:
    both = of_year(nation[AGENCY.name]).join(of_year(found[AGENCY.name]), on="ori", suffix="_found")
    own, read_back = pl.col("published_agency_name"), pl.col("published_agency_name_found")
    # From the list of agencies, from police employees, or at last from Return A, in 24 capitals.
    marked = pl.format("SYNTHETIC {}", own)
    ways = [own, marked, marked.str.to_uppercase().str.slice(0, 24).str.strip_chars_end()]
    assert both.filter(~pl.any_horizontal(read_back == way for way in ways)).is_empty()
    # Most are in the list of agencies, where they have their names.
    assert both.select((own == read_back).mean()).item() > 0.7
    assert both["agency_name_found"].str.starts_with("SYNTHETIC ").all()
    assert (both["legacy_ori_found"] == both["ori"].str.head(7) + "00").all()
    covered = both.filter("is_covered")
    assert (covered["covered_by_ori_found"] == covered["covered_by_ori"].str.head(7) + "00").all()


def test_districts_are_those_of_the_real_state(nation: Frames, found: Frames) -> None:
    """The nation's agencies of a district stay together, under the code of a real district of the state."""
    both = of_year(nation[AGENCY.name]).join(of_year(found[AGENCY.name]), on="ori", suffix="_found")
    for place in ("judicial_district", "field_office"):
        codes = both.group_by("state_abbr", f"{place}_code").agg(pl.col(f"{place}_code_found").unique())
        assert (codes[f"{place}_code_found"].list.len() == 1).all()
        listed = code_list(place)["code"]
        assert both[f"{place}_code_found"].is_in(listed.implode()).all()
        named = found[AGENCY_COUNTY.name][f"{place}_name"]
        assert named.null_count() == 0
    states = code_list("judicial_district").select("code", state="state_abbr")
    in_state = both.join(states, left_on="judicial_district_code_found", right_on="code")
    assert (in_state["state"] == in_state["state_abbr"]).all()


# ---------------------------------------------------------------- months and counts


def test_months_of_incidents_are_equal(nation: Frames, found: Frames) -> None:
    """Of all five years, with zero reports."""
    columns = [name for name in REPORT_MONTH.schema.names() if name != "agency_id"]
    own, read_back = (
        frames[REPORT_MONTH.name].filter(pl.col("form_code") == "N").select(columns) for frames in (nation, found)
    )
    assert own["data_year"].unique().sort().to_list() == YEARS
    assert set(own["status"]) == {"I", "Z"}
    same(own, read_back)


def test_offenses_by_month_are_equal(nation: Frames, found: Frames) -> None:
    columns = [name for name in AGENCY_MONTH_OFFENSE.schema.names() if name != "agency_id"]
    same(*(frames[AGENCY_MONTH_OFFENSE.name].select(columns) for frames in (nation, found)))


def months_of_summaries_alone(nation: Frames) -> pl.DataFrame:
    """What was sent as incidents and as a summary, too, is only known to be incidents."""
    months = nation[REPORT_MONTH.name].select("ori", "data_year", "month", "form_code")
    by_incidents = months.filter(pl.col("form_code") == "N").drop("form_code")
    summaries = months.filter(pl.col("form_code") == "R").drop("form_code")
    alone = summaries.join(by_incidents, on=["ori", "data_year", "month"], how="anti")
    assert 0 < alone.height < summaries.height
    return alone


def test_months_of_summaries_are_those_without_incidents(nation: Frames, found: Frames) -> None:
    read_back = found[REPORT_MONTH.name].filter(pl.col("form_code") == "R")
    same(months_of_summaries_alone(nation), read_back.select("ori", "data_year", "month"))
    assert set(read_back["status"]) == {"I", "Z"}


def test_counts_of_summaries_are_equal_but_for_corrections_and_lost_details(nation: Frames, found: Frames) -> None:
    """By agency and year; of agencies that send totals only, totals less simple assaults."""
    key = ["ori", "data_year"]
    own = with_ori(nation, SRS_MONTH).join(months_of_summaries_alone(nation), on=[*key, "month"], how="semi")
    read_back = with_ori(found, SRS_MONTH)
    wide = [
        frame.filter(pl.col("item_code") < 26)
        .pivot("item_code", index=[*key, "month"], values="n")
        .fill_null(0)
        for frame in (own, read_back)
    ]  # fmt: skip
    simple, details = "15", [str(part) for total, parts in PARTS.items() if total != 25 for part in parts if part < 26]
    is_cut = pl.col("ori").str.starts_with(TOTALS_ONLY_STATE)
    in_state = wide[1].filter(is_cut)
    assert in_state.select(pl.sum_horizontal(details).sum()).item() == 0
    cut = wide[0].with_columns(
        pl.when(is_cut).then(pl.col(total) - pl.col(simple)).otherwise(total).alias(total) for total in ("10", "25")
    ).with_columns(pl.when(is_cut).then(0).otherwise(name).alias(name) for name in details)  # fmt: skip
    columns = [str(item) for item in range(26) if str(item) in cut.columns]
    sums = [
        frame.group_by(key).agg(pl.col(columns).sum()).filter(pl.any_horizontal(pl.col(columns) != 0))
        for frame in (cut, wide[1])
    ]  # fmt: skip
    same(*(frame.cast(dict.fromkeys(columns, pl.Int64)) for frame in sums))
    months = cut.join(wide[1], on=[*key, "month"], how="left", suffix="_found")
    differing = months.filter(pl.any_horizontal(pl.col(name) != pl.col(f"{name}_found") for name in columns))
    assert differing.height < 0.01 * months.height


# ---------------------------------------------------------------- incidents


@pytest.mark.parametrize("dataset", incident.DATASETS, ids=lambda dataset: dataset.name)
def test_records_of_each_state_are_all_there(dataset: Dataset, nation: Frames, found: Frames) -> None:
    """Their values are compared by tests/integration/test_master_round_trip.py."""
    kept = [name for name in dataset.schema.names() if name.endswith("_code") or name == "state_abbr"]
    numbers = [frames[dataset.name].group_by(kept).len() for frames in (nation, found)]
    assert len(kept) > 1 or dataset in (incident.INCIDENT, incident.VICTIM_OFFENSE)
    same(*numbers)


# ---------------------------------------------------------------- places and residents


def unplaced_in_connecticut(found: Frames) -> pl.Series:
    """Agencies of Connecticut whose planning region no file tells."""
    of_state = of_year(found[AGENCY.name]).filter(IN_CONNECTICUT)
    return of_state.join(of_year(found[AGENCY_COUNTY.name]), on="ori", how="anti")["ori"]


def test_counties_and_areas_are_equal(nation: Frames, found: Frames) -> None:
    """But for names of districts and offices, and planning regions of Connecticut."""
    names = ["judicial_district_name", "field_office_name"]
    own, read_back = (frames[AGENCY_COUNTY.name].drop(names) for frames in (nation, found))
    # A file tells it of the agency, the nation of its parts.
    own = own.with_columns(pl.col("is_core_city").any().over("ori", "data_year"))
    assert own["msa_name"].null_count() < own.height
    assert own["metro_division_name"].drop_nulls().len()
    same(own.filter(~IN_CONNECTICUT), read_back.filter(~IN_CONNECTICUT))
    in_regions = own.filter(IN_CONNECTICUT).with_columns(pl.col("county_fips").replace(REGIONS))
    unplaced = unplaced_in_connecticut(found)
    assert len(unplaced) < of_year(in_regions)["ori"].n_unique()
    told = [of_year(frame.filter(IN_CONNECTICUT)) for frame in (in_regions, read_back)]
    placed = told[0].filter(~pl.col("ori").is_in(unplaced.implode()))
    # The list names counties; how the residents of an agency are divided among them, it does not tell.
    is_whole = pl.len().over("ori") == 1
    same(*(frame.filter(is_whole).drop("is_core_city") for frame in (placed, told[1])))


def test_residents_of_counties(nation: Frames, found: Frames) -> None:
    """Each county has its residents; race and age of a few are rounded."""
    own = of_year(nation[COUNTY_POPULATION.name]).with_columns(pl.col("county_fips").replace(REGIONS))
    read_back = found[COUNTY_POPULATION.name]
    totals = [frame.group_by("county_fips").agg(pl.col("population").sum()) for frame in (own, read_back)]
    same(*totals)
    both = own.join(read_back, on=COUNTY_POPULATION.primary_key, suffix="_found")
    assert both.height == own.height
    difference = (pl.col("population") - pl.col("population_found")).abs().sum()
    moved = both.select(difference / pl.col("population").sum()).item()
    assert 0 < moved < 0.002


def test_geographies(nation: Frames, found: Frames) -> None:
    """Nation, regions, states and metropolitan areas are the same; districts and offices are real ones."""
    for level in ("nation", "region", "state", "msa"):
        labels = [set(frames[GEOGRAPHY.name].filter(geography_level=level)["label"]) for frames in (nation, found)]
        assert labels[0] - labels[1] <= {
            label for label in labels[0] if level == "msa" and label.split(", ")[1].split("-") == ["CT"]
        }
        assert labels[1] <= labels[0]
    districts = found[GEOGRAPHY.name].filter(geography_level="judicial_district")["label"]
    assert set(districts) <= set(code_list("judicial_district")["label"])
    assert len(districts) > 50


# ---------------------------------------------------------------- benchmark and estimates


def test_every_reporter_has_a_benchmark(nation: Frames, found: Frames) -> None:
    """Its values are compared by tests/integration/test_public_rendering.py."""
    months = nation[REPORT_MONTH.name].select("ori", "data_year", "month").unique()
    enough = months.group_by("ori", "data_year").len().filter(pl.col("len") >= 3)["ori"].unique()
    assert set(found[SRS_BENCHMARK.name]["ori"]) == set(enough)


def test_estimates_are_equal_but_for_the_losses(nation: Frames, found: Frames) -> None:
    """With what public files do not tell taken from them on both sides, every estimate is the same number."""
    lost = [*TOLD_OTHERWISE, *NOT_TOLD, *EMPLOYEES, "agency_type_name", "county_name", "msa_name",
            "metro_division_name", "is_in_msa"]  # fmt: skip
    key = ["data_year", "ori"]
    told = (
        nation[AGENCY.name]
        .drop(lost)
        .join(found[AGENCY.name].select(*key, *lost), on=key)
        .select(AGENCY.schema.names())
    )
    ids = found[AGENCY.name].select("data_year", "ori", own_id="agency_id")
    by_agency = {
        dataset.name: nation[dataset.name]
        .join(ids, on=key)
        .with_columns(agency_id="own_id")
        .select(dataset.schema.names())
        for dataset in (REPORT_MONTH, AGENCY_MONTH_OFFENSE)
    }
    # Months of summaries have no estimate of their own; the benchmark, which rests on them, is that of the files.
    alone = months_of_summaries_alone(nation)
    summaries = found[REPORT_MONTH.name].filter(pl.col("form_code") == "R").join(alone, on=[*key, "month"])
    months = by_agency[REPORT_MONTH.name].filter(pl.col("form_code") == "N")
    by_agency[REPORT_MONTH.name] = pl.concat([months, summaries.select(months.columns)])
    places = ["judicial_district_name", "field_office_name", "is_core_city"]
    located = nation[AGENCY_COUNTY.name].filter(~IN_CONNECTICUT).drop(places)
    located = located.join(found[AGENCY_COUNTY.name].select(*key, "county_fips", *places), on=[*key, "county_fips"])
    located = pl.concat(
        [located.select(AGENCY_COUNTY.schema.names()), found[AGENCY_COUNTY.name].filter(IN_CONNECTICUT)]
    )
    from_nation = {AGENCY.name: told, AGENCY_COUNTY.name: located, **by_agency}
    shared = {name: found[name] for name in (SRS_BENCHMARK.name, SRS_MONTH.name, GEOGRAPHY.name)}
    truth = (
        of_year(by_agency[AGENCY_MONTH_OFFENSE.name]).group_by("agency_id", "offense_code").agg(pl.col("n").sum())
    )  # fmt: skip
    estimates = [
        estimates_of(
            Drawing({name: (frames | shared)[name].lazy() for name in (*from_nation, *shared)}, truth, YEAR),
            ("program",),
            int(SEED),
        )
        for frames in (from_nation, found)
    ]
    areas = found[GEOGRAPHY.name].filter(geography_level="msa")["geography_number"]
    assert estimates[0].filter(pl.col("geography_number").is_in(areas.implode()))["estimate"].drop_nulls().len()
    assert estimates[0]["estimate"].drop_nulls().len() > 100
    assert_frame_equal(*estimates)
