"""Definition files: YAML with line numbers, so that errors can name the line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from nibrs_estimation.pipeline.errors import PipelineError

_Model = TypeVar("_Model", bound=BaseModel)
#: The loader in C is ten times as fast.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


_IN_WORDS = {
    "extra_forbidden": "there is no such key; docs/develop/adding-a-table.md lists the keys",
    "missing": "this key is missing",
    "string_type": "Input should be a valid string; put numbers in quotes",
}


def unknown_name(what: str, name: object, known: Iterable[object], where: str) -> str:
    """The error message about an unknown name, with a close match."""
    names = sorted(map(str, known))
    matches = difflib.get_close_matches(str(name), names, n=1)
    meant = f" (did you mean {matches[0]}?)" if matches else ""
    return f"there is no {what} {name}{meant}; use one of {where}, or add it there: {', '.join(names)}"


def _composed(text: str) -> tuple[yaml.Node | None, Any]:
    """The nodes of a text, which have line numbers, and its content, from one pass."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        return node, None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


class DefinitionFile:
    """One file of definitions.

    A place in the file is given by the keys and indices that lead to it, such as ``("blocks", 3, "denominator")``.

    Raises:
        PipelineError: the file is missing, is not valid YAML, or has a key twice.
    """

    def __init__(self, path: Path) -> None:
        self._name = f"{path.parent.name}/{path.name}"
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise PipelineError(f"{self._name} cannot be read ({error}). Put the file there.") from error
        try:
            self._node, self.content = _composed(text)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise PipelineError(f"{self._name} line {line} is not valid YAML: {error.problem}. Correct it.") from error
        if self._node is not None:
            self._refuse_repeated_keys(self._node)

    def parsed(self, model: type[_Model]) -> _Model:
        """The content as a model.

        Raises:
            PipelineError: the content does not fit the model; gives the first such place.
        """
        try:
            return model.model_validate(self.content)
        except ValidationError as error:
            place, message = self._first_problem(error)
            name = ".".join(map(str, place))
            raise self.error(f"{name}: {message}" if name else message, *place) from error

    def _first_problem(self, error: ValidationError) -> tuple[tuple[str | int, ...], str]:
        """The first place that does not fit, and the message for each form that it may have."""
        messages_of: dict[tuple[str | int, ...], list[str]] = {}
        # An unknown key may be the misspelling of a missing one, so it is reported first.
        for found in sorted(error.errors(), key=lambda found: found["type"] != "extra_forbidden"):
            place = found["loc"]
            if found["type"] != "missing":
                # The place is followed by the form that was tried; it is removed.
                place = place[: len(self._nodes(place))]
            message = _IN_WORDS.get(found["type"], found["msg"].removeprefix("Value error, "))
            messages_of.setdefault(place, []).append(message)
        place, messages = next(iter(messages_of.items()))
        return place, "; or ".join(messages)

    def error(self, message: str, *place: str | int) -> PipelineError:
        """An error about a place; the line is that of the innermost existing part of the place."""
        return PipelineError(f"{self._name} line {self._line(place)}: {message.removesuffix('.')}.")

    def _line(self, place: tuple[str | int, ...]) -> int:
        start = self._node.start_mark.line + 1 if self._node else 1
        return [start, *(line for line, _node in self._nodes(place))][-1]

    def _nodes(self, place: tuple[str | int, ...]) -> list[tuple[int, yaml.Node]]:
        """Lines and nodes on the path to a place, as far as it exists."""
        found: list[tuple[int, yaml.Node]] = []
        for part in place:
            child = self._child(found[-1][1] if found else self._node, part)
            if child is None:
                break
            found.append(child)
        return found

    @staticmethod
    def _child(node: yaml.Node | None, part: str | int) -> tuple[int, yaml.Node] | None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    return key.start_mark.line + 1, value
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            child = node.value[part]
            return child.start_mark.line + 1, child
        return None

    def _refuse_repeated_keys(self, node: yaml.Node) -> None:
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                if key.value in seen:
                    line = key.start_mark.line + 1
                    raise PipelineError(f"{self._name} line {line}: {key.value} is repeated. Keep one.")
                seen.add(key.value)
                self._refuse_repeated_keys(value)
        elif isinstance(node, yaml.SequenceNode):
            for child in node.value:
                self._refuse_repeated_keys(child)
