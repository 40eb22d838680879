"""Writes normalized data as a Return A master file (docs/return-a-file.md).

What the file cannot hold (its losses): the last two characters of ORIs and former ORIs, names beyond 24 characters,
the kind of covered agencies, more than three counties of an agency and FIPS codes, which months were sent as incidents
and as a summary, too, and legacy rape. Of agencies that send totals only, details and simple assaults are lost.

Numbers of metropolitan areas are made up, and so are the records of possessions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.agency import AGENCY, AGENCY_MONTH_OFFENSE, REPORT_MONTH, SRS_MONTH
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.geography import AGENCY_COUNTY
from nibrs_estimation.model.return_a_file import COUNTIES
from nibrs_estimation.sources.intake.fixed_width import Field, encode
from nibrs_estimation.sources.return_a import layout
from nibrs_estimation.sources.synthetic.fbi_text import (
    county_blocks,
    in_file_order,
    kind_code,
    marked_name,
    padded,
    text_file,
    zeros,
)
from nibrs_estimation.sources.synthetic.marginals import parameter
from nibrs_estimation.sources.synthetic.return_a_reports import Reports, reports_of
from nibrs_estimation.stats import random

Tables = Mapping[str, pl.LazyFrame]

_LINE_END = b"\r\n"
_NO_COUNTY = "0" * 9 + " " * 6
#: From this year on, files have whole records twice.
FIRST_YEAR_OF_REPEATS = 2019
#: Possessions: number of the state, ORI, name. Their records have no group, no division and no months.
_POSSESSIONS = (
    ("53", "PR0000100", "PR", "PUERTO RICO"),
    ("55", "GM0000100", "GM", "GUAM"),
    ("62", "VI0000100", "VI", "VIRGIN ISLANDS"),
)
_NO_ID = -1


def render_return_a(datasets: Tables, year: int, path: Path, seed: int) -> int:
    """Write a year as a Return A master file.

    Args:
        datasets: ``agency``, ``agency_county``, ``report_month``, ``srs_month`` and ``agency_month_offense`` by name.
        year: year of the file.
        path: the file: a zip with one text if its name ends in ``.zip``, else the text. Equal data give equal bytes.
        seed: seed of what the datasets do not tell.

    Returns:
        Number of records.
    """
    records = 0
    with text_file(path, f"reta-{year}.txt") as file:
        for characters in _characters(datasets, year, seed):
            records += len(characters)
            file.write(_lines(characters))
    return records


def _characters(datasets: Tables, year: int, seed: int) -> Iterator[NDArray[np.uint8]]:
    """The records of each state, (n, 7385) characters."""
    rows = {
        dataset.name: datasets[dataset.name].filter(pl.col("data_year") == year).collect()
        for dataset in (REPORT_MONTH, SRS_MONTH, AGENCY_MONTH_OFFENSE)
    }
    agencies = _with_blocks(in_file_order(datasets[AGENCY.name], year), datasets[AGENCY_COUNTY.name], year)
    for part in agencies.partition_by("state_code", maintain_order=True):
        reports = reports_of(part, rows, year, seed)
        headers = _header_characters(part, reports, year, seed)
        months = _month_characters(reports, year)
        records = np.concatenate([headers, months.reshape(len(headers), -1)], axis=1)
        yield np.repeat(records, _times(part, year, seed), axis=0)


def _lines(characters: NDArray[np.uint8]) -> bytes:
    ends = np.broadcast_to(np.frombuffer(_LINE_END, np.uint8), (len(characters), len(_LINE_END)))
    return np.concatenate([characters, ends], axis=1).tobytes()


def _times(agencies: pl.DataFrame, year: int, seed: int) -> NDArray[np.int64]:
    """(n,) How often the record of each agency stands in the file: nearly always once."""
    if year < FIRST_YEAR_OF_REPEATS:
        return np.ones(agencies.height, np.int64)
    point = random.uniform(seed, "repeated record", agencies["agency_id"].to_numpy(), year)
    return 1 + (point < parameter("repeated_record_share")).astype(np.int64)


def _with_blocks(agencies: pl.DataFrame, agency_county: pl.LazyFrame, year: int) -> pl.DataFrame:
    """Add blocks of counties, and the records of possessions behind the states."""
    # Counties that the real nation does not have are without a code, as independent cities are.
    listed = code_list("ucr_county").unique("county_fips", keep="first", maintain_order=True)
    code = pl.col("county_fips").replace_strict(listed["county_fips"], listed["ucr_county"], default=" " * 3)
    block = pl.concat_str(zeros("population", 9), code, "area")
    counties = county_blocks(agency_county, year, len(COUNTIES), block, _NO_COUNTY)
    unplaced = pl.concat_str(zeros("population", 9), pl.lit(_NO_COUNTY[9:] + _NO_COUNTY * (len(COUNTIES) - 1)))
    placed = agencies.join(counties, on="ori", how="left", maintain_order="left").with_columns(
        pl.col("blocks").fill_null(unplaced)
    )
    possessions = pl.DataFrame(
        _POSSESSIONS, schema=["state_code", "ori", "state_abbr", "agency_name"], orient="row"
    ).with_columns(
        state_name="agency_name",
        agency_id=pl.lit(_NO_ID, pl.Int32()),
        blocks=pl.lit(_NO_COUNTY * len(COUNTIES)),
        population=pl.lit(0, pl.Int32()),
        population_group_code=pl.lit("0"),
        division=pl.lit("0"),
        kind=pl.lit("99"),
        is_covered=pl.lit(False),
        is_core_city=pl.lit(False),
        universe_scope=pl.lit(placed["universe_scope"][0] if placed.height else None, pl.String()),
    )
    return pl.concat([placed, possessions], how="diagonal")


def _header_characters(agencies: pl.DataFrame, reports: Reports, year: int, seed: int) -> NDArray[np.uint8]:
    """(n, 305) The characters before the months."""
    last_month = np.where(reports.is_reported, np.arange(1, layout.MONTHS_OF_YEAR + 1), 0).max(axis=1)
    unit = agencies["agency_id"].to_numpy()
    is_abolished = random.uniform(seed, "abolished", unit) < parameter("abolished_share")
    rows = agencies.with_columns(
        ori7=pl.col("ori").str.slice(0, 7),
        covered_by_ori7=pl.col("covered_by_ori").str.slice(0, 7),
        last_month=pl.Series(last_month),
        is_abolished=pl.Series(is_abolished) & pl.col("is_covered"),
        is_counted=~pl.col("is_covered") & (pl.col("population_group_code") != "0").fill_null(True),
        city_number=pl.int_range(1, pl.len() + 1),
    )
    line = pl.concat_str(
        pl.lit(layout.RECORD_TYPE),
        "state_code",
        "ori7",
        padded("population_group_code", 2),
        "division",
        pl.lit(f"{year % 100:02d}"),
        zeros("city_number", 5),
        pl.lit("18"),
        pl.when("is_core_city").then(pl.lit("Y")).otherwise(pl.lit("N")),
        padded("covered_by_ori7", 7),
        pl.lit(f" 0101{year % 100:02d}"),
        padded("field_office_code", 4),
        zeros("last_month", 2),
        pl.when("is_counted").then(pl.lit("1")).otherwise(pl.lit("0")),
        "blocks",
        pl.lit("0" * 27),
        pl.when(pl.col("population") > 0).then(pl.lit("2")).otherwise(pl.lit(" ")),
        pl.lit("Y"),
        # Those that are covered send nothing.
        pl.when("is_covered").then(pl.lit("7")).otherwise(pl.lit("9")),
        pl.lit("N"),
        marked_name(24),
        pl.col("state_name").str.to_uppercase().str.slice(0, 6).str.pad_end(6),
        pl.lit(" " * 125),
        padded("population_group_code", 1).str.head(1),
        padded("judicial_district_code", 4),
        kind_code(),
        pl.when("is_abolished").then(pl.lit("X")).otherwise(pl.lit(" ")),
    )
    text = rows.select(line.str.pad_end(layout.HEADER_LENGTH)).to_series()
    characters = np.frombuffer("".join(text).encode("latin-1", "replace"), np.uint8)
    return characters.reshape(agencies.height, layout.HEADER_LENGTH)


def _month_characters(reports: Reports, year: int) -> NDArray[np.uint8]:
    """(n, 12, 590) The characters of the months."""
    n, months = reports.is_reported.shape
    area = np.full((n, months, layout.MONTH_LENGTH), ord("0"), np.uint8)
    zero_fields = np.zeros((*reports.counts.shape[:3], layout.CARD_FIELDS - reports.counts.shape[3]), np.int64)
    counts = np.concatenate([reports.counts, zero_fields], axis=3)
    _write(area, layout.COUNTS, encode(counts, layout.DIGITS).reshape(n, months, -1))
    _write(area, layout.INCLUDED_IN, encode(reports.included_in, 2))
    width = layout.OFFICERS_ASSAULTED.last - layout.OFFICERS_ASSAULTED.first + 1
    _write(area, layout.OFFICERS_ASSAULTED, encode(reports.officers_assaulted, width))

    summary = reports.is_reported & ~reports.is_converted
    # The FBI converts incidents in one run, long after the year; summaries come two months after their month.
    sent = [f"{date(year + month // 11, month % 12 + 1, 15):%m%d%y}" for month in range(1, months + 1)]
    for month, day in enumerate(sent):
        _mark(area[:, month], summary[:, month], layout.UPDATED, day)
    _mark(area, reports.is_converted, layout.UPDATED, f"0114{(year + 2) % 100:02d}")
    for where, types, marks in (
        (summary, "22222", "PPPP"),
        (reports.is_converted, "55550", "PPPP"),
        (reports.is_totals_only, "02000", " T  "),
        (reports.included_in > 0, "55550", "0000"),
    ):
        _mark(area, where, layout.CARD_TYPES, types)
        _mark(area, where, layout.DETAIL_MARKS, marks)
    is_followed = np.logical_or.accumulate(reports.is_reported[:, ::-1], axis=1)[:, ::-1]
    area[~is_followed] = ord(" ")
    return area


def _write(area: NDArray[np.uint8], field: Field, characters: NDArray[np.uint8]) -> None:
    area[..., field.first - 1 : field.last] = characters


def _mark(area: NDArray[np.uint8], where: NDArray[np.bool_], field: Field, text: str) -> None:
    area[where, field.first - 1 : field.last] = np.frombuffer(text.encode(), np.uint8)
