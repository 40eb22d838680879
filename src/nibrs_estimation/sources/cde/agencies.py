"""The agencies of a zip, the months that they reported, and their offenses by month.

Source: handbook 01 and docs/develop/adding-a-source.md; handbook 02.
"""

from __future__ import annotations

import logging

import polars as pl

from nibrs_estimation.model import agency
from nibrs_estimation.model.codes import code_list, ucr_abbr
from nibrs_estimation.model.fields import MONTHS
from nibrs_estimation.sources.cde.accounts import ZipAccounts
from nibrs_estimation.sources.cde.decode import read_typed
from nibrs_estimation.sources.cde.layout import (
    AGENCIES,
    AGENCY,
    FIRST_ISSUE,
    LISTS_MONTHS,
    PARTICIPATION,
    PARTICIPATION_FIELDS,
    REPORTER_FIELDS,
    REPORTERS,
    SCOPES,
)
from nibrs_estimation.sources.intake.accounts import LINE
from nibrs_estimation.sources.intake.archive import Archive
from nibrs_estimation.sources.intake.repeats import without_repeats

_log = logging.getLogger(__name__)

#: Values that mean that there is no area.
_NO_MSA = ("NON-MSA", "NOT SPECIFIED", "NOT AVAILABLE")
#: An empty month is suspicious from this mean number of incidents in the other months. At a constant rate of 10 a
#: month, one month in 22,000 is empty.
SUSPICIOUS_MEAN = 10
#: More officers per 1,000 residents than this are reported as a loss: cities have one to ten, resorts and casinos some
#: dozens. For agencies with few residents (campuses, parks, airports) the ratio is not meaningful.
MOST_OFFICERS_PER_1000 = 50
LEAST_POPULATION = 1000
#: Third and fourth character of the ORI of a tribal agency.
_TRIBAL = "DI"

#: Columns of months, the same for all layouts.
_MONTH_COLUMNS = (*agency.REPORT_MONTH.schema.names(), "incidents")

_FLAGS = (
    "is_covered",
    "is_dormant",
    "is_direct_contributor",
    "is_publishable",
    "is_suburban",
    "is_most_in_population",
    "has_participated",
    "has_participated_nibrs",
    "has_police_employees",
)


def read_agencies(archive: Archive, year: int, layout: str, accounts: ZipAccounts) -> pl.DataFrame:
    """The agencies of the zip, with the columns of the dataset, one row for each.

    Inconsistent data of an agency are recorded as losses; see :data:`~nibrs_estimation.model.intake.LOSSES`.

    Raises:
        PipelineError: see :func:`~nibrs_estimation.sources.cde.decode.read_typed`.
    """
    read = _read_first_issue if layout == FIRST_ISSUE else _read_listed
    agencies = read(archive, year, accounts).with_columns(ucr_abbr(pl.col("state_abbr")))
    if unknown := agencies["population"].null_count():
        _log.warning("%s: %d agencies have no population; 0 is used", archive.path, unknown)
    # Counties are separated by ', ' or '; ', areas by '; ' because their names contain ', '.
    counties, areas = _listed("county_name", r"\s*[;,]\s*"), _listed("msa_name", r"\s*;\s*")
    completed = agencies.with_columns(
        # Defaults for reporting agencies if the zip has no value (handbook 01).
        pl.col("agency_type_name").fill_null("Unknown"),
        pl.col("agency_status").fill_null("A"),
        pl.col("state_name").fill_null(pl.col("state_abbr")),
        pl.col("region_code").fill_null(99),
        pl.col("population").fill_null(0),
        pl.col(_FLAGS).fill_null(False),
        county_name=counties.list.join(";"),
        msa_name=areas.list.join(";"),
        metro_division_name=pl.lit(None, pl.String),
        is_in_msa=pl.col("msa_name").is_not_null() & (areas.list.len() > 0),
        judicial_district_code=pl.lit(None, pl.String),
        field_office_code=pl.lit(None, pl.String),
        universe_scope=pl.lit(SCOPES[layout]),
    )
    _record_implausible_officers(completed, accounts)
    return completed.with_columns(
        pl.when(pl.col("county_name", "msa_name") != "").then(pl.col("county_name", "msa_name"))
    ).select(pl.col(name).cast(dtype) for name, dtype in agency.AGENCY.schema.items())


def _read_listed(archive: Archive, year: int, accounts: ZipAccounts) -> pl.DataFrame:
    agencies = read_typed(archive, AGENCIES, AGENCY.fields, year, accounts)
    agencies = _one_row_each(AGENCIES, agencies, accounts)
    accounts.kept(AGENCIES, agency.AGENCY.name, agencies.height)
    return agencies.with_columns(is_nibrs=(pl.col("reporting_type") == "I").fill_null(False))


