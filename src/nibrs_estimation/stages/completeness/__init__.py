"""Completeness: which months each agency reported."""

from nibrs_estimation.model.agency import REPORT_MONTH
from nibrs_estimation.model.results import REPORTING_STATUS, UNIVERSE
from nibrs_estimation.pipeline.task import YEAR, Task
from nibrs_estimation.stages.completeness.months import summarize_reporting

TASKS = (
    Task(
        name="summarize_reporting",
        function=summarize_reporting,
        reads=(UNIVERSE, REPORT_MONTH),
        writes=(REPORTING_STATUS,),
        parameters=(YEAR,),
    ),
)
