"""The agencies of a file from its batch headers, and which agency each line belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.agency import AGENCY
from nibrs_estimation.model.codes import code_list, labels
from nibrs_estimation.model.geography import AGENCY_COUNTY
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.intake.accounts import LINE
from nibrs_estimation.sources.intake.archive import printable
from nibrs_estimation.sources.intake.fixed_width import RECORD, Field, filled, is_digits, raw, text
from nibrs_estimation.sources.master import layout
from nibrs_estimation.sources.master.agency_id import agency_numbers
from nibrs_estimation.sources.master.lines import WANTED, Block, Integers, blocks, header_lines

#: The name of a made-up agency begins with this.
SYNTHETIC_CITY = "SYNTHETIC "
#: Name of the accounts' column with the reason why a header was set aside.
REASON, FIELD = "reason", "field"
_SHOWN = 40
_MONTHS = range(12)
#: Agencies of cities of metropolitan areas with as many residents are not suburban.
_URBAN_RESIDENTS = 50_000
#: ORIs are in the order of EBCDIC, where letters precede digits.
_EBCDIC = str.maketrans("0123456789", "abcdefghij")
_NO_AGENCY_TYPE = "0"
_YES_OR_NO = {"Y": True, "N": False}
#: Columns of dataset ``agency_county`` that the headers do not tell.
_NAMES_OF_PLACES = (
    "county_name", "msa_name", "metro_division_name", "judicial_district_name", "field_office_name",
)  # fmt: skip


@dataclass(frozen=True)
class Headers:
    """The headers of a file.

    Attributes:
        path: the file.
        data_year: the year of most headers.
        has_old_headers: whether agencies have three headers each.
        is_synthetic: whether the file is of a nation that does not exist.
        line: (m,) line of each header, ascending.
        agency: (m,) row of ``agencies`` that each header belongs to; -1 if it was set aside.
        agencies: one row for each agency, by ORI: ``line``, ``record`` (as a BH record), ``state_abbr``, ``ori`` and,
            after :func:`numbered`, ``agency_id``.
        faults: headers that are not used, or only in part: ``line``, ``state_abbr``, ``field``, ``value``, ``reason``
            and ``is_row``.
        inversions: number of headers that do not follow the order of the file, and the line of the first.
    """

    path: Path
    data_year: int
    has_old_headers: bool
    is_synthetic: bool
    line: Integers
    agency: NDArray[np.int32]
    agencies: pl.DataFrame
    faults: pl.DataFrame
    inversions: tuple[int, int]

    @property
    def states(self) -> tuple[str, ...]:
        """The states that are estimated and have an agency in the file, ascending."""
        found = self.agencies["state_abbr"].unique().sort()
        return tuple(found.filter(found.is_in(code_list("state")["state_abbr"].implode())))

    def of_lines(self, line: Integers) -> NDArray[np.int32]:
        """(n,) The agency's row of the header before each line; -1 if there is none, or if it was set aside."""
        place = np.searchsorted(self.line, line, side="right") - 1
        return np.where(place < 0, np.int32(-1), self.agency[np.maximum(place, 0)])

    def state_of_lines(self, line: Integers) -> pl.Series:
        """(n,) The state of the header before each line; null if there is none, or if it was set aside."""
        row = self.of_lines(line)
        states = pl.concat([self.agencies["state_abbr"], pl.Series([None], dtype=pl.String())])
        return states.gather(np.where(row < 0, self.agencies.height, row).astype(np.uint32))


def numbered(headers: Sequence[Headers]) -> list[Headers]:
    """The headers of the files of a run, with a number for each agency, the same in all files."""
    oris = pl.concat(file.agencies["ori"] for file in headers).unique()
    numbers = agency_numbers(oris)
    return [
        replace(file, agencies=file.agencies.join(numbers, on="ori", how="left", maintain_order="left"))
        for file in headers
    ]


FAULTS = pl.Schema(
    {
        LINE: pl.Int64(),
        "state_abbr": pl.String(),
        FIELD: pl.String(),
        "value": pl.String(),
        REASON: pl.String(),
        "is_row": pl.Boolean(),
    }
)


