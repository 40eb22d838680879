"""The segments of a NIBRS incident: normalized core datasets that every source delivers, one file per state.

Codes are the FBI's codes, trimmed; a missing value is null, never '' or ' '.
Source: specification 02, section 2.3.
"""

from nibrs_estimation.pipeline.dataset import Column, Dataset

_STATE = Column("state_abbr", "str", "UCR state abbreviation of the agency.")
_INCIDENT_ID = Column("incident_id", "int64", "Identifier of the incident.")
_OFFENSE_ID = Column("offense_id", "int64", "Identifier of the offense segment.")
_VICTIM_ID = Column("victim_id", "int64", "Identifier of the victim segment.")
_OFFENDER_ID = Column("offender_id", "int64", "Identifier of the offender segment.")
_PROPERTY_ID = Column("property_id", "int64", "Identifier of the property segment.")
_ARRESTEE_ID = Column("arrestee_id", "int64", "Identifier of the arrestee; Group A and Group B count apart.")
_IS_GROUP_B = Column("is_group_b", "bool", "Arrest for a Group B offense, which has no incident.")

_PERSON = (
    Column("age_code", "str", "NN, NB, BB, 01 to 98, 99 (over 98) or 00 (unknown).", is_nullable=True),
    Column("age_years", "int16", "Age where the code is 01 to 98.", unit="years", is_nullable=True),
    Column("age_low_years", "int16", "Lower end of a reported age range.", unit="years", is_nullable=True),
    Column("age_high_years", "int16", "Upper end of a reported age range.", unit="years", is_nullable=True),
    Column("sex_code", "str", "M, F or U (unknown).", is_nullable=True, codes=("M", "F", "U")),
    Column("race_code", "str", "W, B, I, A, P, U and older codes.", is_nullable=True),
    Column("ethnicity_code", "str", "H, N, M (multiple) or U.", is_nullable=True, codes=("H", "N", "M", "U")),
)
_RESIDENT = Column("resident_code", "str", "R, N or U.", is_nullable=True, codes=("R", "N", "U"))


