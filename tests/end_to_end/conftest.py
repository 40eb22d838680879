"""Runs that several modules look at: once for all processes of the tests; nobody may change them."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from nibrs_estimation.model.codes import code_list
from tests.support.command import succeed
from tests.support.once import once

#: Regions of `whole`. Geographies: nation, regions and states, groups of agencies, three areas, a district and an
#: office; all others, which would take most of the time, are on the list of exclusions.
REGIONS = (1, 2)
PLACES = {*range(1, 110), 110, 111, 493, 583}


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo, and the truth about its nation."""

    def make(folder: Path) -> None:
        # The demo last: what a run publishes is one set, and its last command decides which.
        source = ("--source", "synthetic:0.01", "--year", "2024", "--seed", "1")
        for task in ("keep_truth", "write_agencies"):
            succeed(folder, "run", "all", "demo", *source, "--until", task)
        succeed(folder, "demo")

    return once(tmp_path_factory, "demo", make)


@pytest.fixture(scope="session")
def tiny_nation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny nation as datasets, zips and external files."""

    def make(folder: Path) -> None:
        out = ("--cde", "--external-files", "--out", ".")
        succeed(folder, "synth", "--scale", "0.001", "--seed", "1", "--year", "2024", *out)

    return once(tmp_path_factory, "tiny", make)


@pytest.fixture(scope="session")
def whole_run(tiny_nation: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run `whole` of two regions of the tiny nation, with everything that a run makes, for some geographies."""

    def make(folder: Path) -> None:
        shutil.copytree(tiny_nation / "externals", folder / "externals")
        excluded = sorted(set(range(1, 710)) - PLACES)
        (folder / "externals/exclusion.csv").write_text("\n".join(["PERMUTATION_NUMBER", *map(str, excluded)]))
        files = json.loads((tiny_nation / "external_file_locations.json").read_text())
        files["2024"]["exclusion"] = "exclusion.csv"
        (folder / "locations.json").write_text(json.dumps(files))
        settings = {"EXTERNAL_STORE": "externals", "EXTERNAL_FILE_LOCATIONS": "locations.json"}
        states = code_list("state").filter(pl.col("region_code").is_in(REGIONS))["state_abbr"].sort()
        zips = ",".join(str(tiny_nation / f"cde/{state}-2024.zip") for state in states)
        succeed(folder, "run", "all", "whole", "--year", "2024", "--source", f"cde:{zips}", **settings)

    return once(tmp_path_factory, "whole", make)


def run_year(folder: Path, year: int, *options: str) -> None:
    source = ("--source", "synthetic:0.002", "--year", str(year), "--seed", "1", "--until", "write_report")
    succeed(folder, "run", "all", f"y{year}", *source, *options)


@pytest.fixture(scope="session")
def two_years(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small nation in 2023, and in 2024 with that as predecessor."""

    def make(folder: Path) -> None:
        run_year(folder, 2023)
        run_year(folder, 2024, "--predecessor", "y2023")

    return once(tmp_path_factory, "two-years", make)
