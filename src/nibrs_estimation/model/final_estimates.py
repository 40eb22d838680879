"""The final dataset of the reference pipeline: one row for each cell, type of estimate and geography (handbook 12)."""

from nibrs_estimation.model.published import ESTIMATES
from nibrs_estimation.pipeline.dataset import Column, Dataset

_OWN = {
    column.name: column
    for column in (
        Column("indicator_name", "str", "Offense, or group of offenses, as printed."),
        Column("estimate_geographic_location", "str", "Name of the geography."),
        Column("estimate_domain_1", "str", "Variable that defines the row."),
        Column("estimate_domain_2", "str", "Category of the row.", is_nullable=True),
        Column("analysis_weight_name", "str", "Weights of the geography."),
        Column("pop_cov", "float64", "Share of residents that respondents serve, 0 to 1.", is_nullable=True),
        Column("full_table", "str", "Name of the table."),
        Column(
            "poptotal_orig_univ_elig_perm_agency_missing_over_10_percent",
            "bool",
            "True if a nonrespondent serves more than 10 percent of the residents.",
            is_nullable=True,
        ),
        Column(
            "poptotal_orig_elig_perm_agency_missing_principal_city",
            "bool",
            "True if the agency of a principal city did not respond.",
            is_nullable=True,
        ),
    )
}
#: Columns in the order of the reference.
_ORDER = (
    "indicator_name", "estimate", "estimate_unweighted", "estimate_geographic_location", "estimate_type",
    "estimate_type_num", "estimate_type_detail_percentage", "estimate_type_detail_rate", "estimate_domain_1",
    "estimate_domain_2", "estimate_standard_error", "estimate_upper_bound", "estimate_lower_bound",
    "relative_standard_error", "analysis_weight_name", "estimate_prb", "estimate_bias", "estimate_rmse",
    "relative_rmse", "suppression_flag_indicator", "der_elig_suppression", "pop_cov", "agency_counts", "der_rrmse_30",
    "der_rrmse_gt_30_se_estimate_0_2_cond", "der_rrmse_gt_30_se_estimate_0_2_cond_top",
    "der_perm_group_unsuppression_flag", "der_perm_group_suppression_flag", "population_estimate",
    "time_series_start_year", "full_table", "der_variable_name", "permutation_number", "prb_actual",
    "poptotal_orig_univ_elig_perm_agency_missing_over_10_percent",
    "poptotal_orig_elig_perm_agency_missing_principal_city", "prop_elig_oris_nonzero_count",
    "correlation_with_prior_year", "estimate_copula",
)  # fmt: skip
#: Columns that are -9 in cells that are never estimated.
NEVER_NUMBERS = (
    "population_estimate", "estimate", "estimate_unweighted", "estimate_standard_error", "estimate_upper_bound",
    "estimate_lower_bound", "relative_standard_error", "estimate_prb", "estimate_bias", "estimate_rmse",
    "relative_rmse", "prb_actual", "agency_counts", "prop_elig_oris_nonzero_count", "correlation_with_prior_year",
    "estimate_copula",
)  # fmt: skip
#: Not a file of a run: `nibrs publish reference-files` writes it as CSV files.
FINAL = Dataset(
    name="final_estimates",
    description="The final dataset in the reference's form: files of `nibrs publish reference-files`.",
    source="handbook 12",
    primary_key=("permutation_number", "der_variable_name", "estimate_type_num"),
    columns=tuple(_OWN.get(name) or ESTIMATES.column(name) for name in _ORDER),
)
#: Names of the reference that are not in lower case.
UPPER_CASE = (
    "permutation_number", "prb_actual", "prop_elig_oris_nonzero_count", "correlation_with_prior_year",
    "poptotal_orig_univ_elig_perm_agency_missing_over_10_percent",
    "poptotal_orig_elig_perm_agency_missing_principal_city",
)  # fmt: skip
DATASETS = (FINAL,)
