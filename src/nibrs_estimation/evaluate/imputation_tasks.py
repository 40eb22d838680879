"""Tasks of the flow `imputations` that follow the estimates."""

from nibrs_estimation.evaluate.imputations import (
    PAGE,
    combine_imputations,
    imputation_parts,
    repeat_imputation,
    show_imputations,
)
from nibrs_estimation.model import incident
from nibrs_estimation.model.agency import AGENCY
from nibrs_estimation.model.benchmark import WEIGHTING_FRAME
from nibrs_estimation.model.blocks import BLOCK_REFERENCE, REMOVED_MONTH
from nibrs_estimation.model.coverage import COVERAGE
from nibrs_estimation.model.estimates import CELL_ESTIMATE
from nibrs_estimation.model.geography import AGENCY_COUNTY, COUNTY_POPULATION
from nibrs_estimation.model.imputations import IMPUTATION_CHECK, IMPUTATION_ESTIMATE
from nibrs_estimation.model.intake import INTAKE_LOSS, NEW_OFFENSE
from nibrs_estimation.model.items import PERSON_LINK
from nibrs_estimation.model.parameters import CONTROL_RULE, IMPUTATIONS, ITEM_CYCLES, ITEM_METHOD
from nibrs_estimation.model.weights import AGENCY_WEIGHT, CALIBRATION_VARIABLE, WEIGHT_CELL
from nibrs_estimation.pipeline.dataset import Document
from nibrs_estimation.pipeline.task import IDENTITY, PARTITION, SEED, YEAR, Task

IMPUTATION_PAGE = Document(PAGE, "What imputation adds to the standard error, by two ways.")
_NOT_READ = (incident.OFFENSE_USING, incident.VICTIM_CIRCUMSTANCE)

TASKS = (
    Task(
        name="repeat_imputation",
        function=repeat_imputation,
        reads=(
            *(dataset for dataset in incident.DATASETS if dataset not in _NOT_READ),
            PERSON_LINK,
            NEW_OFFENSE,
            AGENCY,
            AGENCY_COUNTY,
            COUNTY_POPULATION,
            REMOVED_MONTH,
            BLOCK_REFERENCE,
            WEIGHTING_FRAME,
            AGENCY_WEIGHT,
            WEIGHT_CELL,
            CALIBRATION_VARIABLE,
            COVERAGE,
            INTAKE_LOSS,
        ),
        parameters=(YEAR, SEED, ITEM_METHOD, ITEM_CYCLES, IMPUTATIONS, CONTROL_RULE, PARTITION),
        writes=(IMPUTATION_ESTIMATE,),
        partition_by="imputation",
        partitions=imputation_parts,
        memory="huge",
    ),
    Task(
        name="combine_imputations",
        function=combine_imputations,
        reads=(IMPUTATION_ESTIMATE, CELL_ESTIMATE, COVERAGE),
        parameters=(IMPUTATIONS,),
        writes=(IMPUTATION_CHECK,),
    ),
    Task(
        name="show_imputations",
        function=show_imputations,
        reads=(IMPUTATION_CHECK,),
        parameters=(IMPUTATIONS, IDENTITY),
        writes=(IMPUTATION_PAGE,),
    ),
)
