"""The synthetic nation is made like the real one of 2013: each property by itself, in small nations."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.support.frames import number
from tests.support.realism import Counted, Floats, Integers

from nibrs_estimation.sources.synthetic import agency_frame
from nibrs_estimation.sources.synthetic.changes import month_shares, monthly_factors, year_effect
from nibrs_estimation.sources.synthetic.crime import monthly_counts, monthly_means
from nibrs_estimation.sources.synthetic.faults import (
    edge_factors,
    months_per_report,
    odd_factors,
    planted_faults,
    sent_factors,
)
from nibrs_estimation.sources.synthetic.marginals import table
from nibrs_estimation.sources.synthetic.rates import CLASSES, UsualCrime, shares_within_classes, usual_crime
from nibrs_estimation.sources.synthetic.reporting import RESPONSES, Response, pattern_of, patterns, reported_summaries

YEAR, SEED = 2024, 3
#: Agencies of an invented group: enough of one kind to see a mean.
MANY = 4000


def alike(n: int = MANY, **values: Any) -> pl.DataFrame:
    """Agencies that differ in nothing but their number: by default cities of 60,000 in the South."""
    like = {
        "population_group_code": "3", "population": 60_000, "agency_type_name": "City", "region_code": 3,
        "is_covered": False, "is_dormant": False, "agency_status": "A", "is_nibrs": False,
        "nibrs_start_date": None,
    } | values  # fmt: skip
    return (
        pl.DataFrame({"agency_id": np.arange(1, n + 1, dtype=np.int32)})
        .with_columns(**{name: pl.lit(value) for name, value in like.items()})
        .with_columns(pl.col("nibrs_start_date").cast(pl.Date))
    )


def rate(group: str, name: str, column: str = "per_1000") -> float:
    rows = table("crime_rate").filter(population_group_code=group, crime_class=name)
    return float(rows[column].item())


@pytest.mark.parametrize("group", ["2", "3", "9A"])
def test_rates_of_a_group(group: str) -> None:
    """Mean offenses per 1,000 residents are those of the file; the mix differs between groups."""
    usual = usual_crime(alike(population_group_code=group), SEED)
    for place, name in enumerate(CLASSES[:-1]):
        sigma = rate(group, name, "sigma")
        error = 5 * np.sqrt((np.exp(sigma**2) - 1) / MANY)
        assert usual.by_class[:, place].mean() / 60 == pytest.approx(rate(group, name), rel=error)


def test_effects_are_correlated() -> None:
    """Log effects have nearly the file's correlations, and less than its spread by what changes over the years."""
    effect = np.log(usual_crime(alike(population=1_000_000), SEED).by_class)
    correlation = table("crime_correlation").select(CLASSES).to_numpy()
    assert np.abs(np.corrcoef(effect.T) - correlation).max() < 0.06
    larceny = CLASSES.index("larceny")
    assert 0.7 * rate("3", "larceny", "sigma") < effect[:, larceny].std() < rate("3", "larceny", "sigma")


def test_agencies_of_a_year_spread_as_the_file_says() -> None:
    """Level and drift together: the log of a year's means has the standard deviation of the group."""
    rows = alike(population=1_000_000)
    larceny = CLASSES.index("larceny")
    total = monthly_means(rows, YEAR, SEED)[:, larceny].sum(axis=1)
    assert np.log(total).std() == pytest.approx(rate("3", "larceny", "sigma"), rel=0.06)


def test_some_agencies_see_no_crime() -> None:
    free = usual_crime(alike(population_group_code="7", population=1000), SEED).part_one == 0
    share = table("population_group").filter(population_group_code="7")["crime_free_share"].item()
    assert free.mean() == pytest.approx(share, abs=5 * np.sqrt(share / MANY))
    assert (usual_crime(alike(), SEED).part_one > 0).all()


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("university", {"agency_type_name": "University or College", "population_group_code": "7"}),
        ("tribal", {"agency_type_name": "Tribal", "population_group_code": "7"}),
        ("9D", {"agency_type_name": "County", "population_group_code": "9D"}),
    ],
)
def test_agencies_without_residents(kind: str, values: dict[str, Any]) -> None:
    usual = usual_crime(alike(population=0, **values), SEED)
    row = table("no_resident").filter(kind=kind).row(0, named=True)
    assert (usual.part_one == 0).mean() == pytest.approx(row["crime_free_share"], abs=0.03)
    some = usual.by_class[usual.part_one > 0]
    mean = row["part_one_median"] * np.exp(row["sigma"] ** 2 / 2)
    larceny = np.median(some[:, CLASSES.index("larceny")])
    assert row["part_one_median"] * row["larceny"] * 0.8 < larceny < mean * row["larceny"]


