"""Completeness: which months were reported, and how many offenses each has (handbook 01 and 02)."""

from nibrs_estimation.model.agency import AGENCY
from nibrs_estimation.model.fields import AGENCY_ID, MONTH, STATE, YEAR
from nibrs_estimation.pipeline.dataset import Column, Dataset


def _count(name: str, description: str, *, is_nullable: bool = True) -> Column:
    return Column(name, "int32", description, unit="offenses", is_nullable=is_nullable)


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


MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

#: Groups of offenses whose monthly numbers are followed (handbook 02), and all records together.
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

#: An agency with fewer reported months is a non-reporter, and gets no donor (handbook 02).
MIN_MONTHS_REPORTED = 3

AGENCY_MONTH = Dataset(
    name="agency_month",
    description="Every agency's months of the data year and the four before: whether reported, and offenses by group.",
    source="handbook 02",
    primary_key=("agency_id", "data_year", "month"),
    columns=(
        AGENCY_ID,
        YEAR,
        MONTH,
        Column(
            "mm_flag",
            "int8",
            "1 a report of incidents or of none exists, 0 none, 9 covered by another agency; months before the start "
            "of NIBRS are 0.",
            codes=(0, 1, 9),
        ),
        Column("is_flag_repaired", "bool", "The flag was 0 although offenses were reported."),
        Column("is_reported", "bool", "Reported, with incidents or as empty; else its numbers are missing."),
        *(
            _count(f"n_{group}", f"Offense segments: {text}; missing where the month was not reported.")
            for group, text in OFFENSE_GROUPS.items()
        ),
    ),
)

REPORTING_PATTERN = Dataset(
    name="reporting_pattern",
    description="One row for each agency and year: its attributes, its months by group of offenses, and its class.",
    source="handbook 02 (NIBRS_reporting_pattern_with_reta-mm)",
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
    source="handbook 02",
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
        YEAR,
        Column("n_rows", "int32", "Rows concerned.", unit="rows"),
        Column("n_agencies", "int32", "Agencies concerned.", unit="agencies"),
        Column("first_agency", "str", "The first of them, by number: ORI or, if unknown, number.", is_nullable=True),
        Column("rule", "str", "What was done."),
    ),
)

REPORTING_STATUS = Dataset(
    name="reporting_status",
    description="How many months of the data year each agency reported.",
    source="handbook 01 and 02",
    primary_key=("agency_id",),
    columns=(
        AGENCY_ID,
        STATE,
        Column("months_reported", "int8", "Months reported, with incidents or empty.", unit="months"),
        Column("months_with_incidents", "int8", "Months reported with incidents.", unit="months"),
        Column("months_inferred", "int8", "Empty months that were taken as zero reports.", unit="months"),
        Column("is_full_year", "bool", "All twelve months were reported."),
    ),
)

DATASETS = (AGENCY_MONTH, REPORTING_PATTERN, COMPLETENESS_ISSUE, REPORTING_STATUS)
