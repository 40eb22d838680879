"""Records of a file on disk, by state and level: they arrive in the order of the file, and are read by state."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nibrs_estimation.sources.master.layout import LEVELS
from nibrs_estimation.sources.master.lines import Bytes, Integers


@dataclass(frozen=True)
class Spool:
    """Characters and lines of records in a folder: ``<state>/<level>.records`` and ``<state>/<level>.lines``."""

    folder: Path

    def add(self, state: str, level: str, line: Integers, characters: Bytes) -> None:
        """Append records of a state and level."""
        folder = self.folder / state
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in (("records", characters), ("lines", line)):
            with (folder / f"{level}.{name}").open("ab") as file:
                np.ascontiguousarray(content).tofile(file)

    def take(self, state: str, level: str) -> tuple[Integers, Bytes]:
        """The lines and characters of a state's records of a level; their files are removed."""
        length = LEVELS[level].length
        paths = [self.folder / state / f"{level}.{name}" for name in ("lines", "records")]
        if not paths[0].exists():
            return np.empty(0, np.int64), np.empty((0, length), np.uint8)
        line, characters = np.fromfile(paths[0], np.int64), np.fromfile(paths[1], np.uint8).reshape(-1, length)
        for path in paths:
            path.unlink()
        return line, characters
