"""The part of a table that names select: geographies, a demographic series, rows and columns, with their estimates."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.published import PUBLISHED
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.files import atomic_path
from nibrs_estimation.reading.runs import EstimatedRun
from nibrs_estimation.tables.definition import TableColumn, TableDefinition, TableRow
from nibrs_estimation.tables.labels import plain_label
from nibrs_estimation.tables.published import published_rows
from nibrs_estimation.tables.series import Series, demographic_series
from nibrs_estimation.tables.table_rows import series_places

#: Number of candidates that an error lists.
_MOST_LISTED = 12
#: Names of all geographies, and of all states.
EVERYWHERE, STATES = "all", "states"
#: Number of geographies whose rows are computed together.
_BATCH = 20
_NUMBER, _FIPS = "geography:", "fips:"
_IS_STATE = (pl.col("geography_level") == "state") & pl.col("agency_group").is_null()


@dataclass(frozen=True)
class Selection:
    """The selected part of a table.

    Attributes:
        run: the run.
        table: definition of the table.
        places: geographies, rows of dataset ``coverage``.
        series: demographic series, or None for all persons.
        rows: selected published rows.
        columns: selected columns.
        has_chosen_rows: whether the user chose rows; otherwise all rows are selected.
        has_chosen_columns: whether the user chose columns; otherwise all columns are selected.
    """

    run: EstimatedRun
    table: TableDefinition
    places: pl.DataFrame
    series: Series | None
    rows: tuple[TableRow, ...]
    columns: tuple[TableColumn, ...]
    has_chosen_rows: bool
    has_chosen_columns: bool

    @classmethod
    def of(
        cls,
        run: EstimatedRun,
        table: TableDefinition,
        geographies: Sequence[str] = (),
        series: str | None = None,
        rows: Sequence[str] = (),
        columns: Sequence[str] = (),
    ) -> Selection:
        """Find what the names mean; without names of rows or columns, all of them.

        Raises:
            UsageError: a name matches nothing, or several items, or the series is not estimated there.
        """
        group = None if series is None else find_series(table, series)
        places = find_places(run, geographies)
        if group is not None and {EVERYWHERE, STATES} & set(geographies):
            places = series_places(places, group)
        elif group is not None:
            check_series(group, places)
        chosen_rows = {row.row for word in rows for row in find_rows(table, word)}
        chosen_columns = {find_column(table, word).position for word in columns}
        return cls(
            run=run,
            table=table,
            places=places,
            series=group,
            rows=tuple(row for row in table.rows if not row.is_dropped and (not chosen_rows or row.row in chosen_rows)),
            columns=tuple(
                column for column in table.columns if not chosen_columns or column.position in chosen_columns
            ),
            has_chosen_rows=bool(chosen_rows),
            has_chosen_columns=bool(chosen_columns),
        )

    @property
    def _is_of_cell(self) -> pl.Expr:
        """Condition on ``row`` and ``column`` that selects its cells."""
        return pl.col("row").is_in([row.row for row in self.rows]) & pl.col("column").is_in(
            [column.position for column in self.columns]
        )

    def cells(self) -> pl.DataFrame:
        """The estimates of the selected cells, as :meth:`EstimatedRun.rows`."""
        return self.run.rows(self.table, self.places, self.series).filter(self._is_of_cell)

    def batches(self, *, is_whole: bool = True) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        """Some geographies at a time, to save memory: their cells, and the same as rows of ``published_estimates``.

        Args:
            is_whole: whether cells are included that are 0 or never estimated.
        """
        for places in self.places.iter_slices(_BATCH):
            rows = self.run.rows(self.table, places, self.series, is_whole=is_whole)
            cells = rows.filter(self._is_of_cell if is_whole else self._is_of_cell & ~pl.col("is_blank"))
            yield cells, published_rows(cells, self.table, places, self.run.identity, self.series)

    def write_csv(self, path: Path) -> int:
        """Write a table with the columns of ``estimates.csv``, zeros included; returns the number of rows."""
        n_rows = 0
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            PUBLISHED.empty().collect().write_csv(file)
            for _cells, rows in self.batches():
                rows.write_csv(file, include_header=False)
                n_rows += rows.height
        return n_rows


def find_places(run: EstimatedRun, names: Sequence[str]) -> pl.DataFrame:
    """The estimated geographies with these names, as distinct rows of coverage in the order of the names.

    Without names: the state if the run has only one, otherwise the first geography (the nation). ``all``: all of them;
    ``states``: all states.

    Raises:
        UsageError: as :func:`find_geography`.
    """
    if run.places.is_empty():
        raise UsageError(f"Run {run.run_id} has no estimates: no geography has a respondent. Run it with other data.")
    if not names:
        states = run.places.filter(_IS_STATE)
        return states if states.height == 1 and _has_one_state(run) else run.places.head(1)
    if EVERYWHERE in names:
        return run.places
    if STATES in names:
        return run.places.filter(_IS_STATE)
    found = pl.concat([find_geography(run, name) for name in names])
    return found.unique("geography_number", keep="first", maintain_order=True)


def _has_one_state(run: EstimatedRun) -> bool:
    return run.coverage.filter(_IS_STATE).height == 1


def find_geography(run: EstimatedRun, text: str) -> pl.DataFrame:
    """The estimated geography that a text names, as a row of coverage.

    The text is a name or part of it, a postal code (VT), a number (``geography:102``) or a FIPS code of a state
    (``fips:50``). A number alone may be either if it is not ambiguous.

    Raises:
        UsageError: there is none, the text is ambiguous, or the geography is not estimated.
    """
    found = _matching_geographies(run.coverage, text)
    if found.height != 1:
        shown = (run.places if found.is_empty() else found).select("geography_number", "estimate_geographic_location")
        problem = "is no geography of" if found.is_empty() else "matches several geographies of"
        hint = _suggest(text.strip().lower(), shown["estimate_geographic_location"]) if found.is_empty() else ""
        raise UsageError(f"{text!r} {problem} run {run.run_id}{hint}. Name one: {_format_list(shown.rows())}.")
    number, name = found.select("geography_number", "estimate_geographic_location").row(0)
    place = run.places.filter(pl.col("geography_number") == number)
    if place.is_empty():
        reason = (
            "it is on the year's list of geographies left out" if found["is_excluded"][0] else "no agency responded"
        )
        raise UsageError(f"{name} (geography {number}) is not estimated in run {run.run_id}: {reason}.")
    return place


def _matching_geographies(coverage: pl.DataFrame, text: str) -> pl.DataFrame:
    """The geographies that match a text: first by code or full name, then by part of the name; larger areas first."""
    word = text.strip().lower()
    if word.startswith(_NUMBER):
        return _numbered(coverage, word.removeprefix(_NUMBER))
    if word.startswith(_FIPS):
        return _state(coverage, word.removeprefix(_FIPS))
    if word.isdigit():
        return _number_or_fips(coverage, word)
    states = code_list("state").select(pl.col("state_postal_abbr", "state_abbr").str.to_lowercase())
    code = dict(states.iter_rows()).get(word, word)
    name = pl.col("estimate_geographic_location").str.to_lowercase()
    is_whole = pl.col("agency_group").is_null()
    is_large = pl.col("geography_level").is_in(["nation", "region", "state"]) & is_whole
    is_named = (pl.col("geography_code").str.to_lowercase() == code) | (name == word)
    for rule in (is_named, name.str.contains(word, literal=True)):
        for found in (coverage.filter(rule & scope) for scope in (is_large, is_whole, pl.lit(True))):
            if found.height:
                return found
    return coverage.clear()


def _numbered(coverage: pl.DataFrame, number: str) -> pl.DataFrame:
    return coverage.filter(pl.col("geography_number") == (int(number) if number.isdigit() else None))


def _state(coverage: pl.DataFrame, fips: str) -> pl.DataFrame:
    """The state with a FIPS code of two digits."""
    code = code_list("state").filter(state_fips=fips)["state_abbr"]
    return coverage.filter(_IS_STATE & pl.col("geography_code").is_in(code.implode()))


def _number_or_fips(coverage: pl.DataFrame, digits: str) -> pl.DataFrame:
    """The geography with a number, or the state with a FIPS code.

    Raises:
        UsageError: both exist and differ.
    """
    numbered = coverage.clear() if digits.startswith("0") else _numbered(coverage, digits)
    state = _state(coverage, digits)
    if numbered.is_empty() or state.is_empty() or numbered.equals(state):
        return state if numbered.is_empty() else numbered
    return _refuse_both(digits, describe_place(numbered), describe_place(state))


def _refuse_both(digits: str, numbered: str, state: str) -> pl.DataFrame:
    raise UsageError(
        f"{digits} may be geography number {digits}, {numbered}, or FIPS code {digits}, {state}. "
        f"Write {_NUMBER}{digits} or {_FIPS}{digits}."
    )


def describe_place(place: pl.DataFrame) -> str:
    """Description of a geography: name, level and codes."""
    row = place.row(0, named=True)
    name = row["estimate_geographic_location"]
    level = row["geography_level"].replace("_", " ")
    details = [level if row["agency_group"] is None else f"a part of the {level}: {row['agency_group']}"]
    if row["geography_level"] == "state" and row["agency_group"] is None:
        for postal, fips in (
            code_list("state").filter(state_abbr=row["geography_code"]).select("state_postal_abbr", "state_fips").rows()
        ):
            details += [postal, f"FIPS {fips}"]
    return f"{name[:1].upper()}{name[1:]} ({', '.join(details)}, geography {row['geography_number']})"


def find_series(table: TableDefinition, text: str) -> Series:
    """The demographic series with this number or part of its label.

    Raises:
        UsageError: the table has no series, no series matches or several do, or the series is retired.
    """
    if table.demographic is None:
        raise UsageError(f"Table {table.table} has no demographic series: name none.")
    known = {series.number: series for series in demographic_series()}
    current = [(series.number, series.label) for series in known.values() if not series.is_retired]
    retired = known.get(int(text)) if text.strip().isdigit() else None
    if retired is not None and retired.is_retired:
        raise UsageError(f"Series {retired.number} ({retired.label}) is retired: it is no longer estimated.")
    return known[_find_number(text, current, "series")]


def find_column(table: TableDefinition, text: str) -> TableColumn:
    """The column with this number, name or part of its label.

    Raises:
        UsageError: no column matches, or several do.
    """
    by_name = [column for column in table.columns if column.name == text]
    if by_name:
        return by_name[0]
    labels = [(column.position, plain_label(column.label)) for column in table.columns]
    return table.columns[_find_number(text, labels, f"column of table {table.table}") - 1]


def find_rows(table: TableDefinition, text: str) -> list[TableRow]:
    """The published rows with this number, label or block; otherwise all rows whose label contains the text.

    Raises:
        UsageError: no row matches.
    """
    word = plain_label(text).lower()
    rows = [row for row in table.rows if not row.is_dropped]
    labels = {row.row: plain_label(row.label).lower() for row in rows}
    for found in (
        [row for row in rows if word == str(row.row)],
        [row for row in rows if word == labels[row.row]],
        [row for row in rows if word == plain_label(row.domain_1).lower()],
        [row for row in rows if word and not word.isdigit() and word in labels[row.row]],
    ):
        if found:
            return found
    blocks = list(dict.fromkeys(plain_label(row.domain_1) for row in rows))
    hint = _suggest(word, [*blocks, *(plain_label(row.label) for row in rows)])
    raise UsageError(
        f"There is no row {text!r} in table {table.table}{hint}. Give a number or a part of a label: "
        f"{'; '.join(blocks)}."
    )


def _find_number(text: str, known: list[tuple[int, str]], kind: str) -> int:
    """The number of the item with this number, label, part of a label after the colon, or part of a label."""
    word = text.strip().lower()
    exact = [pair for pair in known if word in (str(pair[0]), pair[1].lower(), pair[1].partition(": ")[2].lower())]
    found = exact or [pair for pair in known if word in pair[1].lower() and not word.isdigit()]
    if not found or not word:
        hint = _suggest(word, [name for _number, name in known])
        raise UsageError(f"There is no {kind} {text!r}{hint}. Name one: {_format_list(known)}.")
    if len(found) > 1:
        raise UsageError(f"{text!r} matches several: {_format_list(found)}. Give a number or more of the name.")
    return found[0][0]


def _suggest(word: str, labels: Iterable[str]) -> str:
    """A question that suggests the label most similar to a word; empty if none is similar."""
    listed = list(labels)
    by_form = {form: label for label in reversed(listed) for form in (label.lower(), *label.lower().split(": "))}
    by_word = {each: label for label in reversed(listed) for each in label.lower().split() if len(each) > 3}
    for known, cutoff in ((by_form, 0.6), (by_word, 0.8)):
        found = difflib.get_close_matches(word, known, n=1, cutoff=cutoff)
        if found:
            return f" (did you mean {known[found[0]]}?)"
    return ""


def _format_list(pairs: Iterable[tuple[Any, ...]]) -> str:
    shown = [f"{number} {name}" for number, name in pairs]
    more = len(shown) - _MOST_LISTED
    return "; ".join(shown[:_MOST_LISTED]) + (f"; and {more} more" if more > 0 else "")


def check_series(series: Series, places: pl.DataFrame) -> None:
    """Refuse a series that is not estimated in a geography (handbook 11).

    Raises:
        UsageError: it is not estimated there.
    """
    estimated = series_places(places, series)["geography_number"]
    for name, number in places.select("estimate_geographic_location", "geography_number").iter_rows():
        if number not in estimated:
            where = {"region": "the nation and its regions", "national": "the nation"}[series.geographies]
            raise UsageError(f"Series {series.number} ({series.label}) is estimated for {where} only, not for {name}.")
        if number in series.blank_geographies:
            raise UsageError(f"Series {series.number} ({series.label}) is never estimated for {name}.")
