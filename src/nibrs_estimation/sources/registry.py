"""The sources and the names by which users select them."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

from nibrs_estimation.pipeline.database import Database
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.optional import require_extra
from nibrs_estimation.pipeline.source import Source
from nibrs_estimation.sources.cde import CdeSource
from nibrs_estimation.sources.master import MasterSource
from nibrs_estimation.sources.public import PublicFolder, PublicSource
from nibrs_estimation.sources.public.benchmark import ReturnABenchmark
from nibrs_estimation.sources.public.companions import Companions
from nibrs_estimation.sources.public.residents import Residents
from nibrs_estimation.sources.return_a import ReturnASource, ReturnASummaries, return_a_summaries
from nibrs_estimation.sources.synthetic import SyntheticSource
from nibrs_estimation.sources.ucr_prd import UcrPrdSource

FORMS = (
    "cde:FILE.zip[,FILE2.zip...], master:FILE[,FILE2...], public:FOLDER, postgresql or "
    "synthetic[:SCALE][,response=random|large|states]"
)
#: What flows of summary counts read, too.
SUMMARY_FORM = "return-a:FILE[,FILE2...]"


@runtime_checkable
class DatedSource(Protocol):
    """A source that contains its data years; a synthetic source has no year until one is chosen."""

    def newest_year(self) -> int:
        """The latest data year that it contains; raises PipelineError if it cannot be read or has none."""
        ...


def newest_year(source: Source) -> int | None:
    """The latest data year of a source; None for a synthetic source.

    Raises:
        PipelineError: the source cannot be read, or contains no year.
    """
    return source.newest_year() if isinstance(source, DatedSource) else None


@runtime_checkable
class YearlySource(Protocol):
    """A source that differs by data year."""

    def of_year(self, year: int) -> Source:
        """The source for a data year; raises PipelineError if it has none."""
        ...


def of_year(source: Source, year: int) -> Source:
    """The source for a data year.

    Raises:
        PipelineError: the source cannot be read, or does not have the year.
    """
    return source.of_year(year) if isinstance(source, YearlySource) else source


def open_source(
    spec: str, database: Database | None, *, is_excerpt: bool = False, takes_summaries: bool = False
) -> Source:
    """The source that a text names, such as ``cde:VT-2024.zip`` or ``synthetic:0.01``.

    Args:
        spec: the text.
        database: database of the source ``postgresql``, if one is configured.
        is_excerpt: whether files may be missing from zips; their datasets are then empty and marked as missing.
        takes_summaries: whether a source may have summary counts and no incidents.

    Raises:
        UsageError: there is no such source, its part after the colon is malformed, no database is configured, its
            drivers are not installed, an excerpt is not allowed, or the source has no incidents.
    """
    kind, _, rest = spec.partition(":")
    if is_excerpt and kind in {"synthetic", "postgresql", "master", "public"}:
        raise UsageError(f"--partial is only for zips, not for the source {spec}. Leave it out.")
    paths = [Path(part.strip()).absolute() for part in rest.split(",") if part.strip()]
    if kind == "cde":
        if not paths:
            raise UsageError(
                "The source cde: has no file name. Write cde:FILE.zip, or cde:FILE.zip,FILE2.zip for several."
            )
        return CdeSource(tuple(paths), is_excerpt=is_excerpt)
    if kind == "master":
        if not paths:
            raise UsageError(
                "The source master: has no file name. Write master:FILE, or master:FILE,FILE2 with files of earlier "
                "years as history."
            )
        return MasterSource(tuple(paths))
    if kind == "public":
        if len(paths) != 1:
            raise UsageError("The source public: takes one folder. Write public:FOLDER.")
        return PublicFolder(paths[0])
    if kind == "synthetic":
        return SyntheticSource.parse(rest)
    if kind == "postgresql":
        require_extra("postgresql", "The source postgresql")
        if database is None:
            raise UsageError("The source postgresql needs a database: set PGHOST, PGUSER, PGPASSWORD and PGDATABASE.")
        return UcrPrdSource(database)
    if kind == "return-a" and takes_summaries:
        return return_a_summaries(rest)
    if kind == "return-a":
        raise UsageError(
            f"The source {spec} holds monthly counts and no incidents, so there is nothing to estimate from. Read it "
            f"with `nibrs ingest return-a {rest or 'FILE'}`, estimate from it with flow srs, or name a source of "
            f"incidents here: {FORMS}."
        )
    raise UsageError(f"{spec!r} is not a source. Write {source_forms(takes_summaries=takes_summaries)}.")


def source_forms(*, takes_summaries: bool) -> str:
    """How to write the sources of a flow."""
    return f"{SUMMARY_FORM}, {FORMS}" if takes_summaries else FORMS


def source_examples() -> dict[str, Source]:
    """One source of each kind, for listings of their outputs; nothing is opened."""
    nowhere = Database("localhost", 5432, "ucr_prd", None, None)
    return {
        "cde": CdeSource(()),
        "master": MasterSource(()),
        "postgresql": UcrPrdSource(nowhere),
        "public": PublicSource(
            "public:downloads",
            MasterSource(()),
            Companions(return_a=(Path("RETURNA.zip"),)),
            ReturnABenchmark(()),
            Residents(()),
        ),
        "return-a": ReturnASource(Path("RETURNA.zip")),
        "return-a in flow srs": ReturnASummaries((Path("RETURNA.zip"),)),
        "synthetic": SyntheticSource(),
    }
