"""The year of agencies that sent Return A for some months: by their own months, and by the reference's rule."""

from typing import Any, Literal

import numpy as np
import polars as pl
import pytest
from tests.support.frames import table

from nibrs_estimation.stages.summary.fill import fill_summaries
from nibrs_estimation.survey.months import published_month_shares

YEAR = 2024
Rule = Literal["own_months", "reference"]
NORTHEAST = published_month_shares().filter(pl.col("region_code") == 1)["month_share"].to_numpy()


def fill(
    reports: dict[int, dict[int, dict[int, int]]],
    rule: Rule = "own_months",
    within: tuple[tuple[int, int], ...] = (),
    converted: tuple[int, ...] = (),
    high: tuple[int, ...] = (),
    **agency: Any,
) -> dict[str, pl.DataFrame]:
    """Complete agencies, given agency -> month -> line -> offenses; each also has the grand total."""
    months = []
    for number, of_agency in reports.items():
        for month, items in of_agency.items():
            counted = dict.fromkeys([f"item_{item}" for item in range(26)], 0) | {
                f"item_{item}": n for item, n in items.items()
            }
            counted["item_25"] = items.get(25, sum(n for item, n in items.items() if item != 25))
            months.append(
                {"agency_id": number, "month": month, **counted, "is_within_another": (number, month) in within}
            )
    chosen = [{**row, "origin": "incidents" if row["agency_id"] in converted else "return_a"} for row in months]
    ids = sorted({*reports, 99})
    colors = [{"agency_id": i, "data_year": YEAR, "month": 1, "n_all": 1, "color": "brown"} for i in high]
    return fill_summaries(
        table("agency", *({"agency_id": i, **agency} for i in ids)),
        table("universe", *({"agency_id": i, "population_group_code": "6", **agency} for i in ids)),
        table("police_employees", *({"agency_id": i, "male_officers": i, "female_officers": 0} for i in ids)),
        table("outlier_month", *colors),
        table(
            "incident_summary",
            *(
                {"agency_id": row["agency_id"], "month": row["month"], "item_code": 20, "n": row["item_20"]}
                for row in months
                if row["agency_id"] in converted
            ),
        ),
        table("summary_report", *(row for row in months if row["agency_id"] not in converted)),
        table("summary_month", *chosen),
        YEAR,
        1,
        rule,
    )


def completed(made: dict[str, pl.DataFrame], agency: int, item: int = 20) -> float:
    rows = made["summary_year"].filter((pl.col("agency_id") == agency) & (pl.col("item_code") == item))
    return float(rows["completed"].sum())


def about(made: dict[str, pl.DataFrame], agency: int) -> dict[str, Any]:
    return made["summary_agency"].filter(pl.col("agency_id") == agency).row(0, named=True)


def test_large_agencies_are_filled_from_their_own_months() -> None:
    known = [1, 2, 3, 4, 5, 6]
    made = fill({1: {month: {20: 1000} for month in known}, 2: {month: {20: 400} for month in range(1, 13)}})
    share = NORTHEAST[:6].sum()
    assert about(made, 1)["known_share"] == pytest.approx(share)
    assert completed(made, 1) == pytest.approx(6000 / share)
    assert completed(made, 2) == 4800
    assert [about(made, i)["is_respondent"] for i in (1, 2, 99)] == [True, True, False]
    assert about(made, 1)["months_reported"] == 6
    assert about(made, 99)["origin"] is None


def test_small_agencies_are_filled_in_part_by_a_donor_of_their_level() -> None:
    made = fill({1: {month: {20: 1} for month in range(1, 7)}, 2: {m: {20: 1 if m < 7 else 3} for m in range(1, 13)}})
    of = about(made, 1)
    assert of["donor_agency_id"] == 2
    own, w = 6 / of["known_share"], of["own_weight"]
    assert 0 < w < 0.95
    assert completed(made, 1) == pytest.approx(6 + w * (own - 6) + (1 - w) * 18)


def test_fewer_than_three_months_do_not_respond_but_are_a_benchmark() -> None:
    made = fill({1: {1: {20: 100}, 2: {20: 100}}, 2: {month: {20: 90} for month in range(1, 13)}})
    of = about(made, 1)
    assert not of["is_respondent"]
    assert completed(made, 1) == pytest.approx(200 / NORTHEAST[:2].sum())


def test_a_month_within_another_is_known() -> None:
    months = {month: {20: 0 if month < 12 else 1200} for month in range(1, 13)}
    made = fill({1: months}, within=tuple((1, month) for month in range(1, 12)))
    assert completed(made, 1) == 1200
    assert about(made, 1)["is_full_year"]
    # Without the mark, months without offenses beside one with many are not known.
    odd = {month: {20: 120} for month in range(1, 13)} | {5: {20: 0}}
    assert completed(fill({1: odd}), 1) > 1320
    assert completed(fill({1: odd}, within=((1, 5),)), 1) == 1320


def test_converted_incidents_are_complete_and_reported_without_what_fills_them() -> None:
    made = fill({1: {month: {20: 10} for month in range(1, 13)}}, converted=(1,))
    rows = made["summary_year"].filter(pl.col("item_code") == 20)
    assert rows.select("reported", "completed").rows() == [(120.0, 120.0)]
    assert about(made, 1)["origin"] == "incidents"


def test_faults_are_named_and_counted() -> None:
    months = {month: {20: 5, 0: -1 if month == 1 else 0, 5: 3, 6: 2, 25: 8} for month in range(1, 13)}
    made = fill({1: months, 2: {month: {20: 5} for month in range(1, 13)}})
    issues = {row[0]: row[1:4] for row in made["summary_issue"].iter_rows()}
    assert issues == {"negative year": (1, 1, "VT0000001"), "total unlike its parts": (12, 1, "VT0000001")}
    assert completed(made, 1, 0) == 0
    assert completed(made, 1, 5) == 36


def reference() -> dict[str, pl.DataFrame]:
    partial = {month: {20: 10, 17: 1, 16: 1} for month in (1, 2, 3, 9)}
    donors = {i: {m: {20: 8 + i, 17: m, 16: m} for m in range(1, 13)} for i in (2, 3, 4)}
    return fill({1: partial, **donors, 5: {1: {20: 4}}}, "reference", high=(4,))


def test_the_reference_copies_whole_months_of_a_donor() -> None:
    made = reference()
    donor = about(made, 1)["donor_agency_id"]
    # Agency 4 has a high outlier, and 5 sent a single month.
    assert donor in (2, 3)
    assert completed(made, 1) == 40 + 8 * (8 + donor)
    assert completed(made, 1, 17) == 4 + (4 + 5 + 6 + 7 + 8 + 10 + 11 + 12)
    assert about(made, 5)["donor_agency_id"] is None
    assert not about(made, 5)["is_respondent"]
    for agency in (2, 3, 4):
        assert completed(made, agency) == 12 * (8 + agency)
    again = reference()
    assert again["summary_agency"].equals(made["summary_agency"])


def test_a_year_of_nothing_is_known() -> None:
    made = fill({1: {month: {} for month in range(1, 13)}})
    assert about(made, 1)["is_respondent"]
    assert completed(made, 1) == 0
    assert np.isclose(about(made, 1)["known_share"], 1.0)
