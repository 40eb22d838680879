"""Classes of ages on the page of blank items."""

from __future__ import annotations

import polars as pl

#: Lower ends of classes of ages, and their labels.
AGE_CLASSES = (5, 15, 18, 25, 35, 65)
AGE_LABELS = ("under 5", "5 to 14", "15 to 17", "18 to 24", "25 to 34", "35 to 64", "65 and over")


def age_class(years: pl.Expr) -> pl.Expr:
    """The label of the class of an age in years; missing for a missing age."""
    number = pl.sum_horizontal((years >= low).cast(pl.Int8) for low in AGE_CLASSES)
    labels = dict(enumerate(AGE_LABELS))
    return pl.when(years.is_not_null()).then(number.replace_strict(labels, return_dtype=pl.String))
