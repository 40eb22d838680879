"""Block imputation: donor months that replace missing and low months (handbook 04)."""

from nibrs_estimation.model.completeness import COPIED_GROUPS, OFFENSE_GROUPS
from nibrs_estimation.model.fields import AGENCY_ID, MONTH, MONTHS, ORI, STATE
from nibrs_estimation.pipeline.dataset import Column, Dataset


def _count(name: str, description: str, *, is_nullable: bool = True) -> Column:
    return Column(name, "int32", description, unit="offenses", is_nullable=is_nullable)


BLOCK_AGENCY = Dataset(
    name="block_agency",
    description="Agencies in block imputation: their role, the prediction of the donor model, and their donor.",
    source="handbook 04",
    primary_key=("agency_id",),
    columns=(
        AGENCY_ID,
        ORI,
        STATE,
        Column(
            "part",
            "str",
            "recipient: has a missing or low month; donor: complete, without outliers; neither: complete, with a high "
            "month.",
            codes=("recipient", "donor", "neither"),
        ),
        Column("months_missing", "int8", "Number of months of the data year that were not reported.", unit="months"),
        Column("months_low", "int8", "Number of reported months that are too low.", unit="months"),
        Column("months_high", "int8", "Number of reported months that are too high.", unit="months"),
        Column("has_population", "bool", "True if the agency's population is above 0."),
        Column("is_covering", "bool", "True if the agency reports for at least one other agency."),
        Column("n_observed", "int32", "Offenses in the agency's reported months.", unit="offenses"),
        Column(
            "n_completed", "int32", "Offenses of the year, including the months copied from the donor.", unit="offenses"
        ),
        Column("n_predicted", "float64", "Offenses of a year predicted by the donor model.", unit="offenses"),
        Column("donor_agency_id", "int32", "Number of the agency's donor.", is_nullable=True),
        Column(
            "distance",
            "float64",
            "Difference between the predictions for the agency and its donor.",
            unit="offenses",
            is_nullable=True,
        ),
        Column(
            "match_rule",
            "str",
            "class: the donor is in the same class; without_covering: no donor in the class, so is_covering was "
            "ignored; anybody: still no donor, so has_population was ignored too.",
            is_nullable=True,
            codes=("class", "without_covering", "anybody"),
        ),
    ),
)

BLOCK_MONTH = Dataset(
    name="block_month",
    description="Months of the agencies in block imputation: own, donor and completed counts.",
    source="handbook 04",
    primary_key=("agency_id", "month"),
    columns=(
        AGENCY_ID,
        MONTH,
        Column(
            "month_flag",
            "int8",
            "1: missing month, replaced; 2: low month, replaced; missing: the agency's own month is used.",
            is_nullable=True,
            codes=(1, 2),
        ),
        *(_count(f"own_{group}", f"The agency's own {OFFENSE_GROUPS[group]}.") for group in COPIED_GROUPS),
        *(_count(f"donor_{group}", f"The donor's {OFFENSE_GROUPS[group]}.") for group in COPIED_GROUPS),
        *(_count(f"completed_{group}", f"After imputation: {OFFENSE_GROUPS[group]}.") for group in COPIED_GROUPS),
    ),
)

BLOCK_REFERENCE = Dataset(
    name="block_reference",
    description="Months that are copied: the recipient's month is replaced by the same month of the donor.",
    source="handbook 04 (donorids)",
    primary_key=("agency_id", "month"),
    columns=(
        Column("agency_id", "int32", "Number of the recipient agency."),
        MONTH,
        Column("donor_agency_id", "int32", "Number of the agency whose month is copied."),
        Column("month_flag", "int8", "1: the recipient's month is missing; 2: it is too low.", codes=(1, 2)),
    ),
)

REMOVED_MONTH = Dataset(
    name="removed_month",
    description="Months of the data year whose own incidents and Group B arrests are excluded, in full or in part.",
    source="handbook 04",
    primary_key=("agency_id", "month"),
    columns=(
        AGENCY_ID,
        MONTH,
        Column(
            "kept_from", "date", "First day of the month that is used; missing if no day is used.", is_nullable=True
        ),
        Column(
            "reason",
            "str",
            "missing, low: replaced by a donor's month; before_start: before the agency's start of NIBRS.",
            codes=("missing", "low", "before_start"),
        ),
    ),
)

BLOCK_COUNT = Dataset(
    name="block_count",
    description="Incidents, their offenses and Group B arrests by agency and month: all, and those that are used.",
    source="handbook 04",
    primary_key=("agency_id", "month"),
    partition_key="state_abbr",
    columns=(
        STATE,
        AGENCY_ID,
        Column("month", "int8", "Month of the incident or arrest.", codes=MONTHS),
        Column("n_incidents", "int32", "Number of incidents of the data year.", unit="incidents"),
        Column(
            "n_incidents_kept", "int32", "Number of incidents that are used for the agency itself.", unit="incidents"
        ),
        *(
            _count(f"n_{group}", f"In all incidents of the month: {OFFENSE_GROUPS[group]}.", is_nullable=False)
            for group in COPIED_GROUPS
        ),
        Column("n_group_b", "int32", "Number of Group B arrests of the data year.", unit="arrestees"),
        Column(
            "n_group_b_kept",
            "int32",
            "Number of Group B arrests that are used for the agency itself.",
            unit="arrestees",
        ),
    ),
)

BLOCK_CHECK = Dataset(
    name="block_check",
    description="Checks of the copied months, with the numbers of cases checked and of failures.",
    source="handbook 02 and 04, invariants",
    primary_key=("check",),
    columns=(
        Column("check", "str", "Condition that must be true."),
        Column("n_checked", "int64", "Number of cases checked."),
        Column("n_failed", "int64", "Number of cases in which the condition is false."),
        Column("is_strict", "bool", "True if a single failure stops the run."),
    ),
)

DATASETS = (BLOCK_AGENCY, BLOCK_MONTH, BLOCK_REFERENCE, REMOVED_MONTH, BLOCK_COUNT, BLOCK_CHECK)
