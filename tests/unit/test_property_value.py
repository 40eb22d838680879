"""The value of an incident's property: worked examples of handbook 05, and a slow twin."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nibrs_estimation.stages.item_imputation.property_value import (
    NO_PROPERTY,
    PENDING,
    PROPERTY_KINDS,
    SEIZED_DRUGS,
    property_values,
)

#: Type of loss, code of the description, value.
Item = tuple[int | None, int | None, int | None]
RECOVERED, SEIZED, STOLEN, BURNED, DAMAGED = 5, 6, 7, 2, 4
CAR, CARD, TV, JEWELRY, CASH, DRUGS, INVENTORY, TRUCK = 3, 9, 26, 17, 20, 10, 88, 37


def value(*items: Item) -> int | None:
    return property_values(frame({1: list(items)}))["property_value"].item()  # type: ignore[no-any-return]


def frame(incidents: dict[int, list[Item]]) -> pl.DataFrame:
    rows = [(number, *item) for number, items in incidents.items() for item in items]
    schema = {"incident_id": pl.Int64, "loss_code": pl.Int8, "description_code": pl.Int32, "value_usd": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([(STOLEN, CAR, 12_000), (RECOVERED, CAR, 12_000)], 12_000),
        ([(RECOVERED, CAR, 5_000)], 5_000),
        ([(DAMAGED, TV, 300), (BURNED, TV, 300)], 300),
        ([(DAMAGED, TV, 300), (BURNED, TV, 250)], 550),
        ([(STOLEN, JEWELRY, 1), (STOLEN, CASH, 40)], 40),
        ([(STOLEN, JEWELRY, 1)], None),
        ([(STOLEN, INVENTORY, 1)], PENDING),
        ([(SEIZED, DRUGS, None)], SEIZED_DRUGS),
        ([(SEIZED, DRUGS, None), (STOLEN, CASH, 50)], 50),
        ([(STOLEN, CARD, None)], 0),
        ([(STOLEN, TRUCK, 2_500_000)], 1_000_000),
        ([(1, None, None)], NO_PROPERTY),
    ],
)
def test_worked_examples(items: list[Item], expected: int | None) -> None:
    assert value(*items) == expected


def test_kinds_of_property() -> None:
    (row,) = property_values(frame({1: [(STOLEN, CAR, 100), (STOLEN, CASH, 5)]})).to_dicts()
    assert {kind for kind in PROPERTY_KINDS if row[f"property_{kind}"]} == {"transportation", "money"}


ITEMS = st.tuples(
    st.sampled_from([1, 2, 4, 5, 6, 7, 8]),
    st.sampled_from([CAR, CARD, TV, JEWELRY, CASH, DRUGS, INVENTORY, 60, None]),
    st.sampled_from([None, 0, 1, 40, 300, 2_000_000]),
)


@settings(deadline=None, max_examples=80)
@given(st.lists(st.lists(ITEMS, min_size=1, max_size=5, unique_by=lambda item: item[:2]), min_size=1, max_size=4))
def test_values_equal_the_slow_twin(incidents: list[list[Item]]) -> None:
    found = property_values(frame(dict(enumerate(incidents))))
    assert found["property_value"].to_list() == [slow_value(items) for items in incidents]


def slow_value(items: list[Item]) -> int | None:
    described = [item for item in items if item[1] is not None]
    kinds = {code for codes in PROPERTY_KINDS.values() for code in codes}
    if not any(item[1] in kinds for item in described):
        return NO_PROPERTY
    kept: list[Item] = []
    rest: list[Item] = []
    for item in described:
        alone = sum(other[1] == item[1] for other in described) == 1
        (kept if alone and item[0] == RECOVERED else rest).append(item)
    rest = [item for item in rest if item[0] not in (1, 5, 8)]
    if len({item[0] for item in rest}) > 1:
        seen: dict[tuple[int | None, int | None], Item] = {}
        for item in rest:
            seen.setdefault((item[1], item[2]), item)
        rest = list(seen.values())
    clean = [(slow_clean(*item), item) for item in rest + kept]
    usual = [v for v, _ in clean if v is not None and v not in (PENDING, SEIZED_DRUGS)]
    if usual:
        return sum(usual)
    if any(v == SEIZED_DRUGS for v, _ in clean):
        return SEIZED_DRUGS
    return PENDING if any(v == PENDING for v, _ in clean) else None


def slow_clean(loss: int | None, description: int | None, amount: int | None) -> int | None:
    if amount is None and description in (9, 22, 48, 65, 66, 77):
        return 0
    if amount == 1 and description != INVENTORY:
        return None
    if amount is not None and amount >= 1_000_000:
        return 1_000_000
    if amount is None and description == DRUGS and loss == SEIZED:
        return SEIZED_DRUGS
    return amount
