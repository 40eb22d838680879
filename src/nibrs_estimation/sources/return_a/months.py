"""The twelve months of a record: what was reported, the counts of four cards, and officers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.return_a import GRAND_TOTAL
from nibrs_estimation.model.return_a_file import ACTUAL, CARDS, ITEMS, LUMPED_MONTHS
from nibrs_estimation.sources.intake.fixed_width import Field, decode
from nibrs_estimation.sources.return_a import layout
from nibrs_estimation.sources.return_a.faults import FAULTS
from nibrs_estimation.sources.return_a.layout import CARD_FIELDS, DIGITS, MONTH_LENGTH, MONTHS_OF_YEAR

#: Records that are decoded at once: their characters stay in the processor's cache.
_CHUNK = 256
_OFFICERS = (layout.OFFICERS_KILLED, layout.OFFICERS_KILLED_BY_ACCIDENT, layout.OFFICERS_ASSAULTED)
#: Below this number of offenses a year, that they stand in few months may be chance.
_FEWEST_LUMPED = 12


@dataclass(frozen=True)
class Months:
    """The months of n records, as the file has them; what was not reported is 0.

    Attributes:
        counts: (26, n, 12, 4) offenses by item, record, month and card.
        officers: (3, n, 12) killed feloniously, killed by accident, assaulted.
        card_type: (n, 12, 5) the characters that tell the type of each card.
        is_totals_only: (n, 12, 4) whether a card has totals without details.
        included_in: (n, 12) the month whose report holds this month's crimes, 0 for none.
        updated: (n, 12) days, not a time where blank.
    """

    counts: NDArray[np.int32]
    officers: NDArray[np.int32]
    card_type: NDArray[np.uint8]
    is_totals_only: NDArray[np.bool_]
    included_in: NDArray[np.int8]
    updated: NDArray[np.datetime64]

    def of(self, places: NDArray[np.int64]) -> Months:
        """The months of some records, in the order of their places."""
        return Months(
            self.counts.take(places, axis=1),
            self.officers.take(places, axis=1),
            self.card_type[places],
            self.is_totals_only[places],
            self.included_in[places],
            self.updated[places],
        )

    def is_card_reported(self) -> NDArray[np.bool_]:
        """(n, 12, 5) Which cards were reported.

        Those of types 2 and 5, and those not updated that have numbers all the same, as agencies that report by
        quarter send them.
        """
        has_numbers = np.concatenate([self._has_offenses(), self._has_officers()[..., np.newaxis]], axis=-1)
        is_open = _is_in(self.card_type, layout.OPEN_TYPES)
        return np.asarray(_is_in(self.card_type, layout.REPORTED_TYPES) | (is_open & has_numbers))

    def is_within_another(self) -> NDArray[np.bool_]:
        """(n, 12, 4) Which cards have no numbers of their own, for these stand in another month's."""
        other = self.included_in != np.arange(1, MONTHS_OF_YEAR + 1)
        is_included = (self.included_in > 0) & other
        return np.asarray(is_included[..., np.newaxis]) & ~self._has_offenses()

    def lumped_kind(self) -> list[str | None]:
        """(n) In which months the counts of a whole year stand; None where they are not so lumped."""
        offenses = self.counts[GRAND_TOTAL, :, :, ACTUAL]
        is_full = self.is_card_reported()[..., ACTUAL].all(axis=1) & (offenses.sum(axis=1) >= _FEWEST_LUMPED)
        kinds: list[str | None] = [None] * len(offenses)
        # A kind of fewer months is also one of more: the narrowest is written last.
        for kind, months in reversed(LUMPED_MONTHS.items()):
            others = [month - 1 for month in range(1, MONTHS_OF_YEAR + 1) if month not in months]
            for place in np.flatnonzero(is_full & ~offenses[:, others].any(axis=1)):
                kinds[place] = kind
        return kinds

    def _has_offenses(self) -> NDArray[np.bool_]:
        """(n, 12, 4) Which cards have a number other than 0."""
        return np.asarray(self.counts.any(axis=0), np.bool_)

    def _has_officers(self) -> NDArray[np.bool_]:
        """(n, 12) The same of the card of officers."""
        return np.asarray(self.officers.any(axis=0), np.bool_)


def read_months(characters: NDArray[np.uint8], lines: NDArray[np.int64]) -> tuple[Months, pl.DataFrame]:
    """The months of records, and their faults.

    Args:
        characters: (n, RECORD_LENGTH) the records.
        lines: (n,) the line of each in the file.
    """
    n = len(characters)
    months = Months(
        counts=np.zeros((len(ITEMS), n, MONTHS_OF_YEAR, len(CARDS)), np.int32),
        officers=np.zeros((len(_OFFICERS), n, MONTHS_OF_YEAR), np.int32),
        card_type=np.zeros((n, MONTHS_OF_YEAR, len(CARDS) + 1), np.uint8),
        is_totals_only=np.zeros((n, MONTHS_OF_YEAR, len(CARDS)), np.bool_),
        included_in=np.zeros((n, MONTHS_OF_YEAR), np.int8),
        updated=np.full((n, MONTHS_OF_YEAR), "NaT", "datetime64[D]"),
    )
    faults = [pl.DataFrame(schema=FAULTS)]
    for start in range(0, n, _CHUNK):
        part = slice(start, start + _CHUNK)
        text = characters[part]
        area = text[:, layout.HEADER_LENGTH :].reshape(len(text), MONTHS_OF_YEAR, MONTH_LENGTH)
        checks = (*_read_marks(area, months, part), *_read_counts(area, months, part))
        faults.extend(_faults(text, lines[part], check) for check in checks if check.is_faulty.any())
    return months, pl.concat(faults)


