"""Indicators: what each agency counted in each table cell."""

from nibrs_estimation.model.completeness import BLOCK_REFERENCE, REMOVED_MONTH
from nibrs_estimation.model.incident import INCIDENT, OFFENSE, PROPERTY, PROPERTY_ITEM, VICTIM, VICTIM_OFFENSE
from nibrs_estimation.model.results import AGENCY_CELL_COUNT, BLOCK_CELL_COUNT
from nibrs_estimation.pipeline.task import YEAR, Task
from nibrs_estimation.stages.indicators.count import count_cells

TASKS = (
    Task(
        name="count_cells",
        function=count_cells,
        reads=(
            INCIDENT,
            OFFENSE,
            VICTIM,
            VICTIM_OFFENSE,
            PROPERTY,
            PROPERTY_ITEM,
            BLOCK_REFERENCE,
            REMOVED_MONTH,
        ),
        writes=(AGENCY_CELL_COUNT, BLOCK_CELL_COUNT),
        parameters=(YEAR,),
        partition_by="state_abbr",
        memory="medium",
    ),
)
