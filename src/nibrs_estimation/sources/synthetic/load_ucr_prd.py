"""Fill a `ucr_prd` PostgreSQL database from normalized datasets, such as those of the synthetic nation.

Judicial districts and field offices of counties are lost, because a `ucr_prd` database does not have them. For
attributes of an agency or program that are not by year, the value of the latest year is used.
Source: sources/synthetic/README.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import polars as pl

from nibrs_estimation.model import agency, incident, ucr_prd
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.geography import AGENCY_COUNTY
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.pipeline.ddl import postgresql_table
from nibrs_estimation.pipeline.optional import postgresql_module
from nibrs_estimation.sources.synthetic.former_years import incidents_of_counts
from nibrs_estimation.sources.ucr_prd.layout import SEGMENTS, Segment
from nibrs_estimation.sources.ucr_prd.source import SYNTHETIC_MARK

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql
else:
    sql = postgresql_module("psycopg.sql")

#: Lines of the Return A by item; totals are not written, because they are computed from these.
_LINES = {
    0: 11, 1: 12, 3: 21, 4: 22, 6: 31, 7: 32, 8: 33, 9: 34, 11: 51, 12: 52, 13: 53, 14: 54, 15: 55, 17: 61, 18: 62,
    19: 63, 20: 70, 22: 91, 23: 92, 24: 93, 27: 24, 28: 25,
}  # fmt: skip
_OFFICERS = {
    "male_officer": "male_officers",
    "male_civilian": "male_civilians",
    "female_officer": "female_officers",
    "female_civilian": "female_civilians",
}
#: Form of the months of incidents; a month without a known report has no form.
_INCIDENT_FORM = "N"
#: The month of the yearly report of police employees.
_EMPLOYEE_MONTH = 10
#: Column of a lookup table -> column of its code list, if the names differ.
_LOOKUP_COLUMNS = {
    "name": "label",
    "description": "label",
    "hier_level": "hierarchy_level",
    "category_name": "category",
    "hc_code": "hate_crime_code",
    "used_for_ct": "is_cargo_theft_eligible",
    "used_for_hc": "is_hate_crime_eligible",
    "used_for_shr": "is_used_in_shr",
    "relationship_type_id": "relationship_type_code",
}
_FOREIGN_KEY_TABLES = {table.name for table in ucr_prd.SEGMENT_TABLES}


def load_ucr_prd(
    datasets: Mapping[str, pl.LazyFrame],
    connection: psycopg.Connection[tuple[object, ...]],
    schema: str = "ucr_prd",
) -> None:
    """Create the schema with all tables and fill them, within the transaction of the caller.

    Months and counts of years before the data year (the last year of dataset ``agency``) become reports and incidents
    with only date and offense.

    Args:
        datasets: by name, ``agency``, ``report_month``, ``agency_month_offense`` and the segments of
            :mod:`~nibrs_estimation.model.incident`; ``srs_month`` and ``agency_county`` if available.
        connection: connection of a user who may create the schema.
        schema: name of the schema, which must not exist.
    """
    create_tables(connection, schema)
    frames = {name: frame.collect() for name, frame in datasets.items()}
    for dataset in (agency.SRS_MONTH, AGENCY_COUNTY):
        frames.setdefault(dataset.name, dataset.empty().collect())
    forms = _forms(frames)
    tables = {
        **_lookups(),
        **_places(frames),
        **_agencies(frames),
        ucr_prd.FORM_MONTH.name: forms.rows,
        ucr_prd.PE_EMPLOYEE_DATA.name: _employees(frames[agency.AGENCY.name], forms),
        ucr_prd.SUM_MONTH_OFFENSE.name: _summaries(frames[agency.SRS_MONTH.name], forms),
        ucr_prd.EST_12MC_RETA_COUNTS.name: _msa_marks(frames[agency.AGENCY.name]),
        **_segments(frames, forms),
    }
    history = _history(frames, forms)
    for table in ucr_prd.DATASETS:
        for rows in (tables.get(table.name), history.get(table.name)):
            if rows is not None and rows.height:
                _copy(connection, schema, table, rows)
    _add_foreign_keys(connection, schema)
    connection.execute(sql.SQL("ANALYZE"))


def create_tables(connection: psycopg.Connection[tuple[object, ...]], schema: str) -> None:
    """Create the schema with empty tables, marked as synthetic."""
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    connection.execute(
        sql.SQL("COMMENT ON SCHEMA {} IS {}").format(sql.Identifier(schema), sql.Literal(SYNTHETIC_MARK))
    )
    for table in ucr_prd.DATASETS:
        connection.execute(postgresql_table(table, schema).encode())


def _add_foreign_keys(connection: psycopg.Connection[tuple[object, ...]], schema: str) -> None:
    """Add the segments' references to their parents, so that the importer need not search for orphans."""
    for table in ucr_prd.SEGMENT_TABLES:
        for column in table.columns:
            parent, _, key = column.references.partition(".")
            if parent in _FOREIGN_KEY_TABLES:
                connection.execute(
                    sql.SQL("ALTER TABLE {} ADD FOREIGN KEY ({}) REFERENCES {} ({})").format(
                        sql.Identifier(schema, table.name),
                        sql.Identifier(column.name),
                        sql.Identifier(schema, parent),
                        sql.Identifier(key),
                    )
                )


