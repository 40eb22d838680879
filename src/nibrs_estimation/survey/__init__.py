"""Survey methods in terms of crime statistics, shared by stages; without tasks."""
