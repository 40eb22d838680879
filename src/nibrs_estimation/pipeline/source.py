"""Sources: providers of the core datasets. A run has one source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from nibrs_estimation.pipeline.task import Task


@dataclass(frozen=True)
class Probe:
    """Properties of a source, determined before a run is planned.

    Attributes:
        years: data years that it contains, ascending.
        partitions: partition key -> its values in the data year, ascending (``state_abbr`` -> states).
        fingerprint: a text that changes when the content changes.
        is_content_hash: whether the fingerprint is computed from the content (files) or only from its size (a
            database); in the second case the core datasets are reused until ``--refresh-source``.
        summary: one line for the user.
        is_synthetic: whether the data are synthetic, also if they are in zips or a database.
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
        """Its name as given by the user, such as ``cde:VT-2024.zip``, without secrets."""
        ...

    def probe(self, year: int, seed: int) -> Probe:
        """Determine years and states quickly; raises PipelineError for invalid input."""
        ...

    def tasks(self) -> tuple[Task, ...]:
        """The tasks that write the core datasets."""
        ...
