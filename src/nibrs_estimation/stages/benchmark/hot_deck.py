"""Benchmarks of agencies that have none of their own: of a donor, or of their class (handbook 06)."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.stages.benchmark.benchmark import COUNTS, Issue, issue
from nibrs_estimation.stats import random

#: Class of the reference's hot deck that stands in where a class has no agency with a benchmark: cities under 2,500.
CLASS_OF_LAST_RESORT = 7
#: A donor has at most so many times the residents of the recipient, and at least one part in so many.
LARGEST_RATIO = 3.0


def donors_of_class(agencies: pl.DataFrame, seed: int) -> tuple[pl.DataFrame, list[Issue]]:
    """Benchmarks by the reference's rule: of any agency of the class, whatever its size.

    Args:
        agencies: ``agency_id``, ``ori``, ``population_group_code``, ``benchmark_source`` (missing without benchmark),
            ``is_full_year`` and crimes, by agency_id.
        seed: of the run.

    Raises:
        PipelineError: there are agencies, but none has a benchmark.
    """
    donor, issues = draw_donors(agencies, seed)
    return _with_donors(agencies, donor), issues


def near_donors(agencies: pl.DataFrame, seed: int) -> tuple[pl.DataFrame, list[Issue]]:
    """Benchmarks of a donor that is near, or of the class.

    A donor is of the same class, region and kind of agency and has at most three times the residents of the recipient,
    and at least a third; of agencies without residents, it has none either. Where there is no such agency, the crimes
    are those of the class per resident, or per agency without residents; of a class without any benchmark, those of
    all agencies.

    Args:
        agencies: as for :func:`donors_of_class`, with ``region_code``, ``agency_type_name`` and ``population``.
        seed: of the run.

    Raises:
        PipelineError: there are agencies, but none has a benchmark.
    """
    has_benchmark = _require_any(agencies)
    classes, population = _hot_deck_classes(agencies), agencies["population"].fill_null(0).to_numpy()
    has_residents = population > 0
    kind = agencies["agency_type_name"].fill_null("").rank("dense").to_numpy()
    region = agencies["region_code"].fill_null(0).to_numpy()
    # Cities and counties are told apart by their class; only agencies without residents need a kind of their own.
    group = np.unique(
        np.column_stack([classes, region, has_residents, np.where(has_residents, 0, kind)]), axis=0, return_inverse=True
    )[1].ravel()
    size = np.log(np.maximum(population, 1.0))
    givers = np.flatnonzero(has_benchmark)
    givers = givers[np.lexsort((givers, size[givers], group[givers]))]
    # Groups are farther apart than sizes within one, so that one search finds group and size.
    step = 4 * (size.max(initial=0.0) + np.log(LARGEST_RATIO) + 1)
    key, limit = group * step + size, np.log(LARGEST_RATIO) + 1e-9
    wanted = np.flatnonzero(~has_benchmark)
    first = np.searchsorted(key[givers], key[wanted] - limit, side="left")
    number = np.searchsorted(key[givers], key[wanted] + limit, side="right") - first
    point = random.uniform(seed, "near donor", agencies["agency_id"].to_numpy()[wanted])
    drawn = first + np.floor(point * number).astype(np.int64)
    donor = np.full(agencies.height, -1)
    donor[wanted[number > 0]] = givers[drawn[number > 0]]
    alone = wanted[number == 0]
    rates = _class_rates(agencies, classes, has_residents, population, has_benchmark, alone)
    given = _with_donors(agencies, donor).with_row_index("row").join(rates, on="row", how="left", suffix="_of_class")
    is_alone = pl.col("row").is_in(alone)
    given = given.with_columns(
        pl.when(is_alone).then(pl.lit("class_rate")).otherwise("benchmark_source").alias("benchmark_source"),
        *(pl.coalesce(count, f"{count}_of_class").alias(count) for count in COUNTS),
    ).drop("row", *(f"{count}_of_class" for count in COUNTS))
    return given, [
        *issue(
            "no month of its own",
            agencies.filter(pl.Series(donor >= 0)),
            "Benchmark of a donor of its class and region with a third to three times its residents (handbook 06).",
        ),
        *issue(
            "no donor near enough",
            agencies.filter(is_in(alone, agencies.height)),
            "Benchmark from the crimes of its class per resident, or per agency without residents (handbook 06).",
        ),
    ]


def is_in(rows: NDArray[np.int64], height: int) -> pl.Series:
    """Which rows of a table are listed."""
    listed = np.zeros(height, dtype=np.bool_)
    listed[rows] = True
    return pl.Series(listed)


def _class_rates(
    agencies: pl.DataFrame,
    classes: NDArray[np.int64],
    has_residents: NDArray[np.bool_],
    population: NDArray[np.float64],
    has_benchmark: NDArray[np.bool_],
    wanted: NDArray[np.int64],
) -> pl.DataFrame:
    """Crimes of some agencies by the rates of their class: ``row`` and a column for each crime."""
    counts, size = agencies.select(COUNTS).to_numpy(), np.where(has_residents, population, 1.0)
    found = np.zeros((len(wanted), len(COUNTS)))
    pairs = np.column_stack([classes[wanted], has_residents[wanted]])
    for number, lives in np.unique(pairs, axis=0):
        same = has_benchmark & (has_residents == lives)
        pool = same & (classes == number)
        pool = next(each for each in (pool, same, has_benchmark) if each.any())
        rate = counts[pool].sum(axis=0) / size[pool].sum()
        of_pair = (pairs == (number, lives)).all(axis=1)
        found[of_pair] = rate * size[wanted[of_pair]][:, None]
    return pl.DataFrame({"row": pl.Series(wanted, dtype=pl.UInt32)}).hstack(pl.DataFrame(found, schema=list(COUNTS)))


def _with_donors(agencies: pl.DataFrame, donor: NDArray[np.int64]) -> pl.DataFrame:
    """Benchmarks with those of donors: ``donor`` is the position of each, -1 for none."""
    is_recipient = pl.Series(donor >= 0)
    position = np.where(donor >= 0, donor, np.arange(agencies.height))
    return agencies.with_columns(
        pl.when(is_recipient).then(pl.lit("donor")).otherwise("benchmark_source").alias("benchmark_source"),
        pl.when(is_recipient).then(pl.col("agency_id").gather(position)).alias("benchmark_donor_id"),
        *(pl.col(count).gather(position) for count in COUNTS),
    )


def _require_any(agencies: pl.DataFrame) -> NDArray[np.bool_]:
    has_benchmark = agencies["benchmark_source"].is_not_null().to_numpy()
    if not has_benchmark.any():
        raise PipelineError(
            f"None of the {agencies.height} eligible agencies has counts to which weights could be calibrated: no "
            "summary reports of recent years, no smoothed counts, no respondent. Name the file of smoothed counts as "
            "srs_smoothed in external_file_locations.json, or check the data year and the source."
        )
    return np.asarray(has_benchmark)


def draw_donors(agencies: pl.DataFrame, seed: int) -> tuple[NDArray[np.int64], list[Issue]]:
    """A donor for every agency without benchmark, drawn from its class (handbook 06): its position, -1 for others.

    Donors have counts of a full year. Where a class has none of them, anybody of the class gives; where nobody of it
    has a benchmark, cities under 2,500 do, otherwise any agency.

    Args:
        agencies: ``agency_id``, ``ori``, ``population_group_code``, ``benchmark_source`` (missing without benchmark)
            and ``is_full_year``, by agency_id.
        seed: of the run.

    Raises:
        PipelineError: there are agencies, but none has a benchmark.
    """
    has_benchmark = _require_any(agencies)
    is_full = agencies["is_full_year"].fill_null(False).to_numpy()
    classes = _hot_deck_classes(agencies)
    point = random.uniform(seed, "hot deck", agencies["agency_id"].to_numpy())
    donor, rule = (np.full(agencies.height, -1) for _ in range(2))
    for number in np.unique(classes[~has_benchmark]):
        in_class = classes == number
        pools = (
            in_class & has_benchmark & is_full,
            in_class & has_benchmark,
            (classes == CLASS_OF_LAST_RESORT) & has_benchmark,
            has_benchmark,
        )
        used = next(place for place, pool in enumerate(pools) if pool.any())
        donors, recipients = np.flatnonzero(pools[used]), np.flatnonzero(in_class & ~has_benchmark)
        donor[recipients] = donors[np.floor(point[recipients] * len(donors)).astype(np.int64)]
        rule[recipients] = used
    return donor, [
        *issue(
            "no benchmark of its own",
            agencies.filter(pl.Series(~has_benchmark)),
            "Counts of a donor drawn from the agencies of its population group (handbook 06).",
        ),
        *issue(
            "class without donor of a full year",
            agencies.filter(pl.Series(rule == 1)),
            "The donor is any agency of the population group with a benchmark.",
        ),
        *issue(
            "class without donor",
            agencies.filter(pl.Series(rule >= 2)),
            "The donor is a city under 2,500, otherwise any agency with a benchmark.",
        ),
    ]


def _hot_deck_classes(agencies: pl.DataFrame) -> NDArray[np.int64]:
    """Population groups without their subgroups: 1 to 7 cities, 8 non-MSA and 9 MSA counties; 0 for anything else."""
    groups = code_list("population_group").select(population_group_code="code", number=pl.col("parent_code"))
    joined = agencies.join(groups, on="population_group_code", how="left", maintain_order="left")
    return joined["number"].cast(pl.Int64).fill_null(0).to_numpy()
