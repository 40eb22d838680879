"""Do 95 % intervals cover the truth? A Monte-Carlo study of the national total of incidents under random response.

Truth is fixed; what varies is who responds. In every pattern a fixed number of agencies of each weight class responds,
a simple random sample without replacement; weights are calibrated as the pipeline does for the nation, to a benchmark
of the years before, or are N_h / n_h. Run it with

    uv run python -m benchmarks.interval_coverage
"""

from __future__ import annotations

import numpy as np
from tests.support.interval_study import TENTH, WHOLE, coverage, synthetic_nation

#: Nations of each size in the printed table, and patterns of each.
NATIONS, PATTERNS = 10, 100


def main() -> None:
    """Print the study over several nations: where few agencies dominate, it depends on the nation."""
    heads = ("weights", "respond", "agencies", "coverage", "lowest", "highest", "bias %", "spread %", "SE %")
    print("".join(f"{head:>12}" for head in heads))
    for scale in (WHOLE, TENTH):
        nations = [synthetic_nation(scale, seed) for seed in range(1, NATIONS + 1)]
        for is_calibrated in (True, False):
            for share in (0.8, 0.7, None):
                results = [coverage(nation, share, PATTERNS, is_calibrated=is_calibrated) for nation in nations]
                held = [result["coverage"] for result in results]
                mean = {name: 100 * np.mean([result[name] for result in results]) for name in results[0]}
                weights, respond = (
                    "calibrated" if is_calibrated else "N/n",
                    "as told" if share is None else f"{share:.0%}",
                )
                print(
                    f"{weights:>12}{respond:>12}"
                    f"{len(nations[0].truth):>12,}{np.mean(held):>12.3f}{min(held):>12.2f}{max(held):>12.2f}"
                    f"{mean['relative_bias']:>12.3f}{mean['relative_spread']:>12.2f}"
                    f"{mean['relative_standard_error']:>12.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
