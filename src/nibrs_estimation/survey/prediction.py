"""The agencies of all places, responding or not, as input of prediction variances (handbook 11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.fields import GEOGRAPHY_LEVELS, WeightRule
from nibrs_estimation.model.weights import CONTROLS
from nibrs_estimation.stats.linearization.variance_form import Memberships
from nibrs_estimation.stats.prediction import (
    PredictionEstimates,
    PredictionForm,
    Settings,
    Units,
    prediction_estimates,
    prediction_form,
    state_variance,
    with_state_variance,
)
from nibrs_estimation.survey.design import Design
from nibrs_estimation.survey.geographies import geography_members
from nibrs_estimation.tables.explained import EXPLAINED

Floats = NDArray[np.float64]
_PLACE = ["geography_level", "geography_code"]
_GROUP = [*_PLACE, "weight_group"]
_KEY = [*_GROUP, "agency_id"]
_CONTROLS = (*CONTROLS, "assault_and_robbery")
#: Weight group of arrests without an agency, and the place in the order of levels of what has no level.
_NO_GROUP = -1
#: An estimate by the benchmark that explains a column needs so many respondents of the place with a value.
LEAST_RESPONDENTS = 5
#: Power of the benchmark in the variance of a count about the benchmark of its own offense.
GAMMA_OF_OFFENSE = 1.5
#: More than there are geographies.
_DOMAINS = 100_000
#: Sources of benchmarks that are not an agency's own.
_OF_OTHERS = ("donor", "class_rate")


def prediction_units(
    design: Design,
    coverage: pl.LazyFrame,
    weighting_frame: pl.LazyFrame,
    agency_weight: pl.LazyFrame,
    weight_cell: pl.LazyFrame,
    calibration_variable: pl.LazyFrame,
    categories: Mapping[tuple[str, int], pl.Series],
) -> tuple[Units, Memberships, Floats]:
    """The units of every place of a design, the geographies to which each belongs, and their benchmarks.

    An agency without weight does not respond, even if it reported: where respondents of a group have no benchmark, the
    group has no weights.

    Args:
        design: the design of the geographies.
        coverage: dataset of that name.
        weighting_frame: dataset of that name.
        agency_weight: dataset of that name.
        weight_cell: dataset of that name.
        calibration_variable: dataset of that name.
        categories: agencies of each category of agencies that has rows of its own.

    Returns:
        Units (n), memberships, and (n, benchmarks) the benchmarks of ``EXPLAINED`` times share.
    """
    frame = _with_donor_variance(weighting_frame.collect())
    geographies = coverage.filter(pl.col("geography_number").is_in(design.geographies)).collect()
    units = (
        agency_weight.collect()
        .join(geographies.select(_PLACE).unique(), on=_PLACE, how="semi")
        .join(frame.select("agency_id", "donor_variance", *EXPLAINED), on="agency_id")
        .join(weight_cell.select(*_GROUP, "rule").collect(), on=_GROUP)
    )
    nameless = _without_agency(design, geographies)
    units = units if nameless.is_empty() else pl.concat([units, nameless], how="diagonal_relaxed")
    level = pl.col("geography_level").replace_strict(list(GEOGRAPHY_LEVELS), range(len(GEOGRAPHY_LEVELS)))
    units = units.sort(level, "geography_code", "weight_group", "agency_id").with_columns(
        place=pl.struct(_PLACE).rle_id().cast(pl.Int64),
        group=pl.struct(_GROUP).rle_id().cast(pl.Int64),
        unit=pl.int_range(pl.len(), dtype=pl.Int64),
        level=level.cast(pl.Int64),
    )
    members = (
        geography_members(geographies.lazy(), agency_weight, weighting_frame)
        .join(units.select(*_KEY, "unit"), on=_KEY)
        .select("geography_number", "unit")
    )
    wholes = geographies.filter(pl.col("geography_number").is_in(design.geographies[design.is_whole]))
    of_wholes = wholes.join(units.filter(pl.col("weight_group") == _NO_GROUP), on=_PLACE)
    members = pl.concat([members, of_wholes.select(members.columns)]).sort("geography_number", "unit")
    domain = np.searchsorted(design.geographies, members["geography_number"].to_numpy())
    return (
        _units(units, design, calibration_variable.collect(), categories),
        Memberships(members["unit"].to_numpy(), domain, len(design.geographies)),
        units.select(EXPLAINED).to_numpy() * units["population_share"].to_numpy()[:, None],
    )


@dataclass(frozen=True, eq=False)
class Predictions:
    """The units of a design, prepared for columns by the benchmark that explains them (handbook 11).

    Attributes:
        by_group: ratios of each weight group to all crime; for columns that no other benchmark explains.
        by_place: position in ``EXPLAINED`` -> ratios of each place to that benchmark.
    """

    by_group: PredictionForm
    by_place: Mapping[int, PredictionForm]

    def estimate(
        self,
        y: sparse.csc_array,
        own: sparse.csc_array,
        denominators: sparse.csc_array,
        own_denominators: sparse.csc_array,
        denominator_of: NDArray[np.integer],
        explained_by: NDArray[np.integer],
        class_of: NDArray[np.integer] | None = None,
        whole_of: NDArray[np.integer] | None = None,
        *,
        threads: int = 2,
    ) -> PredictionEstimates:
        """Estimates of every column in every geography.

        A column is estimated by the benchmark that explains it, but by all crime in places where fewer than five
        respondents have a value, or where respondents lack that benchmark. A denominator must have the same benchmark.
        A column of a category of agencies is estimated by all crime of the category, and changed as much as that of
        all agencies, ``whole_of``, is changed by its benchmark.

        Args:
            y: (PSUs, m) completed counts.
            own: (PSUs, m) reported counts.
            denominators: (PSUs, K) completed counts of the denominators.
            own_denominators: (PSUs, K) their reported counts.
            denominator_of: (m,) each column's denominator; -1 for none.
            explained_by: (m,) position in ``EXPLAINED`` of each column's benchmark.
            class_of: (m,) category of agencies of each column; -1 for none.
            whole_of: (m,) column of all agencies of a column of a category; -1 for other columns.
            threads: largest number of threads.
        """
        is_category = np.zeros(y.shape[1], dtype=np.bool_) if whole_of is None else np.asarray(whole_of) >= 0
        found = prediction_estimates(
            self.by_group,
            y,
            own,
            denominators,
            denominator_of,
            own_denominators=own_denominators,
            class_of=class_of,
            threads=threads,
        )
        before = found.total.copy()
        for position, form in self.by_place.items():
            columns = np.flatnonzero((explained_by == position) & ~is_category)
            if not len(columns):
                continue
            used, number = np.unique(denominator_of[columns], return_inverse=True)
            has_denominator = used >= 0
            better = prediction_estimates(
                form,
                y[:, columns],
                own[:, columns],
                denominators[:, used[has_denominator]],
                number.ravel() - (0 if has_denominator.all() else 1),
                own_denominators=own_denominators[:, used[has_denominator]],
                threads=threads,
            )
            _replace(found, better, columns)
        if whole_of is not None:
            _follow(found, before, whole_of)
        return found


def _follow(found: PredictionEstimates, before: Floats, whole_of: NDArray[np.integer]) -> None:
    """Change totals of categories as much as that of all agencies has changed."""
    key = _key(found.cell, found.domain)
    rows = np.flatnonzero(whole_of[found.cell] >= 0)
    # Where a category has a value, all agencies have one.
    whole = np.searchsorted(key, _key(whole_of[found.cell[rows]], found.domain[rows]))
    factor = np.divide(found.total[whole], before[whole], out=np.ones(len(rows)), where=before[whole] > 0)
    found.total[rows] = np.maximum(found.total[rows] * factor, found.reported[rows])
    found.standard_error[rows] *= factor


def _key(cell: NDArray[np.integer], domain: NDArray[np.integer]) -> NDArray[np.int64]:
    return cell.astype(np.int64) * _DOMAINS + domain


def _replace(found: PredictionEstimates, better: PredictionEstimates, columns: NDArray[np.int64]) -> None:
    """Put better estimates of some columns in the place of others, where the place has respondents enough."""
    at = np.searchsorted(_key(found.cell, found.domain), _key(columns[better.cell], better.domain))
    is_used = (better.place_respondents >= LEAST_RESPONDENTS) & (better.place_ratio > 0)
    for name in ("total", "standard_error", "ratio", "ratio_standard_error"):
        getattr(found, name)[at[is_used]] = getattr(better, name)[is_used]


def predictions_of(
    design: Design, units: tuple[Units, Memberships, Floats], incidents: Floats, *, corrects: bool
) -> Predictions:
    """Prepare the units of a design for all columns.

    Args:
        design: of the geographies.
        units: of :func:`prediction_units`.
        incidents: (agencies,) all incidents of the respondents, from which what states have in common is found.
        corrects: whether totals are corrected to the benchmark.
    """
    of_units, members, explained = units
    psus = len(design.agencies)
    plain = prediction_form(of_units, members, psus, settings=Settings(corrects=corrects))
    common = state_variance(plain, incidents)
    by_place = {}
    for position in range(1, len(EXPLAINED)) if corrects else ():
        size = explained[:, position]
        # The controls of the weights explain, too.
        controls = np.column_stack([size, of_units.controls])
        of_benchmark = replace(of_units, size=size, controls=controls, unit_class=None)
        settings = Settings(gamma=GAMMA_OF_OFFENSE, state_variance=common, is_of_place=True)
        by_place[position] = prediction_form(of_benchmark, members, psus, settings=settings)
    return Predictions(with_state_variance(plain, common), by_place)


def _units(
    units: pl.DataFrame,
    design: Design,
    calibration_variable: pl.DataFrame,
    categories: Mapping[tuple[str, int], pl.Series],
) -> Units:
    share = units["population_share"].to_numpy()
    responds = units["weight"].is_not_null().to_numpy()
    total = units["n_total"].to_numpy() * share
    psu = np.where(responds, np.searchsorted(design.agencies.to_numpy(), units["agency_id"].to_numpy()), -1)
    ids = units["agency_id"]
    return Units(
        psu=psu,
        place=units["place"].to_numpy(),
        group=units["group"].to_numpy(),
        weight=units["weight"].fill_null(0.0).to_numpy(),
        share=share,
        size=total,
        controls=_controls(units, calibration_variable),
        state=(units["state_abbr"].rank("dense") - 1).to_numpy().astype(np.int64),
        donor_variance=np.where(responds, 0.0, units["donor_variance"].to_numpy() * share**2),
        place_level=units.unique("place", keep="first", maintain_order=True)["level"].to_numpy(),
        unit_class=np.column_stack([ids.is_in(members.implode()).to_numpy() for members in categories.values()])
        if categories
        else None,
    )


def _controls(units: pl.DataFrame, calibration_variable: pl.DataFrame) -> Floats:
    """Units x controls: those to which the respondents of the group are calibrated; otherwise 0.

    Respondents with nearly all crime of their group have weight 1, which meets its total within one percent.
    """
    x = np.zeros((units.height, len(_CONTROLS)))
    values = (
        units.select("unit", *_KEY)
        .join(calibration_variable, on=_KEY)
        .with_columns(column=pl.col("control").replace_strict(_CONTROLS, range(len(_CONTROLS)), return_dtype=pl.Int64))
    )
    x[values["unit"].to_numpy(), values["column"].to_numpy()] = values["value"].to_numpy()
    has_total = (units["rule"] == WeightRule.FULL_COVERAGE).to_numpy()
    total = (units["n_total"] * units["population_share"]).to_numpy()
    x[has_total, 0] = total[has_total]
    return x


def _with_donor_variance(frame: pl.DataFrame) -> pl.DataFrame:
    """Add ``donor_variance``: of a benchmark that is not the agency's own, about the mean of its class."""
    classes = code_list("population_group").select(population_group_code="code", hot_deck_class="parent_code")
    total, is_other = pl.col("n_total"), pl.col("benchmark_source").is_in(_OF_OTHERS)
    key = ["hot_deck_class", pl.col("population") > 0]
    joined = frame.join(classes, on="population_group_code", how="left", maintain_order="left")
    spread = total.var().over(key).fill_null(0.0) + (total - total.mean().over(key)) ** 2
    return joined.with_columns(donor_variance=pl.when(is_other).then(spread).otherwise(0.0))


def _without_agency(design: Design, geographies: pl.DataFrame) -> pl.DataFrame:
    """Arrests without an agency: units of weight 1 of the places that contain their whole state."""
    nameless = design.agencies.filter(design.agencies < 0)
    places = geographies.filter(pl.col("geography_number").is_in(design.geographies[design.is_whole]))
    if nameless.is_empty():
        return pl.DataFrame()
    domain, psu = design.respondents.nonzero()
    pairs = pl.DataFrame(
        {"geography_number": design.geographies[domain], "agency_id": design.agencies.gather(psu)}
    ).filter(pl.col("agency_id") < 0)
    return places.join(pairs, on="geography_number").select(
        *_PLACE,
        "agency_id",
        weight_group=pl.lit(_NO_GROUP, pl.Int32),
        weight=pl.lit(1.0),
        population_share=pl.lit(1.0),
        is_respondent=pl.lit(True),
        state_abbr=pl.lit("US"),
        donor_variance=pl.lit(0.0),
        rule=pl.lit(WeightRule.SELF_REPRESENTING),
        **dict.fromkeys(EXPLAINED, pl.lit(0.0)),
    )
