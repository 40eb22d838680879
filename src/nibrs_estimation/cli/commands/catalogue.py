"""`nibrs flows`, `tasks`, `datasets`, `describe`, `dictionary`: listings and the data dictionary."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from nibrs_estimation.cli.commands.options import JsonOption
from nibrs_estimation.cli.console import console, print_entries
from nibrs_estimation.flows.catalogue import all_datasets, all_flows, all_tasks, describe_columns, find_dataset
from nibrs_estimation.flows.dictionary import data_dictionary
from nibrs_estimation.pipeline.files import write_text

app = typer.Typer()


@app.command(epilog="Example: nibrs flows --json")
def flows(as_json: JsonOption = False) -> None:
    """List the flows."""
    _list(all_flows(), as_json)


@app.command(epilog="Example: nibrs tasks --json")
def tasks(as_json: JsonOption = False) -> None:
    """List the tasks: inputs, outputs and flows of each."""
    _list(all_tasks(), as_json)


@app.command(epilog="Example: nibrs datasets")
def datasets(as_json: JsonOption = False) -> None:
    """List the datasets: the tasks that write and read each."""
    _list(all_datasets(), as_json)


@app.command(epilog="Example: nibrs describe estimates")
def describe(
    dataset: Annotated[str, typer.Argument(help="Name of the dataset; `nibrs datasets` lists them.")],
    as_json: JsonOption = False,
) -> None:
    """Describe a dataset: its columns, types, units, codes and keys."""
    found = find_dataset(dataset)
    columns = describe_columns(found)
    if as_json:
        about = {
            "dataset": found.name,
            "description": found.description,
            "primary_key": found.primary_key,
            "partition_key": found.partition_key,
            "optional": found.is_optional,
            "source": found.source,
            "columns": columns,
        }
        typer.echo(json.dumps(about, indent=2))
        return
    console.print(f"[bold]{found.name}[/]: {found.description}")
    console.print(f"Primary key: {', '.join(found.primary_key)}. Partition key: {found.partition_key or 'none'}.")
    console.print(f"Source: {found.source}")
    print_entries(columns)


@app.command(epilog="Example: nibrs dictionary --out docs/data-dictionary.md")
def dictionary(
    out: Annotated[Path | None, typer.Option("--out", help="File to write; default: print the page.")] = None,
) -> None:
    """Write the data dictionary: every dataset, column, unit, code list and producer, as Markdown."""
    if out is None:
        typer.echo(data_dictionary(), nl=False)
        return
    write_text(out, data_dictionary())
    console.print(f"Wrote {out}.")


def _list(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    else:
        print_entries(rows)
