"""The synthetic nation has the marginals of its data files (sources/synthetic/README.md)."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
import pytest

from nibrs_estimation.sources.synthetic import agency_frame, annual_counts
from nibrs_estimation.sources.synthetic.crime import latent_incidents, monthly_means
from nibrs_estimation.sources.synthetic.incidents import reported_segments
from nibrs_estimation.sources.synthetic.marginals import Marginal, main_shares, marginal, offense_number, table
from nibrs_estimation.sources.synthetic.missingness import (
    NO_ARREST,
    SIGMA,
    SIGMA_OF_OFFENSE,
    SIGMA_OF_STATE,
    Circumstances,
    missing_probability,
)
from nibrs_estimation.sources.synthetic.rates import shares_within_classes, usual_crime

YEAR, SEED = 2024, 11
STATE, SCALE = "TX", 0.1
#: Standard errors; with some hundred shares compared, 5 leave about one chance in 20,000 of a false alarm.
STANDARD_ERRORS = 5


@cache
def agencies() -> pl.DataFrame:
    return agency_frame(YEAR, SEED, SCALE).filter(pl.col("state_abbr") == STATE)


@cache
def segments() -> dict[str, pl.DataFrame]:
    return reported_segments(agencies(), YEAR, SEED)


@cache
def offense() -> pl.DataFrame:
    """Offenses with their incident's main offense, which comes first."""
    rows = segments()["offense"].sort("offense_id")
    return rows.with_columns(main=pl.col("offense_code").first().over("incident_id"))


@cache
def victims() -> pl.DataFrame:
    """Victims other than society, with their incident's agency and main offense."""
    return (
        segments()["victim"]
        .filter(pl.col("victim_type_code") != "S")
        .join(segments()["incident"].select("incident_id", "agency_id"), on="incident_id")
        .join(offense().unique("incident_id").select("incident_id", "main"), on="incident_id")
    )


def row_of(distribution: Marginal, code: str | None) -> int:
    return 0 if len(distribution.shares) == 1 or code is None else offense_number(code)


def assert_shares(values: pl.Series, quantity: str, code: str | None = None, missing: tuple[str, ...] = ()) -> None:
    """Compare with ``marginal.csv`` the values that are there, but for the codes of missing ones."""
    distribution = marginal(quantity)
    row = row_of(distribution, code)
    known = values.cast(pl.String).drop_nulls()
    known = known.filter(~known.is_in(missing)) if missing else known
    counts = dict(known.value_counts().iter_rows())
    n = len(known)
    assert n > 100
    assert set(counts) <= set(distribution.values)
    for value, share in zip(distribution.values, distribution.shares[row], strict=True):
        error = np.sqrt(share * (1 - share) / n)
        # Half a unit for the continuity of small counts.
        assert abs(counts.get(value, 0) / n - share) <= STANDARD_ERRORS * error + 0.5 / n, (quantity, value, code)


def with_main(rows: pl.DataFrame, code: str) -> pl.DataFrame:
    main = offense().filter(pl.col("main") == code).unique("incident_id")
    return rows.join(main, on="incident_id", how="semi")


def with_code(name: str, code: str) -> pl.DataFrame:
    """Rows of a segment of offenses, for one offense."""
    return segments()[name].join(offense().filter(pl.col("offense_code") == code), on="offense_id", how="semi")


def test_hours_and_entry() -> None:
    assert_shares(segments()["incident"]["incident_hour"], "hour")
    burglary = offense().filter(pl.col("offense_code") == "220")
    assert_shares(burglary["method_of_entry_code"], "entry_method")


@pytest.mark.parametrize("code", ["13A", "13B", "220", "23F", "35A", "250"])
def test_locations(code: str) -> None:
    rows = offense().filter(pl.col("main") == code).unique("incident_id")
    assert_shares(rows["location_code"], "location", code)


