"""Table A: estimates from weighted respondents for crimes that are known for all eligible agencies (handbook 07)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.model.benchmark import CRIMES, TABLE_A_ROWS
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.fields import GEOGRAPHY_LEVELS
from nibrs_estimation.model.weights import AGENCY_WEIGHT, TABLE_A
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.task import DocumentWriter, Table
from nibrs_estimation.stats.linearization.stratified import stratified_totals
from nibrs_estimation.tables.labels import with_states

BIASED_PCT = 5
#: Grouping -> geography levels that are divided by it.
GROUPINGS = {
    "all": tuple(GEOGRAPHY_LEVELS),
    "population_group": ("nation", "region"),
    "agency_type": ("nation", "region"),
    "region": ("nation",),
}
_SMALL_CITIES = ("6", "7")
_GEOGRAPHY = ["geography_level", "geography_code"]
_DOMAIN = [*_GEOGRAPHY, "grouping", "group"]


def compare_with_benchmark(
    universe: pl.LazyFrame,
    weighting_frame: pl.LazyFrame,
    agency_weight: pl.LazyFrame,
    weight_cell: pl.LazyFrame,
    identity: Identity,
) -> Mapping[str, Table | DocumentWriter]:
    """Compare the weighted benchmark of respondents with that of all eligible agencies, with its error and bias.

    Strata are geography x weight group, and for the nation state x weight group; N_h is the number of eligible agencies
    of the stratum. A row of a group (of population, type or region) is a domain: agencies outside it count as 0. Strata
    without respondents are not in estimate and error, but are in the benchmark.
    """
    records = _records(weighting_frame, agency_weight, weight_cell)
    domains, membership = _domains(records)
    y = sparse.csr_array(records.select(CRIMES.values()).to_numpy() * records["population_share"].to_numpy()[:, None])

    sampled = np.flatnonzero(records["weight"].is_not_null().to_numpy())
    stratum, stratum_population = _strata(records, sampled)
    totals = stratified_totals(
        y[sampled],
        records["weight"].to_numpy()[sampled],
        stratum,
        stratum_population,
        sparse.csr_array(membership[:, sampled]),
        single_psu="adjust",
    )
    has_respondents = membership[:, sampled].sum(axis=1) > 0
    error = np.where(has_respondents[:, None], totals.standard_error, np.nan)
    table = _table(domains, totals.total, error, (membership @ y).toarray())
    return {"table_a": table, "table_a.csv": _csv(table, _scopes(universe, agency_weight), identity)}


def _records(weighting_frame: pl.LazyFrame, agency_weight: pl.LazyFrame, weight_cell: pl.LazyFrame) -> pl.DataFrame:
    """Agencies of every geography with their benchmark and the values of the groupings, sorted by key."""
    regions = code_list("region").select(region_code=pl.col("code").cast(pl.Int8), region="label").lazy()
    parents = pl.when(pl.col("parent_code").is_in(_SMALL_CITIES)).then(pl.lit("Cities under 10,000"))
    groups = (
        code_list("population_group")
        .select(population_group_code="code", population_group=parents.otherwise("parent_label"))
        .lazy()
    )
    agencies = (
        weighting_frame.join(regions, on="region_code", how="left")
        .join(groups, on="population_group_code", how="left")
        .select(
            "agency_id",
            pl.col("region", "population_group").fill_null("Not known"),
            *CRIMES.values(),
            all=pl.lit("all"),
            agency_type="agency_type_name",
        )
    )
    return agency_weight.join(agencies, on="agency_id", how="left").sort(AGENCY_WEIGHT.primary_key).collect()


def _domains(records: pl.DataFrame) -> tuple[pl.DataFrame, sparse.csr_array]:
    """The groups of every geography, one row each, and their members: a matrix of 0 and 1, groups x records."""
    numbered = records.with_row_index("record")
    rows = pl.concat(
        numbered.filter(pl.col("geography_level").is_in(weights)).select(
            "record", *_GEOGRAPHY, grouping=pl.lit(grouping), group=grouping
        )
        for grouping, weights in GROUPINGS.items()
    )
    domains = rows.select(_DOMAIN).unique().sort(_DOMAIN)
    position = rows.join(domains.with_row_index("domain"), on=_DOMAIN).sort("domain", "record")
    member = (position["domain"].to_numpy(), position["record"].to_numpy())
    shape = (domains.height, records.height)
    return domains, sparse.csr_array((np.ones(position.height), member), shape=shape)


def _strata(records: pl.DataFrame, sampled: NDArray[np.intp]) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """The stratum of each sampled record, and the number of all records of each stratum."""
    is_nation = pl.col("geography_level") == "nation"
    key = records.select(*_GEOGRAPHY, "weight_group", part=pl.when(is_nation).then("state_abbr"))
    strata = key[sampled].unique(maintain_order=True).with_row_index("stratum")
    stratum = key.join(strata, on=key.columns, how="left", nulls_equal=True, maintain_order="left")["stratum"]
    numbers = stratum[sampled].to_numpy().astype(np.int64)
    return numbers, np.bincount(stratum.drop_nulls().to_numpy(), minlength=strata.height)


def _table(
    domains: pl.DataFrame, estimate: NDArray[np.float64], error: NDArray[np.float64], benchmark: NDArray[np.float64]
) -> pl.DataFrame:
    """Domains x crimes as rows of the dataset."""
    with np.errstate(invalid="ignore", divide="ignore"):
        relative_error = np.where(estimate != 0, 100 * error / estimate, np.nan)
        bias = np.where(benchmark != 0, 100 * (estimate - benchmark) / benchmark, np.nan)
    numbers = {
        "estimate": estimate,
        "standard_error": error,
        "relative_standard_error_pct": relative_error.round(2),
        "benchmark": benchmark,
        # Adding 0 changes -0 to 0.
        "relative_bias_pct": bias.round(2) + 0.0,
    }
    rows = (
        domains.join(pl.DataFrame({"crime_type": list(CRIMES)}), how="cross", maintain_order="left_right")
        .with_columns(pl.Series(name, values.ravel()).fill_nan(None) for name, values in numbers.items())
        .with_columns(is_biased=(pl.col("relative_bias_pct").abs() > BIASED_PCT).fill_null(False))
        .sort(TABLE_A.primary_key)
    )
    return TABLE_A.cast(rows)


def _scopes(universe: pl.LazyFrame, agency_weight: pl.LazyFrame) -> pl.DataFrame:
    """The scope of every geography, as in ``measure_coverage``: the largest value of its agencies."""
    of_agencies = universe.select("agency_id", "universe_scope")
    return (
        agency_weight.join(of_agencies, on="agency_id", how="left")
        .group_by("geography_level", "geography_code")
        .agg(pl.col("universe_scope").max())
        .collect()
    )


def _csv(table: pl.DataFrame, scopes: pl.DataFrame, identity: Identity) -> DocumentWriter:
    """The table as CSV, sorted by geography level and in the order of Table A, with words for undefined numbers.

    Every row contains the identity of the run.
    """

    def order(column: str, values: Mapping[str, object]) -> pl.Expr:
        return pl.col(column).replace_strict({value: i for i, value in enumerate(values)}, return_dtype=pl.Int64)

    def or_word(column: str, word: str) -> pl.Expr:
        return pl.col(column).cast(pl.String).fill_null(word)

    rows = (
        with_states(table)
        .join(scopes, on=["geography_level", "geography_code"], how="left")
        .sort(
            order("geography_level", GEOGRAPHY_LEVELS),
            "geography_code",
            order("grouping", GROUPINGS),
            "group",
            order("crime_type", TABLE_A_ROWS),
        )
        .select(
            pl.lit(identity.year).alias("data_year"),
            *(pl.lit(value).alias(name) for name, value in identity.columns().items()),
            "universe_scope",
            "geography_level",
            "geography_code",
            "state_abbr",
            "state_fips",
            "grouping",
            "group",
            offense_type=pl.col("crime_type").replace_strict(TABLE_A_ROWS, return_dtype=pl.String),
            estimate=pl.col("estimate").round().cast(pl.Int64),
            standard_error=pl.col("standard_error").round(2),
            relative_standard_error_pct=or_word("relative_standard_error_pct", "-"),
            benchmark=pl.col("benchmark").round().cast(pl.Int64),
            relative_bias_pct=or_word("relative_bias_pct", "NC"),
            flag=pl.when("is_biased").then(pl.lit("*")),
        )
    )

    def write(path: Path) -> None:
        rows.write_csv(path)

    return write
