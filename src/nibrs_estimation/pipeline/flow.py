"""Flows and plans: from declarations to an ordered graph of units. All errors are reported before work starts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from nibrs_estimation.pipeline.dataset import Dataset, Document
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.source import Source
from nibrs_estimation.pipeline.task import Task


@dataclass(frozen=True)
class Flow:
    """A set of published outputs and the tasks that produce them.

    Attributes:
        name: its name in ``nibrs run``.
        description: one sentence.
        tasks: tasks of the stages; the source adds its own tasks.
        publishes: outputs that are copied to the artifact store, in this order.
        optional: datasets that a source may omit; a run reports the consequences.
        takes_summaries: whether it works on summary counts without incidents.
        reads_source_as: the form in which the flow reads a source, if it is another than its core datasets; raises
            UsageError for a source that has no such form.
        first_year: the earliest data year for which it has rules; 0 if it has them for every year.
    """

    name: str
    description: str
    tasks: tuple[Task, ...]
    publishes: tuple[Dataset | Document, ...]
    optional: tuple[Dataset, ...] = ()
    takes_summaries: bool = False
    reads_source_as: Callable[[Source], Source] | None = None
    first_year: int = 0

    def source_form(self, source: Source) -> Source:
        """A source in the form in which this flow reads it.

        Raises:
            UsageError: the flow cannot read such a source.
        """
        return source if self.reads_source_as is None else self.reads_source_as(source)


@dataclass(frozen=True)
class Unit:
    """The smallest piece of work: a task, or one partition of a task.

    Attributes:
        task: what to run.
        partition: value of the partition key, if the task runs by partition.
        partitions: the parts that it must write, if the task runs once but writes partitioned datasets, or writes finer
            parts than it runs by.
    """

    task: Task
    partition: str | None = None
    partitions: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Unique name within a plan, such as ``count_units[VT]``."""
        return self.task.name if self.partition is None else f"{self.task.name}[{self.partition}]"

    @property
    def stem(self) -> str:
        """Relative path, without extension, of the unit's log and manifest."""
        return self.task.name if self.partition is None else f"{self.task.name}/{self.partition}"

    def partition_read(self, dataset: Dataset) -> str | None:
        """The partition of an input that it reads; None if it reads all of it because the keys differ."""
        return self.partition if dataset.partition_key == self.task.partition_by else None

    def parts_of(self, output: Dataset | Document) -> dict[str, str | None]:
        """The files of an output: name in manifests -> partition, or None for an output of one file."""
        if isinstance(output, Document) or output.partition_key is None:
            return {output.name: None}
        if self.partition is None or self.task.parts_written:
            return {f"{output.name}[{partition}]": partition for partition in self.partitions}
        return {output.name: self.partition}

    def output_names(self) -> set[str]:
        """Names, in manifests, of all files that it writes."""
        return {name for output in self.task.writes for name in self.parts_of(output)}

    @staticmethod
    def file_name(output: Dataset | Document, partition: str | None) -> str:
        """Path of a file of an output, relative to the folder of datasets or of documents."""
        if isinstance(output, Document):
            return output.name
        return f"{output.name}.parquet" if partition is None else f"{output.name}/{partition}.parquet"


@dataclass(frozen=True)
class Layout:
    """Folders of datasets and documents under a root folder."""

    datasets: str
    documents: str

    def path(self, unit: Unit, output: Dataset | Document, partition: str | None) -> str:
        """Path of a file of a unit's output, relative to the root."""
        folder = self.documents if isinstance(output, Document) else self.datasets
        return f"{folder}/{unit.file_name(output, partition)}"

    def paths(self, unit: Unit) -> list[str]:
        """Paths of all files that a unit writes, relative to the root."""
        return [
            self.path(unit, output, partition)
            for output in unit.task.writes
            for partition in unit.parts_of(output).values()
        ]


#: A run has a folder of datasets; in statistics mode, datasets are in the output folder itself. Documents are separate
#: in both: the document `estimates.csv` would be mistaken for another form of the dataset.
RUN_LAYOUT = Layout("datasets", "documents")
FLAT_LAYOUT = Layout(".", "documents")


@dataclass(frozen=True)
class Plan:
    """The units of a run in a fixed order, each after the units that it needs."""

    units: tuple[Unit, ...]
    needs: Mapping[str, tuple[Unit, ...]]
    source_tasks: frozenset[str] = field(default_factory=frozenset)

    def inputs_of(self, unit: Unit, dataset: Dataset) -> tuple[Unit, ...]:
        """The units that write the parts of ``dataset`` that ``unit`` reads."""
        return tuple(needed for needed in self.needs[unit.key] if dataset in needed.task.writes)

    def tasks(self) -> tuple[Task, ...]:
        """The distinct tasks, in order."""
        return tuple(dict.fromkeys(unit.task for unit in self.units))

    def downstream_of(self, task_name: str) -> frozenset[str]:
        """Names of a task and of all tasks that depend on it."""
        reached = {task_name}
        for unit in self.units:
            if any(needed.task.name in reached for needed in self.needs[unit.key]):
                reached.add(unit.task.name)
        return frozenset(reached)


