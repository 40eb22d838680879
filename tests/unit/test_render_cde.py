"""Zips written in both layouts of the Crime Data Explorer: read back, they hold what they should and lose the rest.

They are read back here by hand; only where a test says so does the package's own importer read them.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.support.shared_data import SHARED_DATA, VERMONT, needs_vermont

from nibrs_estimation.model import incident as segments
from nibrs_estimation.model.agency import AGENCY, REPORT_MONTH
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.pipeline.task import Task
from nibrs_estimation.sources.cde import CdeSource
from nibrs_estimation.sources.synthetic.render_cde import render_cde
from nibrs_estimation.sources.synthetic.render_cde_layouts import NEAREST_OLDER

WISCONSIN = SHARED_DATA / "cde" / "WI-2016-excerpt-old-layout.zip"
OLD, NEW = (1, 2018), (2, 2024)
_DATASETS = {dataset.name: dataset for dataset in (AGENCY, REPORT_MONTH, *segments.DATASETS)}

Frames = dict[str, pl.DataFrame]


def frame(name: str, *rows: Mapping[str, Any], **defaults: Any) -> pl.LazyFrame:
    """A table of the model; what a row leaves out takes the default, or is missing."""
    schema = _DATASETS[name].schema
    full = [{column: {**defaults, **row}.get(column) for column in schema} for row in rows]
    return pl.LazyFrame(full, schema=schema)


def nation(year: int) -> dict[str, pl.LazyFrame]:
    """Two agencies of Vermont that report, one that does not, and one of another state."""
    vermont = {"state_abbr": "VT"}
    person = {"age_code": "34", "age_years": 34, "sex_code": "F", "race_code": "W", "ethnicity_code": "H"}
    newborn = {"age_code": "NB", "sex_code": "M", "race_code": "B", "ethnicity_code": "N", "resident_code": "N"}
    old = {"age_code": "99", "sex_code": "U", "race_code": "U", "ethnicity_code": "U", "resident_code": "U"}
    unknown_age = {"age_code": "00", "sex_code": "F", "race_code": "P", "ethnicity_code": "M", "resident_code": "R"}
    return {
        "agency": frame(
            "agency",
            {"agency_id": 10, "ori": "VT0010000", "legacy_ori": "VT0010009", "agency_name": 'Addison, "County"',
             "ncic_agency_name": "ADDISON CO SO", "published_agency_name": "Addison", "published_agency_unit": "North",
             "agency_type_name": "County", "population": 36_000, "population_group_code": "8B",
             "population_group_desc": "Non-MSA counties from 25,000 thru 99,999",
             "county_name": "ADDISON;ORANGE", "is_suburban": True, "is_most_in_population": True,
             "submitting_agency_id": 23397, "submitting_agency_sai": "VTUCR0001",
             "submitting_agency_name": "Department of Public Safety", "nibrs_certification_date": date(1993, 1, 1),
             "nibrs_start_date": date(2004, 1, 1), "nibrs_leoka_start_date": date(2006, 10, 1),
             "nibrs_cargo_theft_start_date": date(2013, 3, 1), "nibrs_multi_bias_start_date": date(2016, 2, 1),
             "nibrs_offender_ethnicity_start_date": date(2016, 12, 31), "has_police_employees": True,
             "male_officers": 30, "male_civilians": 2, "female_officers": 6, "female_civilians": 7},
            {"agency_id": 11, "ori": "VT0010100", "agency_type_name": "City", "population": 0,
             "population_group_code": "7", "county_name": "ADDISON",
             "msa_name": "Barre, VT;Burlington-South Burlington, VT", "is_covered": True,
             "covered_by_ori": "VT0010009", "has_participated_nibrs": False, "is_publishable": False},
            {"agency_id": 12, "ori": "VT0010200", "agency_type_name": "City", "population": 4,
             "has_participated": False, "has_participated_nibrs": False, "is_nibrs": False},
            {"agency_id": 20, "ori": "NY0010000", "agency_type_name": "City", "population": 9, "state_abbr": "NY",
             "state_name": "New York"},
            {"agency_id": 10, "ori": "VT0010000", "agency_type_name": "County", "population": 9, "data_year": year - 1},
            **{"data_year": year, "agency_status": "A", "is_covered": False, "is_dormant": False,
               "is_direct_contributor": False, "is_publishable": True, "is_suburban": False,
               "is_most_in_population": False, "state_name": "Vermont", "region_code": 1, "is_nibrs": True,
               "has_participated": True, "has_participated_nibrs": True, "has_police_employees": False,
               "universe_scope": "synthetic", **vermont},
        ),
        "report_month": frame(
            "report_month",
            *({"month": month, "status": "I" if month in (1, 3) else "Z"} for month in range(1, 12)),
            {"agency_id": 11, "ori": "VT0010100", "month": 2, "status": "I"},
            {"agency_id": 11, "ori": "VT0010100", "month": 3, "status": "U"},
            {"agency_id": 12, "ori": "VT0010200", "month": 5, "status": "U", "form_code": "R"},
            {"agency_id": 20, "ori": "NY0010000", "month": 5, "status": "I"},
            {"data_year": year - 1, "month": 12, "status": "I"},
            agency_id=10, ori="VT0010000", data_year=year, form_code="N", status_source="reported",
        ),
        "incident": frame(
            "incident",
            {"incident_id": 1, "incident_hour": 0, "cleared_exceptionally_code": "N", "is_cargo_theft": True},
            {"incident_id": 2, "incident_date": date(year, 3, 31), "form_month": 3, "is_report_date": True,
             "cleared_exceptionally_code": "B", "cleared_exceptionally_date": date(year, 12, 9),
             "is_cargo_theft": False},
            {"incident_id": 3, "agency_id": 11, "incident_date": date(year, 12, 31), "form_year": year + 1},
            {"incident_id": 4, "incident_date": date(year - 1, 2, 1), "data_year": year - 1, "form_year": year - 1},
            {"incident_id": 5, "agency_id": 20, "state_abbr": "NY"},
            agency_id=10, data_year=year, form_year=year, form_month=1, incident_date=date(year, 1, 2),
            is_report_date=False, **vermont,
        ),
        "offense": frame(
            "offense",
            {"offense_id": 1, "offense_code": "09C"},
            {"offense_id": 2, "offense_code": "220", "attempt_complete_code": "A", "premises_entered": 3,
             "method_of_entry_code": "F", "location_code": "14"},
            {"offense_id": 3, "incident_id": 2, "offense_code": "35A", "location_code": "58"},
            {"offense_id": 4, "incident_id": 4, "offense_code": "13A"},
            {"offense_id": 5, "incident_id": 5, "offense_code": "13A", "state_abbr": "NY"},
            incident_id=1, attempt_complete_code="C", location_code="20", **vermont,
        ),
        "offense_bias": frame(
            "offense_bias", {"bias_code": "88"}, {"offense_id": 2, "bias_code": "33"}, {"offense_id": 4,
            "bias_code": "11"}, offense_id=1, **vermont,
        ),
        "offense_weapon": frame(
            "offense_weapon", {"weapon_code": "11A"}, {"weapon_code": "40"}, {"offense_id": 2, "weapon_code": "99"},
            offense_id=1, **vermont,
        ),
        "offense_activity": frame("offense_activity", {"activity_code": "P"}, offense_id=3, **vermont),
        "offense_using": frame("offense_using", {"using_code": "A"}, {"using_code": "D"}, offense_id=1, **vermont),
        "victim": frame(
            "victim",
            {"victim_id": 1, "victim_type_code": "L", "activity_code": "10", "assignment_code": "F",
             "outside_agency_id": 12, "resident_code": "R", **person},
            {"victim_id": 2, "victim_type_code": "S", "sequence_number": 2},
            {"victim_id": 3, "incident_id": 2, "victim_type_code": "I", **newborn},
            {"victim_id": 4, "incident_id": 2, "victim_type_code": "I", "sequence_number": 2, **old},
            {"victim_id": 5, "incident_id": 3, "victim_type_code": "I", **unknown_age},
            {"victim_id": 6, "incident_id": 3, "victim_type_code": "I", "age_low_years": 20, "age_high_years": 30,
             "age_code": "25", "age_years": 25},
            {"victim_id": 7, "incident_id": 3, "victim_type_code": "I", "age_low_years": 1, "age_code": "01",
             "age_years": 1},
            {"victim_id": 8, "incident_id": 4, "victim_type_code": "I"},
            incident_id=1, sequence_number=1, **vermont,
        ),
        "victim_offense": frame(
            "victim_offense", {"victim_id": 1, "offense_id": 1}, {"victim_id": 2, "offense_id": 2}, **vermont
        ),
        "victim_injury": frame("victim_injury", {"injury_code": "N"}, {"injury_code": "M"}, victim_id=1, **vermont),
        "victim_circumstance": frame(
            "victim_circumstance",
            {"victim_id": 1, "circumstance_code": 21, "justifiable_force_code": "A"},
            {"victim_id": 3, "circumstance_code": 9},
            **vermont,
        ),
        "offender": frame(
            "offender",
            {"offender_id": 1, "sequence_number": 1, **person},
            {"offender_id": 2, "incident_id": 2, "sequence_number": 0},
            incident_id=1, **vermont,
        ),
        "victim_offender": frame(
            "victim_offender", {"relationship_code": "ST"}, {"victim_id": 2}, victim_id=1, offender_id=1, **vermont
        ),
        "property": frame(
            "property",
            {"property_id": 1, "loss_code": 7, "stolen_vehicles": 2},
            {"property_id": 2, "incident_id": 2, "loss_code": 6},
            {"property_id": 3, "incident_id": 2, "loss_code": 5, "recovered_vehicles": 1},
            incident_id=1, **vermont,
        ),
        "property_item": frame(
            "property_item",
            {"property_id": 1, "description_code": "03", "value_usd": 12_000_000_000},
            {"property_id": 2, "description_code": "10"},
            {"property_id": 3, "description_code": "99", "value_usd": 0, "recovered_date": date(year, 9, 9)},
            **vermont,
        ),
        "drug": frame(
            "drug",
            {"drug_id": 1, "drug_code": "D", "quantity": 1.125, "measure_code": "GM"},
            {"drug_id": 2, "drug_code": "X"},
            property_id=2, **vermont,
        ),
        "arrestee": frame(
            "arrestee",
            {"arrestee_id": 1, "incident_id": 1, "form_month": 1, "multiple_code": "M", "arrest_type_code": "T",
             "offense_code": "220", "resident_code": "R", "sequence_number": 1, **person},
            {"arrestee_id": 2, "incident_id": 2, "form_month": 3, "multiple_code": "N", "arrest_type_code": "O",
             "offense_code": "35A", "age_code": "15", "age_years": 15, "under_18_disposition_code": "H",
             "sequence_number": 1, "arrest_date": date(year + 1, 1, 1)},
            {"arrestee_id": 1, "is_group_b": True, "form_month": 7, "arrest_type_code": "S", "offense_code": "90D",
             "sequence_number": 1, "age_low_years": 40, "age_high_years": 50, "age_code": "45", "age_years": 45},
            {"arrestee_id": 2, "is_group_b": True, "form_year": year - 1, "form_month": 7, "offense_code": "90D"},
            is_group_b=False, agency_id=10, form_year=year, arrest_date=date(year, 7, 1), **vermont,
        ),
        "arrestee_weapon": frame(
            "arrestee_weapon",
            {"weapon_code": "01"},
            {"weapon_code": "12A", "is_group_b": True},
            {"weapon_code": "01", "is_group_b": True, "arrestee_id": 2},
            arrestee_id=1, is_group_b=False, **vermont,
        ),
    }  # fmt: skip


def rendered(folder: Path, era: tuple[int, int], **changed: pl.LazyFrame) -> Path:
    number, year = era
    path = folder / f"VT-{year}.zip"
    render_cde({**nation(year), **changed}, "VT", year, number, path)
    return path


# Reading back.


def header_of(file: zipfile.ZipFile, name: str) -> list[str]:
    line = file.read(name).partition(b"\n")[0].decode().strip()
    return [header.strip('"') for header in line.split(",")]


def members_of(path: Path) -> dict[str, list[str]]:
    """Header of every CSV by lower-cased base name."""
    with zipfile.ZipFile(path) as file:
        return {
            Path(name).stem.lower(): header_of(file, name) for name in file.namelist() if name.lower().endswith(".csv")
        }


def rows_of(path: Path, member: str) -> pl.DataFrame:
    """A member as text; its headers in lower case, the second of two equal ones with ``#2``."""
    with zipfile.ZipFile(path) as file:
        name = next(name for name in file.namelist() if Path(name).stem.lower() == member)
        headers = [header.lower() for header in header_of(file, name)]
        names = [header + "#2" * (header in headers[:place]) for place, header in enumerate(headers)]
        content = file.read(name)
    schema = dict.fromkeys(names, pl.String)
    if content.count(b"\n") == 1:
        return pl.DataFrame(schema=schema)
    return pl.read_csv(io.BytesIO(content), has_header=False, skip_rows=1, schema=schema)


