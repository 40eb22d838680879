"""What a task may ask of a run beside data: a declaration of its name, its values and its default."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Parameter:
    """A setting of the run that a task may ask for by name.

    Attributes:
        name: the argument of the task's function.
        description: what it decides, in a sentence.
        choices: allowed values of a choice of method, or empty for what a run gives.
        default: the choice that is made where none is set.
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
        """The environment variable that a choice of method is made with."""
        return f"NIBRS_{self.name.upper()}"
