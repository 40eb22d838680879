"""Weighting: how many agencies each respondent stands for, in every geography, and how well that went."""

from nibrs_estimation.model.agency import AGENCY, AGENCY_MONTH_OFFENSE, REPORT_MONTH, SRS_MONTH
from nibrs_estimation.model.completeness import AGENCY_MONTH, BLOCK_REFERENCE, OUTLIER_MONTH, POLICE_EMPLOYEES
from nibrs_estimation.model.geography import AGENCY_COUNTY, COUNTY_POPULATION, PERMUTATION, SRS_BENCHMARK
from nibrs_estimation.model.results import COVERAGE, REPORTING_STATUS, UNIVERSE
from nibrs_estimation.model.weighting import (
    AGENCY_WEIGHT,
    CALIBRATION_VARIABLE,
    COUNTY_WEIGHT,
    PERMUTATION_POPULATION,
    STATE_WEIGHT_GROUP,
    TABLE_A,
    WEIGHT_CELL,
    WEIGHT_CHECK,
    WEIGHT_CONTROL,
    WEIGHTING_FRAME,
    WEIGHTING_ISSUE,
)
from nibrs_estimation.pipeline.dataset import Document
from nibrs_estimation.pipeline.task import IDENTITY, SEED, YEAR, Task
from nibrs_estimation.stages.weighting.checks import check_weights
from nibrs_estimation.stages.weighting.coverage import measure_coverage
from nibrs_estimation.stages.weighting.frame import build_frame
from nibrs_estimation.stages.weighting.populations import measure_populations
from nibrs_estimation.stages.weighting.table_a import compare_with_benchmark
from nibrs_estimation.stages.weighting.weights import weight_agencies

TABLE_A_CSV = Document(
    "table_a.csv", "Table A: weighted benchmark of respondents beside that of all eligible agencies."
)

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
