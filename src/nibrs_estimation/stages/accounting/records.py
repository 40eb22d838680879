"""Account of all incidents and Group B arrests that were read: in the estimates, or left out with the reason."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.accounting import (
    GROUP_B,
    IN_ESTIMATES,
    IN_TOTALS,
    INCIDENT_ACCOUNT,
    INCIDENTS,
    UNLISTED_OFFENSE,
)
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.incident import INCIDENT
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.survey.blocks import own_rows

#: Reason why an agency is ineligible or a nonrespondent -> code in the account.
_OF_AGENCY = {
    "not active": "not_active",
    "covered": "covered",
    "dormant": "dormant",
    "federal": "federal",
    "outside the states": "outside_the_states",
    "reports no incidents": "reports_no_incidents",
    "fewer than three usable months": "few_months",
    "not in the incident data": "not_in_data",
    "started after October": "started_late",
    "not completed": "not_completed",
}


def account_for_incidents(
    incident: pl.LazyFrame,
    offense: pl.LazyFrame,
    arrestee: pl.LazyFrame,
    universe: pl.LazyFrame,
    weighting_frame: pl.LazyFrame,
    agency_weight: pl.LazyFrame,
    removed_month: pl.LazyFrame,
    intake_count: pl.LazyFrame,
    year: int,
    partition: str,
) -> dict[str, pl.DataFrame]:
    """Count incidents and Group B arrests that were read by the reason why they are left out, and check the total.

    The rules are applied in the order of code list ``account_reason``; the first that is true is the reason.

    Raises:
        PipelineError: the account does not have as many incidents as the source reports as read.
    """
    agencies = agency_reasons(universe, weighting_frame, agency_weight).collect()
    removed = removed_month.select("agency_id", "month", "kept_from", "reason").collect()
    incidents = incident.select("incident_id", "agency_id", "data_year", date="incident_date").collect()
    arrests = (
        arrestee.filter("is_group_b")
        .select("arrestee_id", "agency_id", data_year=pl.col("arrest_date").dt.year(), date="arrest_date")
        .collect()
    )
    counted = pl.concat(
        [
            _by_reason(incidents, agencies, removed, year).with_columns(record_type=pl.lit(INCIDENTS)),
            _by_reason(arrests, agencies, removed, year).with_columns(record_type=pl.lit(GROUP_B)),
            _left_at_intake(intake_count),
        ]
    ).with_columns(state_abbr=pl.lit(partition))
    account = INCIDENT_ACCOUNT.cast(
        counted.join(agencies.select("agency_id", "ori"), on="agency_id", how="left").filter(pl.col("records") > 0)
    )
    _require_balance(account, incidents.height, intake_count, partition)
    unlisted = _unlisted(incidents.filter(pl.col("data_year") == year), offense.collect())
    return {
        INCIDENT_ACCOUNT.name: account,
        UNLISTED_OFFENSE.name: UNLISTED_OFFENSE.cast(unlisted.with_columns(state_abbr=pl.lit(partition))),
    }


def agency_reasons(universe: pl.LazyFrame, weighting_frame: pl.LazyFrame, agency_weight: pl.LazyFrame) -> pl.LazyFrame:
    """Why an agency's records are not in the estimates: ``agency_id``, ``ori`` and ``reason``, missing if they are.

    Only weights of nation and state are checked; smaller places are parts of them.
    """
    is_weighted = pl.col("weight").is_not_null() & pl.col("geography_level").is_in(["nation", "state"])
    weighted = agency_weight.filter(is_weighted).select("agency_id", has_weight=pl.lit(True)).unique()
    return (
        universe.select("agency_id", "ori", "ineligible_reason")
        .join(weighting_frame.select("agency_id", "nonresponse_reason"), on="agency_id", how="left")
        .join(weighted, on="agency_id", how="left")
        .select(
            "agency_id",
            "ori",
            reason=pl.coalesce(
                pl.coalesce("ineligible_reason", "nonresponse_reason").replace_strict(
                    _OF_AGENCY, return_dtype=pl.String
                ),
                pl.when(pl.col("has_weight").is_null()).then(pl.lit("no_weight")),
            ),
        )
    )


def _by_reason(records: pl.DataFrame, agencies: pl.DataFrame, removed: pl.DataFrame, year: int) -> pl.DataFrame:
    """Numbers of records by agency and reason: ``agency_id`` (0 if it has none), ``reason`` and ``records``."""
    key = records.columns[0]
    own = own_rows(records.lazy(), removed.lazy().drop("reason"), "date").select(key, is_own=pl.lit(True)).collect()
    months = removed.select(
        "agency_id",
        "month",
        of_month=pl.when(pl.col("reason") == "before_start")
        .then(pl.lit("before_start"))
        .otherwise(pl.lit("replaced_month")),
    )
    reason = (
        pl.when((pl.col("data_year") != year).fill_null(True))
        .then(pl.lit("other_year"))
        .when(pl.col("agency_id").is_null())
        .then(pl.lit(IN_TOTALS))
        .when(pl.col("ori").is_null())
        .then(pl.lit("unknown_agency"))
        .when(pl.col("reason").is_not_null())
        .then("reason")
        .when(pl.col("is_own").is_null())
        .then("of_month")
        .otherwise(pl.lit(IN_ESTIMATES))
    )
    return (
        records.with_columns(month=pl.col("date").dt.month())
        .join(agencies, on="agency_id", how="left")
        .join(own, on=key, how="left")
        .join(months, on=["agency_id", "month"], how="left")
        .group_by(pl.col("agency_id").fill_null(0), reason=reason)
        .agg(records=pl.len().cast(pl.Int64))
    )


def _left_at_intake(intake_count: pl.LazyFrame) -> pl.DataFrame:
    """Incidents that the source did not keep. Arrests are not included: both groups of arrests may be in one table."""
    totals = _of_incidents(intake_count)
    return pl.DataFrame(
        {
            "agency_id": [0, 0],
            "reason": ["set_aside", "not_asked_for"],
            "records": [totals["rows_quarantined"], totals["rows_dropped"]],
            "record_type": [INCIDENTS, INCIDENTS],
        },
        schema_overrides={"agency_id": pl.Int32, "records": pl.Int64},
    )


def _of_incidents(intake_count: pl.LazyFrame) -> dict[str, int]:
    counts = ("rows_read", "rows_kept", "rows_quarantined", "rows_dropped")
    rows = intake_count.filter(pl.col("dataset") == INCIDENT.name).select(pl.col(counts).sum(), n=pl.len()).collect()
    return rows.row(0, named=True)


def _require_balance(account: pl.DataFrame, rows: int, intake_count: pl.LazyFrame, state: str) -> None:
    """Check that the source kept as many incidents as the dataset has, and read as many as the account has."""
    intake = _of_incidents(intake_count)
    # If the source has no counts, they are taken from the dataset, so that only the account is checked.
    kept = intake["rows_kept"] if intake["n"] else rows
    total = account.filter(pl.col("record_type") == INCIDENTS)["records"].sum()
    read = intake["rows_read"] if intake["n"] else rows
    if rows != kept or total != read:
        raise PipelineError(
            f"State {state}: the source read {read:,} incidents and kept {kept:,}, dataset incident contains {rows:,}, "
            f"and the account of the estimates contains {total:,}. Incidents were lost or duplicated after reading, "
            "or datasets incident, agency and intake_count are from different runs: compute the run again with --force."
        )


def _unlisted(incidents: pl.DataFrame, offense: pl.DataFrame) -> pl.DataFrame:
    """Numbers of offenses whose code is not in the code list, by code."""
    is_listed = pl.col("offense_code").is_in(code_list("offense")["code"].implode())
    of_year = offense.join(incidents, on="incident_id", how="semi").with_columns(is_listed=is_listed)
    return (
        of_year.with_columns(has_listed=pl.col("is_listed").any().over("incident_id"))
        .filter(~pl.col("is_listed"))
        .group_by("offense_code")
        .agg(
            offenses=pl.len(),
            incidents=pl.col("incident_id").n_unique(),
            incidents_only=pl.col("incident_id").filter(~pl.col("has_listed")).n_unique(),
        )
    )
