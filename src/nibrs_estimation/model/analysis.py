"""Persons and relationships prepared for analysis: one value for each item, and where it comes from.

All tasks that use persons read these datasets. Source: handbook 05 and 10 (age).
"""

from dataclasses import replace

from nibrs_estimation.model.incident import ARRESTEE, OFFENDER, VICTIM, VICTIM_OFFENDER
from nibrs_estimation.model.items import FLAG_TEXT, FLAGS
from nibrs_estimation.pipeline.dataset import Column, Dataset

_AGE = Column("age_years", "int16", "Age in years, 0 to 99; missing if unknown.", unit="years", is_nullable=True)
_AGES = ("age_code", "age_low_years", "age_high_years")


def _flag(item: str) -> Column:
    return Column(f"{item}_flag", "int8", f"Where the {item} comes from: {FLAG_TEXT}.", codes=FLAGS)


def _analyzed(core: Dataset, flags: tuple[str, ...]) -> Dataset:
    columns = tuple(
        _AGE if column.name == "age_years" else column for column in core.columns if column.name not in _AGES
    )
    return replace(
        core,
        name=f"analysis_{core.name}",
        description=f"{core.description.rstrip('.')}, prepared for analysis.",
        columns=(*columns, *(_flag(item) for item in flags)),
        source="handbook 05",
    )


_PERSON = ("age", "sex", "race", "ethnicity")
ANALYSIS_VICTIM = _analyzed(VICTIM, _PERSON)
ANALYSIS_OFFENDER = _analyzed(OFFENDER, _PERSON)
ANALYSIS_ARRESTEE = _analyzed(ARRESTEE, _PERSON)
ANALYSIS_VICTIM_OFFENDER = _analyzed(VICTIM_OFFENDER, ("relationship",))

DATASETS = (ANALYSIS_VICTIM, ANALYSIS_OFFENDER, ANALYSIS_ARRESTEE, ANALYSIS_VICTIM_OFFENDER)
