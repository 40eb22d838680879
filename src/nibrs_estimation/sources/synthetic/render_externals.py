"""Writes the optional datasets of a nation as external files, from which they can be imported again.

Source: docs/external-files.md; handbook 07 (crossing numbers); handbook 08 (population totals).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from nibrs_estimation.model.agency import AGENCY
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.fields import GEOGRAPHY_LEVELS
from nibrs_estimation.sources.filter_expression import parse_filter

Frames = Mapping[str, pl.LazyFrame]

#: Minimum number of months of incident reports of a respondent.
RESPONDENT_MONTHS = 3
_NO_AREA = "NOT SPECIFIED"

_UNDER_12 = ("U05", "A05_11")
_FROM_12_TO_17 = ("A12_14", "A15", "A16", "A17")
_ADULT = ("A18_24", "A25_34", "A35_64", "A65")
_RACES = {"WHITE": "W", "BLACK": "B", "AIAN": "I", "ASIAN": "A", "NHPI": "P"}


def _ages(*bins: str) -> pl.Expr:
    return pl.col("age_bin_code").is_in(bins)


def _is(column: str, code: str) -> pl.Expr:
    return pl.col(column) == code


#: Demographic groups with their names in the file of pieces; income is not in dataset ``county_population``.
PIECE_GROUPS = {
    "pctAgeLT5": _ages("U05"),
    "pctAge5to14": _ages("A05_11", "A12_14"),
    "pctAge15": _ages("A15"),
    "pctAge16": _ages("A16"),
    "pctAge17": _ages("A17"),
    "pctAge18to24": _ages("A18_24"),
    "pctAge25to34": _ages("A25_34"),
    "pctAge35to64": _ages("A35_64"),
    "pctAgeGTE65": _ages("A65"),
    "pctAge5to11": _ages("A05_11"),
    "pctAge12to14": _ages("A12_14"),
    "pctAgeLT12": _ages(*_UNDER_12),
    "pctAge12to17": _ages(*_FROM_12_TO_17),
    "pctAgeLT18": _ages(*_UNDER_12, *_FROM_12_TO_17),
    "pctAgeGTE18": _ages(*_ADULT),
    "pctSexMale": _is("sex_code", "M"),
    "pctSexFemale": _is("sex_code", "F"),
    "pctRaceWhite": _is("race_code", "W"),
    "pctRaceBlack": _is("race_code", "B"),
    "pctRaceAIAN": _is("race_code", "I"),
    "pctRaceAsian": _is("race_code", "A"),
    "pctRaceNHPI": _is("race_code", "P"),
}
#: The same and more groups, with their names in the file of population totals.
TOTAL_GROUPS = {
    **{f"PCTAGE{name}": PIECE_GROUPS[f"pctAge{name.replace('TO', 'to')}"] for name in (
        "LT5", "5TO14", "15", "16", "17", "18TO24", "25TO34", "35TO64", "GTE65"
    )},
    "PCTSEXMALE": PIECE_GROUPS["pctSexMale"],
    "PCTSEXFEMALE": PIECE_GROUPS["pctSexFemale"],
    **{f"PCTRACE{name}": _is("race_code", code) for name, code in _RACES.items()},
    "PCTAGE_15_17": _ages("A15", "A16", "A17"),
    "PCTAGE_UNDER_18": PIECE_GROUPS["pctAgeLT18"],
    "PCTAGE_UNDER_12": PIECE_GROUPS["pctAgeLT12"],
    "PCTAGE_12_17": PIECE_GROUPS["pctAge12to17"],
    "PCTAGE_OVER_18": PIECE_GROUPS["pctAgeGTE18"],
    "PCTAGE_12_14": PIECE_GROUPS["pctAge12to14"],
    "PCT_HISP": _is("ethnicity_code", "H"),
    "PCT_NONHISP": _is("ethnicity_code", "N"),
    **{
        f"PCT_NONHISP_{'NHOPI' if name == 'NHPI' else name}": _is("ethnicity_code", "N") & _is("race_code", code)
        for name, code in _RACES.items()
    },
}  # fmt: skip

_COVERED_TYPES = {"TRIBAL": ("Tribal",), "STATE_POLICE": ("State Police",), "OTHER": ("Other", "Other State Agency")}


def render_externals(datasets: Frames, year: int, folder: Path) -> dict[str, str]:
    """Write all external files whose datasets are available.

    Args:
        datasets: ``agency``, ``report_month`` and available datasets of `model/geography.py`, by name.
        year: data year; rows of other years are left out.
        folder: folder for the files; it is created.

    Returns:
        Code name -> file within the folder, as in `external_file_locations.json`. Folder `crossings` contains the
        sheets of crossing numbers, which no importer reads.

    Raises:
        ValueError: a filter of dataset ``geography`` is outside the grammar or names an unknown column.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, tuple[tuple[str, ...], str, Callable[[Frames, int], pl.DataFrame]]] = {
        "cbi_summary_county_reduced": (
            ("agency_county",),
            f"CBI_Summary_County_{year}.csv",
            agency_pieces,
        ),
        "population": (
            ("geography", "agency_county", "county_population"),
            f"POP_TOTALS_PERM_{year}.csv",
            population_totals,
        ),
        "exclusion": (("geography",), f"exclusion_{year}.csv", _exclusions),
        "srs_smoothed": (("srs_benchmark",), "srs2016_2020_smoothed.csv", smoothed_counts),
        "judicial_district": (("judicial_district",), "judicial_district.csv", _judicial_districts),
        "field_office": (("field_office",), "field_office.csv", _field_offices),
        "county_population": (("county_population",), f"county_population_{year}.csv", _county_population),
    }
    written = {}
    for code_name, (needed, name, table) in files.items():
        if set(needed) <= set(datasets):
            table(datasets, year).write_csv(folder / name)
            written[code_name] = name
    if "agency_county" in datasets:
        (folder / "crossings").mkdir(exist_ok=True)
        for sheet, numbers in crossing_numbers(datasets, year).items():
            numbers.write_csv(folder / "crossings" / f"{sheet}.csv")
    return written


