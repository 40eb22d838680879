"""Benchmark: the agencies of the weighting frame, which of them responded, and the crimes of each in a full year."""

from nibrs_estimation.model.agency import AGENCY, AGENCY_MONTH_OFFENSE, REPORT_MONTH, SRS_MONTH
from nibrs_estimation.model.benchmark import WEIGHTING_FRAME, WEIGHTING_ISSUE
from nibrs_estimation.model.blocks import BLOCK_REFERENCE
from nibrs_estimation.model.completeness import AGENCY_MONTH, REPORTING_STATUS
from nibrs_estimation.model.geography import SRS_BENCHMARK
from nibrs_estimation.model.outliers import OUTLIER_MONTH
from nibrs_estimation.model.universe import UNIVERSE
from nibrs_estimation.pipeline.task import SEED, YEAR, Task
from nibrs_estimation.stages.benchmark.frame import build_frame

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
)
