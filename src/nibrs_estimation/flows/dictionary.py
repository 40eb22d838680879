"""The data dictionary: datasets, columns, units, code lists and producers, generated from the declarations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nibrs_estimation.flows.catalogue import all_datasets, find_dataset
from nibrs_estimation.model import (
    accounting,
    agency,
    analysis,
    backtest,
    benchmark,
    blocks,
    completeness,
    contract,
    counties,
    counts,
    coverage,
    data_warnings,
    estimates,
    estimates_database,
    final_estimates,
    geography,
    grants,
    headlines,
    imputations,
    incident,
    intake,
    items,
    outliers,
    public,
    published,
    quality,
    return_a_file,
    run_metrics,
    summary,
    ucr_prd,
    universe,
    weights,
)
from nibrs_estimation.model.codes import code_list, code_lists
from nibrs_estimation.pipeline.dataset import Column, Dataset

#: Sections of the page, one for each module, in the order of processing.
_SECTIONS = (
    ("Agencies and their months", (*agency.DATASETS, agency.SRS_MONTH)),
    ("Return A master file", return_a_file.DATASETS),
    ("Incidents", incident.DATASETS),
    ("Places and people (optional)", geography.DATASETS),
    ("Input accounts", intake.DATASETS),
    ("Join of public files", (*public.DATASETS, public.SPREAD_RESIDENTS)),
    ("Universe", universe.DATASETS),
    ("Completeness", completeness.DATASETS),
    ("Outliers", outliers.DATASETS),
    ("Block imputation", blocks.DATASETS),
    ("Summary counts", summary.DATASETS),
    ("Counts for grants", grants.DATASETS),
    ("Benchmark", benchmark.DATASETS),
    ("Weights", weights.DATASETS),
    ("Coverage", (*coverage.DATASETS, geography.SUMMARY_GEOGRAPHY)),
    ("Item imputation", items.DATASETS),
    ("Persons for analysis", analysis.DATASETS),
    ("Incident account", accounting.DATASETS),
    ("Counts by agency", counts.DATASETS),
    ("Counties", counties.DATASETS),
    ("Estimates", estimates.DATASETS),
    ("Changes since an earlier year", headlines.DATASETS),
    ("Published files", published.DATASETS),
    ("Estimates database", estimates_database.DATASETS),
    ("Final estimates in the reference's form", final_estimates.DATASETS),
    ("Quality checks", quality.DATASETS),
    ("Data warnings", data_warnings.DATASETS),
    ("Checks of the database", contract.DATASETS),
    ("Several imputations", imputations.DATASETS),
    ("Backtests", backtest.DATASETS),
    ("Metrics of runs", run_metrics.DATASETS),
)
_UNUSED: dict[str, Any] = {"written_by": [], "read_by": []}

_HEAD = """# Data dictionary

Generated from the declarations by `nibrs dictionary`; do not edit it by hand.

Every dataset is a table of Parquet files under `datasets/` of a run: one file, or one for each value of its partition
key; *Published files* are written for readers. A column is required unless its type says *may be missing*.
Codes are the FBI's, without surrounding spaces; a missing value is null, never an empty text. Units of measurement are
in the column *unit*.

"""


def data_dictionary() -> str:
    """The page as Markdown."""
    sections = [(title, list(datasets)) for title, datasets in _SECTIONS]
    listed = {dataset.name for _title, datasets in sections for dataset in datasets}
    others = [find_dataset(row["dataset"]) for row in all_datasets() if row["dataset"] not in listed]
    sections.append(("Truth of synthetic data, and checks", others))
    sections.append(("Tables of the FBI's database `ucr_prd`", list(ucr_prd.DATASETS)))
    contents = "".join(
        f"- {title}: {', '.join(f'[{d.name}](#{d.name})' for d in datasets)}\n" for title, datasets in sections
    )
    tables = "".join(
        f"## {title}\n\n{''.join(_dataset(dataset) for dataset in datasets)}" for title, datasets in sections
    )
    return f"{_HEAD}{contents}- [Code lists](#code-lists)\n\n{tables}{_code_lists(sections)}"


def _dataset(dataset: Dataset) -> str:
    row = next((row for row in all_datasets() if row["dataset"] == dataset.name), _UNUSED)
    properties = [
        f"Key: {', '.join(f'`{name}`' for name in dataset.primary_key)}",
        f"one file for each `{dataset.partition_key}`" if dataset.partition_key else "",
        f"written by {_format_names(row['written_by'])}" if row["written_by"] else "",
        f"read by {_format_names(row['read_by'])}" if row["read_by"] else "",
        f"source: {dataset.source}" if dataset.source else "",
    ]
    absence = f"\n\nOptional. Without it: {dataset.absence}" if dataset.absence else ""
    columns = "".join(_column(column) for column in dataset.columns)
    return (
        f"### {dataset.name}\n\n{dataset.description}{absence}\n\n{'; '.join(text for text in properties if text)}.\n\n"
        f"| column | type | unit | meaning | codes |\n|---|---|---|---|---|\n{columns}\n"
    )


def _column(column: Column) -> str:
    kind = f"{column.type}({column.length})" if column.length else column.type
    kind += ", may be missing" if column.is_nullable else ""
    target = f" References `{column.references}`." if column.references else ""
    codes = f"[{column.code_list}](#list-{column.code_list})" if column.code_list else _format_codes(column.codes)
    meaning = column.description.replace("|", "\\|")
    return f"| `{column.name}` | {kind} | {column.unit} | {meaning}{target} | {codes} |\n"


def _format_codes(codes: tuple[object, ...]) -> str:
    whole = [code for code in codes if isinstance(code, int) and not isinstance(code, bool)]
    if len(whole) > 5 and whole == list(range(whole[0], whole[-1] + 1)):
        return f"{whole[0]} to {whole[-1]}"
    return ", ".join(f"`{code}`" for code in codes)


def _format_names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


#: Of a list with more codes than the first number, the page has only the second number.
_MOST_CODES, _FIRST_CODES = 500, 20


def _code_lists(sections: Iterable[tuple[str, list[Dataset]]]) -> str:
    used: dict[str, list[str]] = {}
    for _title, datasets in sections:
        for dataset in datasets:
            for column in dataset.columns:
                if column.code_list:
                    used.setdefault(column.code_list, []).append(f"{dataset.name}.{column.name}")
    parts = []
    for name in code_lists():
        frame = code_list(name)
        first, *others = (column for column in frame.columns if column not in ("valid_from", "valid_to", "source"))
        shown = frame if frame.height <= _MOST_CODES else frame.head(_FIRST_CODES)
        rows = "".join(
            f"| {' | '.join('' if value is None else str(value).replace('|', '/') for value in row)} |\n"
            for row in shown.select(first, *others).rows()
        )
        which = "codes" if shown.height == frame.height else f"the first {shown.height} codes"
        use = f" Used by {_format_names(used[name])}." if name in used else ""
        source = f" Source: {'; '.join(frame['source'].unique().sort())}." if "source" in frame.columns else ""
        parts.append(
            f'### <a id="list-{name}"></a>{name}\n\n{frame.height} codes in `model/codes/{name}.csv`.{use}{source}\n\n'
            f"<details><summary>{which}</summary>\n\n| {' | '.join([first, *others])} |\n"
            f"|{'---|' * (1 + len(others))}\n{rows}\n</details>\n\n"
        )
    return f"## Code lists\n\n{''.join(parts)}".rstrip() + "\n"
