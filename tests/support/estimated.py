"""Estimates made by hand, as a run would hold them: the nation, one region, two states and the nation's cities."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.runs import RunRecord
from nibrs_estimation.pipeline.table import write_table
from nibrs_estimation.stages.estimation.estimate import table_parts
from nibrs_estimation.stages.estimation.series import parts_of_series, series_tables
from nibrs_estimation.tables.read import table_definition
from nibrs_estimation.tables.variables import derived_variables
from nibrs_estimation.tables.version import definition_version
from tests.support.frames import DATASETS, table

_PLACES: list[tuple[int, str, str, str | None, str]] = [
    (1, "nation", "US", None, "the United States"),
    (6, "nation", "US", "City", "the United States, City"),
    (12, "region", "1", None, "Northeast"),
    (86, "state", "NH", None, "New Hampshire"),
    (84, "state", "NB", None, "Nebraska"),
    (90, "state", "NY", None, "New York"),
    (102, "state", "VT", None, "Vermont"),
    (107, "university", "US", None, "University and college agencies"),
    (558, "judicial_district", "Vermont", None, "Vermont"),
]
#: Number, level, code, group of agencies, and name of a geography.
Place = tuple[int, str, str, str | None, str]
#: Respondents of Nebraska: none.
_WITHOUT = 84
#: Whose estimates they are.
MADE_UP = Identity(run_id="made_up", source="synthetic:0.01", year=2024, seed=1, is_synthetic=True)
REASON = "public files do not tell of injuries"


def version_of(name: str) -> int:
    """The version of a table's definition."""
    return definition_version(table_definition(name), derived_variables())


def cell(
    part: str, geography: int, row: int, column: int, estimate: float, *, series: int = 0, **others: Any
) -> dict[str, Any]:
    """A stored cell with a standard error of a tenth, and half of it reported."""
    return {
        "table_part": part, "definition_version": version_of(part.partition("_")[0]),
        "series_number": series, "geography_number": geography, "row": row, "column": column, "estimate": estimate,
        "standard_error": estimate / 10, "lower_bound": 0.804 * estimate, "upper_bound": 1.196 * estimate,
        "reported": estimate / 2, "filled_share": 0.0, "imputed_share": 0.0, "imputation_standard_error": 0.0,
        "unweighted": estimate / 2, "agency_counts": 3, **others,
    }  # fmt: skip


def share(part: str, geography: int, row: int, column: int, estimate: float, of: float) -> dict[str, Any]:
    """The same with its percentage."""
    percentages: dict[str, Any] = {
        "percentage": 100 * estimate / of,
        "percentage_standard_error": 2.0,
        "percentage_unweighted": 50.0,
    }
    return cell(part, geography, row, column, estimate, **percentages)


def estimates(more_places: Sequence[Place] = ()) -> dict[str, pl.LazyFrame]:
    """The datasets that publication reads."""
    places = [*_PLACES, *more_places]
    violent = position("1a", "violent_crime")
    cells = [
        *(cell("1a", number, 1, violent, 1000.0 * factor) for number, factor in ((1, 9), (6, 8), (12, 4), (102, 1))),
        *(cell("1a", number, 1, 1, 2000.0 * factor) for number, factor in ((1, 9), (6, 8), (12, 4), (102, 1))),
        share("1a", 1, 3, violent, 6000.0, 9000.0),
        share("1a", 1, 4, violent, 3000.0, 9000.0),
        share("1a", 1, 6, violent, 1500.0, 3000.0),
        cell("1b", 1, 1, position("1b", "property_crime"), 5000.0),
        share("3a", 1, 15, position("3a", "violent_crime"), 300.0, 1000.0),
        share("3a", 1, 16, position("3a", "violent_crime"), 700.0, 1000.0),
        cell("3a", 1, 1, position("3a", "violent_crime"), 1000.0),
        cell("4b", 1, 1, 1, 50.0),
        cell("DM4", 1, 3, 1, 40.0, standard_error=None, lower_bound=None, upper_bound=None),
        share("GV2a", 102, 3, 2, 4.0, 4.0),
    ]
    gaps = [
        {"table_name": "1a", "row": row, "column": violent, "reason": REASON} for row in (11, 12)
    ]  # fmt: skip
    return {
        "cell_estimate": table("cell_estimate", *cells),
        "series_estimate": table(
            "series_estimate", cell("3a_all2", 1, 1, 1, 70.0, series=10), cell("3a_all2", 102, 1, 1, 7.0, series=10)
        ),
        "cell_gap": table("cell_gap", *gaps),
        "coverage": table(
            "coverage",
            *(
                {"geography_number": number, "geography_level": level, "geography_code": code, "agency_group": group,
                 "estimate_geographic_location": name, "is_excluded": number == 90,
                 "eligible_agencies": 8, "eligible_pieces": 8, "responding_agencies": 0 if number == _WITHOUT else 5,
                 "population": 1_000_000, "population_responding": 500_000, "population_coverage": 0.9,
                 "is_missing_over_10_percent": False, "is_model_used": True, "universe_scope": "all"}
                for number, level, code, group, name in places
            ),
        ),
        "geography_quality": table("geography_quality", *({"geography_number": number} for number, *_others in places)),
        "geography_population": table(
            "geography_population",
            *(
                {"geography_number": number, "population_key": "TOTAL", "population": 1_000_000.0,
                 "population_responding": 500_000.0}
                for number, *_others in places
            ),
        ),
    }  # fmt: skip


def with_suppressed_place(tables: dict[str, pl.LazyFrame], number: int) -> dict[str, pl.LazyFrame]:
    """The datasets with few residents covered in one place, whose estimates are suppressed."""
    is_place = pl.col("geography_number") == number
    return {
        **tables,
        "coverage": tables["coverage"].with_columns(
            population_coverage=pl.when(is_place).then(0.7).otherwise("population_coverage")
        ),
        "geography_quality": tables["geography_quality"].with_columns(
            is_suppressed_group=is_place, is_unsuppressed=~is_place
        ),
    }


def _series_parts() -> tuple[str, ...]:
    return tuple(part for name in series_tables() for part in parts_of_series(name))


PARTS = {"cell_estimate": table_parts, "series_estimate": _series_parts}


def position(name: str, column: str) -> int:
    """Number of a column by its name."""
    return next(other.position for other in table_definition(name).columns if other.name == column)


def write_run(
    scratch: Path,
    run_id: str,
    ended: str = "2025-01-01T00:00:00+00:00",
    state: str = "finished",
    *,
    source: str = "cde:zips",
    is_synthetic: bool = False,
    more_places: Sequence[Place] = (),
) -> None:
    """A run's folder with these datasets."""
    root = scratch / run_id / "all"
    for name, frame in estimates(more_places).items():
        path = root / "datasets" / f"{name}.parquet"
        if name in PARTS:
            for part in PARTS[name]():
                write_table(frame.filter(table_part=part), DATASETS[name], root / "datasets" / name / f"{part}.parquet")
        else:
            write_table(frame, DATASETS[name], path)
    identity = Identity(run_id, source, 2024, 1, is_synthetic)
    identity.write(root / "datasets")
    RunRecord(identity, "").write(scratch / run_id)
    about = {
        "run_id": run_id,
        "flow": "all",
        "identity": asdict(identity),
        "source": source,
        "settings": {"year": 2024},
        "ended": ended,
        "state": state,
    }
    (root / "run_metadata.json").write_text(json.dumps(about))
