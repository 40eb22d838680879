"""The agencies of five years, their months, their offenses by month, their summary reports and their counties.

The database counts and joins; only rows that the datasets need are transferred.
Source: handbook 01 and 02.
"""

from __future__ import annotations

import logging
from pathlib import Path

import polars as pl

from nibrs_estimation.model import agency
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.geography import AGENCY_COUNTY
from nibrs_estimation.model.return_a import with_totals
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.sources.hierarchy import hierarchy
from nibrs_estimation.sources.ucr_prd.segments import clean_text

_log = logging.getLogger(__name__)

#: Values that mean that there is no area.
_NO_AREA = ("NON-MSA", "NOT SPECIFIED", "NOT AVAILABLE")
_OTHER_STATE, _OTHER_STATE_NAME, _OTHER_REGION, _UNKNOWN_TYPE = "OT", "Other", 99, "Unknown"
_FLAGS = (
    "is_covered",
    "is_direct_contributor",
    "is_publishable",
    "is_suburban",
    "is_most_in_population",
    "is_nibrs",
)
_OFFICERS = ("male_officers", "male_civilians", "female_officers", "female_civilians")
_DROP_MONTHS = "drop_nibrs_months"
#: Offenses of the Return A whose names differ in its lines (handbook 02).
_MAPPED_OFFENSE = {"aggravated assault": "Assault", "simple assault": "Assault"}
_LARCENY = 20

#: The tables and columns that these queries read.
USED_COLUMNS: dict[str, tuple[str, ...]] = {
    "ref_agency": (
        "agency_id", "ori", "legacy_ori", "agency_type_id", "ucr_agency_name", "ncic_agency_name", "pub_agency_name",
        "pub_agency_unit", "state_id", "field_office_id", "judicial_district_code", "submitting_agency_id",
        "nibrs_start_date", "nibrs_leoka_start_date", "nibrs_ct_start_date", "nibrs_multi_bias_start_date",
        "nibrs_off_eth_start_date",
    ),
    "ref_agency_yearly": (
        "agency_id", "data_year", "agency_status", "is_nibrs", "is_direct_contributor", "is_covered", "is_publishable",
        "is_suburban_area", "is_mip", "population", "population_group_id",
    ),
    "ref_agency_status": ("agency_id", "data_year"),
    "ref_agency_month_covered": ("agency_id", "data_year", "covered_by_agency_id"),
    "ref_agency_type": ("agency_type_id", "name"),
    "ref_state": ("state_id", "division_id", "name", "abbr", "fips_code"),
    "ref_division": ("division_id", "region_id"),
    "ref_region": ("region_id", "code"),
    "ref_population_group": ("population_group_id", "code", "description"),
    "ref_submitting_agency": ("agency_id", "agency_name", "sai", "nibrs_cert_date"),
    "ref_field_office": ("field_office_id", "numeric_code"),
    "ref_agency_county": ("agency_id", "data_year", "county_id", "metro_div_id", "is_core_city", "population"),
    "ref_county": ("county_id", "state_id", "name", "fips_code"),
    "ref_metro_division": ("metro_div_id", "msa_id", "name", "is_parent_msa"),
    "ref_msa": ("msa_id", "name"),
    "form_month": ("form_month_id", "agency_id", "data_year", "data_month", "form_code", "is_zero_report"),
    "pe_employee_data": ("form_month_id", "male_officer", "male_civilian", "female_officer", "female_civilian"),
    "sum_month_offense": ("form_month_id", "breakdown_id", "form_code", "actual_count"),
    "lkup_srs_offense": ("breakdown_id", "offense_name", "breakdown_name"),
    "lkup_nibrs_offense": ("offense_code", "crime_against", "offense_group"),
    "nibrs_incident": ("incident_id", "agency_id", "incident_date"),
    "nibrs_offense": ("incident_id", "offense_code"),
}  # fmt: skip
#: This table is read if it exists; otherwise handbook 02 defines which agencies are in a metropolitan area.
OPTIONAL_TABLE = "est_12mc_reta_counts"
OPTIONAL_TABLE_COLUMNS = ("data_year", "agency_id", "in_msa")


