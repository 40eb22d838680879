"""Quality checks of a run, and the tables that they judge (handbook: quality checks)."""

from nibrs_estimation.model.fields import AGENCY_ID, AGENCY_TYPE, ORI, POPULATION, STATE
from nibrs_estimation.pipeline.dataset import Column, Dataset

_CHAPTER = "handbook: quality checks"
#: Subject of a check of all agencies of the run.
NATION = "US"
#: A state with this many eligible agencies or fewer has no shares: one agency would decide them.
FEW_AGENCIES = 20
#: An agency with more residents, or with so many officers, is large.
LARGE_POPULATION, LARGE_OFFICERS = 100_000, 750

_NAME = Column("agency_name", "str", "Name of the agency.", is_nullable=True)
_IS_LARGE = Column("is_large", "bool", "True if the agency has more than 100,000 residents, or 750 officers or more.")
_IS_NIBRS = Column("is_nibrs", "bool", "True if the agency reports incidents (reporting type I).")


def _share(name: str, description: str) -> Column:
    return Column(
        name,
        "float64",
        f"{description}, 0 to 1; missing in places of {FEW_AGENCIES} agencies or fewer.",
        is_nullable=True,
    )


STATE_COVERAGE = Dataset(
    name="state_coverage",
    description="How much of each state, and of the whole run, is served by agencies that report incidents.",
    source=_CHAPTER,
    primary_key=("place",),
    columns=(
        Column("place", "str", "UCR state abbreviation, or US for all states of the run."),
        Column("eligible_agencies", "int32", "Number of eligible agencies.", unit="agencies"),
        Column("nibrs_agencies", "int32", "Number of these that report incidents.", unit="agencies"),
        Column(
            "started_agencies",
            "int32",
            "Number of these with a start of NIBRS reporting before the end of the data year.",
            unit="agencies",
        ),
        Column("population", "int64", "Population of the eligible agencies.", unit="persons"),
        Column("nibrs_population", "int64", "Population of those that report incidents.", unit="persons"),
        Column("crimes", "float64", "Benchmark crimes of the eligible agencies.", unit="offenses"),
        Column("nibrs_crimes", "float64", "Benchmark crimes of those that report incidents.", unit="offenses"),
        _share("agency_share", "Share of the eligible agencies that report incidents"),
        _share("started_share", "Share of the eligible agencies that have started NIBRS reporting"),
        _share("population_share", "Share of the population"),
        _share("crime_share", "Share of the benchmark crimes"),
    ),
)

#: What the two reports of an agency say about the year.
SUMMARY_KINDS = {
    "both": "offenses in incidents and summary",
    "no_summary_offenses": "offenses in incidents, none in the summary",
    "no_summary": "offenses in incidents, no summary",
    "no_incident_offenses": "no offense in incidents, offenses in the summary",
    "no_incidents": "no incident report, offenses in the summary",
    "neither_has_offenses": "no offense in either report",
    "empty_summary_only": "no incident report, no offense in the summary",
    "no_summary_empty_incidents": "no summary, no offense in incidents",
    "missing": "neither report",
}

SUMMARY_COMPARISON = Dataset(
    name="summary_comparison",
    description="Incident reports and summary reports (Return A) of each active or federal agency in the data year.",
    source=_CHAPTER,
    primary_key=("agency_id",),
    columns=(
        AGENCY_ID,
        ORI,
        _NAME,
        STATE,
        POPULATION,
        _IS_NIBRS,
        _IS_LARGE,
        Column("incident_months", "int8", "Number of months with an incident report or zero report.", unit="months"),
        Column("summary_months", "int8", "Number of months with a summary report.", unit="months"),
        Column("n_incident_offenses", "int32", "Offenses of its incidents.", unit="offenses"),
        Column("n_comparable", "int32", "Number of these that a summary report counts.", unit="offenses"),
        Column("n_summary_offenses", "int32", "Offenses of its summary reports (grand total).", unit="offenses"),
        Column(
            "kind",
            "str",
            "; ".join(f"{kind}: {text}" for kind, text in SUMMARY_KINDS.items()) + ".",
            codes=tuple(SUMMARY_KINDS),
        ),
    ),
)

