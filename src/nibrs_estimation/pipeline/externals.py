"""External files: which vintage of each a run uses, and fetching them (being written)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ExternalFile:
    """How a task declares that it needs an external file."""

    code_name: str
    description: str
    is_required: bool = True
