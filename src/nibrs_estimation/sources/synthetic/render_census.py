"""Writes residents of counties and metropolitan areas as the Census Bureau's files.

Two files have the residents: ``cc-est{V}-alldata`` by five-year groups of age, sex, race and Hispanic origin, and
``cc-est{V}-syasex`` by single years of age and sex. Their vintage is the data year, and residents are the same in all
years of it. Within an age bin all single years have equally many residents, and each race has the same share of
residents who are counted as of two or more races. What is lost: the race of a few residents, and from 10 to 24 years
how races differ in age.

``list1`` has the metropolitan area and division of each county. Codes of areas are made up, and so are micropolitan
areas.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.sources.census_population import (
    BINS,
    ETHNICITIES,
    RACES,
    SEXES,
    code_in_vintage,
)
from nibrs_estimation.sources.synthetic.fbi_text import SYNTHETIC, text_file
from nibrs_estimation.sources.synthetic.marginals import Integers, parameter
from nibrs_estimation.stats import random

#: First years of age of the program's bins, and one after the last: 85 stands for 85 and more.
_BIN_STARTS = (0, 5, 12, 15, 16, 17, 18, 25, 35, 65, 86)
_AGES = _BIN_STARTS[-1]
_GROUPS = 18
_SEX_NAMES = ("MALE", "FEMALE")
_LETTERS = tuple(RACES.values())
#: The first vintage whose first code stands for the base of estimates in April, when fewer people lived.
_FIRST_VINTAGE_WITH_BASE = 2021
_GROWTH_FROM_BASE = 0.002
#: Made-up codes of areas: the first, and their difference.
_FIRST_AREA, _AREA_STEP = 10_000, 20
LIST1_COLUMNS = (
    "CBSA Code", "Metropolitan Division Code", "CSA Code", "CBSA Title", "Metropolitan/Micropolitan Statistical Area",
    "Metropolitan Division Title", "CSA Title", "County/County Equivalent", "State Name", "FIPS State Code",
    "FIPS County Code", "Central/Outlying County",
)  # fmt: skip


def render_residents(
    county_population: pl.LazyFrame,
    county_names: pl.DataFrame,
    vintage: int,
    groups: Path,
    single_years: Path,
    seed: int,
) -> int:
    """Write both files of residents.

    Args:
        county_population: dataset ``county_population`` of one year.
        county_names: ``county_fips`` and ``county_name``.
        vintage: vintage of the files.
        groups: the CSV of groups.
        single_years: the CSV of single years. Equal data give equal bytes.
        seed: seed of how many people lived at the base.

    Returns:
        Number of counties.
    """
    counties = 0
    codes = range(1, code_in_vintage(vintage, vintage) + 1)
    with text_file(groups, groups.name) as of_groups, text_file(single_years, single_years.name) as of_years:
        for names, people in _by_state(county_population, county_names):
            ages = [_single_years(_at(names, people, code, vintage, seed)) for code in codes]
            rows_of_groups = [_group_rows(names, each, code) for code, each in zip(codes, ages, strict=True)]
            rows_of_years = [_single_rows(names, each, code) for code, each in zip(codes, ages, strict=True)]
            for file, rows, age in ((of_groups, rows_of_groups, "AGEGRP"), (of_years, rows_of_years, "AGE")):
                ordered = pl.concat(rows).sort("STATE", "COUNTY", "YEAR", age)
                ordered.write_csv(file, include_header=counties == 0)
            counties += names.height
    return counties


def _by_state(county_population: pl.LazyFrame, county_names: pl.DataFrame) -> Iterator[tuple[pl.DataFrame, Integers]]:
    """The counties of each state, and their residents: (c, 2 sexes, 10 bins, 5 races, 2 ethnicities)."""
    orders = {
        "sex_code": SEXES, "age_bin_code": BINS, "race_code": tuple(RACES), "ethnicity_code": ETHNICITIES,
    }  # fmt: skip
    ranks = [pl.col(name).replace_strict(list(order), range(len(order))) for name, order in orders.items()]
    shape = [len(order) for order in orders.values()]
    states = code_list("state").select("state_fips", "state_name").sort("state_fips")
    for state_fips, state_name in states.iter_rows():
        of_state = county_population.filter(pl.col("county_fips").str.starts_with(state_fips))
        cells = of_state.sort("county_fips", *ranks).collect()
        if cells.is_empty():
            continue
        names = (
            cells.select(pl.col("county_fips").unique(maintain_order=True))
            .join(county_names, on="county_fips", how="left", maintain_order="left")
            .select("county_fips", "county_name", state_name=pl.lit(f"{SYNTHETIC}{state_name}"))
        )
        yield names, cells["population"].cast(pl.Int64).to_numpy().reshape(names.height, *shape)


def _at(names: pl.DataFrame, people: Integers, code: int, vintage: int, seed: int) -> Integers:
    """Residents as of the day that a code of column YEAR stands for."""
    if code > 1 or vintage < _FIRST_VINTAGE_WITH_BASE:
        return people
    cell = np.arange(people[0].size)
    point = random.uniform(seed, "base of estimates", np.array(names["county_fips"].to_list())[:, None], cell)
    less = np.floor(people * _GROWTH_FROM_BASE + point.reshape(people.shape)).astype(np.int64)
    return np.asarray(np.maximum(people - less, 0), dtype=np.int64)


def _single_years(people: Integers) -> Integers:
    """Residents by single years of age: (c, 2, 86, 5, 2) of (c, 2, 10, 5, 2)."""
    ages = np.empty((*people.shape[:2], _AGES, *people.shape[3:]), np.int64)
    for place, (start, end) in enumerate(pairwise(_BIN_STARTS)):
        number = people[:, :, place]
        for age in range(start, end):
            upto = [(age - start + step) * number // (end - start) for step in (0, 1)]
            ages[:, :, age] = upto[1] - upto[0]
    return ages


def _group_rows(names: pl.DataFrame, ages: Integers, code: int) -> pl.DataFrame:
    """Rows of the file of groups, from (c, 2, 86, 5, 2) residents; group 0 is all ages."""
    groups = np.add.reduceat(ages, np.arange(_GROUPS) * 5, axis=2)
    several = np.floor(groups * parameter("several_races_share") + 0.5).astype(np.int64)
    alone = groups - several
    # (c, sex, group, race and two or more, ethnicity), with all ages in front.
    cells = np.concatenate([alone, several.sum(axis=3, keepdims=True)], axis=3)
    cells = np.concatenate([cells.sum(axis=2, keepdims=True), cells], axis=2)
    columns: dict[str, Integers] = {}
    for name, of_ethnicity in (("", cells.sum(axis=4)), ("NH", cells[..., 0]), ("H", cells[..., 1])):
        if name:
            _add(columns, name, of_ethnicity.sum(axis=3))
        races = [of_ethnicity[..., place] for place in range(len(_LETTERS))]
        two = of_ethnicity[..., -1]
        for letters, number in zip((*_LETTERS, "TOM"), (*races, two), strict=True):
            _add(columns, f"{name}{letters}", number)
        # Everybody of two races counts as White, and half each as Black and American Indian.
        others = (two, two // 2, two - two // 2, 0, 0)
        for letters, number, more in zip(_LETTERS, races, others, strict=True):
            _add(columns, f"{name}{letters}C", number + more)
    total = cells.sum(axis=(3, 4))
    head: dict[str, Integers] = {"TOT_POP": total.sum(axis=1).ravel()}
    _add(head, "TOT", total)
    return _rows(names, code, "AGEGRP", range(_GROUPS + 1), head | columns)


def _single_rows(names: pl.DataFrame, ages: Integers, code: int) -> pl.DataFrame:
    """Rows of the file of single years, from (c, 2, 86, 5, 2) residents."""
    total = ages.sum(axis=(3, 4))
    columns = {"TOT_POP": total.sum(axis=1).ravel()}
    _add(columns, "TOT", total)
    return _rows(names, code, "AGE", range(_AGES), columns)


def _add(columns: dict[str, Integers], name: str, number: Integers) -> None:
    """Add columns of both sexes from (c, 2, ages) residents."""
    for sex, sex_name in enumerate(_SEX_NAMES):
        columns[f"{name}_{sex_name}"] = number[:, sex].ravel()


def _rows(names: pl.DataFrame, code: int, age: str, ages: Sequence[int], columns: dict[str, Integers]) -> pl.DataFrame:
    return (
        names.select(
            SUMLEV=pl.lit("050"),
            STATE=pl.col("county_fips").str.head(2),
            COUNTY=pl.col("county_fips").str.tail(3),
            STNAME="state_name",
            CTYNAME="county_name",
            YEAR=pl.lit(code),
        )
        .join(pl.DataFrame({age: ages}), how="cross", maintain_order="left_right")
        .with_columns(pl.Series(name, number) for name, number in columns.items())
    )


def render_metropolitan_areas(agency_county: pl.LazyFrame, year: int, path: Path) -> int:
    """Write the list of metropolitan areas as a CSV with the rows of the workbook.

    Args:
        agency_county: dataset ``agency_county``.
        year: year of the list.
        path: the CSV file. Equal data give equal bytes.

    Returns:
        Number of counties.
    """
    listed = _listed(agency_county, year)
    blank = [""] * (len(LIST1_COLUMNS) - 1)
    above = [
        [f"{SYNTHETIC}nation: areas and counties that do not exist", *blank],
        [f"List 1. Core based statistical areas (CBSAs), metropolitan divisions, July {year}", *blank],
        list(LIST1_COLUMNS),
    ]
    below = [["", *blank], [f"Note: {SYNTHETIC}nation of the NIBRS Estimation Pipeline.", *blank]]
    rows = [pl.DataFrame(part, schema=LIST1_COLUMNS, orient="row") for part in (above, below)]
    with text_file(path, path.name) as file:
        for part in (rows[0], listed, rows[1]):
            part.write_csv(file, include_header=False)
    return listed.height


def _listed(agency_county: pl.LazyFrame, year: int) -> pl.DataFrame:
    """The counties of areas, by area and code; every other county outside is in a micropolitan area of its own."""
    counties = (
        agency_county.filter(pl.col("data_year") == year)
        .select("county_fips", "county_name", "msa_name", "metro_division_name")
        .unique("county_fips", keep="first")
        .sort("county_fips")
        .with_columns(state_fips=pl.col("county_fips").str.head(2))
        .collect()
        .join(code_list("state").select("state_fips", "state_name", "state_postal_abbr"), on="state_fips", how="left")
    )
    is_metropolitan = pl.col("msa_name").is_not_null()
    is_micropolitan = ~is_metropolitan & (pl.int_range(pl.len()).over(is_metropolitan) % 2 == 0)
    title = pl.coalesce("msa_name", pl.format("{}, {}", pl.col("county_name").str.to_titlecase(), "state_postal_abbr"))
    areas = counties.filter(is_metropolitan | is_micropolitan).with_columns(title=title)
    rank = (pl.col("title").rank("dense") * _AREA_STEP + _FIRST_AREA).cast(pl.String())
    division = (pl.col("metro_division_name").rank("dense") + 11_000).cast(pl.String())
    texts = (
        rank,
        division,
        pl.lit(None, pl.String()),
        pl.col("title"),
        pl.when(is_metropolitan)
        .then(pl.lit("Metropolitan Statistical Area"))
        .otherwise(pl.lit("Micropolitan Statistical Area")),
        pl.col("metro_division_name"),
        pl.lit(None, pl.String()),
        pl.col("county_name"),
        pl.col("state_name"),
        pl.col("state_fips"),
        pl.col("county_fips").str.tail(3),
        pl.lit("Central"),
    )
    return areas.select(text.alias(name) for name, text in zip(LIST1_COLUMNS, texts, strict=True)).sort(
        "CBSA Code", "FIPS State Code", "FIPS County Code"
    )
