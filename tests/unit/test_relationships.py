"""Which relationships are imputed, by which model: the stage beside a slow twin that walks through the incidents."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import polars as pl
import pytest
from tests.support.item_state import ItemState, imputed, item_state, state_segments

from nibrs_estimation.model.codes import code_list

Pairs = dict[tuple[int, int], str]


def by(rows: pl.DataFrame, key: str) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows.iter_rows(named=True):
        found[row[key]].append(row)
    return found


def wanted_by_the_twin(segments: dict[str, pl.DataFrame], links: pl.DataFrame) -> tuple[Pairs, Pairs]:
    """Pairs of victim and offender that are imputed, with their model, and pairs left unknown: (imputed, left)."""
    crime = dict(code_list("offense").select("code", "crime_against").iter_rows())
    offenses = {row["offense_id"]: row["offense_code"] for row in segments["offense"].iter_rows(named=True)}
    of_victim = by(segments["victim_offense"], "victim_id")
    victims, offenders = by(segments["victim"], "incident_id"), by(segments["offender"], "incident_id")
    arrestees = by(segments["arrestee"].filter(~pl.col("is_group_b")), "incident_id")
    reported = {
        (row["victim_id"], row["offender_id"]): row["relationship_code"]
        for row in segments["victim_offender"].iter_rows(named=True)
    }
    same = {
        row["offender_id"]
        for row in links.iter_rows(named=True)
        if row["is_same_person"] and not row["is_dropped"]
    }  # fmt: skip
    found: Pairs = {}
    left: Pairs = {}
    for incident in segments["incident"].iter_rows(named=True):
        number = incident["incident_id"]
        is_arrest = any(arrestee["arrest_date"] is not None for arrestee in arrestees[number])
        if not (is_arrest or incident["cleared_exceptionally_code"] in ("A", "B", "C", "D", "E")):
            continue
        known = [offender for offender in offenders[number] if offender["sequence_number"] != 0]
        crimes = {
            victim["victim_id"]: {crime[offenses[row["offense_id"]]] for row in of_victim[victim["victim_id"]]}
            for victim in victims[number]
        }
        is_person = any("Person" in each for each in crimes.values())
        for victim in victims[number]:
            if victim["victim_type_code"] not in ("I", "L") or not crimes[victim["victim_id"]]:
                continue
            if not is_person and "Property" not in crimes[victim["victim_id"]]:
                continue
            for offender in known:
                pair = victim["victim_id"], offender["offender_id"]
                code = reported.get(pair)
                if code == "RU" and len(known) > 1 and offender["offender_id"] not in same:
                    left[pair] = "RU"
                elif code in (None, "RU", "HR"):
                    few = "few" if len(known) <= 3 else "many"
                    found[pair] = f"relationship/{few}" if is_person else "property_relationship"
    return found, left


@pytest.fixture(scope="module")
def state() -> ItemState:
    return item_state()


@pytest.mark.parametrize("share_blank", [0.0, 0.3])
def test_pairs_equal_the_slow_twin(state: ItemState, share_blank: float) -> None:
    segments, made = state.segments, state.made
    if share_blank:
        # Many more pairs without a relationship than the synthetic nation has, among them pairs without a row.
        original, _ = state_segments("TX", 0.01, 1)
        pairs = original["victim_offender"]
        is_removed = pl.col("victim_id").hash(3) % 10 < 10 * share_blank
        is_unknown = pl.col("victim_id").hash(5) % 10 < 10 * share_blank
        code = pl.when(is_unknown).then(pl.lit("RU")).otherwise("relationship_code").alias("relationship_code")
        segments = original | {"victim_offender": pairs.filter(~is_removed).with_columns(code)}
        made = imputed(segments, "TX", 1, "donors")
    wanted, left = wanted_by_the_twin(segments, made["person_link"])
    audit = made["imputed_item"].filter(pl.col("item") == "relationship")
    found = {(row["person_id"], row["other_id"]): row["step"] for row in audit.iter_rows(named=True)}
    assert len(wanted) > 100
    assert set(found) == set(wanted)
    for pair, step in found.items():
        # Where the state has no donor the value is drawn from other states.
        assert step.startswith(wanted[pair]) or step == "pool"
    after = {
        (row["victim_id"], row["offender_id"]): (row["relationship_code"], row["relationship_flag"])
        for row in made["analysis_victim_offender"].iter_rows(named=True)
    }
    assert all(after[pair] == ("RU", 5) for pair in left)
