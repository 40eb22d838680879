"""Checks and page of blank items, and their files in the reference's layout, on a synthetic state and by hand."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from tests.support.frames import DATASETS, table
from tests.support.item_state import YEAR, ItemState, item_state

from nibrs_estimation.model.items import IMPUTED, UNKNOWN
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.stages.item_imputation.reference_files import write_item_files
from nibrs_estimation.stages.validation.age_classes import AGE_LABELS, age_class
from nibrs_estimation.stages.validation.item_summary import summarize_items
from nibrs_estimation.stages.validation.item_truth import shares_beside_truth
from nibrs_estimation.stages.validation.items import check_items, compared_shares, unusual_agencies, validate_items

IDENTITY = Identity(run_id="run", source="synthetic:0.01", year=YEAR, seed=1, is_synthetic=True)


@pytest.fixture(scope="module")
def state() -> ItemState:
    return item_state()


@pytest.fixture(scope="module")
def summaries(state: ItemState) -> dict[str, pl.DataFrame]:
    names = (
        "analysis_victim", "analysis_offender", "analysis_arrestee", "analysis_victim_offender", "person_frame",
        "person_link", "imputed_item",
    )  # fmt: skip
    made = summarize_items(
        **{name: state.made[name].lazy() for name in names},
        incident=state.segments["incident"].lazy(),
        synthetic_truth_item=state.truth.lazy(),
        partition="TX",
    )
    return {name: checked(frame, DATASETS[name]) for name, frame in made.items()}


def test_summaries_add_up_to_the_persons_in_scope(state: ItemState, summaries: dict[str, pl.DataFrame]) -> None:
    persons = dict(state.made["person_frame"].group_by("person_kind").len().rows())
    summary = summaries["item_summary"].filter(pl.col("item") != "relationship")
    totals = summary.group_by("person_kind", "item").agg(n=pl.sum("n_reported") + pl.sum("n_imputed"))
    assert {(kind, item): n for kind, item, n in totals.rows()} == {
        (kind, item): n for kind, n in persons.items() for item in ("age", "sex", "race", "ethnicity")
    }
    audit = state.made["imputed_item"].filter(pl.col("flag") == IMPUTED).group_by("person_kind", "item").len()
    imputed = summaries["item_summary"].group_by("person_kind", "item").agg(n=pl.sum("n_imputed"))
    assert {(kind, item): n for kind, item, n in imputed.filter(pl.col("n") > 0).rows()} == {
        (kind, item): n for kind, item, n in audit.rows()
    }
    assert summaries["item_donors"]["values"].sum() == audit["len"].sum()
    pairs = summaries["item_pairs"]
    assert (pairs["pairs"] > 0).all()
    assert pairs.filter(pl.col("item") != "ethnicity").select((pl.col("pairs") == pl.col("equal")).all()).item()
    unknown = summary.filter(pl.col("category") == "unknown")
    assert unknown.is_empty()


def test_agencies_have_their_blank_items(state: ItemState, summaries: dict[str, pl.DataFrame]) -> None:
    victims = state.made["analysis_victim"].filter(pl.col("victim_type_code").is_in(["I", "L"]))
    agencies = state.segments["incident"].select("incident_id", "agency_id")
    expected = (
        victims.join(agencies, on="incident_id")
        .group_by("agency_id")
        .agg(pl.len(), missing=pl.col("race_flag").is_in([IMPUTED, UNKNOWN]).sum())
    )
    found = summaries["agency_item"].filter((pl.col("person_kind") == "victim") & (pl.col("item") == "race"))
    assert sorted(found.select("agency_id", "persons", "missing").rows()) == sorted(expected.rows())


def test_values_beside_the_truth_equal_a_slow_count(state: ItemState, summaries: dict[str, pl.DataFrame]) -> None:
    columns = {"age": "age_code", "sex": "sex_code", "race": "race_code", "relationship": "relationship_code"}
    truth = {
        (row["segment"], row["unit_id"], row["detail_code"], row["item"]): row["value"]
        for row in state.truth.iter_rows(named=True)
    }
    offense = {
        (row["person_kind"], row["person_id"]): row["offense_code"]
        for row in state.made["person_frame"].iter_rows(named=True)
    }
    expected: Counter[tuple[str, str, str, str, bool]] = Counter()
    for row in state.made["imputed_item"].filter(pl.col("flag") == IMPUTED).iter_rows(named=True):
        kind, item = row["person_kind"], row["item"]
        if item not in ("sex", "race", "relationship"):
            continue
        segment = "victim_offender" if item == "relationship" else kind.removesuffix("_b")
        detail = {"victim_offender": str(row["other_id"]), "arrestee": "B" if kind == "arrestee_b" else "A"}
        key = segment, row["person_id"], detail.get(segment, ""), columns[item]
        if key in truth:
            for value, is_true in ((row["value"], False), (truth[key], True)):
                expected[kind, item, offense[kind, row["person_id"]] or "", value, is_true] += 1
    found = summaries["item_truth"].filter(pl.col("item").is_in(["sex", "race", "relationship"]))
    assert found.height > 100
    for row in found.iter_rows(named=True):
        key = row["person_kind"], row["item"], row["offense_code"], row["category"]
        assert (row["n_imputed"], row["n_true"]) == (expected[*key, False], expected[*key, True])
    assert found["n_imputed"].sum() == sum(n for key, n in expected.items() if not key[-1])


def test_shares_beside_the_truth() -> None:
    """Of 100 blank sexes 60 are truly male and 55 are imputed so: 5 points, 0.71 standard errors of two draws."""
    rows = [("victim", "sex", "13A", "M", 55, 60), ("victim", "sex", "13A", "F", 45, 40)]
    schema = ["person_kind", "item", "offense_code", "category", "n_imputed", "n_true"]
    female, male = shares_beside_truth(pl.DataFrame(rows, schema=schema, orient="row")).iter_rows(named=True)
    assert (male["values"], male["imputed"], male["true"]) == (100, 0.55, 0.6)
    assert male["points"] == pytest.approx(-5)
    assert male["error"] == pytest.approx(-0.05 / (2 * 0.575 * 0.425 / 100) ** 0.5)
    assert female["error"] == pytest.approx(-male["error"])


def test_page_and_checks(state: ItemState, summaries: dict[str, pl.DataFrame], tmp_path: Path) -> None:
    checks = check_items(summaries["item_summary"].lazy(), summaries["agency_item"].lazy())
    checks = {name: checked(frame, DATASETS[name]) for name, frame in checks.items()}
    agency = table("agency", {"agency_id": int(state.segments["incident"]["agency_id"][0]), "agency_name": "Town"})
    for method in ("donors", "reference", "none"):
        (written,) = validate_items(
            summaries["item_summary"].lazy(),
            summaries["item_donors"].lazy(),
            summaries["item_pairs"].lazy(),
            checks["item_check"].lazy(),
            checks["agency_item_check"].lazy(),
            summaries["item_truth"].lazy(),
            agency,
            YEAR,
            method,
            IDENTITY,
        ).values()
        written(tmp_path / "page.html")
        text = (tmp_path / "page.html").read_text()
        assert "SYNTHETIC" in text.upper()
        assert "Offenders of cleared incidents: values" in text
        assert "Imputed values beside the truth" in text
    summary_, donors, pairs, check, agencies, truth = (
        DATASETS[name].empty()
        for name in ("item_summary", "item_donors", "item_pairs", "item_check", "agency_item_check", "item_truth")
    )
    (written,) = validate_items(
        summary_, donors, pairs, check, agencies, truth, agency, YEAR, "none", IDENTITY
    ).values()
    written(tmp_path / "page.html")
    assert "Nothing was imputed" in (tmp_path / "page.html").read_text()
    assert "beside the truth" not in (tmp_path / "page.html").read_text()


def summary(*rows: tuple[str, str, int, int]) -> pl.DataFrame:
    made = [
        {"state_abbr": s, "person_kind": "victim", "item": "sex", "category": c, "n_reported": r, "n_imputed": i}
        for s, c, r, i in rows
    ]
    return table("item_summary", *made).collect()


def test_shares_before_and_after() -> None:
    rows = [("VT", "M", 60, 10), ("VT", "F", 40, 0), ("VT", "unknown", 7, 0), ("NH", "M", 10, 0), ("NH", "F", 30, 10)]
    found = {(r["place"], r["category"]): r for r in compared_shares(summary(*rows)).to_dicts()}
    assert found["VT", "M"]["share_reported"] == pytest.approx(0.6)
    assert found["VT", "M"]["share_imputed"] == 1.0
    assert found["VT", "M"]["change"] == pytest.approx(70 / 110 - 0.6)
    assert found["US", "F"]["share_reported"] == pytest.approx(0.5)
    assert found["US", "F"]["change"] == pytest.approx(80 / 160 - 0.5)
    assert not any(row["is_marked"] for row in found.values())


def test_one_state_beyond_the_others_is_marked() -> None:
    states = [f"{first}{second}" for first in "ABCDEF" for second in "ABCDE"]
    rows = [(s, c, 1000, 10) for s in states for c in ("M", "F")]
    rows += [("VT", "M", 1000, 500), ("VT", "F", 1000, 0)]
    found = compared_shares(summary(*rows))
    assert set(found.filter("is_marked")["place"]) == {"VT"}


def test_agencies_are_graded_by_the_log_of_their_share() -> None:
    usual = [{"agency_id": n, "persons": 1000, "missing": 20 + n} for n in range(1, 21)]
    odd = [
        {"agency_id": 50, "persons": 100, "missing": 90},
        {"agency_id": 51, "persons": 20, "missing": 20},
        {"agency_id": 52, "persons": 15, "missing": 15},
        {"agency_id": 53, "persons": 500, "missing": 0},
    ]
    rows = [{"state_abbr": "VT", "person_kind": "victim", "item": "race", **row} for row in (*usual, *odd)]
    found = unusual_agencies(table("agency_item", *rows).collect())
    assert dict(found.select("agency_id", "exceeds").rows()) == {50: 2.0, 51: None}


def test_classes_of_ages() -> None:
    ages = pl.DataFrame({"age": pl.Series([0, 4, 5, 14, 15, 18, 64, 65, 99, None], dtype=pl.Int16)})
    expected = [AGE_LABELS[n] for n in (0, 0, 1, 1, 2, 3, 5, 6, 6)]
    assert ages.select(age_class(pl.col("age"))).to_series().to_list() == [*expected, None]


def test_files_of_the_reference(state: ItemState, tmp_path: Path) -> None:
    names = (
        "analysis_victim", "analysis_offender", "analysis_arrestee", "analysis_victim_offender", "person_frame",
        "relationship_value", "property_relationship_value",
    )  # fmt: skip
    (write,) = write_item_files(
        **{name: state.made[name].lazy() for name in names},
        incident=state.segments["incident"].lazy(),
        agency=table("agency"),
        year=YEAR,
    ).values()
    write(tmp_path / "items.zip")
    again = tmp_path / "again.zip"
    write(again)
    assert again.read_bytes() == (tmp_path / "items.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "items.zip") as archive:
        files = {
            Path(name).name: pl.read_csv(io.BytesIO(gzip.decompress(archive.read(name)))) for name in archive.namelist()
        }
    victims = files["17_TX_victim_imputed_final_flag.csv.gz"]
    assert victims.height == state.made["person_frame"].filter(pl.col("person_kind") == "victim").height
    assert victims["race_code_victim_i"].is_in([1, 2, 3, 4, 8]).all()
    assert set(victims["sex_victim_i_flag"]) <= {1, 2, 3}
    assert files["17_TX_offender_imputed_final_flag_hisp.csv.gz"]["ethnicity_code_offender_i"].is_in([1, 2, 4]).all()
    few = files["04_imputed_relationship_code_offender_le3_TX.csv.gz"]
    assert few["der_relationship"].is_between(1, 6).all()
    assert files["02_mice_group_b_arrestee.csv.gz"].height > 100
