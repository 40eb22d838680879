"""A log file per task. Standard logging, plus a TRACE level below DEBUG."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

TRACE = 5
THRESHOLDS = {"TRACE": TRACE, "DEBUG": logging.DEBUG, "INFO": logging.INFO, "WARNING": logging.WARNING}
THRESHOLDS["ERROR"] = logging.ERROR
logging.addLevelName(TRACE, "TRACE")

ROOT = logging.getLogger(__name__.partition(".")[0])
_FORMAT = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
_current: ContextVar[Path | None] = ContextVar("current_log", default=None)


class _TaskLog(logging.FileHandler):
    """A log file that ignores its own write errors (a full disk), which must not hide why the task failed."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (the base class's name)
        """Ignore the error."""

    def close(self) -> None:
        """Close the file and ignore errors."""
        with suppress(OSError):
            super().close()


@contextmanager
def task_log(path: Path, threshold: str) -> Iterator[logging.Logger]:
    """Write log records of the package in this context to ``path``, from level ``threshold`` up.

    Tasks that run at the same time in threads have separate files: a record goes to the file of its context.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = _TaskLog(path, mode="w", encoding="utf-8")
    handler.setFormatter(_FORMAT)
    handler.setLevel(THRESHOLDS[threshold])
    handler.addFilter(lambda _record: _current.get() == path)
    token = _current.set(path)
    ROOT.addHandler(handler)
    ROOT.setLevel(min([THRESHOLDS[threshold], *(other.level for other in ROOT.handlers)]))
    try:
        yield ROOT
    finally:
        ROOT.removeHandler(handler)
        handler.close()
        _current.reset(token)
