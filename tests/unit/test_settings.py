"""Settings: all are in the sample, wrong ones are told without their secrets, statistics mode finds its externals."""

import re
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from nibrs_estimation.cli.doctor import examine
from nibrs_estimation.cli.main import app
from nibrs_estimation.cli.settings import Settings, load_settings
from nibrs_estimation.cli.statistics import run_statistics
from nibrs_estimation.model.parameters import METHOD_PARAMETERS
from nibrs_estimation.pipeline.dataset import Column, Dataset
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.externals import ExternalFile
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.parameter import Parameter
from nibrs_estimation.pipeline.task import YEAR, Task

SAMPLE = Path(__file__).parents[2] / ".sample_env"
#: Read by Docker Compose, not by the program.
HOST = ("HOST_SCRATCH_DIR", "HOST_ARTIFACT_DIR", "HOST_UID", "HOST_GID")
PEOPLE = Dataset("people", "People.", (Column("n", "int64", "Number."),), ("n",))


def count_people(population: Path) -> pl.DataFrame:
    return pl.DataFrame({"n": [int(population.read_text())]})


TASK = Task("count_people", count_people, (PEOPLE,), externals=(ExternalFile("population", "population by state"),))


def test_the_sample_names_every_setting_and_its_default() -> None:
    named = dict(re.findall(r"^#?([A-Z][A-Z0-9_]+)=(.*)$", SAMPLE.read_text(), re.MULTILINE))
    fields = {name.upper(): field.default for name, field in Settings.model_fields.items()}
    assert set(fields) <= set(named)
    assert set(named) - set(fields) == {"PREFECT_API_URL", *HOST}
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
    with pytest.raises(PipelineError, match=r"no path for 2024 of: population"):
        run_statistics([TASK], settings_of(tmp_path))
    locations.write_text('{"2024": {"population": "2024/none.txt"}}')
    with pytest.raises(PipelineError, match=r"External files are missing: .*none.txt"):
        run_statistics([TASK], settings_of(tmp_path))
    locations.write_text('{"2024": {"population": "2024/pop.txt"}}')
    run_statistics([TASK], settings_of(tmp_path))
    assert pl.read_parquet(tmp_path / "out" / "people.parquet")["n"].to_list() == [17]


AGENCIES = Dataset(
    "agencies",
    "Agencies.",
    (Column("data_year", "int16", "Data year."), Column("n", "int64", "Number.")),
    ("data_year", "n"),
)


def count_agencies(agencies: pl.LazyFrame, year: int) -> pl.DataFrame:
    return agencies.filter(pl.col("data_year") == year).select(pl.len().cast(pl.Int64).alias("n")).collect()


COUNT = Task("count_agencies", count_agencies, (PEOPLE,), reads=(AGENCIES,), parameters=(YEAR,))
REAL = Identity("vt", "cde:VT-2024.zip", 2024, 1, is_synthetic=False)


def with_agencies(folder: Path, *years: int) -> Path:
    folder.mkdir(parents=True)
    rows = {"data_year": years, "n": range(len(years))}
    pl.DataFrame(rows, schema=AGENCIES.schema).write_parquet(folder / "agencies.parquet")
    return folder


def test_statistics_mode_takes_the_year_of_the_inputs(tmp_path: Path) -> None:
    inputs = with_agencies(tmp_path / "in", 2023, 2024, 2024)
    REAL.write(inputs)
    settings = settings_of(tmp_path)
    run_statistics([COUNT], settings.model_copy(update={"data_year": None}))
    assert pl.read_parquet(tmp_path / "out" / "people.parquet")["n"].to_list() == [2]
    assert Identity.read(tmp_path / "out") == REAL
    with pytest.raises(UsageError, match=r"DATA_YEAR is 2023, but .* are of data year 2024.*cde:VT-2024.zip"):
        run_statistics([COUNT], settings.model_copy(update={"data_year": 2023}))


