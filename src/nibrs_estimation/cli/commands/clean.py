"""`nibrs clean`: list runs with size and age, and remove old ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from nibrs_estimation.cli.amounts import duration_text, size_text
from nibrs_estimation.cli.console import console, errors, plain
from nibrs_estimation.cli.settings import load_settings
from nibrs_estimation.pages import counted
from nibrs_estimation.pipeline.cleaning import StoredRun, chosen_runs, remove, stored_runs

app = typer.Typer()


@app.command(epilog="Example: nibrs clean --keep 3 --older-than 30")
def clean(
    run_ids: Annotated[list[str] | None, typer.Argument(metavar="[RUN]...", help="Names of runs to remove.")] = None,
    keep: Annotated[int | None, typer.Option("--keep", min=0, metavar="N", help="Leave the N latest runs.")] = None,
    older_than: Annotated[
        float | None,
        typer.Option("--older-than", min=0, metavar="DAYS", help="Remove only runs not used for so many days."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove without asking.")] = False,
) -> None:
    """List runs with size and age, and remove old ones after confirmation.

    Without a run or an option, it only lists. A run that a process works on is never removed, nor is anything that was
    published. `nibrs archive` copies a run elsewhere first.
    """
    scratch = load_settings().scratch_dir
    runs = stored_runs(scratch, datetime.now(UTC))
    if not runs:
        console.print(f"There is no run in {scratch} (SCRATCH_DIR).", highlight=False)
        return
    chosen = chosen_runs(runs, run_ids or [], keep=keep, older_than_days=older_than)
    _print_list(runs, chosen)
    if not chosen:
        is_asked = run_ids or keep is not None or older_than is not None
        hint = "Nothing to remove." if is_asked else "Choose what to remove by name, --keep or --older-than."
        console.print(f"\n{hint}", highlight=False)
        return
    size = size_text(sum(run.size_bytes for run in chosen))
    if not yes:
        typer.confirm(f"\nRemove {counted(len(chosen), 'run')} ({size})?", abort=True)
    left = {run.run_id: reason for run in chosen if (reason := remove(run))}
    for run_id, reason in left.items():
        errors.print(f"[yellow]{plain(run_id)} was not removed:[/] {plain(reason)}", highlight=False)
    console.print(f"Removed {counted(len(chosen) - len(left), 'run')}.", highlight=False)
    if left:
        raise typer.Exit(1)


def _print_list(runs: list[StoredRun], chosen: list[StoredRun]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Run", "Flows", "Size", "Last used", ""):
        table.add_column(heading, overflow="fold", justify="right" if heading in {"Size", "Last used"} else "left")
    for run in runs:
        states = ", ".join(f"{flow} {state}" for flow, state in run.states.items()) or "unfinished"
        note = "going on" if run.is_locked else "[red]remove[/]" if run in chosen else ""
        age = f"{duration_text(run.age_s)} ago"
        table.add_row(plain(run.run_id), plain(states), size_text(run.size_bytes), age, note)
    console.print(table)
