"""The way of a flow run, from a deployment to a Fargate task, and how its end is learned.

Real here: a Prefect server, the worker with the command and the variables of its container in the template, the work
pool that it makes of them, S3 and the calls to AWS by HTTP, and the program itself on the stores of a flow run. AWS is
moto: it records tasks but starts none, and of the policies of roles it checks actions, not resources and conditions.
"""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

from nibrs_cdk.environment import WORK_POOL, GivenNetwork
from tests.conftest import TAG, Synthesized
from tests.resolve import Resolver

PROGRAM = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 150
_T = TypeVar("_T")


def _wait(what: str, get: Callable[[], _T], seconds: float = PATIENCE_SECONDS) -> _T:
    """The first value that is not empty."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if value := get():
                return value
        except (urllib.error.URLError, ConnectionError):
            pass
        time.sleep(0.5)
    pytest.fail(f"waited {seconds:.0f} seconds for {what}")


class Aws:
    """moto's server, with what CloudFormation would have made before a flow run."""

    def __init__(self, variant: Synthesized) -> None:
        self.variant = variant
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.server.start()
        self.url = "http://{}:{}".format(*self.server.get_host_and_port())
        self._keys = {"aws_access_key_id": "anyone", "aws_secret_access_key": "anyone"}
        self._keys = self._administrator()
        self.check_actions(on=True)
        ec2 = self.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{i}.0/24")["Subnet"]["SubnetId"]
            for i in range(len(variant.environment.network.availability_zones))
        ]
        self.security_group = ec2.create_security_group(GroupName="flow", Description="flow", VpcId=vpc)["GroupId"]
        network = variant.environment.network
        assert isinstance(network, GivenNetwork)
        self.subnets = dict(zip(network.private_subnet_ids, subnets, strict=True))
        self.resolver = Resolver(variant, {"Flow runs": self.security_group})
        self.cluster = self.client("ecs").create_cluster(clusterName=variant.environment.prefix)["cluster"]
        self.queue = self.client("sqs").create_queue(QueueName=f"{variant.environment.prefix}-task-events")["QueueUrl"]
        for content in ("externals", "artifacts"):
            self.client("s3").create_bucket(
                Bucket=variant.environment.bucket(content),
                CreateBucketConfiguration={"LocationConstraint": variant.environment.region},
            )

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=self.variant.environment.region,
            **self._keys,
        )

    def _administrator(self) -> dict[str, str]:
        """Keys that allow everything: those of CloudFormation and of the test itself."""
        iam = self.client("iam")
        iam.create_user(UserName="administrator")
        everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        iam.put_user_policy(UserName="administrator", PolicyName="all", PolicyDocument=json.dumps(everything))
        key = iam.create_access_key(UserName="administrator")["AccessKey"]
        return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}

    def check_actions(self, *, on: bool) -> None:
        """Have moto refuse, from now on, what the policies of the caller do not allow; or no longer."""
        free = b"0" if on else b"inf"
        request = urllib.request.Request(
            f"{self.url}/moto-api/reset-auth", data=free, headers={"Content-Type": "application/octet-stream"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200

    def resolve(self, value: Any, stack: str = "worker") -> Any:
        resolved = json.dumps(self.resolver.resolve(value, stack))
        for sample, real in self.subnets.items():
            resolved = resolved.replace(sample, real)
        return json.loads(resolved)

    def credentials(self, policy: dict[str, Any]) -> dict[str, str]:
        """Credentials of a role with this policy, as a container has them."""
        statements = [
            {"Effect": s["Effect"], "Action": s["Action"], "Resource": "*"}
            for s in policy["PolicyDocument"]["Statement"]
        ]
        iam, name = self.client("iam"), f"role-{uuid.uuid4().hex[:8]}"
        trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_role_policy(RoleName=name, PolicyName="template", PolicyDocument=document)
        keys = self.client("sts").assume_role(RoleArn=role, RoleSessionName="container")["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
        }


@pytest.fixture(scope="module")
def aws(synthesized: dict[str, Synthesized]) -> Iterator[Aws]:
    aws = Aws(synthesized["prod"])
    yield aws
    aws.check_actions(on=False)
    aws.server.stop()


class Prefect:
    """A Prefect server, spoken to by its API."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str) -> Any:
        return self._send(urllib.request.Request(f"{self.url}{path}"))

    def post(self, path: str, **body: Any) -> Any:
        headers = {"Content-Type": "application/json"}
        return self._send(urllib.request.Request(f"{self.url}{path}", data=json.dumps(body).encode(), headers=headers))

    def _send(self, request: urllib.request.Request) -> Any:
        """Send a request, and again while the server says that it is busy."""
        for attempt in range(5):
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return json.loads(answer.read() or "null")
            except urllib.error.HTTPError as error:
                if error.code != 503:
                    raise
                time.sleep(2**attempt)
        pytest.fail(f"Prefect's server was busy all the time: {request.full_url}")

    def state(self, run: str) -> str:
        return str(self.get(f"/flow_runs/{run}")["state"]["type"])


def _base_environment(home: Path) -> dict[str, str]:
    keep = ("PATH", "LANG", "SSL_CERT_FILE", "TMPDIR")
    return {
        **{name: os.environ[name] for name in keep if name in os.environ},
        "HOME": str(home),
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "NO_PROXY": "127.0.0.1",
    }


@pytest.fixture(scope="module")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prefect]:
    home = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            ["prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)],
            env=_base_environment(home),
            stdout=log,
            stderr=log,
        )
    server = Prefect(f"http://127.0.0.1:{port}/api")
    try:
        _wait("Prefect's server", lambda: server.get("/health"))
        yield server
    finally:
        process.terminate()
        process.wait(120)


@pytest.fixture(scope="module")
def worker(aws: Aws, prefect: Prefect, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The worker's container, as its task definition says; the path is that of its log."""
    home = tmp_path_factory.mktemp("worker")
    (definition,) = aws.variant.resources("AWS::ECS::TaskDefinition", "worker")
    (container,) = definition["ContainerDefinitions"]
    variables = {entry["Name"]: aws.resolve(entry["Value"]) for entry in container["Environment"]}
    policies = aws.variant.resources("AWS::IAM::Policy", "worker")
    (policy,) = [p for p in policies if p["PolicyName"].startswith("RoleDefaultPolicy")]
    variables |= aws.credentials(policy)
    variables |= {
        "PREFECT_API_URL": prefect.url,
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_REGION": aws.variant.environment.region,
    }
    variables |= {"AWS_DEFAULT_REGION": aws.variant.environment.region}
    # Faster than in production, so that the test need not wait.
    variables |= {"PREFECT_WORKER_QUERY_SECONDS": "1", "PREFECT_WORKER_HEARTBEAT_SECONDS": "2"}
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            container["Command"], env=_base_environment(home) | variables, stdout=log, stderr=log, cwd=home
        )
    try:
        _wait("the work pool", lambda: [p for p in prefect.post("/work_pools/filter") if p["name"] == WORK_POOL])
        yield home / "log"
    finally:
        process.terminate()
        # It waits for tasks that never end here, and is killed as ECS kills a container that does not stop.
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def deployment(prefect: Prefect, worker: Path, aws: Aws) -> str:
    """A deployment with an image tagged by commit, as `nibrs deploy` registers it."""
    assert worker.exists()
    flow = prefect.post("/flows/", name="all")["id"]
    environment = aws.variant.environment
    image = f"{environment.registry}/{environment.prefix}/flow:{TAG}"
    body = {"name": TAG[:12], "flow_id": flow, "work_pool_name": WORK_POOL, "job_variables": {"image": image}}
    return str(prefect.post("/deployments/", **body, entrypoint="deployments.py:flow_all")["id"])


def _start(prefect: Prefect, deployment: str) -> str:
    return str(prefect.post(f"/deployments/{deployment}/create_flow_run", state={"type": "SCHEDULED"})["id"])


def _task_of(aws: Aws, run: str, log: Path) -> dict[str, Any]:
    """The task that was started for a flow run."""
    ecs = aws.client("ecs")
    cluster = aws.variant.environment.prefix

    def find() -> dict[str, Any]:
        arns = (
            ecs.list_tasks(cluster=cluster)["taskArns"]
            + ecs.list_tasks(cluster=cluster, desiredStatus="STOPPED")["taskArns"]
        )
        tasks = ecs.describe_tasks(cluster=cluster, tasks=arns, include=["TAGS"])["tasks"] if arns else []
        found = [task for task in tasks if {"key": "prefect.io/flow-run-id", "value": run} in task.get("tags", [])]
        return found[0] if found else {}

    try:
        return _wait("the task of the flow run", find)
    except pytest.fail.Exception:
        print(log.read_text())
        raise


def test_flow_run_becomes_a_task_as_the_template_says(
    aws: Aws, prefect: Prefect, worker: Path, deployment: str
) -> None:
    run = _start(prefect, deployment)
    task = _task_of(aws, run, worker)
    definition = aws.client("ecs").describe_task_definition(taskDefinition=task["taskDefinitionArn"])["taskDefinition"]
    environment = aws.variant.environment
    (container,) = definition["containerDefinitions"]
    variables = {entry["name"]: entry["value"] for entry in container["environment"]}
    (override,) = task["overrides"]["containerOverrides"]
    given = {entry["name"]: entry["value"] for entry in override["environment"]}

    assert definition["family"] == f"{environment.prefix}-flow-run"
    assert (definition["cpu"], definition["memory"]) == ("4096", "30720")
    assert definition["ephemeralStorage"] == {"sizeInGiB": 100}
    assert definition["taskRoleArn"].split("/")[1].startswith("FlowRunsRole")
    assert definition["executionRoleArn"].split("/")[1].startswith("FlowRunsExecutionRole")
    assert container["image"] == f"{environment.registry}/{environment.prefix}/flow:{TAG}"
    assert container["logConfiguration"]["options"]["awslogs-group"] == f"/{environment.prefix}/flow-runs"
    assert {secret["name"] for secret in container["secrets"]} >= {"PGHOST", "PGPASSWORD"}
    assert variables["EXTERNAL_STORE"] == f"s3://{environment.bucket('externals')}"
    assert variables["ARTIFACT_STORE"] == f"s3://{environment.bucket('artifacts')}"
    assert variables["PREFECT_API_URL"] == environment.api_url
    assert override["command"] == ["prefect", "flow-run", "execute"]
    assert given["PREFECT__FLOW_RUN_ID"] == run
    # Credentials of the worker never reach a flow run.
    assert [name for name in given if name.startswith("AWS_") or "PASSWORD" in name] == []
    assert task["launchType"] == "FARGATE"
    assert {"key": "project", "value": environment.prefix} in task["tags"]
    details = {d["name"]: d["value"] for attachment in task["attachments"] for d in attachment["details"]}
    assert details["subnetId"] in aws.subnets.values()


def test_worker_may_do_nothing_else(aws: Aws, worker: Path) -> None:
    assert worker.exists()
    policies = aws.variant.resources("AWS::IAM::Policy", "worker")
    (policy,) = [p for p in policies if p["PolicyName"].startswith("RoleDefaultPolicy")]
    keys = {name.lower(): value for name, value in aws.credentials(policy).items()}
    ecs = boto3.client("ecs", endpoint_url=aws.url, region_name=aws.variant.environment.region, **keys)
    with pytest.raises(ClientError, match="not authorized to perform: ecs:DeleteCluster"):
        ecs.delete_cluster(cluster=aws.variant.environment.prefix)


def test_second_run_of_a_release_uses_its_definition(aws: Aws, prefect: Prefect, worker: Path, deployment: str) -> None:
    tasks = [_task_of(aws, _start(prefect, deployment), worker) for _ in range(2)]
    assert len({task["taskDefinitionArn"] for task in tasks}) == 1


def test_run_cancelled_before_it_began_ends_in_its_container(
    aws: Aws, prefect: Prefect, worker: Path, deployment: str, tmp_path: Path
) -> None:
    """The container's command, run here as a process, with the variables that the worker gave to the task."""
    run = _start(prefect, deployment)
    (override,) = _task_of(aws, run, worker)["overrides"]["containerOverrides"]
    variables = {entry["name"]: entry["value"] for entry in override["environment"]}
    prefect.post(f"/flow_runs/{run}/set_state", state={"type": "CANCELLING", "name": "Cancelling"})
    environment = _base_environment(tmp_path) | variables | {"PREFECT_API_URL": prefect.url}
    done = subprocess.run(
        override["command"], env=environment, cwd=tmp_path, check=False, capture_output=True, text=True, timeout=300
    )
    assert prefect.state(run) == "CANCELLED", done.stdout + done.stderr


def test_task_that_dies_is_a_crashed_run(aws: Aws, prefect: Prefect, worker: Path, deployment: str) -> None:
    """The event has the form in which EventBridge writes it into the queue."""
    run = _start(prefect, deployment)
    task = _task_of(aws, run, worker)
    event = {
        "id": str(uuid.uuid4()),
        "source": "aws.ecs",
        "detail-type": "ECS Task State Change",
        "time": "2026-01-01T00:00:00Z",
        "detail": {
            "taskArn": task["taskArn"],
            "clusterArn": task["clusterArn"],
            "taskDefinitionArn": task["taskDefinitionArn"],
            "lastStatus": "STOPPED",
            "stopCode": "EssentialContainerExited",
            "stoppedReason": "Essential container in task exited",
            "containers": [{"name": "prefect", "exitCode": 137, "reason": "OutOfMemoryError", "lastStatus": "STOPPED"}],
        },
    }
    aws.client("sqs").send_message(QueueUrl=aws.queue, MessageBody=json.dumps(event))
    _wait("the run to be marked as crashed", lambda: prefect.state(run) == "CRASHED")


def test_paused_work_pool_stays_paused_when_the_worker_restarts(aws: Aws, prefect: Prefect, worker: Path) -> None:
    assert aws.url
    assert worker.exists()
    template = json.dumps(prefect.get(f"/work_pools/{WORK_POOL}")["base_job_template"])
    (definition,) = aws.variant.resources("AWS::ECS::TaskDefinition", "worker")
    assert "prefect work-pool update" in definition["ContainerDefinitions"][0]["Command"][2]
    file = worker.parent / "again.json"
    file.write_text(template)
    environment = _base_environment(worker.parent) | {"PREFECT_API_URL": prefect.url}
    subprocess.run(["prefect", "work-pool", "pause", WORK_POOL], check=True, env=environment, capture_output=True)
    update = ["prefect", "work-pool", "update", WORK_POOL, "--base-job-template", str(file)]
    subprocess.run(update, check=True, env=environment, capture_output=True)
    assert prefect.get(f"/work_pools/{WORK_POOL}")["is_paused"] is True


def test_program_publishes_to_the_stores_of_a_flow_run(aws: Aws, worker: Path, tmp_path: Path) -> None:
    """The program itself, with the variables of the flow run's container and the actions of its role."""
    uv = shutil.which("uv") or str(PROGRAM / ".uv/bin/uv")
    if not Path(uv).exists():
        pytest.skip("uv is not installed, so the program cannot be started in its own environment")
    assert worker.exists()
    definition = aws.client("ecs").describe_task_definition(taskDefinition=f"{aws.variant.environment.prefix}-flow-run")
    (container,) = definition["taskDefinition"]["containerDefinitions"]
    variables = {entry["name"]: entry["value"] for entry in container["environment"]}
    policies = aws.variant.resources("AWS::IAM::Policy", "worker")
    (policy,) = [p for p in policies if p["PolicyName"].startswith("FlowRunsRole")]
    variables |= aws.credentials(policy)
    variables |= {"SCRATCH_DIR": str(tmp_path / "scratch"), "S3_ENDPOINT_URL": aws.url}
    run = [uv, "run", "--frozen", "--project", str(PROGRAM), "nibrs", "run", "smoketest", "cloud"]
    done = subprocess.run(
        [*run, "--source", "synthetic:0.002", "--year", "2024", "--engine", "inline"],
        cwd=tmp_path,
        env=_base_environment(tmp_path) | {"HOME": os.environ["HOME"]} | variables,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    bucket = aws.variant.environment.bucket("artifacts")
    keys = [entry["Key"] for entry in aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]]
    (published,) = [key for key in keys if key.endswith("published.json")]
    content = json.loads(aws.client("s3").get_object(Bucket=bucket, Key=published)["Body"].read())
    assert content["state"] == "complete"
