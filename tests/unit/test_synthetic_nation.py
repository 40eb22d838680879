"""The nation of the synthetic source: as sources/synthetic/README.md says, and whole."""

from __future__ import annotations

import pickle
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal, assert_frame_not_equal
from tests.support.frames import number

from nibrs_estimation.model import agency, incident
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.return_a import PARTS
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.sources.filter_expression import parse_filter
from nibrs_estimation.sources.synthetic import (
    SYNTHETIC_TRUTH,
    SyntheticSource,
    agency_frame,
    annual_counts,
    latent_totals,
    reported_months,
)
from nibrs_estimation.sources.synthetic.changes import year_effect
from nibrs_estimation.sources.synthetic.crime import (
    expected_incidents,
    latent_incidents,
    sent_incidents,
)
from nibrs_estimation.sources.synthetic.faults import planted_faults
from nibrs_estimation.sources.synthetic.geography import geographies
from nibrs_estimation.sources.synthetic.history import state_year
from nibrs_estimation.sources.synthetic.marginals import offenses
from nibrs_estimation.sources.synthetic.nation import nation

YEAR, SEED = 2024, 7
SOURCE = SyntheticSource(0.01)
STATES = SOURCE.probe(YEAR, SEED).partitions["state_abbr"]
PERSON = offenses().filter(pl.col("crime_against") == "person")["offense_code"].to_list()


def run(name: str, seed: int = SEED, **parameters: Any) -> dict[str, pl.DataFrame]:
    task = next(task for task in SOURCE.tasks() if task.name == name)
    output: Any = task.function(year=YEAR, seed=seed, **parameters)
    return {dataset.name: checked(output[dataset.name], dataset) for dataset in task.datasets}


@cache
def frames() -> dict[str, pl.DataFrame]:
    return run("ingest_agencies")


@cache
def agencies(year: int = YEAR) -> pl.DataFrame:
    return frames()[agency.AGENCY.name].filter(pl.col("data_year") == year)


@cache
def months(year: int = YEAR) -> pl.DataFrame:
    """The months of incident reports."""
    rows = frames()[agency.REPORT_MONTH.name]
    return rows.filter((pl.col("data_year") == year) & (pl.col("form_code") == "N"))


@cache
def segments() -> dict[str, pl.DataFrame]:
    """Every segment of the nation, each part having passed the checks of its dataset."""
    parts = [run("ingest_incidents", partition=state) for state in STATES]
    return {name: pl.concat(part[name] for part in parts) for name in parts[0]}


@cache
def kept() -> dict[str, pl.DataFrame]:
    """The datasets of truth, of all states."""
    parts = [run("keep_truth", partition=state) for state in STATES]
    return {name: pl.concat(part[name] for part in parts) for name in parts[0]}


def truth() -> pl.DataFrame:
    return kept()[SYNTHETIC_TRUTH.name]


def segment(dataset: Any) -> pl.DataFrame:
    return segments()[dataset.name]


@pytest.mark.parametrize(("text", "scale"), [("", 0.01), (" ", 0.01), ("0.5", 0.5), ("1", 1.0), ("1e-3", 0.001)])
def test_scale_is_read(text: str, scale: float) -> None:
    assert SyntheticSource.parse(text) == SyntheticSource(scale)


@pytest.mark.parametrize("text", ["0", "-1", "1.01", "nan", "inf", "all", "0.1,0.2"])
def test_bad_scale_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="scale"):
        SyntheticSource.parse(text)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("0.2,response=large", SyntheticSource(0.2, "large")),
        ("response=states", SyntheticSource(0.01, "states")),
        (" 0.2 , response=random ", SyntheticSource(0.2)),
    ],
)
def test_response_is_read(text: str, source: SyntheticSource) -> None:
    assert SyntheticSource.parse(text) == source
    assert SyntheticSource.parse(source.spec.partition(":")[2]) == source


@pytest.mark.parametrize("text", ["0.2,response=big", "0.2,response=", "answer=large", "0.2,large"])
def test_bad_response_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"response=|scale"):
        SyntheticSource.parse(text)


