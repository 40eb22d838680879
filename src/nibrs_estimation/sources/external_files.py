"""Importers of external files, which write the optional datasets.

A faulty file is refused with an error that names the file, line, column and fix. The files and their origin are
described in ``docs/external-files.md``; their use in handbook 06 to 08.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import polars as pl

from nibrs_estimation.model.agency import AGENCY
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.fields import GEOGRAPHY_LEVELS
from nibrs_estimation.model.geography import (
    AGENCY_COUNTY,
    COUNTY_POPULATION,
    FIELD_OFFICE,
    GEOGRAPHY,
    JUDICIAL_DISTRICT,
    SRS_BENCHMARK,
)
from nibrs_estimation.model.grants import GOVERNMENT
from nibrs_estimation.model.return_a import FIRST_NUMBER, MONTH_NAMES, STRIDE
from nibrs_estimation.model.return_a_file import ITEMS
from nibrs_estimation.model.summary import LEGACY_LINES, RETA_MM
from nibrs_estimation.model.weights import STATE_WEIGHT_GROUP
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.externals import ExternalFile
from nibrs_estimation.pipeline.source import Probe, Source
from nibrs_estimation.pipeline.task import YEAR, Task
from nibrs_estimation.sources.census_population import census_county_population, is_census_file
from nibrs_estimation.sources.external_table import LINE, ExternalTable, read_table
from nibrs_estimation.sources.filter_expression import FilterError, parse_filter

_log = logging.getLogger(__name__)

#: Tolerance for the sum of an agency's shares, which must be 1.
SHARE_TOLERANCE = 1e-6
#: Permutation numbers from this number on are demographic groups of a geography (handbook 08).
FIRST_DEMOGRAPHIC = 1000
#: Values of the files for an agency that is in no area.
_NO_AREA = ("NOT SPECIFIED", "NOT AVAILABLE")
#: Level -> column that names the area in a filter.
AREA_COLUMNS = {
    "region": "REGION_CODE",
    "state": "STATE_ABBR",
    "msa": "MSA_NAME_COUNTY",
    "judicial_district": "JUDICIAL_DISTRICT_NAME",
    "field_office": "FIELD_OFFICE_NAME",
}


def import_agency_county(agency: pl.LazyFrame, cbi_summary_county_reduced: Path, year: int) -> pl.LazyFrame:
    """Read the counties of the agencies, one row for each county piece of an agency (its "pseudo-ORI").

    Agencies are matched by ORI, otherwise by legacy ORI; rows of agencies that are not in the source are left out. If
    a county of an agency is repeated and only one of the rows has residents, that row is used (handbook 08).

    Raises:
        PipelineError: a column is missing, a value is invalid, a state is unknown, a county is repeated, or an
            agency's shares do not add up to 1.
    """
    table = read_table(cbi_summary_county_reduced)
    state = table.text("state")
    fips = _state_fips(table, "state", state)
    county = table.text("county")
    table.refuse(
        county.cast(pl.Int16, strict=False).is_between(1, 999).not_() | county.is_null(),
        "county",
        ("is not a county number, 1 to 999. Use the three-digit FIPS code of the county"),
    )
    pieces = pl.DataFrame(
        {
            LINE: table.lines,
            "file_ori": table.text("ORI"),
            "legacy_ori": table.text("LEGACY_ORI", is_required=False),
            "county_fips": fips + county.str.zfill(3),
            "county_name": table.optional("COUNTY_NAME_CENSUS"),
            "msa_name": _area(table, "MSA_NAME_COUNTY"),
            "metro_division_name": _area(table, "METRO_DIVISION_COUNTY"),
            "judicial_district_name": _area(table, "JUDICIAL_DISTRICT_NAME"),
            "field_office_name": _area(table, "FIELD_OFFICE_NAME"),
            "is_core_city": table.optional("CORE_CITY") == "Y",
            "population": table.number("popResidAgcyCounty_cbi", least=0),
            "population_share": table.number("propMult", least=0),
        }
    )
    is_empty_copy = (pl.col("population") == 0) & (pl.col("population").max().over("file_ori", "county_fips") > 0)
    pieces = pieces.filter(~is_empty_copy)
    table.refuse_duplicates(pieces, {"file_ori": "ORI", "county_fips": "county"})
    _check_shares(table, pieces)
    known = _with_ori(table, pieces, agency, year)
    return known.lazy().select(
        pl.lit(year).cast(AGENCY_COUNTY.schema["data_year"]).alias("data_year"),
        *(
            (pl.col(name).round() if name == "population" else pl.col(name)).cast(dtype)
            for name, dtype in AGENCY_COUNTY.schema.items()
            if name != "data_year"
        ),
    )


#: Name of a weight in the reference files -> the level of its geographies.
LEVEL_OF_WEIGHT = {weight: level for level, weight in GEOGRAPHY_LEVELS.items()}


def import_geography(population: Path, exclusion: Path | None) -> pl.LazyFrame:
    """Read the geographies for which estimates are computed, and which of them are excluded.

    Rows of demographic groups (numbers from 1000 on) are left out, because they follow from the geographies. The level
    is derived from the weight, the area from the filter and the agency group from the label, unless the file has
    columns for them.

    Raises:
        PipelineError: a column is missing, a number is repeated, a weight is unknown, a filter is outside the
            grammar, or the exclusion list has an invalid number.
    """
    whole = read_table(population)
    number = whole.whole_number("PERMUTATION_NUMBER", least=1)
    table = whole.filter(number < FIRST_DEMOGRAPHIC)
    weight = table.text("WEIGHT_VAR")
    table.refuse(
        ~weight.is_in(list(LEVEL_OF_WEIGHT)),
        "WEIGHT_VAR",
        f"is not a weight of this program. Use one of {', '.join(LEVEL_OF_WEIGHT)}",
    )
    level = weight.replace_strict(LEVEL_OF_WEIGHT)
    label = table.text("PERMUTATION_DESCRIPTION")
    filters = table.text("PERMUTATION_NUMBER_DESC")
    rows = pl.DataFrame(
        {
            LINE: table.lines,
            "geography_number": number.filter(number < FIRST_DEMOGRAPHIC),
            "geography_level": level,
            "geography_code": _areas(table, filters, level),
            "agency_group": _optional_or(table, "AGENCY_GROUP", label.str.extract(r" (?:Size|Agency Type) (.+)$")),
            "label": label,
            "filter_expression": filters,
        }
    )
    table.refuse_duplicates(rows, {"geography_number": "PERMUTATION_NUMBER"})
    excluded = pl.Series([], dtype=pl.Int64)
    if exclusion is not None:
        excluded = read_table(exclusion).whole_number("PERMUTATION_NUMBER", least=1)
    return _declared(rows.with_columns(is_excluded=pl.col("geography_number").is_in(excluded.implode())), GEOGRAPHY)


def import_srs_benchmark(agency: pl.LazyFrame, srs_smoothed: Path, year: int) -> pl.LazyFrame:
    """Read the smoothed summary counts and reshape one wide row per agency to long rows.

    Columns are ``totcrime``, ``totcrime_<type>`` and the same with suffix ``_imp`` (extrapolated to twelve months),
    each also with suffix ``_<year>`` for a single year. Agencies are matched as in :func:`import_agency_county`.

    Raises:
        PipelineError: a column is missing, a type of crime is unknown, an agency is repeated or a count is no number.
    """
    table = read_table(srs_smoothed)
    rows = pl.DataFrame(
        {
            LINE: table.lines,
            "file_ori": table.text("ORI_UNIVERSE"),
            "legacy_ori": table.optional("LEGACY_ORI"),
        }
    )
    table.refuse_duplicates(rows, {"file_ori": "ORI_UNIVERSE"})
    known = _with_ori(table, rows, agency, year)
    counts = _benchmark_columns(table)
    values = {row["name"]: table.number(row["name"], is_required=False) for row in counts.to_dicts()}
    long = (
        pl.DataFrame({LINE: table.lines, **values})
        .unpivot(index=LINE, variable_name="name", value_name="n")
        .drop_nulls("n")
        .join(counts, on="name")
        .group_by(LINE, "period", "crime_type")
        .agg(
            n_reported=pl.col("n").filter(~pl.col("is_imputed")).first(),
            n_twelve_months=pl.col("n").filter("is_imputed").first(),
        )
    )
    return _declared(known.join(long, on=LINE), SRS_BENCHMARK)


def import_government(government: Path) -> pl.LazyFrame:
    """Read the governments of agencies; rows without a number are left out.

    Raises:
        PipelineError: a column is missing, or an ORI is repeated.
    """
    table = read_table(government)
    rows = pl.DataFrame(
        {
            LINE: table.lines,
            "ori": table.text("ORI"),
            "government_id": table.text("GOVID_2023", is_required=False),
            "government_type": table.optional("govtype_2023"),
        }
    ).drop_nulls("government_id")
    table.refuse_duplicates(rows, {"ori": "ORI"})
    return _declared(rows, GOVERNMENT)


def import_reta_mm(agency: pl.LazyFrame, reta_mm: Path, year: int) -> pl.LazyFrame:
    """Read months and lines of Return A: flags ``jan_mm_flag`` ... and columns ``v70`` ... of a wide file.

    A flag of 1 or 9 says that the month was reported. Columns that are absent are missing. Agencies are matched by
    ORI_UNIV, otherwise by legacy ORI.

    Raises:
        PipelineError: a column is missing, an agency is repeated, the file is of another year, or a count is no number.
    """
    table = read_table(reta_mm)
    years = table.whole_number("data_year", least=1900)
    table.refuse(years != year, "data_year", f"is not {year}. Give the file of {year}")
    rows = pl.DataFrame({LINE: table.lines, "file_ori": table.text("ORI_UNIV")})
    table.refuse_duplicates(rows, {"file_ori": "ORI_UNIV"})
    ids = agency.filter(pl.col("data_year") == year).select("agency_id", "ori").collect()
    known = _with_ori(table, rows, agency, year).join(ids, on="ori").select(LINE, "agency_id")
    parts = []
    for number, month in enumerate(MONTH_NAMES):
        flag = table.whole_number(f"{month}_mm_flag", least=0)
        columns = {item: f"v{FIRST_NUMBER + STRIDE * number + item}" for item in (*ITEMS, *LEGACY_LINES)}
        counts = {
            f"item_{item}": table.number(header, is_required=False)
            if header in table.headers
            else pl.Series([None] * len(table.lines), dtype=pl.Float64)
            for item, header in columns.items()
        }
        of_month = pl.DataFrame({LINE: table.lines, "is_reported": flag.is_in([1, 9]), **counts})
        parts.append(of_month.with_columns(month=pl.lit(number + 1)))
    return _declared(pl.concat(parts).join(known, on=LINE).with_columns(data_year=pl.lit(year)), RETA_MM)


def import_judicial_district(judicial_district: Path) -> pl.LazyFrame:
    """Read the names of the judicial districts by the code of the agency file.

    Raises:
        PipelineError: a column or value is missing, or a code is repeated.
    """
    return _import_names(
        judicial_district, "JD", JUDICIAL_DISTRICT, ("JUDICIAL_DISTRICT_CODE", "JUDICIAL_DISTRICT_NAME")
    )


def import_field_office(field_office: Path) -> pl.LazyFrame:
    """Read the names of the FBI's field offices by the code of the agency file.

    Raises:
        PipelineError: a column or value is missing, or a code is repeated.
    """
    return _import_names(field_office, "FO", FIELD_OFFICE, ("FIELD_OFFICE_UNIV", "FIELD_OFFICE_NAME"))


def import_county_population(
    county_population: Path, year: int, county_single_years: Path | None = None
) -> pl.LazyFrame:
    """Read the residents of the counties in the data year; other years are left out.

    Args:
        county_population: a table with the columns of the dataset, or a file of the Census Bureau.
        year: data year.
        county_single_years: with a file of the Census Bureau, its file of single years of age.

    Raises:
        PipelineError: a column is missing, a code, state or number is wrong, a row is repeated, or there is no row of
            the data year.
    """
    if is_census_file(county_population):
        return census_county_population(county_population, county_single_years, year).lazy()
    whole = read_table(county_population)
    in_year = whole.whole_number("data_year", least=1900) == year
    if not in_year.any():
        raise PipelineError(
            f"{county_population}, column data_year: there is no row of {year}. Name the file of that data year under "
            f'"{year}" in external_file_locations.json.'
        )
    table = whole.filter(in_year)
    fips = table.text("county_fips").str.zfill(5)
    _check_states(table, "county_fips", fips.str.head(2))
    columns = {
        "county_fips": fips,
        "data_year": pl.repeat(year, fips.len(), eager=True),
        "population": table.whole_number("population", least=0),
    }
    for name in ("sex_code", "age_bin_code", "race_code", "ethnicity_code"):
        declared = COUNTY_POPULATION.column(name)
        known = declared.codes or code_list(declared.code_list)["code"].to_list()
        columns[name] = table.text(name)
        table.refuse(~columns[name].is_in(list(known)), name, f"is not a valid code. Use one of {', '.join(known)}")
    rows = pl.DataFrame({LINE: table.lines, **columns})
    table.refuse_duplicates(rows, {name: name for name in COUNTY_POPULATION.primary_key})
    return _declared(rows, COUNTY_POPULATION)


def import_state_weight_group(state_weight_groups: Path) -> pl.LazyFrame:
    """Read the weight groups of states from a table (handbook 07).

    Raises:
        PipelineError: a column is missing, a value is not a valid code, a row is repeated, or a super class is missing.
    """
    table = read_table(state_weight_groups)
    state, super_class = table.text("state_abbr"), table.text("super_class")
    group = table.whole_number("weight_group", least=1)
    for column, values in (("super_class", super_class), ("weight_group", group)):
        codes = STATE_WEIGHT_GROUP.column(column).codes
        table.refuse(
            ~values.is_in(list(codes)), column, f"is not a valid code. Use one of {', '.join(map(str, codes))}"
        )
    known = code_list("state")["state_abbr"]
    table.refuse(
        ~state.is_in(known.implode()), "state_abbr", "is not a UCR abbreviation of a state; Nebraska is NB. Correct it"
    )
    rows = pl.DataFrame({LINE: table.lines, "state_abbr": state, "super_class": super_class, "weight_group": group})
    table.refuse_duplicates(rows, {"state_abbr": "state_abbr", "super_class": "super_class"})
    classes = len(STATE_WEIGHT_GROUP.column("super_class").codes)
    table.refuse(
        rows.select(pl.len().over("state_abbr") < classes).to_series(),
        "state_abbr",
        "does not have all four super classes A, B, Z and O. Add the others, or remove the state",
    )
    return _declared(rows, STATE_WEIGHT_GROUP)


@runtime_checkable
class _ReducibleSource(Protocol):
    """A source that can omit some of its datasets."""

    def without(self, datasets: Collection[str]) -> Source:
        """The source without those of the datasets that it can omit."""
        ...


@dataclass(frozen=True)
class SourceWithExternalFiles:
    """A source and the optional datasets that external files add to it.

    Attributes:
        source: the source.
        code_names: the external files that `external_file_locations.json` names for the data year.
    """

    source: Source
    code_names: tuple[str, ...]

    @property
    def spec(self) -> str:
        """Name of the source as given by the user."""
        return self.source.spec

    def probe(self, year: int, seed: int) -> Probe:
        """Probe of the source; external files are checked when they are read."""
        return self.source.probe(year, seed)

    def tasks(self) -> tuple[Task, ...]:
        """The source's tasks, and one for each dataset that only an external file provides."""
        own = self.source.tasks()
        written = {output.name for task in own for output in task.writes}
        return (*own, *(task for task in _import_tasks(self.code_names) if task.writes[0].name not in written))


