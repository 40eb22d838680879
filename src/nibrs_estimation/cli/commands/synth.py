"""`nibrs synth`: a synthetic nation as datasets, zips, public files, external files and a database."""

from __future__ import annotations

from typing import Annotated

import typer

from nibrs_estimation.cli.commands.options import OutOption, SeedOption
from nibrs_estimation.cli.console import console
from nibrs_estimation.cli.ingesting import ingest
from nibrs_estimation.cli.running import DEMO_YEAR
from nibrs_estimation.cli.settings import load_settings
from nibrs_estimation.sources.synthetic import SyntheticSource
from nibrs_estimation.sources.synthetic.emit import check_emission, emit, emit_database

app = typer.Typer()


@app.command(epilog="Example: nibrs synth --scale 0.01 --out nation")
def synth(
    out: OutOption,
    scale: Annotated[float, typer.Option("--scale", help="Share of the nation's agencies, above 0 up to 1.")] = 0.01,
    response: Annotated[
        str,
        typer.Option(
            "--response",
            help="Which agencies do not report to NIBRS: random (at random within population groups), large (large "
            "agencies more often) or states (whole states).",
        ),
    ] = "random",
    year: Annotated[int, typer.Option("--year", help="Data year; DATA_YEAR is ignored.")] = DEMO_YEAR,
    seed: SeedOption = None,
    cde: Annotated[
        bool, typer.Option("--cde", help="Also write zips like those of the Crime Data Explorer (scale 0.05 at most).")
    ] = False,
    master: Annotated[
        bool, typer.Option("--master", help="Also write a file like the FBI's NIBRS master file.")
    ] = False,
    public: Annotated[
        bool,
        typer.Option(
            "--public",
            help="Also write a folder like the public downloads of the FBI and the Census Bureau, with all files that "
            "the source public:FOLDER reads.",
        ),
    ] = False,
    external_files: Annotated[
        bool,
        typer.Option("--external-files", help="Also write the external files that a run may use."),
    ] = False,
    database: Annotated[
        bool, typer.Option("--database", help="Also load the tables of ucr_prd into the database of PGHOST.")
    ] = False,
) -> None:
    """Generate a synthetic nation and write its datasets, including the truth, as Parquet files.

    Zips have the layout of their year: `--year 2020 --cde` writes the layout of 2016 to 2020.
    """
    source = SyntheticSource.parse(f"{scale},response={response}")
    settings = load_settings()
    seed = settings.nibrs_seed if seed is None else seed
    check_emission(
        source, year, with_zips=cde, with_public=public, with_database=database, database=settings.database()
    )
    ingest(source, out, settings, year, seed)
    for line in emit(
        source, year, seed, out, with_zips=cde, with_master=master, with_public=public, with_externals=external_files
    ):
        console.print(line, highlight=False)
    if database:
        console.print(emit_database(source, out, settings.database()), highlight=False)
