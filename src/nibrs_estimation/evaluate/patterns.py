"""Who responds: drawings of the months that each agency of a fixed population reports (handbook 13)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.stats import random

Flags = NDArray[np.bool_]
MONTHS_PER_YEAR = 12
#: Pattern -> what it is.
PATTERNS = {
    "random": "60 % of the agencies of each weight class respond, at random",
    "large-answer-less": "of the largest cities 35 to 60 % respond, of other agencies 65 to 72 %; where there are "
    "several states, the two with the most residents never",
    "states-missing": "in 70 % of the states nearly all agencies respond, in the others one in ten",
    "partial-years": "every agency responds; months are missing as those of the real partial reporters of the file",
    "start-dates": "agencies respond from their real NIBRS start date on, in the named year, as start-dates:2021; or "
    "the whole year if they started by the named day, as start-dates:2021-01-01",
    "reported-months": "agencies report the months in which they really reported incidents",
}
#: What the patterns mean in a synthetic nation, whose agencies have changed over to NIBRS or not.
PATTERNS_OF_NATION = {
    "random": "three quarters of the agencies have changed over to NIBRS, at random within their population group",
    "large-answer-less": "the larger an agency is within its population group, the less likely it has changed over",
    "states-missing": "in most states all agencies have changed over to NIBRS, in the others none",
}
#: Patterns that need a file of real responses.
REAL = ("start-dates", "reported-months")
#: Chance to respond where large agencies answer less, by population group.
_RANDOM_SHARE = 0.6
_LARGE_SHARES = {"1A": 0.35, "1B": 0.5, "1C": 0.6, "2": 0.6, "3": 0.65, "9A": 0.65}
_OTHER_SHARE = 0.72
_NEVER = 2
_ANSWERING_STATES, _ANSWERS, _ANSWERS_ELSEWHERE = 0.7, 0.95, 0.1
#: Agencies among which one is drawn for each real pattern.
CANDIDATES = 10


@dataclass(frozen=True)
class Members:
    """The agencies of a fixed population.

    Attributes:
        agencies: ``agency_id``, ``ori``, ``state_abbr``, ``weight_class``, ``population_group_code`` and
            ``population``, by agency_id.
        annual: (n,) Part I offenses a year.
        partial_months: (k, 12) months that the real partial reporters sent.
        partial_group, partial_annual: (k,) of these, the population group with "+" for residents, and Part I offenses.
    """

    agencies: pl.DataFrame
    annual: NDArray[np.float64]
    partial_months: Flags
    partial_group: pl.Series
    partial_annual: NDArray[np.float64]


def responding_months(pattern: str, members: Members, responses: pl.DataFrame | None, number: int, seed: int) -> Flags:
    """(n, 12) months that each agency reports in drawing ``number`` of a pattern.

    Args:
        pattern: of :data:`PATTERNS`.
        members: the population.
        responses: of :func:`read_responses`, for the patterns in :data:`REAL`.
        number: of the drawing.
        seed: of the backtest.

    Raises:
        UsageError: the pattern cannot be drawn from this population.
    """
    n = members.agencies.height
    if pattern == "random":
        return _whole_years(_random(members, number, seed))
    if pattern == "large-answer-less":
        return _whole_years(_large_answer_less(members, number, seed))
    if pattern == "states-missing":
        return _whole_years(_states_missing(members, number, seed))
    if pattern == "partial-years":
        return _partial_years(members, number, seed)
    assert responses is not None
    found = members.agencies.join(responses, on="ori", how="left", maintain_order="left")
    months = np.zeros((n, MONTHS_PER_YEAR), dtype=np.bool_)
    known = found["months"].is_not_null().to_numpy()
    if known.any():
        months[known] = np.array([list(each) for each in found["months"].drop_nulls()]) == "1"
    if not months.any():
        raise UsageError("No agency of the population responds by --response-file. Does it name these agencies?")
    return months


def read_responses(path: Path, pattern: str, start: str) -> pl.DataFrame:
    """``ori`` and ``months`` (twelve digits, 1 where the agency reports) from a file of real responses.

    Args:
        path: CSV, may be compressed, with ``ori`` (or ``ori7``) and ``nibrs_start_date`` or a column whose name begins
            with ``nibrs_months``. With start dates, a column whose name begins with ``is_nibrs`` may say FALSE: the
            agency does not respond in spite of its date.
        pattern: ``start-dates`` or ``reported-months``.
        start: for start dates, a year: agencies that started before it report the whole year, those that started in it
            a part; or a day: those that started by it report the whole year. Otherwise empty.

    Raises:
        UsageError: the file does not exist.
        PipelineError: it has not these columns, or a value cannot be read; names the row.
    """
    if not path.is_file():
        raise UsageError(f"The response file {path} does not exist. Check the path of --response-file.")
    try:
        rows = pl.read_csv(path, infer_schema=False).with_row_index("row", offset=2)
    except pl.exceptions.PolarsError as error:
        raise PipelineError(f"{path} is no CSV file: {error}. Give a file of real responses.") from error
    name = next((each for each in ("ori", "ori7") if each in rows.columns), None)
    months = next((each for each in rows.columns if each.startswith("nibrs_months")), None)
    wanted = "nibrs_start_date" if pattern == "start-dates" else months
    if name is None or wanted is None or wanted not in rows.columns:
        asked = "nibrs_start_date" if pattern == "start-dates" else "nibrs_months"
        raise PipelineError(
            f"{path} has the columns {', '.join(rows.columns[1:6])}, ..., but pattern {pattern} needs ori (or ori7) "
            f"and {asked}. Give a file with these columns as --response-file."
        )
    value = pl.col(wanted)
    given = rows.select("row", ori=pl.col(name).str.pad_end(9, "0"), value=value.replace(["", "NA"], None))
    flag = next((each for each in rows.columns if each.startswith("is_nibrs")), None)
    if pattern == "reported-months":
        wrong = given.filter(pl.col("value").is_not_null() & ~pl.col("value").str.contains("^[01]{12}$"))
        _refuse(wrong, path, wanted, "twelve digits 0 or 1")
        found = given.select("ori", months="value")
    else:
        if flag is not None:
            given = given.filter(rows[flag].str.to_uppercase().fill_null("TRUE") != "FALSE")
        date = pl.col("value").str.to_date("%Y-%m-%d", strict=False)
        _refuse(given.filter(pl.col("value").is_not_null() & date.is_null()), path, wanted, "a date as 2021-01-31")
        late = _late_by_day(date, dt.date.fromisoformat(start)) if is_day(start) else _late_by_year(date, int(start))
        texts = pl.Series(["0" * late + "1" * (MONTHS_PER_YEAR - late) for late in range(MONTHS_PER_YEAR + 1)])
        found = given.select("ori", late=late).with_columns(
            months=pl.col("late").replace_strict(range(MONTHS_PER_YEAR + 1), texts, return_dtype=pl.String)
        )
    return found.drop_nulls("months").unique("ori", keep="first", maintain_order=True).select("ori", "months")


def is_day(start: str) -> bool:
    """Whether a start is a day, such as 2021-01-01, and not a year."""
    try:
        return dt.date.fromisoformat(start).isoformat() == start
    except ValueError:
        return False


def _late_by_day(date: pl.Expr, day: dt.date) -> pl.Expr:
    """Months of the year without reports: none if the agency started by the day, otherwise all."""
    is_late = date > day
    return pl.when(is_late).then(MONTHS_PER_YEAR).when(~is_late).then(0)


def _late_by_year(date: pl.Expr, year: int) -> pl.Expr:
    """Months of the year before the start."""
    late = (date.dt.year().cast(pl.Int32) - year) * MONTHS_PER_YEAR + date.dt.month() - 1
    return late.clip(0, MONTHS_PER_YEAR)


def _refuse(wrong: pl.DataFrame, path: Path, column: str, form: str) -> None:
    if wrong.height:
        first = wrong.row(0, named=True)
        raise PipelineError(
            f"{path}, row {first['row']}, {column}: {first['value']!r} is not {form} ({wrong.height} rows). Correct it."
        )


def _whole_years(responds: Flags) -> Flags:
    return np.repeat(responds[:, None], MONTHS_PER_YEAR, axis=1)


def _random(members: Members, number: int, seed: int) -> Flags:
    """The same share of every weight class, and at least two agencies of it."""
    classes = members.agencies["weight_class"].to_numpy()
    point = random.uniform(seed, "response", members.agencies["agency_id"].to_numpy(), number)
    frame = pl.DataFrame({"class": classes, "point": point}).with_columns(
        rank=pl.col("point").rank("ordinal").over("class"), size=pl.len().over("class")
    )
    wanted = (_RANDOM_SHARE * pl.col("size")).round().clip(lower_bound=2)
    return frame.select(pl.col("rank") <= wanted).to_series().to_numpy()


def _large_answer_less(members: Members, number: int, seed: int) -> Flags:
    agencies = members.agencies
    share = agencies["population_group_code"].replace_strict(_LARGE_SHARES, default=_OTHER_SHARE).to_numpy()
    responds = random.uniform(seed, "response", agencies["agency_id"].to_numpy(), number) < share
    if agencies["state_abbr"].n_unique() > 1:
        responds[np.argsort(-agencies["population"].to_numpy(), kind="stable")[:_NEVER]] = False
    return responds


def _states_missing(members: Members, number: int, seed: int) -> Flags:
    agencies = members.agencies
    states = agencies["state_abbr"]
    if states.n_unique() == 1:
        raise UsageError("Pattern states-missing needs a population of several states. Choose another --pattern.")
    answers = random.uniform(seed, "state response", states.to_list(), number) < _ANSWERING_STATES
    if not answers.any():
        answers[:] = True
    share = np.where(answers, _ANSWERS, _ANSWERS_ELSEWHERE)
    return random.uniform(seed, "response", agencies["agency_id"].to_numpy(), number) < share


def _partial_years(members: Members, number: int, seed: int) -> Flags:
    """Each real pattern is given to an agency of the partial reporter's group that is near in offenses a year."""
    if not len(members.partial_months):
        raise UsageError("No agency of the population reported a part of the year. Choose another --pattern.")
    months = np.ones((members.agencies.height, MONTHS_PER_YEAR), dtype=np.bool_)
    candidates = _nearest(members)
    units = np.arange(len(candidates))
    choice = np.floor(random.uniform(seed, "which", units, number) * CANDIDATES).astype(np.int64)
    taker = candidates[units, choice]
    months[taker[taker >= 0]] = members.partial_months[taker >= 0]
    return months


