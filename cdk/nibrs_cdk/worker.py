"""The worker: it asks the server for flow runs, starts a Fargate task for each, and learns how the tasks end.

It stops none: a flow run that is cancelled ends its own container.
"""

from aws_cdk import ArnFormat, CfnOutput, Duration
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from nibrs_cdk.environment import PREFECT_IMAGE_TAG, WORK_POOL, Environment
from nibrs_cdk.exceptions import NO_SECRETS, accept
from nibrs_cdk.flow_run import FlowRuns
from nibrs_cdk.logs import log_group
from nibrs_cdk.network import NetworkStack
from nibrs_cdk.registry import RegistryStack
from nibrs_cdk.rights import allow, execution_role, task_role
from nibrs_cdk.server import ServerStack
from nibrs_cdk.stack import EnvironmentStack
from nibrs_cdk.storage import StorageStack

# The pool is updated, not overwritten: a pool that an operator paused stays paused.
START = """
set -e
printf '%s' "$WORK_POOL_TEMPLATE" > /tmp/work-pool.json
prefect work-pool update "$WORK_POOL" --base-job-template /tmp/work-pool.json \
  || prefect work-pool create "$WORK_POOL" --type ecs --base-job-template /tmp/work-pool.json
exec prefect worker start --pool "$WORK_POOL" --type ecs --name worker
"""


class WorkerStack(EnvironmentStack):
    """One worker, and the queue through which ECS tells it that a task has stopped."""

    def __init__(
        self,
        scope: Construct,
        environment: Environment,
        network: NetworkStack,
        storage: StorageStack,
        registry: RegistryStack,
        server: ServerStack,
    ) -> None:
        super().__init__(scope, "worker", environment)
        self.flow_runs = FlowRuns(self, environment, network, storage, registry)
        self.events, self.lost_events = self._events(environment, server)
        log = log_group(self, "Log", f"/{environment.prefix}/worker", environment)
        role = task_role(self, "Role")
        self._allow_flow_runs(role, environment, server)
        definition = ecs.FargateTaskDefinition(
            self,
            "Task",
            family=f"{environment.prefix}-worker",
            cpu=256,
            memory_limit_mib=1024,
            task_role=role,
            execution_role=execution_role(self, "ExecutionRole", repository=registry.prefect, log=log),
        )
        accept(definition, "AwsSolutions-ECS2", NO_SECRETS)
        definition.add_container(
            "worker",
            image=ecs.ContainerImage.from_ecr_repository(registry.prefect, PREFECT_IMAGE_TAG),
            command=["sh", "-c", START],
            logging=ecs.LogDrivers.aws_logs(stream_prefix="worker", log_group=log),
            environment={
                "PREFECT_API_URL": environment.api_url,
                "PREFECT_API_REQUEST_TIMEOUT": "300",
                "PREFECT_INTEGRATIONS_AWS_ECS_OBSERVER_SQS_QUEUE_NAME": self.events.queue_name,
                "WORK_POOL": WORK_POOL,
                "WORK_POOL_TEMPLATE": self.to_json_string(self.flow_runs.work_pool_template),
                "AWS_RETRY_MODE": "adaptive",
                "AWS_MAX_ATTEMPTS": "10",
            },
        )
        self.service = ecs.FargateService(
            self,
            "Service",
            service_name="worker",
            cluster=server.cluster,
            task_definition=definition,
            desired_count=1,
            min_healthy_percent=0,
            max_healthy_percent=100,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            vpc_subnets=network.tasks,
            security_groups=[network.worker],
            assign_public_ip=False,
        )
        CfnOutput(self, "WorkPool", value=WORK_POOL)
        CfnOutput(self, "FlowRunLog", value=self.flow_runs.log.log_group_name)

    def _events(self, environment: Environment, server: ServerStack) -> tuple[sqs.Queue, sqs.Queue]:
        lost = sqs.Queue(
            self,
            "LostEvents",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        queue = sqs.Queue(
            self,
            "Events",
            queue_name=f"{environment.prefix}-task-events",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(7),
            visibility_timeout=Duration.minutes(5),
            dead_letter_queue=sqs.DeadLetterQueue(queue=lost, max_receive_count=3),
        )
        events.Rule(
            self,
            "TaskStateChange",
            description="Tells the worker how tasks of the cluster end",
            event_pattern=events.EventPattern(
                source=["aws.ecs"],
                detail_type=["ECS Task State Change"],
                detail={"clusterArn": [server.cluster.cluster_arn]},
            ),
            targets=[targets.SqsQueue(queue)],
        )
        return queue, lost

    def _allow_flow_runs(self, role: iam.Role, environment: Environment, server: ServerStack) -> None:
        in_cluster = {"ArnEquals": {"ecs:cluster": server.cluster.cluster_arn}}
        definitions = self.format_arn(
            service="ecs", resource="task-definition", resource_name=f"{self.flow_runs.family}:*"
        )
        tasks = self.format_arn(service="ecs", resource="task", resource_name=f"{environment.prefix}/*")
        tasks_of_cluster = "Tasks get their names when they start; all of this cluster belong to the pipeline."
        allow(role, ["ecs:RegisterTaskDefinition", "ecs:DescribeTaskDefinition"], ["*"])
        allow(role, ["ecs:RunTask"], [definitions], in_cluster, why_many="Each release has its revision.")
        allow(role, ["ecs:DescribeTasks"], [tasks], in_cluster, why_many=tasks_of_cluster)
        allow(
            role,
            ["ecs:TagResource"],
            [tasks],
            {"StringEquals": {"ecs:CreateAction": "RunTask"}},
            why_many=tasks_of_cluster,
        )
        allow(
            role,
            ["iam:PassRole"],
            [self.flow_runs.role.role_arn, self.flow_runs.execution_role.role_arn],
            {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        )
        allow(
            role,
            ["sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"],
            [self.events.queue_arn],
        )
        # The last lines of a task that died before it reached the server.
        streams = self.format_arn(
            service="logs",
            resource="log-group",
            resource_name=f"{self.flow_runs.log_name}:log-stream:*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        allow(role, ["logs:GetLogEvents"], [streams], why_many="Each flow run has a log stream of its own.")
