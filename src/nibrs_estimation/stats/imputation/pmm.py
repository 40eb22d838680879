"""Multiple imputation by chained equations with predictive mean matching: one completed data set.

Each incomplete variable in turn is regressed on others. A recipient takes the value of one of the five donors whose
predicted means are nearest to its own, so imputed values are observed values. The recipients' coefficients are drawn
from their posterior. With matching by ``estimate`` they are those of the donors, so a recipient's donors are a sample
of those who are like it. Rows are sorted by unit before anything is computed and every random number is keyed by unit
or variable, so the order of the rows changes nothing.

Sources: handbook 05; van Buuren (2018), *Flexible Imputation of Missing Data*, algorithm 3.3 and
sections 4.5 and 9.1.5 (choice of predictors). It follows R's ``mice``, except that ties are drawn for each recipient
separately.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from nibrs_estimation.stats import random
from nibrs_estimation.stats.imputation.matching import draw_within_classes

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Coding = Literal["canonical", "integer"]
Matching = Literal["posterior", "estimate"]

_COLLINEAR = 0.999
#: Within a fit: smallest variance of a predictor among donors, its largest correlation with the target, and the
#: smallest ratio of the extreme eigenvalues of the predictors' correlation matrix.
_MIN_VARIANCE, _MAX_CORRELATION, _MIN_EIGENVALUE_RATIO = 1e-4, 0.99, 1e-4
_RIDGE = 1e-5
#: Number of rows that are processed together where copies are made.
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Variable:
    """A column of the data.

    Attributes:
        values: (n,) numbers, or for a categorical variable the numbers of levels, 0 upward; NaN where missing.
        is_categorical: the values are numbers of levels without order.
        gives: (n,) rows whose value others may take, and that the regression is fitted to; None for all observed ones.
    """

    values: Floats
    is_categorical: bool = False
    gives: Flags | None = None

    @property
    def donors(self) -> Flags:
        """(n,) rows with a value that others may take."""
        observed = ~np.isnan(self.values)
        return observed if self.gives is None else observed & self.gives


@dataclass(frozen=True)
class Completed:
    """Completed variables and how they were imputed.

    Attributes:
        values: variable -> (n,) observed values, with missing ones replaced by imputed ones.
        donor: variable -> (n,) row whose value was taken, -1 where it was observed; incomplete variables only.
        pool: variable -> (n,) number of the classification in whose class the donor was found, their number for all
            donors, -1 where the value was observed; incomplete variables only.
        predictors: variable -> the predictors chosen for it, after screening; incomplete variables only.
        not_imputed: incomplete variables that are constant, or collinear with one that has more observed values; they
            are unchanged.
    """

    values: Mapping[str, Floats]
    donor: Mapping[str, NDArray[np.int64]]
    pool: Mapping[str, NDArray[np.int8]]
    predictors: Mapping[str, tuple[str, ...]]
    not_imputed: tuple[str, ...]


def impute(
    variables: Mapping[str, Variable],
    *,
    unit: NDArray[np.integer],
    seed: int,
    stream: str,
    forced: Collection[str] = (),
    never_predictors: Collection[str] = (),
    min_correlation: float = 0.1,
    cycles: int = 15,
    k: int = 5,
    coding: Coding = "canonical",
    matching: Matching = "posterior",
    classes: Sequence[NDArray[np.integer]] = (),
    min_donors: int = 30,
) -> Completed:
    """Complete every incomplete variable.

    Args:
        variables: name -> column, all of n rows; incomplete ones are imputed in this order.
        unit: (n,) identifiers of the rows, unique.
        seed: seed of the run.
        stream: purpose of the imputation; different streams draw different numbers.
        forced: variables that always predict.
        never_predictors: variables that never predict.
        min_correlation: as in :func:`quick_predictors`; 0 for all variables.
        cycles: number of rounds over the incomplete variables; a single one needs only one round.
        k: number of nearest donors from which one is drawn.
        coding: numbers for a categorical target: its first canonical variate given the predictors, or the level
            numbers.
        matching: coefficients of the recipients: drawn from the ``posterior``, or the ``estimate`` of the donors.
        classes: classifications, the finest first: numbers of classes from 0, (n,) each. A recipient's donors are of
            its own class in the first classification in which the class has ``min_donors`` donors.
        min_donors: smallest number of donors of a class.

    Returns:
        The completed variables; observed values are unchanged.

    Raises:
        ValueError: a unit occurs twice, lengths differ, an incomplete variable has no donor, or a name is unknown.
    """
    _check(variables, unit, (*forced, *never_predictors))
    order = np.argsort(unit, kind="stable")
    chain = _Chain(
        {n: _sorted(v, order) for n, v in variables.items()},
        unit[order],
        [numbers[order] for numbers in classes],
        _Choices(seed, stream, k, coding, matching, min_donors),
    )
    is_used, removed = _screen(chain.variables)
    chosen = quick_predictors(
        variables={n: v.values for n, v in chain.variables.items()}, forced=forced, min_correlation=min_correlation
    )
    usable = [name for name in variables if name in is_used and name not in never_predictors]
    targets = [name for name in chain.incomplete if name not in removed]
    predictors = {target: tuple(name for name in usable if name in chosen[target]) for target in targets}
    # A predictor that stays incomplete cannot predict.
    predictors = {t: tuple(p for p in names if p not in removed) for t, names in predictors.items()}
    for target in targets:
        chain.start(target)
    for cycle in range(1, 1 + (cycles if len(targets) > 1 else 1)):
        for target in targets:
            chain.step(target, predictors[target], cycle)
    back = np.argsort(order, kind="stable")
    values = {name: column[back] for name, column in chain.values.items()}
    donor = {name: np.where(rows >= 0, order[rows], -1)[back] for name, rows in chain.donor.items()}
    pool = {name: numbers[back] for name, numbers in chain.pool.items()}
    return Completed(values, donor, pool, predictors, tuple(name for name in chain.incomplete if name in removed))


def quick_predictors(
    variables: Mapping[str, Floats],
    *,
    forced: Collection[str] = (),
    min_correlation: float = 0.1,
    min_usable: float = 0.25,
) -> dict[str, tuple[str, ...]]:
    """Choose the predictors of every incomplete variable.

    A variable predicts a target under two conditions. Its correlation with the target, or with the indicator that the
    target is observed, exceeds ``min_correlation`` in absolute value. And it is observed in at least ``min_usable`` of
    the rows where the target is missing. Forced variables always predict. Correlations are computed from rows in which
    both are observed; an undefined one counts as 0.

    Args:
        variables: name -> (n,) numbers, NaN where missing; categorical ones by number of level.
        forced: variables that always predict.
        min_correlation: smallest absolute correlation, exclusive.
        min_usable: smallest share of usable cases.

    Returns:
        incomplete variable -> its predictors, in the order of ``variables``.
    """
    names = list(variables)
    if min_correlation == 0 or set(names) <= set(forced):
        # Every variable predicts: nothing is to be computed.
        return {
            name: tuple(other for other in names if other != name) for name in names if _is_incomplete(variables[name])
        }
    data = np.column_stack([variables[name] for name in names])
    observed = ~np.isnan(data)
    targets = np.flatnonzero(~observed.all(axis=0))
    everywhere = np.ones((len(data), len(targets)), dtype=np.bool_)
    with_value = pairwise_correlations(data[:, targets], observed[:, targets], data, observed)
    with_missing = pairwise_correlations(observed[:, targets].astype(np.float64), everywhere, data, observed)
    missing = (~observed[:, targets]).astype(np.float64)
    usable = (missing.T @ observed.astype(np.float64)) / missing.sum(axis=0)[:, None]
    is_chosen = (np.maximum(np.abs(with_value), np.abs(with_missing)) > min_correlation) & (usable >= min_usable)
    is_chosen |= np.isin(names, list(forced))[None, :]
    return {
        names[target]: tuple(name for j, name in enumerate(names) if j != target and is_chosen[i, j])
        for i, target in enumerate(targets)
    }


def pairwise_correlations(x: Floats, has_x: Flags, y: Floats, has_y: Flags) -> Floats:
    """Pearson correlations of the columns of x with those of y over rows with both values: (p, q); 0 if undefined."""
    mean_x, mean_y = _column_means(x, has_x), _column_means(y, has_y)
    n, sum_x, sum_y, cross, spread_x, spread_y = (np.zeros((x.shape[1], y.shape[1])) for _ in range(6))
    for start in range(0, len(x), _CHUNK):
        rows = slice(start, start + _CHUNK)
        in_x, in_y = has_x[rows].astype(np.float64), has_y[rows].astype(np.float64)
        of_x, of_y = np.where(has_x[rows], x[rows] - mean_x, 0.0), np.where(has_y[rows], y[rows] - mean_y, 0.0)
        n += in_x.T @ in_y
        sum_x += of_x.T @ in_y
        sum_y += in_x.T @ of_y
        cross += of_x.T @ of_y
        spread_x += (of_x**2).T @ in_y
        spread_y += in_x.T @ (of_y**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance_x, variance_y = spread_x - sum_x**2 / n, spread_y - sum_y**2 / n
        correlation = (cross - sum_x * sum_y / n) / np.sqrt(variance_x * variance_y)
    # The variance of a constant column is only rounding.
    defined = (n > 1) & (variance_x > 1e-12 * spread_x) & (variance_y > 1e-12 * spread_y)
    return np.where(defined, correlation, 0.0)


def canonical_variate(count: NDArray[np.integer], sums: Floats, products: Floats) -> Floats:
    """Numbers for the levels of a factor: its first canonical variate with p columns.

    Args:
        count: (levels,) number of rows of each level.
        sums: (levels, p) sums of the columns over the rows of each level.
        products: (p, p) cross products of the columns, which have full rank together with a constant.

    Returns:
        (levels,) scores; the largest in absolute value is positive, levels that do not occur have score 0.
    """
    scores, present = np.zeros(len(count)), count > 0
    n, total = count.sum(), sums.sum(axis=0)
    centered = (sums[present] - count[present, None] * total / n) / np.sqrt(count[present])[:, None]
    between = centered @ linalg.solve(products - np.outer(total, total) / n, centered.T, assume_a="sym")
    vector = np.linalg.eigh(between)[1][:, -1] / np.sqrt(count[present])
    vector *= np.sign(vector[np.argmax(np.abs(vector))]) or 1.0
    scores[present] = vector
    return scores


@dataclass(frozen=True)
class _Choices:
    """Arguments of :func:`impute` of the same names."""

    seed: int
    stream: str
    k: int
    coding: Coding
    matching: Matching
    min_donors: int


class _Chain:
    """The state of the chain: observed values and current imputed values. Rows are sorted by unit.

    Attributes:
        design: (n, p) a constant, then the columns of every variable; numbers are standardized by their observed mean
            and spread, so that cross products keep their digits. Stored by column.
        columns: variable -> its columns of the design.
        scale: (p,) by which each column was divided.
        products: (p, p) cross products of the design, updated after every imputation.
    """

    def __init__(
        self,
        variables: Mapping[str, Variable],
        unit: NDArray[np.integer],
        classes: Sequence[NDArray[np.integer]],
        choices: _Choices,
    ) -> None:
        self.variables = variables
        self.unit, self.classes, self.choices = unit, classes, choices
        self.values = {name: variable.values.copy() for name, variable in variables.items()}
        self.observed = {name: ~np.isnan(variable.values) for name, variable in variables.items()}
        self.incomplete = [name for name in variables if not self.observed[name].all()]
        self.donors = {name: variables[name].donors for name in self.incomplete}
        self.donor = {name: np.full(len(unit), -1) for name in self.incomplete}
        self.pool = {name: np.full(len(unit), -1, dtype=np.int8) for name in self.incomplete}
        self.levels = {
            name: np.unique(variable.values[self.observed[name]]).astype(np.int64)
            for name, variable in variables.items()
            if variable.is_categorical
        }
        self.columns: dict[str, NDArray[np.int64]] = {}
        p = 1
        for name in variables:
            width = max(len(self.levels[name]) - 1, 0) if name in self.levels else 1
            self.columns[name] = np.arange(p, p + width)
            p += width
        self.design = np.ones((len(unit), p), order="F")
        self.location, self.scale = np.zeros(p), np.ones(p)
        for name, variable in variables.items():
            if name not in self.levels:
                known = variable.values[self.observed[name]]
                self.location[self.columns[name]] = known.mean()
                self.scale[self.columns[name]] = known.std() or 1.0
        self.products = np.zeros((p, p))
        for name in variables:
            if name not in self.incomplete:
                self._refresh(name)

    def _refresh(self, name: str) -> None:
        """Update the design and its cross products with the current values."""
        columns = self.columns[name]
        if name in self.levels:
            for column, level in zip(columns, self.levels[name][1:], strict=True):
                np.equal(self.values[name], level, out=self.design[:, column], casting="unsafe")
        else:
            standardized = (self.values[name][:, None] - self.location[columns]) / self.scale[columns]
            self.design[:, columns] = standardized
        products = self.design.T @ self.design[:, columns]
        self.products[:, columns], self.products[columns] = products, products.T
        self.products[0, 0] = len(self.unit)

    def _set(self, target: str, rows: NDArray[np.integer], donors: NDArray[np.integer]) -> None:
        self.values[target][rows] = self.variables[target].values[donors]
        self.donor[target][rows] = donors
        self._refresh(target)

    def start(self, target: str) -> None:
        """Give every missing cell a random observed value."""
        donors, recipients = np.flatnonzero(self.donors[target]), np.flatnonzero(~self.observed[target])
        point = random.uniform(self.choices.seed, f"{self.choices.stream}/{target}/start", self.unit[recipients])
        self._set(target, recipients, donors[np.floor(point * len(donors)).astype(np.int64)])

    def step(self, target: str, predictors: Sequence[str], cycle: int) -> None:
        """Impute one variable from the current values of its predictors."""
        is_donor = self.donors[target]
        donors, recipients = np.flatnonzero(is_donor), np.flatnonzero(~self.observed[target])
        y = np.where(is_donor, self.variables[target].values, 0.0)
        kept = np.concatenate([[0], *(self.columns[name] for name in predictors)]).astype(np.int64)
        moments = self._moments(is_donor, y, kept)
        usable = _usable_columns(moments, self.scale[kept])
        products, with_outcome = moments.products[np.ix_(usable, usable)], moments.with_outcome[usable]
        kept = kept[usable]
        is_coded = self.variables[target].is_categorical and self.choices.coding == "canonical"
        if is_coded and len(kept) > 1 and np.ptp(y[donors]) > 0:
            level = np.searchsorted(self.levels[target], y[donors])
            rows = sparse.csr_array(
                (np.ones(len(donors)), (level, donors)), shape=(len(self.levels[target]), len(self.unit))
            )
            sums = np.column_stack([rows @ self.design[:, column] for column in kept])
            scores = canonical_variate(sums[:, 0], sums[:, 1:], products[1:, 1:])
            y[donors] = scores[level]
            with_outcome = scores @ sums
        fit = least_squares(products, with_outcome)
        fitted = scores_of = _scores(self.design, kept, fit.estimate)
        choices, key = self.choices, f"{self.choices.stream}/{target}"
        if choices.matching == "posterior":
            residual = y[donors] - fitted[donors]
            drawn = draw_coefficients(
                fit,
                float(residual @ residual),
                len(donors) - len(kept),
                seed=choices.seed,
                stream=key,
                draw=cycle,
            )
            scores_of = _scores(self.design, kept, drawn)
        found = draw_within_classes(
            fitted[donors],
            scores_of[recipients],
            random.uniform(choices.seed, f"{key}/donor", self.unit[recipients], cycle),
            [numbers[donors] for numbers in self.classes],
            [numbers[recipients] for numbers in self.classes],
            k=choices.k,
            min_donors=choices.min_donors,
        )
        self.pool[target][recipients] = found.pool
        self._set(target, recipients, donors[found.donor])

    def _moments(self, is_donor: Flags, y: Floats, kept: NDArray[np.int64]) -> _Moments:
        """Sums over donors, computed as all minus the other rows if these are fewer; y of the others is 0."""
        donors, others = np.flatnonzero(is_donor), np.flatnonzero(~is_donor)
        few = others if len(others) < len(donors) else donors
        products = np.zeros((len(kept), len(kept)))
        for start in range(0, len(few), _CHUNK):
            of_few = self.design[np.ix_(few[start : start + _CHUNK], kept)]
            products += of_few.T @ of_few
        if few is others:
            products = self.products[np.ix_(kept, kept)] - products
        return _Moments(len(donors), products, (self.design.T @ y)[kept], float(y @ y))


@dataclass(frozen=True)
class _Moments:
    """Sums over n rows: cross products of p columns, the first is the constant, with each other and an outcome."""

    n: int
    products: Floats
    with_outcome: Floats
    outcome_squares: float


@dataclass(frozen=True)
class LeastSquares:
    """Least squares estimate of p coefficients, and the Cholesky factor of their columns' scaled cross products."""

    estimate: Floats
    factor: Floats
    scale: Floats


