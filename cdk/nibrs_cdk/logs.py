"""Log groups."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from nibrs_cdk.environment import RETENTION_DAYS, Environment


def log_group(scope: Construct, identifier: str, name: str, environment: Environment) -> logs.LogGroup:
    """A log group that forgets after the environment's number of days."""
    return logs.LogGroup(
        scope,
        identifier,
        log_group_name=name,
        retention=logs.RetentionDays[RETENTION_DAYS[environment.log_retention_days]],
        removal_policy=RemovalPolicy.DESTROY,
    )
