"""Weighting: how many agencies each respondent stands for, in every geography, and how well that went."""

from nibrs_estimation.model.completeness import POLICE_EMPLOYEES
from nibrs_estimation.model.geography import AGENCY_COUNTY, COUNTY_POPULATION, PERMUTATION
from nibrs_estimation.model.results import COVERAGE, UNIVERSE
from nibrs_estimation.model.weighting import (
    AGENCY_WEIGHT,
    CALIBRATION_VARIABLE,
    COUNTY_WEIGHT,
    PERMUTATION_POPULATION,
    STATE_WEIGHT_GROUP,
    WEIGHT_CELL,
    WEIGHT_CONTROL,
    WEIGHTING_FRAME,
)
from nibrs_estimation.pipeline.task import YEAR, Task
from nibrs_estimation.stages.weighting.coverage import measure_coverage
from nibrs_estimation.stages.weighting.populations import measure_populations
from nibrs_estimation.stages.weighting.weights import weight_agencies

TASKS = (
    Task(
        name="weight_agencies",
        function=weight_agencies,
        reads=(WEIGHTING_FRAME, AGENCY_COUNTY, STATE_WEIGHT_GROUP),
        writes=(WEIGHT_CELL, WEIGHT_CONTROL, AGENCY_WEIGHT, COUNTY_WEIGHT, CALIBRATION_VARIABLE),
        parameters=(YEAR,),
        memory="medium",
    ),
    Task(
        name="measure_coverage",
        function=measure_coverage,
        reads=(UNIVERSE, WEIGHTING_FRAME, AGENCY_WEIGHT, WEIGHT_CELL, PERMUTATION, AGENCY_COUNTY),
        writes=(COVERAGE,),
        parameters=(YEAR,),
    ),
    Task(
        name="measure_populations",
        function=measure_populations,
        reads=(COVERAGE, AGENCY_WEIGHT, WEIGHTING_FRAME, AGENCY_COUNTY, COUNTY_POPULATION, POLICE_EMPLOYEES),
        writes=(PERMUTATION_POPULATION,),
        parameters=(YEAR,),
    ),
)
