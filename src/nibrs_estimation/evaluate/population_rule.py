"""Rule ``population ratio``: the plain estimator by residents alone, without a benchmark (handbook 13).

Respondents stand for the residents of their region and kind of place: classes 1 to 7 of cities, counties outside
and inside metropolitan areas, and state police, who have no residents of their own and so are counted instead.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
#: With fewer reported months an agency is no respondent.
FEWEST_MONTHS = 3
#: Second character of the population groups of state police, whose agencies have no residents.
_STATE_POLICE = "E"


def predicted_counts(agencies: pl.DataFrame, responds: Flags, counts: Floats) -> Floats:
    """Offenses of each agency: those of respondents as given, of others by their cell of region and kind of place.

    A cell's rate is offenses per resident of its respondents. Where these have no residents it is offenses per
    agency, and where a cell has no respondent it is 0.

    Args:
        agencies: n rows with ``region_code``, ``population_group_code`` and ``population``.
        responds: (n,) the respondents.
        counts: (n, k) offenses of the year; read of respondents only.

    Returns:
        (n, k) offenses of the year.
    """
    group = pl.col("population_group_code").fill_null("")
    kind = pl.when(group.str.slice(1, 1) == _STATE_POLICE).then(pl.lit(_STATE_POLICE)).otherwise(group.str.head(1))
    cell = agencies.select(pl.struct("region_code", kind).rank("dense") - 1).to_series().to_numpy().astype(np.int64)
    cells = int(cell.max()) + 1 if len(cell) else 0
    residents = agencies["population"].fill_null(0).to_numpy().astype(np.float64)
    of_respondents = np.bincount(cell[responds], residents[responds], cells)
    size = np.where(of_respondents[cell] > 0, residents, 1.0)
    sizes = np.bincount(cell[responds], size[responds], cells)
    predicted = np.empty(counts.shape)
    for column, values in enumerate(counts.T):
        offenses = np.bincount(cell[responds], values[responds], cells)
        rate = np.divide(offenses, sizes, out=np.zeros(cells), where=sizes > 0)
        predicted[:, column] = np.where(responds, values, rate[cell] * size)
    return predicted
