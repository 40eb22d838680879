"""Data warnings: heaps against a count by hand, limits at their edges, and what the page says."""

from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.frames import table

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.data_warnings import DATA_WARNING, INCIDENT_TIME
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.stages.validation.data_warnings import count_incident_times, warn_of_data, warning_limits
from nibrs_estimation.stages.validation.data_warnings_page import show_data_warnings

YEAR = 2024
Row = dict[str, Any]
_INCIDENT = st.fixed_dictionaries(
    {
        "agency_id": st.integers(1, 3),
        "data_year": st.sampled_from([YEAR, YEAR, YEAR - 1]),
        "incident_date": st.sampled_from([date(YEAR, 1, 1), date(YEAR, 1, 2), date(YEAR, 5, 1), date(YEAR, 12, 31)]),
        "is_report_date": st.booleans(),
        "incident_hour": st.sampled_from([None, 0, 0, 1, 23]),
    }
)


@given(st.lists(_INCIDENT, max_size=40))
def test_times_like_a_count_by_hand(rows: list[Row]) -> None:
    counts: dict[int, list[int]] = defaultdict(lambda: [0] * 5)
    for row in rows:
        if row["data_year"] != YEAR:
            continue
        of_agency = counts[row["agency_id"]]
        of_agency[0] += 1
        of_agency[1] += row["incident_hour"] is not None
        of_agency[2] += row["incident_hour"] == 0
        of_agency[3] += not row["is_report_date"]
        of_agency[4] += not row["is_report_date"] and row["incident_date"].day == 1
    incidents = table("incident", *({"incident_id": number, **row} for number, row in enumerate(rows)))
    found = checked(count_incident_times(incidents, YEAR, "VT").lazy(), INCIDENT_TIME)
    names = ("agency_id", "incidents", "with_hour", "at_midnight", "with_date", "on_first")
    assert found.select(names).rows() == [(agency, *numbers) for agency, numbers in sorted(counts.items())]


def warned(
    *agencies: Row,
    times: list[Row] | None = None,
    officers: list[Row] | None = None,
    items: list[Row] | None = None,
    everybody: list[Row] | None = None,
) -> pl.DataFrame:
    made = warn_of_data(
        table("agency", *agencies),
        table("incident_time", *(times or [])),
        table("police_employees", *(officers or [])),
        table("agency_item", *(everybody or items or [])),
        table("agency_item_check", *(items or [])),
        YEAR,
    )
    return checked(made.lazy(), DATA_WARNING)


def keys(found: pl.DataFrame) -> list[tuple[int, str]]:
    return found.select("agency_id", "warning").rows()


@pytest.mark.parametrize(
    ("warning", "times"),
    [
        ("midnight", lambda part, n: {"incidents": n, "with_hour": n, "at_midnight": part}),
        ("first_of_month", lambda part, n: {"incidents": n, "with_hour": n, "with_date": n, "on_first": part}),
        ("no_hour", lambda part, n: {"incidents": n, "with_hour": n - part}),
    ],
)
def test_heaps_at_the_edges_of_their_limits(warning: str, times: Any) -> None:
    """A share at the limit is none above it, and 99 incidents are too few."""
    (limit,) = warning_limits().filter(warning=warning).iter_rows(named=True)
    at = round(limit["threshold"] * 100)
    rows = [(1, at, 100), (2, at + 1, 100), (3, 99, 99)]
    found = warned(
        *({"agency_id": agency} for agency, _part, _n in rows),
        times=[{"agency_id": agency, **times(part, n)} for agency, part, n in rows],
    )
    assert keys(found) == [(2, warning)]
    assert found["observed"].to_list() == [(at + 1) / 100]
    assert found["n"].to_list() == [100]


def test_officers_of_places() -> None:
    """Worked example of the handbook: 10,000 residents may have 5 to 100 officers; imputed numbers are not judged."""
    reported = {1: (4, 0), 2: (5, 0), 3: (60, 40), 4: (61, 40), 5: (0, 0), 6: (0, 0), 7: (500, 0)}
    agencies: list[Row] = [{"agency_id": agency, "population": 10_000} for agency in reported]
    agencies[4] |= {"agency_type_name": "University or College"}
    agencies[5] |= {"population": 2_499}
    agencies[6] |= {"population": 0}
    agencies.append({"agency_id": 8, "population": 10_000})
    found = warned(
        *agencies,
        officers=[
            *(
                {"agency_id": agency, "reported_male_officers": men, "reported_female_officers": women}
                for agency, (men, women) in reported.items()
            ),
            {"agency_id": 8, "male_officers": 1, "female_officers": 0, "is_imputed": True},
        ],
    )
    assert keys(found) == [(1, "few_officers"), (4, "many_officers")]
    assert found["observed"].to_list() == [0.0004, 0.0101]


