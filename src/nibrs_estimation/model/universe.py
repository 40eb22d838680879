"""Universe: all agencies, their eligibility and their employees (handbook 01)."""

from nibrs_estimation.model.fields import AGENCY_ID, AGENCY_TYPE, ORI, POPULATION, REGION, STATE, UNIVERSE_SCOPE, YEAR
from nibrs_estimation.pipeline.dataset import Column, Dataset

POLICE_EMPLOYEES = Dataset(
    name="police_employees",
    description="Officers and civilian employees of each agency; imputed if missing for an eligible agency.",
    source="handbook 01",
    primary_key=("agency_id",),
    columns=(
        AGENCY_ID,
        ORI,
        *(
            Column(
                f"{sex}_{kind}",
                "int32",
                f"Number of {sex} {kind}, reported or imputed.",
                unit="persons",
                is_nullable=True,
            )
            for sex in ("male", "female")
            for kind in ("officers", "civilians")
        ),
        *(
            Column(
                f"reported_{sex}_{kind}",
                "int32",
                f"Number of {sex} {kind} reported in the source.",
                unit="persons",
                is_nullable=True,
            )
            for sex in ("male", "female")
            for kind in ("officers", "civilians")
        ),
        Column("is_imputed", "bool", "True if at least one of the four numbers was imputed."),
        Column("is_covering", "bool", "True if the agency reports for at least one other agency."),
        Column(
            "agency_subtype",
            "int16",
            "Subtype of an agency of type Other, inferred from its name, 1 to 21; 100 for other types.",
        ),
    ),
)

UNIVERSE = Dataset(
    name="universe",
    description="All agencies with their eligibility for the estimates and their weight class.",
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
        Column(
            "is_eligible",
            "bool",
            "True if the agency is active, not covered, not dormant, not federal, and in the 50 states or DC.",
        ),
        Column(
            "ineligible_reason",
            "str",
            "The first rule that the agency fails; missing if it is eligible.",
            is_nullable=True,
            codes=("not active", "covered", "dormant", "federal", "outside the states"),
        ),
        Column(
            "weight_class",
            "int8",
            "National weight class, 1 to 20; missing if not eligible.",
            is_nullable=True,
        ),
        UNIVERSE_SCOPE,
    ),
)

DATASETS = (POLICE_EMPLOYEES, UNIVERSE)
