"""Benchmarks from own months, of a near donor, of a class, and brought to the data year: examples and slow twins."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.frames import table

from nibrs_estimation.model.benchmark import BENCHMARK_FACTOR
from nibrs_estimation.model.return_a import OFFENSES_OF_CRIME
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.stages.benchmark.benchmark import CANDIDATE, COUNTS, rate_candidates
from nibrs_estimation.stages.benchmark.hierarchy import add_lesser_offenses
from nibrs_estimation.stages.benchmark.hot_deck import near_donors
from nibrs_estimation.stages.benchmark.vintage import bring_to_year

YEAR = 2024
Row = dict[str, object]


def agencies(*rows: Row) -> pl.DataFrame:
    """Agencies of the frame with what the sources gave; without ``larceny`` they have no benchmark."""
    full = [
        {
            "agency_id": number, "ori": f"VT{number:07d}", "region_code": 1, "population": 5_000,
            "population_group_code": "6", "agency_type_name": "City",
            "benchmark_source": "smoothed" if "larceny" in row else None, "benchmark_year": None,
            "is_full_year": True, "benchmark_months": None,
            **dict.fromkeys(COUNTS, 0.0 if "larceny" in row else None),
            "n_larceny": row.get("larceny"),
            **{name: value for name, value in row.items() if name != "larceny"},
        }
        for number, row in enumerate(rows, start=1)
    ]  # fmt: skip
    return pl.DataFrame(full, schema_overrides=CANDIDATE, infer_schema_length=None)


def test_few_own_months_make_the_benchmark() -> None:
    """Two agencies of Minnesota in small: 2 larcenies in two months that hold a sixth of a year are 12 in a year."""
    known = pl.DataFrame(
        {
            "agency_id": [1, 1, 2], "month": [5, 6, 5], "known_part": [1.0, 1.0, 0.0],
            "month_share": [0.08, 1 / 6 - 0.08, 0.08],
        },
        schema_overrides={"agency_id": pl.Int32, "month": pl.Int8},
    )  # fmt: skip
    offenses = table(
        "agency_month_offense",
        {"agency_id": 1, "month": 5, "offense_code": "23A", "n": 1},
        {"agency_id": 1, "month": 6, "offense_code": "23B", "n": 1},
        {"agency_id": 1, "month": 7, "offense_code": "23B", "n": 50},
        {"agency_id": 1, "month": 6, "offense_code": "35A", "n": 9},
    )
    found = rate_candidates(known, offenses, YEAR)
    assert found["agency_id"].to_list() == [1]
    row = found.row(0, named=True)
    assert (row["benchmark_source"], row["benchmark_year"], row["benchmark_months"]) == ("own", YEAR, 2)
    assert row["n_larceny"] == pytest.approx(12)
    assert row["n_burglary"] == 0


def test_a_donor_is_of_class_and_region_and_of_like_size() -> None:
    given_, issues = near_donors(
        agencies(
            {"population": 4_000},
            {"larceny": 1.0, "population": 12_000},
            {"larceny": 2.0, "population": 12_001},
            {"larceny": 4.0, "region_code": 2},
            {"larceny": 8.0, "population_group_code": "5"},
        ),
        1,
    )
    row = given_.row(0, named=True)
    assert (row["benchmark_source"], row["benchmark_donor_id"], row["n_larceny"]) == ("donor", 2, 1.0)
    assert [name for name, *_ in issues] == ["no month of its own"]


def test_without_a_near_donor_the_class_gives_its_rate() -> None:
    """The class has 30 larcenies for 60,000 residents, so a village of 1,000 has half of one."""
    given_, issues = near_donors(
        agencies(
            {"population": 1_000}, {"larceny": 10.0, "population": 20_000}, {"larceny": 20.0, "population": 40_000}
        ),
        1,
    )
    row = given_.row(0, named=True)
    assert (row["benchmark_source"], row["benchmark_donor_id"]) == ("class_rate", None)
    assert row["n_larceny"] == pytest.approx(0.5)
    assert [name for name, *_ in issues] == ["no donor near enough"]


def test_agencies_without_residents_take_from_their_kind() -> None:
    college: Row = {"population": 0, "agency_type_name": "University or College"}
    given_, _ = near_donors(
        agencies(
            college, {"population": 0, "agency_type_name": "Tribal"}, {"larceny": 7.0, **college}, {"larceny": 1.0}
        ),
        1,
    )
    assert given_["benchmark_donor_id"].to_list()[0] == 3
    # No tribal agency has a benchmark: those of the class without residents have 7 each.
    assert given_.row(1, named=True)["benchmark_source"] == "class_rate"
    assert given_["n_larceny"].to_list()[1] == pytest.approx(7)


def test_a_frame_without_any_benchmark_stops() -> None:
    with pytest.raises(PipelineError, match="None of the 2 eligible agencies has counts"):
        near_donors(agencies({}, {}), 1)


_PLACES = st.tuples(st.sampled_from([1, 2]), st.sampled_from(["6", "5"]), st.integers(0, 5), st.booleans())


@settings(deadline=None, max_examples=60)
@given(st.lists(_PLACES, min_size=1, max_size=20), st.integers(0, 3))
def test_near_donors_equal_the_slow_twin(rows: list[tuple[int, str, int, bool]], seed: int) -> None:
    frame = agencies(
        *(
            {"region_code": region, "population_group_code": group, "population": 3**size if size else 0,
             **({"larceny": float(place + 1)} if has else {})}
            for place, (region, group, size, has) in enumerate(rows)
        )
    )  # fmt: skip
    if not any(has for *_, has in rows):
        return
    found, _ = near_donors(frame, seed)
    for (region, group, size, has), row in zip(rows, found.iter_rows(named=True), strict=True):
        if has:
            assert row["benchmark_source"] == "smoothed"
            continue
        near = {
            place + 1
            for place, (r, g, s, h) in enumerate(rows)
            if h and (r, g) == (region, group) and (s > 0) == (size > 0) and abs(s - size) <= 1
        }
        assert (row["benchmark_source"] == "donor") == bool(near)
        assert not near or row["benchmark_donor_id"] in near
        if near:
            assert row["n_larceny"] == row["benchmark_donor_id"]
            continue
        givers = [(p + 1.0, g, s, 3**s if s else 1) for p, (_r, g, s, h) in enumerate(rows) if h]
        alike = [giver for giver in givers if (giver[2] > 0) == (size > 0)]
        pool = [giver for giver in alike if giver[1] == group] or alike or givers
        rate = sum(n for n, *_ in pool) / sum(people for *_, people in pool)
        assert row["n_larceny"] == pytest.approx(rate * (3**size if size else 1))


def test_benchmarks_of_another_year_follow_the_respondents() -> None:
    """Larcenies of the vintage fell from 5,000 to 4,000 among respondents, burglaries rose from 1,000 to 1,500."""
    given_ = agencies(
        {"larceny": 5_000.0, "n_burglary": 1_000.0},
        {"larceny": 600.0, "n_burglary": 100.0},
        {"larceny": 70.0, "benchmark_source": "recent", "benchmark_year": YEAR},
    )
    completed = agencies({"larceny": 4_000.0, "n_burglary": 1_500.0}).select(CANDIDATE.keys())
    aligned, factors, issues = bring_to_year(given_, completed, YEAR)
    factor = dict(checked(factors, BENCHMARK_FACTOR).select("crime", "factor").iter_rows())
    of_all = (5_500 + 1_000) / (6_000 + 1_000)
    assert factor["total"] == pytest.approx(of_all)
    assert factor["larceny"] == pytest.approx((4_000 + 1_000 * of_all) / 6_000)
    assert factor["burglary"] == pytest.approx((1_500 + 1_000 * of_all) / 2_000)
    # A crime that no respondent had changes as all crimes do.
    assert factor["murder"] == pytest.approx(of_all)
    assert aligned["n_larceny"].to_list() == pytest.approx([5_000 * factor["larceny"], 600 * factor["larceny"], 70])
    assert issues[0][:2] == ("benchmark of another year", 2)
    assert np.isfinite(aligned.select(COUNTS).to_numpy()).all()


def test_without_respondents_of_a_vintage_nothing_changes() -> None:
    given_ = agencies({"larceny": 5.0}, {})
    aligned, factors, issues = bring_to_year(given_, given_.clear().select(CANDIDATE.keys()), YEAR)
    assert aligned.equals(given_)
    assert factors.is_empty() and not issues


def months(*keys: tuple[int, int]) -> pl.DataFrame:
    return pl.DataFrame(keys, schema={"agency_id": pl.Int32, "month": pl.Int8}, orient="row")


def test_summaries_of_the_data_year_get_the_lesser_offenses() -> None:
    """Of 6,000 larcenies a summary would count 5,000; of 200 murders, all."""
    given_ = agencies(
        {"larceny": 70.0, "n_murder": 3.0, "benchmark_source": "recent", "benchmark_year": YEAR},
        {"larceny": 70.0, "benchmark_source": "recent", "benchmark_year": YEAR - 1},
        {"larceny": 70.0, "benchmark_source": "own", "benchmark_year": YEAR},
        {"larceny": 70.0},
        {},
    )
    offenses = table(
        "agency_month_offense",
        {"agency_id": 3, "month": 5, "offense_code": "23A", "n": 4_000, "n_summary": 4_000},
        {"agency_id": 3, "month": 5, "offense_code": "23H", "n": 2_000, "n_summary": 1_000},
        {"agency_id": 3, "month": 5, "offense_code": "09A", "n": 200, "n_summary": 200},
        # No month of a respondent's own, another year, and a source that cannot tell.
        {"agency_id": 3, "month": 6, "offense_code": "23H", "n": 900, "n_summary": 1},
        {"agency_id": 3, "month": 5, "offense_code": "23H", "n": 900, "n_summary": 1, "data_year": YEAR - 1},
        {"agency_id": 4, "month": 5, "offense_code": "23H", "n": 900},
    )
    made, factors, issues = add_lesser_offenses(given_, months((3, 5), (4, 5)), offenses, YEAR)
    rows = {crime: rest for _, crime, *rest in checked(factors, BENCHMARK_FACTOR).iter_rows()}
    assert set(factors["vintage"]) == {"recent 2024"}
    assert rows == {
        "larceny": [1, 5_000, pytest.approx(7_000 / 6_000)],
        "murder": [1, 200, 1],
        "total": [1, 5_200, pytest.approx(7_200 / 6_200)],
    }
    assert made["n_larceny"].to_list() == [pytest.approx(70 * 7 / 6), 70, 70, 70, None]
    assert made["n_murder"].to_list() == [3, 0, 0, 0, None]
    assert made.drop("n_larceny").equals(given_.drop("n_larceny"))
    assert issues[0][:2] == ("summary counts of the data year", 1)
    assert "1.161 from 1 respondents" in issues[0][3]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"benchmark_source": "recent", "benchmark_year": YEAR}, None),
        ({"benchmark_source": "recent", "benchmark_year": YEAR - 1}, 1),
        ({}, 1),
    ],
)
def test_without_summaries_or_without_knowledge_nothing_is_added(row: Row, told: int | None) -> None:
    given_ = agencies({"larceny": 70.0, **row})
    offenses = table(
        "agency_month_offense", {"agency_id": 3, "month": 5, "offense_code": "23H", "n": 900, "n_summary": told}
    )
    made, factors, issues = add_lesser_offenses(given_, months((3, 5)), offenses, YEAR)
    assert made.equals(given_)
    assert factors.is_empty() and not issues


_COUNTED = st.lists(
    st.tuples(
        st.integers(1, 3), st.integers(1, 3), st.sampled_from(["23A", "23H", "220", "13B", "35A"]),
        st.integers(0, 3_000), st.none() | st.integers(0, 3_000),
    ),
    max_size=12, unique_by=lambda row: row[:3],
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(_COUNTED, st.sets(st.tuples(st.integers(1, 3), st.integers(1, 3))))
def test_the_factor_equals_the_slow_twin(
    counted: list[tuple[int, int, str, int, int | None]], own: set[tuple[int, int]]
) -> None:
    given_ = agencies({"larceny": 10.0, "benchmark_source": "recent", "benchmark_year": YEAR})
    offenses = table(
        "agency_month_offense",
        *(
            {"agency_id": a, "month": m, "offense_code": code, "n": n, "n_summary": None if s is None else min(n, s)}
            for a, m, code, n, s in counted
        ),
    )
    made, _, _ = add_lesser_offenses(given_, months(*sorted(own)), offenses, YEAR)
    total = kept = 1_000
    for agency, month, code, n, summary in counted:
        if (agency, month) in own and code in OFFENSES_OF_CRIME["larceny"] and summary is not None:
            total, kept = total + n, kept + min(n, summary)
    assert made["n_larceny"].to_list() == pytest.approx([10.0 * total / kept])
