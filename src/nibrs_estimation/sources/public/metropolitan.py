"""The list of metropolitan areas (list1) of the Census Bureau: area and division of each county."""

from __future__ import annotations

import csv

import fastexcel
import polars as pl

from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.public.content import Content
from nibrs_estimation.sources.public.kinds import METROPOLITAN_AREAS
from nibrs_estimation.sources.public.recognize import WORKBOOK_MARKS
from nibrs_estimation.sources.public.rows import LINE, Rows, name_of

#: Columns of the list -> names here.
_COLUMNS = {
    "CBSA Title": "title",
    "Metropolitan/Micropolitan Statistical Area": "kind",
    "Metropolitan Division Title": "metro_division_name",
    "County/County Equivalent": "county_name",
    "FIPS State Code": "state",
    "FIPS County Code": "county",
}
_HEADER = {"cbsa title", "fips county code"}
_METROPOLITAN = "Metropolitan Statistical Area"


def read_metropolitan_areas(content: Content) -> Rows:
    """The counties of the list, each once.

    Returns:
        Rows with ``county_fips``, ``county_name``, ``msa_name`` (null in micropolitan areas) and
        ``metro_division_name``.

    Raises:
        PipelineError: a column is missing, or a county is in two areas.
    """
    table = _table(content)
    rows = Rows(name_of(content), METROPOLITAN_AREAS.name, table)
    is_code = pl.col("state").str.contains(r"^\d{1,2}$") & pl.col("county").str.contains(r"^\d{1,3}$")
    rows.set_aside(~is_code.fill_null(False), "FIPS County Code", "not_a_number", pl.col("county"))
    rows.frame = rows.frame.with_columns(county_fips=pl.col("state").str.zfill(2) + pl.col("county").str.zfill(3))
    rows.once(["county_fips"], "FIPS County Code")
    is_metropolitan = pl.col("kind") == _METROPOLITAN
    rows.frame = rows.frame.select(
        LINE,
        "county_fips",
        "county_name",
        msa_name=pl.when(is_metropolitan).then("title"),
        metro_division_name=pl.when(is_metropolitan).then("metro_division_name"),
    )
    return rows


def _table(content: Content) -> pl.DataFrame:
    """The rows below the header, up to the first without a state, as text; line numbers are those of the sheet."""
    cells = _cells(content)
    wanted = {name.lower(): new for name, new in _COLUMNS.items()}
    headers = (row for row, values in enumerate(cells) if {cell.lower() for cell in values} >= _HEADER)
    number = next(headers, None)
    if number is None:
        raise PipelineError(f"{content.where} has no row with the names of the columns. Download the list again.")
    places = {cell.lower(): place for place, cell in enumerate(cells[number])}
    if missing := [name for name in _COLUMNS if name.lower() not in places]:
        raise PipelineError(
            f"{content.where}, row {number + 1}: the column {missing[0]} is missing. Download the list again."
        )
    found = []
    for line, row in enumerate(cells[number + 1 :], number + 2):
        values = {new: row[places[name]] or None for name, new in wanted.items() if places[name] < len(row)}
        if not values.get("state"):
            break
        found.append({LINE: line, **values})
    return pl.DataFrame(found, schema={LINE: pl.UInt32, **dict.fromkeys(_COLUMNS.values(), pl.String)})


def _cells(content: Content) -> list[list[str]]:
    if content.beginning.startswith(WORKBOOK_MARKS):
        sheet = fastexcel.read_excel(content.read()).load_sheet(0, header_row=None, dtypes="string")
        return [[(cell or "").strip() for cell in row] for row in sheet.to_polars().iter_rows()]
    lines = content.read().removeprefix(b"\xef\xbb\xbf").decode("latin-1").splitlines()
    return [[cell.strip() for cell in row] for row in csv.reader(lines)]
