"""HTML pages: one style, embedded charts, no network access and no scripts."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from nibrs_estimation.pipeline.identity import SYNTHETIC, Identity

if TYPE_CHECKING:
    import altair as alt

STYLE = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
#: Colors of all charts: main color, warning color and neutral color.
BLUE, RED, GRAY = "#2f6690", "#c0392b", "#9aa7b2"


#: Longer codes first, because they contain the shorter ones.
_CODE_WORDS = {
    "NON-MSA COUNTY/STATE AGENCY-ZERO POP": "Non-MSA county and state agencies where nobody lives",
    "MSA COUNTY/STATE AGENCY-ZERO POP": "MSA county and state agencies where nobody lives",
    "CITY AGENCY-ZERO POP": "City agencies where nobody lives",
}


def rows_of(table: pl.DataFrame) -> alt.InlineData:
    """A table as the data of a chart."""
    import altair as alt  # noqa: PLC0415 (slow to import; only tasks with charts need it)

    return alt.InlineData(values=table.to_dicts())


def svg(chart: Any) -> str:
    """A chart as SVG, in the style of the pages."""
    import vl_convert  # noqa: PLC0415 (as above)

    spec = chart.configure_view(stroke=None).configure_axis(grid=True, gridColor="#e8edf1", domain=False).to_dict()
    image = str(vl_convert.vegalite_to_svg(spec))
    # The converter numbers gradients and clips over the life of the process. With these names, the same chart has the
    # same bytes, and charts of a page have different names.
    prefix = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:12]
    names = dict.fromkeys(re.findall(r'\bid="([^"]+)"', image))
    for number, name in enumerate(names):
        image = image.replace(f'id="{name}"', f'id="{prefix}-{number}"').replace(f"#{name})", f"#{prefix}-{number})")
    return image


def html_table(table: pl.DataFrame, name: str, labels: dict[str, str], **formats: str) -> str:
    """A table as HTML.

    Args:
        table: what to show.
        name: its id on the page.
        labels: column -> heading, for the columns to show, in this order.
        formats: column -> "integer", "number" (one decimal), "fine" (two decimals) or "percent".
    """
    from great_tables import GT  # noqa: PLC0415 (as above)

    shown = GT(table.select(list(labels)), id=name).sub_missing(missing_text="–").cols_label(**labels)  # type: ignore[arg-type]
    of_kind: dict[str, list[str]] = {}
    for column, kind in formats.items():
        of_kind.setdefault(kind, []).append(column)
    for kind, columns in of_kind.items():
        if kind == "percent":
            shown = shown.fmt_percent(columns, decimals=1)
        else:
            shown = shown.fmt_number(columns, decimals={"integer": 0, "number": 1, "fine": 2}[kind])
    return str(shown.as_raw_html())


def page_head(title: str, subtitle: str, identity: Identity) -> str:
    """Title, origin of the numbers, and a banner if they are synthetic."""
    run = f"run {identity.run_id}" if identity.run_id else ""
    origin = " · ".join(part for part in (f"data year {identity.year}", f"source {identity.source}", run) if part)
    banner = f'<p class="synthetic">{escape(SYNTHETIC)}</p>' if identity.is_synthetic else ""
    # The page of the run is published with every page and links to all others.
    others = '<p><a href="run.html">All pages and files of this run</a></p>' if identity.run_id else ""
    return (
        f'<header id="top"><h1>{escape(title)}</h1>{banner}<p>{escape(subtitle)}</p>'
        f'<p class="identity">{escape(origin)}</p>{others}</header>'
    )


def contents(headings: Iterable[str]) -> str:
    """A list of links to the sections of a page."""
    items = "".join(f'<li><a href="#{anchor(heading)}">{escape(heading)}</a></li>' for heading in headings)
    return f'<nav aria-label="Contents"><ul>{items}</ul></nav>'


def anchor(heading: str) -> str:
    """The id of the section under a heading."""
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: 1 cell, 2 cells."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def readable(column: str) -> pl.Expr:
    """Labels of weight groups, with plain words for agencies without residents."""
    label = pl.col(column)
    for code, words in _CODE_WORDS.items():
        label = label.str.replace_all(code, words, literal=True)
    return label


def page(title: str, subtitle: str, sections: Iterable[tuple[str, str]], identity: Identity) -> str:
    """A page as HTML; the contents of sections are HTML, the other arguments are text."""
    parts = list(sections)
    body = "\n".join(
        f'<section id="{anchor(heading)}"><h2>{escape(heading)}</h2>{content}</section>' for heading, content in parts
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width,initial-scale=1">\n'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>\n"
        f"{page_head(title, subtitle, identity)}\n{contents(heading for heading, _ in parts)}\n{body}\n</body></html>\n"
    )


def writer(content: str) -> Callable[[Path], None]:
    """A function that writes a page to a path."""

    def write(path: Path) -> None:
        path.write_text(content, encoding="utf-8")

    return write
