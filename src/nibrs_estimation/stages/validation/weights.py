"""Quality of the weights: problem cells first, then weights, controls, Table A and the benchmark (05)."""

from __future__ import annotations

from html import escape

import numpy as np
import polars as pl

from nibrs_estimation.model.benchmark import TABLE_A_ROWS
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.fields import GEOGRAPHY_LEVELS, WeightRule
from nibrs_estimation.pages import counted, html_table, page, readable, writer
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.task import DocumentWriter
from nibrs_estimation.stages.validation import weight_charts as charts

#: Largest number of cells in a list on a page; the datasets contain all.
LISTED = 50
#: As in the check of the weights: relative, or in offenses if a total of the cell is 0 (handbook 07).
TOLERANCE, TOLERANCE_OF_ZERO = 1e-6, 1.0
#: Number of missed controls of a cell that are named; the others are counted.
NAMED_MISSES = 3

_CELL = ["geography_level", "geography_code", "weight_group"]
_KINDS = {
    "nation": "All states of this run",
    "region": "Region",
    "state": "State",
    "university": "University",
    "tribal": "Tribal",
    "field_office": "Field office",
    "judicial_district": "Judicial district",
    "msa": "Metropolitan area",
}
_RULES: dict[str, str] = {
    WeightRule.CALIBRATED: "Calibrated",
    WeightRule.INVERSE_COVERAGE: "1/r",
    WeightRule.EQUAL: "N/n",
    WeightRule.FULL_COVERAGE: "Full coverage",
    WeightRule.SELF_REPRESENTING: "Self-representing",
    WeightRule.NO_CRIME: "No crime",
    WeightRule.NO_RESPONSE: "No weight",
}
#: Level -> usual reason why it has no weights.
_WHY_ABSENT = {
    "region": "no region has all of its states in this run",
    "university": "no agency of that type",
    "tribal": "no agency of that type",
    **dict.fromkeys(("field_office", "judicial_district", "msa"), "the source does not give the location of agencies"),
}
_LEVELS = {
    "field_office": "field offices", "judicial_district": "judicial districts", "msa": "metropolitan areas",
    "region": "regions", "university": "universities", "tribal": "tribal agencies",
}  # fmt: skip
#: Cells of the other rules have no controls.
_FITTED_TO_CONTROLS = (WeightRule.CALIBRATED, WeightRule.INVERSE_COVERAGE, WeightRule.NO_RESPONSE)
_CONTROLS = {
    "total": "all", "violent": "violent", "property": "property", "murder": "murder", "rape": "rape",
    "aggravated_assault": "aggr. assault", "burglary": "burglary", "robbery": "robbery", "larceny": "larceny",
    "vehicle_theft": "vehicle theft", "assault_and_robbery": "assault + robbery",
}  # fmt: skip
_SYMBOLS = (
    "<p>A cell is a weight group of a geography. It has <i>N</i> eligible agencies, of which <i>n</i> are "
    "respondents; <i>r</i> is the share of the benchmark’s crime that respondents have. Each respondent starts from "
    "<i>d</i> = <i>N</i>/<i>n</i> (for all states and for regions over all groups together) and gets the weight "
    "<i>w</i> = <i>d g</i>: the calibration finds factors <i>g</i> close to 1 and within bounds with which the "
    "weighted benchmark of respondents is equal to that of all eligible agencies, for each control. The unequal "
    "weighting effect UWE = 1 + s²(<i>w</i>)/mean(<i>w</i>)² shows how much the variance increases because weights "
    "differ. By default estimates are not sums with these weights, but ratio estimates within the same groups.</p>"
)
_SOURCES = {
    "recent": "recent: its own Return A",
    "smoothed": "smoothed: the file of smoothed counts",
    "own": "own: its own completed incident counts",
    "donor": "donor: an agency of its class",
    "class_rate": "class_rate: crimes of its class per resident, or per agency",
}
_GROUPINGS = {"population_group": "Group", "agency_type": "Type", "region": "Region"}


