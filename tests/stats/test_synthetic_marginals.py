"""The synthetic nation has the marginals of its data files (specification 02, section 15.3)."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
import pytest

from nibrs_estimation.sources.synthetic import SyntheticSource, agency_frame, annual_counts, reported_months
from nibrs_estimation.sources.synthetic.crime import DISPERSION, expected_incidents, latent_incidents
from nibrs_estimation.sources.synthetic.marginals import main_shares, marginal, offense_numbers, table

YEAR, SEED = 2024, 11
#: Standard errors; with some hundred shares compared, 5 leave about one chance in 20,000 of a false alarm.
STANDARD_ERRORS = 5


@cache
def segments() -> dict[str, pl.DataFrame]:
    return SyntheticSource(0.1).ingest_incidents(YEAR, SEED, "TX")


@cache
def offense() -> pl.DataFrame:
    """Offenses with their incident's main offense, which comes first."""
    rows = segments()["offense"].sort("offense_id")
    return rows.with_columns(main=pl.col("offense_code").first().over("incident_id"))


def assert_shares(values: pl.Series, quantity: str, code: str | None = None) -> None:
    distribution = marginal(quantity)
    row = 0 if len(distribution.shares) == 1 or code is None else int(offense_numbers(pl.Series([code]))[0])
    counts = dict(values.cast(pl.String).value_counts().iter_rows())
    n = len(values)
    assert n > 100
    for value, share in zip(distribution.values, distribution.shares[row], strict=True):
        error = np.sqrt(share * (1 - share) / n)
        # Half a unit for the continuity of small counts.
        assert abs(counts.get(value, 0) / n - share) <= STANDARD_ERRORS * error + 0.5 / n, (quantity, value, code)


def with_main(rows: pl.DataFrame, code: str) -> pl.DataFrame:
    main = offense().filter(pl.col("main") == code).unique("incident_id")
    return rows.join(main, on="incident_id", how="semi")


def test_hours_and_entry() -> None:
    assert_shares(segments()["incident"]["incident_hour"], "hour")
    burglary = offense().filter(pl.col("offense_code") == "220")
    assert_shares(burglary["method_of_entry_code"], "entry_method")


@pytest.mark.parametrize("code", ["13A", "13B", "220", "23F", "35A", "250"])
def test_locations(code: str) -> None:
    rows = offense().filter(pl.col("main") == code).unique("incident_id")
    assert_shares(rows["location_code"], "location", code)


@pytest.mark.parametrize("code", ["13A", "13B", "120", "520"])
def test_weapons(code: str) -> None:
    rows = offense().filter(pl.col("offense_code") == code).join(segments()["offense_weapon"], on="offense_id")
    assert_shares(rows["weapon_code"], "weapon", code)


@pytest.mark.parametrize("code", ["13A", "120", "220", "23C", "290"])
def test_victims(code: str) -> None:
    victims = with_main(segments()["victim"], code).filter(pl.col("victim_type_code") != "S")
    assert_shares(victims["victim_type_code"], "victim_type", code)
    people = victims.filter(pl.col("victim_type_code") == "I")
    if people.height > 1000:
        assert_shares(people["sex_code"], "victim_sex", code)
        assert_shares(people["race_code"], "victim_race", code)
    assert_shares(victims.group_by("incident_id").len()["len"], "victims")


def test_victim_ages() -> None:
    ages = segments()["victim"]["age_years"].drop_nulls()
    quantiles = table("quantile").filter(
        (pl.col("quantity") == "victim_age") & pl.col("probability").is_between(0.01, 0.99)
    )
    for probability, years in quantiles.select("probability", "value").iter_rows():
        error = np.sqrt(probability * (1 - probability) / len(ages))
        assert abs((ages < years).mean() - probability) <= STANDARD_ERRORS * error


@pytest.mark.parametrize("code", ["13B", "120"])
def test_relationships(code: str) -> None:
    of_victim = with_main(segments()["victim"], code).select("victim_id")
    assert_shares(
        segments()["victim_offender"].join(of_victim, on="victim_id")["relationship_code"], "relationship", code
    )


@pytest.mark.parametrize("code", ["13B", "23H", "220", "35A", "240"])
def test_suspects(code: str) -> None:
    data = table("offense").filter(pl.col("offense_code") == code)
    incidents = with_main(segments()["incident"], code)
    for share, rows in (
        (data["unknown_offender_share"].item(), segments()["offender"].filter(pl.col("sequence_number") == 0)),
        (data["arrest_share"].item(), segments()["arrestee"]),
    ):
        observed = incidents.join(rows, on="incident_id", how="semi").height / incidents.height
        assert abs(observed - share) <= STANDARD_ERRORS * np.sqrt(share * (1 - share) / incidents.height)


def test_companions() -> None:
    mains = offense().unique("incident_id")["main"].value_counts()
    shares = dict(zip(table("offense")["offense_code"], main_shares(), strict=True))
    for main, companion, per_1000 in table("companion").iter_rows():
        n = mains.filter(pl.col("main") == main)["count"].item()
        observed = offense().filter((pl.col("main") == main) & (pl.col("offense_code") == companion)).height / n
        share = per_1000 / 1000 / shares[main]
        assert 0 < share < 1
        assert abs(observed - share) <= STANDARD_ERRORS * np.sqrt(share * (1 - share) / n), (main, companion)


def test_days() -> None:
    agencies = agency_frame(YEAR, SEED, 0.1).filter(pl.col("state_abbr") == "TX")
    dates = latent_incidents(agencies, YEAR, SEED)["incident_date"]
    assert_shares(dates.dt.month(), "month")
    # The weekdays' shares hold within months, whose numbers of each weekday differ.
    weekday = dates.dt.weekday().value_counts(normalize=True).sort("incident_date")["proportion"].to_numpy()
    assert np.abs(weekday - marginal("weekday").shares[0]).max() < 0.005


def test_counts_are_negative_binomial() -> None:
    agencies = agency_frame(YEAR, SEED, 1.0)
    counts = annual_counts(agencies, YEAR, SEED)
    mean = expected_incidents(agencies, SEED)[:, None] * main_shares()
    is_frequent = mean > 1
    deviation = (counts - mean)[is_frequent] / np.sqrt((mean + mean**2 / DISPERSION)[is_frequent])
    assert abs(deviation.mean()) < STANDARD_ERRORS / np.sqrt(deviation.size)
    assert abs((deviation**2).mean() - 1) < STANDARD_ERRORS * (deviation**2).std() / np.sqrt(deviation.size)


def test_reporting_patterns() -> None:
    agencies = agency_frame(YEAR, SEED, 1.0).filter("is_nibrs")
    months = reported_months(agencies, YEAR, SEED).sum(axis=1)
    for observed, share in (((months == 12).mean(), 0.85 + 0.05 * 0.7**12), ((months == 0).mean(), 0.02)):
        assert abs(observed - share) <= STANDARD_ERRORS * np.sqrt(share * (1 - share) / len(months))
