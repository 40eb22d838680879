"""The environments, one for each installation. The two are samples with made-up values: replace them by your own."""

from nibrs_cdk.environment import Environment, GivenNetwork, Login, NewNetwork, SourceDatabase

#: Everything new, small and easy to delete.
DEV = Environment(
    name="dev",
    account="111111111111",
    region="us-east-1",
    network=NewNetwork(cidr="10.20.0.0/16", availability_zones=("us-east-1a", "us-east-1b")),
    domain_name="prefect.dev.example.org",
    certificate_arn="arn:aws:acm:us-east-1:111111111111:certificate/00000000-0000-0000-0000-000000000000",
    login=Login(
        issuer="https://login.example.org",
        authorization_endpoint="https://login.example.org/oauth2/v1/authorize",
        token_endpoint="https://login.example.org/oauth2/v1/token",
        user_info_endpoint="https://login.example.org/oauth2/v1/userinfo",
        client_id="nibrs-dev",
        client_secret_arn="arn:aws:secretsmanager:us-east-1:111111111111:secret:nibrs-dev/login-AbCdEf",
    ),
    internet_facing=True,
    alarm_emails=("operators@example.org",),
    monthly_budget_usd=300,
    protect_data=False,
    log_retention_days=30,
)

#: Within a VPC that another team owns, reached from its network only, with the FBI's database and a webhook.
PROD = Environment(
    name="prod",
    account="222222222222",
    region="us-west-2",
    network=GivenNetwork(
        vpc_id="vpc-0123456789abcdef0",
        availability_zones=("us-west-2a", "us-west-2b"),
        private_subnet_ids=("subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"),
    ),
    domain_name="prefect.example.org",
    certificate_arn="arn:aws:acm:us-west-2:222222222222:certificate/00000000-0000-0000-0000-000000000000",
    login=Login(
        issuer="https://login.example.org",
        authorization_endpoint="https://login.example.org/oauth2/v1/authorize",
        token_endpoint="https://login.example.org/oauth2/v1/token",
        user_info_endpoint="https://login.example.org/oauth2/v1/userinfo",
        client_id="nibrs-prod",
        client_secret_arn="arn:aws:secretsmanager:us-west-2:222222222222:secret:nibrs-prod/login-AbCdEf",
    ),
    internet_facing=False,
    alarm_emails=("operators@example.org",),
    monthly_budget_usd=600,
    protect_data=True,
    source_database=SourceDatabase(
        secret_arn="arn:aws:secretsmanager:us-west-2:222222222222:secret:nibrs-prod/ucr_prd-AbCdEf",
        cidr="10.40.0.0/24",
    ),
    webhook_secret_arn="arn:aws:secretsmanager:us-west-2:222222222222:secret:nibrs-prod/webhook-AbCdEf",
)

ENVIRONMENTS = {environment.name: environment for environment in (DEV, PROD)}
