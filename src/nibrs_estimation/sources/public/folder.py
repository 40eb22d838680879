"""Looks at a folder of downloads: what each file is, which of them serve a data year, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from nibrs_estimation.model.agency import HISTORY_YEARS
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.sources.public import kinds
from nibrs_estimation.sources.public.content import Content, zip_members
from nibrs_estimation.sources.public.kinds import KINDS, Kind
from nibrs_estimation.sources.public.recognize import Recognized, recognize, recognize_zip

#: ``used`` for the data year, or ``history`` of it; not needed, because it is ``repeated``, of an ``other year``, of an
#: ``other place``, or ``spare`` beside a better file; at fault, because several are in ``conflict`` or it is
#: ``damaged``; or ``unknown``.
Use = Literal[
    "used", "history", "repeated", "other year", "other place", "spare", "conflict", "damaged", "unknown"
]  # fmt: skip
FAULTS = ("conflict", "damaged")
_UNKNOWN = (
    "its content is of no kind of file that this program knows. If it should be one, look into it: it may be a web "
    "page instead of the download"
)


@dataclass(frozen=True)
class File:
    """A file of the folder, or a member of a zip.

    Attributes:
        where: its path, and the member.
        recognized: what it is, or None.
        use: what it is used for.
        reason: why, if it is not used.
        content: its content, or None if it cannot be opened.
    """

    where: str
    recognized: Recognized | None
    use: Use
    reason: str = ""
    content: Content | None = None

    @property
    def states(self) -> set[str]:
        """UCR abbreviations of the states that it has."""
        return _states_of(self.recognized) if self.recognized else set()

    @property
    def edition(self) -> int:
        """Vintage, or year of a list of metropolitan areas; 0 for other kinds."""
        return self.recognized.edition if self.recognized else 0

    @property
    def about(self) -> str:
        """What it is, in words: kind, year, states."""
        found = self.recognized
        if found is None:
            return ""
        years = f"{found.years[0]} to {found.years[-1]}" if len(found.years) > 1 else "".join(map(str, found.years))
        states = f"{len(found.states)} states" if len(found.states) > 5 else ", ".join(found.states)
        return ", ".join(part for part in (found.kind.title, states, years, found.note) if part)


@dataclass(frozen=True)
class Missing:
    """A kind of file that is missing.

    Attributes:
        kind: the kind.
        states: UCR abbreviations of the states that it is missing for; () for all.
    """

    kind: Kind
    states: tuple[str, ...] = ()


@dataclass(frozen=True)
class Survey:
    """What a folder holds for a data year.

    Attributes:
        year: data year.
        files: every file, in the order of the kinds, then those that are not recognized.
        missing: what is missing, in the order of the kinds.
    """

    year: int
    files: tuple[File, ...]
    missing: tuple[Missing, ...]

    @property
    def faults(self) -> tuple[File, ...]:
        """The files that keep the folder from being used until somebody mends or removes them."""
        return tuple(file for file in self.files if file.use in FAULTS)

    @property
    def can_estimate(self) -> bool:
        """Whether a file has incidents or summary counts of the data year."""
        return any(of_kind(self.files, kind) for kind in (kinds.NIBRS_MASTER, kinds.STATE_ZIP, kinds.RETURN_A))


def survey(folder: Path, year: int) -> Survey:
    """Look at a folder of downloads, with its subfolders, or at one file.

    Args:
        folder: the folder; files whose names begin with a dot are left out.
        year: data year.

    Raises:
        UsageError: there is no such folder, or it is empty.
    """
    judged = [_dated(file, year) for path in paths_in(folder) for file in look_at(path)]
    judged = _without_spares(_without_copies(judged), year)
    order = {kind.name: place for place, kind in enumerate(KINDS)}
    judged.sort(key=lambda file: order[file.recognized.kind.name] if file.recognized else len(order))
    return Survey(year, tuple(judged), tuple(_missing(judged, year)))


def paths_in(folder: Path) -> list[Path]:
    """The files of a folder and its subfolders, or the one file; raises like :func:`survey`."""
    if not folder.exists():
        raise UsageError(f"The folder {folder} does not exist. Check its path.")
    paths = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
    paths = [path for path in paths if not path.name.startswith(".")]
    if not paths:
        raise UsageError(f"The folder {folder} is empty. Put the downloads into it.")
    return paths


def of_kind(files: Sequence[File], kind: Kind, use: Use = "used") -> list[File]:
    """The files of a kind that have a use."""
    return [file for file in files if file.recognized and file.recognized.kind is kind and file.use == use]


def look_at(path: Path) -> Iterator[File]:
    """The file, or the members of a zip that is no zip of a state."""
    try:
        members = zip_members(path)
        of_state = recognize_zip(path, members) if members else None
    except PipelineError as error:
        yield File(str(path), None, "damaged", str(error))
        return
    if of_state:
        yield File(str(path), of_state, "used", content=Content(path))
    elif members is None:
        yield _recognized(Content(path))
    else:
        yield from (_recognized(Content(path, name, key)) for key, name in members.items())


def _recognized(content: Content) -> File:
    try:
        found = recognize(content)
    except PipelineError as error:
        return File(content.where, None, "damaged", str(error))
    if found is None:
        return File(content.where, None, "unknown", _UNKNOWN)
    return File(content.where, found, "used", content=content)


def _dated(file: File, year: int) -> File:
    """The file with its use in a data year."""
    found = file.recognized
    if found is None:
        return file
    if not file.states:
        return replace(file, use="other place", reason="it is of no state, nor of the District of Columbia")
    if found.kind.dating == "edition" and found.edition > year:
        return replace(file, use="other year", reason=f"{year} needs areas as of {year} or before")
    if found.kind.dating in ("edition", "undated") or year in found.years:
        return file
    if found.kind.dating == "history" and year - HISTORY_YEARS < found.years[-1] < year:
        return replace(file, use="history", reason=f"history of {year}")
    return replace(file, use="other year", reason=f"it does not have {year}")


def _without_copies(files: list[File]) -> list[File]:
    """The files, of which only one of the same content stays in use, and none of those that contradict each other."""
    groups: dict[Any, list[File]] = {}
    for file in files:
        found = file.recognized
        is_in_use = found is not None and file.use in ("used", "history")
        groups.setdefault(replace(found, note="") if found and is_in_use else file.where, []).append(file)
    return [file for group in groups.values() for file in _compared(group)]


def _compared(group: list[File]) -> list[File]:
    """Files of the same kind, years, edition and states."""
    first, *others = group
    if not others:
        return group
    checksums = {file.where: file.content.checksum() for file in group if file.content}
    if len(set(checksums.values())) == 1:
        return [first, *(replace(file, use="repeated", reason=f"it is the same as {first.where}") for file in others)]
    return [replace(file, use="conflict", reason=_contradiction(file.where, checksums)) for file in group]


def _contradiction(where: str, checksums: Mapping[str, str]) -> str:
    """Names the first file that has another content."""
    other = next(each for each, checksum in checksums.items() if checksum != checksums[where])
    return (
        f"{other} is of the same kind, years and states, but has another content. Keep the one that was published last."
    )


def _without_spares(files: list[File], year: int) -> list[File]:
    """The files, of which those are spare that have states in common with a better one, or whose kind is not needed."""
    judged: list[File] = []
    for file in sorted(files, key=lambda file: _preference(file, year)):
        found = file.recognized
        if found is None or file.use != "used":
            judged.append(file)
            continue
        rivals = [
            other
            for other in judged
            if other.recognized
            and other.use == "used"
            and other.recognized.kind.name in (found.kind.name, found.kind.instead_of)
            and other.states & file.states
        ]
        if rivals:
            judged.append(replace(file, use="spare", reason=f"it is not needed beside {rivals[0].where}"))
        else:
            judged.append(file)
    return judged


def _preference(file: File, year: int) -> tuple[int, int, int, int, str]:
    """Sorts kinds as declared; files of the nation before those of states, then years near the data year."""
    found = file.recognized
    if found is None:
        return len(KINDS), 0, 0, 0, file.where
    # Of tables of many years the newest, which has the most.
    return KINDS.index(found.kind), -len(file.states), abs(found.edition - year), -len(found.years), file.where


def _states_of(found: Recognized) -> set[str]:
    return _all_states() & set(found.states) if found.states else _all_states()


def _missing(files: Sequence[File], year: int) -> Iterator[Missing]:
    """What is missing for the states that have incidents; for all states if the nation's are here, or none's.

    A kind is not missing if its files of the data year contradict each other: one of them is to be kept.
    """
    contradicting = [
        file.recognized.kind
        for file in files
        if file.recognized and file.use == "conflict" and _dated(file, year).use == "conflict"
    ]
    zips = {state for file in of_kind(files, kinds.STATE_ZIP) for state in file.states}
    needed = _all_states() if of_kind(files, kinds.NIBRS_MASTER) or not zips else zips
    for kind in KINDS:
        if kind.instead_of:
            continue
        substitutes = [other for other in KINDS if other.instead_of == kind.name and other.is_as_good]
        held = [file for one in (kind, *substitutes) for file in of_kind(files, one)]
        if not held and any(one in contradicting for one in (kind, *substitutes)):
            continue
        if not held:
            yield Missing(kind)
        elif lacking := needed.difference(*(file.states for file in held)):
            yield Missing(kind, tuple(sorted(lacking)))


def _all_states() -> set[str]:
    return set(code_list("state")["state_abbr"])
