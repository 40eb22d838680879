"""What units cost and made: states, time, rows and memory, added up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nibrs_estimation.pipeline.unit import Outcome


@dataclass(frozen=True)
class Figures:
    """Figures of some units.

    Attributes:
        states: state -> number of units.
        seconds: time of the units that ran now, added up.
        rows: rows of the datasets that all of them wrote, now or earlier.
        peak_bytes: largest memory of a process while it ran one of them; None if it is not known.
        peak_of: "process" if the process ran other units at the same time, else "task".
    """

    states: Mapping[str, int]
    seconds: float
    rows: int
    peak_bytes: int | None
    peak_of: str

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> Figures:
        """The figures of units that have ended."""
        units = list(outcomes)
        manifests = [unit.manifest for unit in units if unit.manifest]
        peaks = [manifest.peak_memory_bytes for manifest in manifests if manifest.peak_memory_bytes]
        return cls(
            states=Counter(unit.state for unit in units),
            seconds=sum(unit.duration_s for unit in units if unit.state != "kept"),
            rows=sum(record.rows or 0 for manifest in manifests for record in manifest.outputs.values()),
            peak_bytes=max(peaks, default=None),
            peak_of=manifests[0].peak_memory_of if manifests else "task",
        )

    @property
    def states_text(self) -> str:
        """Text such as ``50 done, 1 kept``."""
        return ", ".join(f"{n} {state}" for state, n in self.states.items())

    @property
    def peak_text(self) -> str:
        """Text such as ``512 MiB (task)``; empty if it is not known."""
        return f"{self.peak_bytes / 2**20:,.0f} MiB ({self.peak_of})" if self.peak_bytes else ""

    @property
    def text(self) -> str:
        """Text such as ``50 done, 1 kept; 12.30 s, 1,234 rows, peak memory 512 MiB (task)``."""
        memory = f", peak memory {self.peak_text}" if self.peak_bytes else ""
        return f"{self.states_text}; {self.seconds:.2f} s, {self.rows:,} rows{memory}"
