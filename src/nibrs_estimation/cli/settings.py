"""Settings from the environment, then a `.env` file, then defaults.

Only this module reads the environment, and `version` the commit of an image.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dotenv.parser import parse_stream
from pydantic import Field, SecretStr, ValidationError, create_model, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from nibrs_estimation.model.parameters import METHOD_PARAMETERS
from nibrs_estimation.pipeline.credentials import mask_address, mask_credentials
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.memory import machine_bytes

if TYPE_CHECKING:
    from nibrs_estimation.pipeline.database import Database
    from nibrs_estimation.pipeline.store import S3Options
    from nibrs_estimation.pipeline.work_store import WorkStore

ENV_FILE = Path(".env")
_SECRETS = {"nibrs_webhook_url", "pgpassword", "aws_access_key_id", "aws_secret_access_key", "aws_session_token"}
_ADDRESSES = {"pghost", "s3_endpoint_url", "dask_scheduler_address"}


class _Settings(BaseSettings):
    """All settings except the choices of method; the environment variable is the name of the field in capitals.

    `.sample_env` explains them.
    """

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    data_year: int | None = Field(None, ge=1985, le=2100)
    nibrs_source: str | None = None
    nibrs_seed: int = Field(1, ge=0)
    scratch_dir: Path = Path("scratch")
    artifact_store: str = "artifacts"
    external_store: str = "externals"
    external_file_locations: Path = Path("external_file_locations.json")
    log_threshold: Literal["TRACE", "DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    nibrs_engine: Literal["inline", "processes", "prefect", "dask"] | None = None
    nibrs_workers: int = Field(2, ge=1)
    nibrs_prefect_workers: Literal["threads", "processes"] = "threads"
    nibrs_memory_gib: float | None = Field(None, gt=0)
    nibrs_webhook_url: SecretStr | None = None
    dask_scheduler_address: str | None = None
    git_branch: str | None = None
    git_hash: str | None = None
    work_store: str | None = None

    input_pipeline_dir: Path | None = None
    output_pipeline_dir: Path | None = None
    external_file_path: Path | None = None
    nibrs_write_into_run: bool = False
    nibrs_predecessor: str | None = None

    pghost: str | None = None
    pgport: int = 5432
    pguser: str | None = None
    pgpassword: SecretStr | None = None
    pgdatabase: str = "ucr_prd"
    pgsslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] | None = None

    s3_endpoint_url: str | None = None
    aws_region: str | None = None
    aws_access_key_id: str | None = None
    aws_secret_access_key: SecretStr | None = None
    aws_session_token: SecretStr | None = None

    @field_validator("nibrs_webhook_url")
    @classmethod
    def _check_webhook(cls, url: SecretStr | None) -> SecretStr | None:
        # The address is a secret: it is checked here, so that no library says later what is wrong with it.
        if url is not None and not re.fullmatch(r"https?://[!-~]+", url.get_secret_value()):
            raise ValueError("must be an address that begins with https:// or http:// and has no spaces")
        return url

    def source_spec(self) -> str | None:
        """The source: NIBRS_SOURCE, otherwise PostgreSQL if PGHOST is set, otherwise None."""
        return self.nibrs_source or ("postgresql" if self.pghost else None)

    def memory_gib(self) -> float:
        """Total memory for tasks: NIBRS_MEMORY_GIB, otherwise three quarters of the machine's memory."""
        return self.nibrs_memory_gib or round(0.75 * machine_bytes() / 2**30, 2)

    def database(self) -> Database | None:
        """The PostgreSQL database, if one is configured."""
        if self.pghost is None:
            return None
        from nibrs_estimation.pipeline.database import Database  # noqa: PLC0415 (its drivers are slow to import)

        return Database(self.pghost, self.pgport, self.pgdatabase, self.pguser, self.pgpassword, self.pgsslmode)

    def s3(self) -> S3Options:
        """Options of S3."""
        from nibrs_estimation.pipeline.store import S3Options  # noqa: PLC0415 (only needed to open a store)

        return S3Options(
            endpoint_url=self.s3_endpoint_url,
            region=self.aws_region,
            access_key_id=self.aws_access_key_id,
            secret_access_key=self.aws_secret_access_key,
            session_token=self.aws_session_token,
        )

    def open_work_store(self, engine: str) -> WorkStore | None:
        """The store through which the workers of an engine exchange files, if there is one; only Dask needs it.

        Raises:
            UsageError: it is the artifact store.
        """
        if self.work_store is None or engine != "dask":
            return None
        if self.work_store.rstrip("/") == self.artifact_store.rstrip("/"):
            raise UsageError(
                "WORK_STORE and ARTIFACT_STORE must be different folders: what is in the first may be removed. Set "
                "WORK_STORE to another folder, such as s3://bucket/work."
            )
        from nibrs_estimation.pipeline.work_store import WorkStore  # noqa: PLC0415 (only needed to run)

        return WorkStore(self.work_store, self.s3())

    def parameters(self, year: int, seed: int) -> dict[str, Any]:
        """Value of every parameter that a task may use."""
        return {
            "year": year,
            "seed": seed,
            "database": self.database(),
            **{parameter.name: getattr(self, parameter.setting.lower()) for parameter in METHOD_PARAMETERS},
        }

    def recorded(self) -> dict[str, Any]:
        """The settings for the metadata of a run, without secrets."""
        return {
            name: value if isinstance(value, (int, float, type(None))) else _mask_secrets(name, str(value))
            for name, value in self.model_dump(exclude=_SECRETS).items()
        }


if TYPE_CHECKING:
    Settings = _Settings
else:
    #: All settings, with a field for each choice of method.
    Settings = create_model(
        "Settings",
        __base__=_Settings,
        **{choice.setting.lower(): (Literal[choice.choices], choice.default) for choice in METHOD_PARAMETERS},
    )


def _mask_secrets(name: str, value: str) -> str:
    return mask_address(value) if name in _ADDRESSES else mask_credentials(value)


def load_settings(env_file: Path = ENV_FILE) -> Settings:
    """Read the settings.

    Raises:
        UsageError: a value is invalid, or a line of the `.env` file is malformed; names it and the fix.
    """
    _check_env_file(env_file)
    try:
        return Settings(_env_file=env_file)
    except ValidationError as error:
        problems = "; ".join(f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        raise UsageError(
            f"A setting has an invalid value. {problems}. Correct it in the environment or in {env_file}; "
            ".sample_env explains every setting."
        ) from None


def _check_env_file(env_file: Path) -> None:
    if not env_file.is_file():
        return
    try:
        with env_file.open(encoding="utf-8") as stream:
            wrong = [b.original.line for b in parse_stream(stream) if b.error or (b.key and b.value is None)]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The settings file {env_file} cannot be read as UTF-8 text ({error}). Correct or remove it."
        ) from error
    if wrong:
        raise UsageError(
            f"The settings file {env_file} is malformed in line {wrong[0]}. Each line must read NAME=value or start "
            "with #; .sample_env is a valid example."
        )
