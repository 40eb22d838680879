"""The segments of a state's incidents: decode, complete, set faulty rows aside.

The data dictionary describes the columns.
"""

from __future__ import annotations

import logging

import polars as pl

from nibrs_estimation.model.agency import REPORT_MONTH
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.cde.accounts import FEW_ROWS, ZipAccounts
from nibrs_estimation.sources.cde.decode import IN_YEARS, can_decode, read_typed
from nibrs_estimation.sources.cde.layout import (
    AGENCIES,
    INCIDENT,
    MONTH,
    MONTH_FIELDS,
    PARENTS,
    SEGMENTS,
    Segment,
    name_in,
)
from nibrs_estimation.sources.cde.text import header_of
from nibrs_estimation.sources.completeness import Childless, childless
from nibrs_estimation.sources.intake.accounts import LINE
from nibrs_estimation.sources.intake.archive import Archive
from nibrs_estimation.sources.intake.repeats import without_repeats

_log = logging.getLogger(__name__)

_ARRESTEES = "nibrs_arrestee"
_OFFENSE = next(segment for segment in SEGMENTS if segment.member == "nibrs_offense")


def read_months(archive: Archive, agency_ids: pl.Series, year: int, accounts: ZipAccounts) -> pl.DataFrame | None:
    """The monthly reports of the zip's agencies, or None if an excerpt lacks them; raises like `read_segments`."""
    if MONTH not in archive.members:
        return None
    months = read_typed(archive, MONTH, MONTH_FIELDS, year, accounts)
    is_orphan = ~months["agency_id"].is_in(agency_ids.implode())
    months = accounts.set_aside(MONTH, months, is_orphan, "orphan", "agency_id")
    accounts.kept(MONTH, REPORT_MONTH.name, months.height)
    return months


