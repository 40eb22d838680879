"""Published datasets: the estimates for readers, and the columns of the estimates database (handbook 12)."""

from typing import Any

from nibrs_estimation.model.fields import GEOGRAPHY_LEVEL, GEOGRAPHY_NUMBER, SERIES_NUMBER, UNIVERSE_SCOPE
from nibrs_estimation.pipeline.dataset import Column, Dataset


def _flag(name: str, description: str) -> Column:
    """A flag of the reference pipeline; missing where the coverage of the geography is not known."""
    return Column(name, "bool", description, is_nullable=True)


def _number(name: str, description: str, unit: str = "") -> Column:
    return Column(name, "float64", description, unit=unit, is_nullable=True)


def _text(name: str, description: str, **others: Any) -> Column:
    return Column(name, "str", description, is_nullable=True, **others)


#: Not a file of a run: the rows are computed from its datasets (model/estimates.py) when they are written or shown.
ESTIMATES = Dataset(
    name="estimates",
    description="Table `estimates` of estimates.duckdb: one row for each table cell, geography and type of estimate.",
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
        Column("permutation_number", "int32", "1000 x number of the demographic series + number of the geography."),
        Column("der_variable_name", "str", "Name of the table cell: t_<table>_<section>_<row>_<column>."),
        Column(
            "rate_specific_domain",
            "bool",
            "True for a rate per population of the row's own group, where the table distinguishes such rates.",
        ),
        _number("estimate", "Point estimate."),
        _number("estimate_unweighted", "Unweighted estimate: the sum over respondents."),
        Column(
            "estimate_type",
            "str",
            "Type of the estimate: count, percentage or rate.",
            codes=("count", "percentage", "rate"),
        ),
        Column("estimate_type_num", "int8", "Type of the estimate: 1 count, 2 percentage, 3 rate.", codes=(1, 2, 3)),
        Column("estimate_type_detail_percentage", "str", "Denominator of a percentage.", is_nullable=True),
        Column("estimate_type_detail_rate", "str", "Population of a rate.", is_nullable=True),
        _number("estimate_standard_error", "Standard error of the estimate."),
        _number("estimate_upper_bound", "Upper end of the 95 % confidence interval."),
        _number("estimate_lower_bound", "Lower end of the 95 % confidence interval, at least 0."),
        _number("relative_standard_error", "Standard error divided by the estimate."),
        _number("estimate_prb", "Percent relative bias of the count: 100 x bias / estimate.", unit="percent"),
        _number("estimate_bias", "Estimated bias: estimate minus estimate_copula."),
        _number(
            "estimate_rmse",
            "Root mean squared error: square root of squared standard error plus squared bias.",
        ),
        _number("relative_rmse", "Root mean squared error divided by the estimate."),
        _flag("suppression_flag_indicator", "True if the estimate should not be published."),
        _flag("der_elig_suppression", "True if there is an estimate and the number of agencies is known."),
        _number("agency_counts", "Number of respondents with a count above 0.", unit="agencies"),
        Column("der_rrmse_30", "str", "1 if relative_rmse is above 0.30.", is_nullable=True),
        _flag("der_rrmse_gt_30_se_estimate_0_2_cond", "Quality flag of the cell (docs/methods/14-suppression.md)."),
        _number(
            "der_rrmse_gt_30_se_estimate_0_2_cond_top",
            "Share of key cells of the geography with the quality flag.",
        ),
        _flag("der_perm_group_unsuppression_flag", "True if the coverage of the geography is above 0.80."),
        _flag("der_perm_group_suppression_flag", "True if the geography is suppressed by the momentum rule."),
        _number("population_estimate", "Population in the denominator of a rate.", unit="persons"),
        _number("prb_actual", "The same as estimate_prb.", unit="percent"),
        _number(
            "correlation_with_prior_year",
            "Correlation of the estimate with that of the year before; missing for data years without a code list.",
        ),
        _number("prop_elig_oris_nonzero_count", "Share of eligible agencies with a count above 0."),
        _number("estimate_copula", "Second estimate: nonrespondents are imputed from agencies that are alike."),
    ),
)

