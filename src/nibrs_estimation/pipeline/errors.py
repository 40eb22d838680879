"""Errors that users can fix."""


class PipelineError(Exception):
    """A failure that the user can fix: one paragraph that names the thing and the fix."""

    exit_code = 1


class UsageError(PipelineError):
    """Wrong use: an unknown flow, a bad run id, a malformed setting."""

    exit_code = 2
