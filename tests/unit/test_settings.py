"""Settings: all are in the sample, wrong ones are told without their secrets, statistics mode finds its externals."""

import re
from pathlib import Path

import polars as pl
import pytest

from nibrs_estimation.cli.settings import Settings, load_settings
from nibrs_estimation.cli.statistics import run_statistics
from nibrs_estimation.pipeline.dataset import Column, Dataset
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.externals import ExternalFile
from nibrs_estimation.pipeline.task import Task

SAMPLE = Path(__file__).parents[2] / ".sample_env"
PEOPLE = Dataset("people", "People.", (Column("n", "int64", "Number."),), ("n",))


def count_people(population: Path) -> pl.DataFrame:
    return pl.DataFrame({"n": [int(population.read_text())]})


TASK = Task("count_people", count_people, (PEOPLE,), externals=(ExternalFile("population", "population by state"),))


def test_the_sample_names_every_setting_and_its_default() -> None:
    named = dict(re.findall(r"^#?([A-Z][A-Z0-9_]+)=(.*)$", SAMPLE.read_text(), re.MULTILINE))
    fields = {name.upper(): field.default for name, field in Settings.model_fields.items()}
    assert set(fields) <= set(named)
    assert set(named) - set(fields) == {"PREFECT_API_URL"}
    commented = set(re.findall(r"^#([A-Z][A-Z0-9_]+)=", SAMPLE.read_text(), re.MULTILINE))
    for name in set(fields) - commented:
        assert named[name] == str(fields[name]), name


def test_the_sample_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    settings = load_settings(SAMPLE)
    assert (settings.source_spec(), settings.data_year) == (None, None), "no data are made up, no year is guessed"


def test_the_source_follows_the_settings() -> None:
    assert Settings(_env_file=None, nibrs_source="cde:a.zip", pghost="here").source_spec() == "cde:a.zip"
    assert Settings(_env_file=None, nibrs_source=None, pghost="here").source_spec() == "postgresql"


def test_secrets_are_not_recorded() -> None:
    settings = Settings(_env_file=None, pgpassword="hidden", aws_secret_access_key="hidden", aws_access_key_id="hidden")
    assert "hidden" not in str(settings.recorded())
    assert "hidden" not in repr(settings.database()) + repr(settings.s3().secret_access_key)


def settings_of(folder: Path) -> Settings:
    return Settings(
        _env_file=None,
        data_year=2024,
        input_pipeline_dir=folder / "in",
        output_pipeline_dir=folder / "out",
        external_file_path=folder / "externals",
    )


def test_statistics_mode_reads_locations_from_the_input_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "externals" / "2024").mkdir(parents=True)
    (tmp_path / "externals" / "2024" / "pop.txt").write_text("17")
    locations = tmp_path / "in" / "external_file_locations.json"
    with pytest.raises(UsageError, match="cannot be read"):
        run_statistics([TASK], settings_of(tmp_path))
    locations.write_text('{"2024": {}}')
    with pytest.raises(PipelineError, match=r"lacks for 2024: population"):
        run_statistics([TASK], settings_of(tmp_path))
    locations.write_text('{"2024": {"population": "2024/none.txt"}}')
    with pytest.raises(PipelineError, match=r"External files are missing: .*none.txt"):
        run_statistics([TASK], settings_of(tmp_path))
    locations.write_text('{"2024": {"population": "2024/pop.txt"}}')
    run_statistics([TASK], settings_of(tmp_path))
    assert pl.read_parquet(tmp_path / "out" / "people.parquet")["n"].to_list() == [17]
