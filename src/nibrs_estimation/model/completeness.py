"""Completeness: which months were reported, and the number of offenses in each (handbook 01 and 02)."""

from nibrs_estimation.model.agency import AGENCY
from nibrs_estimation.model.fields import AGENCY_ID, MONTH, STATE, YEAR
from nibrs_estimation.pipeline.dataset import Column, Dataset


def _count(name: str, description: str, *, is_nullable: bool = True) -> Column:
    return Column(name, "int32", description, unit="offenses", is_nullable=is_nullable)


def _pattern_columns() -> tuple[Column, ...]:
    columns: list[Column] = []
    for group, text in OFFENSE_GROUPS.items():
        columns += [
            _count(f"{month}_{group}", f"In the month: {text}; missing if not reported.") for month in MONTH_NAMES
        ]
        columns += [
            _count(f"total_{group}", f"In all reported months: {text}.", is_nullable=False),
            Column(
                f"pattern_{group}",
                "str",
                "Twelve digits, 1 for a reported month, 0 otherwise, as ddd-ddd-ddd-ddd.",
                length=15,
            ),
            Column(
                f"max_missing_run_{group}",
                "int8",
                "Longest run of consecutive months that were not reported.",
                unit="months",
            ),
        ]
    ratios = [f"{month}_ratio_v_p" for month in (*MONTH_NAMES, "total")]
    columns += [Column(r, "float64", "Ratio of violent to property Part I offenses.", is_nullable=True) for r in ratios]
    for month in MONTH_NAMES:
        columns += [
            Column(
                f"{month}_mm_flag",
                "int8",
                "Missing-month flag after repair; see mm_flag of dataset agency_month.",
                codes=(0, 1, 9),
            ),
            Column(
                f"{month}_mm_flag_original",
                "int8",
                "Missing-month flag before repair; missing if not repaired.",
                is_nullable=True,
                codes=(0,),
            ),
            Column(f"{month}_is_flag_repaired", "bool", "True if the flag was 0 although offenses were reported."),
        ]
    return tuple(columns)


MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

#: Groups of offenses whose monthly counts are analyzed (handbook 02), and all records.
OFFENSE_GROUPS = {
    "part1v": "violent Part I offenses",
    "part1p": "property Part I offenses",
    "otherc": "other Group A offenses",
    "all": "all offense records, including justifiable homicides and incidents without an offense",
}

#: Offense codes of the first two groups. 09C is in no group; all other codes are in `otherc`.
PART1V = ("13A", "09A", "09B", "11A", "11B", "11C", "120")

PART1P = ("200", "220", "23A", "23B", "23C", "23D", "23E", "23F", "23G", "23H", "240")

#: The groups whose months are copied from donors.
COPIED_GROUPS = ("part1v", "part1p", "otherc")

#: An agency with fewer reported months is a nonreporter and gets no donor (handbook 02).
MIN_MONTHS_REPORTED = 3

AGENCY_MONTH = Dataset(
    name="agency_month",
    description="Months of each agency, this year and the four before: whether reported, and offenses by group.",
    source="handbook 02",
    primary_key=("agency_id", "data_year", "month"),
    columns=(
        AGENCY_ID,
        YEAR,
        MONTH,
        Column(
            "mm_flag",
            "int8",
            "Missing-month flag. 1: a report exists (incidents or zero report); 0: no report, or before the start of "
            "NIBRS; 9: covered by another agency.",
            codes=(0, 1, 9),
        ),
        Column("is_flag_repaired", "bool", "True if the flag was 0 although offenses were reported."),
        Column(
            "is_reported",
            "bool",
            "True if the month was reported (incidents or zero report); otherwise the counts are missing.",
        ),
        *(
            _count(f"n_{group}", f"Offense segments: {text}; missing where the month was not reported.")
            for group, text in OFFENSE_GROUPS.items()
        ),
    ),
)

REPORTING_PATTERN = Dataset(
    name="reporting_pattern",
    description="Attributes, monthly counts by group of offenses and reporting class of each agency and year.",
    source="handbook 02 (NIBRS_reporting_pattern_with_reta-mm)",
    primary_key=("data_year", "agency_id"),
    columns=(
        *AGENCY.columns,
        Column(
            "is_eligible",
            "bool",
            "True if the agency is active, not covered, not dormant, not federal, and in the 50 states or DC.",
        ),
        Column("nibrs_start_month", "int8", "Month in which the agency started NIBRS.", is_nullable=True),
        Column("nibrs_start_year", "int16", "Year in which the agency started NIBRS.", is_nullable=True),
        Column(
            "county_fips_codes",
            "str",
            "FIPS codes of the agency's counties, sorted, separated by ';'.",
            is_nullable=True,
        ),
        Column("is_covering", "bool", "True if the agency reports for at least one other agency."),
        Column(
            "covering_group_ori",
            "str",
            "ORI of the agency that reports for this agency; otherwise its own ORI.",
            is_nullable=True,
        ),
        Column(
            "covered_population",
            "int32",
            "Population of the agencies for which this agency reports directly.",
            unit="persons",
        ),
        Column(
            "own_population", "int32", "Population of the agency minus that of the agencies it covers.", unit="persons"
        ),
        Column(
            "reporting_class",
            "str",
            "full: twelve months reported; partial: eligible, reports incidents, 3 to 11 months; none: all others.",
            codes=("full", "partial", "none"),
        ),
        Column("months_reported", "int8", "Number of months reported.", unit="months"),
        Column("has_repaired_flag", "bool", "True if at least one missing-month flag was repaired."),
        *_pattern_columns(),
    ),
)

COMPLETENESS_ISSUE = Dataset(
    name="completeness_issue",
    description="Inconsistent months and counts, their number, and the rule that was applied.",
    source="handbook 02",
    primary_key=("issue", "data_year"),
    columns=(
        Column(
            "issue",
            "str",
            "Kind of inconsistency.",
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
        Column("n_rows", "int32", "Number of rows affected.", unit="rows"),
        Column("n_agencies", "int32", "Number of agencies affected.", unit="agencies"),
        Column(
            "first_agency",
            "str",
            "First affected agency, by agency number: its ORI, or its number if the ORI is unknown.",
            is_nullable=True,
        ),
        Column("rule", "str", "Rule that was applied."),
    ),
)

REPORTING_STATUS = Dataset(
    name="reporting_status",
    description="Number of months of the data year that each agency reported.",
    source="handbook 01 and 02",
    primary_key=("agency_id",),
    columns=(
        AGENCY_ID,
        STATE,
        Column(
            "months_reported", "int8", "Number of months reported, with incidents or as zero reports.", unit="months"
        ),
        Column("months_with_incidents", "int8", "Number of months reported with incidents.", unit="months"),
        Column(
            "months_inferred",
            "int8",
            "Number of months without incidents that were counted as zero reports.",
            unit="months",
        ),
        Column("is_full_year", "bool", "True if all twelve months were reported."),
    ),
)

DATASETS = (AGENCY_MONTH, REPORTING_PATTERN, COMPLETENESS_ISSUE, REPORTING_STATUS)
