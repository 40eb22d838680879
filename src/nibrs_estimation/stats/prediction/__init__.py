"""Prediction variance: standard errors and intervals from what was not reported, for all cells and domains at once.

The dispersion of counts about their benchmark is estimated column by column, pooled over the groups of a level, and
applied to the agencies that did not respond. Source: handbook 11.
"""

from nibrs_estimation.stats.linearization.variance_form import Memberships
from nibrs_estimation.stats.prediction.differences import (
    Difference,
    InBoth,
    Pieces,
    Side,
    YearSide,
    difference_of_columns,
    difference_of_places,
    difference_of_ratios,
    difference_of_year_sides,
    difference_of_years,
    year_side,
)
from nibrs_estimation.stats.prediction.estimates import (
    FormUse,
    PredictionEstimates,
    estimates_by_forms,
    prediction_estimates,
)
from nibrs_estimation.stats.prediction.expansion import (
    Expansion,
    expansion,
    factors,
    weights_of_psus,
    with_own_weights,
)
from nibrs_estimation.stats.prediction.form import (
    PredictionForm,
    prediction_form,
    state_variance,
    with_state_variance,
)
from nibrs_estimation.stats.prediction.intervals import percentage_interval, unreported_interval
from nibrs_estimation.stats.prediction.unit_parts import UnitForm, part_of, plain, residuals_of, unit_form
from nibrs_estimation.stats.prediction.units import Settings, Units

__all__ = [
    "Difference",
    "Expansion",
    "FormUse",
    "InBoth",
    "Memberships",
    "Pieces",
    "PredictionEstimates",
    "PredictionForm",
    "Settings",
    "Side",
    "UnitForm",
    "Units",
    "YearSide",
    "difference_of_columns",
    "difference_of_places",
    "difference_of_ratios",
    "difference_of_year_sides",
    "difference_of_years",
    "estimates_by_forms",
    "expansion",
    "factors",
    "part_of",
    "percentage_interval",
    "plain",
    "prediction_estimates",
    "prediction_form",
    "residuals_of",
    "state_variance",
    "unit_form",
    "unreported_interval",
    "weights_of_psus",
    "with_own_weights",
    "with_state_variance",
    "year_side",
]
