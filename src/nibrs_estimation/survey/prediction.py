"""The agencies of all places, responding or not, as input of prediction variances (handbook 11)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.fields import GEOGRAPHY_LEVELS, WeightRule
from nibrs_estimation.model.weights import CONTROLS
from nibrs_estimation.stats.linearization.variance_form import Memberships
from nibrs_estimation.stats.prediction import (
    FormUse,
    PredictionEstimates,
    PredictionForm,
    Settings,
    Units,
    estimates_by_forms,
    expansion,
    prediction_form,
    state_variance,
    weights_of_psus,
    with_own_weights,
    with_state_variance,
)
from nibrs_estimation.survey.design import Design
from nibrs_estimation.survey.filled import FilledVariance
from nibrs_estimation.survey.geographies import geography_members
from nibrs_estimation.tables.explained import EXPLAINED, SUMS

Floats = NDArray[np.float64]
_PLACE = ["geography_level", "geography_code"]
_GROUP = [*_PLACE, "weight_group"]
_KEY = [*_GROUP, "agency_id"]
_CONTROLS = (*CONTROLS, "assault_and_robbery")
#: Weight group of arrests without an agency.
_NO_GROUP = -1
#: An estimate by the benchmark that explains a column needs so many respondents of the place that have it.
LEAST_RESPONDENTS = 5
#: Power of the benchmark in the variance of a count, γ: larger for sums, which also explain what they do not hold.
GAMMAS = tuple(1.65 if name in SUMS else 1.5 for name in EXPLAINED)
#: Sources of benchmarks that are not an agency's own.
_OF_OTHERS = ("donor", "class_rate")
_VARIANCES = tuple(f"{name}_variance" for name in EXPLAINED)


class PlaceUnits(NamedTuple):
    """The units of every place of a design.

    Attributes:
        units: n units, sorted by level, place, weight group and agency; their size is all crime.
        members: the geographies to which each belongs.
        benchmarks: (n, benchmarks) benchmarks of ``EXPLAINED`` times share.
        donor_variances: (n, benchmarks) variance of each where it is that of a donor or class.
        category: (n, C) units of the agencies of each category that has rows of its own.
        agency: (n,) number of the agency, by which nonrespondents of several places are known to be the same.
    """

    units: Units
    members: Memberships
    benchmarks: Floats
    donor_variances: Floats
    category: NDArray[np.bool_]
    agency: NDArray[np.int64]


def prediction_units(
    design: Design,
    coverage: pl.LazyFrame,
    weighting_frame: pl.LazyFrame,
    agency_weight: pl.LazyFrame,
    weight_cell: pl.LazyFrame,
    calibration_variable: pl.LazyFrame,
    categories: Mapping[tuple[str, int], pl.Series],
) -> PlaceUnits:
    """The units of every place of a design, responding or not, and the geographies to which each belongs.

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
    """
    frame = _with_donor_variances(weighting_frame.collect())
    geographies = coverage.filter(pl.col("geography_number").is_in(design.geographies)).collect()
    units = (
        agency_weight.collect()
        .join(geographies.select(_PLACE).unique(), on=_PLACE, how="semi")
        .join(frame.select("agency_id", *EXPLAINED, *_VARIANCES), on="agency_id")
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
    share, responds = units["population_share"].to_numpy(), units["weight"].is_not_null().to_numpy()
    benchmarks = units.select(EXPLAINED).to_numpy() * share[:, None]
    variances = np.where(responds[:, None], 0.0, units.select(_VARIANCES).to_numpy() * share[:, None] ** 2)
    return PlaceUnits(
        units=Units(
            psu=np.where(responds, np.searchsorted(design.agencies.to_numpy(), units["agency_id"].to_numpy()), -1),
            place=units["place"].to_numpy(),
            group=units["group"].to_numpy(),
            weight=units["weight"].fill_null(0.0).to_numpy(),
            share=share,
            size=benchmarks[:, 0],
            controls=_controls(units, calibration_variable.collect()),
            state=(units["state_abbr"].rank("dense") - 1).to_numpy().astype(np.int64),
            donor_variance=variances[:, 0],
            place_level=units.unique("place", keep="first", maintain_order=True)["level"].to_numpy(),
        ),
        members=Memberships(members["unit"].to_numpy(), domain, len(design.geographies)),
        benchmarks=benchmarks,
        donor_variances=variances,
        category=_of_categories(units["agency_id"], categories),
        agency=units["agency_id"].to_numpy().astype(np.int64),
    )


@dataclass(frozen=True, eq=False)
class Predictions:
    """The units of a design, prepared for columns by the benchmark that explains them (handbook 11).

    Attributes:
        by_total: ratios to all crime; for columns that no other benchmark explains.
        by_benchmark: position in ``EXPLAINED`` -> ratios to that benchmark, prepared when first asked for; None without
            corrections.
        elsewhere: position, whether of categories -> ratios to all crime in the domains that the benchmark does not
            explain.
        of_categories: position -> ratios with categories of agencies as domains, C of each geography; 0 is all crime.
        categories: C.
        is_explained: (domains, benchmarks) whether enough respondents of the place have the benchmark.
        weights: (domains, PSUs) how often each agency counts in totals by all crime.
        filled: what filled months add to the variance of totals.
    """

    by_total: PredictionForm
    by_benchmark: Callable[[int], PredictionForm] | None
    elsewhere: Callable[[int, bool], PredictionForm]
    of_categories: Callable[[int], PredictionForm]
    categories: int
    is_explained: NDArray[np.bool_]
    weights: sparse.csr_array
    filled: FilledVariance

    def estimate(
        self,
        y: sparse.csc_array,
        own: sparse.csc_array,
        denominators: sparse.csc_array,
        own_denominators: sparse.csc_array,
        denominator_of: NDArray[np.integer],
        explained_by: NDArray[np.integer],
        category_of: NDArray[np.integer] | None = None,
        whole_of: NDArray[np.integer] | None = None,
        *,
        threads: int = 2,
    ) -> PredictionEstimates:
        """Estimates of every column in every geography.

        A column is estimated by the benchmark that explains it, but by all crime in places where fewer than five
        respondents have that benchmark. A denominator must have the same benchmark.
        A column of a category of agencies is the part of that of all agencies, ``whole_of``, which is also its
        denominator: nonrespondents of the category are predicted as in the column of all agencies. Without such a
        column it is estimated as any other.

        Args:
            y: (PSUs, m) completed counts.
            own: (PSUs, m) reported counts.
            denominators: (PSUs, K) completed counts of the denominators.
            own_denominators: (PSUs, K) their reported counts.
            denominator_of: (m,) each column's denominator; -1 for none.
            explained_by: (m,) position in ``EXPLAINED`` of each column's benchmark.
            category_of: (m,) category of agencies of each column; -1 for none.
            whole_of: (m,) column of all agencies of a column of a category; -1 for other columns.
            threads: largest number of threads.
        """
        none = np.full(y.shape[1], -1)
        of_category, of_whole = (none if numbers is None else numbers for numbers in (category_of, whole_of))
        is_part = (of_category >= 0) & (of_whole >= 0)
        found = estimates_by_forms(
            self._uses(np.flatnonzero(~is_part), explained_by),
            y,
            own,
            denominators,
            denominator_of,
            own_denominators=own_denominators,
            threads=threads,
        )
        if is_part.any():
            wholes = np.unique(of_whole[is_part])
            uses = self._uses(np.arange(len(wholes)), explained_by[wholes], of_categories=True)
            parts = estimates_by_forms(uses, y[:, wholes], own[:, wholes], threads=threads)
            column_of = np.full((len(wholes), self.categories), -1)
            column_of[np.searchsorted(wholes, of_whole[is_part]), of_category[is_part]] = np.flatnonzero(is_part)
            found = _joined([found, _shares(parts, found, wholes, column_of, denominator_of)])
        of_filled = self.filled.at(y, own, found.domain, found.cell)
        np.sqrt(found.standard_error**2 + of_filled, out=found.standard_error)
        return found

    def _uses(
        self, columns: NDArray[np.int64], explained_by: NDArray[np.integer], *, of_categories: bool = False
    ) -> list[FormUse]:
        """By what some columns are estimated, and in which domains."""
        uses: list[FormUse] = []
        for position in np.unique(explained_by[columns]).tolist():
            of_position = columns[explained_by[columns] == position]
            uses.extend(FormUse(form, of_position, is_used) for form, is_used in self._forms(position, of_categories))
        return uses or [FormUse(self.by_total, columns, np.ones(len(self.is_explained), dtype=np.bool_))]

    def _forms(self, position: int, of_categories: bool) -> list[tuple[PredictionForm, NDArray[np.bool_]]]:
        """By what columns of a benchmark are estimated, and in which domains."""
        repeated = self.categories if of_categories else 1
        is_explained = np.repeat(self.is_explained[:, position], repeated)
        if position == 0 or self.by_benchmark is None:
            return [(self.of_categories(0) if of_categories else self.by_total, np.ones_like(is_explained))]
        forms = []
        if is_explained.any():
            forms.append(((self.of_categories if of_categories else self.by_benchmark)(position), is_explained))
        if not is_explained.all():
            forms.append((self.elsewhere(position, of_categories), ~is_explained))
        return forms


def _joined(pieces: list[PredictionEstimates]) -> PredictionEstimates:
    """Estimates of different columns or domains as one, sorted by both."""
    joined = {name: np.concatenate([vars(piece)[name] for piece in pieces]) for name in vars(pieces[0])}
    domains = int(joined["domain"].max(initial=0)) + 1
    order = np.argsort(_key(joined["cell"], joined["domain"], domains), kind="stable")
    return PredictionEstimates(**{name: values[order] for name, values in joined.items()})


def _shares(
    parts: PredictionEstimates,
    found: PredictionEstimates,
    wholes: NDArray[np.integer],
    column_of: NDArray[np.integer],
    denominator_of: NDArray[np.integer],
) -> PredictionEstimates:
    """Estimates of columns of categories of agencies, with their percentages of the column of all agencies.

    With the totals T and variances V of a category c and of the other agencies r, whose errors are taken to be
    independent, the variance of R = T_c / (T_c + T_r) is [(1 - R)² V_c + R² V_r] / (T_c + T_r)². V_r is what V of all
    agencies is more than V_c.

    Args:
        parts: estimates of the columns ``wholes`` by category of agencies and geography.
        found: estimates by column and geography.
        wholes: columns of all agencies, ascending.
        column_of: (wholes, categories) column of each category; -1 where it is not wanted.
        denominator_of: (m,) denominator of each column; -1 for none.
    """
    domain, category = np.divmod(parts.domain.astype(np.int64), column_of.shape[1])
    column = column_of[parts.cell, category]
    is_wanted = column >= 0
    of_parts = {name: values[is_wanted] for name, values in vars(parts).items()}
    column, domain, whole_column = column[is_wanted], domain[is_wanted], wholes[of_parts["cell"]]
    domains = int(max(found.domain.max(initial=0), domain.max(initial=0))) + 1
    # Where a category has a value or is predicted, so are all agencies.
    whole = np.searchsorted(
        _key(found.cell, found.domain, domains), _key(whole_column.astype(np.int64), domain, domains)
    )
    total, of_all = of_parts["total"], found.total[whole]
    own = of_parts["standard_error"] ** 2
    others = np.maximum(found.standard_error[whole] ** 2 - own, 0.0)
    has_ratio = (denominator_of[column] >= 0) & (of_all > 0)
    ratio = np.divide(total, of_all, out=np.full(len(total), np.nan), where=has_ratio)
    error = np.sqrt((1 - ratio) ** 2 * own + ratio**2 * others)
    changed = {
        "cell": column.astype(np.int32),
        "domain": domain.astype(np.int32),
        "ratio": ratio,
        "ratio_standard_error": np.divide(error, of_all, out=np.full(len(total), np.nan), where=has_ratio),
    }
    return PredictionEstimates(**of_parts | changed)


def _key(cell: NDArray[np.integer], domain: NDArray[np.integer], domains: int) -> NDArray[np.int64]:
    """Number of a cell in a domain, in the order of estimates."""
    return cell.astype(np.int64) * domains + domain


class Incidents(NamedTuple):
    """All incidents of each agency of a design: (agencies,) each.

    Attributes:
        completed: with what was filled.
        own: reported.
    """

    completed: Floats
    own: Floats


def predictions_of(design: Design, of_places: PlaceUnits, incidents: Incidents, *, corrects: bool) -> Predictions:
    """Prepare the units of a design for all columns.

    Args:
        design: of the geographies.
        of_places: of :func:`prediction_units`.
        incidents: of the respondents: what states have in common, and how much was filled, is found from these.
        corrects: whether totals are ratio estimates; if not, they are sums with calibration weights.
    """
    members, psus = of_places.members, len(design.agencies)
    units, settings = of_places.units, Settings(corrects=False)
    expanding = None
    if corrects:
        settings = Settings(gamma=GAMMAS[0], is_of_place=True)
        units = with_own_weights(units_of_benchmark(of_places, 0))
        expanding = expansion(units, int(units.group.max()) + 1, settings.prior_agencies)
    by_total = prediction_form(units, members, psus, settings=settings)
    common = state_variance(by_total, incidents.completed)
    parts = members_of_categories(of_places)

    def chosen(position: int) -> Settings:
        return replace(settings, gamma=GAMMAS[position] if corrects else settings.gamma, state_variance=common)

    @cache
    def by_benchmark(position: int) -> PredictionForm:
        return prediction_form(units_of_benchmark(of_places, position), members, psus, settings=chosen(position))

    is_explained = explained_domains(of_places)

    @cache
    def elsewhere(position: int, of_categories: bool) -> PredictionForm:
        every = parts if of_categories else members
        kept = ~np.repeat(is_explained[:, position], every.domains // max(len(is_explained), 1))[every.domain]
        others = Memberships(every.unit[kept], every.domain[kept], every.domains)
        return prediction_form(units_of_benchmark(of_places, 0), others, psus, settings=chosen(0))

    @cache
    def of_categories(position: int) -> PredictionForm:
        if not corrects:
            return prediction_form(units, parts, psus, settings=chosen(position))
        return prediction_form(units_of_benchmark(of_places, position), parts, psus, settings=chosen(position))

    weights = weights_of_psus(units, members, psus, expanding)
    return Predictions(
        with_state_variance(by_total, common),
        by_benchmark if corrects else None,
        elsewhere,
        of_categories,
        of_places.category.shape[1],
        is_explained,
        weights,
        FilledVariance(weights, *incidents),
    )


def units_of_benchmark(of_places: PlaceUnits, position: int) -> Units:
    """The units with the sizes and donors' variances of a benchmark, by its position in ``EXPLAINED``."""
    size = of_places.benchmarks[:, position]
    return replace(
        of_places.units, size=size, controls=size[:, None], donor_variance=of_places.donor_variances[:, position]
    )


