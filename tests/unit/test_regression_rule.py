"""Standard errors of rule ``regression``, by hand and against loops over places and groups."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.evaluate.regression_rule import regression_errors
from nibrs_estimation.stats.prediction import Memberships, Units
from nibrs_estimation.survey.prediction import PlaceUnits

Floats = NDArray[np.float64]
NATION, REGION, STATE = 0, 1, 2


def units_of(
    level: list[int],
    group: list[int],
    place: list[int],
    weight: list[float],
    benchmarks: Floats,
    state: list[int] | None = None,
    controls: Floats | None = None,
    share: list[float] | None = None,
    pairs: list[tuple[int, int]] | None = None,
) -> PlaceUnits:
    """Units of different agencies; weight 0 is a nonrespondent. Without pairs each place is a domain."""
    n, weights = len(group), np.array(weight)
    responds = weights > 0
    pairs = [(unit, place[unit]) for unit in range(n)] if pairs is None else pairs
    unit, domain = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    units = Units(
        psu=np.where(responds, np.cumsum(responds) - 1, -1),
        place=np.array(place),
        group=np.array(group),
        weight=weights,
        share=np.ones(n) if share is None else np.array(share),
        size=benchmarks[:, 0],
        controls=np.zeros((n, 1)) if controls is None else controls,
        state=np.zeros(n, dtype=np.int64) if state is None else np.array(state),
        donor_variance=np.zeros(n),
        place_level=np.array(level),
    )
    none = np.zeros((n, 0), dtype=np.bool_)
    members = Memberships(unit, domain, int(domain.max()) + 1)
    return PlaceUnits(units, members, benchmarks, np.zeros_like(benchmarks), none, np.arange(n))


def errors_of(found: PlaceUnits, y: list[list[float]], explained_by: list[int]) -> Floats:
    return regression_errors(found, sparse.csc_array(np.array(y, dtype=float)), np.array(explained_by))


def test_two_respondents_and_a_nonrespondent_by_hand() -> None:
    """Expected are 4 each, so e = -1 and 1; leverages are 1/2, s = 2, weights 3/2 and V = 2 [1 + 2 (1.5 - 1)²]."""

    def error(level: int, state: list[int]) -> float:
        found = units_of([level], [0] * 3, [0] * 3, [2.0, 2.0, 0.0], np.ones((3, 1)), state)
        return float(errors_of(found, [[3], [5]], [0])[0, 0])

    assert error(STATE, [0, 0, 0]) == pytest.approx(np.sqrt(3))
    # Two states miss 0.5 x 4 x 2 = 4 and -4; only in the nation and in regions is that part of the error.
    assert error(NATION, [0, 0, 1]) == pytest.approx(np.sqrt(3 + 0.05**2 * 32))
    assert error(REGION, [0, 0, 1]) == error(NATION, [0, 0, 1])
    assert error(STATE, [0, 0, 1]) == error(STATE, [0, 0, 0])


def test_groups_are_shrunk_to_their_place() -> None:
    """Squares of groups are 2 and 18, of the place 10: S = (4 + 100) / 12 and (36 + 100) / 12.

    The nonrespondent takes 1/12 of each respondent of its group, and (1 - 2/12) / 4 of each of the place.
    """
    found = units_of([STATE], [0, 0, 0, 1, 1, 1], [0] * 6, [1.5, 1.5, 0.0] * 2, np.ones((6, 1)), pairs=[(2, 0), (5, 1)])
    errors = errors_of(found, [[3], [5], [1], [7]], [0])
    first, second, own, other = 104 / 12, 136 / 12, 1 / 12 + 10 / 48, 10 / 48
    expected = [[first * (1 + 2 * own**2) + second * 2 * other**2], [second * (1 + 2 * own**2) + first * 2 * other**2]]
    assert errors == pytest.approx(np.sqrt(expected))


def test_an_outcome_is_explained_by_its_own_benchmark_where_five_respondents_have_it() -> None:
    """Counts that are in proportion to their own benchmark have no error; of four respondents it is not used."""
    own = np.array([2.0, 4, 6, 8, 10, 6])
    benchmarks = np.column_stack([np.ones(6), own])

    def error(respondents: int) -> float:
        rows = [*range(respondents), 5]
        found = units_of([STATE], [0] * len(rows), [0] * len(rows), [1.2] * respondents + [0.0], benchmarks[rows])
        return float(errors_of(found, [[value] for value in own[:respondents]], [1])[0, 0])

    assert error(5) == pytest.approx(0, abs=1e-12)
    assert error(4) > 1


def test_full_response_has_no_error() -> None:
    benchmarks = np.array([[30.0, 3], [20, 1], [10, 2]])
    found = units_of([NATION], [0, 0, 1], [0] * 3, [1.0] * 3, benchmarks, state=[0, 1, 1])
    assert (errors_of(found, [[31, 2], [25, 0], [4, 7]], [0, 1]) == 0).all()


def test_every_outcome_needs_a_benchmark() -> None:
    found = units_of([STATE], [0, 0], [0, 0], [2.0, 0.0], np.ones((2, 1)))
    with pytest.raises(ValueError, match="2 outcomes, but explained_by has shape"):
        errors_of(found, [[1, 2]], [0])


def slow_errors(found: PlaceUnits, y: Floats, explained_by: list[int]) -> Floats:
    """The same by loops."""
    errors = np.zeros((found.members.domains, y.shape[1]))
    units = found.units
    for outcome, benchmark in enumerate(explained_by):
        rows = [i for i in range(len(units.psu)) if units.psu[i] >= 0]
        count = np.zeros(len(units.psu))
        count[rows] = [units.share[i] * y[units.psu[i], outcome] for i in rows]
        for domain in range(found.members.domains):
            inside = [int(i) for i, d in zip(found.members.unit, found.members.domain, strict=True) if d == domain]
            place = units.place[inside[0]] if inside else 0
            of_place = [i for i in range(len(units.psu)) if units.place[i] == place]
            known = [i for i in of_place if units.psu[i] >= 0 and found.benchmarks[i, benchmark] > 0]
            used = benchmark if len(known) >= 5 else 0
            errors[domain, outcome] = np.sqrt(slow_variance(found, count, used, of_place, inside))
    return errors


def slow_factors(found: PlaceUnits, own: Floats, of_place: list[int], inside: list[int]) -> dict[int, float]:
    """How often respondents of each group stand for nonrespondents of the domain."""
    units = found.units
    respondents = [i for i in of_place if units.psu[i] >= 0]
    all_known = sum(own[i] for i in respondents)
    factors, left = {}, 0.0
    for group in {int(units.group[i]) for i in of_place}:
        known = [own[i] for i in respondents if units.group[i] == group]
        missing = sum(own[i] for i in inside if units.group[i] == group and units.psu[i] < 0)
        prior = 10 * sum(x * x for x in known) / sum(known) if sum(known) > 0 else 0.0
        share = sum(known) / (sum(known) + prior) if sum(known) > 0 else 0.0
        factors[group] = missing * share / sum(known) if sum(known) > 0 else 0.0
        left += missing * (1 - share)
    stands_for_itself = {
        group
        for group in factors
        if all(units.psu[i] >= 0 and own[i] == 0 for i in of_place if units.group[i] == group)
    }
    of_all = left / all_known if all_known > 0 else 0.0
    return {group: 0.0 if group in stands_for_itself else k + of_all for group, k in factors.items()}


def slow_variance(found: PlaceUnits, count: Floats, benchmark: int, of_place: list[int], inside: list[int]) -> float:
    """The variance of a domain by a benchmark."""
    units = found.units
    own = found.benchmarks[:, benchmark]
    respondents = [i for i in of_place if units.psu[i] >= 0]
    has_benchmark = sum(own[i] for i in respondents) > 0
    x = np.maximum(found.benchmarks[:, 0], 1) ** 1.4
    of_whole, k = (slow_factors(found, own, of_place, part) for part in (of_place, inside))
    below = sum((1 + of_whole[int(units.group[i])]) * own[i] for i in respondents)
    above = sum((1 + of_whole[int(units.group[i])]) * count[i] for i in respondents)
    theta = above / below if below > 0 else 0.0
    squares: dict[int, list[float]] = {}
    for group in {int(units.group[i]) for i in of_place}:
        rows = [i for i in respondents if units.group[i] == group]
        length = sum(own[i] ** 2 for i in rows)
        slope = sum(own[i] * (count[i] - theta * own[i]) for i in rows) / length if length > 0 else 0.0
        squares[group] = []
        for i in rows:
            h = min(own[i] ** 2 / length, 0.9) if length > 0 else 0.0
            squares[group].append((count[i] - theta * own[i] - slope * own[i]) ** 2 / ((1 - h) * x[i]))
    everything = [square for of_group in squares.values() for square in of_group]
    pooled = sum(everything) / len(everything) if everything else 0.0
    variance, of_states = 0.0, dict.fromkeys(units.state.tolist(), 0.0)
    for i in of_place:
        times = k[int(units.group[i])]
        if units.psu[i] < 0:
            times = -1.0 if i in inside else 0.0
        elif not has_benchmark:
            times = units.weight[i] - 1 if i in inside else 0.0
        of_group = squares[int(units.group[i])]
        variance += (sum(of_group) + 10 * pooled) / (len(of_group) + 10) * times**2 * x[i]
        if units.place_level[units.place[i]] in {NATION, REGION}:
            of_states[int(units.state[i])] += times * theta * own[i]
    return float(variance + 0.05**2 * sum(d**2 for d in of_states.values()))


@st.composite
def populations(draw: st.DrawFn) -> tuple[PlaceUnits, Floats, list[int]]:
    """Up to three places with up to three groups each; domains are the places and a part of each."""
    levels = draw(st.lists(st.sampled_from([NATION, REGION, STATE]), min_size=1, max_size=3))
    sizes = [draw(st.lists(st.integers(1, 7), min_size=1, max_size=3)) for _ in levels]
    place = [p for p, groups in enumerate(sizes) for size in groups for _ in range(size)]
    group = np.repeat(np.arange(sum(map(len, sizes))), [size for groups in sizes for size in groups]).tolist()
    n = len(place)

    def numbers(strategy: st.SearchStrategy[float]) -> list[float]:
        return draw(st.lists(strategy, min_size=n, max_size=n))

    count = st.integers(0, 20).map(float)
    weight = numbers(st.sampled_from([0.0, 1.0, 1.5, 3.0]))
    # Somebody responds.
    weight[0] = weight[0] or 2.0
    is_in_part = numbers(st.sampled_from([0.0, 1.0]))
    members = [(i, place[i]) for i in range(n)]
    members += [(i, len(levels) + place[i]) for i in range(n) if is_in_part[i]]
    found = units_of(
        levels,
        group,
        place,
        weight,
        np.column_stack([numbers(count), numbers(count)]),
        [int(state) for state in numbers(st.sampled_from([0.0, 1.0, 2.0]))],
        np.column_stack([numbers(count), numbers(count)]),
        numbers(st.sampled_from([0.5, 1.0])),
        members,
    )
    respondents = sum(each > 0 for each in weight)
    y = np.array(draw(st.lists(st.tuples(count, count), min_size=respondents, max_size=respondents)))
    return found, y, draw(st.sampled_from([[0, 1], [1, 0], [1, 1]]))


@given(populations())
def test_errors_equal_their_slow_twin(population: tuple[PlaceUnits, Floats, list[int]]) -> None:
    found, y, explained_by = population
    errors = regression_errors(found, sparse.csc_array(y), np.array(explained_by))
    # Variances are compared: where residuals vanish, roots of rounding are larger than rounding.
    assert errors**2 == pytest.approx(slow_errors(found, y, explained_by) ** 2, rel=1e-8, abs=1e-8)
