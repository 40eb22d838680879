"""Joins what public files tell of agencies into one universe (docs/user-guide/nation-from-public-data.md).

Each file tells some facts of some agencies. A fact is taken from the first file, in an order of
precedence, that tells it; what other files say differently is listed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from nibrs_estimation.model.agency import AGENCY
from nibrs_estimation.model.codes import code_list, labels
from nibrs_estimation.model.geography import AGENCY_COUNTY
from nibrs_estimation.model.public import KINDS_OF_AGENCIES, SOURCE_CONFLICT, UNIVERSE_ACCOUNT
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.public.conflicts import (
    code_conflicts,
    county_conflicts,
    ending_conflicts,
    fact_conflicts,
    moved_starts,
    value_of,
)
from nibrs_estimation.sources.public.counties import (
    CountyList,
    agency_counties,
    as_of_vintage,
    chosen_pieces,
    corrected_codes,
    pieces_of_codes,
    pieces_of_names,
    pieces_of_return_a,
)
from nibrs_estimation.sources.public.facts import FACTS, UNKNOWN, YearFiles, facts_by_source, matched_agencies
from nibrs_estimation.sources.public.matching import ORI7_LENGTH, USUAL_ENDING

_log = logging.getLogger(__name__)

#: Order of precedence. What a zip of a state says of an agency stands; of the national files, Return A comes first.
ORDER = {
    "nibrs_master": ("return_a", "nibrs_master", "agency_list", "police_employees"),
    "state_zip": ("state_zip", "return_a", "agency_list", "police_employees"),
}
#: Agencies of cities of metropolitan areas with as many residents are not suburban.
_URBAN_RESIDENTS = 50_000
#: Marks of an agency that are false unless a file says otherwise.
_FLAGS = (
    "is_dormant", "is_direct_contributor", "is_suburban", "is_most_in_population", "is_nibrs", "has_participated_nibrs",
)  # fmt: skip
_CITY_GROUPS, _COUNTY_GROUPS = list("1234567"), list("89")


@dataclass(frozen=True)
class Joined:
    """The universe of a year.

    Attributes:
        agency, agency_county, source_conflict, universe_account: datasets of these names.
        matched: ``ori7`` of Return A, ``ori`` and ``how`` it was found; empty without Return A.
    """

    agency: pl.DataFrame
    agency_county: pl.DataFrame
    source_conflict: pl.DataFrame
    universe_account: pl.DataFrame
    matched: pl.DataFrame


def join_agencies(files: YearFiles, counties: CountyList) -> Joined:
    """Join the agencies of a year.

    Agencies are those of Return A and of the files with incidents; beside zips of states without Return A, also those
    of the list of agencies. Agencies outside the states are counted, but are in no dataset.

    Raises:
        PipelineError: an agency would be lost or be there twice.
    """
    matched = matched_agencies(files)
    facts = facts_by_source(files, matched)
    order = [name for name in ORDER[files.kind] if name in facts]
    makes_rows = [files.kind, "return_a"] if "return_a" in facts else [files.kind]
    if files.kind == "state_zip" and "return_a" not in facts and "agency_list" in facts:
        makes_rows.append("agency_list")
    keys = _rows(facts, makes_rows, files)
    wide = _wide(keys, facts, order)
    conflicts = [fact_conflicts(wide, order, files.year), ending_conflicts(matched, wide, files.year)]

    agencies = _with_status(_with_facts(wide, order, files, matched), files)
    conflicts.append(moved_starts(wide, agencies, files.year))
    pieces_by_file = _pieces_by_file(files, matched, counties)
    pieces = chosen_pieces(agencies.select("ori", "population"), pieces_by_file, counties.vintage)
    conflicts.append(
        county_conflicts(
            agencies, pieces, [as_of_vintage(each, counties.vintage) for each in pieces_by_file],
            counties.with_residents, files.year,
        )
    )  # fmt: skip
    corrected = corrected_codes(pieces, agencies)
    source_of_codes = "return_a" if "return_a" in facts else files.kind
    conflicts.append(code_conflicts(agencies, corrected, source_of_codes, files.year))
    of_counties = agency_counties(
        pieces,
        agencies.select("ori", "state_abbr", "is_core_city", "msa_name", "judicial_district_code", "field_office_code"),
        counties,
        files.year,
    )
    agencies = _with_places(agencies.update(corrected, on="ori", how="left"), of_counties)
    account = _account(agencies, files.year)
    _check(agencies, keys, account)
    in_states = agencies.filter(pl.col("state_abbr").is_in(files.states))
    kept = in_states["ori"].implode()
    return Joined(
        agency=AGENCY.cast(in_states),
        agency_county=AGENCY_COUNTY.cast(of_counties.filter(pl.col("ori").is_in(kept))),
        source_conflict=pl.concat(conflicts).filter(pl.col("ori").is_in(kept)).sort(SOURCE_CONFLICT.primary_key),
        universe_account=account,
        matched=matched,
    )


def _rows(facts: Mapping[str, pl.DataFrame], makes_rows: list[str], files: YearFiles) -> pl.DataFrame:
    """The ORIs of the universe: each once; of files that cover the nation, those of the states of the zips."""
    rows = pl.concat(facts[name].select("ori", "state") for name in makes_rows)
    rows = rows.unique("ori", keep="first", maintain_order=True)
    if files.kind == "state_zip":
        rows = rows.filter(pl.col("state").is_in(files.states))
    return rows.select("ori")


def _wide(keys: pl.DataFrame, facts: Mapping[str, pl.DataFrame], order: list[str]) -> pl.DataFrame:
    """One row for each agency, with what each file says in columns ``<fact>@<file>``."""
    wide = keys
    for name in order:
        said = facts[name].rename({fact: value_of(fact, name) for fact in FACTS if fact in facts[name].columns})
        wide = wide.join(said, on="ori", how="left", maintain_order="left")
    return wide.with_columns(agency_name=_first(wide, "agency_name", order), state_abbr=_first(wide, "state", order))


def _with_facts(wide: pl.DataFrame, order: list[str], files: YearFiles, matched: pl.DataFrame) -> pl.DataFrame:
    """Dataset ``agency`` with the joined facts; columns that only the files with incidents tell are theirs.

    Agencies that these files do not list have no ``agency_id`` yet.
    """
    facts = {name: _first(wide, name, order) for name in FACTS if name != "state"}
    # The files with incidents list few covered agencies if they are zips.
    is_covered = _first(wide, "is_covered", order)
    if files.kind == "state_zip":
        is_covered = pl.any_horizontal(pl.col(name).fill_null(False) for name in _columns_of(wide, "is_covered", order))
    has_participated = pl.any_horizontal(
        pl.col(name).fill_null(False) for name in _columns_of(wide, "has_participated", order)
    )
    facts |= {
        "is_covered": is_covered.fill_null(False),
        "has_participated": has_participated,
        "nibrs_start_date": _start(wide, order, files.year),
    }
    agencies = wide.join(files.first_months, on="ori", how="left", maintain_order="left").select(
        "ori", "state_abbr", **facts, has_population=_first(wide, "population", order).is_not_null()
    )
    own = files.listed.drop(name for name in (*facts, "state_abbr") if name in files.listed.columns)
    seven = matched.select("ori", by_return_a=pl.col("ori7") + USUAL_ENDING)
    legacy = ["by_return_a", "legacy_ori"] if files.kind == "nibrs_master" else ["legacy_ori", "by_return_a"]
    group = pl.col("population_group_code")
    return (
        agencies.join(own, on="ori", how="left", maintain_order="left")
        .join(seven, on="ori", how="left", maintain_order="left")
        .join(_places(), on="state_abbr", how="left", maintain_order="left")
        .with_columns(
            data_year=pl.lit(files.year),
            legacy_ori=pl.coalesce(legacy),
            agency_type_name=pl.coalesce("agency_type_name", _type_of_group(group), pl.lit(UNKNOWN)),
            population=pl.col("population").fill_null(0),
            population_group_desc=group.replace_strict(labels("population_group"), default=None),
            published_agency_name=pl.coalesce("published_agency_name", "agency_name"),
            state_name=pl.coalesce("state_name", "name_of_state", "state_abbr"),
            region_code=pl.coalesce("region_code", "region_of_state", pl.lit(99, pl.Int8)),
            is_publishable=pl.col("is_publishable").fill_null(True),
            has_police_employees=pl.sum_horizontal("male_officers", "female_officers") > 0,
        )
        .with_columns(pl.col(name).fill_null(False) for name in _FLAGS)
    )


def _columns_of(wide: pl.DataFrame, fact: str, order: list[str]) -> list[str]:
    """Columns of the files that tell a fact, in the order of precedence."""
    return [value_of(fact, name) for name in order if value_of(fact, name) in wide.columns]


def _first(wide: pl.DataFrame, fact: str, order: list[str]) -> pl.Expr:
    """What the first file says that tells a fact."""
    columns = _columns_of(wide, fact, order)
    return pl.coalesce(columns) if columns else pl.lit(None, FACTS[fact])


def _start(wide: pl.DataFrame, order: list[str], year: int) -> pl.Expr:
    """The start of NIBRS.

    That of a header is the day of certification, which may come after months that the header marks as reported: the
    first of these is the start then, for months before the start would be left out. For the same reason the list of
    agencies tells the start only if it is not after the first month with incidents.
    """
    own = _first(wide, "nibrs_start_date", [name for name in order if name != "agency_list"])
    listed = _first(wide, "nibrs_start_date", [name for name in order if name == "agency_list"])
    first = pl.date(year, pl.col("first_month"), 1)
    if order[0] != "state_zip":
        return pl.min_horizontal(pl.coalesce(own, listed), first)
    is_too_late = listed > first.dt.month_end()
    return pl.coalesce(own, pl.when(~is_too_late.fill_null(False)).then(listed))


def _type_of_group(group: pl.Expr) -> pl.Expr:
    first = group.str.head(1)
    return (
        pl.when(first.is_in(_CITY_GROUPS)).then(pl.lit("City")).when(first.is_in(_COUNTY_GROUPS)).then(pl.lit("County"))
    )


def _places() -> pl.DataFrame:
    """Name and region of states, and of the places that are not estimated."""
    columns = {"name_of_state": "state_name"}
    states = code_list("state").select("state_abbr", **columns, region_of_state="region_code")
    others = code_list("place_not_estimated").select("state_abbr", **columns, region_of_state=pl.lit(99, pl.Int8))
    return pl.concat([states, others])


def _with_status(agencies: pl.DataFrame, files: YearFiles) -> pl.DataFrame:
    """Status, suburban mark and scope of the universe.

    An agency is active if it has residents, or reported a month of the data year or the four years before in either
    form; otherwise dormant. What a zip says of its own agencies stands.
    """
    group, residents = pl.col("population_group_code").str.head(1), pl.col("population")
    seven = pl.coalesce("by_return_a", "ori").str.head(ORI7_LENGTH)
    has_reported = pl.col("ori").is_in(files.reporters.implode()) | seven.is_in(files.summary_reporters.implode())
    is_active = (residents > 0) | has_reported | pl.col("is_covered")
    status = (
        pl.when(pl.col("agency_type_name") == "Federal")
        .then(pl.lit("F"))
        .when(is_active)
        .then(pl.lit("A"))
        .otherwise(pl.lit("D"))
    )
    is_suburban = pl.col("is_in_msa") & ~pl.col("is_core_city").fill_null(False)
    is_suburban &= (group == "9") | (residents < _URBAN_RESIDENTS)
    is_own = pl.col("universe_scope").is_not_null() & (files.kind == "state_zip")
    # Zips do not know who sent nothing. They do with Return A, or if the list adds no place of unknown residents.
    is_open = ~pl.col("has_population") & pl.col("agency_type_name").is_in(["City", "County"])
    is_whole = pl.lit(files.return_a is not None) | (
        pl.lit(files.agency_list is not None) & ~is_open.any().over("state_abbr")
    )
    scope = pl.col("universe_scope").first(ignore_nulls=True).over("state_abbr").fill_null("all")
    return agencies.with_columns(
        agency_status=pl.when(is_own).then("agency_status").otherwise(status),
        is_suburban=pl.when(is_own).then("is_suburban").otherwise(is_suburban.fill_null(False)),
        universe_scope=pl.when((scope == "reporting") & is_whole).then(pl.lit("all")).otherwise(scope),
    ).with_columns(is_dormant=pl.when(is_own).then("is_dormant").otherwise(pl.col("agency_status") == "D"))


def _pieces_by_file(files: YearFiles, matched: pl.DataFrame, counties: CountyList) -> list[pl.DataFrame]:
    """Counties of agencies as each file tells them, in the order of precedence."""
    found = []
    if files.return_a is not None:
        found.append(pieces_of_return_a(files.return_a.drop("ori").join(matched.select("ori7", "ori"), on="ori7")))
    if not files.agency_county.is_empty():
        found.append(pieces_of_codes(files.agency_county, files.kind))
    named = files.listed.select("ori", "state_abbr", counties=pl.col("county_name").str.split(";"))
    found.append(pieces_of_names(named, counties, files.kind))
    if files.agency_list is not None:
        found.append(pieces_of_names(files.agency_list, counties, "agency_list"))
    return found


def _with_places(agencies: pl.DataFrame, of_counties: pl.DataFrame) -> pl.DataFrame:
    """Names of counties and areas of each agency, where its file does not tell them."""
    columns = ("county_name", "msa_name", "metro_division_name")
    names = of_counties.group_by("ori").agg(pl.col(columns).drop_nulls().unique().sort())
    names = names.select("ori", *(pl.when(pl.col(name).list.len() > 0).then(pl.col(name).list.join(";")) for name in
                                  columns))  # fmt: skip
    joined = agencies.join(names, on="ori", how="left", suffix="_joined", maintain_order="left")
    is_area_known = pl.col("ori").is_in(of_counties["ori"].implode()) & of_counties["msa_name"].is_not_null().any()
    return joined.with_columns(
        *(pl.coalesce(name, f"{name}_joined").alias(name) for name in columns),
        is_in_msa=pl.when(is_area_known).then(pl.col("msa_name_joined").is_not_null()).otherwise("is_in_msa"),
    )


def _account(agencies: pl.DataFrame, year: int) -> pl.DataFrame:
    """Dataset ``universe_account``."""
    states = code_list("state")["state_abbr"]
    kind = (
        pl.when(~pl.col("state_abbr").is_in(states.implode()))
        .then(pl.lit("outside_states"))
        .when("is_covered")
        .then(pl.lit("covered"))
        .when(pl.col("agency_status") == "F")
        .then(pl.lit("federal"))
        .when((pl.col("agency_status") == "A") & ~pl.col("is_dormant"))
        .then(pl.lit("eligible"))
        .otherwise(pl.lit("dormant"))
    )
    residents = pl.col("population").cast(pl.Int64)
    return UNIVERSE_ACCOUNT.cast(
        agencies.with_columns(kind=kind)
        .group_by("state_abbr")
        .agg(
            n_rows=pl.len(),
            **{f"n_{name}": (pl.col("kind") == name).sum() for name in KINDS_OF_AGENCIES},
            population=residents.filter(pl.col("kind") == "eligible").sum(),
            population_covered=residents.filter(pl.col("kind") == "covered").sum(),
        )
        .with_columns(data_year=pl.lit(year))
        .sort("state_abbr")
    )


def _check(agencies: pl.DataFrame, keys: pl.DataFrame, account: pl.DataFrame) -> None:
    """No agency is there twice, and none is lost.

    Raises:
        PipelineError: otherwise; an error of the program.
    """
    repeated = agencies.filter(pl.col("ori").is_duplicated())["ori"].sort()
    counted = account.select(pl.sum_horizontal(f"n_{kind}" for kind in KINDS_OF_AGENCIES)).to_series()
    if len(repeated) or agencies.height != keys.height or (counted != account["n_rows"]).any():
        first = f" (the first {repeated[0]})" if len(repeated) else ""
        raise PipelineError(
            f"The join of public files has {agencies.height:,} agencies of {keys.height:,}, {len(repeated):,} of them "
            f"repeated{first}, and its account adds up to {int(counted.sum()):,}. This is an error of the program: "
            "please report it."
        )
