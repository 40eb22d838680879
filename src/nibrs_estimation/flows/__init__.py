"""Flows: the stages of each. Only this package imports all stages."""
