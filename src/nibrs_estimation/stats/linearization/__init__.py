"""Standard errors by linearization: totals and ratios of a stratified sample with calibrated weights."""
