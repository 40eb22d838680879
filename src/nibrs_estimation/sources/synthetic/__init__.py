"""Synthetic nation: core datasets of any size with known truth, generated from a seed."""

from nibrs_estimation.sources.synthetic.crime import annual_counts, latent_totals
from nibrs_estimation.sources.synthetic.nation import agency_frame
from nibrs_estimation.sources.synthetic.reporting import reported_months
from nibrs_estimation.sources.synthetic.source import SyntheticSource
from nibrs_estimation.sources.synthetic.truth import SYNTHETIC_TRUTH

__all__ = ["SYNTHETIC_TRUTH", "SyntheticSource", "agency_frame", "annual_counts", "latent_totals", "reported_months"]
