"""Vermont 2024: every eligible agency reported, so each estimate must be the plain count, without error.

The recount below is written from the specification with the csv module alone and shares no code with the package.
"""

import csv
import io
import zipfile
from collections import defaultdict

import polars as pl
import pytest

from tests.command import nibrs
from tests.shared_data import VERMONT, needs_vermont

pytestmark = needs_vermont

PERSON = {"09A", "09B", "100", "11A", "11B", "11C", "11D", "13A", "13B", "13C", "36A", "36B", "64A", "64B"}
# Offense codes of the 20 columns of table 1a, in order; column 18 (carjacking) is recounted apart.
COLUMNS = [
    PERSON, {"13A"}, {"13B"}, {"13C"}, {"09A"}, {"09B"}, {"100"}, {"64A"}, {"64B"}, {"11A"}, {"11B"}, {"11C"}, {"11D"},
    {"36A", "36B"}, {"120"}, {"11A", "11B", "11C"}, {"09A", "11A", "11B", "11C", "120", "13A"}, None,
    {"13A", "13B", "13C"}, {"09A", "11A", "11B", "11C", "11D", "120", "13A", "13B"},
]  # fmt: skip
CARJACKING = 18


def members() -> dict[str, list[dict[str, str]]]:
    with zipfile.ZipFile(VERMONT) as archive:
        return {
            name.rsplit("/", 1)[-1].lower(): list(
                csv.DictReader(io.StringIO(archive.read(name).decode("utf-8-sig", errors="replace")))
            )
            for name in archive.namelist()
            if name.lower().endswith(".csv")
        }


def recount() -> tuple[list[int], int, list[int]]:
    """Incidents per column, population, and agencies with any per column."""
    tables = members()
    population = sum(int(row["population"] or 0) for row in tables["agencies.csv"])
    agency_of = {
        row["incident_id"]: row["agency_id"]
        for row in tables["nibrs_incident.csv"]
        if row["incident_date"].startswith("2024")
    }
    codes = defaultdict(set)
    for row in tables["nibrs_offense.csv"]:
        codes[row["incident_id"]].add(row["offense_code"].strip())
    jacked = carjackings(tables)
    counts, agencies = [], []
    for number, wanted in enumerate(COLUMNS, start=1):
        incidents = {
            incident
            for incident in agency_of
            if (incident in jacked if number == CARJACKING else codes[incident] & wanted)
        }
        counts.append(len(incidents))
        agencies.append(len({agency_of[incident] for incident in incidents}))
    return counts, population, agencies


def carjackings(tables: dict[str, list[dict[str, str]]]) -> set[str]:
    individual = {r["victim_type_id"] for r in tables["nibrs_victim_type.csv"] if r["victim_type_code"] == "I"}
    vehicle = {
        r["prop_desc_id"]
        for r in tables["nibrs_prop_desc_type.csv"]
        if r["prop_desc_code"].zfill(2) in {"03", "05", "24", "28", "37"}
    }
    robberies = {
        r["offense_id"]: r["incident_id"]
        for r in tables["nibrs_offense.csv"]
        if r["offense_code"] == "120" and r["attempt_complete_flag"] == "C"
    }
    victims = {r["victim_id"] for r in tables["nibrs_victim.csv"] if r["victim_type_id"] in individual}
    robbed = {
        robberies[r["offense_id"]]
        for r in tables["nibrs_victim_offense.csv"]
        if r["offense_id"] in robberies and r["victim_id"] in victims
    }
    with_vehicle = {r["property_id"] for r in tables["nibrs_property_desc.csv"] if r["prop_desc_id"] in vehicle}
    taken = {
        r["incident_id"]
        for r in tables["nibrs_property.csv"]
        if r["prop_loss_id"] in {"5", "7"} and r["property_id"] in with_vehicle
    }
    return robbed & taken


@pytest.fixture(scope="module")
def estimates(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    folder = tmp_path_factory.mktemp("vermont")
    done = nibrs(folder, "run", "all", "vt", "--year", "2024", "--source", f"cde:{VERMONT}")
    assert done.returncode == 0, done.stderr
    return pl.read_csv(folder / "artifacts" / "vt" / "estimates.csv", infer_schema_length=None)


def of_table(estimates: pl.DataFrame, permutation: int, row: int) -> pl.DataFrame:
    names = [f"t_1a_1_{row}_{column}" for column in range(1, len(COLUMNS) + 1)]
    found = estimates.filter(pl.col("permutation_number") == permutation)
    return pl.DataFrame({"der_variable_name": names}).join(
        found, on="der_variable_name", how="left", maintain_order="left"
    )


@pytest.mark.parametrize("permutation", [1, 102], ids=["nation", "Vermont"])
def test_estimates_are_the_plain_counts(estimates: pl.DataFrame, permutation: int) -> None:
    counts, population, agencies = recount()
    # A cell that is not there is 0.
    total = of_table(estimates, permutation, 1).with_columns(
        pl.col("estimate", "estimate_unweighted", "agency_counts").fill_null(0)
    )
    assert total["estimate"].to_list() == counts
    assert total["estimate_unweighted"].to_list() == counts
    assert total["agency_counts"].to_list() == agencies
    rate = of_table(estimates, permutation, 2)
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
    places = dict(estimates.select("permutation_number", "estimate_geographic_location").unique().iter_rows())
    assert places == {1: "reporting agencies of all states in this run", 102: "reporting agencies of Vermont"}


def test_quiet_agencies_count_as_reporting(estimates: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> None:
    """34 of the 87 agencies have empty months, which are inferred zero reports."""
    run = next(tmp_path_factory.getbasetemp().glob("vermont*/scratch/vt/all/datasets"))
    status = pl.read_parquet(run / "reporting_status.parquet")
    assert status.height == 87
    assert (status["months_inferred"] > 0).sum() == 34
    assert status["is_full_year"].all()
