"""Atomic files: whole or absent; errors that say what to do."""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.files import (
    atomic_path,
    full_disk_error,
    remove_leftovers,
    temporary_folder,
    working_under,
    write_text,
)


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_leftovers_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    leftover = tmp_path / "datasets" / ".table.parquet.partial"
    leftover.parent.mkdir()
    leftover.write_text("half")
    kept = tmp_path / "datasets" / "table.parquet"
    kept.write_text("whole")
    remove_leftovers(tmp_path)
    assert list(leftover.parent.iterdir()) == [kept]


def test_temporary_folders_stand_in_the_runs_folder_and_do_not_outlive_it(tmp_path: Path) -> None:
    with working_under(tmp_path / "run"):
        gone, killed = temporary_folder("spool"), temporary_folder("spool")
    assert {Path(gone.name).parent, Path(killed.name).parent} == {tmp_path / "run"}
    gone.cleanup()
    assert [path.name for path in (tmp_path / "run").iterdir()] == [Path(killed.name).name]
    remove_leftovers(tmp_path)
    assert list((tmp_path / "run").iterdir()) == []


def test_no_place_for_temporary_files_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PipelineError, match=r"No temporary folder can be created in .*SCRATCH_DIR"):
        temporary_folder("spool", tmp_path / "file" / "below")


def test_a_full_disk_is_known_from_every_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (
        OSError(errno.ENOSPC, "No space left on device"),
        pl.exceptions.ComputeError("No space left on device (os error 28)"),
    ):
        assert "TMPDIR" in str(full_disk_error(error, tmp_path))
    assert full_disk_error(OSError(errno.EACCES, "Permission denied"), tmp_path) is None
    cut = pl.exceptions.ComputeError("parquet: File out of specification: Invalid thrift: transport error")
    assert full_disk_error(cut, tmp_path) is None, "a damaged file, as long as there is space"
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=5))
    assert "TMPDIR" in str(full_disk_error(cut, tmp_path))


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small tmpfs needs root")
def test_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], check=False).returncode:
        pytest.skip("this machine does not let tests mount a tmpfs")
    try:
        with pytest.raises(PipelineError, match=r"disk is full.*Free some space"):
            write_text(tmp_path / "file.txt", "x" * 1_000_000)
        assert list(tmp_path.iterdir()) == []
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_no_permission_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    with unwritable(folder), pytest.raises(PipelineError, match="No permission to write"):
        write_text(folder / "file.txt", "text")


@contextmanager
def unwritable(folder: Path) -> Iterator[None]:
    """A folder in which nobody may write: for root, who may everywhere, a file system mounted read-only."""
    if os.geteuid() != 0:
        folder.chmod(0o500)
        yield
        return
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", folder], check=False).returncode:
        pytest.skip("this machine does not let tests mount a tmpfs")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PipelineError, match="could not be written"):
        write_text(tmp_path / "file" / "inside.txt", "text")
