"""The segments of a state's incidents, from the records of each level.

A record's number is its line in the file: an incident's that of its administrative record, and so on. The columns are
in the data dictionary, the rules in docs/nibrs-master-file.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model import incident
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.completeness import FEW_PARENTS, childless
from nibrs_estimation.sources.intake.fixed_width import Field
from nibrs_estimation.sources.master import layout
from nibrs_estimation.sources.master.accounts import MasterAccounts, texts
from nibrs_estimation.sources.master.agency_id import hashed_numbers
from nibrs_estimation.sources.master.decode import (
    MISSING,
    Records,
    chosen,
    code_places,
    codes,
    date_column,
    nullable,
    number_column,
    numbers,
    offense_codes,
    packed,
    values_of,
)
from nibrs_estimation.sources.master.incidents import (
    NO_ROW,
    Incidents,
    enter_repeats,
    incident_repeats,
    without_repeats,
)
from nibrs_estimation.sources.master.layout import LEVELS, Coded, Several
from nibrs_estimation.sources.master.lines import Flags, Integers

#: Above every number that tells two records of an incident apart.
_PARTS = 2**17
_SEQUENCES = 1000
_LOSSES = 16
_YES, _NO, _REPORT, _BLANK = ord("Y"), ord("N"), ord("R"), ord(" ")

Frames = dict[str, pl.DataFrame]


@dataclass(frozen=True)
class State:
    """What the records of a state are read with.

    Attributes:
        state_abbr: UCR abbreviation.
        year: data year of the file.
        agencies: ``ori`` and ``agency_id`` of all agencies of the run.
        accounts: the state's accounts.
    """

    state_abbr: str
    year: int
    agencies: pl.DataFrame
    accounts: MasterAccounts

    def frame(self, dataset: Dataset, columns: Mapping[str, Any]) -> pl.DataFrame:
        """A dataset of the state from its columns; those that the file does not have are null."""
        constants = {name: value for name, value in columns.items() if isinstance(value, bool)}
        rows = pl.DataFrame({name: value for name, value in columns.items() if name not in constants})
        rows = rows.with_columns(state_abbr=pl.lit(self.state_abbr), **{n: pl.lit(v) for n, v in constants.items()})
        return rows.select(
            (pl.col(name) if name in rows.columns else pl.lit(None)).cast(dtype).alias(name)
            for name, dtype in dataset.schema.items()
        )


def read_segments(records: Mapping[str, Records], state: State) -> Frames:
    """The datasets of ``model/incident.py`` by name.

    Args:
        records: the records of the state by level.
        state: the state.

    Raises:
        PipelineError: too many records or values are faulty, or lack a record that they must have.
    """
    incidents, of_incident = read_incidents(records[layout.ADMINISTRATIVE], state)
    offenses, of_offense, keys = read_offenses(records[layout.OFFENSE], incidents, state)
    of_offender, offender_keys = _offenders(records[layout.OFFENDER], incidents, state)
    arrests = [
        _arrestees(records[layout.ARRESTEE], incidents, of_incident, state),
        _group_b(records[layout.GROUP_B], state),
    ]
    frames = {
        incident.INCIDENT.name: of_incident,
        **of_offense,
        **_codes_of_offenses(offenses, state),
        **_victims(records[layout.VICTIM], incidents, keys, offender_keys, state),
        incident.OFFENDER.name: of_offender,
        **_properties(records[layout.PROPERTY], incidents, state),
        **{dataset.name: pl.concat(each[dataset.name] for each in arrests) for dataset in _OF_ARRESTS},
    }
    _check_completeness(frames, state)
    return {dataset.name: frames[dataset.name] for dataset in incident.DATASETS}


_OF_ARRESTS = (incident.ARRESTEE, incident.ARRESTEE_WEAPON)


def read_incidents(records: Records, state: State) -> tuple[Incidents, pl.DataFrame]:
    """The administrative records, and dataset ``incident``."""
    accounts, table = state.accounts, records.table
    first, is_repeat = incident_repeats(records)
    enter_repeats(records, np.flatnonzero(is_repeat), first[is_repeat], accounts)
    date = date_column(records, layout.DATE, accounts)
    is_missing = date.is_null().to_numpy() & ~is_repeat
    is_far = (date.dt.year() - state.year).abs().gt(1).fill_null(False).to_numpy() & ~is_repeat
    for is_faulty, reason in ((is_missing, "missing_value"), (is_far, "impossible_date")):
        accounts.without(records, is_faulty, reason, layout.DATE)
    is_kept = ~(is_repeat | is_missing | is_far)
    kept, date = records.where(is_kept), date.filter(pl.Series(is_kept))
    year, month = date.dt.year(), date.dt.month()
    frame = state.frame(
        incident.INCIDENT,
        {
            "incident_id": kept.line,
            "agency_id": kept.agency_id,
            "data_year": year,
            "form_year": year,
            "form_month": month,
            "incident_date": date,
            "is_report_date": layout.IS_REPORT_DATE.of(kept.characters)[:, 0] == _REPORT,
            "incident_hour": _hours(kept, accounts),
            "cleared_exceptionally_code": codes(kept, layout.CLEARED, incident.INCIDENT, accounts),
            "cleared_exceptionally_date": date_column(kept, layout.CLEARED_DATE, accounts),
            "is_cargo_theft": _flag(kept, layout.CARGO_THEFT, accounts),
        },
    )
    accounts.kept(table, incident.INCIDENT.name, len(kept), int((year != state.year).sum()))
    accounts.check_share(table)
    return Incidents(records, np.where(is_kept[first], first, NO_ROW)), frame


def read_offenses(
    records: Records, incidents: Incidents, state: State
) -> tuple[Records, Frames, tuple[Integers, Integers]]:
    """The kept offense records, dataset ``offense``; and their keys, ascending, with their lines."""
    records, row = _of_incidents(records, incidents, state)
    code = offense_codes(records, layout.OFFENSE_CODE, state.accounts)
    is_missing = code.is_null().to_numpy()
    state.accounts.without(records, is_missing, "missing_value", layout.OFFENSE_CODE)
    records, row, code = records.where(~is_missing), row[~is_missing], code.filter(pl.Series(~is_missing))
    key = row * _PARTS + packed(layout.OFFENSE_CODE.of(records.characters))
    is_first = without_repeats(records, key, state.accounts)
    records, row, key = records.where(is_first), row[is_first], key[is_first]
    accounts = state.accounts
    frame = state.frame(
        incident.OFFENSE,
        {
            "offense_id": records.line,
            "incident_id": incidents.records.line[row],
            "offense_code": code.filter(pl.Series(is_first)),
            "premises_entered": number_column(records, layout.PREMISES, accounts, pl.Int16()),
            **_coded(records, layout.OFFENSE_CODES, incident.OFFENSE, accounts),
        },
    )
    _finish(records, incident.OFFENSE, state)
    order = np.argsort(key)
    return records, {incident.OFFENSE.name: frame}, (key[order], records.line[order])


def _codes_of_offenses(offenses: Records, state: State) -> Frames:
    return {
        several.dataset.name: state.frame(several.dataset, _rows(offenses, several, "offense_id", state.accounts))
        for several in layout.OF_OFFENSE
    }


def _offenders(records: Records, incidents: Incidents, state: State) -> tuple[pl.DataFrame, tuple[Integers, Integers]]:
    """Dataset ``offender``; and the offenders' keys, ascending, with their lines."""
    accounts = state.accounts
    records, row = _of_incidents(records, incidents, state)
    records, row, number, has_number = _numbered(records, row, layout.OFFENDER_SEQUENCE, accounts)
    frame = state.frame(
        incident.OFFENDER,
        {
            "offender_id": records.line,
            "incident_id": incidents.records.line[row],
            "sequence_number": nullable(number, has_number, pl.Int16()),
            **_persons(records, layout.OFFENDER_CODES, incident.OFFENDER, accounts),
        },
    )
    _finish(records, incident.OFFENDER, state)
    key = np.where(has_number, row * _SEQUENCES + number, -1)
    order = np.argsort(key, kind="stable")
    return frame, (key[order], records.line[order])


