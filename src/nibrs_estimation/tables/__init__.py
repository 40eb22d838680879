"""The tables as data: definitions in YAML, and what reads them."""