def _segment(
    name: str,
    description: str,
    primary_key: tuple[str, ...],
    *columns: Column,
    source: str = "02 section 2.3",
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
    Column("agency_id", "int32", "The agency that reported it."),
    Column("data_year", "int16", "Calendar year of the incident date."),
    Column("month", "int8", "Month of the report that holds it.", codes=tuple(range(1, 13))),
    Column("incident_date", "date", "Date of the incident, or of the report where that alone is known."),
    Column("is_report_date", "bool", "The date is the report's, not the incident's."),
    Column("incident_hour", "int8", "Hour 0 to 23.", is_nullable=True, codes=tuple(range(24))),
    Column(
        "cleared_exceptionally_code",
        "str",
        "A to E, or N for not cleared exceptionally.",
        is_nullable=True,
        codes=("A", "B", "C", "D", "E", "N"),
    ),
    Column("cleared_exceptionally_date", "date", "Date of the exceptional clearance.", is_nullable=True),
    Column("is_cargo_theft", "bool", "Cargo theft.", is_nullable=True),
)
OFFENSE = _segment(
    "offense",
    "Offenses of an incident; each code at most once.",
    ("offense_id",),
    _OFFENSE_ID,
    _INCIDENT_ID,
    Column("offense_code", "str", "NIBRS offense code, such as 13A."),
    Column("attempt_complete_code", "str", "A attempted, C completed.", is_nullable=True, codes=("A", "C")),
    Column("location_code", "str", "NIBRS location code.", is_nullable=True),
    Column("premises_entered", "int16", "Premises entered in a burglary.", is_nullable=True),
    Column("method_of_entry_code", "str", "F force, N no force.", is_nullable=True, codes=("F", "N")),
)
OFFENSE_BIAS = _segment(
    "offense_bias",
    "Bias motivations of an offense.",
    ("offense_id", "bias_code"),
    _OFFENSE_ID,
    Column("bias_code", "str", "NIBRS bias code; 88 none."),
)
OFFENSE_WEAPON = _segment(
    "offense_weapon",
    "Weapons of an offense.",
    ("offense_id", "weapon_code"),
    _OFFENSE_ID,
    Column("weapon_code", "str", "NIBRS weapon code, with A where automatic."),
)
OFFENSE_ACTIVITY = _segment(
    "offense_activity",
    "Criminal activities and gang involvement of an offense.",
    ("offense_id", "activity_code"),
    _OFFENSE_ID,
    Column("activity_code", "str", "NIBRS criminal activity or gang code."),
)
OFFENSE_USING = _segment(
    "offense_using",
    "Whether the offender was suspected of using alcohol, drugs, a computer or a drone.",
    ("offense_id", "using_code"),
    _OFFENSE_ID,
    Column("using_code", "str", "A alcohol, C computer, D drugs, R drone, N none.", codes=("A", "C", "D", "R", "N")),
)
VICTIM = _segment(
    "victim",
    "Victims: persons, businesses, society.",
    ("victim_id",),
    _VICTIM_ID,
    _INCIDENT_ID,
    Column("sequence_number", "int16", "Number of the victim within the incident.", is_nullable=True),
    Column("victim_type_code", "str", "I individual, L officer, B business, S society, ...", is_nullable=True),
    *_PERSON,
    _RESIDENT,
    Column("activity_code", "str", "Officer's activity (LEOKA).", is_nullable=True),
    Column("assignment_code", "str", "Officer's assignment (LEOKA).", is_nullable=True),
    Column("outside_agency_id", "int32", "Officer's own agency where it is another.", is_nullable=True),
)
OFFENDER = _segment(
    "offender",
    "Offenders; sequence 0 alone where nothing is known of them.",
    ("offender_id",),
    _OFFENDER_ID,
    _INCIDENT_ID,
    Column("sequence_number", "int16", "Number within the incident; 0 unknown offender.", is_nullable=True),
    *_PERSON,
)
ARRESTEE = _segment(
    "arrestee",
    "Arrestees of incidents (Group A) and of Group B offenses.",
    ("is_group_b", "arrestee_id"),
    _ARRESTEE_ID,
    _IS_GROUP_B,
    Column("incident_id", "int64", "The incident, for Group A.", is_nullable=True),
    Column("agency_id", "int32", "The arresting agency; public data omit it for Group B.", is_nullable=True),
    Column("sequence_number", "int16", "Number within the incident.", is_nullable=True),
    Column("arrest_date", "date", "Date of the arrest."),
    Column("arrest_type_code", "str", "O on view, S summoned, T taken into custody.", is_nullable=True),
    Column("multiple_code", "str", "C count, M multiple, N not applicable.", is_nullable=True),
    Column("offense_code", "str", "Offense of the arrest."),
    *_PERSON,
    _RESIDENT,
    Column("under_18_disposition_code", "str", "H handled within department, R referred.", is_nullable=True),
)
ARRESTEE_WEAPON = _segment(
    "arrestee_weapon",
    "Weapons carried by arrestees.",
    ("is_group_b", "arrestee_id", "weapon_code"),
    _ARRESTEE_ID,
    _IS_GROUP_B,
    Column("weapon_code", "str", "NIBRS weapon code; 01 unarmed."),
)
PROPERTY = _segment(
    "property",
    "Property segments: one per incident and type of loss.",
    ("property_id",),
    _PROPERTY_ID,
    _INCIDENT_ID,
    Column(
        "loss_code",
        "int8",
        "1 none, 2 burned, 3 counterfeited, 4 damaged, 5 recovered, 6 seized, 7 stolen, 8 unknown.",
        codes=tuple(range(1, 9)),
        is_nullable=True,
    ),
    Column("stolen_vehicles", "int16", "Stolen motor vehicles.", unit="vehicles", is_nullable=True),
    Column("recovered_vehicles", "int16", "Recovered motor vehicles.", unit="vehicles", is_nullable=True),
)
PROPERTY_ITEM = _segment(
    "property_item",
    "Descriptions within a property segment.",
    ("property_id", "description_code"),
    _PROPERTY_ID,
    Column("description_code", "str", "NIBRS property description code, such as 03 automobile."),
    Column("value_usd", "int64", "Reported value; 1 means unknown.", unit="US dollars", is_nullable=True),
    Column("recovered_date", "date", "Date of recovery.", is_nullable=True),
)
DRUG = _segment(
    "drug",
    "Suspected drugs within a property segment.",
    ("drug_id",),
    Column("drug_id", "int64", "Identifier of the row."),
    _PROPERTY_ID,
    Column("drug_code", "str", "NIBRS suspected drug code."),
    Column("quantity", "float64", "Estimated quantity in the given measure.", is_nullable=True),
    Column("measure_code", "str", "Unit of the quantity.", is_nullable=True),
)
VICTIM_OFFENSE = _segment(
    "victim_offense",
    "Which offenses a victim suffered.",
    ("victim_id", "offense_id"),
    _VICTIM_ID,
    _OFFENSE_ID,
)
VICTIM_INJURY = _segment(
    "victim_injury",
    "Injuries of a victim.",
    ("victim_id", "injury_code"),
    _VICTIM_ID,
    Column("injury_code", "str", "NIBRS injury code; N none."),
)
VICTIM_CIRCUMSTANCE = _segment(
    "victim_circumstance",
    "Circumstances of homicides and aggravated assaults.",
    ("victim_id", "circumstance_code"),
    _VICTIM_ID,
    Column("circumstance_code", "int8", "NIBRS circumstance code."),
    Column("justifiable_force_code", "str", "A to G for justifiable homicide.", is_nullable=True),
)
VICTIM_OFFENDER = _segment(
    "victim_offender",
    "Relationship of a victim to a known offender.",
    ("victim_id", "offender_id"),
    _VICTIM_ID,
    _OFFENDER_ID,
    Column("relationship_code", "str", "NIBRS relationship code.", is_nullable=True),
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