def validate_weights(
    weighting_frame: pl.LazyFrame,
    weighting_issue: pl.LazyFrame,
    weight_cell: pl.LazyFrame,
    weight_control: pl.LazyFrame,
    agency_weight: pl.LazyFrame,
    weight_check: pl.LazyFrame,
    table_a: pl.LazyFrame,
    year: int,
    identity: Identity,
) -> dict[str, DocumentWriter]:
    """Show cells with problems, the distribution of weights, controls that are met or missed, and the benchmark."""
    frame = weighting_frame.sort("agency_id").collect()
    cells, checks = _with_words(weight_cell), _with_words(weight_check)
    fitted = cells.filter(pl.col("rule").is_in(_FITTED_TO_CONTROLS))
    controls = control_misses(weight_control.collect()).join(fitted, on=_CELL, how="semi", maintain_order="left")
    compared = _with_words(table_a)
    coverage = _coverage(agency_weight, weighting_frame)
    sections = [
        ("In short", _tiles(frame, checks, controls, compared) + _absent(cells) + _SYMBOLS),
        ("Cells with a major problem", _major(checks)),
        ("Cells that miss a control", _missing(fitted, controls)),
        ("Merged cells", _merged(cells)),
        ("Large nonrespondents that stand apart", _apart(cells)),
        ("Cells and agencies by weight", _cells_by_rule(cells) + _agencies_by_weight(coverage, agency_weight)),
        ("Weights of all states and of regions", charts.boxes(checks)),
        ("Weights of all other cells", charts.strips(checks)),
        ("Coverage by state", charts.state_coverage(coverage)),
        ("Controls met", _controls(controls)),
        ("Table A: all states of this run", _nation(compared)),
        ("Table A: relative bias by region, group and type", _bias_of_nation_and_regions(compared)),
        ("Table A: relative bias by state", _bias_by_state(compared)),
        ("Table A: largest biases elsewhere", _elsewhere(compared)),
        ("Sources of the benchmark", _by(frame, "benchmark_source", "Source", _SOURCES)),
        ("Why agencies do not count as respondents", _by(frame, "nonresponse_reason", "First rule that it fails")),
        ("Issues", _issues(weighting_issue.collect())),
    ]
    title = f"Weights, {year}"
    subtitle = "How many agencies each respondent represents, and how well weighted respondents reproduce known crimes."
    return {"validation_weights.html": writer(page(title, subtitle, sections, identity))}


def _absent(cells: pl.DataFrame) -> str:
    """Geography levels without weights, with the usual reason."""
    present = set(cells["geography_level"])
    absent = [f"{_LEVELS[level]} ({why})" for level, why in _WHY_ABSENT.items() if level not in present]
    return f"<p>No weights of: {escape('; '.join(absent))}.</p>" if absent else ""


def control_misses(controls: pl.DataFrame) -> pl.DataFrame:
    """Controls with their ``miss`` in offenses, ``miss_pct`` and ``is_met`` (handbook 07).

    Args:
        controls: dataset ``weight_control``. A control without weighted total is not met, and its miss is missing.
    """
    miss = pl.col("weighted_total") - pl.col("total")
    has_zero = (pl.col("total") == 0).any().over(_CELL)
    is_met = pl.when(has_zero).then(miss.abs() < TOLERANCE_OF_ZERO).otherwise(miss.abs() < TOLERANCE * pl.col("total"))
    return controls.with_columns(
        miss=miss,
        miss_pct=pl.when(pl.col("total") > 0).then(100 * miss / pl.col("total")),
        is_met=is_met.fill_null(False),
    )


def _with_words(table: pl.LazyFrame) -> pl.DataFrame:
    """Add names of the level (``kind``) and geography (``place``) to a table, and sort it by level."""
    groups = [name for name in ("weight_group", "grouping", "group", "crime_type") if name in table.collect_schema()]
    places = code_list("geography").select("geography_level", "geography_code", known="estimate_geographic_location")
    order = pl.col("geography_level").replace_strict(
        {name: i for i, name in enumerate(GEOGRAPHY_LEVELS)}, return_dtype=pl.Int8
    )
    return (
        table.join(places.lazy(), on=["geography_level", "geography_code"], how="left")
        .with_columns(
            kind=pl.col("geography_level").replace_strict(_KINDS, return_dtype=pl.String),
            place=pl.coalesce("known", "geography_code"),
            order=order,
        )
        .sort("order", "geography_code", *groups)
        .collect()
    )