def agency_pieces(datasets: Frames, year: int) -> pl.DataFrame:
    """One row for each agency and county: place, police employees, residents, share and demographics in percent.

    A piece has the demographics of its county; a county without population has none.
    """
    agency = (
        datasets["agency"]
        .filter(pl.col("data_year") == year)
        .select(
            "ori", "legacy_ori", "agency_name", "male_officers", "female_officers", "male_civilians", "female_civilians"
        )
    )
    pieces = datasets["agency_county"].filter(pl.col("data_year") == year).join(agency, on="ori", how="left")
    if "county_population" in datasets:
        pieces = pieces.join(_county_shares(datasets, year, PIECE_GROUPS), on="county_fips", how="left")
        percent = [(100 * pl.col(name)).alias(name) for name in PIECE_GROUPS]
    else:
        percent = [pl.lit(None, pl.Float64).alias(name) for name in PIECE_GROUPS]
    areas = {
        "MSA_NAME_COUNTY": "msa_name",
        "METRO_DIVISION_COUNTY": "metro_division_name",
        "JUDICIAL_DISTRICT_NAME": "judicial_district_name",
        "FIELD_OFFICE_NAME": "field_office_name",
    }
    return (
        pieces.select(
            ORI="ori",
            LEGACY_ORI="legacy_ori",
            UCR_AGENCY_NAME="agency_name",
            state=pl.col("county_fips").str.head(2),
            county=pl.col("county_fips").str.tail(3),
            COUNTY_NAME_CENSUS="county_name",
            **{header: pl.col(name).fill_null(_NO_AREA) for header, name in areas.items()},
            CORE_CITY=pl.col("is_core_city").replace_strict({True: "Y", False: "N"}, default=None),
            PE_MALE_OFFICER_COUNT="male_officers",
            PE_FEMALE_OFFICER_COUNT="female_officers",
            PE_MALE_CIVILIAN_COUNT="male_civilians",
            PE_FEMALE_CIVILIAN_COUNT="female_civilians",
            popResidAgcyCounty_cbi="population",
            propMult="population_share",
            **{expression.meta.output_name(): expression for expression in percent},
        )
        .sort("ORI", "state", "county")
        .collect()
    )


