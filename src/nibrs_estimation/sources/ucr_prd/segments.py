"""The segments of a state: values are normalized, faulty rows set aside.

Source: docs/develop/adding-a-source.md.
"""

from __future__ import annotations

import logging
from functools import cache

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.incident import ARRESTEE, OFFENSE
from nibrs_estimation.model.intake import NEW_OFFENSE
from nibrs_estimation.pipeline.dataset import Column
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.completeness import FEW_PARENTS, childless
from nibrs_estimation.sources.intake.repeats import without_repeats
from nibrs_estimation.sources.new_offenses import new_offenses
from nibrs_estimation.sources.ucr_prd.accounts import DatabaseAccounts
from nibrs_estimation.sources.ucr_prd.layout import GROUP_B, INCIDENT, SEGMENTS, Segment
from nibrs_estimation.sources.ucr_prd.spool import Spool

_log = logging.getLogger(__name__)

#: Texts that mean a missing value, in any column.
_MISSING = ("", "None", "-1")
#: Codes for "not specified".
_NOT_SPECIFIED = {"sex_code": "X", "ethnicity_code": "X", "race_code": "NS", "age_code": "NS"}
_WEAPON_OF_GROUP_B = "nibrs_groupb_arrestee_weapon"


def normalized_state(
    spool: Spool, offense_codes: pl.DataFrame, state: str, year: int, input_name: str
) -> dict[str, pl.DataFrame]:
    """All segments of a state and its accounts, by dataset name, with the columns of the datasets.

    Args:
        spool: the raw rows.
        offense_codes: lookup table of offenses in the database.
        state: UCR abbreviation.
        year: data year.
        input_name: name of the database.

    Raises:
        PipelineError: too many records lack a required record in another table.
    """
    accounts = DatabaseAccounts(input_name, state)
    parts: dict[str, list[pl.DataFrame]] = {segment.dataset.name: [] for segment in SEGMENTS}
    kept: dict[str, pl.Series] = {}
    for segment in SEGMENTS:
        raw = spool.take(segment, state)
        dropped = spool.dropped[segment.table.name, state]
        key = [name for name in segment.dataset.primary_key if name in segment.expressions]
        accounts.set_key(segment.table.name, key)
        accounts.read(segment.table.name, dropped + (0 if raw is None else raw.height), dropped)
        rows = pl.DataFrame(schema=segment.dataset.schema)
        if raw is not None:
            rows = _normalized(segment, raw, kept, state, year, accounts)
        accounts.kept(segment.table.name, segment.dataset.name, rows.height)
        kept[_family(segment)] = rows[segment.dataset.primary_key[-1]]
        parts[segment.dataset.name].append(rows)
    frames = {name: pl.concat(each) for name, each in parts.items()}
    _warn_of_new_codes(state, frames)
    _record_new_offenses(frames, accounts)
    _check_completeness(frames, accounts)
    new = new_offenses(offense_codes).select(pl.lit(state).alias("state_abbr"), "offense_code", "crime_against")
    return frames | accounts.frames() | {NEW_OFFENSE.name: new}


def _check_completeness(frames: dict[str, pl.DataFrame], accounts: DatabaseAccounts) -> None:
    """Raise an error if a table is incomplete; record a loss if only a few records lack a required child."""
    for found in childless(frames):
        of_group = " of Group B" if found.is_group_b else ""
        if found.is_too_many and found.of >= FEW_PARENTS:
            raise PipelineError(
                f"{accounts.input_name}, state {accounts.state}: {found.share} of the rows of {found.parent}{of_group} "
                f"have no row of {found.child}, although each must have one, so its table is incomplete. Totals "
                "would be far too low: restore the table from the export."
            )
        accounts.lost("no_child", f"{found.parent} without {found.child}{of_group} ({found.share})", found.rows)


def clean_text(column: str) -> pl.Expr:
    """A trimmed text; null if it means a missing value."""
    text = pl.col(column).str.strip_chars()
    missing = [*_MISSING, *([_NOT_SPECIFIED[column]] if column in _NOT_SPECIFIED else [])]
    return pl.when(~text.is_in(missing)).then(text).alias(column)


def _normalized(
    segment: Segment, raw: pl.DataFrame, kept: dict[str, pl.Series], state: str, year: int, accounts: DatabaseAccounts
) -> pl.DataFrame:
    table, dataset = segment.table.name, segment.dataset
    completed = raw.lazy().with_columns(
        pl.lit(state).alias("state_abbr"),
        *(pl.lit(value).alias(name) for name, value in segment.constants.items()),
        *(clean_text(name) for name, dtype in raw.schema.items() if dtype == pl.String),
    )
    frame = _with_computed_columns(segment, completed, raw.columns, year).collect()
    # All columns are checked at the same time; only columns with faults are processed further.
    has_faults = frame.select(_is_faulty(column).any().alias(column.name) for column in dataset.columns).row(0)
    for column, is_faulty in zip(dataset.columns, has_faults, strict=True):
        if is_faulty:
            frame = _without_faults(table, frame, column, accounts)
    frame = frame.with_columns(pl.col(column.name).cast(column.dtype) for column in dataset.columns)
    if segment is GROUP_B:
        # Without an agency, its state is unknown.
        frame = accounts.set_aside(table, frame, frame["agency_id"].is_null(), "missing_value", "agency_id")
    for link in segment.links:
        is_orphan = ~frame[link].is_in(kept[_target(segment, link)].implode())
        frame = accounts.set_aside(table, frame, is_orphan, "orphan", link)
    return without_repeats(table, dataset, frame, accounts).select(dataset.schema.names())


