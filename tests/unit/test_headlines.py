"""Headline counts and their changes since an earlier run: numbers, the section of the report, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.support.frames import table
from tests.support.report import REAL, given_tables, page, text_of

from nibrs_estimation.model.headlines import HEADLINE, HEADLINE_ERROR
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.table import write_table
from nibrs_estimation.stages.publication.headlines import compare_headlines

COUNT: dict[str, Any] = {
    "table_name": "1a", "column": 17, "definition_version": 1, "states": "ME,VT", "estimate": 300.0,
    "standard_error": 11.0, "prediction_variance": 100.0, "known_miss": 0.0, "has_interval": True,
}  # fmt: skip
BEFORE = {**COUNT, "estimate": 240.0, "standard_error": 8.0, "prediction_variance": 64.0}
#: Six agencies with residuals that are the same in both years, so that r = 1, and two that did not respond.
RESIDUALS = (2.0, -1.0, 3.0, -2.0, 1.0, 2.0)
ERRORS: list[dict[str, Any]] = [
    *({"table_name": "1a", "column": 17, "agency_id": i, "piece": 0, "error": 2.0, "residual": e, "noise": 0.0}
      for i, e in enumerate(RESIDUALS, 1)),
    *({"table_name": "1a", "column": 17, "agency_id": i, "piece": 0, "error": -3.0} for i in (7, 8)),
]  # fmt: skip
EARLIER = Identity("r0", "cde:VT-2023.zip", 2023, 1, is_synthetic=False)


def kept(folder: Path, identity: Identity = EARLIER, **changed: Any) -> tuple[Path, Path]:
    """The two published files of a predecessor."""
    paths = folder / "headline.parquet", folder / "headline_error.parquet"
    write_table(table("headline", {**BEFORE, **changed}), HEADLINE, paths[0], metadata=identity.metadata())
    write_table(table("headline_error", *ERRORS), HEADLINE_ERROR, paths[1], metadata=identity.metadata())
    return paths


def change(paths: tuple[Path | None, Path | None], identity: Identity = REAL, **changed: Any) -> pl.DataFrame:
    now = table("headline", {**COUNT, **changed})
    return compare_headlines(now, table("headline_error", *ERRORS), identity, *paths)


def test_worked_example(tmp_path: Path) -> None:
    """C = r Σ x₁x₂ = 6 x 4 + 2 x 9 = 42; filled months add 21 to the variance: 100 + 64 - 84 + 21 = 101."""
    (found,) = change(kept(tmp_path)).to_dicts()
    assert (found["earlier_year"], found["earlier_run_id"]) == (2023, "r0")
    assert (found["estimate"], found["earlier_estimate"], found["difference"]) == (300, 240, 60)
    assert found["standard_error"] == pytest.approx(np.sqrt(101))
    assert (found["lower_bound"], found["upper_bound"]) == pytest.approx((60 - 1.96 * 101**0.5, 60 + 1.96 * 101**0.5))
    relative = 1.96 * np.sqrt(121 / 300**2 + 64 / 240**2 - 2 * 42 / (300 * 240))
    assert found["change_pct"] == pytest.approx(25)
    assert found["change_lower_pct"] == pytest.approx(100 * (1.25 * np.exp(-relative) - 1))
    assert (found["clear"], found["missing"], found["suppression_reason"]) == ("higher", None, None)


@pytest.mark.parametrize(
    ("now", "before", "words"),
    [
        ({"definition_version": 2}, {}, "defined otherwise"),
        ({}, {"prediction_variance": None}, "reference's rule"),
        ({"standard_error": None}, {}, "no standard error"),
        ({"missing": "not in the source", "estimate": None}, {}, "not in the source"),
    ],
)
def test_a_change_without_what_its_variance_needs(
    now: dict[str, Any], before: dict[str, Any], words: str, tmp_path: Path
) -> None:
    (found,) = change(kept(tmp_path, **before), **now).to_dicts()
    assert words in found["missing"]
    assert (found["earlier_estimate"], found["difference"], found["clear"]) == (240, None, "not known")


def test_a_count_without_upper_end_has_a_change_without_interval(tmp_path: Path) -> None:
    (found,) = change(kept(tmp_path), has_interval=False).to_dicts()
    assert (found["difference"], found["lower_bound"], found["clear"]) == (60, None, "not known")


@pytest.mark.parametrize(
    ("identity", "changed", "message"),
    [
        (
            Identity("r0", "x", 2024, 1, is_synthetic=False),
            {},
            "Run r0 of 2024, given as predecessor, is not of a year",
        ),
        (Identity("r0", "x", 2023, 1, is_synthetic=True), {}, "not both of real or both of synthetic"),
        (EARLIER, {"states": "NH"}, "This run is of ME,VT, but its predecessor r0 of NH"),
    ],
)
def test_a_run_that_is_no_predecessor_is_refused(
    identity: Identity, changed: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(PipelineError, match=message):
        change(kept(tmp_path, identity, **changed))


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    counts, errors = kept(tmp_path)
    with pytest.raises(PipelineError, match="both files are needed"):
        change((counts, None))
    (tmp_path / "other").mkdir()
    _, of_another = kept(tmp_path / "other", Identity("r9", "x", 2022, 1, is_synthetic=False))
    with pytest.raises(PipelineError, match="is not of the run of"):
        change((counts, of_another))
    pl.read_parquet(errors).write_parquet(errors)
    with pytest.raises(PipelineError, match="does not say of which run it is"):
        change((counts, errors))


def test_without_predecessor_there_is_no_change_and_the_report_says_how_to_get_it(tmp_path: Path) -> None:
    assert change((None, None)).is_empty()
    html = page(given_tables(), tmp_path)
    assert "<h2>Change since" not in html
    assert "nibrs run --predecessor" in text_of(html)


def test_the_report_shows_changes_with_their_intervals(tmp_path: Path) -> None:
    found = change(kept(tmp_path, suppression_reason="its error is more than 30% of it"))
    html = page(given_tables(), tmp_path, given={"year_change": found.lazy()})
    text = text_of(html)
    assert "Change since 2023" in text
    assert "Counts of 2023 are those of run r0." in text
    assert "Violent Crime × 300 240 60 +40 to +80 25.0% +16.5 to +34.1 yes, higher" in text
    assert "× Suppressed in 2023: its error is more than 30% of it." in text
    assert "nibrs run --predecessor" not in text
    assert '<figure><table class="dots">' in html
