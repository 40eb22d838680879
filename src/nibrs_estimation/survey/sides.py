"""Estimates of one run as sides of differences: any column in any geography (handbook 11)."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nibrs_estimation.stats.linearization.variance_form import Memberships
from nibrs_estimation.stats.prediction import Side, UnitForm, unit_form
from nibrs_estimation.survey.prediction import (
    PlaceUnits,
    Predictions,
    members_of_categories,
    units_of_benchmark,
)

Floats = NDArray[np.float64]


class Sides:
    """Makes sides that are estimated as by ``Predictions.estimate``.

    Each column is estimated by the benchmark that explains it, but by all crime where too few respondents of the place
    have that. What filled months and imputed items add to the variance is left out.

    Args:
        of_places: units of all places.
        predictions: made of these.
    """

    def __init__(self, of_places: PlaceUnits, predictions: Predictions) -> None:
        self._of_places, self._predictions = of_places, predictions
        self._forms: dict[tuple[int, bool], UnitForm] = {}

    def side(self, domain: int, explained_by: int, completed: Floats, own: Floats, category: int = -1) -> Side:
        """A column in a geography.

        Args:
            domain: number of the geography among those of the design.
            explained_by: position in ``EXPLAINED`` of the column's benchmark.
            completed: (agencies,) completed counts.
            own: (agencies,) reported counts.
            category: category of agencies; then the counts are those of all agencies. -1 for all agencies.
        """
        by = self._predictions
        is_explained = by.by_benchmark is not None and by.is_explained[domain, explained_by]
        number = domain * by.categories + category if category >= 0 else domain
        return Side(self._form(explained_by if is_explained else 0, category >= 0), completed, number, own)

    def is_bounded(self, domain: int) -> bool:
        """Whether intervals of the geography have an upper end."""
        return bool(np.isfinite(self._predictions.by_total.unreported_ratio[domain]))

    @cached_property
    def _members_of_categories(self) -> Memberships:
        return members_of_categories(self._of_places)

    def _form(self, position: int, is_of_category: bool) -> UnitForm:
        key = (position, is_of_category)
        if key not in self._forms:
            by, members = self._predictions, self._of_places.members
            form = by.by_total
            if is_of_category:
                form, members = by.of_categories(position), self._members_of_categories
            elif position and by.by_benchmark is not None:
                form = by.by_benchmark(position)
            units = units_of_benchmark(self._of_places, position)
            self._forms[key] = unit_form(form, units, members, self._of_places.agency)
        return self._forms[key]
