"""What must hold of the datasets of every source, on Vermont 2024 and on a synthetic state.

Real data may bend the structural rules by stated tolerances; synthetic data may not at all.
"""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest
from tests.support.frames import number

from nibrs_estimation.model import agency, incident
from nibrs_estimation.model.agency import AGENCY_MONTH_OFFENSE
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.return_a import MONTH_NAMES, PARTS
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.sources.cde import CdeSource
from nibrs_estimation.sources.synthetic import SyntheticSource
from nibrs_estimation.stages.completeness.months import describe_months
from nibrs_estimation.stages.universe.frame import define_universe
from nibrs_estimation.stages.universe.officers import impute_officers
from nibrs_estimation.stages.universe.reference_files import universe_file, write_missing_months
from nibrs_estimation.stages.universe.reta_mm import reta_mm

_ZIP = Path(__file__).parents[2] / os.environ.get("NIBRS_SHARED_DATA", "../shared/data") / "cde" / "VT-2024.zip"
Frames = dict[str, pl.DataFrame]
YEAR = 2024
PERSON = ("I", "L")
DEMOGRAPHICS = ("age_code", "sex_code", "race_code", "ethnicity_code", "resident_code")
WITH_WEAPON = ("09A", "09B", "09C", "100", "11A", "11B", "11C", "11D", "120", "13A", "13B", "210", "520", "64A", "64B")
WITH_ACTIVITY = (
    *("250", "280", "35A", "35B", "39C", "370", "520", "720"),
    *("09A", "09B", "100", "11A", "11B", "11C", "11D", "120", "13A", "13B", "13C"),
)
WITH_INJURY = ("100", "11A", "11B", "11C", "11D", "120", "13A", "13B", "210", "64A", "64B")
WITH_CIRCUMSTANCE = ("09A", "09B", "09C", "13A")


@pytest.fixture(scope="module", params=["vermont", "synthetic"])
def name(request: pytest.FixtureRequest) -> str:
    if request.param == "vermont" and not _ZIP.exists():
        pytest.skip(f"needs {_ZIP.name}; set NIBRS_SHARED_DATA to the folder that holds cde/{_ZIP.name}")
    return str(request.param)


@pytest.fixture(scope="module")
def frames(name: str) -> Frames:
    if name == "vermont":
        source = CdeSource((_ZIP,))
        return {**source.ingest_agencies(year=YEAR), **source.ingest_incidents(year=YEAR, partition="VT")}
    nation = SyntheticSource(0.05)
    return {**nation.ingest_agencies(YEAR, 3), **nation.ingest_incidents(YEAR, 3, "GA")}


@pytest.fixture(scope="module")
def tolerance(name: str) -> float:
    return 0.005 if name == "vermont" else 0.0


@pytest.mark.parametrize("dataset", [*agency.DATASETS, *incident.DATASETS], ids=lambda dataset: dataset.name)
def test_1_keys_are_unique_and_references_lead_somewhere(frames: Frames, dataset: Dataset) -> None:
    frame = frames[dataset.name]
    assert not frame.select(dataset.primary_key).is_duplicated().any()
    for column in dataset.columns:
        table, _, key = column.references.partition(".")
        if table in frames:
            values = frame[column.name].drop_nulls()
            assert values.is_in(frames[table][key].implode()).all(), column.name


def test_2_every_incident_is_whole(frames: Frames) -> None:
    incidents = frames["incident"]["incident_id"]
    for segment in ("offense", "victim", "offender"):
        assert incidents.is_in(frames[segment]["incident_id"].implode()).all(), segment
    links = (
        frames["victim_offense"]
        .join(frames["victim"].select("victim_id", victims="incident_id"), on="victim_id")
        .join(frames["offense"].select("offense_id", offenses="incident_id"), on="offense_id")
    )
    assert (links["victims"] == links["offenses"]).all()
    assert set(links["offense_id"]) == set(frames["offense"]["offense_id"])
    assert set(links["victim_id"]) == set(frames["victim"]["victim_id"])


