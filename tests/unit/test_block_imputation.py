"""Donors, copied months, and what readers make of them: worked examples of handbook 04, and the slow twins."""

from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.frames import table

from nibrs_estimation.model.blocks import BLOCK_AGENCY, BLOCK_CHECK, BLOCK_MONTH, BLOCK_REFERENCE, REMOVED_MONTH
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.stages.block_imputation.balance import check_blocks, count_blocks
from nibrs_estimation.stages.block_imputation.donors import Months, choose_donors, month_flags
from nibrs_estimation.stages.block_imputation.rows import removed_months
from nibrs_estimation.survey.blocks import own_rows, with_blocks
from nibrs_estimation.survey.donors import match

Rows = list[dict[str, Any]]
YEAR = 2023
LONG_AGO = date(2000, 1, 1)


def month_rows(agency: int, numbers: dict[int, tuple[int, int, int]]) -> Rows:
    """Months of an agency with offenses; those that are left out were not reported."""
    return [
        {
            "agency_id": agency, "data_year": YEAR, "month": month, "mm_flag": int(month in numbers),
            "is_flag_repaired": False,
            **dict(zip(("n_part1v", "n_part1p", "n_otherc"), numbers.get(month, (None,) * 3), strict=True)),
            "n_all": sum(numbers[month]) if month in numbers else None,
        }
        for month in range(1, 13)
    ]  # fmt: skip


def color_rows(agency: int, numbers: dict[int, tuple[int, int, int]], colors: dict[int, str]) -> Rows:
    return [
        {
            "agency_id": agency, "data_year": YEAR, "month": month, "n_all": sum(n),
            "color": colors.get(month, "green"),
        }
        for month, n in numbers.items()
    ]  # fmt: skip


def chosen(
    agencies: Rows,
    numbers: dict[int, dict[int, tuple[int, int, int]]],
    colors: dict[int, dict[int, str]],
    seed: int = 1,
) -> dict[str, pl.DataFrame]:
    filled = [{"data_year": YEAR, "nibrs_start_date": LONG_AGO, **row} for row in agencies]
    employees = [
        {"agency_id": row["agency_id"], "ori": "x", "male_officers": 5, "female_officers": 1, "is_imputed": False,
         "is_covering": row.get("is_covering", False), "agency_subtype": 100}
        for row in agencies
    ]  # fmt: skip
    made = choose_donors(
        table("agency", *({k: v for k, v in row.items() if k != "is_covering"} for row in filled)),
        table("agency_month", *(row for agency, n in numbers.items() for row in month_rows(agency, n))),
        table("outlier_month", *(r for a, n in numbers.items() for r in color_rows(a, n, colors.get(a, {})))),
        table("police_employees", *employees),
        table("agency_month_offense"),
        YEAR,
        seed,
    )
    datasets = (BLOCK_AGENCY, BLOCK_MONTH, BLOCK_REFERENCE, REMOVED_MONTH)
    return {dataset.name: checked(made[dataset.name], dataset) for dataset in datasets}


DONOR_POPULATIONS = [2_000, 5_000, 9_000, 15_000, 30_000, 60_000]
DONOR_OFFENSES = [95, 260, 430, 760, 1_480, 3_050]


