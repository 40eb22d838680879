"""Unweighted counts by agency: units with the same values of all attributes that tables use are counted together.

A *profile* is a combination of attributes that units share: counting unit, agency, month (if other agencies copy it),
the set of table columns that the unit belongs to (its *signature*), the kind of person (its *atom*) and the clearance
of the incident. Columns, demographic groups, variants by clearance and agency attributes are functions of the profile;
the other variables that define rows are counted by profile. Source: handbook 10.
"""

from nibrs_estimation.pipeline.dataset import Column, Dataset

_STATE = Column("state_abbr", "str", "UCR state abbreviation of the agency.", code_list="state", length=2)
_PROFILE = Column(
    "profile_id", "int32", "Number of the profile within the state, in order of counting unit, agency and month."
)
_UNIT = Column("counting_unit", "str", "Counting unit, such as person_victim.")


def no_agency(state_abbr: str) -> int:
    """Agency number for Group B arrests of a state that name no agency: a negative number for each state."""
    return -int.from_bytes(state_abbr.encode("ascii"))


#: Variable that counts the units themselves: every unit has category 1.
UNITS = "units"

UNIT_PROFILE = Dataset(
    name="unit_profile",
    description="Profiles of the units that agencies counted, for own months and for months that others copy.",
    source="handbook 10",
    primary_key=("state_abbr", "profile_id"),
    partition_key="state_abbr",
    columns=(
        _STATE,
        _PROFILE,
        _UNIT,
        Column(
            "agency_id",
            "int32",
            "The FBI's number of the agency; the donor for a copied month; negative for arrests that name no agency.",
        ),
        Column(
            "month",
            "int8",
            "Month that other agencies copy; missing for the agency's own units.",
            is_nullable=True,
            codes=tuple(range(1, 13)),
        ),
        Column("signature_id", "int32", "Number of the set of columns in dataset profile_signature."),
        Column(
            "atom", "int16", "Kind of person (tables/atoms.py); missing if the unit is no person.", is_nullable=True
        ),
        Column(
            "imputed_items",
            "int8",
            "Items of the person that are imputed: sum of 1 for age, 2 for sex, 4 for race, 8 for ethnicity.",
        ),
        Column(
            "clearance",
            "int8",
            "1 not cleared, 2 cleared by arrest, 3 cleared exceptionally; missing if there is no incident.",
            is_nullable=True,
            codes=(1, 2, 3),
        ),
    ),
)

PROFILE_SIGNATURE = Dataset(
    name="profile_signature",
    description="Sets of table columns that units belong to, numbered within state and counting unit.",
    source="handbook 10",
    primary_key=("state_abbr", "counting_unit", "signature_id", "column_key"),
    partition_key="state_abbr",
    columns=(
        _STATE,
        _UNIT,
        Column("signature_id", "int32", "Number of the set of columns."),
        Column("column_key", "str", "A column of the set, as named in tables/counting.py."),
    ),
)

PROFILE_COUNT = Dataset(
    name="profile_count",
    description="Number of units of each profile, or of their records, in each category of each variable.",
    source="handbook 10",
    primary_key=("state_abbr", "counting_unit", "profile_id", "variable", "category"),
    partition_key="state_abbr",
    columns=(
        _STATE,
        _UNIT,
        _PROFILE,
        Column("variable", "str", f"Derived variable; {UNITS} for the units themselves."),
        Column("category", "int8", "Category of the variable."),
        Column("n", "int64", "Number of units, or of records if count_mode is records.", unit="units"),
        Column(
            "n_imputed",
            "int64",
            "Those of them that are in the category only by an imputed item, other than those of the atom.",
            unit="units",
        ),
    ),
)

INCIDENT_PROFILE = Dataset(
    name="incident_profile",
    description="Victims of the same incident, by profile: for rows that count victims by incident.",
    source="handbook 10 (number of victims summarized at incident level)",
    primary_key=("state_abbr", "counting_unit", "incident_number", "profile_id"),
    partition_key="state_abbr",
    columns=(
        _STATE,
        _UNIT,
        Column(
            "incident_number",
            "int32",
            "Number of the incident within state and counting unit, in order of agency and copied month.",
        ),
        _PROFILE,
        Column("n", "int16", "Number of victims with the profile.", unit="victims"),
    ),
)

DATASETS = (UNIT_PROFILE, PROFILE_SIGNATURE, PROFILE_COUNT, INCIDENT_PROFILE)
