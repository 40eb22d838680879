"""What is longer than the terminal goes through a pager, as git does it."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

#: Ends at once if all fits on a screen, keeps colors, and leaves the text there: what git sets, too.
_LESS = "FRX"


@contextmanager
def paged(console: Console, *, is_wanted: bool = True) -> Iterator[None]:
    """Collect what is printed and show it in a pager, if it goes to a terminal that is too small for it.

    The pager is that of the environment variable PAGER, or less; an empty PAGER, or ``cat``, is none.
    """
    if not (is_wanted and console.is_terminal):
        yield
        return
    with console.capture() as captured:
        yield
    text = captured.get()
    command = shlex.split(os.environ.get("PAGER", "less"))
    if text.count("\n") < console.height or not command or command == ["cat"] or not _page(text, command):
        # Colors and line ends are in the text already.
        console.file.write(text)


def _page(text: str, command: list[str]) -> bool:
    """Whether the pager took the text."""
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
