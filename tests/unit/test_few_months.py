"""Agencies with one known month or none, months with unusable or repeated counts, and places without a season."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.support.frames import table

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.stages.block_imputation.fill import fill_months
from nibrs_estimation.stages.block_imputation.known import judge_months
from nibrs_estimation.stages.completeness.months import describe_months
from nibrs_estimation.stages.outliers.detect import detect_outliers
from nibrs_estimation.survey.months import MonthStatus, is_lumped, judge, month_shares, month_status

YEAR = 2024
Rows = list[dict[str, Any]]
KNOWN, NOT_REPORTED = "known", "not_reported"


def chain(counts: Rows, reports: Rows | None = None, n_agencies: int = 1) -> dict[str, pl.DataFrame]:
    """Months, judged and filled, by the default rules, of agencies that began long ago."""
    agency = table(
        "agency", *({"agency_id": i, "nibrs_start_date": date(2000, 1, 1)} for i in range(1, n_agencies + 1))
    )
    offenses = table("agency_month_offense", *({"agency_id": 1, **row} for row in counts))
    sent = table("report_month", *({"agency_id": 1, **row} for row in reports or []))
    month = describe_months(agency, sent, offenses, YEAR)["agency_month"].lazy()
    colors = detect_outliers(agency, month, YEAR, "recent")["outlier_month"].lazy()
    known = judge_months(agency, month, colors, offenses, YEAR)
    officers = table(
        "police_employees",
        *({"agency_id": i, "male_officers": 1, "female_officers": 1} for i in range(1, n_agencies + 1)),
    )
    found = fill_months(agency, month, colors, officers, offenses, known.lazy(), YEAR, 1, "own_months")
    return {"agency_month": month.collect(), "known_month": known, **found}


def statuses(found: dict[str, pl.DataFrame], agency: int = 1) -> list[str]:
    return found["known_month"].filter(agency_id=agency).sort("month")["month_status"].to_list()


@pytest.mark.parametrize("n", [0, 1, 500])
def test_one_known_month_is_known_and_fills_no_year(n: int) -> None:
    """Nothing is there to compare it with, and fewer than three months do not make a year."""
    found = chain([{"month": 5, "n": n}], [{"month": 5, "status": "I" if n else "Z"}])
    assert statuses(found) == [NOT_REPORTED] * 4 + [KNOWN] + [NOT_REPORTED] * 7
    assert found["block_agency"].filter(pl.col("part") != "neither").is_empty()
    assert found["block_reference"].is_empty()
    assert found["removed_month"].is_empty()


def test_no_known_month_is_not_judged() -> None:
    """An agency without a report has no row; in the arrays all its months are not reported, and it is not lumped."""
    found = chain([{"agency_id": 2, "month": month, "n": 40} for month in range(1, 13)], n_agencies=2)
    assert found["known_month"]["agency_id"].unique().to_list() == [2]
    assert found["block_agency"]["agency_id"].to_list() == [2]
    nothing = np.full((1, 12), np.nan)
    status = month_status(nothing, np.zeros((1, 12), dtype=np.bool_), np.full((1, 12), 1 / 12))
    assert (status == MonthStatus.NOT_REPORTED).all()
    assert not is_lumped(nothing).any()


def test_a_negative_month_counts_as_no_offense_if_it_was_reported() -> None:
    """With a report the month has 0 offenses, which is not chance beside months of 40; without one it is missing."""
    counts: Rows = [{"month": month, "n": 40} for month in range(3, 13)]
    counts += [{"month": 1, "n": -40}, {"month": 2, "n": -40}]
    found = chain(counts, [{"month": 1}])
    assert statuses(found) == ["empty", NOT_REPORTED] + [KNOWN] * 10
    assert found["agency_month"].sort("month")["n_all"].to_list()[:3] == [0, None, 40]
    # Ten months of 400 offenses make the year; the two others add what the season says, and no negative number.
    completed = found["block_agency"]["n_completed"].item()
    share = found["block_agency"]["known_share"].item()
    assert found["block_agency"]["n_observed"].item() == 400
    assert completed == pytest.approx(400 / share)


def test_negative_months_alone_are_no_report() -> None:
    """Numbers below 0 are left out, so an agency that sent nothing else reported nothing."""
    found = chain([{"month": month, "n": -5} for month in range(1, 13)])
    assert found["agency_month"]["is_reported"].sum() == 0
    assert found["known_month"].is_empty()


def test_a_month_counted_twice_counts_once() -> None:
    """Repeated reports and repeated counts: the months are those of the agency that sent each once."""
    once: Rows = [{"month": month, "n": 40 + month} for month in range(1, 13)]
    reports: Rows = [{"month": month} for month in range(1, 13)]
    single, twice = chain(once, reports), chain([*once, once[6]], [*reports, reports[6], {"month": 7, "status": "Z"}])
    for name in ("agency_month", "known_month", "block_agency"):
        assert twice[name].equals(single[name])
    assert twice["known_month"].filter(month=7)["n_offenses"].item() == 47


@pytest.mark.parametrize(("region", "code"), [(1, 1), (4, 4), (0, 9)])
def test_without_a_full_reporter_the_season_of_2013_holds(region: int, code: int) -> None:
    """However many offenses the partial reporters have. Places outside the regions have a season of their own."""
    published = code_list("month_share")
    codes = published["region_code"].unique().sort().to_list()
    of_region = published.filter(region_code=codes[-1] if region == 0 else code).sort("month")["relative_share"]
    counts = np.array([[90_000.0] * 11 + [np.nan]] * 3)
    kind = np.array([False, True, False])
    shares = month_shares(counts, np.zeros(3, dtype=np.bool_), np.full(3, region), kind)
    assert shares == pytest.approx(np.tile(of_region.to_numpy() / of_region.sum(), (3, 1)))
    agencies = pl.DataFrame({"region_code": [region or None] * 3, "population_group_code": ["6", "9C", None]})
    judged = judge(counts, np.zeros(counts.shape, dtype=np.bool_), agencies.cast({"region_code": pl.Int8}))
    assert judged[1] == pytest.approx(shares)
    assert (judged[0][:, :11] == MonthStatus.KNOWN).all()
