"""The commands as a user meets them: what they print, what they refuse, and with which exit code."""

import json
import os
import re
import subprocess
import zipfile
from pathlib import Path

import polars as pl
import pytest

from nibrs_estimation.pipeline.identity import SYNTHETIC as MADE_UP
from tests.support.cde_zip import build_zip
from tests.support.command import nibrs, python
from tests.support.outputs import outputs_of


def test_demo_publishes_what_people_want(demo: Path) -> None:
    published = demo / "artifacts" / "demo"
    totals = pl.read_parquet(published / "cell_estimate/1a.parquet").filter(geography_number=1, row=1)
    assert 10 < totals.height <= 20
    assert (totals["standard_error"] > 0).any()
    page = (published / "report.html").read_text()
    assert page.count('class="dots"') > 10
    assert MADE_UP in page
    assert not re.search(r'(src|href)="?https?://', page), "the report must be self-contained"


def test_a_run_publishes_everything(whole_run: Path) -> None:
    published = whole_run / "artifacts" / "whole"
    estimates = pl.read_csv(published / "estimates.csv", infer_schema_length=None)
    nation = estimates.filter((pl.col("geography_number") == 1) & (pl.col("estimate_type") == "count"))
    assert nation.filter(pl.col("der_variable_name").str.starts_with("t_1a_1_1_")).height > 5
    assert {"1a", "3b", "DM5", "GV2a"} <= set(estimates["der_variable_name"].str.split("_").list.get(1))
    for name in (
        "cell_estimate/1a.parquet",
        "series_estimate/3a_all1.parquet",
        "cell_gap/cell_gap.parquet",
        "geography_quality/geography_quality.parquet",
    ):
        assert (published / name).is_file()
    about = json.loads((published / "run_metadata.json").read_text())
    assert (about["run_id"], about["state"]) == ("whole", "finished")


def dead_links(folder: Path) -> list[str]:
    """Links of the pages of a published folder, and to places within them, that lead nowhere."""
    dead = []
    for path in sorted(folder.glob("*.html")):
        page = path.read_text()
        anchors = set(re.findall(r'\bid="([^"]+)"', page))
        links = re.findall(r'\bhref="([^"]+)"', page)
        assert links, path
        dead += [
            f"{path.name}: {link}"
            for link in links
            if not (link[1:] in anchors if link.startswith("#") else (folder / link).is_file())
        ]
    return dead


def test_no_page_links_to_what_is_not_there(demo: Path, whole_run: Path) -> None:
    for published in (demo / "artifacts/demo", whole_run / "artifacts/whole"):
        assert dead_links(published) == []
        assert (published / "run.html").is_file()


def test_demo_again_does_nothing(demo: Path) -> None:
    before = outputs_of(demo)
    done = nibrs(demo, "demo")
    assert done.returncode == 0
    assert "kept" in done.stdout
    assert "done" not in done.stdout
    assert "was not read again" in done.stdout
    assert not re.search(r"Read [\d,]+ rows", done.stdout), "those were read an earlier time"
    assert "SYNTHETIC DATA" in done.stdout
    assert "data year 2024, source synthetic:0.01, run demo" in done.stdout
    assert outputs_of(demo) == before


def test_respondents_counts_are_the_truth(demo: Path) -> None:
    """What respondents counted is the synthetic truth, which no stage reads, but for wrong or copied months."""
    datasets = demo / "scratch/demo/all/datasets"
    outliers = pl.read_parquet(datasets / "synthetic_outlier/*.parquet").filter(pl.col("data_year") == 2024)
    respondents = pl.read_parquet(datasets / "weighting_frame.parquet").filter("is_respondent")
    copied = pl.read_parquet(datasets / "block_reference.parquet")
    respondents = respondents.join(outliers, on="agency_id", how="anti").join(copied, on="agency_id", how="anti")
    assert 100 < respondents.height < pl.read_parquet(datasets / "universe.parquet").height
    truth = pl.read_parquet(datasets / "synthetic_truth/*.parquet").join(respondents, on="agency_id", how="semi")
    keys = ["state_abbr", "counting_unit"]
    profiles, signatures, counts = (
        pl.read_parquet(datasets / name / "*.parquet").filter(counting_unit="incident")
        for name in ("unit_profile", "profile_signature", "profile_count")
    )
    counts = (
        counts.filter(variable="units")
        .join(profiles.filter(pl.col("month").is_null()), on=[*keys, "profile_id"])
        .join(signatures, on=[*keys, "signature_id"])
        .join(respondents, on="agency_id", how="semi")
        .group_by("agency_id", "column_key")
        .agg(pl.col("n").sum())
    )
    for measure, column in (
        ("incidents_against_person", "against_person"),
        ("violent_crime", "violent_crime"),
        ("incidents_09A", "murder"),
    ):
        true = truth.filter((pl.col("measure") == measure) & (pl.col("n") > 0)).select("agency_id", "n")
        found = counts.filter(column_key=column).select("agency_id", "n")
        assert found.sort("agency_id").equals(true.sort("agency_id"))


