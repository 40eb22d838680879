"""`agencies.csv`: a row for each agency of the data year, with what it reported and its weights."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.accounting import IN_ESTIMATES, INCIDENTS
from nibrs_estimation.model.benchmark import CRIMES
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.completeness import PART1V
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.task import DocumentWriter
from nibrs_estimation.survey.eligibility import with_own_reports

#: Geography level -> prefix of its columns; weights of smaller places are only in dataset ``agency_weight``.
_WEIGHTS = {"nation": "national", "state": "state"}


def write_agencies(
    agency: pl.LazyFrame,
    universe: pl.LazyFrame,
    reporting_status: pl.LazyFrame,
    block_month: pl.LazyFrame,
    block_reference: pl.LazyFrame,
    removed_month: pl.LazyFrame,
    weighting_frame: pl.LazyFrame,
    agency_weight: pl.LazyFrame,
    agency_month_offense: pl.LazyFrame,
    new_offense: pl.LazyFrame,
    incident_account: pl.LazyFrame,
    year: int,
    identity: Identity,
) -> dict[str, DocumentWriter]:
    """Write ``agencies.csv``: what each agency reported, months that were filled and the donors, weights and counts.

    Several values of one field, such as months or weight groups, are joined by ``;``. Counts are numbers of offenses on
    file of the data year, not weighted, and before months are filled or removed. Benchmarks (``n_...``) are those of
    dataset ``weighting_frame``, which has the eligible agencies.
    """
    of_year = with_own_reports(agency, agency_month_offense).filter(pl.col("data_year") == year)
    frame = weighting_frame.select(
        "agency_id", "is_respondent", "nonresponse_reason", "benchmark_source", *CRIMES.values()
    )
    parts = (
        of_year.select("agency_id", "state_name", "county_name", "is_nibrs", "nibrs_start_date"),
        reporting_status.drop("state_abbr"),
        _filled(block_month, block_reference, universe),
        _removed(removed_month),
        frame,
        *(_weights(agency_weight, variable, prefix) for variable, prefix in _WEIGHTS.items()),
        _records(incident_account),
        _offenses(agency_month_offense, new_offense, year),
    )
    rows = universe.drop("region_code", "weight_class")
    for part in parts:
        rows = rows.join(part, on="agency_id", how="left")
    zero = pl.selectors.matches("^(months_.*_n|incidents_.*|offenses_.*|months_filled|months_removed)$")
    written = (
        rows.with_columns(
            zero.fill_null(0),
            pl.col("is_respondent").fill_null(False),
            status_reason=pl.coalesce("ineligible_reason", "nonresponse_reason"),
            data_year=pl.lit(identity.year, dtype=pl.Int32),
            **{name: pl.lit(value) for name, value in identity.columns().items()},
        )
        .drop("ineligible_reason", "nonresponse_reason")
        .sort("state_abbr", "ori", "agency_id")
        .collect()
    )
    return {"agencies.csv": written.write_csv}


def _filled(block_month: pl.LazyFrame, block_reference: pl.LazyFrame, universe: pl.LazyFrame) -> pl.LazyFrame:
    """Months that are filled: how many, which, and the ORI of the donor, if another agency adds to them."""
    names = universe.select(donor_agency_id="agency_id", donor_ori="ori")
    donors = (
        block_reference.filter(pl.col("donor_agency_id") != pl.col("agency_id"))
        .join(names, on="donor_agency_id", how="left")
        .group_by("agency_id")
        .agg(donor_ori=pl.col("donor_ori").unique().sort().str.join(";"))
    )
    return (
        block_month.filter(pl.col("month_flag").is_not_null())
        .sort("agency_id", "month")
        .group_by("agency_id")
        .agg(months_filled=pl.len(), which_months_filled=pl.col("month").cast(pl.String).str.join(";"))
        .join(donors, on="agency_id", how="left")
    )


def _removed(removed_month: pl.LazyFrame) -> pl.LazyFrame:
    """Months in which some or all incidents do not count: too low, or before NIBRS reporting started."""
    rows = removed_month.filter(pl.col("reason") != "missing").sort("agency_id", "month")
    return rows.group_by("agency_id").agg(
        months_removed=pl.len(),
        which_months_removed=pl.format("{} {}", "month", pl.col("reason").str.replace("_", " ")).str.join(";"),
    )


def _weights(agency_weight: pl.LazyFrame, variable: str, prefix: str) -> pl.LazyFrame:
    """Weight groups and weights of one geography level."""
    rows = agency_weight.filter(pl.col("geography_level") == variable).sort("agency_id", "weight_group")
    return rows.group_by("agency_id").agg(
        pl.col("weight_group")
        .cast(pl.String)
        .unique(maintain_order=True)
        .str.join(";")
        .alias(f"{prefix}_weight_group"),
        pl.col("weight").drop_nulls().cast(pl.String).str.join(";").alias(f"{prefix}_weight"),
    )


def _records(incident_account: pl.LazyFrame) -> pl.LazyFrame:
    """Numbers of incidents that were read, and of those in the estimates."""
    records = pl.col("records")
    return (
        incident_account.filter(pl.col("record_type") == INCIDENTS)
        .group_by("agency_id")
        .agg(
            incidents_on_file=records.sum(),
            incidents_in_estimates=records.filter(pl.col("reason") == IN_ESTIMATES).sum(),
        )
    )


def _offenses(agency_month_offense: pl.LazyFrame, new_offense: pl.LazyFrame, year: int) -> pl.LazyFrame:
    """Offenses on file: months, numbers by what they are against, and number of violent Part I offenses."""
    listed = code_list("offense").select("crime_against", offense_code="code").lazy()
    new = new_offense.select("crime_against", "offense_code").unique("offense_code", keep="first", maintain_order=True)
    against = pl.concat([listed, new])
    n, of = pl.col("n"), pl.col("crime_against")
    return (
        agency_month_offense.filter((pl.col("data_year") == year) & (pl.col("n") > 0))
        .join(against, on="offense_code", how="left")
        .group_by("agency_id")
        .agg(
            which_months_with_offenses=pl.col("month").unique().sort().cast(pl.String).str.join(";"),
            offenses_violent=n.filter(pl.col("offense_code").is_in(PART1V)).sum(),
            offenses_against_persons=n.filter(of == "Person").sum(),
            offenses_against_property=n.filter(of == "Property").sum(),
            offenses_against_society=n.filter(of == "Society").sum(),
        )
    )
