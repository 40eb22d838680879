"""The time and memory of a run from checked Parquet to the published set, by stage.

    nibrs run all nation --source synthetic:1 --year 2024
    python -m benchmarks.nation_year scratch/nation/all

Reads the manifests of a finished run; the source is left out. Limits on two cores: 45 minutes and 12 GiB without
demographic series, 80 minutes and 16 GiB with them. Times of units that ran at the same time are added up, so a run in
two processes took less than this says.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

from nibrs_estimation.flows.registry import FLOWS
from nibrs_estimation.pipeline.manifest import Manifest

SERIES = "estimate_series"
#: Largest minutes and GiB without and with the demographic series.
LIMITS = {"without series": (45, 12), "with series": (80, 16)}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("run", type=Path, help="folder of the run, with manifests/")
    found = by_task(options.parse_args().run)
    for name, (minutes, gib) in LIMITS.items():
        kept = {task: units for task, units in found.items() if name == "with series" or task != SERIES}
        print(f"{name}:")
        report(kept, minutes, gib)


def by_task(run: Path) -> dict[str, list[Manifest]]:
    """The units of each task of flow `all`, in the order of the flow."""
    found: dict[str, list[Manifest]] = {}
    missing = []
    for task in FLOWS["all"].tasks:
        folder = run / "manifests"
        read = [
            Manifest.read(path) for path in [*folder.glob(f"{task.name}.json"), *folder.glob(f"{task.name}/*.json")]
        ]
        units = [unit for unit in read if unit is not None]
        if units:
            found[task.name] = units
        else:
            missing.append(task.name)
    if missing:
        print(f"not done in this run: {', '.join(missing)}")
    return found


def report(found: dict[str, list[Manifest]], limit_minutes: float, limit_gib: float) -> None:
    """A line for each stage, with its slowest task, and the total beside its limits."""
    stage_of = {task.name: task.function.__module__.split(".")[2] for task in FLOWS["all"].tasks}
    stages: dict[str, list[str]] = defaultdict(list)
    for name in found:
        stages[stage_of[name]].append(name)
    total = sum(unit.duration_s for units in found.values() for unit in units)
    for stage, names in stages.items():
        seconds = {name: sum(unit.duration_s for unit in found[name]) for name in names}
        cpu = sum(unit.cpu_s or 0.0 for name in names for unit in found[name])
        slowest = max(seconds, key=lambda name: seconds[name])
        part = sum(seconds.values())
        print(
            f"  {stage:18s} {part / 60:6.2f} min {part / total:6.1%}  CPU {cpu / 60:6.2f} min  "
            f"{peak(found, names):5.2f} GiB  most: {slowest} {seconds[slowest]:.0f} s"
        )
    gib = peak(found, list(found))
    print(f"  together {total / 60:.1f} min, limit {limit_minutes}, ratio {total / 60 / limit_minutes:.2f}")
    print(f"  peak {gib:.2f} GiB, limit {limit_gib}, ratio {gib / limit_gib:.2f}")


def peak(found: dict[str, list[Manifest]], names: list[str]) -> float:
    """The largest memory of a unit of some tasks, in GiB."""
    return max(unit.peak_memory_bytes or 0 for name in names for unit in found[name]) / 2**30


if __name__ == "__main__":
    main()
