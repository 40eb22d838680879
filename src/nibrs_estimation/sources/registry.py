"""Which sources there are, and how a user names one."""

from __future__ import annotations

from pathlib import Path

from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.source import Source
from nibrs_estimation.sources.cde import CdeSource
from nibrs_estimation.sources.synthetic import SyntheticSource

FORMS = "cde:FILE.zip[,FILE2.zip...] or synthetic[:SCALE]"


def open_source(spec: str) -> Source:
    """The source that a text names, such as ``cde:VT-2024.zip`` or ``synthetic:0.01``.

    Raises:
        UsageError: there is no such source, or its part after the colon is malformed.
    """
    kind, _, rest = spec.partition(":")
    if kind == "cde":
        paths = [Path(part.strip()).absolute() for part in rest.split(",") if part.strip()]
        if not paths:
            raise UsageError(
                "The source cde: names no file. Write cde:FILE.zip, or cde:FILE.zip,FILE2.zip for several."
            )
        return CdeSource(tuple(paths))
    if kind == "synthetic":
        return SyntheticSource.parse(rest)
    if kind == "postgresql":
        raise UsageError(
            "This version does not read a PostgreSQL database yet. Name another source with --source or NIBRS_SOURCE: "
            f"{FORMS}."
        )
    raise UsageError(f"{spec!r} is not a source. Write {FORMS}.")


def source_examples() -> dict[str, Source]:
    """One source of each kind, for listings of what they write; nothing is opened."""
    return {"cde": CdeSource(()), "synthetic": SyntheticSource()}
