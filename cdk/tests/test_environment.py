"""Environments that cannot be deployed are refused before CloudFormation tries, and the command line says so."""

import dataclasses
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from environments import DEV, ENVIRONMENTS, PROD
from nibrs_cdk.environment import PREFECT_IMAGE_TAG, InvalidEnvironmentError, NewNetwork, Size

CDK = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "Dev-1"}, "lower case"),
        ({"account": "1234"}, "12 digits"),
        ({"region": "eu-west-1"}, "must lie in the region eu-west-1"),
        ({"network": NewNetwork("10.0.0.0/16", ("us-east-1a",))}, "two availability zones"),
        ({"log_retention_days": 100}, "one of 7, 14, 30"),
        ({"alarm_emails": ()}, "e-mail"),
    ],
)
def test_fault_is_named_with_its_remedy(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidEnvironmentError, match=words) as error:
        dataclasses.replace(DEV, **change)
    assert "environments.py" in str(error.value)


def test_load_balancer_on_the_internet_needs_public_subnets() -> None:
    with pytest.raises(InvalidEnvironmentError, match="public_subnet_ids"):
        dataclasses.replace(PROD, internet_facing=True)


@pytest.mark.parametrize(("cpu", "memory"), [(4096, 31744), (4096, 7168), (4000, 8192), (2048, 4500)])
def test_size_that_fargate_lacks_is_refused(cpu: int, memory: int) -> None:
    with pytest.raises(InvalidEnvironmentError, match="Fargate has no task"):
        Size(cpu, memory)


def test_disk_that_fargate_lacks_is_refused() -> None:
    with pytest.raises(InvalidEnvironmentError, match="21 to 200 GiB"):
        Size(4096, 30720, 500)


def test_samples_are_named_after_themselves() -> None:
    """Other environments may stand beside the samples."""
    assert (ENVIRONMENTS["dev"], ENVIRONMENTS["prod"]) == (DEV, PROD)
    assert all(name == environment.name for name, environment in ENVIRONMENTS.items())


def test_prefect_image_is_tagged_with_the_locked_version() -> None:
    packages = tomllib.loads((CDK / "uv.lock").read_text())["package"]
    (version,) = [package["version"] for package in packages if package["name"] == "prefect"]
    assert PREFECT_IMAGE_TAG.rsplit("-", 1)[0] == version


def test_prefect_of_the_server_is_that_of_the_flow_runs() -> None:
    locked = {}
    for lock in (CDK / "uv.lock", CDK.parent / "uv.lock"):
        packages = tomllib.loads(lock.read_text())["package"]
        (locked[lock],) = [package["version"] for package in packages if package["name"] == "prefect"]
    assert len(set(locked.values())) == 1, "update the group prefect of cdk/pyproject.toml and PREFECT_IMAGE_TAG"


def test_app_without_environment_says_what_to_write() -> None:
    done = subprocess.run(
        [sys.executable, "app.py"],
        cwd=CDK,
        check=False,
        capture_output=True,
        text=True,
        env=dict(os.environ),
        timeout=240,
    )
    assert done.returncode == 1
    assert "cdk synth -c environment=dev" in done.stderr
    assert "Traceback" not in done.stderr
