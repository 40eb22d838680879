"""External files: which vintage, all that is missing at once, fetched or used in place."""

from pathlib import Path

import pytest

from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.externals import ExternalFile, Locations, fetch_all, read_locations, resolve
from nibrs_estimation.pipeline.store import LocalStore

POPULATION = ExternalFile("population", "population by permutation")
EXCLUSION = ExternalFile("exclusion", "geographies not to publish")
OPTIONAL = ExternalFile("pep", "population estimates", is_required=False)


def locations(
    tmp_path: Path, text: str = '{"2024": {"population": "2024/pop.csv", "exclusion": "2024/ex.csv"}}'
) -> Locations:
    path = tmp_path / "external_file_locations.json"
    path.write_text(text)
    return read_locations(path)


def test_resolve_takes_the_data_years_vintage(tmp_path: Path) -> None:
    found = resolve(locations(tmp_path), [POPULATION, OPTIONAL], 2024)
    assert found == {"population": "2024/pop.csv"}


def test_all_missing_keys_are_listed_at_once(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"no path for 2023 of: population \(.*\); exclusion \("):
        resolve(locations(tmp_path), [POPULATION, EXCLUSION, OPTIONAL], 2023)


def test_all_missing_files_are_listed_before_any_is_fetched(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "there.csv").write_text("x")
    with pytest.raises(PipelineError, match=r"does not contain a.csv, b.csv"):
        fetch_all({"t": "there.csv", "a": "a.csv", "b": "b.csv"}, store, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_files_are_fetched_or_used_in_place(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    (tmp_path / "store" / "2024").mkdir(parents=True)
    (tmp_path / "store" / "2024" / "pop.csv").write_text("x")
    fetched = fetch_all({"population": "2024/pop.csv"}, store, tmp_path / "run")
    assert fetched == {"population": tmp_path / "run" / "2024" / "pop.csv"}
    assert fetched["population"].read_text() == "x"
    assert fetch_all({"population": "2024/pop.csv"}, store, tmp_path / "store")["population"].read_text() == "x"
    assert fetch_all({}, LocalStore(tmp_path / "nowhere"), tmp_path / "none") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"2024": {', "not valid JSON: line 1"),
        ("[]", "must contain an object"),
        ('{"24": {}}', "'24' must be a year"),
        ('{"٢٠٢٤": {}}', "must be a year"),
        ('{"2024": "x"}', "must be a year of four digits with an object"),
        ('{"2024": {"population": 5}}', "must be a path"),
        ('{"2024": {"population": "../x"}}', "2024, population: .*not a key"),
        ('{"2024": {"population": "/x"}}', "not a key"),
    ],
)
def test_malformed_locations_are_told(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        locations(tmp_path, text)


def test_the_text_is_kept_byte_for_byte(tmp_path: Path) -> None:
    content = '{\r\n  "2024": {"pop": "é.csv"}\r\n}\r\n'.encode()
    (tmp_path / "locations.json").write_bytes(content)
    assert read_locations(tmp_path / "locations.json").text.encode() == content


def test_missing_locations_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_locations(tmp_path / "none.json")


def test_locations_in_another_encoding_are_told(tmp_path: Path) -> None:
    (tmp_path / "locations.json").write_bytes('{"2024": {"pop": "é"}}'.encode("latin-1"))
    with pytest.raises(UsageError, match="UTF-8"):
        read_locations(tmp_path / "locations.json")


def test_only_changed_files_are_fetched_again(tmp_path: Path) -> None:
    source = tmp_path / "store" / "pop.csv"
    source.parent.mkdir()
    source.write_text("old")
    fetched = fetch_all({"population": "pop.csv"}, LocalStore(source.parent), tmp_path / "run")["population"]
    before = fetched.stat().st_ino, fetched.stat().st_mtime_ns
    fetch_all({"population": "pop.csv"}, LocalStore(source.parent), tmp_path / "run")
    assert (fetched.stat().st_ino, fetched.stat().st_mtime_ns) == before
    source.write_text("new")
    fetch_all({"population": "pop.csv"}, LocalStore(source.parent), tmp_path / "run")
    assert fetched.read_text() == "new"
