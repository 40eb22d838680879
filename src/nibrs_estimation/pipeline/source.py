"""Sources: providers of the core datasets. Many may exist; a run chooses one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from nibrs_estimation.pipeline.task import Task


@dataclass(frozen=True)
class Probe:
    """What a source says of itself before anything is planned.

    Attributes:
        years: data years that it holds, ascending.
        partitions: for each partition key, its values in the chosen year, ascending (``state_abbr`` -> states).
        fingerprint: changes whenever the content does.
        is_content_hash: whether the fingerprint is made from the content itself (files) or only hints at it (a
            database); in the second case core datasets stay frozen until ``--refresh-source``.
        summary: one line for people.
        is_synthetic: whether the data were made up by this program, also where they come as zips or from a database.
    """

    years: tuple[int, ...]
    partitions: dict[str, tuple[str, ...]]
    fingerprint: str
    is_content_hash: bool
    summary: str
    is_synthetic: bool = False


class Source(Protocol):
    """A provider of the core datasets: a picklable object."""

    @property
    def spec(self) -> str:
        """How the user named it, such as ``cde:VT-2024.zip``; free of secrets."""
        ...

    def probe(self, year: int, seed: int) -> Probe:
        """Look, cheaply: which years and states are there? Raises PipelineError for bad input."""
        ...

    def tasks(self) -> tuple[Task, ...]:
        """The tasks that write the core datasets."""
        ...
