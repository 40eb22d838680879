"""Statistical methods without crime terms. Nothing else of this package is imported here."""
