"""The segments of the synthetic nation obey the rules of NIBRS without exception."""

from __future__ import annotations

from functools import cache

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.support.frames import number

from nibrs_estimation.model import incident as model
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.pipeline.dataset import Column, Dataset
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.sources.synthetic import agency_frame, reported_months
from nibrs_estimation.sources.synthetic.crime import latent_incidents
from nibrs_estimation.sources.synthetic.incidents import SEGMENTS, reported_segments, segments_of
from nibrs_estimation.sources.synthetic.marginals import offenses
from nibrs_estimation.sources.synthetic.offenses import offense_rows

YEAR = 2024
#: Nations whose Texas is looked at rule by rule, some 50,000 incidents each.
SEEDS = (1, 2, 3)
STATE, SCALE = "TX", 0.05
LARGE_STATE, LARGE_SCALE = "CA", 0.3

PERSON = ("09A", "09B", "09C", "100", "11A", "11B", "11C", "11D", "13A", "13B", "13C", "36A", "36B", "64A", "64B")
SOCIETY = ("35A", "35B", "370", "39A", "39B", "39C", "39D", "40A", "40B", "40C", "520", "720")
WEAPON = ("09A", "09B", "09C", "100", "11A", "11B", "11C", "11D", "120", "13A", "13B", "210", "520", "64A", "64B")
ACTIVITY = ("250", "280", "35A", "35B", "39C", "370", "520", "720")
GANG = ("09A", "09B", "100", "11A", "11B", "11C", "11D", "120", "13A", "13B", "13C")
INJURY = ("100", "11A", "11B", "11C", "11D", "120", "13A", "13B", "210", "64A", "64B")
CIRCUMSTANCES = {
    "09A": tuple(range(1, 11)),
    "13A": tuple(range(1, 11)),
    "09B": tuple(range(30, 35)),
    "09C": (20, 21),
}
CARGO = ("120", "210", "220", "23D", "23F", "23H", "240", "26A", "26B", "26C", "26E", "26F", "26G", "270", "510")
LOSSES = {
    **dict.fromkeys(("100", "120", "210", "220", "240", "270", "510"), (1, 5, 7, 8)),
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
VEHICLES = ("03", "05", "24", "28", "37")
DEMOGRAPHICS = ("age_code", "age_years", "age_low_years", "age_high_years", "sex_code", "race_code", "ethnicity_code")
GROUP_B = ("90A", "90B", "90C", "90D", "90E", "90F", "90G", "90H", "90I", "90J", "90Z")

Segments = dict[str, pl.DataFrame]


def agencies_of(state: str, scale: float, seed: int) -> pl.DataFrame:
    return agency_frame(YEAR, seed, scale).filter(pl.col("state_abbr") == state)


@cache
def generated(state: str, scale: float, seed: int, year: int = YEAR) -> Segments:
    """A state's segments, each having passed the checks of its dataset."""
    segments = reported_segments(agencies_of(state, scale, seed), year, seed)
    assert list(segments) == [dataset.name for dataset in model.DATASETS]
    return {dataset.name: checked(segments[dataset.name], dataset) for dataset in SEGMENTS}


@pytest.fixture(params=SEEDS)
def state(request: pytest.FixtureRequest) -> Segments:
    return generated(STATE, SCALE, request.param)


@pytest.fixture
def large() -> Segments:
    return generated(LARGE_STATE, LARGE_SCALE, SEEDS[0])


def orphans(child: pl.DataFrame, parent: pl.DataFrame, *keys: str) -> int:
    return child.join(parent, on=keys, how="anti").height


def links(state: Segments) -> pl.DataFrame:
    """Victims and the offenses that they suffered."""
    return (
        state["victim_offense"]
        .join(state["victim"], on="victim_id")
        .join(state["offense"].select("offense_id", "offense_code", offense_of="incident_id"), on="offense_id")
    )


def persons(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("victim_type_code").is_in(["I", "L"]))


def rows_by(rows: pl.DataFrame, key: str) -> pl.Series:
    return rows.group_by(key).len()["len"]


def stand_alone(rows: pl.DataFrame, key: str, column: str, *codes: str) -> bool:
    """Whether no other code stands beside these."""
    alone = rows.filter(pl.col(column).is_in(codes))
    return rows.join(alone, on=key, how="semi").height == alone.height


REFERENCES = [
    (dataset, column.name, *column.references.split("."))
    for dataset in model.DATASETS
    for column in dataset.columns
    if column.references.split(".")[0] in {other.name for other in model.DATASETS}
]


@pytest.mark.parametrize(("child", "key", "parent", "parent_key"), REFERENCES)
def test_no_orphans(state: Segments, child: Dataset, key: str, parent: str, parent_key: str) -> None:
    rows = state[child.name].filter(pl.col(key).is_not_null())
    assert rows.height > 0
    assert rows.join(state[parent], left_on=key, right_on=parent_key, how="anti").height == 0


@pytest.mark.parametrize("dataset", model.DATASETS, ids=lambda dataset: dataset.name)
def test_primary_keys(state: Segments, dataset: Dataset) -> None:
    rows = state[dataset.name]
    assert rows.height > 0
    assert not rows.select(dataset.primary_key).is_duplicated().any()
    assert set(rows["state_abbr"]) == {STATE}


def test_incidents(state: Segments) -> None:
    incident = state["incident"]
    for name in ("offense", "victim", "offender"):
        assert orphans(incident, state[name], "incident_id") == 0
    assert (incident["incident_date"].dt.year() == YEAR).all()
    assert (incident["data_year"] == YEAR).all()
    assert (incident["form_year"] == incident["incident_date"].dt.year()).all()
    assert (incident["form_month"] == incident["incident_date"].dt.month()).all()
    takes_cargo = state["offense"].filter(pl.col("offense_code").is_in(CARGO))
    assert incident.filter("is_cargo_theft").height > 0
    assert orphans(incident.filter(pl.col("is_cargo_theft").is_not_null()), takes_cargo, "incident_id") == 0


def test_exceptional_clearance(state: Segments) -> None:
    cleared = state["incident"].filter(pl.col("cleared_exceptionally_code") != "N")
    others = state["incident"].filter(pl.col("cleared_exceptionally_code") == "N")
    assert cleared.height > 0
    assert (cleared["cleared_exceptionally_date"] >= cleared["incident_date"]).all()
    assert others["cleared_exceptionally_date"].null_count() == others.height
    assert cleared.join(state["arrestee"], on="incident_id", how="semi").height == 0


def test_offenses(state: Segments) -> None:
    offense = state["offense"]
    assert not offense.select("incident_id", "offense_code").is_duplicated().any()
    assert number(rows_by(offense, "incident_id").max()) <= 10
    is_burglary = offense["offense_code"] == "220"
    assert (offense["method_of_entry_code"].is_not_null() == is_burglary).all()
    has_premises = is_burglary & offense["location_code"].is_in(["14", "19"])
    assert (offense["premises_entered"].is_not_null() == has_premises).all()
    assert (offense["premises_entered"].drop_nulls() >= 1).all()


@pytest.mark.parametrize(
    ("name", "column", "codes", "most", "alone"),
    [
        ("offense_weapon", "weapon_code", WEAPON, 3, ("99",)),
        ("offense_activity", "activity_code", (*ACTIVITY, *GANG), 3, ("N",)),
        ("offense_bias", "bias_code", None, 5, ("88", "99")),
        ("offense_using", "using_code", None, 3, ("N",)),
    ],
)
def test_codes_of_offenses(
    state: Segments, name: str, column: str, codes: tuple[str, ...] | None, most: int, alone: tuple[str, ...]
) -> None:
    asked = state["offense"] if codes is None else state["offense"].filter(pl.col("offense_code").is_in(codes))
    assert orphans(asked, state[name], "offense_id") == 0
    assert orphans(state[name], asked, "offense_id") == 0
    assert 2 <= number(rows_by(state[name], "offense_id").max()) <= most
    assert stand_alone(state[name], "offense_id", column, *alone)


def test_activities_are_of_their_offense(state: Segments) -> None:
    rows = state["offense_activity"].join(state["offense"], on="offense_id")
    gang, activity = (rows.filter(pl.col("offense_code").is_in(codes)) for codes in (GANG, ACTIVITY))
    assert set(gang["activity_code"]) == {"J", "G", "N"}
    assert set(activity["activity_code"]) <= set("ABCDEFIOPSTU")


def test_victims(state: Segments) -> None:
    victim, linked = state["victim"], links(state)
    assert orphans(victim, state["victim_offense"], "victim_id") == 0
    assert orphans(state["offense"], state["victim_offense"], "offense_id") == 0
    assert (linked["incident_id"] == linked["offense_of"]).all()
    against_person = linked.filter(pl.col("offense_code").is_in(PERSON))
    assert set(against_person["victim_type_code"]) == {"I", "L"}
    is_society = linked["victim_type_code"] == "S"
    assert (is_society == linked["offense_code"].is_in(SOCIETY)).all()
    assert rows_by(victim.filter(pl.col("victim_type_code") == "S"), "incident_id").max() == 1
    officers = linked.filter(pl.col("victim_type_code") == "L")
    assert set(officers["offense_code"]) <= {"09A", "13A", "13B", "13C"}
    numbers = victim.group_by("incident_id").agg(pl.col("sequence_number").max(), pl.len())
    assert (numbers["sequence_number"] == numbers["len"]).all()


def test_nobody_suffers_both_assaults(state: Segments) -> None:
    assaults = links(state).filter(pl.col("offense_code").is_in(["13A", "13B"]))
    both = assaults.group_by("incident_id").agg(pl.col("offense_code").n_unique()).filter(pl.col("offense_code") == 2)
    assert both.height > 0
    assert rows_by(assaults, "victim_id").max() == 1


def test_only_persons_have_demographics(state: Segments) -> None:
    victim = state["victim"]
    others = victim.filter(~pl.col("victim_type_code").is_in(["I", "L"]))
    assert others.select(*DEMOGRAPHICS, "resident_code").null_count().sum_horizontal().item() == others.height * 8
    people = persons(victim)
    assert people.select("age_code", "sex_code", "race_code").null_count().sum_horizontal().item() == 0
    is_officer = victim["victim_type_code"] == "L"
    for column in ("activity_code", "assignment_code"):
        assert (victim[column].is_not_null() == is_officer).all()


@pytest.mark.parametrize("name", ["victim", "offender", "arrestee"])
def test_ages(state: Segments, name: str) -> None:
    rows = state[name].filter(pl.col("age_code").is_not_null())
    years = pl.col("age_years")
    in_years = rows.filter(pl.col("age_code").str.contains(r"^\d\d$") & ~pl.col("age_code").is_in(["00", "99"]))
    assert (in_years["age_code"].cast(pl.Int16) == in_years["age_years"]).all()
    others = rows.filter(~pl.col("age_code").is_in(in_years["age_code"].unique().implode()))
    assert set(others["age_code"]) <= {"00", "99", "NN", "NB", "BB"}
    assert others["age_years"].null_count() == others.height
    ranges = rows.filter(pl.col("age_low_years").is_not_null())
    assert (ranges["age_high_years"].is_not_null()).all()
    assert ranges.filter((pl.col("age_low_years") + pl.col("age_high_years")) // 2 != years).height == 0
    if name == "offender":
        assert ranges.height > 0


def test_injuries(state: Segments) -> None:
    hurt = persons(links(state).filter(pl.col("offense_code").is_in(INJURY)))
    injury = state["victim_injury"]
    assert orphans(hurt, injury, "victim_id") == 0
    assert orphans(injury, hurt, "victim_id") == 0
    assert 2 <= number(rows_by(injury, "victim_id").max()) <= 5
    assert stand_alone(injury, "victim_id", "injury_code", "N")
    of_simple_assault = injury.join(hurt.filter(pl.col("offense_code") == "13B"), on="victim_id", how="semi")
    assert set(of_simple_assault["injury_code"]) == {"N", "M"}


def test_circumstances(state: Segments) -> None:
    struck = persons(links(state).filter(pl.col("offense_code").is_in(list(CIRCUMSTANCES))))
    rows = state["victim_circumstance"]
    assert orphans(struck, rows, "victim_id") == 0
    assert orphans(rows, struck, "victim_id") == 0
    with_offense = rows.join(struck.select("victim_id", "offense_code", "victim_type_code"), on="victim_id")
    for code, circumstances in CIRCUMSTANCES.items():
        of_code = with_offense.filter(pl.col("offense_code") == code)
        assert set(of_code["circumstance_code"]) <= set(circumstances)
        assert (rows_by(of_code, "victim_id") <= (2 if code in ("09A", "13A") else 1)).all()
    is_justifiable = rows["circumstance_code"].is_in([20, 21])
    assert (rows["justifiable_force_code"].is_not_null() == is_justifiable).all()
    of_officers = with_offense.filter(pl.col("victim_type_code") == "L")
    assert set(of_officers["circumstance_code"]) == {2}


def test_relationships(state: Segments) -> None:
    related = persons(links(state).filter(pl.col("offense_code").is_in([*PERSON, "120"]))).unique("victim_id")
    known = state["offender"].filter(pl.col("sequence_number").is_between(1, 10))
    expected = related.select("incident_id", "victim_id").join(known, on="incident_id")
    rows = state["victim_offender"]
    assert orphans(expected, rows, "victim_id", "offender_id") == 0
    assert orphans(rows, expected, "victim_id", "offender_id") == 0
    assert number(rows_by(rows, "victim_id").max()) <= 10


def test_offenders(state: Segments) -> None:
    offender = state["offender"]
    unknown = offender.filter(pl.col("sequence_number") == 0)
    known = offender.filter(pl.col("sequence_number") > 0)
    assert unknown.height > 0
    assert known.join(unknown, on="incident_id", how="semi").height == 0
    assert rows_by(unknown, "incident_id").max() == 1
    assert unknown.select(DEMOGRAPHICS).null_count().sum_horizontal().item() == unknown.height * len(DEMOGRAPHICS)
    assert known.select("age_code", "sex_code", "race_code").null_count().sum_horizontal().item() == 0
    assert number(rows_by(offender, "incident_id").max()) <= 99
    numbers = known.group_by("incident_id").agg(pl.col("sequence_number").max(), pl.len())
    assert (numbers["sequence_number"] == numbers["len"]).all()


def test_arrestees(state: Segments) -> None:
    arrestee = state["arrestee"]
    in_incident = arrestee.filter(~pl.col("is_group_b")).join(
        state["incident"].select("incident_id", "incident_date", of_agency="agency_id"), on="incident_id", how="left"
    )
    assert (in_incident["arrest_date"] >= in_incident["incident_date"]).all()
    assert in_incident["arrest_date"].dt.year().max() == YEAR + 1
    assert (in_incident["agency_id"] == in_incident["of_agency"]).all()
    assert orphans(in_incident, state["offense"], "incident_id", "offense_code") == 0
    assert set(in_incident["multiple_code"]) == {"C", "M", "N"}
    is_minor = (arrestee["age_years"] < 18).fill_null(False)
    assert (arrestee["under_18_disposition_code"].is_not_null() == is_minor).all()
    assert is_minor.any()
    known = state["offender"].filter(pl.col("sequence_number") > 0)
    paired = in_incident.join(known, on=["incident_id", "sequence_number"], how="left", suffix="_of_offender")
    assert paired["offender_id"].null_count() == 0
    assert (paired["sex_code"] == paired["sex_code_of_offender"]).all()


def test_group_b(state: Segments) -> None:
    arrests = state["arrestee"].filter("is_group_b")
    assert arrests["incident_id"].null_count() == arrests.height
    assert arrests["multiple_code"].null_count() == arrests.height
    assert arrests.select("agency_id", "form_year", "form_month").null_count().sum_horizontal().item() == 0
    assert set(arrests["offense_code"]) <= set(GROUP_B)
    assert (arrests["arrest_date"].dt.month() == arrests["form_month"]).all()
    assert set(arrests["form_year"]) == {YEAR}
    assert not state["arrestee"].filter(~pl.col("is_group_b"))["offense_code"].is_in(GROUP_B).any()


def test_arrestee_weapons(state: Segments) -> None:
    weapon = state["arrestee_weapon"]
    key = ["is_group_b", "arrestee_id"]
    assert orphans(state["arrestee"], weapon, *key) == 0
    assert orphans(weapon, state["arrestee"], *key) == 0
    numbered = weapon.with_columns(person=pl.struct(key))
    assert rows_by(numbered, "person").max() == 2
    assert stand_alone(numbered, "person", "weapon_code", "01")


def test_losses(state: Segments) -> None:
    property_, offense = state["property"], state["offense"]
    assert not property_.select("incident_id", "loss_code").is_duplicated().any()
    losing = offense.filter(pl.col("offense_code").is_in(list(LOSSES)))
    assert orphans(losing, property_, "incident_id") == 0
    valid = pl.DataFrame(
        [(code, loss) for code, losses in LOSSES.items() for loss in losses],
        schema={"offense_code": pl.String, "loss_code": pl.Int8},
        orient="row",
    )
    assert orphans(property_, losing.join(valid, on="offense_code"), "incident_id", "loss_code") == 0
    attempted = losing.filter(pl.col("attempt_complete_code") == "A")
    assert attempted.height > 0
    assert orphans(attempted, property_.filter(pl.col("loss_code") == 1), "incident_id") == 0


def test_items(state: Segments) -> None:
    property_, item = state["property"], state["property_item"]
    bare = property_.filter(pl.col("loss_code").is_in([1, 8]))
    assert bare["loss_code"].n_unique() == 2
    assert item.join(bare, on="property_id", how="semi").height == 0
    assert orphans(property_.filter(~pl.col("loss_code").is_in([1, 8])), item, "property_id") == 0
    assert number(rows_by(item, "property_id").max()) <= 10
    with_loss = item.join(property_, on="property_id")
    assert (with_loss["recovered_date"].is_not_null() == (with_loss["loss_code"] == 5)).all()
    stolen, recovered = (with_loss.filter(pl.col("loss_code") == loss) for loss in (7, 5))
    # Goods recovered from a receiver or forger need not be those of the theft beside it.
    others = state["offense"].filter(pl.col("offense_code").is_in(["250", "280"]))
    of_theft = recovered.join(stolen, on="incident_id", how="semi").join(others, on="incident_id", how="anti")
    assert orphans(of_theft, stolen, "incident_id", "description_code") == 0


def test_drugs(state: Segments) -> None:
    seizures = state["property"].join(state["drug"], on="property_id", how="semi")
    assert set(seizures["loss_code"]) == {6}
    assert orphans(seizures, state["offense"].filter(pl.col("offense_code") == "35A"), "incident_id") == 0
    drugs = state["property_item"].filter(pl.col("description_code") == "10")
    assert orphans(seizures, drugs, "property_id") == 0
    assert orphans(drugs, seizures, "property_id") == 0
    assert rows_by(state["drug"], "property_id").max() == 3
    assert not state["drug"].select("property_id", "drug_code").is_duplicated().any()
    many = state["drug"].filter(pl.col("drug_code") == "X")
    assert many["quantity"].null_count() == many.height
    assert (rows_by(state["drug"].join(many, on="property_id", how="semi"), "property_id") == 3).all()


def test_vehicles(state: Segments) -> None:
    property_, offense = state["property"], state["offense"]
    theft = offense.filter((pl.col("offense_code") == "240") & (pl.col("attempt_complete_code") == "C"))
    counted = property_.filter(pl.col("stolen_vehicles").is_not_null() | pl.col("recovered_vehicles").is_not_null())
    assert orphans(counted, theft, "incident_id") == 0
    assert set(property_.filter(pl.col("stolen_vehicles").is_not_null())["loss_code"]) == {7}
    assert set(property_.filter(pl.col("recovered_vehicles").is_not_null())["loss_code"]) == {5}
    of_theft = property_.filter(pl.col("loss_code") == 7).join(theft, on="incident_id", how="semi")
    assert of_theft["stolen_vehicles"].null_count() == 0
    assert of_theft.height == theft.height
    items = counted.join(state["property_item"], on="property_id")
    assert set(items["description_code"]) <= set(VEHICLES)
    both = counted.group_by("incident_id").agg(pl.col("stolen_vehicles").max(), pl.col("recovered_vehicles").max())
    assert (both["recovered_vehicles"].fill_null(0) <= both["stolen_vehicles"]).all()


def test_agencies_differ_in_what_they_leave_out(large: Segments) -> None:
    """With sigma 0.7 on the logit, the shares of agencies spread far more than chance would have it."""
    people = persons(large["victim"]).join(large["incident"], on="incident_id")
    by_agency = (
        people.group_by("agency_id")
        .agg(n=pl.len(), missing=pl.col("age_code").eq("00").mean())
        .filter(pl.col("n") > 1000)
    )
    share = by_agency["missing"].mean()
    assert isinstance(share, float)
    chance_alone = (share * (1 - share) / by_agency["n"]).sqrt().mean()
    assert by_agency.height > 20
    assert number(by_agency["missing"].std()) > 2 * number(chance_alone)


CODED = [(dataset, column) for dataset in model.DATASETS for column in dataset.columns if column.code_list]


@pytest.mark.parametrize(("dataset", "column"), CODED, ids=[f"{d.name}.{c.name}" for d, c in CODED])
def test_codes_are_of_their_list(large: Segments, dataset: Dataset, column: Column) -> None:
    codes = code_list(column.code_list)
    key = "state_abbr" if column.code_list == "state" else "code"
    values = large[dataset.name][column.name].drop_nulls().unique().cast(pl.String)
    assert set(values) <= set(codes[key])


def test_weapons_are_valid_where_they_stand(large: Segments) -> None:
    weapon = code_list("weapon")
    for name, column in (("offense_weapon", "is_valid_on_offense"), ("arrestee_weapon", "is_valid_on_arrestee")):
        valid = weapon.filter(pl.col(column).cast(pl.String) == "true")["code"]
        assert set(large[name]["weapon_code"]) <= set(valid)


COVERAGE: list[tuple[str, str, pl.Expr]] = [
    ("justifiable homicide", "victim_circumstance", pl.col("justifiable_force_code").is_not_null()),
    ("officer", "victim", pl.col("victim_type_code") == "L"),
    ("ten victims", "victim", pl.col("sequence_number") >= 10),
    ("unknown offender", "offender", pl.col("sequence_number") == 0),
    ("storage with premises", "offense", (pl.col("location_code") == "19") & (pl.col("premises_entered") > 1)),
    ("hotel with premises", "offense", (pl.col("location_code") == "14") & pl.col("premises_entered").is_not_null()),
    ("two stolen vehicles", "property", pl.col("stolen_vehicles") == 2),
    ("many drugs", "drug", pl.col("drug_code") == "X"),
    ("attempt without loss", "property", pl.col("loss_code") == 1),
    ("cargo theft", "incident", pl.col("is_cargo_theft")),
    ("29 February", "incident", (pl.col("incident_date").dt.month() == 2) & (pl.col("incident_date").dt.day() == 29)),
    ("arrest in the next year", "arrestee", pl.col("arrest_date").dt.year() == YEAR + 1),
    ("newborn", "victim", pl.col("age_code") == "NN"),
    ("over 98", "victim", pl.col("age_code") == "99"),
    ("three biases", "offense_bias", pl.len().over("offense_id") >= 3),
]


@pytest.mark.parametrize(("name", "segment", "condition"), COVERAGE, ids=[case[0] for case in COVERAGE])
def test_coverage(large: Segments, name: str, segment: str, condition: pl.Expr) -> None:
    assert large[segment].filter(condition).height > 0, name


def test_every_offense_and_victim_type_occurs(large: Segments) -> None:
    assert set(large["offense"]["offense_code"]) == set(offenses()["offense_code"])
    assert set(large["victim"]["victim_type_code"]) == set("BFGILORSU")
    assert set(large["property"]["loss_code"]) == set(range(1, 9))


def test_robbery_of_business_and_persons(large: Segments) -> None:
    kinds = links(large).filter(pl.col("offense_code") == "120").group_by("incident_id").agg("victim_type_code")
    both = kinds.filter(pl.col("victim_type_code").list.contains("B") & pl.col("victim_type_code").list.contains("I"))
    assert both.height > 0


def test_agency_with_group_b_arrests_alone() -> None:
    """Some small agency of the nation has an arrest, but no incident."""
    states = ("TX", "PA", "IL")
    for name in states:
        segments = generated(name, 1.0 if name == "IL" else 0.5, SEEDS[0])
        arresting = segments["arrestee"].filter("is_group_b")
        if orphans(arresting, segments["incident"], "agency_id"):
            return
    pytest.fail(f"no agency of {states} has Group B arrests alone")


@pytest.mark.slow
def test_state_alone_is_the_state_among_all() -> None:
    """A state's numbers depend neither on the others nor on what was generated before."""
    nation = {str(rows["state_abbr"][0]): rows for rows in agency_frame(YEAR, 5, 0.01).partition_by("state_abbr")}
    among_all = {name: reported_segments(rows, YEAR, 5) for name, rows in nation.items()}
    for state in ("NB", "VT"):
        alone = reported_segments(agencies_of(state, 0.01, 5), YEAR, 5)
        for name, rows in alone.items():
            assert_frame_equal(rows, among_all[state][name])
    for dataset in SEGMENTS:
        whole = pl.concat(segments[dataset.name] for segments in among_all.values())
        assert not whole.select(dataset.primary_key).is_duplicated().any(), "states share a key"


def test_state_without_reporter() -> None:
    """Every segment is there, of its declared types, without rows."""
    silent = agencies_of("NB", 0.02, 6).with_columns(is_nibrs=pl.lit(False))
    for dataset in SEGMENTS:
        rows = checked(reported_segments(silent, YEAR, 6)[dataset.name], dataset)
        assert rows.schema == dataset.schema
        assert rows.is_empty()


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_reported_for_other_months(seed: int) -> None:
    agencies = agencies_of(STATE, SCALE, seed)
    months = reported_months(agencies, YEAR, seed)
    place, month = months.nonzero()
    reported = pl.DataFrame(
        {"agency_id": agencies["agency_id"].gather(place), "form_month": pl.Series(month + 1, dtype=pl.Int8)}
    )
    segments = generated(STATE, SCALE, seed)
    assert not months.all()
    for rows in (segments["incident"], segments["arrestee"].filter("is_group_b")):
        assert orphans(rows, reported, "agency_id", "form_month") == 0


def chunk_inputs() -> pl.DataFrame:
    """Some incidents as the segments are built from them."""
    return latent_incidents(agencies_of("NB", 0.02, 6), YEAR, 6)


def test_chunks_change_nothing() -> None:
    incidents = chunk_inputs()
    half = incidents.height // 2
    whole = segments_of(incidents, 6)
    parts = [segments_of(part, 6) for part in (incidents[:half], incidents[half:])]
    for name, rows in whole.items():
        key = next(dataset.primary_key for dataset in SEGMENTS if dataset.name == name)
        joined = pl.concat(part[name] for part in parts)
        assert_frame_equal(joined.sort(key), rows.sort(key), check_column_order=False)


def test_order_of_incidents_changes_nothing() -> None:
    incidents = chunk_inputs()
    whole, turned = segments_of(incidents, 6), segments_of(incidents.reverse(), 6)
    for name, rows in whole.items():
        key = next(dataset.primary_key for dataset in SEGMENTS if dataset.name == name)
        assert_frame_equal(turned[name].sort(key), rows.sort(key), check_column_order=False)


def test_main_offense_comes_first() -> None:
    incidents = chunk_inputs()
    rows = offense_rows(incidents, 6)
    first = rows.unique("incident_id", keep="first", maintain_order=True)
    assert (first["offense"] == first["main"]).all()
    assert first["incident_id"].to_list() == incidents["incident_id"].to_list()
