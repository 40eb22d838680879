"""Counties of agencies, with their metropolitan areas, judicial districts and field offices.

Files name counties in three ways: by the UCR program's own code (Return A), by FIPS code (NIBRS master file), and by
name (state zips and the list of agencies). Rules: docs/user-guide/nation-from-public-data.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.geography import AGENCY_COUNTY
from nibrs_estimation.model.return_a_file import COUNTIES

#: Words at the end of the Census Bureau's names that police files leave out.
_SUFFIX = r" (?:COUNTY|PARISH|CITY AND BOROUGH|BOROUGH|CENSUS AREA|MUNICIPALITY|MUNICIPIO)$"
#: Areas that consist of counties and are told by a code of the agency.
PLACES = ("judicial_district", "field_office")
#: Schema of pieces: a county of an agency as a file tells it. ``weight`` is the number of residents, or any measure
#: that divides the agency's residents among its counties.
PIECES = pl.Schema(
    {"ori": pl.String(), "source": pl.String(), "county_fips": pl.String(), "weight": pl.Float64()}
)  # fmt: skip


@dataclass(frozen=True)
class CountyList:
    """Counties as they are known from public files and from code lists.

    Attributes:
        names: ``state_abbr``, ``name`` (upper case, letters and digits alone) and ``county_fips``.
        labels: ``county_fips`` and ``county_name``.
        areas: ``county_fips``, ``msa_name`` and ``metro_division_name``; empty without a list of areas.
        vintage: counties are those of this vintage of the Census Bureau.
        with_residents: codes of the counties that have residents in the census file; empty without one.
    """

    names: pl.DataFrame
    labels: pl.DataFrame
    areas: pl.DataFrame
    vintage: int
    with_residents: pl.Series


def county_list(census: pl.DataFrame, areas: pl.DataFrame, vintage: int) -> CountyList:
    """Counties from the names of the Census Bureau's files, then from the FBI's code list.

    Args:
        census: ``county_fips`` and ``county_name`` of the file of residents; may be empty.
        areas: counties of a list of metropolitan areas, as :func:`read_metropolitan_areas` returns them; may be empty.
        vintage: the vintage of the file of residents; without one, the year of the list of areas or the data year.
    """
    ucr = code_list("ucr_county").select("county_fips", pl.col("county_name").str.to_titlecase())
    labels = pl.concat([census, areas.select("county_fips", "county_name"), ucr]).drop_nulls("county_name")
    states = code_list("state").select("state_abbr", state="state_fips")
    names = (
        labels.with_columns(state=pl.col("county_fips").str.head(2), name=_plain("county_name"))
        .join(states, on="state")
        .unique(["state_abbr", "name"], keep="first", maintain_order=True)
        .select("state_abbr", "name", "county_fips")
    )
    return CountyList(
        names,
        labels.unique("county_fips", keep="first", maintain_order=True),
        areas.select("county_fips", "msa_name", "metro_division_name"),
        vintage,
        census["county_fips"],
    )


def pieces_of_return_a(agencies: pl.DataFrame) -> pl.DataFrame:
    """Pieces of the three county blocks; a block without a known county has a null ``county_fips``.

    Args:
        agencies: rows of dataset ``return_a_agency`` with the matched ``ori``.
    """
    codes = code_list("ucr_county").select("state_abbr", "ucr_county", "county_fips")
    blocks = pl.concat(
        agencies.select(
            "ori",
            "ori7",
            "state_abbr",
            block=pl.lit(number),
            ucr_county=f"county_{number}_code",
            weight=pl.col(f"county_{number}_population").cast(pl.Float64),
        )
        for number in COUNTIES
    ).join(codes, on=["state_abbr", "ucr_county"], how="left", maintain_order="left")
    # The District of Columbia is one county, and its agencies seldom say so.
    district = code_list("ucr_county").filter(state_abbr="DC")["county_fips"].item()
    blocks = blocks.with_columns(
        county_fips=pl.when(pl.col("state_abbr") == "DC").then(pl.lit(district)).otherwise("county_fips")
    )
    is_used = (pl.col("block") == 1) | pl.col("ucr_county").is_not_null() | (pl.col("weight") > 0)
    own = blocks.filter(is_used).join(code_list("county_override"), on="ori7", how="anti", maintain_order="left")
    override = agencies.select("ori", "ori7").join(code_list("county_override"), on="ori7")
    by_hand = override.select("ori", "county_fips", weight=pl.col("census_population").cast(pl.Float64))
    found = pl.concat([own.select("ori", "county_fips", "weight"), by_hand])
    return _pieces(found, "return_a")


def pieces_of_names(agencies: pl.DataFrame, counties: CountyList, source: str) -> pl.DataFrame:
    """Pieces of agencies whose file names their counties, with equal weights; unknown names have a null code.

    Args:
        agencies: ``ori``, ``state_abbr`` and ``counties`` (list of names).
        counties: the counties.
        source: name of the file's kind.
    """
    named = agencies.explode("counties", empty_as_null=True).drop_nulls("counties")
    named = named.with_columns(name=_plain("counties"))
    found = named.join(counties.names, on=["state_abbr", "name"], how="left", maintain_order="left")
    return _pieces(found.select("ori", "county_fips", weight=pl.lit(1.0)), source)


def pieces_of_codes(agency_county: pl.DataFrame, source: str) -> pl.DataFrame:
    """Pieces from dataset ``agency_county``."""
    return _pieces(agency_county.select("ori", "county_fips", weight=pl.col("population").cast(pl.Float64)), source)


def _pieces(found: pl.DataFrame, source: str) -> pl.DataFrame:
    return found.select(pl.lit(source).alias("source") if name == "source" else name for name in PIECES).cast(PIECES)


def as_of_vintage(pieces: pl.DataFrame, vintage: int) -> pl.DataFrame:
    """Pieces with the codes of a vintage; a county that has no successor or predecessor in it gets a null code.

    Column ``former_fips`` keeps the code of the file, by which older lists of metropolitan areas are read.
    """
    table = code_list("county_succession").with_columns(pl.col("first_vintage").cast(pl.Int32))
    is_later = pl.col("first_vintage") <= vintage
    # Of several successors the first: towns of Valdez-Cordova with police of their own are in Chugach.
    forward = table.filter(is_later).select(old="former_fips", new="later_fips")
    backward = table.filter(~is_later).select(old="later_fips", new="former_fips")
    moves = pl.concat([forward, backward]).drop_nulls("old").unique("old", keep="first", maintain_order=True)
    moved = pieces.join(moves.with_columns(moved=pl.lit(True)), left_on="county_fips", right_on="old", how="left",
                        maintain_order="left")  # fmt: skip
    return moved.with_columns(
        former_fips="county_fips",
        county_fips=pl.when(pl.col("moved").fill_null(False)).then("new").otherwise("county_fips"),
    ).drop("new", "moved")


def chosen_pieces(agencies: pl.DataFrame, told: Sequence[pl.DataFrame], vintage: int) -> pl.DataFrame:
    """The counties of each agency, from the first file that places all its residents.

    Args:
        agencies: ``ori`` and ``population``.
        told: pieces of each file, in the order of precedence.
        vintage: counties are those of this vintage.

    Returns:
        ``ori``, ``source``, ``county_fips``, ``former_fips``, ``population`` and ``population_share`` (the shares of
        an agency add up to 1), by ORI and county. Agencies that no file places have no rows. Residents of a piece are
        whole numbers that add up to those of the agency.
    """
    pieces = pl.concat(
        as_of_vintage(each, vintage).with_columns(rank=pl.lit(rank, pl.Int32)) for rank, each in enumerate(told)
    ).filter(pl.col("ori").is_in(agencies["ori"].implode()))
    key = ["ori", "rank"]
    is_unplaced = (pl.col("county_fips").is_null() & ((pl.col("weight") > 0) | (pl.len() == 1))).any().over(key)
    placed = pieces.filter(~is_unplaced).drop_nulls("county_fips")
    best = placed.filter(pl.col("rank") == pl.col("rank").min().over("ori"))
    # An agency without residents is in its first county.
    total = pl.col("weight").sum().over("ori")
    is_first = pl.int_range(pl.len()).over("ori") == 0
    shares = (
        best.filter((total > 0) | is_first)
        .filter((pl.col("weight") > 0) | (total <= 0))
        .group_by("ori", "source", "county_fips", maintain_order=True)
        .agg(pl.col("weight").sum(), pl.col("former_fips").first())
        .with_columns(share=pl.when(total > 0).then(pl.col("weight") / total).otherwise(1.0))
        .join(agencies.select("ori", pl.col("population").cast(pl.Int64).alias("residents")), on="ori")
        .sort("ori", "county_fips")
    )
    # Largest remainder: residents of an agency stay what they are.
    exact = (pl.col("residents") * pl.col("share")).round(6)
    rest = exact - exact.floor()
    missing = pl.col("residents") - exact.floor().sum().over("ori")
    is_up = rest.rank("ordinal", descending=True).over("ori") <= missing
    return shares.select(
        "ori",
        "source",
        "county_fips",
        "former_fips",
        population=(exact.floor() + is_up.cast(pl.Float64)).cast(pl.Int32),
        population_share="share",
    )


def agency_counties(pieces: pl.DataFrame, agencies: pl.DataFrame, counties: CountyList, year: int) -> pl.DataFrame:
    """Dataset ``agency_county``: pieces with names of counties, areas, districts and offices.

    Without a list of areas, the counties of an agency that its file places in one area are in that area.

    Args:
        pieces: as :func:`chosen_pieces` returns them.
        agencies: ``ori``, ``state_abbr``, ``is_core_city``, ``msa_name``, ``judicial_district_code`` and
            ``field_office_code``.
        counties: the counties.
        year: data year.
    """
    known = pieces.join(agencies, on="ori", maintain_order="left")
    if counties.areas.is_empty():
        is_one = ~pl.col("msa_name").str.contains(";", literal=True)
        known = known.with_columns(
            msa_name=pl.when(is_one).then("msa_name"), metro_division_name=pl.lit(None, pl.String)
        )
    else:
        known = known.drop("msa_name").with_columns(area_fips=_code_in_areas(known, counties))
        known = known.join(
            counties.areas, left_on="area_fips", right_on="county_fips", how="left", maintain_order="left"
        )
    known = known.join(counties.labels, on="county_fips", how="left", maintain_order="left")
    known = known.join(county_codes(pieces, agencies), on="county_fips", how="left", suffix="_of_county",
                       maintain_order="left")  # fmt: skip
    for place in PLACES:
        names = dict(code_list(place).select("code", "label").rows())
        known = known.with_columns(
            _best_code(place).replace_strict(names, default=None, return_dtype=pl.String).alias(f"{place}_name")
        )
    return AGENCY_COUNTY.cast(known.with_columns(data_year=pl.lit(year)))


def county_codes(pieces: pl.DataFrame, agencies: pl.DataFrame) -> pl.DataFrame:
    """District and office of each county: the code of the state that most agencies have whose first county it is.

    Districts and offices consist of counties, so a code that differs is a slip. Of equally common codes the first is
    taken.

    Returns:
        ``county_fips``, ``judicial_district_code`` and ``field_office_code``, null where no agency has a code.
    """
    known = first_pieces(pieces).join(agencies.select("ori", "state_abbr", *(f"{place}_code" for place in PLACES)),
                                      on="ori")  # fmt: skip
    return known.group_by("county_fips").agg(
        _in_state(f"{place}_code", place).drop_nulls().mode().sort().first().alias(f"{place}_code") for place in PLACES
    )


def corrected_codes(pieces: pl.DataFrame, agencies: pl.DataFrame) -> pl.DataFrame:
    """District and office of each agency: those of its first county, else its own, else the only one of its state.

    Args:
        pieces: as :func:`chosen_pieces` returns them.
        agencies: ``ori``, ``state_abbr``, ``judicial_district_code`` and ``field_office_code``.

    Returns:
        ``ori``, ``judicial_district_code`` and ``field_office_code``, null where none of these is known.
    """
    first = first_pieces(pieces).select("ori", "county_fips")
    known = agencies.join(first, on="ori", how="left", maintain_order="left").join(
        county_codes(pieces, agencies), on="county_fips", how="left", suffix="_of_county", maintain_order="left"
    )
    return known.select("ori", *(_best_code(place).alias(f"{place}_code") for place in PLACES))


def _best_code(place: str) -> pl.Expr:
    """Of columns ``<place>_code_of_county``, ``<place>_code`` and ``state_abbr``."""
    own = f"{place}_code"
    return pl.coalesce(f"{own}_of_county", _in_state(own, place), _only_in_state(place))


def first_pieces(pieces: pl.DataFrame) -> pl.DataFrame:
    """The county of each agency in which most of its residents live."""
    ordered = pieces.sort("ori", "population", "county_fips", descending=[False, True, False])
    return ordered.unique("ori", keep="first", maintain_order=True)


def _code_in_areas(pieces: pl.DataFrame, counties: CountyList) -> pl.Series:
    """The code under which the list of areas has each piece: its own, that of its file, or one before or after it."""
    listed = counties.areas["county_fips"].implode()
    table = code_list("county_succession").drop_nulls(["former_fips", "later_fips"])
    forward = dict(table.unique("former_fips", keep="first", maintain_order=True).select("former_fips", "later_fips")
                   .rows())  # fmt: skip
    backward = dict(table.select("later_fips", "former_fips").rows())
    own = pl.col("county_fips")
    choices = [own, pl.col("former_fips"), own.replace(forward), own.replace(backward)]
    return pieces.select(pl.coalesce(pl.when(code.is_in(listed)).then(code) for code in choices)).to_series()


def _in_state(column: str, place: str) -> pl.Expr:
    """The code, if it is one of the agency's state."""
    listed = _by_state(place)
    pairs = pl.Series([f"{state} {code}" for code, state in listed.iter_rows()])
    return pl.when(pl.format("{} {}", "state_abbr", column).is_in(pairs.implode())).then(column)


def _only_in_state(place: str) -> pl.Expr:
    """The code of states that have only one."""
    single = _by_state(place).filter(~pl.col("state_abbr").is_duplicated())
    return pl.col("state_abbr").replace_strict(
        dict(single.select("state_abbr", "code").rows()), default=None, return_dtype=pl.String
    )


def _by_state(place: str) -> pl.DataFrame:
    """``code`` and ``state_abbr`` of districts or offices, a row for each state of an office."""
    table = code_list(place)
    column = "states" if "states" in table.columns else "state_abbr"
    return table.select("code", state_abbr=pl.col(column).str.split(";")).explode("state_abbr", empty_as_null=True)


def _plain(column: str) -> pl.Expr:
    """A county's name without what files write differently."""
    return (
        pl.col(column)
        .str.to_uppercase()
        .str.replace(_SUFFIX, "")
        .str.replace(r"^(?:SAINT|ST\.?) ", "ST ")
        .str.replace(r"^(?:SAINTE|STE\.?) ", "STE ")
        .str.replace_all(r"[^A-Z0-9]", "")
    )
