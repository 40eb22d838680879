"""Nationally representative crime estimates, with honest uncertainty, from incomplete NIBRS reporting."""

import os

# Sums of decimal numbers run in parts, one for each thread of Polars: with as many threads everywhere, a machine with
# other processors gives the same bytes. Polars reads this when it is imported first.
os.environ.setdefault("POLARS_MAX_THREADS", "2")

__version__ = "0.2.0"
