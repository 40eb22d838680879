"""Lazy queries keep their sorts, so that sums of numbers run in the order in which the program puts them.

Polars removes a sort if it finds that nothing after it depends on the order of rows, and takes sums not to depend on
it. Sums of decimal numbers do, in their last digits. Without this, `sort`, `group_by`, sums and another `sort` give
other bytes each time.
"""

from __future__ import annotations

from polars.lazyframe.opt_flags import DEFAULT_QUERY_OPT_FLAGS

#: The default of all lazy queries.
DEFAULT_QUERY_OPT_FLAGS.update(check_order_observe=False)