def _copy(connection: psycopg.Connection[tuple[object, ...]], schema: str, table: Dataset, rows: pl.DataFrame) -> None:
    names = [column.name for column in table.columns if column.name in rows.columns]
    buffer = BytesIO()
    rows.select(names).write_csv(buffer, include_header=False)
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(
        sql.Identifier(schema, table.name), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    with connection.cursor().copy(statement) as copy:
        copy.write(buffer.getbuffer())


@dataclass(frozen=True)
class _Forms:
    """The monthly reports with their numbers."""

    rows: pl.DataFrame

    def numbered(self, frame: pl.DataFrame, form_code: str, year: str, month: str) -> pl.DataFrame:
        """Add the ``form_month_id`` by agency, form, year and month."""
        of_month = self.rows.filter(pl.col("form_code").fill_null(_INCIDENT_FORM) == form_code).select(
            "agency_id",
            pl.col("data_year").cast(frame.schema[year]).alias(year),
            pl.col("data_month").cast(frame.schema[month]).alias(month),
            "form_month_id",
        )
        return frame.join(of_month, on=["agency_id", year, month], how="left", maintain_order="left")


def _forms(frames: dict[str, pl.DataFrame]) -> _Forms:
    months = frames[agency.REPORT_MONTH.name].select(
        "agency_id",
        "data_year",
        data_month=pl.col("month").cast(pl.Int16),
        form_code="form_code",
        is_zero_report=pl.col("status").replace_strict({"I": False, "Z": True, "U": None}, return_dtype=pl.Boolean),
    )
    employees = frames[agency.AGENCY.name].filter(pl.any_horizontal(pl.col(*_OFFICERS.values()).is_not_null()))
    yearly = employees.select(
        "agency_id", "data_year", data_month=pl.lit(_EMPLOYEE_MONTH, pl.Int16), form_code=pl.lit("P")
    )
    # An incident may be in a month without a known report: such a report has no form.
    arrestees = frames[incident.ARRESTEE.name].filter(pl.col("agency_id").is_not_null())
    held = pl.concat(
        each.select("agency_id", data_year="form_year", data_month=pl.col("form_month").cast(pl.Int16)).drop_nulls()
        for each in (frames[incident.INCIDENT.name], arrestees)
    ).unique()
    key = ["agency_id", "data_year", "data_month"]
    unknown = held.join(months.filter(pl.col("form_code") == _INCIDENT_FORM), on=key, how="anti").with_columns(
        form_code=pl.lit(None, pl.String)
    )
    rows = pl.concat([months, yearly, unknown], how="diagonal").sort(*key, "form_code")
    return _Forms(rows.with_columns(form_month_id=pl.int_range(1, pl.len() + 1, dtype=pl.Int64)))


def _employees(agencies: pl.DataFrame, forms: _Forms) -> pl.DataFrame:
    counted = agencies.filter(pl.any_horizontal(pl.col(*_OFFICERS.values()).is_not_null()))
    counted = counted.with_columns(data_month=pl.lit(_EMPLOYEE_MONTH, pl.Int16))
    return forms.numbered(counted, "P", "data_year", "data_month").select("form_month_id", **_OFFICERS)


def _summaries(items: pl.DataFrame, forms: _Forms) -> pl.DataFrame:
    lines = pl.DataFrame(list(_LINES.items()), schema={"item_code": pl.Int8, "breakdown_id": pl.Int16}, orient="row")
    return forms.numbered(items.join(lines, on="item_code"), "R", "data_year", "month").select(
        "form_month_id", "breakdown_id", form_code=pl.lit("R"), actual_count="n"
    )


def _msa_marks(agencies: pl.DataFrame) -> pl.DataFrame:
    marked = agencies.filter(pl.col("is_in_msa").is_not_null())
    return marked.select("data_year", "agency_id", "population", in_msa="is_in_msa", offense_code=pl.lit("NMNH"))


def _lookups() -> dict[str, pl.DataFrame]:
    tables = {table.name: _lookup(table) for table in ucr_prd.LOOKUP_TABLES}
    items = code_list("srs_item").select(pl.col("code").cast(pl.Int8), "source_label")
    labels = dict(items.iter_rows())
    tables[ucr_prd.LKUP_SRS_OFFENSE.name] = pl.DataFrame(
        [
            (line, "Larceny" if item == 20 else labels[item].partition(" - ")[0], labels[item])
            for item, line in _LINES.items()
        ],
        schema={"breakdown_id": pl.Int16, "offense_name": pl.String, "breakdown_name": pl.String},
        orient="row",
    )
    return tables


def _lookup(table: Dataset) -> pl.DataFrame:
    codes = code_list(table.columns[0].code_list)
    columns = {table.primary_key[0]: pl.col("code")}
    for column in table.columns[1:]:
        name = _LOOKUP_COLUMNS.get(column.name, column.name)
        if name in codes.columns:
            columns[column.name] = pl.col(name)
    return codes.select(**columns)


def _places(frames: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Regions, divisions and states, and the counties, areas and metropolitan divisions of the agencies."""
    regions = code_list("region").select(
        region_id=pl.col("code").cast(pl.Int16), code="code", name="label", description="description"
    )
    divisions = code_list("division").select(
        # Division ids are the codes plus one, except for 99.
        division_id=pl.when(pl.col("code") == "99").then(99).otherwise(pl.col("code").cast(pl.Int16) + 1),
        region_id=pl.col("region_code"),
        code="code",
        name="label",
    )
    states = code_list("state").select(
        "state_id",
        division_id=pl.col("division_code").cast(pl.Int16) + 1,
        name="state_name",
        abbr="state_abbr",
        postal_abbr="state_postal_abbr",
        fips_code="state_fips",
    )
    pieces = frames[AGENCY_COUNTY.name]
    areas = pieces.select("msa_name").drop_nulls().unique().sort("msa_name").with_row_index("msa_id", 1)
    return {
        "ref_region": regions,
        "ref_division": divisions,
        "ref_state": states,
        "ref_msa": areas.select("msa_id", name="msa_name"),
        "ref_metro_division": _metro_divisions(pieces).select(
            "metro_div_id",
            "msa_id",
            name=pl.coalesce("metro_division_name", "msa_name"),
            is_parent_msa=pl.col("metro_division_name").is_null(),
        ),
        "ref_county": _counties(pieces).select("county_id", "state_id", name="county_name", fips_code="number"),
        "ref_agency_county": _agency_counties(frames),
    }


def _metro_divisions(pieces: pl.DataFrame) -> pl.DataFrame:
    areas = pieces.select("msa_name").drop_nulls().unique().sort("msa_name").with_row_index("msa_id", 1)
    named = pieces.select("msa_name", "metro_division_name").filter(
        pl.any_horizontal(pl.col("msa_name", "metro_division_name").is_not_null())
    )
    ordered = named.unique().sort("msa_name", "metro_division_name").with_row_index("metro_div_id", 1)
    return ordered.join(areas, on="msa_name", how="left")


def _counties(pieces: pl.DataFrame) -> pl.DataFrame:
    states = code_list("state").select("state_id", "state_fips")
    return (
        pieces.select("county_fips", "county_name")
        .unique("county_fips", keep="first")
        .sort("county_fips")
        .with_row_index("county_id", 1)
        .with_columns(
            state_fips=pl.col("county_fips").str.slice(0, 2),
            number=pl.col("county_fips").str.slice(2).cast(pl.Int16),
        )
        .join(states, on="state_fips", how="left")
    )


def _agency_counties(frames: dict[str, pl.DataFrame]) -> pl.DataFrame:
    pieces, agencies = frames[AGENCY_COUNTY.name], frames[agency.AGENCY.name]
    divisions = _metro_divisions(pieces).select("metro_div_id", "msa_name", "metro_division_name")
    return (
        pieces.join(_counties(pieces).select("county_id", "county_fips"), on="county_fips")
        .join(divisions, on=["msa_name", "metro_division_name"], how="left", nulls_equal=True)
        .join(agencies.select("ori", "data_year", "agency_id"), on=["ori", "data_year"])
        .select(
            "agency_id", "data_year", "county_id", "metro_div_id", "is_core_city", "population", source_flag=pl.lit("C")
        )
    )


def _agencies(frames: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    years = frames[agency.AGENCY.name]
    latest = years.sort("data_year").unique("agency_id", keep="last").sort("agency_id")
    kinds = code_list("agency_type").select(agency_type_id=pl.col("code").cast(pl.Int16), name="label")
    groups = code_list("population_group").select(
        "code",
        population_group_id=pl.col("population_group_id").cast(pl.Int16),
        parent_pop_group_id=pl.col("parent_code").cast(pl.Int16),
        label="label",
    )
    words = years.select(code="population_group_code", description="population_group_desc").drop_nulls("code")
    groups = groups.join(words.unique("code", keep="any"), on="code", how="left")
    parents = code_list("population_group").select(
        parent_pop_group_id=pl.col("parent_code").cast(pl.Int16), code="parent_code", description="parent_label"
    )
    offices = latest.select(numeric_code="field_office_code").drop_nulls().unique().sort("numeric_code")
    offices = offices.with_row_index("field_office_id", 1)
    states = code_list("state").select("state_abbr", "state_id")
    programs = (
        latest.filter(pl.col("submitting_agency_id").is_not_null())
        .group_by("submitting_agency_id")
        .agg(
            pl.col("submitting_agency_name", "submitting_agency_sai").first(),
            pl.col("nibrs_certification_date").max(),
        )
    )
    return {
        "ref_agency_type": kinds,
        "ref_parent_population_group": parents.unique("parent_pop_group_id").sort("parent_pop_group_id"),
        "ref_population_group": groups.with_columns(sort_order="population_group_id"),
        "ref_field_office": offices,
        "ref_submitting_agency": programs.select(
            agency_id="submitting_agency_id",
            agency_name="submitting_agency_name",
            sai="submitting_agency_sai",
            nibrs_cert_date="nibrs_certification_date",
        ),
        "ref_agency": latest.join(states, on="state_abbr", how="left")
        .join(kinds, left_on="agency_type_name", right_on="name", how="left")
        .join(offices, left_on="field_office_code", right_on="numeric_code", how="left")
        .rename(
            {
                "agency_name": "ucr_agency_name",
                "published_agency_name": "pub_agency_name",
                "published_agency_unit": "pub_agency_unit",
                "nibrs_cargo_theft_start_date": "nibrs_ct_start_date",
                "nibrs_offender_ethnicity_start_date": "nibrs_off_eth_start_date",
            }
        ),
        "ref_agency_yearly": years.join(groups, left_on="population_group_code", right_on="code", how="left").rename(
            {"is_suburban": "is_suburban_area", "is_most_in_population": "is_mip"}
        ),
        "ref_agency_status": years,
        "ref_agency_month_covered": _covered_months(years),
        "ref_agency_covered_by": years.filter(pl.col("covered_by_ori").is_not_null()),
    }


def _covered_months(years: pl.DataFrame) -> pl.DataFrame:
    covering = years.select("data_year", legacy_ori=pl.coalesce("legacy_ori", "ori"), covered_by_agency_id="agency_id")
    return (
        years.filter(pl.col("covered_by_ori").is_not_null())
        .select("agency_id", "data_year", legacy_ori=pl.col("covered_by_ori").str.split(";"))
        .explode("legacy_ori")
        .join(covering, on=["data_year", "legacy_ori"])
        .join(pl.DataFrame({"data_month": range(1, 13)}), how="cross")
    )


def _segments(frames: dict[str, pl.DataFrame], forms: _Forms) -> dict[str, pl.DataFrame]:
    return {segment.table.name: _segment_rows(segment, frames[segment.dataset.name], forms) for segment in SEGMENTS}


def _segment_rows(segment: Segment, frame: pl.DataFrame, forms: _Forms) -> pl.DataFrame:
    """The rows of a table; the inverse of what the importer reads."""
    for name, value in segment.constants.items():
        frame = frame.filter(pl.col(name) == value)
    own = {text.removeprefix("c."): pl.col(name) for name, text in segment.expressions.items() if text.startswith("c.")}
    if segment.table in (ucr_prd.NIBRS_INCIDENT, ucr_prd.NIBRS_GROUPB_ARRESTEE):
        frame = forms.numbered(frame, _INCIDENT_FORM, "form_year", "form_month")
        own["form_month_id"] = pl.col("form_month_id")
    return frame.select(**own)


def _history(frames: dict[str, pl.DataFrame], forms: _Forms) -> dict[str, pl.DataFrame]:
    """Incidents of earlier years with only date and offenses."""
    counts = frames[agency.AGENCY_MONTH_OFFENSE.name]
    year = frames[agency.AGENCY.name]["data_year"].max()
    incidents, offenses = incidents_of_counts(
        counts.filter(pl.col("data_year") != year), first_id=_next_id(frames[incident.INCIDENT.name]["incident_id"])
    )
    numbered = forms.numbered(incidents, _INCIDENT_FORM, "data_year", "month")
    first_offense = _next_id(frames[incident.OFFENSE.name]["offense_id"])
    return {
        ucr_prd.NIBRS_INCIDENT.name: numbered.with_columns(is_reported_date=pl.lit(False)),
        ucr_prd.NIBRS_OFFENSE.name: offenses.with_columns(
            offense_id=first_offense + pl.int_range(pl.len(), dtype=pl.Int64)
        ),
    }


def _next_id(ids: pl.Series) -> int:
    last = ids.max()
    return int(last) + 1 if isinstance(last, int) else 1
