"""The synthetic source against specification 02, sections 2.2, 2.3, 15 and 17."""

from __future__ import annotations

import pickle
from functools import cache
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal, assert_frame_not_equal

from nibrs_estimation.model import agency, incident
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.sources.synthetic import (
    SYNTHETIC_TRUTH,
    SyntheticSource,
    agency_frame,
    annual_counts,
    latent_totals,
    reported_months,
)
from nibrs_estimation.sources.synthetic.marginals import offenses

YEAR, SEED = 2024, 7
SOURCE = SyntheticSource(0.01)
STATES = SOURCE.probe(YEAR, SEED).partitions["state_abbr"]
PERSON = offenses().filter(pl.col("crime_against") == "person")["offense_code"].to_list()
SOCIETY = offenses().filter(pl.col("crime_against") == "society")["offense_code"].to_list()
WITH_WEAPON = ["09A", "09B", "09C", "100", "11A", "11B", "11C", "11D", "120", "13A", "13B", "210", "520", "64A", "64B"]
VEHICLES = ["03", "05", "24", "28", "37"]
VALID_LOSS = {
    **dict.fromkeys(["100", "120", "210", "220", "240", "270", "510"], (1, 5, 7, 8)),
    **{f"23{letter}": (1, 5, 7, 8) for letter in "ABCDEFGH"},
    **{f"26{letter}": (1, 5, 7, 8) for letter in "ABCDEFG"},
    **{f"39{letter}": (6,) for letter in "ABCD"},
    "200": (2,),
    "250": (3, 5, 6),
    "280": (1, 5),
    "290": (4,),
    "35A": (1, 6),
    "35B": (1, 6),
}


def run(name: str, seed: int = SEED, **parameters: Any) -> dict[str, pl.DataFrame]:
    task = next(task for task in SOURCE.tasks() if task.name == name)
    output = task.function(year=YEAR, seed=seed, **parameters)
    return {dataset.name: checked(output[dataset.name], dataset) for dataset in task.datasets}


@cache
def agencies() -> pl.DataFrame:
    return run("ingest_agencies")[agency.AGENCY.name]


@cache
def months() -> pl.DataFrame:
    return run("ingest_agencies")[agency.REPORT_MONTH.name]


@cache
def segments() -> dict[str, pl.DataFrame]:
    """Every segment of the nation, each part having passed the checks of its dataset."""
    parts = [run("ingest_incidents", partition=state) for state in STATES]
    return {name: pl.concat(part[name] for part in parts) for name in parts[0]}


@cache
def truth() -> pl.DataFrame:
    return pl.concat(run("keep_truth", partition=state)[SYNTHETIC_TRUTH.name] for state in STATES)


def segment(dataset: Any) -> pl.DataFrame:
    return segments()[dataset.name]


@pytest.mark.parametrize(("text", "scale"), [("", 0.01), (" ", 0.01), ("0.5", 0.5), ("1", 1.0), ("1e-3", 0.001)])
def test_scale_is_read(text: str, scale: float) -> None:
    assert SyntheticSource.parse(text) == SyntheticSource(scale)


@pytest.mark.parametrize("text", ["0", "-1", "1.01", "nan", "inf", "all", "0.1,0.2"])
def test_bad_scale_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="scale"):
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
    ]
    assert len({probe.fingerprint, *(other.fingerprint for other in others)}) == 4
    assert pickle.loads(pickle.dumps(SOURCE)) == SOURCE


@pytest.mark.parametrize("year", [1985, 2100])
def test_first_and_last_year(year: int) -> None:
    assert SOURCE.probe(year, SEED).years == (year,)
    assert set(SyntheticSource(1e-6).ingest_agencies(year, SEED)["agency"]["data_year"]) == {year}


@pytest.mark.parametrize("year", [0, 1984, 2101, 40_000])
def test_other_years_are_refused(year: int) -> None:
    with pytest.raises(UsageError, match=f"data year {year}"):
        SOURCE.probe(year, SEED)


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
    assert nation.height == pytest.approx(19_000, rel=0.01)
    assert nation["agency_id"].is_unique().all()
    assert eligible["population"].sum() == pytest.approx(335e6, rel=0.05)
    assert eligible["is_nibrs"].mean() == pytest.approx(0.8, abs=0.02)
    big = eligible.filter(pl.col("population_group_code").str.starts_with("1"))["is_nibrs"].mean()
    assert big < eligible["is_nibrs"].mean(), "not reporting is informative"
    assert latent_totals(nation, YEAR, SEED)["incidents"].sum() == pytest.approx(13e6, rel=0.1)


def test_nibrs_agencies_stay() -> None:
    earlier, later = (agency_frame(year, SEED, 0.1).filter("is_nibrs")["agency_id"] for year in (2021, 2024))
    assert earlier.is_in(later.implode()).all()
    assert len(earlier) < len(later)


