"""Benchmark: the agencies of the weighting frame, which of them responded, and the crimes of each in a full year."""

from nibrs_estimation.model.agency import AGENCY, AGENCY_MONTH_OFFENSE, REPORT_MONTH, SRS_MONTH
from nibrs_estimation.model.benchmark import BENCHMARK_FACTOR, WEIGHTING_FRAME, WEIGHTING_ISSUE
from nibrs_estimation.model.blocks import BLOCK_MONTH, BLOCK_REFERENCE, KNOWN_MONTH
from nibrs_estimation.model.completeness import AGENCY_MONTH, REPORTING_STATUS
from nibrs_estimation.model.geography import SRS_BENCHMARK
from nibrs_estimation.model.outliers import OUTLIER_MONTH
from nibrs_estimation.model.parameters import BENCHMARK_RULE
from nibrs_estimation.model.summary import INCIDENT_RESPONSE, SUMMARY_AGENCY, SUMMARY_YEAR
from nibrs_estimation.model.universe import UNIVERSE
from nibrs_estimation.pipeline.task import SEED, YEAR, Task
from nibrs_estimation.stages.benchmark.frame import build_frame
from nibrs_estimation.stages.benchmark.summary_frame import build_summary_frame, judge_incident_responses

TASKS = (
    Task(
        name="build_frame",
        function=build_frame,
        reads=(
            AGENCY,
            UNIVERSE,
            AGENCY_MONTH,
            OUTLIER_MONTH,
            BLOCK_REFERENCE,
            BLOCK_MONTH,
            KNOWN_MONTH,
            REPORTING_STATUS,
            REPORT_MONTH,
            SRS_MONTH,
            SRS_BENCHMARK,
            AGENCY_MONTH_OFFENSE,
        ),
        writes=(WEIGHTING_FRAME, BENCHMARK_FACTOR, WEIGHTING_ISSUE),
        parameters=(YEAR, SEED, BENCHMARK_RULE),
        memory="medium",
    ),
)

#: The same for summary estimates.
SUMMARY_TASKS = (
    Task(
        name="judge_incident_responses",
        function=judge_incident_responses,
        reads=(
            AGENCY,
            UNIVERSE,
            AGENCY_MONTH,
            OUTLIER_MONTH,
            BLOCK_REFERENCE,
            REPORTING_STATUS,
            SRS_BENCHMARK,
            AGENCY_MONTH_OFFENSE,
        ),
        writes=(INCIDENT_RESPONSE,),
        parameters=(YEAR,),
        memory="medium",
    ),
    Task(
        name="build_summary_frame",
        function=build_summary_frame,
        reads=(
            AGENCY,
            UNIVERSE,
            SUMMARY_AGENCY,
            SUMMARY_YEAR,
            REPORT_MONTH,
            SRS_MONTH,
            SRS_BENCHMARK,
            AGENCY_MONTH_OFFENSE,
        ),
        writes=(WEIGHTING_FRAME, BENCHMARK_FACTOR, WEIGHTING_ISSUE),
        parameters=(YEAR, SEED, BENCHMARK_RULE),
        memory="medium",
    ),
)
