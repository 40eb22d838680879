"""Manifests: the inputs, code and outputs of a finished unit. Resuming a run depends on manifests only."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nibrs_estimation.pipeline.files import write_json
from nibrs_estimation.pipeline.table import FileRecord


@dataclass(frozen=True)
class Cause:
    """Everything that determines a unit's outputs; if the cause is equal, the unit need not run again.

    Attributes:
        code: hash of the task's code.
        parameters: values of the task's parameters.
        inputs: hashes of the files of each dataset, in order.
        externals: hash of each external file.
        source: fingerprint of the source, for tasks that read from it.
    """

    code: str
    parameters: dict[str, Any]
    inputs: dict[str, list[str]]
    externals: dict[str, str]
    source: str | None = None


@dataclass(frozen=True)
class Manifest:
    """The record of a finished unit.

    Attributes:
        unit: its key.
        cause: what determined its outputs.
        outputs: the files that it wrote, by name.
        started: ISO 8601.
        duration_s: wall time in seconds.
        peak_memory_bytes: maximum resident memory of the process; None if the system does not report it.
        peak_memory_of: "task", or "process" where other units ran in the process at the same time.
        engine: the engine that ran it.
        cpu_s: processor seconds of all threads of the same process; None in manifests of versions up to 0.2.
    """

    unit: str
    cause: Cause
    outputs: dict[str, FileRecord]
    started: str
    duration_s: float
    peak_memory_bytes: int | None
    peak_memory_of: str
    engine: str
    cpu_s: float | None = None

    def write(self, path: Path) -> None:
        """Write atomically; a unit writes its manifest last."""
        write_json(path, dataclasses.asdict(self))

    @classmethod
    def read(cls, path: Path) -> Manifest | None:
        """The manifest at ``path``; None if there is none or this version cannot read it."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            # A newer version may record more about a unit. If it records more causes, this version cannot judge them.
            known = {field.name for field in dataclasses.fields(cls)}
            content = {name: value for name, value in content.items() if name in known}
            content["cause"] = Cause(**content["cause"])
            content["outputs"] = {name: FileRecord(**record) for name, record in content["outputs"].items()}
            return cls(**content)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def files_of(self, name: str, partition: str | None = None) -> list[FileRecord]:
        """The files of an output: all of them, or only that of one partition."""
        if name in self.outputs:
            return [self.outputs[name]]
        wanted = f"{name}[" if partition is None else f"{name}[{partition}]"
        return [record for key, record in self.outputs.items() if key.startswith(wanted)]

    def changes(self, cause: Cause, root: Path, *, verify: bool) -> list[str]:
        """What differs from ``cause``, and which outputs are missing or changed; empty if the unit is up to date."""
        was = self.cause
        found = ["code changed"] if was.code != cause.code else []
        found += [f"parameter {name} changed" for name in _different(was.parameters, cause.parameters)]
        found += [f"input {name} changed" for name in _different(was.inputs, cause.inputs)]
        found += [f"external file {name} changed" for name in _different(was.externals, cause.externals)]
        found += ["source changed"] if was.source != cause.source else []
        changed = [name for name, record in self.outputs.items() if not record.is_unchanged(root, verify=verify)]
        return found + [f"output {name} is missing or changed" for name in changed]


def _different(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Names whose values differ, or that only one of the two has."""
    missing = object()
    return [name for name in {**was, **now} if was.get(name, missing) != now.get(name, missing)]
