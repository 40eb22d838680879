"""Predictive mean matching and what it is built of."""
