"""The numbers of a table as Parquet files that a browser reads in parts.

A file has one type of estimate of some places. A row group is one column of the table: all its rows of all places of
the file. So a view of one place and one column reads one row group, and so does a map of one cell. Within it the rows
are sorted by place and row, and none is left out, so the position of a cell follows from its place and row.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.reading.runs import EstimatedRun
from nibrs_estimation.tables.caution import warning_codes
from nibrs_estimation.tables.definition import Estimate, TableDefinition, TableRow
from nibrs_estimation.tables.series import Series
from nibrs_estimation.tables.table_cells import COUNT, PERCENTAGE, TYPE_NUMBERS

#: Places of one file at most.
_PLACES = 60
#: zstd: files are written once and read often.
_COMPRESSION_LEVEL = 12
#: Decimals that a file keeps, by type.
DECIMALS = {"count": 1, "percentage": 1, "rate": 2}
#: Digits of a decimal of 32 bits and of 64 bits.
_SHORT, _LONG = 9, 18
#: Differences from a tie that floating point may cause, in units of the last digit.
_NEAR_TIE = 1e-6
_NUMBERS = {
    "lower": "estimate_lower_bound",
    "upper": "estimate_upper_bound",
    "known": "estimate_known",
    "reported": "reported",
}
_SHARES = {"relative_error": "relative_standard_error", "filled": "filled_share", "imputed": "imputed_share"}
#: Columns of a file by type, beside the key and the note.
COLUMNS: dict[Estimate, tuple[str, ...]] = {
    "count": ("estimate", "lower", "upper", "relative_error", "agencies", "reported", "filled", "imputed"),
    "percentage": ("estimate", "lower", "upper", "known"),
    "rate": ("estimate", "lower", "upper", "relative_error", "agencies"),
}


@dataclass
class Notes:
    """What is said of cells beside their numbers; a cell has the position of its note in the list.

    Attributes:
        known: the notes: codes of cautions, reason of suppression, why the number is missing, whether the cell is never
            estimated, whether months are only inferred, and whether the number has no sampling error.
    """

    known: dict[tuple[str | None, str | None, str | None, bool, bool, bool], int] = field(default_factory=dict)

    def numbers_of(self, notes: pl.DataFrame) -> pl.Series:
        """The positions of the notes of rows; new notes are added."""
        distinct = notes.unique(maintain_order=True)
        numbers = [
            self.known.setdefault((row[0], row[1], row[2], row[3], row[4], row[5]), len(self.known))
            for row in distinct.iter_rows()
        ]
        numbered = distinct.with_columns(note=pl.Series(numbers, dtype=pl.Int16))
        return notes.join(numbered, on=notes.columns, how="left", nulls_equal=True, maintain_order="left")["note"]

    def as_data(self) -> list[dict[str, object]]:
        """The notes for the browser."""
        names = ("caution", "suppressed", "missing", "blank", "inferred", "exact")
        return [
            {name: value for name, value in zip(names, note, strict=True) if value not in (None, False)}
            for note in self.known
        ]


def place_files(places: pl.DataFrame) -> list[pl.DataFrame]:
    """The places of each file: nation and regions, states, metropolitan areas, and the others."""
    is_whole, level = pl.col("agency_group").is_null(), pl.col("geography_level")
    kind = (
        pl.when(is_whole & level.is_in(["nation", "region", "division"]))
        .then(0)
        .when(is_whole & (level == "state"))
        .then(1)
        .when(is_whole & (level == "msa"))
        .then(2)
        .otherwise(3)
    )
    ordered = places.with_columns(kind=kind).sort("kind", "geography_number")
    parts = ordered.partition_by("kind", maintain_order=True, include_key=False)
    return [batch for part in parts for batch in part.iter_slices(_PLACES)]


def rows_of_type(table: TableDefinition, estimate: Estimate) -> list[TableRow]:
    """The published rows that have a type of estimate, in the order of the files."""
    return [row for row in table.rows if estimate in row.estimates and not row.is_dropped]


def types_of(table: TableDefinition) -> list[Estimate]:
    """The types of estimates of a table."""
    return [estimate for estimate in TYPE_NUMBERS if rows_of_type(table, estimate)]


def write_cells(
    run: EstimatedRun,
    table: TableDefinition,
    series: Series | None,
    files: Sequence[pl.DataFrame],
    folder: Path,
    notes: Notes,
    *,
    shows_suppressed: bool,
) -> int:
    """Write the files of a table: ``count-00.parquet`` and so on; returns the number of cells that are not 0.

    Args:
        run: the run.
        table: definition of the table.
        series: group of persons, or None for all persons.
        files: places of each file.
        folder: where the files go.
        notes: notes of all tables of the run.
        shows_suppressed: whether the numbers that should not be published are written.
    """
    n_cells = 0
    parts: dict[str, dict[str, object]] = {}
    for number, places in enumerate(files):
        if places.is_empty():
            # Some groups of persons are estimated for the nation and its regions only.
            continue
        rows = run.rows(table, places, series)
        n_cells += rows.filter(pl.col("estimate_type_num") == COUNT, pl.col("estimate") > 0).height
        for estimate, part in _parts(rows, table):
            n_rows = len(rows_of_type(table, estimate))
            if part.height != n_rows * len(table.columns) * places.height:
                raise PipelineError(
                    f"Table {table.table}: {part.height} cells of type {estimate}, not {n_rows} rows x "
                    f"{len(table.columns)} columns x {places.height} places: a cell is repeated or left out, so "
                    "positions would be wrong. Please report this error."
                )
            cells = shown_cells(part, notes, estimate, shows_suppressed=shows_suppressed)
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{estimate}-{number:02}.parquet"
            cells.write_parquet(
                path,
                compression="zstd",
                compression_level=_COMPRESSION_LEVEL,
                # One column of the table.
                row_group_size=n_rows * places.height,
                statistics=False,
                metadata={**run.identity.metadata(), "table": table.table, "series": series.label if series else ""},
            )
            parts[path.stem] = parts_of(path)
    (folder / "index.json").write_text(json.dumps(parts, separators=(",", ":")), encoding="utf-8")
    return n_cells


def parts_of(path: Path) -> dict[str, object]:
    """Where the row groups and the footer of a Parquet file are, with the CRC-32 of each.

    A browser reads a row group in one request, and never shows a number of a damaged file.
    """
    content = path.read_bytes()
    (footer_length,) = struct.unpack("<I", content[-8:-4])
    footer = len(content) - 8 - footer_length
    ends = [*_starts(path), footer]
    groups = [[start, end, zlib.crc32(content[start:end])] for start, end in pairwise(ends)]
    return {"size": len(content), "footer": [footer, len(content), zlib.crc32(content[footer:])], "groups": groups}


def _starts(path: Path) -> list[int]:
    """The first byte of each row group."""
    query = (
        "SELECT min(coalesce(dictionary_page_offset, data_page_offset)) FROM parquet_metadata(?) "
        "GROUP BY row_group_id ORDER BY row_group_id"
    )
    return [int(row[0]) for row in duckdb.execute(query, [str(path)]).fetchall()]


def _parts(rows: pl.DataFrame, table: TableDefinition) -> Iterator[tuple[Estimate, pl.DataFrame]]:
    for estimate in types_of(table):
        part = rows.filter(pl.col("estimate_type_num") == TYPE_NUMBERS[estimate])
        yield estimate, part.sort("column", "geography_number", "row")


def shown_cells(rows: pl.DataFrame, notes: Notes, estimate: Estimate, *, shows_suppressed: bool) -> pl.DataFrame:
    """Rows of one type of estimate with the digits that are shown, and the number of their note.

    Returns:
        The columns of :data:`COLUMNS`, numbers as decimals and shares from 0 to 1 with three digits, and ``note``. The
        rows are those of the input in the same order. Place, row and column are not stored: they follow from the order,
        and would take a tenth of the file.
    """
    low, high = "estimate_lower_bound", "estimate_upper_bound"
    is_inferred = pl.col("is_only_inferred").cast(pl.Boolean)
    is_hidden = pl.lit(not shows_suppressed) & pl.col("suppression_reason").is_not_null()
    of_rows = notes.numbers_of(
        rows.select(
            # Cautions are about the number, and only warnings are shown.
            pl.when(~is_hidden).then(_warnings(rows["caution"])).alias("caution"),
            "suppression_reason",
            "missing",
            "is_blank",
            is_inferred=is_inferred,
            is_exact=~is_hidden & (pl.col(low) == pl.col(high)).fill_null(False),
        )
    )
    digits = decimals(rows["estimate"].to_numpy(), TYPE_NUMBERS[estimate])
    wanted = COLUMNS[estimate]
    numbers = {"estimate": "estimate"} | {name: column for name, column in _NUMBERS.items() if name in wanted}
    one, three = np.ones_like(digits), np.full_like(digits, 3)
    shown = [
        _decimal(name, rows[column], one if name == "reported" else digits, DECIMALS[estimate])
        for name, column in numbers.items()
    ]
    shown += [_decimal(name, rows[column], three, 3) for name, column in _SHARES.items() if name in wanted]
    if "agencies" in wanted:
        shown.append(rows["agency_counts"].cast(pl.Int32).alias("agencies"))
    cells = pl.DataFrame([*shown, of_rows.alias("note")])
    if not shows_suppressed:
        is_kept = rows["suppression_reason"].is_null()
        cells = cells.with_columns(pl.when(is_kept).then(name).alias(name) for name in wanted)
    return cells.select(*wanted, "note")


def _warnings(codes: pl.Series) -> pl.Series:
    """The codes of cautions that are warnings, joined; null if there is none."""
    kept = {code: ";".join(warning_codes(code)) or None for code in codes.unique().to_list() if code}
    return codes.replace_strict(kept, default=None, return_dtype=pl.String)


def _decimal(name: str, values: pl.Series, digits: NDArray[np.int64], scale: int) -> pl.Series:
    """Numbers as decimals with the digits that are shown; of 32 bits if all of them fit."""
    numbers = rounded(values.cast(pl.Float64).to_numpy(), digits)
    is_short = bool(np.nanmax(np.abs(numbers), initial=0.0) < 10.0 ** (_SHORT - scale))
    return pl.Series(name, numbers).fill_nan(None).cast(pl.Decimal(_SHORT if is_short else _LONG, scale))


def decimals(values: NDArray[np.float64], kind: int) -> NDArray[np.int64]:
    """Decimals that an estimate is shown with: of counts 0 (1 if small), of percentages 1, of rates 1 or 2."""
    if kind == COUNT:
        return np.where((values >= 10) | (values == np.round(values)), 0, 1)
    return np.where((kind == PERCENTAGE) | (values >= 10) | (values == 0), 1, 2)


def rounded(values: NDArray[np.float64], digits: NDArray[np.int64]) -> NDArray[np.float64]:
    """Numbers rounded as text shows them: to the nearest, and if both are as near, to the even digit.

    Multiplying by 10 may make a tie of a number that is none, or none of one that is. Python's own rounding, which is
    exact, decides these few.
    """
    values = values.astype(np.float64)
    scaled = values * 10.0**digits
    found = np.round(scaled) / 10.0**digits
    doubtful = np.abs(scaled - np.floor(scaled) - 0.5) < _NEAR_TIE * np.maximum(1.0, np.abs(scaled))
    for at in np.flatnonzero(doubtful & np.isfinite(values)):
        found[at] = round(float(values[at]), int(digits[at]))
    return np.asarray(found)
