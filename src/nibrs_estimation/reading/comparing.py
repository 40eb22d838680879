"""What `nibrs compare` compares: the sides that its options name, and their difference as a row of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import polars as pl

from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.reading.basis import basis_of
from nibrs_estimation.reading.runs import EstimatedRun, check_comparable
from nibrs_estimation.reading.selection import (
    EVERYWHERE,
    STATES,
    check_series,
    find_column,
    find_places,
    find_rows,
    find_series,
)
from nibrs_estimation.survey.basis import Basis
from nibrs_estimation.survey.comparison import (
    Cell,
    Compared,
    ComparedTable,
    clear_words,
    compared,
    difference_of_cells,
)
from nibrs_estimation.tables.definition import Estimate, TableColumn, TableDefinition, TableRow
from nibrs_estimation.tables.labels import plain_label
from nibrs_estimation.tables.matrices.table_matrix import agency_rows
from nibrs_estimation.tables.series import Series
from nibrs_estimation.tables.table_cells import TYPE_NUMBERS
from nibrs_estimation.tables.table_rows import RATE_BASE

#: Columns of the published rows that differences use.
_USED = (
    "geography_number", "row", "column", "estimate", "estimate_standard_error", "population_estimate", "missing",
    "is_suppressed",
)  # fmt: skip


@dataclass(frozen=True)
class Side:
    """What one side of a difference is of, with the names that people know."""

    run: EstimatedRun
    place: pl.DataFrame
    row: TableRow
    column: TableColumn
    series: Series | None
    estimate: Estimate

    @property
    def geography(self) -> int:
        """Number of the geography."""
        return int(self.place["geography_number"][0])

    @property
    def names(self) -> dict[str, str | None]:
        """Name of the run, geography, row, column and group of persons; None for all persons."""
        return {
            "run": f"{self.run.run_id} ({self.run.year})",
            "geography": str(self.place["estimate_geographic_location"][0]),
            "row": plain_label(self.row.label),
            "column": plain_label(self.column.label),
            "series": self.series.label if self.series else None,
        }

    def cell(self) -> Cell:
        """What is counted or divided."""
        counted = self.row.of or self.row.row
        return Cell(counted, self.column.position, self.geography, self.series, self.estimate == "percentage")


@dataclass(frozen=True)
class Options:
    """Runs, and what is compared; the sides of a difference are given as two of one.

    Attributes:
        estimate: whether counts, rates or percentages are compared.
    """

    runs: tuple[EstimatedRun, ...]
    table: TableDefinition
    geographies: tuple[str, ...]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    series: tuple[str, ...]
    estimate: Estimate = "count"

    @classmethod
    def of(
        cls,
        runs: Sequence[EstimatedRun],
        table: TableDefinition,
        geographies: Sequence[str] = (),
        rows: Sequence[str] = (),
        columns: Sequence[str] = (),
        series: Sequence[str] = (),
        estimate: Estimate = "count",
    ) -> Options:
        """Without names: the nation, the first row, and the first column, but all columns of two runs.

        Raises:
            UsageError: the table is of summary estimates.
        """
        check_comparable(table)
        every = EVERYWHERE if len(runs) == 2 else "1"
        return cls(
            tuple(runs), table, tuple(geographies), tuple(rows) or ("1",), tuple(columns) or (every,), tuple(series),
            estimate,
        )  # fmt: skip


def sides_of(options: Options) -> list[tuple[Side, Side]]:
    """First and second side of each difference. Of two years the first is the later, and there may be many cells.

    Raises:
        UsageError: the options do not say which two things are compared, or name none, or one that has no estimates.
    """
    runs = options.runs
    several = [
        name
        for name, values in (
            ("geography", options.geographies),
            ("row", options.rows),
            ("column", options.columns),
            ("series", options.series),
        )
        if len(values) > 1 or set(values) & {EVERYWHERE, STATES}
    ]
    if len(runs) == 2:
        if runs[0].year == runs[1].year:
            raise UsageError(
                f"Runs {runs[0].run_id} and {runs[1].run_id} are both of {runs[0].year}: two years are compared. "
                "Within one run name two columns, geographies, rows or series."
            )
        earlier, later = sorted(runs, key=lambda run: run.year)
        before = {side.cell(): side for side in sides_in(options, earlier)}
        pairs = [(side, before[side.cell()]) for side in sides_in(options, later) if side.cell() in before]
        if not pairs:
            raise UsageError(f"Runs {later.run_id} and {earlier.run_id} have no estimated geography in common.")
        return pairs
    if len(several) != 1 or set(_values(options)) & {EVERYWHERE, STATES}:
        given = f" Several are given of: {', '.join(several)}." if several else ""
        raise UsageError(
            "Say which two are compared: name two of one of run, column, geography, row and series, such as the "
            f"geographies Vermont and Maine.{given} Of two runs the others may name any number."
        )
    found = sides_in(options, runs[0])
    if len(found) != 2:
        raise UsageError(f"The {several[0]} names {len(found)} things: two are compared.")
    return [(found[0], found[1])]


def _values(options: Options) -> tuple[str, ...]:
    return (*options.geographies, *options.rows, *options.columns, *options.series)


def sides_in(options: Options, run: EstimatedRun) -> list[Side]:
    """Everything in a run that the options name."""
    table = options.table
    places = find_places(run, options.geographies)
    columns = (
        list(table.columns) if EVERYWHERE in options.columns else [find_column(table, name) for name in options.columns]
    )
    rows = [_row(table, name, options.estimate) for name in options.rows]
    series: list[Series | None] = [find_series(table, name) for name in options.series]
    for each in series:
        if each is not None:
            check_series(each, places)
    of_places = places.iter_slices(1)
    return [Side(run, *of, options.estimate) for of in product(of_places, rows, columns, series or [None])]


def _row(table: TableDefinition, name: str, estimate: Estimate) -> TableRow:
    """The row of a count or percentage, or of the rate made of it.

    Raises:
        UsageError: the name is of several rows, or the row has no such estimate, or one that is not compared.
    """
    found = find_rows(table, name)
    if len(found) != 1:
        raise UsageError(f"{name!r} names {len(found)} rows of table {table.table}: give the number of one of them.")
    (row,) = found
    if estimate == "rate":
        # A rate stands in a row of its own.
        row = next((other for other in table.rows if other.of == row.row), row)
    if estimate not in row.estimates:
        others = ", ".join(f"as a {kind}" for kind in row.estimates)
        raise UsageError(
            f"Row {row.row} of table {table.table} has no {estimate}. Compare it {others or 'in another table'}, or "
            "another row."
        )
    if estimate == "percentage" and row.row in agency_rows(table):
        raise UsageError(
            f"Row {row.row} of table {table.table} is of a category of agencies: its percentage is not compared. "
            "Compare the count or another row."
        )
    return row


def differences(options: Options, *, shows_suppressed: bool) -> pl.DataFrame:
    """A row for each difference: names of both sides, the numbers of ``Compared``, and why they are missing.

    Raises:
        UsageError: as :func:`sides_of`; a run has the reference's variance, or no longer the datasets that are needed.
    """
    return differences_of(options, sides_of(options), shows_suppressed=shows_suppressed)


def differences_of(options: Options, pairs: Sequence[tuple[Side, Side]], *, shows_suppressed: bool) -> pl.DataFrame:
    """A row for each of some pairs of sides of the options, as of :func:`differences`, in their order.

    Raises:
        UsageError: a run has the reference's variance, or no longer the datasets that are needed.
    """
    runs = {run.run_id: run for run in options.runs}
    level = _narrowest([side.series for pair in pairs for side in pair])
    tables = {name: ComparedTable(options.table, basis_of_differences(run, level)) for name, run in runs.items()}
    published = _Published(options, [side for pair in pairs for side in pair])
    found = []
    for one, other in pairs:
        numbers = [published.of(side) for side in (one, other)]
        row: dict[str, Any] = {**dict.fromkeys(Compared._fields), "clear": clear_words(None, None)}
        for side, names in (("first", one.names), ("second", other.names)):
            row |= {f"{side}_{key}": value for key, value in names.items()}
        missing = next((reason for reason in (_missing(each, shows_suppressed) for each in numbers) if reason), None)
        row["missing"] = missing
        if missing is None:
            sides = tables[one.run.run_id], tables[other.run.run_id]
            cells = one.cell(), other.cell()
            factors = [_factor(options.estimate, each) for each in numbers]
            errors = [each["estimate_standard_error"] / factor for each, factor in zip(numbers, factors, strict=True)]
            is_bounded = all(table.is_bounded(cell) for table, cell in zip(sides, cells, strict=True))
            if options.estimate == "percentage":
                # The residuals of a row that nobody has do not tell the error of its share.
                is_bounded = is_bounded and all(each["estimate"] > 0 for each in numbers)
            difference = difference_of_cells(sides, *cells)
            numbers_of_both = compared(
                difference, (factors[0], factors[1]), (errors[0], errors[1]), is_bounded=is_bounded
            )
            row |= {**numbers_of_both._asdict(), "clear": numbers_of_both.clear}
        found.append(row)
    overrides = dict.fromkeys(Compared._fields, pl.Float64) | dict.fromkeys(
        ("first_series", "second_series"), pl.String
    )
    return pl.DataFrame(found, schema_overrides=overrides, infer_schema_length=None).fill_nan(None)


def _factor(estimate: Estimate, published: dict[str, Any]) -> float:
    """From counts or shares to the published unit."""
    if estimate == "rate":
        return float(RATE_BASE / published["population_estimate"])
    return 100.0 if estimate == "percentage" else 1.0


class _Published:
    """The published numbers of sides; each run is read once for all of them.

    Args:
        options: the table, and what is compared.
        sides: all sides.
    """

    def __init__(self, options: Options, sides: Sequence[Side]) -> None:
        self._rows: dict[tuple[str, str | None, int, int, int], dict[str, Any]] = {}
        of_runs: dict[tuple[str, str | None], list[Side]] = {}
        for side in sides:
            of_runs.setdefault((side.run.run_id, side.names["series"]), []).append(side)
        for key, of_run in of_runs.items():
            first = of_run[0]
            numbers = sorted({side.geography for side in of_run})
            places = first.run.places.filter(pl.col("geography_number").is_in(numbers))
            rows = first.run.rows(options.table, places, first.series, {side.row.row for side in of_run})
            kept = rows.filter(pl.col("estimate_type_num") == TYPE_NUMBERS[options.estimate]).select(_USED)
            for row in kept.iter_rows(named=True):
                self._rows[(*key, row["geography_number"], row["row"], row["column"])] = row

    def of(self, side: Side) -> dict[str, Any]:
        """The row of the published table."""
        place = side.geography, side.row.row, side.column.position
        return self._rows[(side.run.run_id, side.names["series"], *place)]


def _missing(row: dict[str, Any], shows_suppressed: bool) -> str | None:
    """Why a published number cannot be compared."""
    if row["estimate"] is None or row["estimate_standard_error"] is None:
        return str(row["missing"] or "no standard error")
    return "suppressed" if row["is_suppressed"] and not shows_suppressed else None


def _narrowest(series: Sequence[Series | None]) -> str | None:
    """Level of the series that is estimated for the fewest geographies; None without series."""
    levels = {each.geographies for each in series if each is not None}
    return next((level for level in ("national", "region", "all") if level in levels), None)


def basis_of_differences(run: EstimatedRun, level: str | None) -> Basis:
    """What the estimates of a run are made of, if differences can be computed from it.

    Raises:
        UsageError: the run has the reference's variance, or no longer the datasets that are needed.
    """
    if run.variance_rule() != "prediction":
        raise UsageError(
            f"Run {run.run_id} has variances by the reference's rule, which has none of differences. Run it with "
            "NIBRS_VARIANCE_RULE=prediction (the default) and compare again."
        )
    return basis_of(run, level)
