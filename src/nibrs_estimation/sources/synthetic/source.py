"""The source: its name, its states and its tasks."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl

from nibrs_estimation.model.agency import AGENCY, DATASETS, REPORT_MONTH
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.source import Probe
from nibrs_estimation.pipeline.task import PARTITION, SEED, YEAR, Task
from nibrs_estimation.sources.synthetic.crime import latent_incidents, monthly_counts
from nibrs_estimation.sources.synthetic.incidents import SEGMENTS, reported_segments
from nibrs_estimation.sources.synthetic.nation import agency_frame, states
from nibrs_estimation.sources.synthetic.reporting import reported_months
from nibrs_estimation.sources.synthetic.truth import SYNTHETIC_TRUTH, true_numbers

#: To be raised whenever the same seed gives other data.
GENERATOR_VERSION = 1
FIRST_YEAR, LAST_YEAR = 1985, 2100


@dataclass(frozen=True)
class SyntheticSource:
    """A nation that does not exist, with known truth.

    Attributes:
        scale: share of the real number of agencies, in (0, 1]; a state never has fewer than 8.
    """

    scale: float = 0.01

    @classmethod
    def parse(cls, text: str) -> Self:
        """The source that a user names by ``synthetic:<text>``; nothing means the default scale.

        Raises:
            UsageError: the text is no number in (0, 1].
        """
        if not text.strip():
            return cls()
        try:
            scale = float(text)
        except ValueError:
            scale = math.nan
        if not 0 < scale <= 1:
            raise UsageError(
                f"{text.strip()!r} is not a scale for the synthetic source. Give a number above 0 and at most 1, such "
                "as synthetic:0.01 for a hundredth of the nation's agencies."
            )
        return cls(scale)

    @property
    def spec(self) -> str:
        """How the user named it, such as ``synthetic:0.01``."""
        return f"synthetic:{self.scale}"

    def probe(self, year: int, seed: int) -> Probe:
        """Every state is there, in any year from 1985 to 2100.

        Raises:
            UsageError: the year is another.
        """
        if not FIRST_YEAR <= year <= LAST_YEAR:
            raise UsageError(
                f"The synthetic source has no data year {year}. Give a year from {FIRST_YEAR} to {LAST_YEAR} "
                "with --year or DATA_YEAR."
            )
        content = f"synthetic {GENERATOR_VERSION} {self.scale!r} {year} {seed}"
        return Probe(
            years=(year,),
            partitions={"state_abbr": states()},
            fingerprint=hashlib.sha256(content.encode()).hexdigest(),
            is_content_hash=True,
            summary=f"Synthetic nation at scale {self.scale}, data year {year}, seed {seed}",
        )

    def tasks(self) -> tuple[Task, ...]:
        """One task for the agencies, one for the incidents of each state, and one to keep the truth of each state."""
        return (
            Task(
                name="ingest_agencies",
                function=self.ingest_agencies,
                writes=DATASETS,
                parameters=(YEAR, SEED),
            ),
            Task(
                name="ingest_incidents",
                function=self.ingest_incidents,
                writes=SEGMENTS,
                parameters=(YEAR, SEED, PARTITION),
                partition_by="state_abbr",
                memory="medium",
            ),
            Task(
                name="keep_truth",
                function=self.keep_truth,
                writes=(SYNTHETIC_TRUTH,),
                parameters=(YEAR, SEED, PARTITION),
                partition_by="state_abbr",
                memory="medium",
            ),
        )

    def ingest_agencies(self, year: int, seed: int) -> dict[str, pl.DataFrame]:
        """Generate the agencies and the months that they reported."""
        agencies = agency_frame(year, seed, self.scale)
        months = [_report_months(state, year, seed) for state in agencies.partition_by("state_abbr")]
        return {AGENCY.name: agencies, REPORT_MONTH.name: pl.concat(months)}

    def ingest_incidents(self, year: int, seed: int, partition: str) -> dict[str, pl.DataFrame]:
        """Generate the reported incidents of a state."""
        return reported_segments(self._agencies_of(partition, year, seed), year, seed)

    def keep_truth(self, year: int, seed: int, partition: str) -> dict[str, pl.DataFrame]:
        """Count the incidents of a state's agencies, reported or not."""
        return {SYNTHETIC_TRUTH.name: true_numbers(self._agencies_of(partition, year, seed), year, seed)}

    def _agencies_of(self, state_abbr: str, year: int, seed: int) -> pl.DataFrame:
        return agency_frame(year, seed, self.scale).filter(pl.col("state_abbr") == state_abbr)


def _report_months(agencies: pl.DataFrame, year: int, seed: int) -> pl.DataFrame:
    """The reported months of a state's agencies: dataset ``report_month``."""
    counts = monthly_counts(latent_incidents(agencies, year, seed), agencies)
    place, month = np.nonzero(reported_months(agencies, year, seed))
    return agencies.select("agency_id", "ori", "data_year")[place].with_columns(
        month=pl.Series(month + 1, dtype=pl.Int8),
        status=pl.Series(np.where(counts[place, month] > 0, "I", "Z")),
        status_source=pl.lit("reported"),
    )
