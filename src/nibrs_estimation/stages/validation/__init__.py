"""Validation: quality checks, and pages to evaluate the universe, the months and the weights."""

from nibrs_estimation.model.agency import AGENCY, AGENCY_MONTH_OFFENSE, REPORT_MONTH, SRS_MONTH
from nibrs_estimation.model.analysis import (
    ANALYSIS_ARRESTEE,
    ANALYSIS_OFFENDER,
    ANALYSIS_VICTIM,
    ANALYSIS_VICTIM_OFFENDER,
)
from nibrs_estimation.model.benchmark import WEIGHTING_FRAME, WEIGHTING_ISSUE
from nibrs_estimation.model.blocks import BLOCK_AGENCY, BLOCK_CHECK, BLOCK_MONTH, BLOCK_REFERENCE, KNOWN_MONTH
from nibrs_estimation.model.completeness import AGENCY_MONTH, COMPLETENESS_ISSUE, REPORTING_PATTERN, REPORTING_STATUS
from nibrs_estimation.model.data_warnings import DATA_WARNING, INCIDENT_TIME
from nibrs_estimation.model.geography import AGENCY_COUNTY, COUNTY_POPULATION
from nibrs_estimation.model.incident import INCIDENT
from nibrs_estimation.model.items import (
    AGENCY_ITEM,
    AGENCY_ITEM_CHECK,
    IMPUTED_ITEM,
    ITEM_CHECK,
    ITEM_DONORS,
    ITEM_PAIRS,
    ITEM_SUMMARY,
    ITEM_TRUTH,
    PERSON_FRAME,
    PERSON_LINK,
    SYNTHETIC_TRUTH_ITEM,
)
from nibrs_estimation.model.outliers import OUTLIER_AGENCY, OUTLIER_MONTH
from nibrs_estimation.model.parameters import ITEM_METHOD, OUTLIER_RULE, QUALITY_RULE
from nibrs_estimation.model.quality import (
    POPULATION_COMPARISON,
    QUALITY_CHECK,
    REPORTER_TYPE,
    STATE_COVERAGE,
    SUMMARY_COMPARISON,
)
from nibrs_estimation.model.universe import POLICE_EMPLOYEES, UNIVERSE
from nibrs_estimation.model.weights import AGENCY_WEIGHT, TABLE_A, WEIGHT_CELL, WEIGHT_CHECK, WEIGHT_CONTROL
from nibrs_estimation.pipeline.dataset import Document
from nibrs_estimation.pipeline.task import IDENTITY, PARTITION, YEAR, Task
from nibrs_estimation.stages.validation.blocks import validate_blocks
from nibrs_estimation.stages.validation.data_warnings import count_incident_times, warn_of_data
from nibrs_estimation.stages.validation.data_warnings_page import show_data_warnings
from nibrs_estimation.stages.validation.item_summary import summarize_items
from nibrs_estimation.stages.validation.items import check_items, validate_items
from nibrs_estimation.stages.validation.outliers import validate_outliers
from nibrs_estimation.stages.validation.population import validate_population
from nibrs_estimation.stages.validation.population_comparison import compare_populations
from nibrs_estimation.stages.validation.quality import check_quality, require_quality
from nibrs_estimation.stages.validation.quality_page import show_quality
from nibrs_estimation.stages.validation.reporter_types import classify_reporters
from nibrs_estimation.stages.validation.state_coverage import describe_coverage
from nibrs_estimation.stages.validation.summary_comparison import compare_with_summaries
from nibrs_estimation.stages.validation.weights import validate_weights

POPULATION_PAGE = Document("validation_population.html", "Population covered by the reported months, and its changes.")
OUTLIER_PAGE = Document("validation_outliers.html", "Months that are unusual in their agency's series, with charts.")
BLOCK_PAGE = Document("validation_blocks.html", "Months that were copied: numbers, agencies, and effects.")
WEIGHT_PAGE = Document(
    "validation_weights.html", "Weights: problem cells, distributions, controls, Table A, benchmark."
)
ITEM_PAGE = Document("validation_items.html", "Blank items: how many, what was imputed for them, and from whom.")
QUALITY_PAGE = Document("validation_quality.html", "Quality checks: what was observed, the limits, and the tables.")
WARNING_PAGE = Document("validation_warnings.html", "Data warnings: agencies whose data look unusual, with limits.")
WARNINGS_CSV = Document("data_warnings.csv", "Data warnings: agency, what is unusual, observed, limit.")
PAGES = (POPULATION_PAGE, OUTLIER_PAGE, BLOCK_PAGE, WEIGHT_PAGE, ITEM_PAGE, QUALITY_PAGE, WARNING_PAGE)
QUALITY_FILES = (
    Document("quality_checks.csv", "Quality checks: check, place, observed, limit, passed."),
    Document("quality_checks.json", "The same for programs."),
    Document("state_coverage.csv", "Agencies, population and crimes by state, and of agencies that report incidents."),
    Document("summary_comparison.csv", "Incident and summary reports of each agency."),
    Document("reporter_types.csv", "How the reported months of each agency lie in the year."),
    Document("population_comparison.csv", "Populations of the agency file, by county, of the Census and before."),
)
QUALITY_VERDICT = Document("quality_verdict.json", "How many checks failed; absent if a hard check stopped the run.")
QUALITY_TABLES = (STATE_COVERAGE, SUMMARY_COMPARISON, REPORTER_TYPE, POPULATION_COMPARISON)

