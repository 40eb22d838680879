"""Nationally representative crime estimates, with honest uncertainty, from incomplete NIBRS reporting."""

__version__ = "0.2.0"