def yearly_logs(population: int, years: range) -> Floats:
    """Logs of the annual means of Part I offenses, the nation's level apart: (agencies, years)."""
    rows = alike(population=population)
    return np.stack(
        [np.log(monthly_means(rows, year, SEED)[:, :-1].sum(axis=(1, 2)) / year_effect(year, SEED)) for year in years],
        axis=1,
    )


def test_drift_falls_with_size_and_grows_with_the_years() -> None:
    small, large = (yearly_logs(population, range(2018, 2023)) for population in (3_000, 300_000))
    spread = [np.diff(logs[:, :2], axis=1).std() for logs in (small, large)]
    # 98 and 9,800 offenses a year: the sd of real agencies is 0.8 times the power -0.27.
    assert spread[0] == pytest.approx(0.8 * 98**-0.27, rel=0.25)
    assert spread[1] == pytest.approx(0.8 * 9800**-0.27, rel=0.3)
    four = (large[:, 4] - large[:, 0]).var() / (large[:, 1] - large[:, 0]).var()
    assert 2.5 < four < 5


def test_a_year_begins_where_the_last_one_ended() -> None:
    """December and January differ no more than other months do: a path, not a jump at the turn of the year."""
    rows = alike(population=1_000_000)
    usual = usual_crime(rows, SEED)
    logs = np.concatenate(
        [
            np.log(monthly_factors(rows, usual, year, SEED) / month_shares(rows) / year_effect(year, SEED))
            for year in (2021, 2022)
        ],
        axis=2,
    )[:, CLASSES.index("larceny")]
    steps = np.diff(logs, axis=1).std(axis=0)
    assert steps[11] == pytest.approx(np.delete(steps, 11).mean(), rel=0.1)


@pytest.mark.parametrize("population", [3_000, 300_000])
def test_month_effects_fall_with_size(population: int) -> None:
    """The effects of single months have the spread of the size, and remember the month before."""
    rows = alike(population=population)
    usual = fixed(usual_crime(rows, SEED), 32.63 * population / 1000)
    logs = np.log(monthly_factors(rows, usual, YEAR, SEED) / month_shares(rows))[:, CLASSES.index("larceny")]
    change = np.diff(logs, axis=1)
    size = usual.by_class[0, CLASSES.index("larceny")]
    parameters = dict(table("parameter").select("name", "value").iter_rows())
    sigma = max(parameters["month_scale"] * size ** parameters["month_exponent"], parameters["month_least"])
    memory = parameters["month_memory"]
    assert change.var() == pytest.approx(2 * sigma**2 * (1 - memory), rel=0.1)
    # Successive differences of an AR(1) are correlated by -(1 - memory) / 2.
    pairs = np.corrcoef(change[:, :-1].ravel(), change[:, 1:].ravel())[0, 1]
    assert pairs == pytest.approx(-(1 - memory) / 2, abs=0.04)


def fixed(usual: UsualCrime, part_one: float) -> UsualCrime:
    """Every agency with the group's rates and the same size."""
    rates = np.array([rate("3", name) for name in CLASSES[:-1]])
    one = part_one * rates / rates.sum()
    by_class = np.tile(np.append(one, part_one), (len(usual.part_one), 1))
    return UsualCrime(by_class, np.full(len(by_class), part_one), usual.log_effect, usual.sigma)


def test_changes_have_mean_one() -> None:
    rows = alike(n=20_000, population=300_000)
    usual = fixed(usual_crime(rows, SEED), 9_800.0)
    factors = monthly_factors(rows, usual, YEAR, SEED).sum(axis=2) / year_effect(YEAR, SEED)
    assert factors.mean(axis=0) == pytest.approx(np.ones(8), abs=0.03)


def test_seasons_differ_by_region_and_class() -> None:
    shares = {region: month_shares(alike(1, region_code=region))[0] for region in range(1, 5)}
    for by_class in shares.values():
        assert by_class.sum(axis=1) == pytest.approx(np.ones(8))
    larceny, robbery = CLASSES.index("larceny"), CLASSES.index("robbery")
    february = {region: share[larceny, 1] * 12 for region, share in shares.items()}
    assert february[2] == pytest.approx(0.753, abs=0.002)
    assert february[4] == pytest.approx(0.890, abs=0.002)
    assert shares[3][robbery, 0] > shares[3][larceny, 0]