def test_3_only_persons_have_demographics_and_only_officers_a_duty(frames: Frames) -> None:
    others = frames["victim"].filter(~pl.col("victim_type_code").is_in(PERSON))
    assert others.height
    assert others.select(pl.col(DEMOGRAPHICS).is_null().all()).row(0) == (True,) * len(DEMOGRAPHICS)
    civilians = frames["victim"].filter(pl.col("victim_type_code") != "L")
    assert civilians.select(pl.col("activity_code", "assignment_code").is_null().all()).row(0) == (True, True)


@pytest.mark.parametrize(
    ("segment", "offenses"),
    [
        ("offense_weapon", WITH_WEAPON),
        ("offense_activity", WITH_ACTIVITY),
        ("victim_injury", WITH_INJURY),
        ("victim_circumstance", WITH_CIRCUMSTANCE),
    ],
)
def test_4_segments_stand_where_they_may(
    frames: Frames, tolerance: float, segment: str, offenses: tuple[str, ...]
) -> None:
    rows = frames[segment]
    if "offense_id" in rows.columns:
        held = rows.join(frames["offense"].select("offense_id", "offense_code"), on="offense_id")
        is_right = held["offense_code"].is_in(offenses)
    else:
        suffered = frames["victim_offense"].join(
            frames["offense"].select("offense_id", "offense_code"), on="offense_id"
        )
        right = suffered.filter(pl.col("offense_code").is_in(offenses))["victim_id"]
        is_right = rows["victim_id"].is_in(right.implode())
    assert rows.height
    assert number((~is_right).mean()) <= tolerance


def test_5_an_unknown_offender_stands_alone(frames: Frames, name: str) -> None:
    offenders = frames["offender"]
    unknown = offenders.filter(pl.col("sequence_number") == 0)
    others = offenders.filter(pl.col("sequence_number") != 0)
    assert unknown.height
    accompanied = unknown["incident_id"].is_in(others["incident_id"].implode()).mean()
    assert number(accompanied) <= (0.001 if name == "vermont" else 0.0)
    demographics = [column for column in DEMOGRAPHICS if column in offenders.columns]
    assert unknown.select(pl.col(demographics).is_null().all()).row(0) == (True,) * len(demographics)
    assert not frames["victim_offender"]["offender_id"].is_in(unknown["offender_id"].implode()).any()


def test_6_losses_fit_their_offenses(frames: Frames, name: str) -> None:
    pairs = code_list("property_loss_by_offense").select("offense_code", loss_code=pl.col("loss_code").cast(pl.Int8))
    valid = frames["offense"].join(pairs, on="offense_code").select("incident_id", "loss_code").unique()
    losses = frames["property"].drop_nulls("loss_code")
    misfits = losses.join(valid, on=["incident_id", "loss_code"], how="anti")
    assert misfits.height <= (0.02 if name == "vermont" else 0.0) * losses.height
    seized = frames["property"].filter(pl.col("loss_code") == 6)["property_id"]
    drugs_found = frames["property_item"].filter(pl.col("description_code") == "10")["property_id"]
    for parents in (seized, drugs_found):
        assert frames["drug"]["property_id"].is_in(parents.implode()).all()
    thefts = frames["offense"].filter(pl.col("offense_code") == "240")["incident_id"]
    stolen = frames["property"].filter(pl.col("stolen_vehicles") > 0)
    assert stolen.height
    assert stolen["incident_id"].is_in(thefts.implode()).all()


def test_7_the_data_year_is_that_of_the_date(frames: Frames) -> None:
    assert (frames["incident"]["data_year"] == frames["incident"]["incident_date"].dt.year()).all()
    in_scope = frames["agency"].filter("is_nibrs")["agency_id"]
    assert frames["incident"]["agency_id"].is_in(in_scope.implode()).all()


def test_10_one_row_for_each_agency_and_year(frames: Frames) -> None:
    agencies = frames["agency"]
    assert not agencies.select("data_year", "ori").is_duplicated().any()
    covered = agencies.filter(pl.col("is_covered") & (pl.col("universe_scope") != "reporting"))
    assert covered["covered_by_ori"].null_count() == 0
    universe = define_universe(agencies.lazy(), AGENCY_MONTH_OFFENSE.empty(), YEAR).collect()
    for row in agencies.filter(pl.col("data_year") == YEAR).to_dicts():
        eligible = (
            row["agency_status"] == "A"
            and not row["is_covered"]
            and not row["is_dormant"]
            and row["agency_type_name"].strip().upper() != "FEDERAL"
            and row["state_abbr"] in set(code_list("state")["state_abbr"])
        )
        assert universe.row(by_predicate=pl.col("agency_id") == row["agency_id"], named=True)["is_eligible"] == eligible


