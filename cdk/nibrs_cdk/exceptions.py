"""Rules of the security linter that do not apply: each with its reason, beside the resource that it is about."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct

#: Reason to accept `AwsSolutions-ECS2`, for all containers.
NO_SECRETS = "The variables hold names and addresses; secrets come from Secrets Manager."


def accept(construct: IConstruct, rule: str, reason: str) -> None:
    """Accept one finding of cdk-nag at this construct.

    Args:
        construct: the resource, or a construct that contains it.
        rule: the finding's name as cdk-nag prints it, such as `AwsSolutions-IAM5[Resource::*]`.
        reason: why it is right here.
    """
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))
