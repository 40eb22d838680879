"""Which benchmark explains a column of a table: the column's totals are ratio estimates to it (handbook 11)."""

from __future__ import annotations

from collections.abc import Collection

from nibrs_estimation.model.benchmark import CRIMES, PROPERTY, VIOLENT
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.return_a import OFFENSES_OF_CRIME

#: Sums of crimes, which also explain offenses of their kind that the benchmark does not hold.
SUMS = ("n_total", "n_violent", "n_property", "n_assault")
#: Columns of dataset ``weighting_frame`` that may explain; the first, all crime, explains what no other does.
EXPLAINED = (
    *SUMS,
    *(CRIMES[crime] for crime in (*VIOLENT, "simple_assault", *PROPERTY)),
)
_AGAINST = {"Person": "n_assault", "Property": "n_property"}
#: Crimes of the sums, the narrowest first.
_CRIMES_OF_SUMS = {"n_assault": ("aggravated_assault", "simple_assault"), "n_violent": VIOLENT, "n_property": PROPERTY}


def explained_by(offenses: Collection[str]) -> int:
    """Position in :data:`EXPLAINED` of the benchmark that explains offenses.

    The narrowest of these that has all of the offenses: a crime of the benchmark, all assaults, all violent or all
    property crime. Other offenses against persons are explained by assaults, which are most of these, others against
    property by property crime, and all others, such as drug offenses, by all crime.
    """
    codes = set(offenses)
    for crime, members in OFFENSES_OF_CRIME.items():
        if codes <= set(members):
            return EXPLAINED.index(CRIMES[crime])
    for name, crimes in _CRIMES_OF_SUMS.items():
        if codes <= {code for crime in crimes for code in OFFENSES_OF_CRIME[crime]}:
            return EXPLAINED.index(name)
    against = dict(code_list("offense").select("code", "crime_against").iter_rows())
    kinds = {_AGAINST.get(against.get(code, ""), "n_total") for code in codes}
    return EXPLAINED.index(kinds.pop() if len(kinds) == 1 else "n_total")
