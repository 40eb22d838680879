"""What an environment is: every value that differs between installations, typed and checked.

This module needs nothing but Python, so that a script can read an environment without the CDK.
"""

from dataclasses import dataclass, field

#: Name of the work pool that the worker serves and that `nibrs deploy` registers flows into.
WORK_POOL = "ecs-pool"
#: Port of the Prefect server.
PREFECT_PORT = 4200
#: Tag of the image of Prefect's server and worker: the version of Prefect in `uv.lock`, and a number that goes up when
#: `prefect/Dockerfile` or another package of the group `prefect` changes, for a tag cannot be pushed twice.
PREFECT_IMAGE_TAG = "3.8.8-1"

#: Memory in MiB that Fargate offers for a number of CPU units (1,024 are one core): smallest, largest, step.
_FARGATE_MEMORY_MIB = {
    256: (512, 2048, 512),
    512: (1024, 4096, 1024),
    1024: (2048, 8192, 1024),
    2048: (4096, 16384, 1024),
    4096: (8192, 30720, 1024),
    8192: (16384, 61440, 4096),
    16384: (32768, 122880, 8192),
}
#: Days for which logs may be kept, and what the CDK calls them.
RETENTION_DAYS = {
    7: "ONE_WEEK",
    14: "TWO_WEEKS",
    30: "ONE_MONTH",
    90: "THREE_MONTHS",
    180: "SIX_MONTHS",
    365: "ONE_YEAR",
    731: "TWO_YEARS",
    1827: "FIVE_YEARS",
}


class InvalidEnvironmentError(ValueError):
    """An environment is not as it must be; the text says what to correct in `environments.py`."""


@dataclass(frozen=True)
class NewNetwork:
    """A network that the stacks create: public, private and database subnets in each zone, and one NAT gateway."""

    cidr: str
    availability_zones: tuple[str, ...]


