"""The universe of a Return A file as a population, and the plain estimator by residents, beside slow twins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.support.backtests import YEAR, agencies_of, members_of, population
from tests.support.return_a_file import NOT_REPORTED, month, record

from nibrs_estimation.evaluate.estimating import estimates_of
from nibrs_estimation.evaluate.page import PAGE, write_backtest_page
from nibrs_estimation.evaluate.patterns import read_responses, responding_months
from nibrs_estimation.evaluate.population_rule import predicted_counts
from nibrs_estimation.evaluate.populations.fixed import FixedPopulation, Year, draw
from nibrs_estimation.evaluate.populations.universe import spread, universe_population
from nibrs_estimation.evaluate.scores import score_backtest
from nibrs_estimation.evaluate.source import Asked
from nibrs_estimation.model.backtest import COUNT
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.sources.return_a import read_return_a

Floats = NDArray[np.float64]
LARCENIES = {20: 12, 25: 12}


def written(path: Path, *records: str) -> Path:
    path.write_bytes("".join(f"{each}\r\n" for each in records).encode())
    return path


def test_every_agency_of_three_months_is_in_the_population(tmp_path: Path) -> None:
    """Vermont: a full year with a correction, five months, two months, and a covered agency."""
    full = [month({1: {5: 3, 20: 9, 25: 12}}), month({1: {5: -1, 20: 9, 25: 8}}), *[month({1: LARCENIES})] * 10]
    five = [*[NOT_REPORTED] * 7, *[month({1: {0: 1, **LARCENIES, 25: 13}})] * 5]
    path = written(
        tmp_path / "reta.txt",
        record(full, ori7="VT00101", state="44"),
        record(five, ori7="VT00102", state="44", group="8E", counties=[]),
        record([month({1: LARCENIES})] * 2, ori7="VT00103", state="44", last_month="02"),
        record([month({1: LARCENIES})] * 12, ori7="VT00104", state="44", covered_by="VT00101", agency_type="0"),
    )
    file = read_return_a(path)
    found = universe_population(file.agencies, file.counts, 2014)
    assert found.agencies["ori"].to_list() == ["VT0010100", "VT0010200"]
    assert found.of_year is not None
    assert found.of_year.sent.sum(axis=1).tolist() == [12, 5]
    of_year = {(agency, code): n for agency, code, n in found.of_year.offenses.rows()}
    assert of_year == {(1, "120"): 2, (1, "23H"): 138, (2, "09A"): 12, (2, "23H"): 144}
    assert found.offenses.filter(agency_id=1, offense_code="120").rows() == [(1, 1, "120", 2)]
    assert found.offenses.filter(agency_id=2)["month"].unique().to_list() == [8, 9, 10, 11, 12]
    # What is sent is at most what was really reported, and the truth is the whole year.
    responses = pl.DataFrame({"ori": ["VT0010200"], "months": ["000000000111"]})
    drawing = draw(found, "reported-months", "none", responses, 1, 1)
    assert drawing.reports["report_month"].collect()["month"].to_list() == [10, 11, 12]
    everything = pl.DataFrame({"ori": ["VT0010200"], "months": ["1" * 12]})
    drawing = draw(found, "start-dates", "none", everything, 1, 1)
    assert drawing.reports["report_month"].collect()["month"].to_list() == [8, 9, 10, 11, 12]
    # It started long ago, and did not report the first months.
    assert drawing.reports["agency"].collect()["nibrs_start_date"].dt.year().to_list() == [None, 2009]
    assert drawing.truth["n"].sum() == sum(of_year.values())


def test_a_state_that_lumps_its_months_has_a_twelfth_in_each(tmp_path: Path) -> None:
    """Three agencies with all offenses in December, and one of the same state that has months."""
    year = [*[month()] * 11, month({1: {20: 30, 25: 30}})]
    lumped = [record(year, ori7=f"FL0010{place}", state="09") for place in range(3)]
    other = record([month({1: {20: 2 * place, 25: 2 * place}}) for place in range(12)], ori7="FL00109", state="09")
    file = read_return_a(written(tmp_path / "reta.txt", *lumped, other))
    found = universe_population(file.agencies, file.counts, 2014)
    by_month = found.offenses.sort("agency_id", "month")["n"].to_numpy().reshape(4, 12)
    assert by_month.sum(axis=1).tolist() == [30, 30, 30, 132]
    assert (by_month.max(axis=1) - by_month.min(axis=1)).max() <= 1


def slow_spread(counts: list[int], reported: list[bool], lumps: bool) -> list[int]:
    """The months of one agency and one crime, one after the other."""
    total = max(sum(counts), 0)
    profile = [float(sent) if lumps else float(max(n, 0)) for n, sent in zip(counts, reported, strict=True)]
    whole, months, before = sum(profile), [], 0
    for place in range(12):
        until = round(total * sum(profile[: place + 1]) / whole) if whole else 0
        months.append(until - before)
        before = until
    return months


some_months = st.lists(st.none() | st.integers(-3, 40), min_size=12, max_size=12)


@given(some_months, st.booleans())
def test_months_equal_their_slow_twin(given_months: list[int | None], lumps: bool) -> None:
    reported = [each is not None for each in given_months]
    counts = [each or 0 for each in given_months]
    found = spread(np.array([counts], float)[:, :, None], np.array([reported]), np.array([lumps]))[0, :, 0]
    assert found.tolist() == slow_spread(counts, reported, lumps)
    assert found.min() >= 0
    assert found[~np.array(reported)].sum() == 0
    if any(reported):
        assert found.sum() == max(sum(counts), 0)
    if min(counts) >= 0 and not lumps:
        assert found.tolist() == counts


def slow_prediction(
    regions: list[int], groups: list[str], residents: list[int], responds: list[bool], counts: list[float]
) -> list[float]:
    """Offenses of each agency by loops over all agencies."""
    kinds = ["E" if group[1:] == "E" else group[0] for group in groups]
    found = []
    for place in range(len(counts)):
        if responds[place]:
            found.append(counts[place])
            continue
        alike = [
            other
            for other in range(len(counts))
            if responds[other] and (regions[other], kinds[other]) == (regions[place], kinds[place])
        ]
        offenses, people = sum(counts[other] for other in alike), sum(residents[other] for other in alike)
        if people:
            found.append(offenses / people * residents[place])
        else:
            found.append(offenses / len(alike) if alike else 0.0)
    return found


some_agency = st.tuples(
    st.integers(1, 2), st.sampled_from(["1A", "1B", "7", "8E", "9E", "9A"]), st.integers(0, 3), st.booleans(),
    st.floats(0, 100),
)  # fmt: skip


@given(st.lists(some_agency, min_size=1, max_size=12))
def test_predictions_by_residents_equal_their_slow_twin(agencies: list[tuple[int, str, int, bool, float]]) -> None:
    regions, groups, residents, responds, counts = map(list, zip(*agencies, strict=True))
    frame = pl.DataFrame({"region_code": regions, "population_group_code": groups, "population": residents})
    found = predicted_counts(frame, np.array(responds), np.array(counts)[:, None])[:, 0]
    assert found == pytest.approx(slow_prediction(regions, groups, residents, responds, counts))


def test_the_worked_example_of_the_plain_estimator() -> None:
    """Handbook 13: cities of 10,000, 20,000 and 30,000 residents, and three state police; the first two respond."""
    frame = pl.DataFrame(
        {
            "region_code": [1] * 6,
            "population_group_code": ["5", "5", "5", "8E", "9E", "8E"],
            "population": [10_000, 20_000, 30_000, 0, 0, 0],
        }
    )
    responds = np.array([True, True, False, True, True, False])
    counts = np.array([[40.0], [50.0], [0.0], [3.0], [5.0], [0.0]])
    assert predicted_counts(frame, responds, counts)[:, 0].tolist() == pytest.approx([40, 50, 90, 3, 5, 4])


def test_the_plain_rule_of_a_backtest_adds_up_its_predictions() -> None:
    """In the nation and in states: respondents' months brought to twelve, the others by residents of their region."""
    whole = population(40)
    sent = np.ones((40, 12), dtype=np.bool_)
    sent[5, :8] = False
    of_year = whole.offenses.group_by("agency_id", "offense_code").agg(pl.col("n").sum().cast(pl.Float64))
    known = FixedPopulation(YEAR, whole.agencies, whole.offenses, whole.members, of_year=Year(of_year, sent))
    drawing = draw(known, "random", "noise", None, 1, 1)
    found = estimates_of(drawing, ("program", "population ratio"), 1).filter(
        pl.col("measure") == COUNT, pl.col("rule") == "population ratio", pl.col("outcome") == "larceny"
    )
    responds = np.asarray(responding_months("random", whole.members, None, 1, 1).any(axis=1))
    assert responds[5]
    months = whole.offenses.filter(pl.col("offense_code") == "23H").sort("agency_id", "month")
    n = months["n"].to_numpy().reshape(40, 12).astype(float)
    y = np.where(sent, n, 0).sum(axis=1) * 12 / sent.sum(axis=1)
    predicted = predicted_counts(whole.agencies, responds, y[:, None])[:, 0]
    nation = found.filter(level="nation").row(0, named=True)
    assert nation["estimate"] == pytest.approx(predicted.sum())
    assert nation["truth"] == n.sum()
    assert nation["standard_error"] is None
    vermont = found.filter(place="Vermont")["estimate"].item()
    assert vermont == pytest.approx(predicted[(whole.agencies["state_abbr"] == "VT").to_numpy()].sum())


