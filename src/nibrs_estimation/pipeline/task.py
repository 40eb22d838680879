"""Tasks: functions from input tables to output tables, with a declaration."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from nibrs_estimation.pipeline.dataset import Dataset, Document
from nibrs_estimation.pipeline.externals import ExternalFile
from nibrs_estimation.pipeline.parameter import Parameter

#: A task returns one table, or its outputs by name: tables and, for documents, functions that write them to a path. A
#: task that does not run by partition returns a partitioned dataset as a mapping from partition to table, which is read
#: one partition at a time and may compute each table on access.
Table = pl.LazyFrame | pl.DataFrame
DocumentWriter = Callable[[Path], None]
TaskOutput = Table | Mapping[str, Table | Mapping[str, Table] | DocumentWriter]

#: Peak memory of a unit of each class, in GiB. An engine starts a unit only if it fits with the running ones.
MEMORY_GIB = {"small": 1.0, "medium": 4.0, "large": 8.0, "huge": 12.0}


YEAR = Parameter("year", "Data year.")
SEED = Parameter("seed", "Seed of the random numbers.")
DATABASE = Parameter("database", "The PostgreSQL database, or None where none is configured.")
IDENTITY = Parameter("identity", "Identity of the run: id, source, year, seed, and whether it is synthetic.")
PARTITION = Parameter("partition", "Value of the partition key for this call.")


@dataclass(frozen=True)
class Task:
    """A function and its declaration.

    The function is called with one lazy frame per dataset in ``reads`` (under the dataset's name), one value per
    parameter and one path per external file (None if an optional one is absent), all by keyword. It must not read
    the environment, the clock, global random state or other files.

    Attributes:
        name: unique within a flow; used by ``--from`` and ``nibrs task``.
        function: importable at module level, or a method of a picklable source.
        reads, writes: datasets (and, in ``writes``, documents).
        parameters: settings of the run that it needs.
        externals: external files that it needs.
        partition_by: a partition key. The task runs once for each value: it reads that part of inputs with the same
            key and all of the other inputs, and writes that part. A task without it runs once and writes all parts
            of its partitioned outputs, which must have the same key.
        partitions: function that returns the values of the partition key, if they are not those of the source;
            importable like ``function``. It is called when a plan is made.
        parts_written: function that returns the parts that a unit writes, if each of its partitions is written in
            several. It then returns a mapping as a task that runs once; it may not read datasets with that key.
        tolerates: datasets that it reads and whose faults it handles itself; all others must fit their declaration
            when they are read from plain files.
        memory: class of :data:`MEMORY_GIB`.
    """

    name: str
    function: Callable[..., TaskOutput]
    writes: tuple[Dataset | Document, ...]
    reads: tuple[Dataset, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    externals: tuple[ExternalFile, ...] = ()
    partition_by: str | None = None
    partitions: Callable[[], tuple[str, ...]] | None = None
    parts_written: Callable[[str], tuple[str, ...]] | None = None
    tolerates: tuple[Dataset, ...] = ()
    memory: str = "small"

    def __post_init__(self) -> None:
        if self.memory not in MEMORY_GIB:
            raise ValueError(f"task {self.name}: memory class {self.memory!r} is not one of {', '.join(MEMORY_GIB)}")
        if not self.writes:
            raise ValueError(f"task {self.name} writes nothing")
        for output in self.writes:
            key = output.partition_key if isinstance(output, Dataset) else None
            if key != self.partition_by and (self.partition_by or isinstance(output, Document)):
                raise ValueError(
                    f"task {self.name} runs by {self.partition_by or 'nothing'}, but its output {output.name} is "
                    f"partitioned by {key or 'nothing'}; the two must agree"
                )
        keys = {output.partition_key for output in self.datasets if output.partition_key}
        if len(keys) > 1:
            raise ValueError(f"task {self.name} writes parts by {' and '.join(sorted(keys))}; it may have one key")
        if self.partitions and not keys:
            raise ValueError(f"task {self.name} names partitions, but none of its outputs is partitioned")
        if self.parts_written and not self.partition_by:
            raise ValueError(f"task {self.name} names the parts that its units write, but it runs by nothing")
        if self.parts_written and any(dataset.partition_key == self.partition_by for dataset in self.reads):
            raise ValueError(f"task {self.name} writes finer parts than it reads: read datasets with another key")
        expected = {
            *(dataset.name for dataset in self.reads),
            *(parameter.name for parameter in self.parameters),
            *(external.code_name for external in self.externals),
        }
        accepted = set(inspect.signature(self.function).parameters)
        if expected != accepted:
            raise ValueError(f"task {self.name} declares {sorted(expected)}, but its function takes {sorted(accepted)}")

    @property
    def description(self) -> str:
        """First line of the function's docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    @property
    def partition_key(self) -> str | None:
        """The partition key of its outputs; it equals ``partition_by`` if that is given."""
        return next((dataset.partition_key for dataset in self.datasets if dataset.partition_key), None)

    def parts(self, known: Mapping[str, tuple[str, ...]]) -> tuple[str, ...] | None:
        """Values of its partition key: its own, otherwise those in ``known``, otherwise None."""
        if self.partitions is not None:
            return self.partitions()
        return known.get(self.partition_key) if self.partition_key else None

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        """The datasets among its outputs."""
        return tuple(output for output in self.writes if isinstance(output, Dataset))
