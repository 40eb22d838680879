"""Writes normalized data as a NIBRS master file with batch headers (docs/nibrs-master-file.md).

What the file cannot hold (its losses): names of agencies beyond 30 characters, names of places, police employees, the
kind of covered agencies, which agencies are dormant or listed for their officers only, a former ORI, more than five
counties of an agency, age ranges, more than ten offenses or offenders of a victim and more than three drugs of a type
of loss, summary reports, and other years.

Incidents have their identifier as number. Numbers of metropolitan areas are made up.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import polars as pl

from nibrs_estimation.model import incident as segments
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.fields import MONTHS
from nibrs_estimation.pipeline.dataset import Dataset

#: From this year on, a letter says that a report did not come; before, a blank does.
FIRST_YEAR_OF_LETTERS = 2020
#: The name of every agency of a nation that does not exist begins with this.
_SYNTHETIC = "SYNTHETIC "
#: The earliest time in a zip, used instead of the clock so that files are reproducible.
_TIMESTAMP = (1980, 1, 1, 0, 0, 0)
_COUNTIES = 5
_EBCDIC = dict(zip("0123456789", "abcdefghij", strict=True))
#: Order of lines: agency, header before incidents before arrests of Group B, incident, level, record.
_ORDER = ["agency_order", "part", "number", "level", "record"]
_BASE = ["agency_order", "part", "number"]
_DATE = "%Y%m%d"

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
    if path.suffix != ".zip":
        with path.open("wb") as text:
            for part in _texts(datasets, year):
                lines += part.count(b"\n")
                text.write(part)
        return lines
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        info = zipfile.ZipInfo(f"{year}_NIBRS_NATIONAL_MASTER_FILE.txt", _TIMESTAMP)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.create_system = 3
        with file.open(info, "w", force_zip64=True) as member:
            for part in _texts(datasets, year):
                lines += part.count(b"\n")
                member.write(part)
    return lines


def _texts(datasets: Tables, year: int) -> Iterator[bytes]:
    """The lines of each state, in the order of the FBI's numbers of states."""
    agencies = _agencies(datasets["agency"], year)
    months = _activity(datasets["report_month"], year)
    counties = _counties(datasets["agency_county"], year)
    for (_code, state), rows in (
        agencies.sort("state_code", "ori_order")
        .partition_by(["state_code", "state_abbr"], as_dict=True, maintain_order=True)
        .items()
    ):
        headers = _headers(rows, months, counties, year)
        yield _text([headers, *_records(datasets, rows, str(state), year)])


def _text(parts: Iterable[pl.DataFrame]) -> bytes:
    lines = pl.concat(part.select(*_ORDER, "line") for part in parts).sort(_ORDER)
    buffer = io.BytesIO()
    lines.select("line").write_csv(buffer, include_header=False, quote_style="never")
    return buffer.getvalue()


def _agencies(agency: pl.LazyFrame, year: int) -> pl.DataFrame:
    """The agencies of the year with the number of their state, in the order of the file."""
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
    )


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
    """Five blocks of counties, and their FIPS codes, of each agency; a sixth county counts in the fifth."""
    areas = agency_county.select("msa_name").drop_nulls().unique().sort("msa_name").with_row_index("area", offset=1)
    pieces = (
        agency_county.filter(pl.col("data_year") == year)
        .join(areas, on="msa_name", how="left")
        .sort("ori", "population", "county_fips", descending=[False, True, False])
        .with_columns(place=pl.int_range(pl.len()).over("ori").clip(upper_bound=_COUNTIES - 1))
        .group_by("ori", "place", maintain_order=True)
        .agg(pl.col("population").sum(), pl.col("county_fips", "area").first(), pl.col("is_core_city").any())
        .collect()
    )
    area = pl.col("area").cast(pl.String()).str.zfill(3).fill_null("   ")
    block = pl.concat_str(_zeros("population", 9), pl.lit("   "), area, pl.lit("0" * 9))
    empty = "0" * 9 + " " * 6 + "0" * 9
    by_agency = (
        pieces.sort("ori", "place")
        .with_columns(block=block)
        .group_by("ori", maintain_order=True)
        .agg(
            blocks=pl.col("block").str.join(""),
            counties=pl.len(),
            fips=pl.col("county_fips").str.tail(3).str.join(""),
            is_core_city=pl.col("is_core_city").any(),
        )
    )
    return by_agency.with_columns(
        blocks=pl.concat_str("blocks", pl.lit(empty).repeat_by(_COUNTIES - pl.col("counties")).list.join(""))
    )


