"""What differs between data years: which definition of rape counts, and who may be a donor (handbook 16)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.summary import LEGACY_LINES
from nibrs_estimation.pipeline.errors import PipelineError

#: Lines of legacy rape -> lines of rape.
_LINES = dict(zip(LEGACY_LINES, (2, 3, 4), strict=True))

#: The earliest data year that code list ``summary_year`` has rules for.
FIRST_YEAR = min(map(int, code_list("summary_year")["first_year"]))


def rule_of_year(year: int, rule: str) -> str:
    """A rule of a data year in code list ``summary_year``.

    Args:
        year: data year.
        rule: ``rape``: ``legacy``, ``revised``, or ``either`` for the year in which agencies changed over;
            ``donors``: ``any``, or ``without_outliers``.

    Raises:
        PipelineError: the list has no such year.
    """
    rules = code_list("summary_year").filter(
        (pl.col("first_year").cast(pl.Int32) <= year) & (pl.col("last_year").cast(pl.Int32) >= year)
    )
    if rules.is_empty():
        raise PipelineError(f"Summary estimates have no rules for {year}: choose a data year from {FIRST_YEAR} on.")
    return str(rules[rule][0])


def with_rape_of_year(reports: pl.DataFrame, year: int) -> pl.DataFrame:
    """Actual offenses of Return A with the lines of rape by the definition of the year.

    A source without lines of legacy rape, such as a Return A master file, has one set of lines, which holds the
    definition by which the agency reported.

    Args:
        reports: rows of dataset ``summary_report`` of the card of actual offenses.
        year: of the reports.
    """
    rule = rule_of_year(year, "rape")
    if rule == "revised":
        return reports

    def of(legacy: int, line: int) -> pl.Expr:
        told, revised = pl.col(f"item_{legacy}"), pl.col(f"item_{line}")
        if rule == "legacy":
            return pl.coalesce(told, revised)
        return pl.when((revised == 0) & (told > 0)).then(told).otherwise(revised)

    # The grand total holds rape.
    changed = {f"item_{line}": of(legacy, line) for legacy, line in _LINES.items()}
    difference = (changed["item_2"] - pl.col("item_2")).fill_null(0)
    return reports.with_columns(**changed, item_25=pl.col("item_25") + difference)
