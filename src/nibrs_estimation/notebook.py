"""The door for Python and notebooks: `nibrs_estimation.open_run`.

Settings are those of the commands: the environment, then a file ``.env`` in the working folder.
"""

from __future__ import annotations

from pathlib import Path

from nibrs_estimation.cli.settings import load_settings
from nibrs_estimation.reading import opening
from nibrs_estimation.reading.run import Run


def open_run(location: str | Path) -> Run:
    """Open a run and read its estimates.

    >>> import nibrs_estimation as nibrs
    >>> run = nibrs.open_run("artifacts/us")
    >>> run.identity.year
    2024
    >>> found = run.table("1a", rows=1, columns="robbery", estimate="count")
    >>> found["column_label"].item(), found["estimate"].item() > 0
    ('Robbery', True)

    Args:
        location: what a run published, such as ``artifacts/vt`` or ``s3://bucket/prefix/vt``; or its own folder, such
            as ``scratch/vt``, which a run needs that has not published yet.

    Raises:
        UsageError: there is no run, it has no estimates, or a setting is invalid.
        PipelineError: its publication is not whole, or cannot be read.
    """
    settings = load_settings()
    return opening.open_run(location, settings.s3(), settings.scratch_dir)
