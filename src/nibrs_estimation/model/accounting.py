"""Where every incident that was read went: into the estimates, or out of them, with the reason.

Incidents read = in the estimates + left out, by reason; so for Group B arrests, which have no incident. The text of a
reason is in ``codes/account_reason.csv``. Source: ``docs/methods/incident-account.md``.
"""

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.pipeline.dataset import Column, Dataset

#: What is accounted for.
INCIDENTS, GROUP_B = "incident", "group_b_arrest"
IN_ESTIMATES = "in_estimates"
#: Reason of Group B arrests without agency, which totals of nation, region and state hold.
IN_TOTALS = "no_agency"

_STATE = Column("state_abbr", "str", "UCR state abbreviation.", code_list="state", length=2)

INCIDENT_ACCOUNT = Dataset(
    name="incident_account",
    description="Every incident and Group B arrest that was read, by agency: in the estimates, or why not.",
    source="docs/methods/incident-account.md",
    primary_key=("state_abbr", "record_type", "agency_id", "reason"),
    partition_key="state_abbr",
    columns=(
        _STATE,
        Column(
            "record_type",
            "str",
            "incident, or group_b_arrest: arrests without an incident.",
            codes=(INCIDENTS, GROUP_B),
        ),
        Column(
            "agency_id",
            "int32",
            "The agency; 0 for records that name none or were set aside when read.",
        ),
        Column("ori", "str", "Originating agency identifier of the agency.", is_nullable=True),
        Column("reason", "str", "Where the records went.", code_list="account_reason"),
        Column("records", "int64", "Incidents, or arrests.", unit="records"),
    ),
)

UNLISTED_OFFENSE = Dataset(
    name="unlisted_offense",
    description="Offenses of the data year whose code no code list of this program has.",
    source="docs/methods/incident-account.md",
    primary_key=("state_abbr", "offense_code"),
    partition_key="state_abbr",
    columns=(
        _STATE,
        Column("offense_code", "str", "The code."),
        Column("offenses", "int64", "Offense segments with it.", unit="offenses"),
        Column("incidents", "int64", "Incidents with it.", unit="incidents"),
        Column(
            "incidents_only",
            "int64",
            "Of these, incidents without any listed offense: in no column of the tables.",
            unit="incidents",
        ),
    ),
)

DATASETS = (INCIDENT_ACCOUNT, UNLISTED_OFFENSE)


def account_rows(incident_account: pl.LazyFrame) -> pl.DataFrame:
    """The account of a run for people: a row for each reason, in the order in which the rules are asked.

    Args:
        incident_account: dataset of that name, of all states.

    Returns:
        ``record_type``, ``reason``, ``words`` (the reason in words), ``is_in_estimates``, ``records`` and
        ``share_pct`` (of the records of that type that were read); incidents first.
    """
    words = code_list("account_reason").with_row_index("place").select("place", "words", reason="code")
    of_type = pl.col("records").sum().over("record_type")
    return (
        incident_account.group_by("record_type", "reason")
        .agg(pl.col("records").sum())
        .collect()
        .join(words, on="reason", how="left")
        .sort(pl.col("record_type") != INCIDENTS, "place")
        .select(
            "record_type",
            "reason",
            "words",
            "records",
            is_in_estimates=pl.col("reason").is_in([IN_ESTIMATES, IN_TOTALS]),
            share_pct=100 * pl.col("records") / of_type,
        )
    )