def test_probe() -> None:
    probe = SOURCE.probe(YEAR, SEED)
    assert SOURCE.spec == "synthetic:0.01"
    assert SyntheticSource.parse(SOURCE.spec.partition(":")[2]) == SOURCE
    assert probe.years == (YEAR,)
    assert tuple(sorted(code_list("state")["state_abbr"])) == STATES
    assert probe.is_content_hash
    others = [
        SOURCE.probe(YEAR, SEED + 1),
        SOURCE.probe(YEAR - 1, SEED),
        SyntheticSource(0.02).probe(YEAR, SEED),
        SyntheticSource(0.01, "large").probe(YEAR, SEED),
    ]
    assert len({probe.fingerprint, *(other.fingerprint for other in others)}) == 5
    assert pickle.loads(pickle.dumps(SOURCE)) == SOURCE


@pytest.mark.parametrize("year", [1985, 2100])
def test_first_and_last_year(year: int) -> None:
    assert SOURCE.probe(year, SEED).years == (year,)
    assert set(SyntheticSource(1e-6).ingest_agencies(year, SEED)["agency"]["data_year"]) == set(
        range(year - 4, year + 1)
    )


@pytest.mark.parametrize("year", [0, 1984, 2101, 40_000])
def test_other_years_are_refused(year: int) -> None:
    with pytest.raises(UsageError, match=f"data year {year}"):
        SOURCE.probe(year, SEED)


@pytest.mark.slow
def test_same_seed_same_rows_other_seed_other_rows() -> None:
    again = run("ingest_incidents", partition="NB")
    for name, rows in again.items():
        assert_frame_equal(rows, segments()[name].filter(pl.col("state_abbr") == "NB"))
    other = run("ingest_incidents", seed=SEED + 1, partition="NB")
    assert_frame_not_equal(other["incident"], again["incident"])


def test_every_kind_of_agency() -> None:
    assert set(agencies()["agency_type_name"]) == {
        "City", "County", "University or College", "State Police", "Tribal", "Other State Agency", "Other", "Federal",
    }  # fmt: skip
    assert set(agencies()["population_group_code"]) == set(code_list("weight_class_rule")["population_group_code"])
    assert agencies().group_by("state_abbr").len()["len"].min() == 8
    assert agencies()["state_abbr"].n_unique() == 51
    assert agencies()["ori"].n_unique() == agencies().height
    assert (agencies()["ori"].str.len_chars() == 9).all()
    assert agencies().filter((pl.col("population") == 0) & (pl.col("agency_type_name") == "City")).height > 0


def test_small_nation_has_8_agencies_in_each_state() -> None:
    assert (agency_frame(YEAR, SEED, 1e-6).group_by("state_abbr").len()["len"] == 8).all()


def test_groups_fit_populations() -> None:
    lowest = {"1A": 1e6, "1B": 5e5, "1C": 2.5e5, "2": 1e5, "3": 5e4, "4": 2.5e4, "5": 1e4, "6": 2500, "7": 0} | {
        group: low
        for parent in "89"
        for group, low in zip((f"{parent}{x}" for x in "ABCD"), (1e5, 2.5e4, 1e4, 0), strict=True)
    }
    group, population = pl.col("population_group_code"), pl.col("population")
    rows = agency_frame(YEAR, SEED, 0.1)
    police = pl.col("agency_type_name") == "State Police"
    assert rows.filter(police)["population"].max() == 0
    assert set(rows.filter(police)["population_group_code"]) == {"8E", "9E"}
    other_kinds = ~pl.col("agency_type_name").is_in(["City", "County", "State Police"])
    assert set(rows.filter(other_kinds)["population_group_code"]) == {"7"}
    kinds = rows.filter(~police).with_columns(
        kind=pl.when(group.str.contains("^[89]")).then(group.str.head(1)).otherwise(pl.lit("city"))
    )
    bounds = pl.DataFrame({"population_group_code": list(lowest), "low": list(lowest.values())}).with_columns(
        kind=pl.when(group.str.contains("^[89]")).then(group.str.head(1)).otherwise(pl.lit("city"))
    )
    reached = kinds.join(bounds, on="kind").filter(population >= pl.col("low"))
    fitting = reached.group_by("agency_id").agg(
        group.first(), pl.col("population_group_code_right").sort_by("low").last()
    )
    assert fitting.height == kinds.height
    assert (fitting["population_group_code"] == fitting["population_group_code_right"]).all()


