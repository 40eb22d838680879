"""Derived variables of units, which rows, columns and conditions of tables use (handbook 10)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.tables.definition import Level, Several, Status, VariableKind
from nibrs_estimation.tables.definition_file import DefinitionFile, unknown_name
from nibrs_estimation.tables.schema import FlagForm, VariableForm, VariablesForm

_FILE = Path(__file__).parent / "definitions" / "_variables.yaml"


@dataclass(frozen=True)
class Attribute:
    """An attribute of records that is given by codes.

    Attributes:
        code_list: name of its code list; None if codes are numbers.
        levels: levels that have the attribute; empty for attributes of persons, which are given by the atom.
        numbers: the codes of an attribute without code list.
    """

    code_list: str | None
    levels: tuple[Level, ...] = ()
    numbers: range = range(0)


_HOURS, _MONTHS = range(24), range(1, 13)
ATTRIBUTES: Mapping[str, Attribute] = {
    "bias": Attribute("bias", ("incident", "offense", "victim")),
    "weapon": Attribute("weapon", ("incident", "offense", "victim")),
    "location": Attribute("location", ("incident", "offense", "victim")),
    "activity": Attribute("criminal_activity", ("incident", "offense", "victim")),
    "attempt_complete": Attribute("attempt_complete", ("offense",)),
    "incident_month": Attribute(None, ("incident",), _MONTHS),
    "incident_hour": Attribute(None, ("incident",), _HOURS),
    "report_hour": Attribute(None, ("incident",), _HOURS),
    "cleared_exceptionally": Attribute("cleared_exceptionally", ("incident",)),
    "loss": Attribute("property_loss", ("incident",)),
    "seized_property": Attribute("property_description", ("incident",)),
    "stolen_property": Attribute("property_description", ("incident",)),
    "recovered_property": Attribute("property_description", ("incident",)),
    "damaged_property": Attribute("property_description", ("incident",)),
    "drug": Attribute("drug", ("incident",)),
    "drug_activity": Attribute("criminal_activity", ("incident",)),
    "victim_type": Attribute("victim_type", ("victim",)),
    "injury": Attribute("injury", ("incident", "victim")),
    "relationship": Attribute("relationship", ("incident", "victim")),
    "officer_activity": Attribute("officer_activity", ("victim",)),
    "officer_assignment": Attribute("officer_assignment", ("victim",)),
    "arrest": Attribute("arrest_type", ("arrestee",)),
    "multiple_indicator": Attribute("multiple_indicator", ("arrestee",)),
    "disposition": Attribute("under_18_disposition", ("arrestee",)),
    "arrestee_weapon": Attribute("weapon", ("arrestee",)),
    "sex": Attribute("sex"),
    "race": Attribute("race"),
    "ethnicity": Attribute("ethnicity"),
}


#: Join of a variable to units -> level of the variable.
LEVEL_OF_JOIN: Mapping[str, Level] = {
    "incident": "incident",
    "incident_offense": "offense",
    "victim_offense": "offense",
    "victim": "victim",
    "arrestee": "arrestee",
}


@dataclass(frozen=True)
class Variable:
    """A derived variable.

    Attributes:
        name: name in the definitions of tables.
        kind: how it is computed: derived from the records of a unit; a function of the person's atom, of the incident's
            clearance or of the agency; or computed from the units of a column when they are counted.
        categories: 1, 2, ...; for a flag 1, or 0 and 1.
        levels: levels at which it is derived; empty for the other kinds.
        of: attribute of ``ATTRIBUTES``, or variable, whose codes are recoded.
        codes: code -> category; the codes of a variable are its categories.
        others: category of all other codes and of a missing code.
        without: category of units without a record that has a category.
        several: category of a unit whose records have several categories: "each" with the number of its records,
            "smallest", "largest", or "only" (none if there are several).
        smallest_of: variable of offenses whose smallest category over the victim's offenses of the column is used.
        tells: description.
        status: "proposed" or "inferred" if the reference's description does not give the codes.
    """

    name: str
    kind: VariableKind
    categories: tuple[int, ...]
    levels: tuple[Level, ...]
    of: str | None
    codes: Mapping[str, int]
    others: int | None
    without: int | None
    several: Several
    smallest_of: str | None
    tells: str
    status: Status | None


@cache
def derived_variables() -> Mapping[str, Variable]:
    """Every variable and flag by name.

    Raises:
        PipelineError: ``_variables.yaml`` is wrong; gives file, line and how to fix it.
    """
    variables, _ = read_variables(DefinitionFile(_FILE))
    return variables


def read_variables(file: DefinitionFile) -> tuple[dict[str, Variable], frozenset[str]]:
    """Variables and flags by name, and the names of multipliers, checked.

    Raises:
        PipelineError: an unknown code or name, a code in two categories, or an unknown category; gives file, line and
            how to fix it.
    """
    form = file.parsed(VariablesForm)
    for name in sorted(form.variables.keys() & form.flags.keys()):
        raise file.error(f"{name} is a variable and a flag; keep one", "flags", name)
    forms: dict[str, VariableForm | FlagForm] = {**form.variables, **form.flags}
    sections = dict.fromkeys(form.variables, "variables") | dict.fromkeys(form.flags, "flags")
    for name, section in sections.items():
        if name in ATTRIBUTES:
            raise file.error(f"{name} is an attribute of records; take another name", section, name)
    variables = {name: _variable(file, name, forms, section) for name, section in sections.items()}
    return variables, frozenset(form.multipliers)


def _variable(file: DefinitionFile, name: str, forms: Mapping[str, VariableForm | FlagForm], section: str) -> Variable:
    form = forms[name]
    place = (section, name)
    if isinstance(form, FlagForm):
        kind: VariableKind = "derived"
        categories: tuple[int, ...] = (1,) if form.others is None else (0, 1)
        codes = _codes(file, form.of, {1: form.codes} if form.codes else {}, forms, *place)
        without, smallest_of = None, None
    else:
        kind, categories = form.kind, tuple(range(1, form.categories + 1))
        for key, category in (("others", form.others), ("without", form.without)):
            if category is not None and category not in categories:
                raise file.error(f"{name} has no category {category}; correct one of them", *place, key)
        for category in form.codes:
            if category not in categories:
                raise file.error(f"{name} has no category {category}; correct one of them", *place, "codes", category)
        codes = _codes(file, form.of, form.codes, forms, *place)
        without, smallest_of = form.without, form.smallest_of
        _check_smallest(file, form, forms, *place)
    return Variable(
        name=name,
        kind=kind,
        categories=categories,
        levels=_levels(file, name, forms, *place) if kind == "derived" else (),
        of=form.of,
        codes=codes,
        others=form.others,
        without=without,
        several=form.several,
        smallest_of=smallest_of,
        tells=form.tells,
        status=form.status,
    )


def _codes(
    file: DefinitionFile,
    of: str | None,
    codes: Mapping[int, list[str]],
    forms: Mapping[str, VariableForm | FlagForm],
    *place: str,
) -> dict[str, int]:
    """Code -> category."""
    if of is None:
        if codes:
            raise file.error("`codes` need `of`, the attribute to which they belong", *place, "codes")
        return {}
    if of not in ATTRIBUTES and of not in forms:
        raise file.error(unknown_name("attribute or variable", of, [*ATTRIBUTES, *forms], "these"), *place, "of")
    known = _known_codes(of, forms)
    found: dict[str, int] = {}
    for category, listed in codes.items():
        for number, code in enumerate(listed):
            # Flags have a list of codes, because they have only one category.
            within = (number,) if place[0] == "flags" else (category, number)
            place_of_code: tuple[str | int, ...] = (*place, "codes", *within)
            if code not in known:
                raise file.error(unknown_name(f"code {of}", code, known, "these"), *place_of_code)
            if code in found:
                raise file.error(f"code {code} is repeated; categories must not overlap", *place_of_code)
            found[code] = category
    return found


def _known_codes(of: str, forms: Mapping[str, VariableForm | FlagForm]) -> Collection[str]:
    """The codes of an attribute, or the categories of a variable; weapon codes are without suffix A (automatic)."""
    if of in forms:
        form = forms[of]
        return [str(n) for n in (range(2) if isinstance(form, FlagForm) else range(1, form.categories + 1))]
    attribute = ATTRIBUTES[of]
    name = attribute.code_list
    codes = [str(number) for number in attribute.numbers] if name is None else code_list(name)["code"].to_list()
    return [code for code in codes if not code.endswith("A")] if name == "weapon" else codes


def _levels(
    file: DefinitionFile, name: str, forms: Mapping[str, VariableForm | FlagForm], *place: str
) -> tuple[Level, ...]:
    """The given level; otherwise the levels of the attribute or variable from which it is derived."""
    seen: list[str] = []
    while name not in ATTRIBUTES:
        form = forms[name]
        if form.level is not None:
            return (form.level,)
        if form.of is None:
            raise file.error("a derived variable needs `of`, the attribute that is recoded, or `level`", *place)
        if name in seen:
            raise file.error(f"{' and '.join(sorted(seen))} are derived from each other; correct one", *place, "of")
        seen.append(name)
        name = form.of
    return ATTRIBUTES[name].levels


def _check_smallest(
    file: DefinitionFile, form: VariableForm, forms: Mapping[str, VariableForm | FlagForm], *place: str
) -> None:
    if form.smallest_of is None:
        return
    other = forms.get(form.smallest_of)
    if not isinstance(other, VariableForm) or other.kind != "derived":
        names = [name for name, known in forms.items() if isinstance(known, VariableForm) and known.kind == "derived"]
        raise file.error(unknown_name("derived variable", form.smallest_of, names, "these"), *place, "smallest_of")
    if "offense" not in _levels(file, form.smallest_of, forms, *place, "smallest_of"):
        raise file.error(f"{form.smallest_of} is not a variable of offenses; use one", *place, "smallest_of")
    if other.categories != form.categories:
        message = f"{form.smallest_of} has {other.categories} categories; use the same number"
        raise file.error(message, *place, "categories")
