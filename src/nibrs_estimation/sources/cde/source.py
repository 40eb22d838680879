"""The source: which years and states the zips hold, and the tasks that read them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from nibrs_estimation.model import agency, incident
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.files import sha256_of
from nibrs_estimation.pipeline.source import Probe
from nibrs_estimation.pipeline.task import PARTITION, YEAR, Task
from nibrs_estimation.sources.cde.agencies import read_agencies, read_report_months
from nibrs_estimation.sources.cde.archive import Archive, open_archive
from nibrs_estimation.sources.cde.decode import read_typed
from nibrs_estimation.sources.cde.layout import AGENCIES, AGENCY, FIRST_YEAR, required_members
from nibrs_estimation.sources.cde.segments import read_segments
from nibrs_estimation.sources.cde.text import decoded, header_of

_OFFENSE = "nibrs_offense"


@dataclass(frozen=True)
class CdeSource:
    """State-year zips of the Crime Data Explorer, one state each, in the layout of data years 2021 and later.

    Attributes:
        paths: the zips, in any order.
    """

    paths: tuple[Path, ...]

    @property
    def spec(self) -> str:
        """How the user named it, such as ``cde:VT-2024.zip``."""
        return "cde:" + ",".join(path.name for path in self.paths)

    def probe(self, year: int, seed: int) -> Probe:
        """Look at the agencies of each zip.

        Raises:
            PipelineError: a zip is broken, hostile, incomplete, of the old layout or of another year; two zips are
                the same or share a state; or there is no zip.
        """
        del seed  # The protocol's; nothing here is random.
        by_state = self._paths_by_state(year)
        hashes = sorted(sha256_of(path) for path in self.paths)
        states = tuple(sorted(by_state))
        return Probe(
            years=(year,),
            partitions={"state_abbr": states},
            fingerprint=hashlib.sha256("\n".join(hashes).encode()).hexdigest(),
            is_content_hash=True,
            summary=f"Crime Data Explorer, data year {year}: {', '.join(states)}",
        )

    def tasks(self) -> tuple[Task, ...]:
        """One task for the agencies of all the states, one for the incidents of each."""
        return (
            Task(
                name="ingest_agencies",
                function=self.ingest_agencies,
                writes=agency.DATASETS,
                parameters=(YEAR,),
            ),
            Task(
                name="ingest_incidents",
                function=self.ingest_incidents,
                writes=incident.DATASETS,
                parameters=(YEAR, PARTITION),
                partition_by="state_abbr",
                memory="medium",
            ),
        )

    def ingest_agencies(self, year: int) -> dict[str, pl.DataFrame]:
        """Read the agencies and the months that they reported.

        Raises:
            PipelineError: as :meth:`probe`, and for a row that cannot be read.
        """
        agencies, months = [], []
        for path in self._paths_by_state(year).values():
            with _opened(path, year) as (archive, _):
                agencies.append(read_agencies(archive))
                months.append(read_report_months(archive, agencies[-1], year))
        return {agency.AGENCY.name: pl.concat(agencies), agency.REPORT_MONTH.name: pl.concat(months)}

    def ingest_incidents(self, year: int, partition: str) -> dict[str, pl.DataFrame]:
        """Read every segment of a state's incidents.

        Raises:
            PipelineError: as :meth:`probe`, and for a row that cannot be read or a state that no zip holds.
        """
        by_state = self._paths_by_state(year)
        if partition not in by_state:
            raise PipelineError(
                f"No zip holds {partition}; there are {', '.join(by_state)}. Name the zip of {partition} as well."
            )
        with _opened(by_state[partition], year) as (archive, state):
            return read_segments(archive, state)

    def _paths_by_state(self, year: int) -> dict[str, Path]:
        if not self.paths:
            raise PipelineError("No zip is named. Name at least one, such as cde:VT-2024.zip.")
        by_state: dict[str, Path] = {}
        for path in self.paths:
            with _opened(path, year) as (_, state):
                if state in by_state:
                    raise PipelineError(f"{by_state[state]} and {path} both hold {state}. Name one zip for each state.")
                by_state[state] = path
        return by_state


@contextmanager
def _opened(path: Path, year: int) -> Iterator[tuple[Archive, str]]:
    """A zip that passed every check of its whole, with the state that it holds (02 section 12.4 step 1)."""
    with open_archive(path) as archive:
        _check_layout(archive)
        held, state = _year_and_state(archive) if AGENCIES in archive.members else (year, "")
        if missing := [name for name in required_members(held) if name not in archive.members]:
            raise PipelineError(
                f"{path} lacks {', '.join(f'{name}.csv' for name in missing)}. A missing file must not count as zeros: "
                "use the whole zip as downloaded from the Crime Data Explorer."
            )
        if held != year:
            raise PipelineError(
                f"{path} holds data year {held}, but the run is for {year}. "
                f"Run it for {held}, or name the zip of {year}."
            )
        yield archive, state


def _check_layout(archive: Archive) -> None:
    """Tell the layouts apart by the offenses' header, as no other file shows the difference so surely."""
    if _OFFENSE not in archive.members:
        return
    header = header_of(decoded(archive.first_line(_OFFENSE)))
    if "offense_code" not in header and "offense_type_id" in header:
        raise PipelineError(
            f"{archive.path} has the layout of data years 2016 to 2020 ({archive.members[_OFFENSE].filename} names "
            f"offenses by offense_type_id). This version reads only data years {FIRST_YEAR} and later: "
            "name a zip of such a year."
        )


def _year_and_state(archive: Archive) -> tuple[int, str]:
    agencies = read_typed(archive, AGENCIES, {name: AGENCY.fields[name] for name in ("data_year", "state_abbr")})
    years = agencies["data_year"].unique().sort().to_list()
    states = agencies["state_abbr"].unique().sort().to_list()
    if len(years) != 1 or len(states) != 1:
        raise PipelineError(
            f"{archive.path}, member {archive.members[AGENCIES].filename}: it lists the data years "
            f"{', '.join(map(str, years)) or 'none'} and the states {', '.join(states) or 'none'}, where a zip "
            "holds one year of one state. Use the zips as downloaded from the Crime Data Explorer."
        )
    return years[0], states[0]
