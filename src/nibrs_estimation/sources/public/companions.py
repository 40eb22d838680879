"""The files of a folder that tell of agencies and places beside the files with incidents."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from nibrs_estimation.model.public import PUBLIC_FAULT, PUBLIC_FILE
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.intake.archive import printable
from nibrs_estimation.sources.intake.text_member import sha256_of
from nibrs_estimation.sources.public import kinds
from nibrs_estimation.sources.public.agency_list import read_agency_list
from nibrs_estimation.sources.public.content import Content
from nibrs_estimation.sources.public.counties import CountyList, county_list
from nibrs_estimation.sources.public.employees import read_employees
from nibrs_estimation.sources.public.folder import File, Survey, of_kind
from nibrs_estimation.sources.public.metropolitan import read_metropolitan_areas
from nibrs_estimation.sources.public.rows import Rows
from nibrs_estimation.sources.return_a.reading import ReturnA, read_return_a

_log = logging.getLogger(__name__)

_NO_AREAS = pl.Schema({name: pl.String() for name in ("county_fips", "county_name", "msa_name", "metro_division_name")})


@dataclass(frozen=True)
class Companions:
    """Files that tell of agencies and places.

    Attributes:
        return_a: Return A master files of the data year and the four years before, as far as they are there.
        lists: lists of agencies, of different states.
        employees: police employees, of different states.
        areas: the list of metropolitan areas, or None.
        residents: the Census Bureau's files, of different states, for the names and codes of counties.
        edition: the vintage of these; without them, the year of the list of areas; 0 without either.
        checksums: of all when the run was planned.
    """

    return_a: tuple[Path, ...] = ()
    lists: tuple[Content, ...] = ()
    employees: tuple[Content, ...] = ()
    areas: Content | None = None
    residents: tuple[Content, ...] = ()
    edition: int = 0
    checksums: tuple[str, ...] = ()

    @classmethod
    def of(cls, found: Survey, return_a: Sequence[Path], residents: Sequence[File]) -> Companions:
        """The companions among the files of a folder.

        Args:
            found: what the folder holds.
            return_a: its Return A master files.
            residents: its files of residents that are used.
        """
        areas = of_kind(found.files, kinds.METROPOLITAN_AREAS)
        employees = [
            *of_kind(found.files, kinds.POLICE_EMPLOYEES),
            *of_kind(found.files, kinds.POLICE_EMPLOYEES_MASTER),
        ]
        files = cls(
            return_a=tuple(return_a),
            lists=_contents(of_kind(found.files, kinds.AGENCY_LIST)),
            employees=_contents(employees),
            areas=next(iter(_contents(areas)), None),
            residents=_contents(residents),
            edition=max((file.edition for file in residents or areas), default=0),
        )
        return replace(files, checksums=tuple(files._checksums()))

    @property
    def fingerprint(self) -> str:
        """Changes with the files."""
        return "\n".join(self.checksums)

    @property
    def supplied(self) -> frozenset[str]:
        """What files with incidents lose and these files tell, by the names of losses."""
        has = {
            "no_srs": bool(self.return_a),
            "no_universe": bool(self.return_a or self.lists),
            "no_employees": bool(self.employees),
        }
        return frozenset(loss for loss, is_told in has.items() if is_told)

    def check_unchanged(self) -> None:
        """Raises PipelineError if a file has changed since the run was planned."""
        if tuple(self._checksums()) != self.checksums:
            raise PipelineError(
                "A file of the folder of public downloads changed since the run was planned. Repeat the command."
            )

    def read(self, year: int) -> Read:
        """Read the files for a data year; raises PipelineError as their readers."""
        lists = [read_agency_list(content) for content in self.lists]
        employees = [read_employees(content, year) for content in self.employees]
        areas = [read_metropolitan_areas(self.areas)] if self.areas else []
        census = pl.concat([_counties_of(content) for content in self.residents]) if self.residents else None
        counties = county_list(
            pl.DataFrame(schema={"county_fips": pl.String, "county_name": pl.String}) if census is None else census,
            areas[0].frame.drop("line") if areas else _NO_AREAS.to_frame(),
            self.edition or year,
        )
        return Read(
            agency_list=_joined(lists),
            employees=_joined(employees),
            counties=counties,
            accounts=[each.account(year) for each in (*lists, *employees, *areas)],
        )

    def return_a_files(self) -> Iterable[tuple[Path, ReturnA]]:
        """The Return A master files, one after the other; raises PipelineError as :func:`read_return_a`."""
        return ((path, read_return_a(path)) for path in self.return_a)

    def _checksums(self) -> Iterable[str]:
        yield from (sha256_of(path) for path in self.return_a)
        single = (*self.lists, *self.employees, *([self.areas] if self.areas else []), *self.residents)
        yield from (content.checksum() for content in single)


@dataclass(frozen=True)
class Read:
    """What companions tell for a data year.

    Attributes:
        agency_list: rows of the list of agencies, or None.
        employees: police employees, or None.
        counties: the counties.
        accounts: datasets ``public_file`` and ``public_fault`` of each file.
    """

    agency_list: pl.DataFrame | None
    employees: pl.DataFrame | None
    counties: CountyList
    accounts: list[dict[str, pl.DataFrame]]


def account_of_return_a(path: Path, file: ReturnA) -> dict[str, pl.DataFrame]:
    """Datasets ``public_file`` and ``public_fault`` of a Return A master file, from its own accounts."""
    name = printable(path.name)
    counts = file.accounts["intake_count"].select(
        input_name=pl.lit(name),
        data_year=pl.lit(file.data_year),
        kind=pl.lit(kinds.RETURN_A.name),
        rows_read="rows_read",
        rows_kept="rows_kept",
        rows_set_aside="rows_quarantined",
        rows_dropped="rows_dropped",
    )
    faults = file.accounts["quarantine"].with_columns(input_name=pl.lit(name))
    return {PUBLIC_FILE.name: PUBLIC_FILE.cast(counts), PUBLIC_FAULT.name: PUBLIC_FAULT.cast(faults)}


def _contents(files: Sequence[File]) -> tuple[Content, ...]:
    """Contents without what was read of them: tasks are sent to other processes."""
    return tuple(replace(file.content) for file in files if file.content)


def _joined(files: Sequence[Rows]) -> pl.DataFrame | None:
    """The rows of files of different states; of an agency in several files, that of the state of its ORI."""
    if not files:
        return None
    rows = pl.concat([each.frame.drop("line") for each in files])
    name = pl.coalesce("ori", "ori7")
    ordered = rows.sort(name, pl.col("state_abbr") != name.str.head(2), maintain_order=True)
    kept = ordered.filter((name != name.shift()).fill_null(True))
    if kept.height < rows.height:
        _log.warning(
            "%d agencies are in several of %s; the row of the state of their ORI is used",
            rows.height - kept.height,
            ", ".join(each.name for each in files),
        )
    return kept


def distinct_names(accounts: Sequence[dict[str, pl.DataFrame]]) -> list[dict[str, pl.DataFrame]]:
    """Accounts of files in which no two files have the same name: files of several folders may."""
    seen: Counter[str] = Counter()
    found = []
    for account in accounts:
        name = account[PUBLIC_FILE.name]["input_name"][0]
        seen[name] += 1
        new = name if seen[name] == 1 else f"{name} ({seen[name]})"
        found.append({dataset: frame.with_columns(input_name=pl.lit(new)) for dataset, frame in account.items()})
    return found


def _counties_of(content: Content) -> pl.DataFrame:
    """The counties of a file of residents."""
    header = {name.strip().strip('"').upper(): name.strip().strip('"') for name in content.lines(1)[0].split(",")}
    table = content.columns(*(header[name] for name in ("STATE", "COUNTY", "CTYNAME") if name in header))
    label = pl.col(header["CTYNAME"]) if "CTYNAME" in header else pl.lit(None, pl.String)
    return table.select(
        county_fips=pl.col(header["STATE"]).str.zfill(2) + pl.col(header["COUNTY"]).str.zfill(3), county_name=label
    ).unique(maintain_order=True)
