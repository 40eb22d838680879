"""Version of the program: release, commit if known, and a hash of the code."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from nibrs_estimation import __version__
from nibrs_estimation.pipeline.code import code_version

_ROOT = Path(__file__).parents[3]


def version_text(root: Path = _ROOT) -> str:
    """Text such as ``0.2.0, commit 1c5e0b7d2a41, code hash 3f2a9c01d4e7``; without the commit if it is unknown.

    An image has its commit in GIT_HASH, with ``-dirty`` behind it if files were changed. A checkout is asked instead,
    since it may be another than that of the image in which it is mounted.

    Args:
        root: folder of the git checkout, if there is one.
    """
    code_hash = code_version(__version__).partition("+")[2]
    if (root / ".git").exists():
        commit = _git(root, "rev-parse", "--short=12", "HEAD")
        is_changed = bool(_git(root, "status", "--porcelain", "--", "src"))
    else:
        # Not through the settings: they are slow to import, and the version is told even if one is wrong.
        built_from = os.environ.get("GIT_HASH", "")
        commit, is_changed = built_from.removesuffix("-dirty")[:12], built_from.endswith("-dirty")
    if not commit:
        return f"{__version__}, code hash {code_hash} (not run from a git checkout, so no commit is known)"
    return f"{__version__}, commit {commit}{' with changes' if is_changed else ''}, code hash {code_hash}"


def _git(root: Path, *arguments: str) -> str:
    """Output of git; empty if git is absent, fails or takes too long."""
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
