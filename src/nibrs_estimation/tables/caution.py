"""Cautions: estimates that must be read with care, and why. The rules are in ``_caution.yaml``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from nibrs_estimation.tables.definition_file import DefinitionFile
from nibrs_estimation.tables.schema import Text

#: Separator of the codes of a row.
SEPARATOR = ";"

_FILE = Path(__file__).parent / "definitions" / "_caution.yaml"
Measure = Literal[
    "relative_standard_error",
    "agency_counts",
    "population_coverage",
    "largest_missing_share",
    "responding_agencies",
    "reported",
    "without_weights_share",
    "is_only_inferred",
]


@dataclass(frozen=True)
class Caution:
    """One reason for caution.

    Attributes:
        code: code in column ``caution``.
        words: the reason in words, with thresholds.
        measure: the number that the rule checks.
        above, below, at_most: limits of the number; None if the rule has no such limit.
        is_missing: whether the rule applies to missing numbers instead.
        mark: letter that is shown with the estimate; None for a note, which is only in files.
    """

    code: str
    words: str
    measure: Measure
    above: float | None
    below: float | None
    at_most: float | None
    is_missing: bool
    mark: str | None

    @property
    def is_warning(self) -> bool:
        """Whether the estimate is shown with a mark."""
        return self.mark is not None

    def is_met(self) -> pl.Expr:
        """Whether the rule applies, by row; null where the number is missing and the rule has limits."""
        number = pl.col(self.measure)
        if self.is_missing:
            return number.is_null()
        limits = []
        if self.above is not None:
            limits.append(number > self.above)
        if self.below is not None:
            limits.append(number < self.below)
        if self.at_most is not None:
            limits.append(number <= self.at_most)
        return pl.all_horizontal(limits)


class _CautionForm(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    code: Text
    mark: Annotated[str, StringConstraints(pattern="^[a-z]$")] | None = None
    measure: Measure
    above: float | None = None
    below: float | None = None
    at_most: float | None = None
    is_missing: bool = False
    words: Text

    @model_validator(mode="after")
    def _has_limit(self) -> _CautionForm:
        if (self.above is self.below is self.at_most is None) is not self.is_missing:
            raise ValueError("give a limit, `above`, `below` or `at_most`, or `is_missing: true`; not both")
        return self


class _CautionsForm(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    cautions: list[_CautionForm]


@cache
def cautions() -> Mapping[str, Caution]:
    """The rules by code, in order.

    Raises:
        PipelineError: the file is wrong; gives the line and how to fix it.
    """
    return read_cautions(_FILE)


def read_cautions(path: Path) -> dict[str, Caution]:
    """Read the rules of a file."""
    file = DefinitionFile(path)
    found: dict[str, Caution] = {}
    for number, form in enumerate(file.parsed(_CautionsForm).cautions):
        if form.code in found or SEPARATOR in form.code:
            raise file.error(f"code {form.code} must be new and without {SEPARATOR!r}", "cautions", number, "code")
        limits = {"above": form.above, "below": form.below, "at_most": form.at_most}
        try:
            words = form.words.format(**{name: limit for name, limit in limits.items() if limit is not None})
        except (KeyError, ValueError, IndexError) as error:
            message = f"the words use a limit that the rule does not have ({error}); use one that it has"
            raise file.error(message, "cautions", number, "words") from error
        found[form.code] = Caution(form.code, words, form.measure, **limits, is_missing=form.is_missing, mark=form.mark)
    return found


def caution_column() -> pl.Expr:
    """Column ``caution`` of rows with ``estimate`` and the measures: codes joined by ``;``, null if no rule applies."""
    codes = [pl.when(rule.is_met()).then(pl.lit(rule.code)) for rule in cautions().values()]
    joined = pl.concat_str(codes, separator=SEPARATOR, ignore_nulls=True)
    return pl.when(pl.col("estimate").is_not_null() & (joined != "")).then(joined).alias("caution")


def caution_reasons(codes: str | None) -> list[str]:
    """The reasons of a row's codes in words ("fewer than 10 agencies reported any"); an unknown code is not changed."""
    known = cautions()
    return [known[code].words if code in known else code for code in (codes or "").split(SEPARATOR) if code]


def warning_codes(codes: str | None) -> list[str]:
    """The codes of a row that are warnings, which are shown as marks of the estimate."""
    known = cautions()
    return [code for code in (codes or "").split(SEPARATOR) if code in known and known[code].is_warning]


def caution_mark(without: Sequence[str] = ()) -> pl.Expr:
    """The marks of rows with column ``caution``, such as ``sa``; an empty text if there is no warning.

    Args:
        without: codes that are not marked.
    """
    codes = pl.col("caution").fill_null("").str.split(SEPARATOR)
    marks = [
        pl.when(codes.list.contains(code)).then(pl.lit(rule.mark)).otherwise(pl.lit(""))
        for code, rule in cautions().items()
        if rule.is_warning and code not in without
    ]
    return pl.concat_str(marks)


def has_warning() -> pl.Expr:
    """Whether rows with column ``caution`` have a warning."""
    return caution_mark() != ""
