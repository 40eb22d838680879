"""Layout of the records of many cells in blocks, so that sums by cell are fast and reproducible.

The records of each cell are divided into blocks of 128; the last block is padded with records of weight 0 and controls
0. Sums run within blocks, then over the blocks of a cell in order. So they depend only on the records of the cell: the
sum of a cell has the same bits whether it is computed alone or with other cells.
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
        first: (C,) first block of each cell; every cell has at least one block.
        cell: (m,) cell of each block.
    """

    first: Indices
    cell: Indices

    def sum(self, by_block: Floats) -> Floats:
        """Sums by cell of an array whose first axis is the block."""
        return np.asarray(np.add.reduceat(by_block, self.first, axis=0))

    def max(self, by_block: Floats) -> Floats:
        """Largest values by cell."""
        return np.asarray(np.maximum.reduceat(by_block, self.first, axis=0))

    def spread(self, by_cell: NDArray[Value]) -> NDArray[Value]:
        """Repeat the values of cells for their blocks; the value of a single cell is returned as it is."""
        return by_cell if len(self.first) == 1 else by_cell[self.cell]

    def keep(self, cells: NDArray[np.bool_]) -> tuple[Layout, NDArray[np.bool_]]:
        """The layout of some of the cells, and which blocks belong to them."""
        blocks = cells[self.cell]
        count = np.diff(self.first, append=len(self.cell))[cells]
        return layout_of(count), blocks


def layout_of(blocks: Indices) -> Layout:
    """Layout of cells with the given numbers of blocks."""
    return Layout(first=np.cumsum(blocks) - blocks, cell=np.repeat(np.arange(len(blocks)), blocks))


def lay_out(count: Indices) -> tuple[Layout, Indices | slice]:
    """Layout of cells with the given numbers of records, and the index of each record in the blocks put end to end."""
    layout = layout_of(np.maximum(1, -(-count // BLOCK)))
    if len(count) == 1:
        return layout, slice(0, int(count[0]))
    shift = layout.first * BLOCK - (np.cumsum(count) - count)
    return layout, np.arange(count.sum()) + np.repeat(shift, count)


def by_block(values: Floats, where: Indices | slice, layout: Layout) -> Floats:
    """Values (n, p) of the records, arranged in blocks: (m, p, 128)."""
    m, p = len(layout.cell), values.shape[1]
    blocks = np.zeros((m * BLOCK, p))
    blocks[where] = values
    return np.ascontiguousarray(blocks.reshape(m, BLOCK, p).transpose(0, 2, 1))


def by_record(blocks: Floats) -> Floats:
    """Blocks (m, p, 128) put end to end: (m * 128, p)."""
    return blocks.transpose(0, 2, 1).reshape(-1, blocks.shape[1])
