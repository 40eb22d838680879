"""Tables at the door: checks that name what is wrong, equal bytes for equal content, readers of plain files."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nibrs_estimation.pipeline.dataset import Column, Dataset
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.files import sha256_of
from nibrs_estimation.pipeline.table import find_table, read_table, write_table

PEOPLE = Dataset(
    name="people",
    description="A table.",
    primary_key=("id",),
    columns=(
        Column("id", "int32", "Number."),
        Column("sex", "str", "Code.", is_nullable=True, codes=("M", "F")),
        Column("born", "date", "Day.", is_nullable=True),
        Column("weight", "float64", "Weight.", is_nullable=True),
        Column("is_adult", "bool", "Adult.", is_nullable=True),
    ),
)
GOOD = pl.DataFrame(
    {
        "id": [3, 1, 2],
        "sex": ["M", None, "F"],
        "born": [date(2000, 2, 29), None, date(1999, 1, 1)],
        "weight": [1.5, None, 0.1],
        "is_adult": [True, False, None],
    },
    schema=PEOPLE.schema,
)


@settings(max_examples=30, deadline=None)
@given(order=st.permutations(range(3)), cut=st.integers(0, 3))
def test_order_and_chunks_do_not_show(tmp_path_factory: pytest.TempPathFactory, order: list[int], cut: int) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    shuffled = GOOD[order]
    write_table(GOOD, PEOPLE, folder / "a.parquet")
    write_table(pl.concat([shuffled[:cut], shuffled[cut:]], rechunk=False), PEOPLE, folder / "b.parquet")
    assert sha256_of(folder / "a.parquet") == sha256_of(folder / "b.parquet")
    assert read_table([folder / "b.parquet"], PEOPLE).collect().equals(GOOD.sort("id"))


def changed(**columns: list[object]) -> pl.DataFrame:
    return GOOD.with_columns(pl.Series(name, values, dtype=PEOPLE.schema[name]) for name, values in columns.items())


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (changed(id=[1, 2, 2]), r"repeat a primary key, the first with id 2"),
        (changed(id=[1, None, 2]), r"column id: None is missing"),
        (changed(sex=["M", "X", "F"]), r"column sex: 'X' is not one of M, F \(1 rows, the first with id 1\)"),
        (changed(weight=[1.0, float("nan"), 2.0]), r"column weight: nan is not a finite number"),
        (changed(weight=[1.0, float("inf"), 2.0]), r"column weight: inf is not a finite number"),
        (GOOD.drop("sex"), "sex is missing"),
        (GOOD.with_columns(pl.col("id").cast(pl.Int64)), "id is Int64 instead of Int32"),
        (GOOD.with_columns(extra=1), "extra is not declared"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_written(table: pl.DataFrame, message: str, tmp_path: Path) -> None:
    path = tmp_path / "people.parquet"
    write_table(GOOD, PEOPLE, path)
    before = path.read_bytes()
    with pytest.raises(PipelineError, match=message):
        write_table(table, PEOPLE, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["people.parquet"]


def test_forms_of_a_dataset(tmp_path: Path) -> None:
    assert find_table(tmp_path, PEOPLE) == []
    (tmp_path / "people").mkdir()
    with pytest.raises(PipelineError, match="contains neither"):
        find_table(tmp_path, PEOPLE)
    write_table(GOOD.filter(id=1), PEOPLE, tmp_path / "people" / "b.parquet")
    write_table(GOOD.filter(pl.col("id") > 1), PEOPLE, tmp_path / "people" / "a.parquet")
    files = find_table(tmp_path, PEOPLE)
    assert [file.name for file in files] == ["a.parquet", "b.parquet"]
    assert read_table(files, PEOPLE).sort("id").collect().equals(GOOD.sort("id"))
    (tmp_path / "people.csv").write_text("id\n")
    with pytest.raises(PipelineError, match=r"more than once in .*: people.csv, people"):
        find_table(tmp_path, PEOPLE)


def test_csv_gives_the_same_table(tmp_path: Path) -> None:
    GOOD.write_csv(tmp_path / "people.csv")
    assert read_table([tmp_path / "people.csv"], PEOPLE).collect().equals(GOOD)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "id,sex,born,weight,is_adult\n1,M,2000-01-01,2.5,true\nx,,,,\n",
            r"line 3, column id: 'x' is not of type int32",
        ),
        ("id,sex,born,weight,is_adult\n1,M,01.02.2000,,\n", r"line 2, column born: '01.02.2000' is not of type date"),
        ("id,sex,born,weight,is_adult\n1,M,,,perhaps\n", r"line 2, column is_adult: 'perhaps' is not of type bool"),
        ("id,sex,born\n1,M,\n", r"does not have the columns weight, is_adult"),
    ],
)
def test_wrong_csv_is_told_by_line_and_column(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(text)
    with pytest.raises(PipelineError, match=message):
        read_table([path], PEOPLE).collect()


def test_file_that_is_no_parquet_is_told(tmp_path: Path) -> None:
    path = tmp_path / "people.parquet"
    path.write_text("not parquet")
    with pytest.raises(PipelineError, match="cannot be read as Parquet"):
        read_table([path], PEOPLE)