def queries(schema: str, year: int, has_msa_table: bool) -> dict[str, str]:
    """The queries by name."""
    first = year - agency.HISTORY_YEARS + 1
    years = f"data_year BETWEEN {first} AND {year}"
    ranks = ", ".join(f"('{code}', {rank})" for code, rank in hierarchy().items())
    texts = {
        "agencies": f"""
            SELECT y.agency_id, y.data_year, a.ori, a.legacy_ori, a.ucr_agency_name AS agency_name,
                a.ncic_agency_name, a.pub_agency_name AS published_agency_name,
                a.pub_agency_unit AS published_agency_unit, t.name AS agency_type_name, y.agency_status,
                y.is_covered, y.is_direct_contributor, y.is_publishable, y.is_suburban_area AS is_suburban,
                y.is_mip AS is_most_in_population, s.abbr AS state_abbr, s.name AS state_name, r.code AS region_code,
                y.population, g.code AS population_group_code, g.description AS population_group_desc,
                a.submitting_agency_id, p.sai AS submitting_agency_sai, p.agency_name AS submitting_agency_name,
                p.nibrs_cert_date AS nibrs_certification_date, y.is_nibrs, a.nibrs_start_date,
                a.nibrs_leoka_start_date, a.nibrs_ct_start_date AS nibrs_cargo_theft_start_date,
                a.nibrs_multi_bias_start_date, a.nibrs_off_eth_start_date AS nibrs_offender_ethnicity_start_date,
                a.judicial_district_code, o.numeric_code::text AS field_office_code
            FROM {{s}}.ref_agency_yearly y JOIN {{s}}.ref_agency a ON a.agency_id = y.agency_id
            LEFT JOIN {{s}}.ref_agency_type t ON t.agency_type_id = a.agency_type_id
            LEFT JOIN {{s}}.ref_state s ON s.state_id = a.state_id
            LEFT JOIN {{s}}.ref_division d ON d.division_id = s.division_id
            LEFT JOIN {{s}}.ref_region r ON r.region_id = d.region_id
            LEFT JOIN {{s}}.ref_population_group g ON g.population_group_id = y.population_group_id
            LEFT JOIN {{s}}.ref_submitting_agency p ON p.agency_id = a.submitting_agency_id
            LEFT JOIN {{s}}.ref_field_office o ON o.field_office_id = a.field_office_id
            WHERE y.{years}""",
        # Several covering agencies or reports must give one row.
        "covered": f"""
            SELECT c.agency_id, c.data_year, string_agg(DISTINCT trim(a.legacy_ori), ';') AS covered_by_ori
            FROM {{s}}.ref_agency_month_covered c JOIN {{s}}.ref_agency a ON a.agency_id = c.covered_by_agency_id
            WHERE c.{years} GROUP BY 1, 2""",
        "officers": f"""
            SELECT DISTINCT ON (f.agency_id, f.data_year) f.agency_id, f.data_year, e.male_officer AS male_officers,
                e.male_civilian AS male_civilians, e.female_officer AS female_officers,
                e.female_civilian AS female_civilians
            FROM {{s}}.form_month f JOIN {{s}}.pe_employee_data e ON e.form_month_id = f.form_month_id
            WHERE f.form_code = 'P' AND f.{years}
            ORDER BY f.agency_id, f.data_year, f.data_month DESC NULLS LAST, f.form_month_id DESC""",
        # If one form of a month has incidents and another none, FALSE (incidents) has precedence over TRUE.
        "months": f"""
            SELECT f.agency_id, f.data_year, f.data_month AS month, f.form_code,
                CASE bool_and(f.is_zero_report) WHEN FALSE THEN 'I' WHEN TRUE THEN 'Z' ELSE 'U' END AS status
            FROM {{s}}.form_month f
            WHERE f.form_code IN ('N', 'R') AND f.data_month BETWEEN 1 AND 12 AND f.{years} GROUP BY 1, 2, 3, 4""",
        # Summaries count the offenses of the lowest rank of an incident, and those without a rank.
        "offenses": f"""
            SELECT agency_id, data_year, month, offense_code, count(*) AS n,
                count(*) FILTER (WHERE rank IS NULL OR rank = first_rank) AS n_summary
            FROM (
                SELECT i.agency_id, y.data_year, extract(month FROM i.incident_date)::smallint AS month,
                    coalesce(nullif(trim(o.offense_code), ''), 'none') AS offense_code, h.rank,
                    min(h.rank) OVER (PARTITION BY i.incident_id) AS first_rank
                FROM {{s}}.nibrs_incident i
                JOIN {{s}}.ref_agency_yearly y ON y.agency_id = i.agency_id AND y.is_nibrs
                    AND y.data_year = extract(year FROM i.incident_date)::smallint
                LEFT JOIN {{s}}.nibrs_offense o ON o.incident_id = i.incident_id
                LEFT JOIN (VALUES {ranks}) h(offense_code, rank) ON h.offense_code = trim(o.offense_code)
                WHERE i.incident_date >= DATE '{first:04}-01-01' AND i.incident_date < DATE '{year + 1:04}-01-01'
                    AND EXISTS (SELECT FROM {{s}}.ref_agency_status s
                                WHERE s.agency_id = y.agency_id AND s.data_year = y.data_year)
            ) o
            GROUP BY 1, 2, 3, 4""",
        "summaries": f"""
            SELECT f.agency_id, f.data_year, f.data_month AS month, m.breakdown_id, sum(m.actual_count) AS n
            FROM {{s}}.sum_month_offense m JOIN {{s}}.form_month f ON f.form_month_id = m.form_month_id
            WHERE m.form_code = 'R' AND f.form_code = 'R' AND f.data_month BETWEEN 1 AND 12 AND f.{years}
            GROUP BY 1, 2, 3, 4""",
        "lines": "SELECT breakdown_id, offense_name, breakdown_name FROM {s}.lkup_srs_offense",
        "offense_codes": "SELECT offense_code, crime_against, offense_group FROM {s}.lkup_nibrs_offense ORDER BY 1",
        "counties": f"""
            SELECT k.agency_id, k.data_year, s.fips_code::text AS state_fips, c.fips_code::text AS county_fips,
                c.name AS county_name, m.name AS msa_name, d.name AS metro_division_name, d.is_parent_msa,
                k.is_core_city, k.population
            FROM {{s}}.ref_agency_county k LEFT JOIN {{s}}.ref_county c ON c.county_id = k.county_id
            LEFT JOIN {{s}}.ref_state s ON s.state_id = c.state_id
            LEFT JOIN {{s}}.ref_metro_division d ON d.metro_div_id = k.metro_div_id
            LEFT JOIN {{s}}.ref_msa m ON m.msa_id = d.msa_id
            WHERE k.{years}""",
        "status": f"SELECT DISTINCT agency_id FROM {{s}}.ref_agency_status WHERE data_year = {year}",
        "scope_mark": "SELECT obj_description('{s}'::regnamespace, 'pg_namespace') AS comment",
    }
    if has_msa_table:
        texts["in_msa"] = f"""
            SELECT agency_id, data_year, bool_or(in_msa) AS is_in_msa
            FROM {{s}}.{OPTIONAL_TABLE} WHERE {years} GROUP BY 1, 2"""
    quoted = f'"{schema}"'
    return {name: text.replace("{s}", quoted) for name, text in texts.items()}


