"""Populations with known truth: a synthetic nation, a Return A master file, the zip of a state."""
