"""Outliers: months that do not fit the time series of their agency (handbook 03)."""

from nibrs_estimation.model.fields import AGENCY_ID, MONTH, ORI, YEAR
from nibrs_estimation.pipeline.dataset import Column, Dataset

COLORS = ("green", "orange", "red", "blue", "brown")

LOW_COLORS, HIGH_COLORS = ("orange", "red"), ("blue", "brown")

OUTLIER_AGENCY = Dataset(
    name="outlier_agency",
    description="Time series of each agency's monthly counts, and the number of outlier months in the data year.",
    source="handbook 03",
    primary_key=("agency_id",),
    columns=(
        AGENCY_ID,
        ORI,
        Column(
            "n_months", "int8", "Number of reported months of the data year and the four years before.", unit="months"
        ),
        Column("mean_monthly_offenses", "float64", "Mean number of offenses in the reported months.", unit="offenses"),
        Column("n_levels", "int8", "Number of levels of the series.", codes=(1, 2)),
        *(
            Column(f"n_{color}", "int8", f"Number of months of the data year with color {color}.", unit="months")
            for color in COLORS
        ),
        Column(
            "reason",
            "str",
            "Reason why no month is judged an outlier. short_history: fewer than 24 reported months; level_shift: "
            "fewer than four months of the data year are on the level of the series.",
            is_nullable=True,
            codes=("short_history", "level_shift"),
        ),
    ),
)

OUTLIER_MONTH = Dataset(
    name="outlier_month",
    description="Color of every reported month: red or orange is too low, blue or brown too high, green neither.",
    source="handbook 03",
    primary_key=("agency_id", "data_year", "month"),
    columns=(
        AGENCY_ID,
        YEAR,
        MONTH,
        Column("n_all", "int32", "Number of offense records in the month.", unit="offenses"),
        Column("color", "str", "Color of the month.", codes=COLORS),
    ),
)

DATASETS = (OUTLIER_AGENCY, OUTLIER_MONTH)
