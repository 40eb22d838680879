"""The frame: eligibility and weight class of every agency."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.universe import UNIVERSE
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.survey.eligibility import ineligible_reason, with_own_reports


def define_universe(agency: pl.LazyFrame, agency_month_offense: pl.LazyFrame, year: int) -> pl.LazyFrame:
    """Determine for each agency whether it is eligible, and its national weight class.

    An agency is eligible if it is active, not covered by another, not dormant, not federal, and in one of the 50 states
    or DC (handbook 01). An agency with incidents of the year on file is treated as active and not covered, whatever its
    flags. Weight classes depend on population group and population (handbook 07).

    Raises:
        PipelineError: there is no agency in the year, or an eligible one has a population group without weight class.
    """
    _require_year(agency, year)
    agency = with_own_reports(agency, agency_month_offense)
    agencies = agency.filter(pl.col("data_year") == year).with_columns(ineligible_reason=ineligible_reason())
    universe = agencies.with_columns(
        is_eligible=pl.col("ineligible_reason").is_null(), has_population=pl.col("population") > 0
    ).join(code_list("weight_class_rule").lazy(), on=["population_group_code", "has_population"], how="left")
    universe = universe.with_columns(weight_class=pl.when("is_eligible").then("weight_class"))
    _require_weight_class(universe.filter(pl.col("is_eligible") & pl.col("weight_class").is_null()).collect())
    return universe.select(UNIVERSE.schema.names())


def _require_year(agency: pl.LazyFrame, year: int) -> None:
    years = agency.select(pl.col("data_year").unique().sort()).collect()["data_year"].to_list()
    if year not in years:
        raise PipelineError(
            f"Dataset agency contains no agencies of data year {year}, only of "
            f"{', '.join(map(str, years)) or 'no year'}. Give another data year (--year or DATA_YEAR), or another "
            "source."
        )


def _require_weight_class(without: pl.DataFrame) -> None:
    if without.height:
        first = without.sort("agency_id").row(0, named=True)
        raise PipelineError(
            f"{without.height} eligible agencies have no weight class, the first {first['ori']} with population group "
            f"{first['population_group_code']!r}. Correct the population group in dataset agency: it must be one of "
            "1A to 9E."
        )
