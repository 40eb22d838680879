"""Categories of persons, computed slowly."""

from __future__ import annotations

from collections.abc import Callable

#: What counts as which race; all others, and a missing code, are unknown.
RACE_OF = {
    "W": "White",
    "B": "Black",
    "I": "AIAN",
    "A": "Asian",
    "AP": "Asian",
    "C": "Asian",
    "J": "Asian",
    "P": "NHOPI",
}


def age10(age: int | None) -> int:
    if age is None:
        return 10
    if age in (15, 16, 17):
        return age - 12
    return next(n for n, end in ((1, 5), (2, 15), (6, 25), (7, 35), (8, 65), (9, 100)) if age < end)


def age8(age: int | None) -> int:
    if age is None:
        return 8
    return next(n for n, end in ((1, 5), (2, 15), (3, 18), (4, 25), (5, 35), (6, 65), (7, 100)) if age < end)


def between(age: int | None, *ranges: range) -> list[int]:
    return [n for n, ages in enumerate(ranges, start=1) if age in ages]


def age2(age: int | None) -> list[int]:
    return [6] if age is None else between(age, range(12), range(12, 18), range(12, 15), range(15, 18), range(18, 100))


def race6(race: str | None) -> int:
    return ["White", "Black", "AIAN", "Asian", "NHOPI", "unknown"].index(RACE_OF.get(race or "", "unknown")) + 1


def rh7(race: str | None, ethnicity: str | None) -> int:
    if ethnicity == "H":
        return 1
    return race6(race) + 1 if ethnicity == "N" and race6(race) < 6 else 7


def er12(race: str | None, ethnicity: str | None) -> int:
    race4 = {1: 1, 2: 2, 3: 3, 4: 3, 5: 3, 6: 4}[race6(race)]
    return 4 * ({"H": 1, "N": 2}.get(ethnicity or "", 3) - 1) + race4


#: Variable -> categories of a person by age, sex, race and ethnicity.
TWINS: dict[str, Callable[..., list[int]]] = {
    "age10": lambda age, *_: [age10(age)],
    "age8": lambda age, *_: [age8(age)],
    "age2": lambda age, *_: age2(age),
    "uo18": lambda age, *_: [3] if age is None else between(age, range(18), range(18, 100)),
    "under18_2": lambda age, *_: between(age, range(12), range(12, 18)),
    "a12_17_2": lambda age, *_: between(age, range(12, 15), range(15, 18)),
    "sex3": lambda _age, sex, *_: [{"M": 1, "F": 2}.get(sex, 3)],
    "race6": lambda _age, _sex, race, _ethnicity: [race6(race)],
    "ethnicity3": lambda _age, _sex, _race, ethnicity: [{"H": 1, "N": 2}.get(ethnicity, 3)],
    "rh7": lambda _age, _sex, race, ethnicity: [rh7(race, ethnicity)],
    "er12": lambda _age, _sex, race, ethnicity: [er12(race, ethnicity)],
}
WITHIN = {
    "U5": range(5), "A5_14": range(5, 15), "A15": range(15, 16), "A16": range(16, 17), "A17": range(17, 18),
    "A18_24": range(18, 25), "A25_34": range(25, 35), "A35_64": range(35, 65), "A65": range(65, 100),
    "A18": range(18, 100), "U18": range(18), "U15": range(15), "U12": range(12), "A12_17": range(12, 18),
    "A12_14": range(12, 15), "A15_17": range(15, 18), "A12": range(12, 100), "A18_64": range(18, 65),
    "A5_11": range(5, 12),
}  # fmt: skip
R7 = ["White", "Black", "AIAN", "Asian", "NHOPI", "AIAN Asian NHOPI", "Asian NHOPI"]
H8 = [(None, "H"), *((race, "N") for race in R7)]
G5 = ["A18_24", "A25_34", "A35_64", "A65", "U18"]
Group = tuple[str | None, str | None, str | None, str | None]


def groups() -> dict[int, Group]:
    """Age, sex, race and ethnicity of the groups."""
    found: dict[int, Group] = {}

    def add(first: int, *some: Group) -> None:
        found.update(enumerate(some, start=first))

    ages = ["U5", "A5_14", "A15", "A16", "A17", "A18_24", "A25_34", "A35_64", "A65"]
    add(1, *((age, None, None, None) for age in ages))
    add(10, *((None, sex, None, None) for sex in "MF"))
    add(12, *((None, None, race, None) for race in R7[:5]))
    add(17, *((age, None, None, None) for age in ("A18", "U18", "U15")))
    add(20, (None, None, R7[5], None))
    add(21, *((age, None, None, None) for age in ("U12", "A12_17", "A12_14", "A15_17", "A12")))
    add(26, (None, None, R7[6], None))
    add(27, ("A18_64", None, None, None))
    add(28, *((None, sex, race, None) for sex in "MF" for race in R7))
    add(42, *((age, sex, race, None) for age in ("U12", "A12_17", "A18") for sex in "MF" for race in R7))
    ages = ["A18_24", "A25_34", "A35_64", "A65", "A18", "U18", "U12", "A12_17", "A12_14", "A15_17", "A12"]
    add(84, *((age, sex, None, None) for sex in "MF" for age in ages))
    add(106, *((age, sex, race, None) for sex in "MF" for race in (R7[0], R7[1], R7[5]) for age in G5))
    add(136, *(("A5_11", sex, None, None) for sex in (None, "M", "F")))
    add(139, *(("A12_14", sex, None, None) for sex in (None, "M", "F")))
    add(142, *((None, sex, "AIAN NHOPI", None) for sex in (None, "M", "F")))
    add(145, (None, None, None, "H"), (None, None, None, "N"))
    add(147, *((None, None, race, "N") for race in R7))
    add(154, *((None, sex, *of) for sex in "MF" for of in H8))
    add(170, *((age, sex, *of) for age in ("U12", "A12_17", "A18") for sex in "MF" for of in H8))
    add(218, *((age, sex, *of) for sex in "MF" for of in (H8[0], H8[1], H8[2], H8[6]) for age in G5))
    add(258, *((None, sex, "AIAN NHOPI", "N") for sex in (None, "M", "F")))
    return found
