"""Summary at the end of a command: origin of the numbers, rows read, incidents left out, and files to open."""

from __future__ import annotations

import json
from pathlib import Path

from nibrs_estimation.cli.console import console, plain
from nibrs_estimation.pipeline.identity import SYNTHETIC, Identity
from nibrs_estimation.sources.intake.manifest import INTAKE_MANIFEST

#: Document of a run: incidents read, used in the estimates and left out; ``text`` is a sentence for the user.
ACCOUNT = "incident_account.json"


def print_origin(identity: Identity) -> None:
    """Print source, year and run in one line; the mark of synthetic data is bold."""
    text = plain(identity.text).replace(SYNTHETIC, f"[bold yellow]{SYNTHETIC}[/]")
    console.print(text[:1].upper() + text[1:], highlight=False, soft_wrap=True)


def print_intake(documents: Path, *, is_new: bool) -> None:
    """Print the numbers of rows read and set aside.

    Args:
        documents: folder with the accounts.
        is_new: whether this command read the source.
    """
    if not is_new:
        console.print("[dim]The source has not changed and was not read again.[/]")
        return
    manifest = documents / INTAKE_MANIFEST.name
    totals = json.loads(manifest.read_text(encoding="utf-8"))["totals"]
    n_set_aside = totals["rows_quarantined"] + totals["values_quarantined"]
    text = (
        f"Read {totals['rows_read']:,} rows, kept {totals['rows_kept']:,}; set aside as faulty: "
        f"{totals['rows_quarantined']:,} rows and {totals['values_quarantined']:,} values."
    )
    hint = f" See dataset quarantine and {manifest}." if n_set_aside else ""
    console.print(f"[yellow]{text}{hint}[/]" if n_set_aside else f"[dim]{text}[/]", highlight=False, soft_wrap=True)


def print_account(documents: Path) -> None:
    """Print how many incidents are used in the estimates, and how many are left out for which reason."""
    account = json.loads((documents / ACCOUNT).read_text(encoding="utf-8"))
    console.print(plain(account["text"]), highlight=False, soft_wrap=True)


def print_report_hint(report: str, run_id: str, table: str) -> None:
    """Print which file to open, and how to print a table."""
    console.print(
        f"Open [bold]{report}[/] in a browser, or print a table: nibrs tables show {table} --run {run_id}",
        highlight=False,
        soft_wrap=True,
    )
