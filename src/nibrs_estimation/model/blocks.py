"""Missing months: which months of an agency are known, and how the others are filled (handbook 04)."""

from nibrs_estimation.model.completeness import COPIED_GROUPS, OFFENSE_GROUPS
from nibrs_estimation.model.fields import AGENCY_ID, MONTH, MONTHS, ORI, STATE
from nibrs_estimation.pipeline.dataset import Column, Dataset


def _count(name: str, description: str, *, is_nullable: bool = True) -> Column:
    return Column(name, "int32", description, unit="offenses", is_nullable=is_nullable)


def _number(name: str, description: str, *, is_nullable: bool = True) -> Column:
    return Column(name, "float64", description, unit="offenses", is_nullable=is_nullable)


KNOWN_MONTH = Dataset(
    name="known_month",
    description="Months of the data year of eligible NIBRS agencies that reported any: whether the month is known.",
    source="handbook 04",
    primary_key=("agency_id", "month"),
    columns=(
        AGENCY_ID,
        MONTH,
        Column("n_offenses", "int32", "Reported offenses of the month.", unit="offenses", is_nullable=True),
        Column(
            "month_status",
            "str",
            "known; lumped: the agency sends a whole period in one month, so its year is known, not its months; "
            "not_reported; low: far below the agency's other months; empty: no offense, although the other months have "
            "10 or more on average; incomplete: next to a month that is not known, and below half of its expectation.",
            codes=("known", "lumped", "not_reported", "low", "empty", "incomplete"),
        ),
        Column(
            "known_part",
            "float64",
            "Part of the month that is known: 1 or 0; in the month in which NIBRS reporting started, its days.",
        ),
        Column("month_share", "float64", "Share of a normal year's offenses that fall in the month."),
    ),
)

BLOCK_AGENCY = Dataset(
    name="block_agency",
    description="Agencies whose months are filled or that may be donors: what is known of their year, and what fills "
    "the rest.",
    source="handbook 04",
    primary_key=("agency_id",),
    columns=(
        AGENCY_ID,
        ORI,
        STATE,
        Column(
            "part",
            "str",
            "recipient: has a month that is not known; donor: all months are known; neither: "
            "all are known, but it cannot be a donor.",
            codes=("recipient", "donor", "neither"),
        ),
        Column("months_missing", "int8", "Number of months of the data year that were not reported.", unit="months"),
        Column("months_low", "int8", "Number of reported months that are not taken as known.", unit="months"),
        Column("months_high", "int8", "Number of reported months that are too high.", unit="months"),
        Column("has_population", "bool", "True if the agency's population is above 0."),
        Column("is_covering", "bool", "True if the agency reports for at least one other agency."),
        Column("n_observed", "int32", "Offenses in the agency's reported months.", unit="offenses"),
        Column("n_completed", "float64", "Offenses of the year with the filled months.", unit="offenses"),
        Column(
            "n_predicted",
            "float64",
            "Offenses of a year by the donor model; missing if filled from own months.",
            unit="offenses",
            is_nullable=True,
        ),
        Column("known_share", "float64", "Share of a normal year's offenses in the known months, S."),
        Column(
            "own_weight",
            "float64",
            "Weight w of the agency's own months in what is filled; missing if a donor's whole months are copied.",
            is_nullable=True,
        ),
        Column("donor_agency_id", "int32", "Number of the agency's donor.", is_nullable=True),
        Column(
            "distance",
            "float64",
            "Difference of the two predictions; if filled from own months, of the offenses in the known months.",
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
    description="Months of the agencies of `block_agency`, completed: own, filled and completed numbers.",
    source="handbook 04",
    primary_key=("agency_id", "month"),
    columns=(
        AGENCY_ID,
        MONTH,
        Column(
            "month_flag",
            "int8",
            "1 a month that was not reported, filled; 2 a reported month that is not known, replaced; missing: the "
            "agency's own.",
            is_nullable=True,
            codes=(1, 2),
        ),
        *(_count(f"own_{group}", f"Own {OFFENSE_GROUPS[group]}.") for group in COPIED_GROUPS),
        *(_number(f"filled_{group}", f"Filled {OFFENSE_GROUPS[group]}.") for group in COPIED_GROUPS),
        *(_number(f"completed_{group}", f"Completed {OFFENSE_GROUPS[group]}.") for group in COPIED_GROUPS),
    ),
)

BLOCK_REFERENCE = Dataset(
    name="block_reference",
    description="What is added to an agency's own counts for the months that are not known: records of a month, times "
    "a scale. If the donor is the agency itself, its known months stand for the others.",
    source="handbook 04 (donorids)",
    primary_key=("agency_id", "donor_agency_id", "month"),
    columns=(
        Column("agency_id", "int32", "Number of the recipient agency."),
        Column("donor_agency_id", "int32", "The agency whose month is added: the recipient itself, or a donor."),
        Column("month", "int8", "The donor's month.", codes=MONTHS),
        Column("scale", "float64", "By which its counts are multiplied; 1 if a whole month is copied."),
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
            "missing, low, empty or incomplete: the month is filled; before_start: before the start of NIBRS.",
            codes=("missing", "low", "empty", "incomplete", "before_start"),
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

DATASETS = (KNOWN_MONTH, BLOCK_AGENCY, BLOCK_MONTH, BLOCK_REFERENCE, REMOVED_MONTH, BLOCK_COUNT, BLOCK_CHECK)
