"""Checks of the weights of each cell: distribution, calibration and size (handbook 07)."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.fields import WeightRule
from nibrs_estimation.model.weights import AGENCY_WEIGHT, CONTROLS, WEIGHT_CHECK

Floats = NDArray[np.float64]

#: Rules by which a cell is fitted, and the rule of cells without weight; with all other rules weights are 1.
CHECKED = (WeightRule.CALIBRATED, WeightRule.INVERSE_COVERAGE, WeightRule.EQUAL, WeightRule.NO_RESPONSE)
#: A control is met within this relative error, or within one offense if a total of the cell is 0 (handbook 07).
TOLERANCE, TOLERANCE_OF_ZERO = 1e-6, 1.0
#: Limits of the weight-check report (handbook 07).
LARGE_WEIGHT = 20
MAJOR_EFFECT, MINOR_EFFECT = 3, 2
LARGE_SPREAD = 5

QUANTILES = {
    "minimum": 0.0,
    **{f"percentile_{p:02d}": p / 100 for p in (5, 10, 25, 50, 75, 90, 95)},
    "maximum": 1.0,
}
_CELL = ["geography_level", "geography_code", "weight_group"]


def check_weights(
    weighting_frame: pl.LazyFrame,
    agency_weight: pl.LazyFrame,
    weight_cell: pl.LazyFrame,
    weight_control: pl.LazyFrame,
) -> pl.DataFrame:
    """Describe the weights of fitted cells, of cells without weights and of the whole nation, and their problems.

    Calibration is checked with the final weights of the agencies, not with results of the fit.
    """
    members = agency_weight.sort(AGENCY_WEIGHT.primary_key).collect()
    cells = weight_cell.filter(
        pl.col("rule").is_in(CHECKED) & ((pl.col("eligible_agencies") > 0) | (pl.col("responding_agencies") > 0))
    ).select(*_CELL, "label", "rule")
    nation = members.filter(pl.col("geography_level") == "nation").with_columns(weight_group=pl.lit(0, dtype=pl.Int32))
    whole_nation = nation.select(*_CELL, label=pl.lit("All agencies")).unique()
    checked = (
        pl.concat([cells.collect(), whole_nation], how="diagonal")
        .join(_counts(pl.concat([members, nation])), on=_CELL, how="left")
        .join(distribution(pl.concat([members, nation])), on=_CELL, how="left")
        .join(_met(members, weighting_frame, weight_control), on=_CELL, how="left")
        .with_columns(pl.col("eligible_agencies", "responding_agencies", "missing_weights").fill_null(0))
        .with_columns(pl.col("below_1", "below_0_9", "above_20").fill_null(0))
        .with_columns(
            is_calibrated=pl.when(~pl.col("rule").is_in([WeightRule.EQUAL, WeightRule.NO_RESPONSE])).then(
                pl.col("is_calibrated").fill_null(False)
            ),
            major_problem=_major_problem(),
            minor_problem=_minor_problem(),
        )
        .sort(WEIGHT_CHECK.primary_key)
    )
    return WEIGHT_CHECK.cast(checked)


def _counts(members: pl.DataFrame) -> pl.DataFrame:
    # Calibrated weights may be equal to their bounds except for rounding.
    weight = pl.col("weight").round(6)
    return members.group_by(_CELL).agg(
        eligible_agencies=pl.len(),
        responding_agencies=pl.col("is_respondent").sum(),
        missing_weights=(pl.col("is_respondent") & pl.col("weight").is_null()).sum(),
        below_1=(weight < 1).sum(),
        below_0_9=(weight < 0.9).sum(),
        above_20=(pl.col("weight") > LARGE_WEIGHT).sum(),
    )


def distribution(members: pl.DataFrame) -> pl.DataFrame:
    """Mean, quantiles and unequal weighting effect of the weights of each cell that has weights.

    Quantiles interpolate linearly between order statistics, type 7 of Hyndman and Fan (1996). The unequal weighting
    effect is 1 + s²(w) / mean(w)² with divisor n - 1 (Kish 1965, section 11.2C); it is missing for a single weight.

    Args:
        members: columns of dataset ``agency_weight``.

    Returns:
        The cell's key, ``mean``, the columns of :data:`QUANTILES` and ``unequal_weighting_effect``.
    """
    # Sorted by size, so that sums do not depend on the order of the agencies.
    weighted = members.filter(pl.col("weight").is_not_null()).sort(*_CELL, "weight")
    sizes = weighted.group_by(_CELL, maintain_order=True).len()
    n, w = sizes["len"].to_numpy().astype(np.int64), weighted["weight"].to_numpy()
    first, cell = np.cumsum(n) - n, np.repeat(np.arange(len(n)), n)

    mean = np.bincount(cell, w, len(n)) / n
    variance = np.bincount(cell, (w - mean[cell]) ** 2, len(n)) / np.maximum(n - 1, 1)
    effect = np.where(n > 1, 1 + variance / mean**2, np.nan)
    numbers = {"mean": mean, "unequal_weighting_effect": effect}
    for name, level in QUANTILES.items():
        position = (n - 1) * level
        lower = np.floor(position).astype(np.int64)
        upper = np.minimum(lower + 1, n - 1)
        numbers[name] = w[first + lower] + (position - lower) * (w[first + upper] - w[first + lower])
    return sizes.select(_CELL).with_columns(pl.Series(name, of).fill_nan(None) for name, of in numbers.items())


def _met(members: pl.DataFrame, weighting_frame: pl.LazyFrame, weight_control: pl.LazyFrame) -> pl.DataFrame:
    """Whether the final weights meet all selected controls, for each cell that has controls (handbook 07)."""
    miss = (pl.col("weighted") - pl.col("total")).abs()
    relative = (miss / pl.col("total").abs()).max() < TOLERANCE
    absolute = miss.max() < TOLERANCE_OF_ZERO
    return (
        weight_control.filter("is_selected")
        .select(*_CELL, "control", "total")
        .collect()
        .join(_weighted_controls(members, weighting_frame), on=[*_CELL, "control"], how="left")
        .with_columns(pl.col("weighted").fill_null(0.0))
        .group_by(_CELL)
        .agg(is_calibrated=pl.when((pl.col("total") == 0).any()).then(absolute).otherwise(relative))
    )


def _weighted_controls(members: pl.DataFrame, weighting_frame: pl.LazyFrame) -> pl.DataFrame:
    """Σ w s x of every control of every cell, in the order of the agencies: the key, ``control``, ``weighted``."""
    benchmark = weighting_frame.select("agency_id", *CONTROLS.values()).collect()
    rows = members.join(benchmark, on="agency_id", how="left", maintain_order="left")
    cells = members.select(_CELL).unique(maintain_order=True)
    cell = rows.join(cells.with_row_index("cell"), on=_CELL, maintain_order="left")["cell"].to_numpy()
    share = rows["population_share"].to_numpy()
    weighted_share = share * rows["weight"].fill_null(0.0).to_numpy()

    def sums(factor: Floats) -> dict[str, Floats]:
        return {
            control: np.bincount(cell, factor * rows[column].to_numpy(), cells.height).astype(np.float64)
            for control, column in CONTROLS.items()
        }

    total, weighted = sums(share), sums(weighted_share)
    # Aggravated assault and robbery in one control, with equal parts in the total (handbook 07).
    k = np.divide(total["aggravated_assault"], total["robbery"], out=np.zeros(cells.height), where=total["robbery"] > 0)
    weighted["assault_and_robbery"] = weighted["aggravated_assault"] + k * weighted["robbery"]
    return pl.concat(
        [cells.with_columns(control=pl.lit(name), weighted=pl.Series(values)) for name, values in weighted.items()]
    )


def _major_problem() -> pl.Expr:
    spread = pl.col("percentile_95") / pl.col("percentile_50")
    is_special = pl.col("geography_level").is_in(["university", "tribal"])
    return _joined(
        pl.when((pl.col("rule") == WeightRule.NO_RESPONSE) & (pl.col("responding_agencies") == 0)).then(
            pl.lit("no respondent: by default other groups stand for its agencies")
        ),
        _number_of(pl.col("missing_weights"), "respondent without weight", "respondents without weight"),
        _number_of(pl.col("above_20"), f"weight above {LARGE_WEIGHT}", f"weights above {LARGE_WEIGHT}"),
        _effect(pl.col("unequal_weighting_effect") >= MAJOR_EFFECT),
        pl.when((spread >= LARGE_SPREAD) & ~is_special).then(
            pl.format("percentile 95 is {} times the median", spread.round(1))
        ),
        pl.when(_may_be_below_1())
        .then(_number_of(pl.col("below_0_9"), "weight below 0.9", "weights below 0.9"))
        .otherwise(_below_1()),
    )


def _minor_problem() -> pl.Expr:
    return _joined(
        _effect(pl.col("unequal_weighting_effect").is_between(MINOR_EFFECT, MAJOR_EFFECT, closed="left")),
        pl.when(_may_be_below_1()).then(_below_1()),
    )


def _may_be_below_1() -> pl.Expr:
    """Whether weights may be below 1: in nation and regions they may be as low as 0.9 (handbook 07)."""
    return pl.col("geography_level").is_in(["nation", "region"])


def _below_1() -> pl.Expr:
    return _number_of(pl.col("below_1"), "weight below 1", "weights below 1")


def _effect(is_large: pl.Expr) -> pl.Expr:
    effect = pl.col("unequal_weighting_effect")
    return pl.when(is_large).then(pl.format("unequal weighting effect {}", effect.round(3)))


def _number_of(number: pl.Expr, one: str, several: str) -> pl.Expr:
    noun = pl.when(number == 1).then(pl.lit(one)).otherwise(pl.lit(several))
    return pl.when(number > 0).then(pl.format("{} {}", number, noun))


def _joined(*problems: pl.Expr) -> pl.Expr:
    text = pl.concat_str(problems, separator="; ", ignore_nulls=True)
    return pl.when(text != "").then(text)