@dataclass(frozen=True)
class GivenNetwork:
    """A VPC that exists. Its private subnets must reach the internet, and S3 best through a gateway endpoint.

    Lists go together: subnet i lies in zone i. Only a load balancer that faces the internet needs `public_subnet_ids`.
    """

    vpc_id: str
    availability_zones: tuple[str, ...]
    private_subnet_ids: tuple[str, ...]
    public_subnet_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Login:
    """The OpenID Connect provider at which people log in. The secret's value is the client secret, as plain text."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    user_info_endpoint: str
    client_id: str
    client_secret_arn: str


@dataclass(frozen=True)
class Size:
    """Size of a Fargate task: CPU units (1,024 are one core), memory in MiB, disk in GiB."""

    cpu: int
    memory_mib: int
    disk_gib: int = 21

    def __post_init__(self) -> None:
        """Check the size.

        Raises:
            InvalidEnvironmentError: Fargate has no task of this size.
        """
        low, high, step = _FARGATE_MEMORY_MIB.get(self.cpu, (0, 0, 1))
        if not low <= self.memory_mib <= high or self.memory_mib % step:
            raise InvalidEnvironmentError(
                f"Fargate has no task of {self.cpu} CPU units and {self.memory_mib} MiB. For 4096 units, "
                "choose 8192 to 30720 MiB in steps of 1024; AWS's documentation of Fargate lists other sizes."
            )
        if not 21 <= self.disk_gib <= 200:
            raise InvalidEnvironmentError(f"Fargate has disks of 21 to 200 GiB, not {self.disk_gib} GiB.")


@dataclass(frozen=True)
class SourceDatabase:
    """The database that the source `postgresql` reads.

    The secret has the keys PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE. `cidr` contains the database's address;
    flow runs and Dask workers may open connections there.
    """

    secret_arn: str
    cidr: str
    port: int = 5432


@dataclass(frozen=True)
class Dask:
    """A Dask cluster that flow runs share. It must run their code: `image_tag` is the commit of the release.

    Each worker does one unit of work at a time, and a unit may need 12 GiB. With 0 workers, flow runs compute
    themselves.
    """

    workers: int
    image_tag: str
    worker: Size = field(default_factory=lambda: Size(cpu=2048, memory_mib=16384, disk_gib=50))


@dataclass(frozen=True)
class Environment:
    """One installation of the pipeline.

    Attributes:
        name: part of every name, such as `dev`; lower case letters and digits.
        account: AWS account, 12 digits.
        region: AWS region.
        network: where everything runs.
        domain_name: name under which people open Prefect; it must point at the load balancer.
        certificate_arn: certificate of that name in AWS Certificate Manager, in the same region.
        login: where people log in.
        internet_facing: whether the load balancer has a public address; if not, it is reached from within the network.
        alarm_emails: who gets alarms, the report of running tasks and the budget's warnings.
        monthly_budget_usd: cost per month at which a warning is sent (at 80 %, and when the forecast exceeds it).
        protect_data: keep buckets, database and images when a stack is deleted, and refuse to delete the database.
        flow_run: size of a flow run.
        database_capacity: least and most capacity units of Prefect's database; one has 2 GiB.
        log_retention_days: how long logs of containers are kept.
        source_database: the FBI's database, if runs read it.
        webhook_secret_arn: secret with the address that is told how a run ended, if any.
        dask: a Dask cluster, if any.
    """

    name: str
    account: str
    region: str
    network: NewNetwork | GivenNetwork
    domain_name: str
    certificate_arn: str
    login: Login
    internet_facing: bool
    alarm_emails: tuple[str, ...]
    monthly_budget_usd: int
    protect_data: bool
    flow_run: Size = field(default_factory=lambda: Size(cpu=4096, memory_mib=30720, disk_gib=100))
    database_capacity: tuple[float, float] = (0.5, 8)
    log_retention_days: int = 180
    source_database: SourceDatabase | None = None
    webhook_secret_arn: str | None = None
    dask: Dask | None = None

    def __post_init__(self) -> None:
        """Check what CloudFormation would refuse only after minutes.

        Raises:
            InvalidEnvironmentError: names the fault and the remedy.
        """
        if not (self.name.isascii() and self.name.isalnum() and self.name.islower() and len(self.name) <= 12):
            self._fail(f"The name {self.name!r} must have at most 12 lower case letters and digits")
        if not (self.account.isdigit() and len(self.account) == 12):
            self._fail(f"The account {self.account!r} must have 12 digits")
        if len(self.network.availability_zones) < 2:
            self._fail("The load balancer and the database need two availability zones or more")
        if not all(zone.startswith(self.region) for zone in self.network.availability_zones):
            self._fail(f"The availability zones must lie in the region {self.region}")
        if self.log_retention_days not in RETENTION_DAYS:
            choices = ", ".join(map(str, RETENTION_DAYS))
            self._fail(f"log_retention_days must be one of {choices}, not {self.log_retention_days}")
        if not self.alarm_emails:
            self._fail("Alarms need one e-mail address or more")
        if isinstance(self.network, GivenNetwork):
            self._check_given(self.network)

    def _check_given(self, network: GivenNetwork) -> None:
        zones = len(network.availability_zones)
        if len(network.private_subnet_ids) != zones or len(network.public_subnet_ids) not in {0, zones}:
            self._fail("A given network needs one private subnet per zone, and as many public ones or none")
        if self.internet_facing and not network.public_subnet_ids:
            self._fail("A load balancer that faces the internet needs public_subnet_ids, or set internet_facing=False")

    def _fail(self, fault: str) -> None:
        raise InvalidEnvironmentError(f"Environment {self.name!r}: {fault}. Correct it in environments.py.")

    @property
    def prefix(self) -> str:
        """First part of every name in AWS."""
        return f"nibrs-{self.name}"

    @property
    def namespace(self) -> str:
        """Private DNS domain of the services."""
        return f"{self.prefix}.internal"

    @property
    def api_url(self) -> str:
        """Address of Prefect's API within the network."""
        return f"http://server.{self.namespace}:{PREFECT_PORT}/api"

    @property
    def registry(self) -> str:
        """Host of the account's container registry."""
        return f"{self.account}.dkr.ecr.{self.region}.amazonaws.com"

    def bucket(self, content: str) -> str:
        """Name of the bucket with this content."""
        return f"{self.prefix}-{content}-{self.account}-{self.region}"