def _victims(
    records: Records,
    incidents: Incidents,
    offenses: tuple[Integers, Integers],
    offenders: tuple[Integers, Integers],
    state: State,
) -> Frames:
    accounts = state.accounts
    records, row = _of_incidents(records, incidents, state)
    records, row, number, has_number = _numbered(records, row, layout.VICTIM_SEQUENCE, accounts)
    victims = state.frame(
        incident.VICTIM,
        {
            "victim_id": records.line,
            "incident_id": incidents.records.line[row],
            "sequence_number": nullable(number, has_number, pl.Int16()),
            "outside_agency_id": _outside_agencies(records, state),
            **_persons(records, layout.VICTIM_CODES, incident.VICTIM, accounts),
        },
    )
    _finish(records, incident.VICTIM, state)
    circumstances = Several(incident.VICTIM_CIRCUMSTANCE, layout.CIRCUMSTANCES)
    of_force = pl.DataFrame(
        {
            "victim_id": records.line,
            "justifiable_force_code": codes(records, layout.JUSTIFIABLE_FORCE, incident.VICTIM_CIRCUMSTANCE, accounts),
        }
    )
    of_victim = pl.DataFrame(_rows(records, circumstances, "victim_id", accounts))
    return {
        incident.VICTIM.name: victims,
        incident.VICTIM_OFFENSE.name: _victim_offenses(records, row, offenses, state),
        incident.VICTIM_INJURY.name: state.frame(
            incident.VICTIM_INJURY, _rows(records, layout.INJURIES, "victim_id", accounts)
        ),
        incident.VICTIM_CIRCUMSTANCE.name: state.frame(
            incident.VICTIM_CIRCUMSTANCE, of_victim.join(of_force, on="victim_id", how="left").to_dict()
        ),
        incident.VICTIM_OFFENDER.name: _relationships(records, row, offenders, state),
    }


