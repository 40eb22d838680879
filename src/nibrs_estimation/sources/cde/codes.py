"""Comparison of the codes in a zip's lookup tables with the program's code lists."""

from __future__ import annotations

import logging
import re

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.sources.cde.accounts import ZipAccounts

_log = logging.getLogger(__name__)

#: Codes for a missing value and the code AG (age in years) are handled later.
_NOT_CODES = ("NS", "X", "AG")
#: Form of codes: letters, digits and the star of 23*.
_CODE = re.compile(r"[0-9A-Za-z*]+")


def with_known_codes(
    values: pl.Series, list_name: str | None, column: str, accounts: ZipAccounts, *, keeps_new: bool
) -> pl.Series:
    """The codes of a column, with leading zeros restored that a spreadsheet removed.

    If new codes are kept, a code that is in the lookup table but not in the list (the FBI adds offenses nearly every
    year) is kept if it has the form of a code, so that its records count in totals; the number of records is recorded
    as a loss. Other unknown codes are left to the checks of the column.

    Args:
        values: codes from the zip's lookup table, or null.
        list_name: code list of the column, or None.
        column: member and header, for messages.
        accounts: accounts of the zip.
        keeps_new: whether codes that are in no list are kept.
    """
    if list_name is None:
        return values
    known = set(code_list(list_name)["code"])
    width = max(map(len, known))
    numbers = dict(values.drop_nulls().value_counts(name="n").rows())
    # Codes of a list may differ in length, such as weapons 01 and 11A.
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
