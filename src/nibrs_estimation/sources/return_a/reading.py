"""Reads a Return A master file into its datasets, with accounts of every record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.intake import REASONS
from nibrs_estimation.model.return_a_file import (
    ACTUAL,
    CARDS,
    DETAIL_COLUMNS,
    ITEM_COLUMNS,
    OFFICER_COLUMNS,
    RETURN_A_AGENCY,
    RETURN_A_COUNT,
    RETURN_A_MONTH,
)
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.intake.accounts import LINE
from nibrs_estimation.sources.intake.archive import printable
from nibrs_estimation.sources.intake.repeats import without_repeats
from nibrs_estimation.sources.return_a.faults import FAULTS, TABLE, RecordAccounts, faults_in
from nibrs_estimation.sources.return_a.header import PLACE, read_headers
from nibrs_estimation.sources.return_a.layout import MONTHS_OF_YEAR, OFFICERS_CARD, RECORD_LENGTH, RECORD_TYPE, YEAR
from nibrs_estimation.sources.return_a.months import Months, read_months
from nibrs_estimation.sources.return_a.text_file import Records, not_a_return_a_file, read_records

#: A file of which more records are set aside, other than as repeated, is no Return A file, or is damaged.
MOST_SET_ASIDE = 0.5
#: Accounts of a national file are of one part.
NATION = "US"
#: Characters of a wrong line that are kept.
_SHOWN = 200
_BLANK = ord(" ")
_ZERO = ord("0")


@dataclass(frozen=True)
class ReturnA:
    """What a Return A master file holds.

    Attributes:
        data_year: the year of the file.
        agencies, months, counts: datasets ``return_a_agency``, ``return_a_month``, ``return_a_count``.
        accounts: datasets ``intake_count``, ``quarantine`` and ``intake_loss`` by name.
        sha256: checksum of the file that was named.
    """

    data_year: int
    agencies: pl.DataFrame
    months: pl.DataFrame
    counts: pl.DataFrame
    accounts: dict[str, pl.DataFrame]
    sha256: str


def read_return_a(path: Path) -> ReturnA:
    """Read a Return A master file: a text, or a zip with one text.

    Args:
        path: path of the file.

    Raises:
        PipelineError: the file cannot be read, is no Return A master file, or more than half of its records are
            faulty; names the file and what to do.
    """
    records = read_records(path)
    is_whole = records.end - records.start == RECORD_LENGTH
    characters = records.characters(is_whole)
    _check_kind(path, records, characters)
    accounts = RecordAccounts(printable(path.name), NATION)
    accounts.read(TABLE, len(records.line), 0)
    accounts.enter(_wrong_lengths(records, ~is_whole))

    agencies, header_faults = read_headers(characters, records.line[is_whole])
    months, month_faults = read_months(characters, records.line[is_whole])
    set_aside = accounts.enter(pl.concat([header_faults, _other_years(agencies), month_faults]))
    _check_share(path, accounts, len(records.line))
    sound = agencies.filter(~pl.col(LINE).is_in(set_aside.implode()))
    agencies = _without_repeated(sound, characters, accounts).sort("ori7")

    months = months.of(agencies[PLACE].to_numpy())
    accounts.kept(TABLE, RETURN_A_AGENCY.name, agencies.height)
    accounts.lost("short_ori", RETURN_A_AGENCY.name, agencies.height)
    is_reported = months.is_card_reported()
    agencies = agencies.with_columns(
        months_reported=pl.Series(is_reported[..., ACTUAL].sum(axis=1), dtype=pl.Int8()),
        lumped_kind=pl.Series(months.lumped_kind(), dtype=pl.String()),
    )
    counts = _counts(agencies, months, is_reported)
    if totals_only := int(counts.select((pl.col("is_reported") & pl.col("is_totals_only")).sum()).item()):
        accounts.lost("no_details", RETURN_A_COUNT.name, totals_only)
    return ReturnA(
        data_year=agencies["data_year"][0],
        agencies=RETURN_A_AGENCY.cast(agencies),
        months=_months(agencies, months, is_reported),
        counts=counts,
        accounts=accounts.frames(),
        sha256=records.sha256,
    )


def _check_kind(path: Path, records: Records, characters: NDArray[np.uint8]) -> None:
    if not len(records.line):
        raise not_a_return_a_file(path, "", "it is empty")
    first = records.content[records.start[0] : records.end[0]].decode("latin-1")
    fitting = int((characters[:, 0] == ord(RECORD_TYPE)).sum())
    if fitting < MOST_SET_ASIDE * len(records.line):
        raise not_a_return_a_file(path, first, f"{fitting:,} of its {len(records.line):,} lines are such records")


def _check_share(path: Path, accounts: RecordAccounts, n_records: int) -> None:
    faults = accounts.frames()["quarantine"].filter("is_row")
    if faults.height > MOST_SET_ASIDE * n_records:
        worst = faults.group_by("column_name", "reason").agg(pl.len(), pl.first("record", "value")).sort("len")[-1]
        field, reason, _number, record, value = worst.row(0)
        raise PipelineError(
            f"{path}, {record}, {field}: {printable(value)!r} ({REASONS[reason]}). {faults.height:,} of {n_records:,} "
            "records are faulty, so the rest cannot stand for the nation: the file is damaged, or its layout is "
            "another. Download it again."
        )


def _wrong_lengths(records: Records, is_wrong: NDArray[np.bool_]) -> pl.DataFrame:
    places = np.flatnonzero(is_wrong)
    starts = [records.content[records.start[place] : records.end[place]][:_SHOWN].decode("latin-1") for place in places]
    lengths = (records.end - records.start)[is_wrong]
    return pl.DataFrame(
        {
            LINE: records.line[is_wrong],
            "column_name": [f"length {length} of {RECORD_LENGTH}" for length in lengths],
            "reason": ["wrong_record"] * len(places),
            "value": starts,
            "is_row": [True] * len(places),
        },
        schema=FAULTS,
    )


def _other_years(agencies: pl.DataFrame) -> pl.DataFrame:
    """Faults of records that are of another year than most."""
    years = agencies["data_year"].drop_nulls().mode().sort()
    is_other = pl.col("data_year") != (years[0] if len(years) else 0)
    year = pl.col("data_year").cast(pl.String())
    return faults_in(agencies, is_other, YEAR.title, "other_year", year, is_row=True)


def _without_repeated(agencies: pl.DataFrame, characters: NDArray[np.uint8], accounts: RecordAccounts) -> pl.DataFrame:
    """One record of each agency: of equal ones the first, of different ones that with the largest population."""
    repeated = agencies.filter(pl.struct(RETURN_A_AGENCY.primary_key).is_duplicated())
    if repeated.is_empty():
        return agencies
    contents = [characters[place].tobytes().decode("latin-1") for place in repeated[PLACE]]
    # The least by content is kept, so the largest population comes first.
    ordered = repeated.select(*RETURN_A_AGENCY.primary_key, -pl.col("population"), pl.Series("content", contents), LINE)
    kept = without_repeats(TABLE, RETURN_A_AGENCY, ordered, accounts, LINE)
    lost = repeated.join(kept, on=LINE, how="anti")
    return agencies.join(lost, on=LINE, how="anti", maintain_order="left")


def _months(agencies: pl.DataFrame, months: Months, is_reported: NDArray[np.bool_]) -> pl.DataFrame:
    """Dataset ``return_a_month``."""
    has_officers = pl.lit(pl.Series(is_reported[..., OFFICERS_CARD].ravel()))
    officers = {name: pl.Series(counts.ravel()) for name, counts in zip(OFFICER_COLUMNS, months.officers, strict=True)}
    included_in = pl.lit(pl.Series(months.included_in.ravel()))
    return RETURN_A_MONTH.cast(
        _repeated(agencies, month=MONTHS_OF_YEAR).with_columns(
            is_reported=pl.Series(is_reported[..., ACTUAL].ravel()),
            included_in_month=pl.when(included_in > 0).then(included_in),
            updated_date=pl.Series(months.updated.ravel()),
            **{name: pl.when(has_officers).then(pl.lit(counts)) for name, counts in officers.items()},
        )
    )


def _counts(agencies: pl.DataFrame, months: Months, is_reported: NDArray[np.bool_]) -> pl.DataFrame:
    """Dataset ``return_a_count``."""
    of_cards = slice(len(CARDS))
    card_type = months.card_type[..., of_cards].ravel()
    is_known = is_reported[..., of_cards] & ~months.is_within_another()
    rows = _repeated(agencies, month=MONTHS_OF_YEAR, card=len(CARDS)).with_columns(
        is_reported=pl.Series(is_reported[..., of_cards].ravel()),
        is_known=pl.Series(is_known.ravel()),
        card_type=pl.when(pl.Series(card_type != _BLANK)).then(pl.Series(card_type - _ZERO)),
        is_totals_only=pl.Series(months.is_totals_only.ravel()),
        **{name: pl.Series(counts.ravel()) for name, counts in zip(ITEM_COLUMNS, months.counts, strict=True)},
    )
    # A few cards that are marked as totals only have some details all the same; the others' 0 means missing.
    has_detail = {name: ~pl.col("is_totals_only") | (pl.col(name) != 0) for name in DETAIL_COLUMNS}
    return RETURN_A_COUNT.cast(
        rows.with_columns(
            pl.when(pl.col("is_known") & has_detail.get(name, pl.lit(True))).then(name).alias(name)
            for name in ITEM_COLUMNS
        )
    )


def _repeated(agencies: pl.DataFrame, month: int, card: int = 1) -> pl.DataFrame:
    """Year and agency, month and card of rows that go through months and cards of each agency in turn."""
    n = agencies.height
    cards = n * month * card
    row = np.repeat(np.arange(n), month * card)
    return agencies.select("data_year", "ori7")[row].with_columns(
        month=pl.Series(np.arange(cards) // card % month + 1), card=pl.Series(np.arange(cards) % card)
    )
