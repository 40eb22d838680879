"""Source `postgresql`: an FBI `ucr_prd` database. See README.md."""

from nibrs_estimation.sources.ucr_prd.source import UcrPrdSource

__all__ = ["UcrPrdSource"]
