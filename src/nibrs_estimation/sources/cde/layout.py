"""The layouts of the zips as data: the member and header of each column of the datasets.

Data years 2016 to 2020 and those from 2021 on differ in a few headers, for which all names are given here, and in the
meaning of ids, which is in the lookup tables of each zip. The first issue of 2016 differs only in its agencies, which
are in two members.
Source: members and headers of the FBI's public download, in the layouts before 2021 and since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from nibrs_estimation.model import agency, incident
from nibrs_estimation.model.fields import MONTHS
from nibrs_estimation.model.intake import SYNTHETIC_MEMBER
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.sources.intake.archive import Archive

#: Codes for "not specified", which mean a missing value (data dictionary).
NOT_SPECIFIED = {"age_code": "NS", "sex_code": "X", "race_code": "NS", "ethnicity_code": "X"}


def name_in(header: Sequence[str], names: str) -> str:
    """The first of several names, separated by "|", that is in a header; otherwise the first name."""
    return next((name for name in names.split("|") if name in header), names.split("|", maxsplit=1)[0])


@dataclass(frozen=True)
class Field:
    """A column of a member.

    Attributes:
        header: name of the column in lower case; names in other years follow after "|".
        type: a key of ``COLUMN_TYPES``, or "age" for ``age_num``.
        is_required: whether rows without a value are set aside.
        codes: the allowed values, or empty.
        not_specified: the code for a missing value.
        may_be_absent: whether a member may lack the column; it is then missing on every row.
        code_list: name of its code list, or None.
    """

    header: str
    type: str
    is_required: bool = False
    codes: tuple[Any, ...] = ()
    not_specified: str = ""
    may_be_absent: bool = False
    code_list: str | None = None


@dataclass(frozen=True)
class Lookup:
    """A lookup table: its member, and the headers of the id (a number unless ``is_text``) and the code.

    Names in other years follow after "|".
    """

    member: str
    id: str
    code: str
    is_text: bool = False


@dataclass(frozen=True)
class Segment:
    """Mapping of a member to rows of a dataset.

    Attributes:
        member: lower-cased base name without extension.
        dataset: the dataset; two members may be mapped to one dataset.
        headers: column of the dataset -> header of the member; the other columns are computed.
        constants: columns with the same value on every row.
        extra: fields that are read to compute other columns, and then dropped.
    """

    member: str
    dataset: Dataset
    headers: Mapping[str, str]
    constants: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Field] = field(default_factory=dict)

    @property
    def fields(self) -> dict[str, Field]:
        """The fields that are read, by column; type and requirement are those of the dataset."""
        declared = {
            name: Field(
                header,
                column.type,
                not column.is_nullable,
                column.codes,
                NOT_SPECIFIED.get(name, ""),
                code_list=column.code_list,
            )
            for name, header in self.headers.items()
            for column in (self.dataset.column(name),)
        }
        return {**declared, **self.extra}


AGENCIES = "agencies"
#: The agencies of the first issue of 2016: those that reported incidents, and all agencies of the state.
REPORTERS, PARTICIPATION = "cde_agencies", "agency_participation"
MONTH = "nibrs_month"

#: Header of an id -> lookup table of the zip. Ids change between years.
LOOKUPS = {
    "activity_type_id": Lookup("nibrs_activity_type", "activity_type_id", "activity_type_code"),
    "age_id": Lookup("nibrs_age", "age_id", "age_code"),
    "arrest_type_id": Lookup("nibrs_arrest_type", "arrest_type_id", "arrest_type_code"),
    "assignment_type_id": Lookup("nibrs_assignment_type", "assignment_type_id", "assignment_type_code"),
    "bias_id": Lookup("nibrs_bias_list", "bias_id", "bias_code"),
    "circumstances_id": Lookup("nibrs_circumstances", "circumstances_id", "circumstance_code|circumstances_code"),
    "cleared_except_id": Lookup("nibrs_cleared_except", "cleared_except_id", "cleared_except_code"),
    "criminal_act_id": Lookup("nibrs_criminal_act_type", "criminal_act_id", "criminal_act_code"),
    "drug_measure_type_id": Lookup("nibrs_drug_measure_type", "drug_measure_type_id", "drug_measure_code"),
    "ethnicity_id": Lookup("nibrs_ethnicity", "ethnicity_id", "ethnicity_code"),
    "injury_id": Lookup("nibrs_injury", "injury_id", "injury_code"),
    # The publisher has misspelled this header since 2021.
    "justifiable_force_id": Lookup(
        "nibrs_justifiable_force", "justifiable_fore_id|justifiable_force_id", "justifiable_force_code"
    ),
    "location_id": Lookup("nibrs_location_type", "location_id", "location_code"),
    "offense_code": Lookup("nibrs_offense_type", "offense_code", "offense_code", is_text=True),
    "offense_type_id": Lookup("nibrs_offense_type", "offense_type_id", "offense_code"),
    "prop_desc_id": Lookup("nibrs_prop_desc_type", "prop_desc_id", "prop_desc_code"),
    # This lookup table has no code: the id is the code.
    "prop_loss_id": Lookup("nibrs_prop_loss_type", "prop_loss_id", "prop_loss_id"),
    "race_id": Lookup("ref_race", "race_id", "race_code"),
    "relationship_id": Lookup("nibrs_relationship", "relationship_id", "relationship_code"),
    "suspect_using_id": Lookup("nibrs_using_list", "suspect_using_id", "suspect_using_code"),
    "suspected_drug_type_id": Lookup("nibrs_suspected_drug_type", "suspected_drug_type_id", "suspected_drug_code"),
    "victim_type_id": Lookup("nibrs_victim_type", "victim_type_id", "victim_type_code"),
    "weapon_id": Lookup("nibrs_weapon_type", "weapon_id", "weapon_code"),
}

AGENCY = Segment(
    AGENCIES,
    agency.AGENCY,
    {
        "agency_id": "agency_id",
        "ori": "ori",
        "legacy_ori": "legacy_ori",
        "data_year": "data_year",
        "agency_name": "ucr_agency_name",
        "ncic_agency_name": "ncic_agency_name",
        "published_agency_name": "pub_agency_name",
        "published_agency_unit": "pub_agency_unit",
        "covered_by_ori": "covered_by_legacy_ori",
        "state_abbr": "state_abbr",
        "county_name": "county_name",
        "msa_name": "msa_name",
        "population_group_code": "population_group_code",
        "population_group_desc": "population_group_desc",
        "submitting_agency_id": "submitting_agency_id",
        "submitting_agency_sai": "sai",
        "submitting_agency_name": "submitting_agency_name",
        "nibrs_certification_date": "nibrs_cert_date",
        "nibrs_start_date": "nibrs_start_date",
        "nibrs_leoka_start_date": "nibrs_leoka_start_date",
        "nibrs_cargo_theft_start_date": "nibrs_ct_start_date",
        "nibrs_multi_bias_start_date": "nibrs_multi_bias_start_date",
        "nibrs_offender_ethnicity_start_date": "nibrs_off_eth_start_date",
        "male_officers": "male_officer",
        "male_civilians": "male_civilian",
        "female_officers": "female_officer",
        "female_civilians": "female_civilian",
    },
    extra={
        "agency_type_name": Field("agency_type_name", "str"),
        "agency_status": Field("agency_status", "str", codes=("A", "D", "F", "L")),
        "state_name": Field("state_name", "str"),
        "region_code": Field("region_code", "int8"),
        "population": Field("population", "int32"),
        "reporting_type": Field("reporting_type", "str"),
        "is_covered": Field("covered_flag", "bool"),
        "is_dormant": Field("dormant_flag", "bool"),
        "is_direct_contributor": Field("direct_contributor_flag", "bool"),
        "is_publishable": Field("publishable_flag", "bool"),
        "is_suburban": Field("suburban_area_flag", "bool"),
        "is_most_in_population": Field("mip_flag", "bool"),
        "has_participated": Field("participated", "bool"),
        "has_participated_nibrs": Field("nibrs_participated", "bool"),
        "has_police_employees": Field("pe_reported_flag", "bool"),
    },
)

#: Fields of all agencies of the state, in the first issue of 2016.
PARTICIPATION_FIELDS = {
    "agency_id": Field("agency_id", "int32", is_required=True),
    "ori": Field("agency_ori", "str", is_required=True),
    "data_year": Field("year", "int16", is_required=True),
    "state_abbr": Field("state_abbr", "str", is_required=True),
    "state_name": Field("state_name", "str"),
    "agency_name": Field("agency_name", "str"),
    "population": Field("agency_population", "int32"),
    "population_group_code": Field("population_group_code", "str"),
    "population_group_desc": Field("population_group", "str"),
    "months_reported": Field("months_reported", "int8"),
    "nibrs_months_reported": Field("nibrs_months_reported", "int8"),
    "is_covered": Field("covered", "bool"),
    "has_participated": Field("participated", "bool"),
    "has_participated_nibrs": Field("nibrs_participated", "bool"),
}

#: Fields of agencies that reported incidents, in the first issue of 2016.
REPORTER_FIELDS = {
    "agency_id": Field("agency_id", "int32", is_required=True),
    "legacy_ori": Field("legacy_ori", "str"),
    "agency_type_name": Field("agency_type_name", "str"),
    "agency_status": Field("agency_status", "str", codes=("A", "D", "F", "L")),
    "county_name": Field("primary_county", "str"),
    "covered_by_ori": Field("covered_by_ori", "str"),
    "submitting_agency_id": Field("submitting_agency_id", "int32"),
    "submitting_agency_sai": Field("submitting_sai", "str"),
    "submitting_agency_name": Field("submitting_name", "str"),
    "is_suburban": Field("suburban_area_flag", "bool"),
    "nibrs_start_year": Field("current_nibrs_start_year", "int16"),
    "officers": Field("total_officers", "int32"),
}

#: One row for each agency and month until 2020; since then, one for each incident document.
MONTH_FIELDS = {
    "nibrs_month_id": Field("nibrs_month_id", "int64"),
    "did": Field("did", "int64", may_be_absent=True),
    "agency_id": Field("agency_id", "int32", is_required=True),
    "form_year": Field("data_year", "int16", is_required=True),
    "month": Field("month_num", "int8", is_required=True, codes=MONTHS),
    "status": Field("reported_status", "str", codes=("I", "Z", "U")),
}

INCIDENT = Segment(
    "nibrs_incident",
    incident.INCIDENT,
    {
        "incident_id": "incident_id",
        "agency_id": "agency_id",
        "incident_date": "incident_date",
        "incident_hour": "incident_hour",
        "cleared_exceptionally_code": "cleared_except_id",
        "cleared_exceptionally_date": "cleared_except_date",
        "is_cargo_theft": "cargo_theft_flag",
    },
    extra={
        "is_report_date": Field("report_date_flag", "bool"),
        "nibrs_month_id": Field("nibrs_month_id", "int64"),
        "did": Field("did", "int64", may_be_absent=True),
    },
)

_PERSON = {
    "age_code": "age_id",
    "age_low_years": "age_range_low_num",
    "age_high_years": "age_range_high_num",
    "sex_code": "sex_code",
    "race_code": "race_id",
    "ethnicity_code": "ethnicity_id",
}
_AGE = {"age_num": Field("age_num", "age")}
_ARREST = {
    "sequence_number": "arrestee_seq_num",
    "arrest_date": "arrest_date",
    "arrest_type_code": "arrest_type_id",
    "offense_code": "offense_code|offense_type_id",
    **_PERSON,
    "resident_code": "resident_code",
    "under_18_disposition_code": "under_18_disposition_code",
}

#: Parents come before their children.
SEGMENTS = (
    INCIDENT,
    Segment(
        "nibrs_offense",
        incident.OFFENSE,
        {
            "offense_id": "offense_id",
            "incident_id": "incident_id",
            "offense_code": "offense_code|offense_type_id",
            "attempt_complete_code": "attempt_complete_flag",
            "location_code": "location_id",
            "premises_entered": "num_premises_entered",
            "method_of_entry_code": "method_entry_code",
        },
    ),
    Segment("nibrs_bias_motivation", incident.OFFENSE_BIAS, {"offense_id": "offense_id", "bias_code": "bias_id"}),
    Segment("nibrs_weapon", incident.OFFENSE_WEAPON, {"offense_id": "offense_id", "weapon_code": "weapon_id"}),
    Segment(
        "nibrs_criminal_act",
        incident.OFFENSE_ACTIVITY,
        {"offense_id": "offense_id", "activity_code": "criminal_act_id"},
    ),
    Segment(
        "nibrs_suspect_using",
        incident.OFFENSE_USING,
        {"offense_id": "offense_id", "using_code": "suspect_using_id"},
    ),
    Segment(
        "nibrs_victim",
        incident.VICTIM,
        {
            "victim_id": "victim_id",
            "incident_id": "incident_id",
            "sequence_number": "victim_seq_num",
            "victim_type_code": "victim_type_id",
            **_PERSON,
            # This header is different for victims.
            "age_high_years": "age_code_range_high|age_range_high_num",
            "resident_code": "resident_status_code",
            "activity_code": "activity_type_id",
            "assignment_code": "assignment_type_id",
            "outside_agency_id": "outside_agency_id",
        },
        extra=_AGE,
    ),
    Segment(
        "nibrs_victim_offense",
        incident.VICTIM_OFFENSE,
        {"victim_id": "victim_id", "offense_id": "offense_id"},
    ),
    Segment("nibrs_victim_injury", incident.VICTIM_INJURY, {"victim_id": "victim_id", "injury_code": "injury_id"}),
    Segment(
        "nibrs_victim_circumstances",
        incident.VICTIM_CIRCUMSTANCE,
        {
            "victim_id": "victim_id",
            "circumstance_code": "circumstances_id",
            "justifiable_force_code": "justifiable_force_id",
        },
    ),
    Segment(
        "nibrs_offender",
        incident.OFFENDER,
        {
            "offender_id": "offender_id",
            "incident_id": "incident_id",
            "sequence_number": "offender_seq_num",
            **_PERSON,
        },
        extra=_AGE,
    ),
    Segment(
        "nibrs_victim_offender_rel",
        incident.VICTIM_OFFENDER,
        {"victim_id": "victim_id", "offender_id": "offender_id", "relationship_code": "relationship_id"},
    ),
    Segment(
        "nibrs_property",
        incident.PROPERTY,
        {
            "property_id": "property_id",
            "incident_id": "incident_id",
            "loss_code": "prop_loss_id",
            "stolen_vehicles": "stolen_count",
            "recovered_vehicles": "recovered_count",
        },
    ),
    Segment(
        "nibrs_property_desc",
        incident.PROPERTY_ITEM,
        {
            "property_id": "property_id",
            "description_code": "prop_desc_id",
            "value_usd": "property_value",
            "recovered_date": "date_recovered",
        },
    ),
    Segment(
        "nibrs_suspected_drug",
        incident.DRUG,
        {
            "drug_id": "nibrs_suspected_drug_id",
            "property_id": "property_id",
            "drug_code": "suspected_drug_type_id",
            "quantity": "est_drug_qty",
            "measure_code": "drug_measure_type_id",
        },
    ),
    Segment(
        "nibrs_arrestee",
        incident.ARRESTEE,
        {"arrestee_id": "arrestee_id", **_ARREST, "multiple_code": "multiple_indicator"},
        constants={"is_group_b": False},
        # Optional in the dataset because Group B has no incident.
        extra={**_AGE, "incident_id": Field("incident_id", "int64", is_required=True)},
    ),
    Segment(
        "nibrs_arrestee_weapon",
        incident.ARRESTEE_WEAPON,
        {"arrestee_id": "arrestee_id", "weapon_code": "weapon_id"},
        constants={"is_group_b": False},
    ),
    Segment(
        "nibrs_arrestee_groupb",
        incident.ARRESTEE,
        {"arrestee_id": "groupb_arrestee_id", **_ARREST},
        constants={"is_group_b": True},
        extra=_AGE,
    ),
    Segment(
        "nibrs_arrestee_groupb_weapon",
        incident.ARRESTEE_WEAPON,
        {"arrestee_id": "groupb_arrestee_id", "weapon_code": "weapon_id"},
        constants={"is_group_b": True},
    ),
)

#: Header of a parent's id -> member of the parent.
PARENTS = {
    "agency_id": AGENCIES,
    "incident_id": "nibrs_incident",
    "offense_id": "nibrs_offense",
    "victim_id": "nibrs_victim",
    "offender_id": "nibrs_offender",
    "property_id": "nibrs_property",
    "arrestee_id": "nibrs_arrestee",
    "groupb_arrestee_id": "nibrs_arrestee_groupb",
}

#: Columns that are filled on more than half of the rows in every real zip of any layout. If such a column is empty, its
#: values were lost.
FILLED = {
    "nibrs_incident": ("cleared_exceptionally_code", "nibrs_month_id"),
    "nibrs_offense": ("attempt_complete_code", "location_code"),
    "nibrs_victim": ("victim_type_code", "age_code", "sex_code", "race_code"),
    "nibrs_offender": ("age_code", "sex_code", "race_code"),
    "nibrs_victim_offender_rel": ("relationship_code",),
    "nibrs_property": ("loss_code",),
    "nibrs_property_desc": ("value_usd",),
    "nibrs_arrestee": ("arrest_type_code", "age_code", "sex_code", "race_code"),
    "nibrs_arrestee_groupb": ("arrest_type_code", "age_code", "sex_code", "race_code"),
}

#: The layouts, by the data years in which they were used.
FIRST_ISSUE, OLD_LAYOUT, NEW_LAYOUT = "cde_2016_first_issue", "cde_2016_2020", "cde_2021"
#: The layouts that list all months of an agency, including empty ones.
LISTS_MONTHS = (FIRST_ISSUE, OLD_LAYOUT)
#: Losses of each layout (keys of ``LOSSES``) and the datasets affected.
LAYOUT_LOSSES = {
    FIRST_ISSUE: (
        ("no_srs", "srs_month"),
        ("no_covered_months", "agency"),
        ("no_group_b", "arrestee"),
        ("no_areas", "agency"),
    ),
    OLD_LAYOUT: (
        ("no_universe", "agency"),
        ("no_srs", "srs_month"),
        ("no_covered_months", "agency"),
        ("no_group_b", "arrestee"),
    ),
    NEW_LAYOUT: (
        ("no_universe", "agency"),
        ("no_srs", "srs_month"),
        ("no_covered_months", "agency"),
        ("no_zero_months", "report_month"),
        ("no_circumstances", "victim_circumstance"),
        ("no_agency", "arrestee"),
    ),
}

#: Which agencies a layout lists: only agencies that reported, except in the first issue.
SCOPES = {FIRST_ISSUE: "all", OLD_LAYOUT: "reporting", NEW_LAYOUT: "reporting"}

#: Earlier layouts are not supported.
FIRST_YEAR = 2016
#: Zips contain Group B arrests since data year 2022.
GROUP_B_FIRST_YEAR = 2022
GROUP_B_MEMBERS = ("nibrs_arrestee_groupb", "nibrs_arrestee_groupb_weapon")


def is_synthetic(archive: Archive) -> bool:
    """Whether a zip is marked as synthetic."""
    return any(PurePosixPath(name).name == SYNTHETIC_MEMBER for name in archive.file.namelist())


def agency_members(layout: str) -> tuple[str, ...]:
    """The members that list the agencies, the complete list first."""
    return (PARTICIPATION, REPORTERS) if layout == FIRST_ISSUE else (AGENCIES,)


def required_members(year: int, layout: str) -> tuple[str, ...]:
    """The members that a zip of a data year must contain, in order: a missing member must not count as zeros."""
    members = {
        *agency_members(layout),
        MONTH,
        "nibrs_offense_type",
        "ref_state",
        *(segment.member for segment in SEGMENTS),
        *(lookup.member for lookup in LOOKUPS.values()),
    }
    return tuple(sorted(members if year >= GROUP_B_FIRST_YEAR else members.difference(GROUP_B_MEMBERS)))
