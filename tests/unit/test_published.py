"""Published rows against a slow twin that looks at one cell at a time (handbook 10 and 11)."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.estimated import version_of
from tests.support.frames import table

from nibrs_estimation.model.published import ESTIMATES, PUBLISHED
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.tables.caution import caution_reasons
from nibrs_estimation.tables.definition import TableDefinition, TableRow
from nibrs_estimation.tables.published import database_rows, published_rows
from nibrs_estimation.tables.read import table_definition
from nibrs_estimation.tables.series import Series, demographic_series
from nibrs_estimation.tables.suppression import suppressed_rows
from nibrs_estimation.tables.table_rows import MONTHS_INFERRED, estimated_places, part_of, table_rows
from nibrs_estimation.tables.variables import derived_variables
from nibrs_estimation.tables.version import definition_version

SERIES: dict[int, Series] = {series.number: series for series in demographic_series()}
MALE, UNDER_5, MALE_HISPANIC = SERIES[10], SERIES[1], SERIES[154]
#: Table, and the series for which it is asked.
ASKED: list[tuple[str, Series | None]] = [
    ("1a", None), ("3b", None), ("4b", None), ("GV2a", None), ("3a", MALE), ("3b", UNDER_5), ("GV2a", MALE_HISPANIC),
]  # fmt: skip
IDENTITY = Identity("us", "cde:zips", 2024, 1, is_synthetic=False)
GEOGRAPHIES = (1, 12, 102, 107)
#: Those that have no gaps of parts, and the reason of such a gap.
WHOLE = (1, 12, 102)
OF_PARTS = "reason of parts"
Stored = dict[tuple[int, int, int], dict[str, float | None]]
Populations = dict[tuple[int, str], float]
Numbers = tuple[float | None, float | None, float | None, float | None, str | None]
#: Upper ends of counts of 0: of the region all agencies responded, of the state too, but some months are only inferred.
OF_ZERO = {1: 2.5, 12: 0.0, 102: 0.0, 107: None}
COMPLETE, INFERRED = (12, 102), (102,)


def places() -> pl.DataFrame:
    levels = {1: "nation", 12: "region", 102: "state", 107: "university"}
    rows = [
        {"geography_number": number, "geography_level": levels[number],
         "geography_code": "VT" if number == 102 else "X", "universe_scope": "all", "responding_agencies": 3,
         "estimate_geographic_location": f"place {number}", "is_excluded": False, "is_missing_over_10_percent": True,
         "population_coverage": 0.5, "upper_bound_of_zero": OF_ZERO[number],
         "unreported_ratio": 0.0 if number in COMPLETE else 0.25, "has_inferred_months": number in (1, *INFERRED)}
        for number in GEOGRAPHIES
    ]  # fmt: skip
    return table("coverage", *rows).collect()


def judged(rows: pl.DataFrame, definition: TableDefinition) -> pl.DataFrame:
    """The rows with their flags, in places that are not suppressed."""
    quality = table("geography_quality", *({"geography_number": number} for number in GEOGRAPHIES))
    return suppressed_rows(rows, definition, places(), quality)


SHARES = ("percentage", "percentage_standard_error", "percentage_unweighted")
KNOWN = ("percentage_known", "percentage_known_standard_error")


@st.composite
def results(draw: st.DrawFn) -> tuple[TableDefinition, Series | None, Stored, dict[tuple[int, int], str], Populations]:
    """A table, a few stored cells of it with the shares that the engine would find, gaps, and populations."""
    name, series = draw(st.sampled_from(ASKED))
    definition = table_definition(name)
    stored_rows = [row.row for row in definition.rows if row.kind != "rate"]
    cell = st.tuples(
        st.sampled_from(GEOGRAPHIES), st.sampled_from(stored_rows), st.integers(1, min(3, len(definition.columns)))
    )
    number = st.floats(0.5, 1000)
    stored: Stored = {
        key: {"estimate": draw(number), "standard_error": draw(st.none() | number), "unweighted": draw(number),
              "lower_bound": draw(st.none() | number), "upper_bound": draw(st.none() | number),
              "reported": draw(number), "agency_counts": draw(st.integers(1, 9))}
        for key in draw(st.lists(cell, max_size=40, unique=True))
        if key[1:] not in definition.blank
    }  # fmt: skip
    for (geography, row, column), values in stored.items():
        rows = definition.rows[row - 1].denominator
        base = sum(stored.get((geography, other, column), {}).get("estimate") or 0 for other in rows)
        values["percentage"] = 100 * (values["estimate"] or 0) / base if base else None
        values["percentage_unweighted"] = draw(number) if base else None
        values["percentage_standard_error"] = draw(number) if base else None
        among_known = known_base(definition, stored, geography, row, column)
        values[KNOWN[0]] = min(100 * (values["estimate"] or 0) / among_known, 100.0) if among_known else None
        values[KNOWN[1]] = draw(number) if among_known else None
    gap = st.tuples(st.sampled_from(stored_rows), st.integers(1, min(3, len(definition.columns))))
    scope = st.sampled_from(["reason", OF_PARTS])
    gaps = {key: f"{draw(scope)} {key}" for key in draw(st.lists(gap, max_size=3, unique=True))}
    keys = sorted({row.population for row in definition.rows if row.population} | {"PCTSEXMALE", "PCTAGELT5"})
    populations = {
        (geography, key): draw(st.sampled_from([0.0, 1000.0, 2500.5])) for geography in GEOGRAPHIES for key in keys
    }
    return definition, series, stored, gaps, populations


def known_base(definition: TableDefinition, stored: Stored, geography: int, row: int, column: int) -> float | None:
    """What percentages among the known are of; None where there is nothing, or no such percentage."""
    terms = definition.rows[row - 1].known_denominator
    values = [factor * (stored.get((geography, other, column), {}).get("estimate") or 0) for other, factor in terms]
    return sum(values) if sum(values) > 1e-9 * sum(map(abs, values)) else None


def as_tables(
    definition: TableDefinition, series: Series | None, stored: Stored, gaps: dict[tuple[int, int], str],
    populations: Populations,
) -> tuple[pl.LazyFrame, pl.LazyFrame, pl.LazyFrame]:  # fmt: skip
    cells = [
        {"table_part": part_of(definition, series), "definition_version": version_of(definition.table),
         "series_number": series.number if series else 0, "geography_number": geography, "row": row, "column": column,
         **values}
        for (geography, row, column), values in stored.items()
    ]  # fmt: skip
    noise = {"table_part": "1b", "definition_version": 0, "series_number": 0, "geography_number": 1, "row": 1,
             "column": 1, "estimate": 5.0, "reported": 5.0, "unweighted": 5.0, "agency_counts": 1}  # fmt: skip
    return (
        table("cell_estimate", *cells, noise),
        table(
            "cell_gap",
            *(
                {"table_name": definition.table, "row": row, "column": column, "reason": reason,
                 "is_of_parts": reason.startswith(OF_PARTS)}
                for (row, column), reason in gaps.items()
            ),
            {"table_name": "1b", "row": 1, "column": 1, "reason": "of another table"},
        ),
        table(
            "geography_population",
            *(
                {"geography_number": number, "population_key": key, "population": persons,
                 "population_responding": persons / 2}
                for (number, key), persons in populations.items()
            ),
        ),
    )  # fmt: skip


def population_of(key: str | None, series: Series | None) -> str | None:
    if series is None or key == "OFFICER":
        return key
    return {10: "PCTSEXMALE", 1: "PCTAGELT5"}.get(series.number) if key == "TOTAL" else None


def slow(
    definition: TableDefinition, series: Series | None, stored: Stored, gaps: dict[tuple[int, int], str],
    populations: Populations, geography: int, row_number: int, column: int, kind: str,
) -> Numbers | None:  # fmt: skip
    """Estimate, standard error, unweighted estimate, population and reason of one cell; None where it is blank."""
    row = definition.rows[row_number - 1]
    if (row_number, column) in definition.blank or is_blank_in(definition, series, geography, row_number):
        return None
    asked = [row.of or row_number, *(row.denominator if kind == "percentage" else ())]
    found = [gaps[other, column] for other in asked if (other, column) in gaps]
    for reason in sorted(found, key=lambda reason: reason.startswith(OF_PARTS)):
        if not (geography in WHOLE and reason.startswith(OF_PARTS)):
            return None, None, None, None, reason
    nothing: dict[str, float | None] = dict.fromkeys(("estimate", "standard_error", "unweighted", *SHARES), 0.0)
    cell = stored.get((geography, asked[0], column), nothing)
    values = (cell["estimate"], cell["standard_error"], cell["unweighted"])
    persons: float | None = None
    why: str | None = None
    if kind == "rate":
        persons = populations.get((geography, population_of(row.population, series) or ""), 0) or None
        why = None if persons else "the population is not known"
        rate, error, unweighted = (None if v is None or not persons else v * 100_000 / persons for v in values)
        values = (rate, error, None if unweighted is None else 2 * unweighted)
    if kind == "percentage":
        has_base = any((geography, other, column) in stored for other in row.denominator)
        why = None if has_base else "the rows that it is a percentage of are 0"
        values = (cell[SHARES[0]], cell[SHARES[1]], cell[SHARES[2]]) if has_base else (None, None, None)
    return *values, persons, why


def slow_ends(
    kind: str, geography: int, cell: dict[str, float | None] | None, estimate: float | None, error: float | None
) -> tuple[float | None, float | None]:
    """Ends of the interval of a count or percentage; of a rate, those of its count."""
    if geography in INFERRED:
        return None, None
    if kind != "percentage":
        return (cell["lower_bound"], cell["upper_bound"]) if cell else (0.0, OF_ZERO[geography])
    if estimate is None or error is None or (cell is None and geography not in COMPLETE):
        return None, None
    high = estimate + 1.96 * error
    return max(estimate - 1.96 * error, 0), min(high, 100) if estimate <= 100 else high


def is_gap(reason: str | None) -> bool:
    return reason is not None and reason.startswith("reason")


def is_blank_in(definition: TableDefinition, series: Series | None, geography: int, row: int) -> bool:
    if series is None:
        return False
    by_dimension = (definition.blank_by_series.get(dimension, ()) for dimension in series.dimensions)
    return geography in series.blank_geographies or any(row in rows for rows in by_dimension)


def same(found: float | None, expected: float | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9)


@settings(deadline=None, max_examples=40)
@given(results())
def test_every_row_equals_the_slow_twin(
    given_results: tuple[TableDefinition, Series | None, Stored, dict[tuple[int, int], str], Populations],
) -> None:
    definition, series = given_results[:2]
    tables = as_tables(*given_results)
    rows = table_rows(definition, tables[0], tables[1], places(), tables[2], series=series)
    cells = len(definition.columns) * sum(len(row.estimates) for row in definition.rows)
    assert rows.height == cells * len(GEOGRAPHIES)
    # The other columns hold zeros, as most cells of these do.
    few = rows["column"] <= 4
    for row in rows.filter(few).iter_rows(named=True):
        geography, kind = row["geography_number"], {1: "count", 2: "percentage", 3: "rate"}[row["estimate_type_num"]]
        assert row["series_number"] == (series.number if series else 0)
        twin = slow(*given_results, geography, row["row"], row["column"], kind)
        if twin is None:
            assert row["is_blank"]
            assert row["estimate"] is row["estimate_lower_bound"] is row["agency_counts"] is None
            assert row["missing"] == "never estimated, by design of the table"
            continue
        estimate, error, unweighted, persons, reason = twin
        assert same(row["estimate"], estimate), row
        assert same(row["estimate_standard_error"], error), row
        assert same(row["estimate_unweighted"], unweighted), row
        assert same(row["population_estimate"], persons), row
        assert row["missing"] == reason
        cell = given_results[2].get((geography, definition.rows[row["row"] - 1].of or row["row"], row["column"]))
        low, high = slow_ends(kind, geography, cell, estimate, error)
        if kind == "rate":
            low, high = (None if end is None or not persons else end * 100_000 / persons for end in (low, high))
        if reason is not None and kind != "rate":
            low, high = None, None
        assert same(row["estimate_lower_bound"], None if estimate is None else low), row
        assert same(row["estimate_upper_bound"], None if estimate is None else high), row
        assert same(row["reported"], None if is_gap(reason) else cell["reported"] if cell else 0.0)
        known: list[float | None] = [None] * 4
        if (
            kind == "percentage"
            and reason is None
            and known_base(definition, given_results[2], geography, row["row"], row["column"])
        ):
            share, of_share = (
                given_results[2].get((geography, row["row"], row["column"]), dict.fromkeys(KNOWN, 0.0))[name]
                for name in KNOWN
            )
            assert share is not None
            assert of_share is not None
            known = [share, of_share, max(share - 1.96 * of_share, 0), min(share + 1.96 * of_share, 100)]
        names = (
            "estimate_known",
            *(f"estimate_known_{name}" for name in ("standard_error", "lower_bound", "upper_bound")),
        )
        assert all(same(row[name], value) for name, value in zip(names, known, strict=True)), row
        relative = error / estimate if estimate and error is not None else None
        assert same(row["relative_standard_error"], relative)


@settings(deadline=None, max_examples=30)
@given(results())
def test_stored_rows_are_the_whole_table_without_zeros(
    given_results: tuple[TableDefinition, Series | None, Stored, dict[tuple[int, int], str], Populations],
) -> None:
    definition, series, stored = given_results[:3]
    cells, gap, population = as_tables(*given_results)
    whole = table_rows(definition, cells, gap, places(), population, series=series)
    shuffled = cells.collect().sample(fraction=1.0, shuffle=True, seed=3).lazy()
    some = table_rows(definition, shuffled, gap, places(), population, series=series, is_whole=False)
    of = {row.row: row.of or row.row for row in definition.rows}
    wanted = [
        (row["geography_number"], of[row["row"]], row["column"]) in stored
        or (not row["is_blank"] and row["missing"] is not None and row["missing"].startswith("reason"))
        for row in whole.iter_rows(named=True)
    ]
    assert some.filter(~pl.col("is_blank")).equals(whole.filter(pl.Series(wanted), ~pl.col("is_blank")))
    stated = checked(database_rows(judged(some, definition), definition, places(), 2024), ESTIMATES)
    assert stated.height == some.filter(~pl.col("is_blank")).height
    assert stated["rate_specific_domain"].any() == (
        definition.table == "GV2a" and (stated["estimate_type"] == "rate").any()
    )


@settings(deadline=None, max_examples=20)
@given(results(), st.sets(st.integers(1, 80), max_size=5))
def test_some_rows_are_those_of_the_whole_table(
    given_results: tuple[TableDefinition, Series | None, Stored, dict[tuple[int, int], str], Populations],
    only_rows: set[int],
) -> None:
    definition, series = given_results[:2]
    cells, gap, population = as_tables(*given_results)
    whole = table_rows(definition, cells, gap, places(), population, series=series)
    some = table_rows(definition, cells, gap, places(), population, series=series, only_rows=only_rows)
    assert some.equals(whole.filter(pl.col("row").is_in(only_rows)))


@settings(deadline=None, max_examples=20)
@given(results())
def test_published_rows_equal_the_slow_twin(
    given_results: tuple[TableDefinition, Series | None, Stored, dict[tuple[int, int], str], Populations],
) -> None:
    """Words and origin, row by row; numbers are those of the rows, which have a twin of their own."""
    definition, series = given_results[:2]
    cells, gap, population = as_tables(*given_results)
    rows = judged(table_rows(definition, cells, gap, places(), population, series=series), definition)
    published = published_rows(rows, definition, places(), IDENTITY, series)
    checked(published, PUBLISHED)
    about = {place["geography_number"]: place for place in places().iter_rows(named=True)}
    same_names = [name for name in PUBLISHED.schema if name in rows.columns]
    assert {"geography_number", "estimate", "caution", "missing", "estimate_known"} <= set(same_names)
    few = rows["column"] <= 4
    pairs = zip(rows.filter(few).iter_rows(named=True), published.filter(few).iter_rows(named=True), strict=True)
    for row, found in pairs:
        of_row, column = definition.rows[row["row"] - 1], definition.columns[row["column"] - 1]
        place = about[row["geography_number"]]
        kind = {1: "count", 2: "percentage", 3: "rate"}[row["estimate_type_num"]]
        detail = {"count": None, "percentage": of_row.percentage_detail, "rate": of_row.rate_detail}[kind]
        assert found == {
            "data_year": 2024,
            "run_id": "us",
            "data_source": "cde:zips",
            "is_synthetic": False,
            "universe_scope": place["universe_scope"],
            "geography_level": place["geography_level"],
            "geography_code": place["geography_code"],
            "agency_group": place["agency_group"],
            "state_abbr": "VT" if row["geography_number"] == 102 else None,
            "state_fips": "50" if row["geography_number"] == 102 else None,
            "geography_name": place["estimate_geographic_location"],
            "demographic_series": series.label if series else None,
            "table_name": definition.table,
            "row_group": " ".join(of_row.domain_1.split()),
            "row_label": kept(of_row),
            "column_label": " ".join(column.label.split()),
            "der_variable_name": f"t_{definition.table}_{of_row.section}_{row['row']}_{row['column']}",
            "estimate_type": kind,
            "estimate_type_detail": detail and " ".join(detail.split()),
            "is_proposed": definition.status is not None or of_row.is_proposed or column.is_proposed,
            **{name: row[name] for name in same_names},
        }


def kept(row: TableRow) -> str | None:
    """A row's category as spreadsheets leave it alone."""
    if row.domain_2 is None:
        return None
    label = " ".join(row.domain_2.split())
    if label.endswith("+") and label[:-1].isdigit():
        return f"{label[:-1]} or more"
    if label.isdigit():
        is_age = re.search(r"\bage\b", row.domain_1, re.IGNORECASE)
        return f"{'age' if is_age else 'exactly'} {label}"
    first, dash, rest = label.partition("-")
    if dash and first.strip().isdigit() and rest.strip()[0].isdigit():
        return f"{first.strip()} to {rest.strip()}"
    return label


