"""Summary counts (Return A): what incidents count for, and the reports of agencies with their completed year.

Source: handbook 16.
"""

from nibrs_estimation.model.codes import labels
from nibrs_estimation.model.fields import AGENCY_ID, MONTH, OF_AGENCY, ORI, STATE, YEAR
from nibrs_estimation.model.return_a_file import ACTUAL, CARDS, ITEMS
from nibrs_estimation.pipeline.dataset import Column, Dataset

#: Offenses in the order of the hierarchy rule: an incident counts for the first that it has.
FAMILIES: dict[str, tuple[str, ...]] = {
    "murder": ("09A",),
    "manslaughter": ("09B",),
    "rape": ("11A", "11B", "11C"),
    "robbery": ("120",),
    "aggravated_assault": ("13A",),
    "burglary": ("220",),
    "vehicle_theft": ("240",),
    "larceny": ("23A", "23B", "23C", "23D", "23E", "23F", "23G", "23H"),
    "simple_assault": ("13B", "13C"),
}
#: Until this data year rape is counted by its legacy definition: women and girls, by force.
LAST_LEGACY_YEAR = 2014
LEGACY_RAPE = ("11A",)
#: Victims of human trafficking, which are counted outside of the hierarchy, and only for grants.
TRAFFICKING = {29: "64A", 30: "64B"}

_COUNTED = (
    Column("state_abbr", STATE.type, STATE.description, code_list=STATE.code_list, length=2),
    OF_AGENCY,
    MONTH,
)

INCIDENT_SUMMARY = Dataset(
    name="incident_summary",
    description="Offenses of an agency by month, as a summary report counts its incidents: by the hierarchy rule.",
    source="handbook 16",
    primary_key=("agency_id", "month", "item_code"),
    partition_key="state_abbr",
    columns=(
        *_COUNTED,
        Column("item_code", "int8", "Line of the Return A, 0 to 25.", codes=tuple(range(26)), code_list="srs_item"),
        Column("n", "int32", "Number of actual offenses.", unit="offenses"),
    ),
)

UNRANKED_SUMMARY = Dataset(
    name="unranked_summary",
    description="Offenses of an agency by month as lines of the Return A, every offense of an incident by itself.",
    source="handbook 16",
    primary_key=("agency_id", "month", "item_code"),
    partition_key="state_abbr",
    columns=(
        *_COUNTED,
        Column(
            "item_code",
            "int8",
            "Line of the Return A, 0 to 20; 29 and 30: victims of sex and of labor trafficking, which have no line.",
            codes=(*range(21), *TRAFFICKING),
        ),
        Column("n", "int32", "Number of offenses.", unit="offenses"),
    ),
)

#: Measure -> what it counts.
MEASURES = {
    "incidents": "incidents of the data year",
    "before_start": "of these, incidents of months before the agency started NIBRS, which are left out",
    "without_family": "incidents without an offense of the hierarchy",
    "counted": "incidents that count at least one offense",
    "counted_nothing": "incidents whose highest offense lacks what its count needs; lower offenses do not count either",
    "vehicular_manslaughter": "incidents whose negligent manslaughter is a traffic death, and is left out",
    "fewer_vehicles": "incidents with fewer stolen vehicles than kinds of them; the difference is taken as 0",
}
CONVERSION_ACCOUNT = Dataset(
    name="conversion_account",
    description="Incidents by what the hierarchy rule made of them; the first is the sum of before_start, "
    "without_family, counted and counted_nothing.",
    source="handbook 16",
    primary_key=("measure",),
    partition_key="state_abbr",
    columns=(
        _COUNTED[0],
        Column(
            "measure",
            "str",
            "; ".join(f"{name}: {text}" for name, text in MEASURES.items()) + ".",
            codes=tuple(MEASURES),
        ),
        Column("n", "int64", "Number of incidents.", unit="incidents"),
    ),
)

#: Lines of rape by its legacy definition: total, by force, attempted; they correspond to lines 2, 3 and 4.
LEGACY_LINES = (26, 27, 28)


