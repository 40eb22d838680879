"""What all stacks share."""

from aws_cdk import Stack
from constructs import Construct

from nibrs_cdk.environment import Environment


class EnvironmentStack(Stack):
    """A stack in the account and region of an environment, named after both."""

    def __init__(self, scope: Construct, name: str, environment: Environment) -> None:
        self._zones = list(environment.network.availability_zones)
        super().__init__(
            scope,
            f"{environment.prefix}-{name}",
            env={"account": environment.account, "region": environment.region},
            termination_protection=environment.protect_data,
        )

    @property
    def availability_zones(self) -> list[str]:
        """The environment's zones. The CDK would otherwise ask AWS for them, and synthesis is to need no account."""
        return self._zones
