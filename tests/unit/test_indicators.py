"""Counts of table 1a against a slow twin."""

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.frames import table

from nibrs_estimation.model.results import AGENCY_CELL_COUNT, BLOCK_CELL_COUNT, ESTIMATES
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.stages.indicators.count import count_cells
from nibrs_estimation.tables.read import table_definition

TABLE = table_definition("1a")
CODES = ["09A", "09B", "100", "11A", "120", "13A", "13B", "220", "35A", "64A", "720"]


incidents = st.lists(
    st.tuples(
        st.integers(1, 3),  # agency
        st.sampled_from([2023, 2024]),
        st.sets(st.sampled_from(CODES), min_size=1, max_size=4),
        st.sampled_from("AC"),
        st.sampled_from(["I", "L", "B"]),
        st.sampled_from([5, 6, 7]),
        st.sampled_from(["03", "37", "77"]),
    ),
    max_size=12,
)


@settings(deadline=None)
@given(incidents)
def test_counts_equal_the_slow_twin(rows: list[tuple]) -> None:
    tables = defaultdict(list)
    expected: dict[tuple[int, int], int] = defaultdict(int)
    for i, (agency, year, codes, attempt, victim_type, loss, thing) in enumerate(rows):
        tables["incident"].append({"incident_id": i, "agency_id": agency, "data_year": year})
        tables["victim"].append({"victim_id": i, "incident_id": i, "victim_type_code": victim_type})
        tables["property"].append({"property_id": i, "incident_id": i, "loss_code": loss})
        tables["property_item"].append({"property_id": i, "description_code": thing})
        for j, code in enumerate(sorted(codes)):
            offense = {"offense_id": 10 * i + j, "incident_id": i, "offense_code": code}
            tables["offense"].append({**offense, "attempt_complete_code": attempt})
            tables["victim_offense"].append({"victim_id": i, "offense_id": 10 * i + j})
        is_carjacking = (
            "120" in codes and attempt == "C" and victim_type == "I" and loss in (5, 7) and thing in ("03", "37")
        )
        for number, column in enumerate(TABLE.columns, start=1):
            if year == 2024 and codes & set(column.offenses) and (column.where is None or is_carjacking):
                expected[agency, number] += 1
    names = ("incident", "offense", "victim", "victim_offense", "property", "property_item")
    made = count_cells(
        *(table(name, *tables[name]) for name in names), table("block_reference"), table("removed_month"), year=2024
    )
    counted = checked(made["agency_cell_count"], AGENCY_CELL_COUNT)
    assert checked(made["block_cell_count"], BLOCK_CELL_COUNT).is_empty()
    assert dict(zip(counted.select("agency_id", "column").iter_rows(), counted["n"], strict=True)) == expected
    assert set(counted["row"]) <= {1}


def test_stated_columns_come_first_in_order() -> None:
    """The 31 columns of 07 section 9, then the words for people."""
    assert len(ESTIMATES.columns) == 35
    assert [column.name for column in ESTIMATES.columns[31:]] == [
        "indicator_name",
        "estimate_domain_1",
        "estimate_domain_2",
        "estimate_geographic_location",
    ]
