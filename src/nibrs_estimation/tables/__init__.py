"""Tables as data: definitions in YAML, and modules that read them."""
