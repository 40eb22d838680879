"""The account of every incident that was read: used in the estimates, or left out with the reason.

Incidents read = in the estimates + left out, by reason. The same holds for Group B arrests, which have no incident. The
text of each reason is in ``codes/account_reason.csv``. Source: ``docs/methods/incident-account.md``.
"""

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.pipeline.dataset import Column, Dataset

#: Types of records that the account lists.
INCIDENTS, GROUP_B = "incident", "group_b_arrest"
IN_ESTIMATES = "in_estimates"
#: Reason of Group B arrests that name no agency; they are in the totals of the nation, regions and states.
IN_TOTALS = "no_agency"

_STATE = Column("state_abbr", "str", "UCR state abbreviation.", code_list="state", length=2)

INCIDENT_ACCOUNT = Dataset(
    name="incident_account",
    description="Incidents and Group B arrests that were read, by agency: used in the estimates, or why not.",
    source="docs/methods/incident-account.md",
    primary_key=("state_abbr", "record_type", "agency_id", "reason"),
    partition_key="state_abbr",
    columns=(
        _STATE,
        Column(
            "record_type",
            "str",
            "Type of record: incident, or group_b_arrest (a Group B arrest has no incident).",
            codes=(INCIDENTS, GROUP_B),
        ),
        Column(
            "agency_id",
            "int32",
            "The FBI's number of the agency; 0 for records that name no agency or were set aside as faulty.",
        ),
        Column("ori", "str", "Originating agency identifier (ORI) of the agency.", is_nullable=True),
        Column("reason", "str", "Reason why the records are used or left out.", code_list="account_reason"),
        Column("records", "int64", "Number of incidents or arrests.", unit="records"),
    ),
)

UNLISTED_OFFENSE = Dataset(
    name="unlisted_offense",
    description="Offenses of the data year whose code is not in this program's code list.",
    source="docs/methods/incident-account.md",
    primary_key=("state_abbr", "offense_code"),
    partition_key="state_abbr",
    columns=(
        _STATE,
        Column("offense_code", "str", "Offense code."),
        Column("offenses", "int64", "Number of offense segments with this code.", unit="offenses"),
        Column("incidents", "int64", "Number of incidents with this code.", unit="incidents"),
        Column(
            "incidents_only",
            "int64",
            "Incidents with this code and no listed offense; they are in no column of the tables.",
            unit="incidents",
        ),
    ),
)

DATASETS = (INCIDENT_ACCOUNT, UNLISTED_OFFENSE)


def account_rows(incident_account: pl.LazyFrame) -> pl.DataFrame:
    """The account of a run: one row for each reason, in the order in which the rules are applied.

    Args:
        incident_account: dataset of that name, all states.

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
