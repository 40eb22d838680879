"""Outliers: months that do not fit their agency's own series (handbook 03)."""

from nibrs_estimation.model.fields import AGENCY_ID, MONTH, ORI, YEAR
from nibrs_estimation.pipeline.dataset import Column, Dataset

COLORS = ("green", "orange", "red", "blue", "brown")

LOW_COLORS, HIGH_COLORS = ("orange", "red"), ("blue", "brown")

OUTLIER_AGENCY = Dataset(
    name="outlier_agency",
    description="How each agency's monthly numbers run, and how many months of the data year stand out.",
    source="handbook 03",
    primary_key=("agency_id",),
    columns=(
        AGENCY_ID,
        ORI,
        Column("n_months", "int8", "Reported months of the data year and the four before.", unit="months"),
        Column("mean_monthly_offenses", "float64", "Mean of these months.", unit="offenses"),
        Column("n_levels", "int8", "Levels on which the series runs.", codes=(1, 2)),
        *(
            Column(f"n_{color}", "int8", f"Months of the data year that are {color}.", unit="months")
            for color in COLORS
        ),
        Column(
            "reason",
            "str",
            "Why no month stands out whatever its number: short_history, fewer than 24 reported months; level_shift, "
            "fewer than four months of the data year are on the series' own level.",
            is_nullable=True,
            codes=("short_history", "level_shift"),
        ),
    ),
)

OUTLIER_MONTH = Dataset(
    name="outlier_month",
    description="Color of every reported month: red and orange too low, blue and brown too high, green neither.",
    source="handbook 03",
    primary_key=("agency_id", "data_year", "month"),
    columns=(
        AGENCY_ID,
        YEAR,
        MONTH,
        Column("n_all", "int32", "Offense records of the month.", unit="offenses"),
        Column("color", "str", "Color of the month.", codes=COLORS),
    ),
)

DATASETS = (OUTLIER_AGENCY, OUTLIER_MONTH)