def _victim_offenses(
    victims: Records, row: Integers, offenses: tuple[Integers, Integers], state: State
) -> pl.DataFrame:
    """Dataset ``victim_offense``: the offenses of its incident whose codes a victim's record has."""
    found = []
    for field in layout.VICTIM_OFFENSES:
        code = packed(field.of(victims.characters))
        offense, is_found = _looked_up(row * _PARTS + code, *offenses)
        state.accounts.faulty_values(victims, field, (code > 0) & ~is_found, "orphan")
        found.append(pl.DataFrame({"victim_id": victims.line[is_found], "offense_id": offense[is_found]}))
    return state.frame(incident.VICTIM_OFFENSE, _once(victims, found, incident.VICTIM_OFFENSE, state.accounts))


def _relationships(victims: Records, row: Integers, offenders: tuple[Integers, Integers], state: State) -> pl.DataFrame:
    """Dataset ``victim_offender``: an offender's number and a relationship, up to ten times."""
    found = []
    for of, relationship in zip(layout.RELATED_OFFENDERS, layout.RELATIONSHIPS, strict=True):
        number, has_number = numbers(victims, of, state.accounts)
        offender, is_found = _looked_up(row * _SEQUENCES + number, *offenders)
        state.accounts.faulty_values(victims, of, has_number & ~is_found, "orphan")
        is_found &= has_number
        related = victims.where(is_found)
        code = codes(related, relationship, incident.VICTIM_OFFENDER, state.accounts)
        found.append(pl.DataFrame({"victim_id": related.line, "offender_id": offender[is_found], code.name: code}))
    return state.frame(incident.VICTIM_OFFENDER, _once(victims, found, incident.VICTIM_OFFENDER, state.accounts))


