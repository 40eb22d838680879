"""Core datasets from the state-year zips of the FBI's Crime Data Explorer, data years 2016 and later."""

from nibrs_estimation.sources.cde.source import CdeSource

__all__ = ["CdeSource"]
