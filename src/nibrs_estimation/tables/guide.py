"""The guide from questions to tables: `guide.yaml`, read and searched."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.tables.definition import TableColumn, TableDefinition, TableRow
from nibrs_estimation.tables.definition_file import DefinitionFile
from nibrs_estimation.tables.labels import plain_label
from nibrs_estimation.tables.read import table_definitions
from nibrs_estimation.tables.variables import derived_variables

#: What it weighs when a word stands in a row's or column's label, in what they are made of, or in the table's words.
_IN_LABEL, _IN_CONTENT, _IN_TABLE = 3.0, 1.0, 1.5
#: What each word of a label weighs against it that is not asked for, and what weighs against variants of a table.
_UNASKED, _VARIANT = 0.1, 0.5
_ROWS_OF_A_TABLE = 3
#: Letters from which a word may be the beginning of another.
_BEGINNING = 4


class Answer(BaseModel):
    """Where a question is answered: what the command shows, and what that counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: str
    tells: str


class Question(BaseModel):
    """A question that people ask, with its answers, or why there is none.

    Attributes:
        ask: the question.
        words: what must be asked for; of words with ``|`` between them one is enough.
        answers: the commands.
        note: what to know about them, or why there is no answer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ask: str
    words: list[str]
    answers: list[Answer] = []
    note: str = ""


class Guide(BaseModel):
    """The guide.

    Attributes:
        headline_columns: columns that are shown first, by name, the most important first.
        ignored: words that tell nothing.
        synonyms: word -> words that tables have for it.
        questions: what people ask.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    headline_columns: list[str]
    ignored: list[str]
    synonyms: Mapping[str, list[str]]
    questions: list[Question]


@cache
def guide() -> Guide:
    """The guide.

    Raises:
        PipelineError: the file is wrong; names line and fix.
    """
    return DefinitionFile(Path(__file__).parent / "guide.yaml").parsed(Guide)


@dataclass(frozen=True)
class Hit:
    """A cell that may answer a question.

    Attributes:
        table: its table.
        row: its row.
        column: its column.
        score: how well it fits.
        n_found: how many of the words it has.
    """

    table: TableDefinition
    row: TableRow
    column: TableColumn
    score: float
    n_found: int


@dataclass(frozen=True)
class _Part:
    """A row or column: which words it has, with what weight."""

    weights: tuple[float, ...]
    unasked: int


def find_questions(asked: str) -> list[Question]:
    """The questions of the guide whose words are all asked for; those with more words first."""
    terms = _alternatives(asked)
    given = {word for term in terms for alternative in term for word in alternative}
    found = [
        question
        for question in guide().questions
        if all(any(_stem(word) in given for word in one.split("|")) for one in question.words)
    ]
    return sorted(found, key=lambda question: -len(question.words))


def find_cells(asked: str) -> list[Hit]:
    """The cells of tables that fit the words best: at most three rows of each table, the best first."""
    terms = _alternatives(asked)
    hits = [hit for table in table_definitions().values() for hit in _hits(table, terms)] if terms else []
    most = max((hit.n_found for hit in hits), default=0)
    return sorted((hit for hit in hits if hit.n_found == most), key=lambda hit: -hit.score)


def _hits(table: TableDefinition, terms: Sequence[list[frozenset[str]]]) -> Iterator[Hit]:
    of_table = _weights(terms, [(f"{table.title} {table.counts}", _IN_TABLE)])
    offenses = dict(code_list("offense").select("code", "label").iter_rows())
    tells = derived_variables()
    columns = [
        (column, _part(terms, column.label, " ".join(offenses[code] for code in column.offenses)))
        for column in table.columns
    ]
    rows = [
        (row, _part(terms, row.label, tells[row.variable].tells if row.variable is not None else ""))
        for row in table.rows
        if not row.is_dropped
    ]
    # What has none of the words is as good as the first, but for totals, which stand there.
    columns = [pair for number, pair in enumerate(columns) if number == 0 or any(pair[1].weights)]
    rows = [pair for number, pair in enumerate(rows) if number == 0 or any(pair[1].weights)]
    found = []
    for row, of_row in rows:
        best = max((_hit(table, row, column, of_table, of_row, part) for column, part in columns), key=_quality)
        if best.n_found:
            found.append(best)
    most = max((hit.n_found for hit in found), default=0)
    best_first = sorted((hit for hit in found if hit.n_found == most), key=_quality, reverse=True)
    yield from best_first[:_ROWS_OF_A_TABLE]


def _quality(hit: Hit) -> tuple[int, float]:
    return hit.n_found, hit.score


def _hit(
    table: TableDefinition, row: TableRow, column: TableColumn, of_table: tuple[float, ...], of_row: _Part, part: _Part
) -> Hit:
    weights = [max(parts) for parts in zip(of_table, of_row.weights, part.weights, strict=True)]
    # A word that both have is told by one of them; the other has it for nothing.
    unasked = sum(side.unasked for side in (of_row, part) if any(side.weights))
    score = sum(weights) - _UNASKED * unasked - (_VARIANT if table.variant_of else 0)
    return Hit(table, row, column, score, sum(weight > 0 for weight in weights))


def _part(terms: Sequence[list[frozenset[str]]], label: str, content: str) -> _Part:
    weights = _weights(terms, [(label, _IN_LABEL), (content, _IN_CONTENT)])
    asked = {word for term in terms for alternative in term for word in alternative}
    return _Part(weights, len(set(_tokens(plain_label(label))) - asked))


def _weights(terms: Sequence[list[frozenset[str]]], texts: Sequence[tuple[str, float]]) -> tuple[float, ...]:
    tokens = [(set(_tokens(text)), weight) for text, weight in texts]
    return tuple(max((weight for found, weight in tokens if _is_in(term, found)), default=0.0) for term in terms)


def _is_in(term: list[frozenset[str]], tokens: set[str]) -> bool:
    return any(all(_begins(word, tokens) for word in alternative) for alternative in term)


def _begins(word: str, tokens: set[str]) -> bool:
    return word in tokens or (len(word) >= _BEGINNING and any(token.startswith(word) for token in tokens))


def _alternatives(asked: str) -> list[list[frozenset[str]]]:
    """For each word that is asked for the words that would do: itself, and what tables have for it."""
    ignored = {_stem(word) for word in guide().ignored}
    synonyms = {_stem(word): others for word, others in guide().synonyms.items()}
    return [
        [frozenset([word]), *(frozenset(_tokens(other)) for other in synonyms.get(word, []))]
        for word in dict.fromkeys(_tokens(asked))
        if word not in ignored
    ]


def _tokens(text: str) -> list[str]:
    return [_stem(word) for word in re.findall(r"[a-z0-9+]+(?:-[a-z0-9+]+)*", text.lower().replace("’", "'"))]


def _stem(word: str) -> str:
    """A word without the ending of a plural."""
    if word.endswith("ies") and len(word) > _BEGINNING:
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) >= _BEGINNING else word
