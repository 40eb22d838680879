"""External files: which vintage of each file a run uses, and how it is fetched (docs/architecture.md)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from pathlib import Path

from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.files import sha256_of, temporary_folder, write_json
from nibrs_estimation.pipeline.store import LocalStore, Store, checked_key


@dataclass(frozen=True)
class ExternalFile:
    """Declaration that a task needs an external file.

    Attributes:
        code_name: its name in the list of locations, and the argument of the task's function.
        description: what it is.
        is_required: whether a run needs it.
        of_predecessor: its name in a publication, if the run's predecessor, a run of an earlier year, publishes it.
    """

    code_name: str
    description: str
    is_required: bool = True
    of_predecessor: str = ""


@dataclass(frozen=True)
class Locations:
    """Content of `external_file_locations.json`.

    Attributes:
        text: the unchanged text of the file, which is copied into the run.
        files: vintage year -> code name -> path within the external store.
        hashes: path -> hexadecimal SHA-256, for the files for which it is listed.
    """

    text: str
    files: Mapping[str, Mapping[str, str]]
    hashes: Mapping[str, str] = field(default_factory=dict)


NO_LOCATIONS = Locations(text="{}\n", files={})


def read_locations(path: Path) -> Locations:
    """Read and check `external_file_locations.json`.

    Raises:
        UsageError: it is missing, is not JSON, or has a wrong structure; names the position.
    """
    try:
        # Not read_text: it would change the line ends.
        text = path.read_bytes().decode("utf-8")
        content = json.loads(text)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror}). Put external_file_locations.json there."
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text. Save it as UTF-8.") from error
    except json.JSONDecodeError as error:
        raise UsageError(
            f"{path} is not valid JSON: line {error.lineno}, column {error.colno}: {error.msg}."
        ) from error
    if not isinstance(content, dict):
        raise UsageError(
            f'{path} must contain an object such as {{"2024": {{"population": "2024/population/pop.csv"}}}}.'
        )
    found: dict[str, dict[str, str]] = {}
    hashes: dict[str, str] = {}
    for year, files in content.items():
        if not re.fullmatch(r"[0-9]{4}", year) or not isinstance(files, dict):
            raise UsageError(f"{path}: {year!r} must be a year of four digits with an object of code names and paths.")
        found[year] = {}
        for name, entry in files.items():
            location, sha256 = (entry, None) if isinstance(entry, str) else _path_and_hash(path, year, name, entry)
            try:
                found[year][name] = checked_key(location)
            except UsageError as error:
                raise UsageError(f"{path}: {year}, {name}: {error}") from None
            if sha256 is not None and hashes.setdefault(location, sha256) != sha256:
                raise UsageError(f"{path}: {year}, {name}: {location} is listed with two hashes. Correct one of them.")
    return Locations(text, found, hashes)


def _path_and_hash(path: Path, year: str, name: str, entry: object) -> tuple[str, str]:
    """The path and hash of an entry that is not just a path.

    Raises:
        UsageError: it has another form.
    """
    if isinstance(entry, dict) and entry.keys() == {"path", "sha256"}:
        location, sha256 = entry["path"], entry["sha256"]
        if isinstance(location, str) and isinstance(sha256, str) and re.fullmatch(r"[0-9a-f]{64}", sha256):
            return location, sha256
    raise UsageError(
        f'{path}: {year}, {name} must be a path, or {{"path": ..., "sha256": ...}} with 64 hexadecimal digits.'
    )


def resolve(locations: Locations, wanted: Iterable[ExternalFile], year: int) -> dict[str, str]:
    """Paths of the wanted files of a data year, by code name; optional ones may be absent.

    Raises:
        PipelineError: required files have no path; lists all of them.
    """
    wanted = list(wanted)
    known = locations.files.get(str(year), {})
    missing = [file for file in wanted if file.is_required and file.code_name not in known]
    if missing:
        listed = "; ".join(f"{file.code_name} ({file.description})" for file in missing)
        raise PipelineError(
            f'external_file_locations.json has no path for {year} of: {listed}. Add under "{year}" the path of each '
            "within the external store."
        )
    return {file.code_name: known[file.code_name] for file in wanted if file.code_name in known}


def published_by(predecessor: str, wanted: Iterable[ExternalFile], artifacts: Store) -> dict[str, str]:
    """Paths within the artifact store of the wanted files that a run of an earlier year published, by code name.

    Raises:
        UsageError: it has not published one of them.
    """
    paths = {file.code_name: f"{predecessor}/{file.of_predecessor}" for file in wanted if file.of_predecessor}
    absent = [path for path in paths.values() if not artifacts.exists(path)]
    if absent:
        raise UsageError(
            f"{artifacts} does not contain {', '.join(absent)}, with which this run is compared. Name a run there that "
            f"this version of the program has finished, or run {predecessor} again: the same command with all of its "
            "work publishes the file."
        )
    return paths


def fetch_all(
    resolved: Mapping[str, str], store: Store, target: Path, hashes: Mapping[str, str] | None = None
) -> dict[str, Path]:
    """Fetch files to ``target/<path>`` and return their paths by code name.

    If the store is the target folder, the files are used in place. A file that was fetched earlier is not fetched
    again. A file must have the hash that ``hashes`` lists for its path.

    Raises:
        PipelineError: files are missing from the store (lists all before fetching any), a file cannot be fetched, or
            its content is not the listed one.
    """
    absent = [path for path in resolved.values() if not store.exists(path)]
    if absent:
        raise PipelineError(
            f"{store} does not contain {', '.join(absent)}. Put them there, or correct external_file_locations.json or "
            "EXTERNAL_STORE."
        )
    paths = {name: target / path for name, path in resolved.items()}
    if not (isinstance(store, LocalStore) and store.folder.resolve() == target.resolve()):
        for name, path in resolved.items():
            if not store.has_same_content(path, paths[name]):
                store.get(path, paths[name])
    for name, path in resolved.items():
        listed = (hashes or {}).get(path)
        if listed is not None and sha256_of(paths[name]) != listed:
            raise PipelineError(
                f"{path} in {store} does not have the content that external_file_locations.json lists: its SHA-256 "
                f"is not {listed}. Restore the file, or list the new content under a new path with `nibrs externals "
                "add`."
            )
    return paths


@dataclass(frozen=True)
class Finding:
    """State of a listed file.

    Attributes:
        year, code_name, path: its entry.
        state: "ok", "warning" (its content cannot be judged, because no hash is listed) or "error".
        text: what was found, in a sentence.
    """

    year: str
    code_name: str
    path: str
    state: str
    text: str


def check_files(
    locations: Locations, store: Store, year: int | None = None, target: Path | None = None
) -> Iterator[Finding]:
    """Fetch every listed file, or those of a year, and compare it with its listed hash.

    Args:
        locations: the list.
        store: where the files are.
        year: only files of this data year.
        target: keep the files there, as ``target/<path>``, unless their hash is wrong; None to keep nothing.
    """
    with temporary_folder("externals", target) as folder:
        for vintage, files in locations.files.items():
            if year is not None and vintage != str(year):
                continue
            for code_name, path in files.items():
                state, text = _check_file(store, path, locations.hashes.get(path), Path(folder) / "file")
                if target is not None and state != "error":
                    (target / path).parent.mkdir(parents=True, exist_ok=True)
                    (Path(folder) / "file").replace(target / path)
                yield Finding(vintage, code_name, path, state, text)


def _check_file(store: Store, path: str, listed: str | None, local: Path) -> tuple[str, str]:
    try:
        store.get(path, local)
    except PipelineError as error:
        return "error", str(error)
    size = f"{local.stat().st_size:,} bytes"
    if listed is None:
        return "warning", f"{size}; no hash is listed, so its content is not checked"
    found = sha256_of(local)
    if found != listed:
        return "error", f"{size}; its SHA-256 is {found}, but {listed} is listed"
    return "ok", f"{size}, with the listed hash"


def add_file(list_path: Path, store: Store, file: Path, year: int, code_name: str, received: date) -> tuple[str, str]:
    """Store a file and list it with its hash; an earlier file of the name stays in the store.

    The path is ``<year>/<code name>/<date of receipt>-<counter>/<file name>``.

    Args:
        list_path: `external_file_locations.json`, which may not exist yet.
        store: external store.
        file: the file.
        year: data year.
        code_name: what the file is.
        received: date of receipt.

    Returns:
        Path in the store, and hexadecimal SHA-256.

    Raises:
        UsageError: the file cannot be read, a name is no part of a path, or the list is invalid.
        PipelineError: the store or the list cannot be written. Then the list is unchanged.
    """
    content = json.loads(read_locations(list_path).text) if list_path.exists() else {}
    try:
        sha256 = sha256_of(file)
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror}). Nothing was added.") from error
    if not re.fullmatch(r"[A-Za-z0-9_]+", code_name):
        raise UsageError(f"{code_name!r} is not a code name. Use letters, digits and underscores.")
    folders = (f"{year}/{code_name}/{received.isoformat()}-{counter}" for counter in count(1))
    folder = next(folder for folder in folders if not any(store.keys(folder)))
    path = checked_key(f"{folder}/{file.name}")
    store.put(file, path)
    content.setdefault(str(year), {})[code_name] = {"path": path, "sha256": sha256}
    write_json(list_path, {year: content[year] for year in sorted(content)})
    return path, sha256
