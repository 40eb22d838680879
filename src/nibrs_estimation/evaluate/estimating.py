"""Estimates of one drawing of respondents, by the program's own stages and by rivals of its rules (handbook 13)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.evaluate.differences import compared_cells, estimated_differences
from nibrs_estimation.evaluate.outcomes import BENCHMARK_OF, OUTCOMES
from nibrs_estimation.evaluate.regression_rule import regression_errors
from nibrs_estimation.model.agency import AGENCY, AGENCY_MONTH_OFFENSE, REPORT_MONTH, SRS_MONTH
from nibrs_estimation.model.backtest import BACKTEST_ESTIMATE, COUNT, PERCENTAGE
from nibrs_estimation.model.completeness import AGENCY_MONTH, REPORTING_STATUS
from nibrs_estimation.model.counts import UNIT_PROFILE
from nibrs_estimation.model.geography import AGENCY_COUNTY, COUNTY_POPULATION, GEOGRAPHY, SRS_BENCHMARK
from nibrs_estimation.model.universe import UNIVERSE
from nibrs_estimation.model.weights import STATE_WEIGHT_GROUP
from nibrs_estimation.stages.benchmark.frame import build_frame
from nibrs_estimation.stages.block_imputation.fill import fill_months
from nibrs_estimation.stages.block_imputation.known import judge_months
from nibrs_estimation.stages.completeness.months import describe_months, summarize_reporting
from nibrs_estimation.stages.coverage.coverage import measure_coverage
from nibrs_estimation.stages.outliers.detect import detect_outliers
from nibrs_estimation.stages.universe.frame import define_universe
from nibrs_estimation.stages.weighting.weights import weight_agencies
from nibrs_estimation.stats.copula import TOTAL, Plan
from nibrs_estimation.stats.linearization.cell_estimates import cell_estimates
from nibrs_estimation.stats.linearization.variance_form import variance_form
from nibrs_estimation.stats.prediction import PredictionEstimates, prediction_estimates, unreported_interval
from nibrs_estimation.survey.covering import covered_populations
from nibrs_estimation.survey.design import Design, estimation_design
from nibrs_estimation.survey.geographies import geography_members
from nibrs_estimation.survey.prediction import Incidents, PlaceUnits, Predictions, prediction_units, predictions_of
from nibrs_estimation.survey.second_estimator import Covariates, second_estimator
from nibrs_estimation.tables.bias import Z_95
from nibrs_estimation.tables.explained import explained_by

Floats = NDArray[np.float64]


class Choices(NamedTuple):
    """Choices of method."""

    outlier_rule: Literal["recent", "intended", "reference"] = "recent"
    month_rule: Literal["own_months", "reference"] = "own_months"
    benchmark_rule: Literal["own_first", "reference"] = "own_first"
    control_rule: Literal["corrected", "reference"] = "corrected"
    variance_rule: Literal["prediction", "reference"] = "prediction"


#: Rule of a backtest -> choices of method; :data:`RIVALS` are not among them.
CHOICES = {
    "program": Choices(),
    "reference months": Choices(outlier_rule="reference", month_rule="reference"),
    "reference benchmark": Choices(benchmark_rule="reference"),
    "reference weights": Choices(control_rule="reference", variance_rule="reference"),
    "reference": Choices("reference", "reference", "reference", "reference", "reference"),
}
#: Rules with the months, benchmark and weights of rule ``program``.
RIVALS = ("regression", "second estimator", "ratio")
#: Datasets that a source may leave out.
_OPTIONAL = (SRS_MONTH, SRS_BENCHMARK, AGENCY_COUNTY, GEOGRAPHY)
_OF_SOURCE = (AGENCY, REPORT_MONTH, AGENCY_MONTH_OFFENSE, *_OPTIONAL)
_UNIT = ["geography_level", "geography_code", "weight_group", "agency_id"]


@dataclass(frozen=True)
class Drawing:
    """A population with a drawing of who responds.

    Attributes:
        reports: what a source gives of it, by name of the dataset; optional datasets may be absent.
        truth: ``agency_id``, ``offense_code`` and ``n``: the offenses of the year, reported or not.
        year: data year.
    """

    reports: Mapping[str, pl.LazyFrame]
    truth: pl.DataFrame
    year: int


@dataclass(frozen=True)
class _Completed:
    """What the stages make of the reports: datasets by name, and the completed offenses of the respondents."""

    datasets: dict[str, pl.LazyFrame]
    counts: pl.DataFrame
    year: int


class _Prediction(NamedTuple):
    """Ratio estimates to the benchmark, with what they are made of; matrices are (agencies, outcomes)."""

    y: sparse.csc_array
    own: sparse.csc_array
    explained_by: NDArray[np.int64]
    of_places: PlaceUnits
    predictions: Predictions
    found: PredictionEstimates

    def key(self, design: Design, names: list[str]) -> dict[str, NDArray[np.int32] | pl.Series]:
        """Columns that say which estimates these are."""
        return {
            "geography_number": design.geographies[self.found.domain],
            "outcome": pl.Series(names).gather(self.found.cell),
        }


def estimates_of(drawing: Drawing, rules: tuple[str, ...], seed: int) -> pl.DataFrame:
    """Estimates by each of the rules beside the truth: dataset ``backtest_estimate`` without the pattern.

    Args:
        drawing: the population, and what is reported of it.
        rules: of :data:`~nibrs_estimation.model.backtest.RULES`.
        seed: of the drawing: keys the donors.
    """
    reports = {dataset.name: drawing.reports.get(dataset.name, dataset.empty()) for dataset in _OF_SOURCE}
    names = [
        name for name, codes in OUTCOMES.items() if drawing.truth.filter(pl.col("offense_code").is_in(codes)).height
    ]
    found, described = [], _described(reports, drawing.year)
    for rule, choices in CHOICES.items():
        wanted = [name for name in (rule, *(RIVALS if rule == "program" else ())) if name in rules]
        if wanted:
            completed = _completed(reports, described, drawing.year, seed, choices)
            design = _design(completed)
            places = _places(completed, drawing.truth, names).with_columns(
                is_estimated=pl.col("geography_number").is_in(design.geographies)
            )
            compared = compared_cells(places)
            estimates = _estimates(completed, design, names, compared, wanted, choices)
            found += [_joined(places, compared, each, name) for name, each in estimates.items()]
    return pl.concat(found)


def _estimates(
    completed: _Completed,
    design: Design,
    names: list[str],
    compared: pl.DataFrame,
    rules: list[str],
    choices: Choices,
) -> dict[str, pl.DataFrame]:
    """Estimates by each of the rules that have the same months and benchmark."""
    if choices.variance_rule == "reference":
        return {rule: _linearized(completed, design, names) for rule in rules}
    if rules == ["ratio"]:
        return {"ratio": _ratio(completed, design, names)}
    # Its totals are those of the rule ``regression``, too.
    prediction = _prediction(completed, design, names)
    estimates = {}
    for rule in rules:
        if rule == "ratio":
            estimates[rule] = _ratio(completed, design, names)
        elif rule == "regression":
            estimates[rule] = _with_regression_errors(prediction, design, names)
        elif rule == "second estimator":
            estimates[rule] = _imputed(completed, prediction, design, names)
        else:
            estimates[rule] = _with_prediction_errors(prediction, design, names)
        if rule == "program":
            differences = _differences(prediction, design, names, compared)
            estimates[rule] = pl.concat([estimates[rule], differences], how="diagonal")
    return estimates


def _described(reports: Mapping[str, pl.LazyFrame], year: int) -> dict[str, pl.LazyFrame]:
    """What no choice of method changes: who is eligible, and which months were reported."""
    agency, offenses, months = (reports[d.name] for d in (AGENCY, AGENCY_MONTH_OFFENSE, REPORT_MONTH))
    universe = define_universe(agency, offenses, year).collect().lazy()
    agency_month = describe_months(agency, months, offenses, year)[AGENCY_MONTH.name].lazy()
    status = summarize_reporting(universe, agency_month, months, year).collect().lazy()
    return {UNIVERSE.name: universe, AGENCY_MONTH.name: agency_month, REPORTING_STATUS.name: status}


def _completed(
    reports: Mapping[str, pl.LazyFrame],
    described: Mapping[str, pl.LazyFrame],
    year: int,
    seed: int,
    choices: Choices,
) -> _Completed:
    """Run the other stages up to the coverage of places."""
    agency, offenses, months = (reports[d.name] for d in (AGENCY, AGENCY_MONTH_OFFENSE, REPORT_MONTH))
    universe, agency_month, status = (described[d.name] for d in (UNIVERSE, AGENCY_MONTH, REPORTING_STATUS))
    outliers = detect_outliers(agency, agency_month, year, choices.outlier_rule)["outlier_month"].lazy()
    known = judge_months(agency, agency_month, outliers, offenses, year).lazy()
    officers = _reported_officers(agency, year)
    filled = fill_months(
        agency,
        agency_month,
        outliers,
        officers,
        offenses,
        known,
        year,
        seed,
        choices.month_rule,
    )
    references, removed = filled["block_reference"].lazy(), filled["removed_month"].lazy()
    framed = build_frame(
        agency,
        universe,
        agency_month,
        outliers,
        references,
        filled["block_month"].lazy(),
        known,
        status,
        months,
        reports[SRS_MONTH.name],
        reports[SRS_BENCHMARK.name],
        offenses,
        year,
        seed,
        choices.benchmark_rule,
    )
    frame = framed["weighting_frame"].lazy()
    counties = reports[AGENCY_COUNTY.name]
    weights = {
        name: table.lazy()
        for name, table in weight_agencies(
            frame, counties, STATE_WEIGHT_GROUP.empty(), year, choices.control_rule
        ).items()
    }
    coverage = measure_coverage(
        universe,
        frame,
        weights["agency_weight"],
        weights["weight_cell"],
        reports[GEOGRAPHY.name],
        counties,
        status,
        year,
        choices.variance_rule,
    )
    return _Completed(
        {
            "weighting_frame": frame,
            "coverage": coverage.lazy(),
            "police_employees": officers,
            "agency_county": counties,
            **weights,
        },
        _completed_counts(offenses.filter(pl.col("data_year") == year), removed, references).collect(),
        year,
    )


def _reported_officers(agency: pl.LazyFrame, year: int) -> pl.LazyFrame:
    """What the donor model reads of dataset ``police_employees``: officers as reported, as imputing them takes long."""
    agencies = agency.filter(pl.col("data_year") == year)
    columns = ("data_year", "agency_id", "ori", "legacy_ori", "covered_by_ori", "population")
    covering = covered_populations(agencies.select(columns).collect()).select("agency_id", "is_covering")
    return agencies.select("agency_id", "male_officers", "female_officers").join(covering.lazy(), on="agency_id")


def _completed_counts(
    offenses: pl.LazyFrame, removed_month: pl.LazyFrame, block_reference: pl.LazyFrame
) -> pl.LazyFrame:
    """Offenses of a year of each agency, with what is filled: Y = (1 + s) Y_own + R Y_blocks (handbook 04)."""
    month = ["agency_id", "month"]
    counts = offenses.filter(pl.col("n") > 0).select(*month, "offense_code", "n")
    own = counts.join(removed_month.select(month), on=month, how="anti").with_columns(pl.col("n").cast(pl.Float64))
    references = block_reference.select("agency_id", "donor_agency_id", "month", "scale")
    added = references.join(counts.rename({"agency_id": "donor_agency_id"}), on=["donor_agency_id", "month"]).select(
        "agency_id", "offense_code", n=pl.col("n") * pl.col("scale"), own=pl.lit(0.0)
    )
    return (
        pl.concat([own.select("agency_id", "offense_code", "n", own="n"), added])
        # Sums run in this order: the same drawing gives the same bytes.
        .sort("agency_id", "offense_code", "n", "own")
        .group_by("agency_id", "offense_code", maintain_order=True)
        .agg(pl.col("n", "own").sum())
    )


def _design(completed: _Completed) -> Design:
    of = completed.datasets
    return estimation_design(
        of["coverage"],
        of["weighting_frame"],
        of["agency_weight"],
        of["weight_cell"],
        of["calibration_variable"],
        UNIT_PROFILE.empty(),
    )


def _places(completed: _Completed, truth: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """The places with the true offenses of all their agencies, a row for each outcome."""
    of = completed.datasets
    places = of["coverage"].filter(~pl.col("is_excluded")).collect()
    members = geography_members(places.lazy(), of["agency_weight"], of["weighting_frame"]).join(
        of["agency_weight"].select(*_UNIT, "population_share").collect(), on=_UNIT
    )
    offenses = [
        truth.filter(pl.col("offense_code").is_in(OUTCOMES[name]))
        .group_by("agency_id")
        .agg(pl.col("n").sum().cast(pl.Float64))
        .with_columns(outcome=pl.lit(name))
        for name in names
    ]
    sums = (
        members.join(pl.concat(offenses), on="agency_id")
        .sort("geography_number", "outcome", "agency_id", "population_share")
        .group_by("geography_number", "outcome", maintain_order=True)
        .agg(true_count=(pl.col("n") * pl.col("population_share")).sum())
    )
    return (
        places.select(
            "geography_number",
            "eligible_agencies",
            "responding_agencies",
            "upper_bound_of_zero",
            place="estimate_geographic_location",
            level=pl.when(pl.col("agency_group").is_null()).then("geography_level").otherwise(pl.lit("part")),
        )
        .join(pl.DataFrame({"outcome": names}), how="cross")
        .join(sums, on=["geography_number", "outcome"], how="left")
        .with_columns(pl.col("true_count").fill_null(0.0))
    )


def _matrix(completed: _Completed, agencies: pl.Series, names: list[str], column: str = "n") -> sparse.csc_array:
    """(agencies, outcomes) offenses: completed, or in column ``own`` those that the agencies reported."""
    row = pl.DataFrame({"agency_id": agencies, "row": np.arange(len(agencies))})
    counts = completed.counts.join(row, on="agency_id", maintain_order="left")
    columns = []
    for name in names:
        some = counts.filter(pl.col("offense_code").is_in(OUTCOMES[name]))
        columns.append(np.bincount(some["row"].to_numpy(), some[column].to_numpy(), len(agencies)))
    return sparse.csc_array(np.column_stack(columns))


def _prediction(completed: _Completed, design: Design, names: list[str]) -> _Prediction:
    """Totals, which are ratio estimates to the benchmark, and prediction variances."""
    y, own = (_matrix(completed, design.agencies, names, column) for column in ("n", "own"))
    of = completed.datasets
    of_places = prediction_units(
        design,
        of["coverage"],
        of["weighting_frame"],
        of["agency_weight"],
        of["weight_cell"],
        of["calibration_variable"],
        {},
    )
    of_agencies = completed.counts.group_by("agency_id", maintain_order=True).agg(pl.col("n", "own").sum())
    everything = pl.DataFrame({"agency_id": design.agencies}).join(
        of_agencies, on="agency_id", how="left", maintain_order="left"
    )
    incidents = Incidents(*(everything[column].fill_null(0.0).to_numpy() for column in ("n", "own")))
    predictions = predictions_of(design, of_places, incidents, corrects=True)
    explained = np.array([explained_by(OUTCOMES[name]) for name in names], dtype=np.int64)
    nothing, no_denominator = sparse.csc_array((y.shape[0], 0)), np.full(len(names), -1)
    found = predictions.estimate(y, own, nothing, nothing, no_denominator, explained, threads=1)
    return _Prediction(y, own, explained, of_places, predictions, found)


def _with_regression_errors(prediction: _Prediction, design: Design, names: list[str]) -> pl.DataFrame:
    """The totals with the standard errors of module ``regression_rule``."""
    found = prediction.found
    errors = regression_errors(prediction.of_places, prediction.y, prediction.explained_by)
    return pl.DataFrame(
        prediction.key(design, names) | {"estimate": found.total, "standard_error": errors[found.domain, found.cell]}
    ).with_columns(measure=pl.lit(COUNT))


def _imputed(completed: _Completed, prediction: _Prediction, design: Design, names: list[str]) -> pl.DataFrame:
    """Reported counts and those imputed by the second estimator (handbook 15), each outcome as a total; no intervals.

    Populations give no demographic shares of residents: population, and officers, are the covariates.
    """
    of, m, found = completed.datasets, len(names), prediction.found
    covariates = Covariates(
        of["weighting_frame"],
        of["police_employees"],
        of["agency_county"],
        COUNTY_POPULATION.empty(),
        completed.year,
    )
    second = second_estimator(design, prediction.of_places, covariates, {}, "sound")
    every = np.arange(m + 1)
    plan = Plan(
        first_step=every,
        kind=np.full(m, TOTAL),
        parent=np.full(m, -1),
        first_cell=every,
        cell=every[:-1],
        slot=np.full(m, -1),
        category=np.full(m, -1),
        slots=1,
    )
    estimate = second.at(plan, prediction.y, found.domain, found.cell)
    return pl.DataFrame(prediction.key(design, names) | {"estimate": estimate}).with_columns(
        standard_error=pl.lit(None, dtype=pl.Float64), measure=pl.lit(COUNT)
    )


def _with_prediction_errors(prediction: _Prediction, design: Design, names: list[str]) -> pl.DataFrame:
    """The totals with the prediction variance, and percentages."""
    y, own, predictions, found = prediction.y, prediction.own, prediction.predictions, prediction.found
    rho = predictions.by_total.unreported_ratio[found.domain]
    lower, upper = unreported_interval(found.total, found.standard_error, found.reported, rho)
    key = prediction.key(design, names)
    counts = pl.DataFrame(
        key
        | {
            "estimate": found.total,
            "standard_error": found.standard_error,
            "lower_bound": lower,
            "upper_bound": np.where(np.isfinite(upper), upper, np.nan),
        }
    )
    # Numerator and denominator have different benchmarks; the standard error of the ratio is by all crime for both.
    of_base = np.zeros(len(names), dtype=np.int64)
    by_total = prediction_estimates(predictions.by_total, y, own, sparse.csc_array(y[:, [0]]), of_base, threads=1)
    # By all crime other cells may be predicted than by the benchmark of the outcome.
    errors = pl.DataFrame(
        {
            "geography_number": design.geographies[by_total.domain],
            "outcome": pl.Series(names).gather(by_total.cell),
            "standard_error": 100 * by_total.ratio_standard_error,
        }
    )
    base = pl.DataFrame(key | {"base": found.total}).filter(pl.col("outcome") == names[0]).drop("outcome")
    shares = (
        counts.drop("standard_error")
        .join(errors, on=["geography_number", "outcome"], how="left", maintain_order="left")
        .select(counts.columns)
        .join(base, on="geography_number", how="left", maintain_order="left")
        .with_columns(estimate=100 * pl.col("estimate") / pl.col("base"))
        .with_columns(
            lower_bound=(pl.col("estimate") - Z_95 * pl.col("standard_error")).clip(0, 100),
            upper_bound=(pl.col("estimate") + Z_95 * pl.col("standard_error")).clip(0, 100),
        )
        .drop("base")
    )
    return pl.concat([counts.with_columns(measure=pl.lit(COUNT)), shares.with_columns(measure=pl.lit(PERCENTAGE))])


def _differences(prediction: _Prediction, design: Design, names: list[str], compared: pl.DataFrame) -> pl.DataFrame:
    """Differences of the totals."""
    y, own, explained, of_places, predictions, _ = prediction
    return estimated_differences(compared, names, design.geographies, y, own, explained, of_places, predictions)


def _linearized(completed: _Completed, design: Design, names: list[str]) -> pl.DataFrame:
    """Estimates with the reference's weights and standard errors."""
    y = _matrix(completed, design.agencies, names)
    form = variance_form(design.sample, design.members, len(design.agencies))
    of_base = np.zeros(len(names), dtype=np.int64)
    found = cell_estimates(form, y, sparse.csc_array(y[:, [0]]), of_base, threads=1)
    key = {
        "geography_number": design.geographies[found.domain],
        "outcome": pl.Series(names).gather(found.cell),
    }
    return pl.concat(
        pl.DataFrame(key | {"estimate": estimate, "standard_error": error}).with_columns(measure=pl.lit(measure))
        for measure, estimate, error in (
            (COUNT, found.total, found.standard_error),
            (PERCENTAGE, 100 * found.ratio, 100 * found.ratio_standard_error),
        )
    )