def least_squares(products: Floats, with_outcome: Floats) -> LeastSquares:
    """Solve the normal equations (X'X) b = X'y; where X'X is singular, with a ridge of 1e-5 of its diagonal.

    Args:
        products: (p, p) X'X.
        with_outcome: (p,) X'y.
    """
    # Columns of length one make the equations well conditioned; scaling changes neither estimate nor posterior.
    scale = np.sqrt(np.diag(products))
    scale[scale == 0] = 1.0
    scaled = products / np.outer(scale, scale)
    try:
        factor = linalg.cholesky(scaled, lower=True)
    except linalg.LinAlgError:
        factor = linalg.cholesky(scaled + _RIDGE * np.diag(np.diag(scaled) + (np.diag(scaled) == 0)), lower=True)
    return LeastSquares(linalg.cho_solve((factor, True), with_outcome / scale) / scale, factor, scale)


def draw_coefficients(
    fit: LeastSquares, residual_squares: float, df: int, *, seed: int, stream: str, draw: int
) -> Floats:
    """A draw from the posterior of the coefficients, under the standard improper prior.

    s² = r'r / chi²(n - p);  b* = b + s L z,  L L' = (X'X)^-1,  z standard normal.

    Args:
        fit: estimate b of p coefficients.
        residual_squares: r'r.
        df: n - p; 1 is used if it is smaller.
        seed: seed of the run.
        stream: purpose of the draw.
        draw: number of the draw.

    Returns:
        (p,) b*.
    """
    chi2 = 2.0 * random.gamma(seed, f"{stream}/variance", draw, shape=max(df, 1) / 2)
    z = random.normal(seed, f"{stream}/coefficient", draw, np.arange(len(fit.estimate)))
    # The inverse of the transposed factor: L L' = (X'X)^-1.
    deviation = linalg.solve_triangular(fit.factor, z, lower=True, trans="T")
    return np.asarray(fit.estimate + np.sqrt(residual_squares / chi2) * deviation / fit.scale)


