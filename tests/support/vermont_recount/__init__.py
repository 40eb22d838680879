"""Counts of every table for one state of the public files, in SQL written beside the reference's description.

The SQL files run in the order of their numbers: records decoded from the CSV files, offense lists and columns,
attributes of units, then the units and rows of each family of tables. Nothing of the package is used.
"""

import tempfile
import zipfile
from itertools import product
from pathlib import Path

import duckdb
import polars as pl

HERE = Path(__file__).parent
SCHEMA = {"table_name": pl.String, "row": pl.Int64, "column": pl.Int64, "n": pl.Int64}


def recount(zip_path: Path) -> pl.DataFrame:
    """Cells with any unit: table_name, row, column, n; rows of rates are absent."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        with zipfile.ZipFile(zip_path) as archive:
            archive.extractall(folder)
        connection.execute("CREATE SCHEMA raw")
        for file in sorted(Path(folder).rglob("*.csv")):
            connection.execute(
                f'CREATE TABLE raw."{file.stem.lower()}" AS '
                "SELECT * FROM read_csv($file, all_varchar = true, header = true, delim = ',', quote = '\"')",
                {"file": str(file)},
            )
        for script in sorted(HERE.glob("*.sql"), key=lambda path: int(path.stem.partition("_")[0])):
            connection.execute(script.read_text(encoding="utf-8"))
        return pl.DataFrame(connection.fetchall(), schema=SCHEMA, orient="row")


GROUP_B_COLUMNS = [*range(51, 61), 62]  # family offenses to all other offenses, and total arrests
#: Rows, and columns with Group B: all of GB1, which has nothing else; rates stand in no recount.
UNTOLD = {
    "5a": (range(1, 81), GROUP_B_COLUMNS),
    "5b": (range(1, 40), GROUP_B_COLUMNS),
    "GB1": ([1, *range(3, 61)], range(1, 15)),
}


def untold() -> set[tuple[str, int, int]]:
    """Cells (table_name, row, column) that the public files tell of whole states alone: Group B names no agency."""
    return {(table, row, column) for table, (rows, columns) in UNTOLD.items() for row, column in product(rows, columns)}
