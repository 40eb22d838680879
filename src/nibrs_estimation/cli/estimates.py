"""Estimates of a finished run: where they lie, and what of them is asked for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.results import COVERAGE
from nibrs_estimation.model.weighting import PERMUTATION_POPULATION
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.files import atomic_path
from nibrs_estimation.pipeline.run import MAIN_FLOW, check_run_id
from nibrs_estimation.pipeline.table import find_table, read_table
from nibrs_estimation.tables.definition import TableColumn, TableDefinition
from nibrs_estimation.tables.published import (
    FINAL_SCHEMA,
    estimated_places,
    final_rows,
    part_of,
    series_places,
    table_rows,
    words,
)
from nibrs_estimation.tables.results import CELL_ESTIMATE, CELL_GAP, SERIES_ESTIMATE
from nibrs_estimation.tables.series import Series, demographic_series

_NEEDED = (CELL_ESTIMATE, CELL_GAP, COVERAGE, PERMUTATION_POPULATION)
_MAKE_ONE = "`nibrs demo` makes a small one, `nibrs run all RUN_ID --source ...` one of your data."
#: Candidates that an error lists, and geographies whose rows are made at a time.
_LISTED, _BATCH = 12, 20


@dataclass(frozen=True)
class EstimatedRun:
    """A run whose estimates are there.

    Attributes:
        run_id: its name.
        year: data year.
        datasets: folder of its datasets.
        coverage: dataset of that name.
        places: the geographies of it that are estimated.
    """

    run_id: str
    year: int
    datasets: Path
    coverage: pl.DataFrame
    places: pl.DataFrame

    def read(self, dataset: Dataset) -> pl.LazyFrame:
        """One of its datasets."""
        return read_table(find_table(self.datasets, dataset), dataset)

    def rows(self, table: TableDefinition, places: pl.DataFrame, series: Series | None) -> pl.DataFrame:
        """The whole table for some geographies, as ``tables/published.py`` describes it.

        Raises:
            UsageError: the run has not estimated the table, or not for the series: no row would be taken for 0.
        """
        dataset, part = CELL_ESTIMATE if series is None else SERIES_ESTIMATE, part_of(table, series)
        if not (self.datasets / dataset.name / f"{part}.parquet").is_file():
            what = f"table {table.table}" if series is None else f"demographic series of table {table.table}"
            raise UsageError(
                f"Run {self.run_id} has not estimated {what}. Run it again, whole: `nibrs run all {self.run_id}` with "
                "its --year and --source (the demo: --source synthetic:0.01 --seed 1)."
            )
        cells = self.read(dataset)
        populations = self.read(PERMUTATION_POPULATION)
        return table_rows(table, cells, self.read(CELL_GAP), places, populations, series=series)


def find_run(scratch: Path, run_id: str | None) -> EstimatedRun | None:
    """A run by its id, or the one that finished last; None if no run has estimates.

    Raises:
        UsageError: the run that is named has none.
    """
    found = sorted(_runs(scratch), key=lambda run: (str(run[1].get("ended", "")), run[0]))
    if run_id is None:
        found = [run for run in found if run[1].get("state") == "finished"]
    else:
        check_run_id(run_id)
        named = [run for run in found if run[0] == run_id]
        if not named:
            others = f"Runs with estimates: {', '.join(sorted(run[0] for run in found))}." if found else _MAKE_ONE
            raise UsageError(f"There is no run {run_id!r} with estimates in {scratch}. {others}")
        found = named
    if not found:
        return None
    name, about = found[-1]
    datasets = scratch / name / MAIN_FLOW / "datasets"
    coverage = read_table(find_table(datasets, COVERAGE), COVERAGE)
    return EstimatedRun(
        run_id=name,
        year=int(about["settings"]["year"]),
        datasets=datasets,
        coverage=coverage.sort("permutation_number").collect(),
        places=estimated_places(coverage),
    )


def required_run(scratch: Path, run_id: str | None) -> EstimatedRun:
    """The same where there must be one.

    Raises:
        UsageError: there is none.
    """
    run = find_run(scratch, run_id)
    if run is None:
        raise UsageError(f"No finished run in {scratch} has estimates. {_MAKE_ONE}")
    return run


def _runs(scratch: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Runs with estimates: name and metadata."""
    for path in scratch.glob(f"*/{MAIN_FLOW}/run_metadata.json"):
        if all(find_table(path.parent / "datasets", dataset) for dataset in _NEEDED):
            yield path.parent.parent.name, json.loads(path.read_text(encoding="utf-8"))


