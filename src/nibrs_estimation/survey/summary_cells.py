"""Counts and plain sums of tables of summary counts (handbook 16)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.model.return_a import GRAND_TOTAL
from nibrs_estimation.model.return_a_file import ITEMS
from nibrs_estimation.survey.cells import Estimates, WantedCells
from nibrs_estimation.survey.design import Design
from nibrs_estimation.survey.prediction import Incidents
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.matrices.summary_matrix import summary_counts
from nibrs_estimation.tables.matrices.table_matrix import TableCounts


class SummaryCounts:
    """Matrices of tables of summary counts for the agencies of a design.

    Args:
        design: of the geographies.
        summary_year: dataset of that name.
        agency_categories: variable of agencies -> category of each.
    """

    def __init__(
        self, design: Design, summary_year: pl.DataFrame, agency_categories: Mapping[str, NDArray[np.int8]]
    ) -> None:
        rows = pl.DataFrame({"agency_id": design.agencies}).with_row_index("row")
        lines = summary_year.join(rows, on="agency_id")
        at = (lines["row"].to_numpy(), lines["item_code"].to_numpy())
        self._completed, self._reported = (np.zeros((len(design.agencies), len(ITEMS))) for _ in range(2))
        self._completed[at], self._reported[at] = lines["completed"].to_numpy(), lines["reported"].to_numpy()
        self._categories = agency_categories

    def of_table(self, table: TableDefinition) -> TableCounts:
        """The matrices of a table."""
        return summary_counts(table, self._completed, self._reported, self._categories)

    @property
    def incidents(self) -> Incidents:
        """All offenses of each agency."""
        completed, reported = self._completed[:, GRAND_TOTAL], self._reported[:, GRAND_TOTAL]
        return Incidents(completed, np.minimum(completed, reported))


def reported_estimates(design: Design, table: TableDefinition, counts: TableCounts, wanted: WantedCells) -> Estimates:
    """What respondents reported themselves, without weights: columns as of :meth:`Estimator.estimate`, without errors.

    Args:
        design: of the geographies.
        table: its definition.
        counts: of the agencies.
        wanted: the cells.
    """
    sample, members = design.sample, design.members
    place = (members.domain, sample.psu[members.unit])
    shape = (members.domains, len(design.agencies))
    shares = sparse.csr_array((sample.share[members.unit], place), shape=shape)
    cells = counts.records[:, wanted.cell]
    sums = sparse.coo_array(sparse.csc_array(shares @ cells))
    # Sorted by cell and domain, as other estimates are.
    order = np.lexsort((sums.row, sums.col))
    domain, cell, total = sums.row[order], sums.col[order], sums.data[order]
    reporting = sparse.csr_array(design.respondents @ (cells > 0).astype(np.float64))
    n = len(total)
    nothing, missing = np.zeros(n), np.full(n, np.nan)
    row, column = np.divmod(wanted.cell[cell], len(table.columns))
    return {
        "series_number": np.zeros(n, np.int16),
        "geography_number": design.geographies[domain],
        "row": row + 1,
        "column": column + 1,
        **dict.fromkeys(("estimate", "lower_bound", "upper_bound", "reported", "unweighted", "copula_estimate"), total),
        **dict.fromkeys(("standard_error", "filled_share", "imputed_share", "imputation_standard_error"), nothing),
        "agency_counts": np.asarray(reporting[domain, cell]).ravel(),
        **dict.fromkeys(
            (
                "difference_variance", "percentage", "percentage_unweighted", "percentage_standard_error",
                "percentage_known", "percentage_known_standard_error",
            ),
            missing,
        ),
    }  # fmt: skip
