"""Several completed data sets, as a check of what imputation adds to the variance. Source: handbook 05."""

from nibrs_estimation.model.fields import GEOGRAPHY_NUMBER
from nibrs_estimation.pipeline.dataset import Column, Dataset

_CELL = (
    Column("table_name", "str", "Name of the table."),
    GEOGRAPHY_NUMBER,
    Column("row", "int16", "Row of the table."),
    Column("column", "int16", "Column of the table."),
)
IMPUTATION = Column("imputation", "str", "Number of the completed data set, from 01.")

IMPUTATION_ESTIMATE = Dataset(
    name="imputation_estimate",
    description="Estimates of the nation, regions and states from one of several completed data sets.",
    source="handbook 05",
    primary_key=("imputation", "table_name", "geography_number", "row", "column"),
    partition_key="imputation",
    columns=(IMPUTATION, *_CELL, Column("estimate", "float64", "Estimated count.")),
)
IMPUTATION_CHECK = Dataset(
    name="imputation_check",
    description="Standard errors that imputation adds: of the closed form, and of several completed data sets by "
    "Rubin's rules; cells in which something was imputed.",
    source="handbook 05; Rubin (1987)",
    primary_key=("table_name", "geography_number", "row", "column"),
    columns=(
        *_CELL,
        Column("geography_level", "str", "Level of the geography."),
        Column("imputations", "int16", "m: number of completed data sets."),
        Column("estimate", "float64", "Estimated count of the run."),
        Column("mean", "float64", "Mean over the completed data sets."),
        Column("imputed_share", "float64", "Share of the estimate that imputed items put there."),
        Column("closed_form", "float64", "Standard error that imputation adds, by the closed form."),
        Column("rubin", "float64", "The same by Rubin's rules: square root of (1 + 1/m) B, B between data sets."),
        Column("standard_error", "float64", "Standard error of the run.", is_nullable=True),
        Column("standard_error_rubin", "float64", "The same with Rubin's part.", is_nullable=True),
    ),
)

DATASETS = (IMPUTATION_ESTIMATE, IMPUTATION_CHECK)
