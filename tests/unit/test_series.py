"""Demographic series against the reference's description (handbook 08 and 11)."""

from __future__ import annotations

import pytest

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.tables.series import demographic_series, series_part, series_parts

SERIES = {series.number: series for series in demographic_series()}


def numbers(text: str) -> set[int]:
    found: set[int] = set()
    for part in text.split():
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found


CLASSES = {
    "AGE": "1-9 17 18 19 21-25 27 136 139",
    "SEX": "10 11",
    "RACE": "12-16 20 26 142 145-153 258",
    "SEX_RACE": "28-41 143 144 154-169 259 260",
    "SEX_AGE": "84-105 137 138 140 141",
    "SEX_RACE_AGE": "42-83 106-135 170-257",
}


@pytest.mark.parametrize("name", CLASSES)
def test_classes(name: str) -> None:
    assert {n for n, series in SERIES.items() if series.series_class == name} == numbers(CLASSES[name])


def test_there_are_260_and_164_remain() -> None:
    assert sorted(SERIES) == list(range(1, 261))
    remaining = {n for n, series in SERIES.items() if not series.is_retired}
    assert remaining == numbers("1-11 17-19 21-25 27 84-105 136-141 145-260")
    assert len(remaining) == 164


DIMENSIONS = {
    "AGE": "1-9 17-19 21-25 27 136 139 84-105 137 138 140 141 42-83 106-135 170-257",
    "SEX": "10 11 28-41 143 144 154-169 259 260 84-105 137 138 140 141 42-83 106-135 170-257",
    "RACE": "12-16 20 26 142 145-153 258 28-41 143 144 154-169 259 260 42-83 106-135 170-257",
}


@pytest.mark.parametrize("name", DIMENSIONS)
def test_what_series_divide_by(name: str) -> None:
    assert {n for n, series in SERIES.items() if name in series.dimensions} == numbers(DIMENSIONS[name])


def test_geographies() -> None:
    everywhere = numbers("1-11 17 18 19 21-25 27 136 139 258 145-153")
    regions = numbers("137 138 140 141 154-169")
    for n, series in SERIES.items():
        assert series.geographies == ("all" if n in everywhere else "region" if n in regions else "national")
        assert series.blank_geographies == ((107, 108) if "AGE" in series.dimensions else (108,))


def test_parts() -> None:
    """Every series that is estimated is in one part, of series of its geographies."""
    parts = series_parts()
    assert list(parts) == ["all1", "all2", "all3", "all4", "region", "national"]
    assert sorted(series.number for several in parts.values() for series in several) == sorted(
        n for n, series in SERIES.items() if not series.is_retired
    )
    for part, several in parts.items():
        assert {series.geographies for series in several} == {part.rstrip("1234")}
        assert all(series_part(series) == part for series in several)
        assert len(several) <= 8 or not part.startswith("all")


@pytest.mark.parametrize(
    ("number", "label", "sex", "bins", "races", "ethnicity"),
    [
        (2, "Age: 5-14", "", "A05_11 A12_14", "", ""),
        (10, "Sex: Male", "M", "", "", ""),
        (19, "Age: Under 15", "", "U05 A05_11 A12_14", "", ""),
        (
            20,
            "Race: American Indian or Alaska Native, Asian, and Native Hawaiian or Other Pacific Islander",
            "", "", "IAP", "",
        ),
        (28, "Sex and Race: Male and White", "M", "", "W", ""),
        (42, "Sex and Race and Age: Male and White Under 12", "M", "U05 A05_11", "W", ""),
        (83, "Sex and Race and Age: Female and Asian or Native Hawaiian or Other Pacific Islander 18+", "F",
         "A18_24 A25_34 A35_64 A65", "AP", ""),
        (84, "Sex and Age: Male and 18-24", "M", "A18_24", "", ""),
        (105, "Sex and Age: Female and 12+", "F", "A12_14 A15 A16 A17 A18_24 A25_34 A35_64 A65", "", ""),
        (106, "Sex and Race and Age: Male and White and 18-24", "M", "A18_24", "W", ""),
        (135, None, "F", "U05 A05_11 A12_14 A15 A16 A17", "IAP", ""),
        (147, "Race: Non-Hispanic White", "", "", "W", "N"),
        (161, None, "M", "", "AP", "N"),
        (162, None, "F", "", "", "H"),
        (178, None, "F", "U05 A05_11", "", "H"),
        (187, None, "M", "A12_14 A15 A16 A17", "W", "N"),
        (217, None, "F", "A18_24 A25_34 A35_64 A65", "AP", "N"),
        (237, None, "M", "U05 A05_11 A12_14 A15 A16 A17", "IAP", "N"),
        (238, None, "F", "A18_24", "", "H"),
        (243, None, "F", "A18_24", "W", "N"),
        (259, None, "M", "", "IP", "N"),
    ],
)  # fmt: skip
def test_definitions(number: int, label: str | None, sex: str, bins: str, races: str, ethnicity: str) -> None:
    series = SERIES[number]
    assert label in (None, series.label)
    assert (series.sex_code, series.age_bins) == (sex, tuple(bins.split()))
    assert (series.race_codes, series.ethnicity_code) == (tuple(races), ethnicity)


def _group(number: int) -> tuple[object, ...]:
    series = SERIES[number]
    return series.sex_code, series.age_bins, series.race_codes, series.ethnicity_code


def test_series_that_are_defined_twice() -> None:
    by_group: dict[tuple[object, ...], list[int]] = {}
    for number in SERIES:
        by_group.setdefault(_group(number), []).append(number)
    assert [numbers for numbers in by_group.values() if len(numbers) > 1] == [[23, 139], [92, 140], [103, 141]]


def test_ages_partition() -> None:
    """1 to 9 and the unknown ages are everybody; 22 = 23 + 24; 21 + 22 = 18; 17 + 18 are all known ages."""
    bins = {number: set(series.age_bins) for number, series in SERIES.items()}
    known = set(code_list("age_bin")["code"]) - {"UNK"}
    assert set().union(*(bins[n] for n in range(1, 10))) == known
    assert sum(len(bins[n]) for n in range(1, 10)) == len(known)
    assert bins[22] == bins[23] | bins[24]
    assert bins[18] == bins[21] | bins[22]
    assert bins[17] | bins[18] == known


def test_codes_exist() -> None:
    for series in SERIES.values():
        assert set(series.age_bins) <= set(code_list("age_bin")["code"])
        assert {series.sex_code} <= {"", *code_list("sex")["code"]}
        assert set(series.race_codes) <= set(code_list("race")["code"])
        assert {series.ethnicity_code} <= {"", *code_list("ethnicity")["code"]}
