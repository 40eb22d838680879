"""Running the program as a user does: in a process of its own, in an empty folder."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Less than the 600 s that pytest allows a test: the program's last words are worth more than pytest's.
TIMEOUT_S = 550
SETTINGS = ("NIBRS_", "PG", "AWS_", "S3_", "PREFECT_", "DASK_")
NAMES = {
    "DATA_YEAR", "SCRATCH_DIR", "ARTIFACT_STORE", "EXTERNAL_STORE", "LOG_THRESHOLD", "INPUT_PIPELINE_DIR",
    "OUTPUT_PIPELINE_DIR", "EXTERNAL_FILE_PATH", "EXTERNAL_FILE_LOCATIONS", "WORK_STORE",
}  # fmt: skip


def clean_environment(**settings: str) -> dict[str, str]:
    """The environment without any setting of ours, plus the given ones; compiled modules are kept, as users do."""
    left_out = {*NAMES, "PYTHONDONTWRITEBYTECODE"}
    kept = {k: v for k, v in os.environ.items() if k not in left_out and not k.startswith(SETTINGS)}
    return {**kept, "COLUMNS": "200", **settings}


def nibrs(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """`nibrs ARGUMENTS` in a folder."""
    return python(folder, "-m", "nibrs_estimation", *arguments, **settings)


def python(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """`python ARGUMENTS` in a folder."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=clean_environment(**settings),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def succeed(folder: Path, *command: str, **settings: str) -> None:
    """`nibrs COMMAND` in a folder, which ends well."""
    done = nibrs(folder, *command, **settings)
    assert done.returncode == 0, done.stderr
