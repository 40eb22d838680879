"""Where each field of a record stands (FBI, "NIBRS master file record description"; docs/nibrs-master-file.md).

Positions count from 1, and the last one belongs to the field, as in the description.
"""

from __future__ import annotations

from dataclasses import dataclass

from nibrs_estimation.model import incident
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.sources.intake.fixed_width import Field

#: The record of an agency: one line since 2013, three lines before.
BATCH_HEADER = "BH"
OLD_HEADERS = ("B1", "B2", "B3")
HEADERS = (BATCH_HEADER, *OLD_HEADERS)
ADMINISTRATIVE, OFFENSE, PROPERTY, VICTIM, OFFENDER, ARRESTEE, GROUP_B = "01", "02", "03", "04", "05", "06", "07"
#: Parts of incidents of other years, which are counted and left out.
WINDOWS = ("W1", "W3", "W6")


@dataclass(frozen=True)
class Level:
    """A kind of record.

    Attributes:
        table: what accounts call it.
        dataset: the dataset that receives its rows.
        length: characters of a whole record; what follows must be blank.
        least: length of the shortest record that is whole: fields at the end that some years lack are left out.
        old_least: the same in files whose agencies have three headers.
    """

    table: str
    dataset: Dataset
    length: int
    least: int
    old_least: int


#: By the first two characters of a record.
LEVELS = {
    ADMINISTRATIVE: Level("administrative", incident.INCIDENT, 89, 87, 58),
    OFFENSE: Level("offense", incident.OFFENSE, 67, 59, 59),
    PROPERTY: Level("property", incident.PROPERTY, 102, 102, 102),
    VICTIM: Level("victim", incident.VICTIM, 135, 135, 123),
    OFFENDER: Level("offender", incident.OFFENDER, 40, 39, 39),
    # One character more where the arrest number has 13 (Vermont 2015).
    ARRESTEE: Level("arrestee", incident.ARRESTEE, 74, 73, 73),
    GROUP_B: Level("group_b_arrest", incident.ARRESTEE, 56, 56, 56),
    "W1": Level("window_administrative", incident.INCIDENT, 89, 87, 58),
    "W3": Level("window_property", incident.PROPERTY, 132, 132, 102),
    "W6": Level("window_arrestee", incident.ARRESTEE, 104, 104, 73),
}
#: Accounts of headers, and of lines that are no record of any level.
HEADER_TABLE, OTHER_TABLE = "batch_header", "other"

#: All records begin with these.
LEVEL_CODE = Field("level", 1, 2)
STATE = Field("state", 3, 4)
ORI = Field("ORI", 5, 13)
INCIDENT_NUMBER = Field("incident number", 14, 25)
DATE = Field("incident date", 26, 33)

#: Characters of a BH record; the last eight, the start of LEOKA, may be cut off.
HEADER_LENGTH, HEADER_LEAST = 292, 284
START_DATE = Field("start of NIBRS", 34, 41)
CITY = Field("city name", 42, 71)
POPULATION_GROUP = Field("population group", 74, 75)
AGENCY_TYPE = Field("agency indicator", 78, 78)
CORE_CITY = Field("core city", 79, 79)
COVERED_BY = Field("covered by", 80, 88)
FIELD_OFFICE = Field("field office", 89, 92)
JUDICIAL_DISTRICT = Field("judicial district", 93, 96)
NIBRS_FLAG = Field("NIBRS flag", 97, 97)
COUNTIES = range(5)
COUNTY_POPULATION = tuple(Field(f"population in county {k + 1}", 106 + 24 * k, 114 + 24 * k) for k in COUNTIES)
COUNTY_MSA = tuple(Field(f"metropolitan area of county {k + 1}", 118 + 24 * k, 120 + 24 * k) for k in COUNTIES)
LAST_POPULATION = tuple(Field(f"census population in county {k + 1}", 121 + 24 * k, 129 + 24 * k) for k in COUNTIES)
COUNTY_FIPS = tuple(Field(f"FIPS code of county {k + 1}", 270 + 3 * k, 272 + 3 * k) for k in COUNTIES)
MONTHS_REPORTED = Field("number of months reported", 228, 229)
YEAR = Field("year", 230, 233)
ACTIVITY = Field("monthly activity", 234, 269)
LEOKA_DATE = Field("start of LEOKA", 285, 292)


