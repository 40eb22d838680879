"""Without the extras `production` and `postgresql` all else works, and what needs them says how to install them."""

import tomllib
from pathlib import Path

import pytest
from tests.support.command import ROOT, python

from nibrs_estimation.pipeline.optional import EXTRAS, LazyModule, needs_extra

#: Runs the command where the packages of the extras are as good as not installed.
BARE = """
import sys
from importlib import metadata

def version(name, known=metadata.version):
    if name.replace("-", "_") in MISSING:
        raise metadata.PackageNotFoundError(name)
    return known(name)

metadata.version = version

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NotInstalled())
from nibrs_estimation.cli import main
main.DOOR()
"""


def bare(folder: Path, *arguments: str, door: str = "run", **settings: str) -> tuple[int, str]:
    """Exit code and output of `nibrs ARGUMENTS`, or `python flows.py ARGUMENTS`, without the extras."""
    missing = sorted(package for packages in EXTRAS.values() for package in packages)
    code = BARE.replace("MISSING", repr(missing)).replace("DOOR", door)
    done = python(folder, "-c", code, *arguments, **settings)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["tables", "list"], ["flows"], ["datasets"]])
def test_help_and_listings_need_no_extra(arguments: list[str], tmp_path: Path) -> None:
    code, output = bare(tmp_path, *arguments)
    assert code == 0, output


def test_a_run_and_its_tables_need_no_extra(tmp_path: Path) -> None:
    run = ("run", "all", "small", "--source", "synthetic:0.001", "--year", "2024", "--until", "describe_months")
    # A database that is named, but not read, needs no driver.
    code, output = bare(tmp_path, *run, PGHOST="localhost", PGUSER="nobody")
    assert code == 0, output
    assert list((tmp_path / "scratch/small").rglob("*.parquet"))


@pytest.mark.parametrize(
    ("arguments", "door", "extra"),
    [
        (["--engine", "prefect", "--source", "synthetic:0.001"], "run", "production"),
        (["--engine", "dask", "--source", "synthetic:0.001"], "run", "production"),
        (["--source", "synthetic:0.001"], "run_through_prefect", "production"),
        (["--source", "postgresql"], "run", "postgresql"),
    ],
)
def test_what_needs_an_extra_names_it(arguments: list[str], door: str, extra: str, tmp_path: Path) -> None:
    code, output = bare(tmp_path, "run", "all", "small", "--year", "2024", *arguments, door=door)
    assert code == 2, output
    assert f"uv sync --extra {extra}" in output
    assert f"pip install 'nibrs-estimation[{extra}]'" in output
    assert "Traceback" not in output


def test_a_database_of_estimates_needs_its_extra(tmp_path: Path) -> None:
    code, output = bare(tmp_path, "publish", "database", "small", "--url", "postgresql://me@localhost/name")
    assert code == 2, output
    assert "The estimates database needs the package" in output
    assert "uv sync --extra postgresql" in output


def test_other_missing_packages_are_not_laid_to_an_extra() -> None:
    with pytest.raises(ModuleNotFoundError), needs_extra("production", "This"):
        raise ModuleNotFoundError("No module named 'polars'", name="polars")


def test_a_lazy_module_is_the_module_when_a_name_is_asked_for() -> None:
    assert LazyModule("json", "postgresql", "This").dumps([1]) == "[1]"


def test_every_extra_is_declared_with_its_packages() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(declared) == set(EXTRAS)
