"""Publication: the estimates as files for people."""

from nibrs_estimation.model.intake import INTAKE_COUNT, INTAKE_LOSS
from nibrs_estimation.model.results import COVERAGE, ESTIMATES
from nibrs_estimation.model.weighting import WEIGHT_CELL
from nibrs_estimation.pipeline.dataset import Document
from nibrs_estimation.pipeline.task import YEAR, Task
from nibrs_estimation.stages.publication.files import export_estimates
from nibrs_estimation.stages.publication.report import write_report

ESTIMATES_CSV = Document("estimates.csv", "All estimates as one CSV file.")
ESTIMATES_DUCKDB = Document(
    "estimates.duckdb", "All estimates as table `estimates` of a DuckDB file.", is_content_hashed=False
)
REPORT = Document("report.html", "The headline estimates with intervals, and coverage by state, on one page.")

TASKS = (
    Task(
        name="export_estimates",
        function=export_estimates,
        reads=(ESTIMATES,),
        writes=(ESTIMATES_CSV, ESTIMATES_DUCKDB),
    ),
    Task(
        name="write_report",
        function=write_report,
        reads=(ESTIMATES, COVERAGE, WEIGHT_CELL, INTAKE_COUNT, INTAKE_LOSS),
        writes=(REPORT,),
        parameters=(YEAR,),
    ),
)
