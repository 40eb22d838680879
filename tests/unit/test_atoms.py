"""Atoms of persons, of variables and of series against slow twins (handbook 08 and 10, item 7)."""

from __future__ import annotations

from collections.abc import Collection
from itertools import product

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from tests.support.person_categories import RACE_OF, TWINS, WITHIN, groups

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.tables.atoms import NUMBER, Bools, atom, atoms_of_series, atoms_of_variable
from nibrs_estimation.tables.series import demographic_series
from nibrs_estimation.tables.variables import derived_variables

AGES = [None, *range(100)]
SEXES, RACES, ETHNICITIES = ([None, *code_list(name)["code"]] for name in ("sex", "race", "ethnicity"))
Person = tuple[int | None, str | None, str | None, str | None]
PERSONS: list[Person] = list(product(AGES, SEXES, RACES, ETHNICITIES))


@pytest.fixture(scope="module")
def atom_of() -> np.ndarray:
    """The atom of each of PERSONS."""
    names = ("age_years", "sex_code", "race_code", "ethnicity_code")
    schema = dict(zip(names, (pl.Int16, pl.String, pl.String, pl.String), strict=True))
    return pl.DataFrame(PERSONS, schema=schema, orient="row").select(atom()).to_series().to_numpy()


# Persons.


def bin_of(age: int | None) -> int:
    if age is None:
        return 10
    return sum(age >= low for low in (5, 12, 15, 16, 17, 18, 25, 35, 65))


def test_atoms_of_persons(atom_of: np.ndarray) -> None:
    sexes = {"M": 0, "F": 1}
    races = ["White", "Black", "AIAN", "Asian", "NHOPI", "unknown"]
    ethnicities = {"H": 0, "N": 1}
    for (age, sex, race, ethnicity), found in zip(PERSONS, atom_of.tolist(), strict=True):
        place = races.index(RACE_OF.get(race or "", "unknown"))
        expected = ((bin_of(age) * 3 + sexes.get(sex or "", 2)) * 6 + place) * 3 + ethnicities.get(ethnicity or "", 2)
        assert found == expected, (age, sex, race, ethnicity)
    assert set(atom_of) == set(range(NUMBER))
    assert NUMBER == 594


# Variables.


@pytest.mark.parametrize("variable", [name for name, v in derived_variables().items() if v.kind == "person"])
def test_atoms_of_variables(variable: str, atom_of: np.ndarray) -> None:
    masks = atoms_of_variable(variable)
    number = len(derived_variables()[variable].categories)
    assert masks.shape == (NUMBER, number)
    expected = np.zeros((len(PERSONS), number), dtype=bool)
    for place, person in enumerate(PERSONS):
        for category in TWINS[variable](*person):
            expected[place, category - 1] = True
    assert (masks[atom_of] == expected).all()


# Series: code list demographic_series, in words. A part that is None holds for everybody.


def test_atoms_of_series(atom_of: np.ndarray) -> None:
    told = groups()
    assert sorted(told) == list(range(1, 261))
    shape = (len(AGES), len(SEXES), len(RACES), len(ETHNICITIES))
    for series in demographic_series():
        age, sex, race, ethnicity = told[series.number]

        def holds(wanted: Collection[object] | None, values: Collection[object]) -> np.ndarray:
            return np.array([wanted is None or value in wanted for value in values])

        expected = np.ones(shape, dtype=bool)
        for axis, part in enumerate(
            (
                holds(age and WITHIN[age], AGES),
                holds(sex and [sex], SEXES),
                holds(race and race.split(), [RACE_OF.get(code or "", "unknown") for code in RACES]),
                holds(ethnicity and [ethnicity], ETHNICITIES),
            )
        ):
            expected &= part.reshape([-1 if axis == other else 1 for other in range(4)])
        assert (atoms_of_series(series)[atom_of] == expected.ravel()).all(), series.number


@pytest.fixture(scope="module")
def held() -> dict[int, Bools]:
    return {series.number: atoms_of_series(series) for series in demographic_series()}


UNKNOWN = {
    "age": atoms_of_variable("age10")[:, 9],
    "sex": atoms_of_variable("sex3")[:, 2],
    "race": atoms_of_variable("race6")[:, 5],
    "ethnicity": atoms_of_variable("ethnicity3")[:, 2],
}


@pytest.mark.parametrize(
    ("parts", "unknown"),
    [
        ((10, 11), "sex"), (range(1, 10), "age"), ((17, 18), "age"), ((145, 146), "ethnicity"),
        (range(12, 17), "race"), ((21, 25), "age"), ((18, 27, 9), "age"),
    ],
)  # fmt: skip
def test_groups_and_unknown_are_everybody(parts: Collection[int], unknown: str, held: dict[int, Bools]) -> None:
    times = times_held(held, parts) + UNKNOWN[unknown]
    assert (times == 1).all()


def times_held(held: dict[int, Bools], parts: Collection[int]) -> NDArray[np.int64]:
    """How many of the groups hold each atom."""
    times: NDArray[np.int64] = np.sum([held[number] for number in parts], axis=0, dtype=np.int64)
    return times


@pytest.mark.parametrize(
    ("whole", "parts"),
    [
        (22, (23, 24)), (18, (21, 22)), (139, (23,)), (140, (92,)), (141, (103,)), (19, (1, 136, 23)),
        (20, (14, 15, 16)), (26, (15, 16)), (21, (1, 136)), (17, (27, 9)), (142, (14, 16)), (258, (149, 151)),
    ],
)  # fmt: skip
def test_groups_are_sums_of_groups(whole: int, parts: Collection[int], held: dict[int, Bools]) -> None:
    assert np.array_equal(times_held(held, parts), held[whole].astype(int))