def population_totals(datasets: Frames, year: int) -> pl.DataFrame:
    """One row for each geography: its attributes, eligible agencies and residents, in total and for respondents.

    Columns of the weighting (``WEIGHT_GROUP_VAR`` and the calibration columns) are not included.

    Raises:
        ValueError: a filter is outside the grammar or names a column that pieces do not have.
    """
    pieces = _eligible_pieces(datasets, year)
    rows = []
    for geography in datasets["geography"].sort("geography_number").collect().to_dicts():
        rule = parse_filter(geography["filter_expression"])
        if unknown := rule.columns - set(pieces.columns):
            raise ValueError(
                f"permutation {geography['geography_number']}: the filter {geography['filter_expression']!r} names "
                f"{', '.join(sorted(unknown))}; pieces have {', '.join(pieces.columns)}"
            )
        rows.append(
            {
                "PERMUTATION_NUMBER": geography["geography_number"],
                "PERMUTATION_NUMBER_DESC": geography["filter_expression"],
                "PERMUTATION_DESCRIPTION": geography["label"],
                "WEIGHT_VAR": GEOGRAPHY_LEVELS[geography["geography_level"]],
                "GEOGRAPHY_LEVEL": geography["geography_level"],
                "GEOGRAPHY_CODE": geography["geography_code"],
                "AGENCY_GROUP": geography["agency_group"],
                **_totals(pieces.filter(rule.expression())),
                "ORIG_PERMUTATION_NUMBER": geography["geography_number"],
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def _totals(pieces: pl.DataFrame) -> dict[str, object]:
    """Eligible agencies and residents of one geography (handbook 08)."""
    agencies = pieces.group_by("ori").agg(
        pl.col("is_respondent", "AGENCY_TYPE_NAME", "officers").first(), pl.col("residents").sum()
    )
    respondents = pieces.filter("is_respondent")
    total, covered = float(pieces["residents"].sum()), float(respondents["residents"].sum())
    coverage = covered / total if total else None
    missing = agencies.filter(~pl.col("is_respondent"))
    officers = agencies.select(pl.col("officers").sum()).item()
    groups: dict[str, object] = {}
    for name in TOTAL_GROUPS:
        groups[f"DER_POP_{name}_NUM"] = (respondents["residents"] * respondents[name]).sum()
        groups[f"DER_POP_{name}_NUM_WEIGHTED"] = (pieces["residents"] * pieces[name]).sum()
    return {
        "NUMBER_OF_ELIGIBLE_ORIS": agencies.height,
        "NUMBER_OF_ELIGIBLE_PSEUDO_ORIS": pieces.height,
        "POP_TOTAL": covered,
        "POP_TOTAL_WEIGHTED": total,
        "DER_POP_OFFICER_NUM": agencies.filter("is_respondent")["officers"].sum(),
        "DER_POP_OFFICER_NUM_WEIGHTED": officers,
        **groups,
        "UNIV_POP_COV": coverage,
        **{
            f"UNIV_COV_AGENCY_{name}": _percent(agencies.filter(pl.col("AGENCY_TYPE_NAME").is_in(types)))
            for name, types in _COVERED_TYPES.items()
        },
        "ORIG_PERMUTATION_NUMBER_COV": coverage,
        "ORIG_UNIV_ELIG_PERM_AGENCY_MISSING_OVER_10_PERCENT": int((missing["residents"] > total / 10).any()),
        "ORIG_ELIG_PERM_AGENCY_MISSING_PRINCIPAL_CITY": int(
            pieces.select((pl.col("is_core_city") & ~pl.col("is_respondent")).any()).item()
        ),
    }


def _percent(agencies: pl.DataFrame) -> float | None:
    return 100 * agencies.filter("is_respondent").height / agencies.height if agencies.height else None


def _eligible_pieces(datasets: Frames, year: int) -> pl.DataFrame:
    """The pieces of the eligible agencies with the columns of filters and the shares of groups."""
    of_year = pl.col("data_year") == year
    months = (
        datasets["report_month"]
        .filter(of_year & (pl.col("form_code") == "N") & pl.col("status").is_in(["I", "Z"]))
        .group_by("agency_id")
        .agg(months=pl.col("month").n_unique())
    )
    counties = datasets["agency_county"].filter(of_year).rename({"population": "piece_population"})
    in_msa = pl.col("MSA_NAME_COUNTY") != _NO_AREA
    return (
        _eligible(datasets["agency"], year)
        .join(months, on="agency_id", how="left")
        .join(counties.drop("data_year", "county_name"), on="ori", how="left", suffix="_county")
        .join(_county_shares(datasets, year, TOTAL_GROUPS), on="county_fips", how="left")
        .join(
            _numbers("population_group", "population_group_code", "code", "size_group"),
            on="population_group_code",
            how="left",
        )
        .join(
            _numbers("agency_type", "agency_type_name", "label", "der_agency_type_1_7"),
            on="agency_type_name",
            how="left",
        )
        .with_columns(MSA_NAME_COUNTY=pl.col("msa_name_county").fill_null(_NO_AREA))
        .select(
            "ori",
            "is_core_city",
            *TOTAL_GROUPS,
            is_respondent=pl.col("months").fill_null(0) >= RESPONDENT_MONTHS,
            residents=pl.coalesce("piece_population", "population"),
            officers=pl.col("male_officers").fill_null(0) + pl.col("female_officers").fill_null(0),
            der_national=1,
            der_population_group="size_group",
            der_agency_type_1_7="der_agency_type_1_7",
            # 1 in an MSA, 2 a city outside, 3 a county outside (handbook 08).
            der_in_msa=pl.when(in_msa)
            .then(1)
            .when(pl.col("population_group_code").str.contains("^[1-7]"))
            .then(2)
            .otherwise(3),
            AGENCY_TYPE_NAME="agency_type_name",
            PARENT_POP_GROUP_CODE=pl.col("population_group_code").str.head(1),
            REGION_CODE="region_code",
            STATE_ABBR="state_abbr",
            MSA_NAME_COUNTY="MSA_NAME_COUNTY",
            METRO_DIVISION_COUNTY="metro_division_name_county",
            JUDICIAL_DISTRICT_NAME="judicial_district_name",
            FIELD_OFFICE_NAME="field_office_name",
        )
        .sort("ori")
        .collect()
    )


def _numbers(codes: str, column: str, key: str, number: str) -> pl.LazyFrame:
    """Map values of a column to numbers of a code list."""
    return code_list(codes).lazy().select(pl.col(key).alias(column), pl.col(number).cast(pl.Int64))


def _eligible(agency: pl.LazyFrame, year: int) -> pl.LazyFrame:
    """The eligible agencies (handbook 01)."""
    states = code_list("state").filter(pl.col("region_code").is_between(1, 4))["state_abbr"]
    return agency.filter(
        (pl.col("data_year") == year)
        & (pl.col("agency_status") == "A")
        & ~pl.col("is_covered")
        & ~pl.col("is_dormant")
        & (pl.col("agency_type_name").str.to_uppercase() != "FEDERAL")
        & pl.col("state_abbr").is_in(states.implode())
    ).select(AGENCY.schema.names())


def _county_shares(datasets: Frames, year: int, groups: Mapping[str, pl.Expr]) -> pl.LazyFrame:
    """Share of each group among the residents of a county; null if it has no residents."""
    residents = pl.col("population")
    total = pl.when(residents.sum() > 0).then(residents.sum())
    return (
        datasets["county_population"]
        .filter(pl.col("data_year") == year)
        .group_by("county_fips")
        .agg((residents.filter(is_in_group).sum() / total).alias(name) for name, is_in_group in groups.items())
    )


def _exclusions(datasets: Frames, year: int) -> pl.DataFrame:
    del year  # The list has no year.
    return (
        datasets["geography"]
        .filter("is_excluded")
        .select(PERMUTATION_NUMBER="geography_number")
        .sort("PERMUTATION_NUMBER")
        .collect()
    )


def smoothed_counts(datasets: Frames, year: int) -> pl.DataFrame:
    """One row for each agency with a column for each type of crime, as reported and extrapolated to twelve months.

    ``SRS_YEAR`` is the latest single year that the agency has (handbook 06).
    """
    del year  # The benchmark has its own periods.
    benchmark = datasets["srs_benchmark"].collect()
    names = dict(code_list("srs_benchmark_type").select("code", "reference_name").iter_rows())
    stem = (
        pl.when(pl.col("crime_type") == "total")
        .then(pl.lit("totcrime"))
        .otherwise(pl.format("totcrime_{}", pl.col("crime_type").replace_strict(names, return_dtype=pl.String)))
    )
    end = pl.when(pl.col("period") == "smoothed").then(pl.lit("")).otherwise(pl.format("_{}", "period"))
    long = pl.concat(
        benchmark.select("ori", "legacy_ori", header=pl.concat_str(stem, pl.lit(mark), end), n=column)
        for mark, column in (("", "n_reported"), ("_imp", "n_twelve_months"))
    )
    last = (
        benchmark.filter((pl.col("period") != "smoothed") & pl.col("n_reported").is_not_null())
        .group_by("ori")
        .agg(SRS_YEAR=pl.col("period").max())
    )
    wide = long.sort("header").pivot("header", index=["ori", "legacy_ori"], values="n")
    return (
        wide.join(last, on="ori", how="left")
        .select("ori", "legacy_ori", "SRS_YEAR", pl.exclude("ori", "legacy_ori", "SRS_YEAR"))
        .rename({"ori": "ORI_UNIVERSE", "legacy_ori": "LEGACY_ORI"})
        .sort("ORI_UNIVERSE")
    )


def _judicial_districts(datasets: Frames, year: int) -> pl.DataFrame:
    del year  # Codes have no year.
    names = {"judicial_district_code": "JUDICIAL_DISTRICT_CODE", "judicial_district_name": "JUDICIAL_DISTRICT_NAME"}
    return datasets["judicial_district"].collect().rename(names)


def _field_offices(datasets: Frames, year: int) -> pl.DataFrame:
    del year  # Codes have no year.
    names = {"field_office_code": "FIELD_OFFICE_UNIV", "field_office_name": "FIELD_OFFICE_NAME"}
    return datasets["field_office"].collect().rename(names)


def _county_population(datasets: Frames, year: int) -> pl.DataFrame:
    return datasets["county_population"].filter(pl.col("data_year") == year).collect()


def crossing_numbers(datasets: Frames, year: int) -> dict[str, pl.DataFrame]:
    """Numbers of the weight groups, continued over the levels (handbook 07).

    Returns:
        By sheet (National, Region, State, FO, JD, MSA) one row for each geography and group with columns
        ``{level}Lvl``, ``{level}WgtGp`` and ``{level}CrossNum``.
    """
    counties = datasets["agency_county"].filter(pl.col("data_year") == year).collect()
    states = code_list("state").filter(pl.col("region_code").is_between(1, 4))
    regions = states.select("region_code").unique().sort("region_code")["region_code"].cast(pl.String)
    levels = {
        "National": ("nat", _groups(pl.Series(["National"]), 20)),
        "Region": ("reg", _groups(regions, 20)),
        "State": ("state", _groups(states["state_abbr"].sort(), 12)),
        "FO": ("fo", _groups(_names(counties, "field_office_name"), 3)),
        "JD": ("jd", _groups(_names(counties, "judicial_district_name"), 4)),
        "MSA": ("msa", _msa_groups(counties)),
    }
    sheets, last = {}, 0
    for sheet, (prefix, groups) in levels.items():
        numbered = groups.with_row_index(f"{prefix}CrossNum", offset=last + 1)
        sheets[sheet] = numbered.select(
            pl.col("level").alias(f"{prefix}Lvl"), pl.col("group").alias(f"{prefix}WgtGp"), f"{prefix}CrossNum"
        )
        last += groups.height
    return sheets


def _names(counties: pl.DataFrame, column: str) -> pl.Series:
    return counties[column].drop_nulls().unique().sort()


def _groups(names: pl.Series, each: int) -> pl.DataFrame:
    """The geographies in order, each with its groups from 1."""
    return pl.DataFrame({"level": names.cast(pl.String)}).join(pl.DataFrame({"group": range(1, each + 1)}), how="cross")


def _msa_groups(counties: pl.DataFrame) -> pl.DataFrame:
    """Three groups for each area, or for each division of an area that is split into several."""
    areas = counties.drop_nulls("msa_name").select(level="msa_name", division="metro_division_name").unique()
    split = areas.filter(pl.col("division").n_unique().over("level") > 1).drop_nulls("division")
    divisions = split["division"].unique().sort()
    rank = pl.DataFrame({"division": divisions, "k": range(1, divisions.len() + 1)})
    return (
        pl.concat([split, areas.join(split, on="level", how="anti").select("level", division=pl.lit(None, pl.String))])
        .unique()
        .join(rank, on="division", how="left")
        .with_columns(pl.col("k").fill_null(0))
        .join(pl.DataFrame({"within": (1, 2, 3)}), how="cross")
        .select("level", group=3 * pl.col("k") + pl.col("within"))
        .sort("level", "group")
    )
