"""Item imputation: persons with the values that are analyzed."""

from nibrs_estimation.model.analysis import ANALYSIS_ARRESTEE, ANALYSIS_OFFENDER, ANALYSIS_VICTIM
from nibrs_estimation.model.incident import ARRESTEE, OFFENDER, VICTIM
from nibrs_estimation.pipeline.task import Task
from nibrs_estimation.stages.item_imputation.persons import prepare_persons

TASKS = (
    Task(
        name="prepare_persons",
        function=prepare_persons,
        reads=(VICTIM, OFFENDER, ARRESTEE),
        writes=(ANALYSIS_VICTIM, ANALYSIS_OFFENDER, ANALYSIS_ARRESTEE),
        partition_by="state_abbr",
        memory="medium",
    ),
)
