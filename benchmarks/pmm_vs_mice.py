"""Predictive mean matching beside R's mice: time of a completion, and whether imputed values are distributed alike.

The table is a nation of agencies: population, crime counts, group and division, and six columns of officers and
civilians of which a fifth is missing, more often in small agencies. Needs Rscript and the R package mice
(Debian: apt-get install r-base-core r-cran-mice).

    uv run python benchmarks/pmm_vs_mice.py --seeds 10
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

SWEEPS, AGENCIES = 15, 18_000
TARGETS = ("officers_male", "officers_female", "civilians_male", "civilians_female", "officers_rate", "vehicles")
CATEGORICAL = ("group", "division")
QUANTILES = (0.1, 0.5, 0.9)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--seeds", type=int, default=10)
    seeds = options.parse_args().seeds
    if shutil.which("Rscript") is None:
        sys.exit("Rscript is not installed (Debian: apt-get install r-base-core r-cran-mice): nothing was compared")
    table = agencies()
    ours, our_seconds = complete(table, seeds)
    theirs, their_seconds = complete_in_r(table, seeds)
    ratio = min(their_seconds) / min(our_seconds)
    print(f"{AGENCIES:,} agencies, {len(TARGETS)} incomplete columns, {SWEEPS} sweeps, best of {seeds}")
    print(f"  here {min(our_seconds):.2f} s, mice {min(their_seconds):.2f} s: {ratio:.1f} times as fast")
    print(f"  time as a ratio of a third of mice's: {3 / ratio:.2f} (stretch, of an eighth: {8 / ratio:.2f})")
    compared = pl.concat(compare(table, ours, theirs, name) for name in TARGETS)
    with pl.Config(tbl_rows=100, float_precision=4, tbl_width_chars=120):
        print("statistics of the imputed cells, mean over seeds; z = difference / Monte-Carlo standard error:")
        print(compared)
    beyond = compared.filter(pl.col("z").abs() > 2).height
    print(
        f"  beyond 2 standard errors: {beyond} of {compared.height} (chance alone: about {0.05 * compared.height:.0f})"
    )


def agencies() -> pl.DataFrame:
    """(AGENCIES, 12) table; targets are log(1 + number), as in the imputation of officers."""
    rng = np.random.default_rng(1)
    log_population = rng.normal(8.5, 1.6, AGENCIES)
    division = rng.integers(0, 9, AGENCIES)
    group = np.clip(np.digitize(log_population, [6, 7, 8, 9, 10, 11, 12]), 0, 7)
    size = log_population - 6.2 + rng.normal(0, 0.15, 9)[division] + rng.normal(0, 0.4, AGENCIES)

    def number(level: float, noise: float) -> np.ndarray:
        return rng.poisson(np.exp(size + level + rng.normal(0, noise, AGENCIES)))

    columns = {
        "population": log_population,
        "violent": np.log1p(number(0.5, 0.5)),
        "property": np.log1p(number(2.0, 0.3)),
        "other": np.log1p(number(1.0, 0.6)),
        "group": group,
        "division": division,
        **{name: np.log1p(number(1.0 - 0.5 * place, 0.3)) for place, name in enumerate(TARGETS)},
    }
    is_missing = rng.random((AGENCIES, len(TARGETS))) < (0.12 + 0.16 * (log_population < 8.5))[:, None]
    return pl.DataFrame(columns).with_columns(
        pl.when(pl.Series(~is_missing[:, place])).then(pl.col(name)) for place, name in enumerate(TARGETS)
    )


def complete(table: pl.DataFrame, seeds: int) -> tuple[list[pl.DataFrame], list[float]]:
    variables = {
        name: Variable(table[name].cast(pl.Float64).fill_null(np.nan).to_numpy(), name in CATEGORICAL)
        for name in table.columns
    }
    completed, seconds = [], []
    for seed in range(seeds):
        start = time.perf_counter()
        made = impute(variables, unit=np.arange(table.height), seed=seed, stream="benchmark", cycles=SWEEPS)
        seconds.append(time.perf_counter() - start)
        completed.append(pl.DataFrame(dict(made.values)))
    return completed, seconds


def complete_in_r(table: pl.DataFrame, seeds: int) -> tuple[list[pl.DataFrame], list[float]]:
    with tempfile.TemporaryDirectory() as folder:
        # Letters, so that R reads factors.
        lettered = table.with_columns(pl.concat_str(pl.lit("L"), name).alias(name) for name in CATEGORICAL)
        lettered.write_csv(f"{folder}/table.csv", null_value="NA")
        script = Path(__file__).with_suffix(".R")
        printed = subprocess.run(
            ["Rscript", str(script), f"{folder}/table.csv", str(SWEEPS), str(seeds), folder],
            check=True, stdout=subprocess.PIPE, text=True,
        ).stdout  # fmt: skip
        return [pl.read_csv(f"{folder}/{seed}.csv") for seed in range(1, seeds + 1)], [
            float(line) for line in printed.split()
        ]


def compare(table: pl.DataFrame, ours: list[pl.DataFrame], theirs: list[pl.DataFrame], name: str) -> pl.DataFrame:
    """Mean, spread and quantiles of the imputed cells of a column, and of their correlation with population."""
    is_missing = table[name].is_null()
    left, right = (
        np.array([_statistics(made.filter(is_missing)[name], table.filter(is_missing)["population"]) for made in many])
        for many in (ours, theirs)
    )
    error = np.sqrt((left.var(axis=0, ddof=1) + right.var(axis=0, ddof=1)) / len(ours))
    difference = left.mean(axis=0) - right.mean(axis=0)
    labels = ("mean", "standard deviation", *(f"quantile {q}" for q in QUANTILES), "correlation with population")
    return pl.DataFrame(
        {
            "column": [name] * len(labels),
            "statistic": labels,
            "here": left.mean(axis=0),
            "mice": right.mean(axis=0),
            "z": np.divide(difference, error, out=np.zeros_like(difference), where=error > 0),
        }
    )


def _statistics(imputed: pl.Series, population: pl.Series) -> list[float]:
    values = imputed.to_numpy()
    quantiles = np.quantile(values, QUANTILES)
    return [values.mean(), values.std(), *quantiles, float(np.corrcoef(values, population.to_numpy())[0, 1])]


if __name__ == "__main__":
    main()
