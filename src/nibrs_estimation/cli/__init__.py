"""The doors: commands and settings. No logic."""
