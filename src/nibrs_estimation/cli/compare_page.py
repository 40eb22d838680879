"""A page of differences: changes in percent with their intervals as a picture, and all numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape

import polars as pl

from nibrs_estimation.pages import BLUE, GRAY, html_table, page
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.survey.comparison import Compared

#: Ends of the axis at most, in percent: a few wide intervals should not hide all others.
_MOST = 200.0
#: Free space at both ends of the axis, in percent of it.
_MARGIN = 3
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
    drawn = _changes(found.filter(pl.col("change_upper").is_finite()))
    sections = [
        (f"{names[0]} beside {names[1]}, in percent", f"<p>{escape(means)}</p>{drawn}"),
        ("Numbers", html_table(found, "differences", labels, **decimals)),
        ("Where the numbers come from", "".join(f"<p>{escape(run.text)}</p>" for run in runs)),
    ]
    # The page is not in the folder of a run, to whose pages it could lead.
    return page(title, of_both, sections, replace(runs[0], run_id=""))


def _changes(rows: pl.DataFrame) -> str:
    """A row for each change: label, dot and interval about a line at 0, numbers."""
    if rows.is_empty():
        return "<p>No change in percent is known.</p>"
    reach: float = rows.select(
        pl.max_horizontal(pl.col("change_lower").abs(), pl.col("change_upper").abs()).max()
    ).item()
    reach = min(max(reach, 1.0), _MOST)

    def position(value: float) -> str:
        part = (max(min(value, reach), -reach) + reach) / (2 * reach)
        return f"{_MARGIN + (100 - 2 * _MARGIN) * part:.2f}%"

    drawn = "".join(
        f'<tr><td>{escape(label)}</td><td><svg role="img" aria-label="{value:+,.1f} percent">'
        f'<line x1="{position(0)}" x2="{position(0)}" y1="0" y2="100%" stroke="{GRAY}"/>'
        f'<line x1="{position(low)}" x2="{position(high)}" y1="50%" y2="50%" stroke="{BLUE}" stroke-width="2"/>'
        f'<circle cx="{position(value)}" cy="50%" r="3.5" fill="{BLUE}"/></svg></td>'
        f"<td>{value:+,.1f} % ({low:+,.1f} to {high:+,.1f})</td></tr>"
        for label, value, low, high in rows.select("label", "change", "change_lower", "change_upper").iter_rows()
    )
    return f'<table class="dots"><tr><th></th><th colspan="2">Change in percent</th></tr>{drawn}</table>'
