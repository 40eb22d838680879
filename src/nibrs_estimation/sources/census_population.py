"""Residents of counties by the program's groups, from the Census Bureau's files of population estimates.

Two files of one vintage: ``cc-est{V}-alldata`` (age in five-year groups, sex, race, Hispanic origin) and, to cut the
groups of 10 to 14 and 15 to 19 years, ``cc-est{V}-syasex`` (single years of age, sex). docs/external-files.md describes
both.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.geography import COUNTY_POPULATION
from nibrs_estimation.model.public import SPREAD_RESIDENTS
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.external_table import LINE

_log = logging.getLogger(__name__)

#: Columns by which the file of groups is known.
MARKS = ("SUMLEV", "AGEGRP", "NHTOM_MALE")
SEXES, ETHNICITIES = ("M", "F"), ("N", "H")
#: Race -> its letters in the file: alone, not in combination.
RACES = {"W": "WA", "B": "BA", "I": "IA", "A": "AA", "P": "NA"}
#: Two or more races, which no police report has.
_SEVERAL = "TOM"
_SEX_NAMES = {"M": "MALE", "F": "FEMALE"}
_ETHNICITY_NAMES = {"N": "NH", "H": "H"}
_GROUPS = 18
_KEY = ["STATE", "COUNTY"]
#: Age bin -> the five-year groups that are in it as a whole (1: 0 to 4, ..., 18: 85 and over).
_WHOLE = {
    "U05": (1,), "A05_11": (2,), "A12_14": (), "A15": (), "A16": (), "A17": (), "A18_24": (5,), "A25_34": (6, 7),
    "A35_64": (8, 9, 10, 11, 12, 13), "A65": (14, 15, 16, 17, 18),
}  # fmt: skip
#: Five-year group -> its single years by age bin.
_CUT = {
    3: {"A05_11": (10, 11), "A12_14": (12, 13, 14)},
    4: {"A15": (15,), "A16": (16,), "A17": (17,), "A18_24": (18, 19)},
}
BINS = tuple(_WHOLE)
_VINTAGE = re.compile(r"cc-est(\d{4})", re.IGNORECASE)

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class CensusCounties:
    """Residents of the counties in a year.

    Attributes:
        county_fips: (c,) state and county, ascending.
        groups: (c, 18, 2, 2, 5) by five-year group, sex, ethnicity and race, without those of two or more races.
        several: (c, 18, 2, 2) residents of two or more races.
    """

    county_fips: pl.Series
    groups: Integers
    several: Integers

    @property
    def share_of_several(self) -> float:
        """Share of residents of two or more races."""
        total = int(self.groups.sum() + self.several.sum())
        return int(self.several.sum()) / total if total else 0.0


def is_census_file(path: Path) -> bool:
    """Whether a file is the Census Bureau's CSV of groups."""
    if ".csv" not in [suffix.lower() for suffix in path.suffixes]:
        return False
    try:
        header = pl.scan_csv(path, infer_schema=False, encoding="utf8-lossy", n_rows=0).collect_schema().names()
    except (pl.exceptions.PolarsError, OSError):
        return False
    return set(MARKS) <= set(header)


def census_county_population(
    groups: Path, single_years: Path | None, year: int, vintage: int | None = None
) -> pl.DataFrame:
    """Dataset ``county_population`` of a year, as :func:`census_residents` computes it; raises like it."""
    return census_residents(groups, single_years, year, vintage)[0]