def test_nebraska() -> None:
    rows = agencies().filter(pl.col("state_abbr") == "NB")
    assert rows["ori"].str.starts_with("NB").all()
    assert set(rows["state_name"]) == {"Nebraska"}
    assert "NE" not in STATES


def test_whole_nation() -> None:
    nation = agency_frame(YEAR, SEED, 1.0)
    eligible = nation.filter((pl.col("agency_status") == "A") & ~pl.col("is_covered"))
    assert nation.height == pytest.approx(22_200, rel=0.01)
    assert nation["agency_id"].is_unique().all()
    assert eligible["population"].sum() == pytest.approx(316e6, rel=0.05)
    assert eligible["is_nibrs"].mean() == pytest.approx(0.8, abs=0.02)
    big = eligible.filter(pl.col("population_group_code").str.starts_with("1"))["is_nibrs"].mean()
    assert number(big) < number(eligible["is_nibrs"].mean()), "not reporting is informative"
    # The nation's level in a year is a random number of its own.
    usual = number(latent_totals(nation, YEAR, SEED)["incidents"].sum()) / year_effect(YEAR, SEED)
    assert usual == pytest.approx(expected_incidents(nation, SEED).sum(), rel=0.01)
    trend = np.mean([year_effect(YEAR, seed) for seed in range(200)])
    assert usual * trend == pytest.approx(14e6, rel=0.1)


def test_nibrs_agencies_stay() -> None:
    earlier, later = (agency_frame(year, SEED, 0.1).filter("is_nibrs")["agency_id"] for year in (2021, 2024))
    assert earlier.is_in(later.implode()).all()
    assert len(earlier) < len(later)


@pytest.mark.slow
def test_silent_agencies() -> None:
    silent = agencies().filter(
        pl.col("is_covered") | pl.col("is_dormant") | (pl.col("agency_status") == "L") | ~pl.col("is_nibrs")
    )
    assert not silent["has_participated_nibrs"].any()
    assert silent["nibrs_start_date"].null_count() == silent.height
    assert months().join(silent, on="agency_id", how="semi").height == 0
    none = agencies().filter(pl.col("is_covered") | pl.col("is_dormant") | (pl.col("agency_status") == "L"))
    assert truth().join(none, on="agency_id", how="semi")["n"].sum() == 0
    assert (agencies()["is_dormant"] == (agencies()["agency_status"] == "D")).all()


def test_months() -> None:
    counts = segment(incident.INCIDENT).group_by("agency_id", month="form_month").len()
    compared = months().join(counts, on=["agency_id", "month"], how="full", coalesce=True)
    assert compared["status"].null_count() == 0, "an incident of a month without report"
    assert (compared["len"].is_null() == (compared["status"] == "Z")).all()
    assert set(months()["status"]) == {"I", "Z"}
    assert set(months()["agency_id"]) == set(agencies().filter("has_participated_nibrs")["agency_id"])
    started = months().join(agencies(), on="agency_id")
    first = pl.date(YEAR, pl.col("month").cast(pl.Int32), 1)
    assert started.filter(first < pl.col("nibrs_start_date")).height == 0
    late = agency_frame(YEAR, SEED, 0.2).filter(pl.col("nibrs_start_date") > pl.date(YEAR, 1, 1))
    assert late.height > 0


