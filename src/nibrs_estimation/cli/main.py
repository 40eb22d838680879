"""The `nibrs` command and the list of its commands. The module of a command is imported when the command is run.

Help texts must not wait for Polars, SciPy and database drivers, and `nibrs tables show` must not wait for the flows.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from nibrs_estimation.cli.console import EntryPoint, run_app

_COMMANDS = "nibrs_estimation.cli.commands"


@dataclass(frozen=True)
class Command:
    """Module and help text of a command.

    Attributes:
        module: module with the Typer app of the command.
        help: its help in one line; a test compares it with the help of the command.
        app: name of the Typer app in the module.
        is_group: whether the command is the app itself, a group of commands.
    """

    module: str
    help: str
    app: str = "app"
    is_group: bool = False

    def load(self, name: str) -> TyperGroup | TyperCommand:
        """Import the command."""
        group = typer.main.get_group(getattr(import_module(self.module), self.app))
        command = group if self.is_group else group.commands[name]
        assert isinstance(command, (TyperGroup, TyperCommand))
        return command


COMMANDS = {
    "demo": Command(
        f"{_COMMANDS}.run", "Generate a small synthetic nation, estimate its tables, and show where the report is."
    ),
    "run": Command(f"{_COMMANDS}.run", "Run a flow from its source to published estimates."),
    "backtest": Command(
        f"{_COMMANDS}.backtest", "Estimate a population whose truth is known from a part of it, and show the errors."
    ),
    "plan": Command(
        f"{_COMMANDS}.plan", "Show what a run would do, why, and how long it took last time; runs nothing."
    ),
    "status": Command(f"{_COMMANDS}.status", "Show how far a run is, and whether its process is alive."),
    "metrics": Command(
        f"{_COMMANDS}.metrics", "Compare time, memory and rows of the tasks of runs, as a page and CSV files."
    ),
    "runs": Command(f"{_COMMANDS}.runs", "List the runs: source, times and state of each."),
    "tables": Command(
        "nibrs_estimation.cli.tables",
        "Show the published tables: how they are defined, and what a run estimated.",
        app="tables_app",
        is_group=True,
    ),
    "find": Command(
        "nibrs_estimation.cli.find",
        "Find the table, row and column that answer a question, and the command that shows them.",
        app="find_app",
    ),
    "compare": Command(
        f"{_COMMANDS}.compare",
        "Compare two years, places, columns, rows or groups of persons, with standard error and interval.",
    ),
    "agencies": Command(
        f"{_COMMANDS}.agencies",
        "List agencies: months reported, weights, benchmarks, counts; or what an estimate is made of.",
    ),
    "sensitivity": Command(
        f"{_COMMANDS}.sensitivity",
        "Show totals, intervals and ranks if what was not reported held less or more crime than assumed.",
    ),
    "ingest": Command(f"{_COMMANDS}.ingest", "Read a source and write its datasets as Parquet files.", is_group=True),
    "synth": Command(
        f"{_COMMANDS}.synth",
        "Generate a synthetic nation and write its datasets, including the truth, as Parquet files.",
    ),
    "task": Command(f"{_COMMANDS}.task", "Run one task on plain files, without a run, Prefect or a server."),
    "publish": Command(
        f"{_COMMANDS}.publish",
        "Publish the results of a run again, as a site, in a database, or in the reference's files.",
        is_group=True,
    ),
    "explore": Command(
        f"{_COMMANDS}.explore", "Look at the estimates of runs in the browser: tables, charts, maps and comparisons."
    ),
    "archive": Command(
        f"{_COMMANDS}.archive", "Copy a run to another folder or bucket, verify the copy, then remove the run here."
    ),
    "restore": Command(f"{_COMMANDS}.archive", "Copy an archived run back to the scratch folder."),
    "clean": Command(f"{_COMMANDS}.clean", "List runs with size and age, and remove old ones after confirmation."),
    "externals": Command(f"{_COMMANDS}.externals", "Check, fetch and add external files.", is_group=True),
    "flows": Command(f"{_COMMANDS}.catalogue", "List the flows."),
    "tasks": Command(f"{_COMMANDS}.catalogue", "List the tasks: inputs, outputs and flows of each."),
    "datasets": Command(f"{_COMMANDS}.catalogue", "List the datasets: the tasks that write and read each."),
    "describe": Command(f"{_COMMANDS}.catalogue", "Describe a dataset: its columns, types, units, codes and keys."),
    "dictionary": Command(
        f"{_COMMANDS}.catalogue",
        "Write the data dictionary: every dataset, column, unit, code list and producer, as Markdown.",
    ),
    "deploy": Command(
        f"{_COMMANDS}.deploy", "Register the flows as deployments on the Prefect server that PREFECT_API_URL names."
    ),
    "doctor": Command(
        f"{_COMMANDS}.doctor",
        "Check Python, memory, disk, settings, database, stores and folders, and report what to correct.",
    ),
}


class LazyGroup(TyperGroup):
    """A group of commands that are imported when they are used."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {name: TyperCommand(name, help=command.help) for name, command in COMMANDS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Import the command that the arguments name."""
        name, listed, others = super().resolve_command(ctx, args)
        return name, COMMANDS[name].load(name) if name in COMMANDS else listed, others


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(is_set: bool) -> None:
    if is_set:
        from nibrs_estimation.cli.version import version_text  # noqa: PLC0415 (hashes the code)

        typer.echo(f"nibrs {version_text()}")
        raise typer.Exit


@app.callback()
def nibrs(
    version: Annotated[
        bool,
        typer.Option("--version", "-V", help="Show the version and exit.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """National crime estimates, with standard errors, from incomplete NIBRS reporting."""
    del version


def run() -> None:
    """Entry point of the `nibrs` command."""
    run_app(app, "nibrs", EntryPoint())


def run_through_prefect() -> None:
    """Entry point of `flows.py`: the same commands, with Prefect as the default engine."""
    run_app(app, "flows.py", EntryPoint(engine="prefect"))
