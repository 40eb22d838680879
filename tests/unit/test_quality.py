"""Quality checks: each against a slow recount or by hand, planted faults that they find, and the stop of a run."""

import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.frames import table

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.quality import FEW_AGENCIES, REPORTER_TYPE, SUMMARY_KINDS
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.stages.validation.population_comparison import compare_populations
from nibrs_estimation.stages.validation.quality import check_quality, require_quality
from nibrs_estimation.stages.validation.quality_page import show_quality
from nibrs_estimation.stages.validation.reporter_types import classify_reporters
from nibrs_estimation.stages.validation.state_coverage import describe_coverage
from nibrs_estimation.stages.validation.summary_comparison import compare_with_summaries

YEAR = 2024
Rows = list[dict[str, Any]]
FULL = "111-111-111-111"


def patterns(*rows: dict[str, Any]) -> pl.LazyFrame:
    """Rows of dataset ``reporting_pattern``: like those of ``agency``, eligible, with a full year."""
    more = ("is_eligible", "pattern_all", "data_year")
    agencies = table("agency", *({name: value for name, value in row.items() if name not in more[:2]} for row in rows))
    return agencies.with_columns(
        is_eligible=pl.Series([row.get("is_eligible", True) for row in rows], dtype=pl.Boolean),
        pattern_all=pl.Series([row.get("pattern_all", FULL) for row in rows], dtype=pl.String),
    )


def type_of(months: str) -> str:
    """The type of an agency, by going through its months."""
    if "0" not in months:
        return "full"
    if "1" not in months:
        return "non_reporter"
    switches = sum(months[i] != months[i + 1] for i in range(11))
    if switches == 1:
        return "late_starter" if months[0] == "0" else "quitter"
    return "inconsistent"


@given(st.lists(st.text("01", min_size=12, max_size=12), min_size=1, max_size=30))
def test_reporter_types_like_a_walk_through_the_months(years: list[str]) -> None:
    dashed = ["-".join(year[i : i + 3] for i in (0, 3, 6, 9)) for year in years]
    rows = [{"agency_id": i, "pattern_all": pattern} for i, pattern in enumerate(dashed)]
    found = classify_reporters(patterns(*rows), table("police_employees"), YEAR)
    assert found["reporter_type"].to_list() == [type_of(year) for year in years]
    assert found.schema == REPORTER_TYPE.schema


def test_joiners_large_agencies_and_groups_without_residents() -> None:
    """handbook: a new joiner started in February of last year or later; 100,001 residents or 750 officers are large."""
    agencies = patterns(
        {"agency_id": 1, "population": 100_000, "nibrs_start_date": date(2023, 1, 31)},
        {"agency_id": 2, "population": 100_001, "nibrs_start_date": date(2023, 2, 1)},
        {"agency_id": 3, "population": 0, "population_group_code": "9D"},
        {"agency_id": 4, "population": 0, "population_group_code": "8E"},
        {"agency_id": 5, "is_eligible": False},
        {"agency_id": 6, "data_year": 2023},
    )
    officers = table("police_employees", {"agency_id": 1, "male_officers": 749}, {"agency_id": 3, "male_officers": 700,
                     "female_officers": 50})  # fmt: skip
    found = classify_reporters(agencies, officers, YEAR)
    assert found.select("agency_id", "is_new_joiner", "is_large").rows() == [
        (1, False, False), (2, True, True), (3, False, True), (4, False, False)
    ]  # fmt: skip
    assert found["category"].to_list()[2:] == ["MSA County 0", "Non-MSA State Police"]


AGENCY_ROW = st.fixed_dictionaries(
    {
        "state_abbr": st.sampled_from(["VT", "NB"]),
        "population": st.integers(0, 500),
        "is_nibrs": st.booleans(),
        "is_eligible": st.booleans(),
        "nibrs_start_date": st.sampled_from([None, date(2024, 12, 31), date(2025, 1, 1)]),
        "crimes": st.integers(0, 50),
    }
)