def test_items_of_the_strictest_grade() -> None:
    """Lesser grades are on the page of items alone; an item that nobody has is the worst."""
    row = {"person_kind": "victim", "item": "race", "persons": 40, "missing": 30}
    never = {**row, "missing": 40, "person_kind": "arrestee_b"}
    found = warned(
        *({"agency_id": agency} for agency in (1, 2, 3)),
        items=[
            {"agency_id": 1, **row, "exceeds": 1.5},
            {"agency_id": 2, **row, "exceeds": 2.0},
            {"agency_id": 3, **never, "exceeds": None},
        ],
        everybody=[
            {"agency_id": 1, **row},
            {"agency_id": 2, **row},
            {"agency_id": 3, **never},
            {"agency_id": 4, **never, "missing": 0},
        ],
    )
    assert found.select("agency_id", "subject", "observed", "n").rows() == [
        (2, "race of victims", 0.75, 40), (3, "race of Group B arrestees", 1.0, 40)
    ]  # fmt: skip
    assert found["threshold"].null_count() == 2


def test_an_item_that_the_source_does_not_have_is_no_fault_of_agencies() -> None:
    """Two of three agencies never know it; one of 15 persons is not asked."""
    never = {"person_kind": "offender", "item": "ethnicity", "persons": 40, "missing": 40}
    items = [{"agency_id": agency, **never, "exceeds": None} for agency in (1, 2)]
    others = [{"agency_id": 3, **never, "missing": 0}, {"agency_id": 4, **never, "persons": 15, "missing": 0}]
    agencies = [{"agency_id": agency} for agency in (1, 2, 3, 4)]
    assert warned(*agencies, items=items, everybody=items + others).is_empty()
    others[1] |= {"persons": 16}
    assert keys(warned(*agencies, items=items, everybody=items + others)) == [(1, "blank_item"), (2, "blank_item")]


def test_the_page_gives_every_limit_with_its_reason(tmp_path: Path) -> None:
    agencies = table("agency", {"agency_id": 1, "agency_name": "<b>Somewhere</b>", "ori": "VT0000001"})
    times = table("incident_time", {"agency_id": 1, "incidents": 200, "with_hour": 200, "at_midnight": 150})
    warnings = warn_of_data(
        agencies, times, table("police_employees"), table("agency_item"), table("agency_item_check"), YEAR
    )
    assert keys(warnings) == [(1, "midnight")]
    identity = Identity(run_id="r", source="synthetic:0.01", year=YEAR, seed=1, is_synthetic=True)
    documents = show_data_warnings(agencies, times, warnings.lazy(), YEAR, identity)
    for name, write in documents.items():
        write(tmp_path / name)
    page = (tmp_path / "validation_warnings.html").read_text(encoding="utf-8")
    for label in code_list("data_warning")["label"]:
        assert f"<h2>{label}</h2>" in page
    assert "Agencies with at least 100 incidents with a known hour and a share above 20%." in page
    assert "above 10 officers for 1,000 residents" in page
    assert "75.0%" in page
    assert "<b>Somewhere" not in page
    assert "synthetic" in page.lower()
    written = pl.read_csv(tmp_path / "data_warnings.csv")
    assert written["observed"].to_list() == [0.75]


def test_nothing_to_warn_of(tmp_path: Path) -> None:
    assert warned({"agency_id": 1}).is_empty()
    identity = Identity(run_id="r", source="cde:x.zip", year=YEAR, seed=1, is_synthetic=False)
    nothing = (table("agency", {"agency_id": 1}), table("incident_time"), table("data_warning"))
    show_data_warnings(*nothing, YEAR, identity)["validation_warnings.html"](tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "0 agencies</span> with a warning" in page or "0 agencies with a warning" in page
    assert "No agency has enough incidents to show shares." in page