def only(definition: TableDefinition, stored: Stored, **asked: Any) -> dict[str, Any]:
    """One published row of the nation, by its variable and type of estimate."""
    tables = as_tables(definition, None, stored, {}, {(1, "TOTAL"): 250_000.0})
    where = places().filter(pl.col("geography_number") == 1)
    rows = judged(table_rows(definition, *tables[:2], where, tables[2]), definition)
    rows = published_rows(rows, definition, where, IDENTITY)
    return rows.filter(**asked).row(0, named=True)


def test_the_worked_examples_of_the_specification() -> None:
    """handbook 11: 160 with error 18.867962 among 250,000 persons; 30.625 % with error 4.543148."""
    stored: Stored = {
        (1, 1, 1): {"estimate": 160.0, "standard_error": 18.867962, "lower_bound": 145.0, "upper_bound": 200.0,
                    "reported": 140.0, "unweighted": 140.0, "agency_counts": 5},
        (1, 4, 1): {"estimate": 49.0, "standard_error": 7.0, "reported": 45.0, "unweighted": 45.0, "agency_counts": 5,
                    "percentage": 30.625, "percentage_standard_error": 4.543148,
                    "percentage_unweighted": 100 * 45 / 140},
        (1, 3, 1): {"estimate": 111.0, "standard_error": 7.0, "reported": 95.0, "unweighted": 95.0, "agency_counts": 5,
                    "percentage": 69.375, "percentage_standard_error": 4.543148},
    }  # fmt: skip
    count = only(table_definition("1a"), stored, der_variable_name="t_1a_1_1_1")
    assert count["relative_standard_error"] == pytest.approx(0.117925, abs=1e-6)
    assert count["column_label"] == "NIBRS crimes against persons (Total)"
    assert (count["row_group"], count["row_label"]) == ("Incident count", None)
    rate = only(table_definition("1a"), stored, der_variable_name="t_1a_1_2_1")
    assert rate["estimate"] == pytest.approx(64)
    assert rate["estimate_standard_error"] == pytest.approx(7.547185, abs=1e-6)
    assert (count["estimate_lower_bound"], count["estimate_upper_bound"]) == (145, 200)
    assert (rate["estimate_lower_bound"], rate["estimate_upper_bound"]) == pytest.approx((58, 80))
    assert rate["population_estimate"] == 250_000
    assert rate["estimate_type_detail"] == "Incident rate per 100,000 persons"
    assert rate["agency_counts"] == 5
    share = only(table_definition("1a"), stored, der_variable_name="t_1a_2_4_1", estimate_type="percentage")
    assert share["estimate"] == 30.625
    assert share["estimate_upper_bound"] == pytest.approx(30.625 + 1.96 * 4.543148)
    assert share["estimate_unweighted"] == pytest.approx(100 * 45 / 140)
    assert (share["row_group"], share["row_label"]) == ("Weapon involved", "Yes")
    assert share["estimate_type_detail"] == "Incident Level"
    assert share["population_coverage"] == 0.5
    # Nothing of what is there: 0 percent; nothing at all: undefined. Murder has no injury by design.
    none = only(table_definition("1a"), stored, der_variable_name="t_1a_2_10_1", estimate_type="percentage")
    assert (none["estimate"], none["estimate_standard_error"]) == (0, 0)
    assert none["estimate_upper_bound"] is None
    zero = only(table_definition("1a"), stored, der_variable_name="t_1a_2_10_1", estimate_type="count")
    assert (zero["estimate"], zero["estimate_lower_bound"], zero["estimate_upper_bound"]) == (0, 0, 2.5)
    undefined = only(table_definition("1a"), stored, der_variable_name="t_1a_3_11_1", estimate_type="percentage")
    assert undefined["estimate"] is None
    blank = only(table_definition("1a"), stored, der_variable_name="t_1a_3_11_5", estimate_type="percentage")
    assert (blank["estimate"], blank["missing"]) == (None, "never estimated, by design of the table")


