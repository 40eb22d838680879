"""Durations and sizes as people read them."""

from __future__ import annotations


def duration_text(seconds: float) -> str:
    """Text such as ``0.4 s``, ``12 s``, ``3 min 5 s``, ``2 h 7 min`` or ``3 days``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    total = round(seconds)
    if total < 60:
        return f"{total} s"
    if total < 3600:
        return f"{total // 60} min {total % 60} s"
    minutes = round(seconds / 60)
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // (24 * 60)} days"


def size_text(n_bytes: float) -> str:
    """Text such as ``87 KiB``, ``640 MiB`` or ``2.1 GiB``."""
    if n_bytes < 1000 * 2**10:
        return f"{n_bytes / 2**10:,.0f} KiB"
    if n_bytes < 1000 * 2**20:
        return f"{n_bytes / 2**20:,.0f} MiB"
    return f"{n_bytes / 2**30:,.1f} GiB"