def spread(total: int) -> dict[int, tuple[int, int, int]]:
    """A year with that total."""
    return {month: (total // 12 + (total % 12 if month == 1 else 0), 0, 0) for month in range(1, 13)}


def matched(*recipients: dict[str, Any], seed: int = 1) -> pl.DataFrame:
    """The worked example of matching, with further agencies that miss their last month."""
    agencies: Rows = [{"agency_id": i, "population": p} for i, p in enumerate(DONOR_POPULATIONS, start=1)]
    numbers = {i: spread(n) for i, n in enumerate(DONOR_OFFENSES, start=1)}
    for number, recipient in enumerate(recipients, start=10):
        agencies.append({"agency_id": number, **recipient})
        numbers[number] = dict.fromkeys(range(1, 12), (1, 0, 0))
    return chosen(agencies, numbers, {}, seed)["block_agency"]


@pytest.mark.parametrize(
    ("population", "predicted", "donor", "distance"),
    [(4_000, 191.301, 2, 50.796), (11_000, 546.872, 3, 101.592), (70_000, 3543.825, 6, 507.958)],
)
def test_matching_example(population: int, predicted: float, donor: int, distance: float) -> None:
    row = matched({"population": population}).filter(pl.col("agency_id") == 10).row(0, named=True)
    assert row["n_predicted"] == pytest.approx(predicted, abs=1e-3)
    assert row["donor_agency_id"] == donor
    assert row["distance"] == pytest.approx(distance, abs=1e-3)
    assert (row["part"], row["match_rule"], row["months_missing"]) == ("recipient", "class", 1)


def test_both_tied_donors_are_reachable() -> None:
    """Two donors alike in everything, so that their predictions are equal to the bit."""
    agencies: Rows = [{"agency_id": i, "population": 5_000} for i in (1, 2, 3)]
    numbers = {1: spread(120), 2: spread(120), 3: dict(list(spread(60).items())[:11])}
    found = {
        chosen(agencies, numbers, {}, seed)["block_agency"].filter(pl.col("agency_id") == 3)["donor_agency_id"].item()
        for seed in range(20)
    }
    assert found == {1, 2}


def test_a_class_without_donor_falls_back() -> None:
    rows = matched({"population": 0}, {"population": 4_000, "is_covering": True})
    rules = dict(rows.filter(pl.col("agency_id") >= 10).select("agency_id", "match_rule").iter_rows())
    assert rules == {10: "anybody", 11: "without_covering"}


def test_without_any_donor_nothing_is_copied() -> None:
    made = chosen([{"agency_id": 1}], {1: {1: (1, 1, 1), 2: (1, 1, 1), 3: (1, 1, 1)}}, {})
    assert made["block_reference"].is_empty()
    assert made["block_agency"]["donor_agency_id"].to_list() == [None]
    assert made["block_month"]["completed_part1v"].to_list() == [1, 1, 1] + [None] * 9


@pytest.mark.parametrize(
    ("months", "other", "is_kept"),
    [(3, {}, True), (2, {}, False), (11, {"is_nibrs": False}, False), (11, {"is_covered": True}, False)],
)
def test_who_may_receive(months: int, other: dict[str, Any], is_kept: bool) -> None:
    """An agency with nine missing months is kept, with ten not; one of summaries with eleven months is not."""
    numbers = {1: spread(120), 2: dict.fromkeys(range(1, months + 1), (1, 0, 0))}
    made = chosen([{"agency_id": 1}, {"agency_id": 2, **other}], numbers, {})
    assert (2 in made["block_agency"]["agency_id"]) == is_kept
    assert (2 in made["block_reference"]["agency_id"]) == is_kept


def test_a_donor_with_a_high_month_gives_nothing_and_keeps_its_data() -> None:
    agencies: Rows = [{"agency_id": i} for i in (1, 2, 3)]
    numbers = {1: spread(120), 2: spread(120), 3: dict(list(spread(120).items())[:11])}
    for seed in range(5):
        made = chosen(agencies, numbers, {1: {4: "blue"}}, seed)
        assert made["block_reference"]["donor_agency_id"].unique().to_list() == [2]
        assert dict(made["block_agency"].select("agency_id", "part").iter_rows())[1] == "neither"
        assert 1 not in made["removed_month"]["agency_id"]


# The worked example of flags: recipient R = 1, donor D = 2.
R = {m: (5, 5, 5) for m in range(1, 13) if m != 3} | {6: (0, 2, 1), 8: (2, 10, 6)}
D = dict.fromkeys(range(1, 13), (1, 9, 5)) | {3: (1, 12, 7), 6: (2, 11, 8), 8: (1, 9, 5)}


def example() -> dict[str, pl.DataFrame]:
    return chosen([{"agency_id": 1}, {"agency_id": 2}], {1: R, 2: D}, {1: {6: "red", 8: "orange"}})


def test_flags_example() -> None:
    made = example()
    assert made["block_reference"].rows() == [(1, 2, 3, 1.0), (1, 2, 6, 1.0)]
    assert made["removed_month"].rows() == [(1, 3, None, "missing"), (1, 6, None, "low")]
    months = {row["month"]: row for row in made["block_month"].filter(pl.col("agency_id") == 1).iter_rows(named=True)}
    assert [months[3][f"completed_{g}"] for g in ("part1v", "part1p", "otherc")] == [1, 12, 7]
    assert months[6]["completed_part1p"] == 11
    # August stays R's own, in the counts as in the incidents.
    assert (months[8]["completed_part1v"], months[8]["filled_otherc"], months[8]["month_flag"]) == (2, None, None)
    row = made["block_agency"].row(0, named=True)
    assert (row["months_missing"], row["months_low"], row["donor_agency_id"]) == (1, 2, 2)
    assert row["n_completed"] == row["n_observed"] - 3 + 20 + 21


def test_incidents_example() -> None:
    made = example()
    dates = {101: (2, 3), 102: (2, 3), 103: (2, 6), 104: (2, 8), 201: (1, 6), 202: (1, 8), 203: (1, 8), 204: (1, 1)}
    incidents = [
        {"incident_id": i, "agency_id": agency, "incident_date": date(YEAR, month, 7), "data_year": YEAR}
        for i, (agency, month) in dates.items()
    ]
    incidents.append({"incident_id": 301, "agency_id": 3, "incident_date": date(YEAR, 3, 10), "data_year": YEAR})
    agencies = table(
        "agency",
        {"agency_id": 1, "data_year": YEAR, "nibrs_start_date": LONG_AGO},
        {"agency_id": 3, "data_year": YEAR, "nibrs_start_date": date(YEAR, 5, 1)},
    )
    removed = removed_months(agencies, made["removed_month"], YEAR)
    rows = with_blocks(
        table("incident", *incidents), made["block_reference"].lazy(), removed.lazy(), "incident_id", "incident_date"
    )
    assert rows.collect().rows() == [
        (1, 101, True), (1, 102, True), (1, 103, True), (1, 202, False), (1, 203, False), (1, 204, False),
        (2, 101, False), (2, 102, False), (2, 103, False), (2, 104, False),
    ]  # fmt: skip


def test_a_start_within_a_month_keeps_its_later_days() -> None:
    agencies = table("agency", {"agency_id": 1, "data_year": YEAR, "nibrs_start_date": date(YEAR, 3, 15)})
    removed = removed_months(agencies, REMOVED_MONTH.empty().collect(), YEAR)
    assert removed.rows() == [
        (1, 1, None, "before_start"), (1, 2, None, "before_start"), (1, 3, date(YEAR, 3, 15), "before_start"),
    ]  # fmt: skip
    days = [date(YEAR, 2, 28), date(YEAR, 3, 14), date(YEAR, 3, 15), date(YEAR, 4, 1)]
    rows = table("incident", *({"incident_id": i, "incident_date": day} for i, day in enumerate(days)))
    assert own_rows(rows, removed.lazy(), "incident_date").collect()["incident_id"].sort().to_list() == [2, 3]


_CELLS = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 12), st.integers(1, 3)), max_size=40)


