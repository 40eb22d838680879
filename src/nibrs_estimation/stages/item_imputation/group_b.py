"""Age, sex and race of Group B arrestees (handbook 05)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.stages.item_imputation.demographics import COLUMNS
from nibrs_estimation.stages.item_imputation.models import Choices, Model, completed
from nibrs_estimation.stages.item_imputation.persons import persons_of
from nibrs_estimation.survey.blocks import own_rows
from nibrs_estimation.survey.residents import resident_shares

#: Groups of agencies that the reference models apart, in the order in which the first that applies is taken.
UNIVERSITY, TRIBAL, WITHOUT_RESIDENTS, OTHERS = "university", "tribal", "without residents", "others"
_NAMES = {"UNIVERSITY OR COLLEGE": UNIVERSITY, "TRIBAL": TRIBAL}
#: Age groups below 18 years.
MINOR_BINS = ("U05", "A05_11", "A12_14", "A15", "A16", "A17")
_CATEGORICAL = ("offense_code", "arrest_type_code", "agency_type", "is_suburban", "population_group")
_SHARES = {
    "share_male": pl.col("sex_code") == "M",
    "share_minor": pl.col("age_bin_code").is_in(MINOR_BINS),
    "share_black": pl.col("race_code") == "B",
    "share_native": pl.col("race_code").is_in(["I", "P"]),
    "share_asian": pl.col("race_code") == "A",
    "share_hispanic": pl.col("ethnicity_code") == "H",
}
#: Predictors that the reference does not use: shares of residents where there are none, or none of that place.
_WITHOUT_SHARES = (TRIBAL, WITHOUT_RESIDENTS)


def group_b_persons(
    arrestee: pl.LazyFrame,
    agency: pl.LazyFrame,
    agency_county: pl.LazyFrame,
    county_population: pl.LazyFrame,
    removed_month: pl.LazyFrame,
    year: int,
) -> pl.DataFrame:
    """Group B arrestees of the data year that count, with what models know of them and of their agencies."""
    arrests = arrestee.filter(pl.col("is_group_b") & (pl.col("arrest_date").dt.year() == year))
    counted = own_rows(arrests, removed_month, "arrest_date")
    persons = persons_of(counted, "arrestee_id", "agency_id", "offense_code", "arrest_type_code").lazy()
    kind = pl.col("agency_type_name").str.strip_chars().str.to_uppercase()
    of_agency = agency.filter(pl.col("data_year") == year).select(
        "agency_id",
        "ori",
        "is_suburban",
        "population",
        population_group="population_group_code",
        agency_type="agency_type_name",
        agency_group=pl.coalesce(
            kind.replace_strict(_NAMES, default=None, return_dtype=pl.String),
            pl.when(pl.col("population").fill_null(0) == 0).then(pl.lit(WITHOUT_RESIDENTS)),
            pl.lit(OTHERS),
        ),
    )
    described = of_agency.join(resident_shares(agency_county, county_population, year, _SHARES), on="ori", how="left")
    return (
        persons.join(described, on="agency_id", how="left")
        .with_columns(
            pl.col("agency_group").fill_null(OTHERS), population_class=pl.col("population_group").str.slice(0, 1)
        )
        .drop("ori")
        .sort("person_id")
        .collect()
    )


def impute_group_b(persons: pl.DataFrame, choices: Choices) -> pl.DataFrame:
    """Impute age, sex and race: ``person_id``, ``item``, ``value``, ``donor_id`` and ``pool``.

    The reference has a model for each group of agencies. By ``donors`` there is one, and the group is the first class
    of donors. What is left has too few donors in the state.
    """
    if choices.method == "reference":
        found = [
            completed(
                persons.filter(pl.col("agency_group") == group).with_columns(unit="person_id"),
                Model(
                    f"group_b/{group}",
                    COLUMNS,
                    _CATEGORICAL,
                    () if group in _WITHOUT_SHARES else (*_SHARES, "population"),
                    forced=("offense_code", "is_suburban"),
                ),
                choices,
            )
            for group in (UNIVERSITY, TRIBAL, WITHOUT_RESIDENTS, OTHERS)
        ]
    else:
        model = Model(
            "group_b",
            COLUMNS,
            (*_CATEGORICAL, "agency_group"),
            (*_SHARES, "population"),
            classes=(("agency_group", "offense_code"), ("offense_code",)),
        )
        found = [completed(persons.with_columns(unit="person_id"), model, choices)]
    return pl.concat(found).rename({"unit": "person_id", "donor": "donor_id"})
