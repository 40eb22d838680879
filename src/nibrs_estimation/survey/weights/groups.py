"""Weight groups of states and smaller places, and how they are merged before the fit (handbook 07).

All functions take units with ``geography_code``, ``division``, ``is_respondent``, ``substate_class`` and ``total`` (the
benchmark's total of the unit), and return the same rows in the same order.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from nibrs_estimation.model.codes import code_list

#: A unit is large if its total is more than this many times the mean of its geography.
SELF_REPRESENTING_FACTOR = 30
#: A group of a sub-state place is merged if its respondents have less than this share of its crime.
LEAST_COVERAGE = 0.20

#: Super classes of states; and for one without respondents, its partners in order of preference.
SUPER_CLASSES = {
    "A": "Cities 250,000 or over",
    "B": "Cities from 100,000 thru 249,999 and MSA counties 100,000 or over",
    "Z": "Zero population agencies",
    "O": "Other strata",
}
_PARTNERS = {"A": "BOZ", "B": "OAZ", "O": "BAZ", "Z": "OBA"}
#: Super classes of a group -> its number; 12 is any other union, of which a state can have only one.
STATE_GROUPS = {"A": 1, "B": 2, "Z": 3, "O": 4, "AB": 5, "AO": 6, "BO": 7, "ABO": 8, "ABZO": 9, "ZO": 11}
STATE_SELF_REPRESENTING, STATE_OTHER_UNION = 10, 12
#: Groups in a division of a sub-state place: agencies with population, agencies without, and both together.
WITH_POPULATION, WITHOUT_POPULATION, BOTH = 1, 2, 3

#: Reasons of merges in column ``merged_from``.
NO_RESPONDENT = "no respondent"
LOW_COVERAGE = f"coverage below {LEAST_COVERAGE:.2f}"


def mark_self_representing(units: pl.DataFrame) -> pl.DataFrame:
    """Add ``is_self_representing``: large units of a geography all of whose large units respond (handbook 07).

    A unit is large if its total is more than 30 times the mean total of the geography's units.
    """
    is_large = pl.col("total") > SELF_REPRESENTING_FACTOR * pl.col("total").mean().over("geography_code")
    all_respond = (pl.col("is_respondent") | ~is_large).all().over("geography_code")
    return units.with_columns(is_self_representing=is_large & all_respond)


def state_groups(units: pl.DataFrame, given: Mapping[tuple[str, str], int]) -> pl.DataFrame:
    """Add ``weight_group``, ``label`` and ``merged_from`` to units with ``is_self_representing``.

    A super class without respondents is merged with another (A with B, B with O, O with B, Z with O, or with one that
    exists), and unions are merged in the same way, until each group has a respondent or only one is left. A table may
    give groups to start with. Self-representing units are a separate group.

    Args:
        units: units of states.
        given: (state, super class) -> weight group, if a table gives it; classes with the same number are one group.
    """
    classes = code_list("substate_class").select("substate_class", "super_class")
    units = units.join(classes, on="substate_class", how="left", maintain_order="left")
    counted = (
        units.filter(~pl.col("is_self_representing"))
        .group_by("geography_code", "super_class")
        .agg(pl.col("is_respondent").sum())
        .sort("geography_code", "super_class")
    )
    rows = []
    for (state,), part in counted.partition_by("geography_code", as_dict=True, maintain_order=True).items():
        respondents = dict(zip(part["super_class"], part["is_respondent"], strict=True))
        for group, (union, why) in _merged_classes(respondents, _given_unions(str(state), respondents, given)).items():
            rows += [(state, one, group, union, why) for one in union]
    table = pl.DataFrame(
        rows,
        schema={
            "geography_code": pl.String,
            "super_class": pl.String,
            "weight_group": pl.Int32,
            "union": pl.String,
            "merged_from": pl.String,
        },
        orient="row",
    ).with_columns(label=pl.col("union").map_elements(_state_label, return_dtype=pl.String))
    is_certain = pl.col("is_self_representing")
    return (
        units.join(table, on=["geography_code", "super_class"], how="left", maintain_order="left")
        .with_columns(
            weight_group=pl.when(is_certain).then(STATE_SELF_REPRESENTING).otherwise("weight_group").cast(pl.Int32),
            label=pl.when(is_certain).then(pl.lit("Self-representing")).otherwise("label"),
            merged_from=pl.when(~is_certain).then("merged_from"),
        )
        .drop("super_class", "union")
    )


def place_groups(units: pl.DataFrame, divisions: list[str], *, has_self_representing: bool) -> pl.DataFrame:
    """Add ``weight_group``, ``label`` and ``merged_from`` to units of field offices, districts or metropolitan areas.

    In each division agencies with population are one group, and agencies without population another. The two are merged
    if one has no respondents, or its respondents have less than a fifth of its crime (handbook 07). Groups of division
    k are numbered 3k + 1, 2, 3; self-representing units have the last number.

    Args:
        units: with ``is_self_representing``.
        divisions: names of the metropolitan divisions, from number k = 1.
        has_self_representing: whether labels distinguish self-representing units from others.
    """
    zero = code_list("substate_class").filter(pl.col("super_class") == "Z")["substate_class"]
    is_certain = pl.col("is_self_representing")
    units = units.with_columns(
        base=pl.when(pl.col("substate_class").is_in(zero.implode())).then(WITHOUT_POPULATION).otherwise(WITH_POPULATION)
    )
    responding = pl.col("total").filter("is_respondent").sum()
    cells = (
        units.filter(~is_certain)
        .sort("geography_code", "division", "base", "agency_id")
        .group_by("geography_code", "division", "base", maintain_order=True)
        .agg(n=pl.col("is_respondent").sum(), coverage=responding / pl.col("total").sum())
    )
    # 0/0, where no unit has crime, is not low.
    is_low = (pl.col("coverage") < LEAST_COVERAGE) & pl.col("coverage").is_not_nan()
    given_up = (
        cells.group_by("geography_code", "division")
        .agg(
            is_merged=(is_low | (pl.col("n") == 0)).any() & (pl.len() > 1),
            why=pl.when((pl.col("n") == 0).any()).then(pl.lit(NO_RESPONDENT)).otherwise(pl.lit(LOW_COVERAGE)),
        )
        .with_columns(pl.col("is_merged").fill_null(False))
    )
    names = ["Nonzero population agencies", "Zero population agencies", "All agencies"]
    prefix = "Not self-representing - " if has_self_representing else ""
    labels = pl.DataFrame(
        [
            (k, base, f"{prefix}{division}{name}")
            for k, division in enumerate([_no_division(divisions), *(f"{name} - " for name in divisions)])
            for base, name in enumerate(names, start=1)
        ],
        schema={"division": pl.Int32, "base": pl.Int32, "label": pl.String},
        orient="row",
    )
    last = 3 * (len(divisions) + 1) + 1
    merged = pl.when("is_merged").then(pl.concat_str(pl.lit(f"{names[0]}; {names[1]} ("), "why", pl.lit(")")))
    own = 3 * pl.col("division") + pl.col("base")
    return (
        units.join(given_up, on=["geography_code", "division"], how="left", maintain_order="left")
        .with_columns(base=pl.when("is_merged").then(BOTH).otherwise("base").cast(pl.Int32), merged_from=merged)
        .join(labels, on=["division", "base"], how="left", maintain_order="left")
        .with_columns(
            weight_group=pl.when(is_certain).then(last).otherwise(own).cast(pl.Int32),
            label=pl.when(is_certain).then(pl.lit("Self-representing")).otherwise("label"),
            merged_from=pl.when(~is_certain).then("merged_from"),
        )
        .drop("base", "is_merged", "why")
    )


def _no_division(divisions: list[str]) -> str:
    return "Not Select Metro Division - " if divisions else ""


def _merged_classes(respondents: Mapping[str, int], unions: list[str]) -> dict[int, tuple[str, str | None]]:
    """Group -> its super classes, and why they were merged, starting from given unions."""
    groups = {one: union for union in unions for one in union}
    why = {union: f"{union}: by the table of groups" for union in unions if len(union) > 1}
    while len(set(groups.values())) > 1:
        empty = [union for union in sorted(set(groups.values())) if not sum(respondents[one] for one in union)]
        if not empty:
            break
        union = empty[0]
        partner = next(groups[other] for one in union for other in _PARTNERS[one] if groups.get(other, union) != union)
        both = _ordered(union + partner)
        reasons = [why.pop(part) for part in (union, partner) if part in why]
        why[both] = "; ".join([*reasons, f"{union} into {partner}: {NO_RESPONDENT}"])
        groups |= dict.fromkeys(both, both)
    left = sorted(set(groups.values()))
    return {STATE_GROUPS.get(union, STATE_OTHER_UNION): (union, why.get(union)) for union in left}


def _given_unions(state: str, respondents: Mapping[str, int], given: Mapping[tuple[str, str], int]) -> list[str]:
    """The super classes of each group at the start: one class, or several if a table gives them the same number."""
    groups: dict[int | str, str] = {}
    for one in respondents:
        number = given.get((state, one), one)
        groups[number] = _ordered(groups.get(number, "") + one)
    return list(groups.values())


def _ordered(union: str) -> str:
    return "".join(one for one in SUPER_CLASSES if one in union)


def _state_label(union: str) -> str:
    whole = len(union) == len(SUPER_CLASSES)
    return "Not self-representing - " + ("All strata" if whole else " and ".join(SUPER_CLASSES[one] for one in union))
