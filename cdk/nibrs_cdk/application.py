"""All stacks of an environment, in the order in which they are deployed."""

from aws_cdk import App, Tags, Validations
from cdk_nag import AwsSolutionsChecks

from nibrs_cdk.dask import DaskStack
from nibrs_cdk.database import DatabaseStack
from nibrs_cdk.environment import Environment
from nibrs_cdk.monitoring import MonitoringStack
from nibrs_cdk.network import NetworkStack
from nibrs_cdk.registry import RegistryStack
from nibrs_cdk.server import ServerStack
from nibrs_cdk.storage import StorageStack
from nibrs_cdk.worker import WorkerStack

#: Choices of the CDK that are made here once, for the command line and the tests alike.
CONTEXT = {
    "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": True,
    # A stack cannot lose what another one uses.
    "@aws-cdk/core:defaultCrossStackReferences": "strong",
}


def add_stacks(app: App, environment: Environment) -> None:
    """Add the stacks of an environment."""
    network = NetworkStack(app, environment)
    registry = RegistryStack(app, environment)
    storage = StorageStack(app, environment)
    database = DatabaseStack(app, environment, network)
    server = ServerStack(app, environment, network, storage, registry, database)
    worker = WorkerStack(app, environment, network, storage, registry, server)
    MonitoringStack(app, environment, database, server, worker)
    if environment.dask:
        DaskStack(app, environment, environment.dask, network, storage, registry, server)
    # The budget counts what has this tag.
    Tags.of(app).add("project", environment.prefix)
    lint(app)


def lint(app: App) -> None:
    """Have cdk-nag check the stacks when they are synthesized; `cdk synth` and `cdk deploy` fail on a finding."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
