"""The declarations: documented, with codes that exist and references that lead somewhere; what is made from them."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from pathlib import Path

import duckdb
import polars as pl
import pytest

from nibrs_estimation import model
from nibrs_estimation.flows.catalogue import all_datasets, find_dataset
from nibrs_estimation.flows.dictionary import data_dictionary
from nibrs_estimation.model import (
    agency,
    analysis,
    benchmark,
    blocks,
    completeness,
    contract,
    counts,
    coverage,
    estimates,
    geography,
    incident,
    intake,
    outliers,
    published,
    quality,
    return_a_file,
    ucr_prd,
    universe,
    weights,
)
from nibrs_estimation.model.codes import code_list, code_lists
from nibrs_estimation.model.published import ESTIMATES
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.pipeline.ddl import duckdb_table
from nibrs_estimation.pipeline.table import read_table, write_table

CORE = (
    *agency.DATASETS,
    agency.SRS_MONTH,
    *incident.DATASETS,
    *analysis.DATASETS,
    *geography.DATASETS,
    *intake.DATASETS,
    *universe.DATASETS,
    *completeness.DATASETS,
    *outliers.DATASETS,
    *blocks.DATASETS,
    *benchmark.DATASETS,
    *weights.DATASETS,
    *coverage.DATASETS,
    *counts.DATASETS,
    *estimates.DATASETS,
    *quality.DATASETS,
    *contract.DATASETS,
    published.ESTIMATES,
    *return_a_file.DATASETS,
)
EVERY = [*CORE, *ucr_prd.DATASETS]
#: A name may stand for a table of the model and for one of the FBI's database, each with references of its own.
FAMILIES = {id(dataset): family for family in (CORE, ucr_prd.DATASETS) for dataset in family}


def each(datasets: list[Dataset]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("dataset", datasets, ids=lambda dataset: dataset.name)


@each(EVERY)
def test_everything_is_documented(dataset: Dataset) -> None:
    assert dataset.description.endswith(".")
    assert dataset.source
    for column in dataset.columns:
        assert column.description.strip(), column.name


@each(EVERY)
def test_code_lists_exist_and_hold_the_closed_codes(dataset: Dataset) -> None:
    for column in dataset.columns:
        if not column.code_list:
            continue
        assert column.code_list in code_lists(), column
        frame = code_list(column.code_list)
        known = set(frame[frame.columns[0]].cast(pl.String)) | set(frame.get_column("label", default=pl.Series([""])))
        assert {str(code) for code in column.codes} <= known, column


@each(EVERY)
def test_references_lead_to_a_column_of_the_same_type(dataset: Dataset) -> None:
    targets = {other.name: other for other in FAMILIES[id(dataset)]}
    for column in dataset.columns:
        if column.references:
            table, name = column.references.split(".")
            assert table in targets, column
            assert name in targets[table].schema, column
            assert targets[table].column(name).type == column.type, column


@each(EVERY)
def test_duckdb_takes_the_definition(dataset: Dataset) -> None:
    duckdb.connect().execute(duckdb_table(dataset))


@each(list(CORE))
def test_an_empty_table_survives_its_file(dataset: Dataset, tmp_path: Path) -> None:
    path = tmp_path / f"{dataset.name}.parquet"
    write_table(dataset.empty(), dataset, path)
    assert read_table([path], dataset).collect().schema == dataset.schema


def test_optional_datasets_say_what_their_absence_means() -> None:
    assert all(dataset.absence.endswith(".") for dataset in geography.OPTIONAL)


def test_every_dataset_is_listed() -> None:
    assert {dataset.name for dataset in CORE} <= {row["dataset"] for row in all_datasets()}


def test_the_dictionary_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "data-dictionary.md"
    assert page.read_text(encoding="utf-8") == data_dictionary(), "run `nibrs dictionary --out docs/data-dictionary.md`"


def test_the_dictionary_names_every_column_unit_list_and_producer() -> None:
    page = data_dictionary()
    for row in all_datasets():
        dataset = find_dataset(row["dataset"])
        assert f"### {dataset.name}\n" in page
        for column in dataset.columns:
            assert f"| `{column.name}` | {column.type}" in page
        for producer in row["written_by"]:
            assert f"`{producer}`" in page
    for name in code_lists():
        assert f'<a id="list-{name}"></a>' in page


def test_stated_columns_of_estimates_come_first_in_order() -> None:
    """The 31 columns of handbook 12 and nothing else."""
    stated = """time_series_start_year permutation_number der_variable_name rate_specific_domain estimate
    estimate_unweighted estimate_type estimate_type_num estimate_type_detail_percentage estimate_type_detail_rate
    estimate_standard_error estimate_upper_bound estimate_lower_bound relative_standard_error estimate_prb estimate_bias
    estimate_rmse relative_rmse suppression_flag_indicator der_elig_suppression agency_counts der_rrmse_30
    der_rrmse_gt_30_se_estimate_0_2_cond der_rrmse_gt_30_se_estimate_0_2_cond_top der_perm_group_unsuppression_flag
    der_perm_group_suppression_flag population_estimate prb_actual correlation_with_prior_year
    prop_elig_oris_nonzero_count estimate_copula"""
    assert [column.name for column in ESTIMATES.columns] == stated.split()


def test_the_dictionary_lists_every_dataset_under_its_own_subject() -> None:
    page = data_dictionary()
    section: dict[str, str] = {}
    title = ""
    for line in page.splitlines():
        if line.startswith("## "):
            title = line[3:]
        elif line.startswith("### "):
            section.setdefault(line[4:], title)
    assert section["agency_month"] == "Completeness"
    assert section["outlier_month"] == "Outliers"
    assert section["block_reference"] == section["removed_month"] == "Block imputation"
    assert section["police_employees"] == "Universe"
    declared = {
        value.name
        for module in (*pkgutil.iter_modules(model.__path__),)
        for value in vars(import_module(f"{model.__name__}.{module.name}")).values()
        if isinstance(value, Dataset)
    }
    others = {name for name, title in section.items() if title == "Truth of synthetic data, and checks"}
    assert declared <= section.keys()
    assert not declared & others
