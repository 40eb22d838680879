"""The release script: what it runs, and when it refuses. `docker` and `aws` are not run."""

import subprocess
from pathlib import Path

import pytest

import release_images
from environments import DEV
from nibrs_cdk.environment import PREFECT_IMAGE_TAG

REGISTRY = "111111111111.dkr.ecr.us-east-1.amazonaws.com"


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=n", "-c", "user.email=e@example.org", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    _git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "file").write_text("1")
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "-qm", "one")
    monkeypatch.setattr(release_images, "ROOT", tmp_path)
    return tmp_path


def test_dry_run_prints_the_commands(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commit = _git(checkout, "rev-parse", "HEAD")
    release_images.main(["dev", "--dry-run"])
    flow, prefect = f"{REGISTRY}/nibrs-dev/flow:{commit}", f"{REGISTRY}/nibrs-dev/prefect:{PREFECT_IMAGE_TAG}"
    assert capsys.readouterr().out.splitlines() == [
        "+ sh -c 'aws ecr get-login-password --region us-east-1 | "
        f"docker login --username AWS --password-stdin {REGISTRY}'",
        f"+ docker build --platform linux/amd64 --tag {flow} "
        f"--build-arg GIT_BRANCH=main --build-arg GIT_HASH={commit} .",
        f"+ docker push {flow}",
        f"+ docker build --platform linux/amd64 --tag {prefect} --file cdk/prefect/Dockerfile cdk",
        f"+ docker push {prefect}",
        "",
        f"The image for `nibrs deploy`: {flow}",
    ]


def test_changes_without_commit_are_refused(checkout: Path) -> None:
    (checkout / "file").write_text("2")
    with pytest.raises(release_images.ReleaseError, match="Commit or undo them"):
        release_images.release(DEV, dry_run=False)


@pytest.mark.usefixtures("checkout")
def test_missing_program_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    run = release_images._run
    monkeypatch.setattr(release_images, "_run", lambda _: run(["no-such-program"]))
    with pytest.raises(release_images.ReleaseError, match="'no-such-program' is not installed"):
        release_images.release(DEV, dry_run=False)


@pytest.mark.usefixtures("checkout")
def test_failing_command_ends_the_release() -> None:
    with pytest.raises(release_images.ReleaseError, match="exit code 3"):
        release_images._run(["sh", "-c", "exit 3"])