def _headers(agencies: pl.DataFrame, months: pl.DataFrame, counties: pl.DataFrame, year: int) -> pl.DataFrame:
    no = "N" if year >= FIRST_YEAR_OF_LETTERS else " "
    rows = agencies.join(months, on="agency_id", how="left").join(counties, on="ori", how="left")
    no_county = pl.concat_str(_zeros("population", 9), pl.lit(" " * 6 + "0" * 9 + ("0" * 9 + " " * 6 + "0" * 9) * 4))
    number = pl.col("months").fill_null(0)
    indicator = (
        pl.when(number == 12).then(pl.lit("12")).when(number >= 6).then(pl.lit("06"))
        .when(number >= 1).then(pl.lit("01")).otherwise(pl.lit("  "))
    )  # fmt: skip
    is_made_up = pl.col("universe_scope") == "synthetic"
    name = pl.concat_str(
        pl.when(is_made_up).then(pl.lit(_SYNTHETIC)).otherwise(pl.lit("")),
        pl.col("agency_name").fill_null("").str.to_uppercase(),
    )
    kind = pl.when("is_covered").then(pl.lit("0")).when(pl.col("kind") == "99").then(pl.lit(" ")).otherwise("kind")
    line = pl.concat_str(
        pl.lit("BH"),
        "state_code",
        "ori",
        pl.lit("0" * 12 + " " * 8),
        _date("nibrs_start_date"),
        name.str.slice(0, 30).str.pad_end(30),
        "state_abbr",
        _padded("population_group_code", 2),
        "division",
        pl.col("region_code").cast(pl.String()),
        kind,
        pl.when("is_core_city").then(pl.lit("Y")).otherwise(pl.lit("N")),
        _padded("covered_by_ori", 9),
        _padded("field_office_code", 4),
        _padded("judicial_district_code", 4),
        pl.when("is_nibrs").then(pl.lit("A")).otherwise(pl.lit(" ")),
        pl.lit(" " * 8),
        pl.col("blocks").fill_null(no_county),
        indicator,
        number.cast(pl.String()).str.zfill(2),
        pl.lit(str(year)),
        pl.col("activity").fill_null(3 * no * 12),
        _padded("fips", 15),
        _date("nibrs_leoka_start_date"),
    )
    return rows.select(
        "agency_order", part=pl.lit(0), number=pl.lit(""), level=pl.lit("BH"), record=pl.lit(""), line=line
    )


def _records(datasets: Tables, agencies: pl.DataFrame, state: str, year: int) -> Iterator[pl.DataFrame]:
    def read(dataset: Dataset) -> pl.DataFrame:
        return datasets[dataset.name].filter(pl.col("state_abbr") == state).collect()

    of_agency = agencies.select("agency_id", "agency_order", "state_code", "ori")
    incidents = (
        read(segments.INCIDENT)
        .filter(pl.col("data_year") == year)
        .join(of_agency, on="agency_id")
        .with_columns(part=pl.lit(1), number=_zeros("incident_id", 12))
    )
    base = incidents.select(*_BASE, "incident_id", "state_code", "ori", "incident_date")
    frames = {dataset: read(dataset) for dataset in segments.DATASETS if dataset is not segments.INCIDENT}
    yield _administrative(incidents, frames)
    yield _offenses(base, frames)
    yield _properties(base, frames)
    yield _victims(base, frames, datasets["agency"], year)
    yield _offenders(base, frames)
    yield _arrestees(base, frames)
    yield _group_b(of_agency, frames, year)


def _line(level: str, *fields: pl.Expr) -> pl.Expr:
    """A record with the fields that all begin with."""
    begin = (pl.lit(level), pl.col("state_code"), pl.col("ori"), pl.col("number"), _date("incident_date"))
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
        _number("incident_hour", 2),
        _zeros("n_offenses", 2),
        _zeros("n_victims", 3),
        _zeros("n_offenders", 2),
        _zeros("n_arrestees", 2),
        pl.lit(" " * 4),
        _padded("cleared_exceptionally_code", 1),
        _date("cleared_exceptionally_date"),
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
        _padded("offense_code", 3),
        _padded("attempt_complete_code", 1),
        _padded("using_code", 3),
        _padded("location_code", 2),
        _number("premises_entered", 2),
        _padded("method_of_entry_code", 1),
        _padded("activity_code", 3),
        _padded("weapon_code", 9),
        pl.col("bias_code").fill_null("").str.strip_chars_end(" ").str.pad_end(2),
    )
    return _ordered(rows, "02", _zeros("offense_id", 18), line)


