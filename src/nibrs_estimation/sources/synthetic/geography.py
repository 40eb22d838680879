"""Counties, metropolitan areas, districts and offices, and the list of geographies (sources/synthetic/README.md).

Every county agency with residents has its own county; the other agencies are in counties of their state. Metropolitan
areas are groups of counties whose agency has a metropolitan population group, in order of division and state, so that
some areas cross a state line.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.sources.synthetic.marginals import Floats, Integers
from nibrs_estimation.stats import random
from nibrs_estimation.survey.geographies import SIZES, TYPES

#: At scale 1, as in the nation (handbook 08).
AREAS, AREAS_WITH_DIVISIONS, DISTRICTS, OFFICES = 456, 13, 90, 55
MOST_DISTRICTS, MOST_DIVISIONS = 4, 3
STRADDLING_SHARE = 0.045
_LARGE_CITIES = ("1A", "1B", "1C", "2", "3")
_DISTRICT_NAMES = ("Northern", "Southern", "Eastern", "Western")


def counties(agencies: pl.DataFrame, scale: float) -> pl.DataFrame:
    """All counties of the nation.

    Args:
        agencies: all agencies, with ``agency_id``, ``state_abbr``, ``agency_type_name``, ``population_group_code`` and
            ``population``.
        scale: scale of the nation.

    Returns:
        ``county_fips``, ``county_name``, ``state_abbr``, ``sheriff_id`` (its county agency, or null),
        ``is_metropolitan``, ``msa_name``, ``judicial_district_code``, ``judicial_district_name``,
        ``field_office_code``, ``field_office_name``; by state and county_fips.
    """
    states = code_list("state").select("state_abbr", "state_postal_abbr", "state_name", "state_fips", "division_code")
    own = agencies.filter(pl.col("agency_type_name") == "County", pl.col("population") > 0).select(
        "state_abbr", sheriff_id="agency_id", is_metropolitan=pl.col("population_group_code").str.starts_with("9")
    )
    without = states.join(own, on="state_abbr", how="anti").select(
        "state_abbr", sheriff_id=pl.lit(None, agencies.schema["agency_id"]), is_metropolitan=pl.lit(True)
    )
    frame = pl.concat([own, without]).join(states, on="state_abbr").sort("division_code", "state_abbr", "sheriff_id")
    number = pl.int_range(1, pl.len() + 1).over("state_abbr", order_by="sheriff_id")
    frame = frame.with_columns(number=number).with_columns(
        county_fips=pl.format("{}{}", "state_fips", (2 * pl.col("number") - 1).cast(pl.String).str.zfill(3)),
        county_name=pl.format("COUNTY {}", pl.col("number").cast(pl.String).str.zfill(3)),
    )
    frame = _with_districts(_with_areas(frame, scale))
    return frame.drop("number", "division_code", "state_fips").sort("state_abbr", "county_fips")


def agency_counties(agencies: pl.DataFrame, county: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The pieces of all agencies: one row for each agency and county.

    Returns:
        ``agency_id``, ``county_fips``, ``population`` and ``population_share``, the larger piece first; the
        pieces of an agency add up to its population, and its shares to 1.
    """
    unit = agencies["agency_id"].to_numpy()
    first, second, has_two = _places(agencies, county, seed)
    population = agencies["population"].to_numpy().astype(np.int64)
    share = 0.6 + 0.35 * random.uniform(seed, "county share", unit)
    larger = np.where(has_two, np.round(population * share).astype(np.int64), population)
    fips = county["county_fips"]
    pieces = pl.DataFrame(
        {
            "agency_id": np.concatenate([unit, unit[has_two]]),
            "county_fips": pl.concat([fips.gather(first), fips.gather(second[has_two])]),
            "population": np.concatenate([larger, (population - larger)[has_two]]),
            "whole": np.concatenate([population, population[has_two]]),
            "piece": np.concatenate([np.zeros(len(unit), np.int8), np.ones(int(has_two.sum()), np.int8)]),
        }
    )
    share_of_whole = pl.when(pl.col("whole") > 0).then(pl.col("population") / pl.col("whole")).otherwise(1.0)
    return pieces.with_columns(population_share=share_of_whole).sort("agency_id", "piece").drop("whole", "piece")


