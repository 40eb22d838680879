"""Prediction variance: standard errors and intervals from what was not reported, for all cells and domains at once.

The dispersion of counts about their benchmark is estimated column by column, pooled over the groups of a level, and
applied to the agencies that did not respond. Source: handbook 11.
"""

from nibrs_estimation.stats.linearization.variance_form import Memberships
from nibrs_estimation.stats.prediction.estimates import PredictionEstimates, prediction_estimates
from nibrs_estimation.stats.prediction.form import (
    PredictionForm,
    prediction_form,
    state_variance,
    with_state_variance,
)
from nibrs_estimation.stats.prediction.intervals import percentage_interval, unreported_interval
from nibrs_estimation.stats.prediction.units import Settings, Units

__all__ = [
    "Memberships",
    "PredictionEstimates",
    "PredictionForm",
    "Settings",
    "Units",
    "percentage_interval",
    "prediction_estimates",
    "prediction_form",
    "state_variance",
    "unreported_interval",
    "with_state_variance",
]
