"""Counties: who reports there and what respondents counted, without weights of their own (handbook 08)."""

from nibrs_estimation.model.fields import STATE
from nibrs_estimation.pipeline.dataset import Column, Dataset

#: Tables whose totals are counted by county.
COUNTY_TABLES = ("1a", "1b", "1c")
#: Flag -> meaning, in the order in which flags are listed; the first three are cautions of estimates with their limits.
COUNTY_FLAGS = {
    "low_coverage": "the agencies that reported serve too small a part of the population",
    "giant_missing": "an agency with a large part of the county's known crime did not report",
    "few_respondents": "few agencies of the county reported",
    "none_reported": "no agency of the county reported",
    "divided": "more than a tenth of the known crime is of agencies in several counties, divided by residents",
    "no_county": "agencies whose county is not known; this is no county",
}
#: Share of the known crime of agencies that serve several counties above which a county has flag ``divided``.
DIVIDED = 0.1

COUNTY_FIPS = Column(
    "county_fips", "str", "State and county FIPS code; SS000 for agencies of a state without a county.", length=5
)
COUNTY_COVERAGE = Dataset(
    name="county_coverage",
    description="Agencies and residents of each county, those of respondents, and flags; no estimate of the county.",
    source="handbook 08",
    primary_key=("county_fips",),
    columns=(
        COUNTY_FIPS,
        Column("county_name", "str", "Name of the county.", is_nullable=True),
        STATE,
        Column("eligible_agencies", "int32", "Number of eligible agencies with residents here.", unit="agencies"),
        Column("responding_agencies", "int32", "Number of respondents.", unit="agencies"),
        Column("population", "int64", "Residents of the eligible agencies.", unit="persons"),
        Column("population_responding", "int64", "Residents of the respondents.", unit="persons"),
        Column(
            "population_coverage",
            "float64",
            "Share of the residents that respondents serve, 0 to 1; missing if the source lists only agencies that "
            "reported, or without residents.",
            is_nullable=True,
        ),
        Column(
            "crime_coverage",
            "float64",
            "Share of the benchmark total that respondents have, 0 to 1; missing without benchmark.",
            is_nullable=True,
        ),
        Column("largest_missing_share", "float64", "Share of the benchmark total of the largest nonrespondent."),
        Column("divided_share", "float64", "Share of the benchmark total of agencies that serve several counties."),
        Column(
            "flags",
            "str",
            "Codes joined by `;`: " + "; ".join(f"{code}: {text}" for code, text in COUNTY_FLAGS.items()) + ".",
            is_nullable=True,
        ),
    ),
)
COUNTY_COUNT = Dataset(
    name="county_count",
    description="Incidents that respondents counted in each county, in the columns of tables 1a, 1b and 1c.",
    source="handbook 08",
    primary_key=("county_fips", "table_name", "column"),
    columns=(
        COUNTY_FIPS,
        Column("table_name", "str", "Table.", codes=COUNTY_TABLES),
        Column("column", "int16", "Number of the column in the table."),
        Column("completed", "float64", "Incidents of respondents, with filled months.", unit="incidents"),
        Column("reported", "float64", "Those of their own known months.", unit="incidents"),
    ),
)

DATASETS = (COUNTY_COVERAGE, COUNTY_COUNT)
