"""The two layouts of the Crime Data Explorer's zips as data: the cells of each member.

Era 1 is the layout of data years 2016 to 2020, era 2 that of 2021 and later. Headers are in lower case here; era 1
writes them in upper case.

Source: docs/develop/adding-a-source.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ERAS = (1, 2)
#: First data year of era 2, and of its Group B members.
ERA_2_FIRST_YEAR = 2021
GROUP_B_FIRST_YEAR = 2022

Kind = Literal["text", "date", "yes_no", "true_false", "report", "id", "age_years", "age_high", "row"]


@dataclass(frozen=True)
class Cell:
    """Rule that computes a cell from a column of the rows.

    Attributes:
        column: the column; not used if ``kind`` is "row".
        kind: ``text`` as it is; ``date`` as the era writes dates; ``yes_no`` Y and N in both eras; ``true_false`` Y
            and N in era 1, t and f in era 2; ``report`` R or nothing in era 1, t or f in era 2; ``id`` the era's
            number of a code; ``age_years`` the age as a number or word; ``age_high`` the upper end of an age range;
            ``row`` the number of the row in era 1, nothing in era 2.
        codes: code list of an ``id``.
        if_missing: text for a missing ``id`` or ``text``, by era.
    """

    column: str = ""
    kind: Kind = "text"
    codes: str = ""
    if_missing: Mapping[int, str] | None = None


@dataclass(frozen=True)
class Constant:
    """A cell with the same value on every row, by era; '' is empty."""

    era_1: str = ""
    era_2: str = ""


@dataclass(frozen=True)
class OnlyIn:
    """A cell whose column exists only in one era."""

    era: int
    cell: Cell | Constant


Layout = Mapping[str, Cell | Constant | OnlyIn]


@dataclass(frozen=True)
class Member:
    """A member of the zip.

    Attributes:
        name: base name without extension, as the publisher spells it.
        rows: name of the table from which it is written: a dataset or a part of one, ``code:`` and a code list, or
            ``agencies`` and ``months``, which the renderer computes.
        layout: header -> cell, in order. Text after a ``#`` is not written; it distinguishes equal headers.
    """

    name: str
    rows: str
    layout: Layout


def _date(column: str) -> Cell:
    return Cell(column, "date")


def _yes_no(column: str) -> Cell:
    return Cell(column, "yes_no")


def _id(column: str, codes: str, era_1: str = "", era_2: str = "") -> Cell:
    return Cell(column, "id", codes, {1: era_1, 2: era_2})


_EMPTY = Constant()
_ROW = Cell(kind="row")
_YEAR = Cell("zip_year")

#: Codes for unknown traits in the two layouts: "not specified", which era 1 does not have for ethnicity.
_PERSON: Layout = {
    "age_id": _id("age_code", "age", era_1="0", era_2="104"),
    "age_num": Cell("age_code", "age_years"),
    "sex_code": Cell("sex_code", if_missing={1: "X", 2: "X"}),
    "race_id": _id("race_code", "race", era_1="99", era_2="99"),
    "ethnicity_id": _id("ethnicity_code", "ethnicity", era_2="50"),
}
_AGE_LOW = Cell("age_low_years")
_AGE_HIGH = Cell("age_high_years", "age_high")

AGENCIES = Member(
    "agencies",
    "agencies",
    {
        "yearly_agency_id": Cell("yearly_agency_id"),
        "agency_id": Cell("agency_id"),
        "data_year": Cell("data_year"),
        "ori": Cell("ori"),
        "legacy_ori": Cell("legacy_ori"),
        "covered_by_legacy_ori": Cell("covered_by_ori"),
        "direct_contributor_flag": _yes_no("is_direct_contributor"),
        "dormant_flag": _yes_no("is_dormant"),
        "dormant_year": _EMPTY,
        "reporting_type": Cell("reporting_type"),
        "ucr_agency_name": Cell("agency_name"),
        "ncic_agency_name": Cell("ncic_agency_name"),
        "pub_agency_name": Cell("published_agency_name"),
        "pub_agency_unit": Cell("published_agency_unit"),
        "agency_status": Cell("agency_status"),
        "state_id": Cell("state_id"),
        "state_name": Cell("state_name"),
        "state_abbr": Cell("state_abbr"),
        "state_postal_abbr": Cell("state_postal_abbr"),
        "division_code": Cell("division_code"),
        "division_name": Cell("division_name"),
        "region_code": Cell("region_code"),
        "region_name": Cell("region_name"),
        "region_desc": Cell("region_desc"),
        "agency_type_name": Cell("agency_type_name"),
        "population": Cell("population"),
        "submitting_agency_id": Cell("submitting_agency_id"),
        "sai": Cell("submitting_agency_sai"),
        "submitting_agency_name": Cell("submitting_agency_name"),
        "suburban_area_flag": _yes_no("is_suburban"),
        "population_group_id": Cell("population_group_id"),
        "population_group_code": Cell("population_group_code"),
        "population_group_desc": Cell("population_group_desc"),
        "parent_pop_group_code": Cell("parent_code"),
        "parent_pop_group_desc": Cell("parent_label"),
        "mip_flag": _yes_no("is_most_in_population"),
        "pop_sort_order": Cell("population_group_id"),
        "summary_rape_def": _EMPTY,
        "pe_reported_flag": _yes_no("has_police_employees"),
        "male_officer": Cell("male_officers"),
        "male_civilian": Cell("male_civilians"),
        "PED.male_officer+PED.male_civilian": OnlyIn(1, Cell("males")),
        "male_officer+male_civilian": OnlyIn(2, Cell("males")),
        "female_officer": Cell("female_officers"),
        "female_civilian": Cell("female_civilians"),
        "PED.female_civilian+PED.female_officer": OnlyIn(1, Cell("females")),
        "female_officer+female_civilian": OnlyIn(2, Cell("females")),
        "0": OnlyIn(1, Constant("0")),
        "0#2": OnlyIn(1, Constant("0")),
        "officer_rate": OnlyIn(2, Cell("officer_rate")),
        "employee_rate": OnlyIn(2, Cell("employee_rate")),
        "nibrs_cert_date": _date("nibrs_certification_date"),
        "nibrs_start_date": _date("nibrs_start_date"),
        "nibrs_leoka_start_date": _date("nibrs_leoka_start_date"),
        "nibrs_ct_start_date": _date("nibrs_cargo_theft_start_date"),
        "nibrs_multi_bias_start_date": _date("nibrs_multi_bias_start_date"),
        "nibrs_off_eth_start_date": _date("nibrs_offender_ethnicity_start_date"),
        "covered_flag": _yes_no("is_covered"),
        "county_name": Cell("counties"),
        "msa_name": Cell("areas", if_missing={1: "Non-MSA", 2: "Not Specified"}),
        "publishable_flag": _yes_no("is_publishable"),
        "participated": Constant("Y", "Y"),
        "nibrs_participated": _yes_no("has_participated_nibrs"),
    },
)

#: Era 1 has one row for each agency and month, era 2 one for each incident.
MONTH = Member(
    "NIBRS_month",
    "months",
    {
        "data_year": Cell("form_year"),
        "nibrs_month_id": Cell("nibrs_month_id"),
        "agency_id": Cell("agency_id"),
        "month_num": Cell("form_month"),
        "data_year#2": OnlyIn(1, Cell("form_year")),
        "inc_data_year": OnlyIn(2, Cell("form_year")),
        "reported_status": Cell("status"),
        "report_date": _EMPTY,
        "update_flag": Constant("N"),
        "orig_format": Constant("F", "F"),
        "data_home": Constant("C"),
        "ddocname": Cell("document"),
        "did": Cell("did"),
        "month_pub_status": Constant("0"),
    },
)

_ARREST: Layout = {
    "arrestee_seq_num": Cell("sequence_number"),
    "arrest_date": _date("arrest_date"),
    "arrest_type_id": _id("arrest_type_code", "arrest_type"),
}
_OFFENSE: Layout = {
    "offense_type_id": OnlyIn(1, _id("offense_code", "offense")),
    "offense_code": OnlyIn(2, Cell("offense_code")),
}
_ARRESTEE: Layout = {
    **_PERSON,
    "resident_code": Cell("resident_code"),
    "under_18_disposition_code": Cell("under_18_disposition_code"),
}
_AGE_RANGE: Layout = {"age_range_low_num": _AGE_LOW, "age_range_high_num": _AGE_HIGH}

SEGMENTS = (
    Member(
        "NIBRS_incident",
        "incident",
        {
            "data_year": Cell("data_year"),
            "agency_id": Cell("agency_id"),
            "incident_id": Cell("incident_id"),
            "nibrs_month_id": Cell("nibrs_month_id"),
            "cargo_theft_flag": Cell("is_cargo_theft", "true_false"),
            "submission_date": _date("submission_date"),
            "incident_date": _date("incident_date"),
            "report_date_flag": Cell("is_report_date", "report"),
            "incident_hour": Cell("incident_hour"),
            "cleared_except_id": _id("cleared_exceptionally_code", "cleared_exceptionally"),
            "cleared_except_date": _date("cleared_exceptionally_date"),
            "incident_status": Constant("0", "ACCEPTED"),
            "data_home": Constant("C"),
            "orig_format": Constant("F", "F"),
            "did": Cell("did"),
        },
    ),
    Member(
        "NIBRS_OFFENSE",
        "offense",
        {
            "data_year": _YEAR,
            "offense_id": Cell("offense_id"),
            "incident_id": Cell("incident_id"),
            **_OFFENSE,
            "attempt_complete_flag": Cell("attempt_complete_code"),
            "location_id": _id("location_code", "location"),
            "num_premises_entered": Cell("premises_entered"),
            "method_entry_code": Cell("method_of_entry_code"),
        },
    ),
    Member(
        "NIBRS_BIAS_MOTIVATION",
        "offense_bias",
        {"data_year": _YEAR, "bias_id": _id("bias_code", "bias"), "offense_id": Cell("offense_id")},
    ),
    Member(
        "NIBRS_WEAPON",
        "offense_weapon",
        {
            "data_year": _YEAR,
            "weapon_id": _id("weapon_code", "weapon"),
            "offense_id": Cell("offense_id"),
            "nibrs_weapon_id": _ROW,
        },
    ),
    Member(
        "NIBRS_CRIMINAL_ACT",
        "offense_activity",
        {
            "data_year": _YEAR,
            "criminal_act_id": _id("activity_code", "criminal_activity"),
            "offense_id": Cell("offense_id"),
        },
    ),
    Member(
        "NIBRS_SUSPECT_USING",
        "offense_using",
        {
            "data_year": _YEAR,
            "suspect_using_id": _id("using_code", "suspected_using"),
            "offense_id": Cell("offense_id"),
        },
    ),
    Member(
        "NIBRS_VICTIM",
        "victim",
        {
            "data_year": _YEAR,
            "victim_id": Cell("victim_id"),
            "incident_id": Cell("incident_id"),
            "victim_seq_num": Cell("sequence_number"),
            "victim_type_id": _id("victim_type_code", "victim_type"),
            "assignment_type_id": _id("assignment_code", "officer_assignment"),
            "activity_type_id": _id("activity_code", "officer_activity"),
            "outside_agency_id": Cell("outside_agency_id"),
            **_PERSON,
            "resident_status_code": Cell("resident_code"),
            "age_range_low_num": _AGE_LOW,
            "age_range_high_num": OnlyIn(1, _AGE_HIGH),
            "age_code_range_high": OnlyIn(2, _AGE_HIGH),
        },
    ),
    Member(
        "NIBRS_VICTIM_OFFENSE",
        "victim_offense",
        {"data_year": _YEAR, "victim_id": Cell("victim_id"), "offense_id": Cell("offense_id")},
    ),
    Member(
        "NIBRS_VICTIM_INJURY",
        "victim_injury",
        {"data_year": _YEAR, "victim_id": Cell("victim_id"), "injury_id": _id("injury_code", "injury")},
    ),
    Member(
        "NIBRS_VICTIM_CIRCUMSTANCES",
        "victim_circumstance",
        {
            "data_year": _YEAR,
            "victim_id": Cell("victim_id"),
            "circumstances_id": _id("circumstance_code", "circumstance"),
            "justifiable_force_id": _id("justifiable_force_code", "justifiable_force"),
        },
    ),
    Member(
        "NIBRS_OFFENDER",
        "offender",
        {
            "data_year": _YEAR,
            "offender_id": Cell("offender_id"),
            "incident_id": Cell("incident_id"),
            "offender_seq_num": Cell("sequence_number"),
            **_PERSON,
            **_AGE_RANGE,
        },
    ),
    Member(
        "NIBRS_VICTIM_OFFENDER_REL",
        "victim_offender",
        {
            "data_year": _YEAR,
            "victim_id": Cell("victim_id"),
            "offender_id": Cell("offender_id"),
            "relationship_id": _id("relationship_code", "relationship"),
            "nibrs_victim_offender_id": _ROW,
        },
    ),
    Member(
        "NIBRS_PROPERTY",
        "property",
        {
            "data_year": _YEAR,
            "property_id": Cell("property_id"),
            "incident_id": Cell("incident_id"),
            "prop_loss_id": Cell("loss_code"),
            "stolen_count": Cell("stolen_vehicles"),
            "recovered_count": Cell("recovered_vehicles"),
        },
    ),
    Member(
        "NIBRS_PROPERTY_DESC",
        "property_item",
        {
            "data_year": _YEAR,
            "property_id": Cell("property_id"),
            "prop_desc_id": _id("description_code", "property_description"),
            "property_value": Cell("value_usd"),
            "date_recovered": _date("recovered_date"),
            "nibrs_prop_desc_id": _ROW,
        },
    ),
    Member(
        "NIBRS_SUSPECTED_DRUG",
        "drug",
        {
            "data_year": _YEAR,
            "suspected_drug_type_id": _id("drug_code", "drug"),
            "property_id": Cell("property_id"),
            "est_drug_qty": Cell("quantity"),
            "drug_measure_type_id": _id("measure_code", "drug_measure"),
            "nibrs_suspected_drug_id": Cell("drug_id"),
        },
    ),
    Member(
        "NIBRS_ARRESTEE",
        "arrestee",
        {
            "data_year": _YEAR,
            "arrestee_id": Cell("arrestee_id"),
            "incident_id": Cell("incident_id"),
            **_ARREST,
            "multiple_indicator": Cell("multiple_code"),
            **_OFFENSE,
            **_ARRESTEE,
            "clearance_ind": _EMPTY,
            **_AGE_RANGE,
        },
    ),
    Member(
        "NIBRS_ARRESTEE_WEAPON",
        "arrestee_weapon",
        {
            "data_year": _YEAR,
            "arrestee_id": Cell("arrestee_id"),
            "nibrs_arrestee_weapon_id": OnlyIn(2, _ROW),
            "weapon_id": _id("weapon_code", "weapon"),
            "nibrs_arrestee_weapon_id#2": OnlyIn(1, _ROW),
        },
    ),
)

#: Only in era 2 from data year 2022 on: without agency, month and incident.
GROUP_B = (
    Member(
        "NIBRS_ARRESTEE_GROUPB",
        "arrestee_group_b",
        {
            "data_year": _YEAR,
            "groupb_arrestee_id": Cell("arrestee_id"),
            **_ARREST,
            "offense_code": Cell("offense_code"),
            **_ARRESTEE,
            **_AGE_RANGE,
        },
    ),
    Member(
        "NIBRS_ARRESTEE_GROUPB_WEAPON",
        "arrestee_weapon_group_b",
        {
            "data_year": _YEAR,
            "groupb_arrestee_id": Cell("arrestee_id"),
            "weapon_code": Cell("weapon_code"),
            "weapon_id": _id("weapon_code", "weapon"),
        },
    ),
)


#: Column with the number of a code in the era; the renderer computes it.
_LIST_ID = Cell("id")
_CODE, _LABEL = Cell("code"), Cell("label")


def _lookup(name: str, codes: str, stem: str, code: str = "", **more: Cell | OnlyIn) -> Member:
    """A lookup table of id, code and name, whose headers have the same prefix."""
    code = code or stem
    return Member(
        f"NIBRS_{name}",
        f"code:{codes}",
        {f"{stem}_id": _LIST_ID, f"{code}_code": _CODE, f"{code}_name": _LABEL, **more},
    )


LOOKUPS = (
    _lookup("ACTIVITY_TYPE", "officer_activity", "activity_type"),
    _lookup("AGE", "age", "age"),
    _lookup("ARREST_TYPE", "arrest_type", "arrest_type"),
    _lookup("ASSIGNMENT_TYPE", "officer_assignment", "assignment_type"),
    Member(
        "NIBRS_BIAS_LIST",
        "code:bias",
        {"bias_id": _LIST_ID, "bias_code": _CODE, "bias_category": Cell("category"), "bias_desc": _LABEL},
    ),
    Member(
        "NIBRS_CIRCUMSTANCES",
        "code:circumstance",
        {
            "circumstances_id": _LIST_ID,
            "circumstance_type": Cell("circumstance_type"),
            "circumstance_code": _CODE,
            "circumstance_name": _LABEL,
        },
    ),
    _lookup("CLEARED_EXCEPT", "cleared_exceptionally", "cleared_except", cleared_except_desc=_LABEL),
    _lookup("CRIMINAL_ACT_TYPE", "criminal_activity", "criminal_act", criminal_act_desc=_LABEL),
    _lookup("DRUG_MEASURE_TYPE", "drug_measure", "drug_measure_type", "drug_measure"),
    _lookup("ETHNICITY", "ethnicity", "ethnicity"),
    _lookup("INJURY", "injury", "injury"),
    # The publisher misspells the header of this id.
    _lookup("JUSTIFIABLE_FORCE", "justifiable_force", "justifiable_fore", "justifiable_force"),
    _lookup("LOCATION_TYPE", "location", "location"),
    Member(
        "NIBRS_OFFENSE_TYPE",
        "code:offense",
        {
            "offense_type_id": OnlyIn(1, _LIST_ID),
            "offense_code": _CODE,
            "offense_name": _LABEL,
            "crime_against": Cell("crime_against"),
            "ct_flag": Cell("is_cargo_theft_eligible", "true_false"),
            "hc_flag": Cell("is_hate_crime_eligible", "true_false"),
            "hc_code": Cell("hate_crime_code"),
            "offense_category_name": Cell("category"),
            "offense_group": Cell("offense_group"),
        },
    ),
    Member(
        "NIBRS_PROP_DESC_TYPE",
        "code:property_description",
        {"prop_desc_id": _LIST_ID, "prop_desc_name": _LABEL, "prop_desc_code": _CODE},
    ),
    # This lookup table has no code: the id is the code.
    Member(
        "NIBRS_PROP_LOSS_TYPE",
        "code:property_loss",
        {"prop_loss_id": _CODE, "prop_loss_name": _LABEL, "prop_loss_desc": _LABEL},
    ),
    _lookup(
        "RELATIONSHIP", "relationship", "relationship", relationship_type_id=OnlyIn(1, Cell("relationship_type_code"))
    ),
    _lookup("SUSPECTED_DRUG_TYPE", "drug", "suspected_drug_type", "suspected_drug"),
    _lookup("USING_LIST", "suspected_using", "suspect_using"),
    _lookup("VICTIM_TYPE", "victim_type", "victim_type"),
    _lookup("WEAPON_TYPE", "weapon", "weapon", shr_flag=Cell("is_used_in_shr", "true_false")),
    Member(
        "REF_RACE",
        "code:race",
        {
            "race_id": _LIST_ID,
            "race_code": _CODE,
            "race_desc": _LABEL,
            "sort_order": _LIST_ID,
            "start_year": Cell("valid_from"),
            "end_year": Cell("valid_to"),
            "notes": _EMPTY,
        },
    ),
    Member(
        "REF_STATE",
        "code:state",
        {
            "state_id": Cell("state_id"),
            "division_id": Cell("division_id"),
            "state_name": Cell("state_name"),
            "state_code": _EMPTY,
            "state_abbr": Cell("state_abbr"),
            "state_postal_abbr": Cell("state_postal_abbr"),
            "state_fips_code": Cell("state_fips"),
            "state_pub_freq_months": Constant("12", "12"),
            "change_user": _EMPTY,
        },
    ),
)

#: Era 1 has one id for all years of age, with the number in another column: id, code, name.
ERA_1_YEARS = (5, "AG", "Age in Years")

#: Codes that are newer than the lookup tables of an era: list -> code -> code that was reported earlier.
NEAREST_OLDER: Mapping[str, Mapping[str, str]] = {
    "relationship": {"CO": "OK", "FC": "OF", "FP": "OF"},
    "suspected_using": {"R": "N"},
    "criminal_activity": {"R": "P", "W": "O"},
    "injury": {"G": "O"},
    "weapon": {
        f"2{kind}{automatic}": f"1{kind}{automatic}" for kind in ("1", "2", "3", "4", "5") for automatic in ("", "A")
    },
}


def members(era: int, year: int) -> tuple[Member, ...]:
    """The members of a zip, in the order in which they are written."""
    group_b = GROUP_B if era == 2 and year >= GROUP_B_FIRST_YEAR else ()
    return (AGENCIES, MONTH, *SEGMENTS, *group_b, *LOOKUPS)
