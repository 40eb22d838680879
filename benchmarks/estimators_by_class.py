"""Errors of the weighted and the second estimate by class of agencies and offense, where the truth is known.

    uv run python -m benchmarks.estimators_by_class scratch/<run_id>/all

Reads a finished run of a synthetic nation that kept its truth (`--until keep_truth` once). The rows by population group
of tables 1a to 1c are the estimates of classes; columns of one offense are compared. Errors are percent of the truth,
root mean square over cells of at least 200 incidents.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import polars as pl

from nibrs_estimation.model.agency import AGENCY
from nibrs_estimation.model.benchmark import WEIGHTING_FRAME
from nibrs_estimation.model.estimates import CELL_ESTIMATE
from nibrs_estimation.model.geography import AGENCY_COUNTY
from nibrs_estimation.reading.runs import required_run
from nibrs_estimation.sources.synthetic.truth import SYNTHETIC_TRUTH
from nibrs_estimation.tables.matrices.agencies import agency_categories
from nibrs_estimation.tables.read import table_definition

LEAST_INCIDENTS = 200
_CLASSES = {1: "100,000 or over", 2: "25,000-99,999", 3: "10,000-24,999", 4: "under 10,000", 5: "state police"}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("run", type=Path, help="folder of the run, scratch/<run_id>/all")
    root = options.parse_args().run.absolute()
    run = required_run(root.parents[1], root.parent.name)
    frame = run.read(WEIGHTING_FRAME)
    ids = frame.select("agency_id").collect()["agency_id"].sort()
    group = agency_categories(ids, frame, run.read(AGENCY), run.read(AGENCY_COUNTY), run.year)["population_group"]
    agencies = frame.select("agency_id", "state_abbr").collect().join(
        pl.DataFrame({"agency_id": ids, "group": group}), on="agency_id"
    )  # fmt: skip
    truth = run.read(SYNTHETIC_TRUTH).drop("state_abbr").collect().join(agencies, on="agency_id")
    cells = pl.concat([of_table(run.read(CELL_ESTIMATE), name) for name in ("1a", "1b", "1c")])
    places = run.places.filter(
        pl.col("geography_level").is_in(["nation", "state"]) & pl.col("agency_group").is_null()
    ).select("geography_number", "geography_level", "geography_code")
    in_places = pl.concat(
        [truth.with_columns(geography_code=pl.lit("US")), truth.with_columns(geography_code=pl.col("state_abbr"))]
    )
    true = in_places.group_by("geography_code", "group", "measure").agg(pl.col("n").sum())
    found = (
        cells.join(places, on="geography_number")
        .join(true, on=["geography_code", "group", "measure"])
        .filter(pl.col("n") >= LEAST_INCIDENTS)
        .with_columns(
            w=100 * (pl.col("estimate") / pl.col("n") - 1), u=100 * (pl.col("copula_estimate") / pl.col("n") - 1)
        )
    )
    named = found.with_columns(pl.col("group").replace_strict(_CLASSES).alias("class"))
    for key in ("class", "label"):
        print(_errors(named, ["geography_level", key]).write_csv())


def of_table(cells: pl.LazyFrame, name: str) -> pl.DataFrame:
    """The estimates of a table's rows by population group, for columns of one offense."""
    table = table_definition(name)
    rows = [row.row for row in table.rows if row.variable == "population_group"]
    offenses = {
        column.position: (f"incidents_{column.offenses[0]}", column.label)
        for column in table.columns
        if len(column.offenses) == 1 and column.where is None
    }
    names = pl.DataFrame(
        [(position, *names) for position, names in offenses.items()],
        schema={"column": pl.Int16, "measure": pl.String, "label": pl.String},
        orient="row",
    )
    return (
        cells.filter((pl.col("table_part") == name) & pl.col("row").is_in(rows))
        .select("geography_number", "row", "column", "estimate", "copula_estimate")
        .collect()
        .join(names, on="column")
        .with_columns(group=(pl.col("row") - rows[0] + 1).cast(pl.Int8))
    )


def _errors(found: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    def rms(name: str) -> pl.Expr:
        return (pl.col(name) ** 2).mean().sqrt().round(2)

    return (
        found.group_by(key)
        .agg(
            cells=pl.len(),
            error_of_w=rms("w"),
            error_of_u=rms("u"),
            bias_of_w=pl.col("w").mean().round(2),
            bias_of_u=pl.col("u").mean().round(2),
            u_closer=(pl.col("u").abs() < pl.col("w").abs()).mean().round(2),
        )
        .sort(key)
    )


if __name__ == "__main__":
    main()
