"""Products of sparse matrices at some places, beside the whole product."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from nibrs_estimation.stats.sparse import product_at


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


def test_threads_compute_the_same() -> None:
    rng = np.random.default_rng(1)
    left = sparse.random_array((50, 300), density=0.3, rng=rng, format="csr")
    right = sparse.random_array((300, 500), density=0.5, rng=rng, format="csc")
    row, column = np.divmod(np.arange(50 * 500), 500)
    assert right.nnz > 50_000
    np.testing.assert_array_equal(product_at(left, right, row, column), (left @ right).toarray().ravel())