def test_where_only_inferred_months_are_missing_there_are_no_ends() -> None:
    """A state whose agencies all responded, some with months that are inferred to be without incidents."""
    names = ("estimate", "lower_bound", "upper_bound", "reported", "unweighted")
    whole: dict[str, float | None] = dict.fromkeys(names, 20.0)
    whole |= {"standard_error": 0.0, "agency_counts": 2}
    part = {**whole, "percentage": 100.0, "percentage_standard_error": 0.0, "percentage_unweighted": 100.0}
    definition = table_definition("1a")
    numbers = {1: whole, 4: part}
    stored: Stored = {(place, row, 1): values for place in COMPLETE for row, values in numbers.items()}
    tables = as_tables(definition, None, stored, {}, {(place, "TOTAL"): 1000.0 for place in COMPLETE})
    rows = table_rows(definition, *tables[:2], places(), tables[2]).filter(pl.col("column") == 1)
    ends = ("estimate_lower_bound", "estimate_upper_bound")
    of_inferred = rows.filter(pl.col("geography_number").is_in(INFERRED))
    assert of_inferred["estimate"].drop_nulls().len() > 20
    assert of_inferred.select(pl.col(ends).is_null().all()).row(0) == (True, True)
    said = of_inferred.filter(pl.col("estimate").is_not_null())["caution"].str.contains("months_inferred")
    assert said.all()
    assert caution_reasons("months_inferred") == [f"{MONTHS_INFERRED}, so no interval is given"]
    others = rows.filter(~pl.col("geography_number").is_in(INFERRED))
    assert not others["caution"].fill_null("").str.contains("months_inferred").any()
    # Where every month is on file, ends are the counts, and those of counts of 0 are 0.
    sure = rows.filter(pl.col("geography_number") == 12, pl.col("estimate").is_not_null())
    assert {tuple(row) for row in sure.select("estimate", *ends).unique().rows()} == {
        (0, 0, 0), (20, 20, 20), (100, 100, 100), (2000, 2000, 2000)
    }  # fmt: skip


