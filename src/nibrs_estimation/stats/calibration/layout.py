"""Where the records of many cells lie so that sums by cell are quick and always the same.

The records of each cell are cut into blocks of 128; the last is filled up with records of weight 0 and controls 0. Sums
run within blocks, then over the blocks of a cell in order. So they depend on the cell's own records alone: a cell has
the same bits by itself and among others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Value = TypeVar("Value", np.float64, np.bool_)
BLOCK = 128


@dataclass(frozen=True)
class Layout:
    """Blocks of C cells.

    Attributes:
        first: (C,) first block of each cell; every cell has one at least.
        cell: (m,) cell of each block.
    """

    first: Indices
    cell: Indices

    def sum(self, by_block: Floats) -> Floats:
        """Sums by cell of an array whose first axis are the blocks."""
        return np.asarray(np.add.reduceat(by_block, self.first, axis=0))

    def max(self, by_block: Floats) -> Floats:
        """Largest values by cell."""
        return np.asarray(np.maximum.reduceat(by_block, self.first, axis=0))

    def spread(self, by_cell: NDArray[Value]) -> NDArray[Value]:
        """Values by cell for their blocks; those of a single cell are left to broadcasting."""
        return by_cell if len(self.first) == 1 else by_cell[self.cell]

    def keep(self, cells: NDArray[np.bool_]) -> tuple[Layout, NDArray[np.bool_]]:
        """The layout of some of the cells, and which blocks are theirs."""
        blocks = cells[self.cell]
        count = np.diff(self.first, append=len(self.cell))[cells]
        return layout_of(count), blocks


def layout_of(blocks: Indices) -> Layout:
    """Layout of cells of so many blocks each."""
    return Layout(first=np.cumsum(blocks) - blocks, cell=np.repeat(np.arange(len(blocks)), blocks))


def place(count: Indices) -> tuple[Layout, Indices | slice]:
    """Layout for cells of so many records, and the place of each record in the blocks, counted through."""
    layout = layout_of(np.maximum(1, -(-count // BLOCK)))
    if len(count) == 1:
        return layout, slice(0, int(count[0]))
    shift = layout.first * BLOCK - (np.cumsum(count) - count)
    return layout, np.arange(count.sum()) + np.repeat(shift, count)


def by_block(values: Floats, where: Indices | slice, layout: Layout) -> Floats:
    """Columns (n, p) of the records at their places: (m, p, 128)."""
    m, p = len(layout.cell), values.shape[1]
    blocks = np.zeros((m * BLOCK, p))
    blocks[where] = values
    return np.ascontiguousarray(blocks.reshape(m, BLOCK, p).transpose(0, 2, 1))


def by_record(blocks: Floats) -> Floats:
    """(m, p, 128) as (m * 128, p), counted through."""
    return blocks.transpose(0, 2, 1).reshape(-1, blocks.shape[1])