def _ratio(completed: _Completed, design: Design, names: list[str]) -> pl.DataFrame:
    """Plain ratio estimates: X Σ y / Σ x, x the benchmark of the outcome or, where it has none, of Part I offenses.

    The standard error is the textbook's: (X / Σ x) √((1 - n/N) n Σ (e - ē)² / (n - 1)), e = y - (Σ y / Σ x) x.
    """
    of = completed.datasets
    members = (
        geography_members(of["coverage"].filter(~pl.col("is_excluded")), of["agency_weight"], of["weighting_frame"])
        .join(of["agency_weight"].select(*_UNIT, "population_share").collect(), on=_UNIT)
        .join(
            of["weighting_frame"].select("agency_id", "is_respondent", *dict.fromkeys(BENCHMARK_OF.values())).collect(),
            on="agency_id",
        )
        .sort("geography_number", *_UNIT)
    )
    y = _matrix(completed, members["agency_id"], names).toarray()
    share, responds = members["population_share"].to_numpy(), members["is_respondent"].to_numpy()
    place = np.searchsorted(design.geographies, members["geography_number"].to_numpy())
    inside = np.isin(members["geography_number"].to_numpy(), design.geographies)
    place, P = np.where(inside, place, 0), len(design.geographies)

    def summed(values: Floats, which: NDArray[np.bool_]) -> Floats:
        return np.asarray(np.bincount(place[which], values[which], P), dtype=np.float64)

    N, n = summed(np.ones(len(place)), inside), summed(np.ones(len(place)), inside & responds)
    frames = []
    for column, name in enumerate(names):
        x, of_outcome = members[BENCHMARK_OF.get(name, "n_total")].to_numpy() * share, y[:, column] * share
        # Where respondents' benchmark lacks the crime, that of all crimes stands in, otherwise their number.
        for other in (members["n_total"].to_numpy() * share, share):
            x = np.where(summed(x, inside & responds)[place] > 0, x, other)
        X, x_r, y_r = summed(x, inside), summed(x, inside & responds), summed(of_outcome, inside & responds)
        with np.errstate(divide="ignore", invalid="ignore"):
            e = of_outcome - (y_r / x_r)[place] * x
            squares = summed(e**2, inside & responds) - summed(e, inside & responds) ** 2 / n
            error = X / x_r * np.sqrt((1 - n / N) * n / (n - 1) * np.maximum(squares, 0.0))
            total = X / x_r * y_r
        frames.append(
            pl.DataFrame(
                {"geography_number": design.geographies, "estimate": total, "standard_error": error}
            ).with_columns(outcome=pl.lit(name), measure=pl.lit(COUNT))
        )
    return pl.concat(frames)


