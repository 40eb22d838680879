"""A run as a Python object: its tables, differences, coverage and agencies as Polars frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import polars as pl

from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.runs import MAIN_FLOW, SUMMARY_FLOWS
from nibrs_estimation.reading.agencies import AGENCIES_FILE, read_agencies, without_all_months
from nibrs_estimation.reading.runs import EstimatedRun, check_comparable, flow_of
from nibrs_estimation.reading.selection import Selection
from nibrs_estimation.tables.definition import Estimate, TableDefinition
from nibrs_estimation.tables.labels import plain_label, with_states
from nibrs_estimation.tables.read import all_definitions, table_definition
from nibrs_estimation.tables.series import demographic_series
from nibrs_estimation.tables.table_rows import part_of

#: A name or number, or several.
Names = str | int | Sequence[str | int] | None
#: Columns of :meth:`Run.table`: ``row`` and ``column`` are numbers, the others are those of ``published_estimates``.
TABLE_COLUMNS = (
    "geography_name", "demographic_series", "row", "row_group", "row_label", "column", "column_label", "estimate_type",
    "estimate", "estimate_lower_bound", "estimate_upper_bound", "estimate_standard_error", "relative_standard_error",
    "estimate_known", "agency_counts", "filled_share", "population_estimate", "caution", "is_suppressed",
    "suppression_reason", "missing", "is_proposed", "data_year", "run_id", "data_source", "is_synthetic",
    "universe_scope",
)  # fmt: skip
#: Numbers of an estimate, which are left out where it should not be published.
_NUMBERS = (
    "estimate", "estimate_standard_error", "estimate_lower_bound", "estimate_upper_bound", "relative_standard_error",
    "estimate_copula", "estimate_bias", "estimate_rmse", "relative_rmse", "estimate_known",
    "estimate_known_standard_error", "estimate_known_lower_bound", "estimate_known_upper_bound", "estimate_unweighted",
)  # fmt: skip


class Run:
    """The estimates of a run. :func:`nibrs_estimation.open_run` opens one.

    Tables, geographies, series, rows and columns are named as on the command line: by number, code, name, or a part of
    the name that is clear. Every frame says whose numbers it has: ``run_id``, ``data_year``, ``data_source``,
    ``is_synthetic``. Frames are Polars data frames; ``.to_pandas()`` converts one (with pandas and pyarrow installed).

    Args:
        flows: the flows of the run that have estimates.
        working: finds a flow of the run in its own folder, if differences need more than what it published.
    """

    def __init__(
        self,
        flows: Mapping[str, EstimatedRun],
        working: Callable[[str], EstimatedRun | None] = lambda _flow: None,
    ) -> None:
        self._flows, self._working = flows, working
        self._first = next(iter(flows.values()))

    def __repr__(self) -> str:
        """What the run is of; synthetic data are called so."""
        return f"<Run: {self.identity.text}>"

    @property
    def identity(self) -> Identity:
        """Name, source and year of the run, and whether its data are synthetic."""
        return self._first.identity

    def tables(self) -> pl.DataFrame:
        """The tables: name, title, what each counts, and whether this run has estimated it.

        Returns:
            A row for each table and variant: ``table_name``, ``title``, ``counts``, ``rows``, ``columns``,
            ``has_series`` (whether it is repeated for groups of persons), ``is_estimated``.
        """
        return pl.DataFrame(
            {
                "table_name": table.table,
                "title": table.title,
                "counts": table.counts,
                "rows": sum(not row.is_dropped for row in table.rows),
                "columns": len(table.columns),
                "has_series": table.demographic is not None,
                "is_estimated": self._has(table),
            }
            for table in all_definitions().values()
        )

    def rows(self, table: str) -> pl.DataFrame:
        """The rows of a table: ``row``, ``row_label``, ``estimates`` (count, percentage or rate).

        Raises:
            UsageError: there is no such table.
        """
        kept = [row for row in table_definition(table).rows if not row.is_dropped]
        return pl.DataFrame(
            {"row": row.row, "row_label": plain_label(row.label), "estimates": list(row.estimates)} for row in kept
        )

    def columns(self, table: str) -> pl.DataFrame:
        """The columns of a table: ``column``, ``name``, ``column_label``, ``definition`` (of sums of offenses).

        Raises:
            UsageError: there is no such table.
        """
        schema = {"column": pl.Int64, "name": pl.String, "column_label": pl.String, "definition": pl.String}
        return pl.DataFrame(
            [
                (column.position, column.name, plain_label(column.label), column.definition)
                for column in table_definition(table).columns
            ],
            schema=schema,
            orient="row",
        )

    def series(self) -> pl.DataFrame:
        """Groups of persons for which tables of victims and arrestees are repeated: ``series_number``, ``label``."""
        current = [series for series in demographic_series() if not series.is_retired]
        return pl.DataFrame(
            {"series_number": series.number, "label": series.label, "geographies": series.geographies}
            for series in current
        )

    def table(
        self,
        name: str,
        geography: Names = None,
        series: str | int | None = None,
        rows: Names = None,
        columns: Names = None,
        *,
        estimate: Estimate | None = None,
        show_suppressed: bool = False,
    ) -> pl.DataFrame:
        """Estimates of a table, zeros included.

        Args:
            name: name of the table, such as ``3a``.
            geography: names, postal codes, ``fips:50`` or ``geography:102``; ``states`` or ``all``. Default: the
                nation, or the state of a run of one state.
            series: a group of persons: number or label, such as ``female``. Default: all persons.
            rows: numbers, labels, blocks or a part of labels. Default: all.
            columns: numbers, names or a part of labels. Default: all.
            estimate: only counts, percentages or rates. Default: all of them.
            show_suppressed: give the numbers that should not be published, too.

        Returns:
            A row for each geography, cell and type of estimate, with the columns :data:`TABLE_COLUMNS`. ``missing``
            says why there is no estimate, ``suppression_reason`` why it is not shown.

        Raises:
            UsageError: a name matches nothing or several things, or the run has not estimated it.
        """
        selection = self._selection(name, geography, series, rows, columns)
        numbered = (
            published.with_columns(cells["row", "column"]).select(TABLE_COLUMNS)
            for cells, published in selection.batches()
        )
        found = pl.concat(numbered)
        if estimate is not None:
            found = found.filter(estimate_type=estimate)
        return found if show_suppressed else _without_suppressed(found)

    def estimates(
        self,
        tables: Names = None,
        geography: Names = None,
        series: str | int | None = None,
        *,
        show_suppressed: bool = False,
    ) -> pl.DataFrame:
        """Estimates of several tables as in ``estimates.csv``: all its columns, without cells that are 0.

        Args:
            tables: names of tables. Default: all that this run has estimated.
            geography: as of :meth:`table`.
            series: as of :meth:`table`; then only tables that have series.
            show_suppressed: give the numbers that should not be published, too.

        Returns:
            A row for each number, with the columns of dataset ``published_estimates``.

        Raises:
            UsageError: as :meth:`table`.
        """
        wanted = _names(tables) or tuple(
            table.table
            for table in all_definitions().values()
            if self._has(table) and (series is None or table.demographic is not None)
        )
        selections = [self._selection(name, geography, series) for name in wanted]
        found = pl.concat(rows for each in selections for _cells, rows in each.batches(is_whole=False))
        return found if show_suppressed else _without_suppressed(found)

    def compare(
        self,
        name: str,
        geography: Names = None,
        series: Names = None,
        rows: Names = None,
        columns: Names = None,
        *,
        other: Run | None = None,
        estimate: Estimate = "count",
        show_suppressed: bool = False,
    ) -> pl.DataFrame:
        """The difference of two estimates, with its standard error and interval.

        Name two of one thing: geographies, series, rows or columns. With another run two years are compared, and the
        names may be any number.

        Args:
            name: name of the table.
            geography: as of :meth:`table`.
            series: groups of persons.
            rows: numbers or labels. Default: the first row.
            columns: numbers, names or a part of labels. Default: the first column; of two runs all.
            other: run of another year.
            estimate: whether counts, percentages or rates are compared.
            show_suppressed: compare the numbers that should not be published, too.

        Returns:
            A row for each difference: ``first``, ``second``, ``difference``, ``standard_error``, ``lower``, ``upper``,
            ``change`` (percent) with its interval, ``clear`` (higher, lower, or no), the names of both sides
            (``first_geography``, ``second_geography``, ...), and ``missing``: why there is no number.

        Raises:
            UsageError: the names do not say which two are compared, or the datasets that are needed are not there.
        """
        # Differences compile and compute; whoever reads tables does not wait for their libraries.
        from nibrs_estimation.reading.comparing import Options, differences  # noqa: PLC0415

        table = table_definition(name)
        check_comparable(table)
        runs = [run._of_work(MAIN_FLOW) for run in (self, *([other] if other is not None else []))]
        options = Options.of(runs, table, _names(geography), _names(rows), _names(columns), _names(series), estimate)
        found = differences(options, shows_suppressed=show_suppressed)
        return found.with_columns(
            table_name=pl.lit(table.table), estimate_type=pl.lit(estimate), is_synthetic=self.identity.is_synthetic
        )

    def coverage(self) -> pl.DataFrame:
        """Who is behind the numbers of each geography: agencies, population and their shares.

        Returns:
            A row for each geography: dataset ``coverage`` with postal code and FIPS code of states, and whether it
            ``is_estimated``.
        """
        run = self._first
        is_estimated = pl.col("geography_number").is_in(run.places["geography_number"].implode())
        return with_states(run.coverage).with_columns(is_estimated=is_estimated, **_about(run.identity))

    def agencies(self, *, incomplete: bool = False) -> pl.DataFrame:
        """Every agency: what it reported, what was filled and from whom, its benchmark and its weights.

        Args:
            incomplete: only agencies that did not report all months of the year.

        Returns:
            The rows of ``agencies.csv``.

        Raises:
            UsageError: the run has no such file.
        """
        path = self._first.files.document(AGENCIES_FILE)
        if path is None:
            raise UsageError(
                f"Run {self.identity.run_id} has no {AGENCIES_FILE}: it did not get that far, or has summary estimates "
                f"only. The command that started it, `nibrs run`, continues it."
            )
        found = read_agencies(path)
        return without_all_months(found) if incomplete else found

    def contributions(
        self, name: str, geography: str | int | None = None, row: str | int = 1, column: str | int = 1
    ) -> pl.DataFrame:
        """What one estimated count is made of, agency by agency, so that another program can compute its error.

        Args:
            name: name of the table.
            geography: one geography, as of :meth:`table`.
            row: number or label of a row with a count.
            column: number or name of a column.

        Returns:
            A row for each agency; see :func:`nibrs_estimation.reading.contributions.contributions`.

        Raises:
            UsageError: a name matches nothing or several things, or the datasets that are needed are not there.
        """
        # As of differences.
        from nibrs_estimation.reading.contributions import contributions  # noqa: PLC0415

        table = table_definition(name)
        check_comparable(table)
        place = None if geography is None else str(geography)
        return contributions(self._of_work(MAIN_FLOW), table, place, str(row), str(column))

    def _selection(
        self, name: str, geography: Names, series: str | int | None, rows: Names = None, columns: Names = None
    ) -> Selection:
        table = table_definition(name)
        group = None if series is None else str(series)
        return Selection.of(self._flow_of(table), table, _names(geography), group, _names(rows), _names(columns))

    def _flow_of(self, table: TableDefinition) -> EstimatedRun:
        """The flow that has a table.

        Raises:
            UsageError: the run lacks it.
        """
        flow = flow_of(table)
        wanted = SUMMARY_FLOWS if flow in SUMMARY_FLOWS else (flow,)
        found = next((self._flows[each] for each in wanted if each in self._flows), None)
        if found is None:
            raise UsageError(
                f"Run {self.identity.run_id} has no estimates of flow {flow}, which estimates table {table.table}; it "
                f"has {', '.join(self._flows)}. Run `nibrs run {flow} {self.identity.run_id}` with its year and source."
            )
        return found

    def _of_work(self, flow: str) -> EstimatedRun:
        """A flow with the datasets from which differences are computed, if they are found."""
        found = self._flows.get(flow) or self._first
        return self._working(flow) or found

    def _has(self, table: TableDefinition) -> bool:
        try:
            run = self._flow_of(table)
        except UsageError:
            return False
        return run.has_part(part_of(table))


def _names(value: Names) -> tuple[str, ...]:
    """Several names as texts."""
    if value is None:
        return ()
    return (str(value),) if isinstance(value, (str, int)) else tuple(map(str, value))


def _without_suppressed(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows without the numbers that should not be published; the reason stays."""
    is_hidden = pl.col("is_suppressed").fill_null(False)
    return rows.with_columns(pl.when(~is_hidden).then(name) for name in _NUMBERS if name in rows.columns)


def _about(identity: Identity) -> dict[str, pl.Expr]:
    """Columns that say whose numbers a frame has."""
    return {
        "data_year": pl.lit(identity.year, dtype=pl.Int32),
        **{name: pl.lit(value) for name, value in identity.columns().items()},
    }