def census_residents(
    groups: Path, single_years: Path | None, year: int, vintage: int | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Datasets ``county_population`` and ``spread_residents`` of a year.

    Residents of two or more races are spread over the five races of the same county, sex, age and ethnicity in
    proportion. Ages 10 to 14 and 15 to 19 are cut by the county's single years of age and sex; without such a file, a
    fifth a year. Numbers are rounded so that each county keeps its total.

    Args:
        groups: the file ``cc-est{V}-alldata``, of the nation or of a state.
        single_years: the file ``cc-est{V}-syasex``.
        year: data year.
        vintage: of both files; without it their names tell it.

    Raises:
        PipelineError: the name has no vintage, the vintage does not have the year, a column, row or number is missing,
            groups do not add up, a county has no residents, or the files are of different counties.
    """
    counties = read_groups(groups, year, vintage)
    if single_years:
        shares = single_year_shares(single_years, counties, year, vintage)
    else:
        shares = _equal_shares(len(counties.groups))
    _log.info(
        "%s: %.2f %% of residents are of two or more races; they are spread over the five races",
        groups,
        100 * counties.share_of_several,
    )
    cells = rounded(binned(spread(counties.groups, counties.several), shares), counties)
    several = counties.several.reshape(len(counties.several), -1).sum(axis=1)
    spread_rows = pl.DataFrame(
        {
            "county_fips": counties.county_fips,
            "population": cells.reshape(len(cells), -1).sum(axis=1),
            "spread_population": several,
        }
    ).with_columns(data_year=pl.lit(year))
    return _as_dataset(counties.county_fips, cells, year), SPREAD_RESIDENTS.cast(spread_rows)


def vintage_of(path: Path) -> int:
    """The vintage of a file of the Census Bureau, from its name; raises PipelineError if it has none."""
    found = _VINTAGE.search(path.name)
    if not found:
        raise PipelineError(
            f"{path}: its name does not tell the vintage, and its column YEAR has another meaning in each. Keep the "
            "name of the Census Bureau, such as cc-est2023-alldata.csv."
        )
    return int(found.group(1))


def year_code(path: Path, year: int, vintage: int | None = None) -> int:
    """The value of column YEAR that stands for July 1 of a year in a file of its vintage.

    Raises:
        PipelineError: the name has no vintage, or the vintage does not have the year.
    """
    vintage = vintage_of(path) if vintage is None else vintage
    first = first_year(vintage)
    if not first <= year <= vintage:
        raise PipelineError(
            f"{path} is of vintage {vintage}, which has {first} to {vintage}, not {year}. Use the vintage of {year} or "
            "of the next year."
        )
    return code_in_vintage(vintage, year)


def first_year(vintage: int) -> int:
    """The first year of a vintage."""
    return 2020 if vintage > 2020 else 2010 if vintage >= 2010 else 2000


def code_in_vintage(vintage: int, year: int) -> int:
    """The value of column YEAR that stands for July 1 of a year of a vintage."""
    # The last year of the second vintage group stands after the census of 2020.
    return 14 if (vintage, year) == (2020, 2020) else year - first_year(vintage) + (2 if vintage > 2020 else 3)


def read_groups(path: Path, year: int, vintage: int | None = None) -> CensusCounties:
    """Read the five-year groups of all counties in a year.

    Raises:
        PipelineError: see :func:`census_county_population`.
    """
    counted = [
        f"{_ETHNICITY_NAMES[ethnicity]}{letters}_{_SEX_NAMES[sex]}"
        for sex in SEXES
        for ethnicity in ETHNICITIES
        for letters in (*RACES.values(), _SEVERAL)
    ]
    rows = _read(path, year, vintage, "AGEGRP", [*counted, "TOT_POP"], (0, _GROUPS))
    number = rows.select(pl.len().over("county_fips")).to_series()
    _refuse(path, rows, number != _GROUPS + 1, "AGEGRP", f"one of a county's {_GROUPS + 1} rows (0 to 18) is missing")
    cells = rows.filter(pl.col("AGEGRP") > 0)
    wrong = cells.select(pl.sum_horizontal(counted) != pl.col("TOT_POP")).to_series()
    _refuse(path, cells, wrong, "TOT_POP", "not the sum of races, sexes and origins")
    totals = rows.select(
        wrong=pl.col("TOT_POP").filter(pl.col("AGEGRP") > 0).sum().over("county_fips")
        != pl.col("TOT_POP").filter(pl.col("AGEGRP") == 0).first().over("county_fips"),
        is_empty=pl.col("TOT_POP").sum().over("county_fips") == 0,
    )
    _refuse(path, rows, totals["wrong"], "TOT_POP", "not the sum of the county's age groups")
    _refuse(path, rows, totals["is_empty"], "TOT_POP", "of a county without residents")
    values = cells.select(counted).to_numpy().reshape(-1, _GROUPS, len(SEXES), len(ETHNICITIES), len(RACES) + 1)
    return CensusCounties(cells["county_fips"].unique(maintain_order=True), values[..., :-1], values[..., -1])


def single_year_shares(path: Path, counties: CensusCounties, year: int, vintage: int | None = None) -> Floats:
    """The shares of the bins of the groups that are cut: (c, 2 sexes, 18 groups, 10 bins).

    Raises:
        PipelineError: a column, row or number is missing, or a county is.
    """
    names = [f"TOT_{name}" for name in _SEX_NAMES.values()]
    rows = _read(path, year, vintage, "AGE", names, (0, 85))
    missing = set(counties.county_fips) - set(rows["county_fips"])
    if missing:
        raise PipelineError(
            f"{path} does not have the county {min(missing)} ({len(missing):,} counties are missing). Use the file of "
            "the same vintage and states as the other one."
        )
    rows = rows.filter(pl.col("county_fips").is_in(counties.county_fips.implode()))
    shares = _equal_shares(len(counties.groups))
    for group, parts in _CUT.items():
        ages = [age for years in parts.values() for age in years]
        own = rows.filter(pl.col("AGE").is_in(ages)).sort("county_fips", "AGE")
        by_county = own.group_by("county_fips", maintain_order=True).len()["len"]
        if own.height != len(ages) * len(shares) or (by_county != len(ages)).any():
            raise PipelineError(
                f"{path}, column AGE: a county does not have each of the ages {ages[0]} to {ages[-1]} once. Download "
                "the file again."
            )
        people = own.select(names).to_numpy().reshape(-1, len(ages), len(SEXES)).transpose(0, 2, 1).astype(float)
        total = people.sum(axis=-1, keepdims=True)
        share = np.divide(people, total, out=np.full_like(people, 1 / len(ages)), where=total > 0)
        for bin_name, years in parts.items():
            columns = [ages.index(age) for age in years]
            shares[:, :, group - 1, BINS.index(bin_name)] = share[..., columns].sum(axis=-1)
    return shares


def spread(groups: Integers, several: Integers) -> Floats:
    """Residents with those of two or more races in proportion to the others of the same cell.

    Where a cell has nobody else, the proportion is that of the county's residents of the same ethnicity; if there are
    none, that of all residents of that ethnicity in the file; if there are none, that of all.

    Args:
        groups: (c, 18, 2, 2, 5) residents of one race.
        several: (c, 18, 2, 2) residents of two or more races.

    Returns:
        (c, 18, 2, 2, 5) residents; their sum is that of both.
    """
    of_county = groups.sum(axis=(1, 2), keepdims=True)
    of_file = of_county.sum(axis=0, keepdims=True)
    of_all = of_file.sum(axis=3, keepdims=True) + (of_file.sum() == 0)
    share = np.zeros(groups.shape)
    is_open = np.ones(several.shape, bool)
    for level in (groups, of_county, of_file, of_all):
        wide = np.broadcast_to(level, groups.shape)
        total = wide.sum(axis=-1)
        is_known = is_open & (total > 0)
        share[is_known] = wide[is_known] / total[is_known][:, None]
        is_open &= ~is_known
    return groups + several[..., None] * share


def binned(people: Floats, shares: Floats) -> Floats:
    """Residents by age bin: (c, 2 sexes, 10 bins, 5 races, 2 ethnicities) of (c, 18, 2, 2, 5).

    Args:
        people: by five-year group, sex, ethnicity and race.
        shares: (c, 2, 18, 10) share of each group that is in each bin.
    """
    return np.asarray(np.einsum("cgser,csgb->csbre", people, shares))


def rounded(cells: Floats, counties: CensusCounties) -> Integers:
    """Whole numbers by largest remainder: each county keeps its total.

    Of equal remainders the first cell, in order of sex, age, race and ethnicity, is rounded up.
    """
    flat = cells.reshape(len(cells), -1)
    total = counties.groups.reshape(len(flat), -1).sum(axis=1) + counties.several.reshape(len(flat), -1).sum(axis=1)
    # The last bits of sums are noise: they must neither make a whole number less nor break a tie.
    near = np.round(flat, 6)
    whole = np.floor(near).astype(np.int64)
    order = np.argsort(-np.round(near - whole, 6), axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.broadcast_to(np.arange(flat.shape[1]), flat.shape).copy(), axis=1)
    is_up = rank < (total - whole.sum(axis=1))[:, None]
    return np.asarray(whole + is_up).reshape(cells.shape)


def _equal_shares(counties: int) -> Floats:
    shares = np.zeros((counties, len(SEXES), _GROUPS, len(BINS)))
    for place, groups in enumerate(_WHOLE.values()):
        shares[:, :, [group - 1 for group in groups], place] = 1
    for group, parts in _CUT.items():
        number = sum(len(years) for years in parts.values())
        for name, years in parts.items():
            shares[:, :, group - 1, BINS.index(name)] = len(years) / number
    return shares


def _as_dataset(county_fips: pl.Series, cells: Integers, year: int) -> pl.DataFrame:
    grid = pl.DataFrame({"county_fips": county_fips})
    keys = {
        "sex_code": SEXES, "age_bin_code": BINS, "race_code": tuple(RACES), "ethnicity_code": ETHNICITIES,
    }  # fmt: skip
    for name, values in keys.items():
        grid = grid.join(pl.DataFrame({name: values}), how="cross")
    return COUNTY_POPULATION.cast(grid.with_columns(data_year=pl.lit(year), population=pl.Series(cells.ravel())))


def _read(
    path: Path, year: int, vintage: int | None, age: str, counted: list[str], ages: tuple[int, int]
) -> pl.DataFrame:
    """The rows of a year as numbers, by county and age, with ``county_fips`` and ``line``."""
    wanted = [*_KEY, "YEAR", age, *counted]
    try:
        # Names of counties are in latin-1; they are not read.
        table = pl.scan_csv(path, infer_schema=False, encoding="utf8-lossy").with_row_index(LINE, offset=2)
        missing = [name for name in wanted if name not in table.collect_schema().names()]
        if missing:
            raise PipelineError(
                f"{path}, line 1: the column {missing[0]} is missing. Use the file of the Census Bureau as downloaded."
            )
        text = table.select(LINE, pl.col(wanted).str.strip_chars()).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise PipelineError(f"{path} cannot be read as CSV with a header line: {error}. Download it again.") from error
    code = year_code(path, year, vintage)
    in_year = text["YEAR"].cast(pl.Int64, strict=False) == code
    rows = text.filter(in_year.fill_null(False))
    if rows.is_empty():
        raise PipelineError(
            f"{path}, column YEAR: no row has the code {code}, which stands for {year} in its vintage. Download "
            "the file again."
        )
    for name in (*_KEY, age, *counted):
        is_number = rows[name].str.contains(r"^\d+$").fill_null(False)
        _refuse(path, rows, ~is_number, name, f"{rows[name].filter(~is_number).first()!r} is not a number")
    rows = rows.with_columns(pl.col(age, *counted).cast(pl.Int64)).with_columns(
        county_fips=pl.col("STATE").str.zfill(2) + pl.col("COUNTY").str.zfill(3)
    )
    known = code_list("state")["state_fips"].drop_nulls()
    _refuse(path, rows, ~rows["STATE"].str.zfill(2).is_in(known.implode()), "STATE", "not a state")
    _refuse(path, rows, ~rows[age].is_between(*ages), age, f"not {ages[0]} to {ages[1]}")
    _refuse(path, rows, rows.select("county_fips", age).is_duplicated(), age, "repeated in its county")
    return rows.sort("county_fips", age)


def _refuse(path: Path, rows: pl.DataFrame, is_wrong: pl.Series, column: str, fault: str) -> None:
    if is_wrong.any():
        row = is_wrong.arg_true()[0]
        county = f" (county {rows['county_fips'][row]})" if "county_fips" in rows.columns else ""
        raise PipelineError(
            f"{path}, line {rows[LINE][row]}{county}, column {column}: {fault}. {is_wrong.sum():,} rows are so: "
            "download the file again."
        )
