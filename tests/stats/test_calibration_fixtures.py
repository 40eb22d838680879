"""Calibration against weights that R's survey package found (fixtures/calibration/make.R)."""

import csv
from collections import defaultdict
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from nibrs_estimation.stats.calibration import Method, calibrate

FOLDER = Path(__file__).parent / "fixtures" / "calibration"


def read(name: str) -> dict[str, list[dict[str, str]]]:
    """Lines of a file by problem."""
    of_problem = defaultdict(list)
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            of_problem[line["problem"]].append(line)
    return of_problem


PROBLEMS, RECORDS, TOTALS = read("problems.csv"), read("records.csv"), read("totals.csv")


def test_there_are_enough() -> None:
    kinds = [lines[0]["kind"] for lines in PROBLEMS.values()]
    assert kinds.count("well") >= 20
    assert kinds.count("near") >= 10


@pytest.mark.parametrize("number", PROBLEMS)
def test_weights_equal_those_of_r(number: str) -> None:
    problem = PROBLEMS[number][0]
    totals = np.array([float(line["total"]) for line in TOTALS[number]])
    names = [f"x{k + 1}" for k in range(len(totals))]
    x = np.array([[float(line[name]) for name in names] for line in RECORDS[number]])
    weights = np.array([float(line["weight"]) for line in RECORDS[number]])
    made = calibrate(
        x,
        np.full(len(x), float(problem["design_weight"])),
        totals,
        bounds=(float(problem["lower"]), float(problem["upper"])),
        method=cast("Method", problem["method"]),
    )
    assert made.status == "converged"
    assert np.abs(made.residuals / totals).max() <= 1e-9
    np.testing.assert_allclose(made.weights, weights, rtol=1e-8 if problem["kind"] == "well" else 1e-6)
