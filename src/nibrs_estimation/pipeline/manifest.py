"""Manifests: the inputs, code and outputs of a finished unit. Resuming a run depends on manifests only."""

from __future__ import annotations

import dataclasses
import json
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
    """The record of a finished unit."""

    unit: str
    cause: Cause
    outputs: dict[str, FileRecord]
    started: str
    duration_s: float
    peak_memory_bytes: int | None
    peak_memory_of: str
    engine: str

    def write(self, path: Path) -> None:
        """Write atomically; a unit writes its manifest last."""
        write_json(path, dataclasses.asdict(self))

    @classmethod
    def read(cls, path: Path) -> Manifest | None:
        """The manifest at ``path``; None if there is none or this version cannot read it."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            content["cause"] = Cause(**content["cause"])
            content["outputs"] = {name: FileRecord(**record) for name, record in content["outputs"].items()}
            return cls(**content)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def files_of(self, name: str, partition: str | None = None) -> list[FileRecord]:
        """The files of an output: all of them, or only that of one partition."""
        if name in self.outputs:
            return [self.outputs[name]]
        wanted = f"{name}[" if partition is None else f"{name}[{partition}]"
        return [record for key, record in self.outputs.items() if key.startswith(wanted)]

    def is_current(self, cause: Cause, root: Path, *, verify: bool) -> bool:
        """Whether the unit's outputs are unchanged and ``cause`` is the same."""
        return self.cause == cause and all(record.is_unchanged(root, verify=verify) for record in self.outputs.values())
