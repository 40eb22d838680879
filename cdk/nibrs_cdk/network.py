"""Where everything runs, and who may open a connection to whom."""

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from nibrs_cdk.environment import PREFECT_PORT, Environment, GivenNetwork, NewNetwork, SourceDatabase
from nibrs_cdk.exceptions import accept
from nibrs_cdk.logs import log_group
from nibrs_cdk.stack import EnvironmentStack

DASK_PORT = 8786
ZONES_WRITTEN_OUT = "The zones are part of an environment, so that synthesis needs no account."


class NetworkStack(EnvironmentStack):
    """A VPC, new or given, and one security group for each kind of thing in it.

    All rules between the groups stand here, so that this file answers who can reach what.
    """

    def __init__(self, scope: Construct, environment: Environment) -> None:
        super().__init__(scope, "network", environment)
        network = environment.network
        if isinstance(network, GivenNetwork):
            self.vpc = self._given(network)
            database_subnets = ec2.SubnetType.PRIVATE_WITH_EGRESS
        else:
            self.vpc = self._new(network, environment)
            database_subnets = ec2.SubnetType.PRIVATE_ISOLATED
        self.tasks = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS)
        self.database_subnets = ec2.SubnetSelection(subnet_type=database_subnets)
        self.load_balancer_subnets = (
            ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC) if environment.internet_facing else self.tasks
        )

        self.load_balancer = self._group("LoadBalancer", "Load balancer: people, after TLS and login")
        self.server = self._group("Server", "Prefect server")
        self.worker = self._group("Worker", "Prefect worker: starts flow runs")
        self.flow_run = self._group("FlowRun", "Flow runs")
        self.database = self._group("Database", "Database of Prefect")

        for port in (80, 443):
            self.load_balancer.add_ingress_rule(
                ec2.Peer.any_ipv4(), ec2.Port.tcp(port), "people (80 is sent on to 443)"
            )
        accept(
            self.load_balancer,
            "AwsSolutions-EC23",
            "Whoever reaches the load balancer may open it. It passes nothing on before a login.",
        )
        self._connect(self.load_balancer, self.server, PREFECT_PORT)
        self._connect(self.worker, self.server, PREFECT_PORT)
        self._connect(self.flow_run, self.server, PREFECT_PORT)
        self._connect(self.server, self.database, 5432)
        # The login provider, the registry, S3, logs, secrets, queues and the webhook are all reached by HTTPS.
        for group in (self.load_balancer, self.server, self.worker, self.flow_run):
            group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "HTTPS")
        source = environment.source_database
        if source:
            self._connect_to_source(self.flow_run, source)
        if environment.dask:
            # Workers exchange data with one another on ports of their own choice.
            self.dask = self._group("Dask", "Dask scheduler and workers")
            self._connect(self.flow_run, self.dask, DASK_PORT)
            self.dask.add_ingress_rule(self.dask, ec2.Port.tcp_range(1024, 65535), "among Dask's processes")
            self.dask.add_egress_rule(self.dask, ec2.Port.tcp_range(1024, 65535), "among Dask's processes")
            self.dask.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "HTTPS")
            if source:
                self._connect_to_source(self.dask, source)

    def _given(self, network: GivenNetwork) -> ec2.IVpc:
        vpc = ec2.Vpc.from_vpc_attributes(
            self,
            "Vpc",
            vpc_id=network.vpc_id,
            availability_zones=list(network.availability_zones),
            private_subnet_ids=list(network.private_subnet_ids),
            public_subnet_ids=list(network.public_subnet_ids) or None,
        )
        accept(vpc, "Annotation::@aws-cdk/aws-ec2:noSubnetRouteTableId", "Nothing here changes routes of a given VPC.")
        return vpc

    def _new(self, network: NewNetwork, environment: Environment) -> ec2.IVpc:
        vpc = ec2.Vpc(
            self,
            "Vpc",
            vpc_name=environment.prefix,
            ip_addresses=ec2.IpAddresses.cidr(network.cidr),
            availability_zones=list(network.availability_zones),
            # One gateway: if its zone fails, flow runs wait. A second one costs 33 USD a month more.
            nat_gateways=1,
            restrict_default_security_group=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="public", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=24, map_public_ip_on_launch=False
                ),
                ec2.SubnetConfiguration(name="tasks", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=20),
                ec2.SubnetConfiguration(name="database", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24),
            ],
            gateway_endpoints={"S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)},
        )
        rejected = log_group(self, "FlowLog", f"/{environment.prefix}/rejected-connections", environment)
        vpc.add_flow_log(
            "Rejected",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(rejected),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )
        accept(
            vpc,
            "CloudFormation-Validate::W3010",
            ZONES_WRITTEN_OUT,
        )
        return vpc

    def _group(self, name: str, description: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(self, name, vpc=self.vpc, description=description, allow_all_outbound=False)

    @staticmethod
    def _connect_to_source(client: ec2.SecurityGroup, source: SourceDatabase) -> None:
        client.add_egress_rule(ec2.Peer.ipv4(source.cidr), ec2.Port.tcp(source.port), "the FBI's database")

    @staticmethod
    def _connect(client: ec2.SecurityGroup, server: ec2.SecurityGroup, port: int) -> None:
        client.add_egress_rule(server, ec2.Port.tcp(port), f"to {server.node.id}")
        server.add_ingress_rule(client, ec2.Port.tcp(port), f"from {client.node.id}")
