"""Codes that a zip's own lookups name, held against the program's code lists."""

from __future__ import annotations

import logging
import re

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.sources.cde.accounts import ZipAccounts

_log = logging.getLogger(__name__)

#: Codes that stand for a blank are blanked later, and years beside the code AG are looked at later.
_NOT_CODES = ("NS", "X", "AG")
#: A new code looks like the ones before it: letters, digits and the star of 23*.
_CODE = re.compile(r"[0-9A-Za-z*]+")


def with_known_codes(
    values: pl.Series, list_name: str | None, column: str, accounts: ZipAccounts, *, keeps_new: bool
) -> pl.Series:
    """The codes of a column, with the leading zeros that a spreadsheet took.

    Where new codes are kept, one that the lookup names but the list does not (the FBI adds offenses nearly every year)
    stays if it looks like a code, so that its record counts in totals; how many there are is told. All else is left
    to the checks of the column.

    Args:
        values: codes by the zip's lookup, or null.
        list_name: code list of the column, or None.
        column: member and header, for what is told.
        accounts: of the zip.
        keeps_new: whether a code that is in no list stays.
    """
    if list_name is None:
        return values
    known = set(code_list(list_name)["code"])
    width = max(map(len, known))
    numbers = dict(values.drop_nulls().value_counts(name="n").rows())
    # Codes of one list may differ in length: weapon 01, but 11A.
    restored = {
        code: padded
        for code in set(numbers) - known
        for padded in (code.zfill(digits) for digits in range(len(code) + 1, width + 1))
        if padded in known
    }
    if restored:
        accounts.lost("zeros_restored", column, sum(numbers[code] for code in restored))
        values = values.replace(restored)
    for code in sorted(set(numbers) - known - set(restored) - set(_NOT_CODES)) if keeps_new else ():
        if len(code) <= width and _CODE.fullmatch(code):
            _log.warning(
                "%s: the code %s of %d records is in no code list; they count in totals", column, code, numbers[code]
            )
            accounts.lost("code_without_row", f"{column} {code}", numbers[code])
    return values
