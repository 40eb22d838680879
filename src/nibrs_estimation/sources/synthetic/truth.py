"""True numbers of the synthetic nation, with which its estimates are compared."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.pipeline.dataset import Column, Dataset
from nibrs_estimation.sources.synthetic.crime import latent_incidents
from nibrs_estimation.sources.synthetic.marginals import offenses
from nibrs_estimation.sources.synthetic.offenses import offense_rows

SYNTHETIC_TRUTH = Dataset(
    name="synthetic_truth",
    description="True numbers of incidents of the year by agency, reported or not; not read by any stage.",
    source="sources/synthetic/README.md",
    primary_key=("agency_id", "measure"),
    partition_key="state_abbr",
    columns=(
        Column("state_abbr", "str", "UCR state abbreviation of the agency."),
        Column("agency_id", "int32", "The FBI's number of the agency."),
        Column(
            "measure",
            "str",
            "incidents: all; incidents_against_person and violent_crime: with such an offense; incidents_ and an "
            "offense code: holding that offense.",
        ),
        Column("n", "int64", "True number in the year.", unit="incidents"),
    ),
)

SYNTHETIC_OUTLIER = Dataset(
    name="synthetic_outlier",
    description="Months of the data year and the four before with planted outliers; not read by any stage.",
    source="sources/synthetic/README.md",
    primary_key=("agency_id", "data_year", "month"),
    partition_key="state_abbr",
    columns=(
        Column("state_abbr", "str", "UCR state abbreviation of the agency."),
        Column("agency_id", "int32", "The FBI's number of the agency."),
        Column("data_year", "int16", "Calendar year."),
        Column("month", "int8", "Month, 1 to 12."),
        Column("factor", "int8", "Factor by which the incidents of the month were multiplied: 0, 3 or 10."),
    ),
)

#: Measures that count the incidents with any of several offenses (data dictionary).
GROUPS = {
    "incidents_against_person": (
        "09A", "09B", "100", "11A", "11B", "11C", "11D", "13A", "13B", "13C", "36A", "36B", "64A", "64B",
    ),
    "violent_crime": ("09A", "11A", "11B", "11C", "120", "13A"),
}  # fmt: skip


def true_numbers(agencies: pl.DataFrame, year: int, seed: int) -> pl.DataFrame:
    """The true numbers of a state's agencies, for every agency and measure, including zeros.

    Args:
        agencies: the agencies of one state, all of them, by agency_id.
        year: data year.
        seed: seed of the run.

    Returns:
        Dataset ``synthetic_truth``.
    """
    incidents = latent_incidents(agencies, year, seed)
    code = pl.col("offense_code")
    held = (
        offense_rows(incidents, seed)
        .select("incident_id", "offense_code")
        .join(incidents.select("incident_id", "agency_id"), on="incident_id")
    )
    numbers = pl.concat(
        [
            _count(held, pl.lit("incidents")),
            *(_count(held.filter(code.is_in(codes)), pl.lit(measure)) for measure, codes in GROUPS.items()),
            _count(held, "incidents_" + code),
        ]
    )
    measures = ["incidents", *GROUPS, *("incidents_" + offenses()["offense_code"])]
    return (
        agencies.select("state_abbr", "agency_id")
        .join(pl.DataFrame({"measure": measures}), how="cross")
        .join(numbers, on=["agency_id", "measure"], how="left")
        .with_columns(pl.col("n").fill_null(0))
    )


def _count(held: pl.DataFrame, measure: pl.Expr) -> pl.DataFrame:
    return held.group_by("agency_id", measure=measure).agg(n=pl.col("incident_id").n_unique().cast(pl.Int64))
