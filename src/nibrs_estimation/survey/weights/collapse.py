"""The partner of a weight group of nation or region that cannot be fitted (handbook 07)."""

from __future__ import annotations

from dataclasses import dataclass

#: For a group without a neighbor in its own super group: super groups of its partner in order of preference.
#: Super groups: 1 cities, 2 MSA counties, 3 non-MSA counties, 4 to 6 zero-population cities, MSA and non-MSA agencies.
#: The reference stops with an error at the end of its list; this pipeline then takes any remaining group, so that a
#: single state can be estimated.
PREFERENCE = {
    1: (1, 4, 2, 3, 5, 6),
    2: (2, 3, 5, 6, 4, 1),
    3: (3, 2, 6, 5, 4, 1),
    4: (1, 5, 6, 2, 3),
    5: (6, 4, 2, 3, 1),
    6: (5, 4, 3, 2, 1),
}


@dataclass(frozen=True)
class Group:
    """Weight classes that are fitted together.

    Attributes:
        classes: numbers of the weight classes in it, ascending.
        super_groups: super groups of these classes.
    """

    classes: tuple[int, ...]
    super_groups: frozenset[int]

    @property
    def number(self) -> int:
        """The smallest class, which is the number of the group."""
        return self.classes[0]

    def merged(self, other: Group) -> Group:
        """Both groups as one."""
        return Group(tuple(sorted(self.classes + other.classes)), self.super_groups | other.super_groups)


def partner_of(failing: Group, groups: list[Group]) -> Group:
    """The group with which a group that cannot be fitted is merged; there must be at least two groups.

    It is the next group of the same super groups in numeric order (the previous one for the last group). If there is
    none, it is selected by :data:`PREFERENCE`.
    """
    ordered = sorted(groups, key=lambda group: group.classes)
    same = [group for group in ordered if group.super_groups == failing.super_groups]
    if len(same) > 1:
        position = same.index(failing)
        return same[position + 1] if position + 1 < len(same) else same[position - 1]
    others = [group for group in ordered if group is not failing]
    for super_group in PREFERENCE[min(failing.super_groups)]:
        found = [group for group in others if super_group in group.super_groups]
        if found:
            # Zero-population city agencies are most similar to the smallest cities, which are last.
            return found[-1] if min(failing.super_groups) == 4 and super_group == 1 else found[0]
    return others[0]
