"""Quality flags and suppression: which estimates should not be published, and why. Source: handbook 14.

The rules are data, in order: the first that applies decides. They are evaluated for all cells of all geographies at
once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from nibrs_estimation.model.estimates import GEOGRAPHY_QUALITY
from nibrs_estimation.model.parameters import SMALL_COUNT
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.read import RETURN_A_REPORTED
from nibrs_estimation.tables.table_cells import COUNT

#: Mark of suppressed estimates.
SUPPRESSED = "×"
#: A cell is flagged if its error is a larger share of the estimate.
MOST_ERROR = 0.30
#: Counts of 0 need respondents that serve this share of the residents; a place with more is not suppressed as a whole.
ENOUGH_COVERAGE = 0.80
#: The same for rows of one kind of agency: percent of these agencies that respond.
ENOUGH_AGENCIES_PCT = 80
#: A place is suppressed if a larger share of its key cells is flagged.
MOST_FLAGGED = 0.75
#: Tables whose rows are key cells. Of table 5a only the first columns, those of offenses in both groups of arrests.
KEY_ROWS = {
    "1a": (1,), "1b": (1,), "1c": (1,), "2a": (1,), "2b": (1,), "2c": (1,), "3a": (1,), "3c": (1, 3), "4a": (1,),
    "5a": (1,),
}  # fmt: skip
LAST_KEY_COLUMN = {"5a": 31}
#: The same of summary estimates.
SUMMARY_KEY_ROWS = {"SRS1a": (1, 2), "SRS2a": (1, 2, 3, 4)}
#: Cells that are published although their state is suppressed, if nothing else is wrong with them: count and rate.
RESCUED = {
    "2a": ("violent_crime",), "2b": ("property_crime",), "SRS1a": ("violent_crime", "property_crime"),
}  # fmt: skip
#: Number of counts that must be reliable for that, of the tables that a run has.
_RESCUED_CELLS = 2
_RESCUED_ROWS = (1, 2)

_LEVEL = pl.col("geography_level")
_IS_WHOLE = pl.col("agency_group").is_null()
IS_NATION = (_LEVEL == "nation") & _IS_WHOLE
IS_STATE = (_LEVEL == "state") & _IS_WHOLE
_IS_MSA = _LEVEL == "msa"
_HAS_LARGE_AGENCY_RULE = ~(IS_NATION | _IS_MSA | _LEVEL.is_in(["university", "tribal"]))
_COVERAGE = pl.col("population_coverage")
#: The standard error is the least that the root mean squared error can be where the bias is not known.
_ERROR = pl.coalesce("relative_rmse", "relative_standard_error")
_IS_ZERO = (pl.col("estimate") == 0) | (pl.col("estimate_standard_error") == 0)
#: Columns of dataset ``coverage`` that the rules need, beside those of the rows.
_OF_PLACE = (
    "geography_number",
    "geography_level",
    "agency_group",
    "eligible_agencies",
    "tribal_coverage_pct",
    "state_police_coverage_pct",
    "other_coverage_pct",
    "is_missing_over_10_percent",
    "is_missing_principal_city",
)


@dataclass(frozen=True)
class Rule:
    """One line of a rule table.

    Attributes:
        name: name of the rule.
        applies: condition; a missing value does not meet it.
        result: the flag that it sets; None if the flag is not known.
        reason: why the estimate should not be published, in words; empty if the flag is not set.
    """

    name: str
    applies: pl.Expr
    result: bool | None
    reason: str = ""


def _is_of(category: str) -> pl.Expr:
    """Whether a row is about the agencies of one kind."""
    is_agency_row = pl.col("estimate_domain_1") == "Agency indicator"
    return is_agency_row & (pl.col("estimate_domain_2") == category).fill_null(False)


def _few_respond(measure: str) -> pl.Expr:
    """Whether too few agencies of a kind respond, or their number is not known."""
    return (pl.col(measure) < ENOUGH_AGENCIES_PCT).fill_null(True)


_IS_TRIBAL = (_LEVEL == "tribal") | _is_of("Tribal agencies")
# In the geography of tribal agencies every row is about them.
_IS_STATE_POLICE, _IS_OTHER = (_is_of(kind) & ~_IS_TRIBAL for kind in ("State police", "Other state agencies"))
_IS_OF_ONE_KIND = _IS_TRIBAL | _IS_STATE_POLICE | _IS_OTHER


def _zero_of(kind: str) -> str:
    return f"it is 0 or has no error, but fewer than {ENOUGH_AGENCIES_PCT}% of the {kind} responded"


#: Flag of a cell.
CELL_RULES = (
    Rule("not_estimated", pl.col("estimate").is_null(), None),
    Rule("coverage_not_known", _COVERAGE.is_null(), None),
    Rule("large_error", _ERROR > MOST_ERROR, True, f"its error is more than {MOST_ERROR:.0%} of it"),
    Rule("zero_tribal", _IS_ZERO & _IS_TRIBAL & _few_respond("tribal_coverage_pct"), True, _zero_of("tribal agencies")),
    Rule(
        "zero_state_police",
        _IS_ZERO & _IS_STATE_POLICE & _few_respond("state_police_coverage_pct"),
        True,
        _zero_of("state police agencies"),
    ),
    Rule(
        "zero_other",
        _IS_ZERO & _IS_OTHER & _few_respond("other_coverage_pct"),
        True,
        _zero_of("other state agencies"),
    ),
    Rule(
        "zero_low_coverage",
        _IS_ZERO & ~_IS_OF_ONE_KIND & (_COVERAGE < ENOUGH_COVERAGE),
        True,
        f"it is 0 or has no error, but respondents serve less than {ENOUGH_COVERAGE:.0%} of the residents",
    ),
    Rule("reliable", pl.lit(True), False),
)

#: Flags of a geography: suppressed as a whole (the momentum rule), and never suppressed for the error of a cell.
GEOGRAPHY_FLAGS = {
    "is_suppressed_group": (pl.col("momentum") > MOST_FLAGGED) & (_COVERAGE < ENOUGH_COVERAGE),
    "is_unsuppressed": _COVERAGE > ENOUGH_COVERAGE,
}

#: Whether a cell is suppressed.
RULES = (
    Rule("not_estimated", pl.col("estimate").is_null(), None),
    Rule("small_count", pl.col("is_small"), True, "it is of so few units that persons might be recognized"),
    Rule("reported", pl.col("is_as_reported"), False),
    Rule("coverage_not_known", _COVERAGE.is_null(), None),
    Rule("rescued", pl.col("is_rescued"), False),
    Rule(
        "principal_city",
        _IS_MSA & pl.col("is_missing_principal_city"),
        True,
        "an agency of a principal city did not respond",
    ),
    Rule(
        "large_agency",
        _HAS_LARGE_AGENCY_RULE & pl.col("is_missing_over_10_percent"),
        True,
        "an agency that serves more than 10% of the residents did not respond",
    ),
    Rule("unsuppressed", pl.col("is_unsuppressed"), False),
    Rule(
        "group",
        ~IS_NATION & pl.col("is_suppressed_group"),
        True,
        f"more than {MOST_FLAGGED:.0%} of the main numbers of the place are not reliable, and respondents serve less "
        f"than {ENOUGH_COVERAGE:.0%} of its residents",
    ),
    *(
        Rule(rule.name, pl.col("cell_rule") == rule.name, rule.result, rule.reason)
        for rule in CELL_RULES
        if rule.result is True
    ),
    Rule("reliable", pl.lit(True), False),
)


def first_rule(rules: Sequence[Rule]) -> pl.Expr:
    """Name of the first rule that applies."""
    return pl.coalesce(pl.when(rule.applies).then(pl.lit(rule.name)) for rule in rules)


def flagged_rows(rows: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """Add the flag of each cell (``is_flagged``), its rule (``cell_rule``) and what the rules need of the place.

    Args:
        rows: rows of :func:`table_rows.table_rows`.
        places: rows of dataset ``coverage``: the geographies of the rows.
    """
    return (
        rows.join(places.select(_OF_PLACE), on="geography_number", how="left", maintain_order="left")
        .with_columns(cell_rule=first_rule(CELL_RULES))
        .with_columns(is_flagged=_results(CELL_RULES, "cell_rule"))
    )


def judged_geographies(key_cells: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """The flags of geographies: dataset ``geography_quality``.

    Args:
        key_cells: the key cells with their flags, of :func:`key_cells_of`, of all tables.
        places: rows of dataset ``coverage``.
    """
    of_cells = key_cells.group_by("geography_number").agg(
        key_cells=pl.len().cast(pl.Int32),
        flagged_cells=pl.when(pl.col("is_flagged").is_not_null().all()).then(pl.col("is_flagged").sum().cast(pl.Int32)),
        are_rescued_reliable=(~pl.col("is_flagged").filter("is_to_rescue")).all(ignore_nulls=False),
        rescued_cells=pl.col("is_to_rescue").sum(),
    )
    judged = (
        places.join(of_cells, on="geography_number", how="left")
        .with_columns(pl.col("key_cells").fill_null(0))
        .with_columns(momentum=pl.col("flagged_cells") / pl.col("key_cells"))
        .with_columns(**GEOGRAPHY_FLAGS)
        .with_columns(
            is_rescued=IS_STATE
            & pl.col("is_suppressed_group")
            & ~pl.col("is_missing_over_10_percent")
            & (pl.col("rescued_cells") == _RESCUED_CELLS)
            & pl.col("are_rescued_reliable")
        )
    )
    return GEOGRAPHY_QUALITY.cast(judged.sort("geography_number"))


def key_cells_of(rows: pl.DataFrame, table: TableDefinition, places: pl.DataFrame) -> pl.DataFrame:
    """The key cells of a table that have an estimate, with ``is_flagged`` and ``is_to_rescue``.

    Args:
        rows: all rows of the table that hold key cells, of :func:`table_rows.table_rows`.
        table: its definition.
        places: rows of dataset ``coverage``: the geographies of the rows.
    """
    is_key = pl.col("row").is_in((KEY_ROWS | SUMMARY_KEY_ROWS)[table.table]) & (
        pl.col("column") <= LAST_KEY_COLUMN.get(table.table, len(table.columns))
    )
    is_to_rescue = _is_rescued_cell(table) & (pl.col("row") == 1) & (pl.col("estimate_type_num") == COUNT)
    return flagged_rows(rows.filter(is_key & pl.col("estimate").is_not_null()), places).select(
        "geography_number", "is_flagged", is_to_rescue=is_to_rescue
    )


def suppressed_rows(
    rows: pl.DataFrame,
    table: TableDefinition,
    places: pl.DataFrame,
    geography_quality: pl.LazyFrame,
    small_count: str = SMALL_COUNT.default,
) -> pl.DataFrame:
    """Add to the rows of a table whether they should be published: flags, ``is_suppressed``, ``suppression_reason``.

    Args:
        rows: rows of :func:`table_rows.table_rows`.
        table: definition of the table.
        places: rows of dataset ``coverage``: the geographies of the rows.
        geography_quality: dataset of that name.
        small_count: parameter of that name: smallest count that is published, or ``off``.

    Returns:
        The rows in the same order. ``is_suppressed`` is null where there is no estimate, or where the coverage of the
        geography is not known; ``suppression_reason`` is null where it is not true.
    """
    words = {rule.name: rule.reason for rule in RULES if rule.reason}
    return (
        flagged_rows(rows, places)
        .join(geography_quality.collect(), on="geography_number", how="left", maintain_order="left")
        .with_columns(
            is_as_reported=pl.lit(table.unit == RETURN_A_REPORTED),
            is_small=_is_small(small_count),
            is_rescued=pl.col("is_rescued") & _is_rescued_cell(table) & (pl.col("series_number") == 0),
        )
        .with_columns(rule=first_rule(RULES))
        .with_columns(
            is_suppressed=_results(RULES, "rule"),
            suppression_reason=pl.col("rule").replace_strict(words, default=None, return_dtype=pl.String),
        )
        .drop("geography_level", "agency_group")
    )


def suppression_mark() -> pl.Expr:
    """The mark of rows with column ``suppression_reason``, after a blank; an empty text if they are not suppressed."""
    return pl.when(pl.col("suppression_reason").is_not_null()).then(pl.lit(f" {SUPPRESSED}")).otherwise(pl.lit(""))


def _is_rescued_cell(table: TableDefinition) -> pl.Expr:
    """Whether a row is one of the cells that are published although their state is suppressed."""
    if table.table not in RESCUED:
        return pl.lit(False)
    columns = [table.column(name).position for name in RESCUED[table.table]]
    return pl.col("row").is_in(_RESCUED_ROWS) & pl.col("column").is_in(columns)


def _is_small(small_count: str) -> pl.Expr:
    """Whether the count of the cell, which its percentage and rate show too, is above 0 and below the smallest allowed.

    Other cells of the same total are not suppressed with it, so the count may be found by subtraction.
    """
    if small_count == SMALL_COUNT.default:
        return pl.lit(False)
    return (pl.col("count") > 0) & (pl.col("count") < int(small_count))


def _results(rules: Sequence[Rule], name: str) -> pl.Expr:
    """The results of the rules that a column names."""
    results = {rule.name: rule.result for rule in rules if rule.result is not None}
    return pl.col(name).replace_strict(results, default=None, return_dtype=pl.Boolean)
