"""What each public file tells of agencies, in one form: as the join takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from nibrs_estimation.sources.public.employees import COUNTS
from nibrs_estimation.sources.public.matching import USUAL_ENDING, match

#: Facts that are joined, with the type of each.
FACTS = {
    "state": pl.String(), "agency_name": pl.String(), "published_agency_name": pl.String(),
    "published_agency_unit": pl.String(), "agency_type_name": pl.String(), "population_group_code": pl.String(),
    "population": pl.Int32(), "is_covered": pl.Boolean(), "covered_by_ori": pl.String(), "is_core_city": pl.Boolean(),
    "is_in_msa": pl.Boolean(), "judicial_district_code": pl.String(), "field_office_code": pl.String(),
    "nibrs_start_date": pl.Date(), "has_participated": pl.Boolean(), **dict.fromkeys(COUNTS, pl.Int32()),
}  # fmt: skip
UNKNOWN = "Unknown"


@dataclass(frozen=True)
class YearFiles:
    """What the files of a data year tell.

    Attributes:
        kind: of the files with incidents: ``nibrs_master`` or ``state_zip``.
        year: the data year.
        listed: dataset ``agency`` of the year, from the files with incidents.
        agency_county: dataset of that name, from the same; empty if they have no codes of counties.
        return_a: dataset ``return_a_agency`` of the year, or None.
        agency_list: rows of the list of agencies, or None.
        employees: police employees of the year, or None.
        states: the states of the run.
        reporters: ORIs of agencies that reported incidents in the data year or the four before it.
        summary_reporters: the same of summary reports, with seven characters.
        first_months: first month of the year that was reported by incidents, by ``ori``: ``first_month``.
    """

    kind: str
    year: int
    listed: pl.DataFrame
    agency_county: pl.DataFrame
    return_a: pl.DataFrame | None
    agency_list: pl.DataFrame | None
    employees: pl.DataFrame | None
    states: tuple[str, ...]
    reporters: pl.Series
    summary_reporters: pl.Series
    first_months: pl.DataFrame


def matched_agencies(files: YearFiles) -> pl.DataFrame:
    """The nine characters of each ORI of Return A: ``ori7``, ``ori``, ``how`` and ``ori_source``.

    Files with incidents are of the same year, so an agency is looked for there first; then among those of the list of
    agencies, which is of today, and of police employees.
    """
    if files.return_a is None:
        return pl.DataFrame(schema={"ori7": pl.String, "ori": pl.String, "how": pl.String, "ori_source": pl.String})
    columns = ("ori", "agency_type_name", "population")
    own = files.listed.select(columns).with_columns(ori_source=pl.lit(files.kind))
    others = [own.clear()]
    if files.agency_list is not None:
        list_rows = files.agency_list.select("ori", "agency_type_name", population=pl.lit(None, pl.Int32))
        others.append(list_rows.with_columns(ori_source=pl.lit("agency_list")))
    if files.employees is not None:
        employees = files.employees.drop_nulls("ori").select(columns)
        others.append(employees.with_columns(ori_source=pl.lit("police_employees")))
    rows = files.return_a.select("ori7", "agency_type_name")
    found = match(rows, own)
    is_found = found["how"] != "none"
    later = match(rows.filter(~is_found), pl.concat(others).unique("ori", keep="first", maintain_order=True))
    sources = pl.concat([own, *others]).unique("ori", keep="first", maintain_order=True).select("ori", "ori_source")
    both = pl.concat([found.filter(is_found), later])
    return (
        rows.select("ori7")
        .join(both, on="ori7", maintain_order="left")
        .join(sources, on="ori", how="left", maintain_order="left")
    )


def facts_by_source(files: YearFiles, matched: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """What each file tells: ``ori`` and those of :data:`FACTS` that it has; of an unknown value, null."""
    # Of covered agencies files with incidents do not tell the type; what stands there comes from the group.
    is_type_known = pl.col("agency_type_name") != UNKNOWN
    if files.kind == "nibrs_master":
        is_type_known &= ~pl.col("is_covered")
    core_cities = files.agency_county.select("ori", "is_core_city").unique("ori", keep="first")
    listed = files.listed.join(core_cities, on="ori", how="left", maintain_order="left").with_columns(
        pl.when(is_type_known).then("agency_type_name").alias("agency_type_name"),
        *(pl.when("has_police_employees").then(name).alias(name) for name in COUNTS),
        state="state_abbr",
    )
    found = {files.kind: _facts(listed)}
    if files.return_a is not None:
        reported = files.return_a.join(matched, on="ori7", maintain_order="left", suffix="_matched")
        found["return_a"] = _facts(
            reported.with_columns(
                ori="ori_matched",
                state="state_abbr",
                covered_by_ori=pl.col("covered_by_ori7") + USUAL_ENDING,
                is_in_msa=pl.col("county_1_msa_code").is_not_null(),
                has_participated=pl.col("months_reported") > 0,
            )
        )
    if files.agency_list is not None:
        last_day = pl.date(files.year, 12, 31)
        started = pl.col("nibrs_start_date") <= last_day
        found["agency_list"] = _facts(
            files.agency_list.with_columns(
                state="state_abbr",
                published_agency_name="agency_name",
                nibrs_start_date=pl.when(pl.col("is_nibrs") & started).then("nibrs_start_date"),
            ).drop("agency_name")
        )
    if files.employees is not None:
        employees = files.employees.with_columns(state="state_abbr", published_agency_name="agency_name",
                                                published_agency_unit="agency_unit")  # fmt: skip
        found["police_employees"] = _facts(_with_nine(employees, found, matched).drop("agency_name"))
    return found


def _with_nine(employees: pl.DataFrame, found: Mapping[str, pl.DataFrame], matched: pl.DataFrame) -> pl.DataFrame:
    """Employees with ORIs of nine characters; the master file has seven, and is matched as Return A is."""
    seven = employees.filter(pl.col("ori").is_null()).drop("ori")
    if seven.is_empty():
        return employees
    as_return_a = seven.join(matched.select("ori7", "ori"), on="ori7")
    others = seven.join(as_return_a, on="ori7", how="anti")
    known = pl.concat(frame.select("ori", "agency_type_name") for frame in found.values())
    known = known.unique("ori", keep="first", maintain_order=True).with_columns(population=pl.lit(None, pl.Int32))
    by_itself = others.join(match(others.select("ori7", "agency_type_name"), known).select("ori7", "ori"), on="ori7")
    nine = employees.drop_nulls("ori")
    return pl.concat([nine, *(each.select(nine.columns) for each in (as_return_a, by_itself))])


def _facts(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select("ori", *(pl.col(name).cast(dtype) for name, dtype in FACTS.items() if name in frame.columns))
