"""Publication: the estimates as CSV, DuckDB, workbooks and a report."""

from nibrs_estimation.model.accounting import INCIDENT_ACCOUNT
from nibrs_estimation.model.agency import AGENCY
from nibrs_estimation.model.benchmark import WEIGHTING_FRAME
from nibrs_estimation.model.blocks import BLOCK_MONTH, BLOCK_REFERENCE
from nibrs_estimation.model.completeness import REPORTING_STATUS
from nibrs_estimation.model.counts import INCIDENT_PROFILE, PROFILE_COUNT, PROFILE_SIGNATURE, UNIT_PROFILE
from nibrs_estimation.model.coverage import COVERAGE, GEOGRAPHY_POPULATION
from nibrs_estimation.model.estimates import CELL_ESTIMATE, CELL_GAP, GEOGRAPHY_QUALITY
from nibrs_estimation.model.geography import AGENCY_COUNTY
from nibrs_estimation.model.headlines import (
    HEADLINE,
    HEADLINE_ERROR,
    PREDECESSOR_ERROR,
    PREDECESSOR_HEADLINE,
    YEAR_CHANGE,
)
from nibrs_estimation.model.intake import INTAKE_COUNT, INTAKE_LOSS
from nibrs_estimation.model.parameters import CONTROL_RULE, SMALL_COUNT, VARIANCE_RULE
from nibrs_estimation.model.summary import CONVERSION_ACCOUNT, REPORT_ISSUE, SUMMARY_AGENCY, SUMMARY_ISSUE
from nibrs_estimation.model.universe import UNIVERSE
from nibrs_estimation.model.weights import AGENCY_WEIGHT, CALIBRATION_VARIABLE, WEIGHT_CELL
from nibrs_estimation.pipeline.dataset import Document
from nibrs_estimation.pipeline.task import IDENTITY, YEAR, Task
from nibrs_estimation.stages.publication.files import export_estimates, export_summary_estimates
from nibrs_estimation.stages.publication.headlines import compare_headlines, measure_headlines
from nibrs_estimation.stages.publication.report import write_report
from nibrs_estimation.stages.publication.summary_report import write_summary_report
from nibrs_estimation.stages.publication.workbooks import export_summary_workbooks, export_workbooks

ESTIMATES_CSV = Document("estimates.csv", "All tables of nation, regions and states as one CSV file.")
ESTIMATES_DUCKDB = Document(
    "estimates.duckdb",
    "The same as a table in a DuckDB file, with the reference's table, geographies, run, definitions and lookups.",
    is_content_hashed=False,
)
DEFINITIONS_CSV = Document("definitions.csv", "What each table counts, and the offenses in its columns.")
README_TXT = Document("README.txt", "Description of the files: run, source, year, zeros, symbols.")
WORKBOOKS_ZIP = Document("workbooks.zip", "A spreadsheet for each table, with title, notes and symbols.")
REPORT = Document("report.html", "The main results with intervals, and coverage by state, on one page.")

_ESTIMATES = (CELL_ESTIMATE, CELL_GAP, COVERAGE, GEOGRAPHY_POPULATION, GEOGRAPHY_QUALITY)

TASKS = (
    Task(
        name="export_estimates",
        function=export_estimates,
        reads=_ESTIMATES,
        writes=(ESTIMATES_CSV, ESTIMATES_DUCKDB, DEFINITIONS_CSV, README_TXT),
        parameters=(YEAR, IDENTITY, SMALL_COUNT, VARIANCE_RULE),
        memory="medium",
    ),
    Task(
        name="export_workbooks",
        function=export_workbooks,
        reads=_ESTIMATES,
        writes=(WORKBOOKS_ZIP,),
        parameters=(IDENTITY, SMALL_COUNT, VARIANCE_RULE),
        memory="medium",
    ),
    Task(
        name="measure_headlines",
        function=measure_headlines,
        reads=(
            *_ESTIMATES,
            UNIT_PROFILE,
            PROFILE_SIGNATURE,
            PROFILE_COUNT,
            INCIDENT_PROFILE,
            BLOCK_REFERENCE,
            WEIGHTING_FRAME,
            AGENCY_WEIGHT,
            WEIGHT_CELL,
            CALIBRATION_VARIABLE,
            AGENCY,
            AGENCY_COUNTY,
        ),
        writes=(HEADLINE, HEADLINE_ERROR),
        parameters=(YEAR, CONTROL_RULE, VARIANCE_RULE, SMALL_COUNT),
        memory="medium",
    ),
    Task(
        name="compare_headlines",
        function=compare_headlines,
        reads=(HEADLINE, HEADLINE_ERROR),
        writes=(YEAR_CHANGE,),
        parameters=(IDENTITY,),
        externals=(PREDECESSOR_HEADLINE, PREDECESSOR_ERROR),
    ),
    Task(
        name="write_report",
        function=write_report,
        reads=(
            *_ESTIMATES,
            WEIGHT_CELL,
            INTAKE_COUNT,
            INTAKE_LOSS,
            AGENCY,
            BLOCK_MONTH,
            REPORTING_STATUS,
            UNIVERSE,
            INCIDENT_ACCOUNT,
            YEAR_CHANGE,
        ),
        writes=(REPORT,),
        parameters=(YEAR, IDENTITY, SMALL_COUNT, VARIANCE_RULE),
    ),
)
#: The same for summary estimates.
SUMMARY_TASKS = (
    Task(
        name="export_summary_estimates",
        function=export_summary_estimates,
        reads=_ESTIMATES,
        writes=(ESTIMATES_CSV, ESTIMATES_DUCKDB, DEFINITIONS_CSV, README_TXT),
        parameters=(YEAR, IDENTITY, SMALL_COUNT, VARIANCE_RULE),
    ),
    Task(
        name="export_summary_workbooks",
        function=export_summary_workbooks,
        reads=_ESTIMATES,
        writes=(WORKBOOKS_ZIP,),
        parameters=(IDENTITY, SMALL_COUNT, VARIANCE_RULE),
    ),
    Task(
        name="write_summary_report",
        function=write_summary_report,
        reads=(
            *_ESTIMATES,
            WEIGHT_CELL,
            INTAKE_COUNT,
            INTAKE_LOSS,
            WEIGHTING_FRAME,
            SUMMARY_AGENCY,
            REPORT_ISSUE,
            SUMMARY_ISSUE,
            CONVERSION_ACCOUNT,
        ),
        writes=(REPORT,),
        parameters=(YEAR, IDENTITY, SMALL_COUNT, VARIANCE_RULE),
    ),
)
