"""Hash of the code of a task: its module and the modules that it imports.

The hash covers the task's module and all modules of the package that it imports, directly or indirectly, each with the
data files (YAML, CSV, JSON, templates, style sheets) in its folder. It does not cover the command line, the lists of
flows and this package: how tasks are started must not change their results.
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
#: Subpackages whose code does not affect any dataset.
EXCLUDED = ("cli", "flows", "pipeline", "site")
_IMPORT = re.compile(rf"^\s*(?:from|import)\s+({PACKAGE}[\w.]*)(?:\s+import\s+(\([^)]*\)|[^\n#]*))?", re.MULTILINE)
DATA_SUFFIXES = {".yaml", ".csv", ".json", ".jinja", ".css"}


def code_hash(function: Callable[..., Any]) -> str:
    """Hexadecimal SHA-256 of the code of a task's function."""
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
    # A parser would be too slow here. The linter forbids relative imports.
    for base, names in _IMPORT.findall(path.read_text(encoding="utf-8") if path else ""):
        found |= {base, *(f"{base}.{name}" for name in re.findall(r"\w+", names))}
    return frozenset(name for name in found if _is_hashed(name) and _path_of(name) is not None)


def _is_hashed(module: str) -> bool:
    subpackage = module.removeprefix(f"{PACKAGE}.").partition(".")[0]
    return module.startswith(f"{PACKAGE}.") and subpackage not in EXCLUDED


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
