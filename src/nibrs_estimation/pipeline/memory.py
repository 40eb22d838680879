"""Memory: the process's high-water mark, and how much the machine has."""

from __future__ import annotations

import os
from pathlib import Path

_CLEAR_REFS = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


def reset_peak() -> None:
    """Set the process's high-water mark back to what it holds now, where the system allows it."""
    try:
        _CLEAR_REFS.write_text("5")
    except OSError:
        return


def peak_bytes() -> int | None:
    """The process's resident high-water mark since the last reset, or None where the system does not tell."""
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return None
    marks = [line for line in lines if line.startswith("VmHWM:")]
    return int(marks[0].split()[1]) * 1024 if marks else None


def machine_bytes() -> int:
    """Memory that this machine, or the container in which we run, may use."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")):
        try:
            text = limit.read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            return min(machine, int(text))
    return machine
