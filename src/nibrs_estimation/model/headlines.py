"""Headline estimates of a run, what their changes need of it, and their changes since an earlier run (handbook 11)."""

from nibrs_estimation.model.fields import AGENCY_ID
from nibrs_estimation.pipeline.dataset import Column, Dataset
from nibrs_estimation.pipeline.externals import ExternalFile

#: Tables and columns whose totals are compared with those of an earlier year.
COMPARED = (
    ("1a", "violent_crime"),
    ("1a", "murder"),
    ("1a", "revised_rape"),
    ("1a", "robbery"),
    ("1a", "aggravated_assault"),
    ("1a", "simple_assault"),
    ("1b", "property_crime"),
    ("1b", "burglary"),
    ("1b", "larceny"),
    ("1b", "vehicle_theft"),
    ("1c", "drug_narcotic"),
    ("1c", "weapon_law"),
)

_TABLE = Column("table_name", "str", "Name of the table.")
_COLUMN = Column("column", "int16", "Column of the table; the row is that of the total.")

HEADLINE = Dataset(
    name="headline",
    description="Main counts of the whole run, with what their comparison with another year needs beside "
    "headline_error.",
    source="handbook 11",
    primary_key=("table_name", "column"),
    columns=(
        _TABLE,
        _COLUMN,
        Column("definition_version", "int32", "As in cell_estimate: counts of other definitions are not compared."),
        Column("states", "str", "Postal codes of the states of the run: other states are not compared."),
        Column("estimate", "float64", "Estimated count.", is_nullable=True),
        Column("standard_error", "float64", "Its standard error.", is_nullable=True),
        Column(
            "prediction_variance",
            "float64",
            "Part of its variance that is not due to filled months and imputed items; missing by the reference's rule "
            "of variances.",
            is_nullable=True,
        ),
        Column(
            "known_miss", "float64", "What an estimate that is not corrected misses of its benchmark.", is_nullable=True
        ),
        Column("has_interval", "bool", "Whether the estimate has an interval."),
        Column("missing", "str", "Why there is no estimate.", is_nullable=True),
        Column("suppression_reason", "str", "Why the estimate is suppressed.", is_nullable=True),
    ),
)

HEADLINE_ERROR = Dataset(
    name="headline_error",
    description="What each agency contributes to the error of the headline counts. With that of another year it tells "
    "how much of the errors is the same.",
    source="handbook 11",
    primary_key=("table_name", "column", "agency_id", "piece"),
    columns=(
        _TABLE,
        _COLUMN,
        AGENCY_ID,
        Column("piece", "int16", "Number among the parts of the agency, 0 for the largest; most agencies have one."),
        Column(
            "error",
            "float64",
            "Standard deviation of its part of the prediction error beyond Poisson noise, negative if it did not "
            "respond.",
            is_nullable=True,
        ),
        Column("residual", "float64", "Standardized residual of a respondent, if its group has any.", is_nullable=True),
        Column("noise", "float64", "What Poisson noise adds to the square of the residual.", is_nullable=True),
    ),
)

YEAR_CHANGE = Dataset(
    name="year_change",
    description="Changes of the headline counts since the run's predecessor, with intervals; empty without one.",
    source="handbook 11",
    primary_key=("table_name", "column"),
    columns=(
        _TABLE,
        _COLUMN,
        Column("earlier_year", "int16", "Data year of the predecessor."),
        Column("earlier_run_id", "str", "Its run id."),
        Column("estimate", "float64", "Count of the data year.", is_nullable=True),
        Column("earlier_estimate", "float64", "Count of the earlier year.", is_nullable=True),
        Column("difference", "float64", "Count less that of the earlier year.", is_nullable=True),
        Column("standard_error", "float64", "Standard error of the difference.", is_nullable=True),
        Column("lower_bound", "float64", "Lower end of the 95 % interval of the difference.", is_nullable=True),
        Column("upper_bound", "float64", "Its upper end.", is_nullable=True),
        Column("change_pct", "float64", "Difference in percent of the earlier count.", "percent", is_nullable=True),
        Column("change_lower_pct", "float64", "Lower end of its 95 % interval.", "percent", is_nullable=True),
        Column("change_upper_pct", "float64", "Upper end of its 95 % interval.", "percent", is_nullable=True),
        Column("clear", "str", "Whether the interval of the difference is above 0, below it, or holds it."),
        Column("missing", "str", "Why a number is missing.", is_nullable=True),
        Column("suppression_reason", "str", "Why the count of the data year is suppressed.", is_nullable=True),
        Column("earlier_suppression_reason", "str", "Why that of the earlier year is suppressed.", is_nullable=True),
    ),
)

DATASETS = (HEADLINE, HEADLINE_ERROR, YEAR_CHANGE)

#: Of the run's predecessor: these two datasets as it published them.
PREDECESSOR_HEADLINE, PREDECESSOR_ERROR = (
    ExternalFile(
        f"predecessor_{dataset.name}",
        f"dataset {dataset.name} of a run of an earlier year, Parquet",
        is_required=False,
        of_predecessor=f"{dataset.name}/{dataset.name}.parquet",
    )
    for dataset in (HEADLINE, HEADLINE_ERROR)
)
