"""Estimates of the tables' cells: sparse, by table; what is not there is 0, or missing where `cell_gap` says so.

Rates are counts per 100,000 of a population and are not stored; `tables/table_rows.py` makes the rows that people read.
Source: handbook 11.
"""

from nibrs_estimation.model.fields import GEOGRAPHY_NUMBER, SERIES_NUMBER
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
            Column("definition_version", "int32", "Number made of the definition that the cells are of."),
            SERIES_NUMBER,
            GEOGRAPHY_NUMBER,
            Column("row", "int16", "Row of the table."),
            Column("column", "int16", "Column of the table."),
            Column("estimate", "float64", "Estimated count: sum of weight times the agency's count."),
            Column("standard_error", "float64", "Of the count; missing where it cannot be known.", is_nullable=True),
            Column("unweighted", "float64", "What respondents counted."),
            Column(
                "agency_counts",
                "int32",
                "Respondents with a count above 0; missing where arrests that name no agency are counted.",
                unit="agencies",
                is_nullable=True,
            ),
            Column("percentage", "float64", "100 x count / denominator.", unit="percent", is_nullable=True),
            Column(
                "percentage_unweighted", "float64", "Of what respondents counted.", unit="percent", is_nullable=True
            ),
            Column("percentage_standard_error", "float64", "Its standard error.", unit="percent", is_nullable=True),
            Column(
                "percentage_known",
                "float64",
                "100 x count / denominator less the units whose item is not known.",
                unit="percent",
                is_nullable=True,
            ),
            Column(
                "percentage_known_standard_error", "float64", "Its standard error.", unit="percent", is_nullable=True
            ),
        ),
    )


CELL_ESTIMATE = _cells(
    "cell_estimate", "Estimated counts and percentages of the tables' cells that are not 0.", "Name of the table."
)

SERIES_ESTIMATE = _cells(
    "series_estimate",
    "The same for demographic series, cells that are not 0.",
    "Table and level of the series, such as 3a_region: all, region, national.",
)

CELL_GAP = Dataset(
    name="cell_gap",
    description="Cells that the run's input cannot tell: missing, not 0.",
    source="handbook 11",
    primary_key=("table_name", "row", "column"),
    columns=(
        Column("table_name", "str", "Name of the table."),
        Column("row", "int16", "Row of the table."),
        Column("column", "int16", "Column of the table."),
        Column("is_of_parts", "bool", "Nation, regions and states as a whole have the cell nevertheless."),
        Column("reason", "str", "Why it is not known."),
    ),
)

DATASETS = (CELL_ESTIMATE, SERIES_ESTIMATE, CELL_GAP)
