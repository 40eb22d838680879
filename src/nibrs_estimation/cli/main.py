"""The `nibrs` command: which commands there are. A command's module, and all that it needs, is imported when it is run.

A help text must not wait for Polars, SciPy and database drivers; nor must `nibrs tables show` wait for the flows.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from nibrs_estimation.cli.console import Door, run_app

_COMMANDS = "nibrs_estimation.cli.commands"


@dataclass(frozen=True)
class Command:
    """Where a command is written, and what the list of commands says of it.

    Attributes:
        module: has the Typer app that holds it.
        help: its one line; a test compares it with the command's own help.
        app: name of the Typer app in the module.
        is_group: whether the app itself is meant, with its commands below it.
    """

    module: str
    help: str
    app: str = "app"
    is_group: bool = False

    def load(self, name: str) -> TyperGroup | TyperCommand:
        """The command itself."""
        group = typer.main.get_group(getattr(import_module(self.module), self.app))
        command = group if self.is_group else group.commands[name]
        assert isinstance(command, (TyperGroup, TyperCommand))
        return command


COMMANDS = {
    "demo": Command(
        f"{_COMMANDS}.run", "Make a small synthetic nation, estimate its tables, and show where the report is."
    ),
    "run": Command(f"{_COMMANDS}.run", "Run a flow from its source to published estimates."),
    "runs": Command(f"{_COMMANDS}.runs", "List the runs: what each was made of, when, and how it ended."),
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
    "ingest": Command(f"{_COMMANDS}.ingest", "Read a source and write its datasets as Parquet files.", is_group=True),
    "synth": Command(
        f"{_COMMANDS}.synth", "Make a synthetic nation and write its datasets, the truth among them, as Parquet files."
    ),
    "task": Command(f"{_COMMANDS}.task", "Run one task on plain files, without run, Prefect or server."),
    "flows": Command(f"{_COMMANDS}.catalogue", "List the flows."),
    "tasks": Command(f"{_COMMANDS}.catalogue", "List the tasks: what each reads and writes, and in which flows it is."),
    "datasets": Command(f"{_COMMANDS}.catalogue", "List the datasets: who writes each and who reads it."),
    "describe": Command(f"{_COMMANDS}.catalogue", "Describe a dataset: its columns, types, units, codes and keys."),
    "dictionary": Command(
        f"{_COMMANDS}.catalogue",
        "Write the data dictionary: every dataset, column, unit, code list and producer, as Markdown.",
    ),
    "doctor": Command(
        f"{_COMMANDS}.doctor",
        "Check Python, memory, disk, settings, database, stores and folders, and say what to correct.",
    ),
}


class LazyGroup(TyperGroup):
    """The commands by name and help; each is loaded when it is called for."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {name: TyperCommand(name, help=command.help) for name, command in COMMANDS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the arguments name, in place of what the list shows of it."""
        name, listed, others = super().resolve_command(ctx, args)
        return name, COMMANDS[name].load(name) if name in COMMANDS else listed, others


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(is_asked: bool) -> None:
    if is_asked:
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
    run_app(app, "nibrs", Door())


def run_through_prefect() -> None:
    """Entry point of `flows.py`: the same commands, with Prefect as the default engine."""
    run_app(app, "flows.py", Door(engine="prefect"))
