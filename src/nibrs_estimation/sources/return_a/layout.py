"""Where each field of a record stands (FBI, "Return A master file record description"; docs/return-a-file.md).

Positions count from 1, and the last one belongs to the field, as in the description.
"""

from __future__ import annotations

from nibrs_estimation.model.return_a_file import CARDS, COUNTIES
from nibrs_estimation.sources.intake.fixed_width import Field

RECORD_LENGTH = 7385
RECORD_TYPE = "1"
#: Two digits of a year from here on are of the 20th century: the program of Return A files began in 1960.
FIRST_YEAR_OF_1900 = 60
#: The part of the record before the months.
HEADER_LENGTH = 305
TYPE_OF_RECORD = Field("record type", 1, 1)
STATE = Field("state", 2, 3)
ORI7 = Field("ORI", 4, 10)
POPULATION_GROUP = Field("population group", 11, 12)
DIVISION = Field("division", 13, 13)
YEAR = Field("year", 14, 15)
CORE_CITY = Field("core city", 23, 23)
COVERED_BY = Field("covered by", 24, 30)
FIELD_OFFICE = Field("field office", 38, 41)
LAST_MONTH = Field("last month reported", 42, 43)
COUNTY_POPULATION = tuple(Field(f"population in county {k}", 30 + 15 * k, 38 + 15 * k) for k in COUNTIES)
COUNTY_CODE = tuple(Field(f"county {k}", 39 + 15 * k, 41 + 15 * k) for k in COUNTIES)
COUNTY_MSA = tuple(Field(f"metropolitan area of county {k}", 42 + 15 * k, 44 + 15 * k) for k in COUNTIES)
CENSUS_POPULATION = tuple(Field(f"census population in county {k}", 81 + 9 * k, 89 + 9 * k) for k in COUNTIES)
NAME = Field("agency name", 121, 144)
#: The description calls these two positions unused; the files have them filled (docs/return-a-file.md).
JUDICIAL_DISTRICT = Field("judicial district", 277, 280)
AGENCY_TYPE = Field("agency type", 281, 281)

MONTHS_OF_YEAR = 12
MONTH_LENGTH = 590
#: Fields of a month, by their positions in it.
INCLUDED_IN = Field("included in month", 1, 2)
UPDATED = Field("month updated", 3, 8)
CARD_TYPES = Field("type of card", 9, 13)
DETAIL_MARKS = Field("details or totals of card", 14, 17)
COUNTS = Field("counts", 18, 577)
OFFICERS_KILLED = Field("officers killed feloniously", 578, 580)
OFFICERS_KILLED_BY_ACCIDENT = Field("officers killed by accident", 581, 583)
OFFICERS_ASSAULTED = Field("officers assaulted", 584, 590)
#: Fields of a card, of which the last two hold nothing that is read.
CARD_FIELDS = 28
DIGITS = 5
OFFICERS_CARD = len(CARDS)

#: Types of cards: these say that the card was reported, and these that it says nothing unless it has numbers.
REPORTED_TYPES = b"25"
OPEN_TYPES = b"0 "
OTHER_TYPES = b"48"
TOTALS_ONLY = b"T"
MARKS = b"PT0 "


def in_month(month: int, field: Field) -> Field:
    """A field of a month as one of the record; months count from 0."""
    start = HEADER_LENGTH + MONTH_LENGTH * month
    return Field(f"month {month + 1}, {field.name}", start + field.first, start + field.last)


def card_item(month: int, card: int, item: int) -> Field:
    """The field of an item on a card as one of the record; months count from 0."""
    first = COUNTS.first + DIGITS * (CARD_FIELDS * card + item)
    return in_month(month, Field(f"card {card}, item {item}", first, first + DIGITS - 1))
