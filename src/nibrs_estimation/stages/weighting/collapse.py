"""Collapsing of thin strata with a neighbour of the same kind (05 section 5.2)."""

from __future__ import annotations

from dataclasses import dataclass

MINIMUM_AGENCIES = 5
MINIMUM_RESPONDENTS = 2

#: Where a stratum goes that has no neighbour in its own super group: super groups in order of preference.
#: Super groups: 1 cities, 2 MSA counties, 3 non-MSA counties, 4 to 6 zero-population cities, MSA and non-MSA agencies.
#: The reference stops with an error where its list ends; ours goes on to any stratum left, so that a single state
#: can be estimated.
PREFERENCE = {
    1: (1, 4, 2, 3, 5, 6),
    2: (2, 3, 5, 6, 4, 1),
    3: (3, 2, 6, 5, 4, 1),
    4: (1, 5, 6, 2, 3),
    5: (6, 4, 2, 3, 1),
    6: (5, 4, 3, 2, 1),
}


@dataclass(frozen=True)
class Stratum:
    """Weight classes that share a weight.

    Attributes:
        classes: numbers of the weight classes in it, ascending.
        N_h: eligible agencies.
        n_h: respondents among them.
        super_groups: kinds of agency in it.
    """

    classes: tuple[int, ...]
    N_h: int
    n_h: int
    super_groups: frozenset[int]

    @property
    def is_thin(self) -> bool:
        """Too few agencies or respondents for a weight and a variance of its own."""
        return self.N_h < MINIMUM_AGENCIES or self.n_h < MINIMUM_RESPONDENTS

    def merged(self, other: Stratum) -> Stratum:
        """Both strata as one."""
        classes = tuple(sorted(self.classes + other.classes))
        return Stratum(classes, self.N_h + other.N_h, self.n_h + other.n_h, self.super_groups | other.super_groups)


def collapse(strata: list[Stratum]) -> list[Stratum]:
    """Merge thin strata, the lowest first, until none is thin or only one is left.

    The partner is the next stratum of the same super group (the previous for the last one), else one by
    :data:`PREFERENCE`.
    """
    strata = sorted(strata, key=lambda stratum: stratum.classes)
    while len(strata) > 1:
        thin = next((stratum for stratum in strata if stratum.is_thin), None)
        if thin is None:
            break
        partner = _partner(thin, strata)
        rest = [stratum for stratum in strata if stratum not in (thin, partner)]
        strata = sorted([*rest, thin.merged(partner)], key=lambda stratum: stratum.classes)
    return strata


def _partner(thin: Stratum, strata: list[Stratum]) -> Stratum:
    alike = [stratum for stratum in strata if stratum.super_groups == thin.super_groups]
    if len(alike) > 1:
        position = alike.index(thin)
        return alike[position + 1] if position + 1 < len(alike) else alike[position - 1]
    others = [stratum for stratum in strata if stratum is not thin]
    for super_group in PREFERENCE[min(thin.super_groups)]:
        found = [stratum for stratum in others if super_group in stratum.super_groups]
        if found:
            # A zero-population city agency is most like the smallest cities, which come last.
            return found[-1] if min(thin.super_groups) == 4 and super_group == 1 else found[0]
    return others[0]
