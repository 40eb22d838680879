"""Counts for grants: a year of every agency without the hierarchy rule, and several years (handbook 16)."""

from nibrs_estimation.model.fields import AGENCY_ID, ORI, STATE, YEAR
from nibrs_estimation.pipeline.dataset import Column, Dataset

#: Counts of a year -> their name in the reference's file, without the year, in its order.
COUNTS = {
    "n_murder": "Murder",
    "n_rape": "Rape",
    "n_aggravated_assault": "AggAssault",
    "n_robbery": "Robbery",
    "n_trafficking": "HumanTrafficking",
    "n_sex_trafficking": "HumanTraffickingSex",
    "n_labor_trafficking": "HumanTraffickingLabor",
}
_LABELS = {
    "n_murder": "Murders",
    "n_rape": "Rapes",
    "n_aggravated_assault": "Aggravated assaults",
    "n_robbery": "Robberies",
    "n_trafficking": "Victims of human trafficking; missing for agencies without incidents, whose Return A has no line "
    "of it",
    "n_sex_trafficking": "Victims of sex trafficking",
    "n_labor_trafficking": "Victims of labor trafficking",
}

GRANT_YEAR = Dataset(
    name="grant_year",
    description="Counts of an agency in one year, from its incidents without the hierarchy rule, or from its Return A.",
    source="handbook 16",
    primary_key=("data_year", "agency_id"),
    columns=(
        YEAR,
        AGENCY_ID,
        ORI,
        STATE,
        Column("agency_name", "str", "Name of the agency.", is_nullable=True),
        Column("population", "int32", "Residents of the agency in its county.", unit="persons"),
        Column("county_fips", "str", "County with most of its residents.", is_nullable=True),
        Column("county_name", "str", "Name of the county.", is_nullable=True),
        Column("judicial_district_name", "str", "Federal judicial district.", is_nullable=True),
        *(
            Column(name, "int32", f"{_LABELS[name]}; missing if nothing is known.", unit="offenses", is_nullable=True)
            for name in COUNTS
        ),
        Column("months_reported", "int8", "Months with a report of either form.", unit="months"),
        Column(
            "is_switched",
            "bool",
            "True if its Return A counts, because it has more of an offense than its incidents in some month.",
        ),
    ),
)

GRANT_FLAG = Dataset(
    name="grant_flag",
    description="Months in which the Return A of an agency has more of an offense than its incidents.",
    source="handbook 16",
    primary_key=("agency_id", "month", "item_code"),
    columns=(
        AGENCY_ID,
        Column("month", "int8", "Month, 1 to 12.", codes=tuple(range(1, 13))),
        Column("item_code", "int8", "Line of the Return A.", code_list="srs_item"),
        Column("n_return_a", "int32", "Offenses in the Return A.", unit="offenses"),
        Column("n_incidents", "int32", "Offenses in the incidents.", unit="offenses"),
    ),
)

GOVERNMENT = Dataset(
    name="government",
    description="Governments of agencies, by which grants are given.",
    source="docs/external-files.md",
    primary_key=("ori",),
    absence="Columns GOVID_2023 and govtype_2023 of BJS_Grant.csv are empty.",
    columns=(
        Column("ori", "str", "Originating agency identifier.", length=9),
        Column("government_id", "str", "Number of the government (GOVID_2023)."),
        Column("government_type", "str", "Type of the government (govtype_2023).", is_nullable=True),
    ),
)

DATASETS = (GRANT_YEAR, GRANT_FLAG, GOVERNMENT)
