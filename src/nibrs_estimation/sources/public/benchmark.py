"""The benchmark from Return A master files: an agency's offenses of a year, the mean of up to five years."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from nibrs_estimation.model.completeness import MIN_MONTHS_REPORTED
from nibrs_estimation.model.fields import MONTHS
from nibrs_estimation.model.geography import SRS_BENCHMARK
from nibrs_estimation.model.return_a import ITEMS_OF_CRIME
from nibrs_estimation.model.return_a_file import ACTUAL
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.intake.text_member import sha256_of
from nibrs_estimation.sources.public.matching import ORI7_LENGTH, USUAL_ENDING
from nibrs_estimation.sources.return_a.reading import ReturnA, read_return_a
from nibrs_estimation.sources.synthetic.srs import benchmark_rows

_log = logging.getLogger(__name__)

#: Number of a year's offenses, as reported and brought to twelve months.
_REPORTED, _TWELVE = "reported", "twelve"


@dataclass(frozen=True)
class ReturnABenchmark:
    """Return A master files of the data year and the four years before, as far as they are there.

    Attributes:
        paths: the files, a year each.
        sha256: their checksums when the run was planned.
    """

    paths: tuple[Path, ...]
    sha256: tuple[str, ...] = ()

    @classmethod
    def of(cls, paths: Sequence[Path]) -> ReturnABenchmark:
        """The benchmark of some files as they are now."""
        return cls(tuple(paths), tuple(sha256_of(path) for path in paths))

    @property
    def fingerprint(self) -> str:
        """Changes with the files."""
        return "\n".join(self.sha256)

    def import_return_a_benchmark(self, agency: pl.LazyFrame, year: int) -> dict[str, pl.DataFrame]:
        """Read the files and average the years of each agency of the data year.

        Raises:
            PipelineError: as :func:`read_return_a`, or a file has changed since the run was planned.
        """
        files = []
        for path, sha256 in zip(self.paths, self.sha256, strict=True):
            files.append(read_return_a(path))
            if files[-1].sha256 != sha256:
                raise PipelineError(f"{path} changed while the run was reading it. Repeat the command.")
        agencies = agency.filter(pl.col("data_year") == year).select("ori", "legacy_ori").collect()
        return {SRS_BENCHMARK.name: benchmark(files, agencies)}


def benchmark(files: Sequence[ReturnA], agencies: pl.DataFrame) -> pl.DataFrame:
    """Dataset ``srs_benchmark``, period `smoothed`.

    A year counts if the agency, covered by no other, reported at least three months of it. Its offenses are those of
    the reported months times 12 / months; the benchmark is the mean of the years that count, at least 0. Agencies are
    found by the first seven characters of their ORI; where several have the same, none gets a benchmark.

    Args:
        files: Return A master files, a year each.
        agencies: ``ori`` and ``legacy_ori`` of the data year.
    """
    years = pl.concat(_annual(file) for file in files)
    means = years.group_by("ori7").agg(pl.exclude("ori7").mean()).sort("ori7")
    known = agencies.with_columns(ori7=pl.col("ori").str.slice(0, ORI7_LENGTH)).sort("ori")
    # The join of public files gives the agency of Return A the seven characters and 00 as its legacy ORI.
    is_own = (pl.col("legacy_ori") == pl.col("ori7") + USUAL_ENDING).fill_null(False)
    is_told_apart = is_own & (is_own.sum().over("ori7") == 1)
    is_shared = known.select((pl.len().over("ori7") > 1) & ~is_told_apart).to_series()
    matched = known.filter(~is_shared).join(means, on="ori7", maintain_order="left")
    _log.info(
        "Benchmark from Return A of %s: %d of %d agencies with at least three months of a year have one; %d agencies "
        "share the first seven characters of their ORI with another and get none",
        ", ".join(str(file.data_year) for file in files),
        matched.height,
        means.height,
        int(is_shared.sum()),
    )
    reported, twelve = (
        benchmark_rows(
            matched, {crime: np.maximum(matched[f"{crime}_{way}"].to_numpy(), 0.0) for crime in ITEMS_OF_CRIME}
        )
        for way in (_REPORTED, _TWELVE)
    )
    key = ["ori", "period", "crime_type"]
    rows = twelve.drop("n_reported").join(reported.select(*key, "n_reported"), on=key, maintain_order="left")
    return SRS_BENCHMARK.cast(rows)


def _annual(file: ReturnA) -> pl.DataFrame:
    """A row for each agency with enough months: ``ori7``, and of each crime the offenses, as reported and of a year."""
    months = (
        file.months.filter("is_reported")
        .group_by("ori7")
        .agg(months=pl.len())
        .filter(pl.col("months") >= MIN_MONTHS_REPORTED)
    )
    covered = file.agencies.filter("is_covered")["ori7"]
    sums = {
        crime: pl.sum_horizontal(sign * pl.col(f"item_{item}").fill_null(0).sum() for item, sign in members.items())
        for crime, members in ITEMS_OF_CRIME.items()
    }
    cards = file.counts.filter((pl.col("card") == ACTUAL) & pl.col("is_reported")).group_by("ori7").agg(**sums)
    scale = len(MONTHS) / pl.col("months")
    return (
        months.filter(~pl.col("ori7").is_in(covered.implode()))
        .join(cards, on="ori7")
        .select(
            "ori7",
            *(pl.col(crime).cast(pl.Float64).alias(f"{crime}_{_REPORTED}") for crime in ITEMS_OF_CRIME),
            *((pl.col(crime) * scale).alias(f"{crime}_{_TWELVE}") for crime in ITEMS_OF_CRIME),
        )
    )
