"""Rows read, rows set aside, and information that a source lacks: accounts that every source provides.

For each table of a source ``rows_read = rows_kept + rows_quarantined + rows_dropped``.
Source: docs/develop/adding-a-source.md.
"""

from nibrs_estimation.pipeline.dataset import Column, Dataset

#: A file with this name in a zip or folder marks its rows as synthetic.
SYNTHETIC_MEMBER = "SYNTHETIC.txt"

_STATE = Column("state_abbr", "str", "UCR state abbreviation.", code_list="state")
_INPUT = Column("input_name", "str", "Name of the input file or database.")
_TABLE = Column("input_table", "str", "Table of the input, or file in the zip, such as nibrs_victim.")

REASONS = {
    "orphan": "its parent row is missing or was set aside",
    "duplicate": "an identical row precedes it",
    "conflict": "another row with the same key has different values",
    "impossible_date": "the date does not exist or is far from the data year",
    "out_of_range": "the number is outside its possible range",
    "unknown_code": "the code is in no code list",
    "missing_value": "a required value is missing",
    "wrong_record": "the line does not have the length or the first character of a record",
    "not_a_number": "the field is not a number",
    "other_year": "the record is of another year than the file",
    "other_agency": "its ORI is of another agency than the header before it",
    "two_states": "the ORI has headers of two states; that of the state of its first two letters is used",
}

#: What the user can do about a row or value that was set aside, by reason.
REMEDIES = {
    "orphan": "Use the whole input, with the parent row.",
    "duplicate": "Nothing: the identical row before it is used.",
    "conflict": "Ask the publisher which of the rows is right, and remove the other.",
    "impossible_date": "Ask the publisher for the right date.",
    "out_of_range": "Ask the publisher for the right number.",
    "unknown_code": "Compare the code with the publisher's code list. Correct it, or add it to this program's list.",
    "missing_value": "Ask the publisher for the value.",
    "wrong_record": "Download the file again. If the line is still the same, ask the publisher for the whole record.",
    "not_a_number": "Download the file again. If the field is still the same, ask the publisher for the right number.",
    "other_year": "Move the record to the file of its year.",
    "other_agency": "Download the file again: a header is missing, or the lines were put in another order.",
    "two_states": "Ask the publisher which of the headers is right.",
}

INTAKE_FILE = Dataset(
    name="intake_file",
    description="Input files or databases.",
    source="docs/develop/adding-a-source.md",
    primary_key=("input_name", "state_abbr"),
    columns=(
        _INPUT,
        Column("state_abbr", "str", "UCR state abbreviation; US for a database.", code_list="state"),
        Column("data_year", "int16", "Data year of the file; for a database, its last data year."),
        Column(
            "layout",
            "str",
            "Layout of the input: cde_2016_first_issue, cde_2016_2020, cde_2021, nibrs_master, return_a, ucr_prd or "
            "synthetic.",
            codes=(
                "cde_2016_first_issue",
                "cde_2016_2020",
                "cde_2021",
                "nibrs_master",
                "return_a",
                "ucr_prd",
                "synthetic",
            ),
        ),
        Column(
            "use",
            "str",
            "incidents: incidents of the data year; history: counts of an earlier year; summary: monthly counts.",
            codes=("incidents", "history", "summary"),
        ),
        Column("is_excerpt", "bool", "True if files are missing from the zip and the user allowed it (--partial)."),
        Column("sha256", "str", "SHA-256 checksum of the file, or fingerprint of the database."),
    ),
)

INTAKE_COUNT = Dataset(
    name="intake_count",
    description="Numbers of rows read, kept, quarantined and dropped, by input table.",
    source="docs/develop/adding-a-source.md",
    primary_key=("state_abbr", "input_name", "input_table"),
    partition_key="state_abbr",
    absence="The report does not say how many rows were set aside.",
    columns=(
        _STATE,
        _INPUT,
        _TABLE,
        Column("dataset", "str", "Name of the dataset that receives the rows."),
        Column("rows_read", "int64", "Number of rows in the input table.", unit="rows"),
        Column("rows_kept", "int64", "Number of rows kept in the dataset.", unit="rows"),
        Column("rows_quarantined", "int64", "Number of faulty rows, which are in dataset quarantine.", unit="rows"),
        Column(
            "rows_dropped", "int64", "Number of rows left out because they are blank or of another year.", unit="rows"
        ),
        Column(
            "values_quarantined",
            "int64",
            "Number of faulty values of kept rows, which were set to missing.",
            unit="values",
        ),
        Column(
            "rows_other_year",
            "int64",
            "Number of kept rows with a date outside the data year of the file.",
            unit="rows",
        ),
    ),
)

