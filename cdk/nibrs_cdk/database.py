"""The database in which Prefect keeps deployments, runs and their states."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_rds as rds
from constructs import Construct

from nibrs_cdk.environment import Environment
from nibrs_cdk.exceptions import accept
from nibrs_cdk.logs import log_group
from nibrs_cdk.network import NetworkStack
from nibrs_cdk.stack import EnvironmentStack

DATABASE_NAME = "prefect"


class DatabaseStack(EnvironmentStack):
    """Aurora PostgreSQL, serverless: it grows with the number of runs that are watched, and costs little at rest."""

    def __init__(self, scope: Construct, environment: Environment, network: NetworkStack) -> None:
        super().__init__(scope, "database", environment)
        least, most = environment.database_capacity
        engine = rds.DatabaseClusterEngine.aurora_postgres(version=rds.AuroraPostgresEngineVersion.VER_16_8)
        identifier = f"{environment.prefix}-prefect"
        # The database writes to a group of this name; made here, it has a retention.
        log = log_group(self, "Log", f"/aws/rds/cluster/{identifier}/postgresql", environment)
        self.cluster = rds.DatabaseCluster(
            self,
            "Prefect",
            cluster_identifier=identifier,
            engine=engine,
            credentials=rds.Credentials.from_generated_secret(
                "prefect", secret_name=f"{environment.prefix}/prefect-database"
            ),
            default_database_name=DATABASE_NAME,
            writer=rds.ClusterInstance.serverless_v2("Writer"),
            serverless_v2_min_capacity=least,
            serverless_v2_max_capacity=most,
            vpc=network.vpc,
            vpc_subnets=network.database_subnets,
            security_groups=[network.database],
            parameter_group=rds.ParameterGroup(
                self, "Parameters", engine=engine, description="TLS only", parameters={"rds.force_ssl": "1"}
            ),
            storage_encrypted=True,
            backup=rds.BackupProps(retention=Duration.days(14)),
            copy_tags_to_snapshot=True,
            deletion_protection=environment.protect_data,
            removal_policy=RemovalPolicy.SNAPSHOT if environment.protect_data else RemovalPolicy.DESTROY,
            cloudwatch_logs_exports=["postgresql"],
        )
        self.cluster.node.add_dependency(log)
        accept(
            self.cluster,
            "AwsSolutions-SMG4",
            "Prefect reads the password when it starts, so a rotation must restart it; README.md says how to do both.",
        )
        accept(
            self.cluster,
            "AwsSolutions-RDS6",
            "Prefect logs in with a password. Only the server's security group can connect.",
        )
        if not environment.protect_data:
            accept(self.cluster, "AwsSolutions-RDS10", "protect_data=False: this environment may be deleted.")
        secret = self.cluster.secret
        assert secret is not None  # made by from_generated_secret
        self.secret = secret
