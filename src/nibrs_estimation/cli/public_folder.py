"""What is told of a folder of public downloads: its files, what is missing, and what follows from that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from nibrs_estimation.cli.console import console, plain, print_findings
from nibrs_estimation.cli.settings import Settings
from nibrs_estimation.model.public import FACTS, KINDS_OF_AGENCIES, SOURCE_CONFLICT, UNIVERSE_ACCOUNT
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.sources.public import Survey, kinds
from nibrs_estimation.sources.public.folder import File, Missing, of_kind

_STATES = {"used": "ok", "history": "ok", "conflict": "error", "damaged": "error"}
_FEW_STATES = 12


def year_of_public_files(year: int | None, settings: Settings) -> int:
    """The data year of the option or the setting.

    Raises:
        UsageError: neither is given; downloads of several years may lie in one folder.
    """
    chosen = settings.data_year if year is None else year
    if chosen is None:
        raise UsageError("A folder of downloads may hold several years. Give the data year with --year, or DATA_YEAR.")
    return chosen


def tell_public_folder(folder: Path, found: Survey) -> None:
    """Print a line for each file and for each kind that is missing, and what to do next."""
    print_findings([(_name(folder, file), _STATES.get(file.use, "not used"), _file_text(file)) for file in found.files])
    print_findings([(missing.kind.title, "missing", missing_text(missing)) for missing in found.missing])
    used = sum(file.use == "used" for file in found.files)
    history = sum(file.use == "history" for file in found.files)
    console.print(
        f"Data year {found.year}: files {len(found.files)}, of use {used}, as history {history}, at fault "
        f"{len(found.faults)}; kinds that are missing or lack states {len(found.missing)}.",
        highlight=False,
        soft_wrap=True,
    )
    console.print(_next_step(folder, found), highlight=False, soft_wrap=True)


def tell_universe(folder: Path, year: int) -> None:
    """Say how many agencies the datasets of a folder hold, of which kinds, and on what files differ."""
    account = pl.read_parquet(folder / f"{UNIVERSE_ACCOUNT.name}.parquet").filter(pl.col("data_year") == year)
    numbers = account.select(pl.exclude("data_year", "state_abbr").sum()).row(0, named=True)
    kinds = ", ".join(f"{numbers[f'n_{kind}']:,} {kind.replace('_', ' the ')}" for kind in KINDS_OF_AGENCIES)
    conflicts = pl.read_parquet(folder / f"{SOURCE_CONFLICT.name}.parquet").filter(pl.col("data_year") == year)
    by_fact = conflicts.group_by("fact").agg(n=pl.col("ori").n_unique()).sort("fact")
    differing = ", ".join(f"{FACTS[fact]} {n:,}" for fact, n in by_fact.iter_rows()) or "none"
    console.print(
        f"{numbers['n_rows']:,} agencies = {kinds}. Eligible agencies have {numbers['population']:,} residents.\n"
        f"Agencies of which files say different things: {differing}. Dataset {SOURCE_CONFLICT.name} lists them.",
        highlight=False,
        soft_wrap=True,
    )


def _next_step(folder: Path, found: Survey) -> str:
    """What to do with the folder: mend it, or the command that estimates from it."""
    if found.faults:
        return "Next: mend or remove the files with errors, then repeat the command."
    if not found.can_estimate:
        return (
            f"Nothing can be estimated for {found.year}: there is no NIBRS master file, no zip of a state and no "
            "Return A master file of that year."
        )
    source = f"public:{plain(str(folder))} --year {found.year}"
    if of_kind(found.files, kinds.NIBRS_MASTER):
        return (
            "Of master files only the first records were looked at; a run checks the whole.\n"
            f"Next: nibrs run all us --source {source}"
        )
    if states := sorted({state.lower() for file in of_kind(found.files, kinds.STATE_ZIP) for state in file.states}):
        run_id = "_".join(states) if len(states) <= _FEW_STATES else "states"
        return f"Next: nibrs run all {run_id} --source {source}"
    path = next(file.content.path for file in of_kind(found.files, kinds.RETURN_A) if file.content)
    return f"There are no incidents. Next, for summary counts: nibrs run srs us --source return-a:{plain(str(path))}"


def missing_text(missing: Missing) -> str:
    """What follows if a kind is missing, and where to download it."""
    number = len(missing.states)
    states = f"for {', '.join(missing.states) if number <= _FEW_STATES else f'{number} states'}: " if number else ""
    return f"{states}{missing.kind.without}. Download: {missing.kind.download}; {missing.kind.size}"


def as_json(found: Survey) -> dict[str, Any]:
    """The same for programs."""
    return {
        "year": found.year,
        "can_estimate": found.can_estimate,
        "files": [
            {
                "file": file.where,
                "kind": file.recognized.kind.name if file.recognized else None,
                "years": list(file.recognized.years) if file.recognized else [],
                "edition": (file.recognized.edition or None) if file.recognized else None,
                "states": sorted(file.states),
                "use": file.use,
                "reason": file.reason,
            }
            for file in found.files
        ],
        "missing": [
            {
                "kind": missing.kind.name,
                "states": list(missing.states),
                "follows": missing.kind.without,
                "download": missing.kind.download,
            }
            for missing in found.missing
        ],
    }


def _name(folder: Path, file: File) -> str:
    """The file by its path in the folder."""
    return plain(file.where.removeprefix(f"{folder}/"))


def _file_text(file: File) -> str:
    return "; ".join(part for part in (file.about, file.reason) if part)