QUARANTINE = Dataset(
    name="quarantine",
    description="Faulty rows, and faulty values of kept rows, with the reason.",
    source="docs/develop/adding-a-source.md",
    primary_key=("state_abbr", "input_name", "input_table", "record", "column_name"),
    partition_key="state_abbr",
    columns=(
        _STATE,
        _INPUT,
        _TABLE,
        Column("record", "str", "Location of the row: line of the file, or key of the row."),
        Column(
            "column_name",
            "str",
            "Name of the faulty column, with its positions in a record of fixed width; '' if the whole row is faulty.",
        ),
        Column(
            "reason",
            "str",
            "Reason. " + "; ".join(f"{code}: {text}" for code, text in REASONS.items()) + ".",
            codes=tuple(REASONS),
        ),
        Column("value", "str", "The faulty value.", is_nullable=True),
        Column("is_row", "bool", "True if the whole row was set aside; false if only the value was set to missing."),
        Column("remedy", "str", "What the user can do about it."),
    ),
)

LOSSES = {
    "no_agency": "Group B arrests name no agency: they count unweighted in nation, regions and states; cells that need "
    "the agency are missing",
    "no_zero_months": "months without incidents cannot be distinguished from months without a report: they count as "
    "zero reports",
    "no_circumstances": "circumstances of homicides and assaults are missing, except for justifiable force",
    "no_universe": "agencies that reported nothing are not listed",
    "no_srs": "there are no monthly summary counts",
    "no_covered_months": "there is no information on which agency covers another in which month",
    "no_group_b": "there are no Group B arrests",
    "missing_table": "the excerpt lacks this table, so its dataset is empty",
    "no_history": "months and counts of earlier years are missing",
    "no_child": "rows lack a required row in another table: totals that need both tables are too low",
    "empty_table": "the table has no rows although its parent table has: its information counts as not reported",
    "no_areas": "type, county and metropolitan area of most agencies are missing: the type is inferred",
    "agency_in_conflict": "an agency has several different rows: they are combined into one",
    "participation_in_conflict": "a flag says that an agency did not participate, but other flags or incidents differ",
    "odd_officers": "an agency has more than 50 officers per 1,000 residents: listed, not changed",
    "multiple_clearance_arrests": "the arrests include arrestees who are counted in another incident",
    "short_ori": "agencies are identified by the first seven characters of their ORI: 00 is assumed for the last two",
    "no_details": "cards have totals without details: the details are missing, not 0",
    "null_text": "the word NULL is used for a missing value and is read as missing",
    "zeros_restored": "codes lack their leading zeros, which were restored",
    "code_without_row": "records have a code that is in no code list: they count in totals only",
    "windows": "records of incidents of other years (windows) are counted and left out",
    "outside_states": "records of agencies outside the fifty states and the District of Columbia are left out",
    "headers_out_of_order": "headers are not in the order of their states and ORIs, so the file was cut or sorted",
    "months_in_conflict": "a header states this number of months and marks another: the marks are used",
    "unmarked_month": "a month has incidents although the header does not mark it: it counts as reported",
    "repeated_codes": "a record has a code twice: it counts once",
    "no_county": "agencies whose header does not have the codes of all their counties are in no county",
    "no_age_ranges": "ranges of ages are missing: only an age in years is told",
    "no_employees": "numbers of police employees are missing",
    "suspicious_gap": "an agency with many incidents per month has a month without incidents: listed, not changed",
}

INTAKE_LOSS = Dataset(
    name="intake_loss",
    description="Information that the input lacks (by its layout, or as an excerpt), and suspicious data.",
    source="docs/develop/adding-a-source.md",
    primary_key=("state_abbr", "input_name", "loss", "subject"),
    partition_key="state_abbr",
    absence="The report does not list the information that the source lacks.",
    columns=(
        _STATE,
        _INPUT,
        Column("loss", "str", "; ".join(f"{code}: {text}" for code, text in LOSSES.items()) + ".", codes=tuple(LOSSES)),
        Column("subject", "str", "Dataset, table, or agency and month affected."),
        Column("n", "int64", "Number of rows affected; missing if it is unknown.", unit="rows", is_nullable=True),
    ),
)

#: Categories of crimes by what they are against, as spelled in the lookup tables of the input.
AGAINST = ("Person", "Property", "Society")

NEW_OFFENSE = Dataset(
    name="new_offense",
    description="Group A offense codes of the input that are not in code list offense: they count in totals only.",
    source="the input's own lookup of offenses, such as NIBRS_OFFENSE_TYPE.csv",
    primary_key=("state_abbr", "offense_code"),
    partition_key="state_abbr",
    absence="Offenses with codes that are in no code list count in no total.",
    columns=(
        _STATE,
        Column("offense_code", "str", "NIBRS offense code that is not in code list offense."),
        Column("crime_against", "str", "What the crime is against, from the lookup table of the input.", codes=AGAINST),
    ),
)

DATASETS = (INTAKE_FILE, INTAKE_COUNT, QUARANTINE, INTAKE_LOSS, NEW_OFFENSE)
PARTITIONED = (INTAKE_COUNT, QUARANTINE, INTAKE_LOSS, NEW_OFFENSE)
