"""Records without the records that each must have, for every source (10 F4)."""

from __future__ import annotations

import polars as pl
import pytest

from nibrs_estimation.model import incident
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.completeness import RULES, childless
from nibrs_estimation.sources.ucr_prd import segments
from nibrs_estimation.sources.ucr_prd.accounts import DatabaseAccounts


def whole(n: int) -> dict[str, pl.DataFrame]:
    """Datasets in which every key is the same number."""
    frames = {}
    for dataset in {dataset.name: dataset for rule in RULES for dataset in (rule[0], rule[2])}.values():
        ids = [name for name in dataset.schema.names() if name.endswith("_id")]
        frame = pl.DataFrame({name: range(1, n + 1) for name in ids})
        frames[dataset.name] = frame.with_columns(is_group_b=pl.col(ids[0]) % 2 == 0)
    return frames


def test_whole_datasets_break_no_rule() -> None:
    assert list(childless(whole(40))) == []


@pytest.mark.parametrize(("parent", "key", "child"), RULES, ids=lambda value: getattr(value, "name", ""))
def test_every_rule_finds_its_missing_rows(parent: object, key: tuple[str, ...], child: object) -> None:
    frames = whole(40)
    name = getattr(child, "name")  # noqa: B009 - parameters of tests are objects
    frames[name] = frames[name].filter(pl.col(key[-1]) > 2)
    found = [each for each in childless(frames) if each.child == name]
    assert sum(each.rows for each in found) == 2
    assert not any(each.is_too_many for each in found)


def test_arrests_of_group_b_are_apart() -> None:
    """Ids of the two groups of arrests are of different tables and may be equal."""
    arrestees = pl.DataFrame({"is_group_b": [False, True], "arrestee_id": [1, 1]})
    weapons = pl.DataFrame({"is_group_b": [False], "arrestee_id": [1]})
    frames = {incident.ARRESTEE.name: arrestees, incident.ARRESTEE_WEAPON.name: weapons}
    assert [(found.is_group_b, found.rows, found.children) for found in childless(frames)] == [(True, 1, 0)]


def test_a_database_of_which_a_table_is_cut_is_refused() -> None:
    frames = whole(40)
    frames["victim_offense"] = frames["victim_offense"].head(30)
    with pytest.raises(PipelineError, match=r"db, state VT: 10 of 40, 25.0 % of the rows of victim have no row of"):
        segments._check_completeness(frames, DatabaseAccounts("db", "VT"))


def test_a_database_that_lacks_little_is_told() -> None:
    frames = whole(40)
    frames["victim_offense"] = frames["victim_offense"].head(39)
    accounts = DatabaseAccounts("db", "VT")
    accounts.set_key("nibrs_victim", ["victim_id"])
    accounts.read("nibrs_victim", 40, 0)
    accounts.kept("nibrs_victim", "victim", 40)
    segments._check_completeness(frames, accounts)
    assert accounts.frames()["intake_loss"].select("loss", "subject", "n").rows() == [
        ("no_child", "victim without victim_offense (1 of 40, 2.5 %)", 1)
    ]