@settings(deadline=None, max_examples=60)
@given(
    incidents=_CELLS,
    references=st.dictionaries(
        st.tuples(st.integers(1, 2), st.integers(1, 12)), st.tuples(st.integers(3, 4), st.integers(1, 2)), max_size=10
    ),
)
def test_copies_equal_the_slow_twin(
    incidents: list[tuple[int, int, int]], references: dict[tuple[int, int], tuple[int, int]]
) -> None:
    rows = [
        {"incident_id": i, "agency_id": a, "incident_date": date(YEAR, m, d), "data_year": YEAR}
        for i, (a, m, d) in enumerate(incidents)
    ]
    frame = table(
        "block_reference",
        *(
            {"agency_id": a, "month": m, "donor_agency_id": d, "scale": 1.0}
            for (a, m), (d, _flag) in references.items()
        ),
    )
    replaced = table(
        "removed_month",
        *(
            {"agency_id": a, "month": m, "reason": "missing" if flag == 1 else "low"}
            for (a, m), (_donor, flag) in references.items()
        ),
    )
    removed = removed_months(table("agency"), replaced.collect(), YEAR).lazy()
    expected = [(a, i, False) for i, (a, m, _d) in enumerate(incidents) if (a, m) not in references]
    expected += [
        (a, i, True)
        for (a, m), (donor, _flag) in references.items()
        for i, (agency, month, _d) in enumerate(incidents)
        if (agency, month) == (donor, m)
    ]
    made = with_blocks(table("incident", *rows), frame, removed, "incident_id", "incident_date").collect()
    assert made.rows() == sorted(expected)
    counts = count_blocks(table("incident", *rows), table("offense"), table("arrestee"), removed, YEAR).collect()
    assert counts["n_incidents"].sum() == len(rows)
    assert counts["n_incidents_kept"].sum() == sum(not copied for _a, _i, copied in expected)