def _properties(base: pl.DataFrame, frames: Mapping[Dataset, pl.DataFrame]) -> pl.DataFrame:
    rows = frames[segments.PROPERTY].join(base, on="incident_id")
    items = frames[segments.PROPERTY_ITEM].drop("state_abbr")
    rows = rows.join(items, on="property_id", how="left")
    drug = pl.concat_str(
        _padded("drug_code", 1),
        _number("whole", 9),
        _number("thousandths", 3),
        _padded("measure_code", 2),
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
        _number("loss_code", 1),
        _padded("description_code", 2),
        _number("value_usd", 9),
        _date("recovered_date"),
        _number("stolen_vehicles", 2),
        _number("recovered_vehicles", 2),
        pl.when(is_first).then("drugs").fill_null("").str.pad_end(45),
    )
    record = pl.concat_str(_zeros("property_id", 18), pl.col("description_code").fill_null(""))
    return _ordered(rows, "03", record, line)


def _victims(
    base: pl.DataFrame, frames: Mapping[Dataset, pl.DataFrame], agency: pl.LazyFrame, year: int
) -> pl.DataFrame:
    rows = frames[segments.VICTIM].join(base, on="incident_id")
    codes = frames[segments.OFFENSE].select("offense_id", "offense_code")
    of_victim = frames[segments.VICTIM_OFFENSE].join(codes, on="offense_id")
    number = frames[segments.OFFENDER].select("offender_id", seq="sequence_number")
    related = (
        frames[segments.VICTIM_OFFENDER]
        .join(number, on="offender_id")
        .sort("victim_id", "offender_id")
        .with_columns(pair=pl.concat_str(_zeros("seq", 2), _padded("relationship_code", 2)))
    )
    circumstance = frames[segments.VICTIM_CIRCUMSTANCE].with_columns(circumstance_code=_zeros("circumstance_code", 2))
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
        _number("sequence_number", 3),
        _padded("offense_code", 30),
        _padded("victim_type_code", 1),
        *_demographics(),
        _padded("resident_code", 1),
        _padded("circumstance_code", 4),
        _padded("justifiable_force_code", 1),
        _padded("injury_code", 5),
        _padded("pair", 40),
        _padded("activity_code", 2),
        _padded("assignment_code", 1),
        _padded("outside_ori", 9),
    )
    return _ordered(rows, "04", _zeros("victim_id", 18), line)


def _offenders(base: pl.DataFrame, frames: Mapping[Dataset, pl.DataFrame]) -> pl.DataFrame:
    rows = frames[segments.OFFENDER].join(base, on="incident_id")
    line = _line("05", _number("sequence_number", 2), *_demographics())
    return _ordered(rows, "05", _zeros("offender_id", 18), line)


def _arrestees(base: pl.DataFrame, frames: Mapping[Dataset, pl.DataFrame]) -> pl.DataFrame:
    rows = frames[segments.ARRESTEE].filter(~pl.col("is_group_b")).join(base, on="incident_id")
    rows = rows.join(_weapons(frames, is_group_b=False), on="arrestee_id", how="left")
    line = _line(
        "06",
        _number("sequence_number", 2),
        pl.lit(" " * 12),
        _date("arrest_date"),
        _padded("arrest_type_code", 1),
        _padded("multiple_code", 1),
        _padded("offense_code", 3),
        _padded("weapon_code", 6),
        *_demographics(),
        _padded("resident_code", 1),
        _padded("under_18_disposition_code", 1),
    )
    return _ordered(rows, "06", _zeros("arrestee_id", 18), line)


def _group_b(of_agency: pl.DataFrame, frames: Mapping[Dataset, pl.DataFrame], year: int) -> pl.DataFrame:
    rows = (
        frames[segments.ARRESTEE]
        .filter(pl.col("is_group_b") & (pl.col("arrest_date").dt.year() == year))
        .join(of_agency, on="agency_id")
        .join(_weapons(frames, is_group_b=True), on="arrestee_id", how="left")
        .with_columns(part=pl.lit(2), number=_zeros("arrestee_id", 12), incident_date="arrest_date")
    )
    line = _line(
        "07",
        _number("sequence_number", 2),
        pl.lit(" " * 4),
        _padded("arrest_type_code", 1),
        _padded("offense_code", 3),
        _padded("weapon_code", 6),
        *_demographics(),
        _padded("resident_code", 1),
        _padded("under_18_disposition_code", 1),
    )
    return _ordered(rows, "07", _zeros("arrestee_id", 18), line)


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
        _padded("age_code", 2),
        _padded("sex_code", 1),
        _padded("race_code", 1),
        _padded("ethnicity_code", 1),
    )


def _padded(column: str, width: int) -> pl.Expr:
    return pl.col(column).fill_null("").str.pad_end(width)


def _zeros(column: str, width: int) -> pl.Expr:
    return pl.col(column).cast(pl.Int64()).cast(pl.String()).str.zfill(width)


def _number(column: str, width: int) -> pl.Expr:
    """A number with leading zeros; blank where missing."""
    return _zeros(column, width).fill_null(" " * width)


def _date(column: str) -> pl.Expr:
    return pl.col(column).dt.strftime(_DATE).fill_null(" " * 8)