def test_start_dates_by_a_day_give_whole_years(tmp_path: Path) -> None:
    path = tmp_path / "starts.csv"
    path.write_text(
        "ori,nibrs_start_date,is_nibrs_2025\nZZ0000000,2019-05-01,TRUE\nZZ0000100,2021-01-01,TRUE\n"
        "ZZ0000200,2021-01-02,TRUE\nZZ0000300,2015-01-01,FALSE\nZZ0000400,,TRUE\nZZ0000500,2001-01-01,\n"
    )
    found = read_responses(path, "start-dates", "2021-01-01")
    whole, none = "1" * 12, "0" * 12
    assert found.rows() == [
        ("ZZ0000000", whole), ("ZZ0000100", whole), ("ZZ0000200", none), ("ZZ0000500", whole)
    ]  # fmt: skip
    assert responding_months("start-dates", members_of(agencies_of(6)), found, 1, 1).any(axis=1).tolist() == [
        True, True, False, False, False, True
    ]  # fmt: skip


def test_the_universe_is_asked_for_by_name(tmp_path: Path) -> None:
    responses = tmp_path / "starts.csv"
    responses.write_text("ori,nibrs_start_date\nZZ0000000,2019-05-01\n")
    usual = Asked("universe:x.zip", "start-dates:2021-01-01", None, ("program",), 2, responses, None)
    source = usual.open()
    assert source.spec == "backtest:universe:x.zip,pattern=start-dates:2021-01-01,benchmark=noise,rules=program"
    halves = Asked("universe:x.zip", "random", "halves", ("program",), 2, None, None)
    with pytest.raises(UsageError, match="Write --benchmark noise or none"):
        halves.open()
    # Whole years of monthly reporters have halves.
    assert Asked("return-a:x.zip", "start-dates:2021-01-01", None, (), 2, responses, None).open().benchmark == "halves"
    assert Asked("return-a:x.zip", "start-dates:2021", None, (), 2, responses, None).open().benchmark == "noise"
    wrong = Asked("universe:x.zip", "start-dates:2021-13-01", None, ("program",), 2, responses, None)
    with pytest.raises(UsageError, match="is not a pattern"):
        wrong.open()


@pytest.mark.parametrize("rules", [("program", "population ratio"), ("population ratio",)])
def test_the_page_shows_no_coverage_of_a_rule_without_intervals(rules: tuple[str, ...], tmp_path: Path) -> None:
    found = estimates_of(draw(population(40), "random", "noise", None, 1, 1), rules, 1)
    estimates = found.with_columns(pattern_number=pl.lit("0001")).lazy()
    source = f"backtest:universe:x.zip,pattern=random,benchmark=noise,rules={'+'.join(rules)}"
    identity = Identity("bt", source, YEAR, 1, is_synthetic=False)
    write_backtest_page(score_backtest(estimates).lazy(), estimates, identity)[PAGE](tmp_path / PAGE)
    page = (tmp_path / PAGE).read_text()
    assert "agencies of the file that reported three months or more" in page
    short = page[page.index("In short</h2>") : page.index("What was tried</h2>")]
    assert ("program</th>" in short) == ("program" in rules)
    assert "population ratio" not in short
    assert "Mean |error| %" in page
