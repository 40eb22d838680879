"""Variance of the difference of both estimates, W - U, by a jackknife that deletes groups of respondents (handbook 14).

Respondents are dealt to G groups in the order of their size. Replicate g estimates W and U as if the respondents of
group g had not reported. With d_g = W_g - U_g and the share f of agencies that respond in a geography

    V(W - U) = (1 - f) (G - 1) / G Σ_g (d_g - mean d)².
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.survey.basis import Basis
from nibrs_estimation.survey.cells import Estimates, Estimator, WantedCells
from nibrs_estimation.survey.prediction import PlaceUnits, predictions_of
from nibrs_estimation.survey.second_estimator import SecondEstimator
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.matrices.table_matrix import TableCounts

Floats = NDArray[np.float64]
#: Number of groups, G.
GROUPS = 12
#: Geographies with fewer respondents than so many in each group have no variance.
LEAST_IN_GROUP = 2
_KEY = ("series_number", "geography_number", "row", "column")


class DifferenceVariances:
    """V(W - U) of the cells of tables.

    Args:
        basis: what the estimates are made of, by the prediction variance, with totals that are ratio estimates.
        imputing: makes the second estimator without the records of some agencies.
    """

    def __init__(self, basis: Basis, imputing: Callable[[NDArray[np.int64]], SecondEstimator | None]) -> None:
        of_places, group = basis.units, groups_of(basis.units)
        agencies, incidents = np.unique(of_places.agency[of_places.units.psu >= 0]), basis.counts.incidents
        self._replicates = []
        for g in range(GROUPS):
            removed = agencies[group == g]
            units = without(of_places, removed)
            predictions = predictions_of(basis.design, units, incidents, corrects=True)
            self._replicates.append(Estimator(basis.design, predictions, imputing(removed)))
        self._factors = _factors(of_places, basis.design.geographies)

    def of(
        self, table: TableDefinition, counts: Mapping[int, TableCounts], wanted: WantedCells, estimates: Estimates
    ) -> Floats:
        """The variances of a table's estimates, in their order; NaN where they are not known."""
        cells = _frame(estimates).with_row_index()
        differences = np.zeros((GROUPS, cells.height))
        for g, replicate in enumerate(self._replicates):
            found = replicate.estimate(table, counts, wanted)
            difference = _frame(found).with_columns(difference=found["estimate"] - found["copula_estimate"])
            both = cells.join(difference, on=_KEY)
            # A cell that nobody else has is 0 by both estimates.
            differences[g, both["index"].to_numpy()] = both["difference"].to_numpy()
        factor = cells.join(self._factors, on="geography_number", how="left", maintain_order="left")["factor"]
        spread: Floats = ((differences - differences.mean(axis=0)) ** 2).sum(axis=0)
        return np.asarray(spread * (GROUPS - 1) / GROUPS * factor.fill_null(float("nan")).to_numpy())


def groups_of(of_places: PlaceUnits) -> NDArray[np.int64]:
    """The group of each respondent, by number of the agency: respondents by size are dealt in turn."""
    responds = of_places.units.psu >= 0
    agencies, number = np.unique(of_places.agency[responds], return_inverse=True)
    size = np.zeros(len(agencies))
    np.maximum.at(size, number, of_places.benchmarks[responds, 0])
    group = np.empty(len(agencies), dtype=np.int64)
    group[np.argsort(-size, kind="stable")] = np.arange(len(agencies)) % GROUPS
    return group


def without(of_places: PlaceUnits, removed: NDArray[np.int64]) -> PlaceUnits:
    """The units with some agencies among those that did not report."""
    units, is_removed = of_places.units, np.isin(of_places.agency, removed)
    psu, weight = np.where(is_removed, -1, units.psu), np.where(is_removed, 0.0, units.weight)
    return of_places._replace(units=replace(units, psu=psu, weight=weight))


def _factors(of_places: PlaceUnits, geographies: NDArray[np.int32]) -> pl.DataFrame:
    """1 - f of the geographies that have enough respondents."""
    members, responds = of_places.members, of_places.units.psu >= 0
    agencies = np.bincount(members.domain, minlength=members.domains)
    respondents = np.bincount(members.domain, responds[members.unit].astype(np.float64), members.domains)
    found = pl.DataFrame(
        {
            "geography_number": geographies,
            "respondents": respondents,
            "factor": 1 - respondents / np.maximum(agencies, 1),
        }
    )
    return found.filter(pl.col("respondents") >= LEAST_IN_GROUP * GROUPS).drop("respondents")


def _frame(estimates: Estimates) -> pl.DataFrame:
    schema = {"series_number": pl.Int16, "geography_number": pl.Int32, "row": pl.Int64, "column": pl.Int64}
    return pl.DataFrame({name: estimates[name] for name in _KEY}).cast(schema)  # type: ignore[arg-type]
