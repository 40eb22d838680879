"""The source: one or more NIBRS master files, and the task that reads them."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

from nibrs_estimation.model import agency, incident
from nibrs_estimation.model.agency import HISTORY_YEARS
from nibrs_estimation.model.geography import AGENCY_COUNTY
from nibrs_estimation.model.intake import INTAKE_FILE, PARTITIONED
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.source import Probe
from nibrs_estimation.pipeline.task import YEAR, Task
from nibrs_estimation.sources.intake.archive import printable
from nibrs_estimation.sources.intake.manifest import MANIFEST_TASK
from nibrs_estimation.sources.intake.text_member import is_zip, sha256_of
from nibrs_estimation.sources.master.headers import (
    Headers,
    agency_counties,
    agency_frame,
    numbered,
    read_headers,
    reported_months,
)
from nibrs_estimation.sources.master.lines import WANTED
from nibrs_estimation.sources.master.reading import (
    ALL_LEVELS,
    HISTORY_LEVELS,
    Pass,
    accounts_of,
    pass_through,
    read_counted,
    read_state,
)
from nibrs_estimation.sources.offense_counts import count_offenses
from nibrs_estimation.sources.universe_file import UNIVERSE_FILE, merge_universe, read_universe

_log = logging.getLogger(__name__)

SEGMENT_DATASETS = (*incident.DATASETS, *PARTITIONED)
LAYOUT = "nibrs_master"
#: What no master file tells.
LOSSES = (("no_srs", "srs_month"), ("no_employees", "agency"), ("no_age_ranges", "offender"))


@dataclass(frozen=True)
class MasterFile:
    """One file of a run.

    Attributes:
        headers: its headers.
        sha256: checksum of the file that was named.
    """

    headers: Headers
    sha256: str


@dataclass(frozen=True)
class MasterSource:
    """NIBRS master files: that of the data year, and if there are any those of the four years before as history.

    Attributes:
        paths: the files, in any order, each a text or a zip with one text.
        has_counties: whether the counties of agencies are written, too.
        supplied: losses that other files of the run make up for.
    """

    paths: tuple[Path, ...]
    has_counties: bool = True
    supplied: frozenset[str] = frozenset()
    #: Checksum of each file when the run was planned; the task must read the same files.
    _planned: dict[Path, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def spec(self) -> str:
        """Its name, such as ``master:nibrs-2022.zip``."""
        # Sorted, because the order of the files does not matter and the name is published.
        return "master:" + ",".join(sorted(path.name for path in self.paths))

    def newest_year(self) -> int:
        """The latest data year of the files; raises like :meth:`probe`."""
        return max(file.headers.data_year for file in self._files())

    def probe(self, year: int, seed: int) -> Probe:
        """Find the headers of each file, which is a look at every line, but at no more of it.

        Raises:
            PipelineError: a file cannot be read, is no NIBRS master file, or is of a year that the run does not need;
                two different files are of one year; none is of the data year; or it has no agency of a state.
        """
        del seed  # Required by the protocol.
        self._planned.clear()
        files = self._of_run(year)
        self._planned.update({file.headers.path: file.sha256 for file in files})
        years = [file.headers.data_year for file in files]
        states = files[-1].headers.states
        history = f", with {', '.join(map(str, years[:-1]))} as history" if len(years) > 1 else ""
        agencies = files[-1].headers.agencies.height
        return Probe(
            years=tuple(years),
            partitions={"state_abbr": states},
            fingerprint=hashlib.sha256("\n".join(file.sha256 for file in files).encode()).hexdigest(),
            is_content_hash=True,
            summary=f"NIBRS master file, data year {year}{history}: {agencies:,} agencies in {', '.join(states)}",
            is_synthetic=any(file.headers.is_synthetic for file in files),
        )

    def without(self, datasets: Collection[str]) -> MasterSource:
        """The source without ``agency_county``, if it is one of the datasets: headers have no names of places."""
        return replace(self, has_counties=AGENCY_COUNTY.name not in datasets)

    def tasks(self) -> tuple[Task, ...]:
        """One task reads the files once, another accounts for their lines."""
        places = (AGENCY_COUNTY,) if self.has_counties else ()
        return (
            Task(
                name="ingest_master",
                function=self.ingest_master,
                writes=(*agency.DATASETS, *places, INTAKE_FILE, *SEGMENT_DATASETS),
                parameters=(YEAR,),
                externals=(UNIVERSE_FILE,),
                memory="medium",
            ),
            MANIFEST_TASK,
        )

    def ingest_master(self, year: int, universe: Path | None = None) -> dict[str, Any]:
        """Read agencies, reported months, offenses by month, and the incidents of each state.

        With a universe file, values that the headers lack are taken from it, and agencies that they do not list.

        Raises:
            PipelineError: see :meth:`probe`; also if too many lines or values are faulty, or a file has changed.
        """
        files = self._of_run(year)
        states = files[-1].headers.states
        segments = Segments(states)
        listed = numbered([file.headers for file in files])
        counted, months = [], []
        for file, headers in zip(files, listed, strict=True):
            is_history = headers.data_year != year
            folder = segments.path / f"records_{headers.data_year}"
            folder.mkdir()
            found = pass_through(headers, states, folder, HISTORY_LEVELS if is_history else ALL_LEVELS)
            self._check_unchanged(file)
            of_file = _read_history(found) if is_history else _read_year(found, segments)
            counted.append(of_file)
            months.append(_months(found, of_file))
            _record_unplaced(found)
            if not is_history:
                _record_losses(found, self.supplied | ({"no_employees"} if universe is not None else set()))
            for state in states:
                segments.add_accounts(state, accounts_of(found.accounts[state]))
        report_months = pl.concat(months)
        agencies = _agencies(listed, report_months, universe)
        counties = pl.concat(agency_counties(headers) for headers in listed)
        counties = counties.filter(pl.col("ori").is_in(agencies["ori"].implode()))
        for state in states:
            segments.finish_accounts(state)
        return {
            agency.AGENCY.name: agencies,
            **({AGENCY_COUNTY.name: counties} if self.has_counties else {}),
            agency.REPORT_MONTH.name: agency.REPORT_MONTH.cast(report_months),
            agency.AGENCY_MONTH_OFFENSE.name: pl.concat(counted),
            INTAKE_FILE.name: _intake_files(files, year),
            **{dataset.name: StateTables(dataset.name, segments) for dataset in SEGMENT_DATASETS},
        }

    def _of_run(self, year: int) -> list[MasterFile]:
        """The files by year, that of the data year last.

        Raises:
            PipelineError: see :meth:`probe`.
        """
        files = sorted(self._files(), key=lambda file: file.headers.data_year)
        for earlier, later in pairwise(files):
            if earlier.headers.data_year == later.headers.data_year:
                raise PipelineError(
                    f"{earlier.headers.path} and {later.headers.path} are both of {later.headers.data_year}, with "
                    "different contents. Use one file for each year: the one that was published last."
                )
        for file in files:
            found, path = file.headers.data_year, file.headers.path
            if not year - HISTORY_YEARS < found <= year:
                raise PipelineError(
                    f"{path} is of data year {found}, but the run is for {year} and needs {year - HISTORY_YEARS + 1} "
                    f"to {year}. Run it for {found}, or leave the file out."
                )
        if files[-1].headers.data_year != year:
            found, path = files[-1].headers.data_year, files[-1].headers.path
            raise PipelineError(
                f"There is no file of {year}: {path} is of data year {found}. Add the file of {year}, or run it for "
                f"{found}."
            )
        if not files[-1].headers.states:
            raise PipelineError(
                f"{files[-1].headers.path} has no agency of a state or the District of Columbia, so there is nothing "
                f"to estimate. {WANTED}"
            )
        return files

    def _files(self) -> list[MasterFile]:
        if not self.paths:
            raise PipelineError("No file is given. Name at least one, such as master:nibrs-2022.zip.")
        found: dict[str, MasterFile] = {}
        for path in dict.fromkeys(self.paths):
            is_zip(path, WANTED)
            sha256 = sha256_of(path)
            if self._planned.get(path, sha256) != sha256:
                raise _changed(path)
            if sha256 in found:
                _log.warning("%s is the same file as %s; it is read only once", path, found[sha256].headers.path)
                continue
            found[sha256] = MasterFile(_headers(path, sha256), sha256)
        return list(found.values())

    def _check_unchanged(self, file: MasterFile) -> None:
        if sha256_of(file.headers.path) != file.sha256:
            raise _changed(file.headers.path)


def _changed(path: Path) -> PipelineError:
    return PipelineError(
        f"{path} changed while the run was reading it, so nothing from it was kept. Wait until the file is complete "
        "and repeat the command."
    )


@cache
def _headers(path: Path, sha256: str) -> Headers:
    """The headers of a file; cached, because planning and reading need them. The checksum is part of the key."""
    del sha256
    return read_headers(path)


@dataclass
class Segments:
    """The datasets of every state, on disk until the run takes them.

    Attributes:
        states: the states, ascending.
        folder: a temporary folder, which is removed with this object.
    """

    states: tuple[str, ...]
    folder: tempfile.TemporaryDirectory[str] = field(
        default_factory=lambda: tempfile.TemporaryDirectory(prefix="nibrs_master_")
    )
    _accounts: dict[str, list[dict[str, pl.DataFrame]]] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The folder."""
        return Path(self.folder.name)

    def write(self, state: str, frames: Mapping[str, pl.DataFrame]) -> None:
        """Keep the segments of a state."""
        folder = self.path / state
        folder.mkdir(exist_ok=True)
        for name, frame in frames.items():
            frame.write_ipc(folder / f"{name}.arrow", compression="lz4")

    def add_accounts(self, state: str, frames: dict[str, pl.DataFrame]) -> None:
        """Keep the accounts of a state in one file."""
        self._accounts.setdefault(state, []).append(frames)

    def finish_accounts(self, state: str) -> None:
        """Put the accounts of a state in all files together."""
        of_state = self._accounts.pop(state)
        self.write(state, {dataset.name: pl.concat(each[dataset.name] for each in of_state) for dataset in PARTITIONED})

    def take(self, dataset: str, state: str) -> pl.DataFrame:
        """A dataset of a state."""
        return pl.read_ipc(self.path / state / f"{dataset}.arrow")


