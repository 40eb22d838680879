"""A Dask cluster, for runs that one machine does not finish in time: a scheduler, and workers on spare capacity."""

from aws_cdk import Duration
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_servicediscovery as discovery
from constructs import Construct

from nibrs_cdk.environment import Dask, Environment, Size
from nibrs_cdk.exceptions import NO_SECRETS, accept
from nibrs_cdk.logs import log_group
from nibrs_cdk.network import DASK_PORT, NetworkStack
from nibrs_cdk.registry import RegistryStack
from nibrs_cdk.rights import allow_publishing, execution_role, task_role
from nibrs_cdk.server import ServerStack
from nibrs_cdk.stack import EnvironmentStack
from nibrs_cdk.storage import WORK_FOLDER, StorageStack

SCHEDULER = Size(cpu=1024, memory_mib=4096)


class DaskStack(EnvironmentStack):
    """Scheduler and workers run the image of the flows, and exchange files with flow runs through S3.

    They need no settings: a flow run sends its own, with the password of the database, to whoever computes for it.
    """

    def __init__(
        self,
        scope: Construct,
        environment: Environment,
        dask: Dask,
        network: NetworkStack,
        storage: StorageStack,
        registry: RegistryStack,
        server: ServerStack,
    ) -> None:
        super().__init__(scope, "dask", environment)
        self._log = log_group(self, "Log", f"/{environment.prefix}/dask", environment)
        self._role = task_role(self, "Role")
        allow_publishing(self._role, storage.artifacts, environment.bucket("artifacts"), WORK_FOLDER)
        self._execution_role = execution_role(self, "ExecutionRole", repository=registry.flow, log=self._log)
        self._image = ecs.ContainerImage.from_ecr_repository(registry.flow, dask.image_tag)
        address = f"tcp://dask-scheduler.{environment.namespace}:{DASK_PORT}"

        ecs.FargateService(
            self,
            "Scheduler",
            service_name="dask-scheduler",
            cluster=server.cluster,
            task_definition=self._definition(
                "scheduler",
                environment,
                SCHEDULER,
                ["dask", "scheduler", "--port", str(DASK_PORT)],
            ),
            desired_count=1,
            min_healthy_percent=0,
            max_healthy_percent=100,
            vpc_subnets=network.tasks,
            security_groups=[network.dask],
            assign_public_ip=False,
            cloud_map_options=ecs.CloudMapOptions(
                name="dask-scheduler", dns_record_type=discovery.DnsRecordType.A, dns_ttl=Duration.seconds(10)
            ),
        )
        ecs.FargateService(
            self,
            "Workers",
            service_name="dask-worker",
            cluster=server.cluster,
            task_definition=self._definition(
                "worker",
                environment,
                dask.worker,
                # One unit of work at a time: a unit uses the threads of its task, and claims its memory. The flow run
                # counts memory; Dask would stop a worker that uses much of it.
                ["dask", "worker", address, "--nthreads", "1", "--memory-limit", "0", "--local-directory", "/scratch"],
            ),
            desired_count=dask.workers,
            min_healthy_percent=0,
            # A worker that is taken away costs the units that it was doing; Dask gives them to another.
            capacity_provider_strategies=[ecs.CapacityProviderStrategy(capacity_provider="FARGATE_SPOT", weight=1)],
            vpc_subnets=network.tasks,
            security_groups=[network.dask],
            assign_public_ip=False,
        )

    def _definition(
        self, name: str, environment: Environment, size: Size, command: list[str]
    ) -> ecs.FargateTaskDefinition:
        definition = ecs.FargateTaskDefinition(
            self,
            f"{name.title()}Task",
            family=f"{environment.prefix}-dask-{name}",
            cpu=size.cpu,
            memory_limit_mib=size.memory_mib,
            ephemeral_storage_gib=size.disk_gib,
            task_role=self._role,
            execution_role=self._execution_role,
        )
        accept(definition, "AwsSolutions-ECS2", NO_SECRETS)
        definition.add_container(
            name,
            image=self._image,
            command=command,
            logging=ecs.LogDrivers.aws_logs(stream_prefix=name, log_group=self._log),
            environment={"AWS_REGION": environment.region, "SCRATCH_DIR": "/scratch"},
        )
        return definition
