"""The source: a folder of public downloads, composed of files with incidents, what other files tell of agencies, a
benchmark and residents.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from nibrs_estimation.model.agency import AGENCY
from nibrs_estimation.model.geography import COUNTY_POPULATION, SRS_BENCHMARK
from nibrs_estimation.model.public import SPREAD_RESIDENTS
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.source import Probe
from nibrs_estimation.pipeline.task import YEAR, Task
from nibrs_estimation.sources.cde import CdeSource
from nibrs_estimation.sources.master import MasterSource
from nibrs_estimation.sources.public import kinds
from nibrs_estimation.sources.public.benchmark import ReturnABenchmark
from nibrs_estimation.sources.public.companions import Companions
from nibrs_estimation.sources.public.folder import Survey, look_at, of_kind, paths_in, survey
from nibrs_estimation.sources.public.page import PAGE_TASK
from nibrs_estimation.sources.public.residents import Residents
from nibrs_estimation.sources.public.universe import JoinedIncidents

_WANTED = "Download one of them, or name another data year (docs/user-guide/nation-from-public-data.md)."


@dataclass(frozen=True)
class PublicFolder:
    """A folder of public downloads; :meth:`of_year` composes its source for a data year.

    Attributes:
        folder: the folder.
    """

    folder: Path

    @property
    def spec(self) -> str:
        """Its name, such as ``public:downloads``."""
        return f"public:{self.folder.name}"

    def newest_year(self) -> int:
        """The latest data year of its incidents.

        Raises:
            UsageError: there is no such folder, or it is empty.
            PipelineError: it has no incidents.
        """
        files = [file for path in paths_in(self.folder) for file in look_at(path) if file.states]
        years = [
            file.recognized.years[-1]
            for file in files
            if file.recognized and file.recognized.kind in (kinds.NIBRS_MASTER, kinds.STATE_ZIP)
        ]
        if not years:
            raise PipelineError(f"{self.folder} holds neither a NIBRS master file nor a zip of a state. {_WANTED}")
        return max(years)

    def probe(self, year: int, seed: int) -> Probe:
        """That of the source of the year; raises like :meth:`of_year`."""
        return self.of_year(year).probe(year, seed)

    def tasks(self) -> tuple[Task, ...]:
        """Those of the source of the latest year; raises like :meth:`of_year`."""
        return self.of_year(self.newest_year()).tasks()

    def of_year(self, year: int) -> PublicSource:
        """The source for a data year.

        Raises:
            UsageError: there is no such folder, or it is empty.
            PipelineError: a file is at fault, or there are no incidents of the year.
        """
        found = survey(self.folder, year)
        if found.faults:
            raise PipelineError(
                f"{self.folder} has files at fault ({len(found.faults)}), the first of them {found.faults[0].where}: "
                f"{found.faults[0].reason} `nibrs ingest public {self.folder.name} --year {year}` lists all."
            )
        return _composed(self.folder, self.spec, found)


@dataclass(frozen=True)
class PublicSource:
    """Files with incidents, joined with what other public files tell of agencies, and optional datasets from others.

    Attributes:
        spec: name of the source as given by the user.
        incidents: the NIBRS master files or the zips of states.
        companions: files that tell of agencies and places.
        benchmark: Return A master files, or None.
        residents: the Census Bureau's files, or None.
        omitted: names of optional datasets that external files provide.
    """

    spec: str
    incidents: MasterSource | CdeSource
    companions: Companions
    benchmark: ReturnABenchmark | None
    residents: Residents | None
    omitted: frozenset[str] = frozenset()

    def probe(self, year: int, seed: int) -> Probe:
        """Probe of the incidents; the other files are checked when they are read."""
        probe = self.incidents.probe(year, seed)
        parts = (self.companions, self.benchmark, self.residents)
        prints = [probe.fingerprint, *(part.fingerprint for part in parts if part)]
        added = [
            "benchmark from Return A" if self.benchmark else "no benchmark from Return A",
            "residents of counties" if self.residents else "no residents of counties by age, sex and race",
        ]
        return replace(
            probe,
            fingerprint=hashlib.sha256("\n".join(prints).encode()).hexdigest(),
            summary=f"{probe.summary}; {', '.join(added)}",
        )

    def without(self, datasets: Collection[str]) -> PublicSource:
        """The source without those of the optional datasets that it can omit."""
        return replace(
            self,
            benchmark=None if SRS_BENCHMARK.name in datasets else self.benchmark,
            residents=None if COUNTY_POPULATION.name in datasets else self.residents,
            omitted=self.omitted | frozenset(datasets),
        )

    def tasks(self) -> tuple[Task, ...]:
        """Those of the incidents, one for each optional dataset, and one for the page about the files."""
        tasks = list(JoinedIncidents(self.incidents, self.companions, self.omitted).tasks())
        if self.benchmark:
            tasks.append(
                Task(
                    name="import_return_a_benchmark",
                    function=self.benchmark.import_return_a_benchmark,
                    writes=(SRS_BENCHMARK,),
                    reads=(AGENCY,),
                    parameters=(YEAR,),
                    memory="medium",
                )
            )
        if self.residents:
            tasks.append(
                Task(
                    name="import_residents",
                    function=self.residents.import_residents,
                    writes=(COUNTY_POPULATION, SPREAD_RESIDENTS),
                    parameters=(YEAR,),
                    memory="medium",
                )
            )
        return (*tasks, PAGE_TASK)


def _composed(folder: Path, spec: str, found: Survey) -> PublicSource:
    """The source of a folder without faults.

    Residents of some of the states alone would make rates of the nation too high, so they are left out.
    """
    lacking = {missing.kind.name for missing in found.missing}
    summaries = _paths(found, kinds.RETURN_A)
    has_people = kinds.COUNTY_PEOPLE.name not in lacking
    people = of_kind(found.files, kinds.COUNTY_PEOPLE) if has_people else []
    companions = Companions.of(found, summaries, people)
    return PublicSource(
        spec=spec,
        incidents=replace(_incidents(folder, found), supplied=companions.supplied),
        companions=companions,
        benchmark=ReturnABenchmark.of(summaries) if summaries else None,
        residents=Residents.of(people, of_kind(found.files, kinds.SINGLE_YEARS)) if people else None,
    )


def _incidents(folder: Path, found: Survey) -> MasterSource | CdeSource:
    if of_kind(found.files, kinds.NIBRS_MASTER):
        return MasterSource(_paths(found, kinds.NIBRS_MASTER))
    zips = of_kind(found.files, kinds.STATE_ZIP)
    if not zips:
        summaries = [file.content.path for file in of_kind(found.files, kinds.RETURN_A) if file.content]
        alone = "".join(
            f" Its Return A alone makes the tables of summary counts: `nibrs run srs us --source return-a:{path}`."
            for path in summaries[:1]
        )
        raise PipelineError(
            f"{folder} holds neither a NIBRS master file nor a zip of a state for {found.year}. {_WANTED}{alone}"
        )
    states = {state for file in zips for state in file.states}
    former = [file for file in of_kind(found.files, kinds.STATE_ZIP, "history") if file.states <= states]
    return CdeSource(tuple(Path(file.where).absolute() for file in (*zips, *former)))


def _paths(found: Survey, kind: kinds.Kind) -> tuple[Path, ...]:
    """The files of a kind for the data year and its history; their readers open zips with one text."""
    files = (*of_kind(found.files, kind), *of_kind(found.files, kind, "history"))
    return tuple(file.content.path.absolute() for file in files if file.content)
