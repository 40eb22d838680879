"""Officers and civilians: worked examples of handbook 01, and what must hold of any."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.frames import table

from nibrs_estimation.model.universe import POLICE_EMPLOYEES
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.stages.universe.officers import COUNTS, annual_totals, impute_officers, reported_counts, subtype


@pytest.mark.parametrize(
    ("published", "ncic", "number"),
    [
        ("CITY SCHOOL DISTRICT POLICE", None, 12),
        ("State Environmental and Drug Unit ", None, 9),
        ("RIVERBEND AUTHORITY", None, 21),
        ("River and Bay Authority", None, 3),
        ("POLICE", "METRO AIRPORT", 1),
        ("HUNTING PARKS", None, 5),
        ("PARKS OF THE STATE", None, 21),
        ("PORT ALLEN", None, 6),
        ("NEWPORT ALLEN", None, 21),
        (None, None, 21),
    ],
)
def test_subtype(published: str | None, ncic: str | None, number: int) -> None:
    row = {"agency_id": 1, "published_agency_name": published, "ncic_agency_name": ncic}
    assert table("agency", row).select(found=subtype()).collect()["found"].item() == number


def test_zeros_without_a_report_are_missing() -> None:
    counts = {"male_officers": 0, "female_officers": 0, "male_civilians": 2, "female_civilians": 0}
    rows = table("agency", {"agency_id": 1, **counts}, {"agency_id": 2, "has_police_employees": True, **counts})
    assert rows.select(reported_counts()).collect().select(COUNTS).rows() == [(None, None, 2, None), (0, 0, 2, 0)]


_FLAGS = st.sets(st.tuples(st.integers(1, 3), st.integers(1, 12), st.sampled_from("NR")), max_size=40)
_ITEMS = st.dictionaries(
    st.tuples(st.integers(1, 3), st.integers(1, 12), st.sampled_from([0, 25])), st.integers(0, 20), max_size=40
)


@settings(deadline=None, max_examples=60)
@given(_FLAGS, _ITEMS, st.sets(st.integers(1, 3)))
def test_annual_totals_equal_the_slow_twin(
    flags: set[tuple[int, int, str]], items: dict[tuple[int, int, int], int], covered: set[int]
) -> None:
    agencies = table("agency", *({"agency_id": i, "is_covered": i in covered} for i in (1, 2, 3))).collect()
    reports = table("report_month", *({"agency_id": a, "month": m, "form_code": f} for a, m, f in sorted(flags)))
    counts = table(
        "srs_month", *({"agency_id": a, "month": m, "item_code": i, "n": n} for (a, m, i), n in items.items())
    )
    totals = annual_totals(agencies, reports, counts, 2024)
    for row in totals.iter_rows(named=True):
        agency = row["agency_id"]
        sent = {m for a, m, _f in flags if a == agency}
        for item in (0, 25):
            values = []
            for month in range(1, 13):
                n = items.get((agency, month, item), 0)
                flag = 1 if month in sent else 9 if agency in covered and not sent else 0
                # A 0 with flag 0 is missing; a count above 0 is kept (handbook 01).
                if flag or n:
                    values.append(n)
            expected = sum(values) * 12 / len(values) if len(values) >= 3 else 0
            assert row[f"srs_{item}"] == pytest.approx(expected)
            if item == 25:
                assert row["has_summary"] == (len(values) >= 3)


def nation(n: int = 150) -> list[dict[str, Any]]:
    generator = np.random.default_rng(3)
    rows = []
    for i in range(n):
        people = int(np.exp(generator.normal(8, 1.2)))
        officers = {name: int(people / 500 * share) for name, share in zip(COUNTS, (1, 0.2, 0.1, 0.3), strict=True)}
        has_report = generator.uniform() > 0.2
        rows.append(
            {
                "agency_id": i + 1, "population": people, "has_police_employees": has_report,
                "is_covered": i % 20 == 0, **(officers if has_report else dict.fromkeys(COUNTS, None)),
            }
        )  # fmt: skip
    rows[5] |= {"has_police_employees": False, **dict.fromkeys(COUNTS, 0), "male_civilians": 7}
    rows[6] |= {"has_police_employees": True, **dict.fromkeys(COUNTS, 0), "male_officers": 3}
    return rows


def completed(rows: list[dict[str, Any]], seed: int = 1) -> pl.DataFrame:
    made = impute_officers(
        table("agency", *rows), table("report_month"), table("srs_month"), table("agency_month_offense"), 2024, seed
    )
    return checked(made, POLICE_EMPLOYEES)


def test_officers_are_complete_and_observed_ones_unchanged() -> None:
    rows = nation()
    made = completed(rows)
    observed = {name: {row[name] for row in rows if row[name] is not None} for name in COUNTS}
    assert made.height == len(rows)
    for row, given_row in zip(made.iter_rows(named=True), rows, strict=True):
        for name in COUNTS:
            reported = given_row[name]
            assert row[f"reported_{name}"] == reported
            if given_row["is_covered"] or reported or (reported == 0 and given_row["has_police_employees"]):
                assert row[name] == reported
            else:
                assert row[name] in observed[name]
    assert made["male_civilians"][5] == 7
    assert made.row(6, named=True)["female_officers"] == 0
    assert made["is_imputed"].sum() > 10
    assert completed(rows[::-1]).equals(made)
    assert not completed(rows, seed=2).equals(made)


def test_a_source_without_any_employees_leaves_them_missing() -> None:
    made = completed([{"agency_id": i} for i in (1, 2, 3)])
    assert made.select(COUNTS).null_count().row(0) == (3, 3, 3, 3)
    assert not made["is_imputed"].any()
