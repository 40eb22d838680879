"""Writes records of a NIBRS master file, and reads a file the slow way: line by line, by slicing text.

The reader is a twin of the source ``master``. It shares no position and no rule with it, only the code lists.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from nibrs_estimation.model.codes import code_list

#: Twelve months that came, and twelve that did not.
ALL_MONTHS, NO_MONTHS = "NYN" * 12, "NNN" * 12
ORI = "NB0010100"
Row = dict[str, Any]


def header(
    ori: str = ORI,
    state: str = "26",
    year: str = "2022",
    activity: str = ALL_MONTHS,
    start: str = "20190101",
    name: str = "EXAMPLETON",
    group: str = "5 ",
    kind: str = "1",
    covered_by: str = "",
    flag: str = "A",
    counties: Sequence[tuple[int, str, str]] = ((15_000, "", "001"), (2_500, "", "003")),
    months: str | None = None,
) -> str:
    """A BH record; a county is its population, its metropolitan area and its FIPS code."""
    blocks = [*counties, *[(0, "", "")] * (5 - len(counties))]
    number = sum("Y" in activity[place : place + 2] for place in range(0, 36, 3)) if months is None else int(months)
    text = (
        f"BH{state}{ori}{'0' * 12}{'':8}{start:8}{name:30}{ori[:2]}{group}41{kind}N{covered_by:9}3001001A{flag}{'':8}"
    )
    text += "".join(f"{population:09d}   {msa:3}000000000" for population, msa, _fips in blocks)
    text += f"{'12' if number == 12 else '  '}{number:02d}{year}{activity}" + "".join(
        f"{fips:3}" for *_rest, fips in blocks
    )
    return f"{text:284}"


def old_headers(**about: Any) -> list[str]:
    """The same as B1, B2 and B3, each padded to 132 characters."""
    text = header(**about)
    key = text[2:25]
    first = "B1" + text[2:105]
    second = f"B2{key}{text[105:201]}"
    third = f"B3{key}{text[201:225]}{text[225:269]}{text[269:284]}"
    return [f"{part:132}" for part in (first, second, third)]


def record(level: str, number: str, date: str, rest: str, ori: str = ORI, state: str = "26") -> str:
    """A data record: what all begin with, and the rest from position 34 on."""
    return f"{level}{state}{ori}{number:12}{date:8}{rest}"


def administrative(
    number: str = "A1", date: str = "20220105", rest: str = " 21020020101    N", cargo: str = "N", **at: str
) -> str:
    """A record of level 01."""
    return f"{record('01', number, date, rest, **at):88}{cargo}"


def offense(number: str = "A1", date: str = "20220105", rest: str = "13ACN  20   N  40       88", **at: str) -> str:
    """A record of level 02."""
    return f"{record('02', number, date, rest, **at):59}"


def loss(number: str = "A1", date: str = "20220105", rest: str = "720000000100", **at: str) -> str:
    """A record of level 03."""
    return f"{record('03', number, date, rest, **at):102}"


def victim(number: str = "A1", date: str = "20220105", rest: str = "00113A" + " " * 27 + "I34FWNR", **at: str) -> str:
    """A record of level 04."""
    return f"{record('04', number, date, rest, **at):135}"


def offender(number: str = "A1", date: str = "20220105", rest: str = "0127MBN", **at: str) -> str:
    """A record of level 05."""
    return f"{record('05', number, date, rest, **at):40}"


def arrestee(
    number: str = "A1", date: str = "20220105", rest: str = "01AR000000000120220106TN13A12    27MBNR", **at: str
) -> str:
    """A record of level 06."""
    return f"{record('06', number, date, rest, **at):73}"


def group_b(number: str = "GB1", date: str = "20220310", rest: str = "01    O90D01    19FWUN", **at: str) -> str:
    """A record of level 07."""
    return f"{record('07', number, date, rest, **at):56}"


def incident(number: str = "A1", **at: str) -> list[str]:
    """The records of a whole incident."""
    return [write(number, **at) for write in (administrative, offense, loss, victim, offender, arrestee)]


def write_file(path: Path, lines: Sequence[str], end: str = "\n") -> Path:
    """Write lines, each followed by a line break; returns the path."""
    path.write_bytes("".join(line + end for line in lines).encode("latin-1"))
    return path


# ---------------------------------------------------------------------------------------------------------------------


def slow_read(lines: Sequence[str], year: int) -> dict[str, list[Row]]:
    """The rows of a file with BH headers by dataset; ``ori`` instead of ``agency_id``."""
    data = list(_data_records(lines))
    incidents: dict[tuple[str, str], Row | None] = {}
    for number, ori, line in data:
        if line[:2] == "01" and (ori, line[13:25]) not in incidents:
            incidents[ori, line[13:25]] = _incident(number, ori, line, year)
    found: dict[str, list[Row]] = {name: [] for name in _DATASETS}
    found["incident"] = [row for row in incidents.values() if row]
    seen: set[Any] = set()
    offenses: dict[Any, int] = {}
    offenders: dict[Any, int] = {}
    for level in ("02", "05", "03", "04", "06", "07"):
        for number, ori, line in data:
            of = incidents.get((ori, line[13:25]))
            if line[:2] == level and (of or level == "07"):
                _READERS[level](number, line, of or {"ori": ori}, found, seen, offenses, offenders)
    return found


def _data_records(lines: Sequence[str]) -> list[tuple[int, str, str]]:
    """Line, ORI of the header and text of each data record that can be used."""
    found = []
    ori = ""
    for number, line in enumerate(lines, 1):
        if line[:2] == "BH":
            ori = line[4:13]
        elif line[:2] in _LENGTHS:
            least, most = _LENGTHS[line[:2]]
            if len(line) >= least and not line[most:].strip(" ") and ori and line[4:11] == ori[:7]:
                found.append((number, ori, line.ljust(most)[:most]))
    return found


_LENGTHS = {
    "01": (87, 89),
    "02": (59, 67),
    "03": (102, 102),
    "04": (135, 135),
    "05": (39, 40),
    "06": (73, 74),
    "07": (56, 56),
}
_DATASETS = (
    "incident", "offense", "offense_bias", "offense_weapon", "offense_activity", "offense_using", "victim",
    "victim_offense", "victim_injury", "victim_circumstance", "offender", "victim_offender", "property",
    "property_item", "drug", "arrestee", "arrestee_weapon",
)  # fmt: skip


def _code(text: str, name: str) -> str | None:
    text = text.rstrip(" ")
    return text if text and text in set(code_list(name)["code"]) - {"NS"} else None


def _offense_code(text: str) -> str | None:
    return text if re.fullmatch("[0-9A-Z]{3}", text) or text in set(code_list("offense")["code"]) else None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def _date(text: str) -> dt.date | None:
    try:
        return dt.datetime.strptime(text, "%Y%m%d").date() if _number(text) is not None else None
    except ValueError:
        return None


def _person(age: str, sex: str, race: str, ethnicity: str) -> Row:
    age_code = _code(age, "age")
    years = _number(age_code or "")
    return {
        "age_code": age_code,
        "age_years": years if years is not None and 1 <= years <= 98 else None,
        "sex_code": _code(sex, "sex"),
        "race_code": _code(race, "race"),
        "ethnicity_code": _code(ethnicity, "ethnicity"),
    }


def _pieces(text: str, width: int) -> list[str]:
    return [text[place : place + width] for place in range(0, len(text), width)]


def _incident(number: int, ori: str, line: str, year: int) -> Row | None:
    date = _date(line[25:33])
    if date is None or abs(date.year - year) > 1:
        return None
    hour = _number(line[34:36])
    return {
        "incident_id": number,
        "ori": ori,
        "data_year": date.year,
        "form_year": date.year,
        "form_month": date.month,
        "incident_date": date,
        "is_report_date": line[33] == "R",
        "incident_hour": hour if hour is not None and hour < 24 else None,
        "cleared_exceptionally_code": _code(line[49], "cleared_exceptionally"),
        "cleared_exceptionally_date": _date(line[50:58]),
        "is_cargo_theft": {"Y": True, "N": False}.get(line[88]),
    }


def _is_first(seen: set[Any], key: Any) -> bool:
    if key in seen:
        return False
    seen.add(key)
    return True


def _read_offense(number: int, line: str, of: Row, found: Any, seen: set[Any], offenses: Any, offenders: Any) -> None:
    code = _offense_code(line[33:36])
    if code is None or not _is_first(seen, ("02", of["incident_id"], code)):
        return
    offenses[of["incident_id"], code] = number
    found["offense"].append(
        {
            "offense_id": number,
            "incident_id": of["incident_id"],
            "offense_code": code,
            "attempt_complete_code": _code(line[36], "attempt_complete"),
            "location_code": _code(line[40:42], "location"),
            "premises_entered": _number(line[42:44]),
            "method_of_entry_code": _code(line[44], "method_of_entry"),
        }
    )
    for dataset, column, name, texts in (
        ("offense_using", "using_code", "suspected_using", _pieces(line[37:40], 1)),
        ("offense_activity", "activity_code", "criminal_activity", _pieces(line[45:48], 1)),
        ("offense_weapon", "weapon_code", "weapon", _pieces(line[48:57], 3)),
        ("offense_bias", "bias_code", "bias", _pieces(line[57:67], 2)),
    ):
        for value in sorted({_code(text, name) for text in texts} - {None}):  # type: ignore[type-var]
            found[dataset].append({"offense_id": number, column: value})


def _read_offender(number: int, line: str, of: Row, found: Any, seen: set[Any], offenses: Any, offenders: Any) -> None:
    sequence = _number(line[33:35])
    if sequence is not None:
        if not _is_first(seen, ("05", of["incident_id"], sequence)):
            return
        offenders[of["incident_id"], sequence] = number
    person = _person(line[35:37], line[37], line[38], line[39])
    found["offender"].append(
        {"offender_id": number, "incident_id": of["incident_id"], "sequence_number": sequence, **person}
    )


def _read_property(number: int, line: str, of: Row, found: Any, seen: set[Any], offenses: Any, offenders: Any) -> None:
    loss_code = _number(_code(line[33], "property_loss") or "")
    if not _is_first(seen, ("03", of["incident_id"], loss_code, line[34:36])):
        return
    vehicles = {"stolen_vehicles": _number(line[53:55]), "recovered_vehicles": _number(line[55:57])}
    segment = next(
        (row for row in found["property"] if (row["incident_id"], row["loss_code"]) == (of["incident_id"], loss_code)),
        None,
    )
    if segment is None:
        segment = {"property_id": number, "incident_id": of["incident_id"], "loss_code": loss_code, **vehicles}
        found["property"].append(segment)
    for name, value in vehicles.items():
        known = [one for one in (segment[name], value) if one is not None]
        segment[name] = max(known) if known else None
    if description := _code(line[34:36], "property_description"):
        item = {"property_id": segment["property_id"], "description_code": description}
        item |= {"value_usd": _number(line[36:45]), "recovered_date": _date(line[45:53])}
        found["property_item"].append(item)
    for place, text in enumerate(_pieces(line[57:102], 15)):
        if drug := _code(text[0], "drug"):
            whole, part = _number(text[1:10]), _number(text[10:13]) or 0
            found["drug"].append(
                {
                    "drug_id": 3 * number + place,
                    "property_id": segment["property_id"],
                    "drug_code": drug,
                    "quantity": None if whole is None else whole + part / 1000,
                    "measure_code": _code(text[13:15], "drug_measure"),
                }
            )


def _read_victim(number: int, line: str, of: Row, found: Any, seen: set[Any], offenses: Any, offenders: Any) -> None:
    sequence = _number(line[33:36])
    if sequence is not None and not _is_first(seen, ("04", of["incident_id"], sequence)):
        return
    found["victim"].append(
        {
            "victim_id": number,
            "incident_id": of["incident_id"],
            "sequence_number": sequence,
            "victim_type_code": _code(line[66], "victim_type"),
            **_person(line[67:69], line[69], line[70], line[71]),
            "resident_code": _code(line[72], "resident"),
            "activity_code": _code(line[123:125], "officer_activity"),
            "assignment_code": _code(line[125], "officer_assignment"),
        }
    )
    linked = {offenses.get((of["incident_id"], code)) for code in _pieces(line[36:66], 3)} - {None}
    found["victim_offense"] += [{"victim_id": number, "offense_id": one} for one in linked]
    injuries = {_code(text, "injury") for text in line[78:83]} - {None}
    found["victim_injury"] += [{"victim_id": number, "injury_code": one} for one in injuries]
    circumstances = {
        _code(text.removeprefix("0"), "circumstance") for text in _pieces(line[73:77], 2) if text[1] != " "
    }
    force = _code(line[77], "justifiable_force")
    found["victim_circumstance"] += [
        {"victim_id": number, "circumstance_code": int(one), "justifiable_force_code": force}
        for one in circumstances - {None}
        if one
    ]
    related = set()
    for text in _pieces(line[83:123], 4):
        of_number = _number(text[:2])
        other = None if of_number is None else offenders.get((of["incident_id"], of_number))
        if other is not None and other not in related:
            related.add(other)
            code = _code(text[2:], "relationship")
            found["victim_offender"].append({"victim_id": number, "offender_id": other, "relationship_code": code})


def _read_arrest(
    number: int, of: Row, found: Any, date: dt.date | None, offense_text: str, weapons: str, about: Row
) -> None:
    code = _offense_code(offense_text)
    if date is None or code is None:
        return
    found["arrestee"].append(
        {"arrestee_id": number, "ori": of["ori"], "arrest_date": date, "offense_code": code, **about}
    )
    key = {"arrestee_id": number, "is_group_b": about["is_group_b"]}
    for weapon in {_code(text, "weapon") for text in _pieces(weapons, 3)} - {None}:
        found["arrestee_weapon"].append({**key, "weapon_code": weapon})


def _read_arrestee(number: int, line: str, of: Row, found: Any, seen: set[Any], offenses: Any, offenders: Any) -> None:
    if line[47:49] not in ("19", "20") and line[48:50] in ("19", "20"):
        line = line[:47] + line[48:] + " "
    sequence = _number(line[33:35])
    if sequence is not None and not _is_first(seen, ("06", of["incident_id"], sequence)):
        return
    about = {
        "is_group_b": False,
        "incident_id": of["incident_id"],
        "form_year": of["form_year"],
        "form_month": of["form_month"],
        "sequence_number": sequence,
        "arrest_type_code": _code(line[55], "arrest_type"),
        "multiple_code": _code(line[56], "multiple_indicator"),
        **_person(line[66:68], line[68], line[69], line[70]),
        "resident_code": _code(line[71], "resident"),
        "under_18_disposition_code": _code(line[72], "under_18_disposition"),
    }
    _read_arrest(number, of, found, _date(line[47:55]), line[57:60], line[60:66], about)


def _read_group_b(number: int, line: str, of: Row, found: Any, seen: set[Any], offenses: Any, offenders: Any) -> None:
    sequence = _number(line[33:35])
    if sequence is not None and not _is_first(seen, ("07", of["ori"], line[13:25], sequence)):
        return
    date = _date(line[25:33])
    about = {
        "is_group_b": True,
        "incident_id": None,
        "form_year": date.year if date else None,
        "form_month": date.month if date else None,
        "sequence_number": sequence,
        "arrest_type_code": _code(line[39], "arrest_type"),
        "multiple_code": None,
        **_person(line[49:51], line[51], line[52], line[53]),
        "resident_code": _code(line[54], "resident"),
        "under_18_disposition_code": _code(line[55], "under_18_disposition"),
    }
    _read_arrest(number, of, found, date, line[40:43], line[43:49], about)


_READERS: Mapping[str, Callable[..., None]] = {
    "02": _read_offense,
    "03": _read_property,
    "04": _read_victim,
    "05": _read_offender,
    "06": _read_arrestee,
    "07": _read_group_b,
}


def frames_of(found: Mapping[str, list[Row]], schemas: Mapping[str, pl.Schema]) -> dict[str, pl.DataFrame]:
    """The slow reader's rows as frames with the columns that they have."""
    return {name: pl.DataFrame(rows, schema_overrides=schemas[name], strict=False) for name, rows in found.items()}
