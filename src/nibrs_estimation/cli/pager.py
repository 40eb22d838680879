"""Output that is longer than the terminal is shown in a pager, as in git."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

#: Options of less, as in git: exit if the text fits on the screen, keep colors, keep the text after exit.
_LESS = "FRX"


@contextmanager
def paged(console: Console, *, is_wanted: bool = True) -> Iterator[None]:
    """Collect the output and show it in a pager if it does not fit in the terminal.

    The pager is the environment variable PAGER, or less; an empty PAGER or ``cat`` means no pager.
    """
    if not (is_wanted and console.is_terminal):
        yield
        return
    with console.capture() as captured:
        yield
    text = captured.get()
    command = shlex.split(os.environ.get("PAGER", "less"))
    if text.count("\n") < console.height or not command or command == ["cat"] or not _page(text, command):
        # The text already contains colors and line breaks.
        console.file.write(text)


def _page(text: str, command: list[str]) -> bool:
    """Show the text in the pager; returns whether the pager could be started."""
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, env={"LESS": _LESS, **os.environ}, text=True, encoding="utf-8"
        )
    except OSError:
        return False
    try:
        process.communicate(text)
    except BrokenPipeError:
        process.wait()
    return True
