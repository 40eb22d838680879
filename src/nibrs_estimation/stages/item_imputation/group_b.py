"""Age, sex and race of Group B arrestees (handbook 05)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.stages.item_imputation.demographics import COLUMNS
from nibrs_estimation.stages.item_imputation.models import Choices, Model, completed
from nibrs_estimation.stages.item_imputation.persons import persons_of
from nibrs_estimation.survey.blocks import own_rows

#: Groups of agencies that the reference models apart, in the order in which the first that applies is taken.
UNIVERSITY, TRIBAL, WITHOUT_RESIDENTS, OTHERS = "university", "tribal", "without residents", "others"
_NAMES = {"UNIVERSITY OR COLLEGE": UNIVERSITY, "TRIBAL": TRIBAL}
#: Age groups below 18 years.
MINOR_BINS = ("U05", "A05_11", "A12_14", "A15", "A16", "A17")
_CATEGORICAL = ("offense_code", "arrest_type_code", "agency_type", "is_suburban", "population_group")
_SHARES = ("share_male", "share_minor", "share_black", "share_native", "share_asian", "share_hispanic")
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
    described = of_agency.join(residents(agency_county, county_population, year), on="ori", how="left")
    return (
        persons.join(described, on="agency_id", how="left")
        .with_columns(
            pl.col("agency_group").fill_null(OTHERS), population_class=pl.col("population_group").str.slice(0, 1)
        )
        .drop("ori")
        .sort("person_id")
        .collect()
    )


def residents(agency_county: pl.LazyFrame, county_population: pl.LazyFrame, year: int) -> pl.LazyFrame:
    """Shares of groups among the residents of each agency: those of its counties, by its share in each.

    Returns:
        ``ori`` and a column for each of six groups, from 0 to 1.
    """
    code = pl.col
    parts = {
        "share_male": code("sex_code") == "M",
        "share_minor": code("age_bin_code").is_in(MINOR_BINS),
        "share_black": code("race_code") == "B",
        "share_native": code("race_code").is_in(["I", "P"]),
        "share_asian": code("race_code") == "A",
        "share_hispanic": code("ethnicity_code") == "H",
    }
    people = pl.col("population").cast(pl.Float64)
    of_county = (
        county_population.filter(pl.col("data_year") == year)
        .group_by("county_fips")
        .agg(total=people.sum(), **{name: people.filter(part).sum() for name, part in parts.items()})
        .filter(pl.col("total") > 0)
    )
    weight = pl.col("population_share") / pl.col("population_share").sum().over("ori")
    return (
        agency_county.filter(pl.col("data_year") == year)
        .join(of_county, on="county_fips")
        .with_columns(weight=weight)
        .group_by("ori")
        .agg((pl.col(name) / pl.col("total") * pl.col("weight")).sum() for name in parts)
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
