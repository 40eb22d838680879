"""Weighting: the weights of respondents in every geography, and their checks."""

from nibrs_estimation.model.benchmark import WEIGHTING_FRAME
from nibrs_estimation.model.geography import AGENCY_COUNTY
from nibrs_estimation.model.parameters import CONTROL_RULE
from nibrs_estimation.model.universe import UNIVERSE
from nibrs_estimation.model.weights import (
    AGENCY_WEIGHT,
    CALIBRATION_VARIABLE,
    COUNTY_WEIGHT,
    STATE_WEIGHT_GROUP,
    TABLE_A,
    WEIGHT_CELL,
    WEIGHT_CHECK,
    WEIGHT_CONTROL,
)
from nibrs_estimation.pipeline.dataset import Document
from nibrs_estimation.pipeline.task import IDENTITY, YEAR, Task
from nibrs_estimation.stages.weighting.checks import check_weights
from nibrs_estimation.stages.weighting.table_a import compare_with_benchmark
from nibrs_estimation.stages.weighting.weights import weight_agencies, weight_nation, weight_summaries

TABLE_A_CSV = Document(
    "table_a.csv", "Table A: weighted benchmark of respondents compared with that of all eligible agencies."
)

_WEIGHTS = (WEIGHT_CELL, WEIGHT_CONTROL, AGENCY_WEIGHT, COUNTY_WEIGHT, CALIBRATION_VARIABLE)
_CHECKS = (
    Task(
        name="check_weights",
        function=check_weights,
        reads=(WEIGHTING_FRAME, AGENCY_WEIGHT, WEIGHT_CELL, WEIGHT_CONTROL),
        writes=(WEIGHT_CHECK,),
    ),
    Task(
        name="compare_with_benchmark",
        function=compare_with_benchmark,
        reads=(UNIVERSE, WEIGHTING_FRAME, AGENCY_WEIGHT, WEIGHT_CELL),
        writes=(TABLE_A, TABLE_A_CSV),
        parameters=(IDENTITY,),
    ),
)

TASKS = (
    Task(
        name="weight_agencies",
        function=weight_agencies,
        reads=(WEIGHTING_FRAME, AGENCY_COUNTY, STATE_WEIGHT_GROUP),
        writes=_WEIGHTS,
        parameters=(YEAR, CONTROL_RULE),
        memory="medium",
    ),
    *_CHECKS,
)
#: The same for summary estimates.
SUMMARY_TASKS = (
    Task(
        name="weight_summaries",
        function=weight_summaries,
        reads=(WEIGHTING_FRAME, AGENCY_COUNTY, STATE_WEIGHT_GROUP),
        writes=_WEIGHTS,
        parameters=(YEAR, CONTROL_RULE),
        memory="medium",
    ),
    *_CHECKS,
)
#: The same of the nation alone.
NATION_TASKS = (
    Task(
        name="weight_nation",
        function=weight_nation,
        reads=(WEIGHTING_FRAME, AGENCY_COUNTY, STATE_WEIGHT_GROUP),
        writes=_WEIGHTS,
        parameters=(YEAR, CONTROL_RULE),
        memory="medium",
    ),
    *_CHECKS,
)
