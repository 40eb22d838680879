"""What is told of a Return A master file that was read."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from nibrs_estimation.cli.console import console
from nibrs_estimation.model.return_a_file import RETURN_A_AGENCY, RETURN_A_COUNT
from nibrs_estimation.sources.return_a.summary import summarize


def tell_return_a(folder: Path) -> None:
    """Say how many agencies, residents, months and offenses the datasets of a folder hold."""
    agencies, counts = (
        pl.scan_parquet(folder / f"{dataset.name}.parquet") for dataset in (RETURN_A_AGENCY, RETURN_A_COUNT)
    )
    found = summarize(agencies, counts)
    console.print(
        f"{found.agencies:,} agencies, of which {found.covered:,} covered by another and {found.eligible:,} eligible "
        f"(not covered, in the 50 states or the District of Columbia), with {found.population:,} residents.\n"
        f"Eligible agencies reported {found.agency_months:,} months; {found.full_year:,} reported all twelve. "
        f"{found.lumped:,} agencies report counts of several months in one.\n"
        "Eligible agencies by population group: "
        + ", ".join(f"{group} {number:,}" for group, number in found.groups.items())
        + ".\nOffenses of eligible agencies as reported: "
        + ", ".join(f"{crime.replace('_', ' ')} {number:,}" for crime, number in found.offenses.items())
        + ".",
        highlight=False,
        soft_wrap=True,
    )
