"""Atoms: the smallest groups of persons; demographic groups are sets of them (handbook 10).

An atom is an age bin of code list ``age_bin`` x sex (male, female, unknown) x race (White, Black, AIAN, Asian, NHOPI,
unknown) x ethnicity (Hispanic, not Hispanic, unknown): 11 x 3 x 6 x 3 = 594, numbered from 0 in that order. Every
variable of persons and every demographic series is a set of atoms.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.items import IMPUTED
from nibrs_estimation.tables.lookup import looked_up
from nibrs_estimation.tables.series import Series

Bools = NDArray[np.bool_]

#: Items of a person of which an atom consists.
ATOM_ITEMS = ("age", "sex", "race", "ethnicity")
SEXES = ("M", "F")
#: Race code -> index; years before 2013 had several codes for Asians (handbook 10).
RACES = {"W": 0, "B": 1, "I": 2, "A": 3, "AP": 3, "C": 3, "J": 3, "P": 4}
ETHNICITIES = ("H", "N")
_SHAPE = (11, 3, 6, 3)
NUMBER = int(np.prod(_SHAPE))
_AGE, _SEX, _RACE, _ETHNICITY = np.unravel_index(np.arange(NUMBER), _SHAPE)


def atom() -> pl.Expr:
    """The atom of a person with ``age_years``, ``sex_code``, ``race_code`` and ``ethnicity_code``."""
    lows = code_list("age_bin")["age_low_years"].cast(pl.Int16).to_list()
    age = pl.lit(len(lows) - 1, pl.Int16)
    for index, low in enumerate(lows[:-1]):
        age = pl.when(pl.col("age_years") >= low).then(pl.lit(index, pl.Int16)).otherwise(age)
    sex = _index("sex_code", dict(zip(SEXES, (0, 1), strict=True)), 2)
    race = _index("race_code", RACES, 5)
    ethnicity = _index("ethnicity_code", dict(zip(ETHNICITIES, (0, 1), strict=True)), 2)
    return (((age * 3 + sex) * 6 + race) * 3 + ethnicity).cast(pl.Int16)


def imputed_items() -> pl.Expr:
    """Which items of a person's atom are imputed, as bits: 1 age, 2 sex, 4 race, 8 ethnicity."""
    bits = [
        pl.when(pl.col(f"{item}_flag") == IMPUTED).then(pl.lit(1 << number, pl.Int8)).otherwise(pl.lit(0, pl.Int8))
        for number, item in enumerate(ATOM_ITEMS)
    ]
    return pl.sum_horizontal(bits).cast(pl.Int8)


def items_of(atoms: Bools) -> int:
    """The items on which it depends whether a person is in a set of atoms, as bits.

    Args:
        atoms: (594,) the atoms of the set.
    """
    of_items = atoms.reshape(_SHAPE)
    bits = (1 << number for number in range(len(_SHAPE)) if not (of_items == of_items.take([0], axis=number)).all())
    return sum(bits)


def _index(column: str, indices: dict[str, int], unknown: int) -> pl.Expr:
    return looked_up(pl.col(column), indices, pl.Int16).fill_null(unknown)


@cache
def atoms_of_variable(variable: str) -> Bools:
    """Whether each atom is in each category of a variable of persons: (594, categories).

    The groups of ``age2`` overlap; categories of the other variables do not (handbook 10).
    """
    under18_2 = np.select([_AGE <= 1, _AGE <= 5], [1, 2], 0)
    a12_17_2 = np.select([_AGE == 2, (_AGE >= 3) & (_AGE <= 5)], [1, 2], 0)
    uo18 = np.select([_AGE <= 5, _AGE <= 9], [1, 2], 3)
    if variable == "age2":
        parts = (under18_2 == 1, under18_2 == 2, a12_17_2 == 1, a12_17_2 == 2, uo18 == 2, uo18 == 3)
        return np.stack(parts, axis=1)
    race4 = np.select([_RACE <= 1, _RACE <= 4], [_RACE + 1, 3], 4)
    categories, number = {
        "age10": (np.array([1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10])[_AGE], 10),
        "age8": (np.array([1, 2, 2, 3, 3, 3, 4, 5, 6, 7, 8])[_AGE], 8),
        "under18_2": (under18_2, 2),
        "a12_17_2": (a12_17_2, 2),
        "uo18": (uo18, 3),
        "sex3": (_SEX + 1, 3),
        "race6": (_RACE + 1, 6),
        "ethnicity3": (_ETHNICITY + 1, 3),
        "rh7": (np.select([_ETHNICITY == 0, (_ETHNICITY == 1) & (_RACE <= 4)], [1, _RACE + 2], 7), 7),
        "er12": (4 * _ETHNICITY + race4, 12),
    }[variable]
    return np.asarray(categories[:, None] == np.arange(1, number + 1))


def atoms_of_series(series: Series) -> Bools:
    """Whether each atom is in a demographic series: (594,). Unknown values are in no group that uses the attribute."""
    bins = code_list("age_bin")["code"].to_list()
    is_in_series = np.ones(NUMBER, dtype=bool)
    if series.age_bins:
        is_in_series &= np.isin(_AGE, [bins.index(name) for name in series.age_bins])
    if series.sex_code:
        is_in_series &= SEXES.index(series.sex_code) == _SEX
    if series.race_codes:
        is_in_series &= np.isin(_RACE, [RACES[code] for code in series.race_codes])
    if series.ethnicity_code:
        is_in_series &= ETHNICITIES.index(series.ethnicity_code) == _ETHNICITY
    return is_in_series