@given(st.lists(AGENCY_ROW, min_size=1, max_size=60))
def test_coverage_like_a_count_by_hand(rows: Rows) -> None:
    agencies = [{"agency_id": i, **row} for i, row in enumerate(rows)]
    frame = table("weighting_frame", *({"agency_id": i, "n_total": float(row["crimes"])} for i, row in enumerate(rows)))
    without = [{key: value for key, value in row.items() if key != "crimes"} for row in agencies]
    found = describe_coverage(patterns(*without), frame, YEAR)
    for row in found.iter_rows(named=True):
        chosen = [a for a in agencies if a["is_eligible"] and row["place"] in ("US", a["state_abbr"])]
        nibrs = [a for a in chosen if a["is_nibrs"]]
        assert row["eligible_agencies"] == len(chosen)
        assert row["started_agencies"] == sum(a["nibrs_start_date"] == date(2024, 12, 31) for a in nibrs)
        for name, whole in (("population", "population_share"), ("crimes", "crime_share")):
            total = sum(a[name] for a in chosen)
            assert (row[name], row[f"nibrs_{name}"]) == (total, sum(a[name] for a in nibrs))
            if len(chosen) <= FEW_AGENCIES or not total:
                assert row[whole] is None
            else:
                assert row[whole] == pytest.approx(sum(a[name] for a in nibrs) / total)
    assert set(found["place"]) == {a["state_abbr"] for a in agencies if a["is_eligible"]} | (
        {"US"} if any(a["is_eligible"] for a in agencies) else set()
    )


REPORTS = st.fixed_dictionaries(
    {
        "incidents": st.sampled_from([None, 0, 3]),
        "summary": st.sampled_from([None, 0, 3]),
    }
)


@given(st.lists(REPORTS, min_size=1, max_size=20))
def test_summaries_like_a_look_at_both_reports(rows: Rows) -> None:
    months, offenses, summaries = [], [], []
    for i, row in enumerate(rows):
        for form, number in (("N", row["incidents"]), ("R", row["summary"])):
            if number is not None:
                months.append({"agency_id": i, "month": 1, "form_code": form})
        if row["incidents"]:
            offenses.append({"agency_id": i, "month": 1, "n": row["incidents"], "n_summary": 2})
        if row["summary"]:
            summaries.append({"agency_id": i, "month": 1, "item_code": 25, "n": row["summary"]})
            summaries.append({"agency_id": i, "month": 1, "item_code": 15, "n": 77})
    found = compare_with_summaries(
        patterns(*({"agency_id": i} for i in range(len(rows)))),
        table("report_month", *months),
        table("agency_month_offense", *offenses),
        table("srs_month", *summaries),
        table("police_employees"),
        YEAR,
    )
    for row, result in zip(rows, found.iter_rows(named=True), strict=True):
        assert result["n_summary_offenses"] == (row["summary"] or 0)
        assert result["n_incident_offenses"] == (row["incidents"] or 0)
        assert result["n_comparable"] == (2 if row["incidents"] else 0)
        assert result["kind"] == BY_HAND[row["incidents"], row["summary"]]
    assert set(BY_HAND.values()) == set(SUMMARY_KINDS)


BY_HAND = {
    (3, 3): "both", (3, 0): "no_summary_offenses", (3, None): "no_summary", (0, 3): "no_incident_offenses",
    (None, 3): "no_incidents", (0, 0): "neither_has_offenses", (None, 0): "empty_summary_only",
    (0, None): "no_summary_empty_incidents", (None, None): "missing",
}  # fmt: skip


