"""Benchmark: the agencies to be weighted and their known full-year crime counts (handbook 06)."""

from nibrs_estimation.model.fields import AGENCY_ID, AGENCY_TYPE, ORI, POPULATION, REGION, STATE
from nibrs_estimation.pipeline.dataset import Column, Dataset

#: Crimes of the benchmark, by code of the list ``srs_benchmark_type``, and their columns (handbook 06).
CRIMES = {
    "total": "n_total",
    "violent": "n_violent",
    "property": "n_property",
    "murder": "n_murder",
    "manslaughter": "n_manslaughter",
    "rape": "n_rape",
    "robbery": "n_robbery",
    "assault": "n_assault",
    "aggravated_assault": "n_aggravated_assault",
    "simple_assault": "n_simple_assault",
    "burglary": "n_burglary",
    "larceny": "n_larceny",
    "vehicle_theft": "n_vehicle_theft",
}

#: Rows of Table A, in order (handbook 07).
TABLE_A_ROWS = {
    "total": "All Crime",
    "violent": "All Violent",
    "murder": "Murder",
    "manslaughter": "Manslaughter",
    "rape": "Rape",
    "robbery": "Robbery",
    "assault": "Assault",
    "aggravated_assault": "Aggravated Assault",
    "simple_assault": "Simple Assault",
    "property": "All Property",
    "burglary": "Burglary",
    "larceny": "Larceny",
    "vehicle_theft": "Vehicle Theft",
}

#: Crimes that add up to a total. Violent crime includes manslaughter by negligence; property crime excludes arson.
VIOLENT = ("murder", "manslaughter", "rape", "robbery", "aggravated_assault")

PROPERTY = ("burglary", "larceny", "vehicle_theft")

WEIGHTING_FRAME = Dataset(
    name="weighting_frame",
    description="Eligible agencies, whether they responded, and the full-year crime counts for calibration.",
    source="handbook 06",
    primary_key=("agency_id",),
    columns=(
        AGENCY_ID,
        ORI,
        STATE,
        REGION,
        AGENCY_TYPE,
        POPULATION,
        Column("population_group_code", "str", "UCR population group."),
        Column("weight_class", "int8", "Weight class for the nation and regions, 1 to 20.", code_list="weight_class"),
        Column(
            "substate_class", "int8", "Weight class for states and smaller areas, 1 to 22.", code_list="substate_class"
        ),
        Column(
            "months_usable",
            "int8",
            "Number of months reported since the start of NIBRS, without low outliers.",
            unit="months",
        ),
        Column("is_respondent", "bool", "True if the agency's incidents are used in the estimates (resp_ind_m3)."),
        Column(
            "nonresponse_reason",
            "str",
            "The first rule for respondents that the agency fails; missing for respondents.",
            is_nullable=True,
            codes=(
                "reports no incidents",
                "fewer than three usable months",
                "not in the incident data",
                "started after October",
                "not completed",
            ),
        ),
        Column(
            "benchmark_source",
            "str",
            "recent: its own Return A; smoothed: the file of smoothed counts; own: its own incident counts, brought to "
            "a year; donor: those of an agency of its class; class_rate: those of its class per resident, or per "
            "agency where it has no residents.",
            codes=("recent", "smoothed", "own", "donor", "class_rate"),
        ),
        Column("benchmark_year", "int16", "Year of the counts; missing if smoothed or of a donor.", is_nullable=True),
        Column(
            "benchmark_months",
            "int8",
            "Known months behind its own incident counts.",
            unit="months",
            is_nullable=True,
        ),
        Column("benchmark_donor_id", "int32", "The donor.", is_nullable=True, references="agency.agency_id"),
        *(
            Column(column, "float64", f"Full-year benchmark: {code.replace('_', ' ')}.", unit="offenses")
            for code, column in CRIMES.items()
        ),
    ),
)

WEIGHTING_ISSUE = Dataset(
    name="weighting_issue",
    description="Inconsistent data in the benchmark and in the county pieces of agencies, with the rule applied.",
    source="handbook 06 and 07",
    primary_key=("issue",),
    columns=(
        Column("issue", "str", "Kind of inconsistency."),
        Column("n_agencies", "int32", "Number of agencies affected.", unit="agencies"),
        Column("first_agency", "str", "ORI of the first affected agency.", is_nullable=True),
        Column("rule", "str", "Rule that was applied."),
    ),
)

BENCHMARK_FACTOR = Dataset(
    name="benchmark_factor",
    description="By what benchmarks of another year and summary counts of the data year were multiplied, from the "
    "respondents' counts.",
    source="handbook 06",
    primary_key=("vintage", "crime"),
    columns=(
        Column("vintage", "str", "Source and year of the benchmarks."),
        Column("crime", "str", "Crime; total is all of them."),
        Column(
            "agencies",
            "int32",
            "Respondents with such a benchmark; of summary counts of the data year, those with incidents.",
            unit="agencies",
        ),
        Column(
            "offenses",
            "float64",
            "Sum of their benchmarks; of summary counts of the data year, those of their offenses that a summary would "
            "count.",
            unit="offenses",
        ),
        Column("factor", "float64", "By which the benchmarks are multiplied."),
    ),
)

DATASETS = (WEIGHTING_FRAME, BENCHMARK_FACTOR, WEIGHTING_ISSUE)