@pytest.mark.parametrize(
    ("quantity", "code"),
    [
        *(("weapon", code) for code in ("13A", "13B", "120", "520")),
        *(("activity", code) for code in ("13B", "35A", "280", "720")),
        *(("using", code) for code in ("13A", "35A", "290")),
        ("bias", "13B"),
    ],
)
def test_codes_of_offenses(quantity: str, code: str) -> None:
    """At least the share of first codes holds each code, and at most a tenth more for the further ones."""
    rows = with_code(f"offense_{quantity}", code)
    distribution = marginal(quantity)
    n = rows["offense_id"].n_unique()
    for value, share in zip(distribution.values, distribution.shares[row_of(distribution, code)], strict=True):
        observed = (rows[f"{quantity}_code"] == value).sum() / n
        error = STANDARD_ERRORS * np.sqrt(share * (1 - share) / n) + 0.5 / n
        assert share - error <= observed <= share + error + 0.1 * (1 - share), value


@pytest.mark.parametrize("code", ["11A", "120", "220", "23C", "290"])
def test_victims(code: str) -> None:
    rows = victims().filter(pl.col("main") == code)
    assert_shares(rows["victim_type_code"], "victim_type", code)
    people = rows.filter(pl.col("victim_type_code") == "I")
    if people.height > 1000:
        assert_shares(people["sex_code"], "victim_sex", code, missing=("U",))
        assert_shares(people["race_code"], "victim_race", code, missing=("U",))
    assert_shares(rows.group_by("incident_id").len()["len"], "victims")


@pytest.mark.parametrize(
    ("role", "code"), [("victim", "13B"), ("victim", "11A"), ("victim", "23H"), ("offender", "23C")]
)
def test_ages(role: str, code: str) -> None:
    ages = with_main(segments()[role], code)["age_years"].drop_nulls()
    own = table("quantile").filter(pl.col("quantity") == f"{role}_age")
    quantiles = own.filter(pl.col("given") == (code if code in own["given"] else "*"))
    for probability, years in (
        quantiles.filter(pl.col("probability").is_between(0.01, 0.99)).select("probability", "value").iter_rows()
    ):
        error = np.sqrt(probability * (1 - probability) / len(ages))
        # Infants and those over 98 have no age in years.
        assert abs((ages < years).mean() - probability) <= STANDARD_ERRORS * error + 0.01


@pytest.mark.parametrize("code", ["13B", "120"])
def test_relationships(code: str) -> None:
    of_victim = victims().filter((pl.col("main") == code) & (pl.col("victim_type_code") == "I")).select("victim_id")
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


def test_group_b() -> None:
    assert_shares(segments()["arrestee"].filter("is_group_b")["offense_code"], "group_b")


def test_drugs() -> None:
    drug = segments()["drug"]
    single = drug.filter(pl.len().over("property_id") == 1)
    assert_shares(single["drug_code"], "drug")
    assert_shares(drug["measure_code"], "drug_measure")


@pytest.mark.parametrize("code", ["77", "20", "03", "36"])
def test_values_are_lognormal(code: str) -> None:
    """Their logarithms have the median and the quartiles of the file's normal distribution."""
    stolen = segments()["property_item"].join(segments()["property"].filter(pl.col("loss_code") == 7), on="property_id")
    values = stolen.filter((pl.col("description_code") == code) & (pl.col("value_usd") > 1))["value_usd"].to_numpy()
    median, sigma = table("item_value").filter(pl.col("description_code") == code).select("median_usd", "sigma").row(0)
    for probability, z in ((0.25, -0.6745), (0.5, 0.0), (0.75, 0.6745)):
        below = (values < median * np.exp(z * sigma)).mean()
        assert abs(below - probability) <= STANDARD_ERRORS * np.sqrt(probability * (1 - probability) / len(values))