def _scores(design: Floats, columns: NDArray[np.int64], coefficients: Floats) -> Floats:
    """Predicted means, summed column by column: equal rows have exactly equal means, so that ties are found."""
    scores, product = np.zeros(len(design)), np.empty(len(design))
    for column, coefficient in zip(columns, coefficients, strict=True):
        scores += np.multiply(design[:, column], coefficient, out=product)
    return scores


def _screen(variables: Mapping[str, Variable]) -> tuple[set[str], set[str]]:
    """The variables that may predict, and the rest: constant ones and the worse of collinear pairs."""
    names = list(variables)
    data = np.column_stack([variable.values for variable in variables.values()])
    observed = ~np.isnan(data)
    constant = {name for name, v in variables.items() if np.nanmax(v.values) == np.nanmin(v.values)}
    is_collinear = np.abs(pairwise_correlations(data, observed, data, observed)) >= _COLLINEAR
    by_observed = sorted(range(len(names)), key=lambda j: -int(observed[:, j].sum()))
    kept: list[int] = []
    for j in by_observed:
        if names[j] not in constant and not is_collinear[j, kept].any():
            kept.append(j)
    used = {names[j] for j in kept}
    return used, set(names) - used


def _usable_columns(moments: _Moments, scale: Floats) -> NDArray[np.int64]:
    """The constant and the columns that vary among donors and are not collinear; ``scale`` is that of each column."""
    n, constant = moments.n, np.zeros(1, dtype=np.int64)
    mean, outcome_mean = moments.products[0] / n, moments.with_outcome[0] / n
    outcome_squares = moments.outcome_squares - n * outcome_mean**2
    if len(mean) == 1 or n < 2 or outcome_squares / (n - 1) < _MIN_VARIANCE:
        return constant
    centered = moments.products - n * np.outer(mean, mean)
    squares = np.diag(centered)
    kept = np.flatnonzero(squares * scale**2 / (n - 1) > _MIN_VARIANCE)
    with_outcome = moments.with_outcome[kept] - n * mean[kept] * outcome_mean
    kept = kept[with_outcome / np.sqrt(squares[kept] * outcome_squares) < _MAX_CORRELATION]
    correlation = centered[np.ix_(kept, kept)] / np.sqrt(np.outer(squares[kept], squares[kept]))
    while len(kept) > 1:
        eigenvalues, vectors = np.linalg.eigh(correlation)
        if eigenvalues[0] >= _MIN_EIGENVALUE_RATIO * eigenvalues[-1]:
            break
        worst = int(np.argmax(np.abs(vectors[:, 0])))
        kept = np.delete(kept, worst)
        correlation = np.delete(np.delete(correlation, worst, axis=0), worst, axis=1)
    return np.concatenate([constant, kept])


