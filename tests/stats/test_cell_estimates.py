"""Totals and ratios of all cells in all domains: published numbers, those of R, and a slow twin."""

import csv
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.stats.linearization.cell_estimates import CellEstimates, cell_estimates
from nibrs_estimation.stats.linearization.variance_form import Memberships, Sample, variance_form

Floats = NDArray[np.float64]
FIXTURES = Path(__file__).parent / "fixtures" / "calibrated_ratio"
FIELDS = [field.name for field in fields(CellEstimates)]


@dataclass(frozen=True)
class Problem:
    """What is estimated; ``denominators`` (cells, K) tells which cells are added up to each denominator."""

    sample: Sample
    members: Memberships
    y: Floats
    denominators: Floats
    denominator_of: NDArray[np.int64]

    def estimate(self, threads: int = 2) -> CellEstimates:
        return cell_estimates(
            variance_form(self.sample, self.members, len(self.y)),
            sparse.csc_array(self.y),
            sparse.csc_array(self.y @ self.denominators),
            self.denominator_of,
            threads=threads,
        )


def one_stratum_each(weight: Floats, stratum: list[int], population: list[int], controls: Floats) -> Sample:
    n = len(weight)
    return Sample(
        psu=np.arange(n),
        weight=weight,
        share=np.ones(n),
        stratum=np.array(stratum),
        group=np.zeros(n, dtype=np.int64),
        controls=controls,
        stratum_population=np.array(population),
        stratum_design=np.zeros(len(population), dtype=np.int64),
    )


def everywhere(n: int) -> Memberships:
    return Memberships(np.arange(n), np.zeros(n, dtype=np.int64), 1)


def test_worked_examples_without_calibration() -> None:
    """Example C of handbook 11, and the ratio of 6.5."""
    sample = one_stratum_each(np.array([2, 2, 2, 1.5, 1.5]), [0, 0, 0, 1, 1], [6, 3], np.zeros((5, 1)))
    y = np.array([[10.0, 4, 6], [6, 3, 3], [4, 1, 3], [30, 12, 18], [50, 10, 40]])
    denominators = np.array([[0.0], [1], [1]])
    found = Problem(sample, everywhere(5), y, denominators, np.array([-1, 0, 0])).estimate()
    assert found.total.tolist() == [160, 49, 111]
    assert found.standard_error[0] == pytest.approx(18.867962, abs=5e-7)
    assert found.unweighted_total.tolist() == [100, 30, 70]
    assert found.unit_count.tolist() == [5, 5, 5]
    assert np.isnan(found.ratio[0])
    assert np.isnan(found.ratio_standard_error[0])
    assert found.ratio[1] == 0.30625
    assert found.ratio_standard_error[1] == pytest.approx(0.04543148, abs=5e-9)
    # Two parts of a whole are known equally well.
    assert found.ratio_standard_error[2] == pytest.approx(found.ratio_standard_error[1])


def test_a_psu_in_two_divisions_of_an_area_counts_once() -> None:
    """Its units stand in two strata: each has its weight and share, together they are one PSU."""
    sample = replace(
        one_stratum_each(np.array([2.0, 2, 3, 3]), [0, 0, 1, 1], [4, 6], np.zeros((4, 1))),
        psu=np.array([0, 1, 1, 2]),
        share=np.array([1, 0.25, 0.75, 1]),
    )
    y = np.array([[10.0], [8], [5]])
    found = Problem(sample, everywhere(4), y, np.zeros((1, 0)), np.array([-1])).estimate()
    assert found.total.tolist() == [2 * 10 + 2 * 2 + 3 * 6 + 3 * 5]
    assert found.unweighted_total.tolist() == [23]
    assert found.unit_count.tolist() == [3]
    # u = 20, 4 and 18, 15.
    assert found.standard_error[0] == pytest.approx(np.sqrt(0.5 * 2 * 128 + (2 / 3) * 2 * 4.5))


