"""Imputation of persons beside R's mice: 100,000 persons, three items, five rounds; and time per row up to 10 million.

Sex and race (five codes) and age depend on a class of 20 offenses and on another person's age; a tenth of each item is
blank, more often in some offenses. Needs Rscript and the R package mice (Debian: apt-get install r-base-core
r-cran-mice).

    python -m benchmarks.pmm_persons --rows 100000 1000000 10000000
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from nibrs_estimation.stats.imputation.pmm import Variable, impute

ROUNDS, OFFENSES = 5, 20
COMPARED, LIMIT = 100_000, 5
_MICE = """
library(mice)
args <- commandArgs(trailingOnly = TRUE)
d <- read.csv(args[1])
for (name in c("offense", "sex", "race")) d[[name]] <- factor(d[[name]])
start <- proc.time()[["elapsed"]]
invisible(mice(d, m = 1, maxit = as.integer(args[2]), method = "pmm", seed = 1, printFlag = FALSE))
cat(proc.time()[["elapsed"]] - start)
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--rows", type=int, nargs="+", default=[COMPARED, 1_000_000])
    per_row = {}
    for rows in options.parse_args().rows:
        table = persons(rows)
        seconds = {way: here(table, way) for way in ("donors", "reference")}
        per_row[rows] = seconds["donors"] / rows
        print(
            f"{rows:>10,} rows: donors {seconds['donors']:.2f} s, as the reference {seconds['reference']:.2f} s",
            flush=True,
        )
        if rows == COMPARED:
            in_r = mice(table)
            ratio = in_r / seconds["reference"]
            print(f"  mice {in_r:.2f} s: {ratio:.1f} times the reference's way; {LIMIT / ratio:.2f} of the limit")
    first, last = min(per_row), max(per_row)
    print(f"time per row at {last:,} over that at {first:,}: {per_row[last] / per_row[first]:.2f}")


def persons(n: int) -> pl.DataFrame:
    """(n, 5) persons: offense, age of another person, and three items with missing values."""
    rng = np.random.default_rng(1)
    offense = rng.integers(0, OFFENSES, n)
    other_age = rng.integers(0, 90, n).astype(np.float64)
    sex = (rng.random(n) < 0.4 + 0.02 * offense).astype(np.float64)
    race = np.minimum(rng.exponential(0.6 + 0.02 * offense), 4).astype(np.int64).astype(np.float64)
    age = np.clip(np.round(0.4 * other_age + offense + rng.normal(15, 9, n)), 0, 99)
    blank = rng.random((n, 3)) < (0.05 + 0.005 * offense)[:, None]
    items = {name: np.where(blank[:, k], np.nan, values) for k, (name, values) in enumerate(
        {"sex": sex, "race": race, "age": age}.items()
    )}  # fmt: skip
    return pl.DataFrame({"offense": offense, "other_age": other_age, **items})


def here(table: pl.DataFrame, way: str) -> float:
    categorical = ("offense", "sex", "race")
    variables = {name: Variable(table[name].cast(pl.Float64).to_numpy(), name in categorical) for name in table.columns}
    offense = table["offense"].to_numpy()
    start = time.perf_counter()
    if way == "donors":
        impute(
            variables, unit=np.arange(table.height), seed=1, stream="benchmark", min_correlation=0.0, cycles=ROUNDS,
            matching="estimate", classes=(offense,),
        )  # fmt: skip
    else:
        impute(variables, unit=np.arange(table.height), seed=1, stream="benchmark", min_correlation=0.0, cycles=ROUNDS)
    return time.perf_counter() - start


def mice(table: pl.DataFrame) -> float:
    if shutil.which("Rscript") is None:
        sys.exit("Rscript is not installed (Debian: apt-get install r-base-core r-cran-mice): nothing was compared")
    with tempfile.TemporaryDirectory() as folder:
        path, script = Path(folder) / "table.csv", Path(folder) / "mice.R"
        table.with_columns(pl.col(pl.Float64).fill_nan(None)).write_csv(path, null_value="NA")
        script.write_text(_MICE, encoding="utf-8")
        done = subprocess.run(
            ["Rscript", str(script), str(path), str(ROUNDS)], check=True, stdout=subprocess.PIPE, text=True
        )
        return float(done.stdout)


if __name__ == "__main__":
    main()