def with_divisions(county: pl.DataFrame, pieces: pl.DataFrame, scale: float) -> pl.DataFrame:
    """Add ``metro_division_name``: the most populous areas of two or more counties are split into two or three."""
    people = pieces.group_by("county_fips").agg(people=pl.col("population").sum())
    areas = (
        county.join(people, on="county_fips", how="left")
        .drop_nulls("msa_name")
        .group_by("msa_name")
        .agg(pl.col("people").sum(), counties=pl.len())
        .filter(pl.col("counties") > 1)
        .sort("people", "msa_name", descending=[True, False])
        .head(max(1, round(AREAS_WITH_DIVISIONS * scale)))
        .select("msa_name", parts=pl.min_horizontal("counties", MOST_DIVISIONS))
    )
    place = pl.int_range(pl.len()).over("msa_name", order_by="county_fips")
    part = place * pl.col("parts") // pl.len().over("msa_name") + 1
    name = pl.when(pl.col("parts").is_not_null()).then(pl.format("Division {} of {}", part, "msa_name"))
    return (
        county.join(areas, on="msa_name", how="left", maintain_order="left")
        .with_columns(metro_division_name=name)
        .drop("parts")
    )


def geographies(county: pl.DataFrame) -> pl.DataFrame:
    """Dataset ``geography``: the geographies of the nation, numbered as in handbook 08."""
    rows = [*_with_groups(1, "nation", "US", "United States", "der_national == 1")]
    regions = code_list("region").filter(pl.col("code") != "99").select("code", "label").rows()
    for place, (code, label) in enumerate(regions):
        rule = f"REGION_CODE == {code}"
        rows += _with_groups(12 + 11 * place, "region", code, label, rule)
    states = code_list("state").sort("state_abbr").select("state_abbr", "state_name").rows()
    rows += [
        (56 + place, "state", abbr, None, name, f'STATE_ABBR == "{abbr}"') for place, (abbr, name) in enumerate(states)
    ]
    rows.append((107, "university", "US", None, "University and college agencies", "der_agency_type_1_7 == 3"))
    rows.append((108, "tribal", "US", None, "Tribal agencies", "der_agency_type_1_7 == 6"))
    for level, column, header, numbers in (
        ("msa", "msa_name", "MSA_NAME_COUNTY", [*range(109, 493), *range(638, 710)]),
        ("judicial_district", "judicial_district_name", "JUDICIAL_DISTRICT_NAME", list(range(493, 583))),
        ("field_office", "field_office_name", "FIELD_OFFICE_NAME", list(range(583, 638))),
    ):
        names = county[column].drop_nulls().unique().sort()
        rows += [
            (number, level, name, None, name, f'{header} == "{name}"')
            for number, name in zip(numbers, names, strict=False)
        ]
    columns = ("geography_number", "geography_level", "geography_code", "agency_group", "label")
    return pl.DataFrame(rows, schema=[*columns, "filter_expression"], orient="row").with_columns(
        pl.col("geography_number").cast(pl.Int32), is_excluded=pl.lit(False)
    )


def _with_groups(
    number: int, level: str, code: str, label: str, rule: str
) -> list[tuple[int, str, str, str | None, str, str]]:
    groups = [(f"Size {name}", f"der_population_group == {size}") for size, name in SIZES.items()]
    groups += [(f"Agency Type {name}", f"der_agency_type_1_7 == {kind}") for kind, name in TYPES.items()]
    rows: list[tuple[int, str, str, str | None, str, str]] = [(number, level, code, None, label, rule)]
    return rows + [
        (number + place, level, code, name, f"{label} {name}", f"{rule} & {own}")
        for place, (name, own) in enumerate(groups, start=1)
    ]


def _with_areas(county: pl.DataFrame, scale: float) -> pl.DataFrame:
    """Add ``msa_name``: metropolitan counties, in order, split into areas with nearly equal numbers of counties."""
    metropolitan = county.filter("is_metropolitan")
    number = min(metropolitan.height, max(1, round(AREAS * scale)))
    area = np.arange(metropolitan.height) * number // max(metropolitan.height, 1)
    named = metropolitan.select("county_fips", "state_postal_abbr", area=pl.Series(area + 1))
    names = (
        named.group_by("area")
        .agg(pl.col("state_postal_abbr").unique().sort().str.join("-"))
        .select(
            "area", msa_name=pl.format("Area {}, {}", pl.col("area").cast(pl.String).str.zfill(3), "state_postal_abbr")
        )
    )
    areas = named.join(names, on="area").select("county_fips", "msa_name")
    return county.join(areas, on="county_fips", how="left", maintain_order="left")


