"""The segments of a NIBRS incident: normalized core datasets that every source provides, one file per state.

Codes are the FBI's codes, trimmed; a missing value is null, never '' or ' '.
Source: data dictionary.
"""

from nibrs_estimation.model.fields import MONTHS
from nibrs_estimation.pipeline.dataset import Column, Dataset

_STATE = Column("state_abbr", "str", "UCR state abbreviation of the agency.", code_list="state", length=2)
_INCIDENT_ID = Column("incident_id", "int64", "Identifier of the incident.")
_OF_INCIDENT = Column("incident_id", "int64", "Identifier of the incident.", references="incident.incident_id")
_OFFENSE_ID = Column("offense_id", "int64", "Identifier of the offense segment.")
_OF_OFFENSE = Column("offense_id", "int64", "Identifier of the offense segment.", references="offense.offense_id")
_VICTIM_ID = Column("victim_id", "int64", "Identifier of the victim segment.")
_OF_VICTIM = Column("victim_id", "int64", "Identifier of the victim segment.", references="victim.victim_id")
_OFFENDER_ID = Column("offender_id", "int64", "Identifier of the offender segment.")
_OF_OFFENDER = Column("offender_id", "int64", "Identifier of the offender segment.", references="offender.offender_id")
_PROPERTY_ID = Column("property_id", "int64", "Identifier of the property segment.")
_OF_PROPERTY = Column("property_id", "int64", "Identifier of the property segment.", references="property.property_id")
_ARRESTEE_ID = Column("arrestee_id", "int64", "Identifier of the arrestee; unique only together with is_group_b.")
_OF_ARRESTEE = Column("arrestee_id", "int64", "Identifier of the arrestee.", references="arrestee.arrestee_id")
_IS_GROUP_B = Column("is_group_b", "bool", "True for an arrest for a Group B offense, which has no incident.")

_PERSON = (
    Column(
        "age_code", "str", "Age: NN, NB, BB, 01 to 98, 99 (over 98) or 00 (unknown).", is_nullable=True, code_list="age"
    ),
    Column(
        "age_years", "int16", "Age in years if age_code is 01 to 98; otherwise missing.", unit="years", is_nullable=True
    ),
    Column("age_low_years", "int16", "Lower end of a reported age range.", unit="years", is_nullable=True),
    Column("age_high_years", "int16", "Upper end of a reported age range.", unit="years", is_nullable=True),
    Column("sex_code", "str", "Sex: M, F or U (unknown).", is_nullable=True, codes=("M", "F", "U"), code_list="sex"),
    Column("race_code", "str", "Race: W, B, I, A, P, U or an older code.", is_nullable=True, code_list="race"),
    Column(
        "ethnicity_code",
        "str",
        "Ethnicity: H, N, M (multiple) or U (unknown).",
        is_nullable=True,
        codes=("H", "N", "M", "U"),
        code_list="ethnicity",
    ),
)
_RESIDENT = Column(
    "resident_code",
    "str",
    "Resident status: R resident, N nonresident, U unknown.",
    is_nullable=True,
    codes=("R", "N", "U"),
    code_list="resident",
)


def _segment(
    name: str,
    description: str,
    primary_key: tuple[str, ...],
    *columns: Column,
    source: str = "segments of a NIBRS incident, as in the FBI's database ucr_prd and its public download",
) -> Dataset:
    return Dataset(
        name=name,
        description=description,
        columns=(_STATE, *columns),
        primary_key=primary_key,
        partition_key="state_abbr",
        source=source,
    )


