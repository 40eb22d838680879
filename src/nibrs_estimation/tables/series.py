"""Demographic series: the groups of persons for which tables of victims and arrestees are repeated (handbook 08)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import polars as pl

from nibrs_estimation.model.codes import code_list

#: Permutation number = this factor x series number + geography number.
SERIES_STEP = 1000
#: Level of series -> kinds of geographies for which it is estimated, None for all (handbook 11).
SERIES_LEVELS: Mapping[str, tuple[str, ...] | None] = {
    "all": None,
    "region": ("nation", "region"),
    "national": ("nation",),
}
#: Largest number of series of all geographies in one part.
MOST_SERIES = 8


@dataclass(frozen=True)
class Series:
    """A group of persons; an empty attribute means all persons, including those with an unknown value.

    Attributes:
        number: 1 to 260.
        label: label in words.
        series_class: AGE, SEX, RACE or several of them joined by ``_``.
        sex_code: M or F, or empty.
        age_bins: bins of code list ``age_bin``.
        race_codes: W, B, I, A, P.
        ethnicity_code: H or N, or empty.
        geographies: geographies for which it is estimated: "all"; "region" (nation and regions); "national".
        blank_geographies: numbers of geographies for which it is never estimated (handbook 11).
        is_retired: whether it is defined, but no longer estimated.
    """

    number: int
    label: str
    series_class: str
    sex_code: str
    age_bins: tuple[str, ...]
    race_codes: tuple[str, ...]
    ethnicity_code: str
    geographies: str
    blank_geographies: tuple[int, ...]
    is_retired: bool

    @property
    def dimensions(self) -> frozenset[str]:
        """Attributes of the group among AGE, SEX and RACE; rows that divide persons by them are blank (handbook 11)."""
        return frozenset(self.series_class.split("_"))


@cache
def demographic_series() -> tuple[Series, ...]:
    """All series, including retired ones, by number."""
    return tuple(
        Series(
            number=int(row["code"]),
            label=row["label"],
            series_class=row["series_class"],
            sex_code=row["sex_code"] or "",
            age_bins=_several(row["age_bins"]),
            race_codes=_several(row["race_codes"]),
            ethnicity_code=row["ethnicity_code"] or "",
            geographies=row["geographies"],
            blank_geographies=tuple(map(int, _several(row["blank_geographies"]))),
            is_retired=row["is_retired"] == "true",
        )
        for row in code_list("demographic_series").iter_rows(named=True)
    )


def _several(text: str | None) -> tuple[str, ...]:
    return tuple(text.split(";")) if text else ()


@cache
def series_parts() -> Mapping[str, tuple[Series, ...]]:
    """Series that are estimated and stored together, by name: ``all1``, ``all2``, ..., ``region``, ``national``.

    A part of series of all geographies has few of them, because a table of a large nation has a million numbers for
    each.
    """
    parts: dict[str, tuple[Series, ...]] = {}
    for level, levels in SERIES_LEVELS.items():
        found = [series for series in demographic_series() if not series.is_retired and series.geographies == level]
        if levels is not None:
            parts[level] = tuple(found)
            continue
        for number, first in enumerate(range(0, len(found), MOST_SERIES), start=1):
            parts[f"{level}{number}"] = tuple(found[first : first + MOST_SERIES])
    return parts


def series_part(series: Series) -> str:
    """Name of the part that a series belongs to.

    Raises:
        KeyError: the series is retired.
    """
    return _part_of_number()[series.number]


@cache
def _part_of_number() -> Mapping[int, str]:
    return {series.number: part for part, several in series_parts().items() for series in several}


def is_of_level(level: str) -> pl.Expr:
    """Whether series of a level are estimated for a geography of dataset ``coverage``."""
    levels = SERIES_LEVELS[level]
    return (
        pl.lit(True) if levels is None else pl.col("geography_level").is_in(levels) & pl.col("agency_group").is_null()
    )