def _lines(items: tuple[int, ...], type_: str, what: str) -> tuple[Column, ...]:
    label_of = labels("srs_item")
    return tuple(
        Column(f"item_{item}", type_, f"{label_of[str(item)]}{what}", unit="offenses", is_nullable=True)
        for item in items
    )


_WITHIN = Column("is_within_another", "bool", "True if the month's offenses stand in the report of another month.")

RETURN_A_CARD = Dataset(
    name="return_a_card",
    description="Return A by card as a Return A master file has it: actual, unfounded and cleared offenses.",
    source="docs/return-a-file.md",
    primary_key=("agency_id", "data_year", "month", "card"),
    absence="Return A has actual offenses only, without those that were cleared.",
    columns=(
        OF_AGENCY,
        YEAR,
        MONTH,
        Column("card", "int8", "Card, as in return_a_count.", codes=CARDS),
        _WITHIN,
        *_lines(ITEMS, "int32", "; missing if the card does not tell."),
    ),
)

RETA_MM = Dataset(
    name="reta_mm",
    description="Months and lines of Return A from a RETA-MM file, which take the place of those of the source.",
    source="docs/external-files.md; handbook 16",
    primary_key=("agency_id", "data_year", "month"),
    absence="Return A is that of the source.",
    columns=(
        OF_AGENCY,
        YEAR,
        MONTH,
        Column("is_reported", "bool", "True if the month was reported (flag 1 or 9)."),
        *_lines(ITEMS, "int32", "; missing if the file has no such column."),
        *_lines(LEGACY_LINES, "int32", "; missing if the file has no such column."),
    ),
)

SUMMARY_REPORT = Dataset(
    name="summary_report",
    description="Return A of the data year in one form, whatever the source: a row for each reported month and card.",
    source="handbook 16",
    primary_key=("agency_id", "month", "card"),
    columns=(
        OF_AGENCY,
        MONTH,
        Column(
            "card",
            "int8",
            f"{ACTUAL} actual offenses; 0 unfounded, 2 cleared, 3 cleared by arrests of persons under 18, which only "
            "Return A master files have.",
            codes=CARDS,
        ),
        _WITHIN,
        *_lines(ITEMS, "int32", "; corrections may be negative; missing if the card does not tell."),
        *_lines(LEGACY_LINES, "int32", "; missing if the source does not tell."),
    ),
)

#: Origin of a month's counts -> what it is.
ORIGINS = {
    "incidents": "converted incidents as reported",
    "filled": "converted incidents, what fills the month included",
    "return_a": "the agency's Return A",
}
SUMMARY_MONTH = Dataset(
    name="summary_month",
    description="Summary counts of eligible agencies by month, before Return A is filled: respondents with incidents "
    "have all twelve months, other agencies those of their Return A.",
    source="handbook 16",
    primary_key=("agency_id", "month"),
    columns=(
        OF_AGENCY,
        MONTH,
        Column(
            "origin", "str", "; ".join(f"{name}: {text}" for name, text in ORIGINS.items()) + ".", codes=tuple(ORIGINS)
        ),
        _WITHIN,
        *_lines(ITEMS, "float64", "."),
    ),
)

SUMMARY_AGENCY = Dataset(
    name="summary_agency",
    description="Eligible agencies: where their summary counts come from, which months are known, and what fills the "
    "rest.",
    source="handbook 16",
    primary_key=("agency_id",),
    columns=(
        AGENCY_ID,
        ORI,
        STATE,
        Column(
            "origin",
            "str",
            "incidents: converted incidents; return_a: Return A; missing: no report of the year.",
            is_nullable=True,
            codes=("incidents", "return_a"),
        ),
        Column("months_reported", "int8", "Months with a Return A, or twelve of converted incidents.", unit="months"),
        Column("months_known", "int8", "Of these, known months; twelve of converted incidents.", unit="months"),
        Column("is_full_year", "bool", "True if all twelve months are known, or the incidents are completed."),
        Column("is_respondent", "bool", "True if the agency's counts are used: three known months or more."),
        Column("known_share", "float64", "Share of a normal year's offenses in the known months, S."),
        Column("own_weight", "float64", "Weight w of own months in what is filled.", is_nullable=True),
        Column("donor_agency_id", "int32", "The agency's donor.", is_nullable=True),
        Column("n_reported", "float64", "Part I offenses and simple assaults that were reported.", unit="offenses"),
        Column("n_completed", "float64", "The same in the completed year.", unit="offenses"),
    ),
)