def _coverage(agency_weight: pl.LazyFrame, weighting_frame: pl.LazyFrame) -> pl.DataFrame:
    """Eligible and responding agencies of each geography, and crimes of both."""
    members = (
        agency_weight.join(weighting_frame.select("agency_id", "n_total"), on="agency_id")
        .sort("geography_level", "geography_code", "agency_id")
        .collect()
    )
    places = members.group_by("geography_level", "geography_code", maintain_order=True).agg(
        pl.len(),
        eligible=pl.col("agency_id").n_unique(),
        responding=pl.col("agency_id").filter("is_respondent").n_unique(),
    )
    crimes = (members["population_share"] * members["n_total"]).to_numpy()
    place = np.repeat(np.arange(places.height), places["len"].to_numpy())
    responding = members["is_respondent"].to_numpy()
    return places.with_columns(
        crimes=pl.Series(np.bincount(place, crimes, places.height)).cast(pl.Float64),
        crimes_responding=pl.Series(np.bincount(place, crimes * responding, places.height)).cast(pl.Float64),
    )


def _tiles(frame: pl.DataFrame, checks: pl.DataFrame, controls: pl.DataFrame, compared: pl.DataFrame) -> str:
    responding = frame.filter("is_respondent")
    share = responding.height / max(frame.height, 1)
    crimes = responding["n_total"].to_numpy().sum() / max(frame["n_total"].to_numpy().sum(), 1)
    selected, unselected = controls.filter("is_selected"), controls.filter(~pl.col("is_selected"))
    all_cells = controls.select(_CELL).unique()
    missing = controls.filter(~pl.col("is_met")).select(_CELL).unique()
    nation = checks.filter(pl.col("weight_group") == 0)
    effect = nation["unequal_weighting_effect"].drop_nulls()
    biased = compared.filter(
        (pl.col("geography_level") == "nation") & (pl.col("grouping") == "all") & pl.col("is_biased")
    )
    tiles = [
        (f"{responding.height:,}", "respondents", f"of {frame.height:,} eligible agencies ({share:.1%})"),
        (f"{crimes:.1%}", "of the benchmark’s crime", "in agencies that responded"),
        (
            f"{checks['major_problem'].count():,}",
            "cells with a major problem",
            f"and {checks['minor_problem'].count():,} with a minor one, of {checks.height:,} that were checked",
        ),
        (
            f"{missing.height:,}",
            f"of {counted(all_cells.height, 'cell')} {'misses' if missing.height == 1 else 'miss'} a control",
            f"{selected.filter(~pl.col('is_met')).height:,} of {selected.height:,} selected "
            f"controls are missed, and {unselected.filter(~pl.col('is_met')).height:,} of {unselected.height:,} others",
        ),
        (f"{effect[0]:.2f}" if effect.len() else "–", "unequal weighting effect", "of the weights of all states"),
        (f"{biased.height}", f"of {len(TABLE_A_ROWS)} crimes biased", "by more than 5 % in all states"),
    ]
    return '<div class="tiles">' + "".join(
        f'<div class="tile"><b>{escape(number)}</b><span>{escape(what)}</span><small>{escape(more)}</small></div>'
        for number, what, more in tiles
    ) + "</div>"  # fmt: skip


