"""Plans: one producer per dataset, no cycle, one declaration, a fixed order, units by partition."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nibrs_estimation.pipeline.dataset import Column, Dataset, Document
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.flow import Plan, Unit, make_plan
from nibrs_estimation.pipeline.task import PARTITION, YEAR, Task


def dataset(name: str, *, partition_key: str | None = None, is_optional: bool = False) -> Dataset:
    return Dataset(
        name=name,
        description="A table.",
        columns=(Column("state_abbr", "str", "State."), Column("n", "int64", "Number.")),
        primary_key=("state_abbr", "n"),
        partition_key=partition_key,
        absence="Its readers do without." if is_optional else "",
    )


def task(name: str, reads: tuple[Dataset, ...], writes: tuple[Dataset | Document, ...], **options: Any) -> Task:
    arguments = ", ".join(d.name for d in reads)
    return Task(name=name, function=eval(f"lambda {arguments}: None"), reads=reads, writes=writes, **options)


A, B, C = dataset("a"), dataset("b"), dataset("c")


def names(plan: Plan) -> list[str]:
    return [unit.key for unit in plan.units]


def test_order_follows_needs_not_declaration() -> None:
    tasks = [task("last", (B,), (C,)), task("middle", (A,), (B,)), task("first", (), (A,))]
    assert names(make_plan(tasks, {})) == ["first", "middle", "last"]


def test_until_keeps_a_task_and_what_it_needs() -> None:
    tasks = [task("first", (), (A,)), task("aside", (), (C,)), task("middle", (A,), (B,))]
    assert names(make_plan(tasks, {}, until="middle")) == ["first", "middle"]


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ([task("reader", (A,), (B,))], "reader reads a, but no task or source of the flow writes it"),
        ([task("one", (), (A,)), task("two", (), (A,))], "Both one and two write a"),
        ([task("one", (B,), (A,)), task("two", (A,), (B,))], "depend on each other in a cycle"),
        ([task("same", (), (A,)), task("same", (), (B,))], "Two tasks of the flow have the name same"),
        (
            [task("writer", (), (dataset("a", is_optional=True),)), task("reader", (A,), (B,))],
            "with another declaration",
        ),
    ],
    ids=["missing producer", "double producer", "cycle", "double name", "schema mismatch"],
)
def test_mistakes_are_told_before_anything_runs(tasks: list[Task], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_plan(tasks, {})


def test_schema_mismatch_names_the_columns() -> None:
    other = Dataset("a", "A table.", (Column("n", "int32", "Number."),), ("n",))
    with pytest.raises(UsageError, match="Int32"):
        make_plan([task("writer", (), (other,)), task("reader", (A,), (B,))], {})


def test_unknown_task_is_refused_with_the_list() -> None:
    with pytest.raises(UsageError, match=r"no task 'nope'.*first"):
        make_plan([task("first", (), (A,))], {}, until="nope")


def test_optional_dataset_may_lack_a_producer() -> None:
    plan = make_plan([task("reader", (dataset("a", is_optional=True),), (B,))], {})
    assert names(plan) == ["reader"]


def test_units_meet_by_partition() -> None:
    parts, joined = dataset("parts", partition_key="state_abbr"), dataset("more", partition_key="state_abbr")
    tasks = [
        task("cut", (), (parts,), partition_by="state_abbr"),
        task("along", (parts,), (joined,), partition_by="state_abbr"),
        task("across", (joined,), (A,)),
    ]
    plan = make_plan(tasks, {"state_abbr": ("NB", "VT")})
    assert names(plan) == ["cut[NB]", "cut[VT]", "along[NB]", "along[VT]", "across"]
    assert [unit.key for unit in plan.needs["along[VT]"]] == ["cut[VT]"]
    assert [unit.key for unit in plan.needs["across"]] == ["along[NB]", "along[VT]"]
    assert plan.downstream_of("along") == {"along", "across"}


def test_partition_key_without_values_is_refused() -> None:
    parts = dataset("parts", partition_key="state_abbr")
    with pytest.raises(UsageError, match="does not list its values"):
        make_plan([task("cut", (), (parts,), partition_by="state_abbr")], {})


def parts_of(plan: Plan, name: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(unit.key, unit.partitions) for unit in plan.units if unit.task.name == name]


def test_units_of_another_key_meet_as_a_whole() -> None:
    by_state, by_n = dataset("by_state", partition_key="state_abbr"), dataset("by_n", partition_key="n")
    again, states_again = dataset("again", partition_key="n"), dataset("states_again", partition_key="state_abbr")
    numbers = ("VT", "7")  # a value of one key may be one of another key, too
    tasks = [
        task("cut", (), (by_state,), partition_by="state_abbr"),
        task("turn", (by_state, A), (by_n,), partition_by="n", partitions=lambda: numbers),
        task("along", (by_n,), (again,), partition_by="n", partitions=lambda: numbers),
        task("back", (by_n, by_state), (states_again,), partition_by="state_abbr"),
        task("once", (again, by_state), (B, dataset("spread", partition_key="n")), partitions=lambda: numbers),
        task("first", (), (A,)),
    ]
    plan = make_plan(tasks, {"state_abbr": ("NB", "VT")})
    needs = {key: [unit.key for unit in found] for key, found in plan.needs.items()}
    assert needs["turn[VT]"] == needs["turn[7]"] == ["cut[NB]", "cut[VT]", "first"]
    assert needs["along[VT]"] == ["turn[VT]"]
    assert needs["back[VT]"] == ["cut[VT]", "turn[VT]", "turn[7]"]
    assert needs["once"] == ["cut[NB]", "cut[VT]", "along[VT]", "along[7]"]
    assert parts_of(plan, "once") == [("once", numbers)]
    (back,) = (unit for unit in plan.units if unit.key == "back[VT]")
    assert [unit.key for unit in plan.inputs_of(back, by_n)] == ["turn[VT]", "turn[7]"]
    assert (back.partition_read(by_state), back.partition_read(by_n), back.partition_read(A)) == ("VT", None, None)
    (once,) = (unit for unit in plan.units if unit.key == "once")
    assert once.output_names() == {"b", "spread[VT]", "spread[7]"}


def test_partitions_are_asked_when_a_plan_is_made() -> None:
    found: list[str] = []
    turn = task("turn", (), (dataset("by_n", partition_key="n"),), partition_by="n", partitions=lambda: tuple(found))
    assert make_plan([turn], {}).units == ()
    found.append("7")
    assert make_plan([turn], {}).units == (Unit(turn, "7"),)


def test_a_part_that_nothing_writes_is_refused() -> None:
    by_n, again = dataset("by_n", partition_key="n"), dataset("again", partition_key="n")
    reader = task("reader", (by_n,), (again,), partition_by="n", partitions=lambda: ("6", "7", "8"))
    for options in ({"partition_by": "n"}, {}):
        writer = task("writer", (), (by_n,), partitions=lambda: ("7",), **options)
        with pytest.raises(UsageError, match="reader runs for n 6, 8, but writer writes no such part of by_n"):
            make_plan([writer, reader], {})


@given(st.data())
def test_every_unit_comes_after_what_it_needs(data: st.DataObject) -> None:
    sets = [dataset(f"d{i}") for i in range(6)]
    tasks = [
        task(f"t{i}", tuple(data.draw(st.lists(st.sampled_from(sets[:i]), unique=True))) if i else (), (sets[i],))
        for i in range(6)
    ]
    plan = make_plan(data.draw(st.permutations(tasks)), {})
    position = {key: place for place, key in enumerate(names(plan))}
    assert len(position) == 6
    for unit in plan.units:
        assert all(position[needed.key] < position[unit.key] for needed in plan.needs[unit.key])
        assert {needed.task.writes[0] for needed in plan.needs[unit.key]} == set(unit.task.reads)


def halves(n: str) -> tuple[str, ...]:
    return (f"{n}a", f"{n}b")


def test_a_unit_may_write_finer_parts_than_it_runs_by() -> None:
    by_n = dataset("by_n", partition_key="n")
    cut = task("cut", (A,), (by_n,), partition_by="n", partitions=lambda: ("1", "2"), parts_written=halves)
    plan = make_plan([task("first", (), (A,)), cut, task("last", (by_n,), (B,))], {})
    assert names(plan) == ["first", "cut[1]", "cut[2]", "last"]
    assert [unit.parts_of(by_n) for unit in plan.units[1:3]] == [
        {f"by_n[{part}]": part for part in halves(n)} for n in ("1", "2")
    ]
    assert {unit.key for unit in plan.inputs_of(plan.units[3], by_n)} == {"cut[1]", "cut[2]"}
    with pytest.raises(ValueError, match="runs by nothing"):
        Task(name="once", function=lambda: {}, writes=(A,), parts_written=halves)
    with pytest.raises(ValueError, match="finer parts than it reads"):
        task("again", (by_n,), (by_n,), partition_by="n", parts_written=halves)


def test_task_declaration_must_fit_its_function() -> None:
    def wants_year(a: pl.LazyFrame, year: int) -> pl.LazyFrame:
        return a

    Task(name="fits", function=wants_year, reads=(A,), writes=(B,), parameters=(YEAR,))
    with pytest.raises(ValueError, match="declares"):
        Task(name="lacks", function=wants_year, reads=(A,), writes=(B,))
    with pytest.raises(ValueError, match="must agree"):
        Task(name="uneven", function=lambda partition: {}, writes=(B,), parameters=(PARTITION,), partition_by="n")
    two_keys = (dataset("a", partition_key="n"), dataset("b", partition_key="state_abbr"))
    with pytest.raises(ValueError, match="writes parts by n and state_abbr; it may have one key"):
        Task(name="torn", function=lambda: {}, writes=two_keys)
    with pytest.raises(ValueError, match="none of its outputs is partitioned"):
        Task(name="vain", function=lambda: {}, writes=(A,), partitions=lambda: ("1",))
    with pytest.raises(ValueError, match="writes nothing"):
        Task(name="idle", function=lambda: {}, writes=())
    with pytest.raises(ValueError, match="memory class"):
        Task(name="huge", function=lambda: {}, writes=(A,), memory="enormous")


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: dataset("Not snake"), "snake case"),
        (lambda: Dataset("a", "", (Column("n", "int64", ""),) * 2, ("n",)), "twice"),
        (lambda: Dataset("a", "", (Column("n", "int64", ""),), ()), "primary key"),
        (lambda: Dataset("a", "", (Column("n", "int64", ""),), ("n",), partition_key="state"), "one of its columns"),
        (lambda: Column("n", "decimal", ""), "not one of"),
    ],
)
def test_wrong_declarations_are_refused(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
