"""Which benchmark explains a column of a table."""

import pytest

from nibrs_estimation.model.benchmark import WEIGHTING_FRAME
from nibrs_estimation.tables.explained import EXPLAINED, explained_by
from nibrs_estimation.tables.read import table_definitions


@pytest.mark.parametrize(
    ("offenses", "name"),
    [
        (("120",), "n_robbery"),
        (("11A", "11B"), "n_rape"),
        (("13C",), "n_simple_assault"),
        (("13A", "13B", "13C"), "n_assault"),
        (("09A", "13A"), "n_violent"),
        (("23A", "240"), "n_property"),
        # The benchmark does not hold these.
        (("100",), "n_assault"),
        (("26A", "290"), "n_property"),
        (("35A",), "n_total"),
        (("120", "13B"), "n_total"),
    ],
)
def test_the_narrowest_benchmark_with_all_offenses_explains(offenses: tuple[str, ...], name: str) -> None:
    assert EXPLAINED[explained_by(offenses)] == name


def test_every_column_is_explained_by_a_column_of_the_frame() -> None:
    assert EXPLAINED[0] == "n_total"
    assert set(EXPLAINED) <= set(WEIGHTING_FRAME.schema)
    for table in table_definitions().values():
        for column in table.columns:
            assert 0 <= explained_by(column.offenses) < len(EXPLAINED)
