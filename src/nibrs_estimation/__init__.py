"""Nationally representative crime estimates, with honest uncertainty, from incomplete NIBRS reporting."""

import os
from typing import TYPE_CHECKING, Any

# Sums of decimal numbers run in parts, one for each thread of Polars: with as many threads everywhere, a machine with
# other processors gives the same bytes. Polars reads this when it is imported first.
os.environ.setdefault("POLARS_MAX_THREADS", "2")

__version__ = "0.2.0"
__all__ = ["open_run"]

if TYPE_CHECKING:
    from nibrs_estimation.notebook import open_run


def __getattr__(name: str) -> Any:
    # Imported when it is asked for: commands that need no run do not wait for Polars.
    if name == "open_run":
        from nibrs_estimation.notebook import open_run  # noqa: PLC0415 (as above)

        return open_run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
