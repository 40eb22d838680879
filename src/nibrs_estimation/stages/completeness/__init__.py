"""Completeness: which months each agency reported."""

from nibrs_estimation.model.agency import AGENCY, AGENCY_MONTH_OFFENSE, REPORT_MONTH
from nibrs_estimation.model.completeness import AGENCY_MONTH, COMPLETENESS_ISSUE, REPORTING_PATTERN, REPORTING_STATUS
from nibrs_estimation.model.geography import AGENCY_COUNTY
from nibrs_estimation.model.universe import UNIVERSE
from nibrs_estimation.pipeline.task import YEAR, Task
from nibrs_estimation.stages.completeness.months import describe_months, summarize_reporting
from nibrs_estimation.stages.completeness.patterns import describe_patterns

TASKS = (
    Task(
        name="describe_months",
        function=describe_months,
        reads=(AGENCY, REPORT_MONTH, AGENCY_MONTH_OFFENSE),
        writes=(AGENCY_MONTH, COMPLETENESS_ISSUE),
        parameters=(YEAR,),
        tolerates=(REPORT_MONTH, AGENCY_MONTH_OFFENSE),
        memory="medium",
    ),
    Task(
        name="describe_patterns",
        function=describe_patterns,
        reads=(AGENCY, AGENCY_COUNTY, AGENCY_MONTH, AGENCY_MONTH_OFFENSE),
        writes=(REPORTING_PATTERN,),
        tolerates=(AGENCY_MONTH_OFFENSE,),
        memory="medium",
    ),
    Task(
        name="summarize_reporting",
        function=summarize_reporting,
        reads=(UNIVERSE, AGENCY_MONTH, REPORT_MONTH),
        writes=(REPORTING_STATUS,),
        parameters=(YEAR,),
    ),
)