def test_counts_are_poisson_about_their_means() -> None:
    """Pearson's statistic is 1: all other variation is in the means."""
    rows = alike(1000)
    means, counts = monthly_means(rows, YEAR, SEED), monthly_counts(rows, YEAR, SEED)
    of_class, _ = shares_within_classes()
    by_class = np.stack([counts[:, of_class == place].sum(axis=1) for place in range(len(CLASSES))], axis=1)
    some = means > 5
    assert ((by_class - means)[some] ** 2 / means[some]).mean() == pytest.approx(1, abs=0.02)


def test_years_are_like_2013_and_2024() -> None:
    """The nation's level falls as the FBI's published rates did."""
    levels = {year: np.mean([year_effect(year, seed) for seed in range(300)]) for year in (2013, 2024)}
    assert levels[2013] == pytest.approx(1, abs=0.015)
    assert levels[2024] == pytest.approx(2119 / 3098, abs=0.015)


def test_patterns_of_partial_reporters() -> None:
    """Each pattern is as likely as among the partial reporters of the file; later months are missing more often."""
    sent, probability = patterns()
    kinds, file = pattern_of(sent), table("reporting_pattern")
    assert probability.sum() == pytest.approx(1)
    for pattern in file["pattern"].unique():
        of_file = number(file.filter(pattern=pattern)["agencies"].sum()) / number(file["agencies"].sum())
        assert probability[kinds == pattern].sum() == pytest.approx(of_file, abs=1e-9)
    missing = probability @ ~sent
    assert (np.diff(missing) > -0.01).all()
    assert missing[11] > 1.9 * missing[0]


@pytest.mark.parametrize(
    ("months", "pattern"),
    [
        ("111111111111", "full"), ("000000000000", "none"), ("011111111111", "late"), ("111111111110", "quit"),
        ("111101111111", "one_inside"), ("111000111111", "longer_gap"), ("101011111111", "several_gaps"),
        ("011111111110", "several_gaps"),
    ],
)  # fmt: skip
def test_names_of_patterns(months: str, pattern: str) -> None:
    assert pattern_of(np.array([[month == "1" for month in months]])) == [pattern]


def test_partial_reporters_have_less_crime() -> None:
    rows = alike(n=20_000, population_group_code="7", population=1500)
    sent = reported_summaries(rows, YEAR, SEED).sum(axis=1)
    file = table("reporting").filter(population_group_code="7", has_residents=True).row(0, named=True)
    assert (sent == 0).mean() == pytest.approx(file["silent_share"], abs=0.015)
    partial, full = (sent > 0) & (sent < 12), sent == 12
    assert partial.sum() / (partial | full).sum() == pytest.approx(file["partial_share"], abs=0.015)
    size = usual_crime(rows, SEED).part_one
    assert size[partial].mean() / size[full].mean() == pytest.approx(file["partial_level"], abs=0.08)


def test_large_agencies_are_full_reporters() -> None:
    assert reported_summaries(alike(population_group_code="1A", population=2_000_000), YEAR, SEED).all()


def test_odd_months_by_size() -> None:
    small, large = (odd_factors(alike(population=population), YEAR, SEED) for population in (5_000, 100_000))
    for factors, least in ((small, 120), (large, 1200)):
        file = table("odd_month").filter(offenses_from=least).row(0, named=True)
        for factor in (0.0, 0.25, 3.0):
            share = (factors == factor).any(axis=1).mean()
            assert share == pytest.approx(file[f"times_{factor:g}"], abs=0.012)
    assert (small != 1).sum() > (large != 1).sum()
    assert ((small != 1).sum(axis=1) <= 1).all()


def test_edge_months_are_incomplete() -> None:
    """Beside a gap some months are, inside a run of months and at the ends of the year none."""
    rows = alike(population=2_500)
    months = np.tile(np.array([1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1], dtype=np.bool_), (MANY, 1))
    factors = edge_factors(rows, months, YEAR, SEED, "R")
    is_short = (factors < 1).mean(axis=0)
    share = table("odd_month")["edge_share"][0]
    assert is_short[[3, 6]] == pytest.approx([share, share], abs=0.03)
    assert is_short[[0, 1, 2, 7, 8, 9, 10, 11]].max() == 0
    assert factors[factors < 1].max() < 0.6


