"""Small zips in the layout of the Crime Data Explorer since data year 2021 (docs/develop/adding-a-source.md)."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]
#: Content of every member by its lower-cased base name: rows, or the raw text or bytes.
Tables = dict[str, Any]

HEADERS = {
    "agencies": "yearly_agency_id agency_id data_year ori legacy_ori covered_by_legacy_ori direct_contributor_flag "
    "dormant_flag dormant_year reporting_type ucr_agency_name ncic_agency_name pub_agency_name pub_agency_unit "
    "agency_status state_id state_name state_abbr state_postal_abbr division_code division_name region_code "
    "region_name region_desc agency_type_name population submitting_agency_id sai submitting_agency_name "
    "suburban_area_flag population_group_id population_group_code population_group_desc parent_pop_group_code "
    "parent_pop_group_desc mip_flag pop_sort_order summary_rape_def pe_reported_flag male_officer male_civilian "
    "male_officer+male_civilian female_officer female_civilian female_officer+female_civilian officer_rate "
    "employee_rate nibrs_cert_date nibrs_start_date nibrs_leoka_start_date nibrs_ct_start_date "
    "nibrs_multi_bias_start_date nibrs_off_eth_start_date covered_flag county_name msa_name publishable_flag "
    "participated nibrs_participated",
    "nibrs_month": "data_year nibrs_month_id agency_id month_num inc_data_year reported_status report_date "
    "update_flag orig_format data_home ddocname did month_pub_status",
    "nibrs_incident": "data_year agency_id incident_id nibrs_month_id cargo_theft_flag submission_date incident_date "
    "report_date_flag incident_hour cleared_except_id cleared_except_date incident_status data_home orig_format did",
    "nibrs_offense": "data_year offense_id incident_id offense_code attempt_complete_flag location_id "
    "num_premises_entered method_entry_code",
    "nibrs_bias_motivation": "data_year bias_id offense_id",
    "nibrs_weapon": "data_year weapon_id offense_id nibrs_weapon_id",
    "nibrs_criminal_act": "data_year criminal_act_id offense_id",
    "nibrs_suspect_using": "data_year suspect_using_id offense_id",
    "nibrs_victim": "data_year victim_id incident_id victim_seq_num victim_type_id assignment_type_id "
    "activity_type_id outside_agency_id age_id age_num sex_code race_id ethnicity_id resident_status_code "
    "age_range_low_num age_code_range_high",
    "nibrs_victim_offense": "data_year victim_id offense_id",
    "nibrs_victim_injury": "data_year victim_id injury_id",
    "nibrs_victim_circumstances": "data_year victim_id circumstances_id justifiable_force_id",
    "nibrs_victim_offender_rel": "data_year victim_id offender_id relationship_id nibrs_victim_offender_id",
    "nibrs_offender": "data_year offender_id incident_id offender_seq_num age_id age_num sex_code race_id "
    "ethnicity_id age_range_low_num age_range_high_num",
    "nibrs_property": "data_year property_id incident_id prop_loss_id stolen_count recovered_count",
    "nibrs_property_desc": "data_year property_id prop_desc_id property_value date_recovered nibrs_prop_desc_id",
    "nibrs_suspected_drug": "data_year suspected_drug_type_id property_id est_drug_qty drug_measure_type_id "
    "nibrs_suspected_drug_id",
    "nibrs_arrestee": "data_year arrestee_id incident_id arrestee_seq_num arrest_date arrest_type_id "
    "multiple_indicator offense_code age_id age_num sex_code race_id ethnicity_id resident_code "
    "under_18_disposition_code clearance_ind age_range_low_num age_range_high_num",
    "nibrs_arrestee_weapon": "data_year arrestee_id nibrs_arrestee_weapon_id weapon_id",
    "nibrs_arrestee_groupb": "data_year groupb_arrestee_id arrestee_seq_num arrest_date arrest_type_id offense_code "
    "age_id age_num sex_code race_id ethnicity_id resident_code under_18_disposition_code age_range_low_num "
    "age_range_high_num",
    "nibrs_arrestee_groupb_weapon": "data_year groupb_arrestee_id weapon_code weapon_id",
}

_LOOKUPS: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
    "nibrs_activity_type": (
        "activity_type_id activity_type_code activity_type_name",
        [(1, "01", "Disturbance")],
    ),
    "nibrs_age": (
        "age_id age_code age_name",
        [
            (1, "NN", "Under 24 Hours"),
            (2, "NB", "1-6 Days Old"),
            (3, "BB", "7-364 Days Old"),
            (103, "00", "Unknown"),
            (104, "NS", "Not Specified"),
            *((year + 3, f"{year:02}", f"{year} Years Old") for year in range(1, 99)),
            (102, "99", "Over 98 Years Old"),
        ],
    ),
    "nibrs_arrest_type": (
        "arrest_type_id arrest_type_code arrest_type_name",
        [(1, "O", "On View"), (2, "S", "Cited")],
    ),
    "nibrs_assignment_type": (
        "assignment_type_id assignment_type_code assignment_type_name",
        [(1, "F", "Two-Officer Vehicle")],
    ),
    "nibrs_bias_list": (
        "bias_id bias_code bias_category bias_desc",
        [
            (15, "15", "Race", "Anti-Multiple Races, Group"),
            (17, "31", "Race", "Anti-Arab"),
            (88, "88", "None", "None"),
        ],
    ),
    "nibrs_circumstances": (
        "circumstances_id circumstance_type circumstance_code circumstance_name",
        [
            (20, "J", 20, "Criminal Killed by Private Citizen"),
            (21, "J", 21, "Criminal Killed by Police Officer"),
        ],
    ),
    "nibrs_cleared_except": (
        "cleared_except_id cleared_except_code cleared_except_name cleared_except_desc",
        [(1, "A", "Death", "Death"), (6, "N", "Not Applicable", "Not Applicable")],
    ),
    "nibrs_criminal_act_type": (
        "criminal_act_id criminal_act_code criminal_act_name criminal_act_desc",
        [(6, "P", "Possessing", "Possessing")],
    ),
    "nibrs_drug_measure_type": (
        "drug_measure_type_id drug_measure_code drug_measure_name",
        [(1, "GM", "Gram")],
    ),
    "nibrs_ethnicity": (
        "ethnicity_id ethnicity_code ethnicity_name",
        [(10, "H", "Hispanic"), (20, "N", "Not Hispanic"), (40, "U", "Unknown"), (50, "X", "Not Specified")],
    ),
    "nibrs_injury": ("injury_id injury_code injury_name", [(4, "M", "Minor Injury"), (5, "N", "None")]),
    "nibrs_justifiable_force": (
        "justifiable_fore_id justifiable_force_code justifiable_force_name",
        [(1, "A", "Criminal Attacked Police Officer")],
    ),
    "nibrs_location_type": (
        "location_id location_code location_name",
        [(1, "37", "Abandoned"), (35, "20", "Home")],
    ),
    "nibrs_offense_type": (
        "offense_code offense_name crime_against ct_flag hc_flag hc_code offense_category_name offense_group",
        [
            ("35A", "Drug Violations", "Society", "f", "f", "  ", "Drug Offenses", "A"),
            ("90Z", "All Other Offenses", "Society", "f", "f", "  ", "All Other Offenses", "B"),
        ],
    ),
    "nibrs_prop_desc_type": (
        "prop_desc_id prop_desc_name prop_desc_code",
        [(10, "Drugs", "10"), (49, "Armor", "59")],
    ),
    "nibrs_prop_loss_type": (
        "prop_loss_id prop_loss_name prop_loss_desc",
        [(6, "Seized", "Seized"), (7, "Stolen", "Stolen, etc.")],
    ),
    "nibrs_relationship": (
        "relationship_id relationship_code relationship_name",
        [(1, "AQ", "Acquaintance"), (24, "ST", "Stranger")],
    ),
    "nibrs_suspected_drug_type": (
        "suspected_drug_type_id suspected_drug_code suspected_drug_name",
        [(4, "D", "Heroin")],
    ),
    "nibrs_using_list": (
        "suspect_using_id suspect_using_code suspect_using_name",
        [(4, "N", "Not Applicable")],
    ),
    "nibrs_victim_type": (
        "victim_type_id victim_type_code victim_type_name",
        [(1, "B", "Business"), (4, "I", "Individual"), (5, "L", "Officer"), (8, "S", "Society")],
    ),
    "nibrs_weapon_type": (
        "weapon_id weapon_code weapon_name shr_flag",
        [
            (41, "40", "Personal Weapons", "t"),
            (51, "01", "Unarmed", "f"),
            (3, "11A", "Firearm (Automatic)", "f"),
        ],
    ),
    "ref_race": (
        "race_id race_code race_desc sort_order start_year end_year notes",
        [
            (98, "U", "Unknown", 98, None, None, "Unknown"),
            (10, "W", "White", 10, None, None, ""),
            (99, "NS", "Not Specified", 99, None, None, ""),
        ],
    ),
    "ref_state": (
        "state_id division_id state_name state_code state_abbr state_postal_abbr state_fips_code "
        "state_pub_freq_months change_user",
        [(52, 2, "Vermont", "44", "VT", "VT", "50", 12, None)],
    ),
}

HEADERS |= {member: header for member, (header, _) in _LOOKUPS.items()}

_ADULT = {"age_id": 37, "age_num": 34, "sex_code": "M", "race_id": 10, "ethnicity_id": 20}

_AGENCY = {
    "ori": "VT0010000",
    "legacy_ori": "VT0010000",
    "dormant_flag": "N",
    "reporting_type": "I",
    "ucr_agency_name": "ADDISON",
    "agency_status": "A",
    "state_name": "Vermont",
    "region_code": 1,
    "agency_type_name": "County",
    "population": 3763,
    "population_group_code": "8D",
    "population_group_desc": "Non-MSA counties under 10,000",
    "male_officer": 9,
    "female_officer": 1,
    "nibrs_start_date": "2004-01-01",
    "covered_flag": "N",
    "county_name": "ADDISON",
    "msa_name": "Not Specified",
    "participated": "Y",
}

_INCIDENT = {
    "agency_id": 1,
    "cargo_theft_flag": "f",
    "incident_date": "2024-02-06",
    "report_date_flag": "f",
    "incident_hour": 12,
    "cleared_except_id": 6,
    "incident_status": "ACCEPTED",
}

#: The columns that take the number of the incident.
_KEYS = (
    "incident_id",
    "offense_id",
    "victim_id",
    "offender_id",
    "property_id",
    "arrestee_id",
    "groupb_arrestee_id",
    "nibrs_suspected_drug_id",
)

#: What every row of a child member holds unless it says otherwise.
DEFAULTS: dict[str, dict[str, Any]] = {
    "nibrs_offense": {"offense_code": "35A", "attempt_complete_flag": "C", "location_id": 35},
    "nibrs_bias_motivation": {"bias_id": 88},
    "nibrs_weapon": {"weapon_id": 41},
    "nibrs_criminal_act": {"criminal_act_id": 6},
    "nibrs_suspect_using": {"suspect_using_id": 4},
    "nibrs_victim": {"victim_seq_num": 1, "victim_type_id": 4, **_ADULT, "resident_status_code": "R"},
    "nibrs_victim_injury": {"injury_id": 5},
    "nibrs_victim_circumstances": {"circumstances_id": 21, "justifiable_force_id": 1},
    "nibrs_victim_offender_rel": {"relationship_id": 24},
    "nibrs_offender": {"offender_seq_num": 1, **_ADULT},
    "nibrs_property": {"prop_loss_id": 6},
    "nibrs_property_desc": {"prop_desc_id": 10, "property_value": 25},
    "nibrs_suspected_drug": {"suspected_drug_type_id": 4, "est_drug_qty": "1.500", "drug_measure_type_id": 1},
    "nibrs_arrestee": {
        "arrestee_seq_num": 1,
        "arrest_date": "2024-02-07",
        "arrest_type_id": 1,
        "multiple_indicator": "N",
        "offense_code": "35A",
        **_ADULT,
        "resident_code": "R",
    },
    "nibrs_arrestee_weapon": {"weapon_id": 51},
    "nibrs_arrestee_groupb": {
        "groupb_arrestee_id": 1,
        "arrestee_seq_num": 1,
        "arrest_date": "2024-03-01",
        "arrest_type_id": 2,
        "offense_code": "90Z",
        **_ADULT,
        "resident_code": "R",
    },
    "nibrs_arrestee_groupb_weapon": {"groupb_arrestee_id": 1, "weapon_code": "01", "weapon_id": 51},
}


def build_tables(
    agencies: Sequence[Row] = ({},),
    incidents: Sequence[Row] = ({},),
    *,
    year: int = 2024,
    state: str = "VT",
    **overrides: Sequence[Row] | str | bytes | None,
) -> Tables:
    """The members of a zip, by lower-cased base name.

    Args:
        agencies: rows; what they leave out is filled in, agency ids from 1.
        incidents: rows; what they leave out is filled in, incident ids from 1. Each incident brings one row of every
            child member, all with the incident's id, so that every key is the same number.
        year, state: of the zip.
        overrides: by member, rows that replace it (filled from DEFAULTS), its raw content, or None to leave it out.
    """
    tables: Tables = {
        "agencies": [
            {"agency_id": number, "data_year": year, "state_abbr": state, **_AGENCY, **row}
            for number, row in enumerate(agencies, start=1)
        ],
        "nibrs_incident": [
            {
                "data_year": year,
                "incident_id": number,
                "nibrs_month_id": number,
                "did": number,
                **_INCIDENT,
                **row,
            }
            for number, row in enumerate(incidents, start=1)
        ],
        "nibrs_month": [],
    }
    for member, (header, rows) in _LOOKUPS.items():
        tables[member] = [dict(zip(header.split(), row, strict=True)) for row in rows]
    for member, default in DEFAULTS.items():
        is_group_b = "groupb" in member
        keys = [name for name in _KEYS if name in HEADERS[member].split()]
        tables[member] = [
            {"data_year": year, **dict.fromkeys(keys, incident["incident_id"]), **default}
            for incident in ([{"incident_id": 1}] if is_group_b else tables["nibrs_incident"])
        ]
    tables["nibrs_victim_offense"] = [
        {"data_year": year, "victim_id": incident["incident_id"], "offense_id": incident["incident_id"]}
        for incident in tables["nibrs_incident"]
    ]
    tables["nibrs_month"] = [
        {
            "data_year": year,
            "nibrs_month_id": incident["nibrs_month_id"],
            "did": incident["did"],
            "agency_id": incident["agency_id"],
            "month_num": int(incident["incident_date"][5:7]),
            "reported_status": "I",
        }
        for incident in tables["nibrs_incident"]
    ]
    for member, content in overrides.items():
        if content is None:
            del tables[member]
        elif isinstance(content, str | bytes):
            tables[member] = content
        else:
            tables[member] = [{"data_year": year, **DEFAULTS.get(member, {}), **row} for row in content]
    return tables


def write_zip(path: Path, tables: Tables, *, folder: str = "", compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write members, each as ``<folder><BASE NAME>.csv``, with a README beside them."""
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr(f"{folder}README.md", "# ABOUT THIS DATA\n")
        for member, content in tables.items():
            text = content if isinstance(content, str | bytes) else as_csv(member, content)
            file.writestr(f"{folder}{member if member == 'agencies' else member.upper()}.csv", text)
    return path


def build_zip(path: Path, agencies: Sequence[Row] = ({},), incidents: Sequence[Row] = ({},), **overrides: Any) -> Path:
    """Write a whole zip; see :func:`build_tables` for the arguments."""
    return write_zip(path, build_tables(agencies, incidents, **overrides))


def as_csv(member: str, rows: Sequence[Row]) -> str:
    """A member's text; values outside its header are ignored."""
    text = io.StringIO()
    writer = csv.DictWriter(text, HEADERS[member].split(), extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