def _read_first_issue(archive: Archive, year: int, accounts: ZipAccounts) -> pl.DataFrame:
    """All agencies of the state, with more columns for those that reported incidents.

    Type and status of the other agencies are inferred from the population group and the tribal mark of the ORI; an
    agency is active if it serves a population or reported a month. The type of agencies without residents in a
    population group of cities remains unknown.
    """
    listed = _one_row_each(
        PARTICIPATION, read_typed(archive, PARTICIPATION, PARTICIPATION_FIELDS, year, accounts), accounts
    )
    more = _one_row_each(REPORTERS, read_typed(archive, REPORTERS, REPORTER_FIELDS, year, accounts), accounts)
    more = accounts.set_aside(
        REPORTERS, more, ~more["agency_id"].is_in(listed["agency_id"].implode()), "orphan", "agency_id"
    )
    for member, frame in ((PARTICIPATION, listed), (REPORTERS, more)):
        accounts.kept(member, agency.AGENCY.name, frame.height)
    agencies = listed.drop(LINE).join(more.drop(LINE), on="agency_id", how="left", maintain_order="left")
    group = pl.col("population_group_code").str.head(1)
    resident = pl.col("population") > 0
    reported = pl.max_horizontal("months_reported", "nibrs_months_reported").fill_null(0) > 0
    kind = (
        pl.when(pl.col("ori").str.slice(2, 2) == _TRIBAL)
        .then(pl.lit("Tribal"))
        .when(group.is_in(["8", "9"]))
        .then(pl.lit("County"))
        .when(group.is_in(list("1234567")) & resident)
        .then(pl.lit("City"))
    )
    regions = code_list("state").select("state_abbr", "region_code")
    absent = {name: dtype for name, dtype in agency.AGENCY.schema.items() if name not in agencies.columns}
    agencies = agencies.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in absent.items())
    return (
        agencies.drop("region_code")
        .join(regions, on="state_abbr", how="left", maintain_order="left")
        .with_columns(
            agency_type_name=pl.coalesce("agency_type_name", kind),
            agency_status=pl.coalesce(
                "agency_status", pl.when(resident | reported).then(pl.lit("A")).otherwise(pl.lit("D"))
            ),
            is_covered=pl.col("is_covered").fill_null(False) | pl.col("covered_by_ori").is_not_null(),
            is_publishable=pl.lit(True),
            is_nibrs=pl.col("nibrs_months_reported").fill_null(0) > 0,
            nibrs_start_date=pl.date(pl.col("nibrs_start_year"), 1, 1),
            has_police_employees=pl.col("officers").fill_null(0) > 0,
        )
    )


def _one_row_each(member: str, agencies: pl.DataFrame, accounts: ZipAccounts) -> pl.DataFrame:
    """One row for each agency; different rows of an agency are combined.

    A flag is set if one row sets it (such as participated, publishable), but an agency is covered or dormant only if
    all rows say so, because this removes its crimes from the estimates. It is active if one row says so. The largest
    number, the earliest date and the first text in order are used.
    """
    unique = without_repeats(member, agency.AGENCY, agencies, accounts, position=LINE)
    if unique.height == agencies.height:
        return unique
    several = agencies.filter(pl.col("agency_id").is_duplicated())
    combined_columns = {
        name: _combined(name, dtype)
        for name, dtype in agencies.schema.items()
        if name not in (LINE, "agency_id", "ori", "data_year")
    }
    combined = several.group_by("agency_id").agg(**combined_columns)
    differs = several.drop(LINE).unique().filter(pl.col("agency_id").is_duplicated())
    for ori, rows in differs.group_by("agency_id").agg(pl.col("ori").min(), pl.len()).sort("ori")["ori", "len"].rows():
        _log.warning("agency %s has %d different rows in %s; they are combined", ori, rows, member)
        accounts.lost("agency_in_conflict", f"{member} {ori}", rows)
    return unique.update(combined, on="agency_id", how="left")


