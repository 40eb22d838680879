"""A folder of public downloads: which kind each file is, of which year, what is missing, and a source made of them."""

from nibrs_estimation.sources.public.folder import Survey, survey
from nibrs_estimation.sources.public.source import PublicFolder, PublicSource

__all__ = ["PublicFolder", "PublicSource", "Survey", "survey"]