def _nearest(members: Members) -> NDArray[np.int64]:
    """(k, 10) the full reporters of the same group that are nearest in offenses a year; -1 for none."""
    group = group_of(members.agencies)
    found = np.full((len(members.partial_months), CANDIDATES), -1)
    for name in members.partial_group.unique():
        pool = (group == name).arg_true().to_numpy()
        rows = (members.partial_group == name).arg_true().to_numpy()
        if len(pool):
            distance = np.abs(members.annual[pool] - members.partial_annual[rows][:, None])
            nearest = pool[np.argsort(distance, axis=1, kind="stable")[:, :CANDIDATES]]
            found[rows] = nearest[:, np.arange(CANDIDATES) % nearest.shape[1]]
    return found


def with_weight_class(agencies: pl.DataFrame) -> pl.DataFrame:
    """Agencies with ``weight_class``, their weight class in the nation."""
    return agencies.with_columns(has_population=pl.col("population") > 0).join(
        code_list("weight_class_rule"),
        on=["population_group_code", "has_population"],
        how="left",
        maintain_order="left",
    )


def group_of(agencies: pl.DataFrame) -> pl.Series:
    """Population group, with "+" for agencies with residents."""
    return agencies.select(
        pl.col("population_group_code").fill_null("")
        + pl.when(pl.col("population") > 0).then(pl.lit("+")).otherwise(pl.lit(""))
    ).to_series()
