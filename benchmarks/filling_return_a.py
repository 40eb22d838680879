"""Error of filled months on a real population: Return A 2013 with the months hidden that real partial reporters missed.

    uv run python -m benchmarks.filling_return_a [--repeat 20]

Full monthly reporters get the patterns of the real partial reporters of their population group. Limits of the default
rule: national RMSE 2 per 10,000 offenses, states 0.3 %.
"""

from __future__ import annotations

import argparse

import numpy as np
from tests.support.return_a_population import (
    NAMES,
    completed_by_donors,
    completed_by_groups,
    completed_by_own_months,
    hidden_months,
    monthly_reporters,
    relative_errors,
)
from tests.support.shared_data import SHARED_DATA

RULES = {
    "own months": completed_by_own_months,
    "own months, a scale for violent and one for property crime": completed_by_groups,
    "donor (reference)": completed_by_donors,
}


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--repeat", type=int, default=20)
    repeat = options.parse_args().repeat
    population = monthly_reporters(SHARED_DATA / "public" / "RETURNA2013.zip")
    n, total = population.agencies.height, population.counts.sum()
    partial = len(population.members.partial_months)
    print(f"{n:,} monthly reporters, {total:,.0f} Part I offenses; {partial:,} real partial reporters")
    print("RMSE of the nation per 10,000 (mean error), of the states in %, of the nation by crime in %:")
    for name, rule in RULES.items():
        errors = [
            relative_errors(population, rule(population, hidden_months(population, seed), seed))
            for seed in range(1, repeat + 1)
        ]
        nation, states = np.array([each[0] for each in errors]), np.array([each[1] for each in errors])
        root = np.sqrt((nation**2).mean(axis=0))
        by_crime = ", ".join(f"{crime} {100 * value:.2f}" for crime, value in zip(NAMES, root[1:], strict=True))
        of_states = 100 * np.sqrt((states**2).mean(axis=0)).mean()
        print(f"{name}: {1e4 * root[0]:.2f} ({1e4 * nation[:, 0].mean():+.2f}); {of_states:.3f}; {by_crime}")


if __name__ == "__main__":
    main()