def test_worked_example_with_calibration() -> None:
    """Example D of handbook 11."""
    x = np.array([[100.0], [80], [50], [170]])
    weight = 1.5 * (1 + (660 - 600) / (1.5 * (x**2).sum()) * x[:, 0])
    sample = one_stratum_each(weight, [0] * 4, [6], x)
    y = np.array([[10.0], [6], [4], [20]])
    found = Problem(sample, everywhere(4), y, np.zeros((1, 0)), np.array([-1])).estimate()
    assert found.total[0] == pytest.approx(66.376569, abs=5e-7)
    assert found.standard_error[0] == pytest.approx(3.572501, abs=5e-7)


def test_equals_r() -> None:
    """R does not correct for what the regression uses up: 12 units and 2 controls in each stratum."""
    with (FIXTURES / "sample.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with (FIXTURES / "estimates.csv").open(encoding="utf-8") as file:
        expected = {(int(row["domain"]), row["name"]): row for row in csv.DictReader(file)}
    column = {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}
    stratum = column["stratum"].astype(int)
    sample = one_stratum_each(
        column["weight"], stratum.tolist(), [20, 31, 15], np.column_stack([column["x1"], column["x2"]])
    )
    inside = np.flatnonzero(column["domain"])
    unit, domain = np.append(np.arange(36), inside), np.append(np.zeros(36, dtype=int), np.ones(len(inside), dtype=int))
    y = np.column_stack([column["a"], column["b"]])
    problem = Problem(sample, Memberships(unit, domain, 2), y, np.array([[0.0], [1.0]]), np.array([0, -1]))
    found = problem.estimate()
    used_up = np.sqrt(11 / 10)
    for k, (cell, g) in enumerate(zip(found.cell, found.domain, strict=True)):
        row = expected[g, "ab"[cell]]
        assert found.total[k] == pytest.approx(float(row["estimate"]), rel=1e-12)
        assert found.standard_error[k] == pytest.approx(used_up * float(row["se"]), rel=1e-10)
        if cell == 0:
            row = expected[g, "ratio"]
            assert found.ratio[k] == pytest.approx(float(row["estimate"]), rel=1e-12)
            assert found.ratio_standard_error[k] == pytest.approx(used_up * float(row["se"]), rel=1e-10)
    assert len(found.cell) == 4


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Samples of several designs with calibrated and plain groups, full and single-PSU strata, shares and domains.

    Cells 0 and 1 are what groups were calibrated to, cell 2 is empty, cell 3 equals cell 4 for most units.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    psus, designs = draw(st.integers(3, 40)), draw(st.integers(1, 3))
    scale = draw(st.sampled_from([0.4, 3.0, 1e6]))
    two = rng.poisson(20, (psus, 2)) + 1.0
    x: Floats = np.column_stack([two.sum(axis=1), two, rng.poisson(5, psus)]).astype(np.float64)
    parts: list[tuple[NDArray[Any], ...]] = []
    population: list[int] = []
    of_design: list[int] = []
    unit: list[int] = []
    domain: list[int] = []
    units = domains = 0
    for design in range(designs):
        psu = np.sort(rng.choice(psus, rng.integers(1, psus + 1), replace=False))
        n = len(psu)
        # Few strata are thin, because a single-PSU one makes all standard errors NaN.
        strata = rng.integers(0, max(1, n // 4), n)
        strata = np.unique(strata, return_inverse=True)[1]
        group = rng.integers(0, draw(st.integers(1, 3)), n)
        share = np.where(rng.random(n) < 0.6, 1.0, rng.uniform(0.1, 1, n))
        is_calibrated = rng.random((strata.max() + 1, 3)) < draw(st.sampled_from([0.0, 0.6, 1.0]))
        selected = rng.random((strata.max() + 1, 3, 4)) < 0.7
        controls = x[psu] * share[:, None] * (is_calibrated[:, :, None] & selected)[strata, group]
        weight = rng.uniform(1, 4, n) if draw(st.booleans()) else np.full(n, 1.7)
        parts.append((psu, weight, share, strata + len(population), group, controls))
        n_h = np.bincount(strata)
        extra = rng.integers(0, 5, len(n_h)) * (n_h > 1 if draw(st.booleans()) else 1)
        population.extend(n_h + extra)
        of_design.extend([design] * len(n_h))
        inside = [np.arange(n), np.flatnonzero(rng.random(n) < 0.5), np.zeros(0, dtype=int)]
        unit.extend(units + member for members in inside for member in members)
        domain.extend(domains + number for number, members in enumerate(inside) for _ in members)
        units, domains = units + n, domains + len(inside)
    psu, weight, share, strata, group, controls = (np.concatenate(column) for column in zip(*parts, strict=True))
    sample = Sample(psu, weight, share, strata, group, controls, np.array(population), np.array(of_design))
    counted = rng.poisson(scale, (psus, 8)) * (rng.random((psus, 8)) < draw(st.sampled_from([0.2, 0.9])))
    y: Floats = counted.astype(np.float64)
    y[:, 0], y[:, 1], y[:, 2] = x[:, 0], 2 * x[:, 0] + x[:, 1], 0
    y[:, 3] = np.where(rng.random(psus) < 0.8, y[:, 4], y[:, 3])
    denominators = rng.integers(0, 2, (8, 4)).astype(np.float64)
    denominators[:, 0], denominators[:, 1] = np.arange(8) == 4, np.arange(8) == 2
    denominator_of = rng.integers(-1, 4, 8)
    denominator_of[[3, 4, 5]] = [0, 0, 1]
    return Problem(sample, Memberships(np.array(unit), np.array(domain), domains), y, denominators, denominator_of)


def slow_standard_error(sample: Sample, design: int, z: Floats) -> float:
    """Of the total of z (units): handbook 11, stratum by stratum and group by group."""
    variance = 0.0
    for h in np.flatnonzero(sample.stratum_design == design):
        of = np.flatnonzero(sample.stratum == h)
        n, N = len(of), sample.stratum_population[h]
        if n in (N, 0):
            continue
        if n == 1:
            return float("nan")
        u = np.zeros(n)
        for group in np.unique(sample.group[of]):
            members = sample.group[of] == group
            x, values = sample.controls[of][members], z[of][members]
            if members.sum() - np.linalg.matrix_rank(x, tol=1e-6) < 2:
                x = x[:, :1]
            rank = max(np.linalg.matrix_rank(x), 1)
            length = np.sqrt((x**2).sum(axis=0))
            x = x / np.where(length > 0, length, 1)
            e = values - x @ np.linalg.lstsq(x, values, rcond=1e-5)[0]
            freedom = members.sum() - rank
            factor = np.sqrt((members.sum() - 1) / freedom) if freedom > 0 else 1.0
            u[members] = factor * sample.weight[of][members] * e
        variance += (1 - n / N) * n / (n - 1) * ((u - u.mean()) ** 2).sum()
    return float(np.sqrt(variance))


@given(problems())
@settings(max_examples=100, deadline=None)
def test_equals_the_slow_twin(problem: Problem) -> None:
    sample, members, y = problem.sample, problem.members, problem.y
    found = problem.estimate()
    place = {key: k for k, key in enumerate(zip(found.cell.tolist(), found.domain.tolist(), strict=True))}
    assert list(place) == sorted(place)
    expected = 0
    for g in range(members.domains):
        of = np.isin(np.arange(len(sample.psu)), members.unit[members.domain == g])
        if not of.any():
            continue
        design = sample.stratum_design[sample.stratum[of][0]]
        b = (y @ problem.denominators)[sample.psu] * of[:, None]
        for cell in range(y.shape[1]):
            a = y[sample.psu, cell] * of
            if not a.any():
                assert (cell, g) not in place
                continue
            expected += 1
            k = place[cell, g]
            total = (sample.weight * sample.share * a).sum()
            assert found.total[k] == pytest.approx(total, rel=1e-12)
            assert found.unweighted_total[k] == pytest.approx(a.sum(), rel=1e-12)
            assert found.unit_count[k] == np.count_nonzero(a)
            error = slow_standard_error(sample, design, sample.share * a)
            # Where calibration leaves nothing, either computation leaves a residue of rounding.
            assert found.standard_error[k] == pytest.approx(error, rel=1e-8, abs=1e-11 * total, nan_ok=True)
            number = problem.denominator_of[cell]
            below = (sample.weight * sample.share * b[:, number]).sum() if number >= 0 else 0
            if below == 0:
                assert np.isnan(found.ratio[k])
                assert np.isnan(found.ratio_standard_error[k])
                continue
            ratio = total / below
            assert found.ratio[k] == pytest.approx(ratio, rel=1e-12)
            error = slow_standard_error(sample, design, sample.share * (a - ratio * b[:, number]) / below)
            assert found.ratio_standard_error[k] == pytest.approx(error, rel=1e-8, abs=1e-11 * ratio, nan_ok=True)
    assert len(place) == expected


@given(problems(), st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_neither_threads_nor_the_order_of_the_sample_change_a_bit(problem: Problem, seed: int) -> None:
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(problem.sample.psu))
    names = ("psu", "weight", "share", "stratum", "group", "controls")
    turned: dict[str, Any] = {name: getattr(problem.sample, name)[order] for name in names}
    sample = replace(problem.sample, **turned)
    pairs = rng.permutation(len(problem.members.unit))
    unit = np.argsort(order)[problem.members.unit[pairs]]
    members = Memberships(unit, problem.members.domain[pairs], problem.members.domains)
    shuffled = replace(problem, sample=sample, members=members)
    one, *others = problem.estimate(1), problem.estimate(2), shuffled.estimate(1), shuffled.estimate(5)
    for other in others:
        for name in FIELDS:
            assert np.array_equal(getattr(one, name), getattr(other, name), equal_nan=getattr(one, name).dtype == float)


def large(rng: np.random.Generator) -> tuple[Sample, Memberships]:
    """One stratum of 400 units out of 600, calibrated to two controls."""
    x: Floats = (rng.poisson(50, (400, 2)) + 1.0).astype(np.float64)
    sample = one_stratum_each(rng.uniform(1, 2, 400), [0] * 400, [600], x)
    unit = np.append(np.arange(400), np.arange(100))
    return sample, Memberships(unit, np.repeat([0, 1], [400, 100]), 2)


@pytest.mark.parametrize("size", [1.0, 1e7])
def test_little_beside_what_calibration_explains(size: float) -> None:
    """From moments alone a residual of 1 beside values of 1e8 would be lost."""
    rng = np.random.default_rng(6)
    sample, members = large(rng)
    noise = rng.integers(0, 3, 400)
    y = np.column_stack([size * (sample.controls @ [1.0, 2.0]) + noise, size * (sample.controls @ [3.0, 1.0])])
    found = Problem(sample, members, y, np.zeros((2, 0)), np.full(2, -1)).estimate()
    error = slow_standard_error(sample, 0, noise.astype(float))
    assert found.standard_error[0] == pytest.approx(error, rel=1e-6)
    # All of it is explained in the whole, not in the domain.
    assert found.standard_error[2] <= 1e-12 * found.total[2]
    assert found.standard_error[3] == pytest.approx(
        slow_standard_error(sample, 0, y[:, 1] * (np.arange(400) < 100)), rel=1e-9
    )


def test_a_whole_is_all_of_itself() -> None:
    rng = np.random.default_rng(7)
    sample, members = large(rng)
    y = rng.poisson(2, (400, 3)).astype(float)
    y[:, 2] = 0
    y[0, 2] = 5
    found = Problem(sample, members, y, np.array([[1.0, 0], [1, 0], [0, 1]]), np.array([0, 0, 1])).estimate()
    assert found.ratio[found.cell == 2].tolist() == [1, 1]
    assert found.ratio_standard_error[found.cell == 2].tolist() == [0, 0]
    assert found.ratio[found.cell == 0] + found.ratio[found.cell == 1] == pytest.approx([1, 1])
    assert (found.ratio_standard_error[found.cell == 0] > 0).all()


def test_a_lonely_stratum_leaves_its_design_without_standard_errors() -> None:
    sample = Sample(
        psu=np.array([0, 1, 2, 0, 1]),
        weight=np.array([2.0, 2, 3, 1.5, 1.5]),
        share=np.ones(5),
        stratum=np.array([0, 0, 1, 2, 2]),
        group=np.zeros(5, dtype=int),
        controls=np.zeros((5, 1)),
        stratum_population=np.array([4, 3, 3]),
        stratum_design=np.array([0, 0, 1]),
    )
    members = Memberships(np.array([0, 1, 2, 0, 3, 4]), np.array([0, 0, 0, 1, 2, 2]), 4)
    found = Problem(sample, members, np.array([[3.0], [5], [7]]), np.ones((1, 1)), np.array([0])).estimate()
    assert found.domain.tolist() == [0, 1, 2]
    assert found.total.tolist() == [37, 6, 12]
    assert np.isnan(found.standard_error).tolist() == [True, True, False]
    assert np.isnan(found.ratio_standard_error).tolist() == [True, True, False]
    assert found.ratio.tolist() == [1, 1, 1]


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32])
def test_narrow_values_and_stored_zeros(dtype: type) -> None:
    sample = one_stratum_each(np.full(3, 2.0), [0] * 3, [6], np.zeros((3, 0)))
    y = sparse.csc_array((np.array([200, 200, 0], dtype=dtype), np.array([0, 1, 2]), np.array([0, 3])), shape=(3, 1))
    found = cell_estimates(variance_form(sample, everywhere(3), 3), y)
    assert (found.total[0], found.unweighted_total[0], found.unit_count[0]) == (800, 400, 2)
    assert found.standard_error[0] == pytest.approx(np.sqrt(0.5 * 1.5 * 400**2 * (2 / 3)))


def test_nothing_to_estimate() -> None:
    sample = one_stratum_each(np.full(3, 2.0), [0] * 3, [6], np.zeros((3, 1)))
    form = variance_form(sample, everywhere(3), 3)
    assert len(cell_estimates(form, sparse.csc_array((3, 0))).cell) == 0
    assert len(cell_estimates(form, sparse.csc_array((3, 5))).cell) == 0


PLAIN = one_stratum_each(np.full(3, 2.0), [0] * 3, [6], np.zeros((3, 1)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": np.ones(2)}, "do not match"),
        ({"psu": np.zeros(0, dtype=int)}, "do not match"),
        ({"stratum_design": np.zeros(2, dtype=int)}, "1 strata"),
        ({"psu": np.array([0, 1, 3])}, "PSUs go from 0 to 3, but must go from 0 to 2"),
        ({"stratum": np.array([0, 0, 1])}, "strata go from 0 to 1"),
        ({"weight": np.array([1.0, np.nan, 1])}, "finite"),
        ({"weight": np.array([1.0, 0, 1])}, "omit units without a weight"),
        ({"stratum_population": np.array([2])}, r"strata \[0\] have more sampled units"),
    ],
)
def test_bad_samples_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        variance_form(replace(PLAIN, **change), everywhere(3), 3)


@pytest.mark.parametrize(
    ("unit", "domain", "message"),
    [
        ([0, 1], [0], "2,.* units"),
        ([0, 3], [0, 0], "units of memberships go from 0 to 3"),
        ([0, 1], [0, 1], "domains go from 0 to 1"),
        ([1, 1], [0, 0], "membership is given twice"),
    ],
)
def test_bad_memberships_are_refused(unit: list[int], domain: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        variance_form(PLAIN, Memberships(np.array(unit), np.array(domain), 1), 3)


def test_a_domain_lies_in_one_design() -> None:
    two = replace(
        PLAIN,
        stratum=np.array([0, 0, 1]),
        stratum_population=np.array([6, 1]),
        stratum_design=np.array([0, 1]),
    )
    with pytest.raises(ValueError, match="several designs"):
        variance_form(two, everywhere(3), 3)


@pytest.mark.parametrize(
    ("y", "number", "message"),
    [
        (np.ones((2, 1)), 0, "do not match"),
        (np.ones((3, 2)), 0, "do not match"),
        (np.ones((3, 1)), 1, "denominator_of must go from -1 to 0"),
        (np.array([[1.0], [-1], [1]]), 0, "values of y must be"),
        (np.array([[1.0], [np.inf], [1]]), 0, "values of y must be"),
    ],
)
def test_bad_values_are_refused(y: Floats, number: int, message: str) -> None:
    form = variance_form(PLAIN, everywhere(3), 3)
    with pytest.raises(ValueError, match=message):
        cell_estimates(form, sparse.csc_array(y), sparse.csc_array(np.ones((3, 1))), np.array([number]))
