"""`nibrs archive` and `nibrs restore`: a whole run to another place, and back."""

from __future__ import annotations

from typing import Annotated

import typer

from nibrs_estimation.cli.console import console
from nibrs_estimation.cli.settings import load_settings
from nibrs_estimation.pages import counted
from nibrs_estimation.pipeline.archiving import archive_run, restore_run
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.runs import check_run_id
from nibrs_estimation.pipeline.store import open_store

app = typer.Typer()

RunId = Annotated[str, typer.Argument(help="Name of the run.")]


def _note(text: str) -> None:
    console.print(text, highlight=False, markup=False)


@app.command(epilog="Example: nibrs archive vt s3://bucket/archive")
def archive(
    run_id: RunId,
    to: Annotated[str, typer.Argument(help="Folder or s3://bucket/prefix; the run becomes a folder in it.")],
    keep_local: Annotated[
        bool, typer.Option("--keep-local", help="Do not remove the run from the scratch folder.")
    ] = False,
) -> None:
    """Copy a run to another folder or bucket, verify the copy, then remove the run here.

    Every file is read back and its hash compared before anything is removed. The same command continues one that was
    stopped.
    """
    settings = load_settings()
    store, artifacts = open_store(to, settings.s3()), open_store(settings.artifact_store, settings.s3())
    if str(store) == str(artifacts):
        raise UsageError(f"{to} is the ARTIFACT_STORE, for published results. Name another place for archives.")
    folder = settings.scratch_dir / check_run_id(run_id)
    found = archive_run(folder, store, _note, keeps_local=keep_local)
    _note(
        f"Archived {counted(len(found.files), 'file')} of run {run_id} in {store}/{run_id}, all verified. "
        f"`nibrs restore {run_id} {store}` copies it back."
    )


@app.command(epilog="Example: nibrs restore vt s3://bucket/archive")
def restore(
    run_id: RunId,
    archive_of: Annotated[str, typer.Argument(metavar="FROM", help="Folder or s3://bucket/prefix of the archive.")],
) -> None:
    """Copy an archived run back to the scratch folder.

    Hashes are compared. The run can then be continued; its tasks are kept. The archive stays.
    """
    settings = load_settings()
    folder = settings.scratch_dir / check_run_id(run_id)
    found = restore_run(open_store(archive_of, settings.s3()), folder, _note)
    _note(f"Restored {counted(len(found.files), 'file')} to {folder}.")
