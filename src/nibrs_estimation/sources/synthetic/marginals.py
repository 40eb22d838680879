"""The lists and marginal distributions of the synthetic nation, and draws from them.

They are CSV files in the folder ``data``; column ``source`` states whether they are published or assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from nibrs_estimation.stats import random

Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@cache
def table(name: str) -> pl.DataFrame:
    """One of the CSV files, codes as text and an empty field as null."""
    path = Path(__file__).parent / "data" / f"{name}.csv"
    text = [column for column in pl.read_csv(path, n_rows=0).columns if column.endswith("_code") or column == "kind"]
    return pl.read_csv(path, schema_overrides=dict.fromkeys(text, pl.String), infer_schema_length=None)


@cache
def parameter(name: str) -> float:
    """A number of ``parameter.csv``."""
    return float(table("parameter").filter(pl.col("name") == name)["value"].item())


@cache
def _marginals() -> dict[str, pl.DataFrame]:
    path = Path(__file__).parent / "data" / "marginal.csv"
    rows = pl.read_csv(path, schema_overrides={"given": pl.String, "value": pl.String, "share": pl.Float64})
    return {str(key[0]): part for key, part in rows.group_by("quantity", maintain_order=True)}


@dataclass(frozen=True)
class Marginal:
    """Distribution of a quantity, for each main offense or the same for all.

    Attributes:
        values: (k,) the values, as text or null.
        shares: (g, k) probabilities; g is 1 if all offenses have the same distribution, otherwise their number, in
            the order of ``offense.csv``.
    """

    values: pl.Series
    shares: Floats

    def place(self, point: Floats, offense: ArrayLike = 0) -> Integers:
        """Indices in ``values`` for uniform numbers (n,), given the numbers (n,) of the offenses."""
        groups, k = self.shares.shape
        # The distribution function of each group is shifted by its number, so that one search is enough for all groups.
        ends = (np.cumsum(self.shares, axis=1) + np.arange(groups)[:, None]).ravel()
        group = np.asarray(offense, dtype=np.int64) if groups > 1 else 0
        place = np.searchsorted(ends, point + group, side="right") - group * k
        return np.asarray(np.minimum(place, k - 1), dtype=np.int64)


@cache
def marginal(quantity: str) -> Marginal:
    """The distribution of a quantity; offenses without their own row have that of ``*``."""
    rows = _marginals()[quantity]
    values = rows["value"].unique(maintain_order=True)
    wide = {
        str(key[0]): values.to_frame()
        .join(part, on="value", how="left", maintain_order="left", nulls_equal=True)["share"]
        .fill_null(0.0)
        .to_numpy()
        for key, part in rows.group_by("given", maintain_order=True)
    }
    everyone = wide.get("*", np.zeros(len(values)))
    if set(wide) == {"*"}:
        shares = everyone[None, :]
    else:
        shares = np.stack([wide.get(code, everyone) for code in offenses()["offense_code"]])
    total = shares.sum(axis=1, keepdims=True)
    return Marginal(values, np.divide(shares, total, out=np.zeros_like(shares), where=total > 0))


def draw(
    quantity: str, seed: int, unit: ArrayLike, index: ArrayLike = 0, *, offense: ArrayLike | None = None
) -> pl.Series:
    """Draw a quantity of ``marginal.csv``; its name is the random stream.

    Args:
        quantity: the name.
        seed: seed of the run.
        unit: (n,) keys of the units.
        index: number of the draw for the same unit.
        offense: (n,) numbers of the offenses on which the quantity depends, in the order of ``offense.csv``.

    Returns:
        (n,) values as text or null.
    """
    distribution = marginal(quantity)
    point = random.uniform(seed, quantity, unit, index)
    return distribution.values.gather(distribution.place(point, 0 if offense is None else offense))


def draw_number(quantity: str, seed: int, unit: ArrayLike, *, offense: ArrayLike | None = None) -> Integers:
    """Draw a quantity with integer values; arguments as in :func:`draw`."""
    return draw(quantity, seed, unit, offense=offense).cast(pl.Int64).to_numpy()


def draw_quantile(quantity: str, seed: int, unit: ArrayLike, *, offense: Integers | None = None) -> Integers:
    """Draw integers by linear interpolation between the quantiles of ``quantile.csv``, rounded down.

    Offenses without their own quantiles have those of ``*``; the other arguments are as in :func:`draw`.
    """
    point = random.uniform(seed, quantity, unit)
    curves = _quantiles(quantity)
    value = np.interp(point, *curves["*"])
    if offense is not None:
        for code, (probability, own) in curves.items():
            if code != "*":
                rows = np.flatnonzero(offense == offense_number(code))
                value[rows] = np.interp(point[rows], probability, own)
    return np.asarray(np.floor(value), dtype=np.int64)


@cache
def _quantiles(quantity: str) -> dict[str, tuple[Floats, Floats]]:
    """Probabilities and values of the quantiles, by offense."""
    rows = table("quantile").filter(pl.col("quantity") == quantity)
    return {
        str(key[0]): (part["probability"].to_numpy(), part["value"].to_numpy())
        for key, part in rows.group_by("given", maintain_order=True)
    }


def draw_codes(
    quantity: str, seed: int, unit: ArrayLike, *, offense: Integers | None = None, alone: tuple[str, ...] = ()
) -> pl.DataFrame:
    """Draw one or more different codes for each unit.

    The first code has the distribution of the quantity. Unless it excludes other codes, quantity
    ``<quantity>_rows`` is the number of codes to draw; repeated codes are left out.

    Args:
        quantity: the name.
        seed: seed of the run.
        unit: (n,) keys of the units, all different.
        offense: (n,) numbers of the offenses on which the codes depend.
        alone: codes that exclude other codes because they mean "none" or "unknown".

    Returns:
        ``place`` (row number of the unit) and ``code``, the first codes of all units before the others.
    """
    units = np.asarray(unit)
    first = pl.DataFrame({"place": np.arange(len(units)), "code": draw(quantity, seed, units, offense=offense)})
    number = draw_number(f"{quantity}_rows", seed, units, offense=offense)
    place, index = repeated(np.where(first["code"].is_in(alone).to_numpy(), 0, number - 1))
    distribution = _without(quantity, alone)
    point = random.uniform(seed, quantity, units[place], index + 1)
    code = distribution.values.gather(distribution.place(point, 0 if offense is None else offense[place]))
    further = pl.DataFrame({"place": place, "code": code}).unique(maintain_order=True)
    return pl.concat([first, further.join(first, on=["place", "code"], how="anti", maintain_order="left")])


@cache
def _without(quantity: str, values: tuple[str, ...]) -> Marginal:
    """The distribution of a quantity given that it is none of the values."""
    whole = marginal(quantity)
    shares = whole.shares * ~whole.values.is_in(values).to_numpy()
    total = shares.sum(axis=1, keepdims=True)
    return Marginal(whole.values, np.divide(shares, total, out=np.zeros_like(shares), where=total > 0))


def repeated(times: Integers) -> tuple[Integers, Integers]:
    """Row numbers repeated ``times`` times, and the number (from 0) of each repetition."""
    row = np.repeat(np.arange(len(times)), times)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(times) - times, times)


def days_after(date: str, lag: str, seed: int, unit: ArrayLike) -> pl.Expr:
    """A date column plus a drawn number of days, a quantity of ``quantile.csv``."""
    return pl.col(date) + pl.duration(days=pl.lit(pl.Series(draw_quantile(lag, seed, unit))))


def chance(stream: str, seed: int, unit: ArrayLike, probability: ArrayLike, index: ArrayLike = 0) -> Booleans:
    """True with the given probability."""
    return np.asarray(random.uniform(seed, stream, unit, index) < np.asarray(probability), dtype=np.bool_)


@cache
def offenses() -> pl.DataFrame:
    """The offenses; their row numbers are the numbers of offenses."""
    return table("offense")


def offense_numbers(codes: pl.Series) -> Integers:
    """Row numbers of offense codes."""
    place = {code: number for number, code in enumerate(offenses()["offense_code"])}
    return codes.replace_strict(place, return_dtype=pl.Int64).to_numpy()


def offense_number(code: str) -> int:
    """Row number of one offense code."""
    return int(offense_numbers(pl.Series([code]))[0])


def main_shares() -> Floats:
    """Shares of the offenses as main offenses of incidents: (k,), adding up to 1."""
    share = offenses()["main_share"].to_numpy()
    return np.asarray(share / share.sum(), dtype=np.float64)


def by_offense(column: str, offense: Integers) -> Floats:
    """Values of a numeric column of ``offense.csv``, for (n,) offenses."""
    return offenses()[column].cast(pl.Float64).to_numpy()[offense]


def is_offense(column: str, offense: Integers) -> Booleans:
    """Values of a yes/no column of ``offense.csv``, for (n,) offenses."""
    return offenses()[column].to_numpy()[offense]
