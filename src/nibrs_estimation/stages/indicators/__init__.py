"""The name that stage counting had until version 0.2; only its command is kept."""
