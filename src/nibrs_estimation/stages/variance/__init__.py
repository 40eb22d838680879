"""The name that stage estimation had until version 0.2; only its command is kept."""
