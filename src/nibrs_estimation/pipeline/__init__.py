"""Running of tasks: declarations, graph, run folder, store, manifests, resume, logs, engines. Imports no stage."""