Header = str | tuple[str, str, str, str]
#: Column of the model -> header, and the lookup where the header is an id: member, its id and its code.
_PERSON: dict[str, Header] = {
    "age_code": ("age_id", "nibrs_age", "age_id", "age_code"),
    "age_low_years": "age_range_low_num",
    "age_high_years": "age_range_high_num",
    "sex_code": "sex_code",
    "race_code": ("race_id", "ref_race", "race_id", "race_code"),
    "ethnicity_code": ("ethnicity_id", "nibrs_ethnicity", "ethnicity_id", "ethnicity_code"),
}


def _lookup(stem: str, member: str, code: str = "") -> tuple[str, str, str, str]:
    return (f"{stem}_id", f"nibrs_{member}", f"{stem}_id", f"{code or stem}_code")


_ARREST: dict[str, Header] = {
    "arrestee_id": "arrestee_id",
    "sequence_number": "arrestee_seq_num",
    "arrest_date": "arrest_date",
    "arrest_type_code": _lookup("arrest_type", "arrest_type"),
    "offense_code": _lookup("offense_type", "offense_type", "offense"),
    "resident_code": "resident_code",
    "under_18_disposition_code": "under_18_disposition_code",
    **_PERSON,
}
MEMBERS: dict[str, tuple[str, dict[str, Header]]] = {
    "offense": (
        "nibrs_offense",
        {
            "offense_id": "offense_id",
            "incident_id": "incident_id",
            "offense_code": _lookup("offense_type", "offense_type", "offense"),
            "attempt_complete_code": "attempt_complete_flag",
            "location_code": _lookup("location", "location_type"),
            "premises_entered": "num_premises_entered",
            "method_of_entry_code": "method_entry_code",
        },
    ),
    "offense_bias": ("nibrs_bias_motivation", {"offense_id": "offense_id", "bias_code": _lookup("bias", "bias_list")}),
    "offense_weapon": ("nibrs_weapon", {"offense_id": "offense_id", "weapon_code": _lookup("weapon", "weapon_type")}),
    "offense_activity": (
        "nibrs_criminal_act",
        {"offense_id": "offense_id", "activity_code": _lookup("criminal_act", "criminal_act_type")},
    ),
    "offense_using": (
        "nibrs_suspect_using",
        {"offense_id": "offense_id", "using_code": _lookup("suspect_using", "using_list")},
    ),
    "victim": (
        "nibrs_victim",
        {
            "victim_id": "victim_id",
            "incident_id": "incident_id",
            "sequence_number": "victim_seq_num",
            "victim_type_code": _lookup("victim_type", "victim_type"),
            **_PERSON,
            "resident_code": "resident_status_code",
            "activity_code": _lookup("activity_type", "activity_type"),
            "assignment_code": _lookup("assignment_type", "assignment_type"),
            "outside_agency_id": "outside_agency_id",
        },
    ),
    "victim_offense": ("nibrs_victim_offense", {"victim_id": "victim_id", "offense_id": "offense_id"}),
    "victim_injury": (
        "nibrs_victim_injury",
        {"victim_id": "victim_id", "injury_code": _lookup("injury", "injury")},
    ),
    "victim_circumstance": (
        "nibrs_victim_circumstances",
        {
            "victim_id": "victim_id",
            "circumstance_code": _lookup("circumstances", "circumstances", "circumstance"),
            "justifiable_force_code": (
                "justifiable_force_id",
                "nibrs_justifiable_force",
                "justifiable_fore_id",
                "justifiable_force_code",
            ),
        },
    ),
    "offender": (
        "nibrs_offender",
        {
            "offender_id": "offender_id",
            "incident_id": "incident_id",
            "sequence_number": "offender_seq_num",
            **_PERSON,
        },
    ),
    "victim_offender": (
        "nibrs_victim_offender_rel",
        {
            "victim_id": "victim_id",
            "offender_id": "offender_id",
            "relationship_code": _lookup("relationship", "relationship"),
        },
    ),
    "property": (
        "nibrs_property",
        {
            "property_id": "property_id",
            "incident_id": "incident_id",
            "loss_code": "prop_loss_id",
            "stolen_vehicles": "stolen_count",
            "recovered_vehicles": "recovered_count",
        },
    ),
    "property_item": (
        "nibrs_property_desc",
        {
            "property_id": "property_id",
            "description_code": _lookup("prop_desc", "prop_desc_type"),
            "value_usd": "property_value",
            "recovered_date": "date_recovered",
        },
    ),
    "drug": (
        "nibrs_suspected_drug",
        {
            "drug_id": "nibrs_suspected_drug_id",
            "property_id": "property_id",
            "drug_code": _lookup("suspected_drug_type", "suspected_drug_type", "suspected_drug"),
            "quantity": "est_drug_qty",
            "measure_code": _lookup("drug_measure_type", "drug_measure_type", "drug_measure"),
        },
    ),
    "arrestee": (
        "nibrs_arrestee",
        {**_ARREST, "incident_id": "incident_id", "multiple_code": "multiple_indicator"},
    ),
    "arrestee_weapon": (
        "nibrs_arrestee_weapon",
        {"arrestee_id": "arrestee_id", "weapon_code": _lookup("weapon", "weapon_type")},
    ),
}
GROUP_B: dict[str, tuple[str, dict[str, Header]]] = {
    "arrestee": ("nibrs_arrestee_groupb", {**_ARREST, "arrestee_id": "groupb_arrestee_id"}),
    "arrestee_weapon": (
        "nibrs_arrestee_groupb_weapon",
        {"arrestee_id": "groupb_arrestee_id", "weapon_code": "weapon_code"},
    ),
}