@pytest.mark.parametrize(
    ("item", "role", "column", "code"),
    [("victim_age", "victim", "age_code", "00"), ("victim_race", "victim", "race_code", "U")],
)
def test_missing_items(item: str, role: str, column: str, code: str) -> None:
    """As many are missing as the probabilities say, and their mean over agencies and offenses is the file's share."""
    people = victims().filter(pl.col("victim_type_code").is_in(["I", "L"]))
    arrests = segments()["arrestee"]["incident_id"].drop_nulls().unique()
    has_arrest = people["incident_id"].is_in(arrests.implode()).to_numpy()
    main = people["main"].replace_strict({code: offense_number(code) for code in people["main"].unique()}).to_numpy()
    circumstances = Circumstances(main, has_arrest)
    probability = missing_probability(item, SEED, people["agency_id"].to_numpy(), circumstances.effect(item, SEED))
    error = np.sqrt((probability * (1 - probability)).sum())
    assert abs((people[column] == code).sum() - probability.sum()) <= STANDARD_ERRORS * error
    share = table("missing").filter(pl.col("item") == item)["share"].sum()
    # Many states, of which each has its own effect.
    agencies = np.arange(20_000) * 1_000_003
    offenses = Circumstances(np.arange(20_000), np.zeros(20_000, dtype=np.bool_))
    over_agencies = missing_probability(item, SEED, agencies, offenses.effect(item, SEED) - NO_ARREST)
    assert over_agencies.mean() == pytest.approx(share, rel=0.05)
    logit = np.log(over_agencies / (1 - over_agencies))
    assert logit.std() == pytest.approx(np.sqrt(SIGMA**2 + SIGMA_OF_STATE**2 + SIGMA_OF_OFFENSE**2), rel=0.03)


def test_arrest_lag() -> None:
    arrests = segments()["arrestee"].join(segments()["incident"], on="incident_id")
    lag = (arrests["arrest_date"] - arrests["incident_date"]).dt.total_days()
    for days, share in ((1, 0.812), (5, 0.9), (17, 0.95), (120, 0.99)):
        assert (lag < days).mean() == pytest.approx(
            share, abs=STANDARD_ERRORS * np.sqrt(share * (1 - share) / len(lag))
        )


def shares_of(rows: pl.Series) -> dict[str, float]:
    return dict(rows.cast(pl.String).value_counts(normalize=True).iter_rows())


#: What 15.3 gives for all incidents together follows from many distributions, so it is met but roughly: quantity,
#: segment, column, shares, and the largest difference.
OVERALL: list[tuple[str, str, dict[str, float], float]] = [
    ("victim", "victim_type_code", {"I": 0.687, "S": 0.171, "B": 0.122, "U": 0.008, "O": 0.005, "G": 0.004}, 0.07),
    ("offense_weapon", "weapon_code", {"40": 0.573, "90": 0.102, "12": 0.085, "95": 0.069, "20": 0.036}, 0.05),
    ("victim_injury", "injury_code", {"N": 0.538, "M": 0.401, "O": 0.027, "L": 0.015, "B": 0.007, "I": 0.006}, 0.05),
    ("victim_circumstance", "circumstance_code", {"1": 0.538, "10": 0.219, "9": 0.172, "6": 0.037, "2": 0.024}, 0.03),
    ("offense_bias", "bias_code", {"88": 0.949, "99": 0.05}, 0.005),
    ("offense_using", "using_code", {"N": 0.939, "D": 0.053, "A": 0.007, "C": 0.002}, 0.02),
    ("offense_activity", "activity_code", {"N": 0.509, "P": 0.444, "U": 0.019, "D": 0.017}, 0.13),
    ("property", "loss_code", {"7": 0.496, "6": 0.189, "4": 0.154, "5": 0.101, "1": 0.045, "3": 0.015}, 0.09),
    ("offender", "sex_code", {"M": 0.547, "F": 0.231, "U": 0.223}, 0.04),
    ("drug", "drug_code", {"E": 0.599, "L": 0.181, "P": 0.045, "H": 0.036, "A": 0.034, "B": 0.028}, 0.05),
    ("arrestee_weapon", "weapon_code", {"01": 0.945, "12": 0.024, "16": 0.015}, 0.01),
]