def _combined(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if name in ("is_covered", "is_dormant"):
        return column.all(ignore_nulls=True)
    if name == "agency_status":
        return pl.when((column == "A").any()).then(pl.lit("A")).otherwise(column.drop_nulls().min())
    if dtype == pl.Boolean:
        return pl.when(column.is_not_null().any()).then(column.any())
    if dtype.is_numeric():
        return column.max()
    if dtype == pl.Date:
        return column.min()
    # The first text in order, as for all rows with the same key that differ.
    return column.drop_nulls().min()


def with_participation(
    agencies: pl.DataFrame, incidents: pl.DataFrame, year: int, accounts: ZipAccounts
) -> pl.DataFrame:
    """Set the participation flags of agencies that sent incidents of the year.

    Flags that contradict each other or the incidents are recorded as losses.
    """
    with_incidents = incidents.filter(pl.col("incident_date").dt.year() == year)["agency_id"].implode()
    has_incidents = pl.col("agency_id").is_in(with_incidents)
    nibrs = pl.col("has_participated_nibrs") & ~pl.col("has_participated")
    wrong = agencies.filter(nibrs | (has_incidents & ~pl.col("has_participated")))
    for (ori,) in wrong.select("ori").sort("ori").rows():
        accounts.lost("participation_in_conflict", ori)
    return agencies.with_columns(
        has_participated=pl.col("has_participated") | pl.col("has_participated_nibrs") | has_incidents,
        has_participated_nibrs=pl.col("has_participated_nibrs") | (has_incidents & ~pl.col("is_covered")),
    )


def _record_implausible_officers(agencies: pl.DataFrame, accounts: ZipAccounts) -> None:
    """Record agencies with implausibly many officers for their residents; the data are not changed."""
    officers = pl.sum_horizontal("male_officers", "female_officers")
    implausible = agencies.select("ori", "population", officers=officers).filter(
        (pl.col("population") >= LEAST_POPULATION)
        & (pl.col("officers") * 1000 > MOST_OFFICERS_PER_1000 * pl.col("population"))
    )
    for ori, population, number in implausible.sort("ori").rows():
        _log.warning("agency %s counts %d officers for %d residents", ori, number, population)
        accounts.lost("odd_officers", ori, number)


def _listed(column: str, separator: str) -> pl.Expr:
    names = pl.col(column).str.replace_all(separator, ";").str.split(";")
    is_name = ~pl.element().str.to_uppercase().is_in(_NO_MSA) & (pl.element() != "")
    return names.list.eval(pl.element().filter(is_name)).list.unique().list.sort()


def report_months(
    agencies: pl.DataFrame, incidents: pl.DataFrame, months: pl.DataFrame | None, year: int, layout: str
) -> pl.DataFrame:
    """The months of the zip's year that the agencies reported, with an additional column ``incidents``.

    Until 2020, the zip lists all months of agencies, including empty ones. The layout since 2021 lists only incidents:
    a month with an incident is reported; a month without incidents of an agency that participated is counted
    as a zero report from its start of NIBRS on, and as not reported before that or if the start is unknown. If an
    excerpt has no months, only months with incidents are reported.

    Args:
        agencies: agencies of the zip.
        incidents: incidents of the zip, with ``agency_id`` and ``incident_date``.
        months: monthly reports of the zip, or None if an excerpt lacks them.
        year: data year of the zip.
        layout: layout of the zip.
    """
    date = pl.col("incident_date")
    with_incidents = (
        incidents.filter(date.dt.year() == year).group_by("agency_id", month=date.dt.month()).agg(incidents=pl.len())
    )
    grid = (
        agencies.join(pl.DataFrame({"month": MONTHS}, schema={"month": pl.Int8}), how="cross")
        .join(with_incidents, on=["agency_id", "month"], how="left")
        .with_columns(pl.col("incidents").fill_null(0), form_code=pl.lit("N"))
    )
    if months is not None and layout in LISTS_MONTHS:
        return _listed_months(grid, months, year)
    if months is None:
        grid = grid.filter(pl.col("incidents") > 0)
    first_of_month = pl.date(year, pl.col("month"), 1)
    has_started = pl.col("has_participated") & (pl.col("nibrs_start_date").dt.month_start() <= first_of_month)
    reported = grid.filter((pl.col("incidents") > 0) | has_started).with_columns(
        status=pl.when(pl.col("incidents") > 0).then(pl.lit("I")).otherwise(pl.lit("Z")),
        status_source=pl.when(pl.col("incidents") > 0).then(pl.lit("reported")).otherwise(pl.lit("inferred")),
    )
    return reported.select(_MONTH_COLUMNS)


def _listed_months(grid: pl.DataFrame, months: pl.DataFrame, year: int) -> pl.DataFrame:
    is_reported = pl.col("status").is_in(["I", "Z"]) & (pl.col("form_year") == year)
    # A month may have several forms, with incidents and without.
    listed = months.filter(is_reported).group_by("agency_id", "month").agg(listed=pl.col("status").min())
    return (
        grid.join(listed, on=["agency_id", "month"], how="left")
        .with_columns(
            status=pl.when(pl.col("incidents") > 0).then(pl.lit("I")).otherwise("listed"),
            status_source=pl.lit("reported"),
        )
        .filter(pl.col("status").is_not_null())
        .select(_MONTH_COLUMNS)
    )


def record_suspicious_gaps(months: pl.DataFrame, accounts: ZipAccounts) -> None:
    """Record months without incidents of agencies with many incidents; the data are not changed."""
    mean = pl.col("incidents").filter(pl.col("incidents") > 0).mean().over("agency_id")
    gaps = months.with_columns(mean=mean).filter((pl.col("incidents") == 0) & (pl.col("mean") >= SUSPICIOUS_MEAN))
    for ori, year, month, number in gaps.sort("ori", "month").select("ori", "data_year", "month", "mean").rows():
        accounts.lost("suspicious_gap", f"{ori} {year}-{month:02}", round(number))
