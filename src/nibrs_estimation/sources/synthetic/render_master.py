"""Writes normalized data as a NIBRS master file with batch headers (docs/nibrs-master-file.md).

What the file cannot hold (its losses): names of agencies beyond 30 characters, names of places, police employees, the
kind of covered agencies, which agencies are dormant or listed for their officers only, a former ORI, more than five
counties of an agency, age ranges, more than ten offenses or offenders of a victim and more than three drugs of a type
of loss, summary reports, and other years.

Incidents have their identifier as number. Numbers of metropolitan areas are made up.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import polars as pl

from nibrs_estimation.model import incident as segments
from nibrs_estimation.model.agency import AGENCY_MONTH_OFFENSE
from nibrs_estimation.model.fields import MONTHS
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.sources.synthetic.fbi_text import (
    county_blocks,
    date,
    in_file_order,
    kind_code,
    marked_name,
    number,
    padded,
    text_file,
    zeros,
)
from nibrs_estimation.sources.synthetic.former_years import former_incidents

#: From this year on, a letter says that a report did not come; before, a blank does.
FIRST_YEAR_OF_LETTERS = 2020
_COUNTIES = 5
_NO_COUNTY = "0" * 9 + " " * 6 + "0" * 9
#: Incidents of agencies that are rendered together, about 50 MB of text; an agency is never divided.
_BATCH_INCIDENTS = 200_000
#: What tells to whom or to what a record belongs: the first of these columns that its dataset has.
_BELONGS = ("agency_id", "incident_id", "victim_id", "property_id", "arrestee_id", "offense_id")
#: Order of lines: agency, header before incidents before arrests of Group B, incident, level, record.
_ORDER = ["agency_order", "part", "number", "level", "record"]
_BASE = ["agency_order", "part", "number"]

Tables = Mapping[str, pl.LazyFrame]


def render_master(datasets: Tables, year: int, path: Path) -> int:
    """Write a year as a NIBRS master file.

    Args:
        datasets: ``agency``, ``report_month``, ``agency_county`` and the 17 segments by name; incidents of other years
            and Group B arrests in reports of other years are left out.
        year: data year.
        path: the file: a zip with one text if its name ends in ``.zip``, else the text. Equal data give equal bytes.

    Returns:
        Number of lines.
    """
    lines = 0
    with text_file(path, f"{year}_NIBRS_NATIONAL_MASTER_FILE.txt") as file:
        for part in _texts(datasets, year):
            lines += part.count(b"\n")
            file.write(part)
    return lines


def _texts(datasets: Tables, year: int) -> Iterator[bytes]:
    """The lines of batches of agencies, in the order of the FBI's numbers of states."""
    agencies = in_file_order(datasets["agency"], year)
    months = _activity(datasets["report_month"], year)
    counties = _counties(datasets["agency_county"], year)
    latest = datasets["agency"].select(pl.col("data_year").max()).collect().item()
    for (_code, state), rows in (
        agencies.sort("agency_order")
        .partition_by(["state_code", "state_abbr"], as_dict=True, maintain_order=True)
        .items()
    ):
        of_state = pl.col("state_abbr") == state
        if year < latest:
            counts = datasets[AGENCY_MONTH_OFFENSE.name].filter(pl.col("data_year") == year)
            counts = counts.join(rows.lazy().select("agency_id"), on="agency_id", how="semi")
            sizes = counts.group_by("agency_id").agg(pl.col("n").sum()).collect()
        else:
            incidents = datasets[segments.INCIDENT.name].filter(of_state & (pl.col("data_year") == year))
            sizes = incidents.group_by("agency_id").agg(n=pl.len()).collect()
        for batch in _batches(rows, sizes):
            if year < latest:
                frames = former_incidents(counts, batch, year)
            else:
                frames = _segments(datasets, batch, str(state), year)
            yield _text([_headers(batch, months, counties, year), *_records(frames, batch, datasets["agency"], year)])