def test_silent_agencies() -> None:
    silent = agencies().filter(
        pl.col("is_covered") | pl.col("is_dormant") | (pl.col("agency_status") == "L") | ~pl.col("is_nibrs")
    )
    assert not silent["has_participated"].any()
    assert silent["nibrs_start_date"].null_count() == silent.height
    assert months().join(silent, on="agency_id", how="semi").height == 0
    none = agencies().filter(pl.col("is_covered") | pl.col("is_dormant") | (pl.col("agency_status") == "L"))
    assert truth().join(none, on="agency_id", how="semi")["n"].sum() == 0
    assert (agencies()["is_dormant"] == (agencies()["agency_status"] == "D")).all()


def test_months() -> None:
    counts = segment(incident.INCIDENT).group_by("agency_id", "month").len()
    compared = months().join(counts, on=["agency_id", "month"], how="full", coalesce=True)
    assert compared["status"].null_count() == 0, "an incident of a month without report"
    assert (compared["len"].is_null() == (compared["status"] == "Z")).all()
    assert set(months()["status"]) == {"I", "Z"}
    assert set(months()["agency_id"]) == set(agencies().filter("has_participated")["agency_id"])
    started = months().join(agencies(), on="agency_id")
    first = pl.date(YEAR, pl.col("month").cast(pl.Int32), 1)
    assert started.filter(first < pl.col("nibrs_start_date")).height == 0
    late = agencies().filter(pl.col("nibrs_start_date") > pl.date(YEAR, 1, 1))
    assert late.height > 0


def test_truth_is_at_least_what_was_reported() -> None:
    reported = segment(incident.INCIDENT).group_by("agency_id").len("reported")
    full_year = months().group_by("agency_id").len("months").filter(pl.col("months") == 12)
    rows = (
        truth()
        .filter(pl.col("measure") == "incidents")
        .join(reported, on="agency_id", how="left")
        .with_columns(pl.col("reported").fill_null(0))
    )
    assert rows.height == agencies().height
    assert (rows["n"] >= rows["reported"]).all()
    full = rows.join(full_year, on="agency_id", how="semi")
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


@pytest.mark.parametrize(
    ("child", "key", "parent"),
    [
        (incident.OFFENSE, "incident_id", incident.INCIDENT),
        (incident.OFFENSE_WEAPON, "offense_id", incident.OFFENSE),
        (incident.VICTIM, "incident_id", incident.INCIDENT),
        (incident.VICTIM_OFFENSE, "victim_id", incident.VICTIM),
        (incident.VICTIM_OFFENSE, "offense_id", incident.OFFENSE),
        (incident.OFFENDER, "incident_id", incident.INCIDENT),
        (incident.VICTIM_OFFENDER, "victim_id", incident.VICTIM),
        (incident.VICTIM_OFFENDER, "offender_id", incident.OFFENDER),
        (incident.PROPERTY, "incident_id", incident.INCIDENT),
        (incident.PROPERTY_ITEM, "property_id", incident.PROPERTY),
        (incident.ARRESTEE, "incident_id", incident.INCIDENT),
    ],
)
def test_no_orphans(child: Any, key: str, parent: Any) -> None:
    assert segment(child).height > 0
    assert segment(child).join(segment(parent), on=[key, "state_abbr"], how="anti").height == 0


def test_every_incident_is_whole() -> None:
    whole = segment(incident.INCIDENT)
    for dataset in (incident.OFFENSE, incident.VICTIM, incident.OFFENDER):
        assert whole.join(segment(dataset), on="incident_id", how="anti").height == 0
    assert (whole["incident_date"].dt.year() == YEAR).all()
    assert (whole["incident_date"].dt.month() == whole["month"]).all()
    assert set(whole["agency_id"]) <= set(agencies()["agency_id"])
    not_cleared = whole.filter(pl.col("cleared_exceptionally_code") == "N")
    assert not_cleared["cleared_exceptionally_date"].null_count() == not_cleared.height < whole.height
    cleared = whole.filter(pl.col("cleared_exceptionally_code") != "N")
    assert (cleared["cleared_exceptionally_date"] >= cleared["incident_date"]).all()
    assert cleared.join(segment(incident.ARRESTEE), on="incident_id", how="semi").height == 0


def test_offenses() -> None:
    offense = segment(incident.OFFENSE)
    assert not offense.select("incident_id", "offense_code").is_duplicated().any()
    armed = offense.join(segment(incident.OFFENSE_WEAPON), on="offense_id", how="semi")
    assert set(armed["offense_code"]) <= set(WITH_WEAPON)
    assert armed.height == offense.filter(pl.col("offense_code").is_in(WITH_WEAPON)).height
    is_burglary = offense["offense_code"] == "220"
    assert (offense["method_of_entry_code"].is_not_null() == is_burglary).all()
    has_premises = is_burglary & offense["location_code"].is_in(["14", "19"])
    assert (offense["premises_entered"].is_not_null() == has_premises).all()
    assert has_premises.any()


