"""The report: its numbers, words, links and cautions."""

import re
from pathlib import Path
from typing import Literal

import polars as pl
import pytest
from tests.support.estimated import REASON, with_suppressed_place
from tests.support.frames import DATASETS, table
from tests.support.report import given_tables, page, text_of

from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.identity import SYNTHETIC, Identity
from nibrs_estimation.stages.publication.report import _CHARTS
from nibrs_estimation.tables.read import table_definition
from nibrs_estimation.tables.table_rows import INTERVAL_MEANS, MONTHS_INFERRED


def test_the_report_tells_the_main_results(tmp_path: Path) -> None:
    html = page(given_tables(), tmp_path)
    text = text_of(html)
    assert "Estimates from NIBRS incident reports data year 2024 · source cde:VT-2024.zip · run r1" in text
    assert "9,000 Violent Crime incidents; 95 % interval 7,236 to 10,764" in text
    assert "Violent Crime 9,000 7,236 – 10,764 10.0% 900.0 723.6 – 1,076.4 3" in text
    assert "5,000 Property Crime incidents" in text
    # Rates, states, victims' sex, weapons (two charts), drugs, coverage.
    assert html.count('<table class="dots">') == 6
    order = [
        html.index(f"<h2>{title}") for title in ("Crimes against persons", "Victims", "Where", "Drugs", "Coverage")
    ]
    assert order == sorted(order)
    assert "None: Aggravated Assault, Simple Assault" in text


def test_the_report_says_what_is_not_known(tmp_path: Path) -> None:
    tables = given_tables()
    untold = [{"table_name": "3a", "row": 16, "column": 16, "is_of_parts": False, "reason": REASON}]
    tables["cell_gap"] = pl.LazyFrame(untold, schema=DATASETS["cell_gap"].schema)
    tables["geography_population"] = DATASETS["geography_population"].empty()
    text = text_of(page(tables, tmp_path))
    assert f"Sex: {REASON}." in text
    assert "–: the population is not known." in text
    assert "No state has enough coverage and a population." in text


def test_the_report_warns_where_few_are_covered(tmp_path: Path) -> None:
    tables = given_tables()
    assert "These numbers are based on" not in text_of(page(tables, tmp_path))
    tables["coverage"] = tables["coverage"].with_columns(population_coverage=pl.lit(0.51))
    assert "These numbers are based on agencies that serve 51% of the population." in text_of(page(tables, tmp_path))


def test_an_interval_of_no_width_is_explained(tmp_path: Path) -> None:
    tables = given_tables()
    assert "nothing was sampled" not in text_of(page(tables, tmp_path))
    tables["cell_estimate"] = tables["cell_estimate"].with_columns(
        standard_error=pl.lit(0.0), lower_bound="estimate", upper_bound="estimate"
    )
    assert "nothing was sampled" in text_of(page(tables, tmp_path))


@pytest.mark.parametrize("rule", ["prediction", "reference"])
def test_the_report_says_what_intervals_mean(rule: Literal["prediction", "reference"], tmp_path: Path) -> None:
    text = text_of(page(given_tables(), tmp_path, variance_rule=rule))
    assert text.count(INTERVAL_MEANS[rule]) == 1
    assert ("Taylor linearization" in text) == (rule == "reference")
    assert sum(meaning in text for meaning in INTERVAL_MEANS.values()) == 1


def test_where_only_months_are_inferred_the_report_has_no_intervals(tmp_path: Path) -> None:
    tables = given_tables()
    tables["coverage"] = tables["coverage"].with_columns(unreported_ratio=pl.lit(0.0), has_inferred_months=pl.lit(True))
    text = text_of(page(tables, tmp_path))
    assert f"9,000 Violent Crime incidents; {MONTHS_INFERRED}" in text
    assert f"Without intervals: {MONTHS_INFERRED}." in text


