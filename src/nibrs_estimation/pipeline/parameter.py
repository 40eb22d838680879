"""Parameters of tasks: name, allowed values and default."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Parameter:
    """A setting of the run that a task may use, by name.

    Attributes:
        name: the argument of the task's function.
        description: its effect, in one sentence.
        choices: allowed values of a choice of method; empty for a value that the run provides.
        default: the choice if none is set.
    """

    name: str
    description: str
    choices: tuple[str, ...] = ()
    default: str = ""

    def __post_init__(self) -> None:
        if self.choices and self.default not in self.choices:
            raise ValueError(f"parameter {self.name}: the default {self.default!r} is not one of {self.choices}")

    @property
    def setting(self) -> str:
        """The environment variable that sets a choice of method."""
        return f"NIBRS_{self.name.upper()}"