def _batches(agencies: pl.DataFrame, sizes: pl.DataFrame) -> list[pl.DataFrame]:
    """The agencies of a state in order, in batches of so many incidents as fit into memory.

    Args:
        agencies: rows of :func:`in_file_order`.
        sizes: ``agency_id`` and ``n``, its incidents.
    """
    sized = agencies.join(sizes, on="agency_id", how="left", maintain_order="left")
    n = pl.col("n").fill_null(0)
    before = (n.cum_sum() - n) // _BATCH_INCIDENTS
    return sized.with_columns(batch=before).drop("n").partition_by("batch", maintain_order=True, include_key=False)


def _segments(datasets: Tables, agencies: pl.DataFrame, state: str, year: int) -> dict[Dataset, pl.DataFrame]:
    """The records of some agencies of a state: those of their incidents of the year, and all arrests of Group B."""
    ids = {"agency_id": agencies.lazy().select("agency_id")}
    frames = {}
    for dataset in segments.DATASETS:
        rows = datasets[dataset.name].filter(pl.col("state_abbr") == state)
        if dataset is segments.INCIDENT:
            rows = rows.filter(pl.col("data_year") == year)
        if dataset is segments.ARRESTEE:
            of_incident = rows.filter(~pl.col("is_group_b")).join(ids["incident_id"], on="incident_id", how="semi")
            of_agency = rows.filter("is_group_b").join(ids["agency_id"], on="agency_id", how="semi")
            rows = pl.concat([of_incident, of_agency])
        else:
            key = next(name for name in _BELONGS if name in dataset.schema.names())
            rows = rows.join(ids[key], on=key, how="semi")
        frames[dataset] = rows.collect()
        own = f"{dataset.name}_id"
        if own in _BELONGS:
            ids[own] = frames[dataset].lazy().select(own)
    return frames


def _text(parts: Iterable[pl.DataFrame]) -> bytes:
    lines = pl.concat(part.select(*_ORDER, "line") for part in parts).sort(_ORDER)
    buffer = io.BytesIO()
    lines.select("line").write_csv(buffer, include_header=False, quote_style="never")
    return buffer.getvalue()


def _activity(report_month: pl.LazyFrame, year: int) -> pl.DataFrame:
    """The 36 letters of the months of each agency, and the number of months that it reported."""
    no = "N" if year >= FIRST_YEAR_OF_LETTERS else " "
    letters = {"I": f"{no}Y{no}", "Z": f"Y{no}{no}"}
    reported = (
        report_month.filter((pl.col("data_year") == year) & (pl.col("form_code") == "N"))
        .select("agency_id", "month", letters=pl.col("status").replace_strict(letters, default=None))
        .drop_nulls()
        .collect()
    )
    grid = (
        reported.select("agency_id")
        .unique()
        .join(pl.DataFrame({"month": MONTHS}, schema={"month": pl.Int8()}), how="cross")
    )
    return (
        grid.join(reported, on=["agency_id", "month"], how="left")
        .sort("agency_id", "month")
        .group_by("agency_id", maintain_order=True)
        .agg(activity=pl.col("letters").fill_null(3 * no).str.join(""), months=pl.col("letters").count())
    )


def _counties(agency_county: pl.LazyFrame, year: int) -> pl.DataFrame:
    """Five blocks of counties, and their FIPS codes, of each agency."""
    block = pl.concat_str(zeros("population", 9), pl.lit("   "), "area", pl.lit("0" * 9))
    return county_blocks(agency_county, year, _COUNTIES, block, _NO_COUNTY)


