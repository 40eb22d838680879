"""Finished runs of flow `grant_year`, a year each, as the source of flow `bjs_grant` (handbook 16)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from nibrs_estimation.model.grants import GRANT_YEAR
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.files import sha256_of
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.source import Probe
from nibrs_estimation.pipeline.table import find_table, read_table
from nibrs_estimation.pipeline.task import Task

#: The flow whose runs are read.
YEAR_FLOW = "grant_year"


@dataclass(frozen=True)
class GrantRuns:
    """Some runs of one year each.

    Attributes:
        scratch: folder of the runs.
        run_ids: their names.
    """

    scratch: Path
    run_ids: tuple[str, ...]

    @property
    def spec(self) -> str:
        """Such as ``runs:g2021,g2022``."""
        return f"runs:{','.join(self.run_ids)}"

    def newest_year(self) -> int:
        """The latest data year of the runs.

        Raises:
            UsageError: a run does not exist or has not finished.
        """
        return max(identity.year for identity in self._identities())

    def probe(self, year: int, seed: int) -> Probe:
        """The runs; the fingerprint is a hash of their counts.

        Raises:
            UsageError: a run does not exist or has not finished, or two are of one year.
        """
        del seed  # The protocol's; nothing here is random.
        identities = self._identities()
        years = [identity.year for identity in identities]
        if len(set(years)) < len(years):
            raise UsageError(f"Two of the runs {', '.join(self.run_ids)} are of one year. Name one run for each year.")
        digest = "".join(sha256_of(path) for run_id in self.run_ids for path in self._files(run_id))
        return Probe(
            years=(year,),
            partitions={},
            fingerprint=hashlib.sha256(digest.encode()).hexdigest(),
            is_content_hash=True,
            summary=f"grant counts of {len(years)} years, {min(years)} to {max(years)}",
            is_synthetic=any(identity.is_synthetic for identity in identities),
        )

    def tasks(self) -> tuple[Task, ...]:
        """One task that reads the counts of all years."""
        return (Task(name="read_grant_years", function=self.read, writes=(GRANT_YEAR,)),)

    def read(self) -> pl.DataFrame:
        """Read the counts of all runs.

        Raises:
            PipelineError: runs number the same agency differently within a year.
        """
        years = pl.concat(read_table(self._files(run_id), GRANT_YEAR).collect() for run_id in self.run_ids)
        if years.select(pl.struct("data_year", "ori").is_duplicated().any()).item():
            raise PipelineError(
                f"{self.spec}: an ORI is repeated within a year. Correct dataset agency of that year and run it again."
            )
        return years

    def _folder(self, run_id: str) -> Path:
        return self.scratch / run_id / YEAR_FLOW / "datasets"

    def _files(self, run_id: str) -> list[Path]:
        paths = find_table(self._folder(run_id), GRANT_YEAR)
        if not paths:
            raise UsageError(
                f"There is no finished run {run_id!r} of flow {YEAR_FLOW} in {self.scratch} (SCRATCH_DIR). Make it "
                f"with `nibrs run {YEAR_FLOW} {run_id} --source ... --year ...`."
            )
        return paths

    def _identities(self) -> list[Identity]:
        found = []
        for run_id in self.run_ids:
            self._files(run_id)
            identity = Identity.read(self._folder(run_id))
            if identity is None:
                raise UsageError(f"Run {run_id!r} has no record of its source and year. Run it again.")
            found.append(identity)
        return found


def grant_runs(spec: str, scratch: Path) -> GrantRuns:
    """The source named ``runs:<run>,<run>...``.

    Raises:
        UsageError: the text names no run.
    """
    kind, _, rest = spec.partition(":")
    run_ids = tuple(part.strip() for part in rest.split(",") if part.strip())
    if kind != "runs" or not run_ids:
        found = f"{spec!r} names no runs" if spec else "No runs are named"
        raise UsageError(
            f"{found}. Flow bjs_grant puts years side by side: write --source runs:RUN,RUN,... with a finished run of "
            f"flow {YEAR_FLOW} for each year."
        )
    return GrantRuns(scratch.absolute(), run_ids)
