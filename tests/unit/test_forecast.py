"""`nibrs plan`: it says what the run then does, and why; it writes nothing."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.support.toy_run import FLOW, SUMS, Nation, frame, ran, run, settings_of

from nibrs_estimation.pipeline.engines.inline import run_inline
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.externals import ExternalFile, Locations
from nibrs_estimation.pipeline.files import sha256_of
from nibrs_estimation.pipeline.flow import Flow
from nibrs_estimation.pipeline.forecast import Forecast, forecast_run
from nibrs_estimation.pipeline.run import RunResult, RunSettings, run_flow
from nibrs_estimation.pipeline.schedule import Watcher
from nibrs_estimation.pipeline.store import LocalStore
from nibrs_estimation.pipeline.task import Task


def forecast(folder: Path, source: Nation, run_id: str = "toy", year: int = 2024, **options: Any) -> Forecast:
    return forecast_run(FLOW, settings_of(folder, source, run_id, year, **options))


def actions(found: Forecast) -> dict[str, list[str]]:
    by_action: dict[str, list[str]] = {"run": [], "maybe": [], "keep": []}
    for unit in found.units:
        by_action[unit.action].append(unit.unit.key)
    return by_action


def reasons(found: Forecast) -> dict[str, tuple[str, ...]]:
    return {unit.unit.key: unit.reasons for unit in found.units}


def remove(*names: str) -> Callable[[Path], None]:
    def removed(root: Path) -> None:
        for name in names:
            (root / name).unlink()

    return removed


#: What changes after a first run -> options of the second, and the reason for the first unit that runs.
CHANGES: dict[str, tuple[Callable[[Path], None], dict[str, Any], str | None]] = {
    "nothing": (lambda _root: None, {}, None),
    "source": (lambda _root: None, {"source": Nation({"NB": 1, "VT": 9})}, "source changed"),
    "a state more": (lambda _root: None, {"source": Nation({"NB": 1, "VT": 2, "WY": 3})}, "source changed"),
    "output": (remove("datasets/sums.parquet"), {}, "output sums is missing or changed"),
    "manifest": (remove("manifests/add.json"), {}, "not done yet"),
    "part": (remove("datasets/parts/VT.parquet"), {}, "output parts is missing or changed"),
    "two": (remove("manifests/add.json", "manifests/page.json"), {},
            "not done yet"),
    "force": (lambda _root: None, {"force": True}, "--force or --from"),
    "from": (lambda _root: None, {"start": "add"}, "--force or --from"),
    "until": (remove("manifests/add.json"), {"until": "add"}, "not done yet"),
    "another year": (lambda _root: None, {"year": 2023, "force": True}, "not done yet"),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_run_does_what_was_planned(change: str, tmp_path: Path) -> None:
    run(tmp_path, Nation())
    alter, options, reason = CHANGES[change]
    alter(tmp_path / "scratch/toy/all")
    options = dict(options)
    source = options.pop("source", Nation())
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    found = forecast(tmp_path, source, **options)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    planned, did = actions(found), ran(run(tmp_path, source, **options))
    assert set(planned["run"]) <= set(did) <= set(planned["run"]) | set(planned["maybe"])
    first = next((unit for unit in found.units if unit.action == "run"), None)
    assert (first.reasons[0] if first else None) == reason
    assert [unit.unit.key for unit in found.units if unit.duration_s is None] == (
        ["read[WY]"] if change == "a state more" else ["add"] if change == "manifest" else
        ["add", "page"] if change == "two" else ["add"] if change == "until" else
        list(reasons(found)) if change == "another year" else []
    )  # fmt: skip


def test_what_depends_on_new_content_may_run(tmp_path: Path) -> None:
    run(tmp_path, Nation())
    (tmp_path / "scratch/toy/all/manifests/add.json").unlink()
    found = forecast(tmp_path, Nation())
    assert actions(found) == {"run": ["add"], "maybe": ["page"], "keep": ["read[NB]", "read[VT]", "alone"]}
    assert reasons(found)["page"] == ("if add changes what it reads",)
    assert reasons(found)["alone"] == ()


def test_changed_code_and_a_new_run_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, Nation())
    monkeypatch.setattr("nibrs_estimation.pipeline.schedule.code_hash", lambda function: f"new {function.__name__}")
    assert reasons(forecast(tmp_path, Nation()))["alone"] == ("code changed",)
    new = forecast(tmp_path, Nation(), "second")
    assert actions(new)["run"] == ["read[NB]", "read[VT]", "add", "alone", "page"]
    assert new.measured_in == tmp_path / "scratch/toy/all", "durations come from the latest run of the flow"
    assert new.seconds("run") > 0
    assert not (tmp_path / "scratch/second").exists()


def test_what_the_run_refuses_the_plan_refuses(tmp_path: Path) -> None:
    run(tmp_path, Nation())
    with pytest.raises(UsageError, match=r"Run toy is of source nation, year 2024.*requests.*year 2023"):
        forecast(tmp_path, Nation(), year=2023)
    with pytest.raises(UsageError, match="no task 'nope'"):
        forecast(tmp_path, Nation(), start="nope")


def test_a_database_is_read_again_only_on_request(tmp_path: Path) -> None:
    run(tmp_path, Nation(is_content_hash=False))
    changed = Nation({"NB": 1, "VT": 3}, is_content_hash=False)
    assert actions(forecast(tmp_path, changed))["run"] == []
    found = forecast(tmp_path, changed, refresh_source=True)
    assert actions(found)["run"] == ["read[NB]", "read[VT]"]
    assert reasons(found)["read[VT]"][0] == "--refresh-source"


def test_a_manifest_of_another_version_is_read(tmp_path: Path) -> None:
    """Older manifests lack the processor time; newer ones may contain more."""
    run(tmp_path, Nation())
    older, newer = (tmp_path / f"scratch/toy/all/manifests/{name}.json" for name in ("add", "page"))
    content = json.loads(older.read_text())
    assert content.pop("cpu_s") >= 0
    older.write_text(json.dumps(content))
    newer.write_text(json.dumps({**json.loads(newer.read_text()), "unheard_of": 1}))
    assert actions(forecast(tmp_path, Nation()))["keep"] == ["read[NB]", "read[VT]", "add", "alone", "page"]
    content["cause"]["unheard_of"] = 1
    older.write_text(json.dumps(content))
    assert reasons(forecast(tmp_path, Nation()))["add"] == ("not done yet",)
    assert ran(run(tmp_path, Nation())) == ["add"]


def count(people: Path) -> pl.DataFrame:
    return frame([("US", len(people.read_text()))])


WITH_FILE = Flow(
    name="all",
    description="Toy.",
    tasks=(Task(name="count", function=count, writes=(SUMS,), externals=(ExternalFile("people", "People."),)),),
    publishes=(SUMS,),
)


def test_external_files_are_judged_by_content_and_not_fetched_into_the_run(tmp_path: Path) -> None:
    stored = tmp_path / "externals/2024/people.txt"
    stored.parent.mkdir(parents=True)
    stored.write_text("three")
    settings = RunSettings(
        run_id="toy",
        scratch=tmp_path / "scratch",
        artifacts=LocalStore(tmp_path / "artifacts"),
        externals=LocalStore(tmp_path / "externals"),
        locations=Locations("{}\n", {"2024": {"people": "2024/people.txt"}}),
        source=Nation({}),
        parameters={"year": 2024, "seed": 1},
    )
    run_flow(WITH_FILE, settings, run_inline, Watcher())
    fetched = tmp_path / "scratch/toy/all/externals/2024/people.txt"
    assert actions(forecast_run(WITH_FILE, settings))["run"] == []
    stored.write_text("four")
    assert reasons(forecast_run(WITH_FILE, settings)) == {"count": ("external file people changed",)}
    assert fetched.read_text() == "three"
    listed = replace(settings, locations=replace(settings.locations, hashes={"2024/people.txt": sha256_of(fetched)}))
    for work in (lambda: forecast_run(WITH_FILE, listed), lambda: run_flow(WITH_FILE, listed, run_inline, Watcher())):
        with pytest.raises(PipelineError, match=r"2024/people.txt in .* does not have the content .* lists"):
            work()
    stored.unlink()
    with pytest.raises(PipelineError, match=r"does not contain 2024/people.txt"):
        forecast_run(WITH_FILE, settings)


def rows_of_file(people: Path | None) -> pl.DataFrame:
    return SUMS.empty().collect() if people is None else pl.read_parquet(people)


def rows_in(result: RunResult) -> int:
    return pl.read_parquet(result.root / "datasets/sums.parquet").height


def test_a_file_of_the_predecessor_comes_from_what_it_published(tmp_path: Path) -> None:
    """A run reads the sums of an earlier year; without a predecessor they are absent, and a changed file counts."""
    earlier = run(tmp_path, Nation(), "before", 2023)
    assert "sums/sums.parquet" in earlier.published
    file = ExternalFile("people", "Sums.", is_required=False, of_predecessor="sums/sums.parquet")
    flow = Flow(
        name="all",
        description="Toy.",
        tasks=(Task(name="count", function=rows_of_file, writes=(SUMS,), externals=(file,)),),
        publishes=(SUMS,),
    )
    alone = settings_of(tmp_path, Nation({}))
    after = replace(alone, predecessor="before")
    assert rows_in(run_flow(flow, alone, run_inline, Watcher())) == 0
    assert reasons(forecast_run(flow, after)) == {"count": ("external file people changed",)}
    assert rows_in(run_flow(flow, after, run_inline, Watcher())) == 2
    assert actions(forecast_run(flow, after))["run"] == []
    run(tmp_path, Nation({"NB": 5}), "before", 2023)
    assert reasons(forecast_run(flow, after)) == {"count": ("external file people changed",)}
    assert rows_in(run_flow(flow, after, run_inline, Watcher())) == 1
    with pytest.raises(UsageError, match="cannot be its own predecessor"):
        forecast_run(flow, replace(alone, predecessor="toy"))
    with pytest.raises(PipelineError, match="none contains no published run"):
        forecast_run(flow, replace(alone, predecessor="none"))
    other = replace(file, of_predecessor="other/other.parquet")
    without = replace(flow, tasks=(replace(flow.tasks[0], externals=(other,)),))
    with pytest.raises(UsageError, match=r"does not contain before/other/other.parquet.*run before again"):
        forecast_run(without, after)
