"""A synthetic nation of which some agencies send incidents and others Return A, with its true summary counts.

Incidents and Return A tell of the same crimes: the Return A of an agency is the conversion of all of its incidents,
whether it sends these or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from nibrs_estimation.model.agency import AGENCY_MONTH_OFFENSE, SRS_MONTH
from nibrs_estimation.model.summary import CONVERSION_ACCOUNT, INCIDENT_SUMMARY
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.sources.synthetic import SyntheticSource
from nibrs_estimation.sources.synthetic.crime import latent_incidents
from nibrs_estimation.sources.synthetic.history import offenses_by_month
from nibrs_estimation.sources.synthetic.incidents import SEGMENTS, segments_of
from nibrs_estimation.sources.synthetic.nation import agency_frame, states
from nibrs_estimation.sources.synthetic.reporting import Response
from nibrs_estimation.stages.summary.convert import convert_incidents

YEAR = 2024
#: Segments that the conversion reads.
_READ = (
    "incident", "offense", "offense_weapon", "victim", "victim_offense", "victim_circumstance", "property",
    "property_item",
)  # fmt: skip


@dataclass(frozen=True)
class MixedNation:
    """What agencies reported, and what is true.

    Attributes:
        given: datasets of the source by name, and converted incidents.
        truth: ``agency_id``, ``item_code`` and ``n``: true offenses of the data year.
    """

    given: dict[str, pl.LazyFrame]
    truth: pl.DataFrame


def mixed_nation(scale: float, seed: int, response: Response = "random") -> MixedNation:
    """Generate a nation; its Return A is known of the data year and the year before.

    What is reported of a month is true: the synthetic source's wrong months are left out.
    """
    source = SyntheticSource(scale, response)
    data = {name: frame.lazy() for name, frame in source.ingest_agencies(YEAR, seed).items()}
    everybody = agency_frame(YEAR, seed, scale, response)
    true_months = {year: _true_months(source, year, seed, data["agency"]) for year in (YEAR - 1, YEAR)}
    months = data["report_month"].select("agency_id", "data_year", "month", "form_code").collect()
    key = ["agency_id", "data_year", "month"]
    truth = pl.concat(rows.with_columns(data_year=pl.lit(year, pl.Int16)) for year, rows in true_months.items())
    by_form = {form: truth.join(months.filter(form_code=form), on=key, how="semi") for form in ("N", "R")}
    incidents = by_form["N"].filter(data_year=YEAR).join(everybody.select("agency_id", "state_abbr"), on="agency_id")
    reported = latent_incidents(everybody, YEAR, seed).join(
        months.filter(data_year=YEAR, form_code="N"), on=["agency_id", "month"], how="semi"
    )
    earlier = data["agency_month_offense"].filter(pl.col("data_year") != YEAR)
    given = {
        SRS_MONTH.name: SRS_MONTH.cast(by_form["R"]).lazy(),
        INCIDENT_SUMMARY.name: INCIDENT_SUMMARY.cast(incidents).lazy(),
        CONVERSION_ACCOUNT.name: CONVERSION_ACCOUNT.empty(),
        AGENCY_MONTH_OFFENSE.name: pl.concat([earlier, offenses_by_month(everybody, reported, YEAR, seed).lazy()]),
    }
    of_year = true_months[YEAR].group_by("agency_id", "item_code").agg(pl.col("n").sum())
    return MixedNation(data | given, of_year)


def _true_months(source: SyntheticSource, year: int, seed: int, agency: pl.LazyFrame) -> pl.DataFrame:
    """True summary counts by agency, month and line."""
    everybody = agency_frame(year, seed, source.scale, source.response)
    # Nobody starts in the year, so that no incident is left out.
    started = agency.with_columns(nibrs_start_date=pl.lit(None, pl.Date))
    months = []
    for state in states():
        agencies = everybody.filter(pl.col("state_abbr") == state)
        segments = segments_of(latent_incidents(agencies, year, seed), seed)
        declared = {dataset.name: _declared(segments.get(dataset.name), dataset, state) for dataset in SEGMENTS}
        months.append(_converted(declared, started, year, state)["incident_summary"])
    return pl.concat(months).select("agency_id", "month", "item_code", "n")


def _declared(rows: pl.DataFrame | None, dataset: Dataset, state: str) -> pl.LazyFrame:
    if rows is None:
        return dataset.empty()
    known = [column for column in dataset.columns if column.name in rows.columns]
    return rows.select(pl.col(c.name).cast(c.dtype) for c in known).with_columns(state_abbr=pl.lit(state)).lazy()


def _converted(
    segments: Mapping[str, pl.LazyFrame], agency: pl.LazyFrame, year: int, state: str
) -> dict[str, pl.DataFrame]:
    return convert_incidents(agency, **{name: segments[name] for name in _READ}, year=year, partition=state)


#: Crime -> its column of table SRS1a, and lines of the Return A with their signs.
CRIMES = {"violent": (1, {0: 1, 2: 1, 5: 1, 10: 1, 15: -1}), "property": (6, {16: 1, 20: 1, 21: 1})}


def errors_of(nation: MixedNation, made: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Errors of the nation's estimates and intervals beside the truth: a row for each crime.

    Args:
        nation: with its truth.
        made: datasets of a run.
    """
    frame = made["weighting_frame"].select("agency_id", geography_code="state_abbr")
    cells = made["cell_estimate"].filter((pl.col("table_part") == "SRS1a") & (pl.col("row") == 1))
    places = made["coverage"].select("geography_number", "geography_level", "geography_code")
    rows = []
    for crime, (column, lines) in CRIMES.items():
        sign = pl.col("item_code").replace_strict(lines, default=0, return_dtype=pl.Int64)
        truth = nation.truth.join(frame, on="agency_id").with_columns(n=pl.col("n") * sign)
        of_state = truth.group_by("geography_code").agg(truth=pl.col("n").sum())
        of_column = cells.filter(pl.col("column") == column).join(places, on="geography_number")
        country = of_column.filter(pl.col("geography_level") == "nation").row(0, named=True)
        states = of_column.filter(pl.col("geography_level") == "state").join(of_state, on="geography_code")
        total = truth["n"].sum()
        rows.append(
            {
                "crime": crime,
                "relative_error": country["estimate"] / total - 1,
                "is_held": country["lower_bound"] <= total <= country["upper_bound"],
                "states_held": states.select(
                    (pl.col("lower_bound") <= pl.col("truth")) & (pl.col("truth") <= pl.col("upper_bound"))
                )
                .to_series()
                .mean(),
            }
        )
    return pl.DataFrame(rows)