@pytest.mark.parametrize(
    ("measure", "column", "limit"),
    [("incidents_against_person", 1, 0.05), ("violent_crime", 17, 0.1), ("incidents_09A", 5, 0.2)],
)
def test_estimates_of_the_nation_are_near_the_truth(demo: Path, measure: str, column: int, limit: float) -> None:
    """Respondents serve half of the people; the estimates are for all eligible agencies. There are 448 murders."""
    datasets = demo / "scratch/demo/all/datasets"
    eligible = pl.read_parquet(datasets / "weighting_frame.parquet").select("agency_id")
    truth = pl.read_parquet(datasets / "synthetic_truth/*.parquet").join(eligible, on="agency_id", how="semi")
    estimates = pl.read_parquet(datasets / "cell_estimate/1a.parquet").filter(geography_number=1, row=1)
    true = truth.filter(pl.col("measure") == measure)["n"].sum()
    found = estimates.filter(column=column).row(0, named=True)
    assert abs(found["estimate"] / true - 1) < limit
    assert found["lower_bound"] <= true <= found["upper_bound"]


def test_tables_are_shown(demo: Path) -> None:
    shown = nibrs(demo, "tables", "show", "1a", "--column", "violent_crime")
    assert shown.returncode == 0, shown.stderr
    assert "run demo" in shown.stdout
    assert "Incident count" in shown.stdout


@pytest.mark.parametrize("arguments", [["flows"], ["tasks"], ["datasets"], ["describe", "estimates"]])
def test_listings(arguments: list[str], tmp_path: Path) -> None:
    for_people = nibrs(tmp_path, *arguments)
    assert for_people.returncode == 0
    assert "estimates" in for_people.stdout
    content = json.loads(nibrs(tmp_path, *arguments, "--json").stdout)
    assert content


