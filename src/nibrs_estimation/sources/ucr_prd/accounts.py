"""What became of the rows of the database that belong to a state."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl
from typing_extensions import override

from nibrs_estimation.sources.intake.accounts import Accounts


@dataclass
class DatabaseAccounts(Accounts):
    """The accounts of one state in the database, whose records are known by their tables' keys."""

    _keys: dict[str, list[str]] = field(default_factory=dict)

    def known_by(self, table: str, key: list[str]) -> None:
        """Records of a table are known by these columns."""
        self._keys[table] = key

    @override
    def record(self, table: str) -> pl.Expr:
        return pl.concat_str([pl.col(name).cast(pl.String).fill_null("") for name in self._keys[table]], separator="/")
