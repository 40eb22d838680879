"""Writes a synthetic nation as a folder of public downloads (docs/user-guide/nation-from-public-data.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from nibrs_estimation.model.agency import AGENCY, HISTORY_YEARS
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.geography import AGENCY_COUNTY, COUNTY_POPULATION
from nibrs_estimation.sources.synthetic.render_agency_list import render_agency_list
from nibrs_estimation.sources.synthetic.render_census import render_metropolitan_areas, render_residents
from nibrs_estimation.sources.synthetic.render_employees import (
    FIRST_YEAR_OF_NEW_TABLE,
    render_employees_master,
    render_employees_table,
)
from nibrs_estimation.sources.synthetic.render_master import render_master
from nibrs_estimation.sources.synthetic.render_return_a import render_return_a

#: The first year of NIBRS master files with headers of one line.
FIRST_YEAR = 2013
FIRST_YEAR_OF_REGIONS = 2022
#: The counties of Connecticut, and the planning region that has the place of each; who lives where is made up.
REGIONS = {
    "09001": "09110", "09003": "09120", "09005": "09130", "09007": "09140", "09009": "09150", "09011": "09160",
    "09013": "09170", "09015": "09180",
}  # fmt: skip


def render_public(
    datasets: Mapping[str, pl.LazyFrame], today: pl.DataFrame, year: int, folder: Path, seed: int
) -> Iterator[str]:
    """Write the files under the names that they have as downloads; yields a message for each.

    The NIBRS and Return A master files are of the data year and of those of the four years before that the nation has;
    in NIBRS master files of former years, incidents have only date and offenses.

    Args:
        datasets: the nation's datasets by name.
        today: rows of dataset ``agency`` of the year after the data year, of which the list of agencies is.
        year: data year, 2013 or later.
        folder: the folder; it is created.
        seed: seed of what the datasets do not tell.
    """
    folder.mkdir(parents=True, exist_ok=True)
    agency = _with_listed_codes(datasets[AGENCY.name])
    tables = {**datasets, AGENCY.name: agency}
    for each in range(year, max(FIRST_YEAR, year - HISTORY_YEARS + 1) - 1, -1):
        lines = render_master(tables, each, folder / f"nibrs-{each}.zip")
        yield f"NIBRS master file of {each}: {lines:,} lines"
        records = render_return_a(tables, each, folder / f"reta-{each}.zip", seed)
        yield f"Return A master file of {each}: {records:,} records"

    table = "lee" if year >= FIRST_YEAR_OF_NEW_TABLE else "pe"
    rows = render_employees_table(agency, year, folder / f"{table}_1960_{year}.csv", seed)
    yield f"Police employees: a table of {rows:,} rows"
    records = render_employees_master(agency, year, folder / f"pe-{year}.zip", seed)
    yield f"Police employee master file of {year}: {records:,} records"
    yield f"List of {render_agency_list(today, folder / 'cde_agencies.zip', seed):,} agencies"

    residents = _in_vintage(datasets[COUNTY_POPULATION.name].filter(pl.col("data_year") == year), year)
    pieces = _in_vintage(datasets[AGENCY_COUNTY.name], year)
    names = pieces.select("county_fips", "county_name").unique("county_fips", keep="any").collect()
    counties = render_residents(
        residents, names, year, folder / f"cc-est{year}-alldata.csv", folder / f"cc-est{year}-syasex.csv", seed
    )
    yield f"Residents of {counties:,} counties"
    counties = render_metropolitan_areas(pieces, year, folder / f"list1_{year}.csv")
    yield f"Metropolitan areas of {counties:,} counties"


def _in_vintage(table: pl.LazyFrame, year: int) -> pl.LazyFrame:
    """A table with the codes of counties that the Census Bureau's files of a year have.

    Those of 2022 and later have planning regions instead of the counties of Connecticut; police files keep counties.
    """
    if year < FIRST_YEAR_OF_REGIONS:
        return table
    return table.with_columns(pl.col("county_fips").replace(REGIONS))


def _with_listed_codes(agency: pl.LazyFrame) -> pl.LazyFrame:
    """Agencies with codes of judicial districts and field offices that exist, as the FBI's files have them.

    The districts of a state, in order, have the codes of its real districts; if it has more than there are, the last
    ones share a code. All agencies of a state are of its first office.
    """
    districts = code_list("judicial_district").sort("code").group_by("state_abbr", maintain_order=True).agg("code")
    offices = (
        code_list("field_office")
        .select("code", state_abbr=pl.col("states").str.split(";"))
        .explode("state_abbr", empty_as_null=True)
        .sort("state_abbr", "code")
        .group_by("state_abbr", maintain_order=True)
        .agg(office=pl.col("code").first())
    )
    number = pl.col("judicial_district_code").str.tail(1).cast(pl.Int64(), strict=False) - 1
    place = pl.min_horizontal(number, pl.col("code").list.len().cast(pl.Int64) - 1)
    return (
        agency.join(districts.lazy(), on="state_abbr", how="left", maintain_order="left")
        .join(offices.lazy(), on="state_abbr", how="left", maintain_order="left")
        .with_columns(
            judicial_district_code=pl.col("code").list.get(place, null_on_oob=True),
            field_office_code=pl.when(pl.col("field_office_code").is_not_null()).then("office"),
        )
        .drop("code", "office")
    )
