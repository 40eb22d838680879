"""Weighting: how many agencies each respondent stands for, in every geography, and how well that went."""

from nibrs_estimation.model.geography import AGENCY_COUNTY
from nibrs_estimation.model.weighting import (
    AGENCY_WEIGHT,
    CALIBRATION_VARIABLE,
    COUNTY_WEIGHT,
    STATE_WEIGHT_GROUP,
    WEIGHT_CELL,
    WEIGHT_CONTROL,
    WEIGHTING_FRAME,
)
from nibrs_estimation.pipeline.task import YEAR, Task
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
)
