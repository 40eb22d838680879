"""Which months are known, and how an agency's own months fill the others: worked examples and slow twins."""

from collections.abc import Sequence
from datetime import date
from math import isnan

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.support.frames import table

from nibrs_estimation.model.blocks import BLOCK_AGENCY, BLOCK_CHECK, BLOCK_MONTH, BLOCK_REFERENCE, KNOWN_MONTH
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.stages.block_imputation.balance import check_blocks
from nibrs_estimation.stages.block_imputation.fill import fill_months
from nibrs_estimation.stages.block_imputation.known import judge_months
from nibrs_estimation.survey.months import MonthStatus, is_lumped, known_part, month_shares, month_status
from nibrs_estimation.survey.own_months import Filled, fill_from_own_months

YEAR = 2023
NAN = float("nan")
EVEN = np.full((1, 12), 1 / 12)
NOT_LOW = np.zeros((1, 12), dtype=np.bool_)


def statuses(counts: list[float], shares: NDArray[np.float64] | None = EVEN) -> list[str]:
    return [MonthStatus(s).name.lower() for s in month_status(np.array([counts]), NOT_LOW, shares)[0]]


@pytest.mark.parametrize(
    ("counts", "status"),
    [
        ([0.0] + [10.0] * 11, "empty"),
        # The others average less than 10: a month without offenses may be chance.
        ([0.0] + [9.9] * 11, "known"),
        # Below a twentieth of the median, but by chance no further than 10 below it.
        ([1.0] + [50.0] * 11, "low"),
        ([1.0] + [9.0] * 11, "known"),
        ([NAN] + [9.0] * 11, "not_reported"),
    ],
)
def test_the_status_of_a_month(counts: list[float], status: str) -> None:
    assert statuses(counts)[0] == status


def test_a_month_beside_a_gap_is_incomplete_below_half_of_its_expectation() -> None:
    """March follows a gap. The other nine months lead to expect 40: 19 are less than half of it, 20 are not."""
    assert statuses([40.0, NAN, 19.0] + [40.0] * 9)[2] == "incomplete"
    assert statuses([40.0, NAN, 20.0] + [40.0] * 9)[2] == "known"
    # As few in a month inside the year are the agency's own.
    assert statuses([40.0, 40.0, 19.0] + [40.0] * 9)[2] == "known"
    # Fewer than 10 below the expectation may be chance.
    assert statuses([18.0, NAN, 8.0] + [18.0] * 9)[2] == "incomplete"
    assert statuses([17.0, NAN, 8.0] + [17.0] * 9)[2] == "known"


@pytest.mark.parametrize(
    ("months", "expected"), [((12,), True), ((6, 12), True), ((3, 6, 9, 12), True), ((6,), False), ((6, 11), False)]
)
def test_lumped_reporters(months: tuple[int, ...], expected: bool) -> None:
    counts = np.array([[30.0 if month in months else 0.0 for month in range(1, 13)]])
    assert is_lumped(counts).tolist() == [expected]
    assert (month_status(counts, NOT_LOW) == MonthStatus.LUMPED).all() == expected
    # A dozen offenses show the pattern; fewer may fall in one month by chance. A month that was not reported breaks it.
    assert not is_lumped(counts * 11 / counts.sum()).any()
    assert not is_lumped(np.where(np.arange(12) == 0, NAN, counts)).any()


def test_shares_of_the_season() -> None:
    """Full reporters of a region and kind with 10,000 offenses make the season; otherwise that of 2013 holds."""
    counts = np.array([[1_000.0] * 11 + [2_000.0], [10.0] * 12, [100.0] * 12])
    full, county = np.array([True, True, False]), np.array([False, True, False])
    shares = month_shares(counts, full, np.array([1, 1, 1]), county)
    assert shares[0, 11] == pytest.approx(2 / 13)
    assert shares[2].tolist() == shares[0].tolist()
    assert shares[1, 1] == pytest.approx(0.772 / 12, rel=2e-3)
    assert shares.sum(axis=1) == pytest.approx(1)