@dataclass(frozen=True)
class _Check:
    """What was found of one kind of field: (c, 12, ...) which are faulty, and the field of each but the first index."""

    is_faulty: NDArray[np.bool_]
    field: Callable[..., Field]
    reason: str
    is_row: bool = True


def _read_counts(area: NDArray[np.uint8], months: Months, part: slice) -> Iterator[_Check]:
    """Decode the numbers of (c, 12, 590) characters into a part of the months."""
    cards = _cut(area, layout.COUNTS).reshape(*area.shape[:2], len(CARDS), CARD_FIELDS, DIGITS)
    values, is_number = decode(cards[..., : len(ITEMS), :])
    months.counts[:, part] = np.moveaxis(values, -1, 0)
    yield _Check(~is_number, layout.card_item, "not_a_number")
    for kind, field in enumerate(_OFFICERS):
        months.officers[kind, part], is_number = decode(_cut(area, field))
        yield _Check(~is_number, partial(layout.in_month, field=field), "not_a_number")


def _read_marks(area: NDArray[np.uint8], months: Months, part: slice) -> Iterator[_Check]:
    """Decode what (c, 12, 590) characters say of months and cards into a part of the months."""
    included_in, is_number = decode(_cut(area, layout.INCLUDED_IN))
    months.included_in[part] = included_in
    is_month = is_number & (included_in >= 0) & (included_in <= MONTHS_OF_YEAR)
    yield _Check(~is_month, partial(layout.in_month, field=layout.INCLUDED_IN), "out_of_range")

    months.card_type[part] = _cut(area, layout.CARD_TYPES)
    known = layout.REPORTED_TYPES + layout.OPEN_TYPES + layout.OTHER_TYPES
    yield _Check(~_is_in(months.card_type[part], known), partial(_one, layout.CARD_TYPES), "unknown_code")

    marks = _cut(area, layout.DETAIL_MARKS)
    months.is_totals_only[part] = _is_in(marks, layout.TOTALS_ONLY)
    yield _Check(~_is_in(marks, layout.MARKS), partial(_one, layout.DETAIL_MARKS), "unknown_code")

    months.updated[part], is_date = _dates(_cut(area, layout.UPDATED))
    yield _Check(~is_date, partial(layout.in_month, field=layout.UPDATED), "impossible_date", is_row=False)


def _cut(area: NDArray[np.uint8], field: Field) -> NDArray[np.uint8]:
    return area[..., field.first - 1 : field.last]


def _is_in(characters: NDArray[np.uint8], allowed: bytes) -> NDArray[np.bool_]:
    is_allowed = np.zeros(256, np.bool_)
    is_allowed[list(allowed)] = True
    return is_allowed[characters]


def _one(field: Field, month: int, place: int) -> Field:
    """One character of a field of a month."""
    return layout.in_month(month, Field(f"{field.name} {place}", field.first + place, field.first + place))


def _dates(characters: NDArray[np.uint8]) -> tuple[NDArray[np.datetime64], NDArray[np.bool_]]:
    """Dates MMDDYY, (..., 6) characters: (...) days, and whether each is a date, blank or zeros."""
    number, is_number = decode(characters)
    month, day, year = number // 10_000, number // 100 % 100, number % 100
    year = year + np.where(year >= layout.FIRST_YEAR_OF_1900, 1900, 2000)
    first = np.datetime64("1970-01", "M") + (12 * (year - 1970) + np.clip(month, 1, 12) - 1)
    date = first.astype("datetime64[D]") + (day - 1)
    is_date = is_number & (number > 0) & (month >= 1) & (month <= 12) & (date.astype("datetime64[M]") == first)
    return np.where(is_date, date, np.datetime64("NaT", "D")), is_date | (is_number & (number == 0))


def _faults(text: NDArray[np.uint8], lines: NDArray[np.int64], check: _Check) -> pl.DataFrame:
    """The faults of a check: all, or of records that are set aside the first of each."""
    index = np.argwhere(check.is_faulty)
    if check.is_row:
        index = index[np.unique(index[:, 0], return_index=True)[1]]
    rows = []
    for record, *within in index.tolist():
        field = check.field(*within)
        value = text[record, field.first - 1 : field.last].tobytes().decode("latin-1")
        rows.append((int(lines[record]), field.title, check.reason, value, check.is_row))
    return pl.DataFrame(rows, schema=FAULTS, orient="row")
