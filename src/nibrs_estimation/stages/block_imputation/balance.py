"""Numbers of incidents and Group B arrests in the copied months, and checks of consistency (handbook 04)."""

from __future__ import annotations

import polars as pl

from nibrs_estimation.model.blocks import BLOCK_CHECK, BLOCK_COUNT
from nibrs_estimation.model.completeness import COPIED_GROUPS, PART1P, PART1V
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.survey.blocks import own_rows

_KEY = ("state_abbr", "agency_id", "month")


def count_blocks(
    incident: pl.LazyFrame, offense: pl.LazyFrame, arrestee: pl.LazyFrame, removed_month: pl.LazyFrame, year: int
) -> pl.LazyFrame:
    """Count incidents, offenses and Group B arrests by agency and month: all, and those that are not replaced."""
    incidents = incident.filter(pl.col("data_year") == year)
    arrests = arrestee.filter(
        pl.col("is_group_b") & (pl.col("arrest_date").dt.year() == year) & pl.col("agency_id").is_not_null()
    )
    code = pl.col("offense_code")
    groups = {"part1v": code.is_in(PART1V), "part1p": code.is_in(PART1P)}
    groups["otherc"] = ~(groups["part1v"] | groups["part1p"] | (code == "09C"))
    offenses = offense.select("incident_id", "offense_code").join(
        incidents.select("state_abbr", "agency_id", "incident_id", "incident_date"), on="incident_id"
    )
    frames = [
        _by_month(incidents, "incident_date", n_incidents=pl.len()),
        _by_month(own_rows(incidents, removed_month, "incident_date"), "incident_date", n_incidents_kept=pl.len()),
        _by_month(offenses, "incident_date", **{f"n_{group}": is_in.sum() for group, is_in in groups.items()}),
        _by_month(arrests, "arrest_date", n_group_b=pl.len()),
        _by_month(own_rows(arrests, removed_month, "arrest_date"), "arrest_date", n_group_b_kept=pl.len()),
    ]
    numbers = BLOCK_COUNT.schema.names()[len(_KEY) :]
    return pl.concat(frames, how="diagonal").group_by(_KEY).agg(pl.col(numbers).sum().cast(pl.Int32))


def _by_month(rows: pl.LazyFrame, date: str, **numbers: pl.Expr) -> pl.LazyFrame:
    return rows.group_by("state_abbr", "agency_id", month=pl.col(date).dt.month()).agg(**numbers)


def check_blocks(
    agency_month: pl.LazyFrame,
    outlier_month: pl.LazyFrame,
    block_agency: pl.LazyFrame,
    block_month: pl.LazyFrame,
    block_reference: pl.LazyFrame,
    removed_month: pl.LazyFrame,
    block_count: pl.LazyFrame,
    year: int,
) -> pl.DataFrame:
    """Check the copied months, and stop the run if a strict check fails.

    Raises:
        PipelineError: a strict check fails; gives its name and the number of cases.
    """
    agencies, months = block_agency.collect(), block_month.collect()
    references, removed, counts = block_reference.collect(), removed_month.collect(), block_count.collect()
    reported = agency_month.filter((pl.col("data_year") == year) & pl.col("is_reported")).collect()
    colors = outlier_month.filter(pl.col("data_year") == year).collect()
    results = [
        *_agency_checks(agencies, references, reported),
        *_month_checks(agencies, months, references, reported, colors),
        *_count_checks(references, removed, counts, reported),
    ]
    checks = pl.DataFrame(results, schema=BLOCK_CHECK.schema, orient="row")
    failed = checks.filter((pl.col("n_failed") > 0) & "is_strict")
    if failed.height:
        first = failed.row(0, named=True)
        raise PipelineError(
            f"Copied months are inconsistent: {failed.height} checks fail, the first ({first['check']}) in "
            f"{first['n_failed']} of {first['n_checked']} cases. The inputs of block imputation are from different "
            "runs: compute the run again with --force. If it fails again, report this as a defect of the pipeline."
        )
    return checks


_Check = tuple[str, int, int, bool]


def _check(name: str, rows: pl.DataFrame, is_correct: pl.Expr, *, is_strict: bool = True) -> _Check:
    """Count the rows, and the rows for which the expression is not true."""
    return name, rows.height, rows.filter(~is_correct.fill_null(False)).height, is_strict


