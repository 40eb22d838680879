"""Small tables of the model for tests: rows with defaults for what a test does not care about."""

from datetime import date
from typing import Any

import polars as pl

from nibrs_estimation.model import (
    agency,
    analysis,
    benchmark,
    blocks,
    completeness,
    counties,
    counts,
    coverage,
    data_warnings,
    estimates,
    geography,
    grants,
    headlines,
    incident,
    intake,
    items,
    outliers,
    quality,
    summary,
    universe,
    weights,
)
from nibrs_estimation.pipeline.dataset import Dataset

#: Items of a person that are as reported.
_REPORTED = {f"{item}_flag": 1 for item in ("age", "sex", "race", "ethnicity")}
DEFAULTS: dict[str, dict[str, Any]] = {
    "agency": {
        "data_year": 2024, "agency_type_name": "City", "agency_status": "A", "is_covered": False, "is_dormant": False,
        "is_direct_contributor": False, "is_publishable": True, "is_suburban": False, "is_most_in_population": False,
        "has_participated_nibrs": True, "has_police_employees": False,
        "state_abbr": "VT", "state_name": "Vermont", "region_code": 1, "population": 5000,
        "population_group_code": "6", "is_nibrs": True, "has_participated": True, "universe_scope": "all",
    },
    "report_month": {
        "data_year": 2024, "form_code": "N", "status": "I", "status_source": "reported", "ori": "VT0010000",
    },
    "universe": {
        "data_year": 2024, "agency_type_name": "City", "state_abbr": "VT", "region_code": 1, "population": 5000,
        "is_eligible": True, "weight_class": 8, "universe_scope": "all",
    },
    "reporting_status": {
        "state_abbr": "VT", "months_reported": 12, "months_with_incidents": 12, "months_inferred": 0,
        "is_full_year": True,
    },
    "weighting_frame": {
        "state_abbr": "VT", "region_code": 1, "agency_type_name": "City", "population": 5000,
        "population_group_code": "6", "weight_class": 8, "substate_class": 8, "months_usable": 12,
        "is_respondent": True, "benchmark_source": "smoothed",
        **dict.fromkeys(benchmark.CRIMES.values(), 0.0),
    },
    "agency_weight": {
        "geography_level": "nation", "geography_code": "US", "weight_group": 8, "state_abbr": "VT",
        "population_share": 1.0, "is_respondent": True,
    },
    "weight_cell": {
        "geography_level": "nation", "geography_code": "US", "weight_group": 8,
        "label": "Cities", "rule": "calibrated", "attempts": 1,
    },
    "geography": {
        "geography_level": "nation", "geography_code": "US", "label": "United States", "filter_expression": "",
        "is_excluded": False,
    },
    "agency_county": {"data_year": 2024, "county_fips": "50001", "population": 5000, "population_share": 1.0},
    "county_population": {"data_year": 2024, "county_fips": "50001"},
    "incident_time": {"state_abbr": "VT", "with_hour": 0, "at_midnight": 0, "with_date": 0, "on_first": 0},
    "agency_item": {"state_abbr": "VT"},
    "agency_item_check": {"state_abbr": "VT"},
    "data_warning": {"state_abbr": "VT", "subject": "all"},
    "police_employees": {"is_imputed": False, "is_covering": False, "agency_subtype": 100},
    "unit_profile": {"state_abbr": "VT", "counting_unit": "incident", "signature_id": 0, "imputed_items": 0},
    "profile_signature": {"state_abbr": "VT", "counting_unit": "incident", "signature_id": 0},
    "profile_count": {
        "state_abbr": "VT", "counting_unit": "incident", "variable": "units", "category": 1, "n_imputed": 0,
    },
    "cell_gap": {"is_of_parts": False},
    "coverage": {
        "unreported_ratio": 0.25, "upper_bound_of_zero": 2.0, "largest_missing_share": 0.0,
        "without_weights_share": 0.0, "has_inferred_months": False,
    },
    "geography_quality": {
        "key_cells": 10, "flagged_cells": 0, "momentum": 0.0, "is_suppressed_group": False, "is_unsuppressed": True,
        "is_rescued": False,
    },
    "year_change": {
        "table_name": "1a", "column": 17, "earlier_year": 2023, "earlier_run_id": "r0", "clear": "not known",
    },
    "incident_profile": {"state_abbr": "VT", "counting_unit": "person_victim", "n": 1},
    "incident": {
        "state_abbr": "VT", "agency_id": 1, "data_year": 2024, "form_year": 2024, "form_month": 1,
        "incident_date": date(2024, 1, 1), "is_report_date": False,
    },
    "offense": {"state_abbr": "VT", "attempt_complete_code": "C"},
    "victim": {"state_abbr": "VT", "victim_type_code": "I"},
    "analysis_victim": {"state_abbr": "VT", "victim_type_code": "I", **_REPORTED},
    "analysis_offender": {"state_abbr": "VT", **_REPORTED},
    "analysis_arrestee": {"state_abbr": "VT", "is_group_b": False, **_REPORTED},
    "analysis_victim_offender": {"state_abbr": "VT", "relationship_flag": 1},
    "offense_bias": {"state_abbr": "VT"},
    "offense_weapon": {"state_abbr": "VT"},
    "offense_activity": {"state_abbr": "VT"},
    "victim_offense": {"state_abbr": "VT"},
    "victim_injury": {"state_abbr": "VT"},
    "victim_offender": {"state_abbr": "VT"},
    "drug": {"state_abbr": "VT"},
    "arrestee_weapon": {"state_abbr": "VT"},
    "property": {"state_abbr": "VT", "loss_code": 7},
    "srs_month": {"data_year": 2024},
    "reta_mm": {"data_year": 2024, "is_reported": True},
    "return_a_card": {"data_year": 2024, "card": 1, "is_within_another": False},
    "summary_report": {"card": 1, "is_within_another": False},
    "summary_month": {"origin": "return_a", "is_within_another": False},
    "incident_response": {"months_usable": 12, "is_full_year": True, "is_respondent": True},
    "incident_summary": {"state_abbr": "VT"},
    "agency_month_offense": {"data_year": 2024, "ori": "VT0010000", "offense_code": "13A"},
    "property_item": {"state_abbr": "VT", "description_code": "03"},
}  # fmt: skip
DATASETS: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        *agency.DATASETS,
        agency.SRS_MONTH,
        *incident.DATASETS,
        *analysis.DATASETS,
        *items.DATASETS,
        *grants.DATASETS,
        *geography.DATASETS,
        *completeness.DATASETS,
        *universe.DATASETS,
        *outliers.DATASETS,
        *blocks.DATASETS,
        *benchmark.DATASETS,
        *weights.DATASETS,
        *coverage.DATASETS,
        *counts.DATASETS,
        *intake.DATASETS,
        *estimates.DATASETS,
        *headlines.DATASETS,
        *quality.DATASETS,
        *data_warnings.DATASETS,
        *counties.DATASETS,
        *summary.DATASETS,
        geography.SUMMARY_GEOGRAPHY,
    )
}


def table(name: str, *rows: dict[str, Any]) -> pl.LazyFrame:
    """A table of the model from rows; what a row leaves out takes its default, or is missing.

    A month is reported if it has a number of offenses.
    """
    schema = DATASETS[name].schema
    full = [{column: {**DEFAULTS.get(name, {}), **row}.get(column) for column in schema} for row in rows]
    if name == "agency_month":
        full = [{**row, "is_reported": row["n_all"] is not None} for row in full]
    if name in ("agency", "universe", "weighting_frame", "police_employees"):
        full = [{**row, "ori": row["ori"] or f"VT{row['agency_id']:07d}"} for row in full]
    return pl.LazyFrame(full, schema=schema)


def number(value: object) -> float:
    """A sum, mean or extreme of a column of numbers, which Polars says may be anything."""
    assert isinstance(value, (int, float))
    return float(value)