def reference_datasets(found: dict[str, pl.DataFrame], year: int, scope: str) -> dict[str, pl.DataFrame]:
    """Datasets ``agency``, ``report_month``, ``agency_month_offense``, ``srs_month`` and ``agency_county``.

    Args:
        found: results of the queries by name.
        year: data year.
        scope: ``universe_scope`` of the agencies, ``all`` or ``synthetic``.
    """
    found = {name: _trimmed(frame) for name, frame in found.items()}
    counties = _with_areas(found["counties"])
    agencies = _agencies(found, counties, scope)
    keys = agencies.select("agency_id", "data_year", "ori")
    months = _months(found["months"], agencies)
    return {
        agency.AGENCY.name: _completed(_with_participation(agencies, months), agency.AGENCY),
        agency.REPORT_MONTH.name: _completed(
            months.with_columns(status_source=pl.lit("reported")), agency.REPORT_MONTH
        ),
        agency.AGENCY_MONTH_OFFENSE.name: _completed(
            found["offenses"].join(keys, on=["agency_id", "data_year"]), agency.AGENCY_MONTH_OFFENSE
        ),
        agency.SRS_MONTH.name: _summaries(found["summaries"], found["lines"], keys),
        AGENCY_COUNTY.name: _county_shares(counties, keys),
    }


