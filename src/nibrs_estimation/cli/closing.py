"""What is told at the end of a command: where the numbers come from, what was read, what was left out, what to open."""

from __future__ import annotations

import json
from pathlib import Path

from nibrs_estimation.cli.console import console, plain
from nibrs_estimation.pipeline.identity import SYNTHETIC, Identity
from nibrs_estimation.sources.intake.manifest import INTAKE_MANIFEST

#: Document of a run: incidents read, in the estimates and left out, with a sentence for people under ``text``.
ACCOUNT = "incident_account.json"


def tell_origin(identity: Identity) -> None:
    """Source, year and run in one line; synthetic data in bold."""
    text = plain(identity.text).replace(SYNTHETIC, f"[bold yellow]{SYNTHETIC}[/]")
    console.print(text[:1].upper() + text[1:], highlight=False, soft_wrap=True)


def tell_intake(documents: Path, *, is_new: bool) -> None:
    """Say how much was read and set aside.

    Args:
        documents: folder that holds the accounts.
        is_new: whether the source was read this time; if not, the accounts are those of an earlier time.
    """
    if not is_new:
        console.print("[dim]The source has not changed and was not read again.[/]")
        return
    manifest = documents / INTAKE_MANIFEST.name
    totals = json.loads(manifest.read_text(encoding="utf-8"))["totals"]
    aside = totals["rows_quarantined"] + totals["values_quarantined"]
    text = (
        f"Read {totals['rows_read']:,} rows, kept {totals['rows_kept']:,}; set aside as faulty: "
        f"{totals['rows_quarantined']:,} rows and {totals['values_quarantined']:,} values."
    )
    tail = f" Dataset quarantine and {manifest} tell which and why." if aside else ""
    console.print(f"[yellow]{text}{tail}[/]" if aside else f"[dim]{text}[/]", highlight=False, soft_wrap=True)


def tell_account(documents: Path) -> None:
    """Say how many of the incidents that were read are in the estimates, and how many are left out and why."""
    account = json.loads((documents / ACCOUNT).read_text(encoding="utf-8"))
    console.print(plain(account["text"]), highlight=False, soft_wrap=True)


def tell_made(report: str, run_id: str) -> None:
    """What to open, and how to print a table."""
    console.print(
        f"Open [bold]{report}[/] in a browser, or print a table: nibrs tables show 3a --run {run_id}",
        highlight=False,
        soft_wrap=True,
    )
