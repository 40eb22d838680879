"""A page of differences: changes in percent with their intervals as a picture, and all numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape

import polars as pl

from nibrs_estimation.pages import html_table, page
from nibrs_estimation.pages.changes import change_chart
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.survey.comparison import Compared

_LABELS = {
    "label": "",
    "first": "first",
    "second": "second",
    "difference": "Difference",
    "lower": "from",
    "upper": "to",
    "change": "Change, %",
    "change_lower": "from",
    "change_upper": "to",
    "missing": "No number because",
}


def comparison_page(
    found: pl.DataFrame, title: str, of_both: str, names: tuple[str, str], means: str, runs: Sequence[Identity]
) -> str:
    """The page as HTML.

    Args:
        found: differences with a ``label`` each.
        title: what is compared.
        of_both: what both sides have in common.
        names: of the first and the second side.
        means: what the intervals mean.
        runs: identities of the runs.
    """
    decimals = dict.fromkeys(Compared._fields, "number")
    decimals.pop("standard_error")
    labels = _LABELS | {"first": names[0], "second": names[1]}
    if found["missing"].null_count() == found.height:
        labels.pop("missing")
    drawn = change_chart(found.filter(pl.col("change_upper").is_finite()))
    sections = [
        (f"{names[0]} beside {names[1]}, in percent", f"<p>{escape(means)}</p>{drawn}"),
        ("Numbers", html_table(found, "differences", labels, **decimals)),
        ("Where the numbers come from", "".join(f"<p>{escape(run.text)}</p>" for run in runs)),
    ]
    # The page is not in the folder of a run, to whose pages it could lead.
    return page(title, of_both, sections, replace(runs[0], run_id=""))