def read_headers(path: Path) -> Headers:
    """Find the headers of a file, and make one agency of the headers of an ORI.

    Headers of an ORI in two states: that of the state that the ORI begins with is used. Other different headers of an
    ORI: the first is used. What follows any of them belongs to the agency.

    Raises:
        PipelineError: the file cannot be read or is no NIBRS master file; or all headers are faulty.
    """
    found = [(line, content) for block in _checked(path, blocks(path)) for line, content in header_lines(block)]
    records = pl.DataFrame(
        {LINE: [line for line, _content in found], RECORD: [content.decode("latin-1") for _line, content in found]},
        schema={LINE: pl.Int64(), RECORD: pl.String()},
    ).with_columns(_state())
    level = pl.col(RECORD).str.head(2)
    has_old_headers = bool(records.select((level != layout.BATCH_HEADER).any()).item())
    whole, faults = _joined(records) if has_old_headers else _whole(records)
    if whole.is_empty():
        raise PipelineError(f"{path} has no whole batch header among {records.height:,} headers. {WANTED}")
    year = int(whole.select(text(layout.YEAR).filter(is_digits(layout.YEAR)).mode().sort().first()).item() or 0)
    whole, faulty = _sound(whole, year)
    if whole.is_empty():
        worst = faulty.row(0, named=True)
        raise PipelineError(
            f"{path}, line {worst[LINE]}, {worst[FIELD]}: {printable(worst['value'])!r}. None of its "
            f"{records.height:,} headers can be used. {WANTED}"
        )
    agencies, repeated = _one_each(whole)
    agencies = agencies.with_columns(text(layout.ORI).alias("ori"))
    faults = pl.concat([faults, faulty, repeated, _faulty_values(agencies)])
    of_ori = agencies.select("ori", row=pl.int_range(pl.len(), dtype=pl.Int32))
    is_unusable = pl.col(LINE).is_in(faults.filter("is_row", ~pl.col(REASON).is_in(_REPEATED))[LINE].implode())
    row = (
        records.select(LINE, ori=text(layout.ORI))
        .join(of_ori, on="ori", how="left", maintain_order="left")
        .select(pl.when(~is_unusable).then("row").fill_null(-1))
    )
    return Headers(
        path=path,
        data_year=year,
        has_old_headers=has_old_headers,
        is_synthetic=bool(agencies.select(text(layout.CITY).str.starts_with(SYNTHETIC_CITY).any()).item()),
        line=records[LINE].to_numpy(),
        agency=row.to_series().to_numpy(),
        agencies=agencies,
        faults=faults,
        inversions=_inversions(records),
    )


#: Why a header is not used although what follows it is.
_REPEATED = ("duplicate", "conflict", "two_states")


def _checked(path: Path, found: Iterable[Block]) -> Iterator[Block]:
    """The blocks, after the first line was seen to be a header."""
    is_empty = True
    for number, block in enumerate(found):
        is_empty = False
        first = block.text[: block.text.find(b"\n")].decode("latin-1")
        if number == 0 and first[:2] not in layout.HEADERS:
            raise PipelineError(
                f"{path} is not a NIBRS master file: its first line has {len(first):,} characters and begins with "
                f"{printable(first[:_SHOWN])!r}. {WANTED}"
            )
        yield block
    if is_empty:
        raise PipelineError(f"{path} is not a NIBRS master file: it is empty. {WANTED}")


def _faults(
    records: pl.DataFrame, is_faulty: pl.Expr, field: Field | None, reason: str, *, is_row: bool
) -> pl.DataFrame:
    return (
        records.filter(is_faulty)
        .select(
            LINE,
            "state_abbr",
            pl.lit(field.title if field else "").alias(FIELD),
            value=raw(field) if field else pl.lit(None, pl.String()),
            reason=pl.lit(reason),
            is_row=pl.lit(is_row),
        )
        .cast(FAULTS)
    )


