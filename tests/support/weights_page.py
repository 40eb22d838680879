"""The page about weights of a few agencies."""

import re
from pathlib import Path
from typing import Any

import polars as pl

from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.stages.validation.weights import validate_weights
from nibrs_estimation.stages.weighting.checks import check_weights
from nibrs_estimation.stages.weighting.table_a import compare_with_benchmark
from tests.support.estimated import MADE_UP
from tests.support.frames import table

Rows = list[dict[str, Any]]
REAL = Identity("r1", "cde:VT-2024.zip", 2024, 1, is_synthetic=False)
NATION: dict[str, Any] = {"geography_level": "nation", "geography_code": "US"}
STATE: dict[str, Any] = {"geography_level": "state", "geography_code": "VT"}


def written(folder: Path, frame: Rows, weights: Rows, cells: Rows, controls: Rows, issues: Rows) -> str:
    """The page of these tables with the checks and Table A that follow from them; it must stand alone."""
    tables = {
        "weighting_frame": table("weighting_frame", *frame),
        "agency_weight": table("agency_weight", *weights),
        "weight_cell": table("weight_cell", *cells),
        "weight_control": table("weight_control", *controls),
    }
    of_benchmark = {name: tables[name] for name in ("weighting_frame", "agency_weight", "weight_cell")}
    table_a = compare_with_benchmark(table("universe"), identity=MADE_UP, **of_benchmark)["table_a"]
    assert isinstance(table_a, pl.DataFrame)
    derived = {"weight_check": check_weights(**tables).lazy(), "table_a": table_a.lazy()}
    documents = validate_weights(
        **tables, **derived, weighting_issue=table("weighting_issue", *issues), year=2024, identity=REAL
    )
    documents["validation_weights.html"](folder / "page.html")
    html = (folder / "page.html").read_text(encoding="utf-8")
    assert not re.search(r'<script|<link|src="http|href="http|@import', html)
    return html


def example() -> tuple[Rows, Rows, Rows, Rows, Rows]:
    """Four agencies; one does not respond. Cells of every kind that the page lists."""
    frame: Rows = [
        {"agency_id": i, "n_total": 10.0 * i, "n_property": 10.0 * i, "n_larceny": 10.0 * i, "population": 1000}
        for i in (1, 2, 3, 4)
    ]
    frame[3] |= {"is_respondent": False, "nonresponse_reason": "not completed", "benchmark_source": "donor"}
    of_nation: Rows = [{"agency_id": i, "weight": w, **NATION} for i, w in ((1, 1.0), (2, 1.0), (3, 23.0), (4, None))]
    of_state: Rows = [
        {"agency_id": 1, "weight": 2.0, "weight_group": 1, **STATE},
        {"agency_id": 2, "weight": 2.0, "weight_group": 1, **STATE},
        {"agency_id": 3, "weight": 1.5, "weight_group": 2, **STATE},
        {"agency_id": 4, "weight": None, "weight_group": 3, **STATE},
    ]
    weights: Rows = [{**row, "is_respondent": row["weight"] is not None} for row in (*of_nation, *of_state)]
    cells: Rows = [
        {"label": "Cities & towns", "eligible_agencies": 4, "responding_agencies": 3, **NATION},
        *(
            {"geography_level": "state", "eligible_agencies": N, "responding_agencies": n, "rule": rule,
             "weight_group": group, "label": f"Not self-representing - Stratum {group}", **STATE}
            for group, (rule, N, n) in enumerate(
                [("calibrated", 2, 2), ("inverse_coverage", 1, 1), ("no_response", 1, 0)], 1
            )
        ),
    ]  # fmt: skip
    cells[1]["merged_from"] = "4; 5: no respondents"
    controls: Rows = [
        {"control": "total", "is_selected": True, "total": 720.0, "weighted_total": 720.0, "weight_group": 8, **NATION},
        {"control": "total", "is_selected": True, "total": 60.0, "weighted_total": 60.0, "weight_group": 1, **STATE},
        {"control": "rape", "is_selected": False, "total": 4.0, "weighted_total": 3.0, "weight_group": 1, **STATE},
        {
            "control": "vehicle_theft",
            "is_selected": False,
            "total": 4.0,
            "weighted_total": 6.0,
            "weight_group": 1,
            **STATE,
        },
        {"control": "murder", "is_selected": False, "total": 0.0, "weighted_total": 2.0, "weight_group": 2, **STATE},
        {"control": "total", "is_selected": False, "total": 40.0, "weighted_total": None, "weight_group": 3, **STATE},
    ]
    issues: Rows = [
        {"issue": "class without donor", "n_agencies": 3, "first_agency": "VT0000001", "rule": "Any agency."}
    ]
    return frame, weights, cells, controls, issues
