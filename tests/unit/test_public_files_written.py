"""Parts of the public files of the synthetic nation, beside slow twins."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.return_a_file import number

from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.sources.hierarchy import hierarchy, in_summary
from nibrs_estimation.sources.intake.fixed_width import decode, encode
from nibrs_estimation.sources.synthetic import SyntheticSource
from nibrs_estimation.sources.synthetic.emit import check_emission
from nibrs_estimation.sources.synthetic.former_years import incidents_of_counts


@given(st.lists(st.integers(-99_999, 99_999), min_size=1, max_size=20))
def test_numbers_are_written_as_the_file_has_them(values: list[int]) -> None:
    characters = encode(np.array(values), 5)
    assert [bytes(row).decode() for row in characters] == [number(value) for value in values]
    found, is_number = decode(characters)
    assert found.tolist() == values
    assert is_number.all()


def test_worked_examples_of_negative_numbers() -> None:
    """FBI: 0000J is -1, 0001} is -10, 0001N is -15."""
    characters = encode(np.array([-1, -10, -15, 0, 42]), 5)
    assert [bytes(row).decode() for row in characters] == ["0000J", "0001}", "0001N", "00000", "00042"]


def test_a_number_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="-1000 has more than 3 digits"):
        encode(np.array([[1, -1000]]), 3)


CODES = ["09A", "11A", "120", "13A", "220", "23F", "240", "13B", "200", "290", "35A"]
_incidents = st.lists(st.sets(st.sampled_from(CODES), max_size=4), max_size=12)


@settings(deadline=None)
@given(st.dictionaries(st.tuples(st.integers(1, 2), st.integers(1, 3)), _incidents, max_size=4))
def test_incidents_of_former_years_have_the_counts(months: dict[tuple[int, int], list[set[str]]]) -> None:
    """Counts of any incidents give incidents with the same counts, each code once in an incident."""
    rows, ranks = [], hierarchy()
    for (agency, month), incidents in months.items():
        n: Counter[str] = Counter()
        counted: Counter[str] = Counter()
        for codes in incidents:
            most_serious = min((ranks[code] for code in codes if code in ranks), default=None)
            for code in codes or {"none"}:
                n[code] += 1
                counted[code] += code not in ranks or ranks[code] == most_serious
        rows += [(agency, f"NB{agency:05d}00", 2022, month, code, n[code], counted[code]) for code in n]
    schema = {"agency_id": pl.Int32, "ori": pl.String, "data_year": pl.Int16, "month": pl.Int8,
              "offense_code": pl.String, "n": pl.Int32, "n_summary": pl.Int32}  # fmt: skip
    counts = pl.DataFrame(rows, schema=schema, orient="row")
    made, offenses = incidents_of_counts(counts, first_id=7)
    assert sorted(made["incident_id"]) == list(range(7, 7 + made.height))
    of_incident: dict[int, list[str]] = defaultdict(list)
    for incident, code in offenses.iter_rows():
        of_incident[incident].append(code)
    assert all(len(codes) == len(set(codes)) for codes in of_incident.values())
    found = made.select("incident_id", "agency_id", "month").join(offenses, on="incident_id", how="left")
    found = found.with_columns(pl.col("offense_code").fill_null("none"))
    found = found.with_columns(in_summary(found)).group_by("agency_id", "month", "offense_code").agg(
        n=pl.len(), n_summary=pl.col("in_summary").sum()
    )  # fmt: skip
    key = ["agency_id", "month", "offense_code"]
    assert dict(zip(found.select(key).rows(), found.select("n", "n_summary").rows(), strict=True)) == dict(
        zip(counts.select(key).rows(), counts.select("n", "n_summary").rows(), strict=True)
    )


def test_years_without_files_are_refused() -> None:
    source = SyntheticSource(0.001)
    with pytest.raises(UsageError, match="2013 or later, not of 2012"):
        check_emission(source, 2012, with_zips=False, with_public=True, with_database=False, database=None)
    with pytest.raises(UsageError, match="no zips of data year 2015"):
        check_emission(source, 2015, with_zips=True, with_public=False, with_database=False, database=None)
    check_emission(SyntheticSource(1.0), 2013, with_zips=False, with_public=True, with_database=False, database=None)