def make_plan(
    tasks: Iterable[Task],
    partitions: Mapping[str, tuple[str, ...]],
    *,
    until: str | None = None,
    source_tasks: frozenset[str] = frozenset(),
) -> Plan:
    """Bind producers to readers, order the tasks and split them into units.

    Args:
        tasks: all tasks of the flow, including those of the source.
        partitions: values of each partition key of the source.
        until: keep only this task and what it needs.
        source_tasks: names of the tasks that read from the source.

    Raises:
        UsageError: a missing or second producer, a cycle, two declarations of one dataset, an unknown task, or a
            part that no task writes.
    """
    by_name = _unique_tasks(tasks)
    producers = _producers(by_name.values())
    graph = {task.name: _needed_tasks(task, producers) for task in by_name.values()}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise UsageError(
            f"The tasks depend on each other in a cycle: {' -> '.join(reversed(error.args[1]))}."
        ) from error
    # A fixed order: as declared, except where dependencies require otherwise.
    rank = {name: position for position, name in enumerate(by_name)}
    order = _stable_order(graph, rank)
    if until is not None:
        order = [name for name in order if name in _ancestors(_checked_name(until, by_name), graph)]
    units = {name: _units_of(by_name[name], partitions) for name in order}
    for name in order:
        _check_parts_read(by_name[name], units, producers)
    needs = {
        unit.key: tuple(
            needed
            for upstream in sorted(graph[name], key=rank.__getitem__)
            for needed in units[upstream]
            if unit.task.partition_by != needed.task.partition_by or unit.partition == needed.partition
        )
        for name in order
        for unit in units[name]
    }
    return Plan(tuple(unit for name in order for unit in units[name]), needs, source_tasks & set(order))


def _unique_tasks(tasks: Iterable[Task]) -> dict[str, Task]:
    by_name: dict[str, Task] = {}
    for task in tasks:
        if task.name in by_name:
            raise UsageError(f"Two tasks of the flow have the name {task.name}. Rename one of them.")
        by_name[task.name] = task
    return by_name


def _producers(tasks: Iterable[Task]) -> dict[str, tuple[Task, Dataset | Document]]:
    producers: dict[str, tuple[Task, Dataset | Document]] = {}
    for task in tasks:
        for output in task.writes:
            if output.name in producers:
                raise UsageError(
                    f"Both {producers[output.name][0].name} and {task.name} write {output.name}: a dataset must "
                    "have exactly one producer. Remove one of the two tasks from the flow."
                )
            producers[output.name] = (task, output)
    return producers


def _needed_tasks(task: Task, producers: Mapping[str, tuple[Task, Dataset | Document]]) -> set[str]:
    needed: set[str] = set()
    for dataset in task.reads:
        if dataset.name not in producers:
            if dataset.is_optional:
                continue
            raise UsageError(
                f"Task {task.name} reads {dataset.name}, but no task or source of the flow writes it. Add a task "
                "that writes it, or remove this task."
            )
        producer, written = producers[dataset.name]
        if written != dataset:
            raise UsageError(
                f"Task {task.name} reads {dataset.name} with another declaration than {producer.name} "
                f"writes it ({_difference(dataset, written)}). Use one declaration for both."
            )
        needed.add(producer.name)
    return needed


def _difference(read: Dataset, written: Dataset | Document) -> str:
    if isinstance(written, Document):
        return "one is a table, the other a document"
    if read.schema != written.schema:
        return f"columns {dict(read.schema)} and {dict(written.schema)}"
    return "keys or descriptions differ"


def _stable_order(graph: Mapping[str, set[str]], rank: Mapping[str, int]) -> list[str]:
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    order: list[str] = []
    ready = list(sorter.get_ready())
    while ready:
        ready.sort(key=rank.__getitem__)
        name = ready.pop(0)
        order.append(name)
        sorter.done(name)
        ready += sorter.get_ready()
    return order


def _checked_name(name: str, by_name: Mapping[str, Task]) -> str:
    if name not in by_name:
        raise UsageError(f"There is no task {name!r} in this flow. Its tasks are: {', '.join(by_name)}.")
    return name


def _ancestors(name: str, graph: Mapping[str, set[str]]) -> set[str]:
    found = {name}
    waiting = [name]
    while waiting:
        new = graph[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def _units_of(task: Task, partitions: Mapping[str, tuple[str, ...]]) -> tuple[Unit, ...]:
    if task.partition_key is None:
        return (Unit(task),)
    values = task.parts(partitions)
    if values is None:
        raise UsageError(
            f"Task {task.name} is partitioned by {task.partition_key}, but the source does not list its values. "
            "List them in the `partitions` of the task."
        )
    if task.partition_by is None:
        return (Unit(task, partitions=values),)
    return units_by_value(task, values)


def units_by_value(task: Task, values: Iterable[str]) -> tuple[Unit, ...]:
    """Units of a task that runs by partition."""
    return tuple(Unit(task, value, task.parts_written(value) if task.parts_written else ()) for value in values)


def _check_parts_read(
    task: Task, units: Mapping[str, tuple[Unit, ...]], producers: Mapping[str, tuple[Task, Dataset | Document]]
) -> None:
    """Refuse a task that runs for a partition that its input does not have: it would read an empty table."""
    for dataset in task.reads:
        if dataset.partition_key is None or dataset.partition_key != task.partition_by or dataset.name not in producers:
            continue
        producer = producers[dataset.name][0]
        written = {part for unit in units[producer.name] for part in unit.parts_of(dataset).values()}
        missing = [str(unit.partition) for unit in units[task.name] if unit.partition not in written]
        if missing:
            raise UsageError(
                f"Task {task.name} runs for {task.partition_by} {', '.join(missing)}, but {producer.name} writes no "
                f"such part of {dataset.name}. Use the same `partitions` in both tasks."
            )
