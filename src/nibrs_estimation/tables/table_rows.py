"""The numbers of a table's cells: counts, percentages and rates with their intervals.

Only cells that are not 0 are stored (`model/estimates.py`). The result has one row for each cell and type of
estimate, for the stored cells or for all cells. Sources: handbook 10 and 11.
"""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from nibrs_estimation.model.coverage import is_whole_place
from nibrs_estimation.model.parameters import VARIANCE_RULE
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.tables.bias import Z_95, with_bias
from nibrs_estimation.tables.caution import caution_column
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.series import Series, is_of_level, series_part
from nibrs_estimation.tables.table_cells import PERCENTAGE, RATE, denominators, gap_of_geography, table_cells
from nibrs_estimation.tables.variables import derived_variables
from nibrs_estimation.tables.version import definition_version

RATE_BASE = 100_000
#: A difference below this share of its terms is 0.
_ROUNDING = 1e-9

NEVER_ESTIMATED = "never estimated, by design of the table"
NO_DENOMINATOR = "the rows that it is a percentage of are 0"
NO_POPULATION = "the population is not known"
#: Explanation of an interval without width.
NOTHING_SAMPLED = (
    "all known agencies reported, or the records have no agency, so nothing was sampled; errors in reports and unknown "
    "items are not measured"
)
#: Instead of an interval, where nothing is missing but months that are only inferred.
MONTHS_INFERRED = "all known agencies reported; months inferred"
#: What an interval means, by the rule of the variance (parameter ``variance_rule``).
INTERVAL_MEANS = {
    "prediction": "The 95 % interval says where the number would lie if all agencies had reported: 95 of 100 intervals "
    "should hold it. It does not include errors in reports or response that depends on crime.",
    "reference": "The 95 % interval says how much the number would vary if other agencies of each weight group had "
    "reported: 95 of 100 intervals should hold the mean of such numbers. Where a second estimate is known, it includes "
    "the difference from it. It does not include how large the missing agencies are, errors in reports or response "
    "that depends on crime.",
}

#: Why places do not add up.
OWN_WEIGHTS = "Every place has weights of its own: states do not add up exactly to their region or to the nation."
#: Columns of dataset ``coverage`` that intervals and cautions need.
_OF_PLACE = (
    "population_coverage",
    "unreported_ratio",
    "upper_bound_of_zero",
    "largest_missing_share",
    "without_weights_share",
    "has_inferred_months",
    "responding_agencies",
)
_INFORMATION = (
    "indicator_name",
    "section",
    "estimate_domain_1",
    "estimate_domain_2",
    "detail_percentage",
    "detail_rate",
)


def part_of(table: TableDefinition, series: Series | None = None) -> str:
    """The part of ``cell_estimate``, or for a series of ``series_estimate``, that contains a table's estimates."""
    return table.table if series is None else f"{table.table}_{series_part(series)}"


def estimated_places(coverage: pl.LazyFrame) -> pl.DataFrame:
    """The geographies of dataset ``coverage`` that are estimated: not excluded, and with a respondent; by number."""
    wanted = (pl.col("responding_agencies") > 0) & ~pl.col("is_excluded")
    return coverage.filter(wanted).sort("geography_number").collect()


def series_places(places: pl.DataFrame, series: Series) -> pl.DataFrame:
    """The geographies of dataset ``coverage`` for which a series is estimated (handbook 11)."""
    return places.filter(is_of_level(series.geographies))


