"""Operators' commands on real runs: status while a run goes on, clean, archive and restore, publish, external files."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.support.command import ROOT, clean_environment, nibrs
from tests.support.s3 import CREDENTIALS
from tests.support.toy_run import FLOW, Nation, ran, run, states
from typer.testing import CliRunner, Result

from nibrs_estimation.cli.main import app
from nibrs_estimation.pipeline.archiving import archive_run, restore_run
from nibrs_estimation.pipeline.cleaning import chosen_runs, stored_runs
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.externals import add_file, read_locations
from nibrs_estimation.pipeline.files import sha256_of
from nibrs_estimation.pipeline.progress import read_progress
from nibrs_estimation.pipeline.publishing import check_published, verify_published
from nibrs_estimation.pipeline.republishing import publish_again
from nibrs_estimation.pipeline.run import run_lock
from nibrs_estimation.pipeline.runs import FORMAT
from nibrs_estimation.pipeline.store import LocalStore, S3Options, Store, open_store

#: Runs the toy flow with a source whose state VT takes a while, or is negative and so fails.
SLOW = """
import sys, time
from dataclasses import dataclass
from pathlib import Path
from tests.support.s3 import CREDENTIALS
from tests.support.toy_run import Nation, run
@dataclass
class Slow(Nation):
    def read(self, partition, year):
        if partition == "VT":
            print("reading", flush=True)
            time.sleep(60)
        return super().read(partition, year)
run(Path(sys.argv[1]), Slow())
"""


def command(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str, text: str | None = None) -> Result:
    """A command in this process, with the folder's scratch and stores."""
    monkeypatch.chdir(folder)
    return CliRunner().invoke(app, list(arguments), input=text)


def content(folder: Path) -> dict[str, bytes]:
    """Every file but locks."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


@pytest.fixture(params=["folder", "bucket"])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A folder, or a prefix of a bucket on an S3 protocol server."""
    if request.param == "folder":
        return LocalStore(tmp_path / "elsewhere")
    endpoint, bucket = request.getfixturevalue("s3_endpoint"), request.getfixturevalue("s3_bucket")
    key, secret = CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"]
    options = S3Options(endpoint, "us-east-1", key, SecretStr(secret))
    return open_store(f"s3://{bucket}/archive/{tmp_path.name}", options)


def test_status_follows_a_run_from_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-c", SLOW, str(tmp_path)],
        cwd=ROOT,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "reading\n"
        found = json.loads(command(monkeypatch, tmp_path, "status", "toy", "--json").output)
        assert (found["state"], found["is_locked"], found["pid"]) == ("running", True, worker.pid)
        assert found["tasks"]["read"] == {"done": 1, "running": 1}
        assert found["units"] == {"done": 1, "running": 1, "waiting": 3}
        assert found["running"] == ["read[VT]"]
        shown = command(monkeypatch, tmp_path, "status", "toy")
        assert shown.exit_code == 0
        assert "Now: read[VT]" in shown.output
        with pytest.raises(PipelineError, match=rf"already running in another process \(.*process {worker.pid}, since"):
            run(tmp_path, Nation())
        refused = command(monkeypatch, tmp_path, "clean", "toy", "--yes")
        assert "going on" in refused.output
        assert (tmp_path / "scratch/toy/all").is_dir()
        with pytest.raises(PipelineError, match="already running"):
            archive_run(tmp_path / "scratch/toy", LocalStore(tmp_path / "x"), print, keeps_local=False)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    shown = command(monkeypatch, tmp_path, "status", "toy")
    assert shown.exit_code == 1
    assert "stopped" in shown.output
    assert "1 done, 1 interrupted, 3 waiting" in shown.output
    assert f"(process {worker.pid} on" in shown.output
    run(tmp_path, Nation())
    done = command(monkeypatch, tmp_path, "status", "toy", "--watch")
    assert (done.exit_code, "finished" in done.output) == (0, True)


