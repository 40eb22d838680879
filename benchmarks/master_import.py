"""From a NIBRS master file to checked Parquet, against what DuckDB takes to cut the same lines and write them.

    uv run python -m benchmarks.master_import [FILE]

Without a file: the synthetic California at scale 1, the largest state, rendered first. The importer looks for headers,
reads the lines, writes all datasets with keys and checks of codes and links, and accounts for every line. DuckDB reads
the lines once, cuts each into the fields of its level as text, and writes a Parquet file for each level. Two threads
each. What a nation of 60 million lines takes is extrapolated from the lines per second; peak memory does not grow with
the number of states.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl

from nibrs_estimation.pipeline.standalone import Folders, run_tasks
from nibrs_estimation.sources.intake.fixed_width import Field
from nibrs_estimation.sources.master import MasterSource, layout
from nibrs_estimation.sources.synthetic.history import state_year
from nibrs_estimation.sources.synthetic.incidents import reported_segments
from nibrs_estimation.sources.synthetic.nation import agency_county, agency_frame, nation
from nibrs_estimation.sources.synthetic.render_master import render_master

LIMIT_RATIO, LIMIT_MINUTES, LIMIT_GIB = 5.0, 15.0, 4.0
NATION_LINES = 60_000_000
YEAR, SEED, SCALE, STATE = 2024, 1, 1.0, "CA"
_PAUSE_S = 0.02
_BASE = (layout.LEVEL_CODE, layout.STATE, layout.ORI, layout.INCIDENT_NUMBER, layout.DATE)
_DRUGS = (layout.DRUG, layout.DRUG_WHOLE, layout.DRUG_THOUSANDTHS, layout.DRUG_MEASURE)
#: The fields of each level that the importer reads.
FIELDS: dict[str, tuple[Field, ...]] = {
    "01": (layout.IS_REPORT_DATE, layout.HOUR, layout.CLEARED, layout.CLEARED_DATE, layout.CARGO_THEFT),
    "02": (
        layout.OFFENSE_CODE, *layout.OFFENSE_CODES, layout.PREMISES,
        *(field for several in layout.OF_OFFENSE for field in several.fields),
    ),
    "03": (
        layout.LOSS, layout.DESCRIPTION, layout.VALUE, layout.RECOVERED_DATE, layout.STOLEN_VEHICLES,
        layout.RECOVERED_VEHICLES, *(field for fields in _DRUGS for field in fields),
    ),
    "04": (
        layout.VICTIM_SEQUENCE, *layout.VICTIM_OFFENSES, *layout.VICTIM_CODES, layout.OFFICER_ORI,
        *layout.CIRCUMSTANCES, layout.JUSTIFIABLE_FORCE, *layout.INJURIES.fields, *layout.RELATED_OFFENDERS,
        *layout.RELATIONSHIPS,
    ),
    "05": (layout.OFFENDER_SEQUENCE, *layout.OFFENDER_CODES),
    "06": (
        layout.ARRESTEE_SEQUENCE, layout.ARREST_DATE, layout.ARREST_OFFENSE, *layout.ARREST_CODES,
        *layout.ARREST_WEAPONS.fields,
    ),
    "07": (
        layout.ARRESTEE_SEQUENCE, layout.GROUP_B_OFFENSE, *layout.GROUP_B_CODES, *layout.GROUP_B_WEAPONS.fields,
    ),
}  # fmt: skip


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("file", type=Path, nargs="?", help="NIBRS master file as text, not zipped")
    named = options.parse_args().file
    with tempfile.TemporaryDirectory() as folder:
        path = named or Path(folder) / f"{STATE}-{YEAR}.txt"
        if named is None:
            in_process(synthetic_state, path)
        ours, lines, memory, of_processor = in_process(import_seconds, path)
        theirs, _files, _memory, of_duckdb = in_process(duckdb_seconds, path)
    minutes = ours / lines * NATION_LINES / 60
    print(
        f"{path.name}: {lines:,} lines in {ours:.1f} s ({of_processor:.1f} s of processor time), "
        f"{lines / ours:,.0f} lines a second, peak {memory:.2f} GiB "
        f"(ratio {memory / LIMIT_GIB:.2f}, limit {LIMIT_GIB:.0f} GiB)"
    )
    print(
        f"DuckDB: {theirs:.1f} s ({of_duckdb:.1f} s of processor time), ratio {ours / theirs:.2f} "
        f"(limit {LIMIT_RATIO:.0f})"
    )
    print(
        f"{NATION_LINES:,} lines, extrapolated: {minutes:.1f} min, ratio {minutes / LIMIT_MINUTES:.2f} "
        f"(limit {LIMIT_MINUTES:.0f} min)"
    )


def in_process(function: Callable[[Path], tuple[float, int]], path: Path) -> tuple[float, int, float, float]:
    """What a function returns in a process of its own; the process's peak memory in GiB, and its processor time."""
    before = _processor_seconds()
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        process = multiprocessing.get_context("spawn").Process(target=_answer, args=(function, path, answer))
        process.start()
        peak = 0.0
        # The program resets the peak that the system keeps, so the memory is read many times.
        while process.is_alive():
            peak = max(peak, _resident_gib(process.pid))
            process.join(_PAUSE_S)
        if process.exitcode:
            raise SystemExit(process.exitcode)
        seconds, lines = json.loads(answer.read_text())
    return seconds, lines, peak, _processor_seconds() - before


