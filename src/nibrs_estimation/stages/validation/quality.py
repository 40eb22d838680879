"""Quality checks of a run: numbers against limits, and the stop of a run that fails one (handbook: quality checks)."""

from __future__ import annotations

import logging
from typing import Literal

import polars as pl

from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.quality import FEW_AGENCIES, NATION, QUALITY_CHECK
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.files import write_json
from nibrs_estimation.pipeline.task import DocumentWriter

_log = logging.getLogger(__name__)

#: Agencies with a larger difference of population are listed and counted (the reference's limit).
LISTED_DIFFERENCE = 0.1
_FEW = f"the place has {FEW_AGENCIES} agencies or fewer, or no population or crimes"
_REPORTING_ONLY = "the source lists only agencies that reported"
_NO_SUMMARIES = "the source has no summary reports"
_NO_NIBRS = "no agency reports incidents"
_NO_COUNTIES = "there is no population by county"
_NO_CENSUS = "there is no population of the Census Bureau"
_NO_PREVIOUS = "the source has no agencies of the year before"


def check_quality(
    agency: pl.LazyFrame,
    state_coverage: pl.LazyFrame,
    summary_comparison: pl.LazyFrame,
    reporter_type: pl.LazyFrame,
    population_comparison: pl.LazyFrame,
    year: int,
) -> pl.DataFrame:
    """Compare what the tables of this stage say with the limits of code list ``quality_check``.

    A number that the source cannot tell is missing, with the reason; it neither passes nor fails.
    """
    current = agency.filter(pl.col("data_year") == year).collect()
    is_whole = not (current["universe_scope"] == "reporting").any()
    observed = pl.concat(
        [
            _of_agencies(current),
            _of_coverage(state_coverage.collect(), is_whole=is_whole),
            _of_summaries(summary_comparison.collect()),
            _of_reporters(reporter_type.collect()),
            _of_populations(population_comparison.collect(), is_whole=is_whole),
        ],
        how="vertical_relaxed",
    )
    checks = code_list("quality_check").select(
        "severity",
        "comparison",
        "unit",
        "if_failed",
        check="code",
        description="label",
        threshold=pl.col("threshold").cast(pl.Float64),
    )
    is_low = pl.col("comparison") == "<="
    found = (
        observed.join(checks, on="check", how="left")
        .with_columns(
            is_passed=pl.when(is_low)
            .then(pl.col("observed") <= pl.col("threshold"))
            .otherwise(pl.col("observed") >= pl.col("threshold")),
            not_judged=pl.when(pl.col("observed").is_null()).then("not_judged"),
        )
        .sort(QUALITY_CHECK.primary_key)
    )
    return QUALITY_CHECK.cast(found)


def require_quality(quality_check: pl.LazyFrame, quality_rule: Literal["report", "stop"]) -> dict[str, DocumentWriter]:
    """Say whether all hard checks passed; with rule ``stop``, fail if one did not.

    Raises:
        PipelineError: the rule is ``stop`` and a hard check failed; names each with observed number and limit.
    """
    failed = quality_check.filter(~pl.col("is_passed")).collect()
    hard, soft = failed.filter(pl.col("severity") == "hard"), failed.filter(pl.col("severity") == "soft")
    for row in failed.iter_rows(named=True):
        _log.warning("%s check failed: %s. %s", row["severity"], _sentence(row), row["if_failed"])
    if quality_rule == "stop" and hard.height:
        faults = " ".join(f"{_sentence(row)}: {row['if_failed']}" for row in hard.iter_rows(named=True))
        raise PipelineError(
            f"{hard.height} of the hard quality checks failed. {faults} Everything else is computed and kept; "
            "validation_quality.html shows all checks. Correct the input and run the same command again, or accept the "
            "failure with NIBRS_QUALITY_RULE=report."
        )
    verdict = {"quality_rule": quality_rule, "hard_failed": hard.height, "soft_failed": soft.height}
    return {"quality_verdict.json": lambda path: write_json(path, verdict)}


def written(number: float, unit: str) -> str:
    """A number as people read it: 3, or 12.5 %."""
    return f"{number:,.0f}" if unit == "number" else f"{number:.1%}".replace("%", " %")


def limit_words(comparison: str) -> str:
    """A comparison in words."""
    return "at most" if comparison == "<=" else "at least"