def test_status_names_failures_and_unknown_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, Nation({"NB": 1, "VT": -1}))
    shown = command(monkeypatch, tmp_path, "status", "toy")
    assert shown.exit_code == 1
    assert "VT is negative." in shown.output
    found = json.loads(command(monkeypatch, tmp_path, "status", "toy", "--json").output)
    assert found["failed"] == [{"unit": "read[VT]", "message": "VT is negative."}]
    assert found["units"] == {"done": 2, "failed": 1, "blocked": 2}
    unknown = command(monkeypatch, tmp_path, "status", "none")
    assert isinstance(unknown.exception, UsageError)
    assert "There is no run none" in str(unknown.exception)


def test_progress_survives_half_lines_and_clocks_that_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, Nation())
    file = tmp_path / "scratch/toy/all/progress.jsonl"
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    with file.open("a", encoding="utf-8") as stream:
        stream.write('{"at": "2024-')
        stream.write("\n" + json.dumps({"at": later, "event": "started", "unit": "page"}) + "\n")
    progress = read_progress(file.parent)
    assert progress is not None
    assert progress.units["page"].state == "running"
    shown = command(monkeypatch, tmp_path, "status", "toy").output
    assert "ahead of this one" in shown
    file.unlink()
    assert "recorded no progress" in command(monkeypatch, tmp_path, "status", "toy").output


def test_clean_lists_first_and_removes_what_was_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two", "three"):
        run(tmp_path, Nation(), name)
    old = time.time() - 40 * 86400
    for path in [tmp_path / "scratch/one", *(tmp_path / "scratch/one/all").glob("*.json*")]:
        os.utime(path, (old, old))
    listed = command(monkeypatch, tmp_path, "clean")
    assert all(name in listed.output for name in ("one", "two", "three", "40 days ago", "Choose what to remove"))
    declined = command(monkeypatch, tmp_path, "clean", "--older-than", "30", text="n\n")
    assert declined.exit_code == 1
    assert "Remove 1 run (" in declined.output
    assert (tmp_path / "scratch/one").is_dir()
    assert command(monkeypatch, tmp_path, "clean", "--older-than", "30").exit_code == 1, "no answer is no"
    assert (tmp_path / "scratch/one").is_dir()
    with run_lock(tmp_path / "scratch/two"):
        done = command(monkeypatch, tmp_path, "clean", "one", "two", "--yes")
    assert "Removed 1 run." in done.output
    assert sorted(path.name for path in (tmp_path / "scratch").iterdir()) == ["three", "two"]
    assert check_published(LocalStore(tmp_path / "artifacts"), "one").state == "complete", "publications stay"
    assert "There is no run one" in str(command(monkeypatch, tmp_path, "clean", "one", "--yes").exception)
    runs = stored_runs(tmp_path / "scratch", datetime.now(UTC))
    assert [found.run_id for found in chosen_runs(runs, (), keep=1, older_than_days=None)] == [runs[1].run_id]
    assert chosen_runs(runs, (), keep=0, older_than_days=1) == []
    assert stored_runs(tmp_path / "scratch", datetime.now(UTC) - timedelta(days=1))[0].age_s == 0


def test_a_run_is_archived_verified_removed_and_restored(elsewhere: Store, tmp_path: Path) -> None:
    run(tmp_path, Nation())
    folder, notes = tmp_path / "scratch/toy", list[str]()
    before = content(folder)
    archive_run(folder, elsewhere, notes.append, keeps_local=True)
    assert content(folder) == before
    archive_run(folder, elsewhere, notes.append, keeps_local=False)
    assert not folder.exists()
    assert set(verify_published(elsewhere, "toy").files) == set(before)
    restore_run(elsewhere, folder, notes.append)
    assert content(folder) == before
    assert ran(run(tmp_path, Nation())) == [], "all tasks are kept"
    with pytest.raises(UsageError, match="Run toy exists"):
        restore_run(elsewhere, folder, notes.append)


def test_a_damaged_copy_removes_nothing(elsewhere: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, Nation())
    folder = tmp_path / "scratch/toy"
    before = content(folder)
    put = type(elsewhere).put

    def damaging(store: Store, local: Path, key: str) -> None:
        put(store, local, key)
        if key.endswith("sums.parquet"):
            other = tmp_path / "other"
            other.write_bytes(b"x" * local.stat().st_size)
            put(store, other, key)

    monkeypatch.setattr(type(elsewhere), "put", damaging)
    with pytest.raises(PipelineError, match=r"sums.parquet in .* is not what was written there"):
        archive_run(folder, elsewhere, print, keeps_local=False)
    assert content(folder) == before
    monkeypatch.undo()
    archive_run(folder, elsewhere, print, keeps_local=False)
    assert not folder.exists()


