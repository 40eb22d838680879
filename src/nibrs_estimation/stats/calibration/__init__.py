"""Calibration of design weights to known totals (Deville and Särndal 1992), one problem or many at once.

``calibrate`` solves one problem, ``calibrate_cells`` many small ones, with the same code. Both report for each problem
whether it converged, is proven to have no solution, or was not solved. ``smallest_upper_bound`` computes the smallest
upper bound on the g-weights at which a solution exists. Formulas and comparisons with R:
``docs/methods/calibration.md``.
"""

from nibrs_estimation.stats.calibration.certificate import smallest_upper_bound
from nibrs_estimation.stats.calibration.distance import Method
from nibrs_estimation.stats.calibration.engine import (
    Calibration,
    CellCalibrations,
    Status,
    calibrate,
    calibrate_cells,
)

__all__ = [
    "Calibration",
    "CellCalibrations",
    "Method",
    "Status",
    "calibrate",
    "calibrate_cells",
    "smallest_upper_bound",
]