def _with_districts(county: pl.DataFrame) -> pl.DataFrame:
    by_state = county.group_by("state_abbr", maintain_order=True).agg(pl.len(), pl.col("state_name").first())
    number = _apportioned(by_state["len"].to_numpy())
    districts = by_state.with_columns(districts=pl.Series(number))
    county = county.join(districts.select("state_abbr", "districts", "len"), on="state_abbr", maintain_order="left")
    county = county.with_columns(district=(pl.col("number") - 1) * pl.col("districts") // pl.col("len"))
    word = pl.col("district").replace_strict(list(range(MOST_DISTRICTS)), _DISTRICT_NAMES, return_dtype=pl.String)
    name = pl.when(pl.col("districts") == 1).then("state_name").otherwise(pl.format("{} {}", "state_name", word))
    county = county.with_columns(
        judicial_district_code=pl.format("{}{}", "state_abbr", pl.col("district") + 1), judicial_district_name=name
    )
    codes = county["judicial_district_code"].unique(maintain_order=True)
    offices = min(len(codes), max(1, round(OFFICES * len(codes) / DISTRICTS)))
    office = np.arange(len(codes)) * offices // len(codes) + 1
    by_code = pl.DataFrame({"judicial_district_code": codes, "office": office}).with_columns(
        field_office_code=pl.col("office").cast(pl.String).str.zfill(2),
        field_office_name=pl.format("Field Office {}", pl.col("office").cast(pl.String).str.zfill(2)),
    )
    return county.join(by_code, on="judicial_district_code", maintain_order="left").drop(
        "districts", "len", "district", "office"
    )


def _apportioned(by_state: Integers) -> Integers:
    """Number of districts of each state: 1 to 4, at most one for each county, more in states with more counties."""
    number = np.ones(len(by_state), dtype=np.int64)
    most = np.minimum(by_state, MOST_DISTRICTS)
    for _ in range(DISTRICTS - len(by_state)):
        claim = np.where(number < most, by_state / (number + 0.5), 0.0)
        if not claim.any():
            break
        number[np.argmax(claim)] += 1
    return number


def _places(agencies: pl.DataFrame, county: pl.DataFrame, seed: int) -> tuple[Integers, Integers, NDArray[np.bool_]]:
    """Row of the county of each agency, row of the next county, and whether the agency is in both."""
    unit = agencies["agency_id"].to_numpy()
    group = agencies["population_group_code"]
    point = random.uniform(seed, "county", unit)
    start, number, _ = _rows_by_state(agencies, county, pl.lit(True))
    first = start + np.floor(point * number).astype(np.int64)
    for wanted, mask in (
        (group.is_in((*_LARGE_CITIES, "9D", "9E")), pl.col("is_metropolitan")),
        (group.is_in(("8D", "8E")), ~pl.col("is_metropolitan")),
    ):
        begin, some, rows = _rows_by_state(agencies, county, mask)
        has_any = wanted.to_numpy() & (some > 0)
        first[has_any] = rows[(begin + np.floor(point * some).astype(np.int64))[has_any]]
    own = county.with_row_index("row").select(agency_id="sheriff_id", row=pl.col("row").cast(pl.Int64))
    row = agencies.select("agency_id").join(own, on="agency_id", how="left", maintain_order="left")["row"]
    first = np.where(row.is_not_null().to_numpy(), row.fill_null(0).to_numpy(), first)
    second = start + (first - start + 1) % number
    is_city = ((agencies["agency_type_name"] == "City") & (agencies["population"] > 1)).to_numpy()
    has_two = is_city & (random.uniform(seed, "straddles", unit) < STRADDLING_SHARE) & (first != second)
    return first, second, has_two


def _rows_by_state(agencies: pl.DataFrame, county: pl.DataFrame, mask: pl.Expr) -> tuple[Integers, Integers, Integers]:
    """First row and number of rows of the counties of each agency's state; and the rows."""
    chosen = county.with_row_index("row").filter(mask).select("state_abbr", row=pl.col("row").cast(pl.Int64))
    ordered = chosen.sort("state_abbr", "row")
    by_state = ordered.with_row_index("place").group_by("state_abbr").agg(start=pl.col("place").min(), number=pl.len())
    joined = agencies.select("state_abbr").join(by_state, on="state_abbr", how="left", maintain_order="left")
    start, number = (joined[name].fill_null(0).cast(pl.Int64).to_numpy() for name in ("start", "number"))
    rows = ordered["row"].to_numpy()
    return start, number, rows


def county_people(pieces: pl.DataFrame, county: pl.DataFrame) -> Floats:
    """Residents of each county, in the order of ``county``."""
    people = pieces.group_by("county_fips").agg(people=pl.col("population").sum())
    joined = county.join(people, on="county_fips", how="left", maintain_order="left")
    return np.asarray(joined["people"].fill_null(0).to_numpy(), dtype=np.float64)
