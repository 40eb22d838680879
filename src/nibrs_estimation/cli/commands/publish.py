"""`nibrs publish`: the results of a run once more, as a site, and its estimates in a database."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import SecretStr

from nibrs_estimation.cli.bars import Bars
from nibrs_estimation.cli.console import console, errors, plain
from nibrs_estimation.cli.settings import Settings, load_settings
from nibrs_estimation.flows.registry import FLOWS, find_flow
from nibrs_estimation.pages import counted
from nibrs_estimation.pipeline.credentials import HIDDEN
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.files import sha256_of, temporary_folder
from nibrs_estimation.pipeline.optional import postgresql_module, require_extra
from nibrs_estimation.pipeline.publishing import check_published, read_published
from nibrs_estimation.pipeline.republishing import publish_again
from nibrs_estimation.pipeline.run import artifact_prefix
from nibrs_estimation.pipeline.runs import MAIN_FLOW, SUMMARY_FLOWS, check_run_id
from nibrs_estimation.pipeline.store import open_store

if TYPE_CHECKING:
    import psycopg
    from psycopg import conninfo

    from nibrs_estimation.pipeline.database import Database
    from nibrs_estimation.pipeline.identity import Identity
else:
    psycopg = postgresql_module("psycopg")
    conninfo = postgresql_module("psycopg.conninfo")

app = typer.Typer(
    no_args_is_help=True,
    help="Publish the results of a run again, as a site, in a database, or in the reference's files.",
)
#: What an address may contain besides the password; libpq has more settings, which this program does not use.
_PARTS = {"host", "port", "dbname", "user", "password", "sslmode"}
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,40}")


@app.command(epilog="Example: nibrs publish artifacts vt --to s3://bucket/artifacts")
def artifacts(
    run_id: Annotated[str, typer.Argument(help="Name of the run.")],
    to: Annotated[
        str | None, typer.Option("--to", metavar="PLACE", help="Folder or s3://bucket/prefix. Default: ARTIFACT_STORE.")
    ] = None,
    flow: Annotated[str, typer.Option("--flow", help=f"One of: {', '.join(FLOWS)}.")] = MAIN_FLOW,
) -> None:
    """Publish what a run published last, or was publishing when it was stopped, and read every file back.

    Nothing is computed. Files that have changed in the run's folder since are refused.
    """
    settings = load_settings()
    store = open_store(to or settings.artifact_store, settings.s3())
    prefix, found = publish_again(find_flow(flow), settings.scratch_dir / check_run_id(run_id), store)
    console.print(
        f"Published {counted(len(found.files), 'file')} in [bold]{store}/{prefix}[/], all read back and compared.",
        highlight=False,
    )


@app.command("reference-files", epilog="Example: nibrs publish reference-files us-2024 --to out")
def reference_files(
    run_id: Annotated[str, typer.Argument(help="Name of the run.")],
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Where to write folder final-estimates.")] = Path(),
    table: Annotated[
        list[str] | None, typer.Option("--table", "-t", help="Only this table; may be repeated. Default: all.")
    ] = None,
    geography: Annotated[
        list[str] | None,
        typer.Option("--geography", "-g", help="Only this geography, as of `nibrs tables show`; may be repeated."),
    ] = None,
    series: Annotated[
        bool, typer.Option("--series", help="Also the demographic series, in the same files; takes many times as long.")
    ] = False,
) -> None:
    """Write the final estimates of all geographies in the folders, files and columns of the reference pipeline.

    Suppressed rows are in the first of its folders and not in the second. Numbers that are never estimated are -9. Each
    folder is also written as a zip; the names of the cells are in folder validation_inputs. With series of all tables
    and geographies a nation has hundreds of gigabytes: name those that you need.
    """
    from nibrs_estimation.cli.final_files import FOLDER, write_final_files  # noqa: PLC0415 (as above)
    from nibrs_estimation.reading.runs import flow_of, required_run  # noqa: PLC0415 (Polars is slow to import)
    from nibrs_estimation.reading.selection import find_places  # noqa: PLC0415 (as above)
    from nibrs_estimation.tables.read import table_definition  # noqa: PLC0415 (as above)

    tables = [table_definition(name) for name in table or ()]
    flows = {flow_of(each) for each in tables} or {MAIN_FLOW}
    if len(flows) > 1:
        raise UsageError("Tables of incidents and of summary estimates are of different flows: write them one by one.")
    run = required_run(load_settings().scratch_dir, run_id, flows.pop())
    with Bars("tables") as progress:
        n_files = write_final_files(
            run,
            to,
            lambda n, total: progress.advance("Writing", n, total),
            tables=tables,
            places=find_places(run, geography) if geography else None,
            has_series=series,
        )
    console.print(f"Wrote {counted(n_files, 'file')} to [bold]{to / FOLDER}[/]. {run.identity.text}", highlight=False)


@app.command(epilog="Example: nibrs publish site --run us-2023 --run us-2024 --out explorer")
def site(
    out: Annotated[
        Path, typer.Option("--out", metavar="FOLDER", help="A new or empty folder, or that of a former site.")
    ],
    runs: Annotated[
        list[str] | None,
        typer.Option("--run", help="Id of a run; may be repeated for several years. Default: the newest finished run."),
    ] = None,
    table: Annotated[
        list[str] | None, typer.Option("--table", "-t", help="Only this table; may be repeated. Default: all.")
    ] = None,
    series: Annotated[
        list[str] | None,
        typer.Option(
            "--series", help="Also this demographic series: number, part of its label, or all; may be repeated."
        ),
    ] = None,
    show_suppressed: Annotated[
        bool,
        typer.Option("--show-suppressed", help="Write the numbers that should not be published into the site, too."),
    ] = False,
    no_differences: Annotated[
        bool, typer.Option("--no-differences", help="Compute no differences of headline numbers in advance.")
    ] = False,
) -> None:
    """Write the explorer, a site for people to look at estimates, that any web server or bucket can serve.

    The browser reads parts of Parquet files: the server needs no program, only requests with a range of bytes. Numbers
    that should not be published are not in the site.
    """
    from nibrs_estimation.cli.explorer import publish_explorer  # noqa: PLC0415 (Polars is slow to import)

    publish_explorer(
        out,
        tuple(runs or ()),
        tables=tuple(table or ()),
        series=tuple(series or ()),
        shows_suppressed=show_suppressed,
        has_differences=not no_differences,
    )


@app.command(epilog="Example: PGPASSWORD=... nibrs publish database us-2024 --url postgresql://me@db.example.org/ucr")
def database(
    run_id: Annotated[str, typer.Argument(help="Name of the run.")],
    url: Annotated[
        str | None,
        typer.Option(
            "--url", metavar="ADDRESS", help="postgresql://user@host:port/database. Default: PGHOST and the other PG*."
        ),
    ] = None,
    schema: Annotated[str, typer.Option("--schema", help="Schema of the tables; created if necessary.")] = "estimates",
    allow_synthetic: Annotated[
        bool, typer.Option("--allow-synthetic", help="Allow synthetic and real years side by side.")
    ] = False,
    changes: Annotated[
        Path | None,
        typer.Option(
            "--changes",
            metavar="FILE",
            help="CSV of the estimates that differ from the year's former ones. Default: changed-estimates-YEAR.csv.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the SQL; connect to nothing.")] = False,
) -> None:
    """Load the published estimates of a run into a PostgreSQL database, in the place of the same year's.

    All tables of the year are replaced, or none. Other years stay. The password is best in PGPASSWORD.
    """
    from nibrs_estimation.stages.publication.database import (  # noqa: PLC0415 (imports all pages and DuckDB)
        load_estimates,
        planned_lines,
    )

    settings = load_settings()
    if not _SCHEMA.fullmatch(schema):
        raise UsageError(f"{schema!r} is no name of a schema: use lower-case letters, digits and underscores.")
    require_extra("postgresql", "The estimates database")
    target = _target(url, settings) if not dry_run else None
    with temporary_folder("database") as folder:
        file = Path(folder) / "estimates.duckdb"
        identity = _fetch(settings, check_run_id(run_id), file)
        if target is None:
            typer.echo("\n".join(planned_lines(file, schema, identity.year)))
            return
        listed = changes or Path(f"changed-estimates-{identity.year}.csv")
        with Bars("rows") as progress:
            loaded = load_estimates(
                file, identity, target, schema, progress.advance, changes=listed, allow_synthetic=allow_synthetic
            )
    console.print(f"Loaded {identity.text}, into {target}:", highlight=False, soft_wrap=True)
    for name, n_rows in loaded.n_rows.items():
        console.print(f"  {schema}.{name}: {counted(n_rows, 'row')}", highlight=False)
    if loaded.n_changed is not None:
        where = f"; {listed} lists them" if loaded.n_changed else ""
        console.print(
            f"  {counted(loaded.n_changed, 'estimate')} differ from what {identity.year} had before{where}.",
            highlight=False,
        )
    if loaded.note:
        errors.print(
            "[yellow]Warning:[/] role nibrs_reader cannot read the tables yet, because this user may not arrange it. "
            f"Let an administrator run: {plain(loaded.note)}",
            highlight=False,
        )


def _target(url: str | None, settings: Settings) -> Database:
    """The database that the address names, otherwise that of the settings.

    Raises:
        UsageError: neither names a database, or the address is malformed; its content is not repeated.
    """
    from nibrs_estimation.pipeline.database import Database  # noqa: PLC0415 (its drivers are slow to import)

    if url is None:
        found = settings.database()
        if found is None:
            raise UsageError("Name the database with --url postgresql://user@host/database, or set PGHOST.")
        return found
    try:
        parts = {name: str(value) for name, value in conninfo.conninfo_to_dict(url).items() if value is not None}
        port = int(parts.get("port", settings.pgport))
    except (psycopg.Error, ValueError):
        parts, port = {}, 0
    if "://" not in url or not {"host", "dbname"} <= parts.keys() <= _PARTS:
        # The address is not repeated: its password may be anywhere in it.
        raise UsageError(
            "The address of --url must have the form postgresql://user@host:port/database, with ?sslmode=... if "
            f"necessary, and %-codes for special characters. Found something else ({HIDDEN}). Put the password into "
            "PGPASSWORD."
        )
    password = SecretStr(parts["password"]) if "password" in parts else settings.pgpassword
    user, sslmode = parts.get("user", settings.pguser), parts.get("sslmode", settings.pgsslmode)
    return Database(parts["host"], port, parts["dbname"], user, password, sslmode)


def _fetch(settings: Settings, run_id: str, file: Path) -> Identity:
    """Fetch the published estimates.duckdb of a run, and return the identity of the run.

    Raises:
        PipelineError: the run has not been published completely, or the file is not what it published.
        UsageError: the run has published no such file, or is of a flow whose estimates are not loaded.
    """
    store, prefix = open_store(settings.artifact_store, settings.s3()), artifact_prefix(run_id, MAIN_FLOW)
    if read_published(store, prefix) is None:
        for flow in SUMMARY_FLOWS:
            if read_published(store, artifact_prefix(run_id, flow)) is not None:
                raise UsageError(
                    f"Run {run_id} is of flow {flow}, and only estimates of flow {MAIN_FLOW} are loaded into a "
                    f"database. Use {store}/{artifact_prefix(run_id, flow)}/{file.name} or its estimates.csv."
                )
    found = check_published(store, prefix)
    if file.name not in found.files:
        raise UsageError(
            f"Run {run_id} has published no {file.name} in {store}: it is not finished. Run its `nibrs run` command "
            "again, without --until, and then this one."
        )
    store.get(f"{prefix}/{file.name}", file)
    if sha256_of(file) != found.files[file.name]:
        raise UsageError(
            f"{file.name} in {store}/{prefix} is not what the run published: its SHA-256 is not that in "
            f"published.json. Publish it again with `nibrs publish artifacts {run_id}`."
        )
    return found.identity
