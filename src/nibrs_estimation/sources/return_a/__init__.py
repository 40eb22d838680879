"""Source `return-a`: the FBI's Return A master file of any year. See README.md."""

from nibrs_estimation.sources.return_a.reading import ReturnA, read_return_a
from nibrs_estimation.sources.return_a.source import ReturnASource

__all__ = ["ReturnA", "ReturnASource", "read_return_a"]