def test_days_of_the_first_month() -> None:
    status = np.zeros((3, 12), dtype=np.int8)
    status[0, :2] = MonthStatus.NOT_REPORTED
    part = known_part(status, pl.Series([date(YEAR, 3, 11), date(YEAR - 1, 3, 11), None]), YEAR)
    assert part[0].tolist() == [0, 0, 21 / 31] + [1] * 9
    assert (part[1:] == 1).all()


def filled(counts: list[list[float]], recipient: list[bool]) -> Filled:
    values = np.array(counts)
    known = np.isfinite(values).astype(np.float64)
    shares = np.full(values.shape, 1 / 12)
    is_recipient = np.array(recipient)
    classes = np.zeros(len(values), dtype=np.int64)
    return fill_from_own_months(
        values, known, shares, is_recipient, ~is_recipient, classes, np.arange(1, len(values) + 1), 1
    )


def test_the_known_months_make_the_year() -> None:
    """Washington in small: 500 offenses in five months are 1,200 in a year, whatever a small neighbor reports."""
    found = filled([[NAN] * 7 + [100.0] * 5, [4.0] * 12], [True, False])
    assert found.own_weight[0] == 1
    assert found.donor[0] == -1
    assert 500 * (1 + found.own_scale[0]) == pytest.approx(1_200)


def test_a_small_agency_takes_part_from_a_donor_of_its_level() -> None:
    """S = 1/4 and 1 offense: a year of (1 + 1/2) x 4 = 6, so w = 1/4 / (1/4 + 1/6) = 0.6."""
    found = filled([[1.0, 0, 0] + [NAN] * 9, [1.0] * 12, [50.0] * 12], [True, False, False])
    assert found.own_weight[0] == pytest.approx(0.6)
    assert found.own_scale[0] == pytest.approx(0.6 * 3)
    # The donor has 3 offenses in the same months: a third of its counts, for the part 0.4.
    assert (found.donor[0], found.distance[0]) == (1, 2)
    assert found.donor_scale[0] == pytest.approx(0.4 / 3)


def test_an_agency_without_offense_may_get_some_from_a_donor_without_in_the_same_months() -> None:
    found = filled([[0.0] * 6 + [NAN] * 6, [0.0] * 6 + [2.0] * 6, [1.0] * 12], [True, False, False])
    assert found.donor[0] == 1
    assert found.donor_scale[0] == pytest.approx(1 - found.own_weight[0])


def slow_fill(counts: list[list[float]], recipient: list[bool]) -> list[float]:
    """Completed years, by the formulas of the handbook, one agency after another; ties are left to the caller."""
    years = []
    for row, is_recipient in zip(counts, recipient, strict=True):
        own = sum(n for n in row if not isnan(n))
        if not is_recipient:
            years.append(own)
            continue
        share = sum(not isnan(n) for n in row) / 12
        weight = share / (share + 1 / ((own + 0.5) / share))
        given: float | None = None
        if weight < 0.95:
            donors = [d for d, other in zip(counts, recipient, strict=True) if not other]
            if donors:
                best = min(donors, key=lambda d: abs(sum(x for x, n in zip(d, row, strict=True) if not isnan(n)) - own))
                theirs = sum(x for x, n in zip(best, row, strict=True) if not isnan(n))
                level = own / theirs if theirs > 0 else 1.0
                given = level * sum(x for x, n in zip(best, row, strict=True) if isnan(n))
        if given is None:
            weight, given = 1.0, 0.0
        years.append(own + weight * (1 - share) / share * own + (1 - weight) * given)
    return years


