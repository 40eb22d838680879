"""The FBI's Return A master file of 2013 as counts by agency, class of crime and month.

The file is public (FBI, Return A master file, 2013) and no part of the repository: it is read from the folder that
NIBRS_SHARED_DATA names.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.support.realism import Counted

PATH = Path(os.environ.get("NIBRS_SHARED_DATA", "../shared/data")).resolve() / "public" / "RETURNA2013.zip"

#: A line has 7,385 characters and a line end. Places are counted from 0.
_WIDTH, _FIRST_MONTH, _MONTH_WIDTH, _CARD_TYPE, _ACTUAL, _FIELD_WIDTH = 7387, 305, 590, 9, 157, 5
_POPULATIONS = ((44, 53), (59, 68), (74, 83))
#: Fields of a month's actual offenses, from 0: murder, rape, robbery, all assaults, simple ones, burglary, larceny,
#: vehicle theft.
_MURDER, _RAPE, _ROBBERY, _ASSAULT, _SIMPLE, _BURGLARY, _LARCENY, _VEHICLE = 0, 2, 5, 10, 15, 16, 20, 21
_REPORTED_CARDS = (b"2", b"5")
#: Region codes of the numeric state codes from 1, Alabama to Hawaii; the District of Columbia is number 8.
_REGIONS = "343441333342222331312232424114132234113233413432444"


def read_return_a(path: Path = PATH) -> Counted:
    """Read the agencies of the 50 states and the District of Columbia that no other agency covers.

    Numbers below 0 are corrections: they are kept in the months and a sum below 0 counts as 0.
    """
    with zipfile.ZipFile(path) as archive:
        name = archive.namelist()[0]
        lines = np.frombuffer(archive.read(name), dtype="S1").reshape(-1, _WIDTH)
    state = _numbers(lines[:, 1:3])
    is_covered = (lines[:, 23:30] != b" ").any(axis=1)
    lines, state = lines[(state <= len(_REGIONS)) & ~is_covered], state[(state <= len(_REGIONS)) & ~is_covered]
    counts, sent = np.zeros((len(lines), 7, 12), dtype=np.int64), np.zeros((len(lines), 12), dtype=np.bool_)
    for month in range(12):
        of_month = lines[:, _FIRST_MONTH + _MONTH_WIDTH * month :][:, :_MONTH_WIDTH]
        sent[:, month] = np.isin(of_month[:, _CARD_TYPE], _REPORTED_CARDS)
        field = {
            place: _numbers(of_month[:, _ACTUAL + _FIELD_WIDTH * place :][:, :_FIELD_WIDTH])
            for place in (_MURDER, _RAPE, _ROBBERY, _ASSAULT, _SIMPLE, _BURGLARY, _LARCENY, _VEHICLE)
        }
        field[_ASSAULT] = field[_ASSAULT] - field.pop(_SIMPLE)
        counts[:, :, month] = np.stack(list(field.values()), axis=1)
    return Counted(
        counts=np.maximum(counts, 0),
        sent=sent,
        group=np.char.strip(_text(lines[:, 10:12])),
        population=np.sum([_numbers(lines[:, low:high]) for low, high in _POPULATIONS], axis=0),
        region=np.array([int(code) for code in _REGIONS])[state - 1],
    )


def _text(characters: NDArray[np.bytes_]) -> NDArray[np.str_]:
    width = characters.shape[1]
    return np.ascontiguousarray(characters).view(f"S{width}").ravel().astype(f"U{width}")


def _numbers(characters: NDArray[np.bytes_]) -> NDArray[np.int64]:
    """Whole numbers of (n, width) characters; blanks are 0. A number below 0 ends in } for 0 or J to R for 1 to 9."""
    code = np.ascontiguousarray(characters).view(np.uint8).astype(np.int64)
    digit = np.where((code >= ord("0")) & (code <= ord("9")), code - ord("0"), 0)
    last = code[:, -1]
    is_letter = (last >= ord("J")) & (last <= ord("R"))
    digit[:, -1] += np.where(is_letter, last - ord("J") + 1, 0)
    value = digit @ 10 ** np.arange(code.shape[1] - 1, -1, -1)
    return np.asarray(np.where(is_letter | (last == ord("}")), -value, value), dtype=np.int64)
