"""Weighting: how many agencies each respondent stands for, and what share of the population responded."""

from nibrs_estimation.model.completeness import BLOCK_REFERENCE
from nibrs_estimation.model.results import COVERAGE, REPORTING_STATUS, UNIVERSE
from nibrs_estimation.model.weighting import AGENCY_WEIGHT
from nibrs_estimation.pipeline.task import Task
from nibrs_estimation.stages.weighting.coverage import measure_coverage
from nibrs_estimation.stages.weighting.design import weight_agencies

TASKS = (
    Task(
        name="weight_agencies",
        function=weight_agencies,
        reads=(UNIVERSE, REPORTING_STATUS, BLOCK_REFERENCE),
        writes=(AGENCY_WEIGHT,),
    ),
    Task(name="measure_coverage", function=measure_coverage, reads=(AGENCY_WEIGHT,), writes=(COVERAGE,)),
)