def test_cells_of_another_definition_are_refused() -> None:
    stored: Stored = {(1, 1, 1): {"estimate": 1.0, "reported": 1.0, "unweighted": 1.0, "agency_counts": 1}}
    definition = table_definition("1a")
    cells, gap, population = as_tables(definition, None, stored, {}, {})
    renamed = replace(definition, rows=(replace(definition.rows[0], label="Other"), *definition.rows[1:]))
    with pytest.raises(PipelineError, match=r"definition of table 1a, .* has changed since 1a was estimated"):
        table_rows(renamed, cells, gap, places(), population)
    assert table_rows(definition, cells, gap, places(), population).height


def test_a_definitions_version_is_that_of_its_variables_too() -> None:
    definition, variables = table_definition("DM10"), derived_variables()
    own = definition_version(definition, variables)
    for name, is_asked in (("has_possession_for_consumption", True), ("drug_poss_personal", True), ("msa", False)):
        changed = {**variables, name: replace(variables[name], tells="other")}
        assert (definition_version(definition, changed) != own) == is_asked


def test_which_geographies_are_estimated() -> None:
    rows = places().with_columns(
        responding_agencies=pl.Series([3, 0, 3, 3], dtype=pl.Int32), is_excluded=pl.Series([False, False, True, False])
    )
    assert estimated_places(rows.lazy())["geography_number"].to_list() == [1, 107]


def test_where_tables_are_stored() -> None:
    table_3a = table_definition("3a")
    assert [part_of(table_3a, s) for s in (None, MALE, MALE_HISPANIC, SERIES[84])] == [
        "3a", "3a_all2", "3a_region", "3a_national",
    ]  # fmt: skip
