"""Which run a number is of: no number leaves the program without it."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from nibrs_estimation.pipeline.files import write_json

#: In a folder of datasets; statistics mode hands it on from the input folder to the output folder.
IDENTITY_FILE = "identity.json"
SYNTHETIC = "SYNTHETIC DATA: these numbers describe a nation that does not exist"


@dataclass(frozen=True)
class Identity:
    """Where numbers come from.

    Attributes:
        run_id: name of the run, or "" where the data belong to none (statistics mode, `nibrs ingest`).
        source: as the user named it, such as ``cde:VT-2024.zip``; free of secrets.
        year: data year.
        seed: of every random number.
        is_synthetic: whether the data were made up by this program.
    """

    run_id: str
    source: str
    year: int
    seed: int
    is_synthetic: bool

    @property
    def text(self) -> str:
        """One line for people, such as ``data year 2024, source cde:VT-2024.zip, run vt``."""
        run = f", run {self.run_id}" if self.run_id else ""
        mark = f"{SYNTHETIC}; " if self.is_synthetic else ""
        return f"{mark}data year {self.year}, source {self.source}{run}"

    def columns(self) -> dict[str, str | bool]:
        """What every published row says of its origin: ``run_id``, ``data_source``, ``is_synthetic``."""
        return {"run_id": self.run_id, "data_source": self.source, "is_synthetic": self.is_synthetic}

    def metadata(self) -> dict[str, str]:
        """The same as texts, for the metadata of a Parquet file, with ``data_year`` and ``seed``."""
        told = {**self.columns(), "data_year": self.year, "seed": self.seed}
        return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in told.items()}

    def write(self, folder: Path) -> None:
        """Put it beside datasets."""
        write_json(folder / IDENTITY_FILE, dataclasses.asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Identity | None:
        """That of a folder of datasets, or None where it tells none."""
        try:
            return cls(**json.loads((folder / IDENTITY_FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
