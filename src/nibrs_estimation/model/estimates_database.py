"""Tables beside `estimates` (`model/published.py`) in the estimates database: lookups of its keys, and the loaded runs.

Lookups are also in estimates.duckdb. Every key contains the year. Source: handbook 12.
"""

from nibrs_estimation.model.published import ESTIMATES
from nibrs_estimation.pipeline.dataset import Column, Dataset

_YEAR, _VARIABLE, _PERMUTATION, _IS_RATE_SPECIFIC = (
    ESTIMATES.column(name)
    for name in ("time_series_start_year", "der_variable_name", "permutation_number", "rate_specific_domain")
)

VARIABLE_LOOKUP = Dataset(
    name="der_variable_name_lookup",
    description="What each table cell counts. A cell that is here and not in `estimates` is 0.",
    source="handbook 12",
    primary_key=("time_series_start_year", "der_variable_name", "rate_specific_domain"),
    columns=(
        _YEAR,
        Column("estimate_pk", "int32", "Number of the row within the year, from 0."),
        _VARIABLE,
        _IS_RATE_SPECIFIC,
        Column("full_table", "str", "Name of the table, such as 1a."),
        Column("indicator_name", "str", "Label of the table column, usually an offense or a sum of offenses."),
        Column("estimate_domain_1", "str", "Variable that defines the row of the table."),
        Column(
            "estimate_domain_2",
            "str",
            "Category of the row; missing if the row includes all categories.",
            is_nullable=True,
        ),
    ),
)

POPULATION_LOOKUP = Dataset(
    name="population_lookup",
    description="What each permutation number stands for: the geography, and its coverage.",
    source="handbook 12",
    primary_key=("time_series_start_year", "permutation_number"),
    columns=(
        _YEAR,
        Column("population_pk", "int32", "Number of the row within the year, from 0."),
        _PERMUTATION,
        Column(
            "demographic_permutation",
            "int32",
            "1000 x number of the demographic series; missing for all persons.",
            is_nullable=True,
        ),
        Column("geographic_permutation", "int32", "Number of the geography."),
        Column("demographic_description", "str", "Demographic group; missing for all persons.", is_nullable=True),
        Column("geographic_description", "str", "Name of the geography."),
        Column("analysis_weight_name", "str", "Name of the weight of the geography's level in the reference's files."),
        Column(
            "pop_cov",
            "float64",
            "Share of the population that respondents serve, 0 to 1; missing if it is not known.",
            is_nullable=True,
        ),
        Column(
            "poptotal_orig_univ_elig_perm_agency_missing_over_10_percent",
            "bool",
            "True if a nonrespondent serves more than 10 percent of the population.",
            is_nullable=True,
        ),
        Column(
            "poptotal_orig_elig_perm_agency_missing_principal_city",
            "bool",
            "True if the agency of a principal city did not respond.",
            is_nullable=True,
        ),
    ),
)

#: Only in PostgreSQL; estimates.duckdb has table `run`.
RUNS = Dataset(
    name="runs",
    description="The run whose estimates the database has for each year.",
    source="docs/user-guide/estimates-database.md",
    primary_key=("time_series_start_year",),
    columns=(
        _YEAR,
        Column("run_id", "str", "Id of the run."),
        Column("data_source", "str", "Source of the run, as the user named it."),
        Column("is_synthetic", "bool", "True if the data are synthetic: they describe a nation that does not exist."),
        Column("loaded_at", "timestamp", "Time of the load, UTC."),
        Column("estimate_rows", "int64", "Number of the year's rows in `estimates`.", unit="rows"),
    ),
)

DATASETS = (VARIABLE_LOOKUP, POPULATION_LOOKUP, RUNS)
