"""Which agencies belong to which geography, by the units of dataset ``agency_weight``.

A unit is an agency in a weight group of an area. The members of a geography are the units of its level and area,
limited to the agencies of its size or type group if it has one. Source: handbook 08; handbook 08.
"""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.fields import GEOGRAPHY_LEVELS
from nibrs_estimation.pipeline.errors import PipelineError

#: Size of an agency's population group (``size_group`` of the code list) -> its name.
SIZES = {"1": "100,000 or over", "2": "25,000-99,999", "3": "10,000-24,999", "4": "under 10,000"}
#: Type of agency (``der_agency_type_1_7`` of the code list) -> its name; Other State Agency includes Other.
TYPES = {
    "1": "City",
    "2": "County",
    "3": "University or College",
    "4": "State Police",
    "5": "Other State Agency",
    "6": "Tribal",
}
#: Spelling of a group of agencies -> its name: in labels of geographies the prefix is "Size" or "Agency Type".
_SPELLINGS = {
    spelling: name
    for word, names in (("Size", SIZES), ("Agency Type", TYPES))
    for name in names.values()
    for spelling in (name, f"{word} {name}")
}
_UNIT = ("geography_level", "geography_code", "weight_group", "agency_id")


def geography_members(
    geographies: pl.LazyFrame, agency_weight: pl.LazyFrame, weighting_frame: pl.LazyFrame
) -> pl.DataFrame:
    """The units of each geography.

    Args:
        geographies: dataset ``coverage`` or ``geography``; columns ``geography_number``, ``geography_level``,
            ``geography_code`` and ``agency_group`` are used.
        agency_weight: dataset of that name.
        weighting_frame: dataset of that name.

    Returns:
        ``geography_number``, ``geography_level``, ``geography_code``, ``weight_group`` and ``agency_id``, sorted by
        geography and unit. A geography without units has no row.

    Raises:
        PipelineError: a geography's level or group of agencies is unknown, or an agency of ``agency_weight`` is not
            in ``weighting_frame``.
    """
    wanted = _known(geographies.select("geography_number", "geography_level", "geography_code", "agency_group"))
    units = agency_weight.select(_UNIT).collect()
    frame = weighting_frame.select("agency_id", "population_group_code", "agency_type_name").collect()
    _refuse_unknown_agencies(units, frame)
    area = ["geography_level", "geography_code"]
    whole = wanted.filter(pl.col("group").is_null()).join(units, on=area)
    confined = wanted.join(units.join(_groups(frame), on="agency_id"), on=[*area, "group"])
    columns = ("geography_number", *_UNIT)
    return pl.concat([whole.select(columns), confined.select(columns)]).sort(columns)


def _known(geographies: pl.LazyFrame) -> pl.DataFrame:
    """The geographies with the name of their group of agencies; missing if they have all agencies."""
    rows = geographies.sort("geography_number").collect()
    rows = rows.with_columns(group=pl.col("agency_group").replace_strict(_SPELLINGS, default=None))
    unknown_levels = rows.filter(~pl.col("geography_level").is_in(list(GEOGRAPHY_LEVELS)))
    _refuse(unknown_levels, "geography_level", GEOGRAPHY_LEVELS, "a level")
    unknown_groups = rows.filter(pl.col("agency_group").is_not_null() & pl.col("group").is_null())
    _refuse(unknown_groups, "agency_group", [*SIZES.values(), *TYPES.values()], "a group of agencies")
    return rows.drop("agency_group")


def _refuse(wrong: pl.DataFrame, column: str, known: Collection[str], kind: str) -> None:
    if wrong.height:
        number, text = wrong["geography_number"][0], wrong[column][0]
        raise PipelineError(
            f"Geography {number}, {column}: {text!r} is not {kind} ({wrong.height} geographies). Give one of "
            f"{'; '.join(known)}: in column {column} of dataset geography, or in column "
            f"{'WEIGHT_VAR' if column == 'geography_level' else 'AGENCY_GROUP'} of the external file population."
        )


def _refuse_unknown_agencies(units: pl.DataFrame, frame: pl.DataFrame) -> None:
    unknown = units.join(frame, on="agency_id", how="anti")
    if unknown.height:
        ids = unknown["agency_id"].unique().sort()
        raise PipelineError(
            f"Agency {ids[0]} is in dataset agency_weight but not in weighting_frame ({len(ids)} agencies). The "
            "two are from different runs: compute both again."
        )


def _groups(frame: pl.DataFrame) -> pl.DataFrame:
    """Agencies with the names of their groups: one by size, one by type."""
    sizes = code_list("population_group").select(
        population_group_code="code", group=pl.col("size_group").replace_strict(SIZES, default=None)
    )
    types = code_list("agency_type").select(
        agency_type_name="label", group=pl.col("der_agency_type_1_7").replace_strict(TYPES, default=None)
    )
    return pl.concat(
        [
            frame.join(sizes, on="population_group_code").select("agency_id", "group"),
            frame.join(types, on="agency_type_name").select("agency_id", "group"),
        ]
    ).drop_nulls("group")
