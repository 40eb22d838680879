"""Rows of a table with the columns of the published files, and of the estimates database (handbook 12)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.fields import GEOGRAPHY_LEVELS
from nibrs_estimation.model.final_estimates import FINAL, NEVER_NUMBERS
from nibrs_estimation.model.published import ESTIMATES, PUBLISHED
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.labels import plain_labels, spreadsheet_label, with_states
from nibrs_estimation.tables.prior_year import with_prior_year
from nibrs_estimation.tables.series import SERIES_STEP, Series
from nibrs_estimation.tables.suppression import MOST_ERROR
from nibrs_estimation.tables.table_cells import RATE, TYPE_NUMBERS

#: Names of offenses that final files leave out, in lower case, and offenses with another name there (handbook 12).
DROPPED = ("rape", "sodomy", "sexual assault with an object")
RENAMED = {"Revised Rape": "Rape", "Fondling": "Criminal Sexual Contact"}


def published_rows(
    rows: pl.DataFrame, table: TableDefinition, places: pl.DataFrame, identity: Identity, series: Series | None = None
) -> pl.DataFrame:
    """Rows of a table with the columns of dataset ``published_estimates``, in the same order.

    Cells that are never estimated are retained if they are in the rows; they have no number, but a reason.

    Args:
        rows: result of :func:`suppression.suppressed_rows`.
        table: definition of the table.
        places: rows of dataset ``coverage``: the geographies of the rows.
        identity: identity of the run.
        series: group of persons for which the table is repeated, or None for all persons.
    """
    about = with_states(places).select(
        "universe_scope",
        "geography_level",
        "geography_code",
        "agency_group",
        "state_abbr",
        "state_fips",
        "geography_number",
        geography_name="estimate_geographic_location",
    )
    columns = pl.DataFrame(
        [(column.position, column.is_proposed) for column in table.columns],
        schema={"column": pl.Int16, "is_proposed_column": pl.Boolean},
        orient="row",
    )
    proposed = [row.row for row in table.rows if row.is_proposed]
    named = (
        rows.join(about, on="geography_number", how="left", maintain_order="left")
        .join(columns, on="column", how="left", maintain_order="left")
        .with_columns(
            data_year=pl.lit(identity.year),
            demographic_series=pl.lit(series.label if series else None, dtype=pl.String),
            table_name=pl.lit(table.table),
            row_group=plain_labels("estimate_domain_1"),
            row_label=spreadsheet_label(plain_labels("estimate_domain_2"), pl.col("estimate_domain_1")),
            column_label=plain_labels("indicator_name"),
            der_variable_name=variable_name(table),
            estimate_type=_type_name(),
            estimate_type_detail=plain_labels(pl.coalesce("detail_percentage", "detail_rate")),
            is_proposed=pl.lit(table.status is not None) | pl.col("is_proposed_column") | pl.col("row").is_in(proposed),
            **{name: pl.lit(value) for name, value in identity.columns().items()},
        )
    )
    return PUBLISHED.cast(named)


def database_rows(rows: pl.DataFrame, table: TableDefinition, places: pl.DataFrame, year: int) -> pl.DataFrame:
    """The same rows with the columns of dataset ``estimates``, without cells that are never estimated."""
    return ESTIMATES.cast(_with_reference_names(rows.filter(~pl.col("is_blank")), table, places, year))


def final_rows(rows: pl.DataFrame, table: TableDefinition, places: pl.DataFrame, year: int) -> pl.DataFrame:
    """The same rows with the columns of dataset ``final_estimates``: the reference's final dataset.

    Numbers of cells that are never estimated are -9. Offenses that only serve to define another are left out, and two
    have another name (:data:`DROPPED`, :data:`RENAMED`).
    """
    about = places.select(
        "geography_number",
        analysis_weight_name=pl.col("geography_level").replace_strict(GEOGRAPHY_LEVELS),
        pop_cov="population_coverage",
        poptotal_orig_univ_elig_perm_agency_missing_over_10_percent="is_missing_over_10_percent",
        poptotal_orig_elig_perm_agency_missing_principal_city="is_missing_principal_city",
    )
    name = plain_labels("indicator_name")
    named = (
        _with_reference_names(rows.drop("population_coverage"), table, places, year)
        .join(about, on="geography_number", how="left", maintain_order="left")
        .filter(~name.str.to_lowercase().is_in(DROPPED))
        .with_columns(
            indicator_name=name.replace(RENAMED),
            full_table=pl.lit(table.table),
            estimate_domain_1=plain_labels("estimate_domain_1"),
            estimate_domain_2=plain_labels("estimate_domain_2"),
        )
    )
    numbers = [column.name for column in FINAL.columns if column.name in NEVER_NUMBERS]
    greyed = (pl.when("is_blank").then(-9.0).otherwise(name).alias(name) for name in numbers)
    return FINAL.cast(named.with_columns(greyed))


def _with_reference_names(rows: pl.DataFrame, table: TableDefinition, places: pl.DataFrame, year: int) -> pl.DataFrame:
    """Rows with the reference's names of columns, beside their own."""
    about = places.select("estimate_geographic_location", "geography_number")
    return (
        with_prior_year(rows, year)
        .join(about, on="geography_number", how="left", maintain_order="left")
        .with_columns(
            time_series_start_year=pl.lit(year),
            permutation_number=pl.col("geography_number") + SERIES_STEP * pl.col("series_number").cast(pl.Int32),
            der_variable_name=variable_name(table),
            estimate_type=_type_name(),
            estimate_type_detail_percentage="detail_percentage",
            estimate_type_detail_rate="detail_rate",
            rate_specific_domain=is_rate_specific(table),
            suppression_flag_indicator="is_suppressed",
            der_elig_suppression=pl.col("estimate").is_not_null() & pl.col("agency_counts").is_not_null(),
            der_rrmse_30=(pl.col("relative_rmse") > MOST_ERROR).cast(pl.Int8).cast(pl.String),
            der_rrmse_gt_30_se_estimate_0_2_cond="is_flagged",
            der_rrmse_gt_30_se_estimate_0_2_cond_top="momentum",
            der_perm_group_unsuppression_flag="is_unsuppressed",
            der_perm_group_suppression_flag="is_suppressed_group",
            prb_actual="estimate_prb",
        )
    )


def is_rate_specific(table: TableDefinition) -> pl.Expr:
    """Whether a row is a rate per population of its own group, of rows with ``estimate_type_num``."""
    return pl.lit(table.rate_specific_domain) & (pl.col("estimate_type_num") == RATE)


def variable_name(table: TableDefinition) -> pl.Expr:
    """Name of a table cell, of rows with ``section``, ``row`` and ``column``."""
    return pl.format("t_{}_{}_{}_{}", pl.lit(table.table), "section", "row", "column")


def _type_name() -> pl.Expr:
    return pl.col("estimate_type_num").replace_strict({number: name for name, number in TYPE_NUMBERS.items()})