def overrides() -> pl.DataFrame:
    """Agencies whose figures of a year are known to be wrong: ``data_year``, ``agency_id``, ``action``.

    Raises:
        PipelineError: the file contains an unknown action.
    """
    path = Path(__file__).parent / "overrides.csv"
    rows = pl.read_csv(path, schema={"data_year": pl.Int16(), "agency_id": pl.Int32(), "action": pl.String()})
    if (unknown := rows.filter(pl.col("action") != _DROP_MONTHS)).height:
        raise PipelineError(f"{path}: unknown action {unknown['action'][0]!r}. Use {_DROP_MONTHS}.")
    return rows


def return_a_items(lines: pl.DataFrame) -> pl.DataFrame:
    """The item of the Return A that each line of the database counts: ``breakdown_id``, ``item_code``.

    Lines are identified by name: the breakdown alone, or offense and breakdown. Totals are read, too, because some
    states send them without details; lines of other forms are left out.
    """
    items = code_list("srs_item").select(
        pl.col("code").cast(pl.Int8).alias("item_code"), label=_letters(pl.col("source_label"))
    )
    items = items.filter(pl.col("item_code") != _LARCENY)
    offense = pl.col("offense_name").fill_null("")
    mapped = offense.str.to_lowercase().replace_strict(_MAPPED_OFFENSE, default=offense)
    breakdown = pl.col("breakdown_name").fill_null("")
    named = lines.select(
        "breakdown_id",
        alone=_letters(breakdown),
        joined=_letters(pl.concat_str(mapped, breakdown, separator=" ")),
        is_larceny=_letters(offense).is_in(["larceny", "larcenytheft", "totallarceny"]),
    )
    by_name = [
        named.join(items, left_on=name, right_on="label").select("breakdown_id", "item_code")
        for name in ("alone", "joined")
    ]
    larceny = named.filter("is_larceny").select("breakdown_id", item_code=pl.lit(_LARCENY, pl.Int8))
    return pl.concat([*by_name, larceny]).unique("breakdown_id", keep="first", maintain_order=True)


