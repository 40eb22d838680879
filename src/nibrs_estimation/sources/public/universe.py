"""The task that reads the files with incidents and joins what all files tell of their agencies."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from nibrs_estimation.model.agency import AGENCY, HISTORY_YEARS, REPORT_MONTH, SRS_MONTH
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.geography import AGENCY_COUNTY, FIELD_OFFICE, GEOGRAPHY, JUDICIAL_DISTRICT
from nibrs_estimation.model.intake import INTAKE_FILE
from nibrs_estimation.model.public import DATASETS, PUBLIC_FAULT, PUBLIC_FILE, SOURCE_CONFLICT, UNIVERSE_ACCOUNT
from nibrs_estimation.model.return_a_file import ACTUAL
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.pipeline.task import Task
from nibrs_estimation.sources.cde import CdeSource
from nibrs_estimation.sources.master import MasterSource
from nibrs_estimation.sources.master.agency_id import agency_numbers
from nibrs_estimation.sources.public.companions import Companions, Read, account_of_return_a, distinct_names
from nibrs_estimation.sources.public.counties import CountyList
from nibrs_estimation.sources.public.facts import YearFiles
from nibrs_estimation.sources.public.join import Joined, join_agencies
from nibrs_estimation.sources.return_a.core import card_rows, line_rows, report_rows
from nibrs_estimation.sources.return_a.reading import ReturnA
from nibrs_estimation.sources.synthetic.geography import geographies

_log = logging.getLogger(__name__)

#: Optional datasets that the join writes; an external file may take the place of each.
OPTIONAL = (AGENCY_COUNTY, GEOGRAPHY, JUDICIAL_DISTRICT, FIELD_OFFICE, SRS_MONTH)
#: Zips of this layout have no reports of months without incidents.
_WITHOUT_ZERO_MONTHS = "cde_2021"


@dataclass(frozen=True)
class JoinedIncidents:
    """Files with incidents, and the files that tell more of their agencies.

    Attributes:
        incidents: the NIBRS master files, or the zips of states.
        companions: the other files.
        omitted: names of optional datasets that are not written.
    """

    incidents: MasterSource | CdeSource
    companions: Companions
    omitted: frozenset[str] = frozenset()

    def tasks(self) -> tuple[Task, ...]:
        """The tasks of the files with incidents; the one that writes agencies joins them."""
        return tuple(self._joining(task) if AGENCY in task.writes else task for task in self.incidents.tasks())

    def writes(self) -> tuple[Dataset, ...]:
        """What the join adds to the datasets of the files with incidents."""
        has_summaries = bool(self.companions.return_a)
        optional = [dataset for dataset in OPTIONAL if dataset is not SRS_MONTH or has_summaries]
        return (*(dataset for dataset in optional if dataset.name not in self.omitted), *DATASETS)

    def ingest_joined(self, year: int, universe: Path | None = None) -> dict[str, Any]:
        """Read agencies, reported months and incidents, and join what other public files tell of the agencies.

        Raises:
            PipelineError: as the readers of the files; or a file has changed since the run was planned.
        """
        self.companions.check_unchanged()
        is_master = isinstance(self.incidents, MasterSource)
        found: dict[str, Any] = (
            self.incidents.ingest_master(year, universe)
            if isinstance(self.incidents, MasterSource)
            else self.incidents.ingest_agencies(year, universe)
        )
        read = self.companions.read(year)
        parts = _Parts(found, read, "nibrs_master" if is_master else "state_zip", year)
        for path, file in self.companions.return_a_files():
            parts.add_return_a(path, file)
        joined = parts.joined()
        written = {output.name for task in self.tasks() for output in task.writes}
        return {name: frame for name, frame in (found | joined).items() if name in written}

    def _joining(self, task: Task) -> Task:
        own = tuple(output for output in task.writes if output not in self.writes() and output is not AGENCY_COUNTY)
        return replace(task, function=self.ingest_joined, writes=(*own, *self.writes()))


@dataclass(frozen=True)
class _Summaries:
    """What is needed of a Return A master file."""

    agencies: pl.DataFrame
    cards: pl.DataFrame
    reporters: pl.Series


class _Parts:
    """The parts of the join: years of files with incidents, and years of Return A."""

    def __init__(self, found: Mapping[str, Any], read: Read, kind: str, year: int) -> None:
        self.found, self.read, self.kind, self.year = found, read, kind, year
        self.summaries: dict[int, _Summaries] = {}
        self.accounts = list(read.accounts)

    def add_return_a(self, path: Path, file: ReturnA) -> None:
        """Keep what is needed of a file: its agencies and the lines of actual offenses."""
        self.accounts.append(account_of_return_a(path, file))
        # Numbers of agencies are not known yet; the place of the agency in the file stands for it.
        places = file.agencies.select("ori7", agency_id=pl.int_range(pl.len(), dtype=pl.Int32))
        cards = card_rows(file.counts.filter(pl.col("card") == ACTUAL), file.months, places)
        cards = cards.join(places, on="agency_id").drop("agency_id")
        self.summaries[file.data_year] = _Summaries(file.agencies, cards, cards["ori7"].unique())

    def joined(self) -> dict[str, pl.DataFrame]:
        """The datasets of the join."""
        listed, months = self.found[AGENCY.name], self.found[REPORT_MONTH.name]
        counties = self.found.get(AGENCY_COUNTY.name, AGENCY_COUNTY.empty().collect())
        states = tuple(listed.filter(pl.col("data_year") == self.year)["state_abbr"].unique().sort())
        years = {of: self._join_year(of, states) for of in sorted({self.year, *self.summaries})}
        joined = list(years.values())
        other = ~pl.col("data_year").is_in(list(years))
        agencies = _numbered(pl.concat([listed.filter(other), *(each.agency for each in joined)]))
        agency_county = pl.concat([counties.filter(other), *(each.agency_county for each in joined)])
        months = pl.concat([months, self._listed_months(agencies, months)])
        summaries = self._summaries(years, agencies, months)
        accounts = distinct_names(self.accounts)
        return {
            AGENCY.name: agencies,
            AGENCY_COUNTY.name: agency_county,
            REPORT_MONTH.name: pl.concat([months, *(report for report, _lines in summaries)]),
            SRS_MONTH.name: pl.concat([SRS_MONTH.empty().collect(), *(lines for _report, lines in summaries)]),
            GEOGRAPHY.name: GEOGRAPHY.cast(
                geographies(_whole_areas(agency_county.filter(pl.col("data_year") == self.year), self.read.counties,
                                         states))
            ),
            JUDICIAL_DISTRICT.name: _names("judicial_district", JUDICIAL_DISTRICT),
            FIELD_OFFICE.name: _names("field_office", FIELD_OFFICE),
            SOURCE_CONFLICT.name: pl.concat(each.source_conflict for each in joined),
            UNIVERSE_ACCOUNT.name: pl.concat(each.universe_account for each in joined),
            **{
                dataset.name: pl.concat([dataset.empty().collect(), *(account[dataset.name] for account in accounts)])
                for dataset in (PUBLIC_FILE, PUBLIC_FAULT)
            },
        }  # fmt: skip

    def _join_year(self, year: int, states: tuple[str, ...]) -> Joined:
        in_year = pl.col("data_year") == year
        counties = self.found.get(AGENCY_COUNTY.name, AGENCY_COUNTY.empty().collect())
        months = self.found[REPORT_MONTH.name]
        is_recent = pl.col("data_year").is_between(year - HISTORY_YEARS + 1, year)
        summaries = [of for at, of in self.summaries.items() if year - HISTORY_YEARS < at <= year]
        first_months = (
            months.filter(in_year & (pl.col("form_code") == "N") & (pl.col("status_source") == "reported"))
            .group_by("ori")
            .agg(first_month=pl.col("month").min())
        )
        own = self.summaries.get(year)
        joined = join_agencies(
            YearFiles(
                kind=self.kind,
                year=year,
                listed=self.found[AGENCY.name].filter(in_year),
                agency_county=counties.filter(in_year),
                return_a=own.agencies if own else None,
                agency_list=self.read.agency_list,
                employees=self.read.employees if year == self.year else None,
                states=states,
                reporters=months.filter(is_recent)["ori"].unique(),
                summary_reporters=pl.concat(
                    [pl.Series("ori7", [], pl.String), *(each.reporters for each in summaries)]
                ),
                first_months=first_months,
            ),
            self.read.counties,
        )
        _tell(joined, year)
        return joined

    def _summaries(
        self, years: Mapping[int, Joined], agencies: pl.DataFrame, months: pl.DataFrame
    ) -> list[tuple[pl.DataFrame, pl.DataFrame]]:
        """Datasets ``report_month`` and ``srs_month`` of each Return A, without months that came as incidents."""
        found = []
        with_incidents = months.filter(pl.col("form_code") == "N").select("agency_id", "data_year", "month").unique()
        for year, of in self.summaries.items():
            ids = agencies.filter(pl.col("data_year") == year).select("agency_id", "ori")
            cards = of.cards.join(years[year].matched.select("ori7", "ori"), on="ori7").join(ids, on="ori")
            summary = cards.drop("ori").join(with_incidents, on=["agency_id", "data_year", "month"], how="anti")
            found.append((report_rows(summary, ids), line_rows(summary)))
        return found

    def _listed_months(self, agencies: pl.DataFrame, months: pl.DataFrame) -> pl.DataFrame:
        """Zero reports by the start in the list of agencies, where a zip tells neither zero reports nor a start.

        An agency with incidents of the year reports each month from its start of NIBRS on, by the rule for zips.
        """
        layouts = self.found[INTAKE_FILE.name].filter(pl.col("data_year") == self.year)
        states = layouts.filter(pl.col("layout") == _WITHOUT_ZERO_MONTHS)["state_abbr"]
        listed = self.found[AGENCY.name].filter(pl.col("data_year") == self.year)
        unknown = listed.filter(pl.col("nibrs_start_date").is_null() & pl.col("state_abbr").is_in(states.implode()))
        in_year = months.filter((pl.col("data_year") == self.year) & (pl.col("form_code") == "N"))
        started = (
            agencies.filter(pl.col("data_year") == self.year)
            .join(unknown.select("ori"), on="ori", how="semi")
            .join(in_year.select("ori"), on="ori", how="semi")
            .drop_nulls("nibrs_start_date")
        )
        grid = started.join(pl.DataFrame({"month": range(1, 13)}, schema={"month": pl.Int8}), how="cross")
        is_after = pl.date(self.year, pl.col("month"), 1) >= pl.col("nibrs_start_date").dt.month_start()
        silent = grid.filter(is_after).join(in_year.select("ori", "month"), on=["ori", "month"], how="anti")
        return REPORT_MONTH.cast(
            silent.with_columns(form_code=pl.lit("N"), status=pl.lit("Z"), status_source=pl.lit("listed"))
        )


def _numbered(agencies: pl.DataFrame) -> pl.DataFrame:
    """Agencies with a number each: that of the files with incidents, or a negative one, the same in all years."""
    known = agencies.drop_nulls("agency_id").unique("ori", keep="last", maintain_order=True).select("ori", "agency_id")
    new = agencies.filter(~pl.col("ori").is_in(known["ori"].implode()))["ori"].unique()
    numbers = pl.concat([known, agency_numbers(new).select("ori", -pl.col("agency_id"))])
    own = pl.col("agency_id").is_not_null()
    return AGENCY.cast(
        agencies.join(numbers, on="ori", suffix="_of_ori", maintain_order="left").with_columns(
            agency_id=pl.when(own).then("agency_id").otherwise("agency_id_of_ori")
        )
    )


def _whole_areas(located: pl.DataFrame, counties: CountyList, states: tuple[str, ...]) -> pl.DataFrame:
    """Counties of agencies; areas and offices that are partly in other states than those of the run have no name."""
    codes = code_list("state").filter(pl.col("state_abbr").is_in(states))["state_fips"]
    all_codes = code_list("state")["state_fips"]
    of_area = counties.areas.select("msa_name", state=pl.col("county_fips").str.head(2))
    is_elsewhere = pl.col("state").is_in(all_codes.implode()) & ~pl.col("state").is_in(codes.implode())
    partial = of_area.filter(is_elsewhere)["msa_name"].drop_nulls().unique()
    of_office = code_list("field_office").select("label", state=pl.col("states").str.split(";"))
    of_office = of_office.explode("state", empty_as_null=True)
    offices = of_office.filter(~pl.col("state").is_in(states))["label"].unique()
    return located.with_columns(
        msa_name=pl.when(~pl.col("msa_name").is_in(partial.implode())).then("msa_name"),
        field_office_name=pl.when(~pl.col("field_office_name").is_in(offices.implode())).then("field_office_name"),
    )


def _names(name: str, dataset: Dataset) -> pl.DataFrame:
    columns = {f"{name}_code": pl.col("code"), f"{name}_name": pl.col("label")}
    return dataset.cast(code_list(name).select(**columns))


def _tell(joined: Joined, year: int) -> None:
    """Log what the join made of the agencies of a year."""
    account = joined.universe_account.sum()
    _log.info(
        "Agencies of %d: %d, of which %d eligible with %d residents, %d covered, %d dormant, %d federal, %d outside "
        "the states; %d conflicts between files",
        year,
        *(account[name].item() for name in ("n_rows", "n_eligible", "population", "n_covered", "n_dormant",
                                            "n_federal", "n_outside_states")),
        joined.source_conflict.height,
    )  # fmt: skip
