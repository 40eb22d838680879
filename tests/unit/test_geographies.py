"""Which units belong to which geography (handbook 08)."""

from collections.abc import Mapping

import polars as pl
import pytest
from hypothesis import given, settings
from tests.support.frames import table
from tests.support.places import GROUPS, Nation, geographies, members_of, nations

from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.survey.geographies import SIZES, TYPES, geography_members


def members(
    group: str | None, *agencies: Mapping[str, object], units: list[dict[str, object]] | None = None
) -> list[tuple[int, int]]:
    """Agency and weight group of the units of geography 1, the nation."""
    frame = [{"agency_id": number, **row} for number, row in enumerate(agencies, start=1)]
    rows = units if units is not None else [{"agency_id": row["agency_id"]} for row in frame]
    found = geography_members(
        table("geography", {"geography_number": 1, "agency_group": group}),
        table("agency_weight", *rows),
        table("weighting_frame", *frame),
    )
    assert found.columns == ["geography_number", "geography_level", "geography_code", "weight_group", "agency_id"]
    return list(found.select("agency_id", "weight_group").iter_rows())


@pytest.mark.parametrize(
    ("group", "codes"),
    [
        ("100,000 or over", ["1A", "1B", "1C", "2", "8A", "9A"]),
        ("Size 25,000-99,999", ["3", "4", "8B", "9B"]),
        ("10,000-24,999", ["5", "8C", "9C"]),
        ("Size under 10,000", ["6", "7", "8D", "9D"]),
    ],
)
def test_sizes_follow_the_population_group(group: str, codes: list[str]) -> None:
    every = ["1A", "1B", "1C", "2", "3", "4", "5", "6", "7", *(f"{k}{x}" for k in "89" for x in "ABCDE")]
    found = members(group, *({"population_group_code": code} for code in every))
    assert [every[number - 1] for number, _ in found] == codes


@pytest.mark.parametrize(
    ("group", "kinds"),
    [
        ("Agency Type City", ["City"]),
        ("County", ["County"]),
        ("Agency Type University or College", ["University or College"]),
        ("State Police", ["State Police"]),
        ("Agency Type Other State Agency", ["Other", "Other State Agency"]),
        ("Tribal", ["Tribal"]),
        (None, ["City", "County", "University or College", "State Police", "Other", "Other State Agency", "Tribal"]),
    ],
)
def test_types_follow_the_agency_type(group: str | None, kinds: list[str]) -> None:
    every = ["City", "County", "University or College", "State Police", "Other", "Other State Agency", "Tribal"]
    found = members(group, *({"agency_type_name": kind} for kind in every))
    assert [every[number - 1] for number, _ in found] == kinds


def test_every_group_has_both_spellings() -> None:
    names = {*SIZES.values(), *TYPES.values()}
    assert {group.removeprefix("Size ").removeprefix("Agency Type ") for group in GROUPS} == names
    for word, some in (("Size", SIZES), ("Agency Type", TYPES)):
        for name in some.values():
            members(name)
            members(f"{word} {name}")


def test_an_agency_is_there_with_each_of_its_units() -> None:
    units: list[dict[str, object]] = [{"agency_id": 1, "weight_group": 7}, {"agency_id": 1, "weight_group": 4}]
    units += [{"agency_id": 1, "geography_code": "XX"}, {"agency_id": 1, "geography_level": "tribal"}]
    assert members(None, {}, units=units) == [(1, 4), (1, 7)]
    assert members("City", {}, units=units) == [(1, 4), (1, 7)]
    assert members("County", {}, units=units) == []


@pytest.mark.parametrize("group", ["", "city", "Size City", "MSA Counties", "Size  under 10,000"])
def test_other_groups_are_refused(group: str) -> None:
    with pytest.raises(PipelineError, match=r"Geography 1, agency_group: .* AGENCY_GROUP of the external file"):
        members(group, {})


def test_other_weights_are_refused() -> None:
    rows = table("geography", {"geography_number": 7, "geography_level": "county"})
    with pytest.raises(PipelineError, match=r"Geography 7, geography_level: 'county' is not a level \(1 geogr"):
        geography_members(rows, table("agency_weight"), table("weighting_frame"))


def test_agencies_of_another_run_are_refused() -> None:
    with pytest.raises(PipelineError, match=r"Agency 5 is in dataset agency_weight but not in weighting_frame"):
        members(None, {}, units=[{"agency_id": 5}, {"agency_id": 1}])


@settings(deadline=None, max_examples=60)
@given(nations())
def test_members_equal_the_slow_twin(nation: Nation) -> None:
    frames = nation.frames()
    found = geography_members(frames["geography"], frames["agency_weight"], frames["weighting_frame"])
    expected = [
        (
            geography["geography_number"], unit["geography_level"], unit["geography_code"], unit["weight_group"],
            agency["agency_id"],
        )
        for geography in geographies()
        for agency in members_of(nation, geography)
        for unit in nation.units
        if unit["agency_id"] == agency["agency_id"]
        and unit["geography_level"] == geography.get("geography_level", "nation")
        and unit["geography_code"] == geography.get("geography_code", "US")
    ]  # fmt: skip
    assert found.rows() == sorted(expected)
    again = nation.frames(order=3)
    assert found.equals(geography_members(again["geography"], again["agency_weight"], again["weighting_frame"]))


def test_groups_of_sizes_and_of_types_share_no_agency() -> None:
    frame = table(
        "weighting_frame", {"agency_id": 1}, {"agency_id": 2, "agency_type_name": "State Police", "population": 0}
    )
    rows = [{"geography_number": k, "agency_group": group} for k, group in enumerate(GROUPS, start=1)]
    units = table("agency_weight", {"agency_id": 1}, {"agency_id": 2})
    found = geography_members(table("geography", *rows), units, frame)
    assert found.group_by("agency_id").len().sort("agency_id")["len"].to_list() == [2, 2]
    assert found.filter(pl.col("geography_number") > len(SIZES))["agency_id"].is_unique().all()