def test_an_interrupted_archive_goes_on_without_copying_again(
    elsewhere: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, Nation())
    folder = tmp_path / "scratch/toy"
    put, copied = type(elsewhere).put, list[str]()

    def counting(store: Store, local: Path, key: str) -> None:
        if len(copied) == 6:
            raise PipelineError("The connection was lost.")
        copied.append(key)
        put(store, local, key)

    monkeypatch.setattr(type(elsewhere), "put", counting)
    with pytest.raises(PipelineError, match="connection was lost"):
        archive_run(folder, elsewhere, print, keeps_local=False)
    with pytest.raises(PipelineError, match="its publication was interrupted"):
        restore_run(elsewhere, tmp_path / "copy/toy", print)
    first = [key for key in copied if not key.endswith("toy/published.json")]
    copied.clear()

    def noting(store: Store, local: Path, key: str) -> None:
        copied.append(key)
        put(store, local, key)

    monkeypatch.setattr(type(elsewhere), "put", noting)
    archive_run(folder, elsewhere, print, keeps_local=False)
    assert not set(first) & set(copied)
    assert not folder.exists()


def test_an_archive_is_kept_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, Nation())
    folder = tmp_path / "scratch/toy"
    for place, told in (
        ("scratch", "own place"),
        ("scratch/toy/all", "own place"),
        ("artifacts", "is the ARTIFACT_STORE"),
        (str(tmp_path / "artifacts"), "contains published results"),
    ):
        refused = command(monkeypatch, tmp_path, "archive", "toy", place)
        assert told in str(refused.exception), place
    archive_run(folder, LocalStore(tmp_path / "archive"), print, keeps_local=True)
    run(tmp_path, Nation(), year=2023, force=True)
    with pytest.raises(UsageError, match=r"contains a publication of .*2024.* this run is of .*2023"):
        archive_run(folder, LocalStore(tmp_path / "archive"), print, keeps_local=False)
    assert folder.is_dir()
    with pytest.raises(UsageError, match="not an archived run"):
        restore_run(LocalStore(tmp_path / "artifacts"), tmp_path / "copy/toy", print)


def test_results_are_published_again_and_verified(elsewhere: Store, tmp_path: Path) -> None:
    run(tmp_path, Nation())
    folder, first = tmp_path / "scratch/toy", content(tmp_path / "artifacts/toy")
    prefix, found = publish_again(FLOW, folder, elsewhere)
    assert prefix == "toy"
    got = tmp_path / "got"
    for name in found.files:
        elsewhere.get(f"toy/{name}", got / name)
    del first["published.json"]
    assert content(got) == first
    shutil.rmtree(tmp_path / "artifacts")
    publish_again(FLOW, folder, LocalStore(tmp_path / "artifacts"))
    again = content(tmp_path / "artifacts/toy")
    assert again.keys() - {"published.json"} == first.keys()
    assert not states(run(tmp_path, Nation())).keys() - {"read[NB]", "read[VT]", "add", "alone", "page"}


def test_a_stopped_publication_is_finished_and_changed_results_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, Nation())

    def crash(name: str, path: Path) -> None:
        if name == "before publication" and path.name == "page.html":
            raise KeyboardInterrupt

    monkeypatch.setattr("nibrs_estimation.pipeline.publishing.checkpoint", crash)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Nation({"NB": 4, "VT": 5}))
    monkeypatch.undo()
    store, folder = LocalStore(tmp_path / "artifacts"), tmp_path / "scratch/toy"
    with pytest.raises(PipelineError, match="interrupted"):
        check_published(store, "toy")
    publish_again(FLOW, folder, store)
    assert (tmp_path / "artifacts/toy/page.html").read_text() == "[('NB', 2028), ('VT', 2029)]"
    (folder / "all/documents/page.html").write_text("changed")
    with pytest.raises(PipelineError, match=r"page.html is not what the run published.*nibrs run all toy"):
        publish_again(FLOW, folder, store)
    with pytest.raises(UsageError, match="has no flow"):
        publish_again(FLOW, tmp_path / "scratch/none", store)


