"""Flags and suppression: the worked cases, the rules against a slow twin, and rules across tables (handbook 14)."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.support.estimated import version_of
from tests.support.frames import table

from nibrs_estimation.model.estimates import GEOGRAPHY_QUALITY
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.stages.estimation.quality import judge_geographies
from nibrs_estimation.tables.read import table_definition
from nibrs_estimation.tables.suppression import (
    CELL_RULES,
    KEY_ROWS,
    LAST_KEY_COLUMN,
    RULES,
    flagged_rows,
    suppressed_rows,
)
from nibrs_estimation.tables.table_rows import table_rows

Row = dict[str, Any]
PLACE = {
    "geography_number": 60, "geography_level": "state", "geography_code": "CA", "eligible_agencies": 20,
    "responding_agencies": 10, "is_excluded": False, "is_missing_over_10_percent": False, "unreported_ratio": 0.4,
    "population_coverage": 0.7, "tribal_coverage_pct": None, "state_police_coverage_pct": 100.0,
    "other_coverage_pct": 50.0, "universe_scope": "all",
}  # fmt: skip
#: A cell of table 1a, row 1, column 1.
CELL = {
    "series_number": 0, "row": 1, "column": 1, "estimate_type_num": 1, "estimate_domain_1": "Incident count",
    "estimate_domain_2": None, "estimate": 50.0, "count": 50.0, "estimate_standard_error": 5.0, "relative_rmse": 0.1,
    "relative_standard_error": 0.1,
}  # fmt: skip
_TYPES = {
    "series_number": pl.Int16, "row": pl.Int16, "column": pl.Int16, "estimate_type_num": pl.Int8,
    "estimate_domain_1": pl.String, "estimate_domain_2": pl.String, "geography_number": pl.Int32,
}  # fmt: skip


def quality_of(momentum: float | None, coverage: float | None, **others: Any) -> pl.LazyFrame:
    """The flags of the place, by hand."""
    is_known = coverage is not None
    flags = {
        "is_suppressed_group": is_known and momentum is not None and momentum > 0.75 and (coverage or 0) < 0.8,
        "is_unsuppressed": is_known and (coverage or 0) > 0.8,
    }
    row = {"geography_number": 60, "momentum": momentum, **(flags if is_known else dict.fromkeys(flags))}
    return table("geography_quality", {**row, **others})


def judged(
    place: Row, momentum: float | None, cell: Row, *, name: str = "1a", small: str = "off", **quality: Any
) -> Row:
    """One cell of one place with its flags."""
    about = table("coverage", {**PLACE, **place}).collect()
    row = {**CELL, **cell, "geography_number": 60, "population_coverage": about["population_coverage"].item()}
    rows = pl.DataFrame([row], schema={name: _TYPES.get(name, pl.Float64) for name in row})
    flags = quality_of(momentum, row["population_coverage"], **quality)
    return suppressed_rows(rows, table_definition(name), about, flags, small).row(0, named=True)


NATION, MSA = {"geography_level": "nation"}, {"geography_level": "msa"}
UNIVERSITY = {"geography_level": "university"}
LARGE, CITY = {"is_missing_over_10_percent": True}, {"is_missing_principal_city": True}
BAD, ZERO = {"relative_rmse": 0.31}, {"relative_rmse": None, "estimate": 0.0, "estimate_standard_error": 0.0}
GONE = {"estimate": None, "relative_rmse": None, "estimate_standard_error": None}


@pytest.mark.parametrize(
    ("place", "coverage", "momentum", "cell", "is_suppressed", "reason"),
    [
        ({}, 0.70, 0.80, {}, True, "more than 75% of the main numbers"),
        ({}, 0.70, 0.75, {}, False, None),
        ({}, 0.85, 0.90, {"relative_rmse": 0.45, "estimate": 9.0, "estimate_standard_error": 4.0}, False, None),
        (LARGE, 0.85, 0.10, {"relative_rmse": 0.05}, True, "an agency that serves more than 10%"),
        (NATION, 0.70, 0.90, {}, False, None),
        (NATION, 0.70, None, BAD, True, "its error is more than 30%"),
        ({}, 0.80, 0.90, BAD, True, "its error is more than 30%"),
        ({}, 0.75, 0.20, ZERO, True, "it is 0 or has no error, but respondents serve less than 80%"),
        ({**MSA, **CITY}, 0.95, 0.00, {"relative_rmse": 0.05}, True, "an agency of a principal city"),
        ({**UNIVERSITY, **LARGE}, 0.60, 0.80, {}, True, "more than 75% of the main numbers"),
        ({}, 0.70, 0.10, GONE, None, None),
    ],
)
def test_the_worked_cases(
    place: Row, coverage: float, momentum: float | None, cell: Row, is_suppressed: bool | None, reason: str | None
) -> None:
    found = judged({**place, "population_coverage": coverage}, momentum, cell)
    assert found["is_suppressed"] is is_suppressed
    assert (found["suppression_reason"] is None) == (reason is None)
    assert (found["suppression_reason"] or "").startswith(reason or "")


def test_at_the_limits_nothing_is_suppressed() -> None:
    assert judged({}, 0.75, {"relative_rmse": 0.30})["is_suppressed"] is False
    # Exactly 80 % coverage is neither enough for all cells nor too little for the group.
    at_limit = judged({"population_coverage": 0.80}, 0.90, ZERO)
    assert (at_limit["is_suppressed"], at_limit["is_flagged"]) == (False, False)


def test_the_standard_error_decides_where_the_bias_is_not_known() -> None:
    unknown = {"relative_rmse": None, "estimate": 9.0}
    assert judged({}, 0.0, {**unknown, "relative_standard_error": 0.31})["is_suppressed"] is True
    assert judged({}, 0.0, {**unknown, "relative_standard_error": 0.30})["is_suppressed"] is False
    assert judged({}, 0.0, {**unknown, "relative_standard_error": None})["is_suppressed"] is False


@pytest.mark.parametrize("place", [{}, LARGE, {**MSA, **CITY}, NATION])
@pytest.mark.parametrize("cell", [{}, BAD, ZERO])
def test_without_known_coverage_nothing_is_known(place: Row, cell: Row) -> None:
    found = judged({**place, "population_coverage": None}, None, cell)
    assert found["is_flagged"] is found["is_suppressed"] is found["suppression_reason"] is None


def test_a_cell_that_is_never_estimated_has_no_flag_whatever_the_place() -> None:
    for place in (LARGE, {**MSA, **CITY}):
        assert judged(place, 0.9, GONE)["is_suppressed"] is None


def test_small_counts_are_suppressed_only_if_wanted() -> None:
    share = {"count": 2.0, "estimate": 40.0, "estimate_type_num": 2}
    assert judged({}, 0.0, share)["is_suppressed"] is False
    for place in ({}, {"population_coverage": 0.95}, {"population_coverage": None}):
        found = judged(place, 0.0, share, small="3")
        assert found["suppression_reason"] == "it is of so few units that persons might be recognized"
    assert judged({}, 0.0, {"count": 3.0, "estimate": 3.0}, small="3")["is_suppressed"] is False
    assert judged({"population_coverage": 0.9}, 0.0, {**ZERO, "count": 0.0}, small="10")["is_suppressed"] is False


def test_a_rescued_state_publishes_violent_and_property_crime_and_nothing_else() -> None:
    rescued: Row = {"is_rescued": True}
    for name, column, row, expected in (
        ("2a", 17, 1, False), ("2a", 17, 2, False), ("2b", 14, 1, False), ("2b", 14, 2, False),
        ("2a", 17, 3, True), ("2a", 1, 1, True), ("1a", 17, 1, True),
    ):  # fmt: skip
        cell = {"row": row, "column": column}
        assert judged({}, 0.9, cell, name=name, **rescued)["is_suppressed"] is expected
    of_men = judged({}, 0.9, {"row": 1, "column": 17, "series_number": 10}, name="2a", **rescued)
    assert of_men["is_suppressed"] is True


def slow_flag(place: Row, cell: Row) -> bool | None:
    """The flag of a cell, written out."""
    coverage = place["population_coverage"]
    if cell["estimate"] is None or coverage is None:
        return None
    error = cell["relative_rmse"] if cell["relative_rmse"] is not None else cell["relative_standard_error"]
    if error is not None and error > 0.3:
        return True
    if cell["estimate"] != 0 and cell["estimate_standard_error"] != 0:
        return False
    kind = cell["estimate_domain_2"] if cell["estimate_domain_1"] == "Agency indicator" else None
    for is_asked, name in (
        (place["geography_level"] == "tribal" or kind == "Tribal agencies", "tribal"),
        (kind == "State police", "state_police"),
        (kind == "Other state agencies", "other"),
    ):
        if is_asked:
            share = place[f"{name}_coverage_pct"]
            return share is None or share < 80
    return bool(coverage < 0.8)


def slow_suppression(place: Row, momentum: float | None, cell: Row) -> bool | None:
    """Whether a cell is suppressed, written out: the first line that applies."""
    flag, coverage, level = slow_flag(place, cell), place["population_coverage"], place["geography_level"]
    if flag is None:
        return None
    is_nation = level == "nation" and place["agency_group"] is None
    if level == "msa" and place["is_missing_principal_city"]:
        return True
    if not is_nation and level not in ("msa", "university", "tribal") and place["is_missing_over_10_percent"]:
        return True
    if coverage > 0.8:
        return False
    if not is_nation and momentum is not None and momentum > 0.75 and coverage < 0.8:
        return True
    return flag


share = st.sampled_from([None, 0.0, 0.2, 0.3, 0.31, 0.75, 0.76, 0.79, 0.8, 0.81, 1.0])
percent = st.sampled_from([None, 0.0, 79.0, 80.0, 100.0])


#: A row of state police in the geography of tribal agencies.
OF_BOTH_KINDS = {
    "place": {"geography_level": "tribal", "agency_group": None, "population_coverage": 0.0,
              "tribal_coverage_pct": 80.0, "state_police_coverage_pct": None, "other_coverage_pct": None,
              "is_missing_over_10_percent": False, "is_missing_principal_city": None},
    "momentum": None,
    "cell": {"estimate": 0.0, "estimate_standard_error": None, "relative_rmse": None, "relative_standard_error": None,
             "estimate_domain_1": "Agency indicator", "estimate_domain_2": "State police"},
}  # fmt: skip


@example(**OF_BOTH_KINDS)
@settings(deadline=None, max_examples=300)
@given(
    st.fixed_dictionaries(
        {"geography_level": st.sampled_from(["nation", "region", "state", "university", "tribal", "msa",
                                             "judicial_district", "field_office"]),
         "agency_group": st.sampled_from([None, "City"]), "population_coverage": share,
         "tribal_coverage_pct": percent, "state_police_coverage_pct": percent, "other_coverage_pct": percent,
         "is_missing_over_10_percent": st.booleans(), "is_missing_principal_city": st.none() | st.booleans()}
    ),
    share,
    st.fixed_dictionaries(
        {"estimate": st.sampled_from([None, 0.0, 9.0]), "estimate_standard_error": st.sampled_from([None, 0.0, 2.0]),
         "relative_rmse": share, "relative_standard_error": share,
         "estimate_domain_1": st.sampled_from(["Incident count", "Agency indicator"]),
         "estimate_domain_2": st.sampled_from([None, "City", "Tribal agencies", "State police",
                                               "Other state agencies"])}
    ),
)  # fmt: skip
def test_the_rules_equal_the_slow_twin(place: Row, momentum: float | None, cell: Row) -> None:
    found = judged(place, momentum, cell)
    assert found["is_flagged"] is slow_flag(place, cell)
    expected = slow_suppression(place, momentum, cell)
    assert found["is_suppressed"] is expected
    assert (found["suppression_reason"] is not None) == (expected is True)


def test_every_rule_that_suppresses_gives_a_reason_and_has_a_name_of_its_own() -> None:
    for rules in (CELL_RULES, RULES):
        assert len({rule.name for rule in rules}) == len(rules)
        assert all(bool(rule.reason) == (rule.result is True) for rule in rules)


def cell_of(name: str, row: int, column: int, place: int, **numbers: Any) -> Row:
    """A stored cell; its relative error is a tenth."""
    return {
        "table_part": name, "definition_version": version_of(name), "series_number": 0, "geography_number": place,
        "row": row, "column": column, "estimate": 100.0, "standard_error": 10.0, "lower_bound": 50.0,
        "upper_bound": 150.0, "reported": 90.0, "filled_share": 0.0, "imputed_share": 0.0,
        "imputation_standard_error": 0.0, "unweighted": 90.0, "agency_counts": 9, "copula_estimate": 99.0, **numbers,
    }  # fmt: skip


def quality(cells: list[Row], places: list[Row], gaps: list[Row] | None = None) -> pl.DataFrame:
    """The geographies judged by these cells."""
    found = judge_geographies(
        table("cell_estimate", *cells),
        table("cell_gap", *(gaps or [])),
        table("coverage", *({**PLACE, **place} for place in places)),
        table("geography_population"),
    )
    return checked(found, GEOGRAPHY_QUALITY)


def n_key_cells() -> int:
    """The key cells of a place, counted one by one in the definitions."""
    n = 0
    for name, rows in KEY_ROWS.items():
        definition = table_definition(name)
        for column in definition.columns:
            is_last = name in LAST_KEY_COLUMN and column.position > LAST_KEY_COLUMN[name]
            n += sum((row, column.position) not in definition.blank and not is_last for row in rows)
    return n


def test_key_cells_that_are_zero_are_counted_from_the_definitions() -> None:
    whole = n_key_cells()
    one = [cell_of("1a", 1, 1, 60), cell_of("1a", 1, 2, 60, standard_error=40.0), cell_of("1a", 3, 1, 60)]
    low, high, unknown = quality(one, [{}]), quality(one, [{"population_coverage": 0.8}]), quality(
        one, [{"population_coverage": None}]
    )  # fmt: skip
    assert low.row(0, named=True) == {
        "geography_number": 60, "key_cells": whole, "flagged_cells": whole - 1, "momentum": (whole - 1) / whole,
        "is_suppressed_group": True, "is_unsuppressed": False, "is_rescued": False,
    }  # fmt: skip
    assert high.row(0, named=True) == {
        "geography_number": 60, "key_cells": whole, "flagged_cells": 1, "momentum": 1 / whole,
        "is_suppressed_group": False, "is_unsuppressed": False, "is_rescued": False,
    }  # fmt: skip
    assert unknown.row(0) == (60, whole, None, None, None, None, None)


def test_cells_that_the_input_cannot_give_are_no_key_cells() -> None:
    gap = {"table_name": "1a", "row": 1, "column": 1, "reason": "not in the source"}
    assert quality([], [{}], [gap])["key_cells"].item() == n_key_cells() - 1


VIOLENT, PROPERTY = cell_of("2a", 1, 17, 60), cell_of("2b", 1, 14, 60)


@pytest.mark.parametrize(
    ("cells", "place", "is_rescued"),
    [
        ([VIOLENT, PROPERTY], {}, True),
        ([VIOLENT], {}, False),
        ([VIOLENT, {**PROPERTY, "standard_error": 40.0}], {}, False),
        ([VIOLENT, PROPERTY], LARGE, False),
        ([VIOLENT, PROPERTY], {"population_coverage": 0.85}, False),
        ([VIOLENT, PROPERTY], {"geography_level": "region"}, False),
        ([VIOLENT, PROPERTY], {"agency_group": "City"}, False),
    ],
)
def test_a_state_is_rescued_by_two_tables_together(cells: list[Row], place: Row, is_rescued: bool) -> None:
    found = quality(cells, [place])
    assert found["is_rescued"].item() is is_rescued
    if not is_rescued:
        return
    about = table("coverage", {**PLACE, **place}).collect()
    for name, number in (("2a", 17), ("2b", 14)):
        definition = table_definition(name)
        rows = table_rows(
            definition, table("cell_estimate", *cells), table("cell_gap"), about, table("geography_population")
        )
        shown = suppressed_rows(rows, definition, about, found.lazy()).filter(row=1, estimate_type_num=1)
        published = shown.filter(~pl.col("is_suppressed"))
        assert published["column"].to_list() == [number]


def test_where_all_agencies_reported_nothing_is_suppressed() -> None:
    complete = {"population_coverage": 1.0, "unreported_ratio": 0.0, "upper_bound_of_zero": 0.0}
    cells = [cell_of("1a", 1, 1, 60, standard_error=0.0, copula_estimate=None), cell_of("1a", 1, 2, 60)]
    found = quality(cells, [complete])
    assert (found["flagged_cells"].item(), found["is_unsuppressed"].item()) == (0, True)
    about, definition = table("coverage", {**PLACE, **complete}).collect(), table_definition("1a")
    rows = table_rows(
        definition, table("cell_estimate", *cells), table("cell_gap"), about, table("geography_population")
    )
    shown = suppressed_rows(rows, definition, about, found.lazy())
    estimated = shown.filter(pl.col("estimate").is_not_null())
    assert estimated.height > 500
    assert not estimated["is_suppressed"].any(ignore_nulls=False)
    assert estimated["estimate_bias"].unique().to_list() == [0.0]


def test_places_do_not_change_each_other() -> None:
    """Geographies judged together are judged as alone, in any order."""
    cells = [*(cell_of("2a", 1, 17, place) for place in (60, 61)), cell_of("2b", 1, 14, 60)]
    places = [{}, {"geography_number": 61, "geography_code": "CO", "population_coverage": 0.9}]
    together = quality(cells, places)
    alone = pl.concat([quality(cells, [place]) for place in places])
    assert together.equals(alone)
    assert quality(cells[::-1], places[::-1]).equals(alone)


def test_flags_keep_the_order_of_the_rows() -> None:
    definition, about = table_definition("1a"), table("coverage", PLACE).collect()
    rows = table_rows(definition, table("cell_estimate"), table("cell_gap"), about, table("geography_population"))
    assert flagged_rows(rows, about).select(rows.columns).equals(rows)
