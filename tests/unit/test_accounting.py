"""Incidents read = in the estimates + left out, by reason."""

import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.frames import table

from nibrs_estimation.model.accounting import INCIDENT_ACCOUNT, UNLISTED_OFFENSE, account_rows
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.stages.accounting.records import account_for_incidents
from nibrs_estimation.stages.accounting.summary import write_account

YEAR = 2024
Rows = list[dict[str, Any]]


def account(
    incidents: Rows,
    arrests: Rows = [],  # noqa: B006 (never changed)
    *,
    offenses: Rows = [],  # noqa: B006
    universe: Rows = [],  # noqa: B006
    frame: Rows = [],  # noqa: B006
    weights: Rows = [],  # noqa: B006
    removed: Rows = [],  # noqa: B006
    intake: Rows = [],  # noqa: B006
) -> dict[str, pl.DataFrame]:
    made = account_for_incidents(
        table("incident", *incidents),
        table("offense", *offenses),
        table("arrestee", *({"is_group_b": True, **row} for row in arrests)),
        table("universe", *universe),
        table("weighting_frame", *frame),
        table("agency_weight", *weights),
        table("removed_month", *removed),
        table("intake_count", *intake),
        YEAR,
        "VT",
    )
    checked(made["incident_account"], INCIDENT_ACCOUNT)
    checked(made["unlisted_offense"], UNLISTED_OFFENSE)
    return made


def reasons(made: pl.DataFrame, record_type: str = "incident") -> dict[tuple[int, str], int]:
    rows = made.filter(pl.col("record_type") == record_type).select("agency_id", "reason", "records")
    return {(agency, reason): n for agency, reason, n in rows.iter_rows()}


def slow_reason(agency: int | None, day: date | None, world: dict[str, Any]) -> str:  # noqa: PLR0911 (rule by rule)
    """One record, rule by rule, in plain Python."""
    if day is None or day.year != YEAR:
        return "other_year"
    if agency is None:
        return "no_agency"
    if agency not in world["universe"]:
        return "unknown_agency"
    if world["universe"][agency] is not None:
        return str(world["universe"][agency])
    if world["frame"][agency] is not None:
        return {"not completed": "not_completed", "started after October": "started_late"}[world["frame"][agency]]
    if agency not in world["weighted"]:
        return "no_weight"
    if (agency, day.month) in world["removed"]:
        kept_from, reason = world["removed"][agency, day.month]
        if kept_from is None or day < kept_from:
            return "before_start" if reason == "before_start" else "replaced_month"
    return "in_estimates"


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, Any]:
    agencies = draw(st.lists(st.integers(1, 6), unique=True, max_size=6))
    days = st.one_of(
        st.dates(date(YEAR, 1, 1), date(YEAR, 3, 31)), st.dates(date(YEAR - 1, 12, 1), date(YEAR + 1, 1, 31))
    )
    months = st.sampled_from(
        [(None, "low"), (None, "missing"), (None, "before_start"), (date(YEAR, 2, 15), "before_start")]
    )
    return {
        "universe": {a: draw(st.sampled_from([None, None, None, "federal", "covered", "dormant"])) for a in agencies},
        "frame": {a: draw(st.sampled_from([None, None, "not completed", "started after October"])) for a in agencies},
        "weighted": {a for a in agencies if draw(st.integers(0, 3))},
        "removed": {(a, m): draw(months) for a in agencies for m in (1, 2) if draw(st.booleans())},
        "incidents": draw(st.lists(st.tuples(st.integers(1, 7), days), max_size=25)),
        "arrests": draw(st.lists(st.tuples(st.none() | st.integers(1, 7), days), max_size=25)),
        "set_aside": draw(st.integers(0, 3)),
    }