def _processor_seconds() -> float:
    of_children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return of_children.ru_utime + of_children.ru_stime


def _resident_gib(process: int | None) -> float:
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * resource.getpagesize() / 2**30


def _answer(function: Callable[[Path], tuple[float, int]], path: Path, answer: Path) -> None:
    answer.write_text(json.dumps(function(path)))


def synthetic_state(path: Path) -> tuple[float, int]:
    """Render a state of the synthetic nation."""
    started = time.perf_counter()
    everywhere = agency_frame(YEAR, SEED, SCALE)
    agencies = everywhere.filter(pl.col("state_abbr") == STATE)
    counties = agency_county(everywhere, nation(SEED, SCALE), YEAR)
    frames = {
        "agency": agencies,
        "report_month": state_year(agencies, YEAR, SEED).months,
        "agency_county": counties.filter(pl.col("ori").is_in(agencies["ori"].implode())),
        **reported_segments(agencies, YEAR, SEED),
    }
    lines = render_master({name: frame.lazy() for name, frame in frames.items()}, YEAR, path)
    return time.perf_counter() - started, lines


def import_seconds(path: Path) -> tuple[float, int]:
    """Seconds from the file to its datasets, and the number of lines that were read."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        started = time.perf_counter()
        source = MasterSource((path,))
        year = source.newest_year()
        partitions = source.probe(year, SEED).partitions
        outcomes = run_tasks(source.tasks(), Folders(out, out), {"year": year}, {}, partitions=partitions)
        seconds = time.perf_counter() - started
        if outcomes[-1].state == "failed":
            raise SystemExit(outcomes[-1].message)
        read = pl.scan_parquet(out / "intake_count" / "*.parquet").select(pl.col("rows_read").sum()).collect().item()
    return seconds, read


def duckdb_seconds(path: Path) -> tuple[float, int]:
    """Seconds in which DuckDB reads the lines, cuts them into the same fields, and writes them."""
    with tempfile.TemporaryDirectory() as folder:
        connection = duckdb.connect(str(Path(folder) / "lines.duckdb"), config={"threads": 2})
        connection.execute("SET enable_progress_bar = false")
        started = time.perf_counter()
        connection.execute(
            f"CREATE TABLE lines AS SELECT line FROM read_csv('{path}', columns = {{'line': 'VARCHAR'}}, "
            "header = false, delim = '\\x01', quote = '', escape = '', auto_detect = false, encoding = 'latin-1')"
        )
        number = 0
        for level, fields in FIELDS.items():
            columns = ", ".join(
                f"substr(line, {field.first}, {field.last - field.first + 1}) AS c{place}"
                for place, field in enumerate((*_BASE, *fields))
            )
            target = Path(folder) / f"{level}.parquet"
            query = f"SELECT {columns} FROM lines WHERE line[1:2] = '{level}'"
            connection.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
            number += 1
        return time.perf_counter() - started, number


if __name__ == "__main__":
    main()
