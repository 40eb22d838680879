"""What matters in the templates, for all variants of an environment."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk.aws_s3 import Bucket

from environments import DEV
from nibrs_cdk.application import lint
from nibrs_cdk.environment import PREFECT_IMAGE_TAG, RETENTION_DAYS, Dask
from nibrs_cdk.flow_run import dask_variables
from nibrs_cdk.rights import FOR_ALL_RESOURCES
from tests.conftest import TAG, VARIANTS, Synthesized
from tests.resolve import Resolver


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _statements(variant: Synthesized) -> list[dict[str, Any]]:
    """All statements of the policies of roles."""
    documents = [policy["PolicyDocument"] for policy in variant.resources("AWS::IAM::Policy")]
    documents += [
        inline["PolicyDocument"] for role in variant.resources("AWS::IAM::Role") for inline in role.get("Policies", [])
    ]
    return [statement for document in documents for statement in document["Statement"]]


def _containers(variant: Synthesized) -> list[dict[str, Any]]:
    definitions = variant.resources("AWS::ECS::TaskDefinition")
    return [container for definition in definitions for container in definition["ContainerDefinitions"]]


def _flow_run_variables(variant: Synthesized) -> dict[str, str]:
    """What the container of a flow run has in its environment, by the template that the worker gets."""
    (definition,) = variant.resources("AWS::ECS::TaskDefinition", "worker")
    (worker,) = definition["ContainerDefinitions"]
    (template,) = [entry["Value"] for entry in worker["Environment"] if entry["Name"] == "WORK_POOL_TEMPLATE"]
    resolved = json.loads(Resolver(variant, {"Flow runs": "sg-0"}).resolve(template, "worker"))
    (container,) = resolved["job_configuration"]["task_definition"]["containerDefinitions"]
    return {entry["name"]: entry["value"] for entry in container["environment"]}


class TestRights:
    def test_no_action_has_a_wildcard(self, variant: Synthesized) -> None:
        actions = [action for statement in _statements(variant) for action in _list(statement["Action"])]
        assert len(actions) > 20
        assert [action for action in actions if "*" in action] == []

    def test_only_named_exceptions_are_for_all_resources(self, variant: Synthesized) -> None:
        found = [
            action
            for statement in _statements(variant)
            if "*" in _list(statement["Resource"])
            for action in _list(statement["Action"])
        ]
        assert set(found) == set(FOR_ALL_RESOURCES)

    def test_no_managed_policy_is_attached(self, variant: Synthesized) -> None:
        assert [role for role in variant.resources("AWS::IAM::Role") if role.get("ManagedPolicyArns")] == []

    def test_worker_passes_the_two_roles_of_a_flow_run_to_ecs_only(self, variant: Synthesized) -> None:
        (statement,) = [statement for statement in _statements(variant) if statement["Action"] == "iam:PassRole"]
        assert [resource["Fn::GetAtt"][0][:14] for resource in statement["Resource"]] == [
            "FlowRunsRole4A",
            "FlowRunsExecut",
        ]
        assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}

    def test_worker_runs_flow_runs_in_its_cluster_only(self, variant: Synthesized) -> None:
        (statement,) = [statement for statement in _statements(variant) if statement["Action"] == "ecs:RunTask"]
        assert f":task-definition/{variant.environment.prefix}-flow-run:*" in json.dumps(statement["Resource"])
        assert list(statement["Condition"]["ArnEquals"]) == ["ecs:cluster"]

    def test_flow_runs_cannot_change_external_files(self, variant: Synthesized) -> None:
        role = [p for p in variant.resources("AWS::IAM::Policy", "worker") if "FlowRunsRole" in json.dumps(p["Roles"])]
        writes = [
            json.dumps(statement["Resource"])
            for policy in role
            for statement in policy["PolicyDocument"]["Statement"]
            if {"s3:PutObject", "s3:DeleteObject"} & set(_list(statement["Action"]))
        ]
        assert len(writes) == 1
        assert variant.environment.bucket("artifacts") in writes[0]

    def test_no_old_version_of_a_file_can_be_deleted(self, variant: Synthesized) -> None:
        assert "s3:DeleteObjectVersion" not in json.dumps(_statements(variant))


class TestStorage:
    def test_buckets_are_private_encrypted_and_versioned(self, variant: Synthesized) -> None:
        buckets = variant.resources("AWS::S3::Bucket")
        assert len(buckets) == 3
        for bucket in buckets:
            assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
            assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
            assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
            assert bucket["LifecycleConfiguration"]["Rules"]

    def test_data_are_encrypted_with_a_key_that_rotates(self, variant: Synthesized) -> None:
        algorithms = [
            bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]["ServerSideEncryptionByDefault"][
                "SSEAlgorithm"
            ]
            for bucket in variant.resources("AWS::S3::Bucket")
        ]
        assert sorted(algorithms) == ["AES256", "aws:kms", "aws:kms"]  # the bucket of logs, externals, artifacts
        assert all(key["EnableKeyRotation"] for key in variant.resources("AWS::KMS::Key"))

    def test_requests_without_tls_are_refused(self, variant: Synthesized) -> None:
        policies = variant.resources("AWS::S3::BucketPolicy")
        assert len(policies) == 3
        for policy in policies:
            denied = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
            assert {"Bool": {"aws:SecureTransport": "false"}} in [statement["Condition"] for statement in denied]

    @pytest.mark.parametrize(("name", "removal"), [("dev", "Delete"), ("prod", "Retain")])
    def test_protected_data_outlive_their_stack(
        self, synthesized: dict[str, Synthesized], name: str, removal: str
    ) -> None:
        variant = synthesized[name]
        kept = variant.resources("AWS::S3::Bucket") + variant.resources("AWS::ECR::Repository")
        assert {resource["_removal"] for resource in kept} == {removal}
        (database,) = variant.resources("AWS::RDS::DBCluster")
        assert database["DeletionProtection"] is variant.environment.protect_data
        assert (database["_removal"] == "Snapshot") is variant.environment.protect_data

    def test_nothing_of_an_unprotected_environment_outlives_it(self, synthesized: dict[str, Synthesized]) -> None:
        dev = synthesized["dev"]
        kept = [
            f"{stack}: {name}"
            for stack in dev.stacks
            for name, resource in dev.template(stack)["Resources"].items()
            if resource.get("DeletionPolicy", "Delete") != "Delete"
        ]
        assert kept == []


class TestImages:
    def test_tags_cannot_be_moved_and_images_are_scanned(self, variant: Synthesized) -> None:
        repositories = variant.resources("AWS::ECR::Repository")
        assert len(repositories) == 2
        for repository in repositories:
            assert repository["ImageTagMutability"] == "IMMUTABLE"
            assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}

    def test_no_image_is_latest(self, variant: Synthesized) -> None:
        images = [json.dumps(container["Image"]) for container in _containers(variant)]
        assert images
        assert [image for image in images if "latest" in image] == []
        assert sum(PREFECT_IMAGE_TAG in image for image in images) == 2  # server and worker


class TestNetwork:
    def test_tasks_run_in_private_subnets_without_public_address(self, variant: Synthesized) -> None:
        services = variant.resources("AWS::ECS::Service")
        assert len(services) == (4 if variant.environment.dask else 2)
        for service in services:
            network = service["NetworkConfiguration"]["AwsvpcConfiguration"]
            assert network["AssignPublicIp"] == "DISABLED"
            assert "public" not in json.dumps(network["Subnets"]).lower().replace("nibrs-public", "")

    def test_database_is_reached_by_the_server_alone(self, variant: Synthesized) -> None:
        rules = variant.resources("AWS::EC2::SecurityGroupIngress")
        (rule,) = [rule for rule in rules if rule["FromPort"] == 5432]
        assert rule["Description"] == "from Server"
        groups = [
            g for g in variant.resources("AWS::EC2::SecurityGroup") if g["GroupDescription"] == "Database of Prefect"
        ]
        assert [group.get("SecurityGroupIngress") for group in groups] == [None]

    def test_only_the_load_balancer_is_open(self, variant: Synthesized) -> None:
        groups = variant.resources("AWS::EC2::SecurityGroup")
        open_groups = [
            g["GroupDescription"] for g in groups if "0.0.0.0/0" in json.dumps(g.get("SecurityGroupIngress", []))
        ]
        assert open_groups == ["Load balancer: people, after TLS and login"]

    def test_server_answers_load_balancer_worker_and_flow_runs(self, variant: Synthesized) -> None:
        rules = [r["Description"] for r in variant.resources("AWS::EC2::SecurityGroupIngress") if r["FromPort"] == 4200]
        assert sorted(rules) == ["from FlowRun", "from LoadBalancer", "from Worker"]

    def test_given_vpc_is_used_and_nothing_is_made_in_it(self, synthesized: dict[str, Synthesized]) -> None:
        prod, dev = synthesized["prod"], synthesized["dev"]
        assert prod.resources("AWS::EC2::VPC") == prod.resources("AWS::EC2::Subnet") == []
        assert {group["VpcId"] for group in prod.resources("AWS::EC2::SecurityGroup")} == {"vpc-0123456789abcdef0"}
        assert len(dev.resources("AWS::EC2::VPC")) == 1
        assert len(dev.resources("AWS::EC2::Subnet")) == 6
        assert len(dev.resources("AWS::EC2::FlowLog")) == 1

    def test_source_database_is_reached_at_its_address_only(self, synthesized: dict[str, Synthesized]) -> None:
        groups = synthesized["prod"].resources("AWS::EC2::SecurityGroup")
        (flow_run,) = [group for group in groups if group["GroupDescription"] == "Flow runs"]
        ways = {(rule["CidrIp"], rule["FromPort"]) for rule in flow_run["SecurityGroupEgress"]}
        assert ways == {("0.0.0.0/0", 443), ("10.40.0.0/24", 5432)}


class TestServer:
    def test_people_log_in_over_tls(self, variant: Synthesized) -> None:
        listeners = {
            listener["Port"]: listener for listener in variant.resources("AWS::ElasticLoadBalancingV2::Listener")
        }
        assert set(listeners) == {80, 443}
        assert [action["Type"] for action in listeners[80]["DefaultActions"]] == ["redirect"]
        assert [action["Type"] for action in listeners[443]["DefaultActions"]] == ["authenticate-oidc", "forward"]
        assert listeners[443]["SslPolicy"].startswith("ELBSecurityPolicy-TLS13-1-2")
        # No other rule leads past the login.
        assert variant.resources("AWS::ElasticLoadBalancingV2::ListenerRule") == []

    def test_load_balancer_faces_whom_the_environment_says(self, variant: Synthesized) -> None:
        (balancer,) = variant.resources("AWS::ElasticLoadBalancingV2::LoadBalancer")
        assert balancer["Scheme"] == ("internet-facing" if variant.environment.internet_facing else "internal")

    def test_database_is_encrypted_at_rest_and_on_the_way(self, variant: Synthesized) -> None:
        (database,) = variant.resources("AWS::RDS::DBCluster")
        assert database["StorageEncrypted"] is True
        assert database["BackupRetentionPeriod"] == 14
        assert database["ServerlessV2ScalingConfiguration"] == {"MinCapacity": 0.5, "MaxCapacity": 8}
        (parameters,) = variant.resources("AWS::RDS::DBClusterParameterGroup")
        assert parameters["Parameters"] == {"rds.force_ssl": "1"}
        assert [instance["PubliclyAccessible"] for instance in variant.resources("AWS::RDS::DBInstance")] == [False]

    def test_secrets_come_from_secrets_manager(self, variant: Synthesized) -> None:
        names = [entry["Name"] for container in _containers(variant) for entry in container["Environment"]]
        assert [name for name in names if "PASSWORD" in name or "SECRET" in name or "WEBHOOK" in name] == []
        (server,) = [container for container in _containers(variant) if container["Name"] == "server"]
        assert [secret["Name"] for secret in server["Secrets"]] == ["PREFECT_SERVER_DATABASE_PASSWORD"]
        client_secret = variant.resources("AWS::ElasticLoadBalancingV2::Listener", "server")[1]["DefaultActions"][0]
        assert client_secret["AuthenticateOidcConfig"]["ClientSecret"].startswith("{{resolve:secretsmanager:arn:")


class TestOperation:
    def test_every_log_is_kept_as_long_as_said(self, variant: Synthesized) -> None:
        groups = variant.resources("AWS::Logs::LogGroup")
        assert len(groups) >= 5  # server, worker, flow runs, database, report of running tasks
        assert {group["RetentionInDays"] for group in groups} == {variant.environment.log_retention_days}
        assert variant.environment.log_retention_days in RETENTION_DAYS
        assert all(container["LogConfiguration"]["LogDriver"] == "awslogs" for container in _containers(variant))

    def test_every_alarm_reaches_people(self, variant: Synthesized) -> None:
        alarms = variant.resources("AWS::CloudWatch::Alarm")
        assert len(alarms) == 7
        assert all(alarm["AlarmActions"] == [{"Ref": "TopicBFC7AF6E"}] for alarm in alarms)
        addresses = [s["Endpoint"] for s in variant.resources("AWS::SNS::Subscription")]
        assert addresses == list(variant.environment.alarm_emails)

    def test_service_without_tasks_raises_its_alarm(self, variant: Synthesized) -> None:
        alarms = {alarm["AlarmName"].split("-")[-1]: alarm for alarm in variant.resources("AWS::CloudWatch::Alarm")}
        for name in ("NoServer", "NoWorker"):
            assert alarms[name]["TreatMissingData"] == "breaching"
            assert alarms[name]["ComparisonOperator"] == "LessThanThreshold"

    def test_budget_counts_what_is_tagged(self, variant: Synthesized) -> None:
        (budget,) = variant.resources("AWS::Budgets::Budget")
        assert budget["Budget"]["CostFilters"] == {"TagKeyValue": [f"user:project${variant.environment.prefix}"]}
        tag = {"Key": "project", "Value": variant.environment.prefix}
        assert all(tag in bucket["Tags"] for bucket in variant.resources("AWS::S3::Bucket"))

    def test_running_tasks_are_reported_twice_a_day(self, variant: Synthesized) -> None:
        rules = variant.resources("AWS::Events::Rule", "monitoring")
        assert [rule["ScheduleExpression"] for rule in rules] == ["cron(0 0,12 * * ? *)"]

    def test_outputs_are_those_that_the_readme_uses(self, variant: Synthesized) -> None:
        outputs = {name for stack in variant.stacks for name in variant.template(stack).get("Outputs", {})}
        assert {
            "FlowRepository", "PrefectRepository", "ExternalsStore", "ArtifactsStore", "Address", "LoadBalancerName",
            "WorkPool", "FlowRunLog", "DashboardAddress",
        } <= outputs  # fmt: skip


class TestDask:
    def test_only_an_environment_that_asks_has_one(self, synthesized: dict[str, Synthesized]) -> None:
        assert [name for name in VARIANTS if "dask" in synthesized[name].stacks] == ["dask"]

    def test_workers_use_spare_capacity_and_the_scheduler_does_not(self, synthesized: dict[str, Synthesized]) -> None:
        services = {s["ServiceName"]: s for s in synthesized["dask"].resources("AWS::ECS::Service", "dask")}
        strategy = services["dask-worker"]["CapacityProviderStrategy"]
        assert [provider["CapacityProvider"] for provider in strategy] == ["FARGATE_SPOT"]
        assert services["dask-worker"]["DesiredCount"] == 4
        assert services["dask-scheduler"]["LaunchType"] == "FARGATE"

    def test_flow_runs_know_scheduler_workers_and_the_store_between_them(
        self, synthesized: dict[str, Synthesized]
    ) -> None:
        found = _flow_run_variables(synthesized["dask"])
        names = ("NIBRS_ENGINE", "DASK_SCHEDULER_ADDRESS", "WORK_STORE", "NIBRS_WORKERS", "NIBRS_MEMORY_GIB")
        assert {name: found[name] for name in names} == {
            "NIBRS_ENGINE": "dask",
            "DASK_SCHEDULER_ADDRESS": "tcp://dask-scheduler.nibrs-dask.internal:8786",
            "WORK_STORE": "s3://nibrs-dask-artifacts-222222222222-us-west-2/work/dask",
            "NIBRS_WORKERS": "4",
            "NIBRS_MEMORY_GIB": "64",
        }

    def test_without_workers_flow_runs_compute_themselves(self, synthesized: dict[str, Synthesized]) -> None:
        assert dask_variables(dataclasses.replace(DEV, dask=Dask(workers=0, image_tag=TAG))) == {}
        found = _flow_run_variables(synthesized["prod"])
        assert found["NIBRS_WORKERS"] == "4"
        assert not {"NIBRS_ENGINE", "DASK_SCHEDULER_ADDRESS", "WORK_STORE"} & set(found)

    def test_files_between_flow_runs_and_workers_expire(self, variant: Synthesized) -> None:
        rules = [
            rule
            for bucket in variant.resources("AWS::S3::Bucket", "storage")
            for rule in bucket["LifecycleConfiguration"]["Rules"]
            if rule.get("Prefix") == "work/dask/"
        ]
        assert [(rule["ExpirationInDays"], rule["NoncurrentVersionExpiration"]) for rule in rules] == [
            (14, {"NoncurrentDays": 1})
        ]

    def test_workers_reach_only_the_files_that_they_exchange(self, synthesized: dict[str, Synthesized]) -> None:
        policies = synthesized["dask"].resources("AWS::IAM::Policy", "dask")
        files = {
            json.dumps(statement["Resource"])
            for policy in policies
            for statement in policy["PolicyDocument"]["Statement"]
            if {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"} & set(_list(statement["Action"]))
        }
        assert len(files) == 1
        assert files.pop().endswith(':s3:::nibrs-dask-artifacts-222222222222-us-west-2/work/dask/*"]]}')

    def test_dask_leaves_memory_to_the_flow_run(self, synthesized: dict[str, Synthesized]) -> None:
        (worker,) = [c for c in _containers(synthesized["dask"]) if c["Command"][:2] == ["dask", "worker"]]
        assert worker["Command"][worker["Command"].index("--memory-limit") + 1] == "0"

    def test_workers_reach_the_source_database_at_its_address_only(self, synthesized: dict[str, Synthesized]) -> None:
        groups = synthesized["dask"].resources("AWS::EC2::SecurityGroup")
        (dask,) = [group for group in groups if group["GroupDescription"] == "Dask scheduler and workers"]
        ways = {(rule["CidrIp"], rule["FromPort"]) for rule in dask["SecurityGroupEgress"]}
        assert ways == {("0.0.0.0/0", 443), ("10.40.0.0/24", 5432)}


class TestLinters:
    def test_cdk_nag_and_cloudformation_find_nothing(self, variant: Synthesized) -> None:
        report = json.loads((variant.folder / "validation-report.json").read_text())
        assert [plugin["violations"] for plugin in report["pluginReports"] if plugin["violations"]] == []

    def test_cdk_nag_stops_synthesis_on_a_fault(self, tmp_path: Path) -> None:
        app = App(outdir=str(tmp_path))
        Bucket(Stack(app, "Faulty"), "Bucket")
        lint(app)
        with pytest.raises(RuntimeError, match="AwsSolutions-S10"):
            app.synth()

    def test_synthesis_asked_for_nothing(self, variant: Synthesized) -> None:
        assert "missing" not in json.loads((variant.folder / "manifest.json").read_text())
