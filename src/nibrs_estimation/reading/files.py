"""The files of a run: in its folder, or in a bucket, from which each is fetched when it is first read."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.files import sha256_of
from nibrs_estimation.pipeline.publishing import Published
from nibrs_estimation.pipeline.store import Store
from nibrs_estimation.pipeline.table import find_table


class Files(Protocol):
    """Datasets and documents of a run."""

    def table(self, dataset: Dataset, part: str | None = None) -> list[Path]:
        """The files of a dataset, or of one part of it; empty if there are none."""

    def has(self, dataset: Dataset, part: str) -> bool:
        """Whether there is a part of a dataset."""

    def document(self, name: str) -> Path | None:
        """A file that is no dataset, such as ``agencies.csv``; None if there is none."""


class LocalFiles:
    """Files in folders.

    Args:
        datasets: folder of the datasets.
        documents: folder of other files; of a published run the same.
    """

    def __init__(self, datasets: Path, documents: Path) -> None:
        self._datasets, self._documents = datasets, documents

    def table(self, dataset: Dataset, part: str | None = None) -> list[Path]:
        """See :class:`Files`."""
        if part is None:
            return find_table(self._datasets, dataset)
        return [self._datasets / _name(dataset, part)] if self.has(dataset, part) else []

    def has(self, dataset: Dataset, part: str) -> bool:
        """See :class:`Files`."""
        return (self._datasets / _name(dataset, part)).is_file()

    def document(self, name: str) -> Path | None:
        """See :class:`Files`."""
        path = self._documents / name
        return path if path.is_file() else None


class FetchedFiles:
    """Files of a publication in a store, which are fetched when they are first read, and checked by their checksum.

    Args:
        store: the store.
        prefix: folder of the publication in it.
        published: its list of files.
    """

    def __init__(self, store: Store, prefix: str, published: Published) -> None:
        self._store, self._prefix, self._sums = store, prefix, published.files
        # Removed with this object.
        self._folder = TemporaryDirectory(prefix="nibrs-")
        self._local = LocalFiles(self.folder, self.folder)

    @property
    def folder(self) -> Path:
        """Folder of the fetched files."""
        return Path(self._folder.name)

    def table(self, dataset: Dataset, part: str | None = None) -> list[Path]:
        """See :class:`Files`."""
        names = [name for name in self._sums if _is_of(name, dataset, part)]
        self._fetch(names)
        return self._local.table(dataset, part) if names else []

    def has(self, dataset: Dataset, part: str) -> bool:
        """See :class:`Files`."""
        return _name(dataset, part) in self._sums

    def document(self, name: str) -> Path | None:
        """See :class:`Files`."""
        self._fetch([name] if name in self._sums else [])
        return self._local.document(name)

    def _fetch(self, names: Collection[str]) -> None:
        for name in names:
            path = self.folder / name
            if path.is_file():
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            self._store.get(f"{self._prefix}/{name}", path)
            if sha256_of(path) != self._sums[name]:
                path.unlink()
                raise PipelineError(
                    f"{name} in {self._store}/{self._prefix} is not what the run published: its SHA-256 differs. "
                    "Publish the run again."
                )


def _name(dataset: Dataset, part: str) -> str:
    return f"{dataset.name}/{part}.parquet"


def _is_of(name: str, dataset: Dataset, part: str | None) -> bool:
    """Whether a published file is of a dataset, or of a part of it."""
    if part is not None:
        return name == _name(dataset, part)
    return name.startswith(f"{dataset.name}/") or name in (f"{dataset.name}.parquet", f"{dataset.name}.csv")
