"""A workbook for each table, with a line for each row of the table and columns next to each other."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import polars as pl

from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.task import DocumentWriter
from nibrs_estimation.stages.publication.about import caution_lines, scope_texts
from nibrs_estimation.stages.publication.files import published_places
from nibrs_estimation.tables.caution import caution_mark
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.published import published_rows
from nibrs_estimation.tables.read import summary_definitions, table_definitions
from nibrs_estimation.tables.suppression import SUPPRESSED, suppressed_rows
from nibrs_estimation.tables.table_cells import TYPE_NUMBERS
from nibrs_estimation.tables.table_rows import INTERVAL_MEANS, MONTHS_INFERRED, table_rows

_SHEETS = {"nation": "Nation", "region": "Regions", "division": "Divisions", "state": "States"}
#: Number of cells per batch: few queries for small tables, little memory for large ones.
_BATCH_CELLS = 400_000
_NUMBERS = ("estimate", "estimate_lower_bound", "estimate_upper_bound")
_HEADS = ("Estimate", "Low", "High")
_KNOWN = "percentage of known"
_DECIMALS = {"count": "#,##0", "percentage": "#,##0.0", "rate": "#,##0.0", _KNOWN: "#,##0.0"}
_NOT_KNOWN, _NEVER = "..", "–"
#: Number of header lines.
_FIRST_LINE = 3
_FIRST = ("Geography", "State", "FIPS", "Row", "Category", "Number")
#: A fixed date, so that files do not depend on the time of the run; zip allows no earlier date.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def export_workbooks(
    cell_estimate: pl.LazyFrame,
    cell_gap: pl.LazyFrame,
    coverage: pl.LazyFrame,
    geography_population: pl.LazyFrame,
    geography_quality: pl.LazyFrame,
    identity: Identity,
    small_count: Literal["off", "3", "5", "10"],
    variance_rule: Literal["prediction", "reference"],
) -> dict[str, DocumentWriter]:
    """Write a workbook for each table of nation, regions and states, all in ``workbooks.zip``.

    The first sheet has title, origin, notes and symbols. Nation, regions and states have one sheet each if they are
    estimated. For states there are only counts and rates, without lines in which all numbers are 0, because complete
    sheets would take minutes to open.
    """
    return workbook_files(
        table_definitions(),
        cell_estimate,
        cell_gap,
        coverage,
        geography_population,
        geography_quality,
        identity,
        small_count,
        variance_rule,
    )


def export_summary_workbooks(
    cell_estimate: pl.LazyFrame,
    cell_gap: pl.LazyFrame,
    coverage: pl.LazyFrame,
    geography_population: pl.LazyFrame,
    geography_quality: pl.LazyFrame,
    identity: Identity,
    small_count: Literal["off", "3", "5", "10"],
    variance_rule: Literal["prediction", "reference"],
) -> dict[str, DocumentWriter]:
    """Write a workbook for each table of summary estimates, as for other tables."""
    return workbook_files(
        summary_definitions(),
        cell_estimate,
        cell_gap,
        coverage,
        geography_population,
        geography_quality,
        identity,
        small_count,
        variance_rule,
    )


def workbook_files(
    tables: Mapping[str, TableDefinition],
    cell_estimate: pl.LazyFrame,
    cell_gap: pl.LazyFrame,
    coverage: pl.LazyFrame,
    geography_population: pl.LazyFrame,
    geography_quality: pl.LazyFrame,
    identity: Identity,
    small_count: Literal["off", "3", "5", "10"],
    variance_rule: Literal["prediction", "reference"],
) -> dict[str, DocumentWriter]:
    """What writes the workbooks of some tables; see :func:`export_workbooks`."""
    places = published_places(coverage)

    def lines(table: TableDefinition, level: str) -> Iterator[pl.DataFrame]:
        """Published cells with their marks, in batches of geographies."""
        per_place = len(table.columns) * sum(len(row.estimates) for row in table.rows)
        for batch in places.filter(geography_level=level).iter_slices(max(1, _BATCH_CELLS // per_place)):
            rows = table_rows(table, cell_estimate, cell_gap, batch, geography_population, variance_rule=variance_rule)
            rows = suppressed_rows(rows, table, batch, geography_quality, small_count)
            yield _lines(rows, table, batch, identity, is_whole=level != "state")

    def write(path: Path) -> None:
        levels = [level for level in _SHEETS if level in places["geography_level"]]
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for table in tables.values():
                book = path.with_name(f"{path.name}.{table.table}.xlsx")
                try:
                    sheets = {level: lines(table, level) for level in levels}
                    _write_book(book, table, identity, places, variance_rule, sheets)
                    archive.writestr(zipfile.ZipInfo(f"table_{table.table}.xlsx", _EPOCH), book.read_bytes())
                finally:
                    book.unlink(missing_ok=True)

    return {"workbooks.zip": write}


def _lines(
    rows: pl.DataFrame, table: TableDefinition, places: pl.DataFrame, identity: Identity, *, is_whole: bool
) -> pl.DataFrame:
    """The cells in order, with the number ``line`` (from 0) of each geography, row and type of estimate."""
    if not is_whole:
        has_any = (pl.col("estimate") != 0).any().over("geography_number", "row", "estimate_type_num")
        rows = rows.filter(pl.col("estimate_type_num") != TYPE_NUMBERS["percentage"]).filter(has_any)
    published = published_rows(rows, table, places, identity).with_columns(
        rows["row", "column", "is_blank"], mark=caution_mark()
    )
    known = published.filter(pl.col("estimate_known").is_not_null()).with_columns(
        estimate_type=pl.lit(_KNOWN),
        mark=pl.lit(""),
        **{name: pl.col(name.replace("estimate", "estimate_known", 1)) for name in _NUMBERS},
    )
    kind = pl.col("estimate_type").replace_strict({name: i for i, name in enumerate(_DECIMALS)}, return_dtype=pl.Int8)
    key = ["geography_number", "row", "kind"]
    cells = pl.concat([published, known]).with_columns(kind=kind).sort(*key, "column")
    return cells.with_columns(line=pl.struct(key).rle_id())


def _write_book(
    path: Path,
    table: TableDefinition,
    identity: Identity,
    places: pl.DataFrame,
    variance_rule: str,
    sheets: dict[str, Iterator[pl.DataFrame]],
) -> None:
    import xlsxwriter  # noqa: PLC0415 (only this task should take the time)

    options = {
        "constant_memory": True,
        "tmpdir": str(path.parent),
        "strings_to_formulas": False,
        "strings_to_urls": False,
    }
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties(
            {
                "title": f"Table {table.table}",
                "comments": identity.text,
                "created": datetime.datetime(*_EPOCH, tzinfo=datetime.UTC).replace(tzinfo=None),
            }
        )
        bold = book.add_format({"bold": True})
        wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        _write_about(book.add_worksheet("About"), table, identity, places, variance_rule, bold, wrapped)
        for level, batches in sheets.items():
            _write_sheet(book, _SHEETS[level], table, identity, batches)


def _write_about(
    sheet: Any,
    table: TableDefinition,
    identity: Identity,
    places: pl.DataFrame,
    variance_rule: str,
    bold: Any,
    wrapped: Any,
) -> None:
    sheet.set_column(0, 0, 32)
    sheet.set_column(1, 1, 110)
    proposed = "Proposed: the reference does not give the list of offenses or categories."
    notes = [
        *scope_texts(places),
        f"Low and High are the ends of the 95 % interval. {INTERVAL_MEANS[variance_rule]}",
        "Percentages are of the units of the row's block, "
        "including those with an unknown value; lines 'percentage of known' exclude these. Rates are per 100,000 of "
        "the population of the row.",
        "Sheet States contains counts and rates only, without lines in which every number is 0.",
    ]
    content: list[tuple[str, str]] = [
        (f"Table {table.table}", ""),
        ("Counts", table.counts),
        ("From", identity.text),
        *(("Note", note) for note in notes),
        *([("Note", proposed)] if table.status else []),
        ("Symbols", ""),
        (
            _NOT_KNOWN,
            "not known: the input does not give it, the base is 0, or the population is not known; for Low and High "
            f"also: {MONTHS_INFERRED}",
        ),
        (_NEVER, "never estimated, by design of the table"),
        (SUPPRESSED, "not reliable enough to be published; estimates.csv has the number and the reason"),
        *((mark, f"after a number: {words} (code {code})") for mark, code, words in caution_lines() if mark),
        ("Columns that contain several offenses, or are proposed", ""),
    ]
    for column in table.columns:
        if column.definition or column.is_proposed:
            text = " ".join(part for part in (column.definition, proposed if column.is_proposed else None) if part)
            content.append((" ".join(column.label.split()), text))
    for line, (name, text) in enumerate(content):
        sheet.write_string(line, 0, name, bold if not text else wrapped)
        sheet.write_string(line, 1, text, wrapped)


def _write_sheet(
    book: Any, name: str, table: TableDefinition, identity: Identity, batches: Iterator[pl.DataFrame]
) -> None:
    """Write the sheet of one level: header lines, then the lines of the geographies."""
    sheet, first, width = book.add_worksheet(name), len(_FIRST), len(_NUMBERS)
    bold, gray = book.add_format({"bold": True}), book.add_format({"align": "right", "font_color": "#666666"})
    sheet.set_column(0, 0, 24)
    sheet.set_column(3, 4, 30)
    sheet.set_column(5, 5, 18)
    sheet.write_string(0, 0, f"Table {table.table}: {identity.text}. {table.counts}", bold)
    for position, column in enumerate(table.columns):
        label = " ".join(column.label.split()) + (" (proposed)" if column.is_proposed else "")
        sheet.write_string(1, first + position * width, label, bold)
    heads = [*_FIRST, *(head for _column in table.columns for head in _HEADS)]
    for position, head in enumerate(heads):
        sheet.write_string(2, position, head, bold)
    sheet.freeze_panes(_FIRST_LINE, first)
    styles = {("", ""): gray}
    for kind, shown in _DECIMALS.items():
        for mark in _marks():
            # The mark is part of the number format, so that the cell contains a number.
            options_of_format = {"num_format": f'{shown}" {mark}"', "italic": True} if mark else {"num_format": shown}
            styles[kind, mark] = book.add_format(options_of_format)
    numbers = {key: style._get_xf_index() for key, style in styles.items()}
    line = _FIRST_LINE
    # The library takes ten microseconds for a cell, and tables have millions of cells: lines are written as XML text.
    sheet._write_single_row(line)
    for batch in batches:
        lines = _as_xml(batch, line, numbers)
        sheet.row_data_fh.writelines(lines)
        line += len(lines)
    sheet._check_dimensions(max(line, 1) - 1, len(heads) - 1)


def _marks() -> list[str]:
    """All combinations of marks that a number may have."""
    letters = [mark for mark, _code, _words in caution_lines() if mark]
    return ["".join(some) for n in range(len(letters) + 1) for some in combinations(letters, n)]


def _as_xml(cells: pl.DataFrame, first_line: int, styles: dict[tuple[str, str], int]) -> list[str]:
    """Lines of cells as XML of a sheet.

    Args:
        cells: result of :func:`_lines`.
        first_line: number of the first line in the sheet, from 0.
        styles: (type of estimate, mark) -> number of the format; two empty texts for cells that are not numbers.
    """
    if cells.is_empty():
        return []
    from xlsxwriter.utility import xl_col_to_name  # noqa: PLC0415 (as above)

    first, width = len(_FIRST), len(_NUMBERS)
    n_columns: int = cells.select(pl.col("column").max().cast(pl.Int64)).item()
    names = pl.Series([xl_col_to_name(index) for index in range(first + width * n_columns)])
    formats = pl.DataFrame([(*key, style) for key, style in styles.items()], orient="row",
                         schema={"estimate_type": pl.String, "shown_mark": pl.String, "style": pl.Int64})  # fmt: skip
    number = (pl.col("line") + first_line + 1).cast(pl.String)
    is_suppressed = pl.col("is_suppressed").fill_null(False)
    no_number = (
        pl.when(is_suppressed)
        .then(pl.lit(SUPPRESSED))
        .when("is_blank")
        .then(pl.lit(_NEVER))
        .otherwise(pl.lit(_NOT_KNOWN))
    )
    parts = []
    for offset, name in enumerate(_NUMBERS):
        index = (first + (cells["column"].cast(pl.Int64) - 1) * width + offset).alias("index")
        mark = pl.lit("") if offset else pl.col("mark")
        cell = (
            cells.lazy()
            .with_columns(shown_mark=mark, at=names.gather(index))
            .join(formats.lazy(), on=["estimate_type", "shown_mark"], how="left", maintain_order="left")
            .select(
                pl.when(pl.col(name).is_null() | is_suppressed)
                .then(_text_cell(pl.col("at") + number, no_number, styles["", ""]))
                .otherwise(pl.format('<c r="{}{}" s="{}"><v>{}</v></c>', "at", number, "style", name))
                .alias(name)
            )
        )
        parts.append(cell.collect().to_series())
    texts = ("geography_name", "state_abbr", "state_fips", "row_group", "row_label", "estimate_type")
    return (
        cells.with_columns(parts)
        .group_by("line", maintain_order=True)
        .agg(pl.col(texts).first(), pl.concat_str(_NUMBERS).str.join("").alias("numbers"))
        .select(
            pl.format(
                '<row r="{}">{}{}</row>',
                number,
                pl.concat_str(
                    _text_cell(pl.lit(letter) + number, _escaped(pl.col(text).fill_null("")), 0)
                    for letter, text in zip("ABCDEF", texts, strict=True)
                ),
                "numbers",
            )
        )
        .to_series()
        .to_list()
    )


def _text_cell(reference: pl.Expr, text: pl.Expr, style: int) -> pl.Expr:
    return pl.format('<c r="{}" s="{}" t="inlineStr"><is><t>{}</t></is></c>', reference, pl.lit(style), text)


def _escaped(text: pl.Expr) -> pl.Expr:
    return text.str.replace_many(["&", "<", ">"], ["&amp;", "&lt;", "&gt;"])
