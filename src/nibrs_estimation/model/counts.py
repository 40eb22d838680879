"""What each agency counted, before tables and weights: units alike in everything that tables ask are counted together.

A *profile* is what units share: counting unit, agency, month where it is copied by others, the set of table columns
that the unit belongs to (its *signature*), the kind of person (its *atom*) and the clearance of the incident. Columns,
demographic groups, variants by clearance and agency attributes are maps of profiles; everything else that rows ask for
is counted by profile. Source: handbook 10.
"""

from nibrs_estimation.pipeline.dataset import Column, Dataset

_STATE = Column("state_abbr", "str", "UCR state abbreviation of the agency.", code_list="state", length=2)
_PROFILE = Column("profile_id", "int32", "Number of the profile within the state, by unit, agency and month.")
_UNIT = Column("counting_unit", "str", "What is counted, such as person_victim.")


def no_agency(state_abbr: str) -> int:
    """What stands for the agency of a state's Group B arrests that name none: a number below 0 for each state."""
    return -int.from_bytes(state_abbr.encode("ascii"))


#: The variable of a unit's own count: every unit has its category 1.
UNITS = "units"

UNIT_PROFILE = Dataset(
    name="unit_profile",
    description="Kinds of units that agencies counted, their own and those of months that others copy.",
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
            "The agency; of a copied month the donor. Below 0: arrests of the state that name no agency.",
        ),
        Column(
            "month",
            "int8",
            "Month that others copy, or missing for the agency's own units.",
            is_nullable=True,
            codes=tuple(range(1, 13)),
        ),
        Column("signature_id", "int32", "Set of columns, dataset profile_signature."),
        Column("atom", "int16", "Kind of person (tables/atoms.py), or missing.", is_nullable=True),
        Column(
            "clearance",
            "int8",
            "1 not cleared, 2 by arrest, 3 exceptionally; missing without incident.",
            is_nullable=True,
            codes=(1, 2, 3),
        ),
    ),
)

PROFILE_SIGNATURE = Dataset(
    name="profile_signature",
    description="The sets of columns that units belong to; numbers are of one state and counting unit.",
    source="handbook 10",
    primary_key=("state_abbr", "counting_unit", "signature_id", "column_key"),
    partition_key="state_abbr",
    columns=(
        _STATE,
        _UNIT,
        Column("signature_id", "int32", "Number of the set."),
        Column("column_key", "str", "A column of it, as tables/counting.py names it."),
    ),
)

PROFILE_COUNT = Dataset(
    name="profile_count",
    description="How many units of a profile, or how many of their records, have each category of each variable.",
    source="handbook 10",
    primary_key=("state_abbr", "counting_unit", "profile_id", "variable", "category"),
    partition_key="state_abbr",
    columns=(
        _STATE,
        _UNIT,
        _PROFILE,
        Column("variable", "str", f"Derived variable, or {UNITS}: the units themselves."),
        Column("category", "int8", "Its category."),
        Column("n", "int64", "Units, or records where count_mode is records.", unit="units"),
    ),
)

INCIDENT_PROFILE = Dataset(
    name="incident_profile",
    description="Which victims were in one incident together: for rows that count victims by incident.",
    source="handbook 10 (number of victims summarized at incident level)",
    primary_key=("state_abbr", "counting_unit", "incident_number", "profile_id"),
    partition_key="state_abbr",
    columns=(
        _STATE,
        _UNIT,
        Column(
            "incident_number",
            "int32",
            "Number within state and counting unit, by agency and month copied.",
        ),
        _PROFILE,
        Column("n", "int16", "Victims of the profile.", unit="victims"),
    ),
)

DATASETS = (UNIT_PROFILE, PROFILE_SIGNATURE, PROFILE_COUNT, INCIDENT_PROFILE)