def with_external_files(source: Source, code_names: Collection[str]) -> Source:
    """The source with the datasets that external files add to it.

    If the source writes a dataset itself, the file is not read, which is logged. A source that can omit some of its
    datasets omits those that a file provides.

    Args:
        source: any source.
        code_names: the files that are listed for the data year; files that are not in :data:`FILES` are ignored.
    """
    tasks = _import_tasks(code_names)
    if isinstance(source, _ReducibleSource):
        source = source.without({task.writes[0].name for task in tasks})
    written = {output.name for task in source.tasks() for output in task.writes}
    for task in tasks:
        dataset = task.writes[0].name
        if dataset in written:
            _log.info(
                "%s: the source has its own dataset %s, so the external file %s is not read",
                source.spec,
                dataset,
                task.externals[0].code_name,
            )
    return SourceWithExternalFiles(source, tuple(sorted(set(code_names) & set(FILES))))


#: The external files that importers read, by code name.
FILES = {
    file.code_name: file
    for file in (
        ExternalFile("cbi_summary_county_reduced", "agencies by county with residents and shares, CSV or xlsx"),
        ExternalFile("population", "permutations (geographies) with filter, label and weight, CSV"),
        ExternalFile("exclusion", "numbers of permutations that are not estimated, CSV", is_required=False),
        ExternalFile("srs_smoothed", "smoothed summary counts by agency, CSV"),
        ExternalFile("judicial_district", "code and name of the judicial districts, CSV or sheet JD of a workbook"),
        ExternalFile("field_office", "code and name of the FBI's field offices, CSV or sheet FO of a workbook"),
        ExternalFile("state_weight_groups", "weight groups of states by super class, CSV"),
        ExternalFile("government", "number and type of the government of each agency, CSV or xlsx"),
        ExternalFile("reta_mm", "months and lines of Return A by agency (RETA-MM), CSV"),
        ExternalFile(
            "county_population",
            "residents of the counties by sex, age, race and ethnicity, CSV or Parquet, or the Census Bureau's cc-est",
        ),
        ExternalFile(
            "county_single_years", "residents by single years of age, the Census Bureau's syasex", is_required=False
        ),
    )
}

