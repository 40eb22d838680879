"""What all estimates of a set of geographies are made of: the design, the counts, the units and their predictions."""

from __future__ import annotations

import logging
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.counts import UNIT_PROFILE
from nibrs_estimation.survey.cells import CATEGORIES, Counts
from nibrs_estimation.survey.design import Design, estimation_design
from nibrs_estimation.survey.prediction import PlaceUnits, Predictions, prediction_units, predictions_of
from nibrs_estimation.survey.second_estimator import Covariates, SecondEstimator, second_estimator
from nibrs_estimation.survey.summary_cells import SummaryCounts
from nibrs_estimation.tables.matrices.agencies import agency_categories
from nibrs_estimation.tables.matrices.profiles import CountedProfiles

ControlRule = Literal["corrected", "reference"]
VarianceRule = Literal["prediction", "reference"]
LOG = logging.getLogger(__name__)


class Survey(NamedTuple):
    """Datasets of the weights and of who responds; see there.

    Attributes:
        coverage: of the geographies to estimate.
        weighting_frame: all agencies.
        agency_weight: all agencies.
        weight_cell: all weight groups.
        calibration_variable: all controls.
    """

    coverage: pl.LazyFrame
    weighting_frame: pl.LazyFrame
    agency_weight: pl.LazyFrame
    weight_cell: pl.LazyFrame
    calibration_variable: pl.LazyFrame


class AgencyAttributes(NamedTuple):
    """Datasets of what makes the categories of agencies that have rows of their own, and the data year."""

    agency: pl.LazyFrame
    agency_county: pl.LazyFrame
    year: int


class Basis(NamedTuple):
    """What estimates are made of.

    Attributes:
        design: the respondents of every place.
        counts: matrices of tables.
        units: all agencies of every place.
        predictions: the units prepared; None by the reference's variance.
        members: agencies of each category of agencies that has rows of its own; none without attributes.
    """

    design: Design
    counts: Counts
    units: PlaceUnits
    predictions: Predictions | None
    members: dict[tuple[str, int], pl.Series]


class SummaryBasis(NamedTuple):
    """What summary estimates are made of; as :class:`Basis`."""

    design: Design
    counts: SummaryCounts
    units: PlaceUnits
    predictions: Predictions | None
    members: dict[tuple[str, int], pl.Series]


def estimation_basis(
    survey: Survey,
    counted: CountedProfiles,
    block_reference: pl.LazyFrame,
    attributes: AgencyAttributes | None,
    control_rule: ControlRule,
    variance_rule: VarianceRule,
    counts: Counts | None = None,
) -> Basis:
    """What estimates of all geographies of ``survey.coverage`` are made of.

    Args:
        survey: weights and respondents.
        counted: the counts of profiles.
        block_reference: dataset of that name.
        attributes: of agencies; None for tables without the rows of their categories, as demographic series are.
        control_rule: whether totals are ratio estimates.
        variance_rule: whether variances are those of predictions.
        counts: of another basis of the same run, without attributes; read again only if they are of other agencies.
    """
    design = estimation_design(*survey, counted.unit_profile)
    of_respondents, members = _categories(design, survey.weighting_frame, attributes)
    if counts is None or not counts.agencies.equals(design.agencies):
        counts = Counts(design.agencies, counted, block_reference, of_respondents)
    units = prediction_units(design, *survey, members)
    predictions = None
    if variance_rule == "prediction":
        predictions = predictions_of(design, units, counts.incidents, corrects=control_rule == "corrected")
    return Basis(design, counts, units, predictions, members)


def summary_basis(
    survey: Survey,
    summary_year: pl.LazyFrame,
    attributes: AgencyAttributes,
    control_rule: ControlRule,
    variance_rule: VarianceRule,
) -> SummaryBasis:
    """The same for summary estimates.

    Args:
        survey: weights and respondents.
        summary_year: dataset of that name.
        attributes: of agencies.
        control_rule: whether totals are ratio estimates.
        variance_rule: whether variances are those of predictions.
    """
    design = estimation_design(*survey, UNIT_PROFILE.empty())
    of_respondents, members = _categories(design, survey.weighting_frame, attributes)
    counts = SummaryCounts(design, summary_year.collect(), of_respondents)
    units = prediction_units(design, *survey, members)
    predictions = None
    if variance_rule == "prediction":
        predictions = predictions_of(design, units, counts.incidents, corrects=control_rule == "corrected")
    return SummaryBasis(design, counts, units, predictions, members)


def second_estimator_of(
    of: Basis | SummaryBasis,
    covariates: Covariates,
    method: Literal["sound", "reference", "none"],
    removed: NDArray[np.int64] | None = None,
) -> SecondEstimator | None:
    """What imputes the nonrespondents; None by method ``none``.

    Args:
        of: the design and its units.
        covariates: of all agencies.
        method: ``sound``, ``reference`` or ``none``.
        removed: agencies that are imputed although they reported.
    """
    if method == "none":
        return None
    found = second_estimator(of.design, of.units, covariates, of.members, method, removed)
    if found.imputes_nobody:
        LOG.warning("No agency is known that did not report, so none is imputed: the bias of every estimate is 0.")
    return found


def _categories(
    design: Design, frame: pl.LazyFrame, attributes: AgencyAttributes | None
) -> tuple[dict[str, NDArray[np.int8]], dict[tuple[str, int], pl.Series]]:
    """Categories of the respondents by variable, and all agencies of each category; none without attributes."""
    if attributes is None:
        return {}, {}
    of_respondents = dict(agency_categories(design.agencies, frame, *attributes))
    everybody = frame.select("agency_id").collect()["agency_id"].sort()
    of_all = agency_categories(everybody, frame, *attributes)
    members = {(name, k): everybody.filter(pl.Series(of_all[name] == k)) for name, k in CATEGORIES}
    return of_respondents, members
