"""Source `return-a`: the FBI's Return A master file of any year. See README.md."""

from nibrs_estimation.sources.return_a.reading import ReturnA, read_return_a
from nibrs_estimation.sources.return_a.source import ReturnASource
from nibrs_estimation.sources.return_a.summaries import ReturnASummaries, return_a_summaries

__all__ = ["ReturnA", "ReturnASource", "ReturnASummaries", "read_return_a", "return_a_summaries"]