COMMANDS = [
    *([name] for name in ("demo", "run", "task", "flows", "tasks", "datasets", "describe", "dictionary", "synth")),
    *([name] for name in ("doctor", "plan", "status", "metrics", "archive", "restore", "clean", "deploy")),
    *(["ingest", door] for door in ("cde", "postgresql", "return-a", "public", "check")),
    *(["externals", action] for action in ("check", "fetch", "add")),
    ["publish", "artifacts"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(command: list[str], tmp_path: Path) -> None:
    done = nibrs(tmp_path, *command, "--help")
    assert done.returncode == 0
    assert "Example:" in done.stdout


def bad_zip(folder: Path, name: str) -> Path:
    path = folder / name
    good = build_zip(folder / "good.zip")
    if name == "text.zip":
        path.write_text("not a zip")
    elif name == "half.zip":
        content = Path(good or folder / "good.zip").read_bytes()
        path.write_bytes(content[: len(content) // 2])
    elif name == "member.zip":
        with zipfile.ZipFile(folder / "good.zip") as source, zipfile.ZipFile(path, "w") as target:
            for member in source.namelist():
                if "OFFENSE.csv" not in member:
                    target.writestr(member, source.read(member))
    elif name == "folder.zip":
        path.mkdir()
    elif name == "climb.zip":
        with zipfile.ZipFile(path, "w") as target:
            target.writestr("../../agencies.csv", "x")
    return path


SYNTHETIC = {"NIBRS_SOURCE": "synthetic:0.001", "DATA_YEAR": "2024"}


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "message"),
    [
        (
            ["run", "nope", "a"],
            {},
            2,
            r"no flow 'nope'. The flows are: all, srs, srs_30, grant_year, bjs_grant, backtest, imputations, metrics, "
            r"reference_files, contract, smoketest",
        ),
        (["run", "all", "../a"], {}, 2, r"'../a' is not a run id"),
        (["run", "all", ".."], {}, 2, r"'..' is not a run id"),
        (
            ["run", "all", "a", "--source", "synthetic:0.001", "--year", "2024", "--from", "nope"],
            {},
            2,
            r"no task 'nope'",
        ),
        (["run", "all", "a", "--engine", "nope"], {}, 2, r"nope"),
        (["run", "all", "a"], {}, 2, r"No source is given.*NIBRS_SOURCE .*env\): cde:FILE.zip.*synthetic:0.01"),
        (["run", "all", "a"], {"DATA_YEAR": "2024"}, 2, r"No source is given"),
        (["run", "all", "a", "--source", "synthetic:0.001"], {}, 2, r"is synthetic and has no data year.*--year 2024"),
        (["run", "all", "a", "--source", "synthetic", "--partial"], {}, 2, r"--partial is only for zips"),
        (["run", "all", "a", "--source", "nope:x"], {}, 2, r"'nope:x' is not a source"),
        (["run", "all", "a", "--source", "synthetic:7"], {}, 2, r"scale"),
        (["run", "all", "a", "--source", "cde:none.zip"], {}, 1, r"none.zip"),
        (["run", "all", "a", "--source", "cde:text.zip"], {}, 1, r"text.zip"),
        (["run", "all", "a", "--source", "cde:half.zip"], {}, 1, r"half.zip"),
        (["run", "all", "a", "--source", "cde:member.zip"], {}, 1, r"(?i)nibrs_offense"),
        (["run", "all", "a", "--source", "cde:folder.zip"], {}, 1, r"folder.zip"),
        (["run", "all", "a", "--source", "cde:climb.zip"], {}, 1, r"\.\./"),
        (["run", "all", "a", "--source", "cde:good.zip", "--year", "2022"], {}, 1, r"2024"),
        (["run", "all", "a"], {"DATA_YEAR": "soon"}, 2, r"DATA_YEAR"),
        (["run", "all", "a"], {"LOG_THRESHOLD": "LOUD"}, 2, r"LOG_THRESHOLD"),
        (["run", "all", "a"], {"PGHOST": "localhost", "PGPORT": "1"}, 1, r"cannot be reached"),
        (["run", "all", "a"], {**SYNTHETIC, "ARTIFACT_STORE": "gs://x"}, 2, r"gs://x"),
        (["run", "all", "a"], {**SYNTHETIC, "SCRATCH_DIR": "good.zip"}, 1, r"SCRATCH_DIR"),
        (["task", "nope"], {}, 2, r"no task 'nope'. The tasks are: define_universe"),
        (["task", "define_universe"], {}, 2, r"INPUT_PIPELINE_DIR and OUTPUT_PIPELINE_DIR"),
        (["describe", "nope"], {}, 2, r"no dataset 'nope'"),
        (["describe", "srs"], {}, 2, r"no dataset 'srs'. It is a flow: `nibrs flows`"),
        (["run", "srs", "a", "--source", "nope:x"], {}, 2, r"'nope:x' is not a source. Write return-a:FILE"),
        (["run", "srs_30", "a", "--source", "synthetic:0.001", "--year", "1992"], {}, 2, r"rules for 1992: .* 1993 on"),
        (["nope"], {}, 2, r"nope"),
    ],
)
def test_bad_input_is_told_in_one_paragraph(
    arguments: list[str], settings: dict[str, str], code: int, message: str, tmp_path: Path
) -> None:
    for argument in arguments:
        if argument.startswith("cde:") or settings.get("SCRATCH_DIR"):
            bad_zip(tmp_path, argument.removeprefix("cde:"))
    before = sorted(path.name for path in tmp_path.iterdir())
    done = nibrs(tmp_path, *arguments, **settings)
    assert done.returncode == code, done.stderr
    assert re.search(message, " ".join(done.stderr.split())), done.stderr
    assert "Traceback" not in done.stderr
    left = [path for path in tmp_path.iterdir() if path.name not in before]
    assert not [path for folder in left for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]


def test_malformed_env_file_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DATA_YEAR=2024\nthis is no setting\n")
    done = nibrs(tmp_path, "flows")
    assert done.returncode == 0, "a listing needs no settings"
    done = nibrs(tmp_path, "run", "all", "a")
    assert done.returncode == 2
    assert "malformed in line 2" in done.stderr


def test_env_file_counts_less_than_the_environment(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("NIBRS_SOURCE=nope:1\n")
    assert "nope:1" in nibrs(tmp_path, "run", "all", "a").stderr
    assert "other:1" in nibrs(tmp_path, "run", "all", "a", NIBRS_SOURCE="other:1").stderr


def test_failing_run_ends_with_one_summary(tmp_path: Path) -> None:
    """A nonsense number in one table fails its task; the summary names the log, and the exit code is 1."""
    offense = {"offense_id": 1, "incident_id": 1, "num_premises_entered": "many"}
    build_zip(tmp_path / "bad.zip", nibrs_offense=[offense])
    done = nibrs(tmp_path, "run", "all", "bad", "--source", "cde:bad.zip")
    assert done.returncode == 1
    summary = " ".join(done.stderr.split())
    assert re.search(r"1 unit of work failed: failed ingest_\w+\[\w\w\]: .*num_premises_entered.*many", summary), (
        summary
    )
    assert re.search(r"blocked \d+ units of work that need it: ", summary)
    assert summary.count("blocked") == 1, "what waits is told in one line"
    assert re.search(r"What failed: ingest_incidents\[\w\w\]\. \S[^.]*\.$", summary), summary
    log = re.search(r"log: (\S+?)\)", summary)
    assert log
    assert "many" in (tmp_path / log[1]).read_text()
    assert not (tmp_path / "artifacts/bad/estimates.csv").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small tmpfs needs root")
def test_full_disk_fails_cleanly_and_goes_on_with_space(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    build_zip(tmp_path / "small.zip")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", scratch], check=False).returncode:
        pytest.skip("this machine does not let tests mount a tmpfs")
    try:
        done = nibrs(tmp_path, "run", "all", "full", "--source", "cde:small.zip", "--until", "export_estimates")
        assert done.returncode == 1
        assert "disk is full" in done.stderr
        assert "Traceback" not in done.stderr
        assert not list(scratch.rglob("*.partial"))
        subprocess.run(["mount", "-o", "remount,size=500m", scratch], check=True)
        again = nibrs(tmp_path, "run", "all", "full", "--source", "cde:small.zip", "--until", "export_estimates")
        assert again.returncode == 0, again.stderr
        assert "kept" in again.stdout
    finally:
        subprocess.run(["umount", scratch], check=True)


@pytest.mark.slow
def test_synth_and_ingest_write_datasets(tmp_path: Path) -> None:
    build_zip(tmp_path / "good.zip")
    for arguments in (
        ["synth", "--scale", "0.002", "--out", "nation"],
        ["ingest", "cde", "good.zip", "--year", "2024", "--out", "state"],
    ):
        done = nibrs(tmp_path, *arguments)
        assert done.returncode == 0, done.stderr
    assert pl.read_parquet(tmp_path / "nation/agency.parquet").height > 100
    assert pl.read_parquet(tmp_path / "nation/synthetic_truth/*.parquet").height > 100
    assert pl.read_parquet(tmp_path / "state/incident/*.parquet").height == 1


def test_doctor_says_what_to_mend(tmp_path: Path) -> None:
    fine = nibrs(tmp_path, "doctor")
    assert fine.returncode == 0
    assert "no database configured" in fine.stdout
    ill = nibrs(tmp_path, "doctor", PGHOST="127.0.0.1", PGPORT="1", PGPASSWORD="hidden-word", NIBRS_SOURCE="cde:no.zip")
    assert ill.returncode == 1
    assert ill.stdout.count("fix") >= 2
    assert "hidden-word" not in ill.stdout + ill.stderr


def test_flows_py_lists_the_flows(tmp_path: Path) -> None:
    flows = Path(__file__).parents[2] / "flows.py"
    done = python(tmp_path, str(flows), "run", "--help")
    assert done.returncode == 0
    assert "smoketest" in done.stdout
    done = python(tmp_path, str(flows), "run", "nope", "a")
    assert done.returncode == 2
