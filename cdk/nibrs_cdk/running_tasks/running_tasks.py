"""Reports twice a day what runs in the cluster, so that nothing runs and costs unseen."""

import datetime as dt
import os
from typing import Any

import boto3  # in the runtime of AWS Lambda

NAME_TAG = "prefect.io/flow-run-name"


def handler(_event: dict[str, Any], _context: object) -> str:
    """Publish the report to the topic; the settings are CLUSTER, TOPIC_ARN and LONG_HOURS."""
    cluster = os.environ["CLUSTER"]
    now = dt.datetime.now(dt.UTC)
    tasks = _running(cluster)
    hours = {task["taskArn"]: (now - task.get("startedAt", now)).total_seconds() / 3600 for task in tasks}
    flow_runs = [task for task in tasks if not task["group"].startswith("service:")]
    long = [task for task in flow_runs if hours[task["taskArn"]] > float(os.environ["LONG_HOURS"])]
    subject = f"{cluster}: {len(tasks)} tasks run, {len(flow_runs)} of them flow runs"
    if long:
        subject += f", {len(long)} for more than {os.environ['LONG_HOURS']} hours"
    lines = [f"{_name(task)}: {hours[task['taskArn']]:.1f} hours" for task in tasks]
    boto3.client("sns").publish(
        TopicArn=os.environ["TOPIC_ARN"], Subject=subject[:100], Message="\n".join([subject, "", *lines])
    )
    return subject


def _running(cluster: str) -> list[dict[str, Any]]:
    ecs = boto3.client("ecs")
    tasks: list[dict[str, Any]] = []
    # A page has at most 100 tasks, as many as one description may ask for.
    for page in ecs.get_paginator("list_tasks").paginate(cluster=cluster, desiredStatus="RUNNING"):
        if page["taskArns"]:
            tasks += ecs.describe_tasks(cluster=cluster, tasks=page["taskArns"], include=["TAGS"])["tasks"]
    return tasks


def _name(task: dict[str, Any]) -> str:
    tags = {tag["key"]: tag["value"] for tag in task.get("tags", [])}
    return f"flow run {tags[NAME_TAG]}" if NAME_TAG in tags else str(task["group"]).replace(":", " ")
