"""A backtest as the source of a run: each drawing of who responds is a part, computed by itself (handbook 13)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import polars as pl

from nibrs_estimation.evaluate.estimating import Drawing, estimates_of
from nibrs_estimation.evaluate.patterns import PATTERNS, REAL, is_day, read_responses
from nibrs_estimation.evaluate.populations import synthetic
from nibrs_estimation.evaluate.populations.fixed import BENCHMARKS, FixedPopulation, draw
from nibrs_estimation.evaluate.populations.return_a import return_a_population
from nibrs_estimation.evaluate.populations.state import state_population
from nibrs_estimation.evaluate.populations.universe import universe_population
from nibrs_estimation.model.agency import AGENCY, AGENCY_MONTH_OFFENSE, REPORT_MONTH
from nibrs_estimation.model.backtest import BACKTEST_ESTIMATE, RULES
from nibrs_estimation.model.return_a_file import RETURN_A_AGENCY, RETURN_A_COUNT
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.files import sha256_of
from nibrs_estimation.pipeline.source import Probe
from nibrs_estimation.pipeline.task import PARTITION, SEED, YEAR, Task
from nibrs_estimation.sources.cde import CdeSource
from nibrs_estimation.sources.return_a import ReturnASource, read_return_a
from nibrs_estimation.sources.synthetic import SyntheticSource

KEY = str(BACKTEST_ESTIMATE.partition_key)
FORMS = "return-a:FILE, universe:FILE, cde:FILE.zip or synthetic:SCALE"
#: Data year of synthetic nations.
SYNTHETIC_YEAR = 2024
DEFAULT_RULES = ("program", "reference", "ratio")


@dataclass(frozen=True)
class ReturnAUniverse(ReturnASource):
    """A Return A master file of which all agencies with a known year are the population, not only monthly reporters."""

    @property
    def spec(self) -> str:
        """Its name, such as ``universe:RETURNA2013.zip``."""
        return f"universe:{self.path.name}"


@dataclass(frozen=True)
class Backtest:
    """A population of which each drawing hides a part.

    Attributes:
        source: the population.
        pattern: who responds, of :data:`~nibrs_estimation.evaluate.patterns.PATTERNS`.
        start: year or day of pattern ``start-dates``; empty for others.
        benchmark: of a fixed population, of :data:`~nibrs_estimation.evaluate.populations.fixed.BENCHMARKS`; empty for
            a synthetic nation, which has its own.
        rules: rules of estimation, of :data:`~nibrs_estimation.model.backtest.RULES`.
        repeat: number of drawings.
        responses: file of real responses, for the patterns that need it.
        before: Return A master file of the year before, for benchmark ``before``.
    """

    source: SyntheticSource | ReturnASource | CdeSource
    pattern: str
    start: str
    benchmark: str
    rules: tuple[str, ...]
    repeat: int
    responses: Path | None = None
    before: Path | None = None

    @property
    def spec(self) -> str:
        """Population, pattern, benchmark and rules; more drawings of the same continue a run."""
        return "backtest:" + ",".join(part for part in (self.source.spec, *self.description()) if part)

    def description(self) -> tuple[str, ...]:
        """Pattern, benchmark and rules as text."""
        start = f":{self.start}" if self.start else ""
        return (f"pattern={self.pattern}{start}", *([f"benchmark={self.benchmark}"] if self.benchmark else []),
                f"rules={'+'.join(self.rules)}")  # fmt: skip

    def newest_year(self) -> int:
        """Data year of the population."""
        return SYNTHETIC_YEAR if isinstance(self.source, SyntheticSource) else self.source.newest_year()

    def probe(self, year: int, seed: int) -> Probe:
        """That of the population; its parts are joined by the drawings."""
        found = self.source.probe(year, seed)
        if (
            self.pattern == "states-missing"
            and isinstance(self.source, CdeSource)
            and len(found.partitions["state_abbr"]) == 1
        ):
            raise UsageError("Pattern states-missing needs zips of several states. Choose another --pattern.")
        files = [sha256_of(path) for path in (self.responses, self.before) if path is not None]
        return Probe(
            years=found.years,
            partitions={**found.partitions, KEY: tuple(f"{number:04d}" for number in range(1, self.repeat + 1))},
            fingerprint=" ".join([type(self.source).__name__, found.fingerprint, *self.description(), *files]),
            is_content_hash=True,
            summary=f"Backtest of {self.repeat} drawings. {found.summary}",
            is_synthetic=found.is_synthetic,
        )

    def tasks(self) -> tuple[Task, ...]:
        """The tasks that read the population, if it is in a file, and one that estimates each drawing."""
        if isinstance(self.source, SyntheticSource):
            return (self._task(self.estimate_nation, ()),)
        reads: tuple[Dataset, ...] = (RETURN_A_AGENCY, RETURN_A_COUNT)
        estimate: Callable[..., pl.DataFrame] = self.estimate_return_a
        if isinstance(self.source, CdeSource):
            reads, estimate = (AGENCY, REPORT_MONTH, AGENCY_MONTH_OFFENSE), self.estimate_state
        elif isinstance(self.source, ReturnAUniverse):
            estimate = self.estimate_universe
        readers = [task for task in self.source.tasks() if set(reads) & set(task.writes)]
        return (*readers, self._task(estimate, reads))

    def _task(self, function: Callable[..., pl.DataFrame], reads: tuple[Dataset, ...]) -> Task:
        return Task(
            name="estimate_drawing",
            function=function,
            reads=reads,
            writes=(BACKTEST_ESTIMATE,),
            parameters=(YEAR, SEED, PARTITION),
            partition_by=KEY,
            tolerates=reads,
            memory="medium",
        )

    def estimate_nation(self, year: int, seed: int, partition: str) -> pl.DataFrame:
        """Estimate another synthetic nation, and compare it with its truth."""
        assert isinstance(self.source, SyntheticSource)
        drawing = synthetic.draw(self.source.scale, self.pattern, int(partition), year, seed)
        return self._estimated(drawing, partition, seed)

    def estimate_return_a(
        self, return_a_agency: pl.LazyFrame, return_a_count: pl.LazyFrame, year: int, seed: int, partition: str
    ) -> pl.DataFrame:
        """Estimate the agencies of a Return A master file from those that respond, and compare with the truth."""
        former = None if self.before is None else read_return_a(self.before)
        population = return_a_population(
            return_a_agency.collect(),
            return_a_count.collect(),
            year,
            None if former is None else (former.agencies, former.counts),
        )
        return self._of_fixed(population, partition, seed)

    def estimate_universe(
        self, return_a_agency: pl.LazyFrame, return_a_count: pl.LazyFrame, year: int, seed: int, partition: str
    ) -> pl.DataFrame:
        """Estimate all agencies of a Return A master file from those that respond, and compare with the truth."""
        population = universe_population(return_a_agency.collect(), return_a_count.collect(), year)
        return self._of_fixed(population, partition, seed)

    def estimate_state(
        self,
        agency: pl.LazyFrame,
        report_month: pl.LazyFrame,
        agency_month_offense: pl.LazyFrame,
        year: int,
        seed: int,
        partition: str,
    ) -> pl.DataFrame:
        """Estimate the agencies of a state from those that respond, and compare with the truth."""
        return self._of_fixed(state_population(agency, report_month, agency_month_offense, year), partition, seed)

    def _of_fixed(self, population: FixedPopulation, partition: str, seed: int) -> pl.DataFrame:
        responses = None if self.responses is None else read_responses(self.responses, self.pattern, self.start)
        drawing = draw(population, self.pattern, self.benchmark, responses, int(partition), seed)
        return self._estimated(drawing, partition, seed)

    def _estimated(self, drawing: Drawing, partition: str, seed: int) -> pl.DataFrame:
        found = estimates_of(drawing, self.rules, seed + int(partition))
        return found.with_columns(pattern_number=pl.lit(partition))


@dataclass(frozen=True)
class Asked:
    """What a user asks of a backtest, as text; None or empty where nothing is asked."""

    population: str
    pattern: str
    benchmark: str | None
    rules: tuple[str, ...]
    repeat: int
    responses: Path | None
    before: Path | None

    #: Patterns of synthetic nations.
    OF_NATION: ClassVar = tuple(synthetic.RESPONSES)

    def open(self) -> Backtest:
        """The backtest.

        Raises:
            UsageError: there is no such population, pattern, benchmark or rule, or they do not fit together; says what
                to write.
        """
        source = self._source()
        pattern, _, start = self.pattern.partition(":")
        if pattern not in PATTERNS or (
            start and (pattern != "start-dates" or not (start.isdecimal() or is_day(start)))
        ):
            raise UsageError(f"{self.pattern!r} is not a pattern. Write one of {', '.join(PATTERNS)}.")
        if pattern == "start-dates" and not start:
            raise UsageError(
                "Pattern start-dates needs a year or day. Write start-dates:2021 or start-dates:2021-01-01."
            )
        if wrong := [rule for rule in self.rules if rule not in RULES]:
            raise UsageError(f"{wrong[0]!r} is not a rule. Write one of {', '.join(RULES)}, several separated by +.")
        is_nation = isinstance(source, SyntheticSource)
        if is_nation and pattern not in self.OF_NATION:
            raise UsageError(
                f"Pattern {pattern} needs real agencies, and a synthetic nation has none. Write one of "
                f"{', '.join(self.OF_NATION)}, or another --population."
            )
        if is_nation and (self.benchmark or self.before):
            raise UsageError("A synthetic nation has its own benchmark. Leave out --benchmark and --before.")
        if (pattern in REAL) != (self.responses is not None):
            need = "needs" if pattern in REAL else "does not use"
            raise UsageError(f"Pattern {pattern} {need} --response-file, a CSV with real start dates or months.")
        if self.responses is not None:
            # A wrong file is refused before any work.
            read_responses(self.responses, pattern, start)
        return Backtest(
            source=source,
            pattern=pattern,
            start=start,
            benchmark="" if isinstance(source, SyntheticSource) else self._benchmark(source, pattern, start),
            rules=self.rules or DEFAULT_RULES,
            repeat=self.repeat,
            responses=None if self.responses is None else self.responses.absolute(),
            before=_existing(self.before, "--before"),
        )

    def _source(self) -> SyntheticSource | ReturnASource | CdeSource:
        kind, _, rest = self.population.partition(":")
        if kind == "synthetic":
            if "response" in rest:
                raise UsageError("Who responds is said by --pattern here. Write synthetic:SCALE only.")
            return SyntheticSource.parse(rest)
        if kind == "return-a" and rest:
            return ReturnASource(Path(rest).absolute())
        if kind == "universe" and rest:
            return ReturnAUniverse(Path(rest).absolute())
        if kind == "cde" and rest:
            return CdeSource(tuple(Path(part.strip()).absolute() for part in rest.split(",")))
        raise UsageError(f"{self.population!r} is not a population. Write {FORMS}.")

    def _benchmark(self, source: ReturnASource | CdeSource, pattern: str, start: str) -> str:
        """The one that is asked for, or the one that fits population and pattern."""
        whole_years = pattern in self.OF_NATION or is_day(start)
        is_universe = isinstance(source, ReturnAUniverse)
        has_halves = isinstance(source, ReturnASource) and not is_universe
        fitting = "halves" if has_halves and whole_years else "noise"
        chosen = self.benchmark or ("before" if self.before is not None else fitting)
        if chosen not in BENCHMARKS:
            raise UsageError(f"{chosen!r} is not a benchmark. Write one of {', '.join(BENCHMARKS)}.")
        if chosen == "halves" and not whole_years:
            raise UsageError(
                f"Pattern {pattern} hides months, so a half-year cannot be the benchmark. Write --benchmark noise."
            )
        if is_universe and chosen not in {"noise", "none"}:
            raise UsageError(
                f"Population universe has agencies of which not all months are known, so {chosen} cannot be the "
                "benchmark. Write --benchmark noise or none."
            )
        if (chosen == "before") != (self.before is not None) or (
            chosen == "before" and not isinstance(source, ReturnASource)
        ):
            raise UsageError("Benchmark before and --before, a Return A master file of the year before, go together.")
        return chosen


def _existing(path: Path | None, option: str) -> Path | None:
    if path is not None and not path.is_file():
        raise UsageError(f"The file {path} of {option} does not exist. Check its path.")
    return None if path is None else path.absolute()
