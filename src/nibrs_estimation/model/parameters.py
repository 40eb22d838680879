"""Choices between methods; the settings, and what `nibrs run --help` says of them, are made from these."""

from __future__ import annotations

from nibrs_estimation.pipeline.parameter import Parameter

OUTLIER_RULE = Parameter(
    "outlier_rule",
    "How months are judged: as the conditions were intended, or as the reference pipeline executed them.",
    choices=("intended", "reference"),
    default="intended",
)
COUNT_MODE = Parameter(
    "count_mode",
    "What counts in a category of a table: a unit once, or each of its records as in the reference pipeline.",
    choices=("indicator", "records"),
    default="indicator",
)

METHOD_PARAMETERS = (OUTLIER_RULE, COUNT_MODE)
