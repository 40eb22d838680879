"""Officers and civilians of every agency, imputed if it sent no police employee report (handbook 01)."""

from __future__ import annotations

import numpy as np
import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.fields import MONTHS
from nibrs_estimation.model.universe import POLICE_EMPLOYEES
from nibrs_estimation.stats.imputation.pmm import Variable, impute
from nibrs_estimation.survey.covering import covered_populations
from nibrs_estimation.survey.eligibility import ineligible_reason, with_own_reports

MONTHS_PER_YEAR = len(MONTHS)
COUNTS = ("male_officers", "female_officers", "male_civilians", "female_civilians")
#: Smallest number of known months for which an annual total is computed.
MIN_MONTHS = 3
#: Subtype of all agencies that are not of type Other; types Other have a subtype by name.
NO_SUBTYPE = 100
CYCLES = 15

_TYPES = {
    "City": 1, "County": 2, "Federal": 3, "Other": 4, "Other State Agency": 4, "State Police": 6, "Tribal": 7,
    "University or College": 8,
}  # fmt: skip
_OTHER = _TYPES["Other"]
_CATEGORIES = ("agency_type", "population_group", "agency_subtype")
_FORCED = (*_CATEGORIES, "is_suburban", "has_no_population")


def impute_officers(
    agency: pl.LazyFrame,
    report_month: pl.LazyFrame,
    srs_month: pl.LazyFrame,
    agency_month_offense: pl.LazyFrame,
    year: int,
    seed: int,
) -> pl.DataFrame:
    """Impute officers and civilians of eligible agencies by predictive mean matching.

    A count of 0 is treated as missing if the agency sent no police employee report; all other reported counts are not
    changed. Counts and annual summary totals enter as log(1 + x) (handbook 01). Imputed values are values reported by
    other agencies. Nothing is imputed for agencies that are not eligible.
    """
    agency = with_own_reports(agency, agency_month_offense)
    agencies = agency.filter(pl.col("data_year") == year).sort("agency_id").collect()
    agencies = (
        agencies.join(covered_populations(agencies), on=["data_year", "agency_id"], maintain_order="left")
        .with_columns(agency_type=_agency_type(), is_eligible=ineligible_reason().is_null())
        .with_columns(agency_subtype=pl.when(pl.col("agency_type") == _OTHER).then(subtype()).otherwise(NO_SUBTYPE))
        .with_columns(pl.col(COUNTS).name.prefix("reported_"))
    )
    eligible = agencies.filter("is_eligible")
    completed = _completed(eligible, annual_totals(eligible, report_month, srs_month, year), seed)
    is_imputed = pl.any_horizontal(
        pl.col(f"imputed_{name}").ne_missing(pl.col(f"reported_{name}")) & pl.col("is_eligible").fill_null(False)
        for name in COUNTS
    )
    return POLICE_EMPLOYEES.cast(
        agencies.join(completed, on="agency_id", how="left", maintain_order="left")
        .with_columns(pl.coalesce(f"imputed_{name}", name).alias(name) for name in COUNTS)
        .with_columns(is_imputed=is_imputed)
    )


def subtype() -> pl.Expr:
    """Subtype of an agency by its names: the first pattern that a name matches, otherwise 21 (police) (table 1.A)."""
    names = [pl.col(f"{kind}_agency_name").str.strip_chars().str.to_uppercase() for kind in ("published", "ncic")]
    patterns = code_list("agency_subtype").select("subtype", "pattern").drop_nulls()
    return pl.coalesce(
        *(
            pl.when(pl.any_horizontal(name.str.contains(pattern).fill_null(False) for name in names)).then(int(number))
            for number, pattern in patterns.iter_rows()
        ),
        pl.lit(21),
    )


def reported_counts() -> list[pl.Expr]:
    """The four counts; a 0 without a police employee report is set to missing (handbook 01)."""
    return [pl.when(pl.col("has_police_employees") | (pl.col(name) > 0)).then(name).alias(name) for name in COUNTS]


