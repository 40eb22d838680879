"""Small nations of agencies with counties, areas and units, for tests of what geographies are made of."""

from dataclasses import dataclass
from typing import Any

import polars as pl
from hypothesis import strategies as st

from tests.support.frames import table

YEAR = 2024
#: County -> metropolitan area, division, judicial district, field office.
COUNTIES = {
    "50001": ("Area A", "Division 1", "Vermont", "Albany"),
    "50003": ("Area A", "Division 2", "Vermont", "Albany"),
    "50005": (None, None, "Vermont", "Albany"),
    "33001": ("Area B", None, "New Hampshire", "Boston"),
    "33003": ("Area A", None, "New Hampshire", "Boston"),
}
STATE_OF_FIPS = {"50": "VT", "33": "NH"}
DISTRICT = {"VT": "Vermont", "NH": "New Hampshire"}
TYPES = ("City", "County", "University or College", "State Police", "Other", "Other State Agency", "Tribal")
SIZES = ("1A", "3", "5", "7", "8B", "8E", "9D")
GROUPS = (
    "Size 100,000 or over", "25,000-99,999", "Size 10,000-24,999", "under 10,000",
    "Agency Type City", "County", "Agency Type University or College", "State Police", "Other State Agency", "Tribal",
)  # fmt: skip
#: What the groups hold, written out.
HELD = {
    "100,000 or over": {"1A"}, "25,000-99,999": {"3", "8B"}, "10,000-24,999": {"5"}, "under 10,000": {"7", "9D"},
    "City": {"City"}, "County": {"County"}, "University or College": {"University or College"},
    "State Police": {"State Police"}, "Other State Agency": {"Other", "Other State Agency"}, "Tribal": {"Tribal"},
}  # fmt: skip


def geographies() -> list[dict[str, Any]]:
    """Rows of dataset ``geography``: every level, and groups of agencies of the nation."""
    places = [
        ("nation", "US"), ("region", "1"), ("state", "NH"), ("state", "VT"), ("state", "WY"), ("university", "US"),
        ("tribal", "US"), ("msa", "Area A"), ("msa", "Area B"), ("judicial_district", "Vermont"),
        ("judicial_district", "New Hampshire"), ("field_office", "Albany"),
    ]  # fmt: skip
    rows = [{"geography_level": level, "geography_code": code, "label": f"{level} {code}"} for level, code in places]
    rows += [{"agency_group": group, "label": f"United States {group}"} for group in GROUPS]
    return [{"geography_number": number, **row} for number, row in enumerate(rows, start=1)]


@dataclass(frozen=True)
class Nation:
    """Rows of the datasets, as plain dictionaries: agencies of the frame, pieces, units and residents of counties."""

    agencies: list[dict[str, Any]]
    pieces: list[dict[str, Any]]
    units: list[dict[str, Any]]
    people: list[dict[str, Any]]
    officers: list[dict[str, Any]]

    def frames(self, order: int | None = None) -> dict[str, pl.LazyFrame]:
        """The datasets by name, with ``order`` the rows shuffled."""
        scopes = [{"agency_id": row["agency_id"], "universe_scope": "all"} for row in self.agencies]
        rows = {
            "universe": scopes,
            "weighting_frame": self.agencies,
            "agency_weight": self.units,
            "geography": geographies(),
            "agency_county": self.pieces,
            "county_population": self.people,
            "police_employees": self.officers,
        }
        frames = {name: table(name, *some) for name, some in rows.items()}
        if order is None:
            return frames
        return {
            name: frame.collect().sample(fraction=1.0, shuffle=True, seed=order).lazy()
            for name, frame in frames.items()
        }