def _headers(agencies: pl.DataFrame, months: pl.DataFrame, counties: pl.DataFrame, year: int) -> pl.DataFrame:
    no = "N" if year >= FIRST_YEAR_OF_LETTERS else " "
    rows = agencies.join(months, on="agency_id", how="left").join(counties, on="ori", how="left")
    unplaced = pl.concat_str(zeros("population", 9), pl.lit(_NO_COUNTY[9:] + _NO_COUNTY * (_COUNTIES - 1)))
    sent = pl.col("months").fill_null(0)
    indicator = (
        pl.when(sent == 12).then(pl.lit("12")).when(sent >= 6).then(pl.lit("06"))
        .when(sent >= 1).then(pl.lit("01")).otherwise(pl.lit("  "))
    )  # fmt: skip
    line = pl.concat_str(
        pl.lit("BH"),
        "state_code",
        "ori",
        pl.lit("0" * 12 + " " * 8),
        date("nibrs_start_date"),
        marked_name(30),
        "state_abbr",
        padded("population_group_code", 2),
        "division",
        pl.col("region_code").cast(pl.String()),
        kind_code(),
        pl.when("is_core_city").then(pl.lit("Y")).otherwise(pl.lit("N")),
        padded("covered_by_ori", 9),
        padded("field_office_code", 4),
        padded("judicial_district_code", 4),
        pl.when("is_nibrs").then(pl.lit("A")).otherwise(pl.lit(" ")),
        pl.lit(" " * 8),
        pl.col("blocks").fill_null(unplaced),
        indicator,
        sent.cast(pl.String()).str.zfill(2),
        pl.lit(str(year)),
        pl.col("activity").fill_null(3 * no * 12),
        padded("fips", 15),
        date("nibrs_leoka_start_date"),
    )
    return rows.select(
        "agency_order", part=pl.lit(0), number=pl.lit(""), level=pl.lit("BH"), record=pl.lit(""), line=line
    )


def _records(
    frames: Mapping[Dataset, pl.DataFrame], agencies: pl.DataFrame, agency: pl.LazyFrame, year: int
) -> Iterator[pl.DataFrame]:
    of_agency = agencies.select("agency_id", "agency_order", "state_code", "ori")
    incidents = (
        frames[segments.INCIDENT]
        .join(of_agency, on="agency_id")
        .with_columns(part=pl.lit(1), number=zeros("incident_id", 12))
    )
    base = incidents.select(*_BASE, "incident_id", "state_code", "ori", "incident_date")
    yield _administrative(incidents, frames)
    yield _offenses(base, frames)
    yield _properties(base, frames)
    yield _victims(base, frames, agency, year)
    yield _offenders(base, frames)
    yield _arrestees(base, frames)
    yield _group_b(of_agency, frames, year)


def _line(level: str, *fields: pl.Expr) -> pl.Expr:
    """A record with the fields that all begin with."""
    begin = (pl.lit(level), pl.col("state_code"), pl.col("ori"), pl.col("number"), date("incident_date"))
    return pl.concat_str(*begin, *fields)


def _ordered(rows: pl.DataFrame, level: str, record: pl.Expr, line: pl.Expr) -> pl.DataFrame:
    return rows.select(*_BASE, level=pl.lit(level), record=record, line=line)


def _administrative(incidents: pl.DataFrame, frames: Mapping[Dataset, pl.DataFrame]) -> pl.DataFrame:
    numbers = {
        "n_offenses": segments.OFFENSE,
        "n_victims": segments.VICTIM,
        "n_offenders": segments.OFFENDER,
        "n_arrestees": segments.ARRESTEE,
    }
    for name, dataset in numbers.items():
        counted = frames[dataset].drop_nulls("incident_id").group_by("incident_id").len(name)
        incidents = incidents.join(counted, on="incident_id", how="left").with_columns(pl.col(name).fill_null(0))
    cargo = pl.when("is_cargo_theft").then(pl.lit("Y")).when(~pl.col("is_cargo_theft")).then(pl.lit("N"))
    line = _line(
        "01",
        pl.when("is_report_date").then(pl.lit("R")).otherwise(pl.lit(" ")),
        number("incident_hour", 2),
        zeros("n_offenses", 2),
        zeros("n_victims", 3),
        zeros("n_offenders", 2),
        zeros("n_arrestees", 2),
        pl.lit(" " * 4),
        padded("cleared_exceptionally_code", 1),
        date("cleared_exceptionally_date"),
        pl.lit(" " * 30),
        cargo.fill_null(" "),
    )
    return _ordered(incidents, "01", pl.lit(""), line)


