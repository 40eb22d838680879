"""A selected part of a table as a workbook: the numbers with flags and reasons, where they come from, definitions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.files import atomic_path
from nibrs_estimation.pipeline.identity import SYNTHETIC, Identity
from nibrs_estimation.reading.selection import Selection
from nibrs_estimation.tables.caution import caution_reasons, cautions
from nibrs_estimation.tables.labels import plain_label
from nibrs_estimation.tables.suppression import SUPPRESSED
from nibrs_estimation.tables.table_rows import INTERVAL_MEANS
from nibrs_estimation.tables.variables import derived_variables

#: Rows of a sheet in Excel, less the lines above the numbers.
MOST_ROWS = 1_048_576 - 10
_NOT_KNOWN = ".."
#: Heading, column of dataset ``published_estimates`` and width of each column of the sheet of numbers.
_TEXTS = (
    ("Geography", "geography_name", 24),
    ("Persons", "demographic_series", 14),
    ("Row", "row_group", 30),
    ("Category", "row_label", 24),
    ("Column", "column_label", 28),
    ("Type", "estimate_type", 12),
)
_NUMBERS = (
    ("Estimate", "estimate"),
    ("Low", "estimate_lower_bound"),
    ("High", "estimate_upper_bound"),
    ("Standard error", "estimate_standard_error"),
    ("Relative standard error", "relative_standard_error"),
    ("% of known", "estimate_known"),
    ("Agencies", "agency_counts"),
    ("Share filled", "filled_share"),
)
_SHARES = ("relative_standard_error", "filled_share")
_NOTES = ("Caution", "Suppressed", "Why there is no number")
_FORMATS = {"count": "#,##0", "percentage": "#,##0.0", "rate": "#,##0.0"}


def write_workbook(selection: Selection, path: Path, *, shows_suppressed: bool) -> int:
    """Write a workbook; returns the number of lines with numbers.

    Texts are written as texts, so that a name such as ``=A1`` is no formula.

    Args:
        selection: the selected part of the table.
        path: the file.
        shows_suppressed: whether the numbers are written that should not be published.

    Raises:
        UsageError: a sheet cannot hold so many lines.
    """
    import xlsxwriter  # noqa: PLC0415 (only this command should take the time)

    types = sum(len(row.estimates) for row in selection.rows)
    n_lines = types * len(selection.columns) * selection.places.height
    if n_lines > MOST_ROWS:
        raise UsageError(
            f"{n_lines:,} lines are more than a sheet holds ({MOST_ROWS:,}): name fewer geographies, rows or columns, "
            "or write --csv."
        )
    with atomic_path(path) as temporary:
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        with xlsxwriter.Workbook(str(temporary), {**options, "tmpdir": str(path.parent)}) as book:
            book.set_properties({"title": _title(selection), "comments": selection.run.identity.text})
            n_written = _write_numbers(book, selection, shows_suppressed=shows_suppressed)
            _write_texts(book, "About", selection.run.identity, _about(selection))
            _write_texts(book, "Definitions", selection.run.identity, _definitions(selection))
    return n_written


def _title(selection: Selection) -> str:
    return f"Table {selection.table.table}: {selection.table.counts}"


def _write_numbers(book: Any, selection: Selection, *, shows_suppressed: bool) -> int:
    """The sheet of numbers, a line for each; returns their number."""
    sheet, bold = book.add_worksheet("Estimates"), book.add_format({"bold": True})
    gray = book.add_format({"align": "right", "font_color": "#666666"})
    styles = {kind: book.add_format({"num_format": shown}) for kind, shown in _FORMATS.items()}
    share = book.add_format({"num_format": "0.0%"})
    for number, (_heading, _name, width) in enumerate(_TEXTS):
        sheet.set_column(number, number, width)
    sheet.set_column(len(_TEXTS), len(_TEXTS) + len(_NUMBERS) - 1, 12)
    sheet.set_column(len(_TEXTS) + len(_NUMBERS), len(_TEXTS) + len(_NUMBERS) + len(_NOTES) - 1, 40)
    line = _write_origin(book, sheet, selection.run.identity, _title(selection))
    headings = [*(text[0] for text in _TEXTS), *(number[0] for number in _NUMBERS), *_NOTES]
    for number, heading in enumerate(headings):
        sheet.write_string(line, number, heading, bold)
    sheet.freeze_panes(line + 1, 0)
    first = line + 1
    for _cells, rows in selection.batches():
        for row in rows.iter_rows(named=True):
            line += 1
            is_hidden = bool(row["is_suppressed"]) and not shows_suppressed
            for number, (_heading, name, _width) in enumerate(_TEXTS):
                sheet.write_string(line, number, row[name] or "")
            for number, (_heading, name) in enumerate(_NUMBERS, start=len(_TEXTS)):
                value = row[name]
                if is_hidden:
                    sheet.write_string(line, number, SUPPRESSED, gray)
                elif value is None:
                    sheet.write_string(line, number, _NOT_KNOWN if name == "estimate" else "", gray)
                else:
                    style = share if name in _SHARES else styles[row["estimate_type"]]
                    sheet.write_number(line, number, value, styles["count"] if name == "agency_counts" else style)
            notes = ("; ".join(caution_reasons(row["caution"])), row["suppression_reason"], row["missing"])
            for number, text in enumerate(notes, start=len(_TEXTS) + len(_NUMBERS)):
                sheet.write_string(line, number, text or "")
    if line >= first:
        sheet.autofilter(first - 1, 0, line, len(headings) - 1)
    return line - first + 1


def _write_origin(book: Any, sheet: Any, identity: Identity, title: str) -> int:
    """The lines above a sheet; returns the number of the next line."""
    sheet.write_string(0, 0, title, book.add_format({"bold": True, "font_size": 12}))
    mark = {"bold": True, "font_color": "#b00020"} if identity.is_synthetic else {}
    sheet.write_string(1, 0, f"{identity.text[:1].upper()}{identity.text[1:]}", book.add_format(mark))
    return 3


def _write_texts(book: Any, name: str, identity: Identity, lines: Iterator[tuple[str, str]]) -> None:
    """A sheet of names and what is said of them; a name alone is a heading."""
    sheet = book.add_worksheet(name)
    bold, wrapped = book.add_format({"bold": True}), book.add_format({"text_wrap": True, "valign": "top"})
    sheet.set_column(0, 0, 40)
    sheet.set_column(1, 1, 110)
    first = _write_origin(book, sheet, identity, name)
    for line, (heading, text) in enumerate(lines, start=first):
        sheet.write_string(line, 0, heading, wrapped if text else bold)
        sheet.write_string(line, 1, text, wrapped)


def _about(selection: Selection) -> Iterator[tuple[str, str]]:
    """Where the numbers come from, and what the symbols mean."""
    run, table = selection.run, selection.table
    yield "Table", f"{table.table}: {plain_label(table.title)}"
    yield "Counts", table.counts
    yield "Run", run.run_id
    yield "Source", run.identity.source
    yield "Data year", str(run.year)
    yield "Synthetic", SYNTHETIC if run.identity.is_synthetic else "no"
    names = selection.places["estimate_geographic_location"].to_list()
    yield "Geographies", "; ".join(names[:20]) + (f"; and {len(names) - 20} more" if len(names) > 20 else "")
    if selection.series is not None:
        yield "Persons", selection.series.label
    yield "Low, High", f"Ends of the 95 % interval. {INTERVAL_MEANS[run.variance_rule()]}"
    yield (
        "Type",
        "Percentages are of the units of the row's block, including those with an unknown value; '% of known' excludes "
        "these. Rates are per 100,000 of the population of the row.",
    )
    yield SUPPRESSED, "not reliable enough to be published; column Suppressed says why"
    yield _NOT_KNOWN, "no number; the last column says why"
    yield "Cautions", ""
    for rule in cautions().values():
        yield rule.code, rule.words


def _definitions(selection: Selection) -> Iterator[tuple[str, str]]:
    """What the selected rows and columns are."""
    variables = derived_variables()
    proposed = "Proposed: the reference does not give the list of offenses or categories."
    yield "Columns", ""
    for column in selection.columns:
        of_codes = column.definition or (f"offense codes {', '.join(column.offenses)}" if column.offenses else "")
        yield (
            plain_label(column.label),
            " ".join(filter(None, [of_codes or "see Counts", proposed * column.is_proposed])),
        )
    yield "Rows", ""
    labels = {row.row: plain_label(row.label) for row in selection.table.rows}
    for row in selection.rows:
        meaning = variables[row.variable].tells if row.variable is not None else "all units of the table"
        base = "; ".join(labels[number] for number in row.denominator[:4])
        more = " and others" if len(row.denominator) > 4 else ""
        of = f" Percentages are of: {base}{more}." if "percentage" in row.estimates and base else ""
        yield labels[row.row], f"{meaning}.{of}{f' {proposed}' if row.is_proposed else ''}"
