"""How near the synthetic nation comes to real data: a nation of 2013 by agency and month, and a state's incidents.

1. Figures of the FBI's Return A master file of 2013 beside the means of synthetic nations of that year: concentration,
   annual offenses by population group, change between half-years and months, months without offenses, patterns of
   partial reporters. Each line has its limit and says ok or MISSED; lines without a limit only inform.
2. Total-variation distances from Vermont 2024. Each is half the sum of the absolute differences of shares, from 0
   (alike) to 1. Beside it stands the distance between two halves of Vermont, which is what chance alone does, and the
   code whose share differs most. Vermont is one small state, so a distance shows where the two differ, not that the
   synthetic nation is wrong: Vermonters are older and nearly all white, and its agencies name shops and offenders more
   often than most.

Needs public/RETURNA2013.zip and cde/VT-2024.zip under NIBRS_SHARED_DATA (default ../shared/data). Run it with

    python -m benchmarks.synthetic_realism [--seeds 20] [--scale 1]
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from tests.support import realism
from tests.support.return_a_2013 import PATH as RETURN_A
from tests.support.return_a_2013 import return_a_counts
from tests.support.synthetic_counts import synthetic_counts

from nibrs_estimation.pipeline.source import Source
from nibrs_estimation.pipeline.standalone import Folders, run_tasks
from nibrs_estimation.pipeline.table import find_table, read_table
from nibrs_estimation.pipeline.task import SEED, YEAR
from nibrs_estimation.sources.cde import CdeSource
from nibrs_estimation.sources.synthetic import SyntheticSource

VERMONT = Path(os.environ.get("NIBRS_SHARED_DATA", "../shared/data")).resolve() / "cde" / "VT-2024.zip"
DATA_YEAR, SCALE, RUN_SEED = 2024, 0.01, 1
TASKS = ("ingest_agencies", "ingest_incidents")

#: Offenses by which sex, age, race, place and weapon are compared: those of which Vermont has some hundred victims.
VICTIM_OFFENSES = ("13A", "13B", "13C", "11A", "220", "23F", "23H", "240", "26A", "290")
OFFENDER_OFFENSES = ("13A", "13B", "23C", "23H", "220", "290", "35A")
PLACE_OFFENSES = ("13A", "13B", "220", "23C", "23F", "23H", "240", "290", "35A")
#: The first years of the age groups of handbook 08.
AGE_STEPS = (0, 5, 12, 15, 16, 17, 18, 25, 35, 65)
#: Incidents of an agency in the year, as steps of its distribution.
COUNT_STEPS = (0, 1, 10, 30, 100, 300, 1000, 3000)
LEAST_AGENCIES = 5

RETURN_A_YEAR = 2013

Tables = dict[str, pl.DataFrame]
Comparison = tuple[str, pl.DataFrame]


@dataclass(frozen=True)
class Comparison2013:
    """A kind of figures of a nation's counts, and how near they should be.

    Attributes:
        title: what they are.
        figures: the function that yields them.
        limit: greatest difference, relative to the real figure or absolute; none where a line only informs.
        is_relative: whether the limit is relative.
        least: real figures below it are not held to the limit.
    """

    title: str
    figures: Callable[[realism.Counted], Iterator[realism.Figure]]
    limit: float | None = None
    is_relative: bool = True
    least: float = 0.0

    def limit_of(self, name: str) -> float | None:
        """The limit of one figure: murders are few, so theirs is twice as wide."""
        is_murder = self.title == CONCENTRATION and name.startswith("murder")
        return 2 * self.limit if is_murder and self.limit else self.limit


CONCENTRATION = "share of the nation's offenses in the top agencies"
COMPARISONS_2013 = (
    Comparison2013(CONCENTRATION, realism.shares_of_top, 0.04, is_relative=False),
    Comparison2013("quartiles of annual offenses", realism.quantiles_of_groups, 0.25, least=realism.LEAST_QUANTILE),
    Comparison2013("change between half-years: sd of the log, by annual offenses", realism.half_years, 0.2),
    Comparison2013("variation of a month, by annual offenses", realism.month_variation, 0.2),
    Comparison2013("months without offenses, by annual offenses", realism.zero_months, 0.2),
    Comparison2013("partial reporters", realism.partial_patterns, 0.03, is_relative=False),
    Comparison2013("share of partial reporters", realism.partial_share),
    Comparison2013("crime per head and month of partial reporters beside full ones", realism.partial_level),
    Comparison2013("months beside a gap, as a share of expectation", realism.edge_months),
    Comparison2013("agencies with an odd month, by annual offenses", realism.odd_agencies),
    Comparison2013("other kinds of agencies", realism.kinds_of_reporters),
)


def compare_with_2013(seeds: int, scale: float) -> None:
    """Print the figures of the real nation of 2013 beside the means of synthetic ones."""
    real = return_a_counts()
    made = [dict(_figures(synthetic_counts(RETURN_A_YEAR, seed, scale))) for seed in range(1, seeds + 1)]
    large = {name for name, _ in realism.quantiles_of_groups(real, realism.LEAST_AGENCIES)}
    missed = compared = 0
    for kind in COMPARISONS_2013:
        print(f"\n{kind.title:<44} {'real':>10} {'synthetic':>10} {'ratio':>7} {'differs':>9} {'limit':>6}")
        for name, value in kind.figures(real):
            if kind.figures is realism.quantiles_of_groups and name not in large:
                continue
            mean = float(np.nanmean([figures.get((kind.title, name), np.nan) for figures in made]))
            ratio = mean / value if value else np.nan
            limit = kind.limit_of(name) if value >= kind.least else None
            verdict = ""
            if limit is not None:
                is_met = abs(ratio - 1 if kind.is_relative else mean - value) <= limit
                compared, missed = compared + 1, missed + (not is_met)
                verdict = f"{limit:6.2f} {'ok' if is_met else 'MISSED'}"
            print(f"  {name:<42} {value:10.4g} {mean:10.4g} {ratio:7.2f} {mean - value:+9.3f} {verdict}")
    print(f"\n{compared - missed} of {compared} figures are within their limits, means of {seeds} nations of {scale}\n")


def _figures(nation: realism.Counted) -> Iterator[tuple[tuple[str, str], float]]:
    for kind in COMPARISONS_2013:
        for name, value in kind.figures(nation):
            yield (kind.title, name), value


def ingested(source: Source) -> Tables:
    """The agencies and segments of a source, through its own tasks and files."""
    tasks = [task for task in source.tasks() if task.name in TASKS]
    with tempfile.TemporaryDirectory() as folder:
        folders = Folders(Path(folder) / "in", Path(folder) / "out")
        folders.inputs.mkdir()
        outcomes = run_tasks(
            tasks,
            folders,
            {YEAR.name: DATA_YEAR, SEED.name: RUN_SEED},
            {},
            log_threshold="ERROR",
            partitions=source.probe(DATA_YEAR, RUN_SEED).partitions,
        )
        if outcomes[-1].state == "failed":
            raise SystemExit(f"{source.spec} could not be read: {outcomes[-1]}")
        return {
            dataset.name: read_table(files, dataset).collect()
            for task in tasks
            for dataset in task.datasets
            if (files := find_table(folders.outputs, dataset))
        }


def comparisons(tables: Tables) -> Iterator[Comparison]:
    """What is compared, each a name with the values of incidents: columns ``incident_id`` and ``value``."""
    incident, offense = tables["incident"], tables["offense"]
    yield "offense mix", _values(offense, "offense_code")
    yield "offenses per incident", _counts(offense)
    yield "victims per incident", _counts(tables["victim"])
    yield "victim type", _values(tables["victim"], "victim_type_code")
    yield "hour", _values(incident, "incident_hour")
    yield "month", _values(incident, pl.col("incident_date").dt.month())
    yield "location", _values(offense, "location_code")
    for code in PLACE_OFFENSES:
        yield f"location of {code}", _values(offense.filter(pl.col("offense_code") == code), "location_code")
    weapon = _of_offense(tables["offense_weapon"], offense)
    yield "weapon", _values(weapon, "weapon_code")
    for code in ("13A", "13B"):
        yield f"weapon of {code}", _values(weapon.filter(pl.col("offense_code") == code), "weapon_code")
    victim = tables["victim"].filter(pl.col("victim_type_code").is_in(["I", "L"]))
    suffered = _of_offense(tables["victim_offense"], offense).join(
        victim.drop("state_abbr", "incident_id"), on="victim_id"
    )
    for code in VICTIM_OFFENSES:
        yield from _traits(f"victims of {code}", suffered.filter(pl.col("offense_code") == code))
    related = tables["victim_offender"].join(victim.select("victim_id", "incident_id"), on="victim_id")
    yield "relationship", _values(related, "relationship_code")
    known = tables["offender"].filter(pl.col("sequence_number") > 0)
    for code in OFFENDER_OFFENSES:
        holding = offense.filter(pl.col("offense_code") == code)
        yield from _traits(f"offenders of {code}", known.join(holding, on="incident_id", how="semi"))
    yield (
        "injury",
        _values(tables["victim_injury"].join(victim.select("victim_id", "incident_id"), on="victim_id"), "injury_code"),
    )
    yield "type of loss", _values(tables["property"], "loss_code")
    items = tables["property_item"].join(tables["property"].select("property_id", "incident_id"), on="property_id")
    yield "property description", _values(items, "description_code")
    # Group B arrests have no incident; their own identifiers cut them into halves.
    group_b = tables["arrestee"].filter("is_group_b")
    yield "Group B offense", group_b.select(incident_id="arrestee_id", value="offense_code")


def agencies_by_size(tables: Tables) -> dict[str, pl.DataFrame]:
    """Incidents of each agency that reported, by population group: columns ``incident_id`` (agency) and ``value``."""
    counts = tables["incident"].group_by("agency_id").len("incidents")
    agencies = (
        tables["agency"]
        .filter(pl.col("data_year") == DATA_YEAR, "has_participated")
        .join(counts, on="agency_id", how="left")
        .select(
            "population_group_code",
            incident_id="agency_id",
            value=_step(pl.col("incidents").fill_null(0), COUNT_STEPS),
        )
    )
    return {str(key[0]): rows for key, rows in agencies.group_by("population_group_code")}


def distance(one: pl.Series, other: pl.Series) -> tuple[float, str]:
    """Total-variation distance of two samples, and the value whose shares differ most."""
    shares = (
        _shares(one)
        .join(_shares(other), on="value", how="full", coalesce=True)
        .select("value", difference=pl.col("share").fill_null(0) - pl.col("share_right").fill_null(0))
    )
    most = shares.sort(pl.col("difference").abs(), descending=True).row(0, named=True)
    return float(shares["difference"].abs().sum()) / 2, f"{most['value']} {most['difference']:+.3f}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=20, help="synthetic nations beside that of 2013")
    parser.add_argument("--scale", type=float, default=1.0, help="of those nations")
    arguments = parser.parse_args()
    if RETURN_A.is_file():
        compare_with_2013(arguments.seeds, arguments.scale)
    else:
        print(f"Left out: there is no {RETURN_A}; NIBRS_SHARED_DATA names the folder of public/RETURNA2013.zip.")
    compare_with_vermont()


def compare_with_vermont() -> None:
    """Print the distances of the distributions of incidents from those of Vermont 2024."""
    if not VERMONT.is_file():
        print(f"Left out: there is no {VERMONT}; NIBRS_SHARED_DATA names the folder that holds cde/VT-2024.zip.")
        return
    synthetic, vermont = ingested(SyntheticSource(SCALE)), ingested(CdeSource((VERMONT,)))
    print(f"{'':<28} {'distance':>8} {'halves':>8} {'n Vermont':>10}   differs most (synthetic less Vermont)")
    for (name, made), (_, real) in zip(comparisons(synthetic), comparisons(vermont), strict=True):
        _report(name, made, real)
    made_agencies, real_agencies = agencies_by_size(synthetic), agencies_by_size(vermont)
    for group in sorted(real_agencies):
        if group in made_agencies and real_agencies[group].height >= LEAST_AGENCIES:
            _report(f"incidents/agency, group {group}", made_agencies[group], real_agencies[group])


def _report(name: str, made: pl.DataFrame, real: pl.DataFrame) -> None:
    if made.is_empty() or real.is_empty():
        print(f"{name:<28} no rows")
        return
    is_odd = real["incident_id"].hash(seed=0) % 2 == 1
    apart, most = distance(made["value"], real["value"])
    by_chance, _ = distance(real.filter(is_odd)["value"], real.filter(~is_odd)["value"])
    print(f"{name:<28} {apart:8.3f} {by_chance:8.3f} {real.height:10,}   {most}")


def _shares(values: pl.Series) -> pl.DataFrame:
    return values.cast(pl.String).rename("value").value_counts(normalize=True, name="share")


def _values(rows: pl.DataFrame, value: Any) -> pl.DataFrame:
    expression = pl.col(value) if isinstance(value, str) else value
    return rows.select("incident_id", value=expression).drop_nulls("value")


def _step(value: pl.Expr, starts: tuple[int, ...]) -> pl.Expr:
    """The step in which a number lies, named by its start: text, or null where there is no number."""
    label = pl.lit(None, pl.String)
    for start in starts:
        label = pl.when(value >= start).then(pl.lit(f"{start}+")).otherwise(label)
    return label


def _counts(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.group_by("incident_id").len("value")


def _of_offense(rows: pl.DataFrame, offense: pl.DataFrame) -> pl.DataFrame:
    return rows.join(offense.select("offense_id", "offense_code", "incident_id"), on="offense_id")


def _traits(name: str, people: pl.DataFrame) -> Iterator[Comparison]:
    """Sex, age and race of those for whom they are known."""
    yield f"sex, {name}", _values(people.filter(pl.col("sex_code") != "U"), "sex_code")
    yield f"age, {name}", _values(people, _step(pl.col("age_years"), AGE_STEPS))
    yield f"race, {name}", _values(people.filter(pl.col("race_code") != "U"), "race_code")


if __name__ == "__main__":
    main()