@dataclass(frozen=True)
class HeaderPart:
    """Where a part of the BH record stands in one of the three older records: both from these positions on."""

    level: str
    first: int
    first_of_header: int
    length: int


HEADER_PARTS = (
    HeaderPart("B1", 1, 1, 105),
    HeaderPart("B2", 26, 106, 96),
    HeaderPart("B3", 26, 202, 24),
    HeaderPart("B3", 50, 226, 44),
    HeaderPart("B3", 94, 270, 15),
)
#: Characters of the shortest B1, B2 and B3 that are whole.
OLD_HEADER_LEAST = {"B1": 105, "B2": 121, "B3": 108}


@dataclass(frozen=True)
class Coded(Field):
    """A field that holds one of the codes that a column of a dataset may have; blank is missing.

    Attributes:
        column: the column.
    """

    column: str


@dataclass(frozen=True)
class Several:
    """Codes of which a record may have several, each a row of a dataset.

    Attributes:
        dataset: the dataset.
        fields: where the codes stand.
    """

    dataset: Dataset
    fields: tuple[Coded, ...]


def _several(dataset: Dataset, name: str, column: str, first: int, width: int, number: int) -> Several:
    starts = range(first, first + width * number, width)
    return Several(dataset, tuple(Coded(name, start, start + width - 1, column) for start in starts))


IS_REPORT_DATE = Field("report date indicator", 34, 34)
HOUR = Field("hour", 35, 36)
CLEARED = Coded("exceptional clearance", 50, 50, "cleared_exceptionally_code")
CLEARED_DATE = Field("date of exceptional clearance", 51, 58)
CARGO_THEFT = Field("cargo theft", 89, 89)

OFFENSE_CODE = Coded("offense code", 34, 36, "offense_code")
OFFENSE_CODES = (
    Coded("attempted or completed", 37, 37, "attempt_complete_code"),
    Coded("location", 41, 42, "location_code"),
    Coded("method of entry", 45, 45, "method_of_entry_code"),
)
PREMISES = Field("premises entered", 43, 44)
OF_OFFENSE = (
    _several(incident.OFFENSE_BIAS, "bias motivation", "bias_code", 58, 2, 5),
    _several(incident.OFFENSE_WEAPON, "weapon", "weapon_code", 49, 3, 3),
    _several(incident.OFFENSE_ACTIVITY, "criminal activity", "activity_code", 46, 1, 3),
    _several(incident.OFFENSE_USING, "suspected of using", "using_code", 38, 1, 3),
)

LOSS = Coded("type of loss", 34, 34, "loss_code")
DESCRIPTION = Coded("property description", 35, 36, "description_code")
VALUE = Field("value", 37, 45)
RECOVERED_DATE = Field("date recovered", 46, 53)
STOLEN_VEHICLES = Field("stolen vehicles", 54, 55)
RECOVERED_VEHICLES = Field("recovered vehicles", 56, 57)
DRUGS = range(3)
DRUG = tuple(Coded(f"drug {k + 1}", 58 + 15 * k, 58 + 15 * k, "drug_code") for k in DRUGS)
DRUG_WHOLE = tuple(Field(f"quantity of drug {k + 1}", 59 + 15 * k, 67 + 15 * k) for k in DRUGS)
DRUG_THOUSANDTHS = tuple(Field(f"thousandths of drug {k + 1}", 68 + 15 * k, 70 + 15 * k) for k in DRUGS)
DRUG_MEASURE = tuple(Coded(f"measure of drug {k + 1}", 71 + 15 * k, 72 + 15 * k, "measure_code") for k in DRUGS)

