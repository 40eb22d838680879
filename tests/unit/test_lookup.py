"""Codes to numbers against a slow twin."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from nibrs_estimation.tables.lookup import looked_up

CODES = st.text("AB1", min_size=1, max_size=2)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(CODES | st.none(), max_size=8),
    st.dictionaries(CODES, st.integers(0, 2**61), max_size=5),
)
def test_numbers_equal_the_slow_twin(codes: list[str | None], numbers: dict[str, int]) -> None:
    frame = pl.LazyFrame({"code": codes}, schema={"code": pl.String})
    found = frame.select(looked_up(pl.col("code"), numbers, pl.Int64)).collect().to_series().to_list()
    assert found == [None if code is None else numbers.get(code) for code in codes]
