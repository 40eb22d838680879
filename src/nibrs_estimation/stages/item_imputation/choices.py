"""The settings of item imputation."""

from __future__ import annotations

from nibrs_estimation.stages.item_imputation.models import Choices


def choices_of(seed: int, item_method: str, item_cycles: str) -> Choices | None:
    """How items are imputed; None if they stay as reported."""
    return None if item_method == "none" else Choices(seed, item_method, int(item_cycles))  # type: ignore[arg-type]
