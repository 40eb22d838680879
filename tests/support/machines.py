"""Machines that share nothing but a network: namespaces of this one, each with its own address, name and disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.support.command import ROOT, clean_environment

#: Mounts an empty disk of a machine, hides the folders of the flow run, and starts a program.
_START = """
set -e
hostname "$1"
mount --make-rprivate /
mount -t tmpfs -o size="$3" tmpfs "$2"
if [ -n "$4" ]; then mount -t tmpfs -o size=1m tmpfs "$4"; fi
shift 4
exec "$@"
"""


@cache
def why_not() -> str:
    """Why namespaces cannot be made here; empty if they can."""
    if os.geteuid() != 0:
        return "network and mount namespaces need root"
    if not all(map(shutil.which, ("ip", "unshare", "mount"))):
        return "ip, unshare or mount is missing"
    name = f"nbt{os.getpid()}"
    commands = [["ip", "link", "add", name, "type", "bridge"], ["unshare", "--net", "--mount", "--uts", "true"]]
    failed = [c for c in commands if subprocess.run(c, capture_output=True, check=False).returncode]
    subprocess.run(["ip", "link", "del", name], capture_output=True, check=False)
    return f"{' '.join(failed[0])} fails here" if failed else ""


@dataclass
class Machines:
    """Machines on a network of their own, or plain processes with folders of their own where namespaces are missing.

    Attributes:
        folder: where the disks are mounted.
        hidden: a folder of this machine that the others do not see; None if they may see all.
        address: address of this machine, for servers that the others reach.
        is_isolated: whether the machines are namespaces.
    """

    folder: Path
    hidden: Path | None
    address: str
    is_isolated: bool
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _bridge: str = ""

    def start(self, name: str, *command: str, disk: str = "1g", **settings: str) -> subprocess.Popen[bytes]:
        """Start a program on a machine of its own, in its disk; the output goes to ``<name>.log`` in ``folder``.

        Args:
            name: name of the machine.
            command: the program with its arguments.
            disk: size of its disk, as `mount` takes it; ignored without namespaces.
            settings: environment of the program.
        """
        own = self.folder / name
        own.mkdir()
        prefix: list[str] = []
        if self.is_isolated:
            namespace = self._namespace(len(self.processes))
            unshare = ["ip", "netns", "exec", namespace, "unshare", "--mount", "--uts"]
            prefix = [*unshare, "sh", "-c", _START, "sh", name, str(own), disk, str(self.hidden or "")]
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [*prefix, *command],
                cwd=self.folder.parent,
                env=clean_environment(PYTHONPATH=f"{ROOT / 'src'}:{ROOT}", TMPDIR=str(own), **settings),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)
        return process

    def start_scheduler(self, **settings: str) -> str:
        """Start a Dask scheduler; returns its address."""
        file = self.folder / "scheduler.log"
        host = self._address(len(self.processes))
        self.start("scheduler", *_dask("scheduler", "--host", host, "--port", "0", "--no-dashboard"), **settings)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for line in file.read_text().splitlines():
                if "Scheduler at:" in line:
                    return line.split()[-1]
            time.sleep(0.1)
        raise TimeoutError(file.read_text())

    def start_worker(self, name: str, scheduler: str, disk: str = "1g") -> subprocess.Popen[bytes]:
        """Start a Dask worker that runs one unit at a time; without a nanny, so that its death is that of a machine."""
        options = ("--no-nanny", "--nthreads", "1", "--memory-limit", "0", "--no-dashboard", "--name", name)
        local = ("--host", self._address(len(self.processes)), "--local-directory", str(self.folder / name))
        return self.start(name, *_dask("worker", scheduler, *options, *local), disk=disk)

    def _address(self, number: int) -> str:
        return f"{self.address.rpartition('.')[0]}.{number + 2}" if self.is_isolated else self.address

    def _namespace(self, number: int) -> str:
        """A network namespace with an address in the network of the bridge."""
        name = f"{self._bridge}-{number}"
        for command in (
            f"ip netns add {name}",
            f"ip link add {self._bridge}v{number} type veth peer name eth0 netns {name}",
            f"ip link set {self._bridge}v{number} master {self._bridge} up",
            f"ip -n {name} addr add {self._address(number)}/24 dev eth0",
            f"ip -n {name} link set eth0 up",
            f"ip -n {name} link set lo up",
        ):
            subprocess.run(command.split(), check=True)
        return name

    def stop(self) -> None:
        """End all programs and remove the namespaces."""
        for process in self.processes:
            process.kill()
            process.wait()
        if self.is_isolated:
            for number in range(len(self.processes)):
                subprocess.run(["ip", "netns", "del", f"{self._bridge}-{number}"], check=False)
            subprocess.run(["ip", "link", "del", self._bridge], check=False)


def _dask(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"distributed.cli.dask_{arguments[0]}", *arguments[1:])


@contextmanager
def machines(folder: Path, hidden: Path | None) -> Iterator[Machines]:
    """Machines that end with the context; ``folder`` must be empty."""
    folder.mkdir(parents=True, exist_ok=True)
    isolated = not why_not()
    bridge, address = f"nb{os.getpid() % 100_000}", f"10.213.{os.getpid() % 250}.1"
    if isolated:
        subprocess.run(["ip", "link", "add", bridge, "type", "bridge"], check=True)
        subprocess.run(["ip", "addr", "add", f"{address}/24", "dev", bridge], check=True)
        subprocess.run(["ip", "link", "set", bridge, "up"], check=True)
    found = Machines(folder, hidden, address if isolated else "127.0.0.1", isolated, _bridge=bridge)
    try:
        yield found
    finally:
        found.stop()