def table_rows(
    table: TableDefinition,
    cells: pl.LazyFrame,
    cell_gap: pl.LazyFrame,
    places: pl.DataFrame,
    geography_population: pl.LazyFrame,
    *,
    series: Series | None = None,
    is_whole: bool = True,
    only_rows: Collection[int] | None = None,
    variance_rule: str = VARIANCE_RULE.default,
) -> pl.DataFrame:
    """The estimates of a table, one row for each geography, cell and type of estimate.

    Args:
        table: definition of the table.
        cells: dataset ``cell_estimate``, or for a series ``series_estimate``.
        cell_gap: dataset of that name.
        places: rows of dataset ``coverage``: estimated geographies.
        geography_population: dataset of that name.
        series: group of persons for which the table is repeated, or None for all persons.
        is_whole: whether all cells of the table are returned, including those that are 0 or never estimated; otherwise
            only stored cells and cells that cannot be computed from the input.
        only_rows: rows of the table that are returned, or None for all.
        variance_rule: parameter of that name; by rule ``reference`` intervals include the bias, where it is known.

    Returns:
        ``series_number``, ``geography_number``, ``row``, ``column``, ``section``, ``estimate_type_num``, the words of
        the cell, ``estimate`` (units, percent, or per 100,000 of ``population_estimate``), ``estimate_unweighted``,
        ``estimate_standard_error``, ``estimate_lower_bound``, ``estimate_upper_bound``, ``relative_standard_error``,
        ``estimate_copula``, ``estimate_bias``, ``estimate_prb``, ``estimate_rmse`` and ``relative_rmse`` (``bias.py``),
        ``count`` (of the cell, for every type of estimate), ``filled_share`` and ``imputed_share`` (of the count),
        ``agency_counts``, ``population_estimate``, ``population_coverage`` and ``is_only_inferred`` (1 where nothing is
        missing but inferred months) of the geography, ``caution`` (codes of ``tables/caution.py``, or null),
        ``is_blank`` and ``missing`` (why there is no estimate, or null); percentages of rows in a block with an unknown
        row also have ``estimate_known``, ``estimate_known_standard_error``, ``estimate_known_lower_bound`` and
        ``estimate_known_upper_bound``: the percentage among units whose item is known, in percent. Sorted by geography,
        row, column and type.

    Raises:
        PipelineError: the cells were estimated with another definition of the table.
    """
    frame = table_cells(table, cell_gap.collect(), series)
    if only_rows is not None:
        frame = frame.filter(pl.col("row").is_in(list(only_rows)))
        cells = cells.filter(pl.col("row").is_in(_rows_needed(table, only_rows)))
    numbers = places.select(
        *_OF_PLACE,
        "geography_number",
        is_whole_place=is_whole_place(),
        series_number=pl.lit(series.number if series else 0, dtype=pl.Int16),
    )
    stored = _stored(cells, table, series).join(numbers, on=["series_number", "geography_number"])
    key = ["series_number", "geography_number", "count_row", "column"]
    if is_whole:
        found = stored.drop(*_OF_PLACE, "is_whole_place")
        rows = numbers.join(frame, how="cross").with_columns(gap_of_geography()).join(found, on=key, how="left")
    else:
        estimated_rows = stored.join(frame, on=key[2:]).with_columns(gap_of_geography()).filter(pl.col("gap").is_null())
        with_gap = frame.filter(pl.col("gap").is_not_null())
        rows_with_gap = (
            numbers.join(with_gap, how="cross").with_columns(gap_of_geography()).filter(pl.col("gap").is_not_null())
        )
        rows = pl.concat([estimated_rows, rows_with_gap], how="diagonal")
    if series is not None:
        rows = rows.with_columns(pl.col("is_blank") | pl.col("geography_number").is_in(series.blank_geographies))
    rows = _with_denominators(rows, stored, table)
    rows = _with_populations(rows, geography_population)
    return _estimated(rows, variance_rule).sort("geography_number", "row", "column", "estimate_type_num")


def _rows_needed(table: TableDefinition, only_rows: Collection[int]) -> list[int]:
    """The stored rows from which some rows are computed: their counts, and those of their denominators."""
    wanted = [row for row in table.rows if row.row in only_rows]
    bases = {
        other for row in wanted for other in (*row.denominator, *(base for base, _factor in row.known_denominator))
    }
    return sorted({row.of or row.row for row in wanted} | bases)


def _stored(cells: pl.LazyFrame, table: TableDefinition, series: Series | None) -> pl.DataFrame:
    """The stored cells of a table; an error if they were estimated with another definition."""
    part = part_of(table, series)
    stored = cells.filter(pl.col("table_part") == part).drop("table_part").rename({"row": "count_row"}).collect()
    if (stored["definition_version"] != definition_version(table, derived_variables())).any():
        raise PipelineError(
            f"The definition of table {table.table}, or of a variable that it uses, has changed since {part} was "
            "estimated: old numbers would have new labels. Estimate it again (the same `nibrs run` repeats what has "
            "changed), or restore the definition."
        )
    return stored.drop("definition_version")


