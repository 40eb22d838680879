"""Estimation: estimates of the tables' cells with standard errors."""

from nibrs_estimation.model.agency import AGENCY
from nibrs_estimation.model.benchmark import WEIGHTING_FRAME
from nibrs_estimation.model.blocks import BLOCK_REFERENCE
from nibrs_estimation.model.counts import INCIDENT_PROFILE, PROFILE_COUNT, PROFILE_SIGNATURE, UNIT_PROFILE
from nibrs_estimation.model.coverage import COVERAGE, GEOGRAPHY_POPULATION
from nibrs_estimation.model.estimates import (
    AGENCY_BEYOND_RESPONDENTS,
    CELL_ESTIMATE,
    CELL_GAP,
    GEOGRAPHY_QUALITY,
    SERIES_ESTIMATE,
)
from nibrs_estimation.model.geography import AGENCY_COUNTY, COUNTY_POPULATION
from nibrs_estimation.model.intake import INTAKE_LOSS
from nibrs_estimation.model.parameters import BIAS_RULE, CONTROL_RULE, SECOND_ESTIMATOR, VARIANCE_RULE
from nibrs_estimation.model.summary import SUMMARY_YEAR
from nibrs_estimation.model.universe import POLICE_EMPLOYEES
from nibrs_estimation.model.weights import AGENCY_WEIGHT, CALIBRATION_VARIABLE, WEIGHT_CELL
from nibrs_estimation.pipeline.task import PARTITION, YEAR, Task
from nibrs_estimation.stages.estimation.beyond import list_agencies_beyond_respondents
from nibrs_estimation.stages.estimation.estimate import estimate_cells, table_parts
from nibrs_estimation.stages.estimation.quality import judge_geographies, judge_summary_geographies
from nibrs_estimation.stages.estimation.series import estimate_series, parts_of_series, series_tables
from nibrs_estimation.stages.estimation.summaries import estimate_summaries, summary_table_parts

_COUNTS = (UNIT_PROFILE, PROFILE_SIGNATURE, PROFILE_COUNT, INCIDENT_PROFILE, BLOCK_REFERENCE)
_WEIGHTS = (WEIGHTING_FRAME, AGENCY_WEIGHT, WEIGHT_CELL, CALIBRATION_VARIABLE, COVERAGE)
_COVARIATES = (AGENCY_COUNTY, COUNTY_POPULATION, POLICE_EMPLOYEES)

TASKS = (
    Task(
        name="estimate_cells",
        function=estimate_cells,
        reads=(*_COUNTS, *_WEIGHTS, *_COVARIATES, AGENCY, INTAKE_LOSS),
        writes=(CELL_ESTIMATE, CELL_GAP),
        parameters=(YEAR, CONTROL_RULE, VARIANCE_RULE, SECOND_ESTIMATOR, BIAS_RULE),
        partitions=table_parts,
        memory="large",
    ),
    Task(
        name="estimate_series",
        function=estimate_series,
        reads=(*_COUNTS, *_WEIGHTS, *_COVARIATES, CELL_GAP),
        writes=(SERIES_ESTIMATE,),
        parameters=(YEAR, PARTITION, CONTROL_RULE, VARIANCE_RULE, SECOND_ESTIMATOR),
        partition_by="table_part",
        partitions=series_tables,
        parts_written=parts_of_series,
        memory="large",
    ),
    Task(
        name="list_agencies_beyond_respondents",
        function=list_agencies_beyond_respondents,
        reads=(WEIGHTING_FRAME,),
        writes=(AGENCY_BEYOND_RESPONDENTS,),
    ),
    Task(
        name="judge_geographies",
        function=judge_geographies,
        reads=(CELL_ESTIMATE, CELL_GAP, COVERAGE, GEOGRAPHY_POPULATION),
        writes=(GEOGRAPHY_QUALITY,),
        memory="medium",
    ),
)
#: The same for summary estimates.
SUMMARY_TASKS = (
    Task(
        name="estimate_summaries",
        function=estimate_summaries,
        reads=(SUMMARY_YEAR, *_WEIGHTS, *_COVARIATES, AGENCY),
        writes=(CELL_ESTIMATE, CELL_GAP),
        parameters=(YEAR, CONTROL_RULE, VARIANCE_RULE, SECOND_ESTIMATOR),
        partitions=summary_table_parts,
        memory="medium",
    ),
    Task(
        name="judge_summary_geographies",
        function=judge_summary_geographies,
        reads=(CELL_ESTIMATE, CELL_GAP, COVERAGE, GEOGRAPHY_POPULATION),
        writes=(GEOGRAPHY_QUALITY,),
        memory="medium",
    ),
)
