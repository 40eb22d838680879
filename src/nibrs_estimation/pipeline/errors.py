"""Errors that users can fix."""


class PipelineError(Exception):
    """A failure that the user can fix: one paragraph that states the problem and the fix."""

    exit_code = 1


class UsageError(PipelineError):
    """Wrong usage: an unknown flow, an invalid run id, a malformed setting."""

    exit_code = 2