_TASKS = (
    Task(
        name="import_agency_county",
        function=import_agency_county,
        writes=(AGENCY_COUNTY,),
        reads=(AGENCY,),
        parameters=(YEAR,),
        externals=(FILES["cbi_summary_county_reduced"],),
    ),
    Task(
        name="import_geography",
        function=import_geography,
        writes=(GEOGRAPHY,),
        externals=(FILES["population"], FILES["exclusion"]),
    ),
    Task(
        name="import_srs_benchmark",
        function=import_srs_benchmark,
        writes=(SRS_BENCHMARK,),
        reads=(AGENCY,),
        parameters=(YEAR,),
        externals=(FILES["srs_smoothed"],),
    ),
    Task(
        name="import_judicial_district",
        function=import_judicial_district,
        writes=(JUDICIAL_DISTRICT,),
        externals=(FILES["judicial_district"],),
    ),
    Task(
        name="import_field_office",
        function=import_field_office,
        writes=(FIELD_OFFICE,),
        externals=(FILES["field_office"],),
    ),
    Task(
        name="import_county_population",
        function=import_county_population,
        writes=(COUNTY_POPULATION,),
        parameters=(YEAR,),
        externals=(FILES["county_population"], FILES["county_single_years"]),
    ),
    Task(
        name="import_government",
        function=import_government,
        writes=(GOVERNMENT,),
        externals=(FILES["government"],),
    ),
    Task(
        name="import_reta_mm",
        function=import_reta_mm,
        writes=(RETA_MM,),
        reads=(AGENCY,),
        parameters=(YEAR,),
        externals=(FILES["reta_mm"],),
        memory="medium",
    ),
    Task(
        name="import_state_weight_group",
        function=import_state_weight_group,
        writes=(STATE_WEIGHT_GROUP,),
        externals=(FILES["state_weight_groups"],),
    ),
)