def _with_computed_columns(segment: Segment, rows: pl.LazyFrame, read: list[str], year: int) -> pl.LazyFrame:
    """Add the columns that the table does not have; ``read`` are those that it has."""
    if segment is INCIDENT:
        date = pl.col("incident_date")
        # An incident without a report is counted with its own month.
        return rows.with_columns(
            pl.col("is_report_date").fill_null(False),
            pl.coalesce("form_year", date.dt.year()).alias("form_year"),
            pl.coalesce("form_month", date.dt.month()).alias("form_month"),
            data_year=pl.lit(year),
        )
    computed = {}
    if "value_usd" in read:
        computed["value_usd"] = pl.col("value_usd").round()
    if "age_code" in read:
        years = pl.col("age_code").cast(pl.Int16, strict=False)
        # 00 and 99 are codes, not years (data dictionary).
        computed["age_years"] = pl.when(years.is_between(1, 98)).then(years)
    there = {"state_abbr", *read, *segment.constants, *computed}
    absent = [column for column in segment.dataset.columns if column.name not in there]
    return rows.with_columns(*(pl.lit(None, column.dtype).alias(column.name) for column in absent), **computed)


def _is_faulty(column: Column) -> pl.Expr:
    """Whether a value has a wrong type, is not one of the codes, or is missing although required."""
    found = pl.col(column.name)
    values = found.cast(column.dtype, strict=False)
    is_faulty = values.is_null() if not column.is_nullable else values.is_null() & found.is_not_null()
    if column.codes:
        codes = pl.Series(column.codes, dtype=column.dtype)
        is_faulty |= ~values.is_in(codes.implode()).fill_null(True)
    return is_faulty


def _without_faults(table: str, frame: pl.DataFrame, column: Column, accounts: DatabaseAccounts) -> pl.DataFrame:
    """Remove the faults of a column: rows with a faulty required value are set aside, other values become missing."""
    found = pl.col(column.name)
    if not column.is_nullable:
        is_missing = frame[column.name].is_null()
        frame = accounts.set_aside(table, frame, is_missing, "missing_value", column.name)
    is_faulty = frame.select(_is_faulty(column)).to_series()
    reason = "unknown_code" if column.codes and column.code_list else "out_of_range"
    if not column.is_nullable:
        return accounts.set_aside(table, frame, is_faulty, reason, column.name)
    accounts.blanked(table, frame, is_faulty, reason, column.name)
    return frame.with_columns(pl.when(~is_faulty).then(found))


def _family(segment: Segment) -> str:
    """The name under which the keys of a table are stored; arrestees of Group A and B have separate names."""
    return segment.table.name if segment is GROUP_B else segment.dataset.name


def _target(segment: Segment, link: str) -> str:
    if segment.table.name == _WEAPON_OF_GROUP_B:
        return GROUP_B.table.name
    return segment.dataset.column(link).references.partition(".")[0]


def _warn_of_new_codes(state: str, frames: dict[str, pl.DataFrame]) -> None:
    """Warn of codes that are in no list; they are kept, because the data may be newer than the lists."""
    for dataset in dict.fromkeys(segment.dataset for segment in SEGMENTS):
        unknown = {
            column.name: pl.col(column.name).cast(pl.String).filter(~pl.col(column.name).cast(pl.String).is_in(known))
            for column in dataset.columns
            if column.code_list and not column.codes
            for known in [_codes(column.code_list).implode()]
        }
        if not unknown:
            continue
        found = frames[dataset.name].select(
            codes.unique().sort().implode().alias(name) for name, codes in unknown.items()
        )
        for name, codes in found.row(0, named=True).items():
            if codes:
                _log.warning(
                    "%s, dataset %s, column %s: the codes %s are in no code list; they are kept",
                    state,
                    dataset.name,
                    name,
                    ", ".join(codes[:10]),
                )


def _record_new_offenses(frames: dict[str, pl.DataFrame], accounts: DatabaseAccounts) -> None:
    for dataset in (OFFENSE, ARRESTEE):
        codes = frames[dataset.name]["offense_code"].drop_nulls()
        new = codes.filter(~codes.is_in(_codes("offense").implode())).value_counts(name="n").sort("offense_code")
        for code, number in new.iter_rows():
            accounts.lost("code_without_row", f"{dataset.name}.offense_code {code}", number)


@cache
def _codes(name: str) -> pl.Series:
    return code_list(name).to_series(0).cast(pl.String)
