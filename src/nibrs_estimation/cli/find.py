"""`nibrs find`: find the table, row and column that answer a question."""

from __future__ import annotations

from typing import Annotated

import typer

find_app = typer.Typer()


@find_app.command(
    "find", epilog="Examples: nibrs find aggravated assault firearm; nibrs find women simple assault rate"
)
def find(
    words: Annotated[list[str], typer.Argument(help="Words of the question, in any order.")],
) -> None:
    """Find the table, row and column that answer a question, and the command that shows them."""
    from nibrs_estimation.cli import find_text  # noqa: PLC0415 (Polars is slow to import)

    find_text.print_found(" ".join(words))