def test_a_report_without_any_estimate(tmp_path: Path) -> None:
    tables = given_tables()
    tables["cell_estimate"] = DATASETS["cell_estimate"].empty()
    assert "0 Violent Crime" in text_of(page(tables, tmp_path))
    tables["coverage"] = tables["coverage"].with_columns(responding_agencies=pl.lit(0, pl.Int32))
    assert text_of(page(tables, tmp_path)).count("Nothing was estimated.") >= 5


def test_the_report_carries_its_run_and_says_when_it_is_made_up(tmp_path: Path) -> None:
    html = page(given_tables(), tmp_path)
    assert "data year 2024 · source cde:VT-2024.zip · run r1" in text_of(html)
    assert SYNTHETIC not in html
    made_up = Identity("demo", "synthetic:0.01", 2024, 1, is_synthetic=True)
    assert SYNTHETIC in text_of(page(given_tables(), tmp_path, made_up))


def test_every_link_of_the_report_leads_somewhere(tmp_path: Path) -> None:
    html = page(given_tables(), tmp_path)
    targets = re.findall(r'href="([^"]*)"', html)
    assert len(targets) >= 10
    assert {target[1:] for target in targets if target.startswith("#")} <= set(re.findall(r'id="([^"]+)"', html))
    # The page of the run, which is published with every page, leads to all others.
    assert {target for target in targets if not target.startswith("#")} == {"run.html"}


def test_a_run_of_one_state_is_called_by_its_name(tmp_path: Path) -> None:
    tables = given_tables()
    coverage = tables["coverage"].collect()
    state = coverage.filter(geography_level="state").head(1).with_columns(geography_code=pl.lit("VT"))
    nation = coverage.filter(geography_number=1).with_columns(
        estimate_geographic_location=pl.lit("reporting agencies of all states in this run"),
        universe_scope=pl.lit("reporting"),
    )
    tables["coverage"] = pl.concat([nation, state]).lazy()
    html = page(tables, tmp_path)
    assert "<h1>Crime in 2024: Vermont (agencies that reported)</h1>" in html
    assert not re.search("nation(?!al)", text_of(html))
    assert "Coverage by state" not in html


def test_what_the_report_asks_for_exists_and_a_renamed_part_is_refused() -> None:
    for charts in _CHARTS.values():
        for chart in charts:
            table = table_definition(chart.table)
            assert table.block(chart.block)
            assert table.column(chart.column)
    table = table_definition("3a")
    with pytest.raises(PipelineError, match=r"Table 3a: there is no block victim_ages \(did you mean victim_age\?\)"):
        table.block("victim_ages")
    with pytest.raises(PipelineError, match=r"no column violent_crimes \(did you mean violent_crime\?\)"):
        table.column("violent_crimes")


def test_blocks_that_share_an_identifier_belong_together() -> None:
    assert [row.row for row in table_definition("GV1a").block("firearm_types")] == [3, 7]
    assert [row.row for row in table_definition("DM2").block("criminal_activity")] == list(range(2, 13))


def test_a_caution_of_all_lines_is_said_once_and_one_of_some_marks_these(tmp_path: Path) -> None:
    few = "fewer than 10 agencies reported any"
    text = text_of(page(given_tables(), tmp_path))
    assert f"Caution, for all lines: {few}" in text
    assert "Violent Crime a" not in text
    many = pl.when(pl.col("column") == 17).then(12).otherwise("agency_counts").alias("agency_counts")
    tables = given_tables()
    tables["cell_estimate"] = tables["cell_estimate"].with_columns(many)
    text = text_of(page(tables, tmp_path))
    assert f"a Caution: {few}" in text
    assert "Violent Crime 9,000" in text
    assert re.search(r"\w a \d", text)


def test_sums_stand_apart_from_offenses_with_what_they_hold(tmp_path: Path) -> None:
    text = text_of(page(given_tables(), tmp_path))
    assert (
        text.index("Total Incidents with")
        < text.index("Sums and parts of the lines above")
        < text.index("Violent Crime 9,000")
    )
    assert "Violent Crime : Murder and Nonnegligent Manslaughter (09A); Rape (11A)" in text
    assert "fewer than 10 agencies reported any" in text


