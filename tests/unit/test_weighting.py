"""Design weights, collapsing of thin strata."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nibrs_estimation.stages.weighting.design import weight_agencies
from tests.frames import table

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.weighting import AGENCY_WEIGHT
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.stages.weighting.collapse import Stratum, collapse

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
