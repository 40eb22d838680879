"""Reading a source into a folder of datasets, without a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nibrs_estimation.cli.console import console
from nibrs_estimation.cli.progress import report_outcome
from nibrs_estimation.cli.settings import Settings
from nibrs_estimation.cli.summary import print_intake, print_origin
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.source import Source
from nibrs_estimation.pipeline.standalone import Folders, run_tasks


def ingest(
    source: Source,
    out: Path,
    settings: Settings,
    year: int,
    seed: int | None = None,
    externals: Mapping[str, Path] | None = None,
) -> None:
    """Write the datasets of a source to a folder, and print a summary.

    Args:
        source: the source.
        out: the folder; created if it does not exist.
        settings: the settings.
        year: data year.
        seed: seed of a synthetic nation; default: the setting.
        externals: external files of the source's tasks, by code name.

    Raises:
        PipelineError: the source cannot be read or does not contain the year, or the folder cannot be written.
    """
    parameters = settings.parameters(year, settings.nibrs_seed if seed is None else seed)
    probe = source.probe(parameters["year"], parameters["seed"])
    identity = Identity("", source.spec, parameters["year"], parameters["seed"], probe.is_synthetic)
    console.print(probe.summary, highlight=False)
    make_folder(out)
    outcomes = run_tasks(
        source.tasks(),
        Folders(out, out),
        {**parameters, "identity": identity},
        externals or {},
        log_threshold=settings.log_threshold,
        partitions=probe.partitions,
        report=report_outcome,
    )
    if outcomes[-1].state == "failed":
        raise PipelineError(f"{outcomes[-1].key}: {outcomes[-1].message} Its log is {outcomes[-1].log_path}.")
    print_origin(identity)
    print_intake(out / "documents", is_new=True)
    console.print(f"The datasets are in [bold]{out}[/].", highlight=False)


def make_folder(folder: Path) -> None:
    """Create a folder if it does not exist, and print a message.

    Raises:
        PipelineError: it cannot be created.
    """
    if folder.is_dir():
        return
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise PipelineError(
            f"The folder {folder} cannot be created ({error.strerror}). Choose a folder that this user may write."
        ) from error
    console.print(f"[dim]Created the folder {folder}.[/]", highlight=False)