def _sentence(row: dict[str, object]) -> str:
    unit = str(row["unit"])
    observed, threshold = (written(float(str(row[name])), unit) for name in ("observed", "threshold"))
    limit = f"{limit_words(str(row['comparison']))} {threshold}"
    return f"{row['check']} of {row['subject']} is {observed}, but must be {limit}"


def _rows(check: str, subjects: pl.Series, observed: pl.Series, not_judged: str = "") -> pl.DataFrame:
    """Rows of one check; ``not_judged`` is the reason of missing numbers."""
    return pl.DataFrame({"subject": subjects, "observed": observed.cast(pl.Float64)}).select(
        pl.lit(check).alias("check"), "subject", "observed", pl.lit(not_judged or None, pl.String).alias("not_judged")
    )


def _nation(check: str, observed: object, not_judged: str = "") -> pl.DataFrame:
    return _rows(check, pl.Series([NATION]), pl.Series([observed], dtype=pl.Float64, strict=False), not_judged)


def _of_agencies(agency: pl.DataFrame) -> pl.DataFrame:
    repeated = agency.group_by("ori").len().filter(pl.col("len") > 1).height
    unnamed = agency.filter(pl.col("is_covered") & pl.col("covered_by_ori").is_null()).height
    return pl.concat([_nation("unique_ori", repeated), _nation("covered_without_covering", unnamed)])


def _of_coverage(coverage: pl.DataFrame, *, is_whole: bool) -> pl.DataFrame:
    known = coverage if is_whole else coverage.with_columns(population_share=None, crime_share=None)
    nation, states = known.filter(pl.col("place") == NATION), known.filter(pl.col("place") != NATION)
    why = _FEW if is_whole else _REPORTING_ONLY
    return pl.concat(
        [
            _rows("nation_population_coverage", nation["place"], nation["population_share"], why),
            _rows("state_population_coverage", states["place"], states["population_share"], why),
            _rows("state_crime_coverage", states["place"], states["crime_share"], why),
        ]
    )


def _of_summaries(comparison: pl.DataFrame) -> pl.DataFrame:
    is_known = bool((comparison["summary_months"] > 0).any())
    large = comparison.filter("is_large")
    reporters = comparison.filter("is_nibrs")
    lost = large.filter(pl.col("kind") == "no_incident_offenses").height
    no_summary = large.filter(pl.col("kind") == "no_summary_offenses").height
    summary_only = reporters.filter(pl.col("kind").is_in(["no_incidents", "no_incident_offenses"])).height
    return pl.concat(
        [
            _nation("large_agencies_lost", lost if is_known else None, _NO_SUMMARIES),
            _nation("large_agencies_without_summary", no_summary if is_known else None, _NO_SUMMARIES),
            _nation(
                "summary_only_share",
                summary_only / reporters.height if is_known and reporters.height else None,
                _NO_SUMMARIES if reporters.height else _NO_NIBRS,
            ),
        ]
    )


def _of_reporters(types: pl.DataFrame) -> pl.DataFrame:
    reporters = types.filter("is_nibrs")

    def share(kind: str) -> float | None:
        of_kind = reporters.filter(pl.col("reporter_type") == kind).height
        return of_kind / reporters.height if reporters.height else None

    quitters = types.filter(pl.col("is_large") & (pl.col("reporter_type") == "quitter")).height
    return pl.concat(
        [
            _nation("inconsistent_reporters", share("inconsistent"), _NO_NIBRS),
            _nation("silent_reporters", share("non_reporter"), _NO_NIBRS),
            _nation("large_quitters", quitters),
        ]
    )


def _of_populations(comparison: pl.DataFrame, *, is_whole: bool) -> pl.DataFrame:
    agencies = comparison.filter((pl.col("level") == "agency") & pl.col("county_difference").is_not_null())
    differing = agencies.filter(pl.col("county_difference").abs() >= LISTED_DIFFERENCE).height
    parts = [
        _nation("agency_population_difference", differing / agencies.height if agencies.height else None, _NO_COUNTIES)
    ]
    for level in ("nation", "state"):
        places = comparison.filter(pl.col("level") == level)
        for name, column, why in (("census", "census_difference", _NO_CENSUS), ("change", "change", _NO_PREVIOUS)):
            number = places[column].abs()
            parts.append(
                _rows(
                    f"{level}_population_{name}",
                    places["code"],
                    number if is_whole else pl.Series([None] * places.height, dtype=pl.Float64),
                    why if is_whole else _REPORTING_ONLY,
                )
            )
    return pl.concat(parts)
