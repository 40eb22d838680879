"""What is published: rows for people, and the estimates database's columns (handbook 12)."""

from typing import Any

from nibrs_estimation.model.fields import GEOGRAPHY_LEVEL, GEOGRAPHY_NUMBER, SERIES_NUMBER, UNIVERSE_SCOPE
from nibrs_estimation.pipeline.dataset import Column, Dataset


def _flag(name: str, description: str) -> Column:
    """A flag of the reference's suppression, which no stage judges yet."""
    return Column(name, "bool", description, is_nullable=True, is_filled=False)


def _number(name: str, description: str, unit: str = "", *, is_filled: bool = True) -> Column:
    return Column(name, "float64", description, unit=unit, is_nullable=True, is_filled=is_filled)


def _text(name: str, description: str, **others: Any) -> Column:
    return Column(name, "str", description, is_nullable=True, **others)


#: No file of a run: the rows are made of its datasets (model/estimates.py) when they are written or shown.
ESTIMATES = Dataset(
    name="estimates",
    description="Table `estimates` of estimates.duckdb: a row per table cell, geography and type of estimate.",
    source="handbook 11 and 12",
    primary_key=(
        "time_series_start_year",
        "permutation_number",
        "der_variable_name",
        "rate_specific_domain",
        "estimate_type_num",
    ),
    columns=(
        Column("time_series_start_year", "int32", "Data year."),
        Column("permutation_number", "int32", "1000 x demographic series + geography."),
        Column("der_variable_name", "str", "Cell: t_<table>_<section>_<row>_<column>."),
        Column("rate_specific_domain", "bool", "A rate of the row's own population, where such are told apart."),
        _number("estimate", "Point estimate."),
        _number("estimate_unweighted", "The same without weights: what respondents reported."),
        Column("estimate_type", "str", "count, percentage or rate.", codes=("count", "percentage", "rate")),
        Column("estimate_type_num", "int8", "1 count, 2 percentage, 3 rate.", codes=(1, 2, 3)),
        Column("estimate_type_detail_percentage", "str", "Base of a percentage.", is_nullable=True),
        Column("estimate_type_detail_rate", "str", "Base of a rate.", is_nullable=True),
        _number("estimate_standard_error", "Standard error of the estimate."),
        _number("estimate_upper_bound", "Upper end of the 95 % confidence interval."),
        _number("estimate_lower_bound", "Lower end of the 95 % confidence interval, at least 0."),
        _number("relative_standard_error", "Standard error divided by the estimate."),
        _number("estimate_prb", "Percent relative bias.", unit="percent", is_filled=False),
        _number("estimate_bias", "Estimated bias.", is_filled=False),
        _number("estimate_rmse", "Root of squared standard error plus squared bias.", is_filled=False),
        _number("relative_rmse", "Root mean squared error divided by the estimate.", is_filled=False),
        _flag("suppression_flag_indicator", "The estimate should not be published."),
        _flag("der_elig_suppression", "The cell can be judged for suppression."),
        _number("agency_counts", "Respondents with a count above 0.", unit="agencies"),
        Column("der_rrmse_30", "str", "1 where relative_rmse is above 0.30.", is_nullable=True, is_filled=False),
        _flag("der_rrmse_gt_30_se_estimate_0_2_cond", "Cell-level quality flag."),
        _number("der_rrmse_gt_30_se_estimate_0_2_cond_top", "Share of the flagged cells there.", is_filled=False),
        _flag("der_perm_group_unsuppression_flag", "Coverage of the geography above 0.80."),
        _flag("der_perm_group_suppression_flag", "Geography suppressed by the momentum rule."),
        _number("population_estimate", "Population in the denominator of a rate.", unit="persons"),
        _number("prb_actual", "Percent relative bias before editing.", unit="percent", is_filled=False),
        _number("correlation_with_prior_year", "Correlation of agency counts with the prior year's.", is_filled=False),
        _number("prop_elig_oris_nonzero_count", "Share of eligible agencies with a count above 0.", is_filled=False),
        _number("estimate_copula", "Estimate by copula imputation.", is_filled=False),
    ),
)

#: What people read: `estimates.csv`, a table of `estimates.duckdb`, and `nibrs tables show --csv`.
PUBLISHED = Dataset(
    name="published_estimates",
    description="A row per geography, table cell and type of estimate, with words, origin and cautions: estimates.csv, "
    "a table of estimates.duckdb, and what `nibrs tables show --csv` writes.",
    source="handbook 12 with words; docs/published-files.md",
    primary_key=("data_year", "series_number", "geography_number", "der_variable_name", "estimate_type"),
    columns=(
        Column("data_year", "int32", "Data year."),
        Column("run_id", "str", "Run that estimated it; empty where the datasets belong to none."),
        Column("data_source", "str", "Source of the run, as it was named."),
        Column("is_synthetic", "bool", "The numbers describe a nation that does not exist."),
        UNIVERSE_SCOPE,
        GEOGRAPHY_LEVEL,
        Column("geography_code", "str", "US, region code, UCR state abbreviation, or name of the area."),
        _text("agency_group", "Size or type of agencies to which the geography is confined."),
        _text("state_abbr", "Postal abbreviation of a state."),
        _text("state_fips", "FIPS code of a state, two digits with the leading zero.", length=2),
        SERIES_NUMBER,
        GEOGRAPHY_NUMBER,
        Column("geography_name", "str", "Name of the geography."),
        _text("demographic_series", "Group of persons for whom the table is repeated; missing for everybody."),
        Column("table_name", "str", "Name of the table, such as 1a."),
        Column("row_group", "str", "Row of the table: what it divides by."),
        _text("row_label", "Row of the table: the category, or missing where the row is of all."),
        Column("column_label", "str", "Column of the table: mostly an offense or a sum of offenses."),
        Column("der_variable_name", "str", "Cell: t_<table>_<section>_<row>_<column>."),
        Column("estimate_type", "str", "count, percentage or rate.", codes=("count", "percentage", "rate")),
        _text("estimate_type_detail", "What a percentage or a rate is of."),
        _number("estimate", "Point estimate: units, percent, or per 100,000."),
        _number("estimate_standard_error", "Standard error of the estimate."),
        _number("estimate_lower_bound", "Lower end of the 95 % confidence interval, at least 0."),
        _number("estimate_upper_bound", "Upper end of the 95 % confidence interval."),
        _number("relative_standard_error", "Standard error divided by the estimate."),
        _number("estimate_known", "Percentage among the units whose item is known.", unit="percent"),
        _number("estimate_known_standard_error", "Its standard error.", unit="percent"),
        _number("estimate_known_lower_bound", "Lower end of its 95 % confidence interval.", unit="percent"),
        _number("estimate_known_upper_bound", "Upper end of its 95 % confidence interval.", unit="percent"),
        _number("filled_share", "Share of the estimated count that was filled in for months that are not known."),
        _number("estimate_unweighted", "The same without weights: what respondents reported."),
        _number("agency_counts", "Respondents with a count above 0.", unit="agencies"),
        _number("population_estimate", "Population in the denominator of a rate.", unit="persons"),
        _number(
            "population_coverage",
            "Share of the geography's population that respondents serve, 0 to 1; missing where the frame holds only "
            "reporters.",
        ),
        _text("caution", "Why the estimate asks for caution: codes joined by semicolons; docs/methods/cautions.md."),
        Column(
            "is_proposed",
            "bool",
            "The list of offenses or categories is this program's proposal.",
        ),
        _text("missing", "Why there is no estimate."),
    ),
)

DATASETS = (PUBLISHED, ESTIMATES)
