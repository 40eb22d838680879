"""What a summary report counts of an incident: the rule by hand, a slow twin, and every producer of the counts."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.frames import table

from nibrs_estimation.model.agency import AGENCY_MONTH_OFFENSE
from nibrs_estimation.model.return_a import OFFENSES_OF_CRIME
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.sources.hierarchy import hierarchy, in_summary
from nibrs_estimation.sources.offense_counts import count_offenses
from nibrs_estimation.sources.synthetic import SyntheticSource
from nibrs_estimation.sources.synthetic.marginals import offenses
from nibrs_estimation.sources.synthetic.offenses import offense_rows, summary_counts, summary_offenses

YEAR = 2024
#: Offenses of an incident -> which of them a summary counts.
INCIDENTS: list[tuple[tuple[str, ...], tuple[bool, ...]]] = [
    (("23H", "120"), (False, True)),
    # A vehicle stolen with goods in it counts as a vehicle.
    (("23F", "240"), (False, True)),
    # Arson always counts, and hides nothing.
    (("200", "220"), (True, True)),
    (("200", "220", "23H"), (True, True, False)),
    (("13A", "13A"), (True, True)),
    (("13A", "13B"), (True, False)),
    (("13B", "23H"), (False, True)),
    (("13B", "13C"), (True, False)),
    (("23F", "23H"), (True, False)),
    (("09B", "09A"), (False, True)),
    (("35A", "520"), (True, True)),
    (("13B", "290"), (True, True)),
    (("none",), (True,)),
]


def frame(*incidents: tuple[str, ...]) -> pl.DataFrame:
    rows = [(number, code) for number, codes in enumerate(incidents, start=1) for code in codes]
    return pl.DataFrame(rows, schema={"incident_id": pl.Int64, "offense_code": pl.String}, orient="row")


@pytest.mark.parametrize(("codes", "counted"), INCIDENTS)
def test_the_most_serious_offense_counts(codes: tuple[str, ...], counted: tuple[bool, ...]) -> None:
    assert tuple(in_summary(frame(codes))) == counted


def test_incidents_do_not_touch_one_another() -> None:
    rows = frame(*(codes for codes, _ in INCIDENTS))
    expected = [each for _, counted in INCIDENTS for each in counted]
    assert in_summary(rows).to_list() == expected
    assert in_summary(rows.clear()).is_empty()


def test_the_rule_ranks_the_crimes_of_the_benchmark() -> None:
    ranked = list(hierarchy())
    assert set(ranked) == {code for codes in OFFENSES_OF_CRIME.values() for code in codes}
    crimes = {code: crime for crime, codes in OFFENSES_OF_CRIME.items() for code in codes}
    assert list(dict.fromkeys(crimes[code] for code in ranked)) == [
        "murder", "manslaughter", "rape", "robbery", "aggravated_assault", "burglary", "vehicle_theft", "larceny",
        "simple_assault",
    ]  # fmt: skip


_ROWS = st.lists(st.tuples(st.integers(1, 5), st.sampled_from([*hierarchy(), "200", "35A", "none"])), max_size=30)


@settings(deadline=None, max_examples=100)
@given(_ROWS)
def test_the_rule_equals_the_slow_twin_in_any_order(rows: list[tuple[int, str]]) -> None:
    made = pl.DataFrame(rows, schema={"incident_id": pl.Int64, "offense_code": pl.String}, orient="row")
    for (incident, code), is_counted in zip(rows, in_summary(made), strict=True):
        ranks = [hierarchy()[other] for number, other in rows if number == incident and other in hierarchy()]
        assert is_counted == (code not in hierarchy() or hierarchy()[code] == min(ranks))


def test_a_zip_of_the_public_download() -> None:
    """An incident with robbery and larceny, a larceny of another day, and one without an offense."""
    incidents = pl.DataFrame(
        {"incident_id": [1, 2, 3], "agency_id": [1, 1, 1], "incident_date": ["2024-02-01", "2024-02-09", "2024-03-01"]},
        schema_overrides={"agency_id": pl.Int32},
    ).with_columns(pl.col("incident_date").str.to_date())
    counted = count_offenses(
        table("agency", {"agency_id": 1}).collect(), incidents, frame(("120", "23H"), ("23H",)), YEAR
    )
    assert sorted(checked(counted, AGENCY_MONTH_OFFENSE).select("month", "offense_code", "n", "n_summary").rows()) == [
        (2, "120", 1, 1),
        (2, "23H", 2, 1),
        (3, "none", 1, 1),
    ]


def test_a_synthetic_summary_counts_the_most_serious_offense() -> None:
    numbers = {code: number for number, code in enumerate(offenses()["offense_code"])}
    n = 20_000
    incidents = pl.DataFrame(
        {"incident_id": range(1, 2 * n + 1), "offense": [numbers["13B"]] * n + [numbers["220"]] * n},
        schema={"incident_id": pl.Int64, "offense": pl.Int16},
    )
    rows = offense_rows(incidents, 3)
    ranked = rows.filter(pl.col("offense_code").is_in(list(hierarchy())))
    by_rule = ranked.filter(in_summary(ranked))
    told = summary_offenses(incidents, 3)
    assert by_rule["incident_id"].to_list() == incidents["incident_id"].to_list()
    assert by_rule["offense"].to_list() == told.to_list()
    # An assault with a larceny is told as the larceny, a burglary with a larceny as the burglary.
    larcenies = (told == numbers["23H"]).sum()
    assert 0 < larcenies < n / 10
    assert (told == numbers["220"]).sum() == n
    by_main = np.bincount(incidents["offense"].to_numpy(), minlength=len(numbers))
    expected = summary_counts(by_main[None])[0]
    assert expected.sum() == pytest.approx(2 * n)
    assert larcenies == pytest.approx(expected[numbers["23H"]], rel=0.15)


def test_a_synthetic_nation_counts_what_summaries_leave_out() -> None:
    sent = checked(SyntheticSource(0.005).ingest_agencies(YEAR, 1)["agency_month_offense"], AGENCY_MONTH_OFFENSE)
    assert (sent["n_summary"] <= sent["n"]).all()
    sums = dict(sent.group_by("offense_code").agg(left_out=pl.col("n").sum() - pl.col("n_summary").sum()).iter_rows())
    assert {code for code, left_out in sums.items() if left_out} == {"13B", "23H"}
