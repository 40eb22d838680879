"""`python cdk/release_images.py ENVIRONMENT [--dry-run]`: build the images of this commit and push them.

The image of the flows has the commit as its tag; that of Prefect's server and worker has `PREFECT_IMAGE_TAG`. Tags
cannot be moved, so an image that the registry has is left as it is. Needs git, docker, the AWS command line and Python.
"""

import argparse
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from environments import ENVIRONMENTS
from nibrs_cdk.environment import PREFECT_IMAGE_TAG, Environment

ROOT = Path(__file__).resolve().parents[1]


class ReleaseError(Exception):
    """The release cannot be made; the text says why and what to do."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, and release or show what would be done."""
    parser = argparse.ArgumentParser(description="Build the images of this commit and push them to the registry.")
    parser.add_argument("environment", choices=sorted(ENVIRONMENTS))
    parser.add_argument("--dry-run", action="store_true", help="print the commands and run none of them")
    options = parser.parse_args(arguments)
    try:
        release(ENVIRONMENTS[options.environment], dry_run=options.dry_run)
    except ReleaseError as error:
        sys.exit(f"Error: {error}")


def release(environment: Environment, *, dry_run: bool) -> None:
    """Build and push both images.

    Raises:
        ReleaseError: the checkout has changes that no commit contains, or a command failed.
    """
    commit = _output("git", "rev-parse", "HEAD")
    if not dry_run and _output("git", "status", "--porcelain"):
        raise ReleaseError(
            "The checkout has changes that no commit contains, so a tag by commit would name other code. "
            "Commit or undo them."
        )
    run = _show if dry_run else _run
    branch = _output("git", "rev-parse", "--abbrev-ref", "HEAD")
    region = ["--region", environment.region]
    login = ["aws", "ecr", "get-login-password", *region]
    run(["sh", "-c", f"{shlex.join(login)} | docker login --username AWS --password-stdin {environment.registry}"])
    builds = {
        ("flow", commit): ["--build-arg", f"GIT_BRANCH={branch}", "--build-arg", f"GIT_HASH={commit}", "."],
        ("prefect", PREFECT_IMAGE_TAG): ["--file", "cdk/prefect/Dockerfile", "cdk"],
    }
    for (name, tag), build in builds.items():
        repository = f"{environment.prefix}/{name}"
        image = f"{environment.registry}/{repository}:{tag}"
        found = [
            "aws",
            "ecr",
            "describe-images",
            *region,
            "--repository-name",
            repository,
            "--image-ids",
            f"imageTag={tag}",
        ]
        if not dry_run and _succeeds(found):
            print(f"{image} is in the registry already.")
            continue
        # Fargate runs on x86-64 here, whatever this machine is.
        run(["docker", "build", "--platform", "linux/amd64", "--tag", image, *build])
        run(["docker", "push", image])
    print(f"\nThe image for `nibrs deploy`: {environment.registry}/{environment.prefix}/flow:{commit}")


def _show(command: list[str]) -> None:
    print("+", shlex.join(command))


def _run(command: list[str]) -> None:
    _show(command)
    try:
        subprocess.run(command, cwd=ROOT, check=True)
    except FileNotFoundError:
        raise ReleaseError(
            f"The program {command[0]!r} is not installed; cdk/README.md lists what is needed."
        ) from None
    except subprocess.CalledProcessError as error:
        raise ReleaseError(
            f"The command above failed with exit code {error.returncode}; its own message says why."
        ) from None


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True).returncode == 0


def _output(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    main()
