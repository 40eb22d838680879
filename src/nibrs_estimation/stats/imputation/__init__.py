"""Predictive mean matching and its parts."""
