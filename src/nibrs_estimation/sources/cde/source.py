"""The source: years and states of the zips, and the tasks that read them."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import polars as pl

from nibrs_estimation.model import agency, incident
from nibrs_estimation.model.codes import code_list, ucr_abbr
from nibrs_estimation.model.intake import INTAKE_FILE, NEW_OFFENSE, PARTITIONED
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.source import Probe
from nibrs_estimation.pipeline.task import PARTITION, YEAR, Task
from nibrs_estimation.sources.cde.accounts import ZipAccounts
from nibrs_estimation.sources.cde.agencies import (
    read_agencies,
    record_suspicious_gaps,
    report_months,
    with_participation,
)
from nibrs_estimation.sources.cde.decode import read_typed
from nibrs_estimation.sources.cde.layout import (
    AGENCIES,
    AGENCY,
    FIRST_ISSUE,
    FIRST_YEAR,
    GROUP_B_FIRST_YEAR,
    INCIDENT,
    LAYOUT_LOSSES,
    LISTS_MONTHS,
    MONTH,
    NEW_LAYOUT,
    OLD_LAYOUT,
    PARTICIPATION,
    PARTICIPATION_FIELDS,
    REPORTERS,
    agency_members,
    is_synthetic,
    required_members,
)
from nibrs_estimation.sources.cde.segments import read_dated_offenses, read_months, read_segments
from nibrs_estimation.sources.cde.text import header_of
from nibrs_estimation.sources.intake.archive import Archive, open_archive, printable
from nibrs_estimation.sources.intake.manifest import MANIFEST_TASK
from nibrs_estimation.sources.offense_counts import count_offenses
from nibrs_estimation.sources.universe_file import UNIVERSE_FILE, merge_universe, read_universe

_log = logging.getLogger(__name__)

_OFFENSE = "nibrs_offense"


@dataclass(frozen=True)
class Contents:
    """Content of a zip.

    Attributes:
        path: path of the zip.
        name: its name in the accounts: file name, with the folder if two zips have the same name.
        year, state: data year and UCR abbreviation of the state.
        layout: ``cde_2016_first_issue``, ``cde_2016_2020`` or ``cde_2021``.
        is_synthetic: whether it is marked as synthetic.
        sha256: checksum of the file.
    """

    path: Path
    name: str
    year: int
    state: str
    layout: str
    is_synthetic: bool
    sha256: str


@dataclass(frozen=True)
class CdeSource:
    """State-year zips of the Crime Data Explorer, data years 2016 and later, of one or more states.

    Zips of the data year provide incidents; zips of the four years before provide reported months and numbers of
    offenses by agency.

    Attributes:
        paths: the zips, in any order; a zip that is named twice is read only once.
        is_excerpt: whether members may be missing; their datasets are then empty and marked as missing.
        supplied: losses that other files of the run make up for.
    """

    paths: tuple[Path, ...]
    is_excerpt: bool = False
    supplied: frozenset[str] = frozenset()
    #: Checksum of each zip when the run was planned; the tasks must read the same files.
    _planned: dict[Path, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def spec(self) -> str:
        """Its name, such as ``cde:VT-2024.zip``."""
        # Sorted, because the order of the zips does not matter and the name is published.
        return "cde:" + ",".join(sorted(path.name for path in self.paths))

    def newest_year(self) -> int:
        """The latest data year of the zips; raises like :meth:`probe`."""
        return max(contents.year for contents in self.contents())

    def probe(self, year: int, seed: int) -> Probe:
        """Read the agencies of each zip.

        Raises:
            PipelineError: a zip is broken, hostile or incomplete, or of a year that the run does not need; two zips
                have the same state and year; no zip is of the data year; or there is no zip.
        """
        del seed  # Required by the protocol.
        self._planned.clear()
        by_state = self._by_state(year)
        self._planned.update({contents.path: contents.sha256 for held in by_state.values() for contents in held})
        states = tuple(sorted(by_state))
        years = sorted({contents.year for held in by_state.values() for contents in held})
        history = f", with {', '.join(map(str, years[:-1]))} as history" if len(years) > 1 else ""
        return Probe(
            years=tuple(years),
            partitions={"state_abbr": states},
            fingerprint=hashlib.sha256(
                "\n".join(sorted(contents.sha256 for held in by_state.values() for contents in held)).encode()
            ).hexdigest(),
            is_content_hash=True,
            summary=f"Crime Data Explorer, data year {year}{history}: {', '.join(states)}",
            is_synthetic=any(contents.is_synthetic for held in by_state.values() for contents in held),
        )

    def tasks(self) -> tuple[Task, ...]:
        """One task for the agencies of all the states, one for the incidents of each, one for the accounts."""
        return (
            Task(
                name="ingest_agencies",
                function=self.ingest_agencies,
                writes=(*agency.DATASETS, INTAKE_FILE),
                parameters=(YEAR,),
                externals=(UNIVERSE_FILE,),
                memory="medium",
            ),
            Task(
                name="ingest_incidents",
                function=self.ingest_incidents,
                writes=(*incident.DATASETS, *PARTITIONED),
                parameters=(YEAR, PARTITION),
                externals=(UNIVERSE_FILE,),
                partition_by="state_abbr",
                memory="medium",
            ),
            MANIFEST_TASK,
        )

    def ingest_agencies(self, year: int, universe: Path | None = None) -> dict[str, pl.DataFrame]:
        """Read the agencies, the months that they reported and their offenses by month, for each year.

        With a universe file, the agencies of the data year include those of the file.

        Raises:
            PipelineError: see :meth:`probe`; also for a value that cannot be read.
        """
        agencies, months, offenses, files = [], [], [], []
        for contents in (contents for held in self._by_state(year).values() for contents in held):
            with self._opened(contents) as archive:
                accounts = ZipAccounts(contents.name, contents.state)
                of_zip = read_agencies(archive, contents.year, contents.layout, accounts)
                ids = of_zip["agency_id"]
                found, offense = read_dated_offenses(archive, ids, contents.year, accounts)
                agencies.append(with_participation(of_zip, found, contents.year, accounts))
                # Reports by incident have no more information than the incidents.
                lists_months = contents.layout in LISTS_MONTHS
                listed = read_months(archive, ids, contents.year, accounts) if lists_months else found
                listed = listed if MONTH in archive.members else None
                # Zero reports depend on the flags in the file, not on the flags corrected from the incidents.
                months.append(report_months(of_zip, found, listed, contents.year, contents.layout))
                offenses.append(count_offenses(agencies[-1], found, offense, contents.year))
            files.append(
                {
                    "input_name": contents.name,
                    "state_abbr": contents.state,
                    "data_year": contents.year,
                    "layout": contents.layout,
                    "use": "incidents" if contents.year == year else "history",
                    "is_excerpt": self.is_excerpt,
                    "sha256": contents.sha256,
                }
            )
        listed = pl.concat(agencies)
        if universe is not None:
            of_year = listed.filter(pl.col("data_year") == year)
            former = listed.filter(pl.col("data_year") != year)
            listed = pl.concat([former, merge_universe(of_year, read_universe(universe, year, former["ori"]))])
        return {
            agency.AGENCY.name: listed,
            agency.REPORT_MONTH.name: pl.concat(months).select(agency.REPORT_MONTH.schema.names()),
            agency.AGENCY_MONTH_OFFENSE.name: pl.concat(offenses),
            INTAKE_FILE.name: pl.DataFrame(files, schema=INTAKE_FILE.schema),
        }

    def ingest_incidents(self, year: int, partition: str, universe: Path | None = None) -> dict[str, pl.DataFrame]:
        """Read the segments of a state's incidents, and the accounts of all its zips.

        Raises:
            PipelineError: see :meth:`probe`; also for a value that cannot be read or a state without a zip.
        """
        by_state = self._by_state(year)
        if partition not in by_state:
            raise PipelineError(
                f"There is no zip of {partition}, only of {', '.join(by_state)}. Add the zip of {partition}."
            )
        segments: dict[str, pl.DataFrame] = {}
        accounts = []
        for contents in by_state[partition]:
            with self._opened(contents) as archive:
                zip_accounts = ZipAccounts(contents.name, partition)
                if contents.year == year:
                    segments = self._read_all(archive, contents, zip_accounts, has_universe=universe is not None)
                else:
                    self._read_history(archive, contents, zip_accounts)
                accounts.append(zip_accounts.frames())
        account_frames = {
            dataset.name: pl.concat(frames[dataset.name] for frames in accounts) for dataset in PARTITIONED
        }
        # Zips of several years may have the same new code; that of the data year, the last one, is used.
        account_frames[NEW_OFFENSE.name] = account_frames[NEW_OFFENSE.name].unique(
            NEW_OFFENSE.primary_key, keep="last", maintain_order=True
        )
        return segments | account_frames

    def _read_all(
        self, archive: Archive, contents: Contents, zip_accounts: ZipAccounts, *, has_universe: bool
    ) -> dict[str, pl.DataFrame]:
        agencies = read_agencies(archive, contents.year, contents.layout, zip_accounts)
        months = read_months(archive, agencies["agency_id"], contents.year, zip_accounts)
        segments = read_segments(archive, agencies["agency_id"], months, contents.state, contents.year, zip_accounts)
        incidents = segments[incident.INCIDENT.name]
        with_participation(agencies, incidents, contents.year, zip_accounts)
        record_suspicious_gaps(report_months(agencies, incidents, months, contents.year, contents.layout), zip_accounts)
        for name in required_members(contents.year, contents.layout):
            if name not in archive.members:
                zip_accounts.lost("missing_table", name)
        for loss, subject in LAYOUT_LOSSES[contents.layout]:
            if loss in self.supplied or (loss == "no_universe" and has_universe):
                continue
            if loss == "no_agency" and contents.year < GROUP_B_FIRST_YEAR:
                zip_accounts.lost("no_group_b", subject)
            else:
                group_b = segments[incident.ARRESTEE.name]["is_group_b"].sum()
                zip_accounts.lost(loss, subject, int(group_b) if loss == "no_agency" else None)
        if several := int((segments[incident.ARRESTEE.name]["multiple_code"] == "M").sum()):
            zip_accounts.lost("multiple_clearance_arrests", incident.ARRESTEE.name, several)
        return segments

    def _read_history(self, archive: Archive, contents: Contents, zip_accounts: ZipAccounts) -> None:
        agencies = read_agencies(archive, contents.year, contents.layout, zip_accounts)
        read_months(archive, agencies["agency_id"], contents.year, zip_accounts)
        incidents, offenses = read_dated_offenses(archive, agencies["agency_id"], contents.year, zip_accounts)
        for member, frame in (("nibrs_incident", incidents), (_OFFENSE, offenses)):
            zip_accounts.kept(member, agency.AGENCY_MONTH_OFFENSE.name, frame.height)

    def _by_state(self, year: int) -> dict[str, list[Contents]]:
        """The zips of each state, that of the data year last.

        Raises:
            PipelineError: see :meth:`probe`.
        """
        by_state: dict[str, list[Contents]] = {}
        for contents in sorted(self.contents(), key=lambda contents: (contents.state, contents.year)):
            held = by_state.setdefault(contents.state, [])
            if held and held[-1].year == contents.year:
                raise PipelineError(
                    f"{held[-1].path} and {contents.path} are both of {contents.state} {contents.year}, with different "
                    "contents. Use one zip for each state and year."
                )
            if not year - agency.HISTORY_YEARS < contents.year <= year:
                raise PipelineError(
                    f"{contents.path} is of data year {contents.year}, but the run is for {year} and needs "
                    f"{year - agency.HISTORY_YEARS + 1} to {year}. Run it for {contents.year}, or leave the zip out."
                )
            held.append(contents)
        for state, held in by_state.items():
            if held[-1].year != year:
                raise PipelineError(
                    f"There is no zip of {state} {year}: {held[-1].path} is of data year {held[-1].year}. "
                    f"Add the zip of {year}, or run it for {held[-1].year}."
                )
        return by_state

    def contents(self) -> list[Contents]:
        """Year, state and layout of each zip; raises PipelineError as :meth:`probe` for a zip alone."""
        if not self.paths:
            raise PipelineError("No zip is given. Name at least one, such as cde:VT-2024.zip.")
        found: dict[str, Contents] = {}
        for path in dict.fromkeys(self.paths):
            contents = self._examine(path)
            if contents.sha256 in found and found[contents.sha256].path != path:
                _log.warning("%s is the same file as %s; it is read only once", path, found[contents.sha256].path)
            found.setdefault(contents.sha256, contents)
        names = Counter(contents.path.name for contents in found.values())
        return [
            replace(contents, name=f"{contents.path.parent.name}/{contents.path.name}")
            if names[contents.path.name] > 1
            else contents
            for contents in found.values()
        ]

    def _examine(self, path: Path) -> Contents:
        with open_archive(path, is_excerpt=self.is_excerpt, sha256=self._planned.get(path, "")) as archive:
            return _examine(path, self.is_excerpt, archive.sha256)

    def _opened(self, contents: Contents) -> AbstractContextManager[Archive]:
        return open_archive(contents.path, is_excerpt=self.is_excerpt, sha256=contents.sha256)


@cache
def _examine(path: Path, is_excerpt: bool, sha256: str) -> Contents:
    """Content of a zip, after all checks of the complete file (docs/develop/adding-a-source.md).

    Cached because all tasks need it; the checksum is part of the key.
    """
    with open_archive(path, is_excerpt=is_excerpt, sha256=sha256) as archive:
        for name in archive.repeated:
            _log.warning("%s contains %s twice, with the same content; it is read only once", path, name)
        is_first_issue = AGENCIES not in archive.members and PARTICIPATION in archive.members
        layout = FIRST_ISSUE if is_first_issue else NEW_LAYOUT
        has_agencies = all(name in archive.members for name in agency_members(layout))
        year, state = _year_and_state(archive, layout) if has_agencies else (FIRST_YEAR, "")
        if year < FIRST_YEAR:
            raise PipelineError(
                f"{path} is of data year {year}, whose layout is not supported. This version reads data years "
                f"{FIRST_YEAR} and later: use a zip of such a year."
            )
        missing = [name for name in required_members(year, layout) if name not in archive.members]
        if missing and not (is_excerpt and has_agencies and INCIDENT.member in archive.members):
            _refuse_missing(archive, missing, is_excerpt)
        if not is_first_issue and _OFFENSE in archive.members:
            has_code = "offense_code" in header_of(archive.first_line(_OFFENSE))
            layout = NEW_LAYOUT if has_code else OLD_LAYOUT
        synthetic = is_synthetic(archive)
    return Contents(path, printable(path.name), year, state, layout, synthetic, sha256)


def _refuse_missing(archive: Archive, missing: list[str], is_excerpt: bool) -> None:
    if AGENCIES in missing and REPORTERS in archive.members:
        raise PipelineError(
            f"{archive.path} contains {REPORTERS}.csv but not {PARTICIPATION}.csv, which is the layout of data years "
            f"before {FIRST_YEAR}. This version reads data years {FIRST_YEAR} and later: use a zip of such a year."
        )
    hint = "" if is_excerpt else " (an excerpt can be read with --partial)"
    raise PipelineError(
        f"{archive.path} lacks {', '.join(f'{name}.csv' for name in missing)}. A missing file must not count as "
        f"zeros: use the complete zip as downloaded from the Crime Data Explorer{hint}."
    )


def _year_and_state(archive: Archive, layout: str) -> tuple[int, str]:
    """Data year and UCR abbreviation of the state, which must be a state that is estimated."""
    member = agency_members(layout)[0]
    all_fields = PARTICIPATION_FIELDS if layout == FIRST_ISSUE else AGENCY.fields
    fields = {name: all_fields[name] for name in ("data_year", "state_abbr")}
    agencies = read_typed(archive, member, fields, FIRST_YEAR, ZipAccounts("", ""))
    agencies = agencies.with_columns(ucr_abbr(pl.col("state_abbr")))
    years = agencies["data_year"].unique().sort().to_list()
    states = agencies["state_abbr"].unique().sort().to_list()
    if len(years) != 1 or len(states) != 1:
        raise PipelineError(
            f"{archive.where(member)}: it lists the data years "
            f"{', '.join(map(str, years)) or 'none'} and the states {', '.join(states) or 'none'}, but a zip "
            "must contain one year of one state. Use the zips as downloaded from the Crime Data Explorer."
        )
    if states[0] not in code_list("state")["state_abbr"]:
        places = dict(code_list("place_not_estimated").select("state_abbr", "state_name").rows())
        raise PipelineError(
            f"{archive.path}, member {archive.members[member].filename}, column state_abbr: {states[0]} "
            f"({places.get(states[0], 'no known abbreviation')}) is neither a state nor the District of Columbia, so "
            "there are no estimates for it. Leave this zip out."
        )
    return years[0], states[0]
