"""The name of stage estimation until version 0.2; only its command still exists."""
