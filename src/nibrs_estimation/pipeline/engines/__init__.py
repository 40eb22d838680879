"""Engines: where units run. Prefect and Dask are imported only inside their own module."""

from __future__ import annotations

from nibrs_estimation.pipeline.engines.inline import run_inline

__all__ = ["run_inline"]
