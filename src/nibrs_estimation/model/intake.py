"""What was read, what was set aside, and what a source cannot tell: accounts that every source delivers.

For each table of a source ``rows_read = rows_kept + rows_quarantined + rows_dropped``.
Source: docs/develop/adding-a-source.md.
"""

from nibrs_estimation.pipeline.dataset import Column, Dataset

#: A file of this name in a zip or folder says that its rows were made up.
SYNTHETIC_MEMBER = "SYNTHETIC.txt"

_STATE = Column("state_abbr", "str", "UCR state abbreviation.", code_list="state")
_INPUT = Column("input_name", "str", "Name of the file or database that was read.")
_TABLE = Column("input_table", "str", "Its table or member, such as nibrs_victim.")

REASONS = {
    "orphan": "its parent row is missing or was set aside",
    "duplicate": "an equal row stands before it",
    "conflict": "another row with the same key says otherwise",
    "impossible_date": "the date is not on the calendar or far from the data year",
    "out_of_range": "the number is outside what it can be",
    "unknown_code": "the code is in no list",
    "missing_value": "a value is missing without which the row means nothing",
    "wrong_record": "the line is not as long as a record, or begins otherwise",
    "not_a_number": "something else stands where a number belongs",
    "other_year": "the record is of another year than the file",
}

#: What the user can do about a row or value that was set aside for a reason.
REMEDIES = {
    "orphan": "Use the whole input: the parent row must stand in it.",
    "duplicate": "Nothing: the equal row before it is used.",
    "conflict": "Ask the publisher which of the rows is right, and remove the other.",
    "impossible_date": "Ask the publisher for the right date.",
    "out_of_range": "Ask the publisher for the right number.",
    "unknown_code": "Compare the code with the publisher's code list: add it to this program's list, or correct it.",
    "missing_value": "Ask the publisher for the value.",
    "wrong_record": "Download the file again; if the line stays so, ask the publisher for the whole record.",
    "not_a_number": "Download the file again; if the field stays so, ask the publisher for the right number.",
    "other_year": "Put the record into the file of its year.",
}

INTAKE_FILE = Dataset(
    name="intake_file",
    description="The files or databases that were read.",
    source="docs/develop/adding-a-source.md",
    primary_key=("input_name", "state_abbr"),
    columns=(
        _INPUT,
        Column("state_abbr", "str", "UCR state abbreviation, or US.", code_list="state"),
        Column("data_year", "int16", "Its data year; the last one of a database."),
        Column(
            "layout",
            "str",
            "cde_2016_first_issue, cde_2016_2020, cde_2021, return_a, ucr_prd or synthetic.",
            codes=("cde_2016_first_issue", "cde_2016_2020", "cde_2021", "return_a", "ucr_prd", "synthetic"),
        ),
        Column(
            "use",
            "str",
            "incidents: of the data year; history: counts of a year before; summary: monthly counts of agencies.",
            codes=("incidents", "history", "summary"),
        ),
        Column("is_excerpt", "bool", "Members are missing, as the user allowed."),
        Column("sha256", "str", "Checksum of the file, or the database's fingerprint."),
    ),
)

INTAKE_COUNT = Dataset(
    name="intake_count",
    description="Rows read, kept, quarantined and dropped, by input table.",
    source="docs/develop/adding-a-source.md; section 12.4 step 12",
    primary_key=("state_abbr", "input_name", "input_table"),
    partition_key="state_abbr",
    absence="The report does not say how many rows were set aside.",
    columns=(
        _STATE,
        _INPUT,
        _TABLE,
        Column("dataset", "str", "The dataset that receives the rows."),
        Column("rows_read", "int64", "Rows of the table.", unit="rows"),
        Column("rows_kept", "int64", "Rows in the dataset.", unit="rows"),
        Column("rows_quarantined", "int64", "Rows set aside as faulty, in dataset quarantine.", unit="rows"),
        Column(
            "rows_dropped", "int64", "Rows left out for they are not asked for: blank, or another year.", unit="rows"
        ),
        Column("values_quarantined", "int64", "Values of kept rows that were blanked as faulty.", unit="values"),
        Column("rows_other_year", "int64", "Kept rows dated outside the data year of their file.", unit="rows"),
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
        Column("record", "str", "Where it stands: a line of a file, or the key of a row."),
        Column(
            "column_name",
            "str",
            "The faulty column, with its positions in the record if they are fixed; '' for the row as such.",
        ),
        Column(
            "reason",
            "str",
            "Why: " + "; ".join(f"{code}: {text}" for code, text in REASONS.items()) + ".",
            codes=tuple(REASONS),
        ),
        Column("value", "str", "What stood there.", is_nullable=True),
        Column("is_row", "bool", "The whole row was set aside, not only the value blanked."),
        Column("remedy", "str", "What the user can do about it."),
    ),
)