#: How an agency's reported months lie in the year.
REPORTER_TYPES = {
    "full": "all months",
    "late_starter": "no month, then every month",
    "quitter": "every month, then no month",
    "inconsistent": "off and on",
    "non_reporter": "no month",
}

REPORTER_TYPE = Dataset(
    name="reporter_type",
    description="How the reported months of each eligible agency lie in the data year.",
    source=_CHAPTER,
    primary_key=("agency_id",),
    columns=(
        AGENCY_ID,
        ORI,
        _NAME,
        STATE,
        AGENCY_TYPE,
        POPULATION,
        Column("category", "str", "Population group; groups without residents are called City 0, MSA County 0 ..."),
        _IS_NIBRS,
        _IS_LARGE,
        Column(
            "is_new_joiner",
            "bool",
            "True if the agency started NIBRS reporting in or after February of the year before the data year.",
        ),
        Column("pattern", "str", "Twelve digits, 1 for a reported month, 0 otherwise, as ddd-ddd-ddd-ddd.", length=15),
        Column(
            "reporter_type",
            "str",
            "; ".join(f"{kind}: {text}" for kind, text in REPORTER_TYPES.items()) + ".",
            codes=tuple(REPORTER_TYPES),
        ),
    ),
)

POPULATION_COMPARISON = Dataset(
    name="population_comparison",
    description="Population in the agency file, by county, of the Census Bureau, and of the year before.",
    source=_CHAPTER,
    primary_key=("level", "code"),
    columns=(
        Column("level", "str", "Kind of place.", codes=("nation", "region", "state", "agency")),
        Column("code", "str", "US, code of the region, UCR state abbreviation, or ORI."),
        Column("label", "str", "Name of the place.", is_nullable=True),
        Column(
            "population",
            "int64",
            "Population in the agency file; of a place, the sum over its eligible agencies.",
            unit="persons",
        ),
        Column(
            "county_population",
            "int64",
            "Sum of the residents of the same agencies by county (dataset agency_county).",
            unit="persons",
            is_nullable=True,
        ),
        Column("census_population", "int64", "Residents (Census Bureau).", unit="persons", is_nullable=True),
        Column("previous_population", "int64", "Population of the year before.", unit="persons", is_nullable=True),
        Column(
            "county_difference",
            "float64",
            "2 (A - B) / (A + B) of county_population A and population B.",
            is_nullable=True,
        ),
        Column(
            "census_difference",
            "float64",
            "2 (A - B) / (A + B) of census_population A and population B.",
            is_nullable=True,
        ),
        Column("change", "float64", "Relative change of the population since the year before.", is_nullable=True),
    ),
)

QUALITY_CHECK = Dataset(
    name="quality_check",
    description="Quality checks of the run: what was observed, the limit, and whether the check passed.",
    source=_CHAPTER,
    primary_key=("check", "subject"),
    columns=(
        Column("check", "str", "Name of the check.", code_list="quality_check"),
        Column("subject", "str", "What was checked: US, or a UCR state abbreviation."),
        Column("observed", "float64", "The number that is compared; missing if it is not known.", is_nullable=True),
        Column("comparison", "str", "How observed must compare with threshold.", codes=("<=", ">=")),
        Column("threshold", "float64", "The limit."),
        Column("unit", "str", "Unit of observed and threshold.", codes=("number", "share")),
        Column(
            "severity",
            "str",
            "hard: with NIBRS_QUALITY_RULE=stop the run fails; soft: the failure is reported.",
            codes=("hard", "soft"),
        ),
        Column("is_passed", "bool", "Whether the check passed; missing if observed is missing.", is_nullable=True),
        Column("description", "str", "What observed is."),
        Column("if_failed", "str", "What a failure means, and what to do."),
        Column("not_judged", "str", "Why observed is missing.", is_nullable=True),
    ),
)

DATASETS = (STATE_COVERAGE, SUMMARY_COMPARISON, REPORTER_TYPE, POPULATION_COMPARISON, QUALITY_CHECK)
