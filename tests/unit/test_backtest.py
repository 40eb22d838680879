"""Backtests: who responds, populations, scores against a slow twin, and what is refused."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.backtests import YEAR, agencies_of, members_of, population

from nibrs_estimation.evaluate.estimating import estimates_of
from nibrs_estimation.evaluate.patterns import read_responses, responding_months
from nibrs_estimation.evaluate.populations.fixed import FixedPopulation, draw
from nibrs_estimation.evaluate.scores import score_backtest
from nibrs_estimation.evaluate.source import Asked, Backtest
from nibrs_estimation.model.agency import AGENCY
from nibrs_estimation.model.backtest import BACKTEST_ESTIMATE, COUNT, DIFFERENCE
from nibrs_estimation.model.return_a import OFFENSES_OF_CRIME
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.source import Probe
from nibrs_estimation.tables.bias import Z_95

#: Burglary, vehicle theft, larceny, aggravated assault and robbery.
CODES = ("220", "240", "23H", "13A", "120")


def test_as_many_of_each_class_respond_at_random() -> None:
    members = members_of(agencies_of(104))
    first, other = (responding_months("random", members, None, number, 1).any(axis=1) for number in (1, 2))
    classes = members.agencies["weight_class"].to_numpy()
    assert [int(first.compress(classes == each).sum()) for each in (1, 8)] == [2, 60]
    assert (first != other).any()
    assert (first == responding_months("random", members, None, 1, 1).any(axis=1)).all()


def test_large_agencies_answer_less_and_the_two_largest_never() -> None:
    members = members_of(agencies_of(400))
    responds = np.array([responding_months("large-answer-less", members, None, r, 1)[:, 0] for r in range(200)])
    assert not responds[:, :2].any()
    assert responds[:, 2:4].mean() == pytest.approx(0.35, abs=0.08)
    assert responds[:, 4:].mean() == pytest.approx(0.72, abs=0.01)
    alone = members_of(agencies_of(400).with_columns(state_abbr=pl.lit("VT")))
    assert np.any([responding_months("large-answer-less", alone, None, r, 1)[0, 0] for r in range(20)])


def test_whole_states_are_missing() -> None:
    members = members_of(agencies_of(400))
    drawn = np.array([responding_months("states-missing", members, None, r, 1)[:, 0] for r in range(100)])
    of_state = np.stack([drawn[:, place::4].mean(axis=1) for place in range(4)])
    assert ((of_state > 0.85) | (of_state < 0.25)).all()
    assert (of_state > 0.85).mean() == pytest.approx(0.7, abs=0.1)
    one = members_of(agencies_of(8).with_columns(state_abbr=pl.lit("VT")))
    with pytest.raises(UsageError, match="several states"):
        responding_months("states-missing", one, None, 1, 1)


def test_real_partial_years_go_to_agencies_of_their_group_and_size() -> None:
    partial = np.ones((3, 12), dtype=np.bool_)
    partial[0, :6] = partial[1, 11] = partial[2, 3:5] = False
    members = members_of(agencies_of(400), partial)
    months = responding_months("partial-years", members, None, 1, 1)
    changed = np.flatnonzero(~months.all(axis=1))
    assert 1 <= len(changed) <= 3
    # 50 offenses a year are those of the agencies of about 1,500 residents: ten of them were possible.
    nearest = np.argsort(np.abs(members.annual - 50) + 1e6 * (np.arange(400) < 4), kind="stable")[:10]
    assert set(changed) <= set(nearest)
    assert {tuple(row) for row in months[changed]} <= {tuple(row) for row in partial}
    with pytest.raises(UsageError, match="part of the year"):
        responding_months("partial-years", members_of(agencies_of(8)), None, 1, 1)


def test_start_dates_give_whole_and_partial_years(tmp_path: Path) -> None:
    path = tmp_path / "starts.csv"
    path.write_text(
        "ori,nibrs_start_date\nZZ0000000,2019-05-01\nZZ0000100,2021-03-15\nZZ0000200,2022-01-01\nZZ0000300,\n"
        "ZZ0000400,NA\n"
    )
    found = read_responses(path, "start-dates", "2021")
    assert found.rows() == [("ZZ0000000", "1" * 12), ("ZZ0000100", "001111111111"), ("ZZ0000200", "0" * 12)]
    months = responding_months("start-dates", members_of(agencies_of(4)), found, 1, 1)
    assert months.sum(axis=1).tolist() == [12, 10, 0, 0]
    drawing = draw(population(4), "start-dates", "none", found, 1, 1)
    starts = drawing.reports["agency"].collect()["nibrs_start_date"]
    assert [None if day is None else (day.year, day.month) for day in starts] == [(2008, 1), (2013, 3), None, None]


def test_reported_months_are_taken_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "months.csv"
    path.write_text("ori7,nibrs_months_2013\nZZ00000,110000000000\nZZ00001,\n")
    found = read_responses(path, "reported-months", "")
    assert found.rows() == [("ZZ0000000", "110000000000")]
    assert responding_months("reported-months", members_of(agencies_of(3)), found, 1, 1).sum() == 2


@pytest.mark.parametrize(
    ("text", "pattern", "said"),
    [
        ("ori,nibrs_start_date\nZZ0000000,2021\n", "start-dates", r"row 2, nibrs_start_date: '2021' is not a date"),
        ("ori,nibrs_months\nZZ0000000,1\n", "reported-months", r"row 2, nibrs_months: '1' is not twelve digits"),
        ("name,nibrs_start_date\nx,2021-01-01\n", "start-dates", r"needs ori \(or ori7\) and nibrs_start_date"),
        ("ori,x\nZZ0000000,1\n", "reported-months", "nibrs_months"),
    ],
)
def test_wrong_response_files_are_refused(text: str, pattern: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text(text)
    with pytest.raises(PipelineError, match=said):
        read_responses(path, pattern, "2021")


def test_a_response_file_of_other_agencies_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "starts.csv"
    path.write_text("ori,nibrs_start_date\nYY0000000,2019-05-01\n")
    found = read_responses(path, "start-dates", "2021")
    with pytest.raises(UsageError, match="No agency of the population"):
        responding_months("start-dates", members_of(agencies_of(3)), found, 1, 1)


def test_one_half_of_the_year_is_the_benchmark_of_the_other_both_ways() -> None:
    whole = population()
    halves = [
        whole.offenses.filter(pl.col("month").is_between(low, low + 5))
        .group_by("agency_id", "offense_code")
        .agg(pl.col("n").sum())
        for low in (1, 7)
    ]
    for number, (of_benchmark, of_year) in ((1, halves), (2, reversed(halves))):
        drawing = draw(whole, "random", "halves", None, number, 1)
        key = ["agency_id", "offense_code"]
        assert drawing.truth.sort(key).equals(of_year.sort(key))
        reported = drawing.reports["agency_month_offense"].collect()
        assert set(reported["month"]) == set(range(1, 13))
        murders = (
            drawing.reports["srs_benchmark"].filter(pl.col("crime_type") == "murder").collect()["n_twelve_months"].sum()
        )
        assert murders == of_benchmark.filter(pl.col("offense_code") == "09A")["n"].sum()


def test_only_what_responding_agencies_reported_is_reported() -> None:
    whole = population()
    drawing = draw(whole, "random", "none", None, 1, 1)
    months = responding_months("random", whole.members, None, 1, 1)
    sent = drawing.reports["report_month"].collect()
    assert sent.height == months.sum()
    ids = whole.agencies["agency_id"].filter(pl.Series(months.any(axis=1)))
    assert set(sent["agency_id"]) == set(ids)
    reported = drawing.reports["agency_month_offense"].collect()
    assert reported["n"].sum() == whole.offenses.filter(pl.col("agency_id").is_in(ids.implode()))["n"].sum()
    assert drawing.truth["n"].sum() == whole.offenses["n"].sum()
    assert "srs_benchmark" not in drawing.reports
    assert drawing.reports["agency"].collect()["is_nibrs"].to_list() == months.any(axis=1).tolist()


def test_a_noisy_benchmark_is_right_on_average_and_changes_with_the_drawing() -> None:
    whole = population(400)
    total = whole.offenses.filter(pl.col("offense_code") == "23H")["n"].sum()

    def larceny(number: int) -> float:
        benchmark = draw(whole, "random", "noise", None, number, 1).reports["srs_benchmark"].collect()
        return float(benchmark.filter(pl.col("crime_type") == "larceny")["n_twelve_months"].sum())

    drawn = [larceny(number) for number in range(1, 21)]
    assert len(set(drawn)) == 20
    assert np.mean(drawn) == pytest.approx(total, rel=0.02)


def test_the_year_before_is_the_benchmark_where_it_is_known() -> None:
    whole = population(4)
    before = np.arange(36.0).reshape(4, 9)
    before[2] = np.nan
    known = FixedPopulation(YEAR, whole.agencies, whole.offenses, whole.members, before)
    benchmark = draw(known, "random", "before", None, 1, 1).reports["srs_benchmark"].collect()
    assert benchmark["ori"].unique().sort().to_list() == ["ZZ0000000", "ZZ0000100", "ZZ0000300"]
    murders = benchmark.filter(pl.col("crime_type") == "murder").sort("ori")["n_twelve_months"].to_list()
    assert murders == [0.0, 9.0, 27.0]
    assert next(iter(OFFENSES_OF_CRIME)) == "murder"


class Cell(NamedTuple):
    """A cell of a backtest; the interval is the estimate plus and minus half its width."""

    pattern_number: str
    place: str
    outcome: str
    truth: float
    estimate: float | None
    half_width: float | None

    @property
    def holds(self) -> bool | None:
        if self.estimate is None or self.half_width is None:
            return None
        # The last digit of the truth decides nothing.
        return abs(self.estimate - self.truth) <= self.half_width + 1e-9 * self.truth


number = st.floats(0.5, 1e6)
some_cells = st.lists(
    st.builds(
        Cell,
        pattern_number=st.sampled_from(["0001", "0002", "0003"]),
        place=st.sampled_from(["A", "B"]),
        outcome=st.sampled_from(["murder", "robbery"]),
        truth=st.just(0.0) | number,
        estimate=st.none() | st.just(0.0) | number,
        half_width=st.none() | st.floats(0, 1e5),
    ),
    min_size=1,
    max_size=30,
    unique_by=lambda each: each[:3],
)


def slow_scores(cells: list[Cell]) -> dict[str, float | None]:
    """The scores of one outcome, by loops over the cells."""
    some = [each for each in cells if each.truth > 0]
    errors = [(each.place, each.estimate, each.truth) for each in some if each.estimate is not None]
    inside = [(each.pattern_number, each.holds) for each in some if each.holds is not None]
    by_place: dict[str, list[float]] = {}
    for place, estimate, truth in errors:
        by_place.setdefault(place, []).append((estimate / truth - 1) ** 2)
    by_pattern: dict[str, list[bool]] = {}
    for pattern, holds in inside:
        by_pattern.setdefault(pattern, []).append(holds)
    shares = [sum(each) / len(each) for each in by_pattern.values()]
    return {
        "cells": len(some),
        "without_interval": len(some) - len(inside),
        "bias_pct": 100 * (sum(e for _, e, _ in errors) / sum(t for *_, t in errors) - 1) if errors else None,
        "rmse_pct": 100 * median(math.sqrt(sum(s) / len(s)) for s in by_place.values()) if errors else None,
        "mean_abs_error_pct": 100 * sum(abs(e / t - 1) for _, e, t in errors) / len(errors) if errors else None,
        "coverage_pct": 100 * sum(holds for _, holds in inside) / len(inside) if inside else None,
        "coverage_error_pct": 100 * float(np.std(shares, ddof=1)) / math.sqrt(len(shares)) if len(shares) > 1 else None,
    }


@given(some_cells)
def test_scores_equal_their_slow_twin(cells: list[Cell]) -> None:
    frame = pl.DataFrame(
        cells, schema={**dict.fromkeys(Cell._fields[:3], pl.String), **dict.fromkeys(Cell._fields[3:], pl.Float64)},
        orient="row",
    ).with_columns(
        rule=pl.lit("program"), level=pl.lit("state"), measure=pl.lit(COUNT), standard_error=pl.lit(1.0),
        eligible_agencies=pl.lit(2), responding_agencies=pl.lit(1), true_count="truth",
        geography_number=pl.col("place").replace_strict({"A": 1, "B": 2}, return_dtype=pl.Int32),
        lower_bound=pl.col("estimate") - pl.col("half_width"), upper_bound=pl.col("estimate") + pl.col("half_width"),
    )  # fmt: skip
    scores = score_backtest(BACKTEST_ESTIMATE.cast(frame).lazy())
    for outcome in ("murder", "robbery"):
        found = scores.filter((pl.col("outcome") == outcome) & (pl.col("size") == "all"))
        expected = slow_scores([each for each in cells if each.outcome == outcome])
        if not expected["cells"]:
            assert found.is_empty()
            continue
        row = found.row(0, named=True)
        for name, value in expected.items():
            # A difference of large numbers keeps nine digits of them.
            assert row[name] == (None if value is None else pytest.approx(value, rel=1e-9, abs=1e-6)), name
    assert scores.filter(pl.col("outcome") == "all")["cells"].sum() == sum(each.truth > 0 for each in cells)


USUAL = Asked("synthetic:0.05", "random", None, ("program",), 2, None, None)


def asked(**changes: Any) -> Asked:
    return replace(USUAL, **changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"population": "moon"}, "'moon' is not a population. Write return-a:FILE"),
        ({"population": "return-a:"}, "is not a population"),
        ({"population": "synthetic:0.1,response=large"}, "--pattern"),
        ({"population": "synthetic:7"}, "scale"),
        ({"pattern": "sometimes"}, "'sometimes' is not a pattern. Write one of random, "),
        ({"pattern": "random:2021"}, "is not a pattern"),
        ({"pattern": "partial-years"}, "needs real agencies"),
        ({"population": "cde:VT-2024.zip", "pattern": "start-dates"}, "needs a year or day. Write start-dates:2021"),
        ({"population": "cde:VT-2024.zip", "pattern": "start-dates:2021"}, "needs --response-file"),
        ({"population": "cde:VT-2024.zip", "responses": Path("x.csv")}, "does not use --response-file"),
        ({"rules": ("program", "magic")}, "'magic' is not a rule"),
        ({"benchmark": "noise"}, "has its own benchmark"),
        ({"population": "return-a:x.zip", "benchmark": "loud"}, "'loud' is not a benchmark"),
        ({"population": "return-a:x.zip", "benchmark": "before"}, "go together"),
        ({"population": "return-a:x.zip", "pattern": "partial-years", "benchmark": "halves"}, "--benchmark noise"),
        ({"population": "return-a:x.zip", "before": Path("absent.zip")}, "absent.zip of --before does not exist"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_remedy(changes: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        asked(**changes).open()


def test_the_benchmark_that_fits_is_chosen() -> None:
    def chosen(population: str, pattern: str) -> str:
        return asked(population=population, pattern=pattern).open().benchmark

    assert chosen("return-a:x.zip", "random") == "halves"
    assert chosen("return-a:x.zip", "partial-years") == "noise"
    assert chosen("cde:VT-2024.zip", "random") == "noise"
    assert chosen("synthetic:0.05", "random") == ""


def test_more_drawings_continue_a_backtest() -> None:
    """The identity of a run has no number of drawings, and each drawing is a part of its own."""

    def opened(repeat: int) -> tuple[Backtest, Probe]:
        source = asked(repeat=repeat).open()
        return source, source.probe(2024, 1)

    (few, of_few), (many, of_many) = opened(2), opened(30)
    assert few.spec == many.spec
    assert of_few.fingerprint == of_many.fingerprint
    assert of_few.partitions["pattern_number"] == ("0001", "0002")
    assert len(of_many.partitions["pattern_number"]) == 30
    assert of_few.is_synthetic
    other = asked(rules=("ratio",)).open().probe(2024, 1)
    assert other.fingerprint != of_few.fingerprint


def nation_of(found: pl.DataFrame, rule: str, outcome: str) -> dict[str, float]:
    rows = found.filter(rule=rule, outcome=outcome, level="nation", measure=COUNT)
    return rows.select("truth", "estimate", "standard_error").row(0, named=True)


def test_plain_ratio_estimates_are_those_of_the_textbook() -> None:
    """X Σ y / Σ x with x the larcenies of the year before, and its standard error."""
    whole = population(60)
    before = np.zeros((60, 9))
    before[:, list(OFFENSES_OF_CRIME).index("larceny")] = x = np.arange(60) % 9 + 40.0
    known = FixedPopulation(YEAR, whole.agencies, whole.offenses, whole.members, before)
    drawing = draw(known, "random", "before", None, 3, 1)
    found = nation_of(estimates_of(drawing, ("ratio",), 1), "ratio", "larceny")
    larcenies = whole.offenses.filter(pl.col("offense_code") == "23H").sort("agency_id", "month")
    y = larcenies["n"].to_numpy().reshape(60, 12).sum(axis=1)
    responds = responding_months("random", whole.members, None, 3, 1).any(axis=1)
    N, n, ratio = 60, responds.sum(), y[responds].sum() / x[responds].sum()
    e = (y - ratio * x)[responds]
    assert found["truth"] == y.sum()
    assert found["estimate"] == pytest.approx(x.sum() * ratio)
    error = x.sum() / x[responds].sum() * np.sqrt((1 - n / N) * n * e.var(ddof=1))
    assert found["standard_error"] == pytest.approx(error)


def test_rule_regression_has_the_estimates_of_the_program_and_normal_intervals_cut_at_zero() -> None:
    found = estimates_of(draw(population(64), "random", "halves", None, 1, 1), ("regression", "program"), 1)
    key = ["geography_number", "outcome"]
    program, rival = (
        found.filter(pl.col("measure") == COUNT, pl.col("rule") == rule).sort(key) for rule in ("program", "regression")
    )
    assert found.filter(rule="regression")["measure"].unique().to_list() == [COUNT]
    assert rival.select(*key, "estimate").equals(program.select(*key, "estimate"))
    assert not rival["standard_error"].equals(program["standard_error"])
    some = rival.filter(pl.col("standard_error") > 0)
    margin = Z_95 * some["standard_error"]
    assert some["upper_bound"].to_numpy() == pytest.approx((some["estimate"] + margin).to_numpy())
    lower = (some["estimate"] - margin).clip(lower_bound=0)
    assert some["lower_bound"].to_numpy() == pytest.approx(lower.to_numpy())
    assert {"nation", "state"} <= set(some["level"])


def test_differences_are_those_of_the_estimates_and_of_the_truth() -> None:
    rules = ("program", "regression", "reference")
    found = estimates_of(draw(population(64, CODES), "random", "halves", None, 1, 1), rules, 1)
    differences = found.filter(pl.col("measure") == DIFFERENCE)
    assert differences["rule"].unique().to_list() == ["program"]
    counts = found.filter(pl.col("measure") == COUNT, pl.col("rule") == "program")
    of = {
        (number, outcome): np.array(values)
        for number, outcome, *values in counts.select(
            "geography_number", "outcome", "estimate", "truth", "eligible_agencies"
        ).iter_rows()
    }
    states = sorted(counts.filter(level="state")["geography_number"].unique())
    after = dict(itertools.pairwise(states))
    for row in differences.iter_rows(named=True):
        number, (outcome, _, other) = row["geography_number"], row["outcome"].partition(" less ")
        if outcome.endswith(","):
            one, two = of[number, outcome[:-1]], of[after[number], outcome[:-1]]
            agencies = one[2] + two[2]
        else:
            one, two = of[number, outcome], of[number, other]
            agencies = one[2]
        assert [row["estimate"], row["truth"]] == pytest.approx(list(one - two)[:2], rel=1e-9, abs=1e-9)
        assert row["true_count"] == pytest.approx(one[1] + two[1])
        assert row["eligible_agencies"] == agencies
        assert row["standard_error"] > 0
        middle = (row["lower_bound"] + row["upper_bound"]) / 2
        assert middle == pytest.approx(row["estimate"], abs=1e-6)
    nation = differences.filter(level="nation")["outcome"].to_list()
    assert nation == ["aggravated assault less robbery", "burglary less vehicle theft"]
    assert differences.filter(level="state").height == 2 * 4 + 3 * 3


def test_scores_of_differences_are_relative_to_the_sum_of_both_sides() -> None:
    """10 less 8, and 5 less 5: estimated 3 too high and 1 too low, with intervals of 3.6 and 0.5 on either side."""
    frame = pl.DataFrame(
        {"truth": [2.0, 0.0], "true_count": [18.0, 10.0], "estimate": [5.0, -1.0], "half": [3.6, 0.5]}
    ).with_columns(
        rule=pl.lit("program"), level=pl.lit("state"), measure=pl.lit(DIFFERENCE), standard_error=pl.lit(1.0),
        outcome=pl.lit("robbery, less the next state"), pattern_number=pl.lit("0001"), place=pl.lit("A"),
        geography_number=pl.Series([1, 2]), eligible_agencies=pl.lit(2), responding_agencies=pl.lit(1),
        lower_bound=pl.col("estimate") - pl.col("half"), upper_bound=pl.col("estimate") + pl.col("half"),
    )  # fmt: skip
    score = score_backtest(BACKTEST_ESTIMATE.cast(frame).lazy()).filter(size="all").row(0, named=True)
    assert score["bias_pct"] == pytest.approx(100 * (3 - 1) / 28)
    assert score["rmse_pct"] == pytest.approx(100 * (3 / 18 + 1 / 10) / 2)
    assert score["width_pct"] == pytest.approx(100 * (7.2 / 18 + 1 / 10) / 2)
    assert (score["coverage_pct"], score["above_pct"], score["cells"]) == (50.0, 50.0, 2)


def test_full_response_gives_the_truth_without_error(tmp_path: Path) -> None:
    path = tmp_path / "months.csv"
    path.write_text("ori,nibrs_months\n" + "".join(f"ZZ{place:05d}00,{'1' * 12}\n" for place in range(24)))
    responses = read_responses(path, "reported-months", "")
    drawing = draw(population(24, CODES), "reported-months", "noise", responses, 1, 1)
    rules = ("program", "reference", "regression", "second estimator", "ratio")
    found = estimates_of(drawing, rules, 1)
    estimated = found.filter(pl.col("estimate").is_not_null())
    assert set(estimated["rule"]) == set(rules)
    assert set(estimated["level"]) == {"nation", "state"}
    largest = estimated["truth"].to_numpy().max()
    assert ((estimated["estimate"] - estimated["truth"]).abs() <= 1e-9 * largest).all()
    assert (estimated["standard_error"] <= 1e-9 * largest).all()
    assert estimated.filter(level="nation", outcome="larceny", measure="percentage").height == 2
    differences = estimated.filter(measure=DIFFERENCE)
    # Two of columns in the nation and each of four states; three outcomes of three states and the next.
    assert differences.height == 2 * 5 + 3 * 3
    scores = score_backtest(found.lazy()).filter(pl.col("measure") == DIFFERENCE)
    assert scores["coverage_pct"].unique().to_list() == [100.0]


def test_states_of_other_regions_change_nothing_in_a_state() -> None:
    """Alone or with others, agencies have their own months, or donors of their own class and region."""
    whole = population(64)
    alike = whole.agencies.with_columns(population=5_000 + 10 * pl.col("agency_id"), population_group_code=pl.lit("6"))
    agencies = AGENCY.cast(alike)
    in_northeast = agencies["region_code"] == 1

    def estimates(is_in: pl.Series) -> pl.DataFrame:
        some = agencies.filter(is_in)
        part = FixedPopulation(YEAR, some, whole.offenses, members_of(some))
        # Of five agencies in a row three report the year, one from April on, one nothing.
        months = ["1" * 12, "000111111111", "1" * 12, "0" * 12, "1" * 12]
        responses = pl.DataFrame({"ori": agencies["ori"], "months": [months[place % 5] for place in range(64)]})
        drawing = draw(part, "reported-months", "none", responses, 1, 1)
        found = estimates_of(drawing, ("program",), 1).filter(pl.col("level") == "state", pl.col("truth") > 0)
        # Which state is the next depends on the states that there are.
        found = found.filter(pl.col("measure") != DIFFERENCE)
        return found.filter(pl.col("place").is_in(["Vermont", "New York"])).drop("geography_number")

    alone, together = estimates(in_northeast), estimates(pl.Series([True] * 64))
    assert alone.height == 18
    key = ["place", "outcome", "measure"]
    assert alone.select(key).equals(together.select(key))
    assert alone["estimate"].to_numpy() == pytest.approx(together["estimate"].to_numpy(), rel=1e-12)
    assert (alone["estimate"] - alone["truth"]).abs().max() != 0


def test_a_place_without_weights_has_no_estimate() -> None:
    """Its respondents have no benchmark, so no weight can meet its total: that is not an estimate of 0."""
    whole = population(40)
    before = np.full((40, 9), 50.0)
    responds = responding_months("random", whole.members, None, 1, 1).any(axis=1)
    before[responds & (np.arange(40) % 4 == 3)] = 0.0
    known = FixedPopulation(YEAR, whole.agencies, whole.offenses, whole.members, before)
    found = estimates_of(draw(known, "random", "before", None, 1, 1), ("program", "ratio"), 1)
    texas = found.filter(level="state", place="Texas")
    assert texas["responding_agencies"].min() == 5
    assert texas["estimate"].is_null().all()
    assert found.filter(level="state", place="Vermont")["estimate"].is_not_null().all()