def _import_tasks(code_names: Collection[str]) -> tuple[Task, ...]:
    """The tasks whose required files are all listed."""
    return tuple(
        task for task in _TASKS if all(file.code_name in code_names for file in task.externals if file.is_required)
    )


def _import_names(path: Path, sheet: str, dataset: Dataset, headers: tuple[str, str]) -> pl.LazyFrame:
    table = read_table(path, sheet)
    code, name = dataset.schema.names()
    rows = pl.DataFrame({LINE: table.lines, code: table.text(headers[0]), name: table.text(headers[1])})
    table.refuse_duplicates(rows, {code: headers[0]})
    return _declared(rows, dataset)


def _declared(rows: pl.DataFrame, dataset: Dataset) -> pl.LazyFrame:
    return rows.lazy().select(pl.col(name).cast(dtype) for name, dtype in dataset.schema.items())


def _with_ori(table: ExternalTable, rows: pl.DataFrame, agency: pl.LazyFrame, year: int) -> pl.DataFrame:
    """Add ``ori``, the agency's ORI in the source; rows of unknown agencies are left out, and their number is logged.

    Raises:
        PipelineError: the file names an agency by its ORI and by its legacy ORI.
    """
    known = agency.filter(pl.col("data_year") == year).select("ori", "legacy_ori").collect()
    by_legacy = known.drop_nulls("legacy_ori").unique("legacy_ori", keep="none")
    own = rows["file_ori"].is_in(known["ori"].implode())
    found = rows.join(by_legacy.rename({"ori": "by_legacy"}), left_on="file_ori", right_on="legacy_ori", how="left")
    matched = found.with_columns(ori=pl.when(own).then("file_ori").otherwise("by_legacy")).drop_nulls("ori")
    table.refuse_duplicates(matched.unique(["ori", "file_ori"], keep="first"), {"ori": "ORI"})
    if missing := rows.height - matched.height:
        _log.info("%s: %d rows are of agencies that are not in the source; they are left out", table.path, missing)
    return matched


