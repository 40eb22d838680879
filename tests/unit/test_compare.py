"""Differences of published estimates: what is added to a difference of counts, and which sides options name."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.estimated import write_run
from typer.testing import CliRunner, Result

from nibrs_estimation.cli.main import app
from nibrs_estimation.stats.prediction import Difference
from nibrs_estimation.survey.comparison import compared

amount, error = st.floats(0.5, 1e6), st.floats(0, 1e4)


def difference(first: float, second: float, variances: tuple[float, float], covariance: float) -> Difference:
    spread = math.sqrt(variances[0] + variances[1] - 2 * covariance)
    between = first - second
    return Difference(first, second, between, spread, between - 1.96 * spread, between + 1.96 * spread, 1.0, *variances)


def test_worked_example() -> None:
    """V = 100 + 64 - 2 x 40 = 84; filled months add 21 to the first: SE = √105. Half as many people: twice the rate."""
    found = compared(difference(300, 240, (100, 64), 40), (1, 1), (11, 8))
    assert (found.first, found.second, found.difference) == (300, 240, 60)
    assert found.standard_error == pytest.approx(math.sqrt(105))
    assert (found.lower, found.upper) == pytest.approx((60 - 1.96 * math.sqrt(105), 60 + 1.96 * math.sqrt(105)))
    assert found.change == pytest.approx(25)
    relative = math.sqrt(121 / 300**2 + 64 / 240**2 - 2 * 40 / (300 * 240))
    assert found.change_lower == pytest.approx(100 * (1.25 * math.exp(-1.96 * relative) - 1))
    assert found.change_upper == pytest.approx(100 * (1.25 * math.exp(1.96 * relative) - 1))
    rates = compared(difference(300, 240, (100, 64), 40), (2, 1), (11, 8))
    assert rates.difference == 360
    assert rates.standard_error == pytest.approx(math.sqrt(4 * 121 + 64 - 2 * 2 * 40))


@given(amount, amount, error, error, st.floats(-1, 1), st.floats(0.01, 100), st.floats(0.01, 100))
def test_identities(
    first: float, second: float, one: float, other: float, r: float, factor: float, factor_2: float
) -> None:
    """Nothing added: the error of the difference itself. One factor for both scales all but the change."""
    of = difference(first, second, (one**2, other**2), r * one * other)
    plain = compared(of, (1, 1), (one, other))
    assert plain.standard_error == pytest.approx(of.standard_error, rel=1e-6, abs=1e-3 * (one + other))
    scaled = compared(of, (factor, factor), (one, other))
    assert scaled.difference == pytest.approx(factor * plain.difference, rel=1e-9, abs=1e-9 * factor * (first + second))
    assert scaled.change == pytest.approx(plain.change, rel=1e-6, abs=1e-6)
    two = compared(of, (factor, factor_2), (one, other))
    slow = factor**2 * one**2 + factor_2**2 * other**2 - 2 * factor * factor_2 * of.covariance
    assert two.standard_error == pytest.approx(
        math.sqrt(max(slow, 0)), rel=1e-4, abs=1e-3 * (factor * one + factor_2 * other)
    )
    assert two.change_lower <= two.change <= two.change_upper
    assert two.change_lower >= -100


def test_without_upper_end_or_with_nothing() -> None:
    unknown = compared(difference(10, 5, (4, 1), 0), (1, 1), (2, 1), is_bounded=False)
    assert math.isnan(unknown.lower) and math.isnan(unknown.change_upper)
    assert unknown.change == 100
    nothing = compared(difference(0, 0, (0, 0), 0), (1, 1), (0, 0))
    assert (nothing.difference, nothing.standard_error, nothing.lower) == (0, 0, 0)
    assert math.isnan(nothing.change)
    assert compared(difference(0, 5, (0, 1), 0), (1, 1), (0, 1)).change == -100


def told(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.setenv("SCRATCH_DIR", str(folder))
    return CliRunner().invoke(app, ["compare", *arguments])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("1a",), "Say which two are compared"),
        (("1a", "--column", "1", "--column", "2", "--geography", "VT", "--geography", "NH"), "Say which two"),
        (("1a", "--column", "all"), "Say which two"),
        (("1a", "--column", "1", "--column", "2", "--column", "3"), "names 3 things"),
        (("1a", "--run", "us", "--run", "us"), "twice with the ids of two runs"),
        (("1a", "--run", "us", "--run", "again"), "both of 2024"),
        (("1a", "--row", "3", "--row", "999"), "There is no row"),
        (("1a", "--row", "2", "--column", "1", "--column", "2"), "has no count"),
        (("1a", "--column", "1", "--column", "2"), "has no unit_profile"),
        (("1a", "--column", "1", "--column", "2", "--rate", "--percentage"), "--rate or --percentage, not both"),
        (("1a", "--row", "1", "--column", "1", "--column", "2", "--percentage"), "has no percentage"),
        (("1a", "--row", "52", "--column", "1", "--column", "2", "--percentage"), "of a category of agencies"),
        (("1a", "--geography", "VT", "--geography", "Nebraska"), "no agency responded"),
    ],
)
def test_what_is_refused(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(tmp_path, "us")
    write_run(tmp_path, "again")
    result = told(tmp_path, monkeypatch, *arguments)
    assert result.exit_code != 0
    assert message in " ".join((result.output + str(result.exception)).split())
