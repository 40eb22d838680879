"""A source made of a folder of public downloads: which files compose it, the benchmark and its slow twin, residents."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.cde_zip import build_zip
from tests.support.master_file import header, incident, write_file
from tests.support.return_a_file import NOT_REPORTED, month, record
from tests.support.shared_data import SHARED_DATA
from typer.testing import CliRunner

from nibrs_estimation.cli.main import app
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.return_a import ITEMS_OF_CRIME
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.sources.cde import CdeSource
from nibrs_estimation.sources.census_population import RACES, census_county_population
from nibrs_estimation.sources.master import MasterSource
from nibrs_estimation.sources.public import PublicFolder
from nibrs_estimation.sources.public.benchmark import ReturnABenchmark, benchmark
from nibrs_estimation.sources.registry import of_year, open_source
from nibrs_estimation.sources.return_a.reading import read_return_a

ORI = "NB0010100"
STATE_FIPS = code_list("state")["state_fips"].to_list()
RETURN_A_2013 = SHARED_DATA / "public" / "RETURNA2013.zip"


def master(path: Path, year: str = "2022") -> Path:
    return write_file(path, [header(ori=ORI, year=year), *incident(date=f"{year}0105", ori=ORI)])


def summaries(path: Path, *records: str) -> Path:
    path.write_text("".join(f"{each}\r\n" for each in records), encoding="latin-1", newline="")
    return path


def return_a(path: Path, year: str, months: Sequence[str], ori7: str = ORI[:7], **about: Any) -> Path:
    return summaries(path, record(months, ori7=ori7, state="26", year=year, **about))


def people(path: Path, states: Sequence[str] = ("31",), residents: int = 10) -> Path:
    """Counties with the same number of people in each group, in the year 2022 of vintage 2022; fewer before."""
    columns = [
        f"{origin}{race}_{sex}"
        for sex in ("MALE", "FEMALE")
        for origin in ("NH", "H")
        for race in (*RACES.values(), "TOM")
    ]
    rows = [",".join(["SUMLEV,STATE,COUNTY,CTYNAME,YEAR,AGEGRP,TOT_POP", *columns])]
    for state in states:
        for code in (1, 2, 3, 4):
            for group in range(19):
                number = (residents + code - 4) * (18 if group == 0 else 1)
                cells = [number] * len(columns)
                rows.append(",".join(map(str, ["050", state, "001", "Any", code, group, sum(cells), *cells])))
    path.write_text("\n".join(rows), encoding="latin-1")
    return path


def benchmark_of(files: Sequence[Path], oris: Sequence[str] = (ORI,)) -> dict[str, tuple[float, float]]:
    """Crime -> offenses as reported and of a year, of the first agency."""
    agencies = pl.DataFrame({"ori": oris, "legacy_ori": [None] * len(oris)}, schema_overrides={"legacy_ori": pl.String})
    rows = benchmark([read_return_a(path) for path in files], agencies)
    assert rows["period"].unique().to_list() in ([], ["smoothed"])
    own = rows.filter(pl.col("ori") == oris[0])
    return {
        crime: (n, year) for crime, n, year in own.select("crime_type", "n_reported", "n_twelve_months").iter_rows()
    }


def test_a_year_is_brought_to_twelve_months_and_years_are_averaged(tmp_path: Path) -> None:
    """Worked example of docs/user-guide/nation-from-public-data.md."""
    larcenies = month({1: {20: 3, 10: 4, 15: 1}})
    old = return_a(tmp_path / "21", "21", [larcenies] * 12)
    new = return_a(tmp_path / "22", "22", [larcenies] * 6 + [NOT_REPORTED] * 6)
    found = benchmark_of([old, new])
    assert found["larceny"] == ((36 + 18) / 2, 36)
    assert found["aggravated_assault"] == (27, 36)
    assert found["simple_assault"] == (9, 12)
    assert found["total"] == (54, 72)


def test_two_months_are_too_few_and_covered_agencies_have_none(tmp_path: Path) -> None:
    few = return_a(tmp_path / "22", "22", [month({1: {20: 3}})] * 2 + [NOT_REPORTED] * 10)
    assert benchmark_of([few]) == {}
    covered = return_a(tmp_path / "21", "21", [month({1: {20: 3}})] * 12, covered_by="NB00102")
    assert benchmark_of([covered]) == {}
    enough = return_a(tmp_path / "20", "20", [month({1: {20: 3}})] * 3 + [NOT_REPORTED] * 9)
    assert benchmark_of([few, covered, enough])["larceny"] == (9, 36)


def test_corrections_below_zero_and_agencies_that_share_an_ori(tmp_path: Path) -> None:
    path = return_a(tmp_path / "22", "22", [month({1: {20: -3, 21: 1}})] * 12)
    found = benchmark_of([path])
    assert (found["larceny"], found["vehicle_theft"], found["property"]) == ((0, 0), (12, 12), (12, 12))
    assert benchmark_of([path], (ORI, "NB00101A1")) == {}
    assert benchmark_of([path], ("NB00101A1",))["vehicle_theft"] == (12, 12)


_months = st.lists(
    st.one_of(st.none(), st.dictionaries(st.sampled_from([0, 1, 2, 5, 10, 15, 16, 20, 21]), st.integers(-9, 99))),
    min_size=12,
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(years=st.lists(_months, min_size=1, max_size=3))
def test_the_benchmark_agrees_with_a_slow_twin(
    years: list[list[dict[int, int] | None]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("twin")
    files = [
        return_a(
            folder / str(number),
            str(20 + number),
            [NOT_REPORTED if each is None else month({1: each}) for each in months],
        )
        for number, months in enumerate(years)
    ]
    found = benchmark_of(files)
    expected: dict[str, list[tuple[float, float]]] = {}
    for months in years:
        known = [each for each in months if each is not None]
        if len(known) < 3:
            continue
        for crime, items in ITEMS_OF_CRIME.items():
            n = sum(sign * each.get(item, 0) for each in known for item, sign in items.items())
            expected.setdefault(crime, []).append((n, n * 12 / len(known)))
    assert set(found) >= set(expected)
    for crime, values in expected.items():
        means = np.maximum(np.mean(values, axis=0), 0)
        np.testing.assert_allclose(found[crime], np.round(means, 3), atol=1e-9)
    assert bool(found) == bool(expected)


def test_a_folder_is_composed_of_what_it_holds(tmp_path: Path) -> None:
    folder = tmp_path / "downloads"
    folder.mkdir()
    master(folder / "a")
    master(folder / "b", "2021")
    alone = PublicFolder(folder).of_year(2022)
    assert isinstance(alone.incidents, MasterSource)
    assert alone.incidents.paths == (folder / "a", folder / "b")
    assert (alone.benchmark, alone.residents) == (None, None)
    assert "no benchmark from Return A" in alone.probe(2022, 1).summary
    return_a(folder / "c", "22", [month()] * 12)
    return_a(folder / "d", "19", [month()] * 12)
    return_a(folder / "e", "17", [month()] * 12)
    whole = PublicFolder(folder).of_year(2022)
    assert whole.benchmark
    assert whole.benchmark.paths == (folder / "c", folder / "d")
    names = ["ingest_master", "write_intake_manifest", "import_return_a_benchmark", "show_public_files"]
    assert [task.name for task in whole.tasks()] == names
    assert whole.probe(2022, 1).fingerprint != alone.probe(2022, 1).fingerprint
    assert whole.spec == "public:downloads"
    assert PublicFolder(folder).newest_year() == 2022
    assert pickle.loads(pickle.dumps(whole)) == whole
    assert whole.without({"srs_benchmark"}).benchmark is None
    written = {output.name for output in whole.tasks()[0].writes}
    assert {"agency_county", "geography", "srs_month", "source_conflict"} <= written
    without = whole.without({"agency_county", "geography"}).tasks()[0].writes
    assert written - {output.name for output in without} == {"agency_county", "geography"}


def test_a_state_is_composed_of_its_zips(tmp_path: Path) -> None:
    build_zip(tmp_path / "now", year=2024)
    build_zip(tmp_path / "before", year=2023)
    build_zip(tmp_path / "other", year=2023, state="NH")
    people_of_state = people(tmp_path / "people.csv", ["33"])
    source = PublicFolder(tmp_path).of_year(2024)
    assert isinstance(source.incidents, CdeSource)
    assert {path.name for path in source.incidents.paths} == {"now", "before"}
    assert source.residents is None, f"{people_of_state} has no residents of Vermont"
    assert source.probe(2024, 1).partitions == {"state_abbr": ("VT",)}


def test_residents_are_read_by_the_vintage_of_the_content(tmp_path: Path) -> None:
    folder = tmp_path / "downloads"
    folder.mkdir()
    build_zip(folder / "incidents", year=2022)
    plain = people(tmp_path / "cc-est2022-alldata.csv", ["50"])
    with zipfile.ZipFile(folder / "zip", "w") as archive:
        archive.write(plain, "any.csv")
    source = PublicFolder(folder).of_year(2022)
    assert source.residents
    read = source.residents.import_residents(2022)
    found = read["county_population"]
    assert found.equals(census_county_population(plain, None, 2022))
    assert found["population"].sum() == 18 * 24 * 10
    # 4 of 24 columns of each age group are of two or more races.
    assert read["spread_residents"].rows() == [(2022, "50001", 18 * 24 * 10, 18 * 4 * 10)]
    people(tmp_path / "changed.csv", ["50"], residents=11)
    with zipfile.ZipFile(folder / "zip", "w") as archive:
        archive.write(tmp_path / "changed.csv", "any.csv")
    with pytest.raises(PipelineError, match="changed since the run was planned"):
        source.residents.import_residents(2022)


def test_residents_of_some_states_are_left_out(tmp_path: Path) -> None:
    """Rates of the nation would be too high."""
    master(tmp_path / "a")
    people(tmp_path / "b")
    assert PublicFolder(tmp_path).of_year(2022).residents is None


def test_a_changed_return_a_file_is_refused(tmp_path: Path) -> None:
    path = return_a(tmp_path / "22", "22", [month()] * 12)
    planned = ReturnABenchmark.of([path])
    return_a(path, "22", [month({1: {20: 1}})] * 12)
    agency = pl.LazyFrame({"ori": [ORI], "legacy_ori": [ORI], "data_year": [2022]})
    with pytest.raises(PipelineError, match="changed while the run was reading it"):
        planned.import_return_a_benchmark(agency, 2022)


def test_folders_that_cannot_be_used_are_refused_before_work_starts(tmp_path: Path) -> None:
    return_a(tmp_path / "summary", "22", [month()] * 12)
    with pytest.raises(PipelineError, match="neither a NIBRS master file nor a zip of a state"):
        PublicFolder(tmp_path).newest_year()
    with pytest.raises(
        PipelineError, match=r"nor a zip of a state for 2022.*nibrs run srs us --source return-a:.*summary"
    ):
        PublicFolder(tmp_path).of_year(2022)
    master(tmp_path / "a")
    (tmp_path / "empty").touch()
    with pytest.raises(PipelineError, match=r"has files at fault \(1\).*empty.*nibrs ingest public"):
        of_year(open_source(f"public:{tmp_path}", None), 2022)
    with pytest.raises(UsageError, match="takes one folder"):
        open_source("public:", None)
    with pytest.raises(UsageError, match="does not exist"):
        of_year(open_source("public:nowhere", None), 2022)


def test_the_command_writes_the_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "downloads"
    folder.mkdir()
    master(folder / "a")
    return_a(folder / "b", "22", [month({1: {20: 2}})] * 12)
    people(folder / "c", STATE_FIPS)
    done = CliRunner().invoke(app, ["ingest", "public", "downloads", "--year", "2022", "--out", "out"])
    assert done.exit_code == 0, done.output
    assert pl.read_parquet("out/incident/*.parquet").height == 1
    larceny = pl.read_parquet("out/srs_benchmark.parquet").filter(pl.col("crime_type") == "larceny")
    assert larceny.select("ori", "n_twelve_months").rows() == [(ORI, 24.0)]
    residents = pl.read_parquet("out/county_population.parquet")["population"].sum()
    assert residents == 18 * 24 * 10 * len(STATE_FIPS)


@pytest.mark.skipif(not RETURN_A_2013.is_file(), reason=f"no {RETURN_A_2013.name} under NIBRS_SHARED_DATA")
def test_the_real_file_of_2013_gives_the_counts_of_agencies_with_three_months() -> None:
    """Murders and larcenies of the 16,387 agencies with at least three months, brought to twelve."""
    found = read_return_a(RETURN_A_2013)
    eligible = found.agencies.filter("is_eligible")
    agencies = eligible.select(ori=pl.col("ori7") + "00", legacy_ori=pl.lit(None, pl.String))
    rows = benchmark([found], agencies)
    assert rows["ori"].n_unique() == 16_387
    totals = dict(rows.group_by("crime_type").agg(pl.col("n_twelve_months").sum()).iter_rows())
    expected = {
        "murder": 14_170, "robbery": 342_575, "aggravated_assault": 716_380, "burglary": 1_895_708,
        "larceny": 5_915_982, "vehicle_theft": 693_509,
    }  # fmt: skip
    for crime, number in expected.items():
        assert totals[crime] == pytest.approx(number, abs=25), crime
