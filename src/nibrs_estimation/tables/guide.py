"""Search of tables by questions and words, with `guide.yaml`."""

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
from nibrs_estimation.tables.read import all_definitions
from nibrs_estimation.tables.variables import derived_variables

#: Weights of a word in the label of a row or column, in its content (offenses, variable), or in the words of the table.
_IN_LABEL, _IN_CONTENT, _IN_TABLE = 3.0, 1.0, 1.5
#: Penalties for each word of a label that is not in the query, for variants of a table, and for rates not asked for.
_EXTRA_WORD, _VARIANT, _ONLY_RATE = 0.1, 0.5, 0.4
_ROWS_OF_A_TABLE = 3
#: Smallest number of letters of a word that may be the beginning of another.
_BEGINNING = 4


class Answer(BaseModel):
    """An answer to a question: a command, and what it shows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: str
    tells: str


class Question(BaseModel):
    """A question that people ask, with its answers, or why there is none.

    Attributes:
        ask: the question.
        words: words that the query must contain; of words with ``|`` between them one is sufficient.
        answers: the commands.
        note: a note on the answers, or why there is no answer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ask: str
    words: list[str]
    answers: list[Answer] = []
    note: str = ""

    @property
    def has_table(self) -> bool:
        """Whether a table answers the question."""
        return any(answer.command.startswith("nibrs tables show") for answer in self.answers)


class Guide(BaseModel):
    """The guide.

    Attributes:
        headline_columns: names of columns that are shown first, the most important first.
        ignored: words that are ignored in queries.
        synonyms: word -> words that tables use for it.
        questions: questions that people ask.
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
        PipelineError: the file is wrong; gives the line and how to fix it.
    """
    return DefinitionFile(Path(__file__).parent / "guide.yaml").parsed(Guide)


@dataclass(frozen=True)
class Hit:
    """A cell that may answer a question.

    Attributes:
        table: table of the cell.
        row: row of the cell.
        column: column of the cell.
        score: how well it matches.
        n_found: number of words of the query that it has.
    """

    table: TableDefinition
    row: TableRow
    column: TableColumn
    score: float
    n_found: int


@dataclass(frozen=True)
class _Part:
    """A row or column: weight of each word of the query, and number of other words."""

    weights: tuple[float, ...]
    extra_words: int


def find_questions(query: str) -> list[Question]:
    """The questions of the guide whose words are all in the query; those with more words first."""
    terms = _alternatives(query)
    given = {word for term in terms for alternative in term for word in alternative}
    found = [
        question
        for question in guide().questions
        if all(any(_stem(word) in given for word in one.split("|")) for one in question.words)
    ]
    return sorted(found, key=lambda question: -len(question.words))


def find_cells(query: str) -> list[Hit]:
    """The cells of tables that match the query best: at most three rows of each table.

    The best row of each table is first, then the second ones, so that the first few are of several tables.
    """
    terms = _alternatives(query)
    hits = [list(_hits(table, terms)) for table in all_definitions().values()] if terms else []
    most = max((hit.n_found for of_table in hits for hit in of_table), default=0)
    best = [[hit for hit in of_table if hit.n_found == most] for of_table in hits]
    ranked = [(place, hit) for of_table in best for place, hit in enumerate(of_table)]
    return [hit for _place, hit in sorted(ranked, key=lambda each: (each[0], -each[1].score))]


def search_index(tables: Sequence[TableDefinition]) -> dict[str, object]:
    """What a search in another language needs to find the same cells as :func:`find_cells` (``site/assets/search.js``).

    Returns:
        ``ignored`` and ``synonyms`` of the guide, and for each of ``tables`` its words, and the words of the label and
        of the content of its rows and columns, and whether a row has only rates. A variant has the rows and columns of
        another table (``like``).
    """
    variables = derived_variables()
    offenses = dict(code_list("offense").select("code", "label").iter_rows())
    names = {table.table for table in tables}

    def words(*texts: str) -> list[list[str]]:
        return [sorted(set(_tokens(text))) for text in texts]

    found: list[dict[str, object]] = []
    for table in tables:
        parts: dict[str, object] = {"like": table.variant_of}
        if table.variant_of not in names:
            parts = {
                "rows": [
                    [
                        row.row,
                        *words(row.label, variables[row.variable].tells if row.variable is not None else ""),
                        row.estimates == ("rate",),
                    ]
                    for row in table.rows
                    if not row.is_dropped
                ],
                "columns": [
                    [column.position, *words(column.label, " ".join(offenses[code] for code in column.offenses))]
                    for column in table.columns
                ],
            }
        of_table = words(f"{table.title} {table.counts}")[0]
        found.append({"table": table.table, "is_variant": table.variant_of is not None, "words": of_table, **parts})
    return {
        "ignored": sorted(_ignored()),
        "synonyms": {_stem(word): [_tokens(other) for other in others] for word, others in guide().synonyms.items()},
        "tables": found,
    }


