"""Donors of whole months: a model of the year's offenses, and the agency of the nearest prediction (handbook 04)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.stats import random
from nibrs_estimation.stats.imputation.matching import draw_nearest
from nibrs_estimation.stats.imputation.regression import stepwise, treatment_dummies

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
#: Type into which types of agency without a donor are merged (handbook 04).
OTHER = "Other"
#: Matching rule -> attributes that donor and recipient must share; if a recipient finds no donor, the next rule
#: applies.
CLASSES = {"class": ("has_population", "is_covering"), "without_covering": ("has_population",), "anybody": ()}


def predict_by_donors(
    agencies: pl.DataFrame,
    observed: Floats,
    is_donor: Flags,
    place: str,
    numbers: tuple[str, ...],
    merged: Mapping[str, str] | None = None,
) -> Floats:
    """(n,) offenses of a year of all agencies by a linear model of the donors', selected by AIC; 0 without donors.

    Args:
        agencies: n agencies with ``is_suburban``, ``agency_type_name``, ``is_covering``, the place and the numbers.
        observed: (n,) offenses of the year.
        is_donor: (n,) agencies that may be a donor.
        place: column of the place that is a term.
        numbers: columns that are terms as they are.
        merged: place without donor -> the place with which it is merged; others join the place with most donors.
    """
    if not is_donor.any():
        return np.zeros(agencies.height)
    design = _design(agencies, is_donor, place, numbers, merged or {})
    model = stepwise(observed[is_donor], {term: columns[is_donor] for term, columns in design.items()})
    return np.asarray(model.predict(design))


def match(
    agencies: pl.DataFrame, predicted: Floats, is_recipient: Flags, is_donor: Flags, seed: int
) -> tuple[NDArray[np.int64], pl.Series]:
    """Find the donor of each recipient: index of the donor, -1 for other agencies, and the matching rule.

    Args:
        agencies: ``agency_id``, ``has_population`` and ``is_covering``, sorted by agency_id.
        predicted: (n,) offenses in a year predicted by the donor model.
        is_recipient: (n,) agencies that need a donor.
        is_donor: (n,) agencies that may be a donor.
        seed: seed of the run.
    """
    ids = agencies["agency_id"].to_numpy()
    donor = np.full(len(ids), -1)
    rule = np.zeros(len(ids), dtype=np.int64)
    point = random.uniform(seed, "block donor", ids)
    waiting = is_recipient.copy()
    for number, columns in enumerate(CLASSES.values(), start=1):
        key = np.zeros(len(ids), dtype=np.int64)
        for column in columns:
            key = 2 * key + agencies[column].to_numpy()
        for value in np.unique(key[waiting]):
            donors = np.flatnonzero(is_donor & (key == value))
            recipients = np.flatnonzero(waiting & (key == value))
            if not len(donors):
                continue
            donor[recipients] = donors[draw_nearest(predicted[donors], predicted[recipients], point[recipients])]
            waiting[recipients] = False
            rule[recipients] = number
    return donor, pl.Series([None, *CLASSES], dtype=pl.String).gather(rule)


def _design(
    agencies: pl.DataFrame, is_donor: Flags, place: str, numbers: tuple[str, ...], merged: Mapping[str, str]
) -> Mapping[str, Floats]:
    """The terms of the donor model for all agencies (handbook 04)."""
    return {
        "is_suburban": _factor(agencies["is_suburban"].cast(pl.String), is_donor),
        "agency_type": _factor(agencies["agency_type_name"], is_donor, into=OTHER),
        place: _factor(_merged(agencies[place].cast(pl.String), is_donor, merged), is_donor),
        **{name: agencies[name].cast(pl.Float64).to_numpy()[:, None] for name in numbers},
        "is_covering": _factor(agencies["is_covering"].cast(pl.String), is_donor),
    }


def _merged(values: pl.Series, is_donor: Flags, into: Mapping[str, str]) -> pl.Series:
    """Places; one without donor is replaced by its neighbor if ``into`` names one."""
    given = values.filter(pl.Series(is_donor)).unique()
    wanted = {place: other for place, other in into.items() if place not in given}
    return values.replace(wanted) if wanted else values


def _factor(values: pl.Series, is_donor: Flags, into: str | None = None) -> Floats:
    """Dummies of a factor; levels without donor are merged into ``into``, otherwise into the one with most donors."""
    levels, count = np.unique(values.to_numpy()[is_donor], return_counts=True)
    target = str(into if into in levels else levels[np.argmax(count)])
    merged = np.where(np.isin(values.to_numpy(), levels), values.to_numpy(), target)
    return treatment_dummies(np.searchsorted(levels, merged), np.arange(len(levels)))
