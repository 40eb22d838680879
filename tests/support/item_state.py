"""A synthetic state whose items are imputed, with the truth of every blank item."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import polars as pl

from nibrs_estimation.model.agency import AGENCY
from nibrs_estimation.model.blocks import REMOVED_MONTH
from nibrs_estimation.model.geography import AGENCY_COUNTY, COUNTY_POPULATION
from nibrs_estimation.model.items import ETHNICITY_VALUE, PROPERTY_RELATIONSHIP_VALUE
from nibrs_estimation.sources.synthetic import agency_frame
from nibrs_estimation.sources.synthetic.incidents import segments_with_truth
from nibrs_estimation.stages.item_imputation.ethnicity import impute_ethnicity
from nibrs_estimation.stages.item_imputation.finish import finish_persons
from nibrs_estimation.stages.item_imputation.groups import state_groups
from nibrs_estimation.stages.item_imputation.links import link_persons
from nibrs_estimation.stages.item_imputation.relationships import impute_property_relationships
from nibrs_estimation.stages.item_imputation.tasks import impute_persons

YEAR, CYCLES = 2024, "5"
_READ = (
    "incident", "offense", "offense_bias", "offense_weapon", "victim", "victim_offense", "offender", "victim_offender",
    "property", "property_item", "arrestee", "arrestee_weapon",
)  # fmt: skip
Tables = dict[str, pl.DataFrame]


@dataclass(frozen=True)
class ItemState:
    """The segments of a state, the true values of its blank items, and what item imputation made of them."""

    segments: Tables
    truth: pl.DataFrame
    made: Tables


@cache
def state_segments(state: str, scale: float, seed: int) -> tuple[Tables, pl.DataFrame]:
    """Segments and truth of a synthetic state."""
    agencies = agency_frame(YEAR, seed, scale).filter(pl.col("state_abbr") == state)
    return segments_with_truth(agencies, YEAR, seed)


@cache
def item_state(state: str = "TX", scale: float = 0.01, seed: int = 1, method: str = "donors") -> ItemState:
    """A synthetic state with imputed items."""
    segments, truth = state_segments(state, scale, seed)
    return ItemState(segments, truth, imputed(segments, state, seed, method))


def imputed(segments: Tables, state: str, seed: int, method: str) -> Tables:
    """All outputs of the stage for one state that is alone in its groups."""
    lazy: dict[str, Any] = {name: frame.lazy() for name, frame in segments.items()}
    made: Tables = {
        "person_link": link_persons(lazy["incident"], lazy["offender"], lazy["arrestee"], state),
    }
    choices: dict[str, Any] = {"seed": seed, "item_method": method, "item_cycles": CYCLES}
    persons = impute_persons(
        **{name: lazy[name] for name in _READ},
        person_link=made["person_link"].lazy(),
        agency=AGENCY.empty(),
        agency_county=AGENCY_COUNTY.empty(),
        county_population=COUNTY_POPULATION.empty(),
        removed_month=REMOVED_MONTH.empty(),
        year=YEAR,
        partition=state,
        **choices,
    )
    made |= {name: frame.lazy().collect() for name, frame in persons.items()}
    ethnicity, relationship = (
        next(group for group, states in state_groups(item).items() if state in states)
        for item in ("ethnicity", "relationship")
    )
    made[ETHNICITY_VALUE.name] = impute_ethnicity(made["person_frame"].lazy(), partition=ethnicity, **choices)
    made[PROPERTY_RELATIONSHIP_VALUE.name] = impute_property_relationships(
        made["relationship_frame"].lazy(), partition=relationship, **choices
    )
    finished = finish_persons(
        lazy["victim"],
        lazy["offender"],
        lazy["arrestee"],
        lazy["victim_offender"],
        made["person_frame"].lazy(),
        made["item_value"].lazy(),
        made["state_item_distribution"].lazy(),
        made["ethnicity_value"].lazy(),
        made["relationship_value"].lazy(),
        made["property_relationship_value"].lazy(),
        seed,
        state,
    )
    return made | {name: frame.lazy().collect() for name, frame in finished.items()}
