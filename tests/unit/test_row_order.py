"""Sums run in the order of the rows, whatever the machine: what makes bytes of two runs equal."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import polars as pl
from tests.support.command import ROOT

from nibrs_estimation.pipeline import row_order  # noqa: F401 (what is tested)


def test_a_sort_before_a_sum_is_kept_though_another_follows() -> None:
    """Without it the sort is left out, and the sums have other last digits each time."""
    generator = np.random.default_rng(1)
    frame = pl.DataFrame({"key": generator.permutation(5000), "group": generator.integers(0, 5, 5000)})
    values = pl.DataFrame({"key": np.arange(5000), "x": generator.lognormal(0, 3, 5000)})
    query = (
        frame.lazy()
        .join(values.lazy(), on="key")
        .sort("key")
        .group_by("group", maintain_order=True)
        .agg(pl.col("x").sum())
        .sort("group")
    )
    plan = query.explain()
    assert plan.count("SORT BY") == 2
    assert len({tuple(query.collect()["x"]) for _ in range(20)}) == 1


def test_the_number_of_threads_does_not_depend_on_the_machine() -> None:
    code = "import nibrs_estimation, polars; print(polars.thread_pool_size())"
    environment = {"PATH": "/usr/bin", "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "2"
