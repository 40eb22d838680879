"""Which months were reported, which are suspect, and whose months stand in for them.

Source: specification 03, sections 1 to 8.
"""

from nibrs_estimation.model.agency import AGENCY, AGENCY_ID, MONTHS
from nibrs_estimation.pipeline.dataset import Column, Dataset

MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

#: Groups of offenses whose monthly numbers are followed (03 section 3), and all records together.
OFFENSE_GROUPS = {
    "part1v": "violent Part I offenses",
    "part1p": "property Part I offenses",
    "otherc": "other Group A offenses",
    "all": "all offense records, with justifiable homicides and incidents without offense",
}
#: Offense codes of the first two groups; 09C is in none, any other code in `otherc`.
PART1V = ("13A", "09A", "09B", "11A", "11B", "11C", "120")
PART1P = ("200", "220", "23A", "23B", "23C", "23D", "23E", "23F", "23G", "23H", "240")
#: The groups whose months are copied from donors.
COPIED_GROUPS = ("part1v", "part1p", "otherc")

#: An agency with fewer reported months is a non-reporter, and gets no donor (03 section 4).
MIN_MONTHS_REPORTED = 3

COLOURS = ("green", "orange", "red", "blue", "brown")
LOW_COLOURS, HIGH_COLOURS = ("orange", "red"), ("blue", "brown")

_ORI = Column("ori", "str", "Originating agency identifier.")
_STATE = Column("state_abbr", "str", "UCR state abbreviation; Nebraska is NB.")
_YEAR = Column("data_year", "int16", "Calendar year that the row describes.")
_MONTH = Column("month", "int8", "Month, 1 to 12.", codes=MONTHS)


def _count(name: str, description: str, *, is_nullable: bool = True) -> Column:
    return Column(name, "int32", description, unit="offenses", is_nullable=is_nullable)


AGENCY_MONTH = Dataset(
    name="agency_month",
    description="Every agency's months of the data year and the four before: whether reported, and offenses by group.",
    source="03 sections 2 to 4",
    primary_key=("agency_id", "data_year", "month"),
    columns=(
        AGENCY_ID,
        _YEAR,
        _MONTH,
        Column(
            "mm_flag",
            "int8",
            "1 a report of incidents or of none exists, 0 none, 9 covered by another agency; months before the start "
            "of NIBRS are 0.",
            codes=(0, 1, 9),
        ),
        Column("is_flag_repaired", "bool", "The flag was 0 although offenses were reported."),
        *(
            _count(f"n_{group}", f"Offense segments: {text}; missing where the month was not reported.")
            for group, text in OFFENSE_GROUPS.items()
        ),
    ),
)


def _pattern_columns() -> tuple[Column, ...]:
    columns: list[Column] = []
    for group, text in OFFENSE_GROUPS.items():
        columns += [
            _count(f"{month}_{group}", f"{text} of the month; missing if not reported.") for month in MONTH_NAMES
        ]
        columns += [
            _count(f"total_{group}", f"{text} of the reported months.", is_nullable=False),
            Column(f"pattern_{group}", "str", "Twelve digits, 1 a reported month, as ddd-ddd-ddd-ddd.", length=15),
            Column(f"max_missing_run_{group}", "int8", "Longest run of months not reported.", unit="months"),
        ]
    ratios = [f"{month}_ratio_v_p" for month in (*MONTH_NAMES, "total")]
    columns += [Column(r, "float64", "Violent over property Part I offenses.", is_nullable=True) for r in ratios]
    for month in MONTH_NAMES:
        columns += [
            Column(f"{month}_mm_flag", "int8", "Flag of the month, after repair.", codes=(0, 1, 9)),
            Column(f"{month}_mm_flag_original", "int8", "The flag before a repair.", is_nullable=True, codes=(0,)),
            Column(f"{month}_is_flag_repaired", "bool", "The flag was 0 although offenses were reported."),
        ]
    return tuple(columns)


REPORTING_PATTERN = Dataset(
    name="reporting_pattern",
    description="One row for each agency and year: its attributes, its months by group of offenses, and its class.",
    source="03 section 4 (NIBRS_reporting_pattern_with_reta-mm)",
    primary_key=("data_year", "agency_id"),
    columns=(
        *AGENCY.columns,
        Column("is_eligible", "bool", "Active, not covered, not dormant, not federal, in the 50 states or DC."),
        Column("nibrs_start_month", "int8", "Month of the start of NIBRS.", is_nullable=True),
        Column("nibrs_start_year", "int16", "Year of the start of NIBRS.", is_nullable=True),
        Column("county_fips_codes", "str", "FIPS codes of its counties, sorted, joined by ';'.", is_nullable=True),
        Column("is_covering", "bool", "It reports for at least one other agency."),
        Column("covering_group_ori", "str", "ORI of the agency that reports for it, or its own.", is_nullable=True),
        Column("covered_population", "int32", "Population of the agencies that it covers directly.", unit="persons"),
        Column("own_population", "int32", "Population less that of the agencies it covers.", unit="persons"),
        Column(
            "reporting_class",
            "str",
            "full: twelve months; partial: eligible, reports incidents, 3 to 11 months; none: anything else.",
            codes=("full", "partial", "none"),
        ),
        Column("months_reported", "int8", "Months reported.", unit="months"),
        Column("has_repaired_flag", "bool", "At least one flag was repaired."),
        *_pattern_columns(),
    ),
)

