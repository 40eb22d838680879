"""One model: a table of persons or pairs, its incomplete items, and the donors that complete them (handbook 05)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.stats.imputation.pmm import Completed, Variable, impute

#: Fewer donors than this are too few: a class is joined with others, a state with other states.
MIN_DONORS = 30
#: Levels of a predictor with fewer rows are one level.
_MIN_LEVEL = 100
#: Races and ethnicities that are known, but have no row of their own in tables: nobody takes them from a donor.
NEVER_GIVEN: Mapping[str, tuple[str, ...]] = {"race": ("O", "M"), "ethnicity": ("M",), "relationship": ("RU",)}
Method = Literal["donors", "reference"]


@dataclass(frozen=True)
class Choices:
    """How items are imputed.

    Attributes:
        seed: of the run.
        method: ``donors``: all predictors, and donors of the same offense who are alike; ``reference``: predictors
            chosen by correlation, coefficients of recipients drawn from their posterior, donors from the whole state.
        cycles: rounds of the chained equations.
    """

    seed: int
    method: Method
    cycles: int


@dataclass(frozen=True)
class Model:
    """A model of incomplete items.

    Attributes:
        step: name of the step, which keys its random numbers.
        items: item -> its column in the frame, in the order of the visits; age is a number, the others are codes.
        categorical: predictors that are codes; missing is a code of its own.
        numeric: predictors that are numbers; where missing, a second variable says so.
        forced: predictors that the reference always uses, beside the items.
        classes: columns whose combinations are classes of donors, the finest first.
    """

    step: str
    items: Mapping[str, str]
    categorical: Sequence[str]
    numeric: Sequence[str]
    forced: Sequence[str] = ()
    classes: Sequence[Sequence[str]] = ()


def completed(frame: pl.DataFrame, model: Model, choices: Choices) -> pl.DataFrame:
    """Impute the items of a table.

    Args:
        frame: ``unit`` (unique integers), the items and predictors; ``gives_<item>`` where not every known value may be
            given. An item with fewer than :data:`MIN_DONORS` donors, or with a single value among them, is left.
        model: items and predictors.
        choices: how.

    Returns:
        ``unit``, ``item``, ``value``, ``donor`` (unit) and ``pool``: one row for each imputed value.
    """
    wanted = {item: column for item, column in model.items.items() if is_imputable(frame, item, column)}
    if not wanted:
        return _no_values()
    targets = {item: _target(frame, item, model.items[item]) for item in wanted}
    predictors = {**_categorical(frame, model.categorical), **_numeric(frame, model.numeric)}
    # An item that is complete predicts; one that cannot be imputed does not.
    predictors |= {
        item: _target(frame, item, column)
        for item, column in model.items.items()
        if item not in wanted and frame[column].null_count() == 0
    }
    unit = frame["unit"].to_numpy()
    if choices.method == "reference":
        done = impute(
            {**predictors, **targets},
            unit=unit,
            seed=choices.seed,
            stream=f"items/{model.step}",
            forced=[*targets, *(name for name in model.forced if name in predictors)],
            cycles=choices.cycles,
        )
        pools: tuple[str, ...] = ("state",)
    else:
        done = impute(
            {**predictors, **targets},
            unit=unit,
            seed=choices.seed,
            stream=f"items/{model.step}",
            min_correlation=0.0,
            cycles=choices.cycles,
            matching="estimate",
            classes=[_class(frame, columns) for columns in model.classes],
            min_donors=MIN_DONORS,
        )
        pools = (*("_".join(columns) for columns in model.classes), "state")
    return pl.concat([_values(frame, item, column, done, pools) for item, column in wanted.items()])


def is_imputable(frame: pl.DataFrame, item: str, column: str) -> bool:
    """Whether an item has missing values, and donors for them: :data:`MIN_DONORS` with at least two values."""
    if frame[column].null_count() == 0:
        return False
    given = frame.filter(_gives(frame, item, column))[column]
    return len(given) >= MIN_DONORS and given.n_unique() > 1


def _gives(frame: pl.DataFrame, item: str, column: str) -> pl.Expr:
    may = pl.col(f"gives_{item}") if f"gives_{item}" in frame.columns else pl.lit(True)
    known = pl.col(column).is_not_null() & may
    return known & ~pl.col(column).is_in(NEVER_GIVEN[item]) if item in NEVER_GIVEN else known


def _target(frame: pl.DataFrame, item: str, column: str) -> Variable:
    gives = frame.select(_gives(frame, item, column).fill_null(False)).to_series().to_numpy()
    if frame[column].dtype == pl.String:
        return Variable(_codes(frame[column], frame[column].drop_nulls().unique().sort().to_list()), True, gives)
    return Variable(frame[column].cast(pl.Float64).fill_null(np.nan).to_numpy(), False, gives)


def _categorical(frame: pl.DataFrame, names: Sequence[str]) -> dict[str, Variable]:
    variables = {}
    for name in names:
        values = frame[name].cast(pl.String).fill_null("")
        levels = values.value_counts().sort(name)
        rare = levels.filter(pl.col("count") < _MIN_LEVEL)[name]
        common = levels.filter(pl.col("count") >= _MIN_LEVEL)[name].to_list()
        numbers = {level: number for number, level in enumerate(common)} | dict.fromkeys(rare, len(common))
        variables[name] = Variable(_codes(values, list(numbers), list(numbers.values())), True)
    return variables


def _codes(values: pl.Series, levels: list[str], numbers: list[int] | None = None) -> NDArray[np.float64]:
    """Numbers of the levels, by default 0, 1, ...; NaN for a missing value."""
    found = values.replace_strict(levels, numbers or list(range(len(levels))), default=None, return_dtype=pl.Float64)
    return found.fill_null(np.nan).to_numpy()


def _numeric(frame: pl.DataFrame, names: Sequence[str]) -> dict[str, Variable]:
    variables = {}
    for name in names:
        values = frame[name].cast(pl.Float64)
        variables[name] = Variable(values.fill_null(0.0).to_numpy())
        if values.null_count():
            variables[f"{name}_known"] = Variable(values.is_not_null().cast(pl.Float64).to_numpy())
    return variables


def _class(frame: pl.DataFrame, columns: Sequence[str]) -> NDArray[np.int64]:
    number = np.zeros(frame.height, dtype=np.int64)
    for name in columns:
        values = frame[name].fill_null("")
        levels = values.unique().sort().to_list()
        number = number * len(levels) + _codes(values, levels).astype(np.int64)
    return number


def _values(frame: pl.DataFrame, item: str, column: str, done: Completed, pools: Sequence[str]) -> pl.DataFrame:
    donor = done.donor[item]
    rows = np.flatnonzero(donor >= 0)
    return pl.DataFrame(
        {
            "unit": frame["unit"].gather(rows),
            "item": pl.Series([item], dtype=pl.String).extend_constant(item, max(len(rows) - 1, 0)).head(len(rows)),
            "value": frame[column].gather(donor[rows]).cast(pl.String),
            "donor": frame["unit"].gather(donor[rows]),
            "pool": pl.Series(pools, dtype=pl.String).gather(done.pool[item][rows].astype(np.int64)),
        }
    )


def _no_values() -> pl.DataFrame:
    return pl.DataFrame(
        schema={"unit": pl.Int64, "item": pl.String, "value": pl.String, "donor": pl.Int64, "pool": pl.String}
    )