VICTIM_SEQUENCE = Field("victim number", 34, 36)
VICTIM_OFFENSES = tuple(Coded("offense of victim", first, first + 2, "offense_code") for first in range(37, 67, 3))
VICTIM_CODES = (
    Coded("type of victim", 67, 67, "victim_type_code"),
    Coded("age of victim", 68, 69, "age_code"),
    Coded("sex of victim", 70, 70, "sex_code"),
    Coded("race of victim", 71, 71, "race_code"),
    Coded("ethnicity of victim", 72, 72, "ethnicity_code"),
    Coded("resident status of victim", 73, 73, "resident_code"),
    Coded("officer activity", 124, 125, "activity_code"),
    Coded("officer assignment", 126, 126, "assignment_code"),
)
OFFICER_ORI = Field("ORI of the officer's agency", 127, 135)
CIRCUMSTANCES = tuple(Coded("circumstance", first, first + 1, "circumstance_code") for first in (74, 76))
JUSTIFIABLE_FORCE = Coded("justifiable force", 78, 78, "justifiable_force_code")
INJURIES = _several(incident.VICTIM_INJURY, "injury", "injury_code", 79, 1, 5)
RELATED_OFFENDERS = tuple(Field("offender of relationship", first, first + 1) for first in range(84, 124, 4))
RELATIONSHIPS = tuple(Coded("relationship", first, first + 1, "relationship_code") for first in range(86, 124, 4))

OFFENDER_SEQUENCE = Field("offender number", 34, 35)
OFFENDER_CODES = (
    Coded("age of offender", 36, 37, "age_code"),
    Coded("sex of offender", 38, 38, "sex_code"),
    Coded("race of offender", 39, 39, "race_code"),
    Coded("ethnicity of offender", 40, 40, "ethnicity_code"),
)

ARRESTEE_SEQUENCE = Field("arrestee number", 34, 35)
ARREST_DATE = Field("arrest date", 48, 55)
#: A record whose arrest number has 13 characters has everything from the date on one position further.
ARREST_NUMBER_LAST = 47
ARREST_OFFENSE = Coded("offense of arrest", 58, 60, "offense_code")
MULTIPLE = Coded("multiple arrestee indicator", 57, 57, "multiple_code")
ARREST_WEAPONS = _several(incident.ARRESTEE_WEAPON, "weapon of arrestee", "weapon_code", 61, 3, 2)
ARREST_CODES = (
    Coded("type of arrest", 56, 56, "arrest_type_code"),
    MULTIPLE,
    Coded("age of arrestee", 67, 68, "age_code"),
    Coded("sex of arrestee", 69, 69, "sex_code"),
    Coded("race of arrestee", 70, 70, "race_code"),
    Coded("ethnicity of arrestee", 71, 71, "ethnicity_code"),
    Coded("resident status of arrestee", 72, 72, "resident_code"),
    Coded("disposition under 18", 73, 73, "under_18_disposition_code"),
)

#: Of Group B arrests the arrest date stands where other records have the incident date.
GROUP_B_DATE = Field("arrest date", 26, 33)
GROUP_B_OFFENSE = Coded("offense of arrest", 41, 43, "offense_code")
GROUP_B_WEAPONS = _several(incident.ARRESTEE_WEAPON, "weapon of arrestee", "weapon_code", 44, 3, 2)
GROUP_B_CODES = (
    Coded("type of arrest", 40, 40, "arrest_type_code"),
    Coded("age of arrestee", 50, 51, "age_code"),
    Coded("sex of arrestee", 52, 52, "sex_code"),
    Coded("race of arrestee", 53, 53, "race_code"),
    Coded("ethnicity of arrestee", 54, 54, "ethnicity_code"),
    Coded("resident status of arrestee", 55, 55, "resident_code"),
    Coded("disposition under 18", 56, 56, "under_18_disposition_code"),
)