INCIDENT = _segment(
    "incident",
    "Criminal incidents, one row each.",
    ("incident_id",),
    _INCIDENT_ID,
    Column(
        "agency_id",
        "int32",
        "The FBI's number of the agency that reported the incident.",
        references="agency.agency_id",
    ),
    Column("data_year", "int16", "Calendar year of the incident date."),
    Column("form_year", "int16", "Year of the monthly report that contains the incident."),
    Column("form_month", "int8", "Month of the monthly report that contains the incident.", codes=MONTHS),
    Column("incident_date", "date", "Date of the incident, or of the report if the date of the incident is unknown."),
    Column("is_report_date", "bool", "True if incident_date is the date of the report."),
    Column("incident_hour", "int8", "Hour of the incident, 0 to 23.", is_nullable=True, codes=tuple(range(24))),
    Column(
        "cleared_exceptionally_code",
        "str",
        "Reason of the exceptional clearance, A to E; N if not cleared exceptionally.",
        is_nullable=True,
        codes=("A", "B", "C", "D", "E", "N"),
        code_list="cleared_exceptionally",
    ),
    Column("cleared_exceptionally_date", "date", "Date of the exceptional clearance.", is_nullable=True),
    Column("is_cargo_theft", "bool", "True if the incident involves cargo theft.", is_nullable=True),
)
OFFENSE = _segment(
    "offense",
    "Offenses of an incident; each offense code occurs at most once.",
    ("offense_id",),
    _OFFENSE_ID,
    _OF_INCIDENT,
    Column("offense_code", "str", "NIBRS offense code, such as 13A.", code_list="offense"),
    Column(
        "attempt_complete_code",
        "str",
        "Attempted or completed: A attempted, C completed, U unfounded.",
        is_nullable=True,
        codes=("A", "C", "U"),
        code_list="attempt_complete",
    ),
    Column("location_code", "str", "NIBRS location code.", is_nullable=True, code_list="location"),
    Column("premises_entered", "int16", "Number of premises entered in a burglary.", is_nullable=True),
    Column(
        "method_of_entry_code",
        "str",
        "Method of entry: F force, N no force.",
        is_nullable=True,
        codes=("F", "N"),
        code_list="method_of_entry",
    ),
)
OFFENSE_BIAS = _segment(
    "offense_bias",
    "Bias motivations of an offense.",
    ("offense_id", "bias_code"),
    _OF_OFFENSE,
    Column("bias_code", "str", "NIBRS bias code; 88 for none.", code_list="bias"),
)
OFFENSE_WEAPON = _segment(
    "offense_weapon",
    "Weapons of an offense.",
    ("offense_id", "weapon_code"),
    _OF_OFFENSE,
    Column("weapon_code", "str", "NIBRS weapon code; the suffix A marks automatic weapons.", code_list="weapon"),
)
OFFENSE_ACTIVITY = _segment(
    "offense_activity",
    "Criminal activities and gang involvement of an offense.",
    ("offense_id", "activity_code"),
    _OF_OFFENSE,
    Column("activity_code", "str", "NIBRS criminal activity or gang code.", code_list="criminal_activity"),
)
OFFENSE_USING = _segment(
    "offense_using",
    "Whether the offender was suspected of using alcohol, drugs, a computer or a drone.",
    ("offense_id", "using_code"),
    _OF_OFFENSE,
    Column(
        "using_code",
        "str",
        "Suspected of using: A alcohol, C computer, D drugs, R drone, N none.",
        codes=("A", "C", "D", "R", "N"),
        code_list="suspected_using",
    ),
)
VICTIM = _segment(
    "victim",
    "Victims: persons, businesses, society.",
    ("victim_id",),
    _VICTIM_ID,
    _OF_INCIDENT,
    Column("sequence_number", "int16", "Number of the victim within the incident.", is_nullable=True),
    Column(
        "victim_type_code",
        "str",
        "Type of victim: I individual, L officer, B business, S society, ...",
        is_nullable=True,
        code_list="victim_type",
    ),
    *_PERSON,
    _RESIDENT,
    Column(
        "activity_code",
        "str",
        "Activity of an officer who was a victim (LEOKA).",
        is_nullable=True,
        code_list="officer_activity",
    ),
    Column(
        "assignment_code",
        "str",
        "Assignment of an officer who was a victim (LEOKA).",
        is_nullable=True,
        code_list="officer_assignment",
    ),
    Column(
        "outside_agency_id",
        "int32",
        "Agency of an officer who was a victim, if it is another agency.",
        is_nullable=True,
    ),
)
OFFENDER = _segment(
    "offender",
    "Offenders; a single row with sequence_number 0 if the offenders are unknown.",
    ("offender_id",),
    _OFFENDER_ID,
    _OF_INCIDENT,
    Column(
        "sequence_number",
        "int16",
        "Number of the offender within the incident; 0 for an unknown offender.",
        is_nullable=True,
    ),
    *_PERSON,
)
ARRESTEE = _segment(
    "arrestee",
    "Arrestees of incidents (Group A) and of Group B offenses.",
    ("is_group_b", "arrestee_id"),
    _ARRESTEE_ID,
    _IS_GROUP_B,
    Column(
        "incident_id",
        "int64",
        "Identifier of the incident; missing for Group B.",
        is_nullable=True,
        references="incident.incident_id",
    ),
    Column(
        "agency_id",
        "int32",
        "The FBI's number of the arresting agency; public data omit it for Group B.",
        is_nullable=True,
        references="agency.agency_id",
    ),
    Column("form_year", "int16", "Year of the monthly report; missing if unknown.", is_nullable=True),
    Column("form_month", "int8", "Month of the monthly report; missing if unknown.", is_nullable=True, codes=MONTHS),
    Column("sequence_number", "int16", "Number of the arrestee within the incident.", is_nullable=True),
    Column("arrest_date", "date", "Date of the arrest."),
    Column(
        "arrest_type_code",
        "str",
        "Type of arrest: O on view, S summoned, T taken into custody.",
        is_nullable=True,
        code_list="arrest_type",
    ),
    Column(
        "multiple_code",
        "str",
        "Arrestee counted in several incidents: C count, M multiple, N not applicable.",
        is_nullable=True,
        code_list="multiple_indicator",
    ),
    Column("offense_code", "str", "NIBRS offense code of the arrest.", code_list="offense"),
    *_PERSON,
    _RESIDENT,
    Column(
        "under_18_disposition_code",
        "str",
        "Disposition of an arrestee under 18: H handled within department, R referred.",
        is_nullable=True,
        code_list="under_18_disposition",
    ),
)
ARRESTEE_WEAPON = _segment(
    "arrestee_weapon",
    "Weapons carried by arrestees.",
    ("is_group_b", "arrestee_id", "weapon_code"),
    _OF_ARRESTEE,
    _IS_GROUP_B,
    Column("weapon_code", "str", "NIBRS weapon code; 01 for unarmed.", code_list="weapon"),
)
PROPERTY = _segment(
    "property",
    "Property segments: one for each incident and type of loss.",
    ("property_id",),
    _PROPERTY_ID,
    _OF_INCIDENT,
    Column(
        "loss_code",
        "int8",
        "Type of loss: 1 none, 2 burned, 3 counterfeited, 4 damaged, 5 recovered, 6 seized, 7 stolen, 8 unknown.",
        codes=tuple(range(1, 9)),
        is_nullable=True,
        code_list="property_loss",
    ),
    Column("stolen_vehicles", "int16", "Number of stolen motor vehicles.", unit="vehicles", is_nullable=True),
    Column("recovered_vehicles", "int16", "Number of recovered motor vehicles.", unit="vehicles", is_nullable=True),
)
PROPERTY_ITEM = _segment(
    "property_item",
    "Property descriptions within a property segment.",
    ("property_id", "description_code"),
    _OF_PROPERTY,
    Column(
        "description_code",
        "str",
        "NIBRS property description code, such as 03 automobile.",
        code_list="property_description",
    ),
    Column("value_usd", "int64", "Reported value; 1 for an unknown value.", unit="US dollars", is_nullable=True),
    Column("recovered_date", "date", "Date on which the property was recovered.", is_nullable=True),
)
DRUG = _segment(
    "drug",
    "Suspected drugs within a property segment.",
    ("drug_id",),
    Column("drug_id", "int64", "Identifier of the row."),
    _OF_PROPERTY,
    Column("drug_code", "str", "NIBRS suspected drug code.", code_list="drug"),
    Column("quantity", "float64", "Estimated quantity, in the unit of measure_code.", is_nullable=True),
    Column("measure_code", "str", "Unit of measurement of the quantity.", is_nullable=True, code_list="drug_measure"),
)
VICTIM_OFFENSE = _segment(
    "victim_offense",
    "Offenses that affected a victim.",
    ("victim_id", "offense_id"),
    _OF_VICTIM,
    _OF_OFFENSE,
)
VICTIM_INJURY = _segment(
    "victim_injury",
    "Injuries of a victim.",
    ("victim_id", "injury_code"),
    _OF_VICTIM,
    Column("injury_code", "str", "NIBRS injury code; N for none.", code_list="injury"),
)
VICTIM_CIRCUMSTANCE = _segment(
    "victim_circumstance",
    "Circumstances of homicides and aggravated assaults.",
    ("victim_id", "circumstance_code"),
    _OF_VICTIM,
    Column("circumstance_code", "int8", "NIBRS circumstance code.", code_list="circumstance"),
    Column(
        "justifiable_force_code",
        "str",
        "Circumstance of a justifiable homicide, A to G.",
        is_nullable=True,
        code_list="justifiable_force",
    ),
)
VICTIM_OFFENDER = _segment(
    "victim_offender",
    "Relationship of a victim to a known offender.",
    ("victim_id", "offender_id"),
    _OF_VICTIM,
    _OF_OFFENDER,
    Column("relationship_code", "str", "NIBRS relationship code.", is_nullable=True, code_list="relationship"),
)

DATASETS = (
    INCIDENT,
    OFFENSE,
    OFFENSE_BIAS,
    OFFENSE_WEAPON,
    OFFENSE_ACTIVITY,
    OFFENSE_USING,
    VICTIM,
    VICTIM_OFFENSE,
    VICTIM_INJURY,
    VICTIM_CIRCUMSTANCE,
    OFFENDER,
    VICTIM_OFFENDER,
    PROPERTY,
    PROPERTY_ITEM,
    DRUG,
    ARRESTEE,
    ARRESTEE_WEAPON,
)