COMPLETENESS_ISSUE = Dataset(
    name="completeness_issue",
    description="What was odd in months and counts, how often, and the rule by which it was handled.",
    source="03 sections 2 to 4",
    primary_key=("issue", "data_year"),
    columns=(
        Column(
            "issue",
            "str",
            "Kind of the oddity.",
            codes=(
                "month of an unknown agency",
                "repeated month",
                "unknown status",
                "month out of range",
                "count of an unknown agency",
                "count out of range",
                "repeated count",
                "unknown offense code",
                "negative count",
                "missing count",
                "year without history",
                "count before the start of NIBRS",
                "no start of NIBRS",
                "count without a report",
            ),
        ),
        _YEAR,
        Column("n_rows", "int32", "Rows concerned.", unit="rows"),
        Column("n_agencies", "int32", "Agencies concerned.", unit="agencies"),
        Column("first_agency", "str", "The first of them, by number: ORI or, if unknown, number.", is_nullable=True),
        Column("rule", "str", "What was done."),
    ),
)

POLICE_EMPLOYEES = Dataset(
    name="police_employees",
    description="Officers and civilians of each agency of the data year, those of eligible agencies completed.",
    source="03 section 1; 02 sections 8.1 and 8.2",
    primary_key=("agency_id",),
    columns=(
        AGENCY_ID,
        _ORI,
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

OUTLIER_AGENCY = Dataset(
    name="outlier_agency",
    description="How each agency's monthly numbers run, and how many months of the data year stand out.",
    source="03 section 5",
    primary_key=("agency_id",),
    columns=(
        AGENCY_ID,
        _ORI,
        Column("n_months", "int8", "Reported months of the data year and the four before.", unit="months"),
        Column("mean_monthly_offenses", "float64", "Mean of these months.", unit="offenses"),
        Column("n_levels", "int8", "Levels on which the series runs.", codes=(1, 2)),
        *(
            Column(f"n_{colour}", "int8", f"Months of the data year that are {colour}.", unit="months")
            for colour in COLOURS
        ),
        Column(
            "reason",
            "str",
            "Why no month stands out whatever its number: short_history, fewer than 24 reported months; level_shift, "
            "fewer than four months of the data year are on the series' own level.",
            is_nullable=True,
            codes=("short_history", "level_shift"),
        ),
    ),
)

OUTLIER_MONTH = Dataset(
    name="outlier_month",
    description="Colour of every reported month: red and orange too low, blue and brown too high, green neither.",
    source="03 section 5",
    primary_key=("agency_id", "data_year", "month"),
    columns=(
        AGENCY_ID,
        _YEAR,
        _MONTH,
        Column("n_all", "int32", "Offense records of the month.", unit="offenses"),
        Column("colour", "str", "Colour of the month.", codes=COLOURS),
    ),
)

BLOCK_AGENCY = Dataset(
    name="block_agency",
    description="Agencies that give or receive months: their part, the donor model's view of them, and their donor.",
    source="03 sections 6.1 to 6.4",
    primary_key=("agency_id",),
    columns=(
        AGENCY_ID,
        _ORI,
        _STATE,
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
    source="03 sections 6.5 and 6.6",
    primary_key=("agency_id", "month"),
    columns=(
        AGENCY_ID,
        _MONTH,
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
    source="03 sections 6.6 and 7 (donorids)",
    primary_key=("agency_id", "month"),
    columns=(
        Column("agency_id", "int32", "The recipient."),
        _MONTH,
        Column("donor_agency_id", "int32", "The agency whose month is copied."),
        Column("month_flag", "int8", "1 the recipient's month is missing, 2 it is too low.", codes=(1, 2)),
    ),
)

REMOVED_MONTH = Dataset(
    name="removed_month",
    description="Months of the data year whose own incidents and Group B arrests do not count, or only some.",
    source="03 sections 7 and 8",
    primary_key=("agency_id", "month"),
    columns=(
        AGENCY_ID,
        _MONTH,
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
    source="03 sections 7, 8 and 10.2",
    primary_key=("agency_id", "month"),
    partition_key="state_abbr",
    columns=(
        _STATE,
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
    source="03 sections 4 to 8, invariants",
    primary_key=("check",),
    columns=(
        Column("check", "str", "What must hold."),
        Column("n_checked", "int64", "Cases looked at."),
        Column("n_failed", "int64", "Cases in which it does not hold."),
        Column("is_strict", "bool", "A single failure stops the run."),
    ),
)

DATASETS = (
    AGENCY_MONTH,
    REPORTING_PATTERN,
    COMPLETENESS_ISSUE,
    POLICE_EMPLOYEES,
    OUTLIER_AGENCY,
    OUTLIER_MONTH,
    BLOCK_AGENCY,
    BLOCK_MONTH,
    BLOCK_REFERENCE,
    REMOVED_MONTH,
    BLOCK_COUNT,
    BLOCK_CHECK,
)
