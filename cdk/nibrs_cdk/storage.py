"""Buckets: external files, artifacts, and the logs of who read what."""

from typing import Any

from aws_cdk import CfnOutput, Duration, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from nibrs_cdk.environment import Environment
from nibrs_cdk.exceptions import accept
from nibrs_cdk.stack import EnvironmentStack

#: Folder of the artifacts' bucket through which Dask workers and flow runs exchange files. Files here expire. No run
#: publishes here, not even one whose run id is `work`: it has no folder `dask`.
WORK_FOLDER = "work/dask"
#: How long a run that was stopped finds the work of its Dask workers.
WORK_DAYS = 14


class StorageStack(EnvironmentStack):
    """Versioned and encrypted buckets without public access."""

    def __init__(self, scope: Construct, environment: Environment) -> None:
        super().__init__(scope, "storage", environment)
        self._environment = environment
        self._removal = RemovalPolicy.RETAIN if environment.protect_data else RemovalPolicy.DESTROY
        self.key = kms.Key(
            self,
            "Key",
            alias=f"alias/{environment.prefix}-data",
            description="Buckets of the NIBRS estimation pipeline",
            enable_key_rotation=True,
            removal_policy=self._removal,
        )
        # A load balancer can write its log only into a bucket with keys that S3 manages.
        self.logs = self._bucket(
            "Logs",
            encryption=s3.BucketEncryption.S3_MANAGED,
            lifecycle_rules=[
                s3.LifecycleRule(expiration=Duration.days(365), noncurrent_version_expiration=Duration.days(30))
            ],
        )
        accept(self.logs, "AwsSolutions-S1", "This bucket holds the access logs of the others.")
        self.externals = self._data_bucket("Externals", old_versions_days=365)
        # `nibrs archive` may copy to archive/, from where fetching takes hours and storage costs a twentieth.
        self.artifacts = self._data_bucket(
            "Artifacts",
            s3.LifecycleRule(
                prefix="archive/",
                transitions=[
                    s3.Transition(storage_class=s3.StorageClass.DEEP_ARCHIVE, transition_after=Duration.days(1))
                ],
            ),
            s3.LifecycleRule(
                prefix=f"{WORK_FOLDER}/",
                expiration=Duration.days(WORK_DAYS),
                noncurrent_version_expiration=Duration.days(1),
            ),
            old_versions_days=90,
        )

    def _data_bucket(self, name: str, *rules: s3.LifecycleRule, old_versions_days: int) -> s3.Bucket:
        bucket = self._bucket(
            name,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            server_access_logs_bucket=self.logs,
            server_access_logs_prefix=f"s3/{name.lower()}/",
            lifecycle_rules=[
                s3.LifecycleRule(
                    abort_incomplete_multipart_upload_after=Duration.days(7),
                    noncurrent_version_expiration=Duration.days(old_versions_days),
                    transitions=[
                        s3.Transition(
                            storage_class=s3.StorageClass.INTELLIGENT_TIERING, transition_after=Duration.days(30)
                        )
                    ],
                ),
                *rules,
            ],
        )
        CfnOutput(self, f"{name}Store", value=f"s3://{bucket.bucket_name}")
        return bucket

    def _bucket(self, name: str, **options: Any) -> s3.Bucket:
        return s3.Bucket(
            self,
            name,
            bucket_name=self._environment.bucket(name.lower()),
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            removal_policy=self._removal,
            **options,
        )
