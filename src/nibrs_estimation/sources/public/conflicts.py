"""What public files say differently of an agency (dataset ``source_conflict``)."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from nibrs_estimation.model.public import SOURCE_CONFLICT
from nibrs_estimation.sources.public.matching import HOW

#: Facts that are compared as they are.
COMPARED = (
    "state", "agency_type_name", "is_covered", "population", "population_group_code", "nibrs_start_date",
)  # fmt: skip
_AGENCY = ("ori", "agency_name", "state_abbr")


def value_of(fact: str, source: str) -> str:
    """Column of the wide table of facts."""
    return f"{fact}@{source}"


def fact_conflicts(wide: pl.DataFrame, order: Sequence[str], year: int) -> pl.DataFrame:
    """Facts that a later file tells differently from the first file that has them.

    Residents differ only if both files have some: 0 means that an agency's residents count elsewhere.

    Args:
        wide: ``ori``, ``agency_name``, ``state_abbr`` and ``<fact>@<source>`` for each fact and file.
        order: the files in the order of precedence.
        year: data year.
    """
    found = [SOURCE_CONFLICT.empty().collect()]
    for fact in COMPARED:
        files = [source for source in order if value_of(fact, source) in wide.columns]
        for place, other in enumerate(files[1:], 1):
            said = {source: pl.col(value_of(fact, source)) for source in files}
            if fact == "population":
                said = {source: pl.when(value > 0).then(value) for source, value in said.items()}
            used = pl.coalesce(said[source] for source in files[:place])
            used_source = pl.coalesce(
                pl.when(said[source].is_not_null()).then(pl.lit(source)) for source in files[:place]
            )
            found.append(
                SOURCE_CONFLICT.cast(
                    wide.filter((used != said[other]).fill_null(False)).select(
                        *_AGENCY,
                        data_year=pl.lit(year),
                        fact=pl.lit(fact),
                        used_source=used_source,
                        used_value=used.cast(pl.String),
                        other_source=pl.lit(other),
                        other_value=said[other].cast(pl.String),
                    )
                )
            )
    return pl.concat(found)


def county_conflicts(
    agencies: pl.DataFrame, chosen: pl.DataFrame, told: Sequence[pl.DataFrame], with_residents: pl.Series, year: int
) -> pl.DataFrame:
    """Files that name other counties of an agency than those that are used, and counties without residents.

    Args:
        agencies: ``ori``, ``agency_name`` and ``state_abbr``.
        chosen: pieces that are used: ``ori``, ``source`` and ``county_fips``.
        told: pieces of each file with the codes of the same vintage; a file with a county that it cannot place is
            left out.
        with_residents: codes of counties that have residents in the census file; if it is empty, none is looked for.
        year: data year.
    """
    used = _joined(chosen, "used")
    others = pl.concat(told) if told else chosen.select("ori", "source", "county_fips").clear()
    others = others.filter(pl.col("county_fips").is_not_null().all().over("ori", "source"))
    differing = used.join(_joined(others, "other"), on="ori").filter(
        (pl.col("used_source") != pl.col("other_source")) & (pl.col("used_value") != pl.col("other_value"))
    )
    unknown = chosen.clear() if with_residents.is_empty() else chosen.filter(
        ~pl.col("county_fips").is_in(with_residents.implode())
    )  # fmt: skip
    missing = _joined(unknown, "used").with_columns(
        other_source=pl.lit("county_people"), other_value=pl.lit("not in the file")
    )
    columns = ("ori", "used_source", "used_value", "other_source", "other_value")
    found = pl.concat([differing.select(columns), missing.select(columns)])
    return _declared(found, agencies, "county", year)


def code_conflicts(agencies: pl.DataFrame, corrected: pl.DataFrame, source: str, year: int) -> pl.DataFrame:
    """Codes of districts and offices that differ from those of the agency's county.

    Args:
        agencies: ``ori``, ``agency_name``, ``state_abbr`` and the codes as the file has them.
        corrected: ``ori`` and the codes of the county.
        source: kind of the file.
        year: data year.
    """
    found = [SOURCE_CONFLICT.empty().collect()]
    for code in ("judicial_district_code", "field_office_code"):
        differing = agencies.join(corrected, on="ori", suffix="_used").filter(pl.col(code) != pl.col(f"{code}_used"))
        rows = differing.select(
            "ori",
            used_source=pl.lit("counties"),
            used_value=f"{code}_used",
            other_source=pl.lit(source),
            other_value=code,
        )
        found.append(_declared(rows, agencies, code, year))
    return pl.concat(found)


def ending_conflicts(matched: pl.DataFrame, agencies: pl.DataFrame, year: int) -> pl.DataFrame:
    """ORIs of Return A that another file has with another ending than 00, or that nothing tells apart.

    Args:
        matched: ``ori7``, ``ori``, ``how`` and ``ori_source``, the file that has the ORI (null if none).
        agencies: ``ori``, ``agency_name`` and ``state_abbr``.
        year: data year.
    """
    found = matched.filter(pl.col("how").is_in(["only", "type", "population", "ambiguous"])).select(
        "ori",
        used_source=pl.col("ori_source").fill_null("return_a"),
        used_value="ori",
        other_source=pl.lit("return_a"),
        other_value=pl.format("{}: {}", "ori7", pl.col("how").replace(HOW)),
    )
    return _declared(found, agencies, "ori_ending", year)


def moved_starts(wide: pl.DataFrame, agencies: pl.DataFrame, year: int) -> pl.DataFrame:
    """Starts of NIBRS in headers that come after the first month that the header marks as reported.

    Args:
        wide: facts with ``nibrs_start_date@nibrs_master``.
        agencies: ``ori``, ``agency_name``, ``state_abbr`` and the start that is used.
        year: data year.
    """
    said = value_of("nibrs_start_date", "nibrs_master")
    if said not in wide.columns:
        return SOURCE_CONFLICT.empty().collect()
    moved = wide.select("ori", said).join(agencies, on="ori").filter(pl.col("nibrs_start_date") < pl.col(said))
    rows = moved.select(
        "ori",
        used_source=pl.lit("nibrs_master"),
        used_value=pl.format("{}, the first month reported", pl.col("nibrs_start_date").dt.strftime("%Y-%m")),
        other_source=pl.lit("nibrs_master"),
        other_value=pl.col(said).cast(pl.String),
    )
    return _declared(rows, agencies, "nibrs_start_date", year)


def _joined(pieces: pl.DataFrame, name: str) -> pl.DataFrame:
    """The counties of each agency and file as one text."""
    return (
        pieces.group_by("ori", "source")
        .agg(pl.col("county_fips").unique().sort().str.join(";").alias(f"{name}_value"))
        .rename({"source": f"{name}_source"})
    )


def _declared(found: pl.DataFrame, agencies: pl.DataFrame, fact: str, year: int) -> pl.DataFrame:
    named = found.join(agencies.select(_AGENCY), on="ori")
    return SOURCE_CONFLICT.cast(named.with_columns(data_year=pl.lit(year), fact=pl.lit(fact)))
