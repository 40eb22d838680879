"""The universe file: a CSV of all agencies of the nation (handbook 01).

`docs/universe-file.md` describes the file and the origin of its columns.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import polars as pl

from nibrs_estimation.model.agency import AGENCY, HISTORY_YEARS
from nibrs_estimation.model.codes import code_list, ucr_abbr
from nibrs_estimation.pipeline.dataset import Column
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.externals import ExternalFile

_log = logging.getLogger(__name__)

UNIVERSE_FILE = ExternalFile("universe", "all agencies of the data year, docs/universe-file.md", is_required=False)

#: Column of the reference pipeline's universe file (handbook 01) -> name in this program.
_NAMES = {
    "covered_by_legacy_ori": "covered_by_ori",
    "covered_flag": "is_covered",
    "dormant_flag": "is_dormant",
    "direct_contributor_flag": "is_direct_contributor",
    "publishable_flag": "is_publishable",
    "suburban_area_flag": "is_suburban",
    "mip_flag": "is_most_in_population",
    "participated": "has_participated",
    "nibrs_participated": "has_participated_nibrs",
    "pe_reported_flag": "has_police_employees",
    "pe_male_officer_count": "male_officers",
    "pe_male_civilian_count": "male_civilians",
    "pe_female_officer_count": "female_officers",
    "pe_female_civilian_count": "female_civilians",
    "ucr_agency_name": "agency_name",
    "pub_agency_name": "published_agency_name",
    "pub_agency_unit": "published_agency_unit",
    "sai": "submitting_agency_sai",
    "nibrs_cert_date": "nibrs_certification_date",
    "nibrs_ct_start_date": "nibrs_cargo_theft_start_date",
    "nibrs_off_eth_start_date": "nibrs_offender_ethnicity_start_date",
    "metro_division": "metro_division_name",
    "field_office": "field_office_code",
}
_REQUIRED = ("ori", "agency_type_name", "population", "population_group_code")
#: Not a column of the dataset; it determines whether the agency is active.
_LAST_REPORT = Column("last_report_year", "int16", "Last year for which it sent a report.", is_nullable=True)
_STATE_COLUMNS = ("state_abbr", "state_postal_abbr")
_FLAGS = {"y": True, "n": False, "t": True, "f": False, "true": True, "false": False, "1": True, "0": False}
_WRONG_TYPE = {
    **dict.fromkeys(("int8", "int16", "int32", "int64"), "not a whole number"),
    "bool": "not Y or N",
    "date": "not a date (YYYY-MM-DD)",
}
_LINE = "line"
#: A file that lacks a larger share of a state's reporting agencies is not accepted as the universe of the state.
MOST_UNKNOWN = 0.5


def read_universe(path: Path, year: int, reporters: pl.Series | None = None) -> pl.DataFrame:
    """Read the agencies of a year from the CSV: dataset ``agency``, ``universe_scope`` all.

    Missing columns are completed as in docs/universe-file.md: an agency is not covered; it is active if it
    serves a population or sent a report in the last five years, otherwise dormant, unless the incident files show
    activity. The incident files determine whether an agency reports to NIBRS and which months it reported.

    Args:
        path: path of the CSV.
        year: data year.
        reporters: ORIs of agencies that sent reports in earlier years according to other sources.

    Raises:
        PipelineError: a column or value is missing, a value is invalid, two rows have the same ORI, or rows are of
            another year; names file, line and column.
    """
    text = _read_text(path)
    frame = text.select(
        _LINE,
        *(_typed(path, text, column) for column in (*AGENCY.columns, _LAST_REPORT) if column.name in text.columns),
    )
    states = code_list("state").select("state_abbr", "state_name", "region_code")
    frame = frame.with_columns(state_abbr=_states(text)).with_columns(
        pl.col("agency_type_name").str.strip_chars(), pl.col("population_group_code").str.to_uppercase()
    )
    _refuse(
        path,
        frame,
        ~frame["state_abbr"].is_in(states["state_abbr"].implode()),
        "state_abbr",
        "not the abbreviation of a state",
    )
    _refuse(path, frame, frame["population"] < 0, "population", "negative")
    for column, name, allowed in (
        ("population_group_code", "population group", code_list("population_group")["code"]),
        ("agency_type_name", "agency type", code_list("agency_type")["label"]),
    ):
        wrong = ~frame[column].is_in(allowed.implode()) & frame[column].is_not_null()
        _refuse(path, frame, wrong, column, f"not a valid {name}; valid are {', '.join(allowed)}")
    _refuse_repeats(path, frame)
    if "data_year" in frame.columns:
        _refuse(path, frame, frame["data_year"] != year, "data_year", f"not {year}, the data year")
    frame = frame.drop("state_name", "region_code", strict=False).join(states, on="state_abbr", how="left")
    return _completed(frame, year, reporters)


def merge_universe(listed: pl.DataFrame, universe: pl.DataFrame) -> pl.DataFrame:
    """Combine the agencies of a source with the universe: dataset ``agency`` of one data year.

    Values of the source have precedence; missing values and missing agencies are taken from the universe. Rows are
    matched by ORI, otherwise by the source's legacy ORI.

    Args:
        listed: agencies that the source lists, of one data year.
        universe: as :func:`read_universe` returns it.
    """
    states = listed["state_abbr"].unique()
    universe = universe.filter(pl.col("state_abbr").is_in(states.implode()))
    by_ori = dict(zip(listed["legacy_ori"], listed["ori"], strict=True)) | dict.fromkeys(listed["ori"])
    own = universe.with_columns(
        ori=pl.when(~pl.col("ori").is_in(listed["ori"].implode()))
        .then(pl.col("ori").replace({old: new for old, new in by_ori.items() if old and new}))
        .otherwise("ori")
    ).unique("ori", keep="first", maintain_order=True)
    unknown = listed.join(own, on="ori", how="anti")
    shares = (
        listed.group_by("state_abbr")
        .len("listed")
        .join(unknown.group_by("state_abbr").len("unknown"), on="state_abbr", how="left")
    )
    for state, number, missing in shares.sort("state_abbr").rows():
        if (missing or 0) > MOST_UNKNOWN * number:
            raise PipelineError(
                f"The universe file lacks {missing} of the {number} agencies of {state} that reported incidents, so it "
                f"cannot be the universe of {state}. Use the complete list of agencies of the data year, or omit the "
                "file."
            )
    if unknown.height:
        _log.warning(
            "%d agencies of the incident files are not in the universe file, the first %s; they are kept",
            unknown.height,
            unknown["ori"].sort()[0],
        )
    fallback = {name: pl.col(f"{name}_universe") for name in AGENCY.schema if AGENCY.column(name).is_nullable}
    known = (
        listed.join(own, on="ori", how="left", suffix="_universe", maintain_order="left")
        .with_columns(
            **{name: pl.coalesce(name, value) for name, value in fallback.items()},
            # The incident files list few covered agencies, and no dormant ones.
            is_covered=pl.col("is_covered") | pl.col("is_covered_universe").fill_null(False),
            universe_scope=pl.lit("all"),
        )
        .select(AGENCY.schema.names())
    )
    silent = own.join(listed, on="ori", how="anti").with_columns(
        is_nibrs=pl.lit(False), has_participated_nibrs=pl.lit(False), data_year=pl.lit(listed["data_year"][0], pl.Int16)
    )
    merged = pl.concat([known, silent.select(known.columns)])
    taken = merged.filter(pl.col("agency_id").is_duplicated())
    if taken.height:
        raise PipelineError(
            f"Two agencies have the agency_id {taken['agency_id'][0]}: {' and '.join(taken['ori'].sort())}. Give each "
            "agency of the universe file a unique agency_id, or omit that column."
        )
    return merged


def _read_text(path: Path) -> pl.DataFrame:
    try:
        text = pl.read_csv(path, infer_schema=False, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise PipelineError(f"{path} cannot be read as CSV with a header line: {error}. Correct the file.") from error
    names = [name.strip().lower() for name in text.columns]
    text.columns = [_NAMES.get(name, name) for name in names]
    missing = [name for name in _REQUIRED if name not in text.columns]
    if not any(name in text.columns for name in _STATE_COLUMNS):
        missing.append(" or ".join(_STATE_COLUMNS))
    if missing:
        raise PipelineError(
            f"{path} does not have the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}. "
            "docs/universe-file.md describes the columns and their origin."
        )
    trimmed = pl.all().str.strip_chars()
    return text.with_columns(pl.when(trimmed != "").then(trimmed)).with_row_index(_LINE, offset=2)


def _typed(path: Path, text: pl.DataFrame, column: Column) -> pl.Series:
    raw = text[column.name]
    if column.type == "bool":
        values = raw.str.to_lowercase().replace_strict(_FLAGS, default=None, return_dtype=pl.Boolean)
    elif column.type == "date":
        values = raw.str.to_date("%Y-%m-%d", strict=False)
    else:
        values = raw.cast(column.dtype, strict=False)
    wrong_type = _WRONG_TYPE.get(column.type, f"not of type {column.type}")
    _refuse(path, text, values.is_null() & raw.is_not_null(), column.name, wrong_type)
    if column.name in _REQUIRED:
        _refuse(path, text, values.is_null(), column.name, "missing, but every agency needs it")
    if column.codes and column.name != "universe_scope":
        wrong = ~values.is_in(list(column.codes)) & values.is_not_null()
        _refuse(path, text, wrong, column.name, f"not one of {', '.join(map(str, column.codes))}")
    return values.alias(column.name)


def _states(text: pl.DataFrame) -> pl.Series:
    given = [name for name in _STATE_COLUMNS if name in text.columns]
    return text.select(ucr_abbr(pl.coalesce(given).str.to_uppercase())).to_series()


def _has_reported(frame: pl.DataFrame, year: int, reporters: pl.Series | None) -> pl.Expr:
    """Whether an agency is known to have sent a report in the data year or the four years before."""
    found = pl.lit(False)
    if reporters is not None:
        found |= pl.col("ori").is_in(reporters.implode())
    for name in ("has_participated", "has_participated_nibrs"):
        if name in frame.columns:
            found |= pl.col(name).fill_null(False)
    if _LAST_REPORT.name in frame.columns:
        found |= (pl.col(_LAST_REPORT.name) > year - HISTORY_YEARS).fill_null(False)
    return found


def _completed(frame: pl.DataFrame, year: int, reporters: pl.Series | None) -> pl.DataFrame:
    defaults = {
        "agency_status": pl.when((pl.col("population") > 0) | _has_reported(frame, year, reporters))
        .then(pl.lit("A"))
        .otherwise(pl.lit("D")),
        "is_nibrs": pl.lit(False),
        **{column.name: pl.lit(False) for column in AGENCY.columns if column.type == "bool" and not column.is_nullable},
        "is_publishable": pl.lit(True),
    }
    given = set(frame.columns)
    frame = frame.with_columns(
        data_year=pl.lit(year, pl.Int16),
        universe_scope=pl.lit("all"),
        **{name: pl.coalesce(name, default) if name in given else default for name, default in defaults.items()},
    )
    if "agency_id" not in given:
        frame = frame.with_columns(agency_id=_numbers(frame["ori"]))
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in AGENCY.schema.items()
    )


def _numbers(oris: pl.Series) -> pl.Series:
    """A stable number for each ORI, negative so that it is never equal to a number of the FBI."""
    digests = [int.from_bytes(hashlib.sha256(ori.encode()).digest()[:4], "big") for ori in oris]
    return pl.Series([-(digest % (2**31 - 1)) - 1 for digest in digests], dtype=pl.Int32)


def _refuse_repeats(path: Path, frame: pl.DataFrame) -> None:
    repeated = frame.filter(pl.col("ori").is_duplicated()).sort("ori", _LINE)
    if repeated.height:
        ori = repeated["ori"][0]
        lines = repeated.filter(pl.col("ori") == ori)[_LINE].to_list()
        raise PipelineError(
            f"{path}, lines {' and '.join(map(str, lines[:2]))}, column ori: both have {ori}. An agency may "
            f"occur only once: remove one of the rows ({repeated['ori'].n_unique()} ORIs are repeated)."
        )


def _refuse(path: Path, frame: pl.DataFrame, wrong: pl.Series, column: str, complaint: str) -> None:
    if wrong.any():
        row = wrong.arg_true()[0]
        value = frame[column][row] if column in frame.columns else None
        found = "the value" if value is None else repr(value)
        raise PipelineError(
            f"{path}, line {frame[_LINE][row]}, column {column}: {found} is {complaint}. Correct it; "
            "docs/universe-file.md describes the column."
        )
