"""Which code made a dataset: a hash of the task's module and of what it is built from.

Counted are the task's module and, through its imports, every module of the package, each with the data files (YAML,
CSV, JSON, templates, style sheets) that stand beside it. Not counted are the command line, the lists of flows and the
machinery: how work is asked for and run must not change what comes out.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = __name__.partition(".")[0]
#: Rooms of the package whose code makes no dataset.
NOT_COUNTED = ("cli", "flows", "pipeline")
_IMPORT = re.compile(rf"^\s*(?:from|import)\s+({PACKAGE}[\w.]*)(?:\s+import\s+(\([^)]*\)|[^\n#]*))?", re.MULTILINE)
DATA_SUFFIXES = {".yaml", ".csv", ".json", ".jinja", ".css"}


def code_hash(function: Callable[..., Any]) -> str:
    """Hexadecimal SHA-256 of the code behind a task's function."""
    return _module_hash(function.__module__)


def code_version(version: str) -> str:
    """The package's version and the first digits of a hash of all its code, such as ``0.2.0+3f2a9c01d4e7``."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*")):
        if file.suffix == ".py" or file.suffix in DATA_SUFFIXES:
            digest.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return f"{version}+{digest.hexdigest()[:12]}"


@cache
def _module_hash(module: str) -> str:
    digest = hashlib.sha256()
    files = sorted({file for name in _closure(module) for file in _files_of(name)})
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _closure(module: str) -> set[str]:
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += _imports_of(name)
    return seen


@cache
def _imports_of(module: str) -> frozenset[str]:
    path = _path_of(module)
    found: set[str] = set()
    # Parsing would take longer than all else that deciding a unit takes; the linter forbids relative imports.
    for base, names in _IMPORT.findall(path.read_text(encoding="utf-8") if path else ""):
        found |= {base, *(f"{base}.{name}" for name in re.findall(r"\w+", names))}
    return frozenset(name for name in found if _is_counted(name) and _path_of(name) is not None)


def _is_counted(module: str) -> bool:
    room = module.removeprefix(f"{PACKAGE}.").partition(".")[0]
    return module.startswith(f"{PACKAGE}.") and room not in NOT_COUNTED


@cache
def _path_of(module: str) -> Path | None:
    if module in sys.modules:
        origin = getattr(sys.modules[module], "__file__", None)
    else:
        try:
            spec = importlib.util.find_spec(module)
        except (ImportError, ValueError):
            return None
        origin = spec.origin if spec else None
    return Path(origin) if origin and origin.endswith(".py") else None


def _files_of(module: str) -> set[Path]:
    path = _path_of(module)
    if path is None:
        return set()
    return {path, *_data_files(path.parent)}


@cache
def _data_files(folder: Path) -> frozenset[Path]:
    """Data files in a folder and in its subfolders, but not in packages below it."""
    found = {file for file in folder.iterdir() if file.suffix in DATA_SUFFIXES}
    below = [sub for sub in folder.iterdir() if sub.is_dir() and not (sub / "__init__.py").exists()]
    return frozenset(found.union(*(_data_files(sub) for sub in below)))
