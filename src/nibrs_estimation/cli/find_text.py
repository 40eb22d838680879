"""Output of `nibrs find`: matching questions of the guide, then cells of tables."""

from __future__ import annotations

import textwrap

from rich.text import Text

from nibrs_estimation.cli.console import console
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.runs import MAIN_FLOW
from nibrs_estimation.reading.runs import flow_of
from nibrs_estimation.tables.guide import Hit, Question, find_cells, find_questions
from nibrs_estimation.tables.labels import heading, plain_label, short_title
from nibrs_estimation.tables.variables import derived_variables

_QUESTIONS, _CELLS = 2, 8


def print_found(text: str) -> None:
    """Print possible answers to a question.

    Raises:
        UsageError: there is none.
    """
    questions, cells = find_questions(text)[:_QUESTIONS], find_cells(text)
    if not questions and not cells:
        raise UsageError(
            f"No table has any of the words {text!r}. Try others, such as the name of an offense, victim, arrest, "
            "weapon, age or clearance; `nibrs tables list` lists the tables."
        )
    for question in questions:
        _print_question(question)
    # If no table answers a question, tables with one of its words do not answer it either.
    if cells and all(question.has_table for question in questions):
        _print_wrapped("Tables that have these words:", "bold")
        for hit in cells[:_CELLS]:
            _print_hit(hit)
        shown = {hit.table.table for hit in cells[:_CELLS]}
        others = [name for name in dict.fromkeys(hit.table.table for hit in cells) if name not in shown]
        if others:
            _print_wrapped(f"Also in tables {', '.join(others)}: more words find the row and column.", "dim")


def _print_question(question: Question) -> None:
    _print_wrapped(question.ask, "bold")
    if question.note:
        _print_wrapped(question.note, "", indent="  ")
    for answer in question.answers:
        _print_wrapped(answer.tells, "", indent="  ")
        _print_command(answer.command)
    console.print()


def _print_hit(hit: Hit) -> None:
    label = "  ".join(dict.fromkeys([hit.table.table, short_title(hit.table)]))
    row, column = plain_label(hit.row.label), heading(hit.column)
    _print_wrapped(f"{label}: row {hit.row.row}, {row}; column {hit.column.position}, {column}", "")
    meaning = derived_variables()[hit.row.variable].tells if hit.row.variable is not None else ""
    flow = flow_of(hit.table)
    made_by = f" Estimated by flow {flow}." if flow != MAIN_FLOW else ""
    _print_wrapped(
        hit.table.counts + made_by + (f" Row: {meaning[:1].lower()}{meaning[1:]}." if meaning else ""),
        "dim",
        indent="  ",
    )
    _print_command(f"nibrs tables show {hit.table.table} --row {hit.row.row} --column {hit.column.name}")


def _print_command(command: str) -> None:
    # No line breaks, so that the command can be copied.
    console.print(Text(f"    {command}", style="green"), soft_wrap=True)


def _print_wrapped(text: str, style: str, indent: str = "") -> None:
    lines = textwrap.wrap(text, console.width, initial_indent=indent, subsequent_indent=indent)
    console.print(Text("\n".join(lines), style=style))
