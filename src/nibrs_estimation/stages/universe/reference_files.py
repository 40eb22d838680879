"""The universe, RETA-MM and related files in the layouts of the reference pipeline, for comparison with its files.

Source: handbook 01 and 02.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.pipeline.task import DocumentWriter
from nibrs_estimation.stages.universe.reta_mm import reta_mm

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_STATUS = {"A": "Active", "F": "Federal", "L": "LEOKA"}


def universe_file(agency: pl.LazyFrame, year: int) -> pl.LazyFrame:
    """All columns of the universe file of a year, upper case, in its order, sorted by AGENCY_ID (handbook 01)."""
    numbers = ("state_id", "division_code")
    states = (
        code_list("state").lazy().select("state_abbr", "state_postal_abbr", *numbers, "division_name", "region_name")
    )
    regions = code_list("region").lazy().select(region_code=pl.col("code").cast(pl.Int8), region_desc="description")
    groups = (
        code_list("population_group")
        .lazy()
        .select(
            "parent_code",
            "parent_label",
            population_group_code="code",
            population_group_id=pl.col("population_group_id").cast(pl.Int16),
        )
    )
    officers, civilians = (pl.col(f"male_{kind}") + pl.col(f"female_{kind}") for kind in ("officers", "civilians"))
    return (
        agency.filter(pl.col("data_year") == year)
        .join(states, on="state_abbr", how="left")
        .join(regions, on="region_code", how="left")
        .join(groups, on="population_group_code", how="left")
        .sort("agency_id")
        .select(
            YEARLY_AGENCY_ID=pl.col("agency_id").cast(pl.Int64) * 10_000 + year,
            AGENCY_ID="agency_id",
            DATA_YEAR="data_year",
            ORI="ori",
            LEGACY_ORI="legacy_ori",
            COVERED_BY_LEGACY_ORI="covered_by_ori",
            DIRECT_CONTRIBUTOR_FLAG=_flag("is_direct_contributor"),
            DORMANT_FLAG=_flag("is_dormant"),
            DORMANT_YEAR=pl.lit(None, pl.Int16),
            REPORTING_TYPE=pl.when("is_nibrs").then(pl.lit("I")).otherwise(pl.lit("S")),
            UCR_AGENCY_NAME="agency_name",
            NCIC_AGENCY_NAME="ncic_agency_name",
            PUB_AGENCY_NAME="published_agency_name",
            PUB_AGENCY_UNIT="published_agency_unit",
            AGENCY_STATUS="agency_status",
            STATE_ID="state_id",
            STATE_NAME="state_name",
            STATE_ABBR="state_abbr",
            STATE_POSTAL_ABBR="state_postal_abbr",
            DIVISION_CODE="division_code",
            DIVISION_NAME="division_name",
            REGION_CODE="region_code",
            REGION_NAME="region_name",
            REGION_DESC="region_desc",
            AGENCY_TYPE_NAME="agency_type_name",
            POPULATION="population",
            SUBMITTING_AGENCY_ID="submitting_agency_id",
            SAI="submitting_agency_sai",
            SUBMITTING_AGENCY_NAME="submitting_agency_name",
            SUBURBAN_AREA_FLAG=_flag("is_suburban"),
            POPULATION_GROUP_ID="population_group_id",
            POPULATION_GROUP_CODE="population_group_code",
            POPULATION_GROUP_DESC="population_group_desc",
            PARENT_POP_GROUP_CODE="parent_code",
            PARENT_POP_GROUP_DESC="parent_label",
            POP_SORT_ORDER="population_group_id",
            MIP_FLAG=_flag("is_most_in_population"),
            SUMMARY_RAPE_DEF=pl.lit(None, pl.String),
            PE_REPORTED_FLAG=_flag("has_police_employees"),
            PE_MALE_OFFICER_COUNT="male_officers",
            PE_MALE_CIVILIAN_COUNT="male_civilians",
            **{"MALE_OFFICER+MALE_CIVILIAN": pl.col("male_officers") + pl.col("male_civilians")},
            PE_FEMALE_OFFICER_COUNT="female_officers",
            PE_FEMALE_CIVILIAN_COUNT="female_civilians",
            **{"FEMALE_OFFICER+FEMALE_CIVILIAN": pl.col("female_officers") + pl.col("female_civilians")},
            OFFICER_RATE=_rate(officers),
            EMPLOYEE_RATE=_rate(officers + civilians),
            NIBRS_CERT_DATE="nibrs_certification_date",
            NIBRS_START_DATE="nibrs_start_date",
            NIBRS_LEOKA_START_DATE="nibrs_leoka_start_date",
            NIBRS_CT_START_DATE="nibrs_cargo_theft_start_date",
            NIBRS_MULTI_BIAS_START_DATE="nibrs_multi_bias_start_date",
            NIBRS_OFF_ETH_START_DATE="nibrs_offender_ethnicity_start_date",
            COVERED_FLAG=_flag("is_covered"),
            COUNTY_NAME="county_name",
            MSA_NAME="msa_name",
            METRO_DIVISION="metro_division_name",
            PUBLISHABLE_FLAG=_flag("is_publishable"),
            PARTICIPATED=_flag("has_participated"),
            NIBRS_PARTICIPATED=_flag("has_participated_nibrs"),
            JUDICIAL_DISTRICT_CODE="judicial_district_code",
            FIELD_OFFICE="field_office_code",
        )
    )


def write_ref_agency(agency: pl.LazyFrame, year: int) -> dict[str, DocumentWriter]:
    """Write the universe of the data year as the reference pipeline's `orig_ref_agency_{year}.csv`."""
    return {"ref_agency.csv": _writer(universe_file(agency, year).collect())}


