"""Coverage: the agencies and residents of each geography (handbook 08)."""

import polars as pl

from nibrs_estimation.model.fields import (
    GEOGRAPHY_CODE,
    GEOGRAPHY_LEVEL,
    GEOGRAPHY_NUMBER,
    UNIVERSE_SCOPE,
)
from nibrs_estimation.pipeline.dataset import Column, Dataset

#: Levels whose geographies contain all agencies of one or more states.
_WHOLE_LEVELS = ("nation", "region", "division", "state")

COVERAGE = Dataset(
    name="coverage",
    description="Geographies that are estimated: their agencies, population and calibration model.",
    source="handbook 08",
    primary_key=("geography_number",),
    columns=(
        GEOGRAPHY_NUMBER,
        GEOGRAPHY_LEVEL,
        GEOGRAPHY_CODE,
        Column(
            "agency_group",
            "str",
            "Size or type of the agencies in the geography; missing for all agencies.",
            is_nullable=True,
        ),
        Column("estimate_geographic_location", "str", "Name of the geography as published."),
        Column(
            "is_excluded", "bool", "True if the geography is on the year's list of geographies that are not estimated."
        ),
        Column("eligible_agencies", "int32", "Number of eligible agencies.", unit="agencies"),
        Column("eligible_pieces", "int32", "Number of county pieces of eligible agencies.", unit="pieces"),
        Column("responding_agencies", "int32", "Number of respondents.", unit="agencies"),
        Column("population", "int64", "Population of the eligible agencies in the geography.", unit="persons"),
        Column("population_responding", "int64", "Population of the respondents in the geography.", unit="persons"),
        Column(
            "population_coverage",
            "float64",
            "Share of the population that respondents serve, 0 to 1; missing if the frame contains only agencies that "
            "reported.",
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
        Column(
            "is_missing_over_10_percent",
            "bool",
            "True if a nonrespondent serves more than 10 percent of the population.",
        ),
        Column(
            "is_missing_principal_city",
            "bool",
            "True if the agency of a principal city did not respond.",
            is_nullable=True,
        ),
        Column(
            "calibration_model",
            "str",
            "Calibration variables (V columns) of the geography, separated by commas.",
            is_nullable=True,
        ),
        Column("is_model_used", "bool", "True if variances use the calibration model."),
        Column(
            "unreported_ratio",
            "float64",
            "ρ: benchmark total of the agencies without weight over that of respondents; missing if respondents have "
            "none.",
            is_nullable=True,
        ),
        Column(
            "upper_bound_of_zero",
            "float64",
            "Upper end of the 95 % interval of a count of which respondents reported none; missing without limit.",
            is_nullable=True,
        ),
        Column(
            "largest_missing_share",
            "float64",
            "Share of the benchmark total that the largest agency without weight has.",
        ),
        Column(
            "without_weights_share",
            "float64",
            "Share of the benchmark total in weight groups without weights; by default other groups stand for them.",
        ),
        Column("has_inferred_months", "bool", "True if zero reports of respondents are inferred, not on file."),
        UNIVERSE_SCOPE,
    ),
)


def is_whole_place() -> pl.Expr:
    """Whether a row of dataset ``coverage`` is the nation, a region or a state with all of its agencies."""
    return pl.col("geography_level").is_in(_WHOLE_LEVELS) & pl.col("agency_group").is_null()


GEOGRAPHY_POPULATION = Dataset(
    name="geography_population",
    description="Residents by demographic group, and officers, of each geography: in total and for respondents.",
    source="handbook 08",
    primary_key=("geography_number", "population_key"),
    columns=(
        GEOGRAPHY_NUMBER,
        Column("population_key", "str", "Demographic group, or officers.", code_list="population_key"),
        Column(
            "population", "float64", "Population of all eligible agencies (DER_POP_..._NUM_WEIGHTED).", unit="persons"
        ),
        Column("population_responding", "float64", "Population of respondents (DER_POP_..._NUM).", unit="persons"),
    ),
)

DATASETS = (COVERAGE, GEOGRAPHY_POPULATION)