def _with_denominators(rows: pl.DataFrame, stored: pl.DataFrame, table: TableDefinition) -> pl.DataFrame:
    """Add ``has_base`` to percentages, true if a row of the denominator is stored, and its U (``copula_base``)."""
    sets = _denominator_sets(table)
    key = ["geography_number", "set", "column"]
    second = pl.col("copula_estimate")
    bases = (
        stored.join(sets.select("count_row", "set").unique(), on="count_row")
        .group_by(key)
        .agg(has_base=pl.lit(True), copula_base=pl.when(second.is_not_null().all()).then(second.sum()))
    )
    of_row = sets.select("denominator", "set").unique()
    with_base = rows.join(of_row, on="denominator", how="left").join(bases, on=key, how="left")
    known = _known_bases(stored, table)
    return with_base.join(known, on=["geography_number", "denominator", "column"], how="left")


def _known_bases(stored: pl.DataFrame, table: TableDefinition) -> pl.DataFrame:
    """Rows with percentages among known units (``denominator``) if there are known units (``has_known_base``)."""
    terms = [(row.row, other, factor) for row in table.rows for other, factor in row.known_denominator]
    schema = {"denominator": pl.Int16, "count_row": pl.Int16, "factor": pl.Int8}
    value = pl.col("estimate") * pl.col("factor")
    return (
        stored.select("geography_number", "count_row", "column", "estimate")
        .join(pl.DataFrame(terms, schema=schema, orient="row"), on="count_row")
        .group_by("geography_number", "denominator", "column")
        # If all units are unknown, the total minus the unknown is 0 except for rounding.
        .agg(has_known_base=value.sum() > _ROUNDING * value.abs().sum())
        .filter("has_known_base")
    )


def _denominator_sets(table: TableDefinition) -> pl.DataFrame:
    """Rows with percentages and their denominators; rows with the same denominator have the same number (``set``)."""
    sets = {rows: number for number, rows in enumerate(dict.fromkeys(row.denominator for row in table.rows))}
    pairs = denominators(table)
    number = {row.row: sets[row.denominator] for row in table.rows}
    return pairs.with_columns(set=pl.col("denominator").replace_strict(number, return_dtype=pl.Int32))


def _with_populations(rows: pl.DataFrame, geography_population: pl.LazyFrame) -> pl.DataFrame:
    """Add the population of the geography, and that of its respondents, to rates; null if it is 0."""
    populations = geography_population.select(
        "population_key",
        *(pl.when(pl.col(name) > 0).then(name).alias(name) for name in ("population", "population_responding")),
        "geography_number",
    ).collect()
    return rows.join(populations, on=["geography_number", "population_key"], how="left")


def _is_only_inferred() -> pl.Expr:
    """Whether nothing is missing in the geography but months that are inferred to be without incidents."""
    return pl.col("has_inferred_months") & (pl.col("unreported_ratio") == 0).fill_null(False)


def _bounds_of_counts() -> tuple[pl.Expr, pl.Expr]:
    """Ends of the intervals of counts: as stored, and of counts of 0.

    If nothing is missing but months that are only inferred, the count is as sure as these months: no ends are given.
    """
    ends = (("lower_bound", pl.lit(0.0)), ("upper_bound", pl.col("upper_bound_of_zero")))
    lower, upper = (
        pl.when(~_is_only_inferred()).then(pl.when("is_stored").then(stored).otherwise(of_zero))
        for stored, of_zero in ends
    )
    return lower, upper


def _bounds_of_percentages() -> tuple[pl.Expr, pl.Expr]:
    """Percentage plus and minus 1.96 standard errors, from 0 to 100; that of a count of 0 has no known ends.

    Percentages of records may be above 100, and so may their ends.
    """
    value, margin = pl.col("percentage"), Z_95 * pl.col("percentage_standard_error")
    is_known = pl.col("is_stored") | (pl.col("unreported_ratio") == 0)
    lower, upper = (value - margin).clip(lower_bound=0), value + margin
    upper = pl.when(value <= 100).then(upper.clip(upper_bound=100)).otherwise(upper)
    low, high = (pl.when(is_known & ~_is_only_inferred()).then(end) for end in (lower, upper))
    return low, high