def annual_totals(
    agencies: pl.DataFrame, report_month: pl.LazyFrame, srs_month: pl.LazyFrame, year: int
) -> pl.DataFrame:
    """Annual totals of the summary items, computed from the known months.

    A month is known if a report of either form was received, if the agency is covered, or if a count is above 0. The
    total is the sum over the known months x 12 / their number; with fewer than three known months it is 0.

    Args:
        agencies: ``agency_id`` and ``is_covered``, in any order.
        report_month: dataset of that name.
        srs_month: dataset of that name.
        year: data year.

    Returns:
        ``agency_id``, ``has_summary`` (the grand total has three known months) and ``srs_<item>``, one row for each
        agency, in the order of ``agencies``.
    """
    items = code_list("srs_item")["code"].cast(pl.Int8).sort()
    flags = report_month.filter(pl.col("data_year") == year).select("agency_id", "month").unique().collect()
    reported = agencies.select("agency_id", "is_covered").join(
        flags.group_by("agency_id").len(name="n_flags"), on="agency_id", how="left", maintain_order="left"
    )
    # An agency that is covered and sent no reports has true zeros (flag 9).
    reported = reported.with_columns(
        pl.when("is_covered")
        .then(pl.col("n_flags").fill_null(MONTHS_PER_YEAR))
        .otherwise(pl.col("n_flags").fill_null(0))
    )
    late = flags.with_columns(has_flag=pl.lit(True))
    counts = srs_month.filter(pl.col("data_year") == year).collect().join(late, on=["agency_id", "month"], how="left")
    sums = counts.group_by("agency_id", "item_code").agg(
        n=pl.col("n").sum(), n_late=((pl.col("n") > 0) & pl.col("has_flag").is_null()).sum()
    )
    full = reported.join(items.to_frame("item_code"), how="cross", maintain_order="left").join(
        sums, on=["agency_id", "item_code"], how="left", maintain_order="left"
    )
    known = (pl.col("n_flags") + pl.col("n_late").fill_null(0)).clip(upper_bound=MONTHS_PER_YEAR)
    total = pl.when(known >= MIN_MONTHS).then(pl.col("n").fill_null(0) * MONTHS_PER_YEAR / known).otherwise(0.0)
    wide = full.with_columns(
        total=total, is_known=known >= MIN_MONTHS, name="srs_" + pl.col("item_code").cast(pl.String)
    )
    has_summary = wide.filter(pl.col("item_code") == 25).select("agency_id", has_summary="is_known")
    return wide.pivot("name", index="agency_id", values="total").join(
        has_summary, on="agency_id", maintain_order="left"
    )


def _agency_type() -> pl.Expr:
    return pl.col("agency_type_name").replace_strict(_TYPES, default=_OTHER, return_dtype=pl.Int16)


def _completed(eligible: pl.DataFrame, totals: pl.DataFrame, seed: int) -> pl.DataFrame:
    """``agency_id`` and ``imputed_<count>`` of the eligible agencies; a count that no agency reported stays missing."""
    frame = eligible.with_columns(reported_counts()).join(totals, on="agency_id", maintain_order="left")
    targets = [name for name in COUNTS if frame[name].is_not_null().any()]
    plain = {
        "is_suburban": frame["is_suburban"],
        "has_no_population": frame["population"] == 0,
        "is_covering": frame["is_covering"],
        "has_summary": frame["has_summary"],
    }
    logs = ["population", *(name for name in frame.columns if name.startswith("srs_")), *targets]
    variables = {
        **{
            name: Variable(_numbers(frame[name].rank("dense") - 1), is_categorical=True)
            for name in ("agency_type", "agency_subtype")
        },
        "population_group": Variable(
            _numbers(frame["population_group_code"].fill_null("").rank("dense") - 1), is_categorical=True
        ),
        **{name: Variable(_numbers(values)) for name, values in plain.items()},
        # Totals may be negative because of corrections.
        **{name: Variable(np.log1p(np.maximum(_numbers(frame[name]), 0.0))) for name in logs},
    }
    if not targets:
        return frame.select("agency_id", *(pl.col(name).alias(f"imputed_{name}") for name in COUNTS))
    completed = impute(
        variables,
        unit=frame["agency_id"].to_numpy(),
        seed=seed,
        stream="officers",
        forced=_FORCED,
        cycles=CYCLES,
    )
    imputed = {
        name: _with_donor_values(frame[name], completed.donor[name]) if name in completed.donor else frame[name]
        for name in targets
    }
    return (
        frame.select("agency_id", *(pl.col(name) for name in COUNTS))
        .with_columns(**imputed)
        .rename({name: f"imputed_{name}" for name in COUNTS})
    )


def _with_donor_values(values: pl.Series, donor: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pl.Series:
    """The value of each row, or that of its donor if it has one."""
    return values.gather(np.where(donor >= 0, donor, np.arange(len(donor))))


def _numbers(values: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return values.cast(pl.Float64).fill_null(np.nan).to_numpy().copy()
