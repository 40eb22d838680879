"""A folder of public downloads: which kind each file is, of which year, and what is missing for estimates."""

from nibrs_estimation.sources.public.folder import Survey, survey

__all__ = ["Survey", "survey"]