def _properties(records: Records, incidents: Incidents, state: State) -> Frames:
    """A record describes one property; those of an incident and type of loss are one segment."""
    accounts = state.accounts
    records, row = _of_incidents(records, incidents, state)
    loss = code_places(records, layout.LOSS, incident.PROPERTY, accounts)
    key = row * _LOSSES + loss - MISSING
    description = packed(layout.DESCRIPTION.of(records.characters))
    # A loss without description, such as none or unknown, may not be repeated either.
    is_first = without_repeats(records, key * _PARTS + description, accounts)
    records, row, loss, key = records.where(is_first), row[is_first], loss[is_first], key[is_first]
    _finish(records, incident.PROPERTY, state)
    _keys, first, segment = np.unique(key, return_index=True, return_inverse=True)
    stolen, recovered = (
        number_column(records, field, accounts, pl.Int16())
        for field in (layout.STOLEN_VEHICLES, layout.RECOVERED_VEHICLES)
    )
    vehicles = (
        pl.DataFrame({"segment": segment, "stolen": stolen, "recovered": recovered})
        .group_by("segment")
        .agg(pl.col("stolen", "recovered").max())
        .sort("segment")
    )
    property_id = records.line[first]
    properties = {
        "property_id": property_id,
        "incident_id": incidents.records.line[row[first]],
        "loss_code": chosen(values_of(incident.PROPERTY.column("loss_code")), loss[first], pl.Int8()),
        "stolen_vehicles": vehicles["stolen"],
        "recovered_vehicles": vehicles["recovered"],
    }
    code = codes(records, layout.DESCRIPTION, incident.PROPERTY_ITEM, accounts)
    items = pl.DataFrame(
        {
            "property_id": property_id[segment],
            "description_code": code,
            "value_usd": number_column(records, layout.VALUE, accounts, pl.Int64()),
            "recovered_date": date_column(records, layout.RECOVERED_DATE, accounts),
        }
    ).drop_nulls("description_code")
    return {
        incident.PROPERTY.name: state.frame(incident.PROPERTY, properties),
        incident.PROPERTY_ITEM.name: state.frame(incident.PROPERTY_ITEM, items.to_dict()),
        incident.DRUG.name: _drugs(records, property_id[segment], state),
    }


def _drugs(records: Records, property_id: Integers, state: State) -> pl.DataFrame:
    found = []
    for k in layout.DRUGS:
        code = code_places(records, layout.DRUG[k], incident.DRUG, state.accounts)
        has_drug = code != MISSING
        some = records.where(has_drug)
        whole, has_whole = numbers(some, layout.DRUG_WHOLE[k], state.accounts)
        thousandths, _has = numbers(some, layout.DRUG_THOUSANDTHS[k], state.accounts)
        found.append(
            pl.DataFrame(
                {
                    "drug_id": some.line * len(layout.DRUGS) + k,
                    "property_id": property_id[has_drug],
                    "drug_code": chosen(values_of(incident.DRUG.column("drug_code")), code[has_drug], pl.String()),
                    "quantity": nullable(whole + thousandths / 1000, has_whole, pl.Float64()),
                    "measure_code": codes(some, layout.DRUG_MEASURE[k], incident.DRUG, state.accounts),
                }
            )
        )
    return state.frame(incident.DRUG, pl.concat(found).to_dict())


def _arrestees(records: Records, incidents: Incidents, of_incident: pl.DataFrame, state: State) -> Frames:
    """Arrestees of incidents, with the month of their incident's report."""
    records, row = _of_incidents(_with_short_arrest_numbers(records), incidents, state)
    form = pl.DataFrame({"incident_id": incidents.records.line[row]}).join(
        of_incident.select("incident_id", "form_year", "form_month"),
        on="incident_id",
        how="left",
        maintain_order="left",
    )
    return _arrests(
        records,
        row * _SEQUENCES,
        date_column(records, layout.ARREST_DATE, state.accounts),
        _GROUP_A_FIELDS,
        {**form.to_dict(), "is_group_b": False},
        state,
    )


def _group_b(records: Records, state: State) -> Frames:
    """Arrests for Group B offenses, which have no incident; their month is that of the arrest."""
    date = date_column(records, layout.GROUP_B_DATE, state.accounts)
    first, _is_repeat = incident_repeats(records)
    form = {"form_year": date.dt.year(), "form_month": date.dt.month(), "is_group_b": True}
    return _arrests(
        records,
        first * _SEQUENCES,
        date,
        _GROUP_B_FIELDS,
        form,
        state,
    )


@dataclass(frozen=True)
class _ArrestFields:
    """Where arrestees of Group A and B have what they have in common."""

    date: Field
    offense: Coded
    coded: Sequence[Coded]
    weapons: Several


_GROUP_A_FIELDS = _ArrestFields(layout.ARREST_DATE, layout.ARREST_OFFENSE, layout.ARREST_CODES, layout.ARREST_WEAPONS)
_GROUP_B_FIELDS = _ArrestFields(
    layout.GROUP_B_DATE, layout.GROUP_B_OFFENSE, layout.GROUP_B_CODES, layout.GROUP_B_WEAPONS
)