def test_victims() -> None:
    victim, links = segment(incident.VICTIM), segment(incident.VICTIM_OFFENSE)
    assert victim.join(links, on="victim_id", how="anti").height == 0
    assert segment(incident.OFFENSE).join(links, on="offense_id", how="anti").height == 0
    linked = links.join(segment(incident.OFFENSE), on="offense_id").join(victim.drop("state_abbr"), on="victim_id")
    assert (linked["incident_id"] == linked["incident_id_right"]).all()
    against_person = linked.filter(pl.col("offense_code").is_in(PERSON))
    assert set(against_person["victim_type_code"]) == {"I"}
    is_society = linked["victim_type_code"] == "S"
    assert (is_society == linked["offense_code"].is_in(SOCIETY)).all()
    assert victim.filter(pl.col("victim_type_code") == "S").group_by("incident_id").len()["len"].max() == 1
    others = victim.filter(pl.col("victim_type_code") != "I")
    for name in ("age_code", "age_years", "sex_code", "race_code", "ethnicity_code", "resident_code"):
        assert others[name].null_count() == others.height
    individuals = victim.filter(pl.col("victim_type_code") == "I")
    assert individuals["sex_code"].null_count() == 0
    assert ((individuals["age_code"] == "00") == individuals["age_years"].is_null()).all()


def test_offenders_and_relationships() -> None:
    offender, related = segment(incident.OFFENDER), segment(incident.VICTIM_OFFENDER)
    unknown = offender.filter(pl.col("sequence_number") == 0)
    assert offender.join(unknown, on="incident_id", how="semi").height == unknown.height > 0
    for name in ("age_code", "age_years", "sex_code", "race_code", "ethnicity_code"):
        assert unknown[name].null_count() == unknown.height
    assert related.join(unknown, on="offender_id", how="semi").height == 0
    violent = segment(incident.OFFENSE).filter(pl.col("offense_code").is_in([*PERSON, "120"]))
    expected = (
        segment(incident.VICTIM)
        .filter(pl.col("victim_type_code") == "I")
        .join(violent, on="incident_id", how="semi")
        .join(offender.filter(pl.col("sequence_number") > 0), on="incident_id")
    )
    assert related.height == expected.height
    assert related.group_by("victim_id").len()["len"].max() <= 10


def test_arrestees() -> None:
    arrestee = segment(incident.ARRESTEE)
    of_offender = arrestee.join(segment(incident.OFFENDER), on=["incident_id", "sequence_number"], suffix="_offender")
    assert of_offender.height == arrestee.height, "an arrestee who is no known offender"
    for name in ("age_code", "sex_code", "race_code"):
        assert (of_offender[name] == of_offender[f"{name}_offender"]).all()
    assert (arrestee["under_18_disposition_code"].is_not_null() == (arrestee["age_years"] < 18)).all()
    dated = arrestee.join(segment(incident.INCIDENT), on="incident_id")
    assert (dated["arrest_date"] >= dated["incident_date"]).all()
    assert arrestee.join(segment(incident.OFFENSE), on=["incident_id", "offense_code"], how="anti").height == 0


def test_property() -> None:
    property_, item = segment(incident.PROPERTY), segment(incident.PROPERTY_ITEM)
    assert not property_.select("incident_id", "loss_code").is_duplicated().any()
    offense = segment(incident.OFFENSE)
    losing = offense.filter(pl.col("offense_code").is_in(list(VALID_LOSS)))
    assert losing.join(property_, on="incident_id", how="anti").height == 0
    valid = pl.DataFrame(
        [(code, loss) for code, losses in VALID_LOSS.items() for loss in losses],
        schema={"offense_code": pl.String, "loss_code": pl.Int8},
        orient="row",
    )
    explained = losing.join(valid, on="offense_code").select("incident_id", "loss_code").unique()
    assert property_.join(explained, on=["incident_id", "loss_code"], how="anti").height == 0
    bare = property_.filter(pl.col("loss_code").is_in([1, 8]))
    assert item.join(bare, on="property_id", how="semi").height == 0
    assert property_.filter(~pl.col("loss_code").is_in([1, 8])).join(item, on="property_id", how="anti").height == 0
    with_loss = item.join(property_, on="property_id")
    assert (with_loss["recovered_date"].is_not_null() == (with_loss["loss_code"] == 5)).all()


def test_vehicles() -> None:
    property_, offense = segment(incident.PROPERTY), segment(incident.OFFENSE)
    theft = offense.filter((pl.col("offense_code") == "240") & (pl.col("attempt_complete_code") == "C"))
    counted = property_.filter(pl.col("stolen_vehicles").is_not_null() | pl.col("recovered_vehicles").is_not_null())
    assert counted.join(theft, on="incident_id", how="anti").height == 0
    assert property_.join(theft, on="incident_id", how="semi").filter(pl.col("loss_code") == 7).height == theft.height
    described = counted.join(segment(incident.PROPERTY_ITEM), on="property_id")
    assert set(described["description_code"]) <= set(VEHICLES)
    assert described.height == counted.height
    completed_robbery = offense.filter((pl.col("offense_code") == "120") & (pl.col("attempt_complete_code") == "C"))
    taken = property_.join(completed_robbery, on="incident_id", how="semi").join(
        segment(incident.PROPERTY_ITEM).filter(pl.col("description_code").is_in(VEHICLES)), on="property_id", how="semi"
    )
    assert taken.height > 0, "there are carjackings"