@dataclass(frozen=True)
class StateTables(Mapping[str, pl.DataFrame]):
    """A dataset by state."""

    dataset: str
    segments: Segments

    def __getitem__(self, state: str) -> pl.DataFrame:
        if state not in self.segments.states:
            raise KeyError(state)
        return self.segments.take(self.dataset, state)

    def __iter__(self) -> Iterator[str]:
        return iter(self.segments.states)

    def __len__(self) -> int:
        return len(self.segments.states)


def _read_year(found: Pass, segments: Segments) -> pl.DataFrame:
    """Write the segments of all states of the data year; returns dataset ``agency_month_offense``."""
    counts = []
    for state in segments.states:
        frames = read_state(found, state)
        segments.write(state, frames)
        counts.append(_counted(found.headers, frames[incident.INCIDENT.name], frames[incident.OFFENSE.name]))
    return pl.concat(counts)


def _read_history(found: Pass) -> pl.DataFrame:
    """Dataset ``agency_month_offense`` of an earlier year."""
    return pl.concat(_counted(found.headers, *read_counted(found, state)) for state in found.states)


def _counted(headers: Headers, incidents: pl.DataFrame, offenses: pl.DataFrame) -> pl.DataFrame:
    return count_offenses(headers.agencies.select("agency_id", "ori"), incidents, offenses, headers.data_year)


