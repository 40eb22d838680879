"""What is computed, in order; one folder per stage. Stages meet in datasets and never import one another."""
