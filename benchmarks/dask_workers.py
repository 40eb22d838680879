"""How cost falls with Dask workers that share only a store, and what 50 of them could reach.

uv run python benchmarks/dask_workers.py --source synthetic:0.002 --workers 1 2 4
uv run python benchmarks/dask_workers.py --analyze scratch/us-2024/all     # only the bounds, from a run's manifests

Each worker is a process with its own network, name and disk where namespaces can be made (root), and the S3 server a
process of its own. All of them share the cores of this machine: with two cores, four workers show what more workers
cost, not what four machines gain.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.command import ROOT, clean_environment
from tests.support.machines import machines
from tests.support.outputs import outputs_of
from tests.support.s3 import CREDENTIALS
from tests.support.s3_server import BUCKET

from nibrs_estimation.pipeline.manifest import Manifest

COUNTS = (1, 2, 4, 10, 50)


def bounds(root: Path) -> None:
    """Print what n machines could reach at best and by any greedy schedule, from the manifests of a run.

    At best max(P, S / n), by a greedy schedule at most P + (S - P) / n (Graham 1969), with S the sum of the durations
    of the units and P the longest chain of units that wait for each other.
    """
    manifests = [m for path in (root / "manifests").rglob("*.json") if (m := Manifest.read(path))]
    if not manifests:
        raise SystemExit(f"{root} contains no manifests.")
    writers: dict[tuple[str, str], list[str]] = {}
    for manifest in manifests:
        for name, record in manifest.outputs.items():
            writers.setdefault((name.partition("[")[0], record.sha256), []).append(manifest.unit)
    by_key = {manifest.unit: manifest for manifest in manifests}
    chains: dict[str, tuple[float, list[str]]] = {}

    def chain(key: str) -> tuple[float, list[str]]:
        if key not in chains:
            inputs = by_key[key].cause.inputs
            needed = {
                w for name, hashes in inputs.items() for sha256 in hashes for w in writers.get((name, sha256), [])
            }
            length, path = max((chain(need) for need in needed), default=(0.0, []))
            chains[key] = (length + by_key[key].duration_s, [*path, key])
        return chains[key]

    longest, path = max(chain(key) for key in by_key)
    total = sum(manifest.duration_s for manifest in manifests)
    size = sum(record.size_bytes for manifest in manifests for record in manifest.outputs.values())
    print(f"{len(manifests)} units, S = {total:.1f} s, P = {longest:.1f} s, outputs {size / 1e6:.1f} MB")
    print(
        "P: "
        + ", ".join(f"{key} {by_key[key].duration_s:.1f}" for key in path if by_key[key].duration_s > 0.01 * longest)
    )
    for n in COUNTS:
        best, greedy = max(longest, total / n), longest + (total - longest) / n
        print(f"{n:3d} workers: {best:.1f} to {greedy:.1f} s, {total / greedy:.1f} to {total / best:.1f} times as fast")


def children_s() -> float:
    """CPU seconds of the child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cpu_s(pid: int) -> float:
    """CPU seconds of a running process."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def nibrs_run(folder: Path, what: Sequence[str], *options: str, **settings: str) -> tuple[float, float]:
    """Wall and CPU seconds of a run in a folder."""
    folder.mkdir()
    command = [sys.executable, "-m", "nibrs_estimation", "run", "all", "bench", "--year", "2024", *what]
    environment = clean_environment(PYTHONPATH=f"{ROOT / 'src'}:{ROOT}", **settings)
    wall, cpu = time.perf_counter(), children_s()
    subprocess.run([*command, *options], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - wall, children_s() - cpu


@contextmanager
def store_process(host: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """An S3 server in a process of its own; a line on its input is answered with bytes in, bytes out and requests."""
    command = [sys.executable, "-m", "tests.support.s3_server", host]
    with subprocess.Popen(
        command, cwd=ROOT, env=clean_environment(PYTHONPATH=str(ROOT)), stdin=-1, stdout=-1, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process
        process.stdin.close()


def with_workers(count: int, what: Sequence[str], folder: Path) -> tuple[str, dict[str, str]]:
    """One run on so many workers; returns a line of figures and the hashes of what it published."""
    from nibrs_estimation.pipeline.engines.server import temporary_server

    folder.mkdir()
    client = folder / "client"
    with (
        machines(folder / "machines", client) as found,
        store_process(found.address) as (endpoint, store),
        temporary_server(found.address) as (url, _home),
    ):
        client.mkdir()
        scheduler = found.start_scheduler()
        for number in range(count):
            found.start_worker(f"w{number}", scheduler)
        wall, cpu = nibrs_run(
            client / "run",
            what,
            "--engine",
            "dask",
            "--workers",
            str(count),
            DASK_SCHEDULER_ADDRESS=scheduler,
            PREFECT_API_URL=url,
            WORK_STORE=f"s3://{BUCKET}/runs",
            S3_ENDPOINT_URL=endpoint,
            AWS_REGION="us-east-1",
            NIBRS_MEMORY_GIB="1000",
            **CREDENTIALS,
        )
        assert store.stdin is not None
        assert store.stdout is not None
        store.stdin.write("\n")
        store.stdin.flush()
        received, sent, requests = map(int, store.stdout.readline().split())
        workers = sum(cpu_s(process.pid) for process in found.processes[1:])
        line = (
            f"{wall:7.1f} s; CPU: workers {workers:.1f} s, flow run {cpu:.1f} s, store {cpu_s(store.pid):.1f} s; "
            f"{received / 1e6:.1f} MB in, {sent / 1e6:.1f} MB out, {requests} requests"
        )
    return line, outputs_of(client / "run" / "artifacts")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", default="synthetic:0.002")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--until", help="stop after this task")
    parser.add_argument("--analyze", type=Path)
    options = parser.parse_args()
    what = ["--source", options.source, *(["--until", options.until] if options.until else [])]
    if options.analyze:
        bounds(options.analyze)
        return
    with TemporaryDirectory(prefix="dask-workers-") as name:
        folder = Path(name)
        # Numba compiles in the first run.
        nibrs_run(folder / "warm", what)
        inline, cpu = nibrs_run(folder / "inline", what)
        expected = outputs_of(folder / "inline" / "artifacts")
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {' '.join(what)}")
        print(f"inline    {inline:7.1f} s, {cpu:.1f} s CPU", flush=True)
        for count in options.workers:
            line, published = with_workers(count, what, folder / f"workers-{count}")
            same = "equal" if published == expected else "DIFFERENT"
            ratio = float(line.split()[0]) / inline
            print(f"{count} workers {line}  {ratio:.2f} of inline, bytes {same}", flush=True)
        bounds(folder / "inline" / "scratch" / "bench" / "all")


if __name__ == "__main__":
    main()
