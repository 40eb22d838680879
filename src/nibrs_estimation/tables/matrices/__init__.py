"""Matrices of agencies by table cells, computed from counts by profile."""
