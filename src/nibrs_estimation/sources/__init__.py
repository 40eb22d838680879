"""Providers of the core datasets: a run chooses one of them."""
