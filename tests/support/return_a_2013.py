"""The FBI's Return A master file of 2013 as counts by agency, class of crime and month.

The file is public (FBI, Return A master file, 2013) and not part of the repository: it is read from the folder that
NIBRS_SHARED_DATA names.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.return_a import ITEMS_OF_CRIME
from nibrs_estimation.sources.return_a.reading import read_return_a
from nibrs_estimation.sources.synthetic.rates import CLASSES
from tests.support.realism import Counted

PATH = Path(os.environ.get("NIBRS_SHARED_DATA", "../shared/data")).resolve() / "public" / "RETURNA2013.zip"
_ACTUAL_CARD = 1


def return_a_counts(path: Path = PATH) -> Counted:
    """Read the agencies of the 50 states and the District of Columbia that no other agency covers.

    A month's count below 0 is a correction, and counts as 0.
    """
    file = read_return_a(path)
    regions = code_list("state").select("state_abbr", pl.col("region_code").cast(pl.Int64))
    agencies = file.agencies.filter(~pl.col("is_covered")).join(regions, on="state_abbr").sort("ori7")
    months = (
        file.counts.filter(pl.col("card") == _ACTUAL_CARD)
        .join(agencies.select("ori7"), on="ori7", how="semi")
        .sort("ori7", "month")
    )
    counts = [
        sum(sign * months[f"item_{item}"].fill_null(0).to_numpy() for item, sign in ITEMS_OF_CRIME[name].items())
        for name in CLASSES[:-1]
    ]
    return Counted(
        counts=np.maximum(np.stack(counts, axis=-1).reshape(-1, 12, len(counts)).swapaxes(1, 2), 0),
        sent=months["is_reported"].to_numpy().reshape(-1, 12),
        group=agencies["population_group_code"].to_numpy().astype(np.str_),
        population=agencies["population"].cast(pl.Int64).to_numpy(),
        region=agencies["region_code"].to_numpy(),
    )
