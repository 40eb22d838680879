"""Outlier months: the worked examples of handbook 03 under both rules, and the slow twin of the classifier."""

import itertools
import statistics
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.support.frames import table

from nibrs_estimation.model.outliers import OUTLIER_AGENCY, OUTLIER_MONTH
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.stages.outliers.colors import Rule, color_months
from nibrs_estimation.stages.outliers.detect import detect_outliers

LETTERS = ".gorbB"
STEADY = [100, 104, 98, 102, 96, 101, 99, 103, 97, 105]
YEAR_OF_C = [*STEADY, 100, 102]
RISING = [80, 82, 84, 86, 88, 90, 92, 94, 96, 100, 104, 106, 108, 110, 112, 114, 116, 118, 120, 100]
WIDE = [66, 70, 74, 78, 82, 86, 90, 94, 98, 100, 100, 102, 106, 110, 114, 118, 122, 126, 130, 134]
TEENS = [10, 11, 12, 10, 11, 12, 10, 11, 12, 11]
# id: series, colors under the reference rule, colors under the intended rule, levels
EXAMPLES = {
    "A": ([*STEADY, 20, 102], "g" * 10 + "rg", None, 2),
    "C": ([*YEAR_OF_C, 101, 99, 103, 97, 300, 320, 310, 98, 102, 100, 99, 101], "g" * 16 + "bbb" + "g" * 5, None, 2),
    "G": ([2, 3, 1, 0, 4, 2, 3, 2, 1, 12, 2, 3], "g" * 9 + "bgg", None, 2),
    "G with 11": ([2, 3, 1, 0, 4, 2, 3, 2, 1, 11, 2, 3], "g" * 12, None, 2),
    "H": ([*STEADY, 0, 60], "g" * 10 + "rr", None, 2),
    "I": ([50] * 10 + [30, 5], "g" * 10 + "br", "g" * 10 + "rr", 2),
    "O": ([*RISING, 42, 41, 40], "g" * 20 + "ooo", None, 2),
    "R": ([*WIDE, 10, 9, 8], "g" * 20 + "rrr", None, 2),
    "K": ([*RISING, 45, 44, 43], "g" * 23, None, 1),
    "S": ([*TEENS, 200, 201, 202, 203, 204], "r" * 10 + "g" * 5, None, 2),
    "S with 4 high": ([*TEENS, 12, 200, 201, 202, 203], "g" * 11 + "bbbb", None, 2),
    "n4": ([10, 10, 10, 90], "gggg", "gggB", 1),
    "constant": ([7] * 30, "g" * 30, None, 1),
    "three": ([1, 500, 900], "ggg", None, 1),
}  # fmt: skip


def colors(series: Sequence[int | None], rule: Rule) -> tuple[str, int]:
    values = np.array([[np.nan if x is None else x for x in series]], dtype=np.float64)
    found = color_months(values, rule)
    return "".join(LETTERS[number] for number in found.color[0]), int(found.n_levels[0])


@pytest.mark.parametrize("example", EXAMPLES)
def test_worked_examples(example: str) -> None:
    series, reference, intended, levels = EXAMPLES[example]
    assert colors(series, "reference") == (reference, levels)
    assert colors(series, "intended") == (intended or reference, levels)


def test_missing_months_have_no_color_and_change_nothing() -> None:
    series, reference, _intended, _levels = EXAMPLES["A"]
    assert colors([None, *series, None], "reference")[0] == f".{reference}."


def test_unknown_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown outlier rule 'strict'"):
        color_months(np.zeros((1, 5)), "strict")  # type: ignore[arg-type]


def mad(xs: list[float]) -> float:
    return 1.4826 * statistics.median(abs(x - statistics.median(xs)) for x in xs)


def distance(cluster: list[float], closest: float) -> float:
    spread = mad(cluster)
    return abs(statistics.median(cluster) - closest) / spread if spread else float("inf")


