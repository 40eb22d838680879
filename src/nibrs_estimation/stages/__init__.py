"""The stages of the computation, one folder each. Stages exchange data only in datasets and never import one another."""
