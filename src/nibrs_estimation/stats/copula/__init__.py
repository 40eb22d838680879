"""The second estimator: counts of agencies that did not report, from a Gaussian copula in closed form.

Source: handbook 15.
"""

from nibrs_estimation.stats.copula.estimates import imputed_counts
from nibrs_estimation.stats.copula.form import Agencies, Form, Members, Method, copula_form, merged
from nibrs_estimation.stats.copula.kernels import BLOCK, CATEGORY, TOTAL, Plan

__all__ = [
    "BLOCK", "CATEGORY", "TOTAL", "Agencies", "Form", "Members", "Method", "Plan", "copula_form", "imputed_counts",
    "merged",
]  # fmt: skip
