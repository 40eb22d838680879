"""Warnings of input data: agencies whose records look unusual (handbook: data warnings)."""

from nibrs_estimation.model.fields import AGENCY_ID, OF_AGENCY, ORI, STATE
from nibrs_estimation.pipeline.dataset import Column, Dataset

_CHAPTER = "handbook: data warnings"

INCIDENT_TIME = Dataset(
    name="incident_time",
    description="How many incidents of each agency have a date and an hour, and how many of these are heaps.",
    source=_CHAPTER,
    primary_key=("agency_id",),
    partition_key="state_abbr",
    columns=(
        STATE,
        OF_AGENCY,
        Column("incidents", "int32", "Incidents of the data year.", unit="incidents"),
        Column("with_hour", "int32", "Those with an hour.", unit="incidents"),
        Column("at_midnight", "int32", "Those with hour 0.", unit="incidents"),
        Column("with_date", "int32", "Those whose date is that of the incident, not of the report.", unit="incidents"),
        Column("on_first", "int32", "Those of them on the first day of a month.", unit="incidents"),
    ),
)
DATA_WARNING = Dataset(
    name="data_warning",
    description="Agencies whose data look unusual, with what was observed and the limit.",
    source=_CHAPTER,
    primary_key=("agency_id", "warning", "subject"),
    columns=(
        AGENCY_ID,
        ORI,
        Column("agency_name", "str", "Name of the agency.", is_nullable=True),
        STATE,
        Column("warning", "str", "What is unusual.", code_list="data_warning"),
        Column("subject", "str", "Kind of person and item of blank_item; otherwise all."),
        Column("observed", "float64", "The share that is unusual, or officers for each resident."),
        Column(
            "threshold",
            "float64",
            "Its limit; missing for blank_item, which compares agencies with each other.",
            is_nullable=True,
        ),
        Column("n", "int64", "Number of incidents, residents or persons that the share is of."),
    ),
)

DATASETS = (INCIDENT_TIME, DATA_WARNING)