def test_truth_is_at_least_what_was_reported() -> None:
    faults = kept()["synthetic_outlier"]
    assert set(faults["kind"]) >= {"odd", "edge", "annual"}
    assert faults["data_year"].n_unique() == 5
    faults = faults.filter(data_year=YEAR, form_code="N")
    too_many = faults.filter(pl.col("factor") > 1)
    reported = segment(incident.INCIDENT).join(too_many, on="agency_id", how="anti").group_by("agency_id").len()
    full_year = months().group_by("agency_id").len("months").filter(pl.col("months") == 12)
    full_year = full_year.join(faults, on="agency_id", how="anti")
    rows = (
        truth()
        .filter(pl.col("measure") == "incidents")
        .join(reported.rename({"len": "reported"}), on="agency_id", how="left")
        .with_columns(pl.col("reported").fill_null(0))
    )
    assert rows.height == agencies().height
    assert (rows["n"] >= rows["reported"]).all()
    full = rows.join(full_year, on="agency_id", how="semi")
    assert full.height > 100
    assert (full["n"] == full["reported"]).all()
    assert rows["n"].sum() > rows["reported"].sum()
    for measure, codes in {
        "incidents_against_person": [c for c in PERSON if c != "09C"],
        "incidents_290": ["290"],
    }.items():
        holding = segment(incident.OFFENSE).filter(pl.col("offense_code").is_in(codes)).unique("incident_id")
        counts = holding.join(segment(incident.INCIDENT), on="incident_id").group_by("agency_id").len("reported")
        of_measure = truth().filter(pl.col("measure") == measure).join(full_year, on="agency_id", how="semi")
        compared = of_measure.join(counts, on="agency_id", how="left").with_columns(pl.col("reported").fill_null(0))
        assert (compared["n"] == compared["reported"]).all()


def test_truth_of_months_is_what_was_reported_where_nothing_went_wrong() -> None:
    """By agency, month and offense; in a faulty month the reports differ from it as the fault says."""
    true = kept()["synthetic_truth_month"]
    by_agency = true.group_by("agency_id", measure="incidents_" + pl.col("offense_code")).agg(n=pl.col("n").sum())
    kept_totals = truth().filter(pl.col("measure").is_in(by_agency["measure"].implode()), pl.col("n") > 0)
    assert_frame_equal(
        by_agency.sort("agency_id", "measure"),
        kept_totals.select("agency_id", "measure", "n").sort("agency_id", "measure"),
        check_dtypes=False,
    )
    faults = kept()["synthetic_outlier"].filter(data_year=YEAR, form_code="N")
    right = months().join(faults, on=["agency_id", "month"], how="anti")
    sent = frames()["agency_month_offense"].filter(pl.col("data_year") == YEAR)
    columns = ["agency_id", "month", "offense_code", "n"]
    told, happened = (
        rows.join(right, on=["agency_id", "month"], how="semi").select(columns).sort(columns) for rows in (sent, true)
    )
    assert_frame_equal(told, happened, check_dtypes=False)
    missed = true.join(months(), on=["agency_id", "month"], how="anti")
    assert missed.height > 0, "the truth of months that were not sent is kept"


def test_truth_of_items_is_what_stood_there_before() -> None:
    """Each blank of the reports has its true value, and nothing else has one."""
    blanks = pl.concat(run("ingest_incidents", partition=state)["synthetic_truth_item"] for state in ("TX", "NB"))
    rows = {name: part.filter(pl.col("state_abbr").is_in(["TX", "NB"])) for name, part in segments().items()}
    for name, key, item, unknown in (
        ("incident", "incident_id", "incident_hour", None),
        ("victim", "victim_id", "age_code", "00"),
        ("victim", "victim_id", "race_code", "U"),
        ("arrestee", "arrestee_id", "resident_code", "U"),
        ("offender", "offender_id", "sex_code", "U"),
        ("property_item", "property_id", "value_usd", 1),
    ):
        true = blanks.filter(segment=name, item=item)
        keys = [key, "description_code"] if name == "property_item" else [key]
        true = true.rename({"unit_id": key, "detail_code": "description_code"}).select(*keys, "value")
        is_blank = pl.col(item).is_null() if unknown is None else pl.col(item) == unknown
        joined = true.join(rows[name], on=keys, how="left")
        assert true.height > 0, (name, item)
        assert joined.select(is_blank.fill_null(False).all()).item(), (name, item)
        assert joined.filter(pl.col("value") == pl.col(item).cast(pl.String)).is_empty()
    # Where the agency told all, nothing is kept: every blank hour is among the true ones.
    hours = rows["incident"].filter(pl.col("incident_hour").is_null())
    assert hours.join(blanks.filter(item="incident_hour"), left_on="incident_id", right_on="unit_id").height == len(
        hours
    )