def _is_incomplete(values: Floats) -> bool:
    return bool(np.isnan(values).any())


def _sorted(variable: Variable, order: NDArray[np.int64]) -> Variable:
    gives = None if variable.gives is None else variable.gives[order]
    return replace(variable, values=variable.values[order], gives=gives)


def _column_means(values: Floats, has: Flags) -> Floats:
    count = np.maximum(has.sum(axis=0), 1)
    return np.asarray(np.where(has, values, 0.0).sum(axis=0) / count)


def _check(variables: Mapping[str, Variable], unit: NDArray[np.integer], named: Sequence[str]) -> None:
    unknown = sorted(set(named) - set(variables))
    if unknown:
        raise ValueError(f"there is no variable {', '.join(unknown)}; the variables are {', '.join(variables)}")
    if len(np.unique(unit)) != len(unit):
        raise ValueError("units are not unique: every row needs its own identifier")
    for name, variable in variables.items():
        if variable.values.shape != unit.shape:
            raise ValueError(f"variable {name} has shape {variable.values.shape}, the units have {unit.shape}")
        if np.isnan(variable.values).all():
            raise ValueError(f"variable {name} has no observed value: there is nothing to impute from")
        if _is_incomplete(variable.values) and not variable.donors.any():
            raise ValueError(f"variable {name} has no donor: no row with a value may give it")
