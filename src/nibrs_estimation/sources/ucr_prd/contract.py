"""The flow `contract`: the database as its source, the checks as a table and page, and the stop if one fails."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from nibrs_estimation.model.contract import CONTRACT_CHECK, CONTRACT_SAMPLE, RULES
from nibrs_estimation.pages import BLUE, RED, counted, html_table, page, rows_of, svg, writer
from nibrs_estimation.pipeline.database import Database
from nibrs_estimation.pipeline.dataset import Document
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.optional import postgresql_module
from nibrs_estimation.pipeline.source import Probe, Source
from nibrs_estimation.pipeline.task import IDENTITY, DocumentWriter, Task
from nibrs_estimation.sources.ucr_prd.catalogue import DEFAULT_SCHEMA
from nibrs_estimation.sources.ucr_prd.check import check_database
from nibrs_estimation.sources.ucr_prd.source import UcrPrdSource

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql
else:
    psycopg = postgresql_module("psycopg")
    sql = postgresql_module("psycopg.sql")

_log = logging.getLogger(__name__)

#: Largest number of failed checks in the message of a stop; the page lists all.
TOLD = 5
CONTRACT_PAGE = Document("contract.html", "Checks of the database: which failed, and how many rows.")
CONTRACT_FILES = (
    Document("contract_checks.csv", "All checks of the database: observed, limit, passed, what to do."),
    Document("contract_sample.csv", "The first rows that break each rule: keys and the value, no personal data."),
)
CONTRACT_VERDICT = Document("contract_verdict.txt", "That no check failed that stops the flow; absent otherwise.")
_ORDER = ["table_name", "column_name", "rule"]


@dataclass(frozen=True)
class DatabaseContract:
    """The database of source ``postgresql`` as something to check: it need not be as declared to be opened.

    Attributes:
        database: the database.
        schema: schema of its tables.
    """

    database: Database
    schema: str = DEFAULT_SCHEMA

    @property
    def spec(self) -> str:
        """Its name."""
        return "postgresql"

    def newest_year(self) -> int:
        """The latest year of the agencies; it only names the run, because all years are checked.

        Raises:
            PipelineError: the database cannot be reached, or does not say its years.
        """
        query = sql.SQL("SELECT max(data_year) FROM {}").format(sql.Identifier(self.schema, "ref_agency_yearly"))
        with self.database.connect() as connection:
            try:
                row = connection.execute(query).fetchone()
            except psycopg.Error as error:
                raise self._year_error(self.database.error_reason(error)) from None
        if row is None or row[0] is None:
            raise self._year_error("there are no agencies")
        return int(str(row[0]))

    def _year_error(self, reason: str) -> PipelineError:
        return PipelineError(
            f"{self.database} does not say its latest year in ref_agency_yearly ({reason}). Give a data year with "
            "--year: it names the run, and all years are checked."
        )

    def probe(self, year: int, seed: int) -> Probe:
        """Connect; the fingerprint changes with every transaction that writes, so that only then all is checked again.

        Raises:
            PipelineError: the database cannot be reached.
        """
        del seed
        with self.database.connect() as connection:
            row = connection.execute("SELECT pg_current_snapshot()::text").fetchone()
        state = f"{self.database} {self.schema} {row[0] if row else ''}"
        return Probe(
            years=(year,),
            partitions={},
            fingerprint=hashlib.sha256(state.encode()).hexdigest(),
            is_content_hash=True,
            summary=f"{self.database}, schema {self.schema}, all years",
        )

    def tasks(self) -> tuple[Task, ...]:
        """The task that checks the database."""
        return (Task(name="check_contract", function=self.check_contract, writes=(CONTRACT_CHECK, CONTRACT_SAMPLE)),)

    def check_contract(self) -> dict[str, pl.DataFrame]:
        """Check all tables of the database, and sample the rows that break a rule.

        Raises:
            PipelineError: the database cannot be reached or read.
        """
        contract = check_database(self.database, self.schema)
        checks = [
            {
                "table_name": check.table,
                "column_name": check.column,
                "rule": check.rule,
                "severity": check.severity,
                "n_rows": check.rows,
                "observed": check.count,
                "comparison": ">=" if check.rule == "row_count" else "<=",
                "threshold": 1 if check.rule == "row_count" else 0,
                "is_passed": check.is_passed,
                "examples": ", ".join(check.examples) or None,
                "message": check.message or None,
            }
            for check in contract.checks
        ]
        return {
            CONTRACT_CHECK.name: pl.DataFrame(checks, schema=CONTRACT_CHECK.schema).sort(_ORDER),
            CONTRACT_SAMPLE.name: pl.DataFrame(contract.samples, schema=CONTRACT_SAMPLE.schema).sort(*_ORDER, "number"),
        }


def as_contract(source: Source) -> Source:
    """The form in which the flow ``contract`` reads a source.

    Raises:
        UsageError: the source is not a database.
    """
    if isinstance(source, UcrPrdSource):
        return DatabaseContract(source.database, source.schema)
    raise UsageError(
        f"The flow contract checks the FBI's database, not {source.spec}. Use --source postgresql with PGHOST, PGUSER, "
        "PGPASSWORD and PGDATABASE. Other sources are checked while they are read: intake_manifest.json of flow all "
        "lists what was set aside."
    )


def show_contract(
    contract_check: pl.LazyFrame, contract_sample: pl.LazyFrame, identity: Identity
) -> dict[str, DocumentWriter]:
    """Write the checks and the sample as CSV, and a page that shows which checks failed."""
    checks, sample = contract_check.collect(), contract_sample.collect()
    failed = checks.filter(~pl.col("is_passed")).sort("severity", *_ORDER)
    labels = {
        "severity": "Severity", "table_name": "Table", "column_name": "Column", "rule": "Rule", "n_rows": "Rows",
        "observed": "Observed", "message": "What to do",
    }  # fmt: skip
    errors = failed.filter(pl.col("severity") == "error").height
    told = (
        f"<p>{counted(checks.height, 'check')} of {counted(checks['table_name'].n_unique(), 'table')}: "
        f"{counted(errors, 'error')}, {counted(failed.height - errors, 'warning')}.</p>"
    )
    rules = pl.DataFrame({"rule": list(RULES), "text": list(RULES.values())})
    sections = [
        ("Failed checks", told + (html_table(failed, "failed", labels, n_rows="integer", observed="integer")
                                  if failed.height else "<p>No check failed.</p>")),
        ("Tables and rules", f"<figure>{_tiles(checks)}</figure>"),
        ("Rules", html_table(rules, "rules", {"rule": "Rule", "text": "What must hold"})),
        ("Rows", f"<p>contract_sample.csv has {counted(sample.height, 'row')} that break a rule: key, incident, "
                 "agency, year and the value. Nothing that describes a person is in it.</p>"),
    ]  # fmt: skip
    subtitle = "The tables of the FBI's database against their declarations. All years are checked."
    return {
        CONTRACT_PAGE.name: writer(page("Checks of the database", subtitle, sections, identity)),
        CONTRACT_FILES[0].name: _csv(checks),
        CONTRACT_FILES[1].name: _csv(sample),
    }


def require_contract(contract_check: pl.LazyFrame) -> dict[str, DocumentWriter]:
    """Log the failed checks of severity warning, and fail if one of severity error failed.

    Raises:
        PipelineError: a check of severity error failed; names the first ones.
    """
    failed = contract_check.filter(~pl.col("is_passed")).sort("severity", *_ORDER).collect()
    for message in failed.filter(pl.col("severity") == "warning")["message"]:
        _log.warning("%s", message)
    errors = failed.filter(pl.col("severity") == "error")
    if errors.height:
        more = f" And {errors.height - TOLD} more." if errors.height > TOLD else ""
        raise PipelineError(
            f"The database is not as declared: {counted(errors.height, 'check')} failed. "
            f"{' '.join(errors['message'].head(TOLD))}{more} {CONTRACT_PAGE.name} lists all; then run the same command "
            "again."
        )
    text = f"No check of severity error failed; {counted(failed.height, 'warning')}.\n"
    return {CONTRACT_VERDICT.name: lambda path: path.write_text(text, encoding="utf-8") and None}


def _csv(table: pl.DataFrame) -> DocumentWriter:
    def write(path: Path) -> None:
        table.write_csv(path)

    return write


def _tiles(checks: pl.DataFrame) -> str:
    """A tile for each table and rule: passed, warning or error."""
    import altair as alt  # noqa: PLC0415 (takes a second to import, only for tasks with charts)

    rank = pl.when("is_passed").then(0).when(pl.col("severity") == "warning").then(1).otherwise(2)
    tiles = (
        checks.group_by("table_name", "rule")
        .agg(rank=rank.max())
        .with_columns(result=pl.col("rank").replace_strict({0: "passed", 1: "warning", 2: "error"}))
        .sort("table_name", "rule")
    )
    scale = alt.Scale(domain=["passed", "warning", "error"], range=[BLUE, "#e0a458", RED])
    chart = (
        alt.Chart(rows_of(tiles))
        .mark_rect(stroke="white")
        .encode(
            y=alt.Y("table_name:N", title=None, axis=alt.Axis(labelLimit=320)),
            x=alt.X("rule:N", sort=list(RULES), title=None, axis=alt.Axis(orient="top", labelAngle=-40)),
            color=alt.Color("result:N", scale=scale, title=None),
        )
    )
    return svg(chart)


#: Tasks of the flow beside the check itself, which belongs to the source.
TASKS = (
    Task(
        name="show_contract",
        function=show_contract,
        reads=(CONTRACT_CHECK, CONTRACT_SAMPLE),
        writes=(CONTRACT_PAGE, *CONTRACT_FILES),
        parameters=(IDENTITY,),
    ),
    Task(name="require_contract", function=require_contract, reads=(CONTRACT_CHECK,), writes=(CONTRACT_VERDICT,)),
)
