"""Columns that several datasets share, and the closed lists of their values."""

from __future__ import annotations

from enum import StrEnum

from nibrs_estimation.pipeline.dataset import Column

MONTHS = tuple(range(1, 13))
#: Which agencies a source lists.
UNIVERSE_SCOPES = ("all", "reporting", "synthetic")
#: Level of a geography -> name of its weight in the reference's files. Each level has its own weight.
GEOGRAPHY_LEVELS = {
    "nation": "NationalWgt",
    "region": "RegionWgt",
    "state": "StateWgt",
    "university": "UniversityWgt",
    "tribal": "TribalWgt",
    "field_office": "FOWgt",
    "judicial_district": "JDWgt",
    "msa": "MSAWgt",
    "division": "DivisionWgt",
    "metro_division": "MetroDivisionWgt",
}
#: Levels of estimates from incidents, and of summary estimates.
INCIDENT_LEVELS = tuple(level for level in GEOGRAPHY_LEVELS if level not in ("division", "metro_division"))
SUMMARY_LEVELS = tuple(level for level in GEOGRAPHY_LEVELS if level not in ("university", "tribal"))


class WeightRule(StrEnum):
    """How the weights of a weight cell were computed."""

    CALIBRATED = "calibrated"
    FULL_COVERAGE = "full_coverage"
    SELF_REPRESENTING = "self_representing"
    INVERSE_COVERAGE = "inverse_coverage"
    EQUAL = "equal"
    NO_CRIME = "no_crime"
    NO_RESPONSE = "no_response"


#: What each rule means.
WEIGHT_RULES = {
    WeightRule.CALIBRATED: "calibration weight",
    WeightRule.FULL_COVERAGE: "respondents have 99 % of the crime or are all agencies, weight 1",
    WeightRule.SELF_REPRESENTING: "large agency, weight 1",
    WeightRule.INVERSE_COVERAGE: "no set of controls can be met, weight 1/r (r: crime coverage)",
    WeightRule.EQUAL: "weight N/n",
    WeightRule.NO_CRIME: "no agency has crime, weight 1",
    WeightRule.NO_RESPONSE: "no respondent, no weight",
}

AGENCY_ID = Column("agency_id", "int32", "The FBI's number of the agency.")
#: The same column, for agencies that must be in dataset ``agency``.
OF_AGENCY = Column("agency_id", "int32", "The FBI's number of the agency.", references="agency.agency_id")
ORI = Column("ori", "str", "Originating agency identifier (ORI), nine characters.", length=9)
STATE = Column(
    "state_abbr", "str", "UCR state abbreviation; Nebraska is NB, as in its ORIs.", code_list="state", length=2
)
YEAR = Column("data_year", "int16", "Calendar year that the row describes.")
MONTH = Column("month", "int8", "Month, 1 to 12.", codes=MONTHS)
AGENCY_TYPE = Column(
    "agency_type_name",
    "str",
    "Kind of agency: City, County, University or College, State Police, ...",
    code_list="agency_type",
)
REGION = Column(
    "region_code", "int8", "Census region: 1 Northeast, 2 Midwest, 3 South, 4 West, 99 other.", code_list="region"
)
POPULATION = Column("population", "int32", "Residents whom the agency primarily serves.", unit="persons")
UNIVERSE_SCOPE = Column(
    "universe_scope",
    "str",
    "Agencies in the frame: all agencies, only those that reported, or all agencies of a synthetic nation.",
    codes=UNIVERSE_SCOPES,
)
WEIGHT_RULE = Column(
    "rule",
    "str",
    "; ".join(f"{rule}: {meaning}" for rule, meaning in WEIGHT_RULES.items()) + ".",
    codes=tuple(map(str, WEIGHT_RULES)),
)
WEIGHT_GROUP = Column(
    "weight_group",
    "int32",
    "Weight group within the geography; for merged groups, the smallest number. In metropolitan areas, division k has "
    "groups 3k + 1, 3k + 2 and 3k + 3; self-representing agencies are in the last group.",
)
GEOGRAPHY_LEVEL = Column(
    "geography_level", "str", "Kind of geography; it determines which weights are used.", codes=tuple(GEOGRAPHY_LEVELS)
)
GEOGRAPHY_CODE = Column("geography_code", "str", "US, region code, state abbreviation, or name of the area.")
GEOGRAPHY_NUMBER = Column(
    "geography_number", "int32", "Number of the geography; it depends on the flow (not a FIPS code)."
)
SERIES_NUMBER = Column("series_number", "int16", "Number of the demographic series; 0 for all persons.")
