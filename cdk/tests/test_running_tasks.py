"""The report of running tasks, as AWS Lambda would call it, against moto."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

HANDLER = Path(__file__).resolve().parents[1] / "nibrs_cdk/running_tasks/running_tasks.py"


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module as it is deployed: a file of its own."""
    spec = importlib.util.spec_from_file_location("running_tasks", HANDLER)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    settings = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    for name, value in {**settings, "CLUSTER": "nibrs-dev", "LONG_HOURS": "12"}.items():
        monkeypatch.setenv(name, value)
    return module


def _cluster() -> Any:
    ecs = boto3.client("ecs")
    ecs.create_cluster(clusterName="nibrs-dev")
    ecs.register_task_definition(
        family="nibrs-dev-flow-run",
        networkMode="awsvpc",
        cpu="1024",
        memory="2048",
        containerDefinitions=[{"name": "prefect", "image": "x", "cpu": 1024, "memory": 2048}],
    )
    return ecs


def _start(ecs: Any, name: str) -> None:
    ec2 = boto3.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    ecs.run_task(
        cluster="nibrs-dev",
        taskDefinition="nibrs-dev-flow-run",
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet], "securityGroups": [group]}},
        tags=[{"key": "prefect.io/flow-run-name", "value": name}],
    )


def _inbox(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A queue that gets what the topic gets."""
    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    queue = sqs.create_queue(QueueName="inbox")["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:inbox")
    monkeypatch.setenv("TOPIC_ARN", topic)
    return lambda: json.loads(sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"])


@mock_aws
def test_every_task_is_named(report: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ecs, inbox = _cluster(), _inbox(monkeypatch)
    _start(ecs, "all-2024-night")
    _start(ecs, "all-2024-day")
    report.handler({}, None)
    message = inbox()
    assert message["Subject"] == "nibrs-dev: 2 tasks run, 2 of them flow runs"
    assert "flow run all-2024-night: 0.0 hours" in message["Message"]
    assert "flow run all-2024-day: 0.0 hours" in message["Message"]


@mock_aws
def test_long_run_is_in_the_subject(report: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ecs, inbox = _cluster(), _inbox(monkeypatch)
    _start(ecs, "all-2024")
    monkeypatch.setenv("LONG_HOURS", "-1")
    report.handler({}, None)
    assert inbox()["Subject"].endswith("1 of them flow runs, 1 for more than -1 hours")


@mock_aws
def test_empty_cluster_is_reported_too(report: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _cluster()
    inbox = _inbox(monkeypatch)
    report.handler({}, None)
    assert inbox()["Subject"] == "nibrs-dev: 0 tasks run, 0 of them flow runs"