def _area(table: ExternalTable, header: str) -> pl.Series:
    name = table.text(header, is_required=False)
    return name.set(name.str.to_uppercase().is_in(_NO_AREA).fill_null(False), None)


def _state_fips(table: ExternalTable, header: str, state: pl.Series) -> pl.Series:
    """Two-digit FIPS codes from FIPS codes, UCR abbreviations or postal abbreviations."""
    states = code_list("state")
    by_name = {
        name: fips
        for column in ("state_abbr", "state_postal_abbr")
        for name, fips in zip(states[column], states["state_fips"], strict=True)
    }
    fips = state.str.to_uppercase().replace(by_name).str.zfill(2)
    _check_states(table, header, fips)
    return fips


def _check_states(table: ExternalTable, header: str, fips: pl.Series) -> None:
    known = code_list("state")["state_fips"].drop_nulls()
    table.refuse(~fips.is_in(known.implode()), header, "is not a state. Use the FIPS code or the abbreviation")


def _check_shares(table: ExternalTable, pieces: pl.DataFrame) -> None:
    sums = pieces.group_by("file_ori").agg(pl.col("population_share").sum(), pl.col(LINE).sort())
    wrong = sums.filter((pl.col("population_share") - 1).abs() > SHARE_TOLERANCE).sort("file_ori")
    if wrong.height:
        ori, total, lines = wrong.row(0)
        raise PipelineError(
            f"{table.path}, line {', '.join(map(str, lines))}, column propMult: the shares of agency {ori} add up to "
            f"{total:.7g}, not to 1. Correct them, or add the missing county. The number of such agencies is "
            f"{wrong.height:,}."
        )


