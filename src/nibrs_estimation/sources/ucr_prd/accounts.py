"""Accounts of the rows of a state in the database."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl
from typing_extensions import override

from nibrs_estimation.sources.intake.accounts import Accounts


@dataclass
class DatabaseAccounts(Accounts):
    """The accounts of one state in the database, whose records are identified by the keys of their tables."""

    _keys: dict[str, list[str]] = field(default_factory=dict)

    def set_key(self, table: str, key: list[str]) -> None:
        """Set the columns that identify records of a table."""
        self._keys[table] = key

    @override
    def record(self, table: str) -> pl.Expr:
        return pl.concat_str([pl.col(name).cast(pl.String).fill_null("") for name in self._keys[table]], separator="/")
