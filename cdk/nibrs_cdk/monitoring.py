"""What operators look at, and what calls them: a dashboard, alarms, a report of running tasks, a budget."""

from pathlib import Path

from aws_cdk import CfnOutput, Duration, RemovalPolicy
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cw
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from nibrs_cdk.database import DatabaseStack
from nibrs_cdk.environment import Environment
from nibrs_cdk.logs import log_group
from nibrs_cdk.rights import allow
from nibrs_cdk.server import ServerStack
from nibrs_cdk.stack import EnvironmentStack
from nibrs_cdk.worker import WorkerStack

#: A flow run that takes longer is named in the report: a whole nation takes a few hours.
LONG_RUN_HOURS = 12


class MonitoringStack(EnvironmentStack):
    """Alarms and reports go to one topic, whose subscribers are the environment's e-mail addresses."""

    def __init__(
        self,
        scope: Construct,
        environment: Environment,
        database: DatabaseStack,
        server: ServerStack,
        worker: WorkerStack,
    ) -> None:
        super().__init__(scope, "monitoring", environment)
        self._prefix = environment.prefix
        self.topic = self._topic(environment)
        self._report_of_running_tasks(environment, server)
        self._budget(environment)

        period = Duration.minutes(5)
        server_tasks = self._running("server")
        worker_tasks = self._running("worker")
        all_tasks = self._insight("TaskCount", {"ClusterName": environment.prefix})
        unhealthy = server.targets.metrics.unhealthy_host_count(period=period, statistic="Maximum")
        errors = server.load_balancer.metrics.http_code_target(
            elb.HttpCodeTarget.TARGET_5XX_COUNT, period=period, statistic="Sum"
        )
        capacity = database.cluster.metric("ACUUtilization", period=period, statistic="Maximum")
        unread = worker.events.metric_approximate_age_of_oldest_message(period=period, statistic="Maximum")
        lost = worker.lost_events.metric_approximate_number_of_messages_visible(period=period, statistic="Maximum")

        self._alarm("NoServer", server_tasks, below=1, minutes=10, says="The Prefect server does not run.")
        self._alarm("NoWorker", worker_tasks, below=1, minutes=10, says="The worker does not run: no flow run starts.")
        self._alarm("ServerUnhealthy", unhealthy, above=0, minutes=10, says="The Prefect server does not answer.")
        self._alarm("ServerErrors", errors, above=20, minutes=10, says="The Prefect server answers with errors.")
        self._alarm(
            "DatabaseFull",
            capacity,
            above=95,
            minutes=30,
            says="Prefect's database is as large as database_capacity allows.",
        )
        self._alarm(
            "EventsUnread",
            unread,
            above=900,
            minutes=10,
            says="The worker does not read how tasks end: it misses crashes.",
        )
        self._alarm("EventsLost", lost, above=0, minutes=5, says="The worker failed on the event of a task.")

        dashboard = cw.Dashboard(
            self, "Dashboard", dashboard_name=environment.prefix, default_interval=Duration.days(1)
        )
        dashboard.add_widgets(
            self._graph("Tasks", server_tasks, worker_tasks, all_tasks),
            self._graph("Memory of tasks (MiB)", self._insight("MemoryUtilized", {"ClusterName": environment.prefix})),
            self._graph("Database: share of its largest size (%)", capacity),
        )
        dashboard.add_widgets(
            self._graph("Server: requests", server.load_balancer.metrics.request_count(period=period)),
            self._graph("Server: errors, unhealthy", errors, unhealthy),
            self._graph("Events: age of the oldest (s), lost", unread, lost),
        )
        dashboard.add_widgets(
            cw.LogQueryWidget(
                title="Flow runs: errors",
                log_group_names=[worker.flow_runs.log.log_group_name],
                query_lines=[
                    "fields @timestamp, @message",
                    "filter @message like /ERROR|Traceback/",
                    "sort @timestamp desc",
                    "limit 50",
                ],
                width=24,
            )
        )
        CfnOutput(
            self,
            "DashboardAddress",
            value=f"https://{environment.region}.console.aws.amazon.com/cloudwatch/home#dashboards:name={environment.prefix}",
        )

    def _topic(self, environment: Environment) -> sns.Topic:
        # Nothing that is kept is encrypted with it.
        self._key = key = kms.Key(
            self,
            "TopicKey",
            description=f"Alarms of {environment.prefix}",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        topic = sns.Topic(self, "Topic", topic_name=f"{environment.prefix}-alarms", enforce_ssl=True, master_key=key)
        alarms = iam.ServicePrincipal("cloudwatch.amazonaws.com")
        key.grant_encrypt_decrypt(alarms)
        for address in environment.alarm_emails:
            topic.add_subscription(subscriptions.EmailSubscription(address))
        return topic

    def _report_of_running_tasks(self, environment: Environment, server: ServerStack) -> None:
        log = log_group(self, "ReportLog", f"/{environment.prefix}/running-tasks", environment)
        role = iam.Role(self, "ReportRole", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        cluster = {"ArnEquals": {"ecs:cluster": server.cluster.cluster_arn}}
        tasks = self.format_arn(service="ecs", resource="task", resource_name=f"{environment.prefix}/*")
        allow(role, ["logs:CreateLogStream", "logs:PutLogEvents"], [log.log_group_arn])
        allow(role, ["ecs:ListTasks"], ["*"], cluster)
        allow(role, ["ecs:DescribeTasks"], [tasks], cluster, why_many="It reports all tasks of the cluster.")
        allow(role, ["sns:Publish"], [self.topic.topic_arn])
        allow(role, ["kms:Decrypt", "kms:GenerateDataKey"], [self._key.key_arn])
        function = lambda_.Function(
            self,
            "Report",
            description="Reports the tasks that run",
            runtime=lambda_.Runtime.PYTHON_3_14,
            code=lambda_.Code.from_asset(str(Path(__file__).parent / "running_tasks")),
            handler="running_tasks.handler",
            timeout=Duration.minutes(1),
            role=role,
            log_group=log,
            environment={
                "CLUSTER": environment.prefix,
                "TOPIC_ARN": self.topic.topic_arn,
                "LONG_HOURS": str(LONG_RUN_HOURS),
            },
        )
        events.Rule(
            self,
            "TwiceADay",
            schedule=events.Schedule.cron(minute="0", hour="0,12"),
            targets=[targets.LambdaFunction(function, retry_attempts=2)],
        )

    def _budget(self, environment: Environment) -> None:
        subscribers = [
            budgets.CfnBudget.SubscriberProperty(subscription_type="EMAIL", address=address)
            for address in environment.alarm_emails
        ]
        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=environment.prefix,
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=environment.monthly_budget_usd, unit="USD"),
                cost_filters={"TagKeyValue": [f"user:project${environment.prefix}"]},
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        notification_type=kind, comparison_operator="GREATER_THAN", threshold=percent
                    ),
                    subscribers=subscribers,
                )
                for kind, percent in (("ACTUAL", 80), ("FORECASTED", 100))
            ],
        )

    def _running(self, service: str) -> cw.Metric:
        return self._insight("RunningTaskCount", {"ClusterName": self._prefix, "ServiceName": service})

    def _insight(self, name: str, dimensions: dict[str, str]) -> cw.Metric:
        return cw.Metric(
            namespace="ECS/ContainerInsights",
            metric_name=name,
            dimensions_map=dimensions,
            period=Duration.minutes(5),
            statistic="Maximum",
            label=" ".join([name, *list(dimensions.values())[1:]]),
        )

    def _alarm(
        self,
        name: str,
        metric: cw.IMetric,
        *,
        minutes: int,
        says: str,
        above: float | None = None,
        below: float | None = None,
    ) -> None:
        """An alarm when the metric is above or below a threshold for some minutes."""
        threshold = above if above is not None else below
        assert threshold is not None
        alarm = cw.Alarm(
            self,
            name,
            alarm_name=f"{self._prefix}-{name}",
            alarm_description=says,
            metric=metric,
            threshold=threshold,
            comparison_operator=cw.ComparisonOperator.GREATER_THAN_THRESHOLD
            if above is not None
            else cw.ComparisonOperator.LESS_THAN_THRESHOLD,
            evaluation_periods=minutes // 5,
            # A count that is missing is a count of 0, so a service without tasks raises its alarm.
            treat_missing_data=cw.TreatMissingData.NOT_BREACHING
            if above is not None
            else cw.TreatMissingData.BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        alarm.add_ok_action(actions.SnsAction(self.topic))

    @staticmethod
    def _graph(title: str, *metrics: cw.IMetric) -> cw.GraphWidget:
        return cw.GraphWidget(title=title, left=list(metrics), width=8)
