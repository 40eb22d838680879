"""The final estimates in the reference's folders and files."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import polars as pl
import pytest
from tests.support.estimated import estimates, with_suppressed_place, write_run
from tests.support.frames import DATASETS

from nibrs_estimation.cli.final_files import write_final_files
from nibrs_estimation.model.final_estimates import FINAL, UPPER_CASE
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.table import write_table
from nibrs_estimation.reading.runs import required_run
from nibrs_estimation.tables.read import table_definition, table_definitions


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("final")
    write_run(folder / "scratch", "us")
    for name, frame in with_suppressed_place(estimates(), 102).items():
        if name in ("coverage", "geography_quality"):
            write_table(frame, DATASETS[name], folder / f"scratch/us/all/datasets/{name}.parquet")
    tables: list[int] = []
    n_files = write_final_files(required_run(folder / "scratch", "us"), folder, lambda _n, total: tables.append(total))
    found = [path for name in ("final-estimates", "validation_inputs") for path in (folder / name).rglob("*.csv")]
    assert len(found) == n_files
    assert len(tables) == tables[0] == len(table_definitions())
    return folder / "final-estimates"


def read(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema_length=None)


def test_columns_and_numbers(written: Path) -> None:
    (path,) = written.glob("Indicator_Tables/*/*/Indicator_Tables_1_1a.csv")
    rows = read(path)
    upper = set(UPPER_CASE)
    assert rows.columns == [name.upper() if name in upper else name for name in FINAL.schema.names()]
    assert len(rows.columns) == 39
    violent = rows.filter((pl.col("der_variable_name") == "t_1a_1_1_17") & (pl.col("estimate_type") == "count"))
    assert violent["estimate"].to_list() == [9000.0]
    assert violent["PERMUTATION_NUMBER"].to_list() == [1]
    # Zero cells are rows, too; cells that are never estimated are -9.
    assert (rows["estimate"] == 0).any()
    injury_of_murder = rows.filter(pl.col("der_variable_name").str.contains(r"^t_1a_\d+_11_5$"))
    assert set(injury_of_murder["estimate"]) == {-9.0}
    assert set(injury_of_murder["suppression_flag_indicator"]) == {None}


def test_offenses_that_are_dropped_and_renamed(written: Path) -> None:
    (path,) = written.glob("Indicator_Tables/*/*/Indicator_Tables_1_1a.csv")
    rows = read(path)
    names = set(rows["indicator_name"])
    assert {"Rape", "Criminal Sexual Contact"} <= names
    assert not names & {"Revised Rape", "Fondling", "Sodomy"}
    # The keys stay: rape is what was revised rape, column 16.
    rape = rows.filter(pl.col("indicator_name") == "Rape")
    assert set(rape["der_variable_name"].str.split("_").list.last()) == {"16"}


def test_suppressed_rows_are_only_in_the_first_folder(written: Path) -> None:
    (everything,) = written.glob("Indicator_Tables/*/*/Indicator_Tables_102_1a.csv")
    (shown,) = written.glob("Indicator_Tables_no_supp/*/*/Indicator_Tables_no_supp_102_1a.csv")
    every, some = read(everything), read(shown)
    suppressed = every.filter(pl.col("suppression_flag_indicator").cast(pl.String) == "true")
    assert suppressed.height > 0
    assert some.height == every.height - suppressed.height
    assert "Vermont" in str(everything)


def test_names_of_cells_and_estimates_without_a_second_one(written: Path) -> None:
    names = read(written.parent / "validation_inputs/der_variable_name/der_variable_name_1_1a.csv")
    first = names.row(0, named=True)
    assert first["der_variable_name"] == f"t_{first['p1']}_{first['p2']}_{first['p3']}_{first['p4']}"
    folder = written / "Indicator_Tables_flag_non_0_est_no_prb"
    unsure = read(folder / "Indicator_Tables_flag_non_zero_estimates_with_no_prb_1_1a.csv")
    assert unsure.height > 0
    assert (unsure["estimate"] > 0).all()
    assert unsure["estimate_copula"].null_count() == unsure.height


def test_folders_are_zipped_and_names_are_merged(written: Path) -> None:
    for kind in ("Indicator_Tables", "Indicator_Tables_no_supp", "Indicator_Tables_flag_non_0_est_no_prb"):
        with zipfile.ZipFile(written / f"{kind}.zip") as archive:
            files = {str(path.relative_to(written)): path.read_bytes() for path in (written / kind).rglob("*.csv")}
            assert {name: archive.read(name) for name in archive.namelist()} == files
    inputs = written.parent / "validation_inputs"
    merged = gzip.decompress((inputs / "der_variable_name_Merged.csv.gz").read_bytes()).decode().splitlines()
    parts = [path.read_text().splitlines() for path in sorted((inputs / "der_variable_name").iterdir())]
    assert merged == [parts[0][0], *(line for part in parts for line in part[1:])]


def test_series_are_in_the_file_of_their_geography(written: Path, tmp_path: Path) -> None:
    """Of one table and two geographies; states have the 32 series that are estimated everywhere."""
    run = required_run(written.parent / "scratch", "us")
    places = run.places.filter(pl.col("geography_number").is_in([1, 102]))
    n_files = write_final_files(
        run, tmp_path, lambda *_: None, tables=[table_definition("3a")], places=places, has_series=True
    )
    assert n_files == 2 * 4
    (with_series,), (without,) = (
        list(folder.glob("Indicator_Tables/*/*/Indicator_Tables_102_3a.csv"))
        for folder in (tmp_path / "final-estimates", written)
    )
    every, everybody = read(with_series), read(without)
    assert every.head(everybody.height).equals(everybody)
    numbers = every["PERMUTATION_NUMBER"].unique()
    assert (numbers % 1000).unique().to_list() == [102]
    assert len(numbers) == 1 + 32
    assert (every.group_by("PERMUTATION_NUMBER").len()["len"] == everybody.height).all()
    (of_nation,) = (tmp_path / "final-estimates").glob("Indicator_Tables/*/*/Indicator_Tables_1_3a.csv")
    assert read(of_nation)["PERMUTATION_NUMBER"].n_unique() == 1 + 32 + 20 + 112


def test_nothing_is_overwritten_or_half_written(written: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run = required_run(written.parent / "scratch", "us")
    with pytest.raises(UsageError, match=r"exists. Remove it, or write to another folder with --to"):
        write_final_files(run, written.parent, lambda *_: None)

    def fail(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_csv", fail)
    with pytest.raises(OSError, match="No space"):
        write_final_files(run, tmp_path, lambda *_: None)
    assert not (tmp_path / "final-estimates").exists()
