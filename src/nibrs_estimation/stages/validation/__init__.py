"""Validation: pages to evaluate the universe, the reported and copied months, and the weights."""

from nibrs_estimation.model.agency import AGENCY, AGENCY_MONTH_OFFENSE
from nibrs_estimation.model.benchmark import WEIGHTING_FRAME, WEIGHTING_ISSUE
from nibrs_estimation.model.blocks import BLOCK_AGENCY, BLOCK_CHECK, BLOCK_MONTH, BLOCK_REFERENCE
from nibrs_estimation.model.completeness import AGENCY_MONTH, COMPLETENESS_ISSUE, REPORTING_STATUS
from nibrs_estimation.model.outliers import OUTLIER_AGENCY, OUTLIER_MONTH
from nibrs_estimation.model.parameters import OUTLIER_RULE
from nibrs_estimation.model.universe import UNIVERSE
from nibrs_estimation.model.weights import AGENCY_WEIGHT, TABLE_A, WEIGHT_CELL, WEIGHT_CHECK, WEIGHT_CONTROL
from nibrs_estimation.pipeline.dataset import Document
from nibrs_estimation.pipeline.task import IDENTITY, YEAR, Task
from nibrs_estimation.stages.validation.blocks import validate_blocks
from nibrs_estimation.stages.validation.outliers import validate_outliers
from nibrs_estimation.stages.validation.population import validate_population
from nibrs_estimation.stages.validation.weights import validate_weights

POPULATION_PAGE = Document("validation_population.html", "Population covered by the reported months, and its changes.")
OUTLIER_PAGE = Document("validation_outliers.html", "Months that are unusual in their agency's series, with charts.")
BLOCK_PAGE = Document("validation_blocks.html", "Months that were copied: numbers, agencies, and effects.")
WEIGHT_PAGE = Document(
    "validation_weights.html", "Weights: problem cells, distributions, controls, Table A, benchmark."
)
PAGES = (POPULATION_PAGE, OUTLIER_PAGE, BLOCK_PAGE, WEIGHT_PAGE)

TASKS = (
    Task(
        name="validate_population",
        function=validate_population,
        reads=(AGENCY, UNIVERSE, REPORTING_STATUS, BLOCK_REFERENCE),
        writes=(POPULATION_PAGE,),
        parameters=(YEAR, IDENTITY),
    ),
    Task(
        name="validate_outliers",
        function=validate_outliers,
        reads=(AGENCY, OUTLIER_AGENCY, OUTLIER_MONTH, COMPLETENESS_ISSUE),
        writes=(OUTLIER_PAGE,),
        parameters=(YEAR, OUTLIER_RULE, IDENTITY),
    ),
    Task(
        name="validate_blocks",
        function=validate_blocks,
        reads=(
            AGENCY,
            AGENCY_MONTH,
            AGENCY_MONTH_OFFENSE,
            BLOCK_AGENCY,
            BLOCK_MONTH,
            BLOCK_REFERENCE,
            BLOCK_CHECK,
        ),
        writes=(BLOCK_PAGE,),
        parameters=(YEAR, IDENTITY),
    ),
    Task(
        name="validate_weights",
        function=validate_weights,
        reads=(
            WEIGHTING_FRAME,
            WEIGHTING_ISSUE,
            WEIGHT_CELL,
            WEIGHT_CONTROL,
            AGENCY_WEIGHT,
            WEIGHT_CHECK,
            TABLE_A,
        ),
        writes=(WEIGHT_PAGE,),
        parameters=(YEAR, IDENTITY),
    ),
)
