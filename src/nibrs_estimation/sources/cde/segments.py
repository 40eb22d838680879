"""The segments of a state's incidents: decode, complete, check keys, drop orphans.

Source: specification 02, sections 2.3, 3 and 12.4.
"""

from __future__ import annotations

import logging

import polars as pl

from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.cde.archive import Archive
from nibrs_estimation.sources.cde.decode import read_typed
from nibrs_estimation.sources.cde.layout import (
    AGENCIES,
    AGENCY,
    INCIDENT,
    MONTH,
    MONTH_FIELDS,
    PARENTS,
    SEGMENTS,
    Segment,
)
from nibrs_estimation.sources.cde.text import LINE

_log = logging.getLogger(__name__)

#: "Not specified", which means a blank (02 section 3).
_NOT_SPECIFIED = {"age_code": "NS", "sex_code": "X", "race_code": "NS", "ethnicity_code": "X"}


def read_incidents(archive: Archive) -> pl.DataFrame:
    """The incidents of the zip, without duplicates and without those of agencies that the zip does not list.

    Raises:
        PipelineError: as :func:`~nibrs_estimation.sources.cde.decode.read_typed`, and for two different rows with one
            key; names the member and the key.
    """
    agencies = read_typed(archive, AGENCIES, {"agency_id": AGENCY.fields["agency_id"]})
    return _without_orphans(archive, INCIDENT, _read(archive, INCIDENT), {AGENCIES: agencies["agency_id"]})


def read_segments(archive: Archive, state: str) -> dict[str, pl.DataFrame]:
    """Every segment of the zip by dataset name, with exactly the dataset's columns; raises as :func:`read_incidents`.

    Members of Group B may be absent: data year 2021 has none.
    """
    incidents = read_incidents(archive)
    ids = {INCIDENT.member: incidents["incident_id"]}
    parts: dict[str, list[pl.DataFrame]] = {INCIDENT.dataset.name: [_completed(incidents, INCIDENT, state)]}
    for segment in SEGMENTS:
        if segment is INCIDENT or segment.member not in archive.members:
            continue
        frame = _without_orphans(archive, segment, _read(archive, segment), ids)
        if segment.member in PARENTS.values():
            ids[segment.member] = frame[segment.dataset.primary_key[-1]]
        if segment.member == "nibrs_arrestee":
            frame = frame.join(incidents.select("incident_id", "agency_id"), on="incident_id", how="left")
        parts.setdefault(segment.dataset.name, []).append(_completed(frame, segment, state))
    return {name: pl.concat(frames) for name, frames in parts.items()}


def without_duplicates(archive: Archive, member: str, dataset: Dataset, frame: pl.DataFrame) -> pl.DataFrame:
    """Drop exact duplicates and count them in the log (02 section 12.4 step 9).

    Raises:
        PipelineError: two different rows share a key; names the member and the key.
    """
    key = [column for column in dataset.primary_key if column in frame.columns]
    if not frame.select(key).is_duplicated().any():
        return frame
    where = f"{archive.path}, member {archive.members[member].filename}"
    # The least line stands for its duplicates: the result must not depend on the order of the rows.
    unique = frame.group_by(pl.exclude(LINE)).agg(pl.col(LINE).min()).select(frame.columns)
    conflicts = unique.filter(unique.select(key).is_duplicated()).sort(*key, LINE)
    if conflicts.height:
        found = ", ".join(f"{column} {value}" for column, value in conflicts.select(key).row(0, named=True).items())
        raise PipelineError(
            f"{where}, lines {conflicts[LINE][0]} and {conflicts[LINE][1]}: two different rows have the key {found}, "
            "so one of them is wrong. Download the zip again; if it stays so, report it to the publisher."
        )
    _log.warning("%s: %d rows occur more than once; one of each is kept", where, frame.height - unique.height)
    return unique


def _read(archive: Archive, segment: Segment) -> pl.DataFrame:
    frame = read_typed(archive, segment.member, segment.fields)
    if segment is INCIDENT:
        frame = _dated(archive, frame)
    if "age_num" in frame.columns:
        frame = _with_demographics(archive, segment, frame)
    frame = frame.with_columns(pl.lit(value).alias(name) for name, value in segment.constants.items())
    return without_duplicates(archive, segment.member, segment.dataset, frame)


def _dated(archive: Archive, incidents: pl.DataFrame) -> pl.DataFrame:
    """Year of the incident and month of its report (02 section 12.4 steps 6 and 7)."""
    months = read_typed(archive, MONTH, MONTH_FIELDS)
    for key in ("nibrs_month_id", "did"):
        of_key = months.drop_nulls(key).group_by(key).agg(pl.col("month").min().alias(f"month_by_{key}"))
        incidents = incidents.join(of_key, on=key, how="left")
    date = pl.col("incident_date")
    return incidents.with_columns(
        data_year=date.dt.year().cast(pl.Int16),
        month=pl.coalesce("month_by_nibrs_month_id", "month_by_did", date.dt.month()),
        is_report_date=pl.col("is_report_date").fill_null(False),
    ).drop("nibrs_month_id", "did", "month_by_nibrs_month_id", "month_by_did")


def _with_demographics(archive: Archive, segment: Segment, persons: pl.DataFrame) -> pl.DataFrame:
    differ = persons.select((pl.col("age_num").str.zfill(2) != pl.col("age_code")).sum()).item()
    if differ:
        _log.warning(
            "%s, member %s: age_num contradicts age_id on %d rows; age_id is taken",
            archive.path,
            archive.members[segment.member].filename,
            differ,
        )
    years = pl.col("age_code").cast(pl.Int16, strict=False)
    return persons.with_columns(
        *(
            pl.when(pl.col(column) != not_specified).then(pl.col(column)).alias(column)
            for column, not_specified in _NOT_SPECIFIED.items()
        ),
        # 00 and 99 are codes, not years (02 section 2.3).
        age_years=pl.when(years.is_between(1, 98)).then(years),
    ).drop("age_num")


def _without_orphans(
    archive: Archive, segment: Segment, frame: pl.DataFrame, ids: dict[str, pl.Series]
) -> pl.DataFrame:
    """Keep the rows whose parents were kept; count the others in the log (02 section 12.4 step 10)."""
    for name, field in segment.fields.items():
        parent = PARENTS.get(field.header)
        if parent is None or parent == segment.member:
            continue
        is_kept = frame[name].is_in(ids[parent].implode())
        if not is_kept.all():
            _log.warning(
                "%s, member %s: %d rows are dropped, for their %s is not in %s",
                archive.path,
                archive.members[segment.member].filename,
                (~is_kept).sum(),
                field.header,
                parent,
            )
            frame = frame.filter(is_kept)
    return frame


def _completed(frame: pl.DataFrame, segment: Segment, state: str) -> pl.DataFrame:
    """Exactly the columns of the dataset; what the member does not hold is null."""
    frame = frame.with_columns(state_abbr=pl.lit(state))
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in segment.dataset.schema.items()
    )
