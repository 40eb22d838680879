"""What a task is: a plain function from input tables to output tables, plus its declaration."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from nibrs_estimation.pipeline.dataset import Dataset, Document
from nibrs_estimation.pipeline.externals import ExternalFile
from nibrs_estimation.pipeline.parameter import Parameter

#: A task returns one table, or by name its tables and, for documents, functions that write them to a path. A task
#: that does not run by partition gives a partitioned dataset as a mapping from partition to table, which is asked for
#: one partition at a time and may make each when it is asked.
Table = pl.LazyFrame | pl.DataFrame
DocumentWriter = Callable[[Path], None]
TaskOutput = Table | Mapping[str, Table | Mapping[str, Table] | DocumentWriter]

#: Peak memory that a unit of each class may need, in GiB. An engine never starts two that do not fit together.
MEMORY_GIB = {"small": 1.0, "medium": 4.0, "large": 12.0}


YEAR = Parameter("year", "Data year.")
SEED = Parameter("seed", "Seed of every keyed random number.")
DATABASE = Parameter("database", "The PostgreSQL database, or None where none is configured.")
IDENTITY = Parameter("identity", "Which run the numbers are of: its id, source, year and seed, and if synthetic.")
PARTITION = Parameter("partition", "Value of the partition key that the call is for.")


@dataclass(frozen=True)
class Task:
    """A function and its declaration; everything else is derived from it.

    The function is called with one lazy frame per dataset in ``reads`` (under the dataset's name), one value per
    parameter and one path per external file (None where an optional one is absent), all by keyword. It never reads
    the environment, the clock, global random state or a path that it was not given.

    Attributes:
        name: unique within a flow; what ``--from`` and ``nibrs task`` call it.
        function: importable at module level, or a method of a picklable source.
        reads, writes: datasets (and, in ``writes``, documents).
        parameters: settings of the run that it needs.
        externals: external files that it needs.
        partition_by: a partition key: the task then runs once for each value, on that part of the inputs of the same
            key and on the whole of the others, and writes that part. A task without one runs once and writes all
            parts of its partitioned outputs, which have one key.
        partitions: values of its partition key (of ``partition_by``, or of its partitioned outputs where it runs
            once) that are not the source's; importable like ``function``. Asked when a plan is made, never on import.
        tolerates: of the datasets that it reads, those whose faults it handles itself; all others must fit their
            declaration when they come as plain files.
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
        """The key of its partitioned outputs, which is that by which it runs, if it runs by one."""
        return next((dataset.partition_key for dataset in self.datasets if dataset.partition_key), None)

    def parts(self, known: Mapping[str, tuple[str, ...]]) -> tuple[str, ...] | None:
        """Values of its partition key: its own, or else those in ``known``; None if neither tells them."""
        if self.partitions is not None:
            return self.partitions()
        return known.get(self.partition_key) if self.partition_key else None

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        """The datasets among its outputs."""
        return tuple(output for output in self.writes if isinstance(output, Dataset))