def test_fast_totals_are_the_truth() -> None:
    counts = annual_counts(agencies(), YEAR, SEED)
    is_violent = offenses()["offense_code"].is_in(["09A", "11A", "11B", "11C", "120", "13A"]).to_numpy()
    for measure, n in {
        "incidents": latent_totals(agencies(), YEAR, SEED)["incidents"].to_numpy(),
        "violent_crime": counts[:, is_violent].sum(axis=1),
    }.items():
        rows = truth().filter(pl.col("measure") == measure).sort("agency_id")
        assert rows["n"].to_list() == n.tolist()
    assert reported_months(agencies(), YEAR, SEED).sum() == months().height


def test_a_faulty_month_is_multiplied() -> None:
    """Of many agencies at scale 0.05, each month that was planted holds so many times what happened."""
    rows = agency_frame(YEAR, SEED, 0.05)
    faults = planted_faults(rows, YEAR, SEED).filter(pl.col("form_code") == "N")
    whole, less, more, seen = 0, 0.0, 0, set()
    for state in rows.join(faults, on="agency_id", how="semi")["state_abbr"].unique().sort():
        of_state = rows.filter(pl.col("state_abbr") == state)
        latent, months_sent = latent_incidents(of_state, YEAR, SEED), reported_months(of_state, YEAR, SEED)
        reported = sent_incidents(of_state, latent, months_sent, YEAR, SEED, "N")
        assert reported["incident_id"].is_unique().all()
        counts = [part.group_by("agency_id", "month").len() for part in (latent, reported)]
        here = faults.join(of_state, on="agency_id", how="semi")
        for part, name in zip(counts, ("happened", "told"), strict=True):
            here = here.join(part.rename({"len": name}), on=["agency_id", "month"], how="left")
        here = here.with_columns(pl.col("happened", "told").fill_null(0))
        is_whole = pl.col("factor").is_in([0.0, 3.0, 10.0])
        assert here.filter(is_whole & (pl.col("told") != pl.col("factor") * pl.col("happened"))).is_empty()
        part = here.filter(~is_whole)
        assert (part["told"] <= part["happened"]).all()
        whole, more = whole + here.filter(is_whole).height, more + int(part["told"].sum())
        less += float((part["factor"] * part["happened"]).sum())
        seen |= set(here.filter(kind="odd")["factor"])
    assert whole > 20
    assert more == pytest.approx(less, abs=5 * np.sqrt(less))
    assert seen >= {0.0, 0.25, 3.0}


def test_offenses_by_month_are_those_of_the_incidents() -> None:
    counted = (
        segment(incident.OFFENSE)
        .join(segment(incident.INCIDENT).select("incident_id", "agency_id", "incident_date"), on="incident_id")
        .group_by("agency_id", "offense_code", month=pl.col("incident_date").dt.month())
        .len("n")
    )
    history = frames()["agency_month_offense"].filter(pl.col("data_year") == YEAR)
    columns = ["agency_id", "month", "offense_code", "n"]
    assert_frame_equal(counted.select(columns).sort(columns), history.select(columns).sort(columns), check_dtypes=False)


