"""Roles with no more rights than their tasks use. No right is for all resources where AWS can name them."""

from collections.abc import Mapping, Sequence

from aws_cdk import Aws
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from nibrs_cdk.exceptions import accept

#: Rights that AWS grants for all resources or not at all, or for which a condition takes the place of the resource;
#: the tests allow no other right for `*`.
FOR_ALL_RESOURCES = {
    "ecr:GetAuthorizationToken": "logs in to the registry; what can be pulled is limited by repository",
    "ecs:RegisterTaskDefinition": "makes definitions of tasks; iam:PassRole limits the roles in them",
    "ecs:DescribeTaskDefinition": "reads definitions, which hold no secrets",
    "ecs:ListTasks": "limited to the cluster by a condition",
    "ssmmessages:CreateControlChannel": "tunnel of the operators to the server's task",
    "ssmmessages:CreateDataChannel": "tunnel of the operators to the server's task",
    "ssmmessages:OpenControlChannel": "tunnel of the operators to the server's task",
    "ssmmessages:OpenDataChannel": "tunnel of the operators to the server's task",
}

ALL_FILES = "All files of this bucket or folder: runs name their own folders in it."


def task_role(scope: Construct, identifier: str) -> iam.Role:
    """A role for the program in a container; without rights at first."""
    return iam.Role(scope, identifier, assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))


def execution_role(
    scope: Construct,
    identifier: str,
    *,
    repository: ecr.IRepository,
    log: logs.ILogGroup,
    secret_arns: Sequence[str] = (),
) -> iam.Role:
    """The role that starts a container: it pulls one image, writes one log and reads the secrets of the container."""
    role = task_role(scope, identifier)
    allow(role, ["ecr:GetAuthorizationToken"], ["*"])
    allow(
        role,
        ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        [repository.repository_arn],
    )
    allow(role, ["logs:CreateLogStream", "logs:PutLogEvents"], [log.log_group_arn])
    if secret_arns:
        allow(role, ["secretsmanager:GetSecretValue"], secret_arns)
    return role


def allow_reading(role: iam.Role, bucket: s3.Bucket, name: str, folder: str = "") -> None:
    """Let a role list a bucket, and read it or a folder of it."""
    allow(role, ["s3:ListBucket", "s3:GetBucketLocation"], [bucket.bucket_arn])
    allow(role, ["s3:GetObject"], [_objects(name, folder)], why_many=ALL_FILES)
    _allow_key(role, bucket, "kms:Decrypt")


def allow_publishing(role: iam.Role, bucket: s3.Bucket, name: str, folder: str = "") -> None:
    """Let a role list a bucket, and read, write and delete in it or in a folder of it.

    Earlier versions stay: it cannot delete those.
    """
    allow_reading(role, bucket, name, folder)
    allow(
        role,
        ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
        [_objects(name, folder)],
        why_many=ALL_FILES,
    )
    _allow_key(role, bucket, "kms:GenerateDataKey")


def allow(
    role: iam.Role,
    actions: Sequence[str],
    resources: Sequence[str],
    conditions: Mapping[str, Mapping[str, str]] | None = None,
    *,
    why_many: str = "",
) -> None:
    """Add a statement to a role.

    Args:
        role: gets the rights.
        actions: without wildcards.
        resources: ARNs. `*` only for rights of FOR_ALL_RESOURCES; an ARN that ends in `*` needs `why_many`.
        conditions: under which the statement holds.
        why_many: why the role may have the rights for all resources that an ARN with `*` stands for.
    """
    role.add_to_policy(
        iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=dict(conditions or {}))
    )
    for resource in resources:
        reason = "; ".join(FOR_ALL_RESOURCES[action] for action in actions) if resource == "*" else why_many
        if resource.endswith("*"):
            accept(role, f"AwsSolutions-IAM5[Resource::{resource.replace(Aws.PARTITION, '<AWS::Partition>')}]", reason)


def _objects(bucket_name: str, folder: str) -> str:
    place = f"{bucket_name}/{folder}" if folder else bucket_name
    return f"arn:{Aws.PARTITION}:s3:::{place}/*"


def _allow_key(role: iam.Role, bucket: s3.Bucket, action: str) -> None:
    if bucket.encryption_key:
        allow(role, [action], [bucket.encryption_key.key_arn])