SUMMARY_YEAR = Dataset(
    name="summary_year",
    description="Summary counts of respondents in the year: as reported, and completed.",
    source="handbook 16",
    primary_key=("agency_id", "item_code"),
    columns=(
        AGENCY_ID,
        Column("item_code", "int8", "Line of the Return A, 0 to 25.", codes=ITEMS, code_list="srs_item"),
        Column("reported", "float64", "Offenses as reported, incidents without what fills months.", unit="offenses"),
        Column("completed", "float64", "Offenses of the completed year.", unit="offenses"),
    ),
)

_ISSUE = (
    Column("issue", "str", "Kind of fault."),
    Column("n_rows", "int32", "Number of rows affected.", unit="rows"),
    Column("n_agencies", "int32", "Number of agencies affected.", unit="agencies"),
    Column("first_agency", "str", "First affected agency: its ORI; its number if that is unknown.", is_nullable=True),
    Column("rule", "str", "Rule that was applied."),
)
REPORT_ISSUE = Dataset(
    name="report_issue",
    description="Faults of Return A as it was received, their number, and the rule that was applied.",
    source="handbook 16",
    primary_key=("issue",),
    columns=_ISSUE,
)
SUMMARY_ISSUE = Dataset(
    name="summary_issue",
    description="Faults of the completed year of summary counts, their number, and the rule that was applied.",
    source="handbook 16",
    primary_key=("issue",),
    columns=_ISSUE,
)

CONVERSION_DIFFERENCE = Dataset(
    name="conversion_difference",
    description="Months and lines in which converted incidents and the Return A of the same agency differ.",
    source="handbook 16",
    primary_key=("agency_id", "month", "item_code"),
    columns=(
        AGENCY_ID,
        ORI,
        STATE,
        MONTH,
        Column("item_code", "int8", "Line of the Return A, 0 to 25.", codes=ITEMS, code_list="srs_item"),
        Column("n_return_a", "int32", "Offenses in the Return A.", unit="offenses"),
        Column("n_converted", "int32", "Offenses in the converted incidents.", unit="offenses"),
    ),
)

INCIDENT_RESPONSE = Dataset(
    name="incident_response",
    description="Eligible agencies: whether their incidents are enough for estimates, by the rule of the incident "
    "estimates.",
    source="handbook 06 and 16",
    primary_key=("agency_id",),
    columns=(
        AGENCY_ID,
        Column("months_usable", "int8", "Months of incidents without low outliers.", unit="months"),
        Column("is_full_year", "bool", "True if all twelve months were reported."),
        Column(
            "nonresponse_reason", "str", "First rule that the agency fails; missing for respondents.", is_nullable=True
        ),
        Column("is_respondent", "bool", "True if its converted incidents are used instead of its Return A."),
    ),
)

DATASETS = (
    INCIDENT_SUMMARY,
    UNRANKED_SUMMARY,
    CONVERSION_ACCOUNT,
    RETURN_A_CARD,
    RETA_MM,
    SUMMARY_REPORT,
    REPORT_ISSUE,
    CONVERSION_DIFFERENCE,
    INCIDENT_RESPONSE,
    SUMMARY_MONTH,
    SUMMARY_AGENCY,
    SUMMARY_YEAR,
    SUMMARY_ISSUE,
)
#: Datasets that a source or an external file may give.
OPTIONAL = (RETURN_A_CARD, RETA_MM)
