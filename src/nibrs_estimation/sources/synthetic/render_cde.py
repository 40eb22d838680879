"""Writes normalized data as zips of the Crime Data Explorer, with the losses of their layouts.

Losses of a zip in addition to those of its layout (docs/develop/adding-a-source.md): agencies without a report of
incidents; their summary reports; history; metropolitan divisions, judicial districts and field offices; in era 1 Group
B arrests, and a report that does not say whether it is empty is the same as none; in era 2 months without incidents,
circumstances without justifiable force, and of Group B arrests the agency and the month. Codes that are newer than an
era's lookups become earlier codes (:data:`NEAREST_OLDER`).

Columns of a zip that are not in the model are generated: the number of a month from agency, year and month, the number
of a document (``did``) and the date of its submission from the incident. Source: docs/develop/adding-a-source.md.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from nibrs_estimation.model import incident as segments
from nibrs_estimation.model.agency import AGENCY
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.fields import MONTHS
from nibrs_estimation.model.intake import SYNTHETIC_MEMBER
from nibrs_estimation.pipeline.identity import SYNTHETIC
from nibrs_estimation.sources.synthetic.render_cde_layouts import (
    ERA_1_YEARS,
    ERA_2_FIRST_YEAR,
    ERAS,
    NEAREST_OLDER,
    Cell,
    Constant,
    Layout,
    Member,
    OnlyIn,
    members,
)

#: The earliest time in a zip, used instead of the clock so that files are reproducible.
_TIMESTAMP = (1980, 1, 1, 0, 0, 0)
_CLOSING_DAYS = 45
_README = (
    "Written by the NIBRS Estimation Pipeline in the layout of the Crime Data Explorer. The rows may be synthetic: "
    "this is no publication of the FBI.\n"
)

#: Segment -> the segment whose id it contains; children of a row that is left out are left out.
_PARENTS = {
    segments.OFFENSE: segments.INCIDENT,
    segments.VICTIM: segments.INCIDENT,
    segments.OFFENDER: segments.INCIDENT,
    segments.PROPERTY: segments.INCIDENT,
    segments.OFFENSE_BIAS: segments.OFFENSE,
    segments.OFFENSE_WEAPON: segments.OFFENSE,
    segments.OFFENSE_ACTIVITY: segments.OFFENSE,
    segments.OFFENSE_USING: segments.OFFENSE,
    segments.VICTIM_OFFENSE: segments.VICTIM,
    segments.VICTIM_INJURY: segments.VICTIM,
    segments.VICTIM_CIRCUMSTANCE: segments.VICTIM,
    segments.VICTIM_OFFENDER: segments.VICTIM,
    segments.PROPERTY_ITEM: segments.PROPERTY,
    segments.DRUG: segments.PROPERTY,
}

Frames = dict[str, pl.DataFrame]


def render_cde(datasets: Mapping[str, pl.LazyFrame], state_abbr: str, year: int, era: int, path: Path) -> None:
    """Write one state and year as a zip of the Crime Data Explorer.

    Args:
        datasets: ``agency``, ``report_month`` and the 17 segments by name; other states and years are left out. The
            year of an incident is that of its date, that of a Group B arrest the year of its report.
        state_abbr: UCR abbreviation of the state.
        year: data year.
        era: 1 for the layout of data years 2016 to 2020, 2 for that of 2021 and later.
        path: the zip to be written; the publisher's name is ``{state}-{year}.zip``. Equal data give equal bytes.

    Raises:
        ValueError: the era is invalid or does not match the year, or a code is in no lookup table of the era.
    """
    if era not in ERAS or (year >= ERA_2_FIRST_YEAR) != (era == 2):
        raise ValueError(f"data year {year} is not published in the layout of era {era}")
    tables = _tables(datasets, state_abbr, year, era)
    folder = f"{state_abbr}/" if era == 1 else ""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        _add(file, f"{folder}README.md", _README.encode())
        if not datasets["agency"].filter(pl.col("universe_scope") == "synthetic").head(1).collect().is_empty():
            _add(file, f"{folder}{SYNTHETIC_MEMBER}", f"{SYNTHETIC}\n".encode())
        for member in members(era, year):
            rows = tables[member.rows] if member.rows in tables else _codes(member.rows, era)
            _add(file, f"{folder}{member.name}.csv", _text(member, rows, era))


def _add(file: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, _TIMESTAMP)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    # Otherwise the bytes depend on the operating system.
    info.create_system = 3
    file.writestr(info, content)


def _tables(datasets: Mapping[str, pl.LazyFrame], state_abbr: str, year: int, era: int) -> Frames:
    """The rows of every member except lookup tables, by :attr:`Member.rows`, sorted by their key."""
    tables = _segments(datasets, state_abbr, year)
    months = datasets["report_month"].filter((pl.col("data_year") == year) & (pl.col("form_code") == "N")).collect()
    tables["agencies"] = _agencies(datasets["agency"], tables["incident"], months, state_abbr, year)
    tables["months"] = _months(tables["agencies"], tables["incident"], months, year, era)
    if era == 2:
        tables["victim_circumstance"] = tables["victim_circumstance"].drop_nulls("justifiable_force_code")
    return {name: rows.with_columns(zip_year=pl.lit(year)) for name, rows in tables.items()}


def _segments(datasets: Mapping[str, pl.LazyFrame], state_abbr: str, year: int) -> Frames:
    """The incidents of a state and year with all their segments; arrests of Group A and B separately."""

    def read(dataset: str) -> pl.LazyFrame:
        return datasets[dataset].filter(pl.col("state_abbr") == state_abbr)

    incidents = read("incident").filter(pl.col("data_year") == year)
    lazy = {segments.INCIDENT.name: _with_generated_columns(incidents)}
    for child, parent in _PARENTS.items():
        key = parent.primary_key[0]
        lazy[child.name] = read(child.name).join(lazy[parent.name].select(key), on=key, how="semi")
    arrests, weapons = read("arrestee"), read("arrestee_weapon")
    reported_in = pl.coalesce("form_year", pl.col("arrest_date").dt.year().cast(pl.Int16))
    lazy["arrestee"] = arrests.filter(~pl.col("is_group_b")).join(
        incidents.select("incident_id"), on="incident_id", how="semi"
    )
    lazy["arrestee_group_b"] = arrests.filter(pl.col("is_group_b") & (reported_in == year))
    for group, is_group_b in (("", False), ("_group_b", True)):
        lazy[f"arrestee_weapon{group}"] = weapons.filter(pl.col("is_group_b") == is_group_b).join(
            lazy[f"arrestee{group}"].select("arrestee_id"), on="arrestee_id", how="semi"
        )
    keys = {dataset.name: dataset.primary_key for dataset in segments.DATASETS}
    return {name: rows.sort(keys[name.removesuffix("_group_b")]).collect() for name, rows in lazy.items()}


def _with_generated_columns(incidents: pl.LazyFrame) -> pl.LazyFrame:
    """Add columns of a zip that are not in the model."""
    return incidents.with_columns(
        nibrs_month_id=_month_id(),
        did=pl.col("incident_id"),
        submission_date=pl.col("incident_date").dt.offset_by(f"{_CLOSING_DAYS}d"),
    )


def _month_id() -> pl.Expr:
    return (pl.col("agency_id").cast(pl.Int64) * 10_000 + pl.col("form_year")) * 100 + pl.col("form_month")


def _agencies(
    agency: pl.LazyFrame, incidents: pl.DataFrame, months: pl.DataFrame, state_abbr: str, year: int
) -> pl.DataFrame:
    """The agencies that reported incidents or zero reports in the year."""
    reporters = pl.concat([incidents["agency_id"], months["agency_id"]]).unique()
    officers = pl.col("male_officers") + pl.col("female_officers")
    employees = officers + pl.col("male_civilians") + pl.col("female_civilians")
    region = code_list("region").select(pl.col("code").cast(pl.Int8).alias("region_code"), region_desc="description")
    return (
        agency.filter((pl.col("state_abbr") == state_abbr) & (pl.col("data_year") == year))
        .filter(pl.col("agency_id").is_in(reporters.implode()))
        .select(AGENCY.schema.names())
        .collect()
        .join(_states().drop("state_name", "region_code"), on="state_abbr", how="left")
        .join(region, on="region_code", how="left")
        .join(_population_groups(), on="population_group_code", how="left")
        .with_columns(
            yearly_agency_id=pl.format("{}{}", "agency_id", "data_year"),
            reporting_type=pl.when("is_nibrs").then(pl.lit("I")).otherwise(pl.lit("S")),
            males=pl.col("male_officers") + pl.col("male_civilians"),
            females=pl.col("female_officers") + pl.col("female_civilians"),
            officer_rate=_rate(officers),
            employee_rate=_rate(employees),
            # Names of areas contain ', '.
            counties=pl.col("county_name").str.replace_all(";", ", ", literal=True),
            areas=pl.col("msa_name").str.replace_all(";", "; ", literal=True),
        )
        .sort("agency_id")
    )


def _rate(persons: pl.Expr) -> pl.Expr:
    """Persons per 1,000 residents, 0 where there are none (handbook 01)."""
    return (
        pl.when(pl.col("population") > 0)
        .then((persons * 1000 / pl.col("population")).round(1, mode="half_away_from_zero"))
        .otherwise(0.0)
    )


def _states() -> pl.DataFrame:
    return code_list("state").with_columns(division_id=pl.col("division_code") + 1)


def _months(agencies: pl.DataFrame, incidents: pl.DataFrame, months: pl.DataFrame, year: int, era: int) -> pl.DataFrame:
    """Era 1: agency and month with its status, U for unknown; era 2: one row for each incident."""
    if era == 2:
        month = pl.col("form_month").cast(pl.String).str.zfill(2)
        return incidents.join(agencies.select("agency_id", "ori"), on="agency_id", how="left").with_columns(
            status=pl.lit("I"), document=pl.format("{}_{}_{}_{}_INC", "form_year", month, "ori", "incident_id")
        )
    calendar = agencies.select("agency_id", form_year=pl.lit(year, pl.Int16)).join(
        pl.DataFrame({"form_month": MONTHS}, schema={"form_month": pl.Int8}), how="cross"
    )
    key = ["agency_id", "form_year", "form_month"]
    # Incidents of the year may be in a report of another year.
    with_incidents = incidents.select(*key, has_incidents=True).unique()
    known = months.select("agency_id", "status", form_year="data_year", form_month="month")
    no_text, no_number = pl.lit(None, pl.String), pl.lit(None, pl.Int64)
    return (
        calendar.join(with_incidents, on=key, how="full", coalesce=True)
        .join(known, on=key, how="left")
        .with_columns(
            nibrs_month_id=_month_id(),
            status=pl.coalesce("status", pl.when("has_incidents").then(pl.lit("I")), pl.lit("U")),
            document=no_text,
            did=no_number,
        )
        .sort(key)
    )


def _text(member: Member, rows: pl.DataFrame, era: int) -> bytes:
    """The member as CSV; era 1 quotes headers and text."""
    layout = _layout_of(member.layout, era)
    rows = _with_nearest_older(rows, layout, era)
    cells = [_expression(cell, era).alias(f"column_{place}") for place, cell in enumerate(layout.values())]
    try:
        columns = rows.select(cells)
    except pl.exceptions.InvalidOperationError as error:
        raise ValueError(f"{member.name}: a code is in no lookup of era {era}: {error}") from error
    headers = [header.partition("#")[0] for header in layout]
    text = io.BytesIO()
    if era == 1:
        text.write((",".join(f'"{header.upper()}"' for header in headers) + "\n").encode())
    else:
        text.write((",".join(headers) + "\n").encode())
    columns.write_csv(text, include_header=False, quote_style="non_numeric" if era == 1 else "necessary")
    return text.getvalue()


def _layout_of(layout: Layout, era: int) -> dict[str, Cell | Constant]:
    chosen: dict[str, Cell | Constant] = {}
    for header, cell in layout.items():
        if not isinstance(cell, OnlyIn):
            chosen[header] = cell
        elif cell.era == era:
            chosen[header] = cell.cell
    return chosen


def _expression(cell: Cell | Constant, era: int) -> pl.Expr:
    """The text or number of a cell."""
    if isinstance(cell, Constant):
        text = cell.era_1 if era == 1 else cell.era_2
        return pl.lit(int(text) if text.isdigit() else text or None)
    if cell.kind == "row":
        return pl.int_range(1, pl.len() + 1) if era == 1 else pl.lit(None)
    column = pl.col(cell.column)
    if_missing = (cell.if_missing or {}).get(era)
    if cell.kind == "id":
        column = column.cast(pl.String).replace_strict(_ids(cell.codes, era), return_dtype=pl.Int64)
        return column.fill_null(int(if_missing)) if if_missing else column
    if cell.kind == "text":
        return column.fill_null(if_missing) if if_missing else column
    return _WRITERS[cell.kind](column, era)


def _date(date: pl.Expr, era: int) -> pl.Expr:
    return date.dt.strftime("%d-%b-%y").str.to_uppercase() if era == 1 else date.dt.strftime("%Y-%m-%d")


def _yes_no(flag: pl.Expr, era: int) -> pl.Expr:
    del era  # The same in both eras.
    return _flag(flag, "Y", "N")


def _true_false(flag: pl.Expr, era: int) -> pl.Expr:
    return _flag(flag, "Y", "N") if era == 1 else _flag(flag, "t", "f")


def _report(flag: pl.Expr, era: int) -> pl.Expr:
    return _flag(flag, "R", None) if era == 1 else _flag(flag, "t", "f")


def _flag(flag: pl.Expr, yes: str, no: str | None) -> pl.Expr:
    return pl.when(flag).then(pl.lit(yes)).when(~flag).then(pl.lit(no, pl.String))


def _age_years(code: pl.Expr, era: int) -> pl.Expr:
    """Era 1: years, if the id does not determine them; era 2: years without leading zero, or the code."""
    years = code.cast(pl.Int16, strict=False)
    if era == 1:
        return pl.when(years.is_between(1, 98)).then(years)
    return pl.when(years > 0).then(years.cast(pl.String)).otherwise(code.fill_null("NS"))


def _age_high(years: pl.Expr, era: int) -> pl.Expr:
    """The upper end of the age range; era 1 writes 0 if there is none."""
    no_end = pl.when(pl.col("age_low_years").is_not_null()).then(pl.lit(0))
    return pl.coalesce(years, no_end) if era == 1 else years


_WRITERS: Mapping[str, Callable[[pl.Expr, int], pl.Expr]] = {
    "date": _date,
    "yes_no": _yes_no,
    "true_false": _true_false,
    "report": _report,
    "age_years": _age_years,
    "age_high": _age_high,
}


def _ids(name: str, era: int) -> dict[str, int]:
    """The number of each code of a list in the era, if it has one."""
    listed = code_list(name).select("code", id=pl.col(f"cde_era{era}_id").cast(pl.Int64)).drop_nulls("id")
    return dict(listed.iter_rows())


def _with_nearest_older(rows: pl.DataFrame, layout: Mapping[str, Cell | Constant], era: int) -> pl.DataFrame:
    """Replace codes without number in the era; rows that become equal are written only once."""
    coded = {
        cell.column: cell.codes
        for cell in layout.values()
        if isinstance(cell, Cell) and cell.kind == "id" and cell.codes in NEAREST_OLDER
    }
    for column, name in coded.items():
        known = _ids(name, era)
        older = {code: to for code, to in NEAREST_OLDER[name].items() if code not in known}
        if older and rows[column].is_in(list(older)).any():
            rows = rows.with_columns(pl.col(column).replace(older)).unique(maintain_order=True)
    return rows


def _codes(rows: str, era: int) -> pl.DataFrame:
    """The rows of a lookup, by id; by code where the era has no ids."""
    name = rows.removeprefix("code:")
    if name == "state":
        return _states().sort("state_id")
    listed = code_list(name)
    number = f"cde_era{era}_id"
    if number not in listed.columns:
        return _with_flags(listed.sort("code"))
    listed = listed.with_columns(id=pl.col(number).cast(pl.Int64)).drop_nulls("id")
    if name == "age" and era == 1:
        years, code, label = ERA_1_YEARS
        listed = listed.with_columns(
            pl.when(pl.col("id") == years).then(pl.lit(text)).otherwise(column).alias(column)
            for column, text in (("code", code), ("label", label))
        )
    return _with_flags(listed.unique("id", keep="first").sort("id"))


def _with_flags(listed: pl.DataFrame) -> pl.DataFrame:
    """Convert flags of the lists from text to booleans."""
    return listed.with_columns(pl.selectors.starts_with("is_").cast(pl.String) == "true")


def _population_groups() -> pl.DataFrame:
    return code_list("population_group").select(
        "population_group_id", "parent_code", "parent_label", population_group_code="code"
    )
