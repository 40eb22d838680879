"""Residents of counties from the Census Bureau's files: a real state, a slow twin, a worked example, bad input."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.support.shared_data import SHARED_DATA

from nibrs_estimation.model.geography import COUNTY_POPULATION
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.sources import census_population as census
from nibrs_estimation.sources.external_files import import_county_population

CALIFORNIA = SHARED_DATA / "public" / "cc-est2019-alldata-06.csv.gz"
COUNTED = [
    f"{origin}{race}_{sex}"
    for sex in ("MALE", "FEMALE")
    for origin in ("NH", "H")
    for race in ("WA", "BA", "IA", "AA", "NA", "TOM")
]
BINS = {
    "U05": range(5), "A05_11": range(5, 12), "A12_14": range(12, 15), "A15": [15], "A16": [16], "A17": [17],
    "A18_24": range(18, 25), "A25_34": range(25, 35), "A35_64": range(35, 65), "A65": range(65, 90),
}  # fmt: skip


def groups_file(path: Path, people: dict[str, dict[tuple[int, str], int]], year: int = 5) -> Path:
    """A file of counties: of each the residents by age group and column; all others are 0."""
    rows: list[dict[str, object]] = []
    for county, cells in people.items():
        for group in range(19):
            numbers = dict.fromkeys(COUNTED, 0)
            for (own, name), number in cells.items():
                numbers[name] += number if group in (0, own) else 0
            place: dict[str, object] = {
                "SUMLEV": "050",
                "STATE": county[:2],
                "COUNTY": county[2:],
                "CTYNAME": "Any",
                "YEAR": year,
            }
            rows.append({**place, "AGEGRP": group, "TOT_POP": sum(numbers.values())} | numbers)
    pl.DataFrame(rows).write_csv(path)
    return path


def single_years_file(path: Path, people: dict[str, dict[tuple[int, str], int]], year: int = 5) -> Path:
    rows = [
        {"STATE": county[:2], "COUNTY": county[2:], "YEAR": year, "AGE": age, "TOT_POP": 0}
        | {f"TOT_{sex}": cells.get((age, sex), 0) for sex in ("MALE", "FEMALE")}
        for county, cells in people.items()
        for age in range(86)
    ]
    pl.DataFrame(rows).write_csv(path)
    return path


def residents(frame: pl.DataFrame) -> dict[tuple[str, ...], int]:
    key = ("county_fips", "sex_code", "age_bin_code", "race_code", "ethnicity_code")
    return {tuple(row[:-1]): row[-1] for row in frame.select(*key, "population").iter_rows() if row[-1]}


@pytest.mark.skipif(not CALIFORNIA.is_file(), reason=f"{CALIFORNIA} is absent: set NIBRS_SHARED_DATA")
@pytest.mark.parametrize(("year", "total"), [(2019, 39_512_223), (2010, 37_319_502)])
def test_california(year: int, total: int) -> None:
    frame = checked(import_county_population(CALIFORNIA, year).collect(), COUNTY_POPULATION)
    assert frame["population"].sum() == total
    assert frame.height == 58 * 2 * 10 * 5 * 2
    assert frame["data_year"].unique().to_list() == [year]
    found = pl.read_csv(CALIFORNIA, infer_schema=False, encoding="utf8-lossy")
    code = {2019: "12", 2010: "3"}[year]
    whole = found.filter(YEAR=code, AGEGRP="0").select(
        county_fips=pl.col("STATE") + pl.col("COUNTY"),
        total=pl.col("TOT_POP").cast(pl.Int32),
    )
    by_county = frame.group_by("county_fips").agg(total=pl.col("population").sum()).sort("county_fips")
    assert by_county.rows() == whole.sort("county_fips").rows()


@pytest.mark.skipif(not CALIFORNIA.is_file(), reason=f"{CALIFORNIA} is absent: set NIBRS_SHARED_DATA")
def test_share_of_several_races_in_california() -> None:
    assert round(100 * census.read_groups(CALIFORNIA, 2019).share_of_several, 1) == 4.0


def test_the_example_of_the_handbook(tmp_path: Path) -> None:
    groups = groups_file(tmp_path / "cc-est2023-alldata.csv", {"50001": {(3, "NHWA_FEMALE"): 100}})
    people = {"50001": {(10, "FEMALE"): 20, (11, "FEMALE"): 25, (12, "FEMALE"): 55, (10, "MALE"): 7}}
    single = single_years_file(tmp_path / "cc-est2023-syasex.csv", people)
    cut = residents(census.census_county_population(groups, single, 2023))
    key = ("50001", "F")
    assert cut == {(*key, "A05_11", "W", "N"): 45, (*key, "A12_14", "W", "N"): 55}
    fifths = residents(census.census_county_population(groups, None, 2023))
    assert fifths == {(*key, "A05_11", "W", "N"): 40, (*key, "A12_14", "W", "N"): 60}


def test_two_or_more_races_are_spread(tmp_path: Path) -> None:
    cells = {(6, "NHWA_MALE"): 30, (6, "NHBA_MALE"): 10, (6, "NHTOM_MALE"): 8, (7, "HTOM_MALE"): 3, (1, "HAA_MALE"): 5}
    groups = groups_file(tmp_path / "cc-est2023-alldata.csv", {"50001": cells})
    found = residents(census.census_county_population(groups, None, 2023))
    assert found == {
        ("50001", "M", "A25_34", "W", "N"): 36,
        ("50001", "M", "A25_34", "B", "N"): 12,
        # Nobody else of 30 to 34 years is Hispanic: the proportion is that of the county's Hispanics.
        ("50001", "M", "A25_34", "A", "H"): 3,
        ("50001", "M", "U05", "A", "H"): 5,
    }


def slow(people: dict[tuple[int, str], int], ages: dict[tuple[int, str], int]) -> dict[tuple[str, ...], Fraction]:
    """Exact residents of a county, one resident group at a time; nobody in a cell is alone of two or more races."""
    exact: dict[tuple[str, ...], Fraction] = {}
    for (group, name), number in people.items():
        letters, sex = name.split("_")
        origin, race = ("N", letters[2:]) if letters.startswith("NH") else ("H", letters[1:])
        if race == "TOM":
            continue
        prefix = letters.removesuffix(race)
        others = {one: people.get((group, f"{prefix}{one}_{sex}"), 0) for one in ("WA", "BA", "IA", "AA", "NA")}
        several = people.get((group, f"{prefix}TOM_{sex}"), 0)
        mine = Fraction(number) + Fraction(several * number, sum(others.values()) or 1)
        years = range(5 * group - 5, 5 * group)
        counted = {year: ages.get((year, sex), 0) for year in years}
        for year in years:
            share = Fraction(counted[year], sum(counted.values())) if sum(counted.values()) else Fraction(1, 5)
            age_bin = next(name for name, held in BINS.items() if year in held)
            key = (sex[0], age_bin, {"WA": "W", "BA": "B", "IA": "I", "AA": "A", "NA": "P"}[race], origin)
            exact[key] = exact.get(key, Fraction(0)) + mine * share
    return exact


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_numbers_are_those_of_the_slow_twin(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    number = st.integers(0, 40)
    cells = data.draw(
        st.dictionaries(st.tuples(st.integers(1, 18), st.sampled_from(COUNTED)), number, min_size=1, max_size=25)
    )
    # In every cell of several races somebody is white.
    cells |= {(group, name.replace("TOM", "WA")): 1 for group, name in cells if "TOM" in name}
    cells[1, "NHWA_MALE"] = 5
    ages = data.draw(
        st.dictionaries(st.tuples(st.integers(10, 19), st.sampled_from(["MALE", "FEMALE"])), number, max_size=20)
    )
    folder = tmp_path_factory.mktemp("census")
    groups = groups_file(folder / "cc-est2023-alldata.csv", {"50001": cells, "50003": {(9, "HBA_FEMALE"): 2}})
    single = single_years_file(folder / "cc-est2023-syasex.csv", {"50001": ages, "50003": {}})
    found = residents(census.census_county_population(groups, single, 2023).filter(county_fips="50001"))
    exact = {("50001", *key): value for key, value in slow(cells, ages).items()}
    assert sum(found.values()) == sum(cells.values())
    for key in exact.keys() | found.keys():
        assert abs(found.get(key, 0) - exact.get(key, Fraction(0))) < 1


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=8, max_size=8), st.integers(1, 50))
@example([0, 0, 0, 0, 0, 2, 15, 32], 10)  # two remainders of 0.4
def test_the_largest_remainders_are_rounded_up(weights: list[int], total: int) -> None:
    weights = [weights[0] + 1, *weights[1:]]
    exact = [Fraction(weight * total, sum(weights)) for weight in weights]
    floors = [int(value) for value in exact]
    order = sorted(range(8), key=lambda place: (-round(float(exact[place] - floors[place]), 6), place))
    up = set(order[: total - sum(floors)])
    expected = [floor + (place in up) for place, floor in enumerate(floors)]
    one_county = census.CensusCounties(
        pl.Series(["50001"]), np.array([[[[[total]]]]]), np.zeros((1, 1, 1, 1), np.int64)
    )
    found = census.rounded(np.array([[float(value) for value in exact]]), one_county)
    assert found.tolist() == [expected]


@pytest.mark.parametrize(
    ("name", "year", "code"),
    [
        ("cc-est2019-alldata-06.csv", 2010, 3), ("cc-est2019-alldata.csv", 2019, 12),
        ("CC-EST2020-ALLDATA.csv", 2020, 14),
        ("cc-est2020-alldata.csv", 2015, 8), ("cc-est2021-alldata.csv", 2020, 2), ("cc-est2024-alldata.csv", 2024, 6),
        ("cc-est2009-alldata.csv", 2000, 3), ("cc-est2009-alldata.csv", 2009, 12),
    ],
)  # fmt: skip
def test_codes_of_years(name: str, year: int, code: int) -> None:
    assert census.year_code(Path(name), year) == code


def change(column: str, row: int, value: object) -> Callable[[pl.DataFrame], pl.DataFrame]:
    def apply(frame: pl.DataFrame) -> pl.DataFrame:
        here = pl.int_range(pl.len()) == row
        return frame.with_columns(pl.when(here).then(pl.lit(str(value))).otherwise(column).alias(column))

    return apply


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (change("TOT_POP", 3, 99), "line 5 .county 50001., column TOT_POP: not the sum of races"),
        (change("TOT_POP", 0, 99), "line 2 .county 50001., column TOT_POP: not the sum of the county's age groups"),
        (change("NHWA_MALE", 2, "many"), "line 4.*column NHWA_MALE: 'many' is not a number"),
        (change("STATE", 0, "99"), "line 2 .county 99001., column STATE: not a state"),
        (change("AGEGRP", 4, "3"), "column AGEGRP: repeated in its county"),
        (change("AGEGRP", 4, "33"), "column AGEGRP: not 0 to 18"),
        (lambda frame: frame.head(18), "AGEGRP: one of a county's 19 rows"),
        (lambda frame: frame.drop("HBA_MALE"), "the column HBA_MALE is missing"),
        (lambda frame: frame.with_columns(YEAR=pl.lit("4")), "no row has the code 5, which stands for 2023"),
        (lambda frame: frame.with_columns(pl.col("TOT_POP", *COUNTED) * 0), "of a county without residents"),
    ],
)
def test_bad_groups_are_refused(tmp_path: Path, edit: Callable[[pl.DataFrame], pl.DataFrame], words: str) -> None:
    path = groups_file(tmp_path / "cc-est2023-alldata.csv", {"50001": {(3, "NHWA_MALE"): 10}})
    is_zero = words.startswith("of a county")
    frame = edit(pl.read_csv(path) if is_zero else pl.read_csv(path, infer_schema=False))
    frame.write_csv(path)
    with pytest.raises(PipelineError, match=words) as error:
        census.read_groups(path, 2023)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("name", "year", "words"),
    [
        ("people.csv", 2023, "its name does not tell the vintage"),
        ("cc-est2019-alldata.csv", 2023, "is of vintage 2019, which has 2010 to 2019, not 2023"),
        ("cc-est2023-alldata.csv", 2019, "which has 2020 to 2023, not 2019"),
    ],
)
def test_a_vintage_without_the_year_is_refused(name: str, year: int, words: str) -> None:
    with pytest.raises(PipelineError, match=words):
        census.year_code(Path(name), year)


def test_single_years_of_other_counties_are_refused(tmp_path: Path) -> None:
    groups = groups_file(tmp_path / "cc-est2023-alldata.csv", {"50001": {(3, "NHWA_MALE"): 10}})
    single = single_years_file(tmp_path / "cc-est2023-syasex.csv", {"50003": {}})
    with pytest.raises(PipelineError, match="does not have the county 50001"):
        census.census_county_population(groups, single, 2023)
    pl.read_csv(single, infer_schema=False).with_columns(COUNTY=pl.lit("001")).filter(pl.col("AGE") != "12").write_csv(
        single
    )
    with pytest.raises(PipelineError, match="each of the ages 10 to 14 once"):
        census.census_county_population(groups, single, 2023)


def test_other_files_are_not_the_census_bureaus(tmp_path: Path) -> None:
    table = tmp_path / "county_population.csv"
    table.write_text("county_fips,data_year\n")
    assert not census.is_census_file(table)
    assert not census.is_census_file(tmp_path / "people.parquet")
    assert not census.is_census_file(tmp_path / "absent.csv")