def _major(checks: pl.DataFrame) -> str:
    found = checks.filter(pl.col("major_problem").is_not_null())
    if found.is_empty():
        return "<p>None.</p>"
    by_kind = ", ".join(f"{kind} {number:,}" for kind, number in _counted(found, "kind"))
    labels = {
        "kind": "Weight", "place": "Place", "label": "Group", "eligible_agencies": "N", "responding_agencies": "n",
        "unequal_weighting_effect": "UWE", "percentile_50": "Median", "percentile_95": "95 %", "maximum": "Largest",
        "major_problem": "Problem",
    }  # fmt: skip
    numbers = dict.fromkeys(("unequal_weighting_effect", "percentile_50", "percentile_95", "maximum"), "fine")
    worst = found.sort(
        "order", pl.col("unequal_weighting_effect").fill_null(0), *_CELL, descending=[False, True, *[False] * 3]
    )
    minor = checks["minor_problem"].count()
    return (
        f"<p>{counted(found.height, 'cell')}: {by_kind}. {minor:,} {'has' if minor == 1 else 'have'} a "
        "minor one: a UWE of 2 to 3 or, for all states and for regions, "
        "a weight below 1. Large weights and a large UWE are expected if few agencies respond; a missing weight is an "
        f"error.{_at_most(found)}</p>"
        + html_table(
            _short(worst.head(LISTED)),
            "major",
            labels,
            eligible_agencies="integer",
            responding_agencies="integer",
            **numbers,
        )
    )


def _missing(fitted: pl.DataFrame, controls: pl.DataFrame) -> str:
    """Cells with a control that is not met, and cells without weights."""
    missed = _named_misses(controls)
    met = controls.group_by(_CELL).agg(met=pl.format("{} of {}", pl.col("is_met").sum(), pl.len()))
    is_without = pl.col("rule") == WeightRule.NO_RESPONSE
    found = (
        fitted.join(missed, on=_CELL, how="left")
        .join(met, on=_CELL, how="left")
        .filter(pl.col("named").is_not_null() | is_without)
        .with_columns(
            misses=pl.when(~is_without).then(
                pl.when(pl.col("more") > 0)
                .then(pl.format("{} and {} more", "named", "more"))
                .otherwise(pl.col("named"))
            ),
            why=pl.when(pl.col("rule") == WeightRule.CALIBRATED)
            .then(pl.lit("no weights within the bounds meet all"))
            .when(pl.col("rule") == WeightRule.INVERSE_COVERAGE)
            .then(pl.lit("all, violent and property crime cannot be met together: weight 1/r"))
            .when(is_without & (pl.col("responding_agencies") == 0))
            .then(pl.lit("no respondent: no weight"))
            .when(is_without)
            .then(pl.lit("respondents have no crime, other agencies do: no weight")),
        )
        .sort("order", pl.col("offenses").fill_null(float("inf")), *_CELL, descending=[False, True, *[False] * 3])
    )
    if found.is_empty():
        return "<p>None.</p>"
    by_why = ", ".join(f"{number:,} {_RULES[rule].lower()}" for rule, number in _counted(found, "rule"))
    labels = {
        "kind": "Weight", "place": "Place", "label": "Group", "eligible_agencies": "N", "responding_agencies": "n",
        "crime_coverage": "r", "met": "Controls met", "misses": "Largest misses", "why": "Why",
    }  # fmt: skip
    return (
        f"<p>{found.height:,} of {fitted.height:,} cells with controls: {by_why}. "
        "Estimates of such a cell may be biased for the controls that it misses. In each level cells without weights "
        "are first, then cells by offenses missed."
        f"{_at_most(found)}</p>"
        + html_table(
            _short(found.head(LISTED)),
            "missing",
            labels,
            eligible_agencies="integer",
            responding_agencies="integer",
            crime_coverage="percent",
        )
    )


def _named_misses(controls: pl.DataFrame) -> pl.DataFrame:
    """The largest misses of each cell in words, the number of ``more`` misses, and the largest in ``offenses``."""
    relative = pl.format("{} %", pl.col("miss_pct").round(1))
    in_words = pl.format(
        "{} {}",
        pl.col("control").replace_strict(_CONTROLS, return_dtype=pl.String),
        pl.coalesce(
            pl.when(pl.col("miss_pct") > 0).then(pl.concat_str(pl.lit("+"), relative)).otherwise(relative),
            pl.format("+{} of none", pl.col("miss").round(0).cast(pl.Int64)),
            pl.lit("not known"),
        ),
    )
    return (
        controls.filter(~pl.col("is_met"))
        .with_columns(in_words=in_words)
        .sort(
            *_CELL, pl.col("miss_pct").abs(), "control", descending=[False, False, False, True, False], nulls_last=False
        )
        .group_by(_CELL, maintain_order=True)
        .agg(
            named=pl.col("in_words").head(NAMED_MISSES).str.join(", "),
            more=pl.len().cast(pl.Int64) - NAMED_MISSES,
            offenses=pl.col("miss").abs().max(),
        )
    )


