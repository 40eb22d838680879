"""The final estimates of a run in the folders and files of the reference pipeline (handbook 12)."""

from __future__ import annotations

import gzip
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl

from nibrs_estimation.model.final_estimates import UPPER_CASE
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.reading.runs import EstimatedRun
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.published import final_rows
from nibrs_estimation.tables.read import table_definitions
from nibrs_estimation.tables.series import SERIES_STEP, demographic_series
from nibrs_estimation.tables.table_rows import series_places

FOLDER, INPUTS = "final-estimates", "validation_inputs"
#: Folders of files with estimates; each is also written as one zip.
_KINDS = ("Indicator_Tables", "Indicator_Tables_no_supp", "Indicator_Tables_flag_non_0_est_no_prb")
_NAMES = "der_variable_name"
#: A fixed date, so that files do not depend on the time of the run; zip allows no earlier date.
_EPOCH = (1980, 1, 1, 0, 0, 0)
#: Geographies whose rows are computed together.
_BATCH = 20
_COUNT = 1
Files = Iterator[tuple[str, pl.DataFrame]]


def write_final_files(
    run: EstimatedRun,
    folder: Path,
    done: Callable[[int, int], None],
    *,
    tables: Sequence[TableDefinition] | None = None,
    places: pl.DataFrame | None = None,
    has_series: bool = False,
) -> int:
    """Write folders ``final-estimates`` and ``validation_inputs`` into ``folder``, all of it or nothing.

    Files are those of the reference, by table and geography: all rows (``Indicator_Tables``), rows that are not
    suppressed (``_no_supp``), and estimates above 0 without a second estimate, each folder also as a zip; and the names
    of the cells (``der_variable_name``), also as one file.

    Args:
        run: the run.
        folder: where to write.
        done: is called with 1 and the number of tables when a table is written.
        tables: which tables; None for all.
        places: which geographies, rows of dataset ``coverage``; None for all that are estimated.
        has_series: whether files contain the demographic series, too; they are many times as long then.

    Returns:
        The number of CSV files by table and geography.

    Raises:
        UsageError: one of the folders exists already, or the run has no series.
    """
    partial = folder / f"{FOLDER}.partial"
    for name in (FOLDER, INPUTS):
        if (folder / name).exists():
            raise UsageError(f"{folder / name} exists. Remove it, or write to another folder with --to.")
    shutil.rmtree(partial, ignore_errors=True)
    wanted, n_files = tables or list(table_definitions().values()), 0
    for table in wanted:
        for batch in (run.places if places is None else places).iter_slices(_BATCH):
            for name, rows in _files(run, table, batch, has_series=has_series):
                path = partial / name
                path.parent.mkdir(parents=True, exist_ok=True)
                rows.rename({column: column.upper() for column in UPPER_CASE if column in rows.columns}).write_csv(path)
                n_files += 1
        done(1, len(wanted))
    for kind in _KINDS:
        _zip(partial / FOLDER / kind)
    _merge(partial / INPUTS / _NAMES)
    for name in (FOLDER, INPUTS):
        (partial / name).rename(folder / name)
    partial.rmdir()
    return n_files


def _files(run: EstimatedRun, table: TableDefinition, places: pl.DataFrame, *, has_series: bool) -> Files:
    """The files of a table and some geographies: path and rows."""
    final = _rows(run, table, places, has_series=has_series)
    place_of = pl.col("permutation_number") % SERIES_STEP
    for (number,), rows in final.group_by(place_of, maintain_order=True):
        weight, place = rows.select("analysis_weight_name", "estimate_geographic_location").row(0)
        below = f"{weight.removesuffix('Wgt')}/{_file_name(place)}"
        end = f"{number}_{table.table}.csv"
        every, shown_kind, unsure_kind = _KINDS
        yield f"{FOLDER}/{every}/{below}/Indicator_Tables_{end}", rows
        shown = rows.filter(~pl.col("suppression_flag_indicator").fill_null(False))
        yield f"{FOLDER}/{shown_kind}/{below}/Indicator_Tables_no_supp_{end}", shown
        unsure = rows.filter((pl.col("estimate") > 0) & pl.col("estimate_copula").is_null())
        yield f"{FOLDER}/{unsure_kind}/Indicator_Tables_flag_non_zero_estimates_with_no_prb_{end}", unsure
        names = pl.col("der_variable_name").str.split_exact("_", 4).struct
        cells = rows.filter(pl.col("estimate_type_num") == _COUNT).select(
            p1=names.field("field_1"), p2=names.field("field_2"), p3=names.field("field_3"), p4=names.field("field_4"),
            der_variable_name="der_variable_name", permutation_number="permutation_number",
        )  # fmt: skip
        yield f"{INPUTS}/{_NAMES}/der_variable_name_{end}", cells


def _rows(run: EstimatedRun, table: TableDefinition, places: pl.DataFrame, *, has_series: bool) -> pl.DataFrame:
    """Final rows of some geographies; of all persons, then of the series in the order of their numbers."""
    found = [final_rows(run.rows(table, places, None), table, places, run.year)]
    for series in demographic_series() if has_series and table.demographic else ():
        wanted = series_places(places, series).filter(~pl.col("geography_number").is_in(series.blank_geographies))
        if not (series.is_retired or wanted.is_empty()):
            found.append(final_rows(run.rows(table, wanted, series), table, wanted, run.year))
    return pl.concat(found)


def _zip(folder: Path) -> None:
    """Write the files of a folder, in order, into a zip beside it."""
    with zipfile.ZipFile(folder.with_name(f"{folder.name}.zip"), "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*.csv")):
            member = zipfile.ZipInfo(str(path.relative_to(folder.parent)), _EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, path.read_bytes())


def _merge(folder: Path) -> None:
    """Write the files of a folder, in order, into one beside it, with one header."""
    path = folder.with_name(f"{folder.name}_Merged.csv.gz")
    # Without name and time: the same content gives the same bytes.
    with path.open("wb") as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as merged:
        for number, part in enumerate(sorted(folder.iterdir())):
            header, _, rows = part.read_bytes().partition(b"\n")
            merged.write(rows if number else header + b"\n" + rows)


def _file_name(place: str) -> str:
    """The name of a geography as a folder: blanks and hyphens become underscores, commas are left out."""
    return re.sub(r"[ -]", "_", place.replace(",", "")).replace("/", "_")