def slow(xs: list[float], rule: Rule) -> str:
    """The text of handbook 03, month by month."""
    n = len(xs)
    if n < 4 or len(set(xs)) == 1:
        return "g" * n
    ordered = sorted(xs)
    gaps = [b - a for a, b in itertools.pairwise(ordered)]
    cut = ordered[gaps.index(max(gaps))]
    high, low = [x for x in xs if x > cut], [x for x in xs if x <= cut]
    r = {"H": distance(high, max(low)), "L": distance(low, min(high))}
    size = {"H": len(high), "L": len(low)}

    def accepted(k: float) -> bool:
        return sum(size[c] for c in "HL" if r[c] > k) / n > 0.5 and max(size.values()) >= 4 and n >= 5

    main, is_minor_high = xs, False
    minor: list[float] = []
    if accepted(3.5):
        main, minor, is_minor_high = (high, low, False) if len(high) >= max(4, n / 3) else (low, high, True)
    median, spread = statistics.median(main), mad(main)

    def color(x: float) -> str:  # noqa: PLR0911 (one return for each line of the table)
        if minor and (x > cut) == is_minor_high:
            other = statistics.median(minor)
            if abs(other - median) < 10:
                return "g"
            if is_minor_high:
                return "b"
            return "r" if accepted(5) or other <= 0.1 * median else "o"
        if spread:
            t = (x - median) / spread
        else:
            t = 0.0 if x == median else float("inf") if rule == "reference" or x > median else -float("inf")
        if rule == "reference":
            low_by = median - x
            return "r" if t <= -5 and low_by >= 10 else "b" if t > 5 and low_by >= 10 else "g"
        if median - x >= 10 and t <= -3.5:
            return "r" if t <= -5 or x <= 0.1 * median else "o"
        if x - median >= 10 and t >= 3.5:
            return "B" if t >= 5 else "b"
        return "g"

    return "".join(color(x) for x in xs)


SERIES = st.one_of(
    st.lists(st.integers(0, 40), min_size=1, max_size=30),
    st.lists(st.one_of(st.integers(90, 110), st.integers(0, 400)), min_size=1, max_size=60),
    st.lists(st.sampled_from([0, 5, 30, 50, 51, 200]), min_size=1, max_size=24),
)


@settings(deadline=None, max_examples=400)
@given(SERIES, st.sampled_from(["reference", "intended"]))
def test_colors_equal_the_slow_twin(series: list[int], rule: Rule) -> None:
    assert colors(list(series), rule)[0] == slow([float(x) for x in series], rule)


@settings(deadline=None, max_examples=50)
@given(st.lists(SERIES, min_size=2, max_size=6), st.randoms())
def test_agencies_do_not_touch_each_other(several: list[list[int]], order: object) -> None:
    values: NDArray[np.float64] = np.full((len(several), 60), np.nan)
    for row, series in enumerate(several):
        values[row, : len(series)] = series
    together = color_months(values, "intended").color
    alone = [color_months(values[[row]], "intended").color[0] for row in range(len(several))]
    assert (together == np.array(alone)).all()
    shuffled = np.random.default_rng(len(several)).permutation(60)
    assert (color_months(values[:, shuffled], "intended").color == together[:, shuffled]).all()


def detected(years: dict[int, list[int]]) -> tuple[dict[str, object], str]:
    rows = [
        {"agency_id": 1, "data_year": year, "month": month, "mm_flag": 1, "is_flag_repaired": False, "n_all": n}
        for year, numbers in years.items()
        for month, n in enumerate(numbers, start=1)
    ]
    made = detect_outliers(table("agency", {"agency_id": 1}), table("agency_month", *rows), 2024, "intended")
    agencies, months = checked(made["outlier_agency"], OUTLIER_AGENCY), checked(made["outlier_month"], OUTLIER_MONTH)
    current = months.filter(pl.col("data_year") == 2024).sort("month")["color"]
    return agencies.row(0, named=True), "".join(name[0] for name in current)


def test_short_history_is_green() -> None:
    agency, months = detected({2024: [*STEADY, 20, 102]})
    assert (agency["reason"], agency["n_months"], months) == ("short_history", 12, "g" * 12)


def test_history_of_two_years_finds_the_low_month() -> None:
    agency, months = detected({2023: YEAR_OF_C, 2024: [*STEADY, 20, 102]})
    assert (agency["reason"], agency["n_levels"], months) == (None, 2, "g" * 10 + "rg")
    assert (agency["n_green"], agency["n_red"], agency["n_blue"]) == (11, 1, 0)


def test_level_shift_is_believed() -> None:
    """Example V."""
    agency, months = detected({2023: YEAR_OF_C, 2024: [99, 101, 20, 21, 19, 22, 20, 18, 21, 20, 19, 22]})
    assert (agency["reason"], months) == ("level_shift", "g" * 12)
