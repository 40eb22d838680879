"""Source `master`: the FBI's NIBRS master file of any year. See README.md."""

from nibrs_estimation.sources.master.source import MasterSource

__all__ = ["MasterSource"]
