"""What is told at the end of a command: where the numbers come from, what was read, what was left out, what to open."""

from __future__ import annotations

import json
from pathlib import Path

from nibrs_estimation.cli.console import console, plain
from nibrs_estimation.pipeline.identity import SYNTHETIC, Identity
from nibrs_estimation.sources.intake import INTAKE_MANIFEST


def tell_origin(identity: Identity) -> None:
    """Source, year and run in one line; synthetic data in bold."""
    text = plain(identity.text).replace(SYNTHETIC, f"[bold yellow]{SYNTHETIC}[/]")
    console.print(text[:1].upper() + text[1:], highlight=False, soft_wrap=True)


def tell_intake(documents: Path, *, is_new: bool) -> None:
    """Say how much of what was read was set aside.

    Args:
        documents: folder that holds the accounts, if the command made them.
        is_new: whether the source was read this time; if not, the accounts are those of an earlier time.
    """
    manifest = documents / INTAKE_MANIFEST.name
    if not is_new:
        console.print("[dim]The source has not changed and was not read again.[/]")
    if not is_new or not manifest.is_file():
        return
    totals = json.loads(manifest.read_text(encoding="utf-8"))["totals"]
    aside = totals["rows_quarantined"] + totals["values_quarantined"]
    text = (
        f"Read {totals['rows_read']:,} rows, kept {totals['rows_kept']:,}; set aside as faulty: "
        f"{totals['rows_quarantined']:,} rows and {totals['values_quarantined']:,} values."
    )
    tail = f" Dataset quarantine and {manifest} tell which and why." if aside else ""
    console.print(f"[yellow]{text}{tail}[/]" if aside else f"[dim]{text}[/]", highlight=False, soft_wrap=True)


def tell_left_out(documents: Path) -> None:
    """Say how many incidents are in no estimate, if the run has counted them."""


def tell_made(report: str, run_id: str) -> None:
    """What to open, and how to print a table."""
    console.print(
        f"Open [bold]{report}[/] in a browser, or print a table: nibrs tables show 3a --run {run_id}",
        highlight=False,
        soft_wrap=True,
    )