def test_months_without_incidents_and_filled_months_stand_at_the_head(tmp_path: Path) -> None:
    given = {
        "agency": table("agency", *({"agency_id": i, "agency_name": f"Town {i}"} for i in (1, 2, 3))),
        "universe": table("universe", *({"agency_id": i} for i in (1, 2, 3))),
        "reporting_status": table(
            "reporting_status",
            {"agency_id": 1, "months_reported": 12, "months_with_incidents": 12, "months_inferred": 0},
            {"agency_id": 2, "months_reported": 12, "months_with_incidents": 9, "months_inferred": 3},
            {"agency_id": 3, "months_reported": 12, "months_with_incidents": 0, "months_inferred": 12},
        ),
        "block_month": table(
            "block_month",
            {"agency_id": 1, "month": 1, "own_part1p": 75, "completed_part1p": 75.0},
            {"agency_id": 1, "month": 2, "own_part1v": 25, "completed_part1v": 25.0},
            {"agency_id": 2, "month": 2, "month_flag": 1, "filled_part1v": 25.0, "completed_part1v": 25.0},
        ),
    }
    text = text_of(page(given_tables(), tmp_path, given=given))
    assert (
        "2 of 3 agencies had months without incidents (15 agency-months, all inferred as zero); "
        "1 had none all year: Town 3." in text
    )
    assert "20.0% of the offenses are filled in: 1 month of 1 agency" in text
    assert text.count("The intervals of counts include the error of filling; those of percentages do not.") == 2
    assert "Eligible agencies (3) Number Share Reported all twelve months 3 100.0%" in text
    months = "Reported, with incidents 21 58.3% Reported as months without incidents 0 0.0% "
    assert f"Their months (36) Number Share {months}Without incidents, counted as zero 15 41.7% Not reported 0" in text
    order = ("9,000 Violent Crime", "Eligible agencies (3)", "had none all year", "Incidents, counted once")
    assert [text.index(words) for words in order] == sorted(text.index(words) for words in order)


def test_an_interval_without_width_is_not_printed_as_one(tmp_path: Path) -> None:
    tables = given_tables()
    tables["cell_estimate"] = tables["cell_estimate"].with_columns(
        standard_error=pl.lit(0.0), lower_bound="estimate", upper_bound="estimate"
    )
    text = text_of(page(tables, tmp_path))
    assert "incidents; not sampled: all known agencies reported" in text
    assert "9,000 to 9,000" not in text
    assert "9,000 – 9,000" not in text


def test_suppressed_numbers_are_marked_with_the_reason(tmp_path: Path) -> None:
    assert "×" not in text_of(page(given_tables(), tmp_path))
    tables = with_suppressed_place(given_tables(), 1)
    tables["cell_estimate"] = tables["cell_estimate"].with_columns(
        standard_error=pl.when(pl.col("table_part") == "1a").then(0.4 * pl.col("estimate")).otherwise("standard_error")
    )
    text = text_of(page(tables, tmp_path))
    assert "9,000 Violent Crime incidents; 95 % interval 7,236 to 10,764 Caution:" in text
    assert "× Suppressed: its error is more than 30% of it 0 Murder" in text
    assert re.search(r"Violent Crime( [a-z]+)? × 9,000", text)
    assert text.count("× Suppressed: its error is more than 30% of it.") >= 1
    # Percentages have errors of their own.
    assert "Firearms ×" not in text


def test_a_state_that_is_suppressed_is_marked_in_the_chart(tmp_path: Path) -> None:
    tables = given_tables()
    is_vermont = pl.col("geography_number") == 102
    tables["coverage"] = tables["coverage"].with_columns(is_missing_over_10_percent=is_vermont)
    text = text_of(page(tables, tmp_path))
    assert "Vermont a ×" in text
    assert "× Suppressed: an agency that serves more than 10% of the residents did not respond." in text
