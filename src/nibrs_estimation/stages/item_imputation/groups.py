"""Groups of states that are modeled together, or that lend each other donors (handbook 05)."""

from __future__ import annotations

from collections.abc import Mapping

#: Group -> states, about by their share of Hispanic residents: low, middle, high.
ETHNICITY_GROUPS: Mapping[str, str] = {
    "1": "WV ME VT MS KY OH MT NH ND SD MO AL MI LA MN TN SC IA WI AK IN AR PA DE",
    "2": "VA NC GA WY MD HI DC OK NB MA KS ID WA OR UT RI CT IL NY",
    "3": "NJ CO FL NV AZ CA TX NM",
}
#: Census divisions, with New York, the District of Columbia and California by themselves.
RELATIONSHIP_GROUPS: Mapping[str, str] = {
    "01": "CT ME MA NH RI VT",
    "02": "NJ PA",
    "03": "IL IN MI OH WI",
    "04": "IA KS MN MO NB ND SD",
    "05": "DE FL GA MD NC SC VA WV",
    "06": "AL KY MS TN",
    "07": "AR LA OK TX",
    "08": "AZ CO ID MT NV NM UT WY",
    "09": "AK HI OR WA",
    "10": "NY",
    "11": "DC",
    "12": "CA",
}


def states_of(groups: Mapping[str, str], group: str) -> list[str]:
    """UCR abbreviations of the states of a group."""
    return groups[group].split()


def group_of(groups: Mapping[str, str]) -> dict[str, str]:
    """State -> its group."""
    return {state: group for group, states in groups.items() for state in states.split()}
