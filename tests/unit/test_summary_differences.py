"""Converted incidents beside Return A, and the frame of summary estimates."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from tests.support.frames import table

from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.stages.benchmark.summary_frame import build_summary_frame, judge_incident_responses
from nibrs_estimation.stages.summary.differences import compare_conversion

YEAR = 2024
IDENTITY = Identity("a-run", "cde:x.zip", YEAR, 1, False)


def report(agency: int, month: int, **lines: int) -> dict[str, int]:
    return {"agency_id": agency, "month": month, **dict.fromkeys([f"item_{item}" for item in range(26)], 0), **lines}


def test_months_and_lines_that_differ(tmp_path: Path) -> None:
    made = compare_conversion(
        table(
            "agency",
            {"agency_id": 1, "nibrs_start_date": date(2010, 1, 1), "agency_name": "Old <town>"},
            {"agency_id": 2, "nibrs_start_date": date(YEAR, 3, 1)},
            {"agency_id": 3},
        ),
        table(
            "incident_summary",
            *({"agency_id": a, "month": m, "item_code": k, "n": 4} for a in (1, 2) for m in (2, 3) for k in (20, 25)),
        ),
        table(
            "summary_report",
            report(1, 2, item_20=4, item_25=4),
            report(1, 3, item_20=5, item_25=5),
            # Before the start, and an agency without incidents: nothing to compare.
            report(2, 2, item_20=9, item_25=9),
            report(2, 3, item_20=4, item_0=1, item_25=5),
            report(3, 3, item_20=9, item_25=9),
            report(1, 2, card=2, item_20=1),
        ),
        YEAR,
        IDENTITY,
    )
    differing = made["conversion_difference"].sort("agency_id", "month", "item_code")
    assert differing.select("agency_id", "month", "item_code", "n_return_a", "n_converted").rows() == [
        (1, 3, 20, 5, 4),
        (1, 3, 25, 5, 4),
        (2, 3, 0, 1, 0),
        (2, 3, 25, 5, 4),
    ]
    made["conversion.html"](tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "2 agencies that have both, in 3 months" in page
    assert "Old &lt;town&gt;" in page
    assert "2 agencies differ in the sum of all offenses" in page


def test_without_agencies_of_both_kinds_the_page_says_so(tmp_path: Path) -> None:
    made = compare_conversion(table("agency"), table("incident_summary"), table("summary_report"), YEAR, IDENTITY)
    assert made["conversion_difference"].is_empty()
    made["conversion.html"](tmp_path / "page.html")
    assert "No agency has both" in (tmp_path / "page.html").read_text()


def frame(benchmark_rule: str = "own_first") -> dict[str, pl.DataFrame]:
    """Agency 1 responds with a filled year, 2 has two months, 3 nothing, and 4 a Return A of the year before."""
    ids = (1, 2, 3, 4)
    lines = [(1, 20, 120.0), (1, 10, 30.0), (1, 15, 10.0), (2, 20, 60.0)]
    return build_summary_frame(
        table("agency", *({"agency_id": i} for i in ids)),
        table("universe", *({"agency_id": i, "population_group_code": "6"} for i in ids)),
        table(
            "summary_agency",
            *(
                {
                    "agency_id": i,
                    "months_known": known,
                    "is_full_year": i == 1,
                    "is_respondent": known >= 3,
                }
                for i, known in zip(ids, (9, 2, 0, 0), strict=True)
            ),
        ),
        table(
            "summary_year",
            *({"agency_id": a, "item_code": item, "completed": n, "reported": n} for a, item, n in lines),
        ),
        table(
            "report_month",
            *({"agency_id": 4, "data_year": YEAR - 1, "month": m, "form_code": "R"} for m in range(1, 13)),
        ),
        table(
            "srs_month",
            *({"agency_id": 4, "data_year": YEAR - 1, "month": m, "item_code": 20, "n": 2} for m in range(1, 13)),
        ),
        table("srs_benchmark"),
        table("agency_month_offense"),
        YEAR,
        1,
        benchmark_rule,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("rule", ["own_first", "reference"])
def test_the_frame(rule: str) -> None:
    found = frame(rule)["weighting_frame"].sort("agency_id")
    assert found["is_respondent"].to_list() == [True, False, False, False]
    assert found["months_usable"].to_list() == [9, 2, 0, 0]
    assert found["nonresponse_reason"].to_list() == [None, *["fewer than three usable months"] * 3]
    of_own = found.filter(pl.col("agency_id").is_in([1, 2]))
    assert of_own.select("benchmark_source", "n_larceny", "n_aggravated_assault", "n_simple_assault").rows() == [
        ("own", 120.0, 20.0, 10.0),
        ("own", 60.0, 0.0, 0.0),
    ]
    assert found.filter(agency_id=4).select("benchmark_source", "benchmark_year", "n_larceny").rows() == [
        ("recent", YEAR - 1, 24.0)
    ]
    assert found.filter(agency_id=3)["benchmark_source"].item() in ("donor", "class_rate")
    assert (found["n_total"] == found["n_violent"] + found["n_property"]).all()


def test_incidents_are_judged_by_the_rule_of_incident_estimates() -> None:
    found = judge_incident_responses(
        table("agency", *({"agency_id": i, "is_nibrs": i != 2} for i in (1, 2, 3))),
        table("universe", *({"agency_id": i, "population_group_code": "6"} for i in (1, 2, 3))),
        table(
            "agency_month",
            *(
                {"agency_id": i, "data_year": YEAR, "month": m, "n_all": 1}
                for i, last in ((1, 12), (2, 12), (3, 2))
                for m in range(1, last + 1)
            ),
        ),
        table("outlier_month"),
        table("block_reference"),
        table("reporting_status", *({"agency_id": i, "is_full_year": i != 3} for i in (1, 2, 3))),
        table("srs_benchmark"),
        table("agency_month_offense"),
        YEAR,
    ).sort("agency_id")
    assert found["is_respondent"].to_list() == [True, False, False]
    assert found["nonresponse_reason"].to_list() == [None, "reports no incidents", "fewer than three usable months"]
