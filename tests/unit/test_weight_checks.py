"""Checks of weights: the worked example and the rules of handbook 07, and slow twins."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from tests.support.frames import table

from nibrs_estimation.model.weights import CONTROLS, WEIGHT_CHECK
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.stages.weighting.checks import QUANTILES, check_weights

Rows = list[dict[str, Any]]

#: Section 13.1, U = 2.5: weight (missing for the two nonrespondents), violent and property crime.
EXAMPLE = [
    (1.420963, 10, 100), (1.102183, 40, 300), (1.953092, 25, 400), (1.575150, 5, 80), (None, 20, 200), (None, 15, 300)
]  # fmt: skip


def frame_rows(crimes: list[tuple[float, float]]) -> Rows:
    """Agencies 1, 2, ... whose violent crime is robbery and whose property crime is larceny."""
    return [
        {
            "agency_id": i, "n_violent": float(violent), "n_robbery": float(violent), "n_property": float(stolen),
            "n_larceny": float(stolen), "n_total": float(violent + stolen),
        }
        for i, (violent, stolen) in enumerate(crimes, 1)
    ]  # fmt: skip


def weight_rows(weights: list[float | None], **cell: Any) -> Rows:
    return [
        {"agency_id": i, "weight": weight, "is_respondent": weight is not None, **cell}
        for i, weight in enumerate(weights, 1)
    ]


def cell_row(weights: list[float | None], **cell: Any) -> dict[str, Any]:
    return {
        "eligible_agencies": len(weights),
        "responding_agencies": sum(weight is not None for weight in weights),
        **cell,
    }


def control(name: str, total: float, **cell: Any) -> dict[str, Any]:
    key = {"geography_level": "nation", "geography_code": "US", "weight_group": 8}
    return {**key, "control": name, "is_selected": True, "total": total, **cell}


def checks(frame: Rows, weights: Rows, cells: Rows, controls: Rows) -> pl.DataFrame:
    found = check_weights(
        table("weighting_frame", *frame),
        table("agency_weight", *weights),
        table("weight_cell", *cells),
        table("weight_control", *controls),
    )
    return checked(found, WEIGHT_CHECK)


def of_weights(weights: list[float | None], level: str = "state", rule: str = "calibrated") -> dict[str, Any]:
    """The row of a cell with these weights."""
    key = {"geography_level": level, "geography_code": "VT", "weight_group": 4}
    found = checks(
        frame_rows([(1, 1)] * len(weights)),
        weight_rows(weights, **key),
        [cell_row(weights, rule=rule, **key)],
        [],
    )
    return found.filter(pl.col("weight_group") == 4).row(0, named=True)


def test_worked_example() -> None:
    weights = [weight for weight, _violent, _stolen in EXAMPLE]
    found = checks(
        frame_rows([(violent, stolen) for _weight, violent, stolen in EXAMPLE]),
        weight_rows(weights),
        [cell_row(weights)],
        # The weights are printed with six decimals, which meet 1e-6 of the totals only just.
        [control("violent", 115.0), control("property", 1380.0), control("murder", 7.0, is_selected=False)],
    )
    everybody, cell = found.rows(named=True)
    assert (everybody["weight_group"], everybody["label"], everybody["rule"]) == (0, "All agencies", None)
    assert cell["unequal_weighting_effect"] == pytest.approx(1.054585, abs=5e-7)
    assert cell["mean"] == pytest.approx(1.512847, abs=5e-7)
    named = {
        "minimum": 1.10218, "percentile_05": 1.15000, "percentile_25": 1.34127, "percentile_50": 1.49806,
        "percentile_75": 1.66964, "percentile_95": 1.89640, "maximum": 1.95309,
    }  # fmt: skip
    assert {name: cell[name] for name in named} == pytest.approx(named, abs=5e-6)
    assert (cell["eligible_agencies"], cell["responding_agencies"], cell["missing_weights"]) == (6, 4, 0)
    assert (cell["below_1"], cell["below_0_9"], cell["above_20"]) == (0, 0, 0)
    assert (cell["is_calibrated"], cell["major_problem"], cell["minor_problem"]) == (True, None, None)
    same = [name for name in found.columns if name not in ("weight_group", "label", "rule", "is_calibrated")]
    assert {name: everybody[name] for name in same} == {name: cell[name] for name in same}
    assert everybody["is_calibrated"] is None


@pytest.mark.parametrize(
    ("totals", "is_met"),
    [
        ({"violent": 20.0, "property": 200.0}, True),
        ({"violent": 20.0, "property": 200.0 * (1 + 2e-6)}, False),
        # A total of 0 turns the whole cell to misses in offenses.
        ({"violent": 20.0, "property": 200.5, "murder": 0.0}, True),
        ({"violent": 20.0, "property": 201.0, "murder": 0.0}, False),
        # agg + (Σ agg / Σ rob) rob: without aggravated assault nothing is left of it.
        ({"violent": 20.0, "assault_and_robbery": 0.0}, True),
        ({}, False),
    ],
)
def test_calibrated_means_that_every_selected_control_is_met(totals: dict[str, float], is_met: bool) -> None:
    found = checks(
        frame_rows([(10, 100), (10, 100)]),
        weight_rows([2.0, None]),
        [cell_row([2.0, None])],
        [*(control(name, total) for name, total in totals.items()), control("total", 1.0, is_selected=False)],
    )
    assert found.filter(pl.col("weight_group") == 8)["is_calibrated"].to_list() == [is_met]


def test_assault_and_robbery_in_one_control() -> None:
    """Of 30 assaults and 10 robberies k = 3; respondents of weight 2 give 2 (10 + 3 x 5)."""
    frame = [
        {"agency_id": 1, "n_aggravated_assault": 10.0, "n_robbery": 5.0},
        {"agency_id": 2, "n_aggravated_assault": 20.0, "n_robbery": 5.0},
    ]
    for total, is_met in ((50.0, True), (60.0, False)):
        found = checks(
            frame, weight_rows([2.0, None]), [cell_row([2.0, None])], [control("assault_and_robbery", total)]
        )
        assert found.filter(pl.col("weight_group") == 8)["is_calibrated"].to_list() == [is_met]


def test_shares_count_in_the_controls() -> None:
    found = checks(
        frame_rows([(10, 100), (10, 100)]),
        weight_rows([2.0, None], population_share=0.5),
        [cell_row([2.0, None])],
        [control("violent", 10.0), control("property", 100.0)],
    )
    assert found["is_calibrated"].to_list() == [None, True]


@pytest.mark.parametrize(
    ("weights", "level", "major", "minor"),
    [
        ([1.0, 1.5], "state", None, None),
        ([1.0, 21.0, 22.0], "state", "2 weights above 20", None),
        # One of ten is a: effect 1 + 10 (a - 1)² / (a + 9)², percentile 95 at 1 + 0.55 (a - 1).
        ([1.0] * 9 + [41.0], "state", "1 weight above 20; unequal weighting effect 7.4; percentile 95 is 23.0 times "
         "the median", None),
        ([1.0] * 9 + [5.0], "state", None, None),
        ([1.0] * 9 + [7.0], "state", None, "unequal weighting effect 2.406"),
        ([1.0] * 9 + [9.0], "state", "percentile 95 is 5.4 times the median", "unequal weighting effect 2.975"),
        ([1.0] * 9 + [9.0], "tribal", None, "unequal weighting effect 2.975"),
        ([1.0] * 9 + [11.0], "university", "unequal weighting effect 3.5", None),
        ([0.95, 0.999, 1.2], "state", "2 weights below 1", None),
        ([0.95, 0.999, 1.2], "nation", None, "2 weights below 1"),
        ([0.89, 0.999, 1.2], "region", "1 weight below 0.9", "2 weights below 1"),
        ([0.9 - 1e-9, 1 - 1e-9], "nation", None, "1 weight below 1"),
        ([1 - 1e-9], "msa", None, None),
    ],
)  # fmt: skip
def test_problems_by_the_rules_of_the_report(
    weights: list[float | None], level: str, major: str | None, minor: str | None
) -> None:
    row = of_weights(weights, level)
    assert (row["major_problem"], row["minor_problem"]) == (major, minor)


def test_a_respondent_without_weight_is_a_major_problem() -> None:
    key = {"geography_level": "state", "geography_code": "VT"}
    weights = weight_rows([2.0, None], **key)
    weights[1]["is_respondent"] = True
    found = checks(frame_rows([(1, 1)] * 2), weights, [cell_row([2.0, None], **key)], [])
    assert found["missing_weights"].to_list() == [1]
    assert found["major_problem"].to_list() == ["1 respondent without weight"]


def test_one_respondent_and_none() -> None:
    one = of_weights([3.0, None])
    assert one["unequal_weighting_effect"] is None
    assert [one[name] for name in ("mean", *QUANTILES)] == [3.0] * 10
    none = of_weights([None, None], rule="equal", level="tribal")
    assert [none[name] for name in ("mean", *QUANTILES, "major_problem", "is_calibrated")] == [None] * 12
    assert (none["eligible_agencies"], none["responding_agencies"], none["above_20"]) == (2, 0, 0)


def test_fitted_cells_and_those_without_weights_have_a_row() -> None:
    rules = ["calibrated", "inverse_coverage", "equal", "full_coverage", "self_representing", "no_crime", "no_response"]
    keys = [{"geography_level": "state", "geography_code": "VT", "weight_group": group} for group in range(len(rules))]
    cells = [cell_row([1.0], rule=rule, **key) for rule, key in zip(rules, keys, strict=True)]
    cells[1]["eligible_agencies"] = cells[1]["responding_agencies"] = 0
    found = checks(frame_rows([(1, 1)]), [row for key in keys for row in weight_rows([1.0], **key)], cells, [])
    assert found["rule"].to_list() == ["calibrated", "equal", "no_response"]


def test_the_row_of_all_agencies_holds_those_that_were_not_fitted() -> None:
    weights = [*weight_rows([1.0], weight_group=1), *weight_rows([2.0, 4.0, None], weight_group=8)]
    cells = [cell_row([1.0], weight_group=1, rule="full_coverage"), cell_row([2.0, 4.0, None])]
    found = checks(frame_rows([(1, 1)] * 3), weights, cells, [])
    assert found["weight_group"].to_list() == [0, 8]
    assert found["eligible_agencies"].to_list() == [4, 3]
    assert found["mean"].to_list() == pytest.approx([7 / 3, 3.0])


def test_nothing_at_all() -> None:
    assert checks([], [], [], []).is_empty()


@st.composite
def nations(draw: st.DrawFn) -> tuple[Rows, Rows, Rows, Rows]:
    """Agencies in cells of nation and states, some weights missing, some controls met and some not."""
    agencies = draw(st.integers(1, 25))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    crimes = rng.integers(0, 30, (agencies, len(CONTROLS))).astype(float)
    frame = [
        {"agency_id": i, **dict(zip(CONTROLS.values(), row, strict=True))} for i, row in enumerate(crimes.tolist(), 1)
    ]
    weights, cells, controls = [], [], []
    for level, code in (("nation", "US"), ("state", "VT")):
        groups = rng.integers(1, 4, agencies)
        for group in sorted(set(groups.tolist())):
            key = {"geography_level": level, "geography_code": code, "weight_group": group}
            inside = np.flatnonzero(groups == group)
            rows = [
                {
                    **key, "agency_id": int(i) + 1, "population_share": float(rng.choice([1.0, 0.3])),
                    "is_respondent": bool(rng.random() < 0.8), "weight": float(rng.lognormal(0.7, 1.2)),
                }
                for i in inside
            ]  # fmt: skip
            for row in rows:
                if not row["is_respondent"] or rng.random() < 0.05:
                    row["weight"] = None
            weights += rows
            cells.append(
                {
                    **key, "rule": str(rng.choice(["calibrated", "equal"])),
                    "eligible_agencies": len(rows), "responding_agencies": sum(row["is_respondent"] for row in rows),
                }
            )  # fmt: skip
            for name, column in CONTROLS.items():
                hit = sum(
                    (row["weight"] or 0) * row["population_share"] * frame[row["agency_id"] - 1][column] for row in rows
                )
                off = float(rng.choice([0, 0, 0, 0, 0, 1e-7, 1e-5]))
                controls.append(
                    {**key, "control": name, "is_selected": bool(rng.random() < 0.3), "total": hit * (1 + off)}
                )
    return frame, weights, cells, controls


def slow_check(rows: Rows) -> dict[str, Any]:
    """Counts, quantiles and effect of a list of agencies, one after the other."""
    w = sorted(row["weight"] for row in rows if row["weight"] is not None)
    mean = sum(w) / len(w) if w else None
    effect = None
    if mean is not None and len(w) > 1:
        effect = 1 + sum((value - mean) ** 2 for value in w) / (len(w) - 1) / mean**2
    return {
        "eligible_agencies": len(rows),
        "responding_agencies": sum(row["is_respondent"] for row in rows),
        "missing_weights": sum(row["is_respondent"] and row["weight"] is None for row in rows),
        "below_1": sum(round(value, 6) < 1 for value in w),
        "below_0_9": sum(round(value, 6) < 0.9 for value in w),
        "above_20": sum(value > 20 for value in w),
        "unequal_weighting_effect": effect,
        "mean": mean,
        **{name: float(np.quantile(w, level)) if w else None for name, level in QUANTILES.items()},
    }


def slow_calibrated(controls: Rows, rows: Rows, frame: Rows) -> bool:
    selected = [row for row in controls if row["is_selected"]]
    misses = []
    for row in selected:
        got = 0.0
        for agency in rows:
            value = frame[agency["agency_id"] - 1][CONTROLS[row["control"]]]
            got += (agency["weight"] or 0) * agency["population_share"] * value
        misses.append(abs(got - row["total"]))
    if any(row["total"] == 0 for row in selected):
        return bool(max(misses) < 1)
    return bool(selected) and max(miss / row["total"] for miss, row in zip(misses, selected, strict=True)) < 1e-6


@given(nations(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_equals_the_slow_twin_whatever_the_order_of_rows(nation: tuple[Rows, Rows, Rows, Rows], random: Any) -> None:
    frame, weights, cells, controls = nation
    found = checks(frame, weights, cells, controls)
    for row in found.iter_rows(named=True):
        key = ("geography_level", "geography_code", "weight_group")

        def here(of: dict[str, Any], row: dict[str, Any] = row, key: tuple[str, ...] = key) -> bool:
            if row["weight_group"] == 0:
                return bool(of["geography_level"] == "nation")
            return all(of[name] == row[name] for name in key)

        rows = [of for of in weights if here(of)]
        slow = slow_check(rows)
        for name, value in slow.items():
            assert row[name] == (value if value is None else pytest.approx(value, rel=1e-12)), name
        if row["rule"] == "calibrated":
            assert row["is_calibrated"] == slow_calibrated([of for of in controls if here(of)], rows, frame)
        else:
            assert row["is_calibrated"] is None
    assert found.height == len(cells) + 1

    mixed = [random.sample(rows, len(rows)) for rows in nation]
    assert_frame_equal(checks(*mixed), found, check_exact=True)
