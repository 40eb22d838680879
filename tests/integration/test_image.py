"""The image and the Compose files: valid, without secrets, and the same bytes inside as outside.

The slow tests build the image with `docker/build-without-daemon.sh`, which needs neither a registry nor a daemon.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.support.command import ROOT, clean_environment, python
from tests.support.outputs import outputs_of

from nibrs_estimation import __version__

COMPOSE = ("docker-compose.yml", "docker-compose.override.yml")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SECRET = "a-secret-that-must-stay-outside"
NATION = {"NIBRS_SOURCE": "synthetic:0.002", "DATA_YEAR": "2024"}
FLOW = ("flows.py", "run", "all", "trial", "--until", "export_estimates")

# ---- what can be checked everywhere -------------------------------------------------------------------------------


@pytest.mark.parametrize("file", COMPOSE)
def test_compose_files_follow_the_specification(file: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(ROOT / file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_base_file_has_neither_mounts_nor_ports_for_the_service_of_ci() -> None:
    prefect = yaml.safe_load((ROOT / COMPOSE[0]).read_text())["services"]["prefect"]
    assert prefect.keys().isdisjoint({"volumes", "ports", "env_file", "profiles"})
    assert prefect["working_dir"] == "/code"


def test_docker_compose_accepts_the_files(tmp_path: Path) -> None:
    """With and without the override, and without `.env`."""
    compose = ["docker", "compose"]
    if not shutil.which("docker") or subprocess.run([*compose, "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker compose is not installed")
    for file in COMPOSE:
        shutil.copy(ROOT / file, tmp_path)
    for options in ([], ["-f", COMPOSE[0]], ["--profile", "cloudless"]):
        done = subprocess.run(
            [*compose, *options, "config", "--format", "json"],
            cwd=tmp_path, env=clean_environment(**NATION), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        services = json.loads(done.stdout)["services"]
        assert NATION.items() <= services["prefect"]["environment"].items()
        assert ("cloudless" in services) == ("--profile" in options)


def test_the_label_has_the_version_of_the_program() -> None:
    assert f"ARG VERSION={__version__}\n" in DOCKERFILE


def test_no_argument_of_the_build_could_be_a_secret() -> None:
    assert set(re.findall(r"^ARG (\w+)", DOCKERFILE, re.MULTILINE)) == {"BASE", "VERSION", "GIT_BRANCH", "GIT_HASH"}


# ---- the image ----------------------------------------------------------------------------------------------------


class Image:
    """The image, built from a copy of the repository that has secrets lying about."""

    name = f"localhost/nibrs-image-test-{os.getpid()}"

    def __init__(self, repository: Path) -> None:
        self.repository = repository
        self.commit = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=repository, text=True).strip()

    def script(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker/build-without-daemon.sh", *arguments],
            cwd=self.repository,
            env=clean_environment(IMAGE=self.name, **settings),
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """Both targets."""
    missing = [tool for tool in ("podman", "runc", "debootstrap") if not shutil.which(tool, path=_PATH)]
    if missing or os.geteuid() != 0:
        pytest.skip(f"needs root and podman, runc and debootstrap; missing: {', '.join(missing) or 'root'}")
    repository = tmp_path_factory.mktemp("image") / "repository"
    subprocess.run(["git", "clone", "--quiet", ROOT, repository], check=True)
    for name in subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines():
        if (ROOT / name).is_file():
            shutil.copy(ROOT / name, repository / name)
    for place in (".env", "src/.env", "credentials.json", "src/nibrs_estimation/credentials.pem"):
        (repository / place).write_text(f"PGPASSWORD={SECRET}\n")
    built = Image(repository)
    try:
        for target in ("runtime", "dev"):
            done = built.script("build", target)
            assert done.returncode == 0, done.stdout + done.stderr
        (repository / ".env").unlink()
        yield built
    finally:
        for target in ("runtime", "dev"):
            subprocess.run(["podman", "rmi", "--force", f"{built.name}:{target}"], capture_output=True, check=False)


_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_run_gives_the_same_bytes_inside_as_outside(image: Image, tmp_path: Path) -> None:
    folders = {"HOST_SCRATCH_DIR": str(tmp_path / "in/scratch"), "HOST_ARTIFACT_DIR": str(tmp_path / "in/artifacts")}
    inside = image.script("run", "bash", "-c", f"python {' '.join(FLOW)}", **NATION, **folders)
    assert inside.returncode == 0, inside.stderr
    (tmp_path / "out").mkdir()
    # The image holds the list of the repository.
    listed = {"EXTERNAL_FILE_LOCATIONS": str(ROOT / "external_file_locations.json")}
    outside = python(tmp_path / "out", str(ROOT / FLOW[0]), *FLOW[1:], **NATION, **listed)
    assert outside.returncode == 0, outside.stderr
    assert outputs_of(tmp_path / "in") == outputs_of(tmp_path / "out")
    about = json.loads((tmp_path / "in/scratch/trial/all/run_metadata.json").read_text())
    assert f", commit {image.commit[:12]}" in about["code_version"]
    assert about["settings"]["git_hash"].removesuffix("-dirty") == image.commit
    assert (tmp_path / "in/artifacts/trial").stat().st_uid == 1000


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_missing_env_file_is_a_sentence(image: Image, tmp_path: Path) -> None:
    done = image.script("run", "python", "flows.py", "run", "all", "a", HOST_SCRATCH_DIR=str(tmp_path / "scratch"))
    assert done.returncode == 2
    assert "set NIBRS_SOURCE (in the environment or in .env)" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("target", ["runtime", "dev"])
def test_no_secret_enters_a_layer_or_the_history(image: Image, target: str, tmp_path: Path) -> None:
    name = f"{image.name}:{target}"
    history = subprocess.check_output(["podman", "history", "--no-trunc", "--format", "json", name], text=True)
    assert SECRET not in history
    subprocess.run(["podman", "save", "--quiet", "--output", tmp_path / "image.tar", name], check=True)
    n_files = 0
    with tarfile.open(tmp_path / "image.tar") as saved:
        for layer in (member for member in saved if member.name.endswith(".tar") and member.isfile()):
            with tarfile.open(fileobj=saved.extractfile(layer)) as files:
                for file in files:
                    n_files += 1
                    assert Path(file.name).name not in (".env", "credentials.json"), file.name
                    assert not file.name.startswith("code/.git/"), file.name
                    if file.isfile() and file.name.startswith("code/") and (content := files.extractfile(file)):
                        # This file itself says the word.
                        assert SECRET.encode() not in content.read() or file.name.endswith(Path(__file__).name)
    assert n_files > 1000


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "command",
    [
        "ruff check .",
        "mypy .",
        "pytest -n 0 -q tests/unit/test_settings.py tests/integration/test_database.py",
        "nibrs demo",
    ],
)
def test_the_dev_image_lints_checks_types_tests_and_runs_the_demo(image: Image, command: str, tmp_path: Path) -> None:
    folders = {"HOST_SCRATCH_DIR": str(tmp_path / "scratch"), "HOST_ARTIFACT_DIR": str(tmp_path / "artifacts")}
    done = image.script("run", "dev", *command.split(), **folders)
    assert done.returncode == 0, done.stdout + done.stderr
