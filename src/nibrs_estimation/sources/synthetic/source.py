"""The source: its name, its states and its tasks."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Self

import polars as pl

from nibrs_estimation.model import geography
from nibrs_estimation.model.agency import (
    AGENCY,
    AGENCY_MONTH_OFFENSE,
    DATASETS,
    HISTORY_YEARS,
    REPORT_MONTH,
    SRS_MONTH,
)
from nibrs_estimation.model.intake import INTAKE_COUNT, INTAKE_FILE, PARTITIONED
from nibrs_estimation.model.items import SYNTHETIC_TRUTH_ITEM
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.source import Probe
from nibrs_estimation.pipeline.task import PARTITION, SEED, YEAR, Task
from nibrs_estimation.sources.intake.manifest import MANIFEST_TASK
from nibrs_estimation.sources.synthetic.faults import planted_faults
from nibrs_estimation.sources.synthetic.geography import county_people, geographies
from nibrs_estimation.sources.synthetic.history import state_year
from nibrs_estimation.sources.synthetic.incidents import SEGMENTS, segments_with_truth
from nibrs_estimation.sources.synthetic.nation import agency_county, agency_frame, nation, states
from nibrs_estimation.sources.synthetic.population import county_population
from nibrs_estimation.sources.synthetic.reporting import RESPONSES, Response
from nibrs_estimation.sources.synthetic.srs import benchmark
from nibrs_estimation.sources.synthetic.truth import (
    SYNTHETIC_OUTLIER,
    SYNTHETIC_TRUTH,
    SYNTHETIC_TRUTH_MONTH,
    true_numbers,
)

#: Must be increased if the same seed gives other data.
GENERATOR_VERSION = 5
FIRST_YEAR, LAST_YEAR = 1985, 2100
#: On what it depends whether an item is blank.
BLANKS = ("given", "value")
#: Maximum number of agencies whose history is generated together.
AGENCIES_PER_BATCH = 1000


@dataclass(frozen=True)
class SyntheticSource:
    """A nation that does not exist, with known truth.

    Attributes:
        scale: share of the real number of agencies, in (0, 1]; a state never has fewer than 8.
        response: on what reporting to NIBRS depends.
        blank: on what it depends whether an item is blank: on what is reported (``given``), or a little on its own
            value, too (``value``).
    """

    scale: float = 0.01
    response: Response = "random"
    blank: str = BLANKS[0]

    @classmethod
    def parse(cls, text: str) -> Self:
        """The source named ``synthetic:<text>``; an empty text means the default scale and response.

        Args:
            text: such as ``0.2``, ``0.2,response=large`` or ``0.2,blank=value``.

        Raises:
            UsageError: the scale is not a number in (0, 1], or there is no such option.
        """
        parts = [part.strip() for part in text.split(",") if part.strip()]
        options = dict(part.split("=", 1) for part in parts if "=" in part)
        scales = [part for part in parts if "=" not in part]
        response, blank = options.pop("response", cls.response), options.pop("blank", cls.blank)
        if options or response not in RESPONSES or blank not in BLANKS:
            raise UsageError(
                f"{text.strip()!r} is not an option of the synthetic source. Write response= and one of "
                f"{', '.join(RESPONSES)}, or blank= and one of {', '.join(BLANKS)}, after the scale, such as "
                "synthetic:0.2,response=large."
            )
        return cls(_scale(", ".join(scales)) if scales else cls.scale, response, blank)

    @property
    def spec(self) -> str:
        """Its name, such as ``synthetic:0.01`` or ``synthetic:0.01,response=large``."""
        response = "" if self.response == "random" else f",response={self.response}"
        return f"synthetic:{self.scale}{response}" + ("" if self.blank == BLANKS[0] else f",blank={self.blank}")

    def probe(self, year: int, seed: int) -> Probe:
        """All states, in any year from 1985 to 2100.

        Raises:
            UsageError: the year is not in this range.
        """
        if not FIRST_YEAR <= year <= LAST_YEAR:
            raise UsageError(
                f"The synthetic source has no data year {year}. Give a year from {FIRST_YEAR} to {LAST_YEAR} "
                "with --year or DATA_YEAR."
            )
        content = f"synthetic {GENERATOR_VERSION} {self.scale!r} {self.response} {self.blank} {year} {seed}"
        return Probe(
            years=(year,),
            partitions={"state_abbr": states()},
            fingerprint=hashlib.sha256(content.encode()).hexdigest(),
            is_content_hash=True,
            summary=f"Synthetic nation at scale {self.scale}, response {self.response}, data year {year}, seed {seed}",
            is_synthetic=True,
        )

    def tasks(self) -> tuple[Task, ...]:
        """Tasks for agencies with places and history, incidents by state, the accounts, and the truth of each state."""
        return (
            Task(
                name="ingest_agencies",
                function=self.ingest_agencies,
                writes=(*DATASETS, SRS_MONTH, *geography.DATASETS, INTAKE_FILE),
                parameters=(YEAR, SEED),
                memory="medium",
            ),
            Task(
                name="ingest_incidents",
                function=self.ingest_incidents,
                writes=(*SEGMENTS, *PARTITIONED, SYNTHETIC_TRUTH_ITEM),
                parameters=(YEAR, SEED, PARTITION),
                partition_by="state_abbr",
                memory="medium",
            ),
            MANIFEST_TASK,
            Task(
                name="keep_truth",
                function=self.keep_truth,
                writes=(SYNTHETIC_TRUTH, SYNTHETIC_TRUTH_MONTH, SYNTHETIC_OUTLIER),
                parameters=(YEAR, SEED, PARTITION),
                partition_by="state_abbr",
                memory="medium",
            ),
        )

    def ingest_agencies(self, year: int, seed: int) -> dict[str, pl.DataFrame]:
        """Generate the agencies, their places and people, and their reports of the year and the four years before."""
        years = range(year - HISTORY_YEARS + 1, year + 1)
        frames = {each: agency_frame(each, seed, self.scale, self.response) for each in years}
        sent = [state_year(some, each, seed) for each, agencies in frames.items() for some in _batches(agencies)]
        file = {
            "input_name": self.spec,
            "state_abbr": "US",
            "data_year": year,
            "layout": "synthetic",
            "use": "incidents",
            "is_excerpt": False,
            "sha256": self.probe(year, seed).fingerprint,
        }
        # A start date is known when it has passed, and then in the rows of all years.
        starts = frames[year].select("agency_id", pl.selectors.starts_with("nibrs_").name.suffix("_known"))
        known = {name.removesuffix("_known"): pl.col(name) for name in starts.columns if name.endswith("_known")}
        agencies = pl.concat(frames.values()).join(starts, on="agency_id", how="left", maintain_order="left")
        return {
            AGENCY.name: agencies.with_columns(**known).select(AGENCY.schema.names()),
            REPORT_MONTH.name: pl.concat(each.months for each in sent),
            AGENCY_MONTH_OFFENSE.name: pl.concat(each.offenses for each in sent),
            SRS_MONTH.name: pl.concat(each.summaries for each in sent),
            **self._places(frames[year], years, seed),
            INTAKE_FILE.name: pl.DataFrame([file], schema=INTAKE_FILE.schema),
        }

    def _places(self, agencies: pl.DataFrame, years: range, seed: int) -> dict[str, pl.DataFrame]:
        """The optional datasets: places, people and the benchmark."""
        country, year = nation(seed, self.scale), years[-1]
        residents = county_people(country.pieces, country.county)
        districts, offices = (
            country.county.select(f"{place}_code", f"{place}_name").unique().sort(f"{place}_code")
            for place in ("judicial_district", "field_office")
        )
        return {
            geography.AGENCY_COUNTY.name: pl.concat(agency_county(agencies, country, each) for each in years),
            geography.COUNTY_POPULATION.name: county_population(country.county["county_fips"], residents, year, seed),
            geography.SRS_BENCHMARK.name: benchmark(agencies, year, seed),
            geography.JUDICIAL_DISTRICT.name: districts,
            geography.FIELD_OFFICE.name: offices,
            geography.GEOGRAPHY.name: geographies(country.county),
        }

    def ingest_incidents(self, year: int, seed: int, partition: str) -> dict[str, pl.DataFrame]:
        """Generate the reported incidents of a state."""
        agencies = self._agencies_of(partition, year, seed)
        segments, blanks = segments_with_truth(agencies, year, seed, by_value=self.blank == "value")
        counts = pl.DataFrame(
            [
                {"input_table": name, "dataset": name, "rows_read": rows.height, "rows_kept": rows.height}
                for name, rows in segments.items()
            ]
        ).with_columns(state_abbr=pl.lit(partition), input_name=pl.lit(self.spec))
        return segments | {
            SYNTHETIC_TRUTH_ITEM.name: blanks,
            INTAKE_COUNT.name: counts.select(
                (pl.col(column.name) if column.name in counts.columns else pl.lit(0))
                .cast(column.dtype)
                .alias(column.name)
                for column in INTAKE_COUNT.columns
            ),
            **{dataset.name: dataset.empty().collect() for dataset in PARTITIONED if dataset is not INTAKE_COUNT},
        }

    def keep_truth(self, year: int, seed: int, partition: str) -> dict[str, pl.DataFrame]:
        """Count the incidents of a state's agencies, reported or not, and list months reported wrongly."""
        years = range(year - HISTORY_YEARS + 1, year + 1)
        faults = pl.concat(planted_faults(self._agencies_of(partition, each, seed), each, seed) for each in years)
        faults = faults.with_columns(state_abbr=pl.lit(partition))
        totals, months = true_numbers(self._agencies_of(partition, year, seed), year, seed)
        return {
            SYNTHETIC_TRUTH.name: totals,
            SYNTHETIC_TRUTH_MONTH.name: months,
            SYNTHETIC_OUTLIER.name: faults.select(SYNTHETIC_OUTLIER.schema.names()),
        }

    def _agencies_of(self, state_abbr: str, year: int, seed: int) -> pl.DataFrame:
        return agency_frame(year, seed, self.scale, self.response).filter(pl.col("state_abbr") == state_abbr)


def _scale(text: str) -> float:
    """The share of the nation's agencies that a text tells."""
    try:
        scale = float(text)
    except ValueError:
        scale = math.nan
    if not 0 < scale <= 1:
        raise UsageError(
            f"{text!r} is not a scale for the synthetic source. Give a number above 0 and at most 1, such as "
            "synthetic:0.01 for a hundredth of the nation's agencies."
        )
    return scale


def _batches(agencies: pl.DataFrame) -> list[pl.DataFrame]:
    """The agencies in batches of whole states, few enough for memory and many enough for speed."""
    by_id = agencies.sort("agency_id")
    first = (
        by_id.group_by("state_abbr", maintain_order=True)
        .len()
        .with_columns(batch=(pl.col("len").cum_sum() - pl.col("len")) // AGENCIES_PER_BATCH)
    )
    return (
        by_id.join(first, on="state_abbr", maintain_order="left")
        .drop("len")
        .partition_by("batch", maintain_order=True, include_key=False)
    )