def _merged(cells: pl.DataFrame) -> str:
    found = cells.filter(pl.col("merged_from").is_not_null())
    if found.is_empty():
        return "<p>None.</p>"
    labels = {
        "kind": "Weight", "place": "Place", "label": "Group", "eligible_agencies": "N", "responding_agencies": "n",
        "merged_from": "Groups merged into it, and why",
    }  # fmt: skip
    counted = ", ".join(f"{kind} {number:,}" for kind, number in _counted(found, "kind"))
    return f"<p>{found.height:,} of {cells.height:,} cells: {counted}.{_at_most(found)}</p>" + html_table(
        _short(_merged_words(found.head(LISTED))),
        "merged",
        labels,
        eligible_agencies="integer",
        responding_agencies="integer",
    )


def _apart(cells: pl.DataFrame) -> str:
    """Cells that were fitted without their largest nonrespondents (handbook 07)."""
    found = cells.filter(pl.col("giants_apart") > 0)
    if found.is_empty():
        return "<p>None.</p>"
    labels = {
        "kind": "Weight", "place": "Place", "label": "Group", "eligible_agencies": "N", "responding_agencies": "n",
        "giants_apart": "Agencies apart",
    }  # fmt: skip
    text = (
        f"{counted(found.height, 'cell')} can meet the controls only without the largest nonrespondents. These count "
        "by their benchmark total times the ratio of the respondents; only the total of all crime is met."
    )
    shown = _short(found.head(LISTED))
    return f"<p>{text}{_at_most(found)}</p>" + html_table(
        shown, "apart", labels, **dict.fromkeys(list(labels)[3:], "integer")
    )


def _merged_words(found: pl.DataFrame) -> pl.DataFrame:
    """Descriptions of merges in words: "group 1" instead of "1" in the dataset."""
    return found.with_columns(
        merged_from=pl.col("merged_from")
        .str.replace_all(r"(\d+) into (\d+)", "group $1 was merged into group $2")
        .str.replace_all(r"(^|; )(\d+)(;|:|$)", "${1}group $2$3")
        .str.replace_all(r"(^|; )(\d+)(;|:|$)", "${1}group $2$3")
    )


def _cells_by_rule(cells: pl.DataFrame) -> str:
    table = (
        cells.group_by("kind", "order")
        .agg(
            cells=pl.len(),
            places=pl.col("geography_code").n_unique(),
            **{rule: (pl.col("rule") == rule).sum() for rule in _RULES},
        )
        .sort("order")
    )
    labels = {"kind": "Weight", "places": "Places", "cells": "Cells", **_RULES}
    return html_table(table, "rules", labels, **dict.fromkeys(list(labels)[1:], "integer"))


def _agencies_by_weight(coverage: pl.DataFrame, agency_weight: pl.LazyFrame) -> str:
    """Agencies, coverage and range of the weights by level; an agency counts once in each level."""
    w = pl.col("weight")
    weights = (
        agency_weight.group_by("geography_level")
        .agg(
            eligible=pl.col("agency_id").n_unique(),
            responding=pl.col("agency_id").filter("is_respondent").n_unique(),
            minimum=w.min(),
            median=w.median(),
            percentile_95=w.quantile(0.95, "linear"),
            maximum=w.max(),
        )
        .collect()
    )
    crimes = coverage.group_by("geography_level", maintain_order=True).agg(pl.col("crimes", "crimes_responding").sum())
    table = (
        pl.DataFrame({"geography_level": list(_KINDS), "kind": list(_KINDS.values())})
        .join(weights, on="geography_level", maintain_order="left")
        .join(crimes, on="geography_level", maintain_order="left")
        .with_columns(
            share=pl.col("responding") / pl.col("eligible"),
            coverage=pl.when(pl.col("crimes") > 0).then(pl.col("crimes_responding") / pl.col("crimes")),
        )
    )
    labels = {
        "kind": "Weight", "eligible": "Eligible agencies", "responding": "Respondents",
        "share": "Share", "coverage": "Share of crime", "minimum": "Smallest weight", "median": "Median",
        "percentile_95": "95 %", "maximum": "Largest",
    }  # fmt: skip
    numbers = dict.fromkeys(("minimum", "median", "percentile_95", "maximum"), "fine")
    return "<br>" + html_table(
        table,
        "agencies",
        labels,
        eligible="integer",
        responding="integer",
        share="percent",
        coverage="percent",
        **numbers,
    )


