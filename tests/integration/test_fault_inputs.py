"""Made-up zips, each with one fault of layout, agencies or codes: what they give, or why they are refused."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from tests.support.shared_data import SHARED_DATA

from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.cde import CdeSource

FAULTS = SHARED_DATA / "faults"
LAYOUTS = {"first": "first-issue-VT-2016", "old": "mixed-layouts-VT-2020", "new": "mixed-layouts-VT-2021"}
pytestmark = pytest.mark.skipif(not FAULTS.is_dir(), reason="the faulty zips are not under NIBRS_SHARED_DATA")


def read(year: int, *names: str) -> dict[str, pl.DataFrame]:
    source = CdeSource(tuple(FAULTS / f"{name}.zip" for name in names))
    frames = source.ingest_agencies(year)
    for state in source.probe(year, 0).partitions["state_abbr"]:
        frames |= source.ingest_incidents(year, state)
    counts = frames["intake_count"].select(pl.sum("rows_read", "rows_kept", "rows_quarantined", "rows_dropped")).row(0)
    assert counts[0] == sum(counts[1:])
    return frames


def losses(frames: dict[str, pl.DataFrame]) -> dict[tuple[str, str], int | None]:
    return {(loss, subject): n for loss, subject, n in frames["intake_loss"].select("loss", "subject", "n").rows()}


@pytest.mark.parametrize(("history", "current"), [("first", "old"), ("old", "new")])
def test_history_may_have_another_layout(history: str, current: str) -> None:
    years = {name: int(LAYOUTS[name][-4:]) for name in LAYOUTS}
    for names in ((history, current), (current, history)):
        frames = read(years[current], *(LAYOUTS[name] for name in names))
        assert frames["incident"].height == 72
        assert frames["report_month"].group_by("data_year").len().sort("data_year").rows() == [
            (years[history], 36),
            (years[current], 36),
        ]


def test_the_first_issue_of_2016_is_read_whole() -> None:
    frames = read(2016, LAYOUTS["first"])
    assert (frames["incident"].height, frames["agency"].height, frames["report_month"].height) == (72, 4, 36)
    assert frames["agency"]["universe_scope"].unique().to_list() == ["all"]
    assert frames["quarantine"].is_empty()


def test_an_agency_that_is_listed_twice_took_part_if_one_row_says_so() -> None:
    frames = read(2024, "agency-twice-participated-VT-2024")
    assert frames["report_month"].group_by("ori").len()["len"].to_list() == [12, 12, 12]
    assert losses(frames)["agency_in_conflict", "agencies VT0003000"] == 2


def test_a_place_that_is_not_estimated_is_refused_at_once() -> None:
    with pytest.raises(PipelineError, match=r"FS \(Federal agencies\) is neither a state nor the District"):
        CdeSource((FAULTS / "state-FS-2024.zip",)).probe(2024, 0)


def test_a_start_two_years_ahead_stays_ahead() -> None:
    frames = read(2018, "start-date-two-years-after-VT-2018")
    assert frames["agency"].sort("ori")["nibrs_start_date"].to_list() == [
        date(1991, 1, 1),
        date(2019, 1, 1),
        date(2020, 1, 1),
    ]


def test_the_word_null_is_missing() -> None:
    frames = read(2024, "NULL-as-text-VT-2024")
    assert frames["agency"].select("msa_name", "is_in_msa").unique().rows() == [(None, False)]
    assert losses(frames)["null_text", "agencies"] == 6


def test_codes_that_no_list_has_are_kept_and_told() -> None:
    frames = read(2024, "codes-unknown-to-product-VT-2024")
    assert "27A" in frames["offense"]["offense_code"]
    assert losses(frames)["code_without_row", "nibrs_offense.offense_code 27A"] == 1


def test_leading_zeros_are_restored() -> None:
    frames = read(2024, "lookups-without-leading-zeros-VT-2024")
    assert frames["offense"]["location_code"].unique().to_list() == ["01"]
    assert frames["arrestee_weapon"]["weapon_code"].unique().to_list() == ["01"]
    assert losses(frames)["zeros_restored", "nibrs_offense.location_id"] == 72
