"""Variance: estimates with standard errors and confidence intervals."""

from nibrs_estimation.model.completeness import BLOCK_REFERENCE
from nibrs_estimation.model.results import AGENCY_CELL_COUNT, BLOCK_CELL_COUNT, COVERAGE, ESTIMATES
from nibrs_estimation.model.weighting import AGENCY_WEIGHT, CALIBRATION_VARIABLE, WEIGHT_CELL, WEIGHTING_FRAME
from nibrs_estimation.pipeline.task import YEAR, Task
from nibrs_estimation.stages.variance.estimate import estimate_cells

TASKS = (
    Task(
        name="estimate_cells",
        function=estimate_cells,
        reads=(
            WEIGHTING_FRAME,
            AGENCY_WEIGHT,
            WEIGHT_CELL,
            CALIBRATION_VARIABLE,
            AGENCY_CELL_COUNT,
            BLOCK_CELL_COUNT,
            BLOCK_REFERENCE,
            COVERAGE,
        ),
        writes=(ESTIMATES,),
        parameters=(YEAR,),
    ),
)