def _arrests(
    records: Records, key: Integers, date: pl.Series, fields: _ArrestFields, about: Mapping[str, Any], state: State
) -> Frames:
    """Arrestees and their weapons.

    Args:
        records: the records.
        key: (n,) what an incident's or an arrest's records have in common, a multiple of ``_SEQUENCES``.
        date: (n,) date of the arrest.
        fields: fields of the record.
        about: further columns of the rows.
        state: the state.
    """
    accounts = state.accounts
    number, has_number = numbers(records, layout.ARRESTEE_SEQUENCE, accounts)
    is_first = without_repeats(records, np.where(has_number, key + number, -1), accounts)
    code = offense_codes(records, fields.offense, accounts)
    is_kept = is_first.copy()
    for value, field in ((date, fields.date), (code, fields.offense)):
        is_missing = value.is_null().to_numpy() & is_kept
        accounts.without(records, is_missing, "missing_value", field)
        is_kept &= ~is_missing
    kept, chosen_rows = records.where(is_kept), pl.Series(is_kept)
    columns = {
        name: value.filter(chosen_rows) if isinstance(value, pl.Series) else value for name, value in about.items()
    }
    arrestees = {
        **columns,
        "arrestee_id": kept.line,
        "agency_id": kept.agency_id,
        "sequence_number": nullable(number[is_kept], has_number[is_kept], pl.Int16()),
        "arrest_date": date.filter(chosen_rows),
        "offense_code": code.filter(chosen_rows),
        **_persons(kept, fields.coded, incident.ARRESTEE, accounts),
    }
    _finish(kept, incident.ARRESTEE, state)
    carried = {**_rows(kept, fields.weapons, "arrestee_id", accounts), "is_group_b": about["is_group_b"]}
    return {
        incident.ARRESTEE.name: state.frame(incident.ARRESTEE, arrestees),
        incident.ARRESTEE_WEAPON.name: state.frame(incident.ARRESTEE_WEAPON, carried),
    }


def _with_short_arrest_numbers(records: Records) -> Records:
    """Records with an arrest number of 13 characters, cut to 12, so that the rest stands where it should."""
    date = layout.ARREST_DATE
    is_date, is_date_further = (
        np.isin(records.characters[:, first], list(b"12")) & np.isin(records.characters[:, first + 1], list(b"09"))
        for first in (date.first - 1, date.first)
    )
    rows = np.flatnonzero(~is_date & is_date_further)
    if not len(rows):
        return records
    characters = records.characters.copy()
    characters[rows, date.first - 1 : -1] = records.characters[rows, date.first :]
    characters[rows, -1] = _BLANK
    return Records(records.table, records.line, characters, records.agency_id)


def _of_incidents(records: Records, incidents: Incidents, state: State) -> tuple[Records, Integers]:
    """Records whose incident was kept, and its row; the others are set aside."""
    row = incidents.rows_of(records)
    return state.accounts.without(records, row == NO_ROW, "orphan", layout.INCIDENT_NUMBER), row[row != NO_ROW]


def _numbered(
    records: Records, row: Integers, sequence: Field, accounts: MasterAccounts
) -> tuple[Records, Integers, Integers, Flags]:
    """Persons without repeats: records, rows of their incidents, their numbers, and whether they have one."""
    number, has_number = numbers(records, sequence, accounts)
    is_first = without_repeats(records, np.where(has_number, row * _SEQUENCES + number, -1), accounts)
    return records.where(is_first), row[is_first], number[is_first], has_number[is_first]


def _finish(records: Records, dataset: Dataset, state: State) -> None:
    state.accounts.kept(records.table, dataset.name, len(records))
    state.accounts.check_share(records.table)


def _coded(
    records: Records, fields: Sequence[Coded], dataset: Dataset, accounts: MasterAccounts
) -> dict[str, pl.Series]:
    return {field.column: codes(records, field, dataset, accounts) for field in fields}


def _persons(
    records: Records, fields: Sequence[Coded], dataset: Dataset, accounts: MasterAccounts
) -> dict[str, pl.Series]:
    """Columns of persons; 00 and 99 are codes of age, not years."""
    columns = _coded(records, fields, dataset, accounts)
    years = columns["age_code"].cast(pl.Int16(), strict=False)
    return columns | {"age_years": years.set(~years.is_between(1, 98), None)}


