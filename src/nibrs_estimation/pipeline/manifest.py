"""Manifests: what a finished unit read, ran and wrote. The resume rule reads nothing else."""

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
    """Everything that decides a unit's outputs; equal causes mean that the unit need not run again.

    Attributes:
        code: hash of the task's code.
        parameters: the settings that the task asked for.
        inputs: for each dataset the hashes of its files, in order.
        externals: for each external file its hash.
        source: fingerprint of the source, for tasks that read from it.
    """

    code: str
    parameters: dict[str, Any]
    inputs: dict[str, list[str]]
    externals: dict[str, str]
    source: str | None = None


@dataclass(frozen=True)
class Manifest:
    """The record of a unit that finished."""

    unit: str
    cause: Cause
    outputs: dict[str, FileRecord]
    started: str
    duration_s: float
    peak_memory_bytes: int | None
    peak_memory_of: str
    engine: str

    def write(self, path: Path) -> None:
        """Write atomically; a manifest is the last thing that a unit writes."""
        write_json(path, dataclasses.asdict(self))

    @classmethod
    def read(cls, path: Path) -> Manifest | None:
        """The manifest at ``path``, or None if there is none that this version understands."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            content["cause"] = Cause(**content["cause"])
            content["outputs"] = {name: FileRecord(**record) for name, record in content["outputs"].items()}
            return cls(**content)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def files_of(self, name: str, partition: str | None = None) -> list[FileRecord]:
        """The files of an output: all of them, or the one of a partition where each stands by itself."""
        if name in self.outputs:
            return [self.outputs[name]]
        wanted = f"{name}[" if partition is None else f"{name}[{partition}]"
        return [record for key, record in self.outputs.items() if key.startswith(wanted)]

    def stands(self, cause: Cause, root: Path, *, verify: bool) -> bool:
        """Whether the unit's outputs are still there and still follow from ``cause``."""
        return self.cause == cause and all(record.is_unchanged(root, verify=verify) for record in self.outputs.values())
