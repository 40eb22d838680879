"""Checks, for every source, that records have the child records that NIBRS requires.

NIBRS accepts no incident without an offense, a victim and an offender, no victim without an offense, and so on; real
files have no exceptions. So records without a required child show that a table is incomplete.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from nibrs_estimation.model import incident
from nibrs_estimation.pipeline.dataset import Dataset

#: Parent, its key, and the child that each of its rows must have.
RULES: tuple[tuple[Dataset, tuple[str, ...], Dataset], ...] = (
    (incident.INCIDENT, ("incident_id",), incident.OFFENSE),
    (incident.INCIDENT, ("incident_id",), incident.VICTIM),
    (incident.INCIDENT, ("incident_id",), incident.OFFENDER),
    (incident.VICTIM, ("victim_id",), incident.VICTIM_OFFENSE),
    (incident.OFFENSE, ("offense_id",), incident.OFFENSE_BIAS),
    (incident.OFFENSE, ("offense_id",), incident.OFFENSE_USING),
    (incident.ARRESTEE, ("is_group_b", "arrestee_id"), incident.ARRESTEE_WEAPON),
)
#: Above this share of parents without a child, the estimates would be far too low.
MOST_CHILDLESS = 0.1
#: Below this number of parents, the share is not meaningful.
FEW_PARENTS = 20


@dataclass(frozen=True)
class Childless:
    """Rows of a dataset (parents) that lack a required row in another dataset (child).

    Attributes:
        parent, child: names of the datasets.
        is_group_b: whether only Group B arrests are considered.
        rows: number of parents without a child.
        of: number of parents.
        children: number of rows of the child dataset.
    """

    parent: str
    child: str
    is_group_b: bool
    rows: int
    of: int
    children: int

    @property
    def is_too_many(self) -> bool:
        """Whether the child table must be incomplete: it is empty, or too many parents have no child."""
        return self.children == 0 or (self.of >= FEW_PARENTS and self.rows > MOST_CHILDLESS * self.of)

    @property
    def share(self) -> str:
        """Text such as "3 of 72, 4.2 %"."""
        return f"{self.rows:,} of {self.of:,}, {100 * self.rows / self.of:.1f} %"


def childless(frames: Mapping[str, pl.DataFrame]) -> Iterator[Childless]:
    """The violations of :data:`RULES`, in order.

    Args:
        frames: rows by dataset name; rules whose datasets are missing are skipped.
    """
    for parent, key, child in RULES:
        if parent.name not in frames or child.name not in frames:
            continue
        parents, children = frames[parent.name], frames[child.name]
        for is_group_b in (False, True) if "is_group_b" in key else (False,):
            if "is_group_b" in key:
                own = pl.col("is_group_b") == is_group_b
                parents, children = frames[parent.name].filter(own), frames[child.name].filter(own)
            rows = int((~parents[key[-1]].is_in(children[key[-1]].implode())).sum())
            if rows:
                yield Childless(parent.name, child.name, is_group_b, rows, parents.height, children.height)
