"""`nibrs plan`: what a run would do, why, and how long it took last time."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.table import Table

from nibrs_estimation.cli.amounts import duration_text, size_text
from nibrs_estimation.cli.commands.options import JsonOption, SeedOption
from nibrs_estimation.cli.commands.run import (
    FlowName,
    ForceOption,
    PartialOption,
    PredecessorOption,
    RefreshOption,
    SourceOption,
    StartOption,
    UntilOption,
    VerifyOption,
    YearOption,
)
from nibrs_estimation.cli.console import console, plain
from nibrs_estimation.cli.running import RunOptions, chosen_source, settings_of_run
from nibrs_estimation.cli.settings import load_settings
from nibrs_estimation.flows.registry import find_flow
from nibrs_estimation.pages import counted
from nibrs_estimation.pipeline.forecast import KEEP, MAYBE, RUN, Forecast, UnitForecast, forecast_run

app = typer.Typer()
_NEW_RUN = "new-run"
_COLORS = {RUN: "[bold]run {}[/]", MAYBE: "[yellow]maybe {}[/]", KEEP: "[dim]keep {}[/]"}


@app.command(epilog="Example: nibrs plan all vt --source cde:VT-2024.zip")
def plan(
    flow: FlowName,
    run_id: Annotated[str | None, typer.Argument(help="Name of the run; default: a new run.")] = None,
    year: YearOption = None,
    source: SourceOption = None,
    seed: SeedOption = None,
    force: ForceOption = False,
    start: StartOption = None,
    until: UntilOption = None,
    partial: PartialOption = False,
    verify: VerifyOption = False,
    refresh_source: RefreshOption = False,
    predecessor: PredecessorOption = None,
    units: Annotated[bool, typer.Option("--units", help="A line for each unit of work instead of each task.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a run would do, why, and how long it took last time; runs nothing.

    The options are those of `nibrs run`. A unit of work runs, is kept, or may run: that depends on whether a unit
    before it, which runs, writes other bytes than last time.
    """
    options = RunOptions(
        source=source,
        year=year,
        seed=seed,
        force=force,
        start=start,
        until=until,
        partial=partial,
        verify=verify,
        refresh_source=refresh_source,
        predecessor=predecessor,
    )
    settings = load_settings()
    found_flow = find_flow(flow)
    run_settings = settings_of_run(chosen_source(flow, options, settings), run_id or _NEW_RUN, settings, options)
    forecast = forecast_run(found_flow, run_settings)
    if as_json:
        typer.echo(json.dumps(_as_json(forecast), indent=2))
        return
    if forecast.is_going_on:
        console.print(f"[yellow]Run {run_id} is going on now; this is what another command would do at this moment.[/]")
    if forecast.note:
        console.print(f"[dim]{plain(forecast.note)}[/]", highlight=False)
    console.print(_table([[unit] for unit in forecast.units] if units else _by_task(forecast)))
    _print_total(forecast)


def _by_task(forecast: Forecast) -> list[list[UnitForecast]]:
    tasks: dict[str, list[UnitForecast]] = {}
    for unit in forecast.units:
        tasks.setdefault(unit.unit.task.name, []).append(unit)
    return list(tasks.values())


def _table(groups: list[list[UnitForecast]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Task", "Units", "Why", "Last time", "Memory"):
        table.add_column(heading, overflow="fold", justify="right" if heading in {"Last time", "Memory"} else "left")
    for group in groups:
        numbers = {action: sum(unit.action == action for unit in group) for action in _COLORS}
        reasons = list(dict.fromkeys(reason for unit in group for reason in unit.reasons))
        more = f" and {len(reasons) - 2} more" if len(reasons) > 2 else ""
        known = [unit.duration_s for unit in group if unit.duration_s is not None]
        peak = max((unit.peak_memory_bytes or 0 for unit in group), default=0)
        table.add_row(
            plain(group[0].unit.key if len(group) == 1 else group[0].unit.task.name),
            ", ".join(_COLORS[action].format(number) for action, number in numbers.items() if number),
            plain("; ".join(reasons[:2]) + more),
            duration_text(sum(known)) if known else "?",
            size_text(peak) if peak else "",
        )
    return table


def _print_total(forecast: Forecast) -> None:
    numbers = {action: sum(unit.action == action for unit in forecast.units) for action in _COLORS}
    n_unknown = sum(unit.action != KEEP and unit.duration_s is None for unit in forecast.units)
    console.print(
        f"\n{counted(len(forecast.units), 'unit')} of work: {numbers[RUN]} run, {numbers[MAYBE]} may run, "
        f"{numbers[KEEP]} are kept.",
        highlight=False,
    )
    if numbers[RUN] + numbers[MAYBE] == 0:
        return
    least, most = duration_text(forecast.seconds(RUN)), duration_text(forecast.seconds(RUN, MAYBE))
    work = least if numbers[MAYBE] == 0 else f"{least} to {most}"
    unknown = f" Unknown for {counted(n_unknown, 'unit')} that never ran here." if n_unknown else ""
    source = f" Units that this run never ran: as in {forecast.measured_in}." if forecast.measured_in else ""
    console.print(f"Work, one unit at a time, as last time: {work}.{unknown}{plain(source)}", highlight=False)


def _as_json(forecast: Forecast) -> dict[str, Any]:
    return {
        "note": forecast.note,
        "is_going_on": forecast.is_going_on,
        "measured_in": str(forecast.measured_in) if forecast.measured_in else None,
        "work_s": {"run": forecast.seconds(RUN), "run_and_maybe": forecast.seconds(RUN, MAYBE)},
        "units": [
            {
                "unit": unit.unit.key,
                "task": unit.unit.task.name,
                "action": unit.action,
                "reasons": list(unit.reasons),
                "last_duration_s": unit.duration_s,
                "last_peak_memory_bytes": unit.peak_memory_bytes,
            }
            for unit in forecast.units
        ],
    }