#: Rows for readers: `estimates.csv`, a table of `estimates.duckdb`, and `nibrs tables show --csv`.
PUBLISHED = Dataset(
    name="published_estimates",
    description="One row for each geography, table cell and type of estimate, with labels, origin and cautions: "
    "estimates.csv, a table of estimates.duckdb, and the output of `nibrs tables show --csv`.",
    source="handbook 12 with labels; docs/published-files.md",
    primary_key=("data_year", "series_number", "geography_number", "der_variable_name", "estimate_type"),
    columns=(
        Column("data_year", "int32", "Data year."),
        Column("run_id", "str", "Id of the run; empty if the datasets belong to no run."),
        Column("data_source", "str", "Source of the run, as the user named it."),
        Column("is_synthetic", "bool", "True if the data are synthetic: they describe a nation that does not exist."),
        UNIVERSE_SCOPE,
        GEOGRAPHY_LEVEL,
        Column("geography_code", "str", "US, region code, UCR state abbreviation, or name of the area."),
        _text("agency_group", "Size or type of the agencies in the geography; missing for all agencies."),
        _text("state_abbr", "Postal abbreviation of the state; missing for other geographies."),
        _text("state_fips", "FIPS code of the state, two digits with leading zero.", length=2),
        SERIES_NUMBER,
        GEOGRAPHY_NUMBER,
        Column("geography_name", "str", "Name of the geography."),
        _text("demographic_series", "Demographic group of the estimate; missing for all persons."),
        Column("table_name", "str", "Name of the table, such as 1a."),
        Column("row_group", "str", "Variable that defines the row of the table."),
        _text("row_label", "Category of the row; missing if the row includes all categories."),
        Column("column_label", "str", "Label of the table column, usually an offense or a sum of offenses."),
        Column("der_variable_name", "str", "Name of the table cell: t_<table>_<section>_<row>_<column>."),
        Column(
            "estimate_type",
            "str",
            "Type of the estimate: count, percentage or rate.",
            codes=("count", "percentage", "rate"),
        ),
        _text("estimate_type_detail", "Denominator of a percentage, or population of a rate."),
        _number("estimate", "Point estimate: number of units, percent, or rate per 100,000."),
        _number("estimate_standard_error", "Standard error of the estimate."),
        _number("estimate_lower_bound", "Lower end of the 95 % confidence interval, at least 0."),
        _number("estimate_upper_bound", "Upper end of the 95 % confidence interval."),
        _number("relative_standard_error", "Standard error divided by the estimate."),
        _number("estimate_copula", "Second estimate: nonrespondents are imputed from agencies that are alike."),
        _number("estimate_bias", "Estimated bias: estimate minus estimate_copula."),
        _number("estimate_rmse", "Root mean squared error: square root of squared standard error plus squared bias."),
        _number("relative_rmse", "Root mean squared error divided by the estimate."),
        _number("estimate_known", "Percentage among the units with a known value.", unit="percent"),
        _number("estimate_known_standard_error", "Standard error of estimate_known.", unit="percent"),
        _number(
            "estimate_known_lower_bound", "Lower end of the 95 % confidence interval of estimate_known.", unit="percent"
        ),
        _number(
            "estimate_known_upper_bound", "Upper end of the 95 % confidence interval of estimate_known.", unit="percent"
        ),
        _number("filled_share", "Share of the estimated count that was filled in for months that are not known."),
        _number(
            "imputed_share",
            "Share of the estimated count that is in the cell only by an imputed item, such as an imputed age.",
        ),
        _number("estimate_unweighted", "Unweighted estimate: the sum over respondents."),
        _number("agency_counts", "Number of respondents with a count above 0.", unit="agencies"),
        _number("population_estimate", "Population in the denominator of a rate.", unit="persons"),
        _number(
            "population_coverage",
            "Share of the geography's population that respondents serve, 0 to 1; missing if the frame contains only "
            "agencies that reported.",
        ),
        _text(
            "caution",
            "Reasons to use the estimate with caution: codes separated by semicolons (docs/methods/cautions.md).",
        ),
        Column(
            "is_proposed",
            "bool",
            "True if the list of offenses or categories is a proposal of this program.",
        ),
        _text("missing", "Reason why there is no estimate."),
        Column(
            "is_suppressed",
            "bool",
            "True if the estimate should not be published (docs/methods/14-suppression.md); missing where there is no "
            "estimate or the coverage is not known.",
            is_nullable=True,
        ),
        _text("suppression_reason", "Why it should not be published."),
    ),
)

DATASETS = (PUBLISHED, ESTIMATES)
