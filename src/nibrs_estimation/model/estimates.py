"""Estimates of the table cells, by table. A cell without a row is 0, or missing if it is listed in `cell_gap`.

Rates are counts per 100,000 of a population and are not stored; `tables/table_rows.py` computes the published rows.
Source: handbook 11.
"""

from nibrs_estimation.model.fields import AGENCY_ID, GEOGRAPHY_NUMBER, ORI, SERIES_NUMBER, STATE
from nibrs_estimation.pipeline.dataset import Column, Dataset


def _cells(name: str, description: str, part: str) -> Dataset:
    return Dataset(
        name=name,
        description=description,
        source="handbook 11",
        primary_key=("table_part", "series_number", "geography_number", "row", "column"),
        partition_key="table_part",
        columns=(
            Column("table_part", "str", part),
            Column(
                "definition_version",
                "int32",
                "Number computed from the definition of the table; it changes with the definition.",
            ),
            SERIES_NUMBER,
            GEOGRAPHY_NUMBER,
            Column("row", "int16", "Row of the table."),
            Column("column", "int16", "Column of the table."),
            Column("estimate", "float64", "Estimated count: sum of weight times the agency's count."),
            Column(
                "standard_error",
                "float64",
                "Standard error of the count; missing where it cannot be estimated.",
                is_nullable=True,
            ),
            Column(
                "lower_bound",
                "float64",
                "Lower end of the 95 % interval of the count; missing where it is not known.",
                is_nullable=True,
            ),
            Column("upper_bound", "float64", "Its upper end.", is_nullable=True),
            Column(
                "reported",
                "float64",
                "Count that respondents reported themselves, without weights and filled months, times the share of "
                "each agency that is in the geography.",
            ),
            Column(
                "filled_share", "float64", "Share of the estimate that was filled in for months that are not known."
            ),
            Column(
                "imputed_share",
                "float64",
                "Share of the estimate that is in the cell only by an imputed item, such as an imputed age.",
            ),
            Column(
                "imputation_standard_error",
                "float64",
                "Part of the standard error: what imputed items add to it.",
            ),
            Column(
                "copula_estimate",
                "float64",
                "Second estimate of the count: nonrespondents are imputed from agencies that are alike; missing where "
                "it is not made.",
                is_nullable=True,
            ),
            Column(
                "difference_variance",
                "float64",
                "Variance of estimate - copula_estimate; missing unless NIBRS_BIAS_RULE=less_variance, in demographic "
                "series, and where too few agencies responded.",
                is_nullable=True,
            ),
            Column(
                "unweighted", "float64", "Unweighted count of the respondents' records, whole copied months included."
            ),
            Column(
                "agency_counts",
                "int32",
                "Number of respondents with a count above 0; missing if arrests that name no agency are counted.",
                unit="agencies",
                is_nullable=True,
            ),
            Column("percentage", "float64", "Percentage: 100 x count / denominator.", unit="percent", is_nullable=True),
            Column(
                "percentage_unweighted",
                "float64",
                "Percentage computed from unweighted counts of respondents.",
                unit="percent",
                is_nullable=True,
            ),
            Column(
                "percentage_standard_error",
                "float64",
                "Standard error of the percentage.",
                unit="percent",
                is_nullable=True,
            ),
            Column(
                "percentage_known",
                "float64",
                "Percentage of known units: 100 x count / (denominator - units with an unknown value).",
                unit="percent",
                is_nullable=True,
            ),
            Column(
                "percentage_known_standard_error",
                "float64",
                "Standard error of percentage_known.",
                unit="percent",
                is_nullable=True,
            ),
        ),
    )


CELL_ESTIMATE = _cells(
    "cell_estimate", "Estimated counts and percentages of table cells that are not 0.", "Name of the table."
)

SERIES_ESTIMATE = _cells(
    "series_estimate",
    "Estimated counts and percentages of table cells of demographic series that are not 0.",
    "Name of the table and part of the series (all1 to all4, region, national), such as 3a_region.",
)

CELL_GAP = Dataset(
    name="cell_gap",
    description="Cells that cannot be computed from the input of the run: they are missing, not 0.",
    source="handbook 11",
    primary_key=("table_name", "row", "column"),
    columns=(
        Column("table_name", "str", "Name of the table."),
        Column("row", "int16", "Row of the table."),
        Column("column", "int16", "Column of the table."),
        Column(
            "is_of_parts",
            "bool",
            "True if the nation, whole regions and whole states have the cell and only other geographies lack it.",
        ),
        Column("reason", "str", "Reason why the cell is missing."),
    ),
)

GEOGRAPHY_QUALITY = Dataset(
    name="geography_quality",
    description="Flags of the estimated geographies: whether their estimates should be published (handbook 14).",
    source="handbook 14",
    primary_key=("geography_number",),
    columns=(
        GEOGRAPHY_NUMBER,
        Column("key_cells", "int32", "Number of key cells with an estimate, zeros included.", unit="cells"),
        Column(
            "flagged_cells",
            "int32",
            "Number of these that are flagged; missing where the coverage is not known.",
            unit="cells",
            is_nullable=True,
        ),
        Column("momentum", "float64", "flagged_cells divided by key_cells, 0 to 1.", is_nullable=True),
        Column(
            "is_suppressed_group",
            "bool",
            "True if momentum is above 0.75 and the coverage of the population is below 0.80.",
            is_nullable=True,
        ),
        Column("is_unsuppressed", "bool", "True if the coverage of the population is above 0.80.", is_nullable=True),
        Column(
            "is_rescued",
            "bool",
            "True for a state that is suppressed only as a group, if its violent and property crime are not flagged: "
            "these are published.",
            is_nullable=True,
        ),
    ),
)

AGENCY_BEYOND_RESPONDENTS = Dataset(
    name="agency_beyond_respondents",
    description="Agencies that did not respond and have more residents or crime than every respondent from which their "
    "second estimate is made: it is an extrapolation.",
    source="handbook 15",
    primary_key=("agency_id",),
    columns=(
        AGENCY_ID,
        ORI,
        STATE,
        Column(
            "classes",
            "str",
            "Population classes whose respondents its second estimate is made from, with a comma between them; 99 are "
            "agencies without residents.",
        ),
        Column("population", "int64", "Residents.", unit="persons"),
        Column(
            "largest_population",
            "int64",
            "Largest number of residents of a respondent; missing if there is none.",
            unit="persons",
            is_nullable=True,
        ),
        Column("n_total", "float64", "Benchmark of all crime.", unit="offenses"),
        Column(
            "largest_n_total",
            "float64",
            "Largest benchmark of a respondent; missing if there is none.",
            unit="offenses",
            is_nullable=True,
        ),
    ),
)

DATASETS = (CELL_ESTIMATE, SERIES_ESTIMATE, CELL_GAP, GEOGRAPHY_QUALITY, AGENCY_BEYOND_RESPONDENTS)
