"""The agencies of a run, from `agencies.csv`."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.survey.months import MONTHS_PER_YEAR

AGENCIES_FILE = "agencies.csv"
#: Columns that hold text, even where every value looks like a number.
_TEXT = pl.selectors.matches("^(which_|.*_weight$|.*_weight_group$|donor_ori$|population_group_code$)")


def read_agencies(path: Path) -> pl.DataFrame:
    """Read the file; several values of one field, such as months, stay one text."""
    names = pl.read_csv(path, n_rows=0).select(_TEXT).columns
    return pl.read_csv(path, schema_overrides=dict.fromkeys(names, pl.String), infer_schema_length=None)


def without_all_months(agencies: pl.DataFrame) -> pl.DataFrame:
    """The eligible agencies that did not report all months; the most populous first."""
    is_incomplete = pl.col("is_eligible") & (pl.col("months_reported").fill_null(0) < MONTHS_PER_YEAR)
    return agencies.filter(is_incomplete).sort("population", "ori", descending=[True, False])


def of_states(names: Sequence[str]) -> pl.Expr:
    """Condition on ``state_abbr`` that selects the agencies of states, by name or postal code.

    Raises:
        UsageError: there is no such state.
    """
    states = code_list("state").select("state_abbr", "state_postal_abbr", "state_name")
    codes = {name.lower(): row[0] for row in states.iter_rows() for name in row if name}
    unknown = [name for name in names if name.lower() not in codes]
    if unknown:
        similar = difflib.get_close_matches(unknown[0].lower(), codes, n=1)
        hint = f" Did you mean {similar[0]}?" if similar else ""
        raise UsageError(f"There is no state {unknown[0]!r}.{hint} Write a name or postal code, such as VT.")
    return pl.col("state_abbr").is_in([codes[name.lower()] for name in names])
