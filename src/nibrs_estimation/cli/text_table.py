"""Columns of text side by side, in as many blocks as the width of the terminal requires."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

#: Spaces between two columns of text.
_GAP = 2
_HEADING_WIDTH = 13
_LABEL_WIDTH, _LEAST_LABEL_WIDTH = 46, 24


@dataclass(frozen=True)
class Label:
    """Label at the left of a line; a heading has no values."""

    text: str
    is_heading: bool = False


@dataclass(frozen=True)
class Strip:
    """A column of text: its heading, and text and mark of each line."""

    heading: str
    texts: Sequence[str]
    marks: Sequence[str] = field(default=())

    @property
    def width(self) -> int:
        """Width of its widest line, in characters."""
        texts = max(map(len, self.texts), default=0) + self.mark_width
        words = max(map(len, self.heading.split()), default=0)
        return max(texts, words, min(len(self.heading), _HEADING_WIDTH))

    @property
    def mark_width(self) -> int:
        """Width of its widest mark, so that numbers are aligned."""
        return max(map(len, self.marks), default=0)

    def line(self, place: int) -> str:
        """Text and mark of a line, aligned right."""
        mark = self.marks[place] if self.marks else ""
        return f"{self.texts[place]}{mark.ljust(self.mark_width)}".rjust(self.width)

    def headings(self) -> list[str]:
        """The lines of the heading."""
        return textwrap.wrap(self.heading, self.width)


@dataclass(frozen=True)
class Block:
    """Lines of a table, each with whether it is a heading."""

    lines: Sequence[tuple[str, bool]]


def label_width(labels: Sequence[Label], width: int) -> int:
    """Width of labels: their length, but at most two fifths of the terminal."""
    longest = max((len(label.text) for label in labels), default=0)
    return min(longest, _LABEL_WIDTH, max(_LEAST_LABEL_WIDTH, 2 * width // 5))


def label_lines(label: Label, width: int) -> list[str]:
    """The lines of a label; all but the first are indented."""
    indent = " " * (len(label.text) - len(label.text.lstrip()))
    return textwrap.wrap(label.text.strip(), width, initial_indent=indent, subsequent_indent=indent + "  ") or [""]


def n_groups_that_fit(groups: Sequence[Sequence[Strip]], labels: Sequence[Label], width: int) -> int:
    """Number of leading groups that fit side by side; at least one."""
    left = width - label_width(labels, width)
    for number, group in enumerate(groups):
        left -= sum(strip.width + _GAP for strip in group)
        if left < 0:
            return max(number, 1)
    return len(groups)


def blocks(labels: Sequence[Label], groups: Sequence[Sequence[Strip]], width: int) -> Iterator[Block]:
    """Blocks of groups that fit side by side; the columns of a group are in the same block if they fit."""
    waiting = list(groups)
    while waiting:
        number = n_groups_that_fit(waiting, labels, width)
        yield _block(labels, [strip for group in waiting[:number] for strip in group], width)
        waiting = waiting[number:]


def _block(labels: Sequence[Label], strips: Sequence[Strip], width: int) -> Block:
    label_chars = label_width(labels, width)
    headings = [strip.headings() for strip in strips]
    height = max(map(len, headings), default=0)
    lines = [
        (_joined("", label_chars, [(*heading, *[""] * height)[k] for heading in headings], strips), True)
        for k in range(height)
    ]
    for place, label in enumerate(labels):
        first, *others = label_lines(label, label_chars)
        values = [] if label.is_heading else [strip.line(place) for strip in strips]
        lines.append((_joined(first, label_chars, values, strips), label.is_heading))
        lines += [(other, label.is_heading) for other in others]
    return Block(lines)


def _joined(label: str, label_chars: int, texts: Sequence[str], strips: Sequence[Strip]) -> str:
    values = (" " * _GAP + text.rjust(strip.width) for text, strip in zip(texts, strips, strict=False))
    return (label.ljust(label_chars) + "".join(values)).rstrip()