LOSSES = {
    "no_agency": "Group B arrests name no agency: nation, regions and states have them as reported, without weights; "
    "where the agency is needed, there is no value",
    "no_zero_months": "empty months are not told from months without report: they are inferred to be zero reports",
    "no_circumstances": "circumstances of homicides and assaults are lost but for justifiable force",
    "no_universe": "agencies that reported nothing are not listed",
    "no_srs": "there are no monthly summary counts",
    "no_covered_months": "which agency covers another in which month is not told",
    "no_group_b": "there are no Group B arrests",
    "missing_table": "the excerpt lacks this table: its dataset is empty",
    "no_history": "months and counts of the years before are missing",
    "no_child": "rows lack the row of another table that each must have: totals that need both are too low by them",
    "empty_table": "the table has no rows, though the table above it has: what it tells counts as never reported",
    "no_areas": "of most agencies neither kind nor county nor metropolitan area is told: the kind is inferred",
    "agency_in_conflict": "an agency stands in several rows that differ: they are joined by what they mean",
    "participation_in_conflict": "an agency's flag denies a participation that its other flags or its incidents show",
    "odd_officers": "an agency counts more than 50 officers for 1,000 residents: listed, not acted on",
    "multiple_clearance_arrests": "arrestees who were counted with another incident are among the arrests",
    "short_ori": "agencies are named by the first seven characters of their ORI: 00 is taken as the last two",
    "no_details": "months have totals without details: the details are missing, not 0",
    "null_text": "the word NULL stands for a missing value and is read as one",
    "zeros_restored": "codes lack their leading zeros, which are restored",
    "code_without_row": "records hold a code that no code list has: they count in totals, but in no row of their own",
    "suspicious_gap": "an agency with many incidents a month has an empty month: listed, not acted on",
}

INTAKE_LOSS = Dataset(
    name="intake_loss",
    description="What the input cannot tell, by its layout or because it is an excerpt; and gaps that look suspicious.",
    source="docs/develop/adding-a-source.md",
    primary_key=("state_abbr", "input_name", "loss", "subject"),
    partition_key="state_abbr",
    absence="The report does not say what the source cannot tell.",
    columns=(
        _STATE,
        _INPUT,
        Column("loss", "str", "; ".join(f"{code}: {text}" for code, text in LOSSES.items()) + ".", codes=tuple(LOSSES)),
        Column("subject", "str", "The dataset, table or agency and month that it concerns."),
        Column("n", "int64", "Rows concerned, where they can be counted.", unit="rows", is_nullable=True),
    ),
)

#: What a crime may be against, as the lookups of the input write it.
AGAINST = ("Person", "Property", "Society")

NEW_OFFENSE = Dataset(
    name="new_offense",
    description="Group A offense codes of the input that code list offense does not have: they count in totals alone.",
    source="data dictionary",
    primary_key=("state_abbr", "offense_code"),
    partition_key="state_abbr",
    absence="Offenses of codes that no code list has count in no total.",
    columns=(
        _STATE,
        Column("offense_code", "str", "NIBRS offense code that is newer than code list offense."),
        Column("crime_against", "str", "What it is against, by the input's own lookup.", codes=AGAINST),
    ),
)

DATASETS = (INTAKE_FILE, INTAKE_COUNT, QUARANTINE, INTAKE_LOSS, NEW_OFFENSE)
PARTITIONED = (INTAKE_COUNT, QUARANTINE, INTAKE_LOSS, NEW_OFFENSE)