def _offenses(base: pl.DataFrame, frames: Mapping[Dataset, pl.DataFrame]) -> pl.DataFrame:
    rows = frames[segments.OFFENSE].join(base, on="incident_id")
    several = [
        (segments.OFFENSE_USING, "using_code", 1, 3),
        (segments.OFFENSE_ACTIVITY, "activity_code", 1, 3),
        (segments.OFFENSE_WEAPON, "weapon_code", 3, 3),
        (segments.OFFENSE_BIAS, "bias_code", 2, 5),
    ]
    for dataset, column, width, most in several:
        rows = rows.join(_several(frames[dataset], "offense_id", column, width, most), on="offense_id", how="left")
    # A single bias is followed by nothing, as in the FBI's files.
    line = _line(
        "02",
        padded("offense_code", 3),
        padded("attempt_complete_code", 1),
        padded("using_code", 3),
        padded("location_code", 2),
        number("premises_entered", 2),
        padded("method_of_entry_code", 1),
        padded("activity_code", 3),
        padded("weapon_code", 9),
        pl.col("bias_code").fill_null("").str.strip_chars_end(" ").str.pad_end(2),
    )
    return _ordered(rows, "02", zeros("offense_id", 18), line)


def _properties(base: pl.DataFrame, frames: Mapping[Dataset, pl.DataFrame]) -> pl.DataFrame:
    rows = frames[segments.PROPERTY].join(base, on="incident_id")
    items = frames[segments.PROPERTY_ITEM].drop("state_abbr")
    rows = rows.join(items, on="property_id", how="left")
    drug = pl.concat_str(
        padded("drug_code", 1),
        number("whole", 9),
        number("thousandths", 3),
        padded("measure_code", 2),
    )
    thousandths = (pl.col("quantity") * 1000).round().cast(pl.Int64())
    drugs = (
        frames[segments.DRUG]
        .sort("property_id", "drug_id")
        .with_columns(whole=thousandths // 1000, thousandths=thousandths % 1000)
        .with_columns(drug=drug)
        .group_by("property_id", maintain_order=True)
        .agg(drugs=pl.col("drug").head(3).str.join(""))
    )
    # Drugs are described on the record of drugs, or on the first.
    is_drug = pl.col("description_code") == "10"
    rows = rows.join(drugs, on="property_id", how="left").sort(
        "property_id", ~is_drug.fill_null(False), "description_code"
    )
    is_first = pl.int_range(pl.len()).over("property_id") == 0
    line = _line(
        "03",
        number("loss_code", 1),
        padded("description_code", 2),
        number("value_usd", 9),
        date("recovered_date"),
        number("stolen_vehicles", 2),
        number("recovered_vehicles", 2),
        pl.when(is_first).then("drugs").fill_null("").str.pad_end(45),
    )
    record = pl.concat_str(zeros("property_id", 18), pl.col("description_code").fill_null(""))
    return _ordered(rows, "03", record, line)


def _victims(
    base: pl.DataFrame, frames: Mapping[Dataset, pl.DataFrame], agency: pl.LazyFrame, year: int
) -> pl.DataFrame:
    rows = frames[segments.VICTIM].join(base, on="incident_id")
    codes = frames[segments.OFFENSE].select("offense_id", "offense_code")
    of_victim = frames[segments.VICTIM_OFFENSE].join(codes, on="offense_id")
    sequence = frames[segments.OFFENDER].select("offender_id", seq="sequence_number")
    related = (
        frames[segments.VICTIM_OFFENDER]
        .join(sequence, on="offender_id")
        .sort("victim_id", "offender_id")
        .with_columns(pair=pl.concat_str(zeros("seq", 2), padded("relationship_code", 2)))
    )
    circumstance = frames[segments.VICTIM_CIRCUMSTANCE].with_columns(circumstance_code=zeros("circumstance_code", 2))
    force = circumstance.group_by("victim_id").agg(pl.col("justifiable_force_code").drop_nulls().first())
    several = [
        (of_victim, "offense_code", 3, 10),
        (circumstance, "circumstance_code", 2, 2),
        (frames[segments.VICTIM_INJURY], "injury_code", 1, 5),
        (related, "pair", 4, 10),
    ]
    for frame, column, width, most in several:
        rows = rows.join(_several(frame, "victim_id", column, width, most), on="victim_id", how="left")
    outside = agency.filter(pl.col("data_year") == year).select(outside_agency_id="agency_id", outside_ori="ori")
    rows = rows.join(force, on="victim_id", how="left").join(outside.collect(), on="outside_agency_id", how="left")
    line = _line(
        "04",
        number("sequence_number", 3),
        padded("offense_code", 30),
        padded("victim_type_code", 1),
        *_demographics(),
        padded("resident_code", 1),
        padded("circumstance_code", 4),
        padded("justifiable_force_code", 1),
        padded("injury_code", 5),
        padded("pair", 40),
        padded("activity_code", 2),
        padded("assignment_code", 1),
        padded("outside_ori", 9),
    )
    return _ordered(rows, "04", zeros("victim_id", 18), line)


def _offenders(base: pl.DataFrame, frames: Mapping[Dataset, pl.DataFrame]) -> pl.DataFrame:
    rows = frames[segments.OFFENDER].join(base, on="incident_id")
    line = _line("05", number("sequence_number", 2), *_demographics())
    return _ordered(rows, "05", zeros("offender_id", 18), line)


def _arrestees(base: pl.DataFrame, frames: Mapping[Dataset, pl.DataFrame]) -> pl.DataFrame:
    rows = frames[segments.ARRESTEE].filter(~pl.col("is_group_b")).join(base, on="incident_id")
    rows = rows.join(_weapons(frames, is_group_b=False), on="arrestee_id", how="left")
    line = _line(
        "06",
        number("sequence_number", 2),
        pl.lit(" " * 12),
        date("arrest_date"),
        padded("arrest_type_code", 1),
        padded("multiple_code", 1),
        padded("offense_code", 3),
        padded("weapon_code", 6),
        *_demographics(),
        padded("resident_code", 1),
        padded("under_18_disposition_code", 1),
    )
    return _ordered(rows, "06", zeros("arrestee_id", 18), line)


def _group_b(of_agency: pl.DataFrame, frames: Mapping[Dataset, pl.DataFrame], year: int) -> pl.DataFrame:
    rows = (
        frames[segments.ARRESTEE]
        .filter(pl.col("is_group_b") & (pl.col("arrest_date").dt.year() == year))
        .join(of_agency, on="agency_id")
        .join(_weapons(frames, is_group_b=True), on="arrestee_id", how="left")
        .with_columns(part=pl.lit(2), number=zeros("arrestee_id", 12), incident_date="arrest_date")
    )
    line = _line(
        "07",
        number("sequence_number", 2),
        pl.lit(" " * 4),
        padded("arrest_type_code", 1),
        padded("offense_code", 3),
        padded("weapon_code", 6),
        *_demographics(),
        padded("resident_code", 1),
        padded("under_18_disposition_code", 1),
    )
    return _ordered(rows, "07", zeros("arrestee_id", 18), line)


def _weapons(frames: Mapping[Dataset, pl.DataFrame], *, is_group_b: bool) -> pl.DataFrame:
    own = frames[segments.ARRESTEE_WEAPON].filter(pl.col("is_group_b") == is_group_b)
    return _several(own, "arrestee_id", "weapon_code", 3, 2)


def _several(rows: pl.DataFrame, parent: str, column: str, width: int, most: int) -> pl.DataFrame:
    """The codes of each parent beside each other, in order, each as wide as the widest."""
    return (
        rows.sort(parent, column)
        .group_by(parent, maintain_order=True)
        .agg(pl.col(column).head(most).str.pad_end(width).str.join(""))
    )


def _demographics() -> tuple[pl.Expr, ...]:
    return (
        padded("age_code", 2),
        padded("sex_code", 1),
        padded("race_code", 1),
        padded("ethnicity_code", 1),
    )
