"""Reading of a run's estimates: what the commands show, and what the Python interface returns."""
