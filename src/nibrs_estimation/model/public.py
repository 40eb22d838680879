"""What the join of public files says of itself: files, faults, conflicts between files, and the account of agencies.

Source: docs/user-guide/nation-from-public-data.md.
"""

from nibrs_estimation.model.fields import YEAR
from nibrs_estimation.model.intake import REASONS
from nibrs_estimation.pipeline.dataset import Column, Dataset

_SOURCE = "docs/user-guide/nation-from-public-data.md"
_FILE = Column("input_name", "str", "Name of the file.")
_ORI = Column("ori", "str", "Originating agency identifier.", length=9)
_STATE = Column("state_abbr", "str", "UCR state abbreviation.", length=2)

#: Files that tell of agencies, in words.
SOURCES = {
    "state_zip": "zip of a state",
    "nibrs_master": "NIBRS master file",
    "return_a": "Return A master file",
    "agency_list": "list of agencies",
    "police_employees": "police employees",
    "counties": "other agencies of the county, or code list of the state",
    "county_people": "residents of counties",
}
#: What files may say differently of an agency, in words.
FACTS = {
    "ori_ending": "last two characters of the ORI",
    "state": "state",
    "agency_type_name": "type",
    "is_covered": "covered by another agency",
    "population": "residents",
    "population_group_code": "population group",
    "county": "counties",
    "nibrs_start_date": "start of NIBRS",
    "judicial_district_code": "judicial district",
    "field_office_code": "FBI field office",
}
#: Every row of the universe is of one of these kinds.
KINDS_OF_AGENCIES = ("eligible", "covered", "dormant", "federal", "outside_states")

PUBLIC_FILE = Dataset(
    name="public_file",
    description="Public files beside those of the incidents, with the numbers of their rows.",
    source=_SOURCE,
    primary_key=("input_name", "data_year"),
    columns=(
        _FILE,
        YEAR,
        Column("kind", "str", "Kind of file, such as return_a or agency_list."),
        Column("rows_read", "int64", "Number of rows in the file.", unit="rows"),
        Column("rows_kept", "int64", "Number of rows used.", unit="rows"),
        Column("rows_set_aside", "int64", "Number of faulty rows, which are in dataset public_fault.", unit="rows"),
        Column(
            "rows_dropped", "int64", "Number of rows of other years, other places, or repeated as they are.",
            unit="rows",
        ),
    ),
)  # fmt: skip

PUBLIC_FAULT = Dataset(
    name="public_fault",
    description="Faulty rows of public files, and faulty values of rows that are used.",
    source=_SOURCE,
    primary_key=("input_name", "record", "column_name"),
    columns=(
        _FILE,
        Column("record", "str", "Line of the file."),
        Column("column_name", "str", "Name of the faulty column; '' if the whole row is faulty."),
        Column("reason", "str", "Reason, as in dataset quarantine.", codes=tuple(REASONS)),
        Column("value", "str", "The faulty value.", is_nullable=True),
        Column("is_row", "bool", "True if the whole row was set aside; false if only the value is missing."),
    ),
)

SOURCE_CONFLICT = Dataset(
    name="source_conflict",
    description="What public files say differently of an agency, with the value that is used.",
    source=_SOURCE,
    primary_key=("data_year", "fact", "ori", "other_source"),
    columns=(
        YEAR,
        Column("fact", "str", "What differs.", codes=tuple(FACTS)),
        _ORI,
        Column("agency_name", "str", "Name of the agency.", is_nullable=True),
        _STATE,
        Column("used_source", "str", "File whose value is used.", codes=tuple(SOURCES)),
        Column("used_value", "str", "The value that is used."),
        Column("other_source", "str", "File that says something else.", codes=tuple(SOURCES)),
        Column("other_value", "str", "What it says."),
    ),
)

UNIVERSE_ACCOUNT = Dataset(
    name="universe_account",
    description="Agencies of the joined public files by state: eligible + covered + dormant + federal + outside the "
    "states = rows.",
    source=_SOURCE,
    primary_key=("data_year", "state_abbr"),
    columns=(
        YEAR,
        _STATE,
        Column("n_rows", "int64", "Number of agencies.", unit="agencies"),
        *(
            Column(f"n_{kind}", "int64", f"Number of these that are {kind.replace('_', ' the ')}.", unit="agencies")
            for kind in KINDS_OF_AGENCIES
        ),
        Column("population", "int64", "Residents of eligible agencies.", unit="persons"),
        Column("population_covered", "int64", "Residents of covered agencies, which are not counted.", unit="persons"),
    ),
)

SPREAD_RESIDENTS = Dataset(
    name="spread_residents",
    description="Residents of two or more races, whom police reports do not know: they are spread over the five races "
    "of dataset county_population in proportion.",
    source="docs/external-files.md",
    primary_key=("data_year", "county_fips"),
    columns=(
        YEAR,
        Column("county_fips", "str", "State and county FIPS code, five digits.", length=5),
        Column("population", "int32", "Residents of the county.", unit="persons"),
        Column("spread_population", "int32", "Number of these of two or more races.", unit="persons"),
    ),
)

#: What the join writes beside the datasets of every source.
DATASETS = (PUBLIC_FILE, PUBLIC_FAULT, SOURCE_CONFLICT, UNIVERSE_ACCOUNT)
