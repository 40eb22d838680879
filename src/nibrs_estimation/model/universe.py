"""Universe: every agency, whether it is eligible, and its employees (handbook 01)."""

from nibrs_estimation.model.fields import AGENCY_ID, AGENCY_TYPE, ORI, POPULATION, REGION, STATE, UNIVERSE_SCOPE, YEAR
from nibrs_estimation.pipeline.dataset import Column, Dataset

POLICE_EMPLOYEES = Dataset(
    name="police_employees",
    description="Officers and civilians of each agency of the data year, those of eligible agencies completed.",
    source="handbook 01",
    primary_key=("agency_id",),
    columns=(
        AGENCY_ID,
        ORI,
        *(
            Column(f"{sex}_{kind}", "int32", f"{sex.capitalize()} {kind}.", unit="persons", is_nullable=True)
            for sex in ("male", "female")
            for kind in ("officers", "civilians")
        ),
        *(
            Column(
                f"reported_{sex}_{kind}",
                "int32",
                f"{sex.capitalize()} {kind} as the source tells them.",
                unit="persons",
                is_nullable=True,
            )
            for sex in ("male", "female")
            for kind in ("officers", "civilians")
        ),
        Column("is_imputed", "bool", "At least one of the four numbers was imputed."),
        Column("is_covering", "bool", "It reports for at least one other agency."),
        Column("agency_subtype", "int16", "Kind of agency by its name, 1 to 21; 100 unless of type Other."),
    ),
)

UNIVERSE = Dataset(
    name="universe",
    description="Every agency with its eligibility for the estimates and its weight class.",
    source="handbook 01 and 07",
    primary_key=("agency_id",),
    columns=(
        AGENCY_ID,
        ORI,
        YEAR,
        Column("agency_name", "str", "Name of the agency.", is_nullable=True),
        AGENCY_TYPE,
        STATE,
        REGION,
        POPULATION,
        Column("population_group_code", "str", "UCR population group.", is_nullable=True),
        Column("is_eligible", "bool", "Active, not covered, not dormant, not federal, in the 50 states or DC."),
        Column(
            "ineligible_reason",
            "str",
            "The first rule that the agency fails, or null.",
            is_nullable=True,
            codes=("not active", "covered", "dormant", "federal", "outside the states"),
        ),
        Column(
            "weight_class",
            "int8",
            "National weight class 1 to 20, or null if not eligible.",
            is_nullable=True,
        ),
        UNIVERSE_SCOPE,
    ),
)

DATASETS = (POLICE_EMPLOYEES, UNIVERSE)
