"""Mapping of tables and columns of the database to datasets, and joins from child tables to the incident.

The data dictionary describes the columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nibrs_estimation.model import incident, ucr_prd
from nibrs_estimation.pipeline.dataset import Dataset

#: Additional column of every row: the agency of its incident.
AGENCY_OF_ROW = "agency_of_row"
_PERSON = {"age_low_years": "c.age_code_range_low", "age_high_years": "c.age_code_range_high"}
_ARREST = {
    **_PERSON,
    "resident_code": "c.resident_status_code",
    "form_year": "f.data_year",
    "form_month": "f.data_month",
}
#: Columns that are computed, not read.
_COMPUTED = ("state_abbr", "age_years")


@dataclass(frozen=True)
class Segment:
    """Mapping of a table of the database to a dataset.

    Attributes:
        table: the table.
        dataset: the dataset.
        columns: column of the dataset -> SQL expression, if it is not the column of the same name; None if the table
            does not have it.
        parent: the table between this table and the incident; None if the rows contain the incident.
        links: columns that refer to a row of another dataset, which must have been kept.
        constants: values of columns that the table does not have.
        has_form: whether rows need year and month of the monthly report.
    """

    table: Dataset
    dataset: Dataset
    columns: Mapping[str, str | None] = field(default_factory=dict)
    parent: Dataset | None = None
    links: tuple[str, ...] = ("incident_id",)
    constants: Mapping[str, object] = field(default_factory=dict)
    has_form: bool = False

    @property
    def expressions(self) -> dict[str, str]:
        """The SQL expression of every column that is read; ``c`` is the table, ``i`` the incident, ``f`` the form."""
        named = {name: self.columns.get(name, f"c.{name}") for name in self.dataset.schema.names()}
        left_out = {*_COMPUTED, *self.constants}
        return {name: text for name, text in named.items() if text is not None and name not in left_out}

    def used_columns(self) -> dict[str, set[str]]:
        """The columns of each table that the query uses."""
        tables = {"c": self.table.name, "i": ucr_prd.NIBRS_INCIDENT.name, "f": ucr_prd.FORM_MONTH.name}
        used: dict[str, set[str]] = {}
        for text in self.expressions.values():
            alias, _, column = text.partition(".")
            used.setdefault(tables[alias], set()).add(column)
        return used


_OFFENSE, _VICTIM, _PROPERTY = ucr_prd.NIBRS_OFFENSE, ucr_prd.NIBRS_VICTIM, ucr_prd.NIBRS_PROPERTY
INCIDENT = Segment(
    ucr_prd.NIBRS_INCIDENT,
    incident.INCIDENT,
    {
        "is_report_date": "c.is_reported_date",
        "data_year": None,
        "form_year": "f.data_year",
        "form_month": "f.data_month",
    },
    links=(),
    has_form=True,
)
GROUP_B = Segment(
    ucr_prd.NIBRS_GROUPB_ARRESTEE,
    incident.ARRESTEE,
    {**_ARREST, "arrestee_id": "c.groupb_arrestee_id", "incident_id": None, "multiple_code": None},
    links=(),
    constants={"is_group_b": True},
    has_form=True,
)
#: Parents before their children.
SEGMENTS = (
    INCIDENT,
    Segment(_OFFENSE, incident.OFFENSE, {"premises_entered": "c.num_premises_entered"}),
    Segment(ucr_prd.NIBRS_BIAS_MOTIVATION, incident.OFFENSE_BIAS, parent=_OFFENSE, links=("offense_id",)),
    Segment(ucr_prd.NIBRS_OFFENSE_WEAPON, incident.OFFENSE_WEAPON, parent=_OFFENSE, links=("offense_id",)),
    Segment(
        ucr_prd.NIBRS_CRIMINAL_ACTIVITY,
        incident.OFFENSE_ACTIVITY,
        {"activity_code": "c.criminal_activity_code"},
        parent=_OFFENSE,
        links=("offense_id",),
    ),
    Segment(ucr_prd.NIBRS_SUSPECT_USING, incident.OFFENSE_USING, parent=_OFFENSE, links=("offense_id",)),
    Segment(_VICTIM, incident.VICTIM, {**_PERSON, "resident_code": "c.resident_status_code"}),
    Segment(ucr_prd.NIBRS_VICTIM_OFFENSE, incident.VICTIM_OFFENSE, parent=_VICTIM, links=("victim_id", "offense_id")),
    Segment(ucr_prd.NIBRS_VICTIM_INJURY, incident.VICTIM_INJURY, parent=_VICTIM, links=("victim_id",)),
    Segment(ucr_prd.NIBRS_VICTIM_CIRCUMSTANCE, incident.VICTIM_CIRCUMSTANCE, parent=_VICTIM, links=("victim_id",)),
    Segment(ucr_prd.NIBRS_OFFENDER, incident.OFFENDER, _PERSON),
    Segment(
        ucr_prd.NIBRS_VICTIM_OFFENDER_RELATIONSHIP,
        incident.VICTIM_OFFENDER,
        parent=_VICTIM,
        links=("victim_id", "offender_id"),
    ),
    Segment(
        _PROPERTY,
        incident.PROPERTY,
        {
            "loss_code": "c.prop_loss_code",
            "stolen_vehicles": "c.stolen_count",
            "recovered_vehicles": "c.recovered_count",
        },
    ),
    Segment(
        ucr_prd.NIBRS_PROPERTY_DESCRIPTION,
        incident.PROPERTY_ITEM,
        {
            "description_code": "c.prop_desc_code",
            "value_usd": "c.property_value",
            "recovered_date": "c.date_recovered",
        },
        parent=_PROPERTY,
        links=("property_id",),
    ),
    Segment(
        ucr_prd.NIBRS_SUSPECTED_DRUG,
        incident.DRUG,
        {"drug_id": "c.suspected_drug_id", "quantity": "c.est_drug_qty", "measure_code": "c.drug_measure_code"},
        parent=_PROPERTY,
        links=("property_id",),
    ),
    Segment(
        ucr_prd.NIBRS_ARRESTEE,
        incident.ARRESTEE,
        {**_ARREST, "agency_id": "i.agency_id", "multiple_code": "c.multiple_indicator_code"},
        constants={"is_group_b": False},
        has_form=True,
    ),
    GROUP_B,
    Segment(
        ucr_prd.NIBRS_ARRESTEE_WEAPON,
        incident.ARRESTEE_WEAPON,
        parent=ucr_prd.NIBRS_ARRESTEE,
        links=("arrestee_id",),
        constants={"is_group_b": False},
    ),
    Segment(
        ucr_prd.NIBRS_GROUPB_ARRESTEE_WEAPON,
        incident.ARRESTEE_WEAPON,
        {"arrestee_id": "c.groupb_arrestee_id"},
        parent=ucr_prd.NIBRS_GROUPB_ARRESTEE,
        links=("arrestee_id",),
        constants={"is_group_b": True},
    ),
)


def segment_query(segment: Segment, schema: str, year: int, is_enforced: bool) -> str:
    """Query for the rows of a table that belong to incidents of a year, with the agency of the incident.

    Args:
        segment: the mapping.
        schema: schema of the database.
        year: year of the incident date; for Group B, of the arrest date.
        is_enforced: whether the database enforces that every row has its parents. If not, rows without an incident
            are included, without agency; their year is unknown.
    """
    numeric = {"float64": "double precision", "int64": "double precision"}
    selected = [
        # The driver returns numeric as text, so the server converts it.
        f"{text}::{numeric[segment.dataset.column(name).type]} AS {name}"
        if name in ("value_usd", "quantity")
        else f"{text} AS {name}"
        for name, text in segment.expressions.items()
    ]
    join = "JOIN" if is_enforced else "LEFT JOIN"
    path, owner, date = _path(segment, schema, join)
    form = f'LEFT JOIN "{schema}".form_month f ON f.form_month_id = {owner}.form_month_id' if segment.has_form else ""
    in_year = f"{date} >= DATE '{year:04}-01-01' AND {date} < DATE '{year + 1:04}-01-01'"
    lost = "" if owner == "c" or is_enforced else f" OR {_owner_key(segment, owner)} IS NULL"
    return (
        f"SELECT {', '.join(selected)}, {owner}.agency_id AS {AGENCY_OF_ROW} "
        f'FROM "{schema}".{segment.table.name} c {path} {form} WHERE {in_year}{lost}'
    )


def _path(segment: Segment, schema: str, join: str) -> tuple[str, str, str]:
    """The joins from the table to the row with agency and date, the alias of that row, and its date."""
    if segment.table is ucr_prd.NIBRS_INCIDENT:
        return "", "c", "c.incident_date"
    if segment.table is ucr_prd.NIBRS_GROUPB_ARRESTEE:
        return "", "c", "c.arrest_date"
    if segment.parent is ucr_prd.NIBRS_GROUPB_ARRESTEE:
        key = "groupb_arrestee_id"
        return f'{join} "{schema}".{segment.parent.name} p ON p.{key} = c.{key}', "p", "p.arrest_date"
    steps, child = "", "c"
    if segment.parent is not None:
        key = segment.parent.primary_key[0]
        steps, child = f'{join} "{schema}".{segment.parent.name} p ON p.{key} = c.{key} ', "p"
    incidents = f'"{schema}".{ucr_prd.NIBRS_INCIDENT.name}'
    return f"{steps}{join} {incidents} i ON i.incident_id = {child}.incident_id", "i", "i.incident_date"


def _owner_key(segment: Segment, owner: str) -> str:
    return "i.incident_id" if owner == "i" else f"p.{segment.parent.primary_key[0] if segment.parent else ''}"
