"""Persons prepared for analysis: the core segments with one age in years, reported or (later) imputed.

All tasks that use persons read these datasets. Source: handbook 10 (age).
"""

from dataclasses import replace

from nibrs_estimation.model.incident import ARRESTEE, OFFENDER, VICTIM
from nibrs_estimation.pipeline.dataset import Column, Dataset

_AGE = Column("age_years", "int16", "Age in years, 0 to 99; missing if unknown.", unit="years", is_nullable=True)
_AGES = ("age_code", "age_low_years", "age_high_years")


def _analysed(core: Dataset) -> Dataset:
    columns = tuple(
        _AGE if column.name == "age_years" else column for column in core.columns if column.name not in _AGES
    )
    return replace(
        core,
        name=f"analysis_{core.name}",
        description=f"{core.description.rstrip('.')}, prepared for analysis.",
        columns=columns,
        source="handbook 10",
    )


ANALYSIS_VICTIM = _analysed(VICTIM)
ANALYSIS_OFFENDER = _analysed(OFFENDER)
ANALYSIS_ARRESTEE = _analysed(ARRESTEE)

DATASETS = (ANALYSIS_VICTIM, ANALYSIS_OFFENDER, ANALYSIS_ARRESTEE)
