"""Weighting: how many agencies each respondent stands for, and what share of the population responded."""

from nibrs_estimation.model.agency import AGENCY, AGENCY_MONTH_OFFENSE, REPORT_MONTH, SRS_MONTH
from nibrs_estimation.model.completeness import AGENCY_MONTH, BLOCK_REFERENCE, OUTLIER_MONTH
from nibrs_estimation.model.geography import SRS_BENCHMARK
from nibrs_estimation.model.results import COVERAGE, REPORTING_STATUS, UNIVERSE
from nibrs_estimation.model.weighting import AGENCY_WEIGHT, WEIGHTING_FRAME, WEIGHTING_ISSUE
from nibrs_estimation.pipeline.task import SEED, YEAR, Task
from nibrs_estimation.stages.weighting.coverage import measure_coverage
from nibrs_estimation.stages.weighting.design import weight_agencies
from nibrs_estimation.stages.weighting.frame import build_frame

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
            REPORTING_STATUS,
            REPORT_MONTH,
            SRS_MONTH,
            SRS_BENCHMARK,
            AGENCY_MONTH_OFFENSE,
        ),
        writes=(WEIGHTING_FRAME, WEIGHTING_ISSUE),
        parameters=(YEAR, SEED),
        memory="medium",
    ),
    Task(
        name="weight_agencies",
        function=weight_agencies,
        reads=(UNIVERSE, REPORTING_STATUS, BLOCK_REFERENCE),
        writes=(AGENCY_WEIGHT,),
    ),
    Task(name="measure_coverage", function=measure_coverage, reads=(AGENCY_WEIGHT,), writes=(COVERAGE,)),
)
