"""Writes records of a Return A master file, and reads one the slow way: by slicing its text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LENGTH = 7385
#: A month that was not reported, while a later one was; and one that nothing is known of.
NOT_REPORTED = "00" + "000000" + "00000" + "0000" + "0" * 573
BLANK_MONTH = " " * 590


def number(value: int, width: int = 5) -> str:
    """A number as the file writes it: zero-filled, the last digit of a negative one a letter."""
    digits = f"{abs(value):0{width}d}"
    return digits[:-1] + "}JKLMNOPQR"[int(digits[-1])] if value < 0 else digits


def month(
    counts: Mapping[int, Mapping[int, int]] | None = None,
    types: str = "55550",
    marks: str = "PPPP",
    included_in: str = "00",
    updated: str = "021015",
    officers: Sequence[int] = (0, 0, 0),
) -> str:
    """The 590 characters of a month: counts by card and by item."""
    cards = "".join(
        "".join(number((counts or {}).get(card, {}).get(item, 0)) for item in range(28)) for card in range(4)
    )
    killed, accident, assaulted = officers
    end = number(killed, 3) + number(accident, 3) + number(assaulted, 7)
    return included_in + updated + types + marks + cards + end


def header(
    ori7: str = "ZZ00101",
    state: str = "99",
    group: str = "5 ",
    division: str = "1",
    year: str = "14",
    covered_by: str = "",
    last_month: str = "12",
    counties: Sequence[tuple[int, str, str]] = ((15_000, "001", "123"),),
    agency_type: str = "1",
    core_city: str = "N",
    name: str = "EXAMPLETON",
) -> str:
    """The 305 characters before the months; a county is its population, its code and its metropolitan area."""
    blocks = [*counties, *[(0, "", "")] * (3 - len(counties))]
    text = f"1{state}{ori7}{group}{division}{year}00000  {core_city}{covered_by:7} 010115{'3001':4}{last_month}1"
    text += "".join(f"{population:09d}{county:3}{msa:3}" for population, county, msa in blocks)
    text += "000000005" * 3 + "2Y9N" + f"{name:24}" + "EXAMP "
    return f"{text:276}345W{agency_type}{'':24}"


def record(months: Sequence[str], **about: Any) -> str:
    """A whole record; months that are not given are blank."""
    return header(**about) + "".join([*months, *[BLANK_MONTH] * (12 - len(months))])


def example_records() -> list[str]:
    """Four agencies: totals only; a full year; a covered agency; a quarter in one month."""
    june = month({1: {0: 1, 10: 4, 16: 30, 20: 55, 21: 6, 25: 96}}, "05000", "TTTT")
    july = month({1: {16: 2, 20: 3, 25: 5}}, "05000", "TTTT")
    january = {0: 1, 2: 2, 3: 1, 4: 1, 5: 3, 6: 1, 9: 2, 10: 9, 11: 1, 14: 2, 15: 6, 16: 5, 17: 3, 18: 2}
    january |= {20: 20, 21: 2, 22: 2, 25: 42}
    february = {1: {2: -1, 3: -1, 20: 12, 25: 11}, 0: {2: 1, 3: 1, 25: 1}}
    larcenies = [month({1: {20: number_, 25: number_}}) for number_ in range(14, 23)]
    full_year = [month({1: january}), month(february), month(), *larcenies]
    march = month({1: {20: 9, 25: 9}})
    within_march = month(types="05550", marks="0000", included_in="03")
    return [
        record(
            [NOT_REPORTED] * 5 + [june, july],
            ori7="ZZ00100", group="8C", last_month="07", counties=[(22_000, "001", "")], agency_type="2",
        ),
        record(full_year, ori7="ZZ00101", counties=[(15_000, "001", "123"), (2_500, "002", "123")]),
        record(
            [], ori7="ZZ00102", group="7 ", last_month="00", covered_by="ZZ00100", counties=[(800, "001", "")],
            agency_type="0",
        ),
        record(
            [within_march, within_march, march], ori7="ZZ00103", group="6 ", last_month="03",
            counties=[(4_000, "001", "")],
        ),
    ]  # fmt: skip


@dataclass
class Slow:
    """A record as plain slicing reads it: positions of the FBI's description, one number after the other."""

    text: str

    def _at(self, first: int, last: int) -> str:
        return self.text[first - 1 : last]

    def agency(self) -> dict[str, Any]:
        """What the header says."""
        year = int(self._at(14, 15))
        covered_by = self._at(24, 30).strip()
        reported = sum(self.is_reported(month_, 1) for month_ in range(1, 13))
        return {
            "data_year": year + (1900 if year >= 60 else 2000),
            "ori7": self._at(4, 10),
            "covered_by_ori7": covered_by or None,
            "is_covered": covered_by != "",
            "population": sum(int(self._at(first, first + 8)) for first in (45, 60, 75)),
            "last_month_reported": int(self._at(42, 43)),
            "months_reported": reported,
            "lumped_kind": self.lumped_kind(reported),
        }

    def lumped_kind(self, reported: int) -> str | None:
        """Whether the year's offenses stand in December, half-years or quarters."""
        totals = {month_: self.value(month_, 1, 25) for month_ in range(1, 13)}
        if reported < 12 or sum(totals.values()) < 12:
            return None
        busy = {month_ for month_, total in totals.items() if total != 0}
        for kind, months in (("annual", {12}), ("semiannual", {6, 12}), ("quarterly", {3, 6, 9, 12})):
            if busy <= months:
                return kind
        return None

    def value(self, month_: int, card: int, item: int) -> int:
        """A number as it stands there, 0 where blank."""
        first = 306 + 590 * (month_ - 1) + 17 + 140 * card + 5 * item
        text = self._at(first, first + 4)
        if text == "     ":
            return 0
        if text[-1] in "}JKLMNOPQR":
            return -int(text[:-1] + str("}JKLMNOPQR".index(text[-1])))
        if text[-1] in "{ABCDEFGHI":
            return int(text[:-1] + str("{ABCDEFGHI".index(text[-1])))
        return int(text)

    def is_reported(self, month_: int, card: int) -> bool:
        """Types 2 and 5, and a number under type 0 or blank."""
        first = 306 + 590 * (month_ - 1) + 8 + card
        kind = self._at(first, first)
        return kind in "25" or (kind in "0 " and any(self.value(month_, card, item) for item in range(26)))

    def counts(self, month_: int, card: int) -> list[int | None]:
        """The 26 items of a card, None where missing."""
        start = 306 + 590 * (month_ - 1)
        values = [self.value(month_, card, item) for item in range(26)]
        included_in = self._at(start, start + 1).strip()
        is_elsewhere = included_in not in ("", "00", f"{month_:02d}") and not any(values)
        if not self.is_reported(month_, card) or is_elsewhere:
            return [None] * 26
        if self._at(start + 13 + card, start + 13 + card) != "T":
            return list(values)
        details = {3, 4, 6, 7, 8, 9, 11, 12, 13, 14, 15, 17, 18, 19, 22, 23, 24}
        return [None if item in details and value == 0 else value for item, value in enumerate(values)]