def read_back(path: Path, dataset: Dataset, member: str, columns: Mapping[str, Any], **more: Any) -> pl.DataFrame:
    """The rows of a member as rows of a dataset; what "not specified" stands for is missing."""
    text = rows_of(path, member)
    read = {name: _decoded(path, text, header, name) for name, header in columns.items()}
    if "age_code" in read:
        # Years stand beside the id in era 1.
        years = text["age_num"].cast(pl.Int16, strict=False)
        code = read["age_code"]
        read["age_code"] = code.zip_with((code != "AG").fill_null(True), years.cast(pl.String).str.zfill(2))
        read["age_years"] = years.set(~years.is_between(1, 98).fill_null(False), None)
    typed = pl.DataFrame(read).with_columns(
        pl.lit("VT").alias("state_abbr"), *(pl.lit(value).alias(name) for name, value in more.items())
    )
    return typed.select(
        (_as(pl.col(name), dtype) if name in typed.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in dataset.schema.items()
    )


def _decoded(path: Path, text: pl.DataFrame, header: Header, name: str) -> pl.Series:
    headers = {"age_range_high_num": "age_code_range_high", "offense_type_id": "offense_code"}
    found = header if isinstance(header, str) else header[0]
    if found not in text.columns:
        found = headers[found]
    values = text[found]
    if isinstance(header, tuple) and found == header[0]:
        _, member, number, code = header
        lookup = rows_of(path, member)
        values = values.replace_strict(lookup[number], lookup[code])
    if name == "age_high_years":
        values = values.set((values == "0").fill_null(False), None)
    missing = {"age_code": "NS", "race_code": "NS", "sex_code": "X", "ethnicity_code": "X"}.get(name, "")
    return values.set((values == missing).fill_null(False), None)


def _as(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype != pl.Date():
        return column
    return pl.coalesce(
        column.str.to_date("%Y-%m-%d", strict=False),
        # 01-DEC-18
        column.str.to_titlecase().str.to_date("%d-%b-%y", strict=False),
    )


def expected(name: str, year: int) -> pl.LazyFrame:
    """The rows of a segment that belong to the zip: of the state, and not of incident 4, which is of another year."""
    table = nation(year)[name].filter(pl.col("state_abbr") == "VT")
    for key in {"incident_id", "offense_id", "victim_id"} & set(table.collect_schema()):
        table = table.filter((pl.col(key) != {"incident_id": 4, "offense_id": 4, "victim_id": 8}[key]).fill_null(True))
    return table


def sorted_by_key(frame: pl.LazyFrame | pl.DataFrame, dataset: Dataset) -> pl.DataFrame:
    return frame.lazy().sort(dataset.primary_key).collect()


@pytest.mark.parametrize("era", [OLD, NEW])
@pytest.mark.parametrize("name", MEMBERS)
def test_segments_read_back_as_they_were_but_for_the_losses(tmp_path: Path, era: tuple[int, int], name: str) -> None:
    dataset = _DATASETS[name]
    member, columns = MEMBERS[name]
    path = rendered(tmp_path, era)
    more = {"is_group_b": False} if name.startswith("arrestee") else {}
    found = read_back(path, dataset, member, columns, **more)
    rows = expected(name, era[1])
    if name.startswith("arrestee"):
        rows = rows.filter(~pl.col("is_group_b"))
    if name == "arrestee":
        # Agency and month of the arrest are those of the incident.
        rows = rows.with_columns(agency_id=None, form_year=None, form_month=None).cast(dataset.schema)
    if name == "victim_circumstance" and era == NEW:
        rows = rows.drop_nulls("justifiable_force_code")
    assert found.height > 0
    assert_frame_equal(sorted_by_key(found, dataset), sorted_by_key(rows, dataset))


@pytest.mark.parametrize("name", GROUP_B)
def test_group_b_loses_agency_and_month(tmp_path: Path, name: str) -> None:
    dataset = _DATASETS[name]
    member, columns = GROUP_B[name]
    found = read_back(rendered(tmp_path, NEW), dataset, member, columns, is_group_b=True)
    rows = nation(NEW[1])[name].filter(pl.col("is_group_b") & (pl.col("arrestee_id") == 1))
    if name == "arrestee":
        rows = rows.with_columns(agency_id=None, form_year=None, form_month=None).cast(dataset.schema)
    assert_frame_equal(found, rows.collect())


def test_which_members_a_zip_has(tmp_path: Path) -> None:
    group_b = {member for member, _ in GROUP_B.values()}
    new = set(members_of(rendered(tmp_path, NEW)))
    assert group_b <= new
    assert set(members_of(rendered(tmp_path, OLD))) == new - group_b
    assert set(members_of(rendered(tmp_path, (2, 2021)))) == new - group_b


def test_members_of_the_old_layout_lie_in_a_folder_and_are_in_upper_case_and_quoted(tmp_path: Path) -> None:
    with zipfile.ZipFile(rendered(tmp_path, OLD)) as file:
        assert {name.partition("/")[0] for name in file.namelist()} == {"VT"}
        assert file.read("VT/NIBRS_WEAPON.csv").startswith(b'"DATA_YEAR","WEAPON_ID","OFFENSE_ID","NIBRS_WEAPON_ID"\n')
        assert b'2018,10,1,"02-JAN-18"' not in file.read("VT/NIBRS_OFFENSE.csv")
        assert b'"02-JAN-18"' in file.read("VT/NIBRS_incident.csv")


@needs_vermont
def test_headers_of_the_new_layout_are_the_publishers(tmp_path: Path) -> None:
    assert members_of(rendered(tmp_path, NEW)) == members_of(VERMONT)


@needs_vermont
@pytest.mark.parametrize(
    ("member", "number", "code", "name"),
    [
        ("nibrs_relationship", "relationship_id", "relationship_code", "relationship"),
        ("nibrs_location_type", "location_id", "location_code", "location"),
        ("nibrs_age", "age_id", "age_code", "age"),
        ("nibrs_weapon_type", "weapon_id", "weapon_code", "weapon"),
        ("ref_race", "race_id", "race_code", "race"),
        ("nibrs_bias_list", "bias_id", "bias_code", "bias"),
    ],
)
def test_ids_of_the_new_layout_are_the_publishers(
    tmp_path: Path, member: str, number: str, code: str, name: str
) -> None:
    del name
    ours, theirs = (
        rows_of(path, member).select(number, code).drop_nulls() for path in (rendered(tmp_path, NEW), VERMONT)
    )
    assert dict(ours.iter_rows()) == dict(theirs.iter_rows())


@pytest.mark.skipif(not WISCONSIN.is_file(), reason="the excerpt of the old layout is not at hand")
def test_headers_of_the_old_layout_are_the_publishers(tmp_path: Path) -> None:
    ours = members_of(rendered(tmp_path, OLD))
    for member, header in members_of(WISCONSIN).items():
        # R, which wrote the excerpt, numbers the two columns headed "0".
        assert [name.partition("...")[0] for name in header] == ours[member]


@pytest.mark.skipif(not WISCONSIN.is_file(), reason="the excerpt of the old layout is not at hand")
@pytest.mark.parametrize(
    ("member", "number", "code"),
    [
        ("nibrs_location_type", "location_id", "location_code"),
        ("nibrs_offense_type", "offense_type_id", "offense_code"),
        ("nibrs_weapon_type", "weapon_id", "weapon_code"),
    ],
)
def test_ids_of_the_old_layout_are_the_publishers(tmp_path: Path, member: str, number: str, code: str) -> None:
    ours, theirs = (
        rows_of(path, member).select(number, code).drop_nulls() for path in (rendered(tmp_path, OLD), WISCONSIN)
    )
    assert dict(theirs.iter_rows()).items() <= dict(ours.iter_rows()).items()


def test_months_of_the_old_layout_have_a_status(tmp_path: Path) -> None:
    months = rows_of(rendered(tmp_path, OLD), "nibrs_month")
    assert months.columns[:6] == [
        "data_year",
        "nibrs_month_id",
        "agency_id",
        "month_num",
        "data_year#2",
        "reported_status",
    ]
    by_agency = {
        agency: "".join(rows["reported_status"])
        for (agency,), rows in months.group_by("agency_id", maintain_order=True)
    }
    # Agency 11 reported an incident of December in January of the next year.
    assert by_agency == {"10": "IZIZZZZZZZZU", "11": "UIUUUUUUUUUUI"}
    assert months["nibrs_month_id"].is_unique().all()
    assert months.row(-1, named=True)["data_year"] == "2019"


def test_months_of_the_new_layout_are_one_for_each_incident(tmp_path: Path) -> None:
    months = rows_of(rendered(tmp_path, NEW), "nibrs_month")
    found = months.select("did", "agency_id", "month_num", "inc_data_year", "reported_status").rows()
    assert found == [("1", "10", "1", "2024", "I"), ("2", "10", "3", "2024", "I"), ("3", "11", "1", "2025", "I")]
    assert months["ddocname"][0] == "2024_01_VT0010000_1_INC"


@pytest.mark.parametrize("era", [OLD, NEW])
def test_incidents_read_back_as_they_were(tmp_path: Path, era: tuple[int, int]) -> None:
    columns: dict[str, Header] = {
        "incident_id": "incident_id",
        "agency_id": "agency_id",
        "incident_date": "incident_date",
        "incident_hour": "incident_hour",
        "data_year": "data_year",
        "is_report_date": "report_date_flag",
        "is_cargo_theft": "cargo_theft_flag",
        "cleared_exceptionally_code": _lookup("cleared_except", "cleared_except"),
        "cleared_exceptionally_date": "cleared_except_date",
    }
    path = rendered(tmp_path, era)
    flags = {"t": "true", "f": "false", "Y": "true", "N": "false", "R": "true"}
    text = rows_of(path, "nibrs_incident")
    months = rows_of(path, "nibrs_month").unique("nibrs_month_id")
    read = pl.DataFrame({name: _decoded(path, text, header, name) for name, header in columns.items()})
    month = text.select("nibrs_month_id").join(months, on="nibrs_month_id", how="left", maintain_order="left")
    found = read.with_columns(
        pl.col("is_report_date").replace(flags).fill_null("false") == "true",
        pl.col("is_cargo_theft").replace(flags) == "true",
        state_abbr=pl.lit("VT"),
        form_year=month["data_year"],
        form_month=month["month_num"],
    ).select(_as(pl.col(name), dtype).cast(dtype) for name, dtype in segments.INCIDENT.schema.items())
    assert_frame_equal(found, expected("incident", era[1]).collect())


@pytest.mark.parametrize("era", [OLD, NEW])
def test_agencies_are_those_that_reported(tmp_path: Path, era: tuple[int, int]) -> None:
    agencies = rows_of(rendered(tmp_path, era), "agencies")
    first, second = agencies.to_dicts()
    year = str(era[1])
    assert (first["yearly_agency_id"], first["ori"], first["legacy_ori"]) == (f"10{year}", "VT0010000", "VT0010009")
    assert (first["ucr_agency_name"], first["pub_agency_unit"]) == ('Addison, "County"', "North")
    assert (first["state_id"], first["division_code"], first["region_name"]) == ("52", "1", "Northeast")
    assert (first["region_desc"], first["population_group_id"]) == ("Region I", "14")
    assert (first["parent_pop_group_code"], first["parent_pop_group_desc"]) == ("8", "Non-MSA Counties")
    assert (first["suburban_area_flag"], first["mip_flag"], first["pe_reported_flag"]) == ("Y", "Y", "Y")
    assert first["nibrs_off_eth_start_date"] == ("31-DEC-16" if era == OLD else "2016-12-31")
    assert (first["participated"], first["nibrs_participated"]) == ("Y", "Y")
    assert (first["county_name"], first["msa_name"]) == (
        "ADDISON, ORANGE",
        "Non-MSA" if era == OLD else "Not Specified",
    )
    sums = [first[name] for name in agencies.columns if "+" in name]
    assert sums == ["32", "13"]
    rates = [first[name] for name in (("0", "0#2") if era == OLD else ("officer_rate", "employee_rate"))]
    assert rates == (["0", "0"] if era == OLD else ["1.0", "1.3"])
    assert (second["covered_flag"], second["covered_by_legacy_ori"]) == ("Y", "VT0010009")
    assert (second["participated"], second["nibrs_participated"], second["publishable_flag"]) == ("Y", "N", "N")
    assert second["msa_name"] == "Barre, VT; Burlington-South Burlington, VT"
    assert second["male_officer"] is None


@pytest.mark.parametrize("era", [OLD, NEW])
def test_row_numbers_stand_in_the_old_layout_only(tmp_path: Path, era: tuple[int, int]) -> None:
    path = rendered(tmp_path, era)
    for member, column in {
        "nibrs_weapon": "nibrs_weapon_id",
        "nibrs_arrestee_weapon": "nibrs_arrestee_weapon_id",
        "nibrs_victim_offender_rel": "nibrs_victim_offender_id",
        "nibrs_property_desc": "nibrs_prop_desc_id",
    }.items():
        found = rows_of(path, member)[column].to_list()
        assert found == ([str(row) for row in range(1, len(found) + 1)] if era == OLD else [None] * len(found))
    assert rows_of(path, "nibrs_arrestee_weapon").columns[-1] == (
        "nibrs_arrestee_weapon_id" if era == OLD else "weapon_id"
    )


def test_codes_newer_than_the_old_layout_become_what_was_reported_before(tmp_path: Path) -> None:
    changed = {
        "offense_using": frame(
            "offense_using", {"using_code": "R"}, {"using_code": "N"}, {"offense_id": 2, "using_code": "R"},
            offense_id=1, state_abbr="VT",
        ),
        "victim_offender": frame(
            "victim_offender", {"relationship_code": "FC"}, victim_id=1, offender_id=1, state_abbr="VT"
        ),
        "offense_weapon": frame("offense_weapon", {"weapon_code": "23A"}, offense_id=1, state_abbr="VT"),
    }  # fmt: skip
    for era, using, relationship, weapon in ((OLD, ["N", "N"], "OF", "13A"), (NEW, ["N", "R", "R"], "FC", "23A")):
        path = rendered(tmp_path, era, **changed)
        found = {
            name: read_back(path, _DATASETS[name], *MEMBERS[name])
            for name in ("offense_using", "victim_offender", "offense_weapon")
        }
        assert sorted(found["offense_using"]["using_code"]) == using
        assert found["victim_offender"]["relationship_code"].to_list() == [relationship]
        assert found["offense_weapon"]["weapon_code"].to_list() == [weapon]


@pytest.mark.parametrize("name", NEAREST_OLDER)
def test_every_newer_code_has_an_older_one(name: str) -> None:
    codes = code_list(name)
    newer = set(codes.filter(pl.col("cde_era1_id").is_null())["code"])
    assert newer == set(NEAREST_OLDER[name])
    assert not newer & set(NEAREST_OLDER[name].values())


def test_only_these_lists_have_codes_newer_than_the_old_layout() -> None:
    # Not specified ethnicity is a missing value.
    lists = {
        columns[0]
        for member in (*MEMBERS.values(), *GROUP_B.values())
        for columns in member[1].values()
        if isinstance(columns, tuple)
    }
    assert lists
    for name in ("bias", "location", "offense", "race", "circumstance", "drug", "property_description"):
        assert code_list(name)["cde_era1_id"].null_count() == 0


@pytest.mark.parametrize("era", [OLD, NEW])
def test_equal_data_give_equal_bytes_whatever_the_order_of_rows(tmp_path: Path, era: tuple[int, int]) -> None:
    first = rendered(tmp_path, era).read_bytes()
    backwards = {name: table.reverse() for name, table in nation(era[1]).items()}
    assert rendered(tmp_path, era, **backwards).read_bytes() == first


@pytest.mark.parametrize(("era", "year"), [(1, 2021), (2, 2020), (3, 2024)])
def test_an_era_of_other_years_is_refused(tmp_path: Path, era: int, year: int) -> None:
    with pytest.raises(ValueError, match=f"data year {year}"):
        render_cde(nation(year), "VT", year, era, tmp_path / "x.zip")


def test_a_code_outside_the_lookups_is_refused(tmp_path: Path) -> None:
    weapon = frame("offense_weapon", {"weapon_code": "00"}, offense_id=1, state_abbr="VT")
    with pytest.raises(ValueError, match="NIBRS_WEAPON"):
        rendered(tmp_path, NEW, offense_weapon=weapon)


def test_a_state_without_reports_has_headers_only(tmp_path: Path) -> None:
    path = tmp_path / "WY-2024.zip"
    render_cde(nation(2024), "WY", 2024, 2, path)
    assert all(rows_of(path, member).height == 0 for member, _ in MEMBERS.values())
    assert rows_of(path, "nibrs_age").height == 104


# Through the importer.


def _run(task: Task, year: int, state: str) -> Frames:
    """Every dataset that a task writes; parts are put together."""
    values = {"year": year, "partition": state}
    output = task.function(**{parameter.name: values[parameter.name] for parameter in task.parameters})
    assert isinstance(output, Mapping)
    whole = {
        name: pl.concat([part.lazy() for part in table.values()]) if isinstance(table, Mapping) else table.lazy()
        for name, table in output.items()
        if not callable(table)
    }
    return {name: table.collect() for name, table in whole.items()}


def imported(path: Path, year: int) -> Frames:
    tasks = [task for task in CdeSource((path,)).tasks() if not task.reads]
    return {name: table for task in tasks for name, table in _run(task, year, "VT").items()}


def test_the_importer_reads_the_new_layout(tmp_path: Path) -> None:
    found = imported(rendered(tmp_path, NEW), NEW[1])
    for name in MEMBERS:
        rows = expected(name, NEW[1])
        if name == "arrestee":
            continue
        if name == "arrestee_weapon":
            rows = rows.filter(~pl.col("is_group_b") | (pl.col("arrestee_id") == 1))
        if name == "victim_circumstance":
            rows = rows.drop_nulls("justifiable_force_code")
        dataset = _DATASETS[name]
        assert_frame_equal(sorted_by_key(found[name], dataset), sorted_by_key(rows, dataset))
    assert found["agency"]["agency_id"].to_list() == [10, 11]
    assert found["agency"]["nibrs_start_date"].to_list() == [date(2004, 1, 1), None]
