"""What the FBI's text files of agencies have in common: the order of agencies, their names and codes, and numbers."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.pipeline.files import atomic_path

#: The name of every agency and county of a nation that does not exist begins with this.
SYNTHETIC = "SYNTHETIC "
#: The earliest time in a zip, used instead of the clock so that files are reproducible.
_TIMESTAMP = (1980, 1, 1, 0, 0, 0)
#: Letters come before digits.
_EBCDIC = dict(zip("0123456789", "abcdefghij", strict=True))
_DATE = "%Y%m%d"


@contextmanager
def text_file(path: Path, member: str) -> Iterator[IO[bytes]]:
    """A text to write; equal content gives equal bytes.

    Args:
        path: the file: a zip with one text if its name ends in ``.zip``, else the text.
        member: name of the text in the zip.
    """
    with atomic_path(path, is_synced=False) as temporary:
        if path.suffix != ".zip":
            with temporary.open("wb") as text:
                yield text
            return
        with (
            zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open(zip_entry(member), "w", force_zip64=True) as text,
        ):
            yield text


def zip_entry(member: str) -> zipfile.ZipInfo:
    """The entry of a file in a zip, without the time of day."""
    entry = zipfile.ZipInfo(member, _TIMESTAMP)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3
    return entry


def in_file_order(agency: pl.LazyFrame, year: int) -> pl.DataFrame:
    """The agencies of a year, in the order of the FBI's files: by number of the state, then ORI in EBCDIC order.

    Args:
        agency: dataset ``agency``.
        year: the year.

    Returns:
        The columns of the dataset, and ``state_code``, ``division`` and ``kind`` as the files have them and
        ``agency_order``. ``covered_by_ori`` is the present ORI of the first covering agency.
    """
    states = code_list("return_a_state").select("state_abbr", state_code="code")
    divisions = code_list("state").select("state_abbr", division=pl.col("division_code").cast(pl.String()))
    kinds = code_list("agency_type").select(agency_type_name="label", kind="code")
    of_year = agency.filter(pl.col("data_year") == year).collect()
    # Headers name the covering agency by its present ORI.
    present = dict(of_year.select("legacy_ori", "ori").drop_nulls().iter_rows())
    return (
        of_year.with_columns(pl.col("covered_by_ori").str.split(";").list.first().replace(present))
        .join(states, on="state_abbr", how="left")
        .join(divisions, on="state_abbr", how="left")
        .join(kinds, on="agency_type_name", how="left")
        .with_columns(ori_order=pl.col("ori").str.replace_many(_EBCDIC))
        .with_columns(agency_order=pl.struct("state_code", "ori_order").rank("dense").cast(pl.Int32()))
        .drop("ori_order")
        .sort("agency_order")
    )


def area_numbers(agency_county: pl.LazyFrame) -> pl.LazyFrame:
    """Made-up numbers of metropolitan areas: ``msa_name`` and ``area``, from 1."""
    return agency_county.select("msa_name").drop_nulls().unique().sort("msa_name").with_row_index("area", offset=1)


def county_blocks(agency_county: pl.LazyFrame, year: int, most: int, block: pl.Expr, empty: str) -> pl.DataFrame:
    """The blocks of counties of each agency in a year, largest first; what does not fit counts in the last.

    Args:
        agency_county: dataset ``agency_county``.
        year: the year.
        most: number of blocks of a record.
        block: text of a block, from ``population``, ``county_fips`` and ``area``, three characters.
        empty: text of a block without a county.

    Returns:
        ``ori``, ``blocks``, ``fips`` (three digits of each county) and ``is_core_city``.
    """
    pieces = (
        agency_county.filter(pl.col("data_year") == year)
        .join(area_numbers(agency_county), on="msa_name", how="left")
        .sort("ori", "population", "county_fips", descending=[False, True, False])
        .with_columns(place=pl.int_range(pl.len()).over("ori").clip(upper_bound=most - 1))
        .group_by("ori", "place", maintain_order=True)
        .agg(pl.col("population").sum(), pl.col("county_fips", "area").first(), pl.col("is_core_city").any())
        .collect()
    )
    by_agency = (
        pieces.sort("ori", "place")
        .with_columns(area=pl.col("area").cast(pl.String()).str.zfill(3).fill_null("   "))
        .with_columns(block=block)
        .group_by("ori", maintain_order=True)
        .agg(
            blocks=pl.col("block").str.join(""),
            counties=pl.len(),
            fips=pl.col("county_fips").str.tail(3).str.join(""),
            is_core_city=pl.col("is_core_city").any(),
        )
    )
    rest = pl.lit(empty).repeat_by(most - pl.col("counties")).list.join("")
    return by_agency.with_columns(blocks=pl.concat_str("blocks", rest)).drop("counties")


def marked_name(width: int) -> pl.Expr:
    """The name of an agency in capitals, marked if it does not exist, in so many characters."""
    return marked(pl.col("agency_name").fill_null("").str.to_uppercase()).str.slice(0, width).str.pad_end(width)


def marked(name: pl.Expr) -> pl.Expr:
    """A name, marked if the agency does not exist."""
    is_made_up = pl.col("universe_scope") == "synthetic"
    return pl.concat_str(pl.when(is_made_up).then(pl.lit(SYNTHETIC)).otherwise(pl.lit("")), name)


def kind_code() -> pl.Expr:
    """The code of an agency's type: 0 if it is covered, blank if unknown."""
    return pl.when("is_covered").then(pl.lit("0")).when(pl.col("kind") == "99").then(pl.lit(" ")).otherwise("kind")


def padded(column: str, width: int) -> pl.Expr:
    """A text, with blanks behind it."""
    return pl.col(column).fill_null("").str.pad_end(width)


def zeros(column: str, width: int) -> pl.Expr:
    """A number with leading zeros; missing where missing."""
    return pl.col(column).cast(pl.Int64()).cast(pl.String()).str.zfill(width)


def number(column: str, width: int) -> pl.Expr:
    """A number with leading zeros; blank where missing."""
    return zeros(column, width).fill_null(" " * width)


def date(column: str) -> pl.Expr:
    """A day as YYYYMMDD; blank where missing."""
    return pl.col(column).dt.strftime(_DATE).fill_null(" " * 8)
