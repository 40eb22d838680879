"""Random small incidents, and their segments as the derivation of variables reads them."""

from collections import defaultdict
from datetime import date
from typing import Any

from hypothesis import strategies as st

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.items import IMPUTED, REPORTED
from nibrs_estimation.stages.counting.segments import Segments
from tests.support.frames import table

Rows = dict[str, list[dict[str, Any]]]

#: Datasets of persons have other names than the fields of Segments.
_DATASETS = {name: f"analysis_{name}" for name in ("victim", "offender", "arrestee", "victim_offender")}


def segments_of(rows: Rows) -> Segments:
    """Segments from rows by field; rows may leave out what has a default in ``tests.support.frames``."""
    names = Segments.__dataclass_fields__
    return Segments(**{name: table(_DATASETS.get(name, name), *rows.get(name, [])) for name in names})


def _codes(name: str) -> list[str]:
    return code_list(name)["code"].to_list()


def _maybe(codes: list[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from([None, *codes])


def _some(codes: list[str], most: int = 3) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(codes), max_size=most, unique=True)


_person = {
    "age_years": st.one_of(st.none(), st.sampled_from([0, 11, 12, 17, 18, 40, 99])),
    "sex_code": _maybe(_codes("sex")),
    "race_code": _maybe(_codes("race")),
    "ethnicity_code": _maybe(_codes("ethnicity")),
    **{f"{item}_flag": st.sampled_from([REPORTED, IMPUTED]) for item in ("age", "sex", "race", "ethnicity")},
}
_offense = {
    "attempt_complete_code": st.sampled_from(["C", "C", "C", "A", None]),
    "location_code": _maybe(_codes("location")),
    "biases": _some(_codes("bias")),
    "weapons": _some(_codes("weapon")),
    "activities": _some(_codes("criminal_activity")),
}
_victim = {
    **_person,
    "victim_type_code": st.sampled_from([*"IIIL", *_codes("victim_type"), None]),
    "activity_code": _maybe(_codes("officer_activity")),
    "assignment_code": _maybe(_codes("officer_assignment")),
    "injuries": _some(_codes("injury")),
    "suffered": st.lists(st.integers(0, 2), max_size=3, unique=True),
    "relationships": st.lists(_maybe(_codes("relationship")), max_size=3),
}
_offender = {**_person, "sequence_number": st.sampled_from([1, 2, 3, 4, 5, 0, None])}
_property = {
    "loss_code": _maybe([*range(1, 9), 5, 6, 6, 6, 7]),
    "stolen_vehicles": _maybe([0, 1, 2]),
    "items": _some(["03", "10", "11", "13", "20", "37", "45", "77"]),
    "value_usd": _maybe([0, 1, 24, 25, 100, 700, 2_500, 20_000]),
    "drugs": st.lists(st.sampled_from(_codes("drug")), max_size=2),
}
#: Days of three months of the data year, and one of the year before.
_DAYS = [date(2024, 1, 5), date(2024, 1, 20), date(2024, 2, 10), date(2024, 3, 10), date(2023, 12, 30)]
_arrestee = {
    **_person,
    "offense_code": st.sampled_from(["09A", "09C", "120", "13A", "35A", "90D", "90Z"]),
    "arrest_date": st.sampled_from(_DAYS),
    "arrest_type_code": _maybe(_codes("arrest_type")),
    "multiple_code": _maybe(_codes("multiple_indicator")),
    "under_18_disposition_code": _maybe(_codes("under_18_disposition")),
    "weapons": _some(["01", "11", "12A", "15", "16", "17", "20"]),
}
_incident = {
    "agency_id": st.integers(1, 4),
    "incident_date": st.sampled_from(_DAYS),
    "is_report_date": st.booleans(),
    "incident_hour": _maybe(list(range(24))),
    "cleared_exceptionally_code": _maybe(_codes("cleared_exceptionally")),
    "offenses": st.dictionaries(
        st.sampled_from(["35A", "120", "09A", "09B", "13A", "220", "35B", "240", "11A", "13B", "720"]),
        st.fixed_dictionaries(_offense),
        min_size=1,
        max_size=3,
    ),
    "victims": st.lists(st.fixed_dictionaries(_victim), max_size=5),
    "offenders": st.lists(st.fixed_dictionaries(_offender), max_size=5),
    "properties": st.lists(st.fixed_dictionaries(_property), max_size=3),
    "arrestees": st.lists(st.fixed_dictionaries(_arrestee), max_size=2),
}


def rows_of(incidents: list[dict[str, Any]], group_b: list[dict[str, Any]]) -> Rows:
    """Rows by field of Segments; what is told of a part with others, such as its weapons, becomes rows of its own."""
    rows: Rows = defaultdict(list)

    def number(field: str) -> int:
        return len(rows[field]) + 100

    def arrest(arrestee: dict[str, Any], incident: int | None) -> None:
        # Groups A and B count apart: the same ids stand in both.
        key = {"arrestee_id": sum((a["incident_id"] is None) == (incident is None) for a in rows["arrestee"])}
        key["is_group_b"] = incident is None
        rows["arrestee"].append({**arrestee, **key, "incident_id": incident})
        rows["arrestee_weapon"] += [{**key, "weapon_code": code} for code in arrestee["weapons"]]

    for told in incidents:
        incident = number("incident")
        year = {"data_year": told["incident_date"].year} if "incident_date" in told else {}
        rows["incident"].append({"incident_id": incident, **year, **told})
        offenses, offenders = [], []
        for code, offense in told["offenses"].items():
            key = number("offense")
            offenses.append(key)
            rows["offense"].append({"offense_id": key, "incident_id": incident, "offense_code": code, **offense})
            rows["offense_bias"] += [{"offense_id": key, "bias_code": code} for code in offense["biases"]]
            rows["offense_weapon"] += [{"offense_id": key, "weapon_code": weapon} for weapon in offense["weapons"]]
            rows["offense_activity"] += [{"offense_id": key, "activity_code": a} for a in offense["activities"]]
        for offender in told["offenders"]:
            key = number("offender")
            offenders.append(key)
            rows["offender"].append({"offender_id": key, "incident_id": incident, **offender})
        for victim in told["victims"]:
            key = number("victim")
            rows["victim"].append({"victim_id": key, "incident_id": incident, **victim})
            rows["victim_injury"] += [{"victim_id": key, "injury_code": code} for code in victim["injuries"]]
            rows["victim_offense"] += [
                {"victim_id": key, "offense_id": offenses[i]} for i in victim["suffered"] if i < len(offenses)
            ]
            rows["victim_offender"] += [
                {
                    "victim_id": key,
                    "offender_id": offender,
                    "relationship_code": code,
                    "relationship_flag": IMPUTED if (key + offender) % 3 == 0 else REPORTED,
                }
                for offender, code in zip(offenders, victim["relationships"], strict=False)
            ]
        for segment in told["properties"]:
            key = number("property")
            rows["property"].append({"property_id": key, "incident_id": incident, **segment})
            rows["property_item"] += [
                {"property_id": key, "description_code": code, "value_usd": segment["value_usd"]}
                for code in segment["items"]
            ]
            for code in segment["drugs"]:
                rows["drug"].append({"drug_id": number("drug"), "property_id": key, "drug_code": code})
        for arrestee in told["arrestees"]:
            arrest(arrestee, incident)
    for arrestee in group_b:
        arrest(arrestee, None)
    return rows


def worlds_of(incidents: int, group_b: int) -> st.SearchStrategy[Rows]:
    """Rows by field of Segments: of so many incidents and Group B arrests at most."""
    arrest = st.fixed_dictionaries({**_arrestee, "agency_id": _maybe([1, 2, 3, 4])})
    return st.builds(
        rows_of,
        st.lists(st.fixed_dictionaries(_incident), min_size=1, max_size=incidents),
        st.lists(arrest, max_size=group_b),
    )


worlds = worlds_of(4, 2)


def plain_incident(code: str = "13A", **told: Any) -> dict[str, Any]:
    """An incident with one completed offense; ``told`` of the offense, of a victim, or of the incident itself."""
    offense = {"attempt_complete_code": "C", "location_code": "20", "biases": [], "weapons": [], "activities": []}
    parts: dict[str, list[Any]] = {"victims": [], "offenders": [], "properties": [], "arrestees": []}
    dates = {"incident_date": date(2024, 1, 5), "is_report_date": False, "incident_hour": None}
    incident = {**dates, "cleared_exceptionally_code": None, **parts}
    of_offense = {key: told.pop(key) for key in offense.keys() & told.keys()}
    return {**incident, "offenses": {code: {**offense, **of_offense}}, **told}


def plain_person(**told: Any) -> dict[str, Any]:
    """A victim, offender or arrestee, of whom only this is known."""
    parts = {"injuries": [], "suffered": [0], "relationships": [], "weapons": []}
    codes = dict.fromkeys(
        ["activity_code", "assignment_code", "arrest_type_code", "multiple_code", "under_18_disposition_code"]
    )
    person = {**dict.fromkeys(_person), "victim_type_code": "I", "sequence_number": 1, **parts, **codes}
    return {**person, **told}


def plain_property(**told: Any) -> dict[str, Any]:
    """A property segment."""
    return {"loss_code": 6, "stolen_vehicles": None, "items": [], "value_usd": None, "drugs": [], **told}


def every_code() -> Rows:
    """Incidents that have one code each, and each code once; persons of every race and sex, each with each."""
    person = plain_person
    people = [person(race_code=race) for race in _codes("race")] + [person(sex_code=sex) for sex in _codes("sex")]
    people += [person(age_years=age) for age in (0, 17, 18, 99, None)]
    incidents = [
        *(plain_incident(weapons=[code], victims=[person()]) for code in _codes("weapon")),
        *(plain_incident(biases=[code], victims=[person()]) for code in _codes("bias")),
        plain_incident(weapons=["12", "13A"], victims=[person()]),
        plain_incident("09A", victims=[person()]),
        *(plain_incident(is_report_date=late) for late in (False, True)),
        plain_incident(victims=[person()], offenders=[person(sequence_number=0)]),
        plain_incident(offenders=[person(age_years=12)]),
        {**plain_incident(), "offenses": plain_incident("35A")["offenses"] | plain_incident("35B")["offenses"]},
        {**plain_incident(), "offenses": {c: plain_incident(c)["offenses"][c] for c in ("120", "220", "240")}},
        plain_incident("35B"),
        *(plain_incident(location_code=code, victims=[person()]) for code in _codes("location")),
        *(plain_incident("35A", activities=[code], victims=[person()]) for code in _codes("criminal_activity")),
        *(plain_incident(incident_hour=hour, is_report_date=late) for hour in range(24) for late in (False, True)),
        *(plain_incident(incident_date=date(2024, month, 1)) for month in range(1, 13)),
        *(plain_incident(cleared_exceptionally_code=code) for code in _codes("cleared_exceptionally")),
        *(plain_incident(victims=[person(injuries=[code])]) for code in _codes("injury")),
        *(plain_incident(victims=[person(victim_type_code=code)]) for code in _codes("victim_type")),
        *(plain_incident(victims=[person(activity_code=code)]) for code in _codes("officer_activity")),
        *(plain_incident(victims=[person(assignment_code=code)]) for code in _codes("officer_assignment")),
        *(
            plain_incident(victims=[person(relationships=[code])], offenders=[person()])
            for code in _codes("relationship")
        ),
        *(plain_incident(victims=[victim], offenders=[offender]) for victim in people for offender in people),
        *(plain_incident(victims=[person()] * n, offenders=[person()] * n, weapons=["12"]) for n in range(6)),
        *(plain_incident(properties=[plain_property(loss_code=loss)]) for loss in range(1, 9)),
        *(plain_incident(properties=[plain_property(items=[code])]) for code in _codes("property_description")),
        *(
            plain_incident(properties=[plain_property(loss_code=loss, items=["20"], value_usd=value)])
            for loss in (4, 5, 7)
            for value in (0, 1, 49, 50, 199, 200, 999, 1_000, 4_999, 5_000, 19_999, 20_000)
        ),
        *(
            plain_incident(properties=[plain_property(loss_code=4, items=[code])])
            for code in _codes("property_description")
        ),
        *(
            plain_incident("35A", activities=[*activities], properties=[plain_property(drugs=[drug, *more])])
            for drug in _codes("drug")
            for more in ("", "A", "B")
            for activities in ("P", "PU", "PN", "BCDEOPTU")
        ),
        *(
            plain_incident("120", victims=[person()], properties=[plain_property(loss_code=loss, items=[code])])
            for loss in range(1, 9)
            for code in _codes("property_description")
        ),
    ]
    arrestees = [person(age_years=age) for age in (17, 18)]
    arrestees += [person(weapons=[code]) for code in _codes("weapon")]
    for name, codes in (
        ("arrest_type_code", _codes("arrest_type")),
        ("multiple_code", _codes("multiple_indicator")),
        ("under_18_disposition_code", _codes("under_18_disposition")),
    ):
        arrestees += [person(**{name: code}) for code in codes]
    return rows_of([*incidents, plain_incident(arrestees=arrestees)], arrestees)