def test_history_has_five_years_of_the_same_agencies() -> None:
    years = range(YEAR - 4, YEAR + 1)
    for name in ("agency", "report_month", "agency_month_offense", "srs_month", "agency_county"):
        assert set(frames()[name]["data_year"]) == set(years), name
    for year in years:
        assert agencies(year)["agency_id"].equals(agencies()["agency_id"])
        shown = agencies(year).filter("has_participated_nibrs")["agency_id"]
        counted = frames()["agency_month_offense"].filter(pl.col("data_year") == year)["agency_id"]
        assert counted.is_in(shown.implode()).all()
        assert set(months(year)["agency_id"]) == set(shown)
        started = months(year).join(agencies(year), on="agency_id")
        first = pl.date(year, pl.col("month").cast(pl.Int32), 1)
        assert started.filter(first < pl.col("nibrs_start_date")).height == 0
    starts = [agencies(year).filter("is_nibrs").select("agency_id", "nibrs_start_date") for year in years]
    for earlier, later in pairwise(starts):
        both = earlier.join(later, on="agency_id")
        assert both.height == earlier.height
        assert (both["nibrs_start_date"] == both["nibrs_start_date_right"]).all()


def test_summaries() -> None:
    rows = frames()["srs_month"]
    wide = rows.pivot("item_code", index=["agency_id", "data_year", "month"], values="n").fill_null(0)
    for total, parts in PARTS.items():
        there = [str(part) for part in parts if str(part) in wide.columns]
        if there:
            assert (wide[str(total)] == wide.select(pl.sum_horizontal(there)).to_series()).all(), total
    reports = frames()["report_month"].filter(pl.col("form_code") == "R")
    assert rows.join(reports, on=["agency_id", "data_year", "month"], how="anti").height == 0
    only = agencies().filter(~pl.col("is_nibrs"))["agency_id"]
    assert reports.filter(pl.col("agency_id").is_in(only.implode())).height > 0
    both = agencies().filter("is_nibrs")["agency_id"]
    assert reports.filter(pl.col("agency_id").is_in(both.implode()) & (pl.col("data_year") == YEAR)).height > 0


def test_summaries_count_what_happened() -> None:
    """The burglaries of an agency that sent twelve summaries are all that were the main offense of an incident."""
    months_sent = frames()["report_month"].filter((pl.col("form_code") == "R") & (pl.col("data_year") == YEAR))
    full = months_sent.group_by("agency_id").len().filter(pl.col("len") == 12)["agency_id"]
    faults = planted_faults(agencies(), YEAR, SEED).filter(pl.col("factor").is_not_null())
    full = full.filter(~full.is_in(faults["agency_id"].implode()))
    counts = annual_counts(agencies(), YEAR, SEED)
    burglary = offenses().with_row_index("place").filter(pl.col("offense_code") == "220")["place"].item()
    happened = agencies().select("agency_id", happened=pl.Series(counts[:, burglary]))
    told = (
        frames()["srs_month"]
        .filter((pl.col("item_code") == 16) & (pl.col("data_year") == YEAR))
        .group_by("agency_id")
        .agg(pl.col("n").sum())
    )
    compared = happened.filter(pl.col("agency_id").is_in(full.implode())).join(told, on="agency_id", how="left")
    assert compared.height > 50
    assert (compared["happened"] == compared["n"].fill_null(0)).all()


def test_places() -> None:
    shares = frames()["agency_county"].group_by("data_year", "ori").agg(pl.col("population_share").sum())
    assert ((shares["population_share"] - 1).abs() < 1e-9).all()
    pieces = frames()["agency_county"].filter(pl.col("data_year") == YEAR)
    whole = pieces.group_by("ori").agg(pl.col("population").sum()).join(agencies(), on="ori")
    assert whole.height == agencies().height
    assert (whole["population"] == whole["population_right"]).all()
    people = frames()["county_population"].group_by("county_fips").agg(pl.col("population").sum())
    residents = pieces.group_by("county_fips").agg(pl.col("population").sum())
    compared = people.join(residents, on="county_fips", how="left", suffix="_pieces")
    assert (compared["population"] == compared["population_pieces"].fill_null(0)).all()
    for place in ("judicial_district", "field_office"):
        codes = frames()[place][f"{place}_code"]
        assert agencies()[f"{place}_code"].is_in(codes.implode()).all()
        assert pieces[f"{place}_name"].is_in(frames()[place][f"{place}_name"].implode()).all()


