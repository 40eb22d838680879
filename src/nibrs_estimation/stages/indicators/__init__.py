"""The name of stage counting until version 0.2; only its command still exists."""
