"""Groups of states that are modeled together, or that lend each other donors (handbook 05)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Literal

from nibrs_estimation.model.codes import code_list


@cache
def state_groups(item: Literal["ethnicity", "relationship"]) -> Mapping[str, tuple[str, ...]]:
    """Group -> UCR abbreviations of its states, from code list `state_group`.

    Groups of ethnicity are about by the share of Hispanic residents: low, middle, high. Those of relationships are the
    census divisions, with New York, the District of Columbia and California by themselves.
    """
    groups: dict[str, list[str]] = {}
    for group, state in (
        code_list("state_group").select(f"{item}_group", "state_abbr").sort(f"{item}_group", "state_abbr").iter_rows()
    ):
        groups.setdefault(group, []).append(state)
    return {group: tuple(states) for group, states in groups.items()}