def _trimmed(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(clean_text(name) for name, dtype in frame.schema.items() if dtype == pl.String)


def _completed(frame: pl.DataFrame, dataset: Dataset) -> pl.DataFrame:
    return frame.select(pl.col(column.name).cast(column.dtype) for column in dataset.columns).sort(dataset.primary_key)


def _agencies(found: dict[str, pl.DataFrame], counties: pl.DataFrame, scope: str) -> pl.DataFrame:
    """Dataset ``agency`` without the participation columns."""
    key = ["agency_id", "data_year"]
    rows = found["agencies"]
    for column, meaning in {
        "state_abbr": "state: they are counted in OT, other",
        "agency_type_name": "type: it is unknown",
        "submitting_agency_name": "submitting state program",
        "population": "population: 0 is used",
        "agency_status": "status: they count as active",
        "ori": "ORI: they are left out",
    }.items():
        if number := rows.filter(pl.col(column).is_null())["agency_id"].n_unique():
            # Inner joins would have dropped them without a message.
            _log.warning("%d agencies have no %s", number, meaning)
    listed = [
        pl.col(name).drop_nulls().unique().sort().str.join(";").replace("", None)
        for name in ("county_name", "msa_name", "metro_division_name")
    ]
    places = counties.group_by(key).agg(*listed, is_in_county_msa=pl.col("msa_name").is_not_null().any())
    in_msa = found.get("in_msa", pl.DataFrame(schema={name: rows.schema[name] for name in key}))
    in_msa = in_msa if "is_in_msa" in in_msa.columns else in_msa.with_columns(is_in_msa=pl.lit(None, pl.Boolean))
    covered = found["covered"].with_columns(pl.col("covered_by_ori").str.split(";").list.sort().list.join(";"))
    # Without the FBI's table, this follows from the counties or the population group of metropolitan counties.
    is_msa_county = pl.col("population_group_code").str.starts_with("9").fill_null(False)
    return (
        rows.filter(pl.col("ori").is_not_null())
        .join(places, on=key, how="left")
        .join(in_msa, on=key, how="left")
        .join(covered, on=key, how="left")
        .join(found["officers"], on=key, how="left")
        .with_columns(
            pl.col(_FLAGS).fill_null(False),
            pl.col("agency_type_name").fill_null(_UNKNOWN_TYPE),
            pl.col("agency_status").fill_null("A"),
            pl.col("population").fill_null(0),
            pl.col("state_abbr").fill_null(_OTHER_STATE),
            pl.col("state_name").fill_null(_OTHER_STATE_NAME),
            pl.col("region_code").fill_null(_OTHER_REGION),
            is_dormant=(pl.col("agency_status") == "D").fill_null(False),
            is_in_msa=pl.coalesce("is_in_msa", pl.col("is_in_county_msa").fill_null(False) | is_msa_county),
            has_police_employees=(pl.col("male_officers").fill_null(0) + pl.col("female_officers").fill_null(0)) > 0,
            universe_scope=pl.lit(scope),
        )
    )


def _months(months: pl.DataFrame, agencies: pl.DataFrame) -> pl.DataFrame:
    """The reported months, without those that are excluded by overrides or before the start of NIBRS."""
    starts = agencies.select("agency_id", "data_year", "ori", "nibrs_start_date")
    located = months.join(starts, on=["agency_id", "data_year"])
    is_incidents = pl.col("form_code") == "N"
    start = pl.col("nibrs_start_date")
    # Months before the start are not reported (handbook 02).
    is_early = is_incidents & (
        pl.col("data_year").cast(pl.Int32) * 100 + pl.col("month") < start.dt.year() * 100 + start.dt.month()
    ).fill_null(False)
    dropped = overrides().filter(pl.col("action") == _DROP_MONTHS).select("data_year", "agency_id", is_wrong=True)
    marked = located.join(dropped, on=["data_year", "agency_id"], how="left").with_columns(
        is_wrong=is_incidents & pl.col("is_wrong").fill_null(False), is_early=is_early
    )
    if number := marked["is_early"].sum():
        _log.info("%d months before the start of an agency's incident-based reporting are not reported", number)
    if number := marked["is_wrong"].sum():
        _log.warning("%d months are left out as overrides.csv says", number)
    return marked.filter(~pl.col("is_early") & ~pl.col("is_wrong"))


def _with_participation(agencies: pl.DataFrame, months: pl.DataFrame) -> pl.DataFrame:
    is_incidents = pl.col("form_code") == "N"
    # A known start is required.
    counts = is_incidents & pl.col("nibrs_start_date").is_not_null()
    by_agency = months.group_by("agency_id", "data_year").agg(
        has_participated=(counts | (pl.col("form_code") == "R")).any(), sent_incidents=counts.any()
    )
    return agencies.join(by_agency, on=["agency_id", "data_year"], how="left").with_columns(
        pl.col("has_participated").fill_null(False),
        has_participated_nibrs=~pl.col("is_covered") & pl.col("sent_incidents").fill_null(False),
    )


def _with_areas(counties: pl.DataFrame) -> pl.DataFrame:
    """Counties with five-digit codes, without rows that are no county and without names that mean "none"."""
    named = {
        name: pl.when(~pl.col(name).str.to_uppercase().is_in(_NO_AREA)).then(pl.col(name))
        for name in ("msa_name", "metro_division_name")
    }
    number = pl.col("county_fips").cast(pl.Int32, strict=False)
    return (
        counties.with_columns(**named, number=number)
        .filter(pl.col("number") > 0)
        .with_columns(
            # The row of the whole area has no division.
            metro_division_name=pl.when(~pl.col("is_parent_msa").fill_null(False)).then("metro_division_name"),
            county_fips=pl.col("state_fips").str.zfill(2) + pl.col("number").cast(pl.String).str.zfill(3),
        )
        .filter(pl.col("county_fips").is_not_null())
    )


def _county_shares(counties: pl.DataFrame, keys: pl.DataFrame) -> pl.DataFrame:
    """Dataset ``agency_county``; an agency without residents has equal shares."""
    population = pl.col("population").sum()
    pieces = (
        counties.with_columns(pl.col("population").fill_null(0))
        .join(keys, on=["agency_id", "data_year"])
        .sort("data_year", "ori", "county_fips", "population", descending=[False, False, False, True])
        .group_by("data_year", "ori", "county_fips", maintain_order=True)
        .agg(
            pl.col("county_name", "msa_name", "metro_division_name", "is_core_city").first(),
            population.alias("population"),
        )
    )
    total = population.over("data_year", "ori")
    share = pl.when(total > 0).then(pl.col("population") / total).otherwise(1 / pl.len().over("data_year", "ori"))
    # Districts and offices of counties are in no table, only in external files.
    return _completed(
        pieces.with_columns(
            population_share=share,
            judicial_district_name=pl.lit(None, pl.String),
            field_office_name=pl.lit(None, pl.String),
        ),
        AGENCY_COUNTY,
    )


def _summaries(summaries: pl.DataFrame, lines: pl.DataFrame, keys: pl.DataFrame) -> pl.DataFrame:
    """Dataset ``srs_month``: the lines as items, with missing totals added; items with count 0 are left out."""
    items = return_a_items(lines)
    counted = summaries.filter(pl.col("n") != 0)["breakdown_id"].unique()
    unknown = lines.filter(
        pl.col("breakdown_id").is_in(counted.implode()) & ~pl.col("breakdown_id").is_in(items["breakdown_id"].implode())
    )
    if unknown.height:
        _log.warning(
            "%d lines of lkup_srs_offense have counts but are no items of the Return A; they are left out: %s",
            unknown.height,
            ", ".join(f"{offense} / {name}" for _, offense, name in unknown.sort("breakdown_id").rows()),
        )
    details = (
        summaries.join(
            items.with_columns(pl.col("breakdown_id").cast(summaries.schema["breakdown_id"])), on="breakdown_id"
        )
        .join(keys, on=["agency_id", "data_year"])
        .group_by("agency_id", "data_year", "month", "item_code")
        .agg(pl.col("n").sum().cast(pl.Int32))
        .filter(pl.col("n") != 0)
    )
    return _completed(with_totals(details), agency.SRS_MONTH)


def _letters(text: pl.Expr) -> pl.Expr:
    return text.str.to_lowercase().str.replace_all(r"[^a-z]", "")