def _hits(table: TableDefinition, terms: Sequence[list[frozenset[str]]]) -> Iterator[Hit]:
    of_table = _weights(terms, [(f"{table.title} {table.counts}", _IN_TABLE)])
    offenses = dict(code_list("offense").select("code", "label").iter_rows())
    variables = derived_variables()
    columns = [
        (column, _part(terms, column.label, " ".join(offenses[code] for code in column.offenses)))
        for column in table.columns
    ]
    rows = [
        (row, _part(terms, row.label, variables[row.variable].tells if row.variable is not None else ""))
        for row in table.rows
        if not row.is_dropped
    ]
    # Rows and columns without any of the words are left out, except the first, which is the total.
    columns = [pair for number, pair in enumerate(columns) if number == 0 or any(pair[1].weights)]
    rows = [pair for number, pair in enumerate(rows) if number == 0 or any(pair[1].weights)]
    found = []
    wants_rate = any(frozenset(["rate"]) in term for term in terms)
    for row, of_row in rows:
        penalty = _ONLY_RATE if row.estimates == ("rate",) and not wants_rate else 0.0
        best = max(
            (_hit(table, row, column, of_table, of_row, part, penalty) for column, part in columns), key=_quality
        )
        if best.n_found:
            found.append(best)
    most = max((hit.n_found for hit in found), default=0)
    best_first = sorted((hit for hit in found if hit.n_found == most), key=_quality, reverse=True)
    yield from best_first[:_ROWS_OF_A_TABLE]


def _quality(hit: Hit) -> tuple[int, float]:
    return hit.n_found, hit.score


def _hit(
    table: TableDefinition,
    row: TableRow,
    column: TableColumn,
    of_table: tuple[float, ...],
    of_row: _Part,
    part: _Part,
    penalty: float,
) -> Hit:
    weights = [max(parts) for parts in zip(of_table, of_row.weights, part.weights, strict=True)]
    # Labels without any word of the query are not penalized for their words.
    extra_words = sum(side.extra_words for side in (of_row, part) if any(side.weights))
    score = sum(weights) - _EXTRA_WORD * extra_words - penalty - (_VARIANT if table.variant_of else 0)
    return Hit(table, row, column, score, sum(weight > 0 for weight in weights))


def _part(terms: Sequence[list[frozenset[str]]], label: str, content: str) -> _Part:
    weights = _weights(terms, [(label, _IN_LABEL), (content, _IN_CONTENT)])
    in_query = {word for term in terms for alternative in term for word in alternative}
    return _Part(weights, len(set(_tokens(plain_label(label))) - in_query - _ignored()))


def _weights(terms: Sequence[list[frozenset[str]]], texts: Sequence[tuple[str, float]]) -> tuple[float, ...]:
    tokens = [(set(_tokens(text)), weight) for text, weight in texts]
    return tuple(max((weight for found, weight in tokens if _is_in(term, found)), default=0.0) for term in terms)


def _is_in(term: list[frozenset[str]], tokens: set[str]) -> bool:
    return any(all(_begins(word, tokens) for word in alternative) for alternative in term)


def _begins(word: str, tokens: set[str]) -> bool:
    return word in tokens or (len(word) >= _BEGINNING and any(token.startswith(word) for token in tokens))


def _alternatives(query: str) -> list[list[frozenset[str]]]:
    """For each word of the query its alternatives: the word itself, and the words that tables use for it."""
    ignored = _ignored()
    synonyms = {_stem(word): others for word, others in guide().synonyms.items()}
    return [
        [frozenset([word]), *(frozenset(_tokens(other)) for other in synonyms.get(word, []))]
        for word in dict.fromkeys(_tokens(query))
        if word not in ignored
    ]


@cache
def _ignored() -> frozenset[str]:
    return frozenset(_stem(word) for word in guide().ignored)


def _tokens(text: str) -> list[str]:
    return [_stem(word) for word in re.findall(r"[a-z0-9+]+(?:-[a-z0-9+]+)*", text.lower().replace("’", "'"))]


def _stem(word: str) -> str:
    """A word without the ending of a plural."""
    if word.endswith("ies") and len(word) > _BEGINNING:
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) >= _BEGINNING else word
