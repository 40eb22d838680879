"""Kill a small synthetic run at the fault points of every kind of file, and compare with an undisturbed run.

Run as a program: it imports everything once and forks a child for each process of the run, before any thread exists.
Prints JSON: the fault points, how often the run was killed, and whether its outputs are those of the undisturbed run.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import altair  # noqa: F401 (imported here once, not in every child)
import great_tables  # noqa: F401
import vl_convert  # noqa: F401

from nibrs_estimation.flows.registry import find_flow
from nibrs_estimation.model.parameters import METHOD_DEFAULTS
from nibrs_estimation.pipeline import files, publishing, unit
from nibrs_estimation.pipeline.engines.inline import run_inline
from nibrs_estimation.pipeline.externals import NO_LOCATIONS
from nibrs_estimation.pipeline.run import RunSettings, run_flow
from nibrs_estimation.pipeline.schedule import Watcher
from nibrs_estimation.pipeline.source import Probe
from nibrs_estimation.pipeline.store import LocalStore
from nibrs_estimation.sources.synthetic import SyntheticSource
from nibrs_estimation.survey import cells  # noqa: F401 (compiled code is loaded once, too)
from tests.support.outputs import outputs_of

STATES = ("DC", "VT")
#: The datasets, documents and manifests at whose fault points the run is killed.
TRIED = (
    "incident", "cell_estimate", "report", "ingest_incidents", "estimate_cells", "write_report",
)  # fmt: skip
#: Folders of a run; in others are the parts of a dataset or task.
FOLDERS = ("crash", "all", "datasets", "documents", "externals", "logs", "manifests")


@dataclass(frozen=True)
class FewStates(SyntheticSource):
    """The synthetic nation, of which only a few states' incidents are made."""

    def probe(self, year: int, seed: int) -> Probe:
        return replace(super().probe(year, seed), partitions={"state_abbr": STATES})


def run(folder: Path) -> None:
    settings = RunSettings(
        run_id="crash",
        scratch=folder / "scratch",
        artifacts=LocalStore(folder / "artifacts"),
        externals=LocalStore(folder / "externals"),
        locations=NO_LOCATIONS,
        source=FewStates(0.001),
        parameters={"year": 2024, "seed": 1, "database": None, **METHOD_DEFAULTS},
    )
    result = run_flow(find_flow("all"), settings, run_inline, Watcher())
    if result.failures:
        raise SystemExit(str(result.failures))


def in_child(work: Callable[[], None]) -> int:
    """Do work in a forked child; return its exit status."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException as error:
            print(error, file=sys.stderr, flush=True)
            os._exit(1)
    return os.waitpid(child, 0)[1]


def point_of(name: str, path: Path) -> str:
    """A fault point's name: the moment and the file, without run folder and part: parts of a dataset are alike."""
    place = path if path.parent.name in FOLDERS else path.parent
    return f"{name} {'/'.join(place.parts[place.parts.index('crash') + 1 :])}"


def is_of_a_kind_to_try(point: str) -> bool:
    """Some datasets, a document, their manifests and copies, and all that stands beside: a kind is written alike."""
    is_output = any(folder in point for folder in ("/datasets/", "/documents/", "/manifests/", "/artifacts/"))
    return not is_output or point.rpartition("/")[2].partition(".")[0] in TRIED


def checkpoint(act: Callable[[str], None]) -> None:
    def reached(name: str, path: Path) -> None:
        if "crash" in path.parts:  # not what is fetched into a temporary folder to be read
            act(point_of(name, path))

    # Each module calls the name that it imported.
    for module in (files, unit, publishing):
        vars(module)["checkpoint"] = reached


def main(folder: Path) -> None:
    """One run that dies at every fault point in turn: each new process goes on until the next point it has not met."""
    whole, crashed = folder / "whole", folder / "crashed"
    met = folder / "met.txt"
    met.touch()

    def undisturbed() -> None:
        run(whole)
        (folder / "whole.json").write_text(json.dumps(outputs_of(whole)))

    def go_on() -> None:
        known = set(met.read_text().splitlines())

        def die(point: str) -> None:
            if point not in known and is_of_a_kind_to_try(point):
                with met.open("a") as file:
                    file.write(point + "\n")
                os.kill(os.getpid(), signal.SIGKILL)

        checkpoint(die)
        run(crashed)
        (folder / "crashed.json").write_text(json.dumps(outputs_of(crashed)))

    if in_child(undisturbed) != 0:
        raise SystemExit("the undisturbed run failed")
    kills = 0
    while os.WIFSIGNALED(status := in_child(go_on)):
        kills += 1
    results = [
        json.loads((folder / f"{name}.json").read_text()) if not status else None for name in ("whole", "crashed")
    ]
    points = met.read_text().splitlines()
    print(json.dumps({"points": points, "kills": kills, "status": status, "is_same": results[0] == results[1]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
