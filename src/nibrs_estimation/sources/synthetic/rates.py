"""How much crime each agency sees in a usual year, by class of crime (sources/synthetic/README.md).

Agencies of a population group differ by lognormal effects, one for each class of crime, that are correlated: an agency
with many robberies has many burglaries, too. The rates, standard deviations and correlations are those of 2013.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl

from nibrs_estimation.sources.synthetic.marginals import Floats, Integers, offenses, parameter, table
from nibrs_estimation.stats import random

#: Classes of crime; the last holds every offense that is not one of the seven Part I offenses.
CLASSES = (
    "murder", "rape", "robbery", "aggravated_assault", "burglary", "larceny", "vehicle_theft", "other",
)  # fmt: skip
_PART_ONE = len(CLASSES) - 1
_KIND_OF_TYPE = {"University or College": "university", "Tribal": "tribal"}


@dataclass(frozen=True)
class UsualCrime:
    """Crime of a usual year of (n,) agencies at the national level of 2013.

    Attributes:
        by_class: (n, 8) mean offenses a year by class of crime, given the agency's own level.
        part_one: (n,) their sum over the seven Part I classes: the agency's size.
        log_effect: (n,) how far the agency's Part I offenses are above those of its group, as a logarithm.
        sigma: (n,) about the standard deviation of ``log_effect`` between the agencies of the group.
    """

    by_class: Floats
    part_one: Floats
    log_effect: Floats
    sigma: Floats


def usual_crime(agencies: pl.DataFrame, seed: int) -> UsualCrime:
    """The crime of a usual year of each agency, before changes from year to year and month to month.

    With residents it is residents times the rates of the group times the agency's effects, whose mean is 1; without,
    lognormal about the mean of the kind of agency. Some agencies see no crime at all.

    Args:
        agencies: rows of :func:`~nibrs_estimation.sources.synthetic.agency_frame`, or of its columns ``agency_id``,
            ``agency_type_name``, ``population_group_code`` and ``population``.
        seed: seed of the run.
    """
    unit = agencies["agency_id"].to_numpy()
    group_mean, variance = _by_group(agencies)
    # Part of the spread between agencies changes over the years: what is left is the agency's own level.
    own_variance = np.maximum(variance - drift_variance(group_mean), parameter("fixed_share_least") * variance)
    shocks = random.normal(seed, "agency_effect", unit[:, None], np.arange(len(CLASSES)))
    log_effect = np.sqrt(own_variance) * (shocks @ _cholesky().T) - own_variance / 2
    by_class = group_mean * np.exp(log_effect)
    crime_free = _crime_free_share(agencies)
    has_crime = random.uniform(seed, "crime_free", unit) >= crime_free
    part_one, expected = by_class[:, :_PART_ONE].sum(axis=1), group_mean[:, :_PART_ONE].sum(axis=1)
    of_total = group_mean[:, :_PART_ONE] / expected[:, None] * np.sqrt(own_variance[:, :_PART_ONE])
    correlation = _correlation()[:_PART_ONE, :_PART_ONE]
    return UsualCrime(
        by_class=by_class * has_crime[:, None],
        part_one=part_one * has_crime,
        log_effect=np.log(part_one / expected),
        sigma=np.sqrt(((of_total @ correlation) * of_total).sum(axis=1)),
    )


def drift_variance(offenses_a_year: Floats) -> Floats:
    """Variance of the log effect that changes over the years, by annual offenses of any shape.

    Two successive years differ by a standard deviation of ``drift_scale`` times a power of the offenses. The annual
    means of an effect that is an AR(1) at the starts of the years, and a straight line between, differ by
    (1 - memory²) / 2 of its variance.
    """
    size = np.maximum(offenses_a_year, parameter("drift_size_least"))
    yearly = (parameter("drift_scale") * size ** parameter("drift_exponent")) ** 2
    return np.asarray(yearly * 2 / (1 - parameter("drift_memory") ** 2), dtype=np.float64)


def shares_within_classes() -> tuple[Integers, Floats]:
    """The class of each offense of ``offense.csv``, and its share of the main offenses of the class: both (k,)."""
    place = {name: number for number, name in enumerate(CLASSES)}
    of_class = offenses()["crime_class"].replace_strict(place, return_dtype=pl.Int64).to_numpy()
    share = offenses()["main_share"].to_numpy()
    return of_class, share / np.bincount(of_class, share)[of_class]


def _by_group(agencies: pl.DataFrame) -> tuple[Floats, Floats]:
    """Mean offenses a year, and variance of the log effects, of agencies like each one: both (n, 8)."""
    rates, sigmas = _rates()
    groups = list(rates)
    place = agencies["population_group_code"].replace_strict({g: i for i, g in enumerate(groups)}, default=0).to_numpy()
    population = agencies["population"].to_numpy()
    mean = np.stack(list(rates.values()))[place] * population[:, None] / 1000
    sigma = np.stack(list(sigmas.values()))[place]
    has_none = population == 0
    own_mean, own_sigma = _without_residents(agencies.filter(pl.Series(has_none)))
    mean[has_none], sigma[has_none] = own_mean, own_sigma[:, None]
    return mean, sigma**2


@cache
def _rates() -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Offenses per 1,000 residents and standard deviations of the log effects by population group: (8,) each."""
    wide = {
        str(key[0]): (part["per_1000"].to_numpy(), part["sigma"].to_numpy())
        for key, part in table("crime_rate").group_by("population_group_code", maintain_order=True)
    }
    return {group: _with_other(rate[:_PART_ONE]) for group, (rate, _) in wide.items()}, {
        group: sigma for group, (_, sigma) in wide.items()
    }


