"""Agencies whose data look unusual: heaps of incidents, officers, blank items (handbook: data warnings).

A warning changes no estimate. It says where to look before rows by hour, day or item are believed.
"""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.data_warnings import DATA_WARNING, INCIDENT_TIME

#: Types of agency whose residents are those of a place.
_PLACES = ("City", "County")
#: Grade of ``agency_item_check`` from which an agency is warned of.
_STRICTEST = 2.0
#: If more than this share of agencies never know an item, the source does not have it: no agency is unusual.
_MOST = 0.5
_ALL = "all"
#: Kinds of persons as people call them.
_PERSONS = {
    "victim": "victims", "offender": "offenders", "arrestee": "arrestees", "arrestee_b": "Group B arrestees",
}  # fmt: skip


def count_incident_times(incident: pl.LazyFrame, year: int, partition: str) -> pl.DataFrame:
    """Count the incidents of each agency in the data year that have an hour or a date, and those in heaps."""
    has_date = ~pl.col("is_report_date")
    counts = (
        incident.filter(pl.col("data_year") == year)
        .group_by("agency_id")
        .agg(
            incidents=pl.len(),
            with_hour=pl.col("incident_hour").count(),
            at_midnight=(pl.col("incident_hour") == 0).sum(),
            with_date=has_date.sum(),
            on_first=(has_date & (pl.col("incident_date").dt.day() == 1)).sum(),
        )
        .with_columns(state_abbr=pl.lit(partition))
        .sort("agency_id")
    )
    return INCIDENT_TIME.cast(counts.collect())


def warn_of_data(
    agency: pl.LazyFrame,
    incident_time: pl.LazyFrame,
    police_employees: pl.LazyFrame,
    agency_item: pl.LazyFrame,
    agency_item_check: pl.LazyFrame,
    year: int,
) -> pl.DataFrame:
    """Compare agencies with the limits of code list ``data_warning``."""
    current = agency.filter(pl.col("data_year") == year).select(
        "agency_id", "ori", "agency_name", "state_abbr", "agency_type_name", "population"
    )
    found = pl.concat(
        [*_of_times(incident_time), *_of_officers(current, police_employees), _of_items(agency_item, agency_item_check)]
    )
    limits = warning_limits().lazy()
    is_above = pl.col("comparison") == "above"
    is_beyond = (
        pl.when(is_above)
        .then(pl.col("observed") > pl.col("threshold"))
        .otherwise(pl.col("observed") < pl.col("threshold"))
    )
    warned = (
        found.join(limits.select("warning", "comparison", "threshold", "minimum"), on="warning")
        .filter(pl.col("n") >= pl.col("minimum"), is_beyond | pl.col("threshold").is_null())
        .join(current.select("agency_id", "ori", "agency_name", "state_abbr"), on="agency_id")
        .sort(DATA_WARNING.primary_key)
    )
    return DATA_WARNING.cast(warned.collect())


def warning_limits() -> pl.DataFrame:
    """Code list ``data_warning``: ``warning``, ``label``, ``comparison``, ``threshold``, ``minimum``, words."""
    return code_list("data_warning").with_columns(
        pl.col("threshold").cast(pl.Float64), pl.col("minimum").cast(pl.Int64), warning="code"
    )


def _of_times(incident_time: pl.LazyFrame) -> list[pl.LazyFrame]:
    missing = pl.col("incidents") - pl.col("with_hour")
    parts = (
        ("midnight", pl.col("at_midnight"), "with_hour"),
        ("first_of_month", pl.col("on_first"), "with_date"),
        ("no_hour", missing, "incidents"),
    )
    return [
        _observed(incident_time.filter(pl.col(of) > 0), warning, pl.lit(_ALL), part / pl.col(of), pl.col(of))
        for warning, part, of in parts
    ]


def _of_officers(current: pl.LazyFrame, police_employees: pl.LazyFrame) -> list[pl.LazyFrame]:
    """Officers for each resident, as reported; imputed numbers would only say what is usual."""
    officers = pl.col("reported_male_officers") + pl.col("reported_female_officers")
    known = (
        current.filter(pl.col("agency_type_name").is_in(_PLACES) & (pl.col("population") > 0))
        .join(police_employees.select("agency_id", officers=officers), on="agency_id")
        .filter(pl.col("officers").is_not_null())
    )
    people = pl.col("population")
    return [
        _observed(known, warning, pl.lit(_ALL), pl.col("officers") / people, people)
        for warning in ("few_officers", "many_officers")
    ]


def _of_items(agency_item: pl.LazyFrame, agency_item_check: pl.LazyFrame) -> pl.LazyFrame:
    """Agencies of the strictest grade, and those without a single known value where most agencies have one."""
    item = ["person_kind", "item"]
    (minimum,) = warning_limits().filter(warning="blank_item")["minimum"]
    is_never_known = pl.col("missing") == pl.col("persons")
    usual = (
        agency_item.filter(pl.col("persons") >= minimum)
        .group_by(item)
        .agg(is_in_source=is_never_known.mean() <= _MOST)
        .filter("is_in_source")
    )
    is_graded = (pl.col("exceeds") >= _STRICTEST).fill_null(True)
    graded = agency_item_check.filter(is_graded).join(usual, on=item, how="semi")
    subject = pl.format("{} of {}", "item", pl.col("person_kind").replace_strict(_PERSONS))
    return _observed(graded, "blank_item", subject, pl.col("missing") / pl.col("persons"), pl.col("persons"))


def _observed(rows: pl.LazyFrame, warning: str, subject: pl.Expr, observed: pl.Expr, n: pl.Expr) -> pl.LazyFrame:
    return rows.select(
        "agency_id", warning=pl.lit(warning), subject=subject, observed=observed.cast(pl.Float64), n=n.cast(pl.Int64)
    )
