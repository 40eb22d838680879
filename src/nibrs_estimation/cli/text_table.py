"""Columns of text side by side, in as many blocks as the terminal's width asks for."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

#: Blanks between two columns of text.
_GAP = 2
_HEADING_WIDTH = 13
_LABEL_WIDTH, _LEAST_LABEL_WIDTH = 46, 24


@dataclass(frozen=True)
class Label:
    """What stands at the left of a line; without values it is a heading of those below."""

    text: str
    is_heading: bool = False


@dataclass(frozen=True)
class Strip:
    """A column of text: its heading, and what stands in each line, with a mark behind it."""

    heading: str
    texts: Sequence[str]
    marks: Sequence[str] = field(default=())

    @property
    def width(self) -> int:
        """Characters of its widest line."""
        texts = max(map(len, self.texts), default=0) + self.mark_width
        words = max(map(len, self.heading.split()), default=0)
        return max(texts, words, min(len(self.heading), _HEADING_WIDTH))

    @property
    def mark_width(self) -> int:
        """Characters of its widest mark: numbers stand below each other all the same."""
        return max(map(len, self.marks), default=0)

    def line(self, place: int) -> str:
        """What stands in a line."""
        mark = self.marks[place] if self.marks else ""
        return f"{self.texts[place]}{mark.ljust(self.mark_width)}".rjust(self.width)

    def headings(self) -> list[str]:
        """The heading in lines."""
        return textwrap.wrap(self.heading, self.width)


@dataclass(frozen=True)
class Block:
    """Lines of a table; those of headings are to be printed bold."""

    lines: Sequence[tuple[str, bool]]


def label_width(labels: Sequence[Label], width: int) -> int:
    """Characters for labels on a terminal of some width: as long as they are, but no more than two fifths."""
    longest = max((len(label.text) for label in labels), default=0)
    return min(longest, _LABEL_WIDTH, max(_LEAST_LABEL_WIDTH, 2 * width // 5))


def label_lines(label: Label, width: int) -> list[str]:
    """A label in lines; what does not fit in the first is indented."""
    indent = " " * (len(label.text) - len(label.text.lstrip()))
    return textwrap.wrap(label.text.strip(), width, initial_indent=indent, subsequent_indent=indent + "  ") or [""]


def room(groups: Sequence[Sequence[Strip]], labels: Sequence[Label], width: int) -> int:
    """How many of the groups, from the first, fit side by side; at least one."""
    left = width - label_width(labels, width)
    for number, group in enumerate(groups):
        left -= sum(strip.width + _GAP for strip in group)
        if left < 0:
            return max(number, 1)
    return len(groups)


def blocks(labels: Sequence[Label], groups: Sequence[Sequence[Strip]], width: int) -> Iterator[Block]:
    """All groups: those that fit beside each other in one block, strips of a group together where they fit."""
    waiting = list(groups)
    while waiting:
        number = room(waiting, labels, width)
        yield _block(labels, [strip for group in waiting[:number] for strip in group], width)
        waiting = waiting[number:]


def _block(labels: Sequence[Label], strips: Sequence[Strip], width: int) -> Block:
    label_room = label_width(labels, width)
    headings = [strip.headings() for strip in strips]
    height = max(map(len, headings), default=0)
    lines = [
        (_joined("", label_room, [(*heading, *[""] * height)[k] for heading in headings], strips), True)
        for k in range(height)
    ]
    for place, label in enumerate(labels):
        first, *others = label_lines(label, label_room)
        values = [] if label.is_heading else [strip.line(place) for strip in strips]
        lines.append((_joined(first, label_room, values, strips), label.is_heading))
        lines += [(other, label.is_heading) for other in others]
    return Block(lines)


def _joined(label: str, label_room: int, texts: Sequence[str], strips: Sequence[Strip]) -> str:
    values = (" " * _GAP + text.rjust(strip.width) for text, strip in zip(texts, strips, strict=False))
    return (label.ljust(label_room) + "".join(values)).rstrip()
