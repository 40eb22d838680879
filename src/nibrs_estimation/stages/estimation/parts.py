"""Parts of a dataset that are computed one after the other, each while the one before is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import polars as pl


class Parts(Mapping[str, pl.LazyFrame]):
    """Parts of a dataset; each is computed while the one before is written."""

    def __init__(self, names: tuple[str, ...], part: Callable[[str], pl.LazyFrame]) -> None:
        self._names, self._part = names, part
        # One thread: parts share what has been read.
        self._worker = ThreadPoolExecutor(1)
        self._begun: dict[str, Future[pl.LazyFrame]] = {}

    def __getitem__(self, name: str) -> pl.LazyFrame:
        if name not in self._names:
            raise KeyError(name)
        wanted = self._begin(name)
        for following in self._names[self._names.index(name) + 1 :][:1]:
            self._begun[following] = self._begin(following)
        return wanted.result()

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def _begin(self, name: str) -> Future[pl.LazyFrame]:
        return self._begun.pop(name, None) or self._worker.submit(self._part, name)