def _controls(controls: pl.DataFrame) -> str:
    if controls.is_empty():
        return "<p>Nothing was calibrated.</p>"
    shown = [name for name in _CONTROLS if name in controls["control"].unique().to_list()]
    of_control = {
        name: pl.format(
            "{} / {}", pl.col("is_met").filter(pl.col("control") == name).sum(), (pl.col("control") == name).sum()
        )
        for name in shown
    }
    table = (
        pl.DataFrame({"geography_level": list(_KINDS), "kind": list(_KINDS.values())})
        .join(controls.group_by("geography_level").agg(**of_control), on="geography_level", maintain_order="left")
    )  # fmt: skip
    return (
        "<p>Cells that meet the control / cells that have it, also if their weights were not calibrated to it.</p>"
        + html_table(table, "controls", {"kind": "Weight", **{name: _CONTROLS[name] for name in shown}})
    )


def _nation(compared: pl.DataFrame) -> str:
    found = compared.filter((pl.col("geography_level") == "nation") & (pl.col("grouping") == "all"))
    if found.is_empty():
        return "<p>There are no weights of all states.</p>"
    table = (
        pl.DataFrame({"crime_type": list(TABLE_A_ROWS), "crime": list(TABLE_A_ROWS.values())})
        .join(found, on="crime_type", maintain_order="left")
        .with_columns(mark=pl.when("is_biased").then(pl.lit("*")).otherwise(pl.lit("")))
    )
    labels = {
        "crime": "Offense type", "estimate": "Weighted total of respondents", "standard_error": "SE",
        "relative_standard_error_pct": "RSE, %", "benchmark": "Benchmark of all eligible agencies",
        "relative_bias_pct": "Relative bias, %", "mark": "",
    }  # fmt: skip
    kinds = {"relative_standard_error_pct": "fine", "relative_bias_pct": "fine"}
    whole = dict.fromkeys(("estimate", "standard_error", "benchmark"), "integer")
    return (
        "<p>The benchmark is known for all eligible agencies, so the difference is the bias of the weights. It is 0 "
        "for crimes to which they were calibrated. * more than 5 %; – not defined.</p>"
        + html_table(table, "nation", labels, **whole, **kinds)
    )


def _bias_of_nation_and_regions(compared: pl.DataFrame) -> str:
    is_nation = pl.col("geography_level") == "nation"
    rows = compared.filter(is_nation | ((pl.col("geography_level") == "region") & (pl.col("grouping") == "all")))
    grouping = pl.col("grouping").replace_strict(_GROUPINGS, default=None, return_dtype=pl.String)
    named = rows.with_columns(
        row=pl.when(pl.col("grouping") == "all")
        .then(pl.when(is_nation).then(pl.lit(_KINDS["nation"])).otherwise(pl.format("Region weight: {}", "place")))
        .otherwise(pl.format("{}: {}", grouping, "group"))
    )
    # Order: the nation, the regions with their own weights, then the groups of the nation.
    groups = code_list("population_group")
    by_size = {**dict(zip(groups["parent_label"], groups["parent_code"], strict=True)), "Cities under 10,000": "6"}
    order = named.sort(
        pl.col("grouping") != "all",
        "order",
        pl.col("grouping").replace_strict({name: i for i, name in enumerate(_GROUPINGS)}, default=None),
        "geography_code",
        pl.col("group").replace_strict(by_size, default="", return_dtype=pl.String),
        "group",
        "crime_type",
    )
    note = "<p>Weights of all states; rows “Region weight” use the weights of the region.</p>"
    return note + charts.heat(order, "row") if order.height else "<p>None.</p>"


