"""Bias and root mean squared error against a slow twin, and the worked examples (handbook 14)."""

from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.estimated import version_of
from tests.support.frames import table

from nibrs_estimation.tables.prior_year import with_prior_year
from nibrs_estimation.tables.read import table_definition
from nibrs_estimation.tables.table_rows import table_rows

PERSONS = 250_000.0
#: Numbers of a stored cell: W, its standard error, U, respondents with a count, what item imputation adds.
Cell = dict[str, float | None]


def rows_of(
    cells: dict[tuple[int, int], Cell], *, variance_rule: str = "prediction", **place: Any
) -> dict[tuple[int, int, str], dict[str, Any]]:
    """Rows of table 1a, by row, column and type, of one place that holds these cells by row and column."""
    stored = [
        {"table_part": "1a", "definition_version": version_of("1a"), "series_number": 0, "geography_number": 1,
         "row": row, "column": column, "lower_bound": 1.0, "upper_bound": 900.0, "reported": 1.0, "unweighted": 1.0,
         "filled_share": 0.0, "imputed_share": 0.0, "imputation_standard_error": 0.0, **values}
        for (row, column), values in cells.items()
    ]  # fmt: skip
    about = {"geography_number": 1, "geography_level": "nation", "geography_code": "US", "eligible_agencies": 10,
             "responding_agencies": 8, "population_coverage": 0.9, **place}  # fmt: skip
    people = {"geography_number": 1, "population_key": "TOTAL", "population": PERSONS, "population_responding": PERSONS}
    rows = table_rows(
        table_definition("1a"),
        table("cell_estimate", *stored),
        table("cell_gap"),
        table("coverage", about).collect(),
        table("geography_population", people),
        variance_rule=variance_rule,
    )
    kinds = {1: "count", 2: "percentage", 3: "rate"}
    return {(row["row"], row["column"], kinds[row["estimate_type_num"]]): row for row in rows.iter_rows(named=True)}


def total(second: float | None, agencies: int | None = 5, **others: float | None) -> dict[tuple[int, int], Cell]:
    """A total of 160 with standard error 18.867962."""
    values: Cell = {"estimate": 160.0, "standard_error": 18.867962, "copula_estimate": second}
    return {(1, 1): {**values, "agency_counts": agencies, **others}}


def test_the_worked_example_of_a_count_and_its_rate() -> None:
    rows = rows_of(total(140.0))
    count, rate = rows[1, 1, "count"], rows[2, 1, "rate"]
    assert (count["estimate_copula"], count["estimate_bias"], count["estimate_prb"]) == (140.0, 20.0, 12.5)
    assert count["estimate_rmse"] == pytest.approx(27.495454, abs=1e-6)
    assert count["relative_standard_error"] == pytest.approx(0.117925, abs=1e-6)
    assert count["relative_rmse"] == pytest.approx(0.171847, abs=1e-6)
    assert (rate["estimate"], rate["estimate_copula"], rate["estimate_bias"]) == pytest.approx((64.0, 56.0, 8.0))
    assert rate["estimate_standard_error"] == pytest.approx(7.547185, abs=1e-6)
    assert rate["estimate_rmse"] == pytest.approx(10.998182, abs=1e-6)
    assert (rate["relative_rmse"], rate["estimate_prb"]) == pytest.approx((count["relative_rmse"], 12.5))
    # The published interval is the stored one; that of the reference pipeline includes the bias.
    assert (count["estimate_lower_bound"], count["estimate_upper_bound"]) == (1.0, 900.0)
    of_reference = rows_of(total(140.0), variance_rule="reference")[1, 1, "count"]
    ends = (of_reference["estimate_lower_bound"], of_reference["estimate_upper_bound"])
    assert ends == pytest.approx((106.108910, 213.891090), abs=1e-5)


def test_the_variance_of_the_difference_is_removed_from_the_squared_bias() -> None:
    """20² - 300 = 100: √(356 + 100). A variance of more than 400 leaves the standard error alone."""
    rows = rows_of(total(140.0, difference_variance=300.0))
    count, rate = rows[1, 1, "count"], rows[2, 1, "rate"]
    assert (count["estimate_bias"], count["estimate_rmse"]) == (20.0, pytest.approx(math.sqrt(356 + 100), abs=1e-5))
    assert rate["estimate_rmse"] == pytest.approx(0.4 * count["estimate_rmse"])
    assert rate["relative_rmse"] == pytest.approx(count["relative_rmse"])
    more = rows_of(total(140.0, difference_variance=500.0))[1, 1, "count"]
    assert more["estimate_rmse"] == more["estimate_standard_error"]