def _months(found: Pass, counted: pl.DataFrame) -> pl.DataFrame:
    """Dataset ``report_month`` of a file: the months that headers mark, and months with incidents that they do not."""
    headers = found.headers
    states = headers.agencies.select("agency_id", "state_abbr").filter(pl.col("state_abbr").is_in(found.states))
    marked = reported_months(headers).join(states.select("agency_id"), on="agency_id", how="semi")
    with_incidents = counted.select("agency_id", "ori", "month").unique()
    key = ["agency_id", "ori", "month"]
    unmarked = with_incidents.join(marked, on=key, how="anti").join(states, on="agency_id").sort(key)
    for state, rows in unmarked.group_by("state_abbr", maintain_order=True):
        accounts = found.accounts[str(state[0])]
        for ori, month in rows.select("ori", "month").iter_rows():
            accounts.lost("unmarked_month", f"{ori} {headers.data_year}-{month:02}")
    return (
        marked.join(with_incidents.with_columns(incidents=pl.lit("I")), on=key, how="full", coalesce=True)
        .with_columns(
            data_year=pl.lit(headers.data_year),
            form_code=pl.lit("N"),
            status=pl.coalesce("incidents", "status"),
            status_source=pl.lit("reported"),
        )
        .select(agency.REPORT_MONTH.schema.names())
    )


def _intake_files(files: list[MasterFile], year: int) -> pl.DataFrame:
    rows = [
        {
            "input_name": printable(file.headers.path.name),
            "state_abbr": "US",
            "data_year": file.headers.data_year,
            "layout": LAYOUT,
            "use": "incidents" if file.headers.data_year == year else "history",
            "is_excerpt": False,
            "sha256": file.sha256,
        }
        for file in files
    ]
    return pl.DataFrame(rows, schema=INTAKE_FILE.schema)


def _record_losses(found: Pass, supplied: frozenset[str]) -> None:
    """Record what no master file tells, and no other file of the run either."""
    for accounts in found.accounts.values():
        for loss, subject in LOSSES:
            if loss not in supplied:
                accounts.lost(loss, subject)


def _record_unplaced(found: Pass) -> None:
    """Record the agencies of each state whose counties are not known."""
    placed = agency_counties(found.headers)["ori"]
    unplaced = found.headers.agencies.filter(~pl.col("ori").is_in(placed.implode()))
    for state, number in unplaced.group_by("state_abbr").len().sort("state_abbr").iter_rows():
        if state in found.accounts:
            found.accounts[state].lost("no_county", AGENCY_COUNTY.name, number)


def _agencies(listed: list[Headers], report_months: pl.DataFrame, universe: Path | None) -> pl.DataFrame:
    """Dataset ``agency`` of all years: the agencies of the states that have incidents in the data year."""
    states = listed[-1].states
    frames = [
        agency_frame(headers, report_months.select("agency_id").unique()).filter(pl.col("state_abbr").is_in(states))
        for headers in listed
    ]
    if universe is not None:
        former = pl.concat([frame["ori"] for frame in frames[:-1]]) if frames[:-1] else pl.Series(dtype=pl.String())
        frames[-1] = merge_universe(frames[-1], read_universe(universe, listed[-1].data_year, former))
    return pl.concat(frames)