def _bias_by_state(compared: pl.DataFrame) -> str:
    states = compared.filter(pl.col("geography_level") == "state").sort("place", "crime_type")
    return charts.heat(states, "place") if states.height else "<p>There are no weights of states.</p>"


def _elsewhere(compared: pl.DataFrame) -> str:
    elsewhere = compared.filter(~pl.col("geography_level").is_in(["nation", "region", "state"])).with_columns(
        crime=pl.col("crime_type").replace_strict(TABLE_A_ROWS, return_dtype=pl.String),
        miss=pl.col("estimate") - pl.col("benchmark"),
    )
    biased = elsewhere.filter("is_biased")
    if biased.is_empty():
        return "<p>None above 5 %.</p>"
    largest = biased.sort(pl.col("miss").abs(), "order", "place", "crime", descending=[True, *[False] * 3])
    labels = {
        "kind": "Weight", "place": "Place", "crime": "Offense type", "estimate": "Weighted total of respondents",
        "standard_error": "SE", "benchmark": "Benchmark", "miss": "Difference", "relative_bias_pct": "Relative bias, %",
    }  # fmt: skip
    whole = dict.fromkeys(("estimate", "standard_error", "benchmark", "miss"), "integer")
    return (
        f"<p>{biased.height:,} of {elsewhere.height:,} totals of all other places are biased by more than 5 %; the "
        f"largest differences are first.{_at_most(biased)}</p>"
        + html_table(largest.head(LISTED), "elsewhere", labels, **whole, relative_bias_pct="number")
    )


def _by(frame: pl.DataFrame, column: str, title: str, words: dict[str, str] | None = None) -> str:
    """Agencies by value of a column: numbers, respondents, and shares of population and crimes."""
    counted = frame.filter(pl.col(column).is_not_null())
    table = (
        counted.group_by(column)
        .agg(
            agencies=pl.len(),
            responding=pl.col("is_respondent").sum(),
            people=pl.col("population").cast(pl.Int64).sum() / max(frame["population"].cast(pl.Int64).sum(), 1),
            crimes=pl.col("n_total").sum() / max(frame["n_total"].sum(), 1),
        )
        .with_columns(share=pl.col("agencies") / max(frame.height, 1))
        .sort("agencies", column, descending=[True, False])
        .with_columns(pl.col(column).replace(words or {}))
    )
    if table.is_empty():
        return "<p>None.</p>"
    labels = {
        column: title, "agencies": "Agencies", "share": "Share of eligible agencies", "responding": "Respondents",
        "people": "Share of population", "crimes": "Share of benchmark",
    }  # fmt: skip
    percent = dict.fromkeys(("share", "people", "crimes"), "percent")
    if column == "nonresponse_reason":
        del labels["responding"]
        return html_table(table, column, labels, agencies="integer", **percent)
    return html_table(table, column, labels, agencies="integer", responding="integer", **percent)


def _issues(issues: pl.DataFrame) -> str:
    if issues.is_empty():
        return "<p>Nothing.</p>"
    labels = {"issue": "What", "n_agencies": "Agencies", "first_agency": "The first", "rule": "What was done"}
    return html_table(issues.sort("issue"), "issues", labels, n_agencies="integer")


def _counted(table: pl.DataFrame, column: str) -> list[tuple[str, int]]:
    """Values in the order of the rows, with their frequencies."""
    return [(value, number) for value, number in table.group_by(column, maintain_order=True).len().iter_rows()]


def _short(table: pl.DataFrame) -> pl.DataFrame:
    """Shorten labels by words that other columns already show."""
    return table.with_columns(readable("label").str.replace("Not self-representing - ", "", literal=True))


def _at_most(found: pl.DataFrame) -> str:
    return f" The first {LISTED}:" if found.height > LISTED else ""
