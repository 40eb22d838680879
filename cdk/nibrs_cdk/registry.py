"""Container images: that of the flows, one tag for each commit, and that of Prefect's server and worker."""

from aws_cdk import CfnOutput, RemovalPolicy
from aws_cdk import aws_ecr as ecr
from constructs import Construct

from nibrs_cdk.environment import Environment
from nibrs_cdk.stack import EnvironmentStack

KEPT_IMAGES = 30


class RegistryStack(EnvironmentStack):
    """Two repositories whose tags cannot be moved: a deployment always runs the code that it was made with."""

    def __init__(self, scope: Construct, environment: Environment) -> None:
        super().__init__(scope, "registry", environment)
        self.flow = self._repository("flow", environment)
        self.prefect = self._repository("prefect", environment)

    def _repository(self, name: str, environment: Environment) -> ecr.Repository:
        repository = ecr.Repository(
            self,
            name.title(),
            repository_name=f"{environment.prefix}/{name}",
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            image_scan_on_push=True,
            encryption=ecr.RepositoryEncryption.KMS,
            removal_policy=RemovalPolicy.RETAIN if environment.protect_data else RemovalPolicy.DESTROY,
            empty_on_delete=not environment.protect_data,
            lifecycle_rules=[
                ecr.LifecycleRule(max_image_count=KEPT_IMAGES, description=f"keep the last {KEPT_IMAGES} images")
            ],
        )
        CfnOutput(self, f"{name.title()}Repository", value=repository.repository_uri)
        return repository
