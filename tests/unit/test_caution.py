"""Cautions: codes of rows against a slow twin, the words, and the file of rules."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.tables.caution import (
    caution_column,
    caution_mark,
    caution_reasons,
    cautions,
    has_warning,
    read_cautions,
    warning_codes,
)

MEASURES = {
    "estimate": pl.Float64(),
    "relative_standard_error": pl.Float64(),
    "agency_counts": pl.Float64(),
    "population_coverage": pl.Float64(),
    "largest_missing_share": pl.Float64(),
    "responding_agencies": pl.Int32(),
    "reported": pl.Float64(),
    "without_weights_share": pl.Float64(),
    "is_only_inferred": pl.Int8(),
}
Row = tuple[float | None, ...]
#: Measures of a place and a count about which there is nothing to say: those after the coverage.
FINE = (0.0, 5, 30.0, 0.0, 0)
LETTERS = {
    "high_rse": "s",
    "few_agencies": "a",
    "low_coverage": "c",
    "giant_missing": "g",
    "few_respondents": "r",
    "few_counted": "n",
    "part_without_weights": "w",
}


def slow(row: Row) -> str | None:
    """The rules of the issue, written out for one row."""
    estimate, relative, agencies, coverage, giant, respondents, reported, without, inferred = row
    codes = []
    if estimate is None:
        return None
    if relative is not None and relative > 0.3:
        codes.append("high_rse")
    if agencies is not None and 0 < agencies < 10:
        codes.append("few_agencies")
    if coverage is not None and coverage < 0.8:
        codes.append("low_coverage")
    if giant is not None and giant > 0.2:
        codes.append("giant_missing")
    if respondents is not None and respondents < 5:
        codes.append("few_respondents")
    if reported is not None and 0 < reported < 30:
        codes.append("few_counted")
    if without is not None and without > 0.01:
        codes.append("part_without_weights")
    if agencies == 0:
        codes.append("none_reported")
    if agencies is None:
        codes.append("without_weights")
    if relative == 0:
        codes.append("no_sampling_error")
    if inferred == 1:
        codes.append("months_inferred")
    return ";".join(codes) or None


def found(*rows: Row) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=MEASURES, orient="row").with_columns(caution_column())


_row = st.tuples(
    st.none() | st.sampled_from([0.0, 5.0]),
    st.none() | st.sampled_from([0.0, 0.3]) | st.floats(0, 2),
    st.none() | st.integers(0, 12).map(float),
    st.none() | st.sampled_from([0.8, 1.0]) | st.floats(0, 1),
    st.sampled_from([0.0, 0.2]) | st.floats(0, 1),
    st.integers(1, 9),
    st.sampled_from([0.0, 30.0]) | st.floats(0, 60),
    st.sampled_from([0.0, 0.01]) | st.floats(0, 0.1),
    st.integers(0, 1),
)


@given(st.lists(_row, min_size=1, max_size=30))
def test_codes_equal_the_slow_twin(rows: list[Row]) -> None:
    table = found(*rows)
    assert table["caution"].to_list() == [slow(row) for row in rows]
    expected = [bool(warning_codes(codes)) for codes in table["caution"]]
    marks = ["".join(LETTERS[code] for code in warning_codes(codes)) for codes in table["caution"]]
    assert table.select(caution_mark()).to_series().to_list() == marks
    assert table.select(has_warning()).to_series().to_list() == expected


def test_the_limits_themselves_ask_for_no_caution() -> None:
    assert found((5.0, 0.3, 10.0, 0.8, 0.2, 5, 30.0, 0.01, 0))["caution"].to_list() == [None]
    assert found((5.0, 1.76, 1.0, 0.04, *FINE))["caution"].to_list() == ["high_rse;few_agencies;low_coverage"]
    assert found((5.0, 0.1, 10.0, 0.8, 0.21, 4, 29.5, 0.02, 0))["caution"].to_list() == [
        "giant_missing;few_respondents;few_counted;part_without_weights"
    ]
    # A count of which nothing was reported has a note of its own.
    assert found((0.0, None, 0.0, 0.8, 0.0, 5, 0.0, 0.0, 0))["caution"].to_list() == ["none_reported"]


def test_no_two_rules_have_the_same_mark() -> None:
    marks = {code: rule.mark for code, rule in cautions().items() if rule.is_warning}
    assert marks == LETTERS
    assert len(set(marks.values())) == len(marks)


def test_words_carry_the_thresholds() -> None:
    assert caution_reasons("high_rse;few_agencies;low_coverage") == [
        "the standard error is more than 30% of the estimate",
        "fewer than 10 agencies reported any",
        "the agencies that reported serve less than 80% of the population",
    ]
    assert caution_reasons("giant_missing;few_respondents;few_counted;part_without_weights") == [
        "an agency with more than 20% of the place's known crime did not report",
        "fewer than 5 agencies of the place reported",
        "the agencies that reported counted fewer than 30 themselves",
        "more than 1% of the place's known crime is in groups of agencies without weights: by default other "
        "groups stand for them",
    ]
    assert caution_reasons(None) == []
    assert caution_reasons("of_a_later_version") == ["of_a_later_version"]
    assert warning_codes("few_agencies;no_sampling_error") == ["few_agencies"]
    assert all(rule.words and "{" not in rule.words for rule in cautions().values())


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("{code: a, measure: agency_counts, words: w}", "give a limit"),
        ("{code: a, measure: agencies, below: 1, words: w}", "line 2"),
        ("{code: a;b, measure: agency_counts, below: 1, words: w}", "must be new and without"),
        ("{code: a, measure: agency_counts, below: 1, words: '{above}'}", "the words use a limit"),
    ],
)
def test_a_faulty_rule_is_refused_with_its_line(rule: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "_caution.yaml"
    path.write_text(f"cautions:\n  - {rule}\n")
    with pytest.raises(PipelineError, match=r"_caution\.yaml line 2") as error:
        read_cautions(path)
    assert message in str(error.value)
