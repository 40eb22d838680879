"""The agencies of all places and the plan of a table, as input of the second estimator (handbook 15)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.stats.copula import (
    BLOCK,
    CATEGORY,
    TOTAL,
    Agencies,
    Form,
    Members,
    Method,
    Plan,
    copula_form,
    imputed_counts,
)
from nibrs_estimation.stats.sparse import Products
from nibrs_estimation.survey.design import Design
from nibrs_estimation.survey.prediction import PlaceUnits
from nibrs_estimation.survey.residents import resident_shares
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.matrices.table_matrix import agency_rows
from nibrs_estimation.tables.steps import steps_of

Floats = NDArray[np.float64]
_AGE, _RACE = pl.col("age_bin_code"), pl.col("race_code")
#: Shares of residents that are covariates; groups that are left out are the base.
RESIDENTS = {
    "age_under_5": _AGE == "U05", "age_5_to_14": _AGE.is_in(["A05_11", "A12_14"]), "age_15": _AGE == "A15",
    "age_16": _AGE == "A16", "age_17": _AGE == "A17", "age_18_to_24": _AGE == "A18_24",
    "age_25_to_34": _AGE == "A25_34", "age_65_and_over": _AGE == "A65", "female": pl.col("sex_code") == "F",
    "black": _RACE == "B", "native": _RACE == "I", "asian": _RACE == "A", "islander": _RACE == "P",
}  # fmt: skip
#: Group of agencies without residents, after the population classes.
WITHOUT_RESIDENTS = 99


@dataclass(frozen=True, eq=False)
class SecondEstimator:
    """Reported counts plus imputed counts of nonrespondents.

    Attributes:
        form: the agencies.
        reported: sums of respondents' counts, times their shares in each geography.
        categories: category of agencies -> its number.
        method: how nonrespondents are imputed.
    """

    form: Form
    reported: Products
    categories: Mapping[tuple[str, int], int]
    method: Method

    @property
    def imputes_nobody(self) -> bool:
        """Whether no agency is known that did not report; then both estimates are equal, and the bias is 0."""
        return len(self.form.size_n) == 0

    def at(
        self,
        plan: Plan,
        completed: sparse.csc_array,
        domain: NDArray[np.integer],
        cell: NDArray[np.integer],
    ) -> Floats:
        """The second estimate at some pairs of geography and cell.

        Args:
            plan: of the table, by :func:`plan_of` with the categories of this estimator.
            completed: (PSUs, rows x columns) counts with what was filled.
            domain: (pairs,) numbers of geographies.
            cell: (pairs,) cells, ascending.
        """
        (reported,) = self.reported.at([completed], domain, cell)
        return np.asarray(reported + imputed_counts(self.form, plan, completed, cell, domain, self.method))


class Covariates(NamedTuple):
    """Datasets of what agencies are compared by; see there.

    Attributes:
        weighting_frame: all agencies.
        police_employees: those that are known.
        agency_county: all agencies.
        county_population: residents; where it is empty, population is the only covariate.
        year: data year.
    """

    weighting_frame: pl.LazyFrame
    police_employees: pl.LazyFrame
    agency_county: pl.LazyFrame
    county_population: pl.LazyFrame
    year: int


def second_estimator(
    design: Design,
    of_places: PlaceUnits,
    covariates: Covariates,
    categories: Mapping[tuple[str, int], pl.Series],
    method: Method,
    removed: NDArray[np.int64] | None = None,
) -> SecondEstimator:
    """Lay out the agencies of a design.

    Agencies are in groups by population class; those without residents are a group of their own, whose first covariate
    is the number of officers. An agency that reported counts with its own records in every place, also where its group
    has no weights.

    Args:
        design: of the geographies.
        of_places: their units, of :func:`nibrs_estimation.survey.prediction.prediction_units`.
        covariates: of all agencies.
        categories: agencies of each category that has rows of its own.
        method: ``sound`` or ``reference``.
        removed: agencies that are imputed although they reported.
    """
    officers = pl.col("male_officers").fill_null(0) + pl.col("female_officers").fill_null(0)
    classes = code_list("population_group").select(population_group_code="code", parent="parent_code")
    officers_of = covariates.police_employees.select("agency_id", officers=officers)
    shares_of = resident_shares(covariates.agency_county, covariates.county_population, covariates.year, RESIDENTS)
    frame = (
        covariates.weighting_frame.select("agency_id", "ori", "population", "population_group_code", size="n_total")
        .join(classes.lazy(), on="population_group_code", how="left")
        .join(officers_of, on="agency_id", how="left")
        .join(shares_of, on="ori", how="left")
        .sort("agency_id")
        .collect()
    )
    number, psu = frame["agency_id"].to_numpy(), design.agencies.to_numpy()
    is_removed = np.isin(psu, [] if removed is None else removed)
    row_of_agency = _positions(psu, number)
    row_of_agency = np.where((row_of_agency >= 0) & is_removed[row_of_agency], -1, row_of_agency)
    has_residents = (frame["population"].fill_null(0) > 0).to_numpy()
    parent = frame["parent"].cast(pl.Int64, strict=False).fill_null(0).to_numpy()
    first = np.where(has_residents, frame["population"].fill_null(0), frame["officers"].fill_null(0))
    shares = frame.select(*RESIDENTS).cast(pl.Float64).fill_null(float("nan")).to_numpy()
    agencies = Agencies(
        group=np.where(has_residents, parent, WITHOUT_RESIDENTS),
        row=row_of_agency,
        covariates=np.column_stack([first, np.where(has_residents[:, None], shares, np.nan)]),
        size=frame["size"].fill_null(0.0).to_numpy(),
        categories=np.column_stack([np.isin(number, of_category) for of_category in categories.values()])
        if categories
        else np.zeros((len(number), 0), dtype=np.bool_),
    )
    members = of_places.members
    agency, share = of_places.agency[members.unit], of_places.units.share[members.unit]
    row, position = _positions(psu, agency), _positions(number, agency)
    row = np.where((row >= 0) & is_removed[row], -1, row)
    has_row = row >= 0
    known = ~has_row & (position >= 0)
    shape = (members.domains, len(psu))
    return SecondEstimator(
        copula_form(
            agencies,
            Members(position[known], members.domain[known].astype(np.int64), share[known]),
            len(psu),
            members.domains,
            method,
        ),
        Products([sparse.csc_array((share[has_row], (members.domain[has_row], row[has_row])), shape=shape)], [(0, 0)]),
        {category: k for k, category in enumerate(categories)},
        method,
    )  # fmt: skip


def _positions(ordered: NDArray[np.integer], wanted: NDArray[np.integer]) -> NDArray[np.int64]:
    """Positions of numbers among ascending ones; -1 where they are not."""
    at = np.searchsorted(ordered, wanted)
    is_found = (at < len(ordered)) & (ordered[np.minimum(at, len(ordered) - 1)] == wanted)
    return np.where(is_found, at, -1)


def plan_of(table: TableDefinition, categories: Mapping[tuple[str, int], int]) -> Plan:
    """The steps of all columns of a table; cell (row, column) is column (row - 1) C + column - 1 of its matrix."""
    C, steps, of_row = len(table.columns), steps_of(table), agency_rows(table)
    if not categories:
        steps = tuple(step for step in steps if not step.is_of_agencies)
    parents = list(dict.fromkeys(step.parent for step in steps if step.parent is not None))
    slot_of = {row: slot for slot, row in enumerate(parents)}
    kinds = [TOTAL if s.parent is None else CATEGORY if s.is_of_agencies else BLOCK for s in steps]
    rows = np.array([row for step in steps for row in step.rows], dtype=np.int64)
    sizes = np.tile([len(step.rows) for step in steps], C)
    return Plan(
        first_step=np.arange(C + 1) * len(steps),
        kind=np.tile(np.array(kinds, dtype=np.int64), C),
        parent=np.tile(np.array([-1 if s.parent is None else slot_of[s.parent] for s in steps], dtype=np.int64), C),
        first_cell=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        cell=((rows[None, :] - 1) * C + np.arange(C)[:, None]).ravel(),
        slot=np.tile(np.array([slot_of.get(row, -1) for row in rows.tolist()], dtype=np.int64), C),
        category=np.tile(
            np.array([categories.get(of_row.get(row, ("", 0)), -1) for row in rows.tolist()], dtype=np.int64), C
        ),
        slots=max(1, len(parents)),
    )