def test_whole_nations_geography() -> None:
    country = nation(SEED, 1.0)
    rows = geographies(country.county)
    assert sorted(rows["geography_number"]) == [*range(1, 710)]
    levels = dict(rows.group_by("geography_level").len().rows())
    assert levels == {
        "nation": 11, "region": 44, "state": 51, "university": 1, "tribal": 1, "msa": 456, "judicial_district": 90,
        "field_office": 55,
    }  # fmt: skip
    for text in rows["filter_expression"]:
        parse_filter(text)
    counties = country.county
    assert counties["county_fips"].is_unique().all()
    assert (counties["county_fips"].str.len_chars() == 5).all()
    states_of_area = counties.drop_nulls("msa_name").group_by("msa_name").agg(pl.col("state_abbr").n_unique())
    assert (states_of_area["state_abbr"] > 1).any(), "an area across a state line"
    assert counties["metro_division_name"].drop_nulls().n_unique() >= 20
    districts = counties.group_by("state_abbr").agg(pl.col("judicial_district_code").n_unique())
    assert (districts["judicial_district_code"].min(), districts["judicial_district_code"].max()) == (1, 4)
    two = country.pieces.group_by("agency_id").len().filter(pl.col("len") == 2).height
    cities = country.agencies.filter((pl.col("agency_type_name") == "City") & (pl.col("population") > 1)).height
    assert two / cities == pytest.approx(0.045, abs=0.006)
    zero = country.agencies.filter(pl.col("population") == 0).group_by("state_abbr").len()
    assert zero.height == 51
    assert number(zero["len"].min()) >= 2
    assert (country.agencies["agency_type_name"] == "Federal").mean() == pytest.approx(0.017, abs=0.003)


def test_covering_agencies() -> None:
    rows = agency_frame(YEAR, SEED, 0.1)
    covered = rows.filter("is_covered").select("state_abbr", legacy_ori="covered_by_ori")
    assert covered["legacy_ori"].null_count() == 0
    covering = covered.join(rows, on="legacy_ori", how="left")
    assert (covering["state_abbr"] == covering["state_abbr_right"]).all()
    assert not covering["is_covered"].any(), "chains have depth one"
    assert set(covering["agency_type_name"]) <= {"County", "State Police", "City"}
    assert (
        rows.filter(~pl.col("is_covered"))["covered_by_ori"].null_count() == rows.filter(~pl.col("is_covered")).height
    )


def test_employees() -> None:
    rows = agency_frame(YEAR, SEED, 0.2)
    missing = rows.filter(~pl.col("has_police_employees"))
    assert missing.height / rows.height == pytest.approx(0.06, abs=0.01)
    counts = pl.col("male_officers", "male_civilians", "female_officers", "female_civilians")
    assert missing.select(counts.is_null().all()).row(0) == (True,) * 4
    known = rows.filter("has_police_employees")
    assert known.select(counts.min() >= 0).row(0) == (True,) * 4
    officers = known["male_officers"] + known["female_officers"]
    cities = known.with_columns(rate=officers / known["population"] * 1000).filter(
        (pl.col("agency_type_name") == "City") & (pl.col("population_group_code") == "5")
    )
    assert cities["rate"].median() == pytest.approx(1.5, abs=0.15)


def test_a_state_alone_is_the_same_as_among_all() -> None:
    rows = agencies().filter(pl.col("state_abbr") == "GA")
    alone = state_year(rows, YEAR, SEED)
    among = frames()["agency_month_offense"].filter(pl.col("data_year") == YEAR)
    among = among.join(rows, on="agency_id", how="semi")
    assert_frame_equal(
        checked(alone.offenses, agency.AGENCY_MONTH_OFFENSE), checked(among, agency.AGENCY_MONTH_OFFENSE)
    )
