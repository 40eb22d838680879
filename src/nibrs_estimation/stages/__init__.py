"""The stages of the computation, one folder each. They exchange data only in datasets and never import one another."""
