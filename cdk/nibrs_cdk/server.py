"""The Prefect server: its API for worker and flow runs in the network, its pages for people behind TLS and a login."""

from aws_cdk import CfnOutput, Duration, SecretValue
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_servicediscovery as discovery
from constructs import Construct

from nibrs_cdk.database import DATABASE_NAME, DatabaseStack
from nibrs_cdk.environment import PREFECT_IMAGE_TAG, PREFECT_PORT, Environment
from nibrs_cdk.exceptions import NO_SECRETS, accept
from nibrs_cdk.logs import log_group
from nibrs_cdk.network import NetworkStack
from nibrs_cdk.registry import RegistryStack
from nibrs_cdk.rights import execution_role, task_role
from nibrs_cdk.stack import EnvironmentStack
from nibrs_cdk.storage import StorageStack


class ServerStack(EnvironmentStack):
    """The cluster, the server in it, and the load balancer before it."""

    def __init__(
        self,
        scope: Construct,
        environment: Environment,
        network: NetworkStack,
        storage: StorageStack,
        registry: RegistryStack,
        database: DatabaseStack,
    ) -> None:
        super().__init__(scope, "server", environment)
        self.cluster = ecs.Cluster(
            self,
            "Cluster",
            cluster_name=environment.prefix,
            vpc=network.vpc,
            container_insights_v2=ecs.ContainerInsights.ENABLED,
            enable_fargate_capacity_providers=True,
            # The operators' tunnel passes on a port and runs no commands, so there is nothing to log.
            execute_command_configuration=ecs.ExecuteCommandConfiguration(logging=ecs.ExecuteCommandLogging.NONE),
            default_cloud_map_namespace=ecs.CloudMapNamespaceOptions(name=environment.namespace, vpc=network.vpc),
        )
        self.service = self._service(environment, network, registry, database)
        self.load_balancer, self.targets = self._load_balancer(environment, network, storage)
        CfnOutput(self, "Address", value=f"https://{environment.domain_name}")
        CfnOutput(self, "LoadBalancerName", value=self.load_balancer.load_balancer_dns_name)

    def _service(
        self, environment: Environment, network: NetworkStack, registry: RegistryStack, database: DatabaseStack
    ) -> ecs.FargateService:
        log = log_group(self, "Log", f"/{environment.prefix}/server", environment)
        # Without rights, but for those of the operators' tunnel, which enable_execute_command adds.
        role = task_role(self, "Role")
        accept(role, "AwsSolutions-IAM5[Resource::*]", "Session Manager's channels have no names that AWS could limit.")
        definition = ecs.FargateTaskDefinition(
            self,
            "Task",
            family=f"{environment.prefix}-server",
            cpu=1024,
            memory_limit_mib=2048,
            task_role=role,
            execution_role=execution_role(self, "ExecutionRole", repository=registry.prefect, log=log),
        )
        accept(definition, "AwsSolutions-ECS2", NO_SECRETS)
        definition.add_container(
            "server",
            image=ecs.ContainerImage.from_ecr_repository(registry.prefect, PREFECT_IMAGE_TAG),
            command=["prefect", "server", "start"],
            port_mappings=[ecs.PortMapping(container_port=PREFECT_PORT)],
            logging=ecs.LogDrivers.aws_logs(stream_prefix="server", log_group=log),
            environment={
                "PREFECT_SERVER_API_HOST": "0.0.0.0",
                "PREFECT_SERVER_API_PORT": str(PREFECT_PORT),
                "PREFECT_SERVER_UI_API_URL": f"https://{environment.domain_name}/api",
                "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
                "PREFECT_SERVER_DATABASE_DRIVER": "postgresql+asyncpg",
                "PREFECT_SERVER_DATABASE_HOST": database.cluster.cluster_endpoint.hostname,
                "PREFECT_SERVER_DATABASE_PORT": "5432",
                "PREFECT_SERVER_DATABASE_USER": "prefect",
                "PREFECT_SERVER_DATABASE_NAME": DATABASE_NAME,
                # A small database that wakes up may take this long.
                "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
                "PREFECT_SERVER_DATABASE_CONNECTION_TIMEOUT": "60",
            },
            secrets={
                "PREFECT_SERVER_DATABASE_PASSWORD": ecs.Secret.from_secrets_manager(database.secret, "password"),
            },
        )
        return ecs.FargateService(
            self,
            "Service",
            service_name="server",
            cluster=self.cluster,
            task_definition=definition,
            desired_count=1,
            # One server at a time: its background services are not made to run twice. The worker waits meanwhile.
            min_healthy_percent=0,
            max_healthy_percent=100,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            health_check_grace_period=Duration.minutes(5),
            vpc_subnets=network.tasks,
            security_groups=[network.server],
            assign_public_ip=False,
            cloud_map_options=ecs.CloudMapOptions(
                name="server", dns_record_type=discovery.DnsRecordType.A, dns_ttl=Duration.seconds(10)
            ),
            # Operators reach the API by a tunnel of Session Manager to this task (`tunnel`).
            enable_execute_command=True,
        )

    def _load_balancer(
        self, environment: Environment, network: NetworkStack, storage: StorageStack
    ) -> tuple[elb.ApplicationLoadBalancer, elb.ApplicationTargetGroup]:
        balancer = elb.ApplicationLoadBalancer(
            self,
            "LoadBalancer",
            load_balancer_name=environment.prefix,
            vpc=network.vpc,
            vpc_subnets=network.load_balancer_subnets,
            internet_facing=environment.internet_facing,
            security_group=network.load_balancer,
            drop_invalid_header_fields=True,
            deletion_protection=environment.protect_data,
            # Prefect's pages hold a connection open for events.
            idle_timeout=Duration.minutes(5),
        )
        balancer.log_access_logs(storage.logs, "load-balancer")
        balancer.add_redirect(open=False)
        targets = elb.ApplicationTargetGroup(
            self,
            "Targets",
            vpc=network.vpc,
            protocol=elb.ApplicationProtocol.HTTP,
            port=PREFECT_PORT,
            targets=[self.service],
            deregistration_delay=Duration.seconds(30),
            health_check=elb.HealthCheck(
                path="/api/health", interval=Duration.seconds(30), unhealthy_threshold_count=3
            ),
        )
        login = environment.login
        balancer.add_listener(
            "Https",
            port=443,
            open=False,
            ssl_policy=elb.SslPolicy.RECOMMENDED_TLS,
            certificates=[acm.Certificate.from_certificate_arn(self, "Certificate", environment.certificate_arn)],
            default_action=elb.ListenerAction.authenticate_oidc(
                issuer=login.issuer,
                authorization_endpoint=login.authorization_endpoint,
                token_endpoint=login.token_endpoint,
                user_info_endpoint=login.user_info_endpoint,
                client_id=login.client_id,
                client_secret=SecretValue.secrets_manager(login.client_secret_arn),
                session_timeout=Duration.hours(12),
                allow_https_outbound=False,  # the network stack allows it
                next=elb.ListenerAction.forward([targets]),
            ),
        )
        return balancer, targets
