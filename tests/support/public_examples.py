"""The made-up public files of the shared data, moved to a state and a data year so that they make one folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.shared_data import SHARED_DATA

EXAMPLES = SHARED_DATA / "public" / "made_up_examples"
needs_examples = pytest.mark.skipif(not EXAMPLES.is_dir(), reason=f"no {EXAMPLES.name} under {SHARED_DATA}")
#: The examples are of state 99, ZZ, which is not estimated.
STATE, ABBR, YEAR = "26", "NB", "22"


def public_examples(folder: Path) -> Path:
    """A folder with master file, Return A, police employees and list of agencies of 2022, all of Nebraska."""
    folder.mkdir(exist_ok=True)

    def moved(name: str, first_of_state: int, first_of_year: int | None = None, line_break: str = "\r\n") -> None:
        lines = [
            line[:first_of_state] + STATE + line[first_of_state + 2 :].replace("ZZ", ABBR)
            for line in (EXAMPLES / name).read_text(encoding="latin-1").splitlines()
        ]
        if first_of_year is not None:
            lines = [line[:first_of_year] + YEAR + line[first_of_year + 2 :] for line in lines]
        content = "".join(f"{line}{line_break}" for line in lines)
        (folder / name).write_text(content, encoding="latin-1", newline="")

    moved("nibrs_master_example.txt", 2, line_break="\n")
    moved("reta_example.txt", 1, 13)
    for name in ("lee_example.csv", "cde_agencies_example.json"):
        content = (EXAMPLES / name).read_text(encoding="latin-1")
        (folder / name).write_text(content.replace("ZZ", ABBR), encoding="latin-1")
    return folder


def employees_master(path: Path) -> Path:
    """The police employee master file, as it is."""
    return Path(shutil.copy(EXAMPLES / "pe_master_example.txt", path))
