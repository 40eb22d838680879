"""Locations of agencies and their residents: optional datasets, provided by a source or by external files.

Source: docs/external-files.md; handbook 06 to 08.
"""

from nibrs_estimation.model.agency import SRS_MONTH
from nibrs_estimation.model.fields import GEOGRAPHY_LEVEL, GEOGRAPHY_NUMBER
from nibrs_estimation.model.weights import STATE_WEIGHT_GROUP
from nibrs_estimation.pipeline.dataset import Column, Dataset

_YEAR = Column("data_year", "int16", "Calendar year that the row describes.")
_COUNTY = Column("county_fips", "str", "State and county FIPS code, five digits.", length=5)
_MSA = Column("msa_name", "str", "Metropolitan statistical area of the county.", is_nullable=True)

AGENCY_COUNTY = Dataset(
    name="agency_county",
    description="Counties in which an agency's residents live, with the agency's share in each.",
    source="docs/external-files.md; handbook 07",
    primary_key=("data_year", "ori", "county_fips"),
    absence="No estimates for metropolitan areas, judicial districts and field offices, and no counts by county.",
    columns=(
        _YEAR,
        Column("ori", "str", "Originating agency identifier.", length=9, references="agency.ori"),
        _COUNTY,
        Column("county_name", "str", "Name of the county.", is_nullable=True),
        _MSA,
        Column("metro_division_name", "str", "Metropolitan division of the county.", is_nullable=True),
        Column("judicial_district_name", "str", "Federal judicial district of the county.", is_nullable=True),
        Column("field_office_name", "str", "FBI field office that is responsible for the county.", is_nullable=True),
        Column("is_core_city", "bool", "True if the agency is a core city of its metropolitan area.", is_nullable=True),
        Column("population", "int32", "Residents of the agency in this county.", unit="persons"),
        Column(
            "population_share", "float64", "Share of the agency in this county; the shares of an agency add up to 1."
        ),
    ),
)

COUNTY_POPULATION = Dataset(
    name="county_population",
    description="Residents of a county by combination of sex, age, race and ethnicity.",
    source="handbook 08; Census Bureau, Population Estimates Program",
    primary_key=("data_year", "county_fips", "sex_code", "age_bin_code", "race_code", "ethnicity_code"),
    absence="There are no rates for demographic groups.",
    columns=(
        _COUNTY,
        _YEAR,
        Column("sex_code", "str", "Sex: M or F.", codes=("M", "F"), code_list="sex"),
        Column("age_bin_code", "str", "Age group.", code_list="age_bin"),
        Column("race_code", "str", "Race: W, B, I, A or P.", codes=("W", "B", "I", "A", "P"), code_list="race"),
        Column("ethnicity_code", "str", "Ethnicity: H or N.", codes=("H", "N"), code_list="ethnicity"),
        Column("population", "int32", "Residents on July 1.", unit="persons"),
    ),
)

SRS_BENCHMARK = Dataset(
    name="srs_benchmark",
    description="Smoothed annual summary counts of an agency, to which weights are calibrated.",
    source="docs/external-files.md; handbook 06",
    primary_key=("ori", "period", "crime_type"),
    absence="The benchmark of an agency is what it reported itself, not a smoothed count of earlier years.",
    columns=(
        Column("ori", "str", "Originating agency identifier.", length=9, references="agency.ori"),
        Column("legacy_ori", "str", "ORI of the agency before a renumbering.", is_nullable=True),
        Column("period", "str", "`smoothed`, or a year of four digits."),
        Column("crime_type", "str", "Type of crime.", code_list="srs_benchmark_type"),
        Column("n_reported", "float64", "Offenses in the reported months.", unit="offenses", is_nullable=True),
        Column(
            "n_twelve_months",
            "float64",
            "Offenses in the reported months, extrapolated to twelve months.",
            unit="offenses",
            is_nullable=True,
        ),
    ),
)

JUDICIAL_DISTRICT = Dataset(
    name="judicial_district",
    description="Federal judicial districts: code in the agency file, and name.",
    source="docs/external-files.md",
    primary_key=("judicial_district_code",),
    absence="Agencies without a county have no judicial district.",
    columns=(
        Column("judicial_district_code", "str", "Code in the agency file."),
        Column("judicial_district_name", "str", "Name of the district."),
    ),
)

FIELD_OFFICE = Dataset(
    name="field_office",
    description="FBI field offices: code in the agency file, and name.",
    source="docs/external-files.md",
    primary_key=("field_office_code",),
    absence="Agencies without a county have no field office.",
    columns=(
        Column("field_office_code", "str", "Code in the agency file."),
        Column("field_office_name", "str", "Name of the field office."),
    ),
)

GEOGRAPHY = Dataset(
    name="geography",
    description="Geographies for which estimates are computed: number, filter and label.",
    source="handbook 08",
    primary_key=("geography_number",),
    absence="Estimates are computed only for the nation, regions and states.",
    columns=(
        GEOGRAPHY_NUMBER,
        GEOGRAPHY_LEVEL,
        Column("geography_code", "str", "Code or name of the area."),
        Column(
            "agency_group",
            "str",
            "Size or type of the agencies in the geography; missing for all agencies.",
            is_nullable=True,
        ),
        Column("label", "str", "Name of the geography as published."),
        Column(
            "filter_expression", "str", "Filter that selects the agencies (or their county pieces) of the geography."
        ),
        Column(
            "is_excluded", "bool", "True if the geography is on the year's list of geographies that are not estimated."
        ),
    ),
)

SUMMARY_GEOGRAPHY = Dataset(
    name="summary_geography",
    description="Geographies of summary estimates, with the numbers of the reference's summary estimates; areas of "
    "counties are numbered in alphabetical order.",
    source="handbook 16",
    primary_key=GEOGRAPHY.primary_key,
    columns=GEOGRAPHY.columns,
)

DATASETS = (
    AGENCY_COUNTY,
    COUNTY_POPULATION,
    SRS_BENCHMARK,
    JUDICIAL_DISTRICT,
    FIELD_OFFICE,
    GEOGRAPHY,
)
#: All optional datasets; a run reports which are absent.
OPTIONAL = (SRS_MONTH, *DATASETS, STATE_WEIGHT_GROUP)
