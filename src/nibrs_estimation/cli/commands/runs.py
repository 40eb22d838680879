"""`nibrs runs`: list the runs."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer
from rich.table import Table

from nibrs_estimation.cli.commands.options import JsonOption
from nibrs_estimation.cli.console import console, plain
from nibrs_estimation.cli.settings import load_settings
from nibrs_estimation.pipeline.runs import FlowRun, list_runs

app = typer.Typer()
_MARK = " (synthetic)"


@app.command(epilog="Example: nibrs runs --json")
def runs(as_json: JsonOption = False) -> None:
    """List the runs: source, times and state of each.

    The latest run is first. States: running, stopped (the same command continues it), failed, finished.
    """
    scratch = load_settings().scratch_dir
    found = list_runs(scratch)
    if as_json:
        typer.echo(json.dumps([_as_json(run) for run in found], indent=2))
        return
    if not found:
        console.print(f"There is no run in {scratch} (SCRATCH_DIR). `nibrs demo` creates one.", highlight=False)
        return
    console.print(
        f"Runs in [bold]{plain(str(scratch))}[/]; the files of each are in its subfolder RUN/FLOW. Times are UTC.\n",
        highlight=False,
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Run", "Flow", "State", "Year", "Seed", "Source", "When"):
        table.add_column(heading, overflow="fold", no_wrap=heading in {"State", "When"})
    for run in found:
        table.add_row(*(plain(text) for text in _texts(run)))
    console.print(table)


def _texts(run: FlowRun) -> tuple[str, ...]:
    of = run.identity
    known = (str(of.year), str(of.seed), of.source + _MARK * of.is_synthetic) if of else ("?",) * 3
    return (run.run_id, run.flow, run.state, *known, _when(run.started, run.ended))


def _when(started: str | None, ended: str | None) -> str:
    """Text such as ``2026-11-28 15:04 to 15:07``."""
    if started is None:
        return "?"
    began, end = (started[:16].split("T"), (ended or "")[:16].split("T"))
    if not ended:
        return " ".join(began)
    return f"{' '.join(began)} to {end[1] if end[0] == began[0] else ' '.join(end)}"


def _as_json(run: FlowRun) -> dict[str, object]:
    of = run.identity
    return {
        "run_id": run.run_id,
        "flow": run.flow,
        "state": run.state,
        **(asdict(of) if of else dict.fromkeys(("source", "year", "seed", "is_synthetic"))),
        "started": run.started,
        "ended": run.ended,
        "folder": str(run.folder),
    }
