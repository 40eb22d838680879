"""Write the explorer: pages, descriptions and numbers of one or more runs into a folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nibrs_estimation.model.headlines import COMPARED
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.files import TEMPORARY_SUFFIX
from nibrs_estimation.reading.runs import EstimatedRun
from nibrs_estimation.site.agencies import ROWS_OF_A_PART, write_agencies
from nibrs_estimation.site.cells import Notes, place_files, write_cells
from nibrs_estimation.site.describe import headline_cells, run_data, search_data, table_data
from nibrs_estimation.site.differences import write_differences
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.series import Series
from nibrs_estimation.tables.table_rows import series_places

#: Number of the format of a site; another format is read by the pages of another version only.
FORMAT = 1
SITE_FILE = "site.json"
_ASSETS = Path(__file__).parent / "assets"
#: Where a folder of a run keeps all persons; a group of persons has its number.
_ALL_PERSONS = "0"

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Content:
    """What a site contains.

    Attributes:
        tables: tables.
        series: groups of persons, for the tables that have them.
        shows_suppressed: whether the numbers that should not be published are in the site.
        has_differences: whether differences of headline numbers are computed in advance.
    """

    tables: Sequence[TableDefinition]
    series: Sequence[Series] = ()
    shows_suppressed: bool = False
    has_differences: bool = True


def publish_site(runs: Sequence[EstimatedRun], out: Path, content: Content, progress: Progress) -> int:
    """Write the site of some runs; returns the number of cells that are not 0.

    The folder is complete or unchanged: the site is written beside it and takes its place at the end.

    Args:
        runs: the runs, of different names.
        out: the folder: a new or empty one, or one with a site, which is replaced.
        content: what the site contains.
        progress: called with what is written, the number of tables that are done, and that of all.

    Raises:
        UsageError: the folder has other files, or a run has estimated none of the tables.
    """
    if out.exists() and not (out / SITE_FILE).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} has other files than an explorer. Name a new folder, or an empty one.")
    target = out.resolve()
    temporary = target.with_name(f".{target.name}{TEMPORARY_SUFFIX}")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        _copy_assets(temporary)
        n_cells = 0
        of_runs = []
        for run in runs:
            described, n_of_run = _write_run(
                run, temporary / "runs" / run.run_id, content, partial(progress, f"Run {run.run_id}")
            )
            n_cells += n_of_run
            of_runs.append(described)
        estimated = {name for described in of_runs for name in described["tables"]}
        tables = [table for table in content.tables if table.table in estimated]
        _write(temporary / "search.json", search_data(tables))
        for table in tables:
            _write(temporary / "tables" / f"{table.table}.json", table_data(table))
        differences: list[dict[str, Any]] = []
        without: list[str] = []
        if content.has_differences:
            progress("Differences", 0, 1)
            differences, without = write_differences(runs, tables, temporary / "runs")
            progress("Differences", 1, 1)
        _write(temporary / SITE_FILE, {**_site_data(of_runs, tables), "differences": differences, "without": without})
        _replace(target, temporary)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return n_cells


def _site_data(runs: Sequence[Mapping[str, Any]], tables: Sequence[TableDefinition]) -> dict[str, Any]:
    """The first file that the pages read: format, runs and tables."""
    wanted = {name for name, _column in COMPARED}
    return {
        "format": FORMAT,
        "version": version("nibrs-estimation"),
        "made": datetime.now(UTC).date().isoformat(),
        "absent": sorted({why for run in runs for why in run["absent"].values()}),
        "runs": [{name: run[name] for name in ("run", "year", "source", "is_synthetic", "text")} for run in runs],
        "tables": [
            {"table": table.table, "title": described["title"], "counts": table.counts}
            for table in tables
            for described in [table_data(table)]
        ],
        "headlines": headline_cells(table for table in tables if table.table in wanted),
    }


def _write_run(
    run: EstimatedRun, folder: Path, content: Content, advance: Callable[[int, int], None]
) -> tuple[dict[str, Any], int]:
    """Write the numbers of a run and what is said of it; returns the latter, and the number of cells that are not 0."""
    files, notes = place_files(run.places), Notes()
    tables: dict[str, list[Series | None]] = {}
    absent: dict[str, str] = {}
    n_cells = 0
    for number, table in enumerate(content.tables):
        wanted = [None, *(content.series if table.demographic else ())]
        for series in wanted:
            place = folder / table.table / (_ALL_PERSONS if series is None else str(series.number))
            of_series = files if series is None else [series_places(places, series) for places in files]
            try:
                n_cells += write_cells(
                    run, table, series, of_series, place, notes, shows_suppressed=content.shows_suppressed
                )
            except UsageError as error:
                absent[table.table if series is None else f"{table.table}, {series.label}"] = str(error)
                continue
            tables.setdefault(table.table, []).append(series)
        advance(number + 1, len(content.tables))
    if not tables:
        raise UsageError(next(iter(absent.values()), f"Run {run.run_id} has no tables."))
    agencies = write_agencies(run, folder / "agencies")
    described = run_data(run, files, tables, absent, notes.as_data())
    described["agencies_of_a_part"] = ROWS_OF_A_PART
    for place in described["places"]:
        place["agencies"] = agencies.get(place["number"])
    _write(folder / "run.json", described)
    return described, n_cells


def _copy_assets(folder: Path) -> None:
    """Pages, scripts and shapes of states, and the library for charts that `vl-convert` carries."""
    import vl_convert  # noqa: PLC0415 (slow to import)

    shutil.copytree(_ASSETS, folder)
    bundle = vl_convert.javascript_bundle("export { vegaEmbed };")
    (folder / "vendor" / "vega.js").write_text(bundle, encoding="utf-8")


def _write(path: Path, data: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # No blanks: a browser reads it.
    path.write_text(json.dumps(data, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def _replace(target: Path, temporary: Path) -> None:
    """Put a finished site in the place of the former one."""
    former = target.with_name(f".{target.name}.former{TEMPORARY_SUFFIX}")
    try:
        if target.exists():
            target.replace(former)
        temporary.replace(target)
    except OSError as error:
        raise PipelineError(
            f"The site cannot be put into {target} ({error.strerror}). Check that the folder may be written, or name "
            "another one."
        ) from error
    finally:
        shutil.rmtree(former, ignore_errors=True)
