"""Block imputation: whose months stand in for missing and low ones (handbook 04)."""

from nibrs_estimation.model.completeness import COPIED_GROUPS, OFFENSE_GROUPS
from nibrs_estimation.model.fields import AGENCY_ID, MONTH, MONTHS, ORI, STATE
from nibrs_estimation.pipeline.dataset import Column, Dataset


def _count(name: str, description: str, *, is_nullable: bool = True) -> Column:
    return Column(name, "int32", description, unit="offenses", is_nullable=is_nullable)


BLOCK_AGENCY = Dataset(
    name="block_agency",
    description="Agencies that give or receive months: their part, the donor model's view of them, and their donor.",
    source="handbook 04",
    primary_key=("agency_id",),
    columns=(
        AGENCY_ID,
        ORI,
        STATE,
        Column(
            "part",
            "str",
            "recipient: has a missing or a low month; donor: complete, without outlier; neither: complete, with a high "
            "month.",
            codes=("recipient", "donor", "neither"),
        ),
        Column("months_missing", "int8", "Months of the data year not reported.", unit="months"),
        Column("months_low", "int8", "Reported months that are too low.", unit="months"),
        Column("months_high", "int8", "Reported months that are too high.", unit="months"),
        Column("has_population", "bool", "Its population is above 0."),
        Column("is_covering", "bool", "It reports for at least one other agency."),
        Column("n_observed", "int32", "Offenses of its reported months.", unit="offenses"),
        Column("n_completed", "int32", "The same with the copied months.", unit="offenses"),
        Column("n_predicted", "float64", "Offenses of a year by the donor model.", unit="offenses"),
        Column("donor_agency_id", "int32", "Its donor.", is_nullable=True),
        Column("distance", "float64", "Difference of the two predictions.", unit="offenses", is_nullable=True),
        Column(
            "match_rule",
            "str",
            "class: the donor is of its class; without_covering, anybody: no donor was in the class, so is_covering, "
            "then has_population, was left aside.",
            is_nullable=True,
            codes=("class", "without_covering", "anybody"),
        ),
    ),
)

BLOCK_MONTH = Dataset(
    name="block_month",
    description="Months of the agencies that give or receive, completed: own, donor's and completed numbers.",
    source="handbook 04",
    primary_key=("agency_id", "month"),
    columns=(
        AGENCY_ID,
        MONTH,
        Column(
            "month_flag",
            "int8",
            "1 a missing month, replaced; 2 a low month, replaced; missing: the agency's own.",
            is_nullable=True,
            codes=(1, 2),
        ),
        *(_count(f"own_{group}", f"Own {OFFENSE_GROUPS[group]}.") for group in COPIED_GROUPS),
        *(_count(f"donor_{group}", f"The donor's {OFFENSE_GROUPS[group]}.") for group in COPIED_GROUPS),
        *(_count(f"completed_{group}", f"Completed {OFFENSE_GROUPS[group]}.") for group in COPIED_GROUPS),
    ),
)

BLOCK_REFERENCE = Dataset(
    name="block_reference",
    description="Months that are copied: the recipient's month is the donor's same month, and its own is removed.",
    source="handbook 04 (donorids)",
    primary_key=("agency_id", "month"),
    columns=(
        Column("agency_id", "int32", "The recipient."),
        MONTH,
        Column("donor_agency_id", "int32", "The agency whose month is copied."),
        Column("month_flag", "int8", "1 the recipient's month is missing, 2 it is too low.", codes=(1, 2)),
    ),
)

REMOVED_MONTH = Dataset(
    name="removed_month",
    description="Months of the data year whose own incidents and Group B arrests do not count, or only some.",
    source="handbook 04",
    primary_key=("agency_id", "month"),
    columns=(
        AGENCY_ID,
        MONTH,
        Column("kept_from", "date", "The first day that counts; missing: none counts.", is_nullable=True),
        Column(
            "reason",
            "str",
            "missing or low: replaced by a donor's month; before_start: before the start of NIBRS.",
            codes=("missing", "low", "before_start"),
        ),
    ),
)

BLOCK_COUNT = Dataset(
    name="block_count",
    description="Incidents, their offenses and Group B arrests by agency and month: all, and those that count.",
    source="handbook 04",
    primary_key=("agency_id", "month"),
    partition_key="state_abbr",
    columns=(
        STATE,
        AGENCY_ID,
        Column("month", "int8", "Month of the incident or arrest.", codes=MONTHS),
        Column("n_incidents", "int32", "Incidents of the data year.", unit="incidents"),
        Column("n_incidents_kept", "int32", "Those that count as its own.", unit="incidents"),
        *(
            _count(f"n_{group}", f"Of all its incidents: {OFFENSE_GROUPS[group]}.", is_nullable=False)
            for group in COPIED_GROUPS
        ),
        Column("n_group_b", "int32", "Group B arrests of the data year.", unit="arrestees"),
        Column("n_group_b_kept", "int32", "Those that count as its own.", unit="arrestees"),
    ),
)

BLOCK_CHECK = Dataset(
    name="block_check",
    description="What must balance after months were copied, how often it was looked at, and how often it did not.",
    source="handbook 02 and 04, invariants",
    primary_key=("check",),
    columns=(
        Column("check", "str", "What must hold."),
        Column("n_checked", "int64", "Cases looked at."),
        Column("n_failed", "int64", "Cases in which it does not hold."),
        Column("is_strict", "bool", "A single failure stops the run."),
    ),
)

DATASETS = (BLOCK_AGENCY, BLOCK_MONTH, BLOCK_REFERENCE, REMOVED_MONTH, BLOCK_COUNT, BLOCK_CHECK)
