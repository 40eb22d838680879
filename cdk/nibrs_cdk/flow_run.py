"""One flow run is one Fargate task: how it is made, what it may do, and the work pool that says so to Prefect.

The image differs from release to release. So the worker registers the task definition, from the template here, when it
starts the first run of a release; the CDK makes roles, log and buckets, and fills in their names.
"""

from typing import Any

from constructs import Construct

from nibrs_cdk.environment import Environment
from nibrs_cdk.logs import log_group
from nibrs_cdk.network import DASK_PORT, NetworkStack
from nibrs_cdk.registry import RegistryStack
from nibrs_cdk.rights import allow_publishing, allow_reading, execution_role, task_role
from nibrs_cdk.storage import WORK_FOLDER, StorageStack

CONTAINER = "prefect"


class FlowRuns(Construct):
    """Roles and log of flow runs, and the work pool's template from which the worker starts them."""

    def __init__(
        self,
        scope: Construct,
        environment: Environment,
        network: NetworkStack,
        storage: StorageStack,
        registry: RegistryStack,
    ) -> None:
        super().__init__(scope, "FlowRuns")
        self.family = f"{environment.prefix}-flow-run"
        self.log_name = f"/{environment.prefix}/flow-runs"
        self.log = log_group(self, "Log", self.log_name, environment)
        self.role = task_role(self, "Role")
        allow_reading(self.role, storage.externals, environment.bucket("externals"))
        allow_publishing(self.role, storage.artifacts, environment.bucket("artifacts"))
        self.execution_role = execution_role(
            self, "ExecutionRole", repository=registry.flow, log=self.log, secret_arns=_secret_arns(environment)
        )
        subnets = network.vpc.select_subnets(subnet_type=network.tasks.subnet_type).subnet_ids
        self.work_pool_template: dict[str, Any] = {
            "variables": _variables(environment),
            "job_configuration": {
                "command": "{{ command }}",
                "env": "{{ env }}",
                "labels": "{{ labels }}",
                "name": "{{ name }}",
                "cluster": environment.prefix,
                "container_name": CONTAINER,
                # One registered definition for each release and size, not for each run.
                "match_latest_revision_in_family": True,
                "task_definition": self._task_definition(environment, storage),
                "task_run_request": {
                    "cluster": environment.prefix,
                    "launchType": "FARGATE",
                    "networkConfiguration": {
                        "awsvpcConfiguration": {
                            "subnets": subnets,
                            "securityGroups": [network.flow_run.security_group_id],
                            "assignPublicIp": "DISABLED",
                        }
                    },
                    "overrides": {
                        "containerOverrides": [
                            {"name": CONTAINER, "command": "{{ command }}", "environment": "{{ env }}"}
                        ],
                    },
                    # Costs are told apart by this tag.
                    "tags": [{"key": "project", "value": environment.prefix}],
                },
            },
        }

    def _task_definition(self, environment: Environment, storage: StorageStack) -> dict[str, Any]:
        variables = {
            "EXTERNAL_STORE": f"s3://{storage.externals.bucket_name}",
            "ARTIFACT_STORE": f"s3://{storage.artifacts.bucket_name}",
            "SCRATCH_DIR": "/scratch",
            "AWS_REGION": environment.region,
            "NIBRS_WORKERS": str(environment.flow_run.cpu // 1024),
            "PREFECT_API_URL": environment.api_url,
        }
        variables |= dask_variables(environment)
        return {
            "family": self.family,
            "cpu": "{{ cpu }}",
            "memory": "{{ memory }}",
            "ephemeralStorage": {"sizeInGiB": environment.flow_run.disk_gib},
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
            "taskRoleArn": self.role.role_arn,
            "executionRoleArn": self.execution_role.role_arn,
            "containerDefinitions": [
                {
                    "name": CONTAINER,
                    "image": "{{ image }}",
                    "essential": True,
                    # The container has the whole task.
                    "cpu": "{{ cpu }}",
                    "memory": "{{ memory }}",
                    "environment": [{"name": name, "value": value} for name, value in variables.items()],
                    "secrets": _secrets(environment),
                    # Time to record that the run was stopped; two minutes are the most that Fargate gives.
                    "stopTimeout": 120,
                    "logConfiguration": {
                        "logDriver": "awslogs",
                        "options": {
                            "awslogs-group": self.log.log_group_name,
                            "awslogs-region": environment.region,
                            "awslogs-stream-prefix": "flow",
                        },
                    },
                }
            ],
        }


def dask_variables(environment: Environment) -> dict[str, str]:
    """Settings of flow runs that compute on the Dask cluster; none if there is no cluster, or if it has no workers."""
    dask = environment.dask
    if dask is None or not dask.workers:
        return {}
    return {
        "NIBRS_ENGINE": "dask",
        "DASK_SCHEDULER_ADDRESS": f"tcp://dask-scheduler.{environment.namespace}:{DASK_PORT}",
        # Workers have disks of their own.
        "WORK_STORE": f"s3://{environment.bucket('artifacts')}/{WORK_FOLDER}",
        # Units at the same time, and the memory of all workers together.
        "NIBRS_WORKERS": str(dask.workers),
        "NIBRS_MEMORY_GIB": str(dask.workers * dask.worker.memory_mib // 1024),
    }


def _variables(environment: Environment) -> dict[str, Any]:
    """What a deployment may say: its image, and another size."""
    return {
        "type": "object",
        "properties": {
            "image": {
                "type": "string",
                "title": "Image",
                "description": f"The flows at one commit: {environment.registry}/{environment.prefix}/flow:COMMIT.",
            },
            "cpu": {
                "type": "integer",
                "title": "CPU units (1,024 are one core)",
                "default": environment.flow_run.cpu,
            },
            "memory": {"type": "integer", "title": "Memory (MiB)", "default": environment.flow_run.memory_mib},
            "env": {
                "type": "object",
                "title": "Environment variables",
                "additionalProperties": {"type": "string"},
                "default": {},
            },
            "labels": {"type": "object", "title": "Tags", "additionalProperties": {"type": "string"}, "default": {}},
            "name": {"type": "string", "title": "Name"},
            "command": {"type": "string", "title": "Command"},
        },
        "required": ["image"],
    }


def _secrets(environment: Environment) -> list[dict[str, str]]:
    secrets = []
    if source := environment.source_database:
        keys = ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE")
        secrets += [{"name": key, "valueFrom": f"{source.secret_arn}:{key}::"} for key in keys]
    if environment.webhook_secret_arn:
        secrets.append({"name": "NIBRS_WEBHOOK_URL", "valueFrom": environment.webhook_secret_arn})
    return secrets


def _secret_arns(environment: Environment) -> list[str]:
    source = environment.source_database
    return [arn for arn in (source.secret_arn if source else None, environment.webhook_secret_arn) if arn]
