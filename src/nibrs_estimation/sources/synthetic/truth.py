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

SYNTHETIC_TRUTH_MONTH = Dataset(
    name="synthetic_truth_month",
    description="True numbers of incidents by agency, month and offense, before months were left out or reported "
    "wrongly; months without such an incident have no row; not read by any stage.",
    source="sources/synthetic/README.md",
    primary_key=("agency_id", "month", "offense_code"),
    partition_key="state_abbr",
    columns=(
        Column("state_abbr", "str", "UCR state abbreviation of the agency."),
        Column("agency_id", "int32", "The FBI's number of the agency."),
        Column("month", "int8", "Month of the data year, 1 to 12."),
        Column("offense_code", "str", "Offense that the incidents hold.", code_list="offense"),
        Column("n", "int32", "True number in the month.", unit="incidents"),
    ),
)

SYNTHETIC_OUTLIER = Dataset(
    name="synthetic_outlier",
    description="Reports of months, of the data year and the four before, that on purpose do not tell what happened in "
    "the month; not read by any stage.",
    source="sources/synthetic/README.md",
    primary_key=("agency_id", "data_year", "form_code", "month"),
    partition_key="state_abbr",
    columns=(
        Column("state_abbr", "str", "UCR state abbreviation of the agency."),
        Column("agency_id", "int32", "The FBI's number of the agency."),
        Column("data_year", "int16", "Calendar year."),
        Column("form_code", "str", "N: incident reports; R: summaries.", codes=("N", "R")),
        Column("month", "int8", "Month, 1 to 12."),
        Column(
            "kind",
            "str",
            "odd: a wrong month; edge: an incomplete month beside a gap; quarterly, semiannual and annual: a summary "
            "that holds 3, 6 or 12 months, this being the last.",
            codes=("odd", "edge", "quarterly", "semiannual", "annual"),
        ),
        Column(
            "factor",
            "float64",
            "What the month's incidents were multiplied by; missing in summaries of several months.",
            is_nullable=True,
        ),
    ),
)

#: Measures that count the incidents with any of several offenses (data dictionary).
GROUPS = {
    "incidents_against_person": (
        "09A", "09B", "100", "11A", "11B", "11C", "11D", "13A", "13B", "13C", "36A", "36B", "64A", "64B",
    ),
    "violent_crime": ("09A", "11A", "11B", "11C", "120", "13A"),
}  # fmt: skip


def true_numbers(agencies: pl.DataFrame, year: int, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The true numbers of a state's agencies in the year, for every agency and measure, including zeros, and by month.

    Args:
        agencies: the agencies of one state, all of them, by agency_id.
        year: data year.
        seed: seed of the run.

    Returns:
        Datasets ``synthetic_truth`` and ``synthetic_truth_month``.
    """
    incidents = latent_incidents(agencies, year, seed)
    code = pl.col("offense_code")
    held = _held_offenses(incidents, seed)
    by_month = _by_month(held)
    numbers = pl.concat(
        [
            _count(held, pl.lit("incidents")),
            *(_count(held.filter(code.is_in(codes)), pl.lit(measure)) for measure, codes in GROUPS.items()),
            by_month.group_by("agency_id", measure="incidents_" + code).agg(pl.col("n").sum().cast(pl.Int64)),
        ]
    )
    measures = ["incidents", *GROUPS, *("incidents_" + offenses()["offense_code"])]
    totals = (
        agencies.select("state_abbr", "agency_id")
        .join(pl.DataFrame({"measure": measures}), how="cross")
        .join(numbers, on=["agency_id", "measure"], how="left")
        .with_columns(pl.col("n").fill_null(0))
    )
    state = pl.lit(agencies["state_abbr"].first(), pl.String).alias("state_abbr")
    return totals, by_month.select(state, pl.all())


def true_offenses(agencies: pl.DataFrame, year: int, seed: int) -> pl.DataFrame:
    """The true offenses of a year by agency, month and code: ``agency_id``, ``month``, ``offense_code`` and ``n``.

    Arguments as for :func:`true_numbers`; the agencies may be those of several whole states.
    """
    return _by_month(_held_offenses(latent_incidents(agencies, year, seed), seed))


def _held_offenses(incidents: pl.DataFrame, seed: int) -> pl.DataFrame:
    return (
        offense_rows(incidents, seed)
        .select("incident_id", "offense_code")
        .join(incidents.select("incident_id", "agency_id", "month"), on="incident_id")
    )


def _by_month(held: pl.DataFrame) -> pl.DataFrame:
    # No incident holds an offense twice.
    return held.group_by("agency_id", "month", "offense_code").agg(n=pl.len().cast(pl.Int32))


def blanked_items(segments: dict[str, pl.DataFrame], group_b: pl.DataFrame) -> pl.DataFrame:
    """The true values of items that agencies left unknown or blank.

    Args:
        segments: by name, with a column ``true_<item>`` beside each such item.
        group_b: the same of the arrestees of Group B offenses.

    Returns:
        Columns of dataset ``synthetic_truth_item`` but the state.
    """
    parts = [
        _blanked(rows.with_columns(detail_code=detail), segment, unit)
        for segment, unit, detail, rows in (
            ("incident", "incident_id", pl.lit(""), segments["incident"]),
            ("victim", "victim_id", pl.lit(""), segments["victim"]),
            ("offender", "offender_id", pl.lit(""), segments["offender"]),
            ("arrestee", "arrestee_id", pl.lit("A"), segments["arrestee"]),
            ("arrestee", "arrestee_id", pl.lit("B"), group_b),
            ("property_item", "property_id", pl.col("description_code"), segments["property_item"]),
            ("victim_offender", "victim_id", pl.col("offender_id").cast(pl.String), segments["victim_offender"]),
        )
    ]
    return pl.concat(parts)


def _blanked(rows: pl.DataFrame, segment: str, unit: str) -> pl.DataFrame:
    items = [name.removeprefix("true_") for name in rows.columns if name.startswith("true_")]
    return pl.concat(
        rows.filter(pl.col(item).ne_missing(pl.col(f"true_{item}"))).select(
            segment=pl.lit(segment),
            unit_id=pl.col(unit).cast(pl.Int64),
            detail_code=pl.col("detail_code").cast(pl.String),
            item=pl.lit(item),
            value=pl.col(f"true_{item}").cast(pl.String),
        )
        for item in items
    )


def _count(held: pl.DataFrame, measure: pl.Expr) -> pl.DataFrame:
    return held.group_by("agency_id", measure=measure).agg(n=pl.col("incident_id").n_unique().cast(pl.Int64))
