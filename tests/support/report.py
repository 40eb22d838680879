"""The report of made-up estimates."""

import re
from pathlib import Path
from typing import Literal

import polars as pl

from nibrs_estimation.model.accounting import INCIDENT_ACCOUNT
from nibrs_estimation.model.agency import AGENCY
from nibrs_estimation.model.blocks import BLOCK_MONTH
from nibrs_estimation.model.completeness import REPORTING_STATUS
from nibrs_estimation.model.headlines import YEAR_CHANGE
from nibrs_estimation.model.intake import INTAKE_COUNT, INTAKE_LOSS
from nibrs_estimation.model.universe import UNIVERSE
from nibrs_estimation.model.weights import WEIGHT_CELL
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.stages.publication.report import write_report
from tests.support.estimated import estimates

Tables = dict[str, pl.LazyFrame]


def given_tables() -> Tables:
    return {name: frame for name, frame in estimates().items() if name != "series_estimate"}


REAL = Identity("r1", "cde:VT-2024.zip", 2024, 1, is_synthetic=False)
#: What the report reads beside the estimates.
OTHERS = (
    WEIGHT_CELL, INTAKE_COUNT, INTAKE_LOSS, AGENCY, BLOCK_MONTH, REPORTING_STATUS, UNIVERSE,
    INCIDENT_ACCOUNT, YEAR_CHANGE,
)  # fmt: skip


def page(
    tables: Tables,
    folder: Path,
    identity: Identity = REAL,
    given: Tables | None = None,
    variance_rule: Literal["prediction", "reference"] = "prediction",
) -> str:
    """The report of these tables; ``given`` of the others that it reads, which are empty by default."""
    others = {dataset.name: dataset.empty() for dataset in OTHERS} | (given or {})
    written = write_report(
        **tables, **others, year=2024, identity=identity, small_count="off", variance_rule=variance_rule
    )
    written["report.html"](folder / "report.html")
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert not re.search(r'<script|<link|src="http|href="http|@import', html)
    return html


def text_of(html: str) -> str:
    """The text of a page."""
    return " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"<(style|svg).*?</\1>", "", html, flags=re.S)).split())
