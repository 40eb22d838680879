"""Smoketest: whether database, source, scratch folder and stores work in this installation."""

from nibrs_estimation.model.universe import UNIVERSE
from nibrs_estimation.pipeline.dataset import Column, Dataset, Document
from nibrs_estimation.pipeline.task import DATABASE, YEAR, Task
from nibrs_estimation.stages.smoketest.checks import count_database_incidents, report_smoketest

SMOKETEST_DATABASE = Dataset(
    name="smoketest_database",
    description="Whether a database is configured, and how many incidents of the data year it contains.",
    source="docs/architecture.md",
    primary_key=("data_year",),
    columns=(
        Column("data_year", "int16", "Calendar year."),
        Column("database", "str", "The database, or that none is configured."),
        Column("n_incidents", "int64", "Rows of nibrs_incident in the year.", unit="incidents", is_nullable=True),
    ),
)
REPORT = Document("smoketest.html", "Results of the smoketest, on one page.")

TASKS = (
    Task(
        name="count_database_incidents",
        function=count_database_incidents,
        writes=(SMOKETEST_DATABASE,),
        parameters=(YEAR, DATABASE),
    ),
    Task(
        name="report_smoketest",
        function=report_smoketest,
        reads=(SMOKETEST_DATABASE, UNIVERSE),
        writes=(REPORT,),
        parameters=(YEAR,),
    ),
)
