"""What a run did and found, as rows of small tables: its tasks, and its main estimates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from nibrs_estimation.model.coverage import COVERAGE, GEOGRAPHY_POPULATION
from nibrs_estimation.model.estimates import CELL_ESTIMATE, CELL_GAP, GEOGRAPHY_QUALITY
from nibrs_estimation.model.parameters import SMALL_COUNT, VARIANCE_RULE
from nibrs_estimation.pipeline.figures import Figures
from nibrs_estimation.pipeline.flow import RUN_LAYOUT
from nibrs_estimation.pipeline.run import RunResult
from nibrs_estimation.pipeline.table import find_table, read_table
from nibrs_estimation.pipeline.unit import Outcome
from nibrs_estimation.reading.runs import choice_of
from nibrs_estimation.stages.publication.report import HEADLINES
from nibrs_estimation.stages.publication.sections import interval_words
from nibrs_estimation.stages.publication.selection import Results
from nibrs_estimation.tables.caution import caution_reasons
from nibrs_estimation.tables.table_rows import estimated_places


def task_rows(outcomes: Mapping[str, Outcome]) -> list[dict[str, str]]:
    """A row for each task: units by state, time, rows and peak memory."""
    by_task: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes.values():
        by_task[outcome.task_name].append(outcome)
    return [
        {
            "task": name,
            "units": figures.states_text,
            "seconds": f"{figures.seconds:.2f}",
            "rows": f"{figures.rows:,}",
            "peak memory": figures.peak_text,
        }
        for name, units in by_task.items()
        for figures in [Figures.of(units)]
    ]


def headline_rows(result: RunResult) -> list[dict[str, str]]:
    """A row for each main number of the report: estimate, 95 % interval, cautions, and why it is suppressed."""
    datasets = result.root / RUN_LAYOUT.datasets
    needed = (CELL_ESTIMATE, CELL_GAP, COVERAGE, GEOGRAPHY_POPULATION, GEOGRAPHY_QUALITY)
    found = {dataset: find_table(datasets, dataset) for dataset in needed}
    if not all(found.values()):
        return []
    cells, gaps, coverage, populations, quality = (read_table(paths, dataset) for dataset, paths in found.items())
    places = estimated_places(coverage).head(1)
    rules = (choice_of(result.root, ("export_estimates",), parameter) for parameter in (VARIANCE_RULE, SMALL_COUNT))
    results = Results(cells, gaps, places, populations, quality, *rules)
    rows = []
    for table, column in HEADLINES:
        for row in results.column(table, column, "count").drop_nulls("estimate").iter_rows(named=True):
            reasons = [*caution_reasons(row["caution"]), row["suppression_reason"]]
            low, high = row["estimate_lower_bound"], row["estimate_upper_bound"]
            rows.append(
                {
                    "geography": places["estimate_geographic_location"][0],
                    "table": table,
                    "incidents of": row["column_label"],
                    "estimate": f"{row['estimate']:,.0f}",
                    "interval": interval_words(low, high, is_only_inferred=bool(row["is_only_inferred"])),
                    "caution": "; ".join(filter(None, reasons)),
                }
            )
    return rows
