"""Residents of counties from the Census Bureau's files of a folder."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from nibrs_estimation.model.geography import COUNTY_POPULATION
from nibrs_estimation.model.public import SPREAD_RESIDENTS
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.census_population import census_residents
from nibrs_estimation.sources.public.content import Content
from nibrs_estimation.sources.public.folder import File


@dataclass(frozen=True)
class CensusFiles:
    """The files of one vintage for some states.

    Attributes:
        vintage: of both.
        groups: residents by five-year groups of age, sex, race and Hispanic origin.
        single_years: residents by single years of age, or None.
    """

    vintage: int
    groups: Content
    single_years: Content | None

    def checksum(self) -> str:
        """Of both contents."""
        return "\n".join(content.checksum() for content in (self.groups, self.single_years) if content)


@dataclass(frozen=True)
class Residents:
    """Files of the Census Bureau that have no state in common.

    Attributes:
        files: the files.
        checksums: of each when the run was planned.
    """

    files: tuple[CensusFiles, ...]
    checksums: tuple[str, ...] = ()

    @classmethod
    def of(cls, groups: Sequence[File], single_years: Sequence[File]) -> Residents:
        """Each file of groups with the file of single years that has its vintage and its states, if there is one."""
        files = []
        for file in groups:
            fitting = [one for one in single_years if one.edition == file.edition and one.states >= file.states]
            single = _fresh(fitting[0]) if fitting else None
            files.append(CensusFiles(file.edition, _fresh(file), single))
        return cls(tuple(files), tuple(one.checksum() for one in files))

    @property
    def fingerprint(self) -> str:
        """Changes with the files."""
        return "\n".join(self.checksums)

    def import_residents(self, year: int) -> dict[str, pl.DataFrame]:
        """Read the residents of counties by sex, age, race and ethnicity, and how many are of two or more races.

        Raises:
            PipelineError: as :func:`census_residents`, or a file has changed since the run was planned.
        """
        parts, spread = [], []
        for files, checksum in zip(self.files, self.checksums, strict=True):
            if files.checksum() != checksum:
                raise PipelineError(f"{files.groups.where} changed since the run was planned. Repeat the command.")
            with tempfile.TemporaryDirectory(prefix="nibrs_census_") as folder:
                groups = _as_file(files.groups, Path(folder))
                single = _as_file(files.single_years, Path(folder)) if files.single_years else None
                people, of_several = census_residents(groups, single, year, files.vintage)
                parts.append(people)
                spread.append(of_several)
        return {COUNTY_POPULATION.name: pl.concat(parts), SPREAD_RESIDENTS.name: pl.concat(spread)}


def _fresh(file: File) -> Content:
    """The content without what was read of it: tasks are sent to other processes."""
    assert file.content is not None
    return replace(file.content)


def _as_file(content: Content, folder: Path) -> Path:
    """The file itself; of a zip, a copy of its member."""
    if not content.member:
        return content.path
    path = folder / f"{content.path.name}, {Path(content.member).name}"
    with path.open("wb") as copy:
        copy.writelines(content.stream())
    return path
