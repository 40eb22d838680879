"""Coverage: the agencies and residents behind each geography (handbook 08)."""

import polars as pl

from nibrs_estimation.model.fields import (
    GEOGRAPHY_CODE,
    GEOGRAPHY_LEVEL,
    GEOGRAPHY_NUMBER,
    UNIVERSE_SCOPE,
)
from nibrs_estimation.pipeline.dataset import Column, Dataset

#: Levels whose places hold all agencies of a state, or of several.
_WHOLE_LEVELS = ("nation", "region", "state")

COVERAGE = Dataset(
    name="coverage",
    description="Every geography that is estimated: agencies and population behind it, and the model of its weight.",
    source="handbook 08",
    primary_key=("geography_number",),
    columns=(
        GEOGRAPHY_NUMBER,
        GEOGRAPHY_LEVEL,
        GEOGRAPHY_CODE,
        Column("agency_group", "str", "Size or type of agencies to which it is confined.", is_nullable=True),
        Column("estimate_geographic_location", "str", "Name of the geography as published."),
        Column("is_excluded", "bool", "On the year's list of geographies that are not estimated."),
        Column("eligible_agencies", "int32", "Eligible agencies.", unit="agencies"),
        Column("eligible_pieces", "int32", "Their pieces in counties.", unit="pieces"),
        Column("responding_agencies", "int32", "Respondents.", unit="agencies"),
        Column("population", "int64", "Population of the eligible agencies there.", unit="persons"),
        Column("population_responding", "int64", "Population of the respondents there.", unit="persons"),
        Column(
            "population_coverage",
            "float64",
            "Share of the population that respondents serve, 0 to 1; null where the frame holds only reporters.",
            is_nullable=True,
        ),
        *(
            Column(f"{name}_coverage_pct", "float64", f"Percentage of eligible {text} that respond.", is_nullable=True)
            for name, text in {
                "tribal": "tribal agencies",
                "state_police": "state police agencies",
                "other": "other and other state agencies",
            }.items()
        ),
        Column("is_missing_over_10_percent", "bool", "A nonrespondent holds over a tenth of the population."),
        Column("is_missing_principal_city", "bool", "A principal city's agency did not respond.", is_nullable=True),
        Column("calibration_model", "str", "V columns of the geography, joined by commas.", is_nullable=True),
        Column("is_model_used", "bool", "Whether variances use the model."),
        UNIVERSE_SCOPE,
    ),
)


def is_whole_place() -> pl.Expr:
    """Whether rows of dataset ``coverage`` are the nation, a region or a state with all of its agencies."""
    return pl.col("geography_level").is_in(_WHOLE_LEVELS) & pl.col("agency_group").is_null()


GEOGRAPHY_POPULATION = Dataset(
    name="geography_population",
    description="Residents of each geography by demographic group, and its officers: of all and of respondents.",
    source="handbook 08",
    primary_key=("geography_number", "population_key"),
    columns=(
        GEOGRAPHY_NUMBER,
        Column("population_key", "str", "Who is counted.", code_list="population_key"),
        Column("population", "float64", "Of all eligible agencies (DER_POP_..._NUM_WEIGHTED).", unit="persons"),
        Column("population_responding", "float64", "Of respondents (DER_POP_..._NUM).", unit="persons"),
    ),
)

DATASETS = (COVERAGE, GEOGRAPHY_POPULATION)