def _rows(records: Records, several: Several, parent: str, accounts: MasterAccounts) -> dict[str, Any]:
    """A row for each code: the line of the record and the code; a code that a record repeats counts once."""
    column = several.fields[0].column
    values = values_of(several.dataset.column(column))
    places = [code_places(records, field, several.dataset, accounts) for field in several.fields]
    lines = np.concatenate([records.line[place != MISSING] for place in places])
    place = np.concatenate([place[place != MISSING] for place in places]).astype(np.int64)
    key = np.unique(lines * len(values) + place)
    if repeated := len(place) - len(key):
        accounts.lost("repeated_codes", f"{several.dataset.name}.{column} of {records.table}", repeated)
    lines, place = np.divmod(key, len(values))
    return {parent: lines, column: chosen(values, place, several.dataset.column(column).dtype)}


def _once(records: Records, found: list[pl.DataFrame], dataset: Dataset, accounts: MasterAccounts) -> dict[str, Any]:
    """Rows of a dataset without those of a key that a record repeats."""
    rows = pl.concat(found)
    key = [name for name in dataset.primary_key if name in rows.columns]
    unique = rows.unique(key, keep="first", maintain_order=True)
    if repeated := rows.height - unique.height:
        accounts.lost("repeated_codes", f"{dataset.name} of {records.table}", repeated)
    return unique.to_dict()


def _looked_up(key: Integers, known: Integers, value: Integers) -> tuple[Integers, Flags]:
    """The value of each key, and whether it is known.

    Args:
        key: (n,) keys.
        known: (m,) known keys, ascending.
        value: (m,) their values.
    """
    if not len(known):
        return np.zeros_like(key), np.zeros(len(key), bool)
    place = np.minimum(np.searchsorted(known, key), len(known) - 1)
    return value[place], known[place] == key


def _hours(records: Records, accounts: MasterAccounts) -> pl.Series:
    hour, has_hour = numbers(records, layout.HOUR, accounts)
    is_hour = has_hour & (hour < 24)
    accounts.faulty_values(records, layout.HOUR, has_hour & ~is_hour, "out_of_range")
    return nullable(hour, is_hour, pl.Int8())


def _flag(records: Records, field: Field, accounts: MasterAccounts) -> pl.Series:
    character: NDArray[np.uint8] = field.of(records.characters)[:, 0]
    is_known = (character == _YES) | (character == _NO)
    accounts.faulty_values(records, field, ~is_known & (character != _BLANK), "unknown_code")
    return nullable(character == _YES, is_known, pl.Boolean())


def _outside_agencies(records: Records, state: State) -> pl.Series:
    """The agency of an officer who was a victim, if the record names one; it need not be in the file."""
    characters = layout.OFFICER_ORI.of(records.characters)
    rows = np.flatnonzero((characters != _BLANK).any(axis=1))
    oris = texts(characters[rows])
    known = pl.DataFrame({"ori": oris}).join(state.agencies, on="ori", how="left", maintain_order="left")["agency_id"]
    number = np.zeros(len(records), np.int64)
    number[rows] = known.fill_null(hashed_numbers(oris)).to_numpy()
    return nullable(number, number > 0, pl.Int32())


#: Their rows are fields of the record of their parent, so no record is missing where there are none: files of early
#: years have no bias motivation.
_OWN_FIELDS = (incident.OFFENSE_BIAS.name, incident.OFFENSE_USING.name, incident.ARRESTEE_WEAPON.name)


def _check_completeness(frames: Frames, state: State) -> None:
    """Raise an error if too many records lack a record that they must have; record a loss if a few do."""
    for found in childless(frames):
        of_group = " of Group B" if found.is_group_b else ""
        if found.is_too_many and found.of >= FEW_PARENTS and found.child not in _OWN_FIELDS:
            raise PipelineError(
                f"{state.accounts.where}: {found.share} of the rows of {found.parent}{of_group} in "
                f"{state.state_abbr} have no row of {found.child}, although each must have one, so records are "
                "missing. Totals would be far too low: download the file again."
            )
        state.accounts.lost("no_child", f"{found.parent} without {found.child}{of_group} ({found.share})", found.rows)


def empty_records(level: str) -> Records:
    """No records of a level."""
    length = LEVELS[level].length
    return Records(LEVELS[level].table, np.empty(0, np.int64), np.empty((0, length), np.uint8), np.empty(0, np.int32))