def test_the_worked_example_of_a_percentage() -> None:
    share: Cell = {"standard_error": 7.0, "agency_counts": 5, "percentage_standard_error": 4.543148}
    cells = {
        (3, 1): {**share, "estimate": 111.0, "copula_estimate": 95.0, "percentage": 69.375},
        (4, 1): {**share, "estimate": 49.0, "copula_estimate": 45.0, "percentage": 30.625},
    }
    row = rows_of(cells)[4, 1, "percentage"]
    assert row["estimate_copula"] == pytest.approx(100 * 45 / 140)
    assert row["estimate_bias"] == pytest.approx(-1.517857, abs=1e-6)
    assert row["estimate_rmse"] == pytest.approx(4.789999, abs=1e-6)
    assert row["estimate_prb"] == pytest.approx(100 * 4 / 49)
    # Without the second estimate of a part of the denominator, there is none of the percentage.
    unknown = rows_of({**cells, (3, 1): {**cells[3, 1], "copula_estimate": None}})
    assert unknown[4, 1, "percentage"]["estimate_copula"] is None
    assert unknown[4, 1, "percentage"]["estimate_bias"] is None
    assert unknown[4, 1, "count"]["estimate_bias"] == 4.0


@pytest.mark.parametrize(("second", "agencies"), [(None, 5), (140.0, 4), (140.0, None)])
def test_without_second_estimate_or_with_few_agencies_the_bias_is_missing(
    second: float | None, agencies: int | None
) -> None:
    rows = rows_of(total(second, agencies))
    for row in (rows[1, 1, "count"], rows[2, 1, "rate"]):
        of_bias = ("estimate_bias", "estimate_prb", "estimate_rmse", "relative_rmse")
        assert [row[name] for name in of_bias] == [None] * 4
        assert row["estimate_standard_error"] is not None
    reference = rows_of(total(second, agencies), variance_rule="reference")[1, 1, "count"]
    assert (reference["estimate_lower_bound"], reference["estimate_upper_bound"]) == (1.0, 900.0)


def test_where_all_agencies_reported_there_is_no_bias() -> None:
    rows = rows_of(total(None, 2), unreported_ratio=0.0)
    for row in (rows[1, 1, "count"], rows[1, 2, "count"], rows[2, 1, "rate"]):
        assert row["estimate_bias"] == 0.0
        assert row["estimate_copula"] == row["estimate"]
        assert row["estimate_rmse"] == row["estimate_standard_error"]
    assert rows[1, 1, "count"]["estimate_prb"] == 0.0


def test_where_all_residents_are_covered_the_error_is_that_of_imputed_items() -> None:
    share: Cell = {"standard_error": 7.0, "agency_counts": 9, "percentage_standard_error": 4.0}
    cells = total(140.0, imputation_standard_error=3.0) | {
        (3, 1): {**share, "estimate": 120.0, "percentage": 75.0, "imputation_standard_error": 3.0},
        (4, 1): {**share, "estimate": 40.0, "percentage": 25.0, "imputation_standard_error": 3.0},
        (11, 1): {**share, "estimate": 40.0, "percentage": 100.0, "imputation_standard_error": 3.0},
    }
    rows = rows_of(cells, population_coverage=1.0, variance_rule="reference")
    count, rate, share_of_25 = rows[1, 1, "count"], rows[2, 1, "rate"], rows[4, 1, "percentage"]
    assert (count["estimate_standard_error"], count["estimate_bias"], count["estimate_prb"]) == (3.0, 0.0, 0.0)
    assert (count["estimate_rmse"], count["estimate_copula"]) == (3.0, 160.0)
    assert (count["estimate_lower_bound"], count["estimate_upper_bound"]) == pytest.approx((154.12, 165.88))
    assert rate["estimate_standard_error"] == pytest.approx(3 * 100_000 / PERSONS)
    assert share_of_25["estimate_standard_error"] == pytest.approx(25 * 3 / 40)
    assert rows[11, 1, "percentage"]["estimate_standard_error"] == 0.0
    # By default error and interval stay: agencies without residents may not have responded.
    count = rows_of(cells, population_coverage=1.0)[1, 1, "count"]
    assert (count["estimate_standard_error"], count["estimate_bias"]) == (18.867962, 0.0)
    assert (count["estimate_lower_bound"], count["estimate_upper_bound"]) == (1.0, 900.0)
    # Almost all residents are not all, and a coverage that is not known is not 1.
    for coverage in (0.999999, None):
        assert rows_of(cells, population_coverage=coverage)[1, 1, "count"]["estimate_bias"] == 20.0


