"""Crimes of every eligible agency in a full year, to which weights are calibrated (handbook 06).

Each source gives *candidates*: agency and year with the crimes of twelve months. An agency takes the first that it has:
its own Return A of a recent year, the file of smoothed counts, or its own incidents, brought to a year.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from nibrs_estimation.model.agency import HISTORY_YEARS
from nibrs_estimation.model.benchmark import CRIMES, PROPERTY, VIOLENT
from nibrs_estimation.model.completeness import MIN_MONTHS_REPORTED
from nibrs_estimation.model.fields import MONTHS
from nibrs_estimation.model.return_a import ITEMS_OF_CRIME, OFFENSES_OF_CRIME

#: Summary reports of earlier years are in the file of smoothed counts.
FIRST_RECENT_YEAR = 2022
#: The periods of that file, in order of preference (handbook 06).
SMOOTHED = "smoothed"
PERIODS = ("2020", "2019", "2018", "2017", "2016", SMOOTHED)
SOURCES = ("recent", "smoothed", "own")
#: The crimes of which all others are sums.
COUNTS = tuple(CRIMES[crime] for crime in OFFENSES_OF_CRIME)
#: Pairs of columns by which agencies are matched, of the agency and of the file, in order of preference.
MATCHES = (("ori", "ori"), ("legacy_ori", "ori"), ("legacy_ori", "legacy_ori"))
#: Counts are of a full year if scaling them to twelve months changes them by no more than this.
FULL_YEAR_TOLERANCE = 1e-9
#: Largest difference between the file's total and the sum of its parts that is not reported: parts are rounded.
TOTAL_TOLERANCE = 1.0
CANDIDATE = {
    "agency_id": pl.Int32(),
    "benchmark_source": pl.String(),
    "benchmark_year": pl.Int16(),
    "is_full_year": pl.Boolean(),
    "benchmark_months": pl.Int8(),
    **dict.fromkeys(COUNTS, pl.Float64()),
}
Issue = tuple[str, int, str | None, str]


def issue(name: str, rows: pl.DataFrame, rule: str) -> list[Issue]:
    """One issue for all rows, with the ``ori`` of the first row; an empty list if there are no rows."""
    return [(name, rows.height, rows["ori"][0], rule)] if rows.height else []


@dataclass(frozen=True)
class SmoothedCounts:
    """Data of the agencies of the frame in the file of smoothed counts.

    Attributes:
        candidates: periods of agencies that can be used.
        totals: ``agency_id`` and ``smoothed_total``, the total of its period `smoothed`, if it is a number.
        issues: problems found in the file.
    """

    candidates: pl.DataFrame
    totals: pl.DataFrame
    issues: list[Issue]


def read_smoothed_counts(srs_benchmark: pl.LazyFrame, agencies: pl.DataFrame) -> SmoothedCounts:
    """Find the agencies in the file of smoothed counts, with their counts scaled to twelve months.

    A period can be used if it has the total and some of its parts, and all are finite; an absent part counts as 0. Sums
    in the file are not used, except that the total shows whether counts are of a full year (handbook 06).

    Args:
        srs_benchmark: dataset of that name.
        agencies: ``agency_id``, ``ori`` and ``legacy_ori`` of the frame, sorted by agency_id.
    """
    rows = srs_benchmark.collect()
    pairs, issues = match_file(rows, agencies)
    n, crime = pl.col("n_twelve_months"), pl.col("crime_type")
    of_total = crime == "total"
    periods = (
        rows.filter(pl.col("period").is_in(PERIODS) & crime.is_in(["total", *OFFENSES_OF_CRIME]))
        .rename({"ori": "file_ori"})
        .join(pairs, on="file_ori")
        .group_by("agency_id", "period")
        .agg(
            *(n.filter(crime == code).sum().alias(CRIMES[code]) for code in OFFENSES_OF_CRIME),
            total=n.filter(of_total).first(),
            reported_total=pl.col("n_reported").filter(of_total).first(),
            has_parts=(~of_total).any(),
            has_total=of_total.any(),
            is_faulty=~n.is_finite().fill_null(False).all(),
        )
    )
    total = pl.col("total")
    tolerance = FULL_YEAR_TOLERANCE * pl.max_horizontal(total.abs(), 1.0)
    candidates = periods.filter(pl.col("has_total") & pl.col("has_parts") & ~pl.col("is_faulty")).with_columns(
        benchmark_source=pl.lit("smoothed"),
        benchmark_year=pl.col("period").cast(pl.Int16, strict=False),
        is_full_year=((pl.col("reported_total") - total).abs() <= tolerance).fill_null(False),
        benchmark_months=pl.lit(None, pl.Int8),
    )
    without_numbers = periods.filter("is_faulty" | (pl.col("has_total") & ~pl.col("has_parts")))
    inconsistent = candidates.filter((total - sum_of((*VIOLENT, *PROPERTY))).abs() > TOTAL_TOLERANCE)
    issues += issue(
        "benchmark without numbers",
        agencies.join(without_numbers, on="agency_id", how="semi", maintain_order="left"),
        "A period of srs_benchmark with a number that is missing or not finite, or with a total without parts, is left "
        "out: the next period or source is taken.",
    )
    issues += issue(
        "benchmark total unlike its parts",
        agencies.join(inconsistent, on="agency_id", how="semi", maintain_order="left"),
        "Totals are computed again from the parts (handbook 06).",
    )
    return SmoothedCounts(
        candidates.select(pl.col(name).cast(dtype) for name, dtype in CANDIDATE.items()),
        periods.filter((pl.col("period") == SMOOTHED) & total.is_finite()).select("agency_id", smoothed_total="total"),
        issues,
    )


def match_file(rows: pl.DataFrame, agencies: pl.DataFrame) -> tuple[pl.DataFrame, list[Issue]]:
    """Find the agencies in the file by ORI, otherwise by legacy ORI (handbook 06): ``agency_id``, ``file_ori``.

    An agency that is found by one rule is not searched by the next. Counts that match several agencies are given to
    none of them. If several match one agency, those with the first ORI are used.
    """
    filed = rows.group_by(file_ori="ori").agg(file_legacy_ori=pl.col("legacy_ori").min()).sort("file_ori")
    left, unmatched, found, shared = filed, agencies, [], []
    for ours, theirs in MATCHES:
        pairs = _pairs(unmatched, left, ours, theirs)
        is_shared = pl.col("file_ori").is_duplicated()
        shared.append(pairs.filter(is_shared))
        found.append(pairs.filter(~is_shared).sort("agency_id", "file_ori").unique("agency_id", keep="first"))
        unmatched = unmatched.join(found[-1], on="agency_id", how="anti", maintain_order="left")
        left = left.join(pl.concat([found[-1], shared[-1]]), on="file_ori", how="anti", maintain_order="left")
    again = pl.concat([_pairs(agencies, left, ours, theirs) for ours, theirs in MATCHES])
    outside = left.join(again, on="file_ori", how="anti", maintain_order="left")
    return pl.concat(found), [
        *issue(
            "benchmark of an agency outside the frame",
            outside.rename({"file_ori": "ori"}),
            "Ignored: no eligible agency has this ORI or legacy ORI.",
        ),
        *issue(
            "benchmark of several agencies",
            agencies.join(pl.concat(shared), on="agency_id", how="semi", maintain_order="left"),
            "Given to none of them: they share the ORI or legacy ORI of srs_benchmark, and the next source is taken.",
        ),
        *issue(
            "several benchmarks of one agency",
            agencies.join(again, on="agency_id", how="semi", maintain_order="left"),
            "One is taken: that of its ORI before those of its legacy ORI, then the first by ORI.",
        ),
    ]


def _pairs(agencies: pl.DataFrame, filed: pl.DataFrame, ours: str, theirs: str) -> pl.DataFrame:
    pairs = agencies.select("agency_id", key=ours).join(filed.with_columns(key=f"file_{theirs}"), on="key")
    return pairs.select("agency_id", "file_ori")


def recent_candidates(
    report_month: pl.LazyFrame,
    srs_month: pl.LazyFrame,
    agencies: pl.DataFrame,
    year: int,
    first_year: int = FIRST_RECENT_YEAR,
) -> tuple[pl.DataFrame, list[Issue]]:
    """Summary reports since ``first_year``, at most five years, with at least three months, scaled to twelve months.

    A month counts only if a summary form was received, even an empty one. A year for which the run has no summary
    counts at all is skipped, because its empty months are unknown, not 0.
    """
    years = [each for each in range(year, year - HISTORY_YEARS, -1) if each >= first_year]
    key = ["agency_id", "data_year"]
    forms = (
        report_month.filter((pl.col("form_code") == "R") & pl.col("data_year").is_in(years))
        .filter(pl.col("month").is_in(MONTHS))
        .select(*key, "month")
        .unique()
        .filter(pl.len().over(key) >= MIN_MONTHS_REPORTED)
        .collect()
        .join(agencies, on="agency_id", how="semi")
    )
    counts = srs_month.filter(pl.col("data_year").is_in(years)).collect()
    is_counted = pl.col("data_year").is_in(counts["data_year"].unique().implode())
    items = pl.DataFrame(
        [(item, sign, CRIMES[crime]) for crime, members in ITEMS_OF_CRIME.items() for item, sign in members.items()],
        schema={"item_code": pl.Int8(), "sign": pl.Int8(), "crime": pl.String()},
        orient="row",
    )
    months = forms.filter(is_counted)
    signed = counts.join(months, on=[*key, "month"], how="semi").join(items, on="item_code")
    sums = _wide(signed.with_columns(n=pl.col("n") * pl.col("sign").cast(pl.Int32)), key)
    n_months = months.group_by(key).len("n_months").join(sums, on=key, how="left")
    scale = len(MONTHS) / pl.col("n_months")
    candidates = n_months.select(
        "agency_id",
        benchmark_source=pl.lit("recent"),
        benchmark_year="data_year",
        is_full_year=pl.col("n_months") == len(MONTHS),
        benchmark_months=pl.lit(None, pl.Int8),
        **{count: pl.col(count).fill_null(0.0) * scale for count in COUNTS},
    )
    return candidates, issue(
        "summary reports of a year without counts",
        agencies.join(forms.filter(~is_counted), on="agency_id", how="semi", maintain_order="left"),
        "The year is skipped: srs_month has no row for it.",
    )


def completed_candidates(
    respondents: pl.DataFrame,
    own: pl.DataFrame,
    block_reference: pl.LazyFrame,
    agency_month_offense: pl.LazyFrame,
    year: int,
) -> pl.DataFrame:
    """The offenses of the data year of respondents: of their own months that count, and what was filled.

    Args:
        respondents: ``agency_id`` and ``is_full_year``.
        own: ``agency_id`` and ``month`` of the months that were reported and not filled.
        block_reference: dataset of that name.
        agency_month_offense: dataset of that name.
        year: the data year.
    """
    month = ["agency_id", "month"]
    added = block_reference.select(*month, giver_id="donor_agency_id", scale="scale").collect()
    used = pl.concat([own.select(*month, giver_id="agency_id", scale=pl.lit(1.0)), added]).join(
        respondents, on="agency_id", how="semi"
    )
    counts = crime_counts(agency_month_offense, year).rename({"agency_id": "giver_id"})
    scaled = counts.join(used, on=["giver_id", "month"]).with_columns(pl.col("n") * pl.col("scale"))
    sums = _wide(scaled, ["agency_id"])
    months = own.group_by("agency_id").agg(benchmark_months=pl.len().cast(pl.Int8))
    return (
        respondents.join(sums, on="agency_id", how="left")
        .join(months, on="agency_id", how="left")
        .select(
            "agency_id",
            "is_full_year",
            "benchmark_months",
            benchmark_source=pl.lit("own"),
            benchmark_year=pl.lit(year, pl.Int16),
            **{count: pl.col(count).fill_null(0.0) for count in COUNTS},
        )
        .select(CANDIDATE.keys())
    )


def rate_candidates(known: pl.DataFrame, agency_month_offense: pl.LazyFrame, year: int) -> pl.DataFrame:
    """The offenses of an agency's known months over the share of a normal year that falls in them.

    Args:
        known: ``agency_id``, ``month``, ``known_part`` and ``month_share`` of months of the year; those of which no
            part is known do not count.
        agency_month_offense: dataset of that name.
        year: whose months they are.
    """
    used = known.filter(pl.col("known_part") > 0)
    shares = (
        used.sort("agency_id", "month")
        .group_by("agency_id", maintain_order=True)
        .agg(share=(pl.col("known_part") * pl.col("month_share")).sum(), benchmark_months=pl.len().cast(pl.Int8))
    )
    counts = crime_counts(agency_month_offense, year).join(used, on=["agency_id", "month"], how="semi")
    return (
        shares.join(_wide(counts, ["agency_id"]), on="agency_id", how="left")
        .select(
            "agency_id",
            "benchmark_months",
            benchmark_source=pl.lit("own"),
            benchmark_year=pl.lit(year, pl.Int16),
            is_full_year=pl.col("benchmark_months") == len(MONTHS),
            **{count: pl.col(count).fill_null(0.0) / pl.col("share") for count in COUNTS},
        )
        .select(CANDIDATE.keys())
    )


def crime_counts(agency_month_offense: pl.LazyFrame, year: int) -> pl.DataFrame:
    """Offenses of a year by agency, month and crime: ``agency_id``, ``month``, ``crime``, ``n`` and ``n_summary``."""
    crimes = {offense: CRIMES[crime] for crime, members in OFFENSES_OF_CRIME.items() for offense in members}
    return (
        # Numbers below 0 are no counts; stage completeness lists them.
        agency_month_offense.filter((pl.col("data_year") == year) & (pl.col("n") > 0))
        .filter(pl.col("offense_code").is_in(list(crimes)))
        .select("agency_id", "month", "n", "n_summary", crime=pl.col("offense_code").replace_strict(crimes))
        .collect()
    )


def _wide(counts: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Sums of ``n`` by key, a column for each of :data:`COUNTS` that ``crime`` names."""
    # Sorted, as the sum of numbers that are not whole depends on their order.
    ordered = counts.with_columns(pl.col("n").cast(pl.Float64)).sort(*key, "crime", "month", "n")
    sums = ordered.group_by(*key, "crime", maintain_order=True).agg(pl.col("n").sum())
    return sums.group_by(key).agg(pl.col("n").filter(pl.col("crime") == count).sum().alias(count) for count in COUNTS)