@settings(max_examples=60, deadline=None)
@given(worlds())
def test_the_account_equals_the_slow_twin(world: dict[str, Any]) -> None:
    incidents = world["incidents"]
    kept, set_aside = len(incidents), world["set_aside"]
    made = account(
        [
            {"incident_id": i, "agency_id": agency, "data_year": day.year, "incident_date": day}
            for i, (agency, day) in enumerate(incidents)
        ],
        [{"arrestee_id": i, "agency_id": a, "arrest_date": day} for i, (a, day) in enumerate(world["arrests"])],
        universe=[
            {"agency_id": a, "is_eligible": why is None, "ineligible_reason": why}
            for a, why in world["universe"].items()
        ],
        frame=[
            {"agency_id": a, "is_respondent": why is None, "nonresponse_reason": why}
            for a, why in world["frame"].items()
            if world["universe"][a] is None
        ],
        weights=[{"agency_id": a, "weight": 1.5} for a in world["weighted"]],
        removed=[
            {"agency_id": a, "month": m, "kept_from": kept_from, "reason": reason}
            for (a, m), (kept_from, reason) in world["removed"].items()
        ],
        intake=[
            {"input_name": "x", "input_table": "i", "dataset": "incident", "rows_read": kept + set_aside,
             "rows_kept": kept, "rows_quarantined": set_aside, "rows_dropped": 0}
        ],
    )["incident_account"]  # fmt: skip
    for record_type in ("incident", "group_b_arrest"):
        records = incidents if record_type == "incident" else world["arrests"]
        told = Counter((agency or 0, slow_reason(agency, day, world)) for agency, day in records)
        if record_type == "incident" and set_aside:
            told[0, "set_aside"] = set_aside
        assert reasons(made, record_type) == told


def test_lost_incidents_are_refused() -> None:
    intake = {"input_name": "x", "input_table": "i", "dataset": "incident", "rows_read": 2, "rows_kept": 2}
    with pytest.raises(PipelineError, match=r"State VT: the source read 2 incidents.*contains 1.*--force"):
        account([{"incident_id": 1, "agency_id": 1}], universe=[{"agency_id": 1}], intake=[intake])


def test_every_reason_has_words_and_the_order_is_that_of_the_rules() -> None:
    listed = code_list("account_reason")["code"].to_list()
    made = pl.DataFrame(
        [("VT", "incident", place, None, reason, 1) for place, reason in enumerate(reversed(listed))],
        schema=INCIDENT_ACCOUNT.schema,
        orient="row",
    )
    rows = account_rows(made.lazy())
    assert rows["reason"].to_list() == listed
    assert rows["words"].null_count() == 0
    assert rows["share_pct"].sum() == pytest.approx(100)


def test_codes_that_no_list_has_are_counted() -> None:
    made = account(
        [{"incident_id": 1, "agency_id": 1}, {"incident_id": 2, "agency_id": 1}],
        offenses=[
            {"offense_id": 1, "incident_id": 1, "offense_code": "99Z"},
            {"offense_id": 2, "incident_id": 1, "offense_code": "13A"},
            {"offense_id": 3, "incident_id": 2, "offense_code": "99Z"},
        ],
        universe=[{"agency_id": 1}],
    )["unlisted_offense"]
    assert made.rows() == [("VT", "99Z", 2, 2, 1)]


def test_the_summary_says_it_in_words(tmp_path: Path) -> None:
    made = account(
        [{"incident_id": 1, "agency_id": 1}, {"incident_id": 2, "agency_id": 2}],
        offenses=[{"offense_id": 1, "incident_id": 1, "offense_code": "99Z"}],
        universe=[{"agency_id": 1}, {"agency_id": 2, "is_eligible": False, "ineligible_reason": "federal"}],
        frame=[{"agency_id": 1}],
        weights=[{"agency_id": 1, "weight": 1.0}],
    )
    identity = Identity("vt", "cde:VT-2024.zip", YEAR, 1, is_synthetic=False)
    writer = write_account(made["incident_account"].lazy(), made["unlisted_offense"].lazy(), identity)
    writer["incident_account.json"](tmp_path / "account.json")
    told = json.loads((tmp_path / "account.json").read_text())
    assert told["text"] == (
        "2 incidents read = 1 in the estimates + 1 left out (1 of a federal agency). "
        "1 offense with a code that no row of the tables has: 99Z."
    )
    assert told["incidents"]["read"] == 2
    assert told["run_id"] == "vt"
