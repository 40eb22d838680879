"""The source: one Return A master file, and the task that reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from nibrs_estimation.model.intake import INTAKE_COUNT, INTAKE_FILE, INTAKE_LOSS, QUARANTINE
from nibrs_estimation.model.return_a_file import DATASETS, RETURN_A_AGENCY, RETURN_A_COUNT, RETURN_A_MONTH
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.source import Probe
from nibrs_estimation.pipeline.task import YEAR, Task
from nibrs_estimation.sources.intake.archive import printable
from nibrs_estimation.sources.intake.manifest import MANIFEST_TASK
from nibrs_estimation.sources.return_a.header import year_of
from nibrs_estimation.sources.return_a.layout import RECORD_LENGTH, RECORD_TYPE
from nibrs_estimation.sources.return_a.reading import NATION, read_return_a
from nibrs_estimation.sources.return_a.text_file import first_line, not_a_return_a_file


@dataclass(frozen=True)
class ReturnASource:
    """One Return A master file: monthly counts of all agencies of a year, and no incidents.

    Attributes:
        path: path of the text, or of a zip with one text.
    """

    path: Path

    @property
    def spec(self) -> str:
        """Its name, such as ``return-a:RETURNA2013.zip``."""
        return f"return-a:{self.path.name}"

    def newest_year(self) -> int:
        """The year of the file's first record.

        Raises:
            PipelineError: the file cannot be read, or its first line is no record of a Return A master file.
        """
        line, _sha256 = self._look()
        return year_of(line)

    def probe(self, year: int, seed: int) -> Probe:
        """Look at the first record.

        Raises:
            PipelineError: as :meth:`newest_year`, or the file is of another year.
        """
        del seed  # The protocol's; nothing here is random.
        line, sha256 = self._look()
        found = year_of(line)
        if found != year:
            raise PipelineError(
                f"{self.path} is of {found}, not of {year}. Ask for {found}, or name the file of {year}."
            )
        return Probe(
            years=(found,),
            partitions={str(INTAKE_COUNT.partition_key): (NATION,)},
            fingerprint=sha256,
            is_content_hash=True,
            summary=f"Return A master file, data year {found}: {self.path.name}",
        )

    def tasks(self) -> tuple[Task, ...]:
        """One task reads the file, another accounts for its records."""
        return (
            Task(
                name="ingest_return_a",
                function=self.ingest_return_a,
                writes=(*DATASETS, INTAKE_FILE, INTAKE_COUNT, QUARANTINE, INTAKE_LOSS),
                parameters=(YEAR,),
                memory="medium",
            ),
            MANIFEST_TASK,
        )

    def ingest_return_a(self, year: int) -> dict[str, Any]:
        """Read the agencies of a Return A master file, their months and their counts.

        Raises:
            PipelineError: as :func:`read_return_a`, or most records are of another year than the first.
        """
        found = read_return_a(self.path)
        if found.data_year != year:
            raise PipelineError(
                f"{self.path}: its first record is of {year}, but most are of {found.data_year}. Name a file of one "
                "year."
            )
        row = {
            "input_name": printable(self.path.name),
            "state_abbr": NATION,
            "data_year": year,
            "layout": "return_a",
            "use": "summary",
            "is_excerpt": False,
            "sha256": found.sha256,
        }
        return {
            RETURN_A_AGENCY.name: found.agencies,
            RETURN_A_MONTH.name: found.months,
            RETURN_A_COUNT.name: found.counts,
            INTAKE_FILE.name: pl.DataFrame([row], schema=INTAKE_FILE.schema),
            **{name: {NATION: frame} for name, frame in found.accounts.items()},
        }

    def _look(self) -> tuple[str, str]:
        line, sha256 = first_line(self.path)
        if len(line) != RECORD_LENGTH or not line.startswith(RECORD_TYPE):
            raise not_a_return_a_file(self.path, line, "its first line is no such record")
        return line, sha256