@settings(deadline=None, max_examples=80)
@given(st.data())
def test_filling_equals_the_slow_twin(data: st.DataObject) -> None:
    n = data.draw(st.integers(2, 6))
    # Totals of the donors differ by far, so that none are tied in any set of months.
    donors = [[float(7**k + month * k) for month in range(12)] for k in range(data.draw(st.integers(0, 4)))]
    rows = []
    for _ in range(n):
        known = data.draw(st.sets(st.integers(0, 11), min_size=1, max_size=11))
        rows.append([float(data.draw(st.integers(0, 30))) if m in known else NAN for m in range(12)])
    counts, recipient = rows + donors, [True] * n + [False] * len(donors)
    found = filled(counts, recipient)
    values = np.array(counts)
    own = np.nansum(values, axis=1)
    of_donor = np.where(np.isnan(values), np.nan_to_num(values[found.donor]), 0.0).sum(axis=1) * found.donor_scale
    years = own * (1 + found.own_scale) + of_donor
    expected = slow_fill(counts, recipient)
    near = [abs(a - b) <= 1e-9 * max(a, 1) for a, b in zip(years, expected, strict=True)]
    # Where two donors are equally near, either may be drawn.
    tied = []
    for row in rows:
        level = sum(x for x in row if not isnan(x))
        gaps = sorted(abs(sum(x for x, v in zip(d, row, strict=True) if not isnan(v)) - level) for d in donors)
        tied.append(len(gaps) > 1 and gaps[0] == gaps[1])
    assert all(ok or tie for ok, tie in zip(near, [*tied, *[False] * len(donors)], strict=True))


def made(agencies: dict[int, Sequence[int | None]]) -> dict[str, pl.DataFrame]:
    """The datasets of filled months of agencies with these counts of January to December."""
    agency = table(
        "agency",
        *({"agency_id": a, "data_year": YEAR, "nibrs_start_date": date(2000, 1, 1)} for a in agencies),
    )
    months = table(
        "agency_month",
        *(
            {"agency_id": a, "data_year": YEAR, "month": m, "n_all": n,
             "n_part1v": n, "n_part1p": None if n is None else 0, "n_otherc": None if n is None else 0}
            for a, row in agencies.items() for m, n in enumerate(row, 1)
        ),
    )  # fmt: skip
    officers = table(
        "police_employees",
        *({"agency_id": a, "ori": "x", "male_officers": 1, "female_officers": 1} for a in agencies),
    )
    colors, offenses = table("outlier_month"), table("agency_month_offense")
    known = checked(judge_months(agency, months, colors, offenses, YEAR), KNOWN_MONTH)
    found = fill_months(agency, months, colors, officers, offenses, known.lazy(), YEAR, 1, "own_months")
    blocks = {d.name: checked(found[d.name], d) for d in (BLOCK_AGENCY, BLOCK_MONTH, BLOCK_REFERENCE)}
    return {"known_month": known, **found, **blocks}


def test_the_datasets_of_filled_months_balance() -> None:
    """A late starter, an agency with a month that cannot be empty, one of two months, and a donor."""
    found = made(
        {
            1: [None] * 6 + [40] * 6,
            2: [40] * 5 + [0] + [40] * 6,
            3: [40, 40] + [None] * 10,
            4: [40] * 12,
            5: [0] * 11 + [480],
        }
    )
    part = dict(found["block_agency"].select("agency_id", "part").iter_rows())
    # Two months are too few to be filled, and a year that came in December is no donor.
    assert part == {1: "recipient", 2: "recipient", 4: "donor", 5: "neither"}
    assert set(found["known_month"].filter(agency_id=5)["month_status"]) == {"lumped"}
    assert found["removed_month"].filter(agency_id=2).rows() == [(2, 6, None, "empty")]
    assert found["block_reference"].filter(agency_id=1)["month"].to_list() == [7, 8, 9, 10, 11, 12]
    assert found["block_agency"].filter(agency_id=4)["n_completed"].item() == 480
    lazy = {name: frame.lazy() for name, frame in found.items()}
    checks = check_blocks(
        table("agency_month"),
        table("outlier_month"),
        lazy["block_agency"],
        lazy["block_month"],
        lazy["block_reference"],
        lazy["removed_month"],
        table("block_count"),
        YEAR,
        "own_months",
    )
    assert checked(checks, BLOCK_CHECK).filter("is_strict")["n_failed"].sum() == 0
    assert checks.filter(pl.col("check").str.contains("over their share"))["n_checked"].item() == 2