def _estimated(rows: pl.DataFrame, variance_rule: str) -> pl.DataFrame:
    """Compute the numbers of each type of estimate."""
    kind = pl.col("estimate_type_num")
    is_open = ~pl.col("is_blank") & pl.col("gap").is_null()
    is_stored = pl.col("estimate").is_not_null()
    zeros = ("estimate", "standard_error", "reported", "filled_share", "imputed_share", "unweighted", "agency_counts")
    shares = ("percentage", "percentage_unweighted", "percentage_standard_error")
    known_shares = ("percentage_known", "percentage_known_standard_error")
    # Cells that are not stored are 0, and so are their percentages if the denominator is not 0.
    filled = rows.with_columns(
        *(pl.when(is_open & ~is_stored).then(0).otherwise(name).alias(name) for name in zeros),
        *(pl.when(is_open & ~is_stored & pl.col("has_base")).then(0.0).otherwise(name).alias(name) for name in shares),
        *(
            pl.when(is_open & ~is_stored & pl.col("has_known_base")).then(0.0).otherwise(name).alias(name)
            for name in known_shares
        ),
        is_stored=is_stored,
    ).with_columns(count="estimate", per_unit=pl.when(kind == RATE).then(RATE_BASE / pl.col("population")))
    is_share = kind == PERCENTAGE
    estimate, error, unweighted = (
        pl.when(kind == RATE).then(rate).when(is_share).then(percentage).otherwise(count)
        for count, percentage, rate in (
            ("estimate", "percentage", pl.col("estimate") * pl.col("per_unit")),
            ("standard_error", "percentage_standard_error", pl.col("standard_error") * pl.col("per_unit")),
            (
                "unweighted",
                "percentage_unweighted",
                pl.col("unweighted") * RATE_BASE / pl.col("population_responding"),
            ),
        )
    )
    lower, upper = (
        pl.when(is_open)
        .then(pl.when(kind == RATE).then(bound * pl.col("per_unit")).when(is_share).then(share).otherwise(bound))
        .alias(f"estimate_{name}_bound")
        for name, bound, share in zip(("lower", "upper"), _bounds_of_counts(), _bounds_of_percentages(), strict=True)
    )
    of_known, error_of_known = (pl.when(is_open & is_share).then(name) for name in known_shares)
    known_margin = Z_95 * error_of_known
    numbers = filled.with_columns(
        lower,
        upper,
        estimate=estimate,
        estimate_standard_error=error,
        estimate_unweighted=unweighted,
        is_only_inferred=_is_only_inferred().cast(pl.Int8),
    ).with_columns(
        pl.when(is_open).then(name).alias(name)
        for name in ("estimate", "estimate_standard_error", "estimate_unweighted")
    )
    return (
        with_bias(numbers, is_interval_of_bias=variance_rule == "reference")
        .select(
            "series_number",
            "geography_number",
            "row",
            "column",
            "estimate_type_num",
            *_INFORMATION,
            "estimate",
            "estimate_unweighted",
            "estimate_standard_error",
            pl.when(is_open).then("filled_share"),
            pl.when(is_open).then("imputed_share"),
            pl.when(is_open).then(pl.col("agency_counts").cast(pl.Float64)),
            *_OF_PLACE,
            pl.when(is_open).then("reported"),
            pl.when(is_open).then("count"),
            "is_only_inferred",
            "is_blank",
            "estimate_lower_bound",
            "estimate_upper_bound",
            "estimate_copula",
            "estimate_bias",
            "estimate_prb",
            "estimate_rmse",
            "relative_rmse",
            relative_standard_error=pl.when(pl.col("estimate") > 0).then(
                pl.col("estimate_standard_error") / pl.col("estimate")
            ),
            estimate_known=of_known,
            estimate_known_standard_error=error_of_known,
            estimate_known_lower_bound=(of_known - known_margin).clip(lower_bound=0),
            estimate_known_upper_bound=(of_known + known_margin).clip(upper_bound=100),
            population_estimate=pl.when(is_open & (kind == RATE)).then("population"),
            missing=pl.when("is_blank")
            .then(pl.lit(NEVER_ESTIMATED))
            .when(pl.col("gap").is_not_null())
            .then("gap")
            .when(pl.col("estimate").is_null() & (kind == RATE))
            .then(pl.lit(NO_POPULATION))
            .when(pl.col("estimate").is_null())
            .then(pl.lit(NO_DENOMINATOR)),
        )
        .with_columns(caution_column())
    )