def read_dated_offenses(
    archive: Archive, agency_ids: pl.Series, year: int, accounts: ZipAccounts
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Incidents and offenses with only agency, date and code; raises like :func:`read_segments`.

    The columns are the first of their members, so that the same one of repeated rows is kept as in
    :func:`read_segments`.
    """
    incidents = _read_incidents(archive, agency_ids, year, accounts, ("incident_id", "agency_id", "incident_date"))
    if _OFFENSE.member not in archive.members:
        return incidents, pl.DataFrame(schema={"incident_id": pl.Int64(), "offense_code": pl.String()})
    offenses = _read(archive, _OFFENSE, year, accounts, ("offense_id", "incident_id", "offense_code"))
    ids = {INCIDENT.member: incidents["incident_id"]}
    offenses = _without_orphans(archive, _OFFENSE, offenses, ids, accounts)
    for found in childless({INCIDENT.dataset.name: incidents, _OFFENSE.dataset.name: offenses}):
        _check_share(archive, INCIDENT.member, _OFFENSE.member, found, accounts)
    return incidents, offenses


def read_segments(
    archive: Archive,
    agency_ids: pl.Series,
    months: pl.DataFrame | None,
    state: str,
    year: int,
    accounts: ZipAccounts,
) -> dict[str, pl.DataFrame]:
    """All segments of the zip by dataset name, with the columns of the dataset.

    Members that are missing in an excerpt, and Group B members if the data year has none, have no rows.

    Raises:
        PipelineError: see :func:`~nibrs_estimation.sources.cde.decode.read_typed`; also if too many rows lack a
            required row in another member.
    """
    incidents = _dated(_read_incidents(archive, agency_ids, year, accounts), months)
    ids = {INCIDENT.member: incidents["incident_id"]}
    _count_kept(accounts, INCIDENT, incidents, year)
    if not archive.is_excerpt:
        accounts.check_shares(archive.where(INCIDENT.member), INCIDENT.member)
    parts: dict[str, list[pl.DataFrame]] = {segment.dataset.name: [] for segment in SEGMENTS}
    parts[INCIDENT.dataset.name].append(_completed(incidents, INCIDENT.dataset, state))
    for segment in SEGMENTS:
        if segment is INCIDENT:
            continue
        if not _can_read(archive, segment):
            parts[segment.dataset.name].append(segment.dataset.empty().collect())
            continue
        frame = _without_orphans(archive, segment, _read(archive, segment, year, accounts), ids, accounts)
        if segment.member in PARENTS.values():
            ids[segment.member] = frame[segment.dataset.primary_key[-1]]
        if segment.member == _ARRESTEES:
            frame = frame.join(
                incidents.select("incident_id", "agency_id", "form_year", "form_month"), on="incident_id", how="left"
            )
        _count_kept(accounts, segment, frame, year)
        parts[segment.dataset.name].append(_completed(frame, segment.dataset, state))
        if not archive.is_excerpt:
            accounts.check_shares(archive.where(segment.member), segment.member)
    segments = {name: pl.concat(frames) for name, frames in parts.items()}
    _check_completeness(archive, segments, accounts)
    _check_months(archive, incidents, months, accounts)
    return segments


def _check_completeness(archive: Archive, segments: dict[str, pl.DataFrame], accounts: ZipAccounts) -> None:
    """Raise an error if a table is incomplete; record a loss if only a few records lack a required child.

    For excerpts, only losses are recorded. Missing members are recorded elsewhere.
    """
    for found in childless(segments):
        parent, child = (_member_of(name, is_group_b=found.is_group_b) for name in (found.parent, found.child))
        if child not in archive.members:
            continue
        _check_share(archive, parent, child, found, accounts)
    for segment in SEGMENTS:
        above = [PARENTS[field.header] for field in segment.fields.values() if field.header in PARENTS]
        parents = max((accounts.rows_kept(member) for member in above), default=0)
        if segment.member in archive.members and parents >= FEW_ROWS and not accounts.rows_read(segment.member):
            accounts.lost("empty_table", segment.member, parents)


def _check_months(
    archive: Archive, incidents: pl.DataFrame, months: pl.DataFrame | None, accounts: ZipAccounts
) -> None:
    """Check that every incident belongs to a monthly report in the zip."""
    key = "nibrs_month_id"
    if months is None or incidents.is_empty():
        return
    lacking = int((~incidents[key].is_in(months[key].implode())).fill_null(True).sum())
    if lacking:
        found = Childless(INCIDENT.dataset.name, REPORT_MONTH.name, False, lacking, incidents.height, months.height)
        _check_share(archive, INCIDENT.member, MONTH, found, accounts)


def _check_share(archive: Archive, parent: str, child: str, found: Childless, accounts: ZipAccounts) -> None:
    if found.is_too_many and not archive.is_excerpt:
        raise PipelineError(
            f"{archive.where(child)}: {found.share} of the rows of {parent} that could be read have no row in it, "
            "although each must have one, so the member is incomplete. Totals would be far too low: use the "
            "complete zip as downloaded from the Crime Data Explorer."
        )
    accounts.lost("no_child", f"{parent} without {child} ({found.share})", found.rows)


def _member_of(dataset: str, *, is_group_b: bool) -> str:
    of_dataset = [segment for segment in SEGMENTS if segment.dataset.name == dataset]
    return next(
        (segment.member for segment in of_dataset if segment.constants.get("is_group_b", False) == is_group_b),
        of_dataset[0].member,
    )


def _read_incidents(
    archive: Archive, agency_ids: pl.Series, year: int, accounts: ZipAccounts, only: tuple[str, ...] = ()
) -> pl.DataFrame:
    incidents = _read(archive, INCIDENT, year, accounts, only)
    incidents = _without_orphans(archive, INCIDENT, incidents, {AGENCIES: agency_ids}, accounts)
    # An incident may be reported late, but not years before or after its file's year.
    is_far = incidents.select((pl.col("incident_date").dt.year() - year).abs() > 1).to_series()
    return accounts.set_aside(INCIDENT.member, incidents, is_far, "impossible_date", "incident_date")


def _read(
    archive: Archive, segment: Segment, year: int, accounts: ZipAccounts, only: tuple[str, ...] = ()
) -> pl.DataFrame:
    fields = {name: segment.fields[name] for name in only} if only else segment.fields
    frame = read_typed(archive, segment.member, fields, year, accounts)
    if "age_num" in frame.columns:
        frame = _with_demographics(archive, segment, frame)
    frame = frame.with_columns(pl.lit(value).alias(name) for name, value in segment.constants.items())
    return without_repeats(segment.member, segment.dataset, frame, accounts, position=LINE)


def _dated(incidents: pl.DataFrame, months: pl.DataFrame | None) -> pl.DataFrame:
    """Year of the incident, and year and month of its report (docs/develop/adding-a-source.md)."""
    date = pl.col("incident_date")
    years, numbers = [], []
    for key in ("nibrs_month_id", "did"):
        if months is None or key not in months.columns or key not in incidents.columns:
            continue
        years.append(f"year by {key}")
        numbers.append(f"month by {key}")
        of_key = (
            months.drop_nulls(key)
            .sort(key, "form_year", "month")
            .unique(key, keep="first", maintain_order=True)
            .select(key, pl.col("form_year").alias(years[-1]), pl.col("month").alias(numbers[-1]))
        )
        incidents = incidents.join(of_key, on=key, how="left", maintain_order="left")
    return incidents.with_columns(
        data_year=date.dt.year().cast(pl.Int16),
        form_year=pl.coalesce(*years, date.dt.year().cast(pl.Int16)),
        form_month=pl.coalesce(*numbers, date.dt.month()),
        is_report_date=pl.col("is_report_date").fill_null(False),
    )


def _with_demographics(archive: Archive, segment: Segment, persons: pl.DataFrame) -> pl.DataFrame:
    is_in_years = pl.col("age_code") == IN_YEARS
    two_digits = pl.col("age_num").str.zfill(2)
    # Earlier zips give the years in addition to the code AG; without years, the age is unknown.
    is_number = two_digits.str.contains(r"^\d\d$")
    code = pl.when(is_in_years).then(pl.when(is_number).then(two_digits).otherwise(pl.lit("00"))).otherwise("age_code")
    # For codes 00 (unknown) and 99 (over 98), the number adds no information.
    differ = persons.select((~is_in_years & (pl.col("age_code") > "00") & (two_digits != pl.col("age_code"))).sum())
    if differ.item() and not persons["age_code"].eq(IN_YEARS).any():
        _log.warning(
            "%s: age_num contradicts age_id on %d rows; age_id is taken",
            archive.where(segment.member),
            differ.item(),
        )
    years = pl.col("age_code").cast(pl.Int16, strict=False)
    return (
        persons.with_columns(age_code=code)
        # 00 and 99 are codes, not years (data dictionary).
        .with_columns(age_years=pl.when(years.is_between(1, 98)).then(years))
        .drop("age_num")
    )


def _without_orphans(
    archive: Archive, segment: Segment, frame: pl.DataFrame, ids: dict[str, pl.Series], accounts: ZipAccounts
) -> pl.DataFrame:
    """Remove rows whose parents were not kept (docs/develop/adding-a-source.md)."""
    for name, field in segment.fields.items():
        parent = PARENTS.get(field.header)
        if parent is None or parent == segment.member or (archive.is_excerpt and parent not in ids):
            continue
        is_orphan = ~frame[name].is_in(ids[parent].implode())
        frame = accounts.set_aside(segment.member, frame, is_orphan, "orphan", name)
    return frame


def _can_read(archive: Archive, segment: Segment) -> bool:
    """Whether the member and the lookup tables of its required fields exist."""
    if segment.member not in archive.members:
        return False
    header = header_of(archive.first_line(segment.member))
    needed = [name_in(header, field.header) for field in segment.fields.values() if field.is_required]
    return all(can_decode(archive, name) for name in needed)


def _count_kept(accounts: ZipAccounts, segment: Segment, frame: pl.DataFrame, year: int) -> None:
    other = int((frame["data_year"] != year).sum()) if segment is INCIDENT else 0
    accounts.kept(segment.member, segment.dataset.name, frame.height, other)


def _completed(frame: pl.DataFrame, dataset: Dataset, state: str) -> pl.DataFrame:
    """The columns of the dataset; columns that the member lacks are null."""
    frame = frame.with_columns(state_abbr=pl.lit(state))
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in dataset.schema.items()
    )
