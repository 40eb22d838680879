"""Optional packages, which are imported when they are first used.

A run of public zips or of synthetic data must not require database drivers, or wait for their import.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from nibrs_estimation.pipeline.errors import UsageError

#: The top-level packages of each extra of pyproject.toml.
EXTRAS = {
    "production": ("prefect", "dask", "distributed", "uvicorn"),
    "postgresql": ("psycopg", "adbc_driver_manager", "adbc_driver_postgresql", "pyarrow"),
}


@contextmanager
def needs_extra(extra: str, what: str) -> Iterator[None]:
    """Report which extra has the package if an import in the block fails.

    Args:
        extra: one of :data:`EXTRAS`.
        what: the feature that needs it, such as ``The prefect engine``.

    Raises:
        UsageError: a package of the extra is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS[extra]:
            raise
        raise UsageError(
            f"{what} needs the package {package}, which is not installed. Install it with 'uv sync --extra {extra}' or "
            f"pip install 'nibrs-estimation[{extra}]'."
        ) from None


def require_extra(extra: str, what: str) -> None:
    """Fail early if an extra is not installed; raises as :func:`needs_extra`."""
    with needs_extra(extra, what):
        for package in EXTRAS[extra]:
            if find_spec(package) is None:
                raise ModuleNotFoundError(f"No module named {package!r}", name=package)


class LazyModule(ModuleType):
    """Placeholder for a module of an extra, which is imported when one of its names is used."""

    def __init__(self, name: str, extra: str, what: str) -> None:
        super().__init__(name)
        self._extra, self._what = extra, what

    def __getattr__(self, name: str) -> Any:
        """Import the module; raises as :func:`needs_extra`, but tools that inspect modules get an AttributeError."""
        if name.startswith("__"):
            raise AttributeError(name)
        with needs_extra(self._extra, self._what):
            module = import_module(self.__name__)
        return getattr(module, name)


def postgresql_module(name: str) -> LazyModule:
    """A module of the extra ``postgresql``."""
    return LazyModule(name, "postgresql", "PostgreSQL")