_NUMBERS = ("estimate", "standard_error", "lower_bound", "upper_bound")


def _with_bounds(estimates: pl.DataFrame) -> pl.DataFrame:
    """Estimates with the ends of normal intervals where they have no others."""
    if "lower_bound" in estimates.columns:
        return estimates
    margin = Z_95 * pl.col("standard_error")
    upper = pl.col("estimate") + margin
    is_share = (pl.col("measure") == PERCENTAGE) & (pl.col("estimate") <= 100)
    return estimates.with_columns(
        lower_bound=(pl.col("estimate") - margin).clip(lower_bound=0),
        upper_bound=pl.when(is_share).then(upper.clip(upper_bound=100)).otherwise(upper),
    )


def _joined(places: pl.DataFrame, compared: pl.DataFrame, estimates: pl.DataFrame, rule: str) -> pl.DataFrame:
    """Truth and estimates of all cells; cells that no respondent has are 0, those of a place without any missing."""
    base = places.filter(pl.col("outcome") == next(iter(OUTCOMES))).select("geography_number", base="true_count")
    cells = pl.concat(
        [
            places.with_columns(measure=pl.lit(COUNT), truth="true_count"),
            places.join(base, on="geography_number")
            .filter((pl.col("outcome") != next(iter(OUTCOMES))) & (pl.col("base") > 0))
            .with_columns(measure=pl.lit(PERCENTAGE), truth=100 * pl.col("true_count") / pl.col("base"))
            .drop("base"),
            compared.select(*places.columns, "measure", "truth"),
        ]
    ).filter(pl.col("measure").is_in(estimates["measure"].unique().implode()))
    key = ["geography_number", "outcome", "measure"]
    joined = cells.join(_with_bounds(estimates), on=key, how="left").with_columns(
        pl.when(pl.col(name).is_finite()).then(name).alias(name) for name in _NUMBERS
    )
    # A count that no respondent has is 0; its interval may go beyond.
    is_zero = pl.col("is_estimated") & pl.col("estimate").is_null()
    of_zero = {"upper_bound": pl.when(pl.col("measure") == COUNT).then("upper_bound_of_zero").otherwise(0.0)}
    bounded = joined.with_columns(
        *(pl.when(is_zero).then(of_zero.get(name, pl.lit(0.0))).otherwise(name).alias(name) for name in _NUMBERS),
        rule=pl.lit(rule),
        pattern_number=pl.lit(""),
    )
    return BACKTEST_ESTIMATE.cast(bounded)
