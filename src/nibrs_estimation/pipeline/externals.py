"""External files: which vintage of each file a run uses, and how it is fetched (docs/architecture.md)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.files import sha256_of
from nibrs_estimation.pipeline.store import LocalStore, Store, checked_key


@dataclass(frozen=True)
class ExternalFile:
    """Declaration that a task needs an external file."""

    code_name: str
    description: str
    is_required: bool = True


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
