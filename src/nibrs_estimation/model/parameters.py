"""Choices of methods. The settings and their text in `nibrs run --help` are generated from these."""

from __future__ import annotations

from nibrs_estimation.pipeline.parameter import Parameter

OUTLIER_RULE = Parameter(
    "outlier_rule",
    "Rule for outlier months: the conditions as intended, or as executed by the reference pipeline.",
    choices=("intended", "reference"),
    default="intended",
)
COUNT_MODE = Parameter(
    "count_mode",
    "What is counted in a table category: each unit once, or each of its records as in the reference pipeline.",
    choices=("indicator", "records"),
    default="indicator",
)

METHOD_PARAMETERS = (OUTLIER_RULE, COUNT_MODE)