@st.composite
def nations(draw: st.DrawFn) -> Nation:
    """Nations of Vermont and New Hampshire; some agencies have no county, some counties no people."""
    agencies, pieces, units, officers = [], [], [], []
    for number in range(1, draw(st.integers(1, 7)) + 1):
        state = draw(st.sampled_from(["NH", "VT"]))
        agency = {
            "agency_id": number,
            "ori": f"{state}{number:07d}",
            "state_abbr": state,
            "agency_type_name": draw(st.sampled_from(TYPES)),
            "population_group_code": draw(st.sampled_from(SIZES)),
            "population": draw(st.integers(0, 3000)),
            "is_respondent": draw(st.booleans()),
        }
        agencies.append(agency)
        own = [fips for fips in COUNTIES if STATE_OF_FIPS[fips[:2]] == state]
        parts = {fips: draw(st.integers(1, 5)) for fips in draw(st.sets(st.sampled_from(own), max_size=3))}
        of_agency = [
            _piece(agency, fips, part / sum(parts.values()), draw(st.integers(0, 900)), draw(st.booleans()))
            for fips, part in parts.items()
        ]
        pieces += of_agency
        units += _units(agency, of_agency)
        if draw(st.booleans()):
            missing = st.none() | st.integers(0, 50)
            officers.append({"agency_id": number, "male_officers": draw(missing), "female_officers": draw(missing)})
    cells = st.tuples(
        st.sampled_from(["50001", "50003", "33001"]),
        st.sampled_from("MF"),
        st.sampled_from(["U05", "A15", "A65"]),
        st.sampled_from("WP"),
        st.sampled_from("HN"),
    )
    names = ("county_fips", "sex_code", "age_bin_code", "race_code", "ethnicity_code")
    people = [
        {**dict(zip(names, cell, strict=True)), "population": number}
        for cell, number in draw(st.dictionaries(cells, st.integers(0, 500), max_size=12)).items()
    ]
    return Nation(agencies, pieces, units, people, officers)


def _piece(agency: dict[str, Any], fips: str, share: float, people: int, is_core: bool) -> dict[str, Any]:
    msa, division, district, office = COUNTIES[fips]
    return {
        "ori": agency["ori"], "county_fips": fips, "msa_name": msa, "metro_division_name": division,
        "judicial_district_name": district, "field_office_name": office, "is_core_city": is_core,
        "population": people, "population_share": share,
    }  # fmt: skip


def _units(agency: dict[str, Any], pieces: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The agency's rows of ``agency_weight``; without county it lies in its state's district."""
    found: dict[tuple[str, str, int], float] = {("nation", "US", 8): 1.0, ("region", "1", 8): 1.0}
    found["state", agency["state_abbr"], 4] = 1.0
    for weight, kind in (("university", "University or College"), ("tribal", "Tribal")):
        if agency["agency_type_name"] == kind:
            found[weight, "US", 1] = 1.0
    for piece in pieces:
        division = {None: 0, "Division 1": 1, "Division 2": 2}[piece["metro_division_name"]]
        for weight, area, group in (
            ("msa", piece["msa_name"], 3 * division + 1),
            ("judicial_district", piece["judicial_district_name"], 1),
            ("field_office", piece["field_office_name"], 1),
        ):
            if area is not None:
                found[weight, area, group] = found.get((weight, area, group), 0.0) + piece["population_share"]
    if not pieces:
        found["judicial_district", DISTRICT[agency["state_abbr"]], 1] = 1.0
    return [
        {
            "geography_level": weight, "geography_code": area, "weight_group": group, "population_share": share,
            "agency_id": agency["agency_id"], "is_respondent": agency["is_respondent"],
        }
        for (weight, area, group), share in found.items()
    ]  # fmt: skip


def members_of(nation: Nation, geography: dict[str, Any]) -> list[dict[str, Any]]:
    """The agencies of a geography, each once."""
    weight = geography.get("geography_level", "nation")
    code = geography.get("geography_code", "US")
    group = geography.get("agency_group")
    members = []
    for agency in nation.agencies:
        mine = [u for u in nation.units if u["agency_id"] == agency["agency_id"]]
        if not any(u["geography_level"] == weight and u["geography_code"] == code for u in mine):
            continue
        held = HELD[group.removeprefix("Size ").removeprefix("Agency Type ")] if group else None
        if held is None or agency["agency_type_name"] in held or agency["population_group_code"] in held:
            members.append(agency)
    return members


def pieces_of(
    nation: Nation, geography: dict[str, Any], agency: dict[str, Any]
) -> list[tuple[str | None, float, bool | None]]:
    """County, residents and core city of a member's pieces in a geography."""
    own = [piece for piece in nation.pieces if piece["ori"] == agency["ori"]]
    column = {
        "msa": "msa_name",
        "judicial_district": "judicial_district_name",
        "field_office": "field_office_name",
    }.get(geography.get("geography_level", "nation"))
    if column is None:
        whole = [(p["county_fips"], agency["population"] * p["population_share"], p["is_core_city"]) for p in own]
        return whole or [(None, float(agency["population"]), None)]
    there = [p for p in own if p[column] == geography["geography_code"]]
    return [(p["county_fips"], float(p["population"]), p["is_core_city"]) for p in there] or [
        (None, float(agency["population"]), None)
    ]
