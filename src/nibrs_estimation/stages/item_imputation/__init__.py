"""Item imputation: the items that a report left blank, and persons as they are analyzed."""

from nibrs_estimation.model.agency import AGENCY
from nibrs_estimation.model.analysis import (
    ANALYSIS_ARRESTEE,
    ANALYSIS_OFFENDER,
    ANALYSIS_VICTIM,
    ANALYSIS_VICTIM_OFFENDER,
)
from nibrs_estimation.model.blocks import REMOVED_MONTH
from nibrs_estimation.model.geography import AGENCY_COUNTY, COUNTY_POPULATION
from nibrs_estimation.model.incident import (
    ARRESTEE,
    ARRESTEE_WEAPON,
    INCIDENT,
    OFFENDER,
    OFFENSE,
    OFFENSE_BIAS,
    OFFENSE_WEAPON,
    PROPERTY,
    PROPERTY_ITEM,
    VICTIM,
    VICTIM_OFFENDER,
    VICTIM_OFFENSE,
)
from nibrs_estimation.model.items import (
    ETHNICITY_VALUE,
    IMPUTED_ITEM,
    ITEM_DISTRIBUTION,
    ITEM_VALUE,
    PERSON_FRAME,
    PERSON_LINK,
    PROPERTY_RELATIONSHIP_VALUE,
    RELATIONSHIP_FRAME,
    RELATIONSHIP_VALUE,
    STATE_ITEM_DISTRIBUTION,
)
from nibrs_estimation.model.parameters import ITEM_CYCLES, ITEM_METHOD
from nibrs_estimation.pipeline.dataset import Document
from nibrs_estimation.pipeline.task import PARTITION, SEED, YEAR, Task
from nibrs_estimation.stages.item_imputation.ethnicity import ethnicity_parts, impute_ethnicity
from nibrs_estimation.stages.item_imputation.finish import finish_persons
from nibrs_estimation.stages.item_imputation.links import link_persons
from nibrs_estimation.stages.item_imputation.reference_files import write_item_files
from nibrs_estimation.stages.item_imputation.relationships import impute_property_relationships, property_parts
from nibrs_estimation.stages.item_imputation.tasks import impute_persons, join_distributions

ITEM_FILES = Document(
    "item_imputation_data.zip", "Imputed items by state, in the files and codes of the reference pipeline."
)

TASKS = (
    Task(
        name="link_persons",
        function=link_persons,
        reads=(INCIDENT, OFFENDER, ARRESTEE),
        parameters=(PARTITION,),
        writes=(PERSON_LINK,),
        partition_by="state_abbr",
    ),
    Task(
        name="impute_persons",
        function=impute_persons,
        reads=(
            INCIDENT,
            OFFENSE,
            OFFENSE_BIAS,
            OFFENSE_WEAPON,
            VICTIM,
            VICTIM_OFFENSE,
            OFFENDER,
            VICTIM_OFFENDER,
            PROPERTY,
            PROPERTY_ITEM,
            ARRESTEE,
            ARRESTEE_WEAPON,
            PERSON_LINK,
            AGENCY,
            AGENCY_COUNTY,
            COUNTY_POPULATION,
            REMOVED_MONTH,
        ),
        parameters=(YEAR, SEED, ITEM_METHOD, ITEM_CYCLES, PARTITION),
        writes=(PERSON_FRAME, ITEM_VALUE, STATE_ITEM_DISTRIBUTION, RELATIONSHIP_VALUE, RELATIONSHIP_FRAME),
        partition_by="state_abbr",
        memory="medium",
    ),
    Task(
        name="join_distributions",
        function=join_distributions,
        reads=(STATE_ITEM_DISTRIBUTION,),
        writes=(ITEM_DISTRIBUTION,),
    ),
    Task(
        name="impute_ethnicity",
        function=impute_ethnicity,
        reads=(PERSON_FRAME,),
        parameters=(SEED, ITEM_METHOD, ITEM_CYCLES, PARTITION),
        writes=(ETHNICITY_VALUE,),
        partition_by="ethnicity_group",
        partitions=ethnicity_parts,
        memory="huge",
    ),
    Task(
        name="impute_property_relationships",
        function=impute_property_relationships,
        reads=(RELATIONSHIP_FRAME,),
        parameters=(SEED, ITEM_METHOD, ITEM_CYCLES, PARTITION),
        writes=(PROPERTY_RELATIONSHIP_VALUE,),
        partition_by="relationship_group",
        partitions=property_parts,
    ),
    Task(
        name="finish_persons",
        function=finish_persons,
        reads=(
            VICTIM,
            OFFENDER,
            ARRESTEE,
            VICTIM_OFFENDER,
            PERSON_FRAME,
            ITEM_VALUE,
            ITEM_DISTRIBUTION,
            ETHNICITY_VALUE,
            RELATIONSHIP_VALUE,
            PROPERTY_RELATIONSHIP_VALUE,
        ),
        parameters=(SEED, PARTITION),
        writes=(ANALYSIS_VICTIM, ANALYSIS_OFFENDER, ANALYSIS_ARRESTEE, ANALYSIS_VICTIM_OFFENDER, IMPUTED_ITEM),
        partition_by="state_abbr",
        memory="medium",
    ),
)

#: The files of the reference pipeline, for comparison.
REFERENCE_TASKS = (
    Task(
        name="write_item_files",
        function=write_item_files,
        reads=(
            ANALYSIS_VICTIM,
            ANALYSIS_OFFENDER,
            ANALYSIS_ARRESTEE,
            ANALYSIS_VICTIM_OFFENDER,
            PERSON_FRAME,
            RELATIONSHIP_VALUE,
            PROPERTY_RELATIONSHIP_VALUE,
            INCIDENT,
            AGENCY,
        ),
        writes=(ITEM_FILES,),
        parameters=(YEAR,),
        memory="medium",
    ),
)