def test_statistics_mode_names_the_years_that_the_inputs_hold(tmp_path: Path) -> None:
    """Nothing but their rows tells the year of these."""
    with_agencies(tmp_path / "in", 2020, 2022, 2022)
    with pytest.raises(UsageError, match=r"Set DATA_YEAR: there is no identity.json .* contain the years 2020, 2022\."):
        run_statistics([COUNT], settings_of(tmp_path).model_copy(update={"data_year": None}))
    with pytest.raises(
        UsageError, match=r"DATA_YEAR is 2024, but no dataset is of that year.* contain the years 2020, 2022\. "
    ) as told:
        run_statistics([COUNT], settings_of(tmp_path))
    assert "--force" not in str(told.value)
    assert not (tmp_path / "out").exists()
    run_statistics([COUNT], settings_of(tmp_path).model_copy(update={"data_year": 2022}))


@pytest.mark.parametrize("output", [".", "datasets", "datasets/new", "new", "../link/new"])
def test_statistics_mode_does_not_write_into_a_run(output: str, tmp_path: Path) -> None:
    run = tmp_path / "scratch" / "vt" / "all"
    REAL.write(with_agencies(run / "datasets", 2024))
    (run / "run_metadata.json").write_text("{}")
    (run.parent / "link").symlink_to(run)
    before = sorted(run.rglob("*"))
    settings = settings_of(tmp_path).model_copy(
        update={"input_pipeline_dir": run / "datasets", "output_pipeline_dir": run / output}
    )
    with pytest.raises(UsageError, match=r"is in the folder of the run .*vt/all.*NIBRS_WRITE_INTO_RUN=true"):
        run_statistics([COUNT], settings)
    assert sorted(run.rglob("*")) == before
    run_statistics([COUNT], settings.model_copy(update={"nibrs_write_into_run": True}))
    assert (run / output / "people.parquet").is_file()


def findings(settings: Settings) -> dict[str, tuple[str, str]]:
    return {found.what: (found.state, found.finding) for found in examine(settings)}


def test_doctor_writes_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scratch").mkdir()
    found = findings(Settings(_env_file=None, output_pipeline_dir=tmp_path / "out"))
    assert found["scratch folder"] == ("ok", "scratch can be written")
    assert found["artifact store"] == ("ok", "artifacts can be written; it will be created when it is needed")
    assert found["output folder"][0] == "ok"
    assert [path.name for path in tmp_path.rglob("*")] == ["scratch"]


# Neither may anybody write in /proc, nor is a file a folder; rights alone would not stop root.
@pytest.mark.parametrize("folder", ["/proc/runs", "file", "file/runs"])
def test_doctor_finds_folders_that_cannot_be_written(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    settings = Settings(
        _env_file=None, scratch_dir=Path(folder), artifact_store=folder, output_pipeline_dir=Path(folder)
    )
    found = findings(settings)
    for what, setting in (("scratch folder", "SCRATCH_DIR"), ("output folder", "OUTPUT_PIPELINE_DIR")):
        state, told = found[what]
        assert state == "fix", what
        assert setting in told
    assert found["artifact store"][0] == "fix"


@pytest.mark.parametrize("choice", METHOD_PARAMETERS, ids=lambda choice: choice.name)
def test_a_choice_of_method_is_a_setting_with_its_values_its_default_and_its_help(
    choice: Parameter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(choice.setting, raising=False)
    assert load_settings(tmp_path / ".env").parameters(2024, 1)[choice.name] == choice.default
    for value in choice.choices:
        monkeypatch.setenv(choice.setting, value)
        assert load_settings(tmp_path / ".env").parameters(2024, 1)[choice.name] == value
    monkeypatch.setenv(choice.setting, "nonsense")
    with pytest.raises(UsageError, match=choice.setting):
        load_settings(tmp_path / ".env")
    shown = " ".join(CliRunner().invoke(app, ["run", "--help"]).output.replace("│", " ").split())
    assert f"{choice.setting}={'|'.join(choice.choices)}" in shown