@pytest.mark.parametrize(("segment", "column", "shares", "tolerance"), OVERALL, ids=[case[0] for case in OVERALL])
def test_overall_shares(segment: str, column: str, shares: dict[str, float], tolerance: float) -> None:
    observed = shares_of(segments()[segment][column].drop_nulls())
    for value, share in shares.items():
        assert observed.get(value, 0.0) == pytest.approx(share, abs=tolerance), value


@pytest.mark.parametrize(
    ("segment", "shares"),
    [
        ("offense", {"1": 0.855, "2": 0.129, "3": 0.014}),
        ("victim", {"1": 0.921, "2": 0.069, "3": 0.008}),
    ],
)
def test_rows_per_incident(segment: str, shares: dict[str, float]) -> None:
    observed = shares_of(segments()[segment].group_by("incident_id").len()["len"])
    for value, share in shares.items():
        assert observed[value] == pytest.approx(share, abs=0.015)


def test_companions() -> None:
    mains = offense().unique("incident_id")["main"].value_counts()
    shares = dict(zip(table("offense")["offense_code"], main_shares(), strict=True))
    for main, companion, per_1000 in table("companion").select(pl.exclude("source")).iter_rows():
        n = mains.filter(pl.col("main") == main)["count"].item()
        observed = offense().filter((pl.col("main") == main) & (pl.col("offense_code") == companion)).height / n
        share = per_1000 / 1000 / shares[main]
        assert 0 < share < 1
        assert abs(observed - share) <= STANDARD_ERRORS * np.sqrt(share * (1 - share) / n), (main, companion)


def test_days() -> None:
    """Months have the shares of their means; within a month, days have those of their weekdays."""
    incidents = latent_incidents(agencies(), YEAR, SEED)
    means = monthly_means(agencies(), YEAR, SEED).sum(axis=(0, 1))
    counts = np.bincount(incidents["month"].to_numpy() - 1, minlength=12)
    assert (np.abs(counts - means) <= STANDARD_ERRORS * np.sqrt(means)).all()
    assert (incidents["incident_date"].dt.month() == incidents["month"]).all()
    assert (incidents["incident_date"].dt.year() == YEAR).all()
    days = incidents.group_by("incident_date", "month").len()
    # What a day has beside its month's mean, by weekday.
    beside = days.with_columns(share=pl.col("len") / pl.col("len").sum().over("month")).with_columns(
        usual=pl.col("share") * pl.len().over("month"), weekday=pl.col("incident_date").dt.weekday()
    )
    weekday = beside.group_by("weekday").agg(pl.col("usual").mean()).sort("weekday")["usual"].to_numpy()
    assert weekday / weekday.sum() == pytest.approx(marginal("weekday").shares[0], abs=0.004)


def test_mix_of_main_offenses() -> None:
    """Within a class of crime, the main offenses have the file's shares."""
    counts = annual_counts(agency_frame(YEAR, SEED, 1.0), YEAR, SEED).sum(axis=0)
    of_class, share = shares_within_classes()
    total = np.bincount(of_class, counts)[of_class]
    error = np.sqrt(share * (1 - share) / total)
    assert (np.abs(counts / total - share) <= STANDARD_ERRORS * error + 0.5 / total).all()
    assert np.bincount(of_class, share) == pytest.approx(np.ones(8))


def test_offenses_outside_part_one() -> None:
    """They are as many to one of Part I in the nation's means as main offenses are in the file."""
    usual = usual_crime(agency_frame(YEAR, SEED, 1.0), SEED).by_class.sum(axis=0)
    of_class, _ = shares_within_classes()
    shares = np.bincount(of_class, main_shares())
    assert usual[-1] / usual[:-1].sum() == pytest.approx(shares[-1] / shares[:-1].sum(), rel=0.05)