def slow(
    cells: dict[tuple[int, int], Cell], row: int, column: int, kind: str, estimate: float,
    coverage: float | None, ratio: float | None, rule: str,
) -> dict[str, float | None]:  # fmt: skip
    """The numbers of one row that depend on the second estimate, from the stored cells."""
    nothing: Cell = {"estimate": 0.0, "standard_error": 0.0, "copula_estimate": None, "agency_counts": 0,
                     "imputation_standard_error": 0.0, "percentage_standard_error": 0.0}  # fmt: skip
    cell = cells.get((1 if row == 2 else row, column), nothing)
    per_unit = 100_000 / PERSONS if kind == "rate" else 1.0
    w, u, imputed = cell["estimate"] or 0.0, cell["copula_estimate"], cell["imputation_standard_error"] or 0.0
    second = None if u is None else u * per_unit
    error = None if cell["standard_error"] is None else cell["standard_error"] * per_unit
    if kind == "percentage":
        denominator = table_definition("1a").rows[row - 1].denominator
        parts = [cells[other, column]["copula_estimate"] for other in denominator if (other, column) in cells]
        known = [part for part in parts if part is not None]
        second = 100 * u / sum(known) if u is not None and len(known) == len(parts) else None
        error = cell["percentage_standard_error"]
        per_unit = estimate / w if w and estimate < 100 else 0.0
    if coverage == 1.0 and error is not None and rule == "reference":
        error = imputed * per_unit
    is_enough = (cell["agency_counts"] or 0) >= 5
    bias = estimate - second if second is not None and is_enough else None
    percent = 100 * (w - u) / w if w > 0 and u is not None and is_enough else None
    if coverage == 1.0 or ratio == 0.0:
        second, bias, percent = estimate, 0.0, 0.0 if w > 0 else None
    rmse = None if error is None or bias is None else math.hypot(error, bias)
    return {
        "estimate_copula": second,
        "estimate_standard_error": error,
        "estimate_bias": bias,
        "estimate_prb": percent,
        "estimate_rmse": rmse,
        "relative_rmse": rmse / estimate if rmse is not None and estimate > 0 else None,
    }


number = st.floats(0.5, 1000)


@settings(deadline=None, max_examples=40)
@given(
    st.dictionaries(
        st.tuples(st.sampled_from([1, 3, 4, 5, 6]), st.integers(1, 2)),
        st.fixed_dictionaries(
            {"estimate": number, "standard_error": st.none() | number, "copula_estimate": st.none() | number,
             "agency_counts": st.none() | st.integers(1, 9), "imputation_standard_error": st.floats(0, 5)}
        ),
        max_size=10,
    ),
    st.sampled_from([None, 0.5, 1.0]),
    st.sampled_from([None, 0.0, 0.25]),
    st.sampled_from(["prediction", "reference"]),
)  # fmt: skip
def test_every_row_equals_the_slow_twin(
    cells: dict[tuple[int, int], Cell], coverage: float | None, ratio: float | None, rule: str
) -> None:
    for (row, column), values in cells.items():
        denominator = table_definition("1a").rows[row - 1].denominator
        base = sum(cells[other, column]["estimate"] or 0 for other in denominator if (other, column) in cells)
        values["percentage"] = 100 * (values["estimate"] or 0) / base if base else None
        values["percentage_standard_error"] = 2.0 if base else None
    found = rows_of(cells, variance_rule=rule, population_coverage=coverage, unreported_ratio=ratio)
    few = {key: found[key] for key in found if key[0] <= 6 and key[1] <= 2 and found[key]["estimate"] is not None}
    assert len(few) >= 8
    for key, numbers in few.items():
        estimate = numbers["estimate"]
        expected = slow(cells, *key, estimate, coverage, ratio, rule)
        assert {name: numbers[name] for name in expected} == pytest.approx(expected, abs=1e-9), key
        rmse = expected["estimate_rmse"]
        if rule == "reference" and rmse is not None:
            ends = (numbers["estimate_lower_bound"], numbers["estimate_upper_bound"])
            assert ends == pytest.approx((max(estimate - 1.96 * rmse, 0), estimate + 1.96 * rmse), abs=1e-9)


def correlation(share: float, year: int = 2024, **values: float | None) -> tuple[float | None, float | None]:
    """Share of agencies and correlation with the year before of one row, of 1,000 eligible agencies."""
    row = {"estimate": 9.0, "estimate_standard_error": 1.0, "agency_counts": 1000 * share, **values}
    schema = {**dict.fromkeys(row, pl.Float64), "eligible_agencies": pl.Int32}
    rows = pl.DataFrame([{**row, "eligible_agencies": 1000}], schema=schema)
    found = with_prior_year(rows, year).row(0, named=True)
    return found["prop_elig_oris_nonzero_count"], found["correlation_with_prior_year"]


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.006, 0.0), (0.007, 0.126), (0.014, 0.175), (0.024, 0.261), (0.041, 0.355), (0.071, 0.465), (0.121, 0.585),
        (0.204, 0.692), (0.344, 0.762), (0.564, 0.835), (1.0, 0.835), (1.001, None),
    ],
)  # fmt: skip
def test_the_correlation_with_the_year_before_depends_on_the_share_of_agencies(
    share: float, expected: float | None
) -> None:
    assert correlation(share) == (share, expected)


def test_numbers_without_error_have_no_correlation_and_other_years_no_list() -> None:
    assert correlation(0.5, estimate=0.0)[1] == 0.0
    assert correlation(0.5, estimate_standard_error=0.0)[1] == 0.0
    assert correlation(0.5, agency_counts=None) == (None, 0.0)
    assert correlation(0.5, estimate=None) == (None, None)
    assert correlation(0.5, year=2023) == (0.5, None)


def test_the_worked_example_of_a_difference_of_two_years() -> None:
    (_, r), first, second = correlation(0.6), 18.867962, 17.0
    assert r is not None
    error = math.sqrt(first**2 + second**2 - 2 * r * first * second)
    assert error == pytest.approx(10.456507, abs=1e-6)
    assert (160 - 150) / error == pytest.approx(0.956342, abs=1e-6)
