"""Zips of every two layouts in one run: as data year and history, in either order, and of two states."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import polars as pl
import pytest

from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.cde import CdeSource
from nibrs_estimation.sources.synthetic import SyntheticSource
from nibrs_estimation.sources.synthetic.render_cde import render_cde

SCALE, SEED = 0.02, 5
STATES = ("NB", "KS")
#: Layout -> two data years of it; there is one of the first issue alone.
YEARS = {"first": (2016,), "old": (2019, 2018), "new": (2022, 2021)}


def as_first_issue(path: Path, target: Path) -> None:
    """The agencies of a zip of the layout of 2016 to 2020 as the first issue of 2016 listed them: in two members."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            if not name.endswith("agencies.csv"):
                new.writestr(name, old.read(name))
                continue
            rows = [
                {key.lower(): value for key, value in row.items()}
                for row in csv.DictReader(io.StringIO(old.read(name).decode()))
            ]
            folder = name.removesuffix("agencies.csv")
            listed = [
                {
                    **row,
                    "agency_ori": row["ori"],
                    "year": row["data_year"],
                    "agency_name": row["ucr_agency_name"],
                    "agency_population": row["population"],
                    "population_group": row["population_group_desc"],
                    "months_reported": "12",
                    "nibrs_months_reported": "12",
                    "covered": row["covered_flag"],
                    "participated": "Y",
                    "nibrs_participated": "Y",
                }
                for row in rows
            ]
            reporters = [
                {
                    **row,
                    "primary_county": row["county_name"],
                    "covered_by_ori": "",
                    "submitting_sai": row["sai"],
                    "submitting_name": row["submitting_agency_name"],
                    "current_nibrs_start_year": "2010",
                    "total_officers": row["male_officer"],
                }
                for row in rows
            ]
            for member, made in (("agency_participation", listed), ("cde_agencies", reporters)):
                text = io.StringIO()
                writer = csv.DictWriter(text, list(made[0]), lineterminator="\n")
                writer.writeheader()
                writer.writerows(made)
                new.writestr(f"{folder}{member}.csv", text.getvalue())


@pytest.fixture(scope="module")
def zips(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str, int], Path]:
    """A zip for each state, layout and year."""
    folder, source = tmp_path_factory.mktemp("layouts"), SyntheticSource(SCALE)
    found = {}
    for year in (2016, 2018, 2019, 2021, 2022):
        agencies = source.ingest_agencies(year, SEED)
        for state in STATES:
            frames = {**agencies, **source.ingest_incidents(year, SEED, state)}
            path = folder / f"{state}-{year}.zip"
            render_cde({name: one.lazy() for name, one in frames.items()}, state, year, 1 if year <= 2020 else 2, path)
            found[state, "new" if year > 2020 else "old", year] = path
            if year == 2016:
                found[state, "first", year] = folder / f"first-{state}-{year}.zip"
                as_first_issue(path, found[state, "first", year])
    return found


Zips = dict[tuple[str, str, int], Path]


def read(year: int, *paths: Path) -> dict[str, pl.DataFrame]:
    source = CdeSource(paths)
    assert source.probe(year, 0).is_synthetic
    frames = source.ingest_agencies(year)
    parts = [source.ingest_incidents(year, state) for state in source.probe(year, 0).partitions["state_abbr"]]
    return frames | {name: pl.concat([part[name] for part in parts]) for name in parts[0]}


def test_the_layouts_are_three(zips: Zips) -> None:
    for (_state, layout, year), path in zips.items():
        found = CdeSource((path,)).ingest_agencies(year)["intake_file"]["layout"].to_list()
        assert found == [{"first": "cde_2016_first_issue", "old": "cde_2016_2020", "new": "cde_2021"}[layout]]


@pytest.mark.parametrize(
    ("current", "history"),
    [
        (("old", 2018), ("first", 2016)),
        (("old", 2018), ("old", 2016)),
        (("old", 2019), ("old", 2018)),
        (("new", 2021), ("old", 2018)),
        (("new", 2022), ("new", 2021)),
    ],
)
def test_history_may_be_of_any_older_layout(zips: Zips, current: tuple[str, int], history: tuple[str, int]) -> None:
    paths = [zips["NB", *history], zips["NB", *current]]
    alone, several = read(current[1], paths[1]), read(current[1], *paths)
    assert several["incident"].equals(alone["incident"])
    assert several["incident"].height
    assert set(several["report_month"]["data_year"]) == {history[1], current[1]}
    assert several["agency_month_offense"].filter(pl.col("data_year") == history[1])["n"].sum() > 0
    for name, frame in read(current[1], *reversed(paths)).items():
        assert frame.sort(frame.columns).equals(several[name].sort(frame.columns)), name


@pytest.mark.parametrize(
    ("current", "other"),
    [
        (("first", 2016), ("old", 2018)),
        (("first", 2016), ("new", 2021)),
        (("old", 2018), ("new", 2021)),
        (("old", 2018), ("old", 2019)),
        (("new", 2021), ("new", 2022)),
        (("new", 2021), ("first", 2016)),  # more than four years before
    ],
)
def test_zips_of_years_that_are_no_history_are_refused(
    zips: Zips, current: tuple[str, int], other: tuple[str, int]
) -> None:
    for paths in ((zips["NB", *current], zips["NB", *other]), (zips["NB", *other], zips["NB", *current])):
        with pytest.raises(PipelineError, match=str(other[1])):
            CdeSource(paths).probe(current[1], 0)


def test_two_issues_of_one_year_are_refused(zips: Zips) -> None:
    with pytest.raises(PipelineError, match="are both of NB 2016"):
        CdeSource((zips["NB", "first", 2016], zips["NB", "old", 2016])).probe(2016, 0)


@pytest.mark.parametrize(
    ("year", "keys"),
    [
        (2016, [("NB", "first", 2016), ("KS", "old", 2016)]),
        (2018, [("NB", "first", 2016), ("NB", "old", 2018), ("KS", "old", 2016), ("KS", "old", 2018)]),
        (2021, [("NB", "new", 2021), ("KS", "old", 2018), ("KS", "new", 2021)]),
        (2022, [("NB", "old", 2018), ("NB", "new", 2022), ("KS", "new", 2021), ("KS", "new", 2022)]),
    ],
)
def test_states_of_two_layouts_go_together(zips: Zips, year: int, keys: list[tuple[str, str, int]]) -> None:
    together = read(year, *(zips[key] for key in keys))
    for state in STATES:
        alone = read(year, *(zips[key] for key in keys if key[0] == state))
        assert together["incident"].filter(pl.col("state_abbr") == state).equals(alone["incident"])
        ours = pl.col("ori").str.starts_with(state)
        for name in ("report_month", "agency_month_offense"):
            keys_of = alone[name].columns
            assert together[name].filter(ours).sort(keys_of).equals(alone[name].filter(ours).sort(keys_of)), name


def test_synthetic_zips_list_reporters_and_are_synthetic(zips: Zips) -> None:
    source = CdeSource((zips["NB", "new", 2022],))
    assert source.probe(2022, 0).is_synthetic
    # The zip leaves out who reported nothing: coverage by population must stay unknown.
    assert source.ingest_agencies(2022)["agency"]["universe_scope"].unique().to_list() == ["reporting"]