def test_lumps() -> None:
    """As many full reporters of summaries as the file says put several months into one, in every year the same ones."""
    rows = alike(n=20_000, population_group_code="1A", population=2_000_000)
    months_in_one, name = months_per_report(rows, YEAR, SEED)
    for kind, months, share in table("lump").select("kind", "months", "share").iter_rows():
        assert (months_in_one == months).mean() == pytest.approx(share, abs=5 * np.sqrt(share / len(rows)))
        assert set(name.filter(pl.Series(months_in_one == months))) <= {kind}
    assert (months_per_report(rows, YEAR - 1, SEED)[0] == months_in_one).all()
    faults = planted_faults(rows.head(2000), YEAR, SEED).filter(kind="annual")
    assert faults.height == (months_in_one[:2000] == 12).sum() > 0
    assert set(faults["month"]) == {12}
    assert set(faults["form_code"]) == {"R"}


def test_planted_faults_are_those_of_the_reports() -> None:
    rows = agency_frame(YEAR, SEED, 0.05)
    months = reported_summaries(rows, YEAR, SEED)
    factors = sent_factors(rows, months, YEAR, SEED, "R")
    planted = planted_faults(rows, YEAR, SEED).filter(pl.col("form_code") == "R", pl.col("factor").is_not_null())
    place = np.searchsorted(rows["agency_id"].to_numpy(), planted["agency_id"].to_numpy())
    assert (factors[place, planted["month"].to_numpy() - 1] == planted["factor"].to_numpy()).all()
    assert planted["agency_id"].n_unique() > 20
    assert (factors[~months] == 0).all()


@cache
def nibrs(response: Response, scale: float = 0.2) -> pl.DataFrame:
    rows = agency_frame(YEAR, SEED, scale, response)
    size = usual_crime(rows, SEED).part_one
    return rows.with_columns(size=pl.Series(size)).filter(
        ~pl.col("is_covered"), ~pl.col("is_dormant"), pl.col("agency_status") == "A", pl.col("size") > 0
    )


def test_response_at_random_in_classes_ignores_size_within_a_group() -> None:
    assert odds_of_larger_half("random") == pytest.approx(1, abs=0.25)


def test_response_of_large_agencies_is_rarer_within_a_group() -> None:
    assert odds_of_larger_half("large") < 0.6
    shares = [nibrs(response)["is_nibrs"].to_numpy().mean() for response in RESPONSES[:2]]
    assert shares[1] == pytest.approx(shares[0], abs=0.08)


def odds_of_larger_half(response: Response) -> float:
    """Odds of being a NIBRS agency in the larger half of group 6, beside those of the smaller half."""
    rows = nibrs(response).filter(population_group_code="6")
    is_larger = rows["size"].to_numpy() > np.median(rows["size"].to_numpy())
    share = [rows["is_nibrs"].to_numpy()[half].mean() for half in (is_larger, ~is_larger)]
    return float(share[0] / (1 - share[0]) / (share[1] / (1 - share[1])))


def test_states_are_missing_as_a_whole() -> None:
    mixed, whole = (
        nibrs(response).group_by("state_abbr").agg(pl.col("is_nibrs").mean())["is_nibrs"].to_numpy()
        for response in (RESPONSES[0], RESPONSES[2])
    )
    assert set(whole) == {0.0, 1.0}
    assert 2 <= (whole == 0).sum() <= 20
    assert ((mixed > 0.3) & (mixed < 0.97)).mean() > 0.9


def test_response_changes_nothing_but_who_reports() -> None:
    """What happened is the same whatever the response."""
    frames = [agency_frame(YEAR, SEED, 0.02, response) for response in ("random", "large", "states")]
    counts: list[Integers] = [monthly_counts(rows, YEAR, SEED) for rows in frames]
    assert (counts[0] == counts[1]).all()
    assert (counts[0] == counts[2]).all()
    assert not frames[0]["is_nibrs"].equals(frames[1]["is_nibrs"])
    assert not frames[0]["is_nibrs"].equals(frames[2]["is_nibrs"])


def test_figures_of_a_hand_made_nation() -> None:
    """Three agencies: one lumps its year, one leaves a month empty by mistake, one stops in June."""
    counts = np.zeros((3, 7, 12), dtype=np.int64)
    counts[0, 5, 11] = 240
    counts[1, 5] = 20
    counts[1, 5, 4] = 0
    counts[2, 5, :6] = 3
    sent = np.ones((3, 12), dtype=np.bool_)
    sent[2, 6:] = False
    nation = Counted(counts, sent, np.array(["6", "6", "7"]), np.full(3, 5000), np.ones(3, dtype=np.int64))
    assert nation.is_lumped.tolist() == [True, False, False]
    assert nation.truly_sent[1].sum() == 11
    assert nation.is_monthly.tolist() == [False, False, False]
    assert pattern_of(nation.truly_sent).tolist() == ["full", "one_inside", "quit"]
