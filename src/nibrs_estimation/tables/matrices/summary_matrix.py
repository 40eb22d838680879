"""Matrices of tables of summary counts: lines of the Return A in columns (handbook 16)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.model.return_a import ITEMS_OF_CRIME, OFFENSES_OF_CRIME
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.tables.counting import table_terms
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.matrices.table_matrix import TableCounts, total_row, with_agency_rows

Floats = NDArray[np.float64]


def summary_counts(
    table: TableDefinition,
    completed: Floats,
    reported: Floats,
    agency_categories: Mapping[str, NDArray[np.int8]],
) -> TableCounts:
    """Counts of a table's cells.

    Args:
        table: its definition; rows are the total of a column, or totals of categories of agencies.
        completed: (A, 26) lines of the completed year.
        reported: (A, 26) lines as reported.
        agency_categories: variable of agencies -> category of each.
    """
    lines = np.stack([line_weights(column.offenses) for column in table.columns])
    matrices = [
        _matrix(table, np.maximum(values @ lines.T, 0.0), agency_categories) for values in (completed, reported)
    ]
    # An agency that reported more than its completed year holds has nothing filled.
    own = sparse.csc_array(matrices[0].minimum(matrices[1]))
    return TableCounts(matrices[0], own, matrices[1], sparse.csc_array(matrices[0].shape))


def line_weights(offenses: Collection[str]) -> Floats:
    """(26,) how many times each line of the Return A counts in a column: those of the crimes of its offenses.

    Raises:
        PipelineError: an offense is no line of the Return A, or only a part of one.
    """
    codes, weights = set(offenses), np.zeros(26)
    crimes = [crime for crime, members in OFFENSES_OF_CRIME.items() if codes >= set(members)]
    rest = codes - {code for crime in crimes for code in OFFENSES_OF_CRIME[crime]}
    if rest:
        raise PipelineError(
            f"Offenses {', '.join(sorted(rest))} are no line of the Return A, or a part of one: columns of summary "
            "tables consist of whole crimes. Correct the column in definitions/_columns.yaml."
        )
    for crime in crimes:
        for item, sign in ITEMS_OF_CRIME[crime].items():
            weights[item] += sign
    return weights


def _matrix(
    table: TableDefinition, values: Floats, agency_categories: Mapping[str, NDArray[np.int8]]
) -> sparse.csc_array:
    C, first = len(table.columns), (total_row(table) - 1) * len(table.columns)
    counts = sparse.coo_array(values)
    shape = (len(values), len(table.rows) * C)
    totals = sparse.csr_array((counts.data, (counts.row, counts.col + first)), shape=shape)
    return sparse.csc_array(with_agency_rows(totals, table, table_terms(table), agency_categories))
