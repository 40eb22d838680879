"""Counties: coverage with flags, and the counts of respondents (handbook 08).

A county has no weights: its number is what respondents counted, not an estimate of all agencies. An agency in several
counties is divided by its residents.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy import sparse

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.counties import COUNTY_COUNT, COUNTY_COVERAGE, COUNTY_FLAGS, COUNTY_TABLES, DIVIDED
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.task import DocumentWriter
from nibrs_estimation.stages.coverage.pieces import county_pieces
from nibrs_estimation.survey.cells import CATEGORIES, Counts
from nibrs_estimation.tables.caution import SEPARATOR, cautions
from nibrs_estimation.tables.matrices.profiles import CountedProfiles
from nibrs_estimation.tables.matrices.table_matrix import total_row
from nibrs_estimation.tables.read import table_definition

#: Cautions of estimates that say something of a place without estimates.
_CAUTIONS = ("low_coverage", "giant_missing", "few_respondents")
#: Columns of ``counties.csv``.
_SHOWN = {
    "1a": ("violent_crime", "murder", "revised_rape", "robbery", "aggravated_assault", "simple_assault"),
    "1b": ("property_crime", "burglary", "larceny", "vehicle_theft", "arson"),
    "1c": ("drug_narcotic", "weapon_law"),
}
#: Relative difference by which sums over counties may differ from sums over agencies.
_ROUNDING = 1e-9


def describe_counties(
    universe: pl.LazyFrame, weighting_frame: pl.LazyFrame, agency_county: pl.LazyFrame, year: int
) -> pl.DataFrame:
    """Count agencies and residents of each county, and flag what its numbers lack; empty if no county is known."""
    placed = _placed(weighting_frame, agency_county, year)
    if placed.is_empty():
        return COUNTY_COVERAGE.empty().collect()
    scopes = universe.select("agency_id", "universe_scope").collect()
    size = pl.col("n_total") * pl.col("share")
    rows = placed.join(scopes, on="agency_id", how="left").with_columns(size=size)
    size, responds = pl.col("size"), pl.col("is_respondent")

    def share(part: pl.Expr) -> pl.Expr:
        return pl.when(size.sum() > 0).then(part / size.sum())

    counties = rows.group_by("county_fips").agg(
        pl.col("county_name").drop_nulls().first(),
        pl.col("state_abbr").first(),
        eligible_agencies=pl.len(),
        responding_agencies=responds.sum(),
        population=pl.col("people").sum(),
        population_responding=pl.col("people").filter(responds).sum(),
        crime_coverage=share(size.filter(responds).sum()),
        largest_missing_share=share(size.filter(~responds).max().fill_null(0.0)).fill_null(0.0),
        divided_share=share(size.filter(pl.col("n_counties") > 1).sum()).fill_null(0.0),
        is_whole=(pl.col("universe_scope") != "reporting").all(),
    )
    found = counties.with_columns(
        population_coverage=pl.when("is_whole", pl.col("population") > 0).then(
            pl.col("population_responding") / pl.col("population")
        )
    ).with_columns(flags=_flags())
    return COUNTY_COVERAGE.cast(found.sort("county_fips"))


def count_counties(
    weighting_frame: pl.LazyFrame,
    agency_county: pl.LazyFrame,
    unit_profile: pl.LazyFrame,
    profile_signature: pl.LazyFrame,
    profile_count: pl.LazyFrame,
    incident_profile: pl.LazyFrame,
    block_reference: pl.LazyFrame,
    year: int,
) -> pl.DataFrame:
    """Divide the incidents of respondents among the counties of their residents.

    Raises:
        PipelineError: the sum over counties is not that over agencies.
    """
    placed = _placed(weighting_frame, agency_county, year).filter("is_respondent")
    if placed.is_empty():
        return COUNTY_COUNT.empty().collect()
    agencies, counties = placed["agency_id"].unique().sort(), placed["county_fips"].unique().sort()
    places = (counties.search_sorted(placed["county_fips"]), agencies.search_sorted(placed["agency_id"]))
    shares = sparse.csr_array((placed["share"], places), shape=(len(counties), len(agencies)))
    # Totals are not of categories of agencies, so these need not be known.
    none = {variable: np.zeros(len(agencies), dtype=np.int8) for variable, _category in CATEGORIES}
    counted = CountedProfiles(unit_profile, profile_signature, profile_count, incident_profile)
    counts = Counts(agencies, counted, block_reference, none)
    parts = []
    for name in COUNTY_TABLES:
        table = table_definition(name)
        matrices, n = counts.of_table(table).of(), len(table.columns)
        first = n * (total_row(table) - 1)
        sums = {}
        for kind in ("completed", "own"):
            of_agencies = getattr(matrices, kind)[:, first : first + n]
            sums[kind] = (shares @ of_agencies).toarray()
            if not np.allclose(sums[kind].sum(axis=0), of_agencies.sum(axis=0), rtol=_ROUNDING):
                raise PipelineError(
                    f"Table {name}: incidents by county do not add up to those of agencies. The shares of an agency in "
                    "agency_county are not of one year: correct the file and run again."
                )
        county, column = np.nonzero(sums["completed"])
        parts.append(
            pl.DataFrame(
                {
                    "county_fips": counties.gather(county),
                    "table_name": [name] * len(county),
                    "column": column + 1,
                    "completed": sums["completed"][county, column],
                    "reported": sums["own"][county, column],
                },
                schema_overrides={"table_name": pl.String},
            )
        )
    return COUNTY_COUNT.cast(pl.concat(parts).sort(COUNTY_COUNT.primary_key))


def write_counties(
    county_coverage: pl.LazyFrame, county_count: pl.LazyFrame, identity: Identity
) -> dict[str, DocumentWriter]:
    """Write ``counties.csv``: coverage, flags, and the incidents of respondents in the main columns."""
    rows = county_coverage
    for name, columns in _SHOWN.items():
        table = table_definition(name)
        for column in columns:
            position = table.column(column).position
            of_column = county_count.filter((pl.col("table_name") == name) & (pl.col("column") == position))
            counts = of_column.select("county_fips", pl.col("completed").alias(f"incidents_{column}"))
            rows = rows.join(counts, on="county_fips", how="left")
    written = (
        rows.with_columns(
            pl.selectors.starts_with("incidents_").fill_null(0.0),
            data_year=pl.lit(identity.year, dtype=pl.Int32),
            **{name: pl.lit(value) for name, value in identity.columns().items()},
        )
        .sort("county_fips")
        .collect()
    )
    return {"counties.csv": written.write_csv}


def _placed(weighting_frame: pl.LazyFrame, agency_county: pl.LazyFrame, year: int) -> pl.DataFrame:
    """Eligible agencies in their counties: ``county_fips``, ``share`` of the agency, ``people``, ``n_counties``.

    Agencies without a county stand under the code SS000 of their state; without any county the result is empty.
    """
    frame = weighting_frame.select(
        "agency_id", "ori", "state_abbr", "is_respondent", "n_total", served="population"
    ).collect()
    pieces = county_pieces(frame, agency_county.filter(pl.col("data_year") == year).collect())
    columns = ("agency_id", "county_fips", "county_name", "people", "share")
    located = pieces.with_columns(pl.col("people").cast(pl.Int64), share="piece_share").select(columns)
    if located.is_empty():
        return located.join(frame, on="agency_id").with_columns(n_counties=pl.len())
    states = code_list("state").select("state_abbr", "state_fips")
    elsewhere = (
        frame.join(located, on="agency_id", how="anti")
        .join(states, on="state_abbr", how="left")
        .select(
            "agency_id",
            county_fips=pl.col("state_fips") + "000",
            county_name=pl.lit(None, pl.String),
            people=pl.col("served").cast(pl.Int64),
            share=pl.lit(1.0),
        )
    )
    of_county = states.select(state_fips="state_fips", county_state="state_abbr")
    return (
        pl.concat([located, elsewhere])
        .join(frame, on="agency_id")
        .join(of_county, left_on=pl.col("county_fips").str.head(2), right_on="state_fips", how="left")
        .with_columns(state_abbr=pl.coalesce("county_state", "state_abbr"), n_counties=pl.len().over("agency_id"))
        .sort("county_fips", "agency_id")
    )


def _flags() -> pl.Expr:
    responding = pl.col("responding_agencies")
    tests = {code: cautions()[code].is_met() for code in _CAUTIONS} | {
        "none_reported": responding == 0,
        "divided": pl.col("divided_share") > DIVIDED,
        "no_county": pl.col("county_fips").str.ends_with("000"),
    }
    codes = [pl.when(tests[code]).then(pl.lit(code)) for code in COUNTY_FLAGS]
    joined = pl.concat_str(codes, separator=SEPARATOR, ignore_nulls=True)
    return pl.when(joined != "").then(joined)
