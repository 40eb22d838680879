"""`nibrs publish site` and `nibrs explore`: write the explorer, and show it in the browser of this machine."""

from __future__ import annotations

import json
import threading
import webbrowser
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nibrs_estimation.cli.bars import Bars
from nibrs_estimation.cli.console import console, errors, plain
from nibrs_estimation.cli.settings import load_settings
from nibrs_estimation.model.estimates import CELL_ESTIMATE
from nibrs_estimation.pages import counted
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.runs import MAIN_FLOW
from nibrs_estimation.reading.runs import EstimatedRun, flow_of, required_run
from nibrs_estimation.reading.selection import EVERYWHERE, find_series
from nibrs_estimation.site.publish import FORMAT, SITE_FILE, Content, publish_site
from nibrs_estimation.site.server import address_of, open_server
from nibrs_estimation.tables.definition import TableDefinition
from nibrs_estimation.tables.read import table_definition, table_definitions
from nibrs_estimation.tables.series import Series, demographic_series

#: Folder of the sites of `nibrs explore` in the scratch folder.
_SITES = ".explorer"
#: A table with demographic series, to find them by name.
_WITH_SERIES = "3a"


def publish_explorer(
    out: Path,
    run_ids: Sequence[str],
    *,
    tables: Sequence[str],
    series: Sequence[str],
    shows_suppressed: bool,
    has_differences: bool,
) -> None:
    """Write the site of some runs into a folder, and say what it contains.

    Raises:
        UsageError: a run, table or series does not exist, or has no estimates, or the folder has other files.
    """
    content = Content(_tables(tables), _series(series), shows_suppressed, has_differences)
    _publish(out, _runs(run_ids), content)
    console.print(
        f"Open it with [bold]nibrs explore --site {out}[/], or copy the folder to a web server or a bucket.",
        highlight=False,
    )


def explore(run_ids: Sequence[str], site: Path | None, port: int, *, opens_browser: bool) -> None:
    """Serve a site on 127.0.0.1 until Ctrl-C; that of runs is written first if it does not exist or is outdated.

    Raises:
        UsageError: there is no run with estimates, or the folder has no site of this version.
    """
    if site is not None and run_ids:
        raise UsageError("Give --site or --run, not both: a site has its runs.")
    folder = site if site is not None else _site_of(run_ids)
    _check(folder)
    try:
        server = open_server(folder, port)
    except OSError as error:
        raise UsageError(f"Port {port} cannot be opened ({error.strerror}). Give another --port, or none.") from error
    address = address_of(server)
    console.print(f"The explorer is at [bold]{address}[/]. Ctrl-C stops it.", highlight=False)
    if opens_browser:
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    with server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            console.print("Stopped.")


def _runs(run_ids: Sequence[str]) -> list[EstimatedRun]:
    """The runs of these ids, in the order of their years; the newest finished one without ids."""
    if len(set(run_ids)) < len(run_ids):
        raise UsageError("A run is named twice: name each --run once.")
    scratch = load_settings().scratch_dir
    runs = [required_run(scratch, name) for name in run_ids or (None,)]
    if len({run.identity.is_synthetic for run in runs}) > 1:
        raise UsageError("Runs of real and of synthetic data cannot be in one site: publish them into two folders.")
    return sorted(runs, key=lambda run: run.year)


def _tables(names: Sequence[str]) -> list[TableDefinition]:
    tables = [table_definition(name) for name in names] or list(table_definitions().values())
    of_incidents = [table for table in tables if flow_of(table) == MAIN_FLOW]
    if not of_incidents:
        raise UsageError("The explorer has tables of incidents; `nibrs tables show` shows those of summary estimates.")
    return of_incidents


def _series(names: Sequence[str]) -> list[Series]:
    if EVERYWHERE in names:
        return [one for one in demographic_series() if not one.is_retired]
    return [find_series(table_definition(_WITH_SERIES), name) for name in names]


def _publish(out: Path, runs: Sequence[EstimatedRun], content: Content) -> None:
    with Bars("steps") as progress:
        n_cells = publish_site(runs, out, content, progress.advance)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    said = _read(out)
    console.print(
        f"Wrote the explorer of {counted(len(runs), 'run')} to [bold]{plain(str(out))}[/]: {n_cells:,} numbers above "
        f"0, {size / 1e6:,.0f} MB.",
        highlight=False,
    )
    for run in runs:
        console.print(run.identity.text, highlight=False)
    for why in [*said["absent"], *said["without"]]:
        errors.print(f"[yellow]Warning:[/] {plain(why)}", highlight=False)


def _site_of(run_ids: Sequence[str]) -> Path:
    """The site of some runs in the scratch folder; written if it does not exist, or is older than the runs."""
    runs = _runs(run_ids)
    folder = load_settings().scratch_dir / _SITES / "+".join(run.run_id for run in runs)
    if not _is_current(folder, runs):
        folder.parent.mkdir(parents=True, exist_ok=True)
        _publish(folder, runs, Content(_tables(())))
    return folder


def _is_current(folder: Path, runs: Sequence[EstimatedRun]) -> bool:
    """Whether a site is of this version, and newer than the estimates of its runs."""
    try:
        said, written = _read(folder), (folder / SITE_FILE).stat().st_mtime
    except (OSError, ValueError):
        return False
    newest = max(path.stat().st_mtime for run in runs for path in run.files.table(CELL_ESTIMATE))
    return (said.get("format"), said.get("version")) == (FORMAT, version("nibrs-estimation")) and written > newest


def _read(folder: Path) -> dict[str, Any]:
    found = json.loads((folder / SITE_FILE).read_text(encoding="utf-8"))
    return found if isinstance(found, dict) else {}


def _check(folder: Path) -> None:
    """Refuse a folder without a site, or with one of another version.

    Raises:
        UsageError: it has none.
    """
    again = f"Write it with `nibrs publish site --run RUN --out {folder}`."
    try:
        said = _read(folder)
    except (OSError, ValueError) as error:
        raise UsageError(f"{folder} has no explorer: {SITE_FILE} is missing or damaged. {again}") from error
    if said.get("format") != FORMAT:
        raise UsageError(
            f"The explorer in {folder} is of another version: its format is {said.get('format')}, and this program "
            f"reads format {FORMAT}. {again}"
        )