_PREDICTIONS = st.lists(
    st.tuples(st.integers(0, 6), st.booleans(), st.booleans(), st.sampled_from("rdn")), min_size=1, max_size=25
)


@settings(deadline=None, max_examples=100)
@given(_PREDICTIONS, st.integers(0, 5))
def test_matching_equals_the_slow_twin(rows: list[tuple[int, bool, bool, str]], seed: int) -> None:
    agencies = pl.DataFrame(
        {
            "agency_id": range(1, len(rows) + 1),
            "has_population": [row[1] for row in rows],
            "is_covering": [row[2] for row in rows],
        }
    )
    predicted = np.array([float(row[0]) for row in rows])
    parts = np.array([row[3] for row in rows])
    donor, rule = match(agencies, predicted, parts == "r", parts == "d", seed)
    for i, (prediction, populated, covering, part) in enumerate(rows):
        donors = [j for j, row in enumerate(rows) if row[3] == "d"]
        if part != "r" or not donors:
            assert (donor[i], rule[i]) == (-1, None)
            continue
        same = [j for j in donors if rows[j][1:3] == (populated, covering)]
        half = [j for j in donors if rows[j][1] == populated]
        pool, name = (same, "class") if same else (half, "without_covering") if half else (donors, "anybody")
        nearest = min(abs(rows[j][0] - prediction) for j in pool)
        assert donor[i] in [j for j in pool if abs(rows[j][0] - prediction) == nearest]
        assert rule[i] == name


def test_flags_need_a_donor_and_a_larger_month() -> None:
    own = np.full((3, 12, 3), 2.0)
    own[0, 0] = np.nan
    own[1, 1], own[1, 2] = 0.0, 3.0
    is_low = np.zeros((3, 12), dtype=np.bool_)
    is_low[1, 1:3] = True
    months = Months(own, is_low, np.zeros((3, 12), dtype=np.bool_))
    assert month_flags(months, np.array([2, 2, -1]))[:, :3].tolist() == [[1, 0, 0], [0, 2, 0], [0, 0, 0]]
    assert not month_flags(months, np.array([-1, -1, -1])).any()


def test_checks_pass_on_the_example_and_stop_a_run_that_does_not_balance() -> None:
    made = example()
    months = table("agency_month", *month_rows(1, R), *month_rows(2, D))
    colors = table("outlier_month", *color_rows(1, R, {6: "red", 8: "orange"}), *color_rows(2, D, {}))
    incidents = table(
        "incident",
        {"incident_id": 1, "agency_id": 1, "incident_date": date(YEAR, 6, 1), "data_year": YEAR},
        {"incident_id": 2, "agency_id": 2, "incident_date": date(YEAR, 6, 1), "data_year": YEAR},
    )
    removed = made["removed_month"].lazy()
    agencies, donors, references = (made[name].lazy() for name in ("block_agency", "block_month", "block_reference"))
    counts = count_blocks(incidents, table("offense"), table("arrestee"), removed, YEAR)
    checks = checked(
        check_blocks(months, colors, agencies, donors, references, removed, counts, YEAR, "reference"), BLOCK_CHECK
    )
    assert checks.filter("is_strict")["n_failed"].sum() == 0
    assert checks["n_checked"].min() is not None and checks.filter(pl.col("n_checked") > 0).height >= 10
    forgotten = count_blocks(incidents, table("offense"), table("arrestee"), REMOVED_MONTH.empty(), YEAR)
    with pytest.raises(PipelineError, match=r"no incident is kept in a replaced month.*1 of 1"):
        check_blocks(months, colors, agencies, donors, references, removed, forgotten, YEAR, "reference")
    with pytest.raises(PipelineError, match="do not balance"):
        green = colors.with_columns(color=pl.lit("green"))
        check_blocks(months, green, agencies, donors, references, removed, counts, YEAR, "reference")


def test_order_of_agencies_changes_nothing() -> None:
    agencies: Rows = [{"agency_id": i, "population": 1_000 * (i % 4)} for i in range(1, 13)]
    numbers = {i: spread(10 * i + 12) if i % 3 else dict(list(spread(50).items())[:9]) for i in range(1, 13)}
    one, other = chosen(agencies, numbers, {}), chosen(agencies[::-1], dict(reversed(numbers.items())), {})
    assert all(one[name].equals(other[name]) for name in one)