def test_populations_by_hand() -> None:
    """handbook: 2 (A - B) / (A + B) of 1,200 and 800 is 0.4; a university is in the state's sum, not in the list."""
    agencies = patterns(
        {"agency_id": 1, "ori": "VT0000001", "population": 800},
        {"agency_id": 2, "ori": "VT0000002", "population": 200, "agency_type_name": "University or College"},
        {"agency_id": 1, "ori": "VT0000001", "population": 400, "data_year": 2023},
        {"agency_id": 3, "ori": "NB0000003", "population": 100, "state_abbr": "NB", "region_code": 2},
    )
    counties = table(
        "agency_county",
        {"ori": "VT0000001", "population": 700},
        {"ori": "VT0000001", "population": 500, "county_fips": "50003"},
        {"ori": "VT0000001", "population": 9, "data_year": 2023},
    )
    census = table(
        "county_population",
        {"county_fips": "50001", "population": 600},
        {"county_fips": "50003", "population": 300},
        {"county_fips": "50003", "population": 300, "data_year": 2023},
    )
    found = compare_populations(agencies, counties, census, YEAR)
    by_code = {(row["level"], row["code"]): row for row in found.iter_rows(named=True)}
    assert set(by_code) == {
        ("agency", "NB0000003"), ("agency", "VT0000001"), ("nation", "US"), ("region", "1"), ("region", "2"),
        ("state", "NB"), ("state", "VT"),
    }  # fmt: skip
    one, vermont = by_code["agency", "VT0000001"], by_code["state", "VT"]
    assert (one["county_difference"], one["change"]) == (pytest.approx(0.4), pytest.approx(1.0))
    assert (vermont["population"], vermont["county_population"], vermont["census_population"]) == (1000, 1200, 900)
    assert vermont["census_difference"] == pytest.approx(2 * -100 / 1900)
    assert vermont["change"] == pytest.approx(1.5)
    # Nebraska has no county, Census population or year before, so neither has the nation.
    nation = by_code["nation", "US"]
    assert nation["population"] == 1100
    assert (nation["county_population"], nation["census_population"], nation["change"]) == (None, None, None)


def judged(**tables: pl.LazyFrame) -> pl.DataFrame:
    empty = {name: table(name) for name in ("state_coverage", "summary_comparison", "reporter_type",
                                            "population_comparison")}  # fmt: skip
    agency = tables.pop("agency", table("agency", {"agency_id": 1}))
    return check_quality(agency, **{**empty, **tables}, year=YEAR)


def of(checks: pl.DataFrame, check: str, subject: str = "US") -> dict[str, Any]:
    return checks.row(by_predicate=(pl.col("check") == check) & (pl.col("subject") == subject), named=True)


def place(name: str, share: float | None) -> dict[str, Any]:
    zeros = dict.fromkeys(
        ("eligible_agencies", "nibrs_agencies", "started_agencies", "population", "nibrs_population"), 0
    )
    return {"place": name, **zeros, "crimes": 0.0, "nibrs_crimes": 0.0, "population_share": share, "crime_share": share}


@pytest.mark.parametrize(("share", "passed"), [(0.5, True), (0.49, False), (None, None)])
def test_coverage_is_judged(share: float | None, passed: bool | None) -> None:
    checks = judged(state_coverage=table("state_coverage", place("US", share), place("VT", share)))
    assert of(checks, "nation_population_coverage")["is_passed"] is passed
    assert of(checks, "state_crime_coverage", "VT")["is_passed"] is (None if share is None else False)
    assert (of(checks, "nation_population_coverage")["not_judged"] is None) == (share is not None)


def test_a_source_of_reporters_alone_is_not_judged_on_coverage() -> None:
    checks = judged(
        agency=table("agency", {"agency_id": 1, "universe_scope": "reporting"}),
        state_coverage=table("state_coverage", place("US", 1.0)),
    )
    found = of(checks, "nation_population_coverage")
    assert found["is_passed"] is None
    assert "only agencies that reported" in found["not_judged"]


def compared(agency: int, kind: str, **values: Any) -> dict[str, Any]:
    return {
        "agency_id": agency, "ori": f"VT{agency:07d}", "state_abbr": "VT", "population": 1, "is_nibrs": True,
        "is_large": True, "incident_months": 12, "summary_months": 12, "n_incident_offenses": 0, "n_comparable": 0,
        "n_summary_offenses": 0, "kind": kind, **values,
    }  # fmt: skip


