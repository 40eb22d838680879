"""The environments, synthesized once: no test needs an account or a network."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

from environments import DEV, PROD
from nibrs_cdk.application import CONTEXT, add_stacks
from nibrs_cdk.environment import Dask, Environment, GivenNetwork

TAG = "0123456789abcdef0123456789abcdef01234567"
#: A network created, a network given without and with public subnets, and a Dask cluster beside the FBI's database.
VARIANTS = {
    "dev": DEV,
    "prod": PROD,
    "dask": dataclasses.replace(PROD, name="dask", dask=Dask(workers=4, image_tag=TAG)),
    "public": dataclasses.replace(
        PROD,
        name="public",
        internet_facing=True,
        network=GivenNetwork(
            vpc_id="vpc-0123456789abcdef0",
            availability_zones=("us-west-2a", "us-west-2b"),
            private_subnet_ids=("subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"),
            public_subnet_ids=("subnet-0cccccccccccccccc", "subnet-0dddddddddddddddd"),
        ),
    ),
}


@dataclass(frozen=True)
class Synthesized:
    """An environment as CloudFormation gets it."""

    environment: Environment
    folder: Path

    def template(self, stack: str) -> dict[str, Any]:
        path = self.folder / f"{self.environment.prefix}-{stack}.template.json"
        template: dict[str, Any] = json.loads(path.read_text())
        return template

    @property
    def stacks(self) -> list[str]:
        prefix = f"{self.environment.prefix}-"
        return sorted(path.name[len(prefix) :].split(".")[0] for path in self.folder.glob(f"{prefix}*.template.json"))

    def resources(self, kind: str, stack: str | None = None) -> list[dict[str, Any]]:
        """Properties of all resources of this type, such as `AWS::S3::Bucket`."""
        return [
            resource.get("Properties", {}) | {"_removal": resource.get("DeletionPolicy")}
            for name in ([stack] if stack else self.stacks)
            for resource in self.template(name)["Resources"].values()
            if resource["Type"] == kind
        ]


@pytest.fixture(scope="session")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Synthesized]:
    class OnFirstUse(dict[str, Synthesized]):
        def __missing__(self, name: str) -> Synthesized:
            self[name] = synthesize(VARIANTS[name], tmp_path_factory.mktemp(name))
            return self[name]

    return OnFirstUse()


def synthesize(environment: Environment, folder: Path) -> Synthesized:
    app = App(context=CONTEXT, outdir=str(folder))
    add_stacks(app, environment)
    app.synth()
    return Synthesized(environment, folder)


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest, synthesized: dict[str, Synthesized]) -> Synthesized:
    return synthesized[request.param]