def _with_other(part_one: Floats) -> Floats:
    """Add the offenses outside Part I, which are as many to one of Part I as main offenses are in ``offense.csv``."""
    shares = offenses().group_by("crime_class").agg(pl.col("main_share").sum())
    other = shares.filter(pl.col("crime_class") == CLASSES[-1])["main_share"].item()
    ratio = other / (shares["main_share"].sum() - other)
    return np.concatenate([part_one, ratio * part_one.sum(axis=-1, keepdims=True)], axis=-1)


def _kinds(agencies: pl.DataFrame) -> pl.Series:
    """The kind of agency without residents, as ``no_resident.csv`` names it."""
    kind = pl.col("agency_type_name").replace_strict(_KIND_OF_TYPE, default=None, return_dtype=pl.String)
    return agencies.select(kind=kind.fill_null(pl.col("population_group_code")))["kind"]


def _without_residents(agencies: pl.DataFrame) -> tuple[Floats, Floats]:
    """Mean offenses (n, 8) and standard deviation of the log effect (n,) of agencies without residents."""
    rows = pl.DataFrame({"kind": _kinds(agencies)}).join(
        table("no_resident"), on="kind", how="left", maintain_order="left"
    )
    sigma = rows["sigma"].to_numpy()
    mean = rows["part_one_median"].to_numpy() * np.exp(sigma**2 / 2)
    return _with_other(rows.select(CLASSES[:_PART_ONE]).to_numpy() * mean[:, None]), sigma


def _crime_free_share(agencies: pl.DataFrame) -> Floats:
    """The probability that an agency sees no crime in any year: (n,)."""
    rows = agencies.select("population", "population_group_code", kind=_kinds(agencies))
    rows = rows.join(
        table("population_group").select("population_group_code", of_group="crime_free_share"),
        on="population_group_code",
        how="left",
        maintain_order="left",
    ).join(
        table("no_resident").select("kind", of_kind="crime_free_share"), on="kind", how="left", maintain_order="left"
    )
    share = pl.when(pl.col("population") > 0).then("of_group").otherwise("of_kind")
    return np.asarray(rows.select(share.alias("share"))["share"].to_numpy(), dtype=np.float64)


@cache
def _correlation() -> Floats:
    """Correlations of the log effects of the classes: (8, 8)."""
    return table("crime_correlation").select(CLASSES).to_numpy()


@cache
def _cholesky() -> Floats:
    """Lower triangle whose product with independent normal numbers has the correlations of the classes: (8, 8)."""
    return np.asarray(np.linalg.cholesky(_correlation()), dtype=np.float64)
