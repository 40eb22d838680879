"""A run whose input fails a hard quality check: what `stop` does, what is kept, and that `report` goes on."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from nibrs_estimation.flows.registry import FLOWS
from nibrs_estimation.model.parameters import METHOD_DEFAULTS
from nibrs_estimation.pipeline.engines.inline import run_inline
from nibrs_estimation.pipeline.externals import NO_LOCATIONS
from nibrs_estimation.pipeline.run import RunResult, RunSettings, run_flow
from nibrs_estimation.pipeline.schedule import Watcher
from nibrs_estimation.pipeline.source import Probe
from nibrs_estimation.pipeline.store import LocalStore
from nibrs_estimation.sources.synthetic import SyntheticSource

YEAR = 2024


@dataclass(frozen=True)
class WrongYearBefore(SyntheticSource):
    """A small nation of which the source has twice the population in the year before, as if from another file."""

    def probe(self, year: int, seed: int) -> Probe:
        return replace(super().probe(year, seed), partitions={"state_abbr": ("DE", "VT")})

    def ingest_agencies(self, year: int, seed: int) -> dict[str, pl.DataFrame]:
        found = super().ingest_agencies(year, seed)
        population = pl.col("population")
        doubled = pl.when(pl.col("data_year") == year - 1).then(2 * population).otherwise(population)
        return {**found, "agency": found["agency"].with_columns(doubled.alias("population"))}


def run(folder: Path, rule: str) -> RunResult:
    parameters: dict[str, Any] = {"year": YEAR, "seed": 1, "database": None, **METHOD_DEFAULTS, "quality_rule": rule}
    settings = RunSettings(
        run_id="q1",
        scratch=folder / "scratch",
        artifacts=LocalStore(folder / "artifacts"),
        externals=LocalStore(folder / "externals"),
        locations=NO_LOCATIONS,
        source=WrongYearBefore(0.002),
        parameters=parameters,
        until="require_quality",
    )
    return run_flow(FLOWS["all"], settings, run_inline, Watcher())


def test_stop_fails_the_run_and_loses_nothing(tmp_path: Path) -> None:
    stopped = run(tmp_path, "stop")
    states = {key: outcome.state for key, outcome in stopped.outcomes.items()}
    assert [key for key, state in states.items() if state != "done"] == ["require_quality"]
    message = stopped.outcomes["require_quality"].message
    assert "1 of the hard quality checks failed" in message
    assert "nation_population_change of US is 50.0 %, but must be at most 5.0 %" in message
    assert "Agencies are missing from one of the two years" in message
    metadata = json.loads((stopped.root / "run_metadata.json").read_text())
    assert metadata["state"] == "failed"
    assert (stopped.root / "datasets" / "quality_check.parquet").exists()
    assert not (stopped.root / "documents" / "quality_verdict.json").exists()

    accepted = run(tmp_path, "report")
    states = {key: outcome.state for key, outcome in accepted.outcomes.items()}
    assert [key for key, state in states.items() if state != "kept"] == ["require_quality"]
    verdict = json.loads((accepted.root / "documents" / "quality_verdict.json").read_text())
    assert (verdict["quality_rule"], verdict["hard_failed"]) == ("report", 1)
    assert "hard check failed: nation_population_change" in (accepted.root / "logs" / "require_quality.log").read_text()