TASKS = (
    Task(
        name="validate_population",
        function=validate_population,
        reads=(AGENCY, UNIVERSE, REPORTING_STATUS, BLOCK_REFERENCE),
        writes=(POPULATION_PAGE,),
        parameters=(YEAR, IDENTITY),
    ),
    Task(
        name="validate_outliers",
        function=validate_outliers,
        reads=(AGENCY, OUTLIER_AGENCY, OUTLIER_MONTH, COMPLETENESS_ISSUE),
        writes=(OUTLIER_PAGE,),
        parameters=(YEAR, OUTLIER_RULE, IDENTITY),
    ),
    Task(
        name="validate_blocks",
        function=validate_blocks,
        reads=(
            AGENCY,
            AGENCY_MONTH,
            AGENCY_MONTH_OFFENSE,
            KNOWN_MONTH,
            BLOCK_AGENCY,
            BLOCK_MONTH,
            BLOCK_REFERENCE,
            BLOCK_CHECK,
        ),
        writes=(BLOCK_PAGE,),
        parameters=(YEAR, IDENTITY),
    ),
    Task(
        name="validate_weights",
        function=validate_weights,
        reads=(
            WEIGHTING_FRAME,
            WEIGHTING_ISSUE,
            WEIGHT_CELL,
            WEIGHT_CONTROL,
            AGENCY_WEIGHT,
            WEIGHT_CHECK,
            TABLE_A,
        ),
        writes=(WEIGHT_PAGE,),
        parameters=(YEAR, IDENTITY),
    ),
    Task(
        name="summarize_items",
        function=summarize_items,
        reads=(
            ANALYSIS_VICTIM,
            ANALYSIS_OFFENDER,
            ANALYSIS_ARRESTEE,
            ANALYSIS_VICTIM_OFFENDER,
            PERSON_FRAME,
            PERSON_LINK,
            IMPUTED_ITEM,
            INCIDENT,
            SYNTHETIC_TRUTH_ITEM,
        ),
        writes=(ITEM_SUMMARY, ITEM_DONORS, ITEM_PAIRS, AGENCY_ITEM, ITEM_TRUTH),
        parameters=(PARTITION,),
        partition_by="state_abbr",
        memory="medium",
    ),
    Task(
        name="check_items",
        function=check_items,
        reads=(ITEM_SUMMARY, AGENCY_ITEM),
        writes=(ITEM_CHECK, AGENCY_ITEM_CHECK),
    ),
    Task(
        name="validate_items",
        function=validate_items,
        reads=(ITEM_SUMMARY, ITEM_DONORS, ITEM_PAIRS, ITEM_CHECK, AGENCY_ITEM_CHECK, ITEM_TRUTH, AGENCY),
        writes=(ITEM_PAGE,),
        parameters=(YEAR, ITEM_METHOD, IDENTITY),
    ),
    Task(
        name="count_incident_times",
        function=count_incident_times,
        reads=(INCIDENT,),
        writes=(INCIDENT_TIME,),
        parameters=(YEAR, PARTITION),
        partition_by="state_abbr",
    ),
    Task(
        name="warn_of_data",
        function=warn_of_data,
        reads=(AGENCY, INCIDENT_TIME, POLICE_EMPLOYEES, AGENCY_ITEM, AGENCY_ITEM_CHECK),
        writes=(DATA_WARNING,),
        parameters=(YEAR,),
    ),
    Task(
        name="show_data_warnings",
        function=show_data_warnings,
        reads=(AGENCY, INCIDENT_TIME, DATA_WARNING),
        writes=(WARNING_PAGE, WARNINGS_CSV),
        parameters=(YEAR, IDENTITY),
    ),
    Task(
        name="describe_coverage",
        function=describe_coverage,
        reads=(REPORTING_PATTERN, WEIGHTING_FRAME),
        writes=(STATE_COVERAGE,),
        parameters=(YEAR,),
    ),
    Task(
        name="compare_with_summaries",
        function=compare_with_summaries,
        reads=(REPORTING_PATTERN, REPORT_MONTH, AGENCY_MONTH_OFFENSE, SRS_MONTH, POLICE_EMPLOYEES),
        writes=(SUMMARY_COMPARISON,),
        parameters=(YEAR,),
        tolerates=(REPORT_MONTH, AGENCY_MONTH_OFFENSE),
    ),
    Task(
        name="classify_reporters",
        function=classify_reporters,
        reads=(REPORTING_PATTERN, POLICE_EMPLOYEES),
        writes=(REPORTER_TYPE,),
        parameters=(YEAR,),
    ),
    Task(
        name="compare_populations",
        function=compare_populations,
        reads=(REPORTING_PATTERN, AGENCY_COUNTY, COUNTY_POPULATION),
        writes=(POPULATION_COMPARISON,),
        parameters=(YEAR,),
    ),
    Task(
        name="check_quality",
        function=check_quality,
        reads=(AGENCY, *QUALITY_TABLES),
        writes=(QUALITY_CHECK,),
        parameters=(YEAR,),
    ),
    Task(
        name="show_quality",
        function=show_quality,
        reads=(AGENCY, QUALITY_CHECK, *QUALITY_TABLES),
        writes=(QUALITY_PAGE, *QUALITY_FILES),
        parameters=(YEAR, IDENTITY),
    ),
    Task(
        name="require_quality",
        function=require_quality,
        reads=(QUALITY_CHECK,),
        writes=(QUALITY_VERDICT,),
        parameters=(QUALITY_RULE,),
    ),
)