def first_candidates(agencies: pl.DataFrame, candidates: list[pl.DataFrame]) -> pl.DataFrame:
    """The first candidate of every agency, in the order of :data:`SOURCES` and then the newest; missing without any.

    Args:
        agencies: of the frame, by agency_id; their columns are kept.
        candidates: what the sources have, of any agency.
    """
    order = pl.col("benchmark_source").replace_strict(SOURCES, range(len(SOURCES)), return_dtype=pl.Int8)
    first = (
        pl.concat(candidates)
        .sort("agency_id", order, -pl.col("benchmark_year").cast(pl.Int32), nulls_last=True)
        .unique("agency_id", keep="first", maintain_order=True)
    )
    return agencies.join(first, on="agency_id", how="left", maintain_order="left")


def without_negatives(given: pl.DataFrame) -> tuple[pl.DataFrame, list[Issue]]:
    """Benchmarks whose negative counts are 0."""
    negative = given.filter(pl.any_horizontal(pl.col(COUNTS) < 0))
    rule = "Set to 0 after the months were added up: a year has no negative crime."
    return given.with_columns(pl.col(COUNTS).clip(lower_bound=0.0)), issue("negative count", negative, rule)


def with_sums(given: pl.DataFrame) -> tuple[pl.DataFrame, list[Issue]]:
    """Benchmarks of all agencies with the sums of their crimes: columns of dataset ``weighting_frame``."""
    completed = given.with_columns(
        n_violent=sum_of(VIOLENT),
        n_property=sum_of(PROPERTY),
        n_assault=sum_of(("aggravated_assault", "simple_assault")),
    ).with_columns(n_total=pl.col("n_violent") + pl.col("n_property"))
    names = ["benchmark_source", "benchmark_year", "benchmark_months", "benchmark_donor_id", *CRIMES.values()]
    rule = "Kept: small agencies have such years. The agency adds nothing to the totals of its weight group."
    return completed.select("agency_id", *names), issue(
        "no crime in a year", completed.filter(pl.col("n_total") == 0), rule
    )


def sum_of(crimes: tuple[str, ...]) -> pl.Expr:
    """The sum of some crimes in a row."""
    return pl.sum_horizontal(CRIMES[crime] for crime in crimes)
