"""Time and memory of the conversion of a nation-year of incidents to summary counts.

    python benchmarks/summary_counts.py [INCIDENTS]

Converts synthetic incidents of four states of different size, again and again, until as many were converted
(13,000,000 without a number).
"""

from __future__ import annotations

import resource
import sys
import time

from nibrs_estimation.model.agency import AGENCY
from nibrs_estimation.sources.synthetic import SyntheticSource
from nibrs_estimation.stages.summary.convert import convert_incidents, count_unranked

SEGMENTS = (
    "incident", "offense", "offense_weapon", "victim", "victim_offense", "victim_circumstance", "property",
    "property_item",
)  # fmt: skip
YEAR, SEED, SCALE = 2024, 1, 0.05
#: States of different size.
STATES = ("CA", "TX", "OH", "VT")


def main(wanted: int) -> None:
    """Convert incidents and print how long it took."""
    source = SyntheticSource(SCALE)
    generated = {state: source.ingest_incidents(YEAR, SEED, state) for state in STATES}
    states = {state: {name: segments[name].lazy() for name in SEGMENTS} for state, segments in generated.items()}
    sizes = {state: segments["incident"].height for state, segments in generated.items()}
    agency = AGENCY.empty()
    print(f"incidents of {', '.join(f'{state} {n:,}' for state, n in sizes.items())}")
    for function in (convert_incidents, count_unranked):
        converted, started = 0, time.perf_counter()
        while converted < wanted:
            for state, segments in states.items():
                function(agency, **segments, year=YEAR, partition=state)
                converted += sizes[state]
                if converted >= wanted:
                    break
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{function.__name__}: {converted:,} incidents in {seconds:.1f} s; peak memory {peak:.2f} GiB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 13_000_000)
