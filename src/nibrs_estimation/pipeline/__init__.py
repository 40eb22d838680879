"""How work runs: declarations, DAG, run directory, store, manifests, resume, logs and engines. Knows no stage."""
