"""Block imputation: whole months of incidents and Group B arrests are copied from a donor."""

from nibrs_estimation.model.agency import AGENCY, AGENCY_MONTH_OFFENSE
from nibrs_estimation.model.blocks import (
    BLOCK_AGENCY,
    BLOCK_CHECK,
    BLOCK_COUNT,
    BLOCK_MONTH,
    BLOCK_REFERENCE,
    REMOVED_MONTH,
)
from nibrs_estimation.model.completeness import AGENCY_MONTH
from nibrs_estimation.model.incident import ARRESTEE, INCIDENT, OFFENSE
from nibrs_estimation.model.outliers import OUTLIER_MONTH
from nibrs_estimation.model.universe import POLICE_EMPLOYEES
from nibrs_estimation.pipeline.task import SEED, YEAR, Task
from nibrs_estimation.stages.block_imputation.balance import check_blocks, count_blocks
from nibrs_estimation.stages.block_imputation.donors import choose_donors

TASKS = (
    Task(
        name="choose_donors",
        function=choose_donors,
        reads=(AGENCY, AGENCY_MONTH, OUTLIER_MONTH, POLICE_EMPLOYEES, AGENCY_MONTH_OFFENSE),
        writes=(BLOCK_AGENCY, BLOCK_MONTH, BLOCK_REFERENCE, REMOVED_MONTH),
        parameters=(YEAR, SEED),
        tolerates=(AGENCY_MONTH_OFFENSE,),
        memory="medium",
    ),
    Task(
        name="count_blocks",
        function=count_blocks,
        reads=(INCIDENT, OFFENSE, ARRESTEE, REMOVED_MONTH),
        writes=(BLOCK_COUNT,),
        parameters=(YEAR,),
        partition_by="state_abbr",
        memory="medium",
    ),
    Task(
        name="check_blocks",
        function=check_blocks,
        reads=(AGENCY_MONTH, OUTLIER_MONTH, BLOCK_AGENCY, BLOCK_MONTH, BLOCK_REFERENCE, REMOVED_MONTH, BLOCK_COUNT),
        writes=(BLOCK_CHECK,),
        parameters=(YEAR,),
    ),
)
