"""Contract of the database: the checks of its tables, and samples of the rows that fail (operate: checks)."""

from nibrs_estimation.pipeline.dataset import Column, Dataset

#: What is checked of a table, in this order.
RULES = {
    "table": "the table exists",
    "column": "the column exists",
    "right": "this user may read the column",
    "type": "the column has the declared type",
    "row_count": "the table has rows",
    "null_key": "no column of the primary key is null",
    "key": "no two rows have the same primary key",
    "invalid_value": "every code is in its list",
    "out_of_range": "every number is in its range",
    "reference": "the row that is referred to exists",
}
#: Rows of a failed check in the sample.
SAMPLED = 20

_TABLE = Column("table_name", "str", "Table of the database.")
_COLUMN = Column("column_name", "str", "Column of the table; '' for the whole table.")
_RULE = Column(
    "rule",
    "str",
    "What is checked. " + "; ".join(f"{rule}: {text}" for rule, text in RULES.items()) + ".",
    codes=tuple(RULES),
)
_SOURCE = "docs/operate/checks.md"

CONTRACT_CHECK = Dataset(
    name="contract_check",
    description="Checks of every table of the database against its declaration.",
    source=_SOURCE,
    primary_key=("table_name", "column_name", "rule"),
    columns=(
        _TABLE,
        _COLUMN,
        _RULE,
        Column("severity", "str", "error: the flow stops; warning: it goes on.", codes=("error", "warning")),
        Column("n_rows", "int64", "Rows of the table; missing if unknown.", unit="rows", is_nullable=True),
        Column("observed", "int64", "Number of rows or columns that break the rule; of row_count, the number of rows."),
        Column("comparison", "str", "How observed must compare with threshold.", codes=("<=", ">=")),
        Column("threshold", "int64", "The limit."),
        Column("is_passed", "bool", "Whether the check passed."),
        Column("examples", "str", "Most frequent values that break the rule, separated by commas.", is_nullable=True),
        Column("message", "str", "What is wrong and what to do; missing if it passed.", is_nullable=True),
    ),
)

CONTRACT_SAMPLE = Dataset(
    name="contract_sample",
    description=f"The first {SAMPLED} rows, by key, that break each rule: keys and the value, no personal data.",
    source=_SOURCE,
    primary_key=("table_name", "column_name", "rule", "number"),
    columns=(
        _TABLE,
        _COLUMN,
        _RULE,
        Column("number", "int16", "Number of the row in the sample."),
        Column("record", "str", "Primary key of the row, as column=value."),
        Column("incident_id", "int64", "Incident of the row, if the table says it.", is_nullable=True),
        Column("agency_id", "int32", "Agency of the row, if the table says it.", is_nullable=True),
        Column("data_year", "int16", "Year of the row, if the table says it.", is_nullable=True),
        Column(
            "value",
            "str",
            "The value that breaks the rule, if it is a number or no longer than a code.",
            is_nullable=True,
        ),
    ),
)

DATASETS = (CONTRACT_CHECK, CONTRACT_SAMPLE)
