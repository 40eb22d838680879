"""Table 1a of Vermont, counted with the csv module alone."""

import csv
import io
import zipfile
from collections import defaultdict

from tests.support.shared_data import VERMONT

PERSON = {"09A", "09B", "100", "11A", "11B", "11C", "11D", "13A", "13B", "13C", "36A", "36B", "64A", "64B"}
# Offense codes of the 20 columns of table 1a, in order; column 18 (carjacking) is recounted apart.
COLUMNS = [
    PERSON, {"13A"}, {"13B"}, {"13C"}, {"09A"}, {"09B"}, {"100"}, {"64A"}, {"64B"}, {"11A"}, {"11B"}, {"11C"}, {"11D"},
    {"36A", "36B"}, {"120"}, {"11A", "11B", "11C"}, {"09A", "11A", "11B", "11C", "120", "13A"}, None,
    {"13A", "13B", "13C"}, {"09A", "11A", "11B", "11C", "11D", "120", "13A", "13B"},
]  # fmt: skip


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
    for wanted in COLUMNS:
        incidents = {
            incident for incident in agency_of if (incident in jacked if wanted is None else codes[incident] & wanted)
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