def _whole(records: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """BH records, filled up with blanks; and those that are too short or too long."""
    length = pl.col(RECORD).str.len_chars()
    beyond = pl.col(RECORD).str.slice(layout.HEADER_LENGTH).str.strip_chars(" ") != ""
    is_wrong = (length < layout.HEADER_LEAST) | beyond
    whole = records.filter(~is_wrong).with_columns(pl.col(RECORD).str.pad_end(layout.HEADER_LENGTH))
    return whole, _faults(records, is_wrong, None, "wrong_record", is_row=True)


def _joined(records: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """BH records made of B1, B2 and B3; and headers that are too short, or without the other two."""
    key = [LINE, "state_abbr", RECORD]
    level = pl.col(RECORD).str.head(2)
    least = level.replace_strict(layout.OLD_HEADER_LEAST, default=layout.HEADER_LEAST, return_dtype=pl.Int64())
    is_short = pl.col(RECORD).str.len_chars() < least
    whole = records.filter(~is_short).with_columns(level=level, key=pl.col(RECORD).str.slice(2, 11))
    # A file has one of each for an agency. Of several the first is joined, so the others are left over.
    first = whole.unique(["level", "key"], keep="first", maintain_order=True)
    parts = {
        name: first.filter(level=name).select("key", pl.col(RECORD).alias(name)) for name in layout.OLD_HEADERS[1:]
    }
    joined = whole.filter(level=layout.OLD_HEADERS[0]).with_columns(pl.col(RECORD).alias(layout.OLD_HEADERS[0]))
    for part in parts.values():
        joined = joined.join(part, on="key", how="inner", maintain_order="left")
    pieces = [
        pl.col(part.level).str.slice(part.first - 1, part.length).str.pad_end(part.length)
        for part in layout.HEADER_PARTS
    ]
    headers = joined.with_columns(pl.concat_str(pieces).str.pad_end(layout.HEADER_LENGTH).alias(RECORD)).select(key)
    lonely = whole.join(joined, on="key", how="anti")
    of_first = first.select("level", "key", pl.col(RECORD).alias("first"))
    again = whole.join(first, on=LINE, how="anti").filter(pl.col("level") != layout.OLD_HEADERS[0])
    again = again.join(of_first, on=["level", "key"])
    is_equal = pl.col(RECORD) == pl.col("first")
    faults = [
        _faults(records, is_short, None, "wrong_record", is_row=True),
        _faults(lonely, pl.lit(True), None, "missing_value", is_row=True),
        _faults(again, is_equal, None, "duplicate", is_row=True),
        _faults(again, ~is_equal, None, "conflict", is_row=True),
    ]
    return headers, pl.concat(faults)


def _sound(records: pl.DataFrame, year: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Headers whose state, ORI, year and numbers of residents can be read; and the others."""
    is_number = {field: is_digits(field) | (text(field) == "") for field in layout.COUNTY_POPULATION}
    rules = [
        (layout.STATE, pl.col("state_abbr").is_null(), "unknown_code"),
        (layout.ORI, ~raw(layout.ORI).str.contains(r"^[0-9A-Z]{9}$"), "missing_value"),
        (layout.YEAR, ~is_digits(layout.YEAR), "not_a_number"),
        (layout.YEAR, text(layout.YEAR) != f"{year:04d}", "other_year"),
        *((field, ~known, "not_a_number") for field, known in is_number.items()),
    ]
    faults = [_faults(records, is_faulty, field, reason, is_row=True) for field, is_faulty, reason in rules]
    found = pl.concat(faults).unique(LINE, keep="first", maintain_order=True)
    return records.join(found, on=LINE, how="anti", maintain_order="left"), found


def _one_each(records: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One header of each ORI, by ORI; and the others, each with the reason why it is not used."""
    # Nebraska's ORIs begin with NB as its abbreviation does.
    is_own_state = raw(layout.ORI).str.head(2) == pl.col("state_abbr")
    ordered = records.with_columns(text(layout.ORI).alias("ori")).sort("ori", ~is_own_state, LINE)
    is_other = pl.col("ori") == pl.col("ori").shift()
    kept = ordered.filter(~is_other.fill_null(False)).drop("ori")
    of_kept = pl.col("state_abbr", RECORD).first().over("ori").name.suffix("_kept")
    others = ordered.with_columns(of_kept).filter(is_other.fill_null(False))
    is_elsewhere = pl.col("state_abbr") != pl.col("state_abbr_kept")
    is_equal = pl.col(RECORD) == pl.col(f"{RECORD}_kept")
    repeated = [
        _faults(others, is_elsewhere, layout.STATE, "two_states", is_row=True),
        _faults(others, ~is_elsewhere & is_equal, None, "duplicate", is_row=True),
        _faults(others, ~is_elsewhere & ~is_equal, None, "conflict", is_row=True),
    ]
    return kept, pl.concat(repeated)


def _faulty_values(agencies: pl.DataFrame) -> pl.DataFrame:
    groups = code_list("population_group")["code"]
    kinds = [*_types(), _NO_AGENCY_TYPE, ""]
    flags = pl.col(RECORD).str.slice(layout.ACTIVITY.first - 1, 36).str.contains(r"^[YN 01]*$")
    number = is_digits(layout.MONTHS_REPORTED) | (text(layout.MONTHS_REPORTED) == "")
    rules = [
        (layout.POPULATION_GROUP, ~text(layout.POPULATION_GROUP).is_in([*groups, "0", ""]), "unknown_code"),
        (layout.AGENCY_TYPE, ~text(layout.AGENCY_TYPE).is_in(kinds), "unknown_code"),
        (layout.START_DATE, _date(layout.START_DATE).is_null() & ~_has_no_date(layout.START_DATE), "impossible_date"),
        (layout.ACTIVITY, ~flags, "unknown_code"),
        (layout.MONTHS_REPORTED, ~number, "not_a_number"),
        *((field, ~is_digits(field) & (text(field) != ""), "not_a_number") for field in layout.COUNTY_FIPS),
    ]
    return pl.concat([_faults(agencies, is_faulty, field, reason, is_row=False) for field, is_faulty, reason in rules])


def _inversions(records: pl.DataFrame) -> tuple[int, int]:
    """Number of headers that the one before should follow, and the line of the first; ASCII order is one, too."""
    found = []
    for table in (_EBCDIC, {}):
        keys = pl.Series([content[2:13].translate(table) for content in records[RECORD]], dtype=pl.String())
        rows = (keys < keys.shift()).fill_null(False).arg_true()
        found.append((len(rows), int(records[LINE][rows[0]]) if len(rows) else 0))
    return min(found)


def agency_frame(headers: Headers, reported: pl.DataFrame) -> pl.DataFrame:
    """Dataset ``agency`` of the file's year, one row for each agency of the file.

    Args:
        headers: the headers.
        reported: ``agency_id`` of agencies that reported a month, in this file or in another one of the run.
    """
    year, agencies = headers.data_year, headers.agencies
    groups = labels("population_group")
    group, kind = text(layout.POPULATION_GROUP), text(layout.AGENCY_TYPE)
    # Of a covered agency the header does not tell its kind; its population group does.
    first = group.str.head(1)
    kind_by_group = (
        pl.when(first.is_in(list("1234567"))).then(pl.lit("City")).when(first.is_in(list("89"))).then(pl.lit("County"))
    )
    population = pl.sum_horizontal(_number(field) for field in _population_fields(agencies))
    msa = [text(field) for field in layout.COUNTY_MSA]
    in_msa = pl.any_horizontal((code != "") & (code != "000") & (code != "0") for code in msa)
    activity = reported_months(headers)
    has_reported = pl.col("agency_id").is_in(reported["agency_id"].implode())
    has_reported_year = pl.col("agency_id").is_in(activity["agency_id"].implode())
    is_suburban = in_msa & (text(layout.CORE_CITY) != "Y")
    is_suburban &= first.is_in(["9"]) | (pl.col("population") < _URBAN_RESIDENTS)
    known = {
        "agency_name": filled(layout.CITY),
        "agency_type_name": pl.coalesce(kind.replace_strict(_types(), default=None), kind_by_group, pl.lit("Unknown")),
        "population_group_code": pl.when(group.is_in(list(groups))).then(group),
        "is_covered": text(layout.COVERED_BY) != "",
        "covered_by_ori": filled(layout.COVERED_BY),
        "is_in_msa": in_msa,
        "nibrs_start_date": _date(layout.START_DATE),
        "nibrs_leoka_start_date": _date(layout.LEOKA_DATE),
        "judicial_district_code": filled(layout.JUDICIAL_DISTRICT),
        "field_office_code": filled(layout.FIELD_OFFICE),
    }
    frame = (
        agencies.with_columns(population=population)
        .with_columns(**known)
        .with_columns(
            data_year=pl.lit(year),
            legacy_ori=pl.col("ori"),
            is_suburban=is_suburban,
            population_group_desc=pl.col("population_group_code").replace_strict(groups, default=None),
            is_nibrs=(text(layout.NIBRS_FLAG) == "A") | has_reported_year,
            has_participated=has_reported_year,
            has_participated_nibrs=has_reported_year & ~pl.col("is_covered"),
            agency_status=pl.when(pl.col("agency_type_name") == "Federal")
            .then(pl.lit("F"))
            .when((pl.col("population") > 0) | has_reported | pl.col("is_covered"))
            .then(pl.lit("A"))
            .otherwise(pl.lit("D")),
            universe_scope=pl.lit("synthetic" if headers.is_synthetic else "all"),
            is_publishable=pl.lit(True),
            **{name: pl.lit(False) for name in ("is_direct_contributor", "is_most_in_population")},
            has_police_employees=pl.lit(False),
        )
        .with_columns(is_dormant=pl.col("agency_status") == "D")
        .join(_places(), on="state_abbr", how="left", maintain_order="left")
    )
    absent = [column for column in AGENCY.columns if column.name not in frame.columns]
    return AGENCY.cast(frame.with_columns(pl.lit(None, column.dtype).alias(column.name) for column in absent))


def _population_fields(agencies: pl.DataFrame) -> tuple[Field, ...]:
    """The residents of the five counties; files of data year 2000 have those of the census alone."""
    has_current = agencies.select(pl.sum_horizontal(_number(field) for field in layout.COUNTY_POPULATION).sum() > 0)
    return layout.COUNTY_POPULATION if has_current.item() else layout.LAST_POPULATION


def agency_counties(headers: Headers) -> pl.DataFrame:
    """Dataset ``agency_county`` of the file's year, without names of counties and areas.

    An agency without residents is in its first county. An agency that has residents in a county without FIPS code has
    no rows, because its shares would be wrong.
    """
    agencies = headers.agencies.join(
        code_list("state").select("state_abbr", "state_fips"), on="state_abbr", maintain_order="left"
    )
    fields = zip(layout.COUNTY_FIPS, _population_fields(headers.agencies), strict=True)
    blocks = pl.concat(
        agencies.select(
            "ori",
            place=pl.lit(place),
            is_core_city=text(layout.CORE_CITY).replace_strict(_YES_OR_NO, default=None, return_dtype=pl.Boolean()),
            county_fips=pl.when(is_digits(fips) & (text(fips) != "000")).then(pl.col("state_fips") + raw(fips)),
            population=_number(population),
        )
        for place, (fips, population) in enumerate(fields)
    )
    is_unplaced = (pl.col("county_fips").is_null() & (pl.col("population") > 0)).any().over("ori")
    total = pl.col("population").sum().over("ori")
    is_first = pl.col("place") == pl.col("place").min().over("ori")
    return (
        blocks.filter(~is_unplaced)
        .drop_nulls("county_fips")
        .filter((total > 0) | is_first)
        .group_by("ori", "county_fips")
        .agg(pl.col("population").sum(), pl.col("is_core_city").first())
        .sort("ori", "county_fips")
        .with_columns(
            data_year=pl.lit(headers.data_year),
            population_share=pl.when(total > 0).then(pl.col("population") / total).otherwise(1.0),
            **{name: pl.lit(None, pl.String()) for name in _NAMES_OF_PLACES},
        )
        .pipe(AGENCY_COUNTY.cast)
    )


def reported_months(headers: Headers) -> pl.DataFrame:
    """The months that the headers mark as reported, by agency and month.

    Of a month's three letters the first says that a zero report came, the second that data of Group A or B came, the
    third that data of older incidents came, which is no report of the month.

    Returns:
        ``agency_id``, ``ori``, ``month`` and ``status``: I where data came, else Z.
    """
    months = []
    for month in _MONTHS:
        start = layout.ACTIVITY.first - 1 + 3 * month
        is_zero, has_data = (pl.col(RECORD).str.slice(start + place, 1) == "Y" for place in (0, 1))
        status = pl.when(has_data).then(pl.lit("I")).when(is_zero).then(pl.lit("Z"))
        months.append(headers.agencies.select("agency_id", "ori", month=pl.lit(month + 1, pl.Int8()), status=status))
    return pl.concat(months).drop_nulls("status")


def months_in_conflict(headers: Headers) -> pl.DataFrame:
    """Agencies whose header states another number of months than it marks: ``ori``, ``line``, ``n`` stated."""
    marked = reported_months(headers).group_by("ori").len("marked")
    return (
        headers.agencies.select("ori", LINE, "state_abbr", n=_number(layout.MONTHS_REPORTED))
        .join(marked, on="ori", how="left", maintain_order="left")
        .filter(pl.col("n") != pl.col("marked").fill_null(0))
    )


def _places() -> pl.DataFrame:
    """Name and region of states, and of the places that are not estimated."""
    states = code_list("state").select("state_abbr", "state_name", "region_code")
    others = code_list("place_not_estimated").select("state_abbr", "state_name", region_code=pl.lit(99, pl.Int8()))
    return pl.concat([states, others])


def _state() -> pl.Expr:
    states = dict(code_list("return_a_state").select("code", "state_abbr").rows())
    return text(layout.STATE).replace_strict(states, default=None).alias("state_abbr")


def _types() -> dict[str, str]:
    return {code: label for code, label in labels("agency_type").items() if len(code) == 1}


def _number(field: Field) -> pl.Expr:
    """A number, 0 where there is none."""
    return pl.when(is_digits(field)).then(raw(field)).cast(pl.Int32).fill_null(0)


def _date(field: Field) -> pl.Expr:
    return raw(field).str.to_date("%Y%m%d", strict=False)


def _has_no_date(field: Field) -> pl.Expr:
    return text(field).is_in(["", "00000000"])
