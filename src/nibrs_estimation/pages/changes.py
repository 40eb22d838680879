"""Changes in percent with their intervals, as a picture."""

from __future__ import annotations

from html import escape

import polars as pl

from nibrs_estimation.pages import BLUE, GRAY

#: Ends of the axis at most, in percent: a few wide intervals should not hide all others.
_MOST = 200.0
#: Free space at both ends of the axis, in percent of it.
_MARGIN = 3


def change_chart(rows: pl.DataFrame) -> str:
    """A row for each change: label, dot and interval about a line at 0, numbers.

    Args:
        rows: ``label``, ``change``, ``change_lower`` and ``change_upper``, in percent and finite.
    """
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