def test_a_full_disk_stops_an_archive_and_removes_nothing(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted by this user")
    try:
        run(tmp_path, Nation())
        (tmp_path / "scratch/toy/all/documents/large").write_bytes(os.urandom(200_000))
        before = content(tmp_path / "scratch/toy")
        with pytest.raises(PipelineError, match=r"disk is full.*"):
            archive_run(tmp_path / "scratch/toy", LocalStore(small), print, keeps_local=False)
        assert content(tmp_path / "scratch/toy") == before
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_external_files_are_added_checked_and_fetched(elsewhere: Store, tmp_path: Path) -> None:
    listing, file = tmp_path / "external_file_locations.json", tmp_path / "population.csv"
    listing.write_text(json.dumps({"2023": {"pep": "2023/pep/old.csv"}}))
    file.write_text("n\n1\n")
    path, sha256 = add_file(listing, elsewhere, file, 2024, "population", date(2026, 3, 1))
    assert path == "2024/population/2026-03-01-1/population.csv"
    file.write_text("n\n2\n")
    assert add_file(listing, elsewhere, file, 2024, "population", date(2026, 3, 1))[0] == path.replace("-1/", "-2/")
    found = read_locations(listing)
    assert found.files == {
        "2023": {"pep": "2023/pep/old.csv"},
        "2024": {"population": "2024/population/2026-03-01-2/population.csv"},
    }
    assert found.hashes == {"2024/population/2026-03-01-2/population.csv": sha256_of(file)}
    assert elsewhere.has_same_content(path.replace("-1/", "-2/"), file)
    assert sha256 != sha256_of(file), "the earlier file stays"


def test_external_files_are_named_if_missing_or_different(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "population.csv").write_text("n\n1\n")
    added = command(
        monkeypatch, tmp_path, "externals", "add", "population.csv", "--year", "2024", "--name", "population",
        "--received", "2026-03-01",
    )  # fmt: skip
    assert added.exit_code == 0, added.exception
    typed = command(
        monkeypatch, tmp_path, "externals", "add", "population.csv", "--year", "2024", "--name", "popluation"
    )
    assert typed.exit_code == 0
    assert command(monkeypatch, tmp_path, "externals", "check").exit_code == 0
    fetched = command(monkeypatch, tmp_path, "externals", "fetch", "--to", "local", "--year", "2024")
    assert fetched.exit_code == 0
    assert (tmp_path / "local/2024/population/2026-03-01-1/population.csv").read_text() == "n\n1\n"
    (tmp_path / "externals/2024/population/2026-03-01-1/population.csv").write_text("n\n3\n")
    checked = command(monkeypatch, tmp_path, "externals", "fetch", "--to", "second")
    assert checked.exit_code == 1
    assert "but" in checked.output
    assert "1 missing or different" in checked.output
    assert not (tmp_path / "second/2024/population/2026-03-01-1").exists()
    assert len(list((tmp_path / "second").rglob("population.csv"))) == 1, "the others are fetched"
    shutil.rmtree(tmp_path / "externals")
    assert "2 missing or different" in command(monkeypatch, tmp_path, "externals", "check").output
    (tmp_path / "external_file_locations.json").write_text('{"2024": {"population": {"path": "a.csv"}}}')
    refused = command(monkeypatch, tmp_path, "externals", "check")
    assert "must be a path, or" in str(refused.exception)


def test_a_run_of_a_newer_version_is_named_and_left_alone(tmp_path: Path) -> None:
    run(tmp_path, Nation())
    record = tmp_path / "scratch/toy/run.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "format": FORMAT + 1}))
    with pytest.raises(UsageError, match=r"Run toy .* was created by a newer version of this program"):
        run(tmp_path, Nation())


def test_the_plan_of_a_real_flow_is_listed(tmp_path: Path) -> None:
    done = nibrs(tmp_path, "plan", "all", "--source", "synthetic:0.002", "--year", "2024")
    assert done.returncode == 0, done.stderr
    assert "not done yet" in done.stdout
    assert "units of work: " in done.stdout
    assert not (tmp_path / "scratch").exists()