def write_reta_mm(
    agency: pl.LazyFrame, report_month: pl.LazyFrame, srs_month: pl.LazyFrame, year: int
) -> dict[str, DocumentWriter]:
    """Write months and Return A counts as `UCR_SRS_{year}_clean_reta_mm_selected_vars.csv` (handbook 02)."""
    return {"reta_mm.csv": _writer(reta_mm(universe_file(agency, year), report_month, srs_month, year))}


def write_msa_by_provider(agency: pl.LazyFrame, year: int) -> dict[str, DocumentWriter]:
    """Write whether agencies are in a metropolitan area, as `CIUS_MSA_by_provider_{year}.csv` (handbook 02).

    If the FBI's table does not state it, agencies with an area or in a population group of MSA counties are in one.
    """
    by_place = pl.col("msa_name").is_not_null() | pl.col("population_group_code").str.starts_with("9").fill_null(False)
    providers = (
        agency.filter(pl.col("data_year") == year)
        .select(
            ORI="legacy_ori",
            In_MSA=_flag(pl.coalesce("is_in_msa", by_place)),
            **{"Estimated Population": pl.col("population")},
        )
        .unique()
        .sort("ORI", "In_MSA", "Estimated Population")
    )
    return {"cius_msa_by_provider.csv": _writer(providers.collect())}


def write_missing_months(agency: pl.LazyFrame, report_month: pl.LazyFrame, year: int) -> dict[str, DocumentWriter]:
    """Write the months of incident reports as the reference pipeline's `missing_months_{year}.csv` (handbook 02).

    Months before an agency started NIBRS reporting count as not reported.
    """
    agencies = agency.filter(pl.col("data_year") == year).sort("agency_id")
    reported = report_month.filter(
        (pl.col("data_year") == year) & (pl.col("form_code") == "N") & pl.col("status").is_in(["I", "Z"])
    ).select("agency_id", "month", is_reported=True)
    started = pl.col("nibrs_start_date").dt.month_start() <= pl.date(year, pl.col("month"), 1)
    flags = (
        agencies.select("agency_id", "nibrs_start_date")
        .join(pl.LazyFrame({"month": range(1, 13)}, schema={"month": pl.Int8}), how="cross")
        .join(reported, on=["agency_id", "month"], how="left")
        .select(
            "agency_id", "month", flag=(pl.col("is_reported").fill_null(False) & started.fill_null(False)).cast(pl.Int8)
        )
        .collect()
        .pivot("month", index="agency_id", values="flag")
        .rename({str(number): f"{name}_MM_FLAG" for number, name in enumerate(_MONTHS, start=1)})
    )
    parents = code_list("population_group").lazy().select(population_group_code="code", parent="parent_code")
    rows = (
        agencies.join(parents, on="population_group_code", how="left", maintain_order="left")
        .join(flags.lazy(), on="agency_id", how="left", maintain_order="left")
        .select(
            STATE_NAME="state_name",
            ORI="ori",
            UCR_AGENCY_NAME="agency_name",
            AGENCY_STATUS=pl.col("agency_status").replace_strict(_STATUS, default=None, return_dtype=pl.String),
            PUBLISHABLE_FLAG=_flag("is_publishable"),
            COVERED_FLAG=_flag("is_covered"),
            DORMANT_FLAG=_flag("is_dormant"),
            AGENCY_TYPE_NAME="agency_type_name",
            POPULATION="population",
            PARENT_POP_GROUP_CODE="parent",
            DATA_YEAR="data_year",
            **{f"{name}_MM_FLAG": f"{name}_MM_FLAG" for name in _MONTHS},
        )
    )
    return {"missing_months.csv": _writer(rows.collect())}


def _flag(column: str | pl.Expr) -> pl.Expr:
    """Y or N; N if unknown."""
    return pl.when(column).then(pl.lit("Y")).otherwise(pl.lit("N"))


def _rate(persons: pl.Expr) -> pl.Expr:
    population = pl.col("population")
    return (
        pl.when(population > 0).then((persons * 1000 / population).round(1, mode="half_away_from_zero")).otherwise(0.0)
    )


def _writer(frame: pl.DataFrame) -> Callable[[Path], None]:
    return frame.write_csv
