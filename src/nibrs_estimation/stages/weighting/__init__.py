"""Weighting: how many agencies each respondent stands for, and what share of the population responded."""

from nibrs_estimation.model.completeness import BLOCK_REFERENCE
from nibrs_estimation.model.results import COVERAGE, REPORTING_STATUS, UNIVERSE
from nibrs_estimation.model.weighting import (
    AGENCY_WEIGHT,
    TABLE_A,
    WEIGHT_CELL,
    WEIGHT_CHECK,
    WEIGHT_CONTROL,
    WEIGHTING_FRAME,
)
from nibrs_estimation.pipeline.dataset import Document
from nibrs_estimation.pipeline.task import Task
from nibrs_estimation.stages.weighting.checks import check_weights
from nibrs_estimation.stages.weighting.coverage import measure_coverage
from nibrs_estimation.stages.weighting.design import weight_agencies
from nibrs_estimation.stages.weighting.table_a import compare_with_benchmark

TABLE_A_CSV = Document(
    "table_a.csv", "Table A: weighted benchmark of respondents beside that of all eligible agencies."
)

TASKS = (
    Task(
        name="weight_agencies",
        function=weight_agencies,
        reads=(UNIVERSE, REPORTING_STATUS, BLOCK_REFERENCE),
        writes=(AGENCY_WEIGHT,),
    ),
    Task(name="measure_coverage", function=measure_coverage, reads=(AGENCY_WEIGHT,), writes=(COVERAGE,)),
    Task(
        name="check_weights",
        function=check_weights,
        reads=(WEIGHTING_FRAME, AGENCY_WEIGHT, WEIGHT_CELL, WEIGHT_CONTROL),
        writes=(WEIGHT_CHECK,),
    ),
    Task(
        name="compare_with_benchmark",
        function=compare_with_benchmark,
        reads=(WEIGHTING_FRAME, AGENCY_WEIGHT, WEIGHT_CELL),
        writes=(TABLE_A, TABLE_A_CSV),
    ),
)
