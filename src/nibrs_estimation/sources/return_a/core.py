"""What a Return A master file says of agencies and months, as the core datasets that every source provides."""

from __future__ import annotations

import numpy as np
import polars as pl

from nibrs_estimation.model.agency import AGENCY, REPORT_MONTH, SRS_MONTH
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.return_a_file import ACTUAL, ITEM_COLUMNS
from nibrs_estimation.model.summary import RETURN_A_CARD


def agency_rows(agencies: pl.DataFrame, year: int) -> pl.DataFrame:
    """Rows of dataset ``agency``; what the file does not tell is missing.

    Args:
        agencies: rows of dataset ``return_a_agency``, with ``agency_id``, ``state_name`` and ``region_code``.
        year: of the file.
    """
    names = {column.name for column in AGENCY.columns} - set(agencies.columns)
    flags = {column.name: pl.lit(False) for column in AGENCY.columns if column.type == "bool"}
    missing = {name: flags.get(name, pl.lit(None)) for name in names}
    given = {
        "data_year": pl.lit(year),
        "agency_type_name": pl.col("agency_type_name").fill_null("Other"),
        "agency_status": pl.lit("A"),
        "is_publishable": pl.lit(True),
        "covered_by_ori": pl.col("covered_by_ori7") + "00",
        "universe_scope": pl.lit("all"),
    }
    return AGENCY.cast(agencies.with_columns(**(missing | given)))


def with_states(agencies: pl.DataFrame) -> pl.DataFrame:
    """Agencies of the file with name and region of their state; places outside the states keep their abbreviation."""
    states = code_list("state").select("state_abbr", "state_name", "region_code")
    return agencies.join(states, on="state_abbr", how="left", maintain_order="left").with_columns(
        pl.col("state_name").fill_null(pl.col("state_abbr")), pl.col("region_code").fill_null(99)
    )


def card_rows(counts: pl.DataFrame, months: pl.DataFrame, ids: pl.DataFrame) -> pl.DataFrame:
    """Dataset ``return_a_card``: the reported cards; a month whose offenses stand in another's report has none.

    Args:
        counts: dataset ``return_a_count``.
        months: dataset ``return_a_month``.
        ids: ``ori7`` and ``agency_id``.
    """
    key = ["data_year", "ori7", "month"]
    within = months.select(*key, is_within=(pl.col("included_in_month") != pl.col("month")).fill_null(False))
    has_lines = pl.any_horizontal(pl.col(ITEM_COLUMNS).is_not_null())
    cards = counts.filter("is_reported").join(within, on=key).join(ids, on="ori7")
    marked = cards.with_columns(is_within_another=pl.col("is_within") & ~has_lines)
    return RETURN_A_CARD.cast(
        marked.with_columns(pl.when("is_within_another").then(0).otherwise(name).alias(name) for name in ITEM_COLUMNS)
    )


def report_rows(cards: pl.DataFrame, agencies: pl.DataFrame) -> pl.DataFrame:
    """Dataset ``report_month``: months with a card of actual offenses, from :func:`card_rows`."""
    actual = cards.filter(pl.col("card") == ACTUAL)
    has_offenses = pl.any_horizontal(pl.col(ITEM_COLUMNS).fill_null(0) != 0)
    return REPORT_MONTH.cast(
        actual.with_columns(
            form_code=pl.lit("R"),
            status=pl.when(has_offenses).then(pl.lit("I")).otherwise(pl.lit("Z")),
            status_source=pl.lit("reported"),
        ).join(agencies.select("agency_id", "ori").unique("agency_id"), on="agency_id")
    )


def line_rows(cards: pl.DataFrame) -> pl.DataFrame:
    """Dataset ``srs_month``: the lines of actual offenses that are not 0, from :func:`card_rows`."""
    key = ["agency_id", "data_year", "month"]
    actual = cards.filter(pl.col("card") == ACTUAL).select(*key, *ITEM_COLUMNS)
    long = actual.unpivot(index=key, variable_name="item", value_name="n").filter(pl.col("n") != 0)
    item = pl.col("item").str.strip_prefix("item_").cast(pl.Int8)
    return SRS_MONTH.cast(long.with_columns(item_code=item))


def numbered(ori7: pl.Series) -> pl.DataFrame:
    """Numbers of agencies by their ORI, from 1, the same for all files of a run."""
    names = ori7.unique().sort()
    return pl.DataFrame({"ori7": names, "agency_id": np.arange(1, len(names) + 1, dtype=np.int32)})