def _agency_checks(agencies: pl.DataFrame, references: pl.DataFrame, reported: pl.DataFrame) -> list[_Check]:
    given = agencies.filter(pl.col("donor_agency_id").is_not_null())
    shared = ("has_population", "is_covering")
    pairs = given.join(
        agencies.select("part", *shared, "months_missing", "months_low", "months_high", donor_agency_id="agency_id"),
        on="donor_agency_id",
        how="left",
        suffix="_donor",
    )
    by_class = pairs.filter(pl.col("match_rule") == "class")
    copied = references.join(agencies, on="agency_id", how="left", suffix="_chosen")
    complete = reported.group_by("agency_id").len().filter(pl.col("len") == 12)
    donors = references.select(agency_id="donor_agency_id").unique()
    return [
        _check(
            "a recipient is no donor, and its donor is one",
            pairs,
            (pl.col("part") == "recipient") & (pl.col("part_donor") == "donor"),
        ),
        _check(
            "donor and recipient are of one class",
            by_class,
            pl.all_horizontal(pl.col(c) == pl.col(f"{c}_donor") for c in shared),
        ),
        _check("a recipient misses at most nine months", given, pl.col("months_missing") <= 9),
        _check(
            "months come from the agency's own donor",
            copied,
            pl.col("donor_agency_id") == pl.col("donor_agency_id_chosen"),
        ),
        _check(
            "a donor reported all twelve months", donors, pl.col("agency_id").is_in(complete["agency_id"].implode())
        ),
    ]


def _month_checks(
    agencies: pl.DataFrame,
    months: pl.DataFrame,
    references: pl.DataFrame,
    reported: pl.DataFrame,
    colors: pl.DataFrame,
) -> list[_Check]:
    key = ["agency_id", "month"]
    is_reported = reported.select(*key, is_reported=pl.lit(True))
    of_recipients = months.join(
        agencies.filter(pl.col("donor_agency_id").is_not_null()).select("agency_id"), on="agency_id", how="semi"
    ).join(is_reported, on=key, how="left")
    low = references.filter(pl.col("month_flag") == 2).join(colors, on=key, how="left")
    own, donor, completed = ([pl.col(f"{which}_{g}") for g in COPIED_GROUPS] for which in ("own", "donor", "completed"))
    is_correct = [
        pl.when(pl.col("month_flag").is_null()).then(o).otherwise(d).eq_missing(c)
        for o, d, c in zip(own, donor, completed, strict=True)
    ]
    return [
        _check(
            "a month of a recipient is missing where it is flagged 1, and only there",
            of_recipients,
            (pl.col("month_flag") == 1).fill_null(False) == pl.col("is_reported").is_null(),
        ),
        _check("a month flagged 2 is red or orange", low, pl.col("color").is_in(["red", "orange"])),
        _check(
            "a flagged month is the donor's, any other the agency's own",
            months.filter(pl.col("agency_id").is_in(of_recipients["agency_id"].implode())),
            pl.all_horizontal(is_correct),
        ),
    ]


def _count_checks(
    references: pl.DataFrame, removed: pl.DataFrame, counts: pl.DataFrame, reported: pl.DataFrame
) -> list[_Check]:
    key = ["agency_id", "month"]
    joined = counts.join(removed, on=key, how="left")
    replaced = joined.filter(pl.col("reason").is_not_null() & pl.col("kept_from").is_null())
    not_replaced = joined.filter(pl.col("reason").is_null())
    same = [pl.col(f"n_{kind}") == pl.col(f"n_{kind}_kept") for kind in ("incidents", "group_b")]
    history = reported.join(counts, on=key, suffix="_counted", how="left")
    numbers = [pl.col(f"n_{group}") == pl.col(f"n_{group}_counted").fill_null(0) for group in COPIED_GROUPS]
    return [
        _check(
            "no incident is kept in a replaced month",
            replaced,
            (pl.col("n_incidents_kept") == 0) & (pl.col("n_group_b_kept") == 0),
        ),
        _check("every incident of another month is kept", not_replaced, pl.all_horizontal(same)),
        _check(
            "every copied month is marked as replaced",
            references.join(removed, on=key, how="left"),
            pl.col("reason").is_in(["missing", "low"]),
        ),
        _check(
            "offenses by month are those of the incident files", history, pl.all_horizontal(numbers), is_strict=False
        ),
    ]
