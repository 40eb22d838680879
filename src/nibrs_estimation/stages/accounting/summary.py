"""The account of a run as a small JSON file."""

from __future__ import annotations

from typing import Any

import polars as pl

from nibrs_estimation.model.accounting import INCIDENTS, account_rows
from nibrs_estimation.pipeline.files import write_json
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.task import DocumentWriter


def write_account(
    incident_account: pl.LazyFrame, unlisted_offense: pl.LazyFrame, identity: Identity
) -> dict[str, DocumentWriter]:
    """Write ``incident_account.json``: what was read, what is in the estimates, and what was left out and why.

    ``text`` is the sentence that is shown at the end of a run; ``incidents`` and ``group_b_arrests`` contain the
    reasons.
    """
    rows = account_rows(incident_account)
    is_incident = pl.col("record_type") == INCIDENTS
    unlisted = unlisted_offense.group_by("offense_code").agg(pl.col("offenses").sum()).sort("offense_code").collect()
    content = {
        **identity.columns(),
        "data_year": identity.year,
        "text": account_text(rows, unlisted),
        "incidents": _part(rows.filter(is_incident)),
        "group_b_arrests": _part(rows.filter(~is_incident)),
        "offenses_with_unlisted_codes": dict(unlisted.iter_rows()),
    }
    return {"incident_account.json": lambda path: write_json(path, content)}


def account_text(rows: pl.DataFrame, unlisted: pl.DataFrame) -> str:
    """The account of the incidents in a sentence, and one of offenses with unlisted codes if there are any.

    Args:
        rows: result of :func:`~nibrs_estimation.model.accounting.account_rows`.
        unlisted: ``offense_code`` and ``offenses``.
    """
    incidents = rows.filter(pl.col("record_type") == INCIDENTS)
    total, used = _sum(incidents["records"]), _sum(incidents.filter("is_in_estimates")["records"])
    left_out = incidents.filter(~pl.col("is_in_estimates")).sort("records", descending=True, maintain_order=True)
    text = f"{_number(total, 'incident')} read = {used:,} in the estimates + {total - used:,} left out"
    if left_out.height:
        text += f" ({'; '.join(f'{n:,} {words}' for n, words in left_out.select('records', 'words').iter_rows())})"
    text += "."
    if unlisted.height:
        codes = ", ".join(unlisted["offense_code"])
        text += f" {_number(_sum(unlisted['offenses']), 'offense')} with a code that no row of the tables has: {codes}."
    return text


def _part(rows: pl.DataFrame) -> dict[str, Any]:
    used, total = _sum(rows.filter("is_in_estimates")["records"]), _sum(rows["records"])
    return {
        "read": total,
        "in_estimates": used,
        "left_out": total - used,
        "reasons": rows.select("reason", "words", "records", "share_pct").to_dicts(),
    }


def _number(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def _sum(records: pl.Series) -> int:
    return int(records.sum())