def explained_domains(of_places: PlaceUnits) -> NDArray[np.bool_]:
    """(domains, benchmarks) whether enough respondents of the domain's place have the benchmark."""
    units, members = of_places.units, of_places.members
    places = len(units.place_level)
    # An agency may be several units of a place.
    responds = np.flatnonzero(units.psu >= 0)
    _, first = np.unique(units.psu[responds] * places + units.place[responds], return_index=True)
    number = np.zeros((places, of_places.benchmarks.shape[1]))
    np.add.at(number, units.place[responds[first]], of_places.benchmarks[responds[first]] > 0)
    place = np.zeros(members.domains, dtype=np.int64)
    place[members.domain] = units.place[members.unit]
    enough: NDArray[np.bool_] = number[place] >= LEAST_RESPONDENTS
    return enough


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


def _of_categories(agencies: pl.Series, categories: Mapping[tuple[str, int], pl.Series]) -> NDArray[np.bool_]:
    """(n, categories) whether the agency of each unit is of the category."""
    flags = [agencies.is_in(of_category.implode()).to_numpy() for of_category in categories.values()]
    return np.column_stack(flags) if flags else np.zeros((len(agencies), 0), dtype=np.bool_)


def members_of_categories(of_places: PlaceUnits) -> Memberships:
    """Units of the categories of every geography: category c of geography g is domain g C + c."""
    members, C = of_places.members, of_places.category.shape[1]
    at, category = np.nonzero(of_places.category[members.unit])
    return Memberships(members.unit[at], members.domain[at] * C + category, members.domains * C)


