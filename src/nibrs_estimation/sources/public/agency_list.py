"""The list of agencies of the Crime Data Explorer: as JSON of its interface, or as a table."""

from __future__ import annotations

import json

import polars as pl

from nibrs_estimation.model.codes import code_list, ucr_abbr
from nibrs_estimation.sources.public.content import Content
from nibrs_estimation.sources.public.employees import MISSING
from nibrs_estimation.sources.public.kinds import AGENCY_LIST
from nibrs_estimation.sources.public.recognize import objects_with_ori
from nibrs_estimation.sources.public.rows import LINE, Rows, name_of

#: Names of columns in the forms of the list; the first that a file has is taken.
_COLUMNS = {
    "ori": ("ori",),
    "state_abbr": ("state_abbr",),
    "agency_name": ("agency_name",),
    "agency_type_name": ("agency_type_name", "agency_type"),
    "counties": ("counties", "county_name", "county"),
    "is_nibrs": ("is_nibrs", "nibrs"),
    "nibrs_start_date": ("nibrs_start_date",),
}
_FLAGS = {"true": True, "1.0": True, "1": True, "false": False, "0.0": False, "0": False}
#: Words for an agency whose county is not known.
_NO_COUNTY = ("NOT SPECIFIED", "UNMAPPED COUNTY", "NOT AVAILABLE", *MISSING)


def read_agency_list(content: Content) -> Rows:
    """The agencies of a list, each once, as it is today: the list has no year.

    Returns:
        Rows with ``ori``, ``ori7``, ``state_abbr`` (UCR), ``agency_name``, ``agency_type_name`` (null if not known),
        ``counties`` (list of upper-case names, perhaps empty), ``is_nibrs`` and ``nibrs_start_date``.

    Raises:
        PipelineError: the file is damaged, or two different rows are of one agency.
    """
    rows = Rows(name_of(content), AGENCY_LIST.name, _texts(content))
    rows.set_aside(~pl.col("ori").str.contains(r"^[0-9A-Z]{9}$").fill_null(False), "ori", "missing_value",
                   pl.col("ori"))  # fmt: skip
    own = ucr_abbr(pl.col("state_abbr").str.to_uppercase())
    # Guam's ORIs begin with GM. Agencies of the FBI's list of federal agencies have ORIs of the state they are in.
    is_repeated = pl.col("ori").is_duplicated()
    rows.set_aside(is_repeated & (own.n_unique().over("ori") > 1) & (own != pl.col("ori").str.head(2)), "state_abbr",
                   "two_states", pl.col("state_abbr"))  # fmt: skip
    rows.once(["ori"], "ori")
    flag = pl.col("is_nibrs").str.to_lowercase().replace_strict(_FLAGS, default=None, return_dtype=pl.Boolean)
    rows.blank(flag.is_null(), "is_nibrs", "unknown_code", pl.col("is_nibrs"))
    start = pl.col("nibrs_start_date").str.to_date("%Y-%m-%d", strict=False)
    rows.blank(pl.col("nibrs_start_date").is_not_null() & start.is_null(), "nibrs_start_date", "impossible_date",
               pl.col("nibrs_start_date"))  # fmt: skip
    types = [label for label in code_list("agency_type")["label"] if label != "Unknown"]
    names = pl.col("counties").fill_null("").str.to_uppercase().str.replace_all(r"\s*[;,]\s*", ";").str.split(";")
    rows.frame = rows.frame.select(
        LINE,
        "ori",
        ori7=pl.col("ori").str.head(7),
        state_abbr=own,
        agency_name="agency_name",
        agency_type_name=pl.when(pl.col("agency_type_name").is_in(types)).then("agency_type_name"),
        counties=names.list.eval(pl.element().filter(~pl.element().is_in(_NO_COUNTY))).list.unique().list.sort(),
        is_nibrs=flag.fill_null(False),
        nibrs_start_date=start,
    )
    return rows


def _texts(content: Content) -> pl.DataFrame:
    """The rows as text; a missing value is null. Rows of JSON are numbered from 1 in their order."""
    if content.beginning.lstrip()[:1] in (b"{", b"["):
        found = list(objects_with_ori(json.loads(content.read())))
        given = {name for row in found for name in row}
        table = pl.DataFrame(
            {
                name: [None if row.get(name) is None else str(row[name]) for row in found]
                for name in sorted(given & {each for names in _COLUMNS.values() for each in names})
            },
        ).cast(pl.String)
        table = table.with_row_index(LINE, offset=1)
    else:
        header = {name.strip().strip('"').lower(): name.strip().strip('"') for name in content.lines(1)[0].split(",")}
        wanted = [name for names in _COLUMNS.values() for name in names if name in header]
        table = content.columns(*(header[name] for name in wanted)).rename({header[name]: name for name in wanted})
        table = table.with_row_index(LINE, offset=2)
    named = {
        new: next((pl.col(name) for name in names if name in table.columns), pl.lit(None, pl.String))
        for new, names in _COLUMNS.items()
    }
    return table.select(
        LINE, **{name: pl.when(~value.str.to_uppercase().is_in(MISSING)).then(value) for name, value in named.items()}
    )