def find_geography(run: EstimatedRun, asked: str | None) -> pl.DataFrame:
    """The estimated geography that is asked for by number, code (US, VT) or part of its name, as a row of coverage.

    Without a wish the nation, failing that the first.

    Raises:
        UsageError: there is none, several may be meant, or it is not estimated.
    """
    if run.places.is_empty():
        raise UsageError(f"Run {run.run_id} estimates nothing: no geography has a respondent.")
    if asked is None:
        return run.places.head(1)
    found = _meant(run.coverage, asked)
    if found.height != 1:
        shown = (run.places if found.is_empty() else found).select("permutation_number", "estimate_geographic_location")
        problem = "is no geography of" if found.is_empty() else "may be several geographies of"
        raise UsageError(f"{asked!r} {problem} run {run.run_id}. Name one: {_listed(shown.rows())}.")
    number, name = found.select("permutation_number", "estimate_geographic_location").row(0)
    place = run.places.filter(pl.col("permutation_number") == number)
    if place.is_empty():
        why = "it is on the year's list of geographies left out" if found["is_excluded"][0] else "no agency responded"
        raise UsageError(f"{name} (geography {number}) is not estimated in run {run.run_id}: {why}.")
    return place


def _meant(coverage: pl.DataFrame, asked: str) -> pl.DataFrame:
    """The geographies that a word may mean: code or name before part of it, common places first."""
    word = asked.strip().lower()
    if word.isdigit():
        return coverage.filter(pl.col("permutation_number") == int(word))
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
    labels = [(column.position, words(column.label)) for column in table.columns]
    return table.columns[_one(asked, labels, f"column of table {table.table}") - 1]


def _one(asked: str, known: list[tuple[int, str]], what: str) -> int:
    """The number of the thing that is meant: its number, its label (or the part after the colon), or a part of one."""
    word = asked.strip().lower()
    exact = [pair for pair in known if word in (str(pair[0]), pair[1].lower(), pair[1].partition(": ")[2].lower())]
    found = exact or [pair for pair in known if word in pair[1].lower() and not word.isdigit()]
    if not found or not word:
        raise UsageError(f"There is no {what} {asked!r}. Name one: {_listed(known)}.")
    if len(found) > 1:
        raise UsageError(f"{asked!r} may be several: {_listed(found)}. Give a number or more of the name.")
    return found[0][0]


def _listed(pairs: Iterable[tuple[Any, ...]]) -> str:
    shown = [f"{number} {name}" for number, name in pairs]
    more = len(shown) - _LISTED
    return "; ".join(shown[:_LISTED]) + (f"; and {more} more" if more > 0 else "")


def check_series(series: Series, place: pl.DataFrame) -> None:
    """Refuse a series that is not estimated in a geography (06 section 5.3; 07 section 8.3).

    Raises:
        UsageError: it is not.
    """
    name, number = place.select("estimate_geographic_location", "permutation_number").row(0)
    if series_places(place, series).is_empty():
        where = {"region": "the nation and its regions", "national": "the nation"}[series.geographies]
        raise UsageError(f"Series {series.number} ({series.label}) is estimated for {where} only, not for {name}.")
    if number in series.greyed_geographies:
        raise UsageError(f"Series {series.number} ({series.label}) is never estimated for {name}.")


def write_final_csv(
    run: EstimatedRun, table: TableDefinition, places: pl.DataFrame, series: Series | None, path: Path
) -> int:
    """Write a table's final columns (07 section 8.9), some geographies at a time; returns the number of rows."""
    n_rows = 0
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        pl.DataFrame(schema=FINAL_SCHEMA).write_csv(file)
        for batch in places.iter_slices(_BATCH):
            rows = final_rows(run.rows(table, batch, series), table, batch, run.year)
            rows.write_csv(file, include_header=False)
            n_rows += rows.height
    return n_rows
