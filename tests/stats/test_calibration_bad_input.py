"""What calibration does about problems that cannot be solved or should not be asked: never a bad weight."""

import math

import numpy as np
import pytest

from nibrs_estimation.stats.calibration import Calibration, calibrate, smallest_upper_bound
from nibrs_estimation.stats.calibration import newton as newton_module

X = np.array([[10.0, 100], [40, 300], [25, 400], [5, 80]])
D = np.full(4, 1.5)
TOTALS = np.array([115.0, 1380.0])
BOUNDS = (2 / 3, 10.0)


def is_withheld(made: Calibration) -> bool:
    return bool(np.isnan(made.weights).all() and np.isnan(made.g_weights).all() and np.isnan(made.lambda_).all())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"controls": np.where(X == 40, np.nan, X)}, "control 0 of unit 1 is nan: controls are finite"),
        ({"controls": np.where(X == 400, np.inf, X)}, "control 1 of unit 2 is inf: controls are finite"),
        ({"controls": X * 1e200}, "controls are too large"),
        ({"controls": X[:, 0]}, r"controls have shape \(4,\)"),
        ({"controls": X[:, :0], "totals": []}, r"controls have shape \(4, 0\)"),
        (
            {"design_weights": [1.5, 1.5, 0, 1.5]},
            "design weight of unit 2 is 0.0: design weights are finite",
        ),
        ({"design_weights": [1.5, -1.5, 1, 1.5]}, "design weight of unit 1 is -1.5"),
        ({"design_weights": [1.5, 1.5, 1, np.nan]}, "design weight of unit 3 is nan"),
        ({"design_weights": D[:3]}, "4 units have design weights of shape"),
        ({"totals": [115, np.nan]}, "total 1 is nan: totals are finite"),
        ({"totals": [115]}, "2 controls have totals of shape"),
        ({"totals": [[115, 1380]]}, r"totals of one problem have shape \(1, 2\)"),
        ({"bounds": (1.2, 3)}, "bounds 1.2 and 3.0: 1, the g-weight that changes nothing, must be between the bounds"),
        ({"bounds": (0.1, 0.9)}, "must be between the bounds"),
        ({"bounds": (1, 1)}, "must be between the bounds"),
        ({"bounds": (np.nan, 2)}, "must be between the bounds"),
        ({"bounds": (0.5, np.inf)}, "the logit distance needs finite bounds"),
        ({"method": "logistic"}, "unknown method 'logistic'"),
    ],
)
def test_what_is_no_problem_is_refused(change: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {"controls": X, "design_weights": D, "totals": TOTALS, "bounds": BOUNDS}
    with pytest.raises(ValueError, match=message):
        calibrate(**arguments | change)  # type: ignore[arg-type]


def test_total_of_zero() -> None:
    """A control that no respondent has is met by doing nothing; one that they have cannot sink to 0 at L > 0."""
    absent = np.column_stack([X, np.zeros(4)])
    made = calibrate(absent, D, [*TOTALS, 0], bounds=BOUNDS)
    assert (made.status, made.rank, made.residuals[2]) == ("converged", 2, 0)
    np.testing.assert_array_equal(made.weights, calibrate(X, D, TOTALS, bounds=BOUNDS).weights)
    made = calibrate(absent, D, [*TOTALS, 3], bounds=BOUNDS)
    assert made.reason == "control 2 is 0 in every unit, but its total is not"
    assert is_withheld(made)
    made = calibrate(X, D, [0, 1380], bounds=BOUNDS)
    assert (made.status, made.reason) == ("infeasible", "bounds: no g-weights from 0.666667 to 10 meet the totals")
    assert is_withheld(made)


def test_all_totals_zero_and_no_crime() -> None:
    made = calibrate(np.zeros((3, 2)), [1.5, 1.5, 1.5], [0, 0], bounds=BOUNDS)
    assert (made.status, made.rank, made.iterations) == ("converged", 0, 0)
    np.testing.assert_array_equal(made.g_weights, 1)


def test_negative_counts_are_calibrated_like_others() -> None:
    """Corrections of earlier reports make negative counts; a total may be 0 or less."""
    x = X.copy()
    x[3, 0] = -5
    for first in (100.0, 0.0, -2.0):
        made = calibrate(x, D, [first, 1380], bounds=(0, 20) if first <= 0 else BOUNDS)
        assert made.status in ("converged", "infeasible")
        if made.status == "converged":
            np.testing.assert_allclose(x.T @ made.weights, [first, 1380], rtol=1e-9, atol=1e-7)
    x = np.array([[3.0], [-3.0], [1.0]])
    made = calibrate(x, [1, 1, 1], [0], bounds=(0.2, 4))
    assert made.status == "converged"
    assert abs(made.residuals[0]) <= 1e-9 * math.sqrt(19)


def test_contradicting_controls_are_named() -> None:
    x = np.column_stack([X[:, 0], X.sum(axis=1), X[:, 1], [1.0, 0, 2, 7]])
    made = calibrate(x, D, [115, 1496, 1380, 16], bounds=BOUNDS)
    assert (made.status, made.rank) == ("infeasible", 3)
    assert made.reason == (
        "contradictory totals: controls 0, 1, 2 are linearly dependent, and their totals violate the dependence"
    )
    assert is_withheld(made)
    np.testing.assert_allclose(made.residuals, x.T @ D - [115, 1496, 1380, 16])


def test_of_two_dependences_the_broken_one_is_named() -> None:
    rng = np.random.default_rng(2)
    a, b, c, d, e = rng.poisson(20, (5, 30)).astype(float)
    x = np.column_stack([a + b, a, b, c + d + e, c, d, e])
    totals = 1.6 * x.sum(axis=0)
    totals[5] *= 1.01
    made = calibrate(x, np.full(30, 1.5), totals, bounds=BOUNDS)
    assert made.reason == (
        "contradictory totals: controls 3, 4, 5, 6 are linearly dependent, and their totals violate the dependence"
    )


def test_fewer_units_than_the_rank_fails_at_once() -> None:
    controls = [[3.0, 5.0, 1.0], [4.0, 1.0, 8.0]]
    made = calibrate(controls, [1.5, 1.5], [11, 9, 14], bounds=BOUNDS)
    assert (made.status, made.rank, made.iterations) == ("infeasible", 2, 0)
    assert made.reason.startswith("fewer units than independent controls: 2 units cannot meet the totals of controls")
    # Unless the totals happen to be within reach.
    made = calibrate(controls, [1.5, 1.5], [12.6, 10.8, 16.2], bounds=BOUNDS)
    assert made.status == "converged"
    np.testing.assert_allclose(made.weights, [1.8, 1.8], rtol=1e-9)


def test_one_agency_that_dominates() -> None:
    rng = np.random.default_rng(4)
    x = rng.poisson(30, (60, 3)).astype(float)
    x[17] = [1e6, 2e6, 5e5]
    d = np.full(60, 1.25)
    totals = x.sum(axis=0) * 1.0001
    made = calibrate(x, d, totals, bounds=(0.8, 10))
    assert made.status == "converged"
    assert np.abs(made.residuals / totals).max() <= 1e-9
    assert made.g_weights[17] == pytest.approx(0.8, abs=1e-2)
    # Its own design weight already exceeds what is wanted.
    made = calibrate(x, d, x.sum(axis=0) * 0.99, bounds=(0.8, 10))
    assert made.status == "infeasible"
    assert is_withheld(made)


@pytest.mark.parametrize("bounds", [(1.0, 10.0), (0.5, 1.0)])
def test_a_bound_of_one(bounds: tuple[float, float]) -> None:
    """The logit distance has no room there; the truncated ones have."""
    base = D @ X
    made = calibrate(X, D, base, bounds=bounds)
    assert made.status == "converged"
    np.testing.assert_array_equal(made.g_weights, 1)
    wanted = X.T @ (D * ([1, 1.2, 1, 1.1] if bounds[0] == 1 else [1, 0.8, 1, 0.9]))
    made = calibrate(X, D, wanted, bounds=bounds)
    assert made.status == "infeasible"
    assert made.reason.startswith("bounds: with")
    for method in ("linear", "raking"):
        made = calibrate(X, D, wanted, bounds=bounds, method=method)
        assert made.status == "converged"
        assert made.g_weights.min() >= bounds[0]
        assert made.g_weights.max() <= bounds[1]
        np.testing.assert_allclose(X.T @ made.weights, wanted, rtol=1e-9)


def test_raking_gives_no_negative_weight() -> None:
    made = calibrate(X, D, [-1, 1380], bounds=(-np.inf, np.inf), method="raking")
    assert made.status == "infeasible"
    made = calibrate(X, D, [-1, 1380], bounds=(-np.inf, np.inf), method="linear")
    assert made.status == "converged"


def test_extreme_scales() -> None:
    scale = np.array([1e-60, 1e70])
    made = calibrate(X * scale, D * 1e20, TOTALS * scale * 1e20, bounds=BOUNDS)
    assert made.status == "converged"
    np.testing.assert_allclose(made.g_weights, calibrate(X, D, TOTALS, bounds=BOUNDS).g_weights, rtol=1e-8)


def test_nearly_dependent_controls_are_met() -> None:
    rng = np.random.default_rng(8)
    a = rng.poisson(50, 40).astype(float)
    for apart in (1e-3, 1e-6):
        x = np.column_stack([a, a + apart * rng.normal(size=40)])
        totals = x.T @ rng.uniform(1, 3, 40)
        made = calibrate(x, np.full(40, 2.0), totals, bounds=(0.1, 10))
        assert (made.status, made.rank) == ("converged", 2)
        assert np.abs(made.residuals / totals).max() <= 1e-9


def test_not_converged_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Newton's method stopped early on a problem that has a solution: no proof, no weights."""
    monkeypatch.setattr(newton_module, "MAX_STEPS", 1)
    made = calibrate(X, D, TOTALS, bounds=BOUNDS)
    assert made.status == "not_converged"
    assert "did not prove that there is no solution" in made.reason
    assert is_withheld(made)
    assert np.isfinite(made.residuals).all()
    # The linear program proves what Newton's method had no time to.
    made = calibrate(X, D, [175, 1380], bounds=BOUNDS)
    assert made.status == "infeasible"


def test_smallest_upper_bound_of_hopeless_and_easy_totals() -> None:
    assert math.isinf(smallest_upper_bound(X, D, np.array([175.0, 1380]), lower=2 / 3))
    contradicting = np.column_stack([X, X[:, 0]])
    assert math.isinf(smallest_upper_bound(contradicting, D, np.array([115.0, 1380, 116]), lower=2 / 3))
    assert smallest_upper_bound(X, D, X.T @ D * 0.5, lower=0.5) == 0.5
    with pytest.raises(ValueError, match="it must be a finite number"):
        smallest_upper_bound(X, D, TOTALS, lower=-np.inf)
    with pytest.raises(ValueError, match="total 0 is nan"):
        smallest_upper_bound(X, D, np.array([np.nan, 1]), lower=0.5)