def summaries(frames: Frames) -> pl.DataFrame:
    return frames.get("srs_month", agency.SRS_MONTH.empty().collect())


def test_11_flags_agree_wherever_they_are_told(frames: Frames, tmp_path: Path) -> None:
    agencies, reports = frames["agency"].lazy(), frames["report_month"].lazy()
    months = describe_months(agencies, reports, frames["agency_month_offense"].lazy(), YEAR)["agency_month"]
    unrepaired = pl.when("is_flag_repaired").then(0).otherwise("mm_flag")
    ours = (
        months.filter(pl.col("data_year") == YEAR)
        .with_columns(flag=unrepaired)
        .pivot("month", index="agency_id", values="flag", sort_columns=True)
        .sort("agency_id")
    )
    write_missing_months(agencies, reports, YEAR)["missing_months.csv"](tmp_path / "missing_months.csv")
    missing = pl.read_csv(tmp_path / "missing_months.csv").select(f"{month.upper()}_MM_FLAG" for month in MONTH_NAMES)
    either_form = reta_mm(universe_file(agencies, YEAR), reports, summaries(frames).lazy(), YEAR)
    either = either_form.select(f"{month}_mm_flag" for month in MONTH_NAMES)
    assert ours.height == missing.height == either.height
    assert ours.drop("agency_id").rows() == missing.rows()
    assert missing.to_numpy().sum() > 0
    assert missing.to_numpy().sum(axis=1).max() <= 12
    assert (either.to_numpy() >= missing.to_numpy()).all()


def test_12_totals_are_sums_of_parts_and_shares_of_one(frames: Frames, name: str) -> None:
    counts, key = summaries(frames), ["agency_id", "data_year", "month"]
    for total, parts in PARTS.items():
        of_parts = counts.filter(pl.col("item_code").is_in(parts)).group_by(key).agg(pl.col("n").sum())
        told = counts.filter(pl.col("item_code") == total).select(*key, total="n")
        joined = of_parts.join(told, on=key, how="full", coalesce=True).fill_null(0)
        assert (joined["n"] == joined["total"]).all(), total
    if name == "synthetic":
        assert counts.height > 0
        shares = frames["agency_county"].group_by("data_year", "ori").agg(pl.col("population_share").sum())
        assert (shares["population_share"] - 1).abs().max() <= 1e-6  # type: ignore[operator]


def test_14_officers_are_complete_and_observed_ones_unchanged(frames: Frames, name: str) -> None:
    if name == "vermont":
        pytest.skip("the public layout of 2021 and later has no employees to impute from")
    made = impute_officers(
        frames["agency"].lazy(),
        frames["report_month"].lazy(),
        summaries(frames).lazy(),
        frames["agency_month_offense"].lazy(),
        YEAR,
        seed=1,
    )
    universe = define_universe(frames["agency"].lazy(), frames["agency_month_offense"].lazy(), YEAR).collect()
    eligible = made.join(universe.filter("is_eligible"), on="agency_id", how="semi")
    for column in ("male_officers", "female_officers", "male_civilians", "female_civilians"):
        told = made[f"reported_{column}"]
        assert eligible[column].null_count() == 0
        assert made.filter(told > 0)[column].equals(told.filter(told > 0).alias(column))
        assert set(eligible[column]) <= set(told.drop_nulls())


@pytest.mark.parametrize("dataset", [*agency.DATASETS, *incident.DATASETS], ids=lambda dataset: dataset.name)
def test_15_every_code_is_in_its_list(frames: Frames, dataset: Dataset) -> None:
    for column in dataset.columns:
        if column.code_list:
            lists = code_list(column.code_list)
            known = set(lists[lists.columns[0]].cast(pl.String)) | set(
                lists.get_column("label", default=pl.Series([""]))
            )
            found = set(frames[dataset.name][column.name].drop_nulls().cast(pl.String)) - {"none"}
            assert found <= known, column.name
