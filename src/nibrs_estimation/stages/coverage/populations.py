"""Populations of the geographies: residents by demographic group, and officers (handbook 08)."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.coverage import GEOGRAPHY_POPULATION
from nibrs_estimation.stages.coverage.pieces import geography_pieces
from nibrs_estimation.survey.geographies import geography_members

_log = logging.getLogger(__name__)

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Keys that are not demographic groups.
TOTAL, OFFICER = "TOTAL", "OFFICER"
_CELL = ("sex_code", "age_bin_code", "race_code", "ethnicity_code")
#: Largest number of counties that a warning names.
_NAMED = 10


def measure_populations(
    coverage: pl.LazyFrame,
    agency_weight: pl.LazyFrame,
    weighting_frame: pl.LazyFrame,
    agency_county: pl.LazyFrame,
    county_population: pl.LazyFrame,
    police_employees: pl.LazyFrame,
    year: int,
) -> pl.DataFrame:
    """Count residents by demographic group, and officers, of eligible agencies and of respondents in each geography.

    Residents of a piece of an agency are divided into groups in the proportions of its county; without rows for the
    county, of its state; otherwise of the nation. Demographic groups need ``agency_county`` and ``county_population``.
    All officers of an agency count in each of its geographies.
    """
    geographies = coverage.sort("geography_number").collect()
    frame = weighting_frame.select("agency_id", "state_abbr", "is_respondent").collect()
    people = county_population.filter((pl.col("data_year") == year) & (pl.col("population") > 0)).collect()
    counties = agency_county.filter(pl.col("data_year") == year)
    members = geography_members(coverage, agency_weight, weighting_frame)
    parts = [_totals(geographies), _officers(members, frame, police_employees.collect())]
    if people.height and counties.collect().height:
        pieces = geography_pieces(coverage, agency_weight, weighting_frame, counties, year)
        parts.append(_groups(pieces.join(frame, on="agency_id", maintain_order="left"), _shares(people)))
    return pl.concat(part.select(GEOGRAPHY_POPULATION.schema.names()) for part in parts).sort(
        GEOGRAPHY_POPULATION.primary_key
    )


def _totals(geographies: pl.DataFrame) -> pl.DataFrame:
    return geographies.select(
        "geography_number",
        pl.col("population", "population_responding").cast(pl.Float64),
        population_key=pl.lit(TOTAL),
    )


def _officers(members: pl.DataFrame, frame: pl.DataFrame, police_employees: pl.DataFrame) -> pl.DataFrame:
    """Male and female officers; all officers of an agency count, and an unknown number counts as 0."""
    officers = pl.sum_horizontal("male_officers", "female_officers", ignore_nulls=True)
    known = police_employees.select("agency_id", officers=officers.cast(pl.Int64))
    agencies = members.select("geography_number", "agency_id").unique()
    rows = agencies.join(frame, on="agency_id").join(known, on="agency_id", how="left")
    number = pl.col("officers").fill_null(0)
    return rows.group_by("geography_number").agg(
        population=number.sum().cast(pl.Float64),
        population_responding=number.filter("is_respondent").sum().cast(pl.Float64),
        population_key=pl.lit(OFFICER).first(),
    )


@dataclass(frozen=True)
class _Shares:
    """Shares of the demographic groups among residents.

    Attributes:
        keys: the groups, columns of ``share``.
        place: ``county_fips`` (or two digits of a state, or "" for the nation) and its ``row``.
        share: places x groups, 0 to 1.
    """

    keys: list[str]
    place: pl.DataFrame
    share: Floats


def _shares(people: pl.DataFrame) -> _Shares:
    """Shares for the counties that have residents, for their states and for the nation."""
    keys = code_list("population_key").filter(~pl.col("code").is_in([TOTAL, OFFICER]))
    cells = people.select(_CELL).unique().sort(_CELL).with_row_index("cell")
    counties = people.select("county_fips").unique().sort("county_fips").with_row_index("county")
    located = people.join(cells, on=_CELL).join(counties, on="county_fips")
    number: Integers = np.zeros((counties.height, cells.height), dtype=np.int64)
    number[located["county"].to_numpy(), located["cell"].to_numpy()] = located["population"].to_numpy()
    state, of_state = np.unique(counties["county_fips"].str.head(2).to_numpy(), return_inverse=True)
    by_state = np.zeros((len(state), cells.height), dtype=np.int64)
    np.add.at(by_state, of_state, number)
    rows = np.concatenate([number, by_state, number.sum(axis=0, keepdims=True)])
    names = pl.Series("place", [*counties["county_fips"], *state, ""], dtype=pl.String)
    return _Shares(
        keys=keys["code"].to_list(),
        place=names.to_frame().with_row_index("row"),
        share=(rows @ _in_group(keys, cells)) / rows.sum(axis=1, keepdims=True),
    )


def _in_group(keys: pl.DataFrame, cells: pl.DataFrame) -> Integers:
    """Cells of sex, age, race and ethnicity x groups: 1 where the cell belongs to the group."""
    columns = []
    for texts in keys.select("sex_code", "age_bins", "race_codes", "ethnicity_code").iter_rows():
        rules = [
            pl.col(column).is_in(text.split(";")) for column, text in zip(_CELL, texts, strict=True) if text is not None
        ]
        columns.append(cells.select(pl.all_horizontal(rules)).to_series().to_numpy().astype(np.int64))
    return np.column_stack(columns)


def _groups(pieces: pl.DataFrame, shares: _Shares) -> pl.DataFrame:
    """Residents of each geography by demographic group."""
    geography = pieces["geography_number"].unique().sort()
    row = np.searchsorted(geography.to_numpy(), pieces["geography_number"].to_numpy())
    place = _place_rows(pieces, shares.place)
    pair, of_piece = np.unique(row * len(shares.share) + place, return_inverse=True)
    residents: Floats = pieces["residents"].to_numpy()
    numbers = [
        _sums(pair, np.asarray(np.bincount(of_piece, weights), dtype=np.float64), len(geography), shares.share)
        for weights in (residents, residents * pieces["is_respondent"].to_numpy())
    ]
    return pl.DataFrame(
        {
            "geography_number": np.repeat(geography.to_numpy(), len(shares.keys)),
            "population_key": shares.keys * len(geography),
            "population": numbers[0].ravel(),
            "population_responding": numbers[1].ravel(),
        }
    )


def _sums(pair: Integers, residents: Floats, geographies: int, share: Floats) -> Floats:
    """Geographies x groups, from the residents of each pair of geography and place."""
    places = len(share)
    by_place = sparse.csr_array((residents, (pair // places, pair % places)), shape=(geographies, places))
    return np.asarray(by_place @ share)


def _place_rows(pieces: pl.DataFrame, place: pl.DataFrame) -> Integers:
    """Row of the place whose shares each piece uses: its county, otherwise its state, otherwise the nation."""
    fips = code_list("state").select("state_abbr", "state_fips")
    rows = pieces.select("county_fips", "state_abbr", "residents").join(
        fips, on="state_abbr", how="left", maintain_order="left"
    )
    rows = rows.with_columns(state=pl.coalesce(pl.col("county_fips").str.head(2), "state_fips"))
    for column, name in (("county_fips", "county_row"), ("state", "state_row")):
        found = place.rename({"place": column, "row": name})
        rows = rows.join(found, on=column, how="left", maintain_order="left")
    is_unknown = pl.col("county_fips").is_not_null() & pl.col("county_row").is_null()
    _warn_of_unknown(rows.filter(is_unknown & (pl.col("residents") > 0)))
    nation = place.filter(pl.col("place") == "")["row"].item()
    return rows.select(pl.coalesce("county_row", "state_row", pl.lit(nation)).cast(pl.Int64)).to_series().to_numpy()


def _warn_of_unknown(rows: pl.DataFrame) -> None:
    if rows.height:
        counties = rows["county_fips"].unique().sort()
        _log.warning(
            "county_population has no residents of %d counties (%s%s): their residents are divided into groups in the "
            "proportions of their state, otherwise of the nation",
            counties.len(),
            ", ".join(counties.head(_NAMED)),
            ", ..." if counties.len() > _NAMED else "",
        )
