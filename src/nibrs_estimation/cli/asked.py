"""What is meant by a word of the command line: which geography, group of persons, columns and rows."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from nibrs_estimation.cli.estimates import EstimatedRun
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.tables.definition import TableColumn, TableDefinition, TableRow
from nibrs_estimation.tables.labels import plain_label
from nibrs_estimation.tables.series import Series, demographic_series
from nibrs_estimation.tables.table_rows import series_places

#: Candidates that an error lists.
_LISTED = 12
#: All geographies.
EVERYWHERE = "all"
_NUMBER, _FIPS = "geography:", "fips:"
_IS_STATE = (pl.col("geography_level") == "state") & pl.col("agency_group").is_null()


def find_places(run: EstimatedRun, asked: Sequence[str]) -> pl.DataFrame:
    """The estimated geographies that are asked for, as rows of coverage in the order of the wishes, each once.

    Without a wish the nation, the only state of a run that has no other, otherwise the first; ``all`` are all.

    Raises:
        UsageError: as :func:`find_geography`.
    """
    if run.places.is_empty():
        raise UsageError(f"Run {run.run_id} estimates nothing: no geography has a respondent.")
    if not asked:
        states = run.places.filter(_IS_STATE)
        return states if states.height == 1 and _has_one_state(run) else run.places.head(1)
    if EVERYWHERE in asked:
        return run.places
    found = pl.concat([find_geography(run, word) for word in asked])
    return found.unique("geography_number", keep="first", maintain_order=True)


def _has_one_state(run: EstimatedRun) -> bool:
    return run.coverage.filter(_IS_STATE).height == 1


def find_geography(run: EstimatedRun, asked: str) -> pl.DataFrame:
    """The estimated geography that is asked for, as a row of coverage.

    By name or part of it, postal code (VT), number (``geography:102``) or a state's FIPS code (``fips:50``); a bare
    number is taken for either where it can only be one.

    Raises:
        UsageError: there is none, several may be meant, or it is not estimated.
    """
    found = _meant(run.coverage, asked)
    if found.height != 1:
        shown = (run.places if found.is_empty() else found).select("geography_number", "estimate_geographic_location")
        problem = "is no geography of" if found.is_empty() else "may be several geographies of"
        raise UsageError(f"{asked!r} {problem} run {run.run_id}. Name one: {_listed(shown.rows())}.")
    number, name = found.select("geography_number", "estimate_geographic_location").row(0)
    place = run.places.filter(pl.col("geography_number") == number)
    if place.is_empty():
        why = "it is on the year's list of geographies left out" if found["is_excluded"][0] else "no agency responded"
        raise UsageError(f"{name} (geography {number}) is not estimated in run {run.run_id}: {why}.")
    return place


def _meant(coverage: pl.DataFrame, asked: str) -> pl.DataFrame:
    """The geographies that a word may mean: code or name before part of it, common places first."""
    word = asked.strip().lower()
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
    is_known_to_all = pl.col("geography_level").is_in(["nation", "region", "state"]) & is_whole
    is_named = (pl.col("geography_code").str.to_lowercase() == code) | (name == word)
    for rule in (is_named, name.str.contains(word, literal=True)):
        for found in (coverage.filter(rule & scope) for scope in (is_known_to_all, is_whole, pl.lit(True))):
            if found.height:
                return found
    return coverage.clear()


def _numbered(coverage: pl.DataFrame, number: str) -> pl.DataFrame:
    return coverage.filter(pl.col("geography_number") == (int(number) if number.isdigit() else None))


def _state(coverage: pl.DataFrame, fips: str) -> pl.DataFrame:
    """The state of a FIPS code, which has two digits."""
    code = code_list("state").filter(state_fips=fips)["state_abbr"]
    return coverage.filter(_IS_STATE & pl.col("geography_code").is_in(code.implode()))


def _number_or_fips(coverage: pl.DataFrame, digits: str) -> pl.DataFrame:
    """The geography of a number, or the state of a FIPS code; not a guess where there are both.

    Raises:
        UsageError: there are both.
    """
    numbered = coverage.clear() if digits.startswith("0") else _numbered(coverage, digits)
    state = _state(coverage, digits)
    if numbered.is_empty() or state.is_empty() or numbered.equals(state):
        return state if numbered.is_empty() else numbered
    return _refuse_both(digits, described(numbered), described(state))


def _refuse_both(digits: str, numbered: str, state: str) -> pl.DataFrame:
    raise UsageError(
        f"{digits} may be geography number {digits}, {numbered}, or FIPS code {digits}, {state}. "
        f"Write {_NUMBER}{digits} or {_FIPS}{digits}."
    )


def described(place: pl.DataFrame) -> str:
    """A geography in words: name, level, and every code that it is known by."""
    row = place.row(0, named=True)
    name = row["estimate_geographic_location"]
    level = row["geography_level"].replace("_", " ")
    told = [level if row["agency_group"] is None else f"a part of the {level}: {row['agency_group']}"]
    if row["geography_level"] == "state" and row["agency_group"] is None:
        for postal, fips in (
            code_list("state").filter(state_abbr=row["geography_code"]).select("state_postal_abbr", "state_fips").rows()
        ):
            told += [postal, f"FIPS {fips}"]
    return f"{name[:1].upper()}{name[1:]} ({', '.join(told)}, geography {row['geography_number']})"


def find_series(table: TableDefinition, asked: str) -> Series:
    """The demographic series that is asked for by number or part of its label.

    Raises:
        UsageError: the table has none, there is none, it is retired, or several may be meant.
    """
    if table.demographic is None:
        raise UsageError(f"Table {table.table} is not repeated for groups of persons: leave out --series.")
    known = {series.number: series for series in demographic_series()}
    current = [(series.number, series.label) for series in known.values() if not series.is_retired]
    retired = known.get(int(asked)) if asked.strip().isdigit() else None
    if retired is not None and retired.is_retired:
        raise UsageError(f"Series {retired.number} ({retired.label}) is retired: it is no longer estimated.")
    return known[_one(asked, current, "series")]


def find_column(table: TableDefinition, asked: str) -> TableColumn:
    """The column that is asked for by number, name or part of its label.

    Raises:
        UsageError: there is none, or several may be meant.
    """
    by_name = [column for column in table.columns if column.name == asked]
    if by_name:
        return by_name[0]
    labels = [(column.position, plain_label(column.label)) for column in table.columns]
    return table.columns[_one(asked, labels, f"column of table {table.table}") - 1]


def find_rows(table: TableDefinition, asked: str) -> list[TableRow]:
    """The published rows that are asked for: by number, label or block, otherwise all whose label holds the word.

    Raises:
        UsageError: there is none.
    """
    word = plain_label(asked).lower()
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
    alike = _alike(word, [*labels.values(), *blocks])
    raise UsageError(
        f"There is no row {asked!r} in table {table.table}{alike}. Give a number or a part of a label: "
        f"{'; '.join(blocks)}."
    )


def _one(asked: str, known: list[tuple[int, str]], what: str) -> int:
    """The number of the thing that is meant: its number, its label (or the part after the colon), or a part of one."""
    word = asked.strip().lower()
    exact = [pair for pair in known if word in (str(pair[0]), pair[1].lower(), pair[1].partition(": ")[2].lower())]
    found = exact or [pair for pair in known if word in pair[1].lower() and not word.isdigit()]
    if not found or not word:
        alike = _alike(word, [name for _number, name in known])
        raise UsageError(f"There is no {what} {asked!r}{alike}. Name one: {_listed(known)}.")
    if len(found) > 1:
        raise UsageError(f"{asked!r} may be several: {_listed(found)}. Give a number or more of the name.")
    return found[0][0]


def _alike(asked: str, labels: Iterable[str]) -> str:
    """A question whether the label is meant that is most like a word."""
    by_word = {form: label for label in labels for form in (label.lower(), *label.lower().split(": "))}
    found = difflib.get_close_matches(asked, by_word, n=1)
    return f" (is {by_word[found[0]]} meant?)" if found else ""


def _listed(pairs: Iterable[tuple[Any, ...]]) -> str:
    shown = [f"{number} {name}" for number, name in pairs]
    more = len(shown) - _LISTED
    return "; ".join(shown[:_LISTED]) + (f"; and {more} more" if more > 0 else "")


def check_series(series: Series, places: pl.DataFrame) -> None:
    """Refuse a series that is not estimated in a geography (handbook 11).

    Raises:
        UsageError: it is not.
    """
    able = series_places(places, series)["geography_number"]
    for name, number in places.select("estimate_geographic_location", "geography_number").iter_rows():
        if number not in able:
            where = {"region": "the nation and its regions", "national": "the nation"}[series.geographies]
            raise UsageError(f"Series {series.number} ({series.label}) is estimated for {where} only, not for {name}.")
        if number in series.blank_geographies:
            raise UsageError(f"Series {series.number} ({series.label}) is never estimated for {name}.")
