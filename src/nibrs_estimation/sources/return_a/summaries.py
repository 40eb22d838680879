"""Return A master files as the source of summary estimates: agencies, months and counts, and no incidents."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from nibrs_estimation.model.agency import AGENCY, AGENCY_MONTH_OFFENSE, HISTORY_YEARS, REPORT_MONTH, SRS_MONTH
from nibrs_estimation.model.incident import DATASETS as SEGMENTS
from nibrs_estimation.model.intake import INTAKE_COUNT, INTAKE_FILE, INTAKE_LOSS, QUARANTINE
from nibrs_estimation.model.summary import RETURN_A_CARD
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.source import Probe
from nibrs_estimation.pipeline.task import YEAR, Task
from nibrs_estimation.sources.intake.archive import printable
from nibrs_estimation.sources.intake.manifest import MANIFEST_TASK
from nibrs_estimation.sources.return_a.core import (
    agency_rows,
    card_rows,
    line_rows,
    numbered,
    report_rows,
    with_states,
)
from nibrs_estimation.sources.return_a.reading import NATION, ReturnA, read_return_a
from nibrs_estimation.sources.return_a.source import ReturnASource

_ACCOUNTS = (INTAKE_COUNT, QUARANTINE, INTAKE_LOSS)


@dataclass(frozen=True)
class ReturnASummaries:
    """Return A master files of one or more years.

    Attributes:
        paths: paths of the files, a year each.
    """

    paths: tuple[Path, ...]

    @property
    def spec(self) -> str:
        """Its name, such as ``return-a:RETURNA2013.zip``."""
        return f"return-a:{','.join(path.name for path in self.paths)}"

    def newest_year(self) -> int:
        """The latest year of the files.

        Raises:
            PipelineError: a file cannot be read, or is no Return A master file.
        """
        return max(self._years())

    def probe(self, year: int, seed: int) -> Probe:
        """Look at the first record of each file.

        Raises:
            PipelineError: as :meth:`newest_year`, two files are of one year, or none is of the data year.
        """
        years = self._years()
        if len(set(years)) < len(years):
            raise PipelineError(f"{self.spec}: two files are of one year ({years}). Name one file for each year.")
        if year not in years:
            raise PipelineError(
                f"{self.spec} is of {', '.join(map(str, sorted(years)))}, not of {year}. Name the file of {year}, too."
            )
        used = [(path, of) for path, of in zip(self.paths, years, strict=True) if self._is_used(of, year)]
        probes = [ReturnASource(path).probe(of, seed) for path, of in used]
        return Probe(
            years=tuple(sorted(years)),
            partitions={str(INTAKE_COUNT.partition_key): (NATION,)},
            fingerprint=hashlib.sha256("".join(sorted(probe.fingerprint for probe in probes)).encode()).hexdigest(),
            is_content_hash=True,
            summary=f"Return A master files of {', '.join(map(str, sorted(years)))}, data year {year}",
        )

    def tasks(self) -> tuple[Task, ...]:
        """One task reads the files, another accounts for their records."""
        return (
            Task(
                name="ingest_summaries",
                function=self.ingest_summaries,
                writes=(
                    AGENCY,
                    REPORT_MONTH,
                    AGENCY_MONTH_OFFENSE,
                    SRS_MONTH,
                    RETURN_A_CARD,
                    INTAKE_FILE,
                    *_ACCOUNTS,
                    *SEGMENTS,
                ),
                parameters=(YEAR,),
                memory="medium",
            ),
            MANIFEST_TASK,
        )

    def ingest_summaries(self, year: int) -> dict[str, Any]:
        """Read the agencies, months and counts of the data year and of the files of four years before.

        Raises:
            PipelineError: as :func:`read_return_a`, or most records of a file are of another year than its first.
        """
        used = [path for path, of in zip(self.paths, self._years(), strict=True) if self._is_used(of, year)]
        files = [read_return_a(path) for path in used]
        ids = numbered(pl.concat(file.agencies["ori7"] for file in files))
        agencies = pl.concat(_agencies(file, ids) for file in files)
        cards = pl.concat(card_rows(file.counts, file.months, ids) for file in files)
        rows = [
            {
                "input_name": printable(path.name),
                "state_abbr": NATION,
                "data_year": file.data_year,
                "layout": "return_a",
                "use": "summary",
                "is_excerpt": False,
                "sha256": file.sha256,
            }
            for path, file in zip(used, files, strict=True)
        ]
        return {
            AGENCY.name: agencies,
            REPORT_MONTH.name: report_rows(cards, agencies),
            AGENCY_MONTH_OFFENSE.name: AGENCY_MONTH_OFFENSE.empty(),
            SRS_MONTH.name: line_rows(cards),
            RETURN_A_CARD.name: cards,
            INTAKE_FILE.name: pl.DataFrame(rows, schema=INTAKE_FILE.schema),
            **{each.name: {NATION: pl.concat(file.accounts[each.name] for file in files)} for each in _ACCOUNTS},
            **{segment.name: {NATION: segment.empty()} for segment in SEGMENTS},
        }

    def _years(self) -> list[int]:
        return [ReturnASource(path).newest_year() for path in self.paths]

    def _is_used(self, of: int, year: int) -> bool:
        return year - HISTORY_YEARS < of <= year


def return_a_summaries(text: str) -> ReturnASummaries:
    """The source named ``return-a:<text>``.

    Raises:
        UsageError: no file is named.
    """
    paths = tuple(Path(part.strip()).absolute() for part in text.split(",") if part.strip())
    if not paths:
        raise UsageError("The source return-a: has no file name. Write return-a:RETURNA2013.zip, or several files.")
    return ReturnASummaries(paths)


def _agencies(file: ReturnA, ids: pl.DataFrame) -> pl.DataFrame:
    return agency_rows(with_states(file.agencies.join(ids, on="ori7", maintain_order="left")), file.data_year)
