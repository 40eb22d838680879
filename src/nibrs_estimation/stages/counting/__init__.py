"""Counting: units of each agency by profile, with their derived variables."""

from nibrs_estimation.model.analysis import (
    ANALYSIS_ARRESTEE,
    ANALYSIS_OFFENDER,
    ANALYSIS_VICTIM,
    ANALYSIS_VICTIM_OFFENDER,
)
from nibrs_estimation.model.blocks import BLOCK_REFERENCE, REMOVED_MONTH
from nibrs_estimation.model.counts import INCIDENT_PROFILE, PROFILE_COUNT, PROFILE_SIGNATURE, UNIT_PROFILE
from nibrs_estimation.model.incident import (
    ARRESTEE_WEAPON,
    DRUG,
    INCIDENT,
    OFFENSE,
    OFFENSE_ACTIVITY,
    OFFENSE_BIAS,
    OFFENSE_WEAPON,
    PROPERTY,
    PROPERTY_ITEM,
    VICTIM_INJURY,
    VICTIM_OFFENSE,
)
from nibrs_estimation.model.intake import NEW_OFFENSE
from nibrs_estimation.model.parameters import COUNT_MODE
from nibrs_estimation.pipeline.task import PARTITION, YEAR, Task
from nibrs_estimation.stages.counting.count import count_units

TASKS = (
    Task(
        name="count_units",
        function=count_units,
        reads=(
            INCIDENT,
            OFFENSE,
            OFFENSE_BIAS,
            OFFENSE_WEAPON,
            OFFENSE_ACTIVITY,
            ANALYSIS_VICTIM,
            VICTIM_OFFENSE,
            VICTIM_INJURY,
            ANALYSIS_OFFENDER,
            ANALYSIS_VICTIM_OFFENDER,
            PROPERTY,
            PROPERTY_ITEM,
            DRUG,
            ANALYSIS_ARRESTEE,
            ARRESTEE_WEAPON,
            NEW_OFFENSE,
            BLOCK_REFERENCE,
            REMOVED_MONTH,
        ),
        writes=(UNIT_PROFILE, PROFILE_SIGNATURE, PROFILE_COUNT, INCIDENT_PROFILE),
        parameters=(YEAR, COUNT_MODE, PARTITION),
        partition_by="state_abbr",
        memory="medium",
    ),
)
