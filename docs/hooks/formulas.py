"""Formulas of the site as MathML, which browsers show themselves: a page needs no script from another server."""

import html
import re
from typing import Any

from latex2mathml.converter import convert

#: What pymdownx.arithmatex writes for a formula within a line, and for one on lines of its own.
_INLINE = re.compile(r'<span class="arithmatex">\\\((.+?)\\\)</span>', re.DOTALL)
_DISPLAY = re.compile(r'<div class="arithmatex">\s*\\\[(.+?)\\\]\s*</div>', re.DOTALL)


def on_page_content(content: str, **_: Any) -> str:
    """Replace the formulas of a page.

    Raises:
        ValueError: a formula has a command that the converter does not know.
    """
    content = _DISPLAY.sub(lambda match: f'<div class="arithmatex">{_mathml(match[1], "block")}</div>', content)
    return _INLINE.sub(lambda match: _mathml(match[1], "inline"), content)


def _mathml(formula: str, display: str) -> str:
    mathml = convert(html.unescape(formula), display=display)
    if unknown := re.search(r"\\[a-zA-Z]+", mathml):
        raise ValueError(f"Formula {formula!r}: {unknown[0]} is not known; write it in another way.")
    return mathml
