"""Products of sparse matrices at some places, beside the whole product."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from nibrs_estimation.stats.sparse import Products, columns_at, product_at, sums_of_columns


@given(st.data())
def test_as_the_whole_product(data: st.DataObject) -> None:
    n, k, m = (data.draw(st.integers(1, 4)) for _ in range(3))
    values = st.sampled_from([0.0, 0.0, 0.1, -2.5, 3.0])
    left, right = (
        np.array(data.draw(st.lists(values, min_size=a * b, max_size=a * b))).reshape(a, b) for a, b in ((n, k), (k, m))
    )
    pairs = data.draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, m - 1))))
    row, column = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    found = product_at(sparse.csr_array(left), sparse.csr_array(right), row, column)
    expected = [sum(left[i, a] * right[a, j] for a in range(k)) for i, j in pairs]
    assert found.tolist() == expected


@given(st.data())
def test_several_products_in_one_pass(data: st.DataObject) -> None:
    """Matrices need not have values at the same places, and each may be in several products."""
    n, k, m = (data.draw(st.integers(1, 4)) for _ in range(3))
    values = st.sampled_from([0.0, 0.0, 0.1, -2.5, 3.0])

    def drawn(rows: int, columns: int) -> NDArray[np.float64]:
        of = data.draw(st.lists(values, min_size=rows * columns, max_size=rows * columns))
        return np.array(of).reshape(rows, columns)

    lefts, rights = [drawn(n, k) for _ in range(2)], [drawn(k, m) for _ in range(3)]
    pairs = data.draw(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2)), min_size=1, max_size=4))
    row, column = np.divmod(np.arange(n * m), m)
    products = Products([sparse.csr_array(left) for left in lefts], pairs)
    found = products.at([sparse.csc_array(right) for right in rights], row, column)
    expected = [
        [sum(lefts[i][r, a] * rights[j][a, c] for a in range(k)) for r, c in zip(row, column, strict=True)]
        for i, j in pairs
    ]
    assert found.tolist() == expected


def test_threads_compute_the_same() -> None:
    rng = np.random.default_rng(1)
    left = sparse.random_array((50, 300), density=0.3, rng=rng, format="csr")
    right = sparse.random_array((300, 500), density=0.5, rng=rng, format="csc")
    row, column = np.divmod(np.arange(50 * 500), 500)
    assert right.nnz > 50_000
    np.testing.assert_array_equal(product_at(left, right, row, column), (left @ right).toarray().ravel())


@given(st.data())
def test_sums_of_columns_are_in_order(data: st.DataObject) -> None:
    """Few rows, which are sorted, and many, which are found one after the other."""
    n, m, K = (data.draw(st.integers(1, most)) for most in (120, 6, 5))
    generator = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    matrix = generator.poisson(data.draw(st.sampled_from([0.01, 1.0])), (n, m)).astype(float)
    sums = generator.integers(0, 3, (m, K)).astype(float)
    found = sums_of_columns(sparse.csc_array(matrix), sparse.csc_array(sums))
    assert (found.toarray() == matrix @ sums).all()
    assert all((np.diff(found.indices[a:b]) > 0).all() for a, b in itertools.pairwise(found.indptr))


@given(st.data())
def test_columns_are_those_of_the_matrix(data: st.DataObject) -> None:
    """In any order and repeated, and ascending without the empty ones, which share the values of the matrix."""
    m = data.draw(st.integers(1, 6))
    values = data.draw(st.lists(st.sampled_from([0.0, 0.0, 0.0, 1.5]), min_size=3 * m, max_size=3 * m))
    matrix = sparse.csc_array(np.array(values).reshape(3, m))
    chosen = np.array(data.draw(st.lists(st.integers(0, m - 1), max_size=2 * m)), dtype=np.int64)
    assert (columns_at(matrix, chosen).toarray() == matrix.toarray()[:, chosen]).all()
    filled = np.flatnonzero(np.diff(matrix.indptr))
    found = columns_at(matrix, filled)
    assert (found.toarray() == matrix.toarray()[:, filled]).all()
    assert matrix.nnz == 0 or np.shares_memory(found.data, matrix.data)
