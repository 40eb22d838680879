"""The same bytes from every engine, and through S3 as through folders."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.cde_zip import build_zip
from tests.support.command import ROOT, nibrs, python
from tests.support.outputs import outputs_of
from tests.support.s3 import CREDENTIALS, s3_bucket, s3_endpoint, s3_settings

#: Without demographic series and workbooks, which take most of the time and run as other tasks do.
UNTIL = ("--until", "export_estimates")

__all__ = ["s3_bucket", "s3_endpoint", "s3_settings"]


@pytest.fixture(scope="module")
def run(tiny_nation: Path) -> list[str]:
    """A run of two states of a synthetic nation, as zips: without list of places there are few to estimate."""
    zips = ",".join(str(tiny_nation / "cde" / f"{state}-2024.zip") for state in ("GA", "VT"))
    return ["run", "all", "same", "--source", f"cde:{zips}", "--seed", "7", *UNTIL]


@pytest.fixture(scope="module")
def inline(run: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("inline")
    done = nibrs(folder, *run)
    assert done.returncode == 0, done.stderr
    return outputs_of(folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "settings"),
    [
        ("prefect", {"NIBRS_PREFECT_WORKERS": "threads"}),
        ("prefect", {"NIBRS_PREFECT_WORKERS": "processes"}),
        ("dask", {"NIBRS_WORKERS": "2"}),
    ],
    ids=["prefect threads", "prefect processes", "dask with 2 worker processes"],
)
def test_engines_agree(
    engine: str, settings: dict[str, str], run: list[str], inline: dict[str, str], tmp_path: Path
) -> None:
    done = nibrs(tmp_path, *run, "--engine", engine, **settings)
    assert done.returncode == 0, done.stderr
    assert outputs_of(tmp_path) == inline
    manifest = tmp_path / "scratch/same/all/manifests/count_units/VT.json"
    assert json.loads(manifest.read_text())["engine"] == engine


@pytest.mark.slow
def test_flows_py_runs_through_prefect(tmp_path: Path) -> None:
    build_zip(tmp_path / "vt.zip")
    done = python(tmp_path, str(ROOT / "flows.py"), "run", "all", "vt", *UNTIL, NIBRS_SOURCE="cde:vt.zip")
    assert done.returncode == 0, done.stderr
    manifest = tmp_path / "scratch/vt/all/manifests/estimate_cells.json"
    assert json.loads(manifest.read_text())["engine"] == "prefect"


@pytest.mark.slow
def test_permuted_rows_and_order_of_zips(tmp_path: Path) -> None:
    incidents = [{"agency_id": 1 + i % 3} for i in range(20)]
    agencies: list[dict[str, Any]] = [{} for _ in range(3)]
    build_zip(tmp_path / "vt.zip", agencies=agencies, incidents=incidents)
    build_zip(tmp_path / "nh.zip", agencies=[{"agency_id": 9, "ori": "NH0090000"}], state="NH")
    (tmp_path / "turned").mkdir()
    for name in ("vt.zip", "nh.zip"):
        with zipfile.ZipFile(tmp_path / name) as source, zipfile.ZipFile(tmp_path / "turned" / name, "w") as target:
            for member in reversed(source.namelist()):
                head, *rows = source.read(member).decode().splitlines()
                target.writestr(member, "\n".join([head, *reversed(rows)]) + "\n")
    published = []
    for folder, spec in ((".", "cde:vt.zip,nh.zip"), ("turned", "cde:nh.zip,vt.zip")):
        done = nibrs(tmp_path / folder, "run", "all", "zips", "--source", spec, *UNTIL)
        assert done.returncode == 0, done.stderr
        outputs = outputs_of(tmp_path / folder / "artifacts")
        # It tells the checksums of the zips, which are other files.
        published.append({name: sha for name, sha in outputs.items() if not name.endswith("intake_manifest.json")})
    assert published[0] == published[1]


@pytest.mark.slow
def test_artifacts_go_through_s3(
    s3_bucket: str, s3_settings: dict[str, str], run: list[str], inline: dict[str, str], tmp_path: Path
) -> None:
    import boto3

    done = nibrs(tmp_path, *run, ARTIFACT_STORE=f"s3://{s3_bucket}/some/prefix", **s3_settings)
    assert done.returncode == 0, done.stderr
    assert f"s3://{s3_bucket}/some/prefix/same" in done.stdout
    client = boto3.client(
        "s3",
        endpoint_url=s3_settings["S3_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    for key in client.list_objects_v2(Bucket=s3_bucket, Prefix="some/prefix/same/")["Contents"]:
        path = tmp_path / "artifacts" / Path(key["Key"]).relative_to("some/prefix")
        path.parent.mkdir(parents=True, exist_ok=True)
        client.download_file(s3_bucket, key["Key"], str(path))
    assert outputs_of(tmp_path) == inline
    for path in (tmp_path / "scratch").rglob("*"):
        if path.is_file() and path.suffix in (".json", ".log", ".html"):
            assert CREDENTIALS["AWS_SECRET_ACCESS_KEY"] not in path.read_text()


@pytest.mark.slow
def test_unreachable_bucket_is_told_before_any_work(tmp_path: Path) -> None:
    build_zip(tmp_path / "vt.zip")
    run = ["run", "all", "vt", "--source", "cde:vt.zip", *UNTIL]
    settings = {"S3_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_REGION": "us-east-1", **CREDENTIALS}
    done = nibrs(tmp_path, *run, ARTIFACT_STORE="s3://estimates", **settings)
    assert done.returncode == 1
    assert "s3://estimates cannot be reached at http://127.0.0.1:1" in " ".join(done.stderr.split())
    assert CREDENTIALS["AWS_SECRET_ACCESS_KEY"] not in done.stderr + done.stdout
    assert not list((tmp_path / "scratch").rglob("*.parquet")), "told before hours of work"
    again = nibrs(tmp_path, *run)
    assert again.returncode == 0, again.stderr