def _optional_or(table: ExternalTable, header: str, derived: pl.Series) -> pl.Series:
    given = table.optional(header)
    return given.zip_with(given.is_not_null(), derived)


def _areas(table: ExternalTable, filters: pl.Series, levels: pl.Series) -> pl.Series:
    """Code or name of each area: the value, in the filter, of the column that names areas of its level."""
    codes = []
    for row, (text, level) in enumerate(zip(filters, levels, strict=True)):
        try:
            parsed = parse_filter(text)
        except FilterError as error:
            raise PipelineError(
                f"{table.path}, line {table.lines[row]}, column PERMUTATION_NUMBER_DESC: {text!r} is not a filter: "
                f"{error}. Correct it."
            ) from None
        codes.append(parsed.value_of(AREA_COLUMNS[level]) if level in AREA_COLUMNS else "US")
    derived = pl.Series(codes, dtype=pl.String)
    area = _optional_or(table, "GEOGRAPHY_CODE", derived)
    table.refuse(
        area.is_null(),
        "PERMUTATION_NUMBER_DESC",
        "does not name the area. Compare the column of its level "
        f"({', '.join(AREA_COLUMNS.values())}) with ==, or add a column GEOGRAPHY_CODE",
    )
    return area


def _benchmark_columns(table: ExternalTable) -> pl.DataFrame:
    """The columns of counts: name, crime_type, period and whether they are extrapolated to twelve months."""
    crimes = dict(code_list("srs_benchmark_type").select("reference_name", "code").iter_rows())
    types = list(crimes)
    pattern = rf"(?i)^totcrime(?:_(?P<type>{'|'.join(types)}))?(?P<imp>_imp)?(?:_(?P<period>\d{{4}}))?$"
    headers = [header for header in table.headers if header.lower().startswith("totcrime")]
    if not headers:
        table.text("totcrime")
    names = pl.Series("name", headers)
    if wrong := names.filter(~names.str.contains(pattern)).to_list():
        raise PipelineError(
            f"{table.path}, line 1: the column {wrong[0]} is not a column of counts. Write totcrime, or "
            f"totcrime_<type> with one of {', '.join(types)}, followed by _imp and a year where they apply."
        )
    by_lower = {name.lower(): crime for name, crime in crimes.items()}
    return (
        names.to_frame()
        .with_columns(names.str.extract_groups(pattern).alias("parts"))
        .unnest("parts")
        .select(
            "name",
            crime_type=pl.col("type").str.to_lowercase().replace(by_lower).fill_null("total"),
            period=pl.col("period").fill_null("smoothed"),
            is_imputed=pl.col("imp").is_not_null(),
        )
    )