def test_planted_faults_are_found() -> None:
    agencies = table(
        "agency", {"agency_id": 1, "ori": "VT0000001"}, {"agency_id": 2, "ori": "VT0000001", "is_covered": True}
    )
    kinds = ["no_incident_offenses", "no_summary_offenses", "no_incidents", "both"]
    types = [
        {"agency_id": i, "ori": f"VT{i:07d}", "state_abbr": "VT", "agency_type_name": "City", "population": 1,
         "category": "6", "is_nibrs": True, "is_large": i == 0, "is_new_joiner": False, "pattern": FULL,
         "reporter_type": kind}
        for i, kind in enumerate(["quitter", "inconsistent", "non_reporter", "full"])
    ]  # fmt: skip
    places = [
        {"level": "nation", "code": "US", "population": 1, "census_difference": -0.11, "change": -0.06},
        {"level": "state", "code": "VT", "population": 1, "census_difference": 0.1, "change": 0.05},
        {"level": "agency", "code": "VT0000001", "population": 1, "county_difference": -0.1},
        {"level": "agency", "code": "VT0000002", "population": 1, "county_difference": 0.09},
    ]
    checks = judged(
        agency=agencies,
        summary_comparison=table("summary_comparison", *(compared(i, kind) for i, kind in enumerate(kinds))),
        reporter_type=table("reporter_type", *types),
        population_comparison=table("population_comparison", *places),
        state_coverage=table("state_coverage", place("US", 0.1), place("VT", 0.1)),
    )
    observed = {
        "unique_ori": 1, "covered_without_covering": 1, "large_agencies_lost": 1, "large_agencies_without_summary": 1,
        "summary_only_share": 0.5, "inconsistent_reporters": 0.25, "silent_reporters": 0.25, "large_quitters": 1,
        "agency_population_difference": 0.5, "nation_population_census": 0.11, "nation_population_change": 0.06,
        "nation_population_coverage": 0.1,
    }  # fmt: skip
    for check, number in observed.items():
        assert of(checks, check)["observed"] == pytest.approx(number), check
        assert of(checks, check)["is_passed"] is False, check
    assert of(checks, "state_population_census", "VT")["is_passed"]
    assert of(checks, "state_population_change", "VT")["is_passed"]
    # Every check of the list is judged somewhere here.
    assert set(checks["check"]) == set(code_list("quality_check")["code"])


def test_a_failed_hard_check_stops_where_configured(tmp_path: Path) -> None:
    checks = judged(state_coverage=table("state_coverage", place("US", 0.25), place("VT", 0.25)))
    with pytest.raises(PipelineError) as stopped:
        require_quality(checks.lazy(), "stop")
    told = str(stopped.value)
    assert "nation_population_coverage of US is 25.0 %, but must be at least 50.0 %" in told
    assert "NIBRS_QUALITY_RULE=report" in told
    assert "state_" not in told
    (write,) = require_quality(checks.lazy(), "report").values()
    write(tmp_path / "verdict.json")
    verdict = json.loads((tmp_path / "verdict.json").read_text())
    assert verdict == {"quality_rule": "report", "hard_failed": 1, "soft_failed": 2}
    passing = judged(state_coverage=table("state_coverage", place("US", 0.75), place("VT", 0.25)))
    require_quality(passing.lazy(), "stop")


def test_page_and_files(tmp_path: Path) -> None:
    identity = Identity("r1", "cde:VT-2024.zip", YEAR, 1, is_synthetic=False)
    agency = table("agency", {"agency_id": 1})
    tables = {
        "state_coverage": table("state_coverage", place("US", 0.25), place("VT", 0.25)),
        "summary_comparison": table(
            "summary_comparison", compared(1, "both", n_comparable=5, n_summary_offenses=6), compared(2, "no_summary")
        ),
        "reporter_type": classify_reporters(
            patterns({"agency_id": 1}, {"agency_id": 2, "pattern_all": "100-100-100-100"}),
            table("police_employees"),
            YEAR,
        ).lazy(),
        "population_comparison": compare_populations(
            patterns({"agency_id": 1}), table("agency_county"), table("county_population"), YEAR
        ).lazy(),
    }
    checks = judged(**tables)
    documents = show_quality(agency, checks.lazy(), **tables, year=YEAR, identity=identity)
    for name, write in documents.items():
        write(tmp_path / name)
    page = (tmp_path / "validation_quality.html").read_text(encoding="utf-8")
    assert "4 checks fail, 1 of them hard" in " ".join(page.split())
    assert "100-100-100-100" in page
    assert "offenses in incidents, no summary" in page
    listed = json.loads((tmp_path / "quality_checks.json").read_text(encoding="utf-8"))
    assert Counter(row["is_passed"] for row in listed)[False] == 4
    assert pl.read_csv(tmp_path / "quality_checks.csv").height == checks.height
    again = show_quality(agency, checks.lazy(), **tables, year=YEAR, identity=identity)
    again["validation_quality.html"](tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == page.encode()
