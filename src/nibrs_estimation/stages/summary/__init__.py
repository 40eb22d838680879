"""Summary counts: incidents by the hierarchy rule, Return A, and the completed year of both."""

from nibrs_estimation.model.agency import AGENCY, AGENCY_MONTH_OFFENSE, REPORT_MONTH, SRS_MONTH
from nibrs_estimation.model.blocks import BLOCK_REFERENCE, KNOWN_MONTH, REMOVED_MONTH
from nibrs_estimation.model.geography import AGENCY_COUNTY, JUDICIAL_DISTRICT
from nibrs_estimation.model.grants import GOVERNMENT, GRANT_FLAG, GRANT_YEAR
from nibrs_estimation.model.incident import (
    INCIDENT,
    OFFENSE,
    OFFENSE_WEAPON,
    PROPERTY,
    PROPERTY_ITEM,
    VICTIM,
    VICTIM_CIRCUMSTANCE,
    VICTIM_OFFENSE,
)
from nibrs_estimation.model.outliers import OUTLIER_MONTH
from nibrs_estimation.model.parameters import MONTH_RULE
from nibrs_estimation.model.summary import (
    CONVERSION_ACCOUNT,
    CONVERSION_DIFFERENCE,
    INCIDENT_RESPONSE,
    INCIDENT_SUMMARY,
    REPORT_ISSUE,
    RETA_MM,
    RETURN_A_CARD,
    SUMMARY_AGENCY,
    SUMMARY_ISSUE,
    SUMMARY_MONTH,
    SUMMARY_REPORT,
    SUMMARY_YEAR,
    UNRANKED_SUMMARY,
)
from nibrs_estimation.model.universe import POLICE_EMPLOYEES, UNIVERSE
from nibrs_estimation.pipeline.dataset import Document
from nibrs_estimation.pipeline.task import IDENTITY, PARTITION, SEED, YEAR, Task
from nibrs_estimation.stages.summary.combine import accept_incidents, combine_summaries
from nibrs_estimation.stages.summary.convert import convert_incidents, count_unranked
from nibrs_estimation.stages.summary.differences import compare_conversion
from nibrs_estimation.stages.summary.fill import fill_summaries
from nibrs_estimation.stages.summary.grants import combine_grants, count_grants
from nibrs_estimation.stages.summary.reports import collect_reports
from nibrs_estimation.stages.summary.years import FIRST_YEAR as FIRST_YEAR

_SEGMENTS = (
    INCIDENT,
    OFFENSE,
    OFFENSE_WEAPON,
    VICTIM,
    VICTIM_OFFENSE,
    VICTIM_CIRCUMSTANCE,
    PROPERTY,
    PROPERTY_ITEM,
)

CONVERT = Task(
    name="convert_incidents",
    function=convert_incidents,
    reads=(AGENCY, *_SEGMENTS),
    writes=(INCIDENT_SUMMARY, CONVERSION_ACCOUNT),
    parameters=(YEAR, PARTITION),
    partition_by="state_abbr",
    memory="medium",
)
COUNT_UNRANKED = Task(
    name="count_unranked",
    function=count_unranked,
    reads=(AGENCY, *_SEGMENTS),
    writes=(UNRANKED_SUMMARY,),
    parameters=(YEAR, PARTITION),
    partition_by="state_abbr",
    memory="medium",
)
COLLECT = Task(
    name="collect_reports",
    function=collect_reports,
    reads=(AGENCY, REPORT_MONTH, SRS_MONTH, RETA_MM, RETURN_A_CARD),
    writes=(SUMMARY_REPORT, REPORT_ISSUE),
    parameters=(YEAR,),
    memory="medium",
)
CONVERSION_PAGE = Document("conversion.html", "Converted incidents beside the Return A of the same agencies.")
COMPARE = Task(
    name="compare_conversion",
    function=compare_conversion,
    reads=(AGENCY, INCIDENT_SUMMARY, SUMMARY_REPORT),
    writes=(CONVERSION_DIFFERENCE, CONVERSION_PAGE),
    parameters=(YEAR, IDENTITY),
    memory="medium",
)
TASKS = (
    CONVERT,
    COLLECT,
    COMPARE,
    Task(
        name="combine_summaries",
        function=combine_summaries,
        reads=(
            AGENCY,
            UNIVERSE,
            INCIDENT_SUMMARY,
            INCIDENT_RESPONSE,
            KNOWN_MONTH,
            BLOCK_REFERENCE,
            REMOVED_MONTH,
            SUMMARY_REPORT,
        ),
        writes=(SUMMARY_MONTH,),
        parameters=(YEAR,),
        memory="medium",
    ),
    Task(
        name="fill_summaries",
        function=fill_summaries,
        reads=(
            AGENCY,
            UNIVERSE,
            POLICE_EMPLOYEES,
            OUTLIER_MONTH,
            INCIDENT_SUMMARY,
            SUMMARY_REPORT,
            SUMMARY_MONTH,
        ),
        writes=(SUMMARY_AGENCY, SUMMARY_YEAR, SUMMARY_ISSUE),
        parameters=(YEAR, SEED, MONTH_RULE),
        memory="medium",
    ),
)

#: For series of many years: who has incidents counts by them.
ACCEPT = Task(
    name="accept_incidents",
    function=accept_incidents,
    reads=(UNIVERSE, INCIDENT_SUMMARY),
    writes=(INCIDENT_RESPONSE,),
)
BJS_GRANT = Document("BJS_Grant.csv", "Counts of all years for grants, a row for each agency.")
#: Counts of one year for grants.
GRANT_YEAR_TASKS = (
    COUNT_UNRANKED,
    COLLECT,
    Task(
        name="count_grants",
        function=count_grants,
        reads=(
            AGENCY,
            AGENCY_MONTH_OFFENSE,
            AGENCY_COUNTY,
            JUDICIAL_DISTRICT,
            REPORT_MONTH,
            UNRANKED_SUMMARY,
            SUMMARY_REPORT,
        ),
        writes=(GRANT_YEAR, GRANT_FLAG),
        parameters=(YEAR,),
        memory="medium",
    ),
)
#: Several years side by side.
GRANT_TASKS = (
    Task(name="combine_grants", function=combine_grants, reads=(GRANT_YEAR, GOVERNMENT), writes=(BJS_GRANT,)),
)