def _with_donor_variances(frame: pl.DataFrame) -> pl.DataFrame:
    """Add the variance of each benchmark: about the mean of its class where it is not the agency's own, otherwise 0."""
    classes = code_list("population_group").select(population_group_code="code", hot_deck_class="parent_code")
    joined = frame.join(classes, on="population_group_code", how="left", maintain_order="left")
    is_other, key = pl.col("benchmark_source").is_in(_OF_OTHERS), ["hot_deck_class", pl.col("population") > 0]
    values = zip(map(pl.col, EXPLAINED), _VARIANCES, strict=True)
    spread = {name: x.var().over(key).fill_null(0.0) + (x - x.mean().over(key)) ** 2 for x, name in values}
    return joined.with_columns(**{name: pl.when(is_other).then(x).otherwise(0.0) for name, x in spread.items()})


def _without_agency(design: Design, geographies: pl.DataFrame) -> pl.DataFrame:
    """Arrests without an agency: units of weight 1 of the places that contain their whole state."""
    nameless = design.agencies.filter(design.agencies < 0)
    wholes = geographies.filter(pl.col("geography_number").is_in(design.geographies[design.is_whole]))
    places = wholes.unique(_PLACE, maintain_order=True)
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
        rule=pl.lit(WeightRule.SELF_REPRESENTING),
        **dict.fromkeys((*EXPLAINED, *_VARIANCES), pl.lit(0.0)),
    )
