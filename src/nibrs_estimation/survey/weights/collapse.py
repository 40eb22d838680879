"""Which weight group a failing one of nation or region is merged with (handbook 07)."""

from __future__ import annotations

from dataclasses import dataclass

#: Where a group goes that has no neighbor in its own super group: super groups in order of preference.
#: Super groups: 1 cities, 2 MSA counties, 3 non-MSA counties, 4 to 6 zero-population cities, MSA and non-MSA agencies.
#: The reference stops with an error where its list ends; ours goes on to any group left, so that a single state can be
#: estimated.
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
        super_groups: kinds of agency in it.
    """

    classes: tuple[int, ...]
    super_groups: frozenset[int]

    @property
    def number(self) -> int:
        """The smallest class, by which the group is called."""
        return self.classes[0]

    def merged(self, other: Group) -> Group:
        """Both groups as one."""
        return Group(tuple(sorted(self.classes + other.classes)), self.super_groups | other.super_groups)


def partner_of(failing: Group, groups: list[Group]) -> Group:
    """The group that a failing one is merged with; there must be another.

    The next of the same super groups in numeric order (the previous for the last one), else one by
    :data:`PREFERENCE`.
    """
    ordered = sorted(groups, key=lambda group: group.classes)
    alike = [group for group in ordered if group.super_groups == failing.super_groups]
    if len(alike) > 1:
        position = alike.index(failing)
        return alike[position + 1] if position + 1 < len(alike) else alike[position - 1]
    others = [group for group in ordered if group is not failing]
    for super_group in PREFERENCE[min(failing.super_groups)]:
        found = [group for group in others if super_group in group.super_groups]
        if found:
            # A zero-population city agency is most like the smallest cities, which come last.
            return found[-1] if min(failing.super_groups) == 4 and super_group == 1 else found[0]
    return others[0]
