"""Parts of a dataset that are computed while those before are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import polars as pl


class Parts(Mapping[str, pl.LazyFrame]):
    """Parts of a dataset; the next ones are computed while one is written.

    Args:
        names: of the parts, in the order in which they are written.
        part: computes one.
        at_once: number of parts that are computed at the same time. With more than one, ``part`` must be safe to call
            from several threads.
    """

    def __init__(self, names: tuple[str, ...], part: Callable[[str], pl.LazyFrame], at_once: int = 1) -> None:
        self._names, self._part, self._at_once = names, part, at_once
        self._workers = ThreadPoolExecutor(at_once)
        self._begun: dict[str, Future[pl.LazyFrame]] = {}

    def __getitem__(self, name: str) -> pl.LazyFrame:
        if name not in self._names:
            raise KeyError(name)
        wanted = self._begin(name)
        for following in self._names[self._names.index(name) + 1 :][: self._at_once]:
            self._begun[following] = self._begin(following)
        return wanted.result()

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def _begin(self, name: str) -> Future[pl.LazyFrame]:
        return self._begun.pop(name, None) or self._workers.submit(self._part, name)
