"""Design weights, collapsing of thin strata, coverage."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.frames import table

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.results import COVERAGE
from nibrs_estimation.model.weighting import AGENCY_WEIGHT
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.stages.weighting.collapse import Stratum, collapse
from nibrs_estimation.stages.weighting.coverage import measure_coverage
from nibrs_estimation.stages.weighting.design import weight_agencies

SUPER_GROUP = dict(code_list("weight_class").select("weight_class", "super_group").iter_rows())


def strata(**sizes: tuple[int, int]) -> list[Stratum]:
    return [
        Stratum((int(name[1:]),), N_h, n_h, frozenset({SUPER_GROUP[int(name[1:])]}))
        for name, (N_h, n_h) in sizes.items()
    ]


def groups(found: list[Stratum]) -> list[tuple[int, ...]]:
    return [stratum.classes for stratum in found]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"c1": (5, 2), "c4": (9, 9)}, [(1,), (4,)]),
        # The next of the same super group; the previous for the last one.
        ({"c1": (4, 4), "c4": (9, 9), "c5": (9, 9)}, [(1, 4), (5,)]),
        ({"c7": (9, 9), "c8": (9, 1)}, [(7, 8)]),
        # MSA counties go on to non-MSA counties, non-MSA counties to MSA counties.
        ({"c9": (3, 3), "c14": (9, 9), "c1": (9, 9)}, [(1,), (9, 14)]),
        ({"c14": (3, 3), "c9": (9, 9), "c1": (9, 9)}, [(1,), (9, 14)]),
        # Zero-population cities join the smallest cities; MSA and non-MSA zero-population agencies join each other.
        ({"c7": (9, 9), "c8": (9, 9), "c18": (3, 2)}, [(7,), (8, 18)]),
        ({"c8": (9, 9), "c19": (3, 2), "c20": (9, 9)}, [(8,), (19, 20)]),
        # Merged strata go on merging until none is thin.
        ({"c1": (1, 0), "c4": (1, 0), "c5": (9, 5)}, [(1, 4, 5)]),
        ({"c8": (2, 1)}, [(8,)]),
    ],
)
def test_collapsing(sizes: dict[str, tuple[int, int]], expected: list[tuple[int, ...]]) -> None:
    assert groups(collapse(strata(**sizes))) == expected


@given(
    st.dictionaries(st.sampled_from(sorted(SUPER_GROUP)), st.tuples(st.integers(1, 12), st.integers(0, 12)), min_size=1)
)
def test_collapsing_keeps_every_agency_and_leaves_no_thin_stratum(sizes: dict[int, tuple[int, int]]) -> None:
    before = [Stratum((k,), N, min(n, N), frozenset({SUPER_GROUP[k]})) for k, (N, n) in sizes.items()]
    after = collapse(before)
    assert sorted(k for stratum in after for k in stratum.classes) == sorted(sizes)
    assert sum(s.N_h for s in after) == sum(s.N_h for s in before)
    assert sum(s.n_h for s in after) == sum(s.n_h for s in before)
    assert len(after) == 1 or not any(stratum.is_thin for stratum in after)
    # What was not thin and got no thin neighbour stays alone.
    assert collapse(after) == after


def weigh(classes: list[int], responds: list[bool]) -> pl.DataFrame:
    ids = range(1, len(classes) + 1)
    universe = table("universe", *({"agency_id": i, "weight_class": k} for i, k in zip(ids, classes, strict=True)))
    status = table(
        "reporting_status", *({"agency_id": i, "is_full_year": r} for i, r in zip(ids, responds, strict=True))
    )
    return checked(weight_agencies(universe, status, table("block_reference")), AGENCY_WEIGHT)


def test_weights_add_up_to_the_frame() -> None:
    weights = weigh([8] * 6 + [7] * 5, [True] * 3 + [False] * 3 + [True] * 5)
    assert weights["weight"].to_list() == [2.0] * 3 + [None] * 3 + [1.0] * 5
    assert weights["weight"].sum() == 11
    assert set(weights["weight_method"]) == {"design"}


def test_nobody_responded_is_told() -> None:
    with pytest.raises(PipelineError, match="None of the 2 eligible agencies has twelve months"):
        weigh([8, 8], [False, False])


def coverage_of(*rows: dict[str, object]) -> pl.DataFrame:
    filled = [
        {"agency_id": i, "stratum_agencies": 1, "stratum_respondents": 1, "is_respondent": True, **row}
        for i, row in enumerate(rows)
    ]
    return checked(measure_coverage(table("agency_weight", *filled)), COVERAGE)


def test_coverage_counts_agencies_and_people() -> None:
    found = coverage_of(
        {"population": 300}, {"population": 100, "is_respondent": False}, {"state_abbr": "NB", "region_code": 2}
    )
    vermont = found.filter(pl.col("geography_code") == "VT").row(0, named=True)
    assert (vermont["permutation_number"], vermont["eligible_agencies"], vermont["responding_agencies"]) == (102, 2, 1)
    assert vermont["population_coverage"] == 0.75
    assert found["estimate_geographic_location"].to_list() == ["all states in this run", "Nebraska", "Vermont"]


def test_reporters_only_have_no_coverage() -> None:
    found = coverage_of({"universe_scope": "reporting"})
    assert found["population_coverage"].to_list() == [None, None]
    assert found["estimate_geographic_location"].to_list() == [
        "reporting agencies of all states in this run",
        "reporting agencies of Vermont",
    ]


def test_regions_and_nation_are_whole_or_not_named() -> None:
    states = code_list("state")
    rows = [{"state_abbr": s, "region_code": r} for s, r in states.select("state_abbr", "region_code").iter_rows()]
    whole = coverage_of(*rows)
    assert whole["permutation_number"].to_list() == [1, 12, 23, 34, 45, *range(56, 107)]
    assert whole["estimate_geographic_location"][0] == "United States"
    less = coverage_of(*(row for row in rows if row["state_abbr"] != "VT"))
    assert 12 not in less["permutation_number"]
    assert less["estimate_geographic_location"][0] == "all states in this run"


def test_a_synthetic_nation_is_whole() -> None:
    found = coverage_of({"universe_scope": "synthetic"})
    assert found["population_coverage"].to_list() == [1.0, 1.0]
    assert set(found["universe_scope"]) == {"synthetic"}
