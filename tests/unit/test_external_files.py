"""External files: importers, what they refuse, and that what is written from datasets imports as the same datasets."""

from __future__ import annotations

import logging
import pickle
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nibrs_estimation.model.agency import AGENCY, DATASETS, REPORT_MONTH
from nibrs_estimation.model.codes import code_list
from nibrs_estimation.model.geography import (
    AGENCY_COUNTY,
    COUNTY_POPULATION,
    FIELD_OFFICE,
    GEOGRAPHY,
    JUDICIAL_DISTRICT,
    SRS_BENCHMARK,
)
from nibrs_estimation.model.weights import STATE_WEIGHT_GROUP
from nibrs_estimation.pipeline.dataset import Dataset
from nibrs_estimation.pipeline.errors import PipelineError
from nibrs_estimation.pipeline.source import Probe
from nibrs_estimation.pipeline.table import checked
from nibrs_estimation.pipeline.task import Task
from nibrs_estimation.sources.external_files import (
    FILES,
    import_agency_county,
    import_county_population,
    import_field_office,
    import_geography,
    import_judicial_district,
    import_srs_benchmark,
    import_state_weight_group,
    with_external_files,
)
from nibrs_estimation.sources.filter_expression import FilterError, parse_filter
from nibrs_estimation.sources.synthetic.render_externals import (
    agency_pieces,
    crossing_numbers,
    population_totals,
    render_externals,
)

YEAR = 2024
_AGENCY = {
    "data_year": YEAR, "legacy_ori": None, "agency_name": "Town", "agency_type_name": "City", "agency_status": "A",
    "is_covered": False, "is_dormant": False, "is_direct_contributor": False, "is_publishable": True,
    "is_suburban": False, "is_most_in_population": False, "state_abbr": "VT", "state_name": "Vermont",
    "region_code": 1, "population": 5000, "population_group_code": "6", "is_nibrs": True,
    "nibrs_start_date": date(2010, 1, 1), "has_participated": True, "has_participated_nibrs": True,
    "has_police_employees": True, "male_officers": 7, "female_officers": 3, "male_civilians": 1,
    "female_civilians": 2, "universe_scope": "all",
}  # fmt: skip


def frame(dataset: Dataset, *rows: Mapping[str, Any], **defaults: Any) -> pl.LazyFrame:
    """A table of a dataset; what a row leaves out takes the default, or is missing."""
    full = [{name: {**defaults, **row}.get(name) for name in dataset.schema} for row in rows]
    return pl.LazyFrame(full, schema=dataset.schema)


def agencies(*rows: Mapping[str, Any]) -> pl.LazyFrame:
    full = [{"agency_id": number, "ori": f"VT{number:05}00", **row} for number, row in enumerate(rows, start=1)]
    return frame(AGENCY, *full, **_AGENCY)


@pytest.fixture
def nation() -> dict[str, pl.LazyFrame]:
    """Three agencies in two counties, of which the second reports two months only."""
    people = [
        {"sex_code": sex, "age_bin_code": age, "race_code": race, "ethnicity_code": ethnicity, "population": number}
        for number, (sex, age, race, ethnicity) in enumerate(
            product("MF", ["U05", "A05_11", "A12_14", "A15", "A18_24", "A65"], "WB", "HN"), start=1
        )
    ]
    return {
        "agency": agencies(
            {"population_group_code": "2", "population": 100_000},
            {"legacy_ori": "VT0990000", "male_officers": None, "agency_type_name": "Tribal"},
            {"agency_status": "L"},
        ),
        "report_month": frame(
            REPORT_MONTH,
            *({"agency_id": 1, "ori": "VT0000100", "month": month} for month in (1, 2, 3)),
            *({"agency_id": 2, "ori": "VT0000200", "month": month} for month in (1, 2)),
            data_year=YEAR, form_code="N", status="I", status_source="reported",
        ),
        "agency_county": frame(
            AGENCY_COUNTY,
            {"ori": "VT0000100", "county_fips": "50007", "county_name": "Chittenden", "population": 75_000,
             "population_share": 0.75, "msa_name": "Burlington, VT", "metro_division_name": "East, VT",
             "judicial_district_name": "Vermont", "field_office_name": "Albany", "is_core_city": True},
            {"ori": "VT0000100", "county_fips": "50001", "county_name": "Addison", "population": 25_000,
             "population_share": 0.25, "is_core_city": False},
            {"ori": "VT0000200", "county_fips": "50001", "population": 5_000, "population_share": 1.0},
            data_year=YEAR,
        ),
        "county_population": frame(
            COUNTY_POPULATION,
            *({**row, "county_fips": county} for county in ("50001", "50007") for row in people),
            data_year=YEAR,
        ),
        "srs_benchmark": frame(
            SRS_BENCHMARK,
            {"period": "smoothed", "crime_type": "total", "n_reported": 10.25, "n_twelve_months": 12.3},
            {"period": "smoothed", "crime_type": "aggravated_assault", "n_reported": 1.0},
            {"period": "2019", "crime_type": "total", "n_twelve_months": 1 / 3},
            {"period": "2018", "crime_type": "robbery", "n_reported": 4.0, "n_twelve_months": 4.0},
            {"ori": "VT0000200", "legacy_ori": "VT0990000", "period": "smoothed", "crime_type": "total",
             "n_reported": 0.0, "n_twelve_months": 0.0},
            ori="VT0000100",
        ),
        "judicial_district": frame(
            JUDICIAL_DISTRICT, {"judicial_district_code": "001", "judicial_district_name": "Alabama, Middle"}
        ),
        "field_office": frame(FIELD_OFFICE, {"field_office_code": "3", "field_office_name": "Albany"}),
        "geography": frame(
            GEOGRAPHY,
            {"geography_number": 1, "geography_level": "nation", "geography_code": "US", "label": "National",
             "filter_expression": "der_national == 1"},
            {"geography_number": 2, "geography_level": "nation", "geography_code": "US",
             "agency_group": "100,000 or over", "label": "National Size 100,000 or over",
             "filter_expression": "der_national == 1 & der_population_group == 1"},
            {"geography_number": 102, "geography_level": "state", "geography_code": "VT", "label": "Vermont",
             "filter_expression": 'STATE_ABBR == "VT"', "is_excluded": True},
            {"geography_number": 109, "geography_level": "msa", "geography_code": "Burlington, VT",
             "label": "Burlington, VT", "filter_expression": 'MSA_NAME_COUNTY == "Burlington, VT"'},
            is_excluded=False,
        ),
    }  # fmt: skip


def imported(nation: Mapping[str, pl.LazyFrame], folder: Path) -> dict[str, pl.LazyFrame]:
    """What the importers make of the files that are written from a nation."""
    files = {code_name: folder / name for code_name, name in render_externals(nation, YEAR, folder).items()}
    # How to merge the groups of states is no property of a nation, nor are governments; its residents are in age bins,
    # and it has its own Return A.
    assert set(files) == set(FILES) - {"state_weight_groups", "county_single_years", "government", "reta_mm"}
    return {
        "agency_county": import_agency_county(nation["agency"], files["cbi_summary_county_reduced"], YEAR),
        "county_population": import_county_population(files["county_population"], YEAR),
        "srs_benchmark": import_srs_benchmark(nation["agency"], files["srs_smoothed"], YEAR),
        "judicial_district": import_judicial_district(files["judicial_district"]),
        "field_office": import_field_office(files["field_office"]),
        "geography": import_geography(files["population"], files["exclusion"]),
    }


def test_what_is_written_imports_as_it_was(nation: dict[str, pl.LazyFrame], tmp_path: Path) -> None:
    for name, found in imported(nation, tmp_path / "files").items():
        assert_frame_equal(found.collect(), nation[name].collect(), check_row_order=False)


def test_attributes_of_permutations_are_read_off_where_the_file_does_not_say_them(
    nation: dict[str, pl.LazyFrame], tmp_path: Path
) -> None:
    path = tmp_path / "permutations.csv"
    population_totals(nation, YEAR).drop("GEOGRAPHY_LEVEL", "GEOGRAPHY_CODE", "AGENCY_GROUP").write_csv(path)
    expected = nation["geography"].with_columns(is_excluded=False).collect()
    assert_frame_equal(import_geography(path, None).collect(), expected)


def test_pieces_carry_employees_and_demographics_in_percent(nation: dict[str, pl.LazyFrame]) -> None:
    pieces = agency_pieces(nation, YEAR)
    assert pieces["PE_MALE_OFFICER_COUNT"].to_list() == [7, 7, None]
    assert pieces["MSA_NAME_COUNTY"].to_list() == ["NOT SPECIFIED", "Burlington, VT", "NOT SPECIFIED"]
    # The people of a county are numbered 1 to 48: 24 males, then 24 females; four of each age in turn.
    first = pieces.row(0, named=True)
    assert first["pctSexMale"] == pytest.approx(100 * 300 / 1176)
    assert first["pctAgeLT5"] == pytest.approx(100 * (1 + 2 + 3 + 4 + 25 + 26 + 27 + 28) / 1176)
    for parts in (
        ("pctSexMale", "pctSexFemale"),
        ("pctAgeLT18", "pctAgeGTE18"),
        ("pctAgeLT12", "pctAge12to17", "pctAgeGTE18"),
        ("pctRaceWhite", "pctRaceBlack", "pctRaceAIAN", "pctRaceAsian", "pctRaceNHPI"),
    ):
        assert sum(first[name] for name in parts) == pytest.approx(100)


def test_population_totals(nation: dict[str, pl.LazyFrame]) -> None:
    rows = {row["PERMUTATION_NUMBER"]: row for row in population_totals(nation, YEAR).to_dicts()}
    whole = rows[1]
    assert (whole["NUMBER_OF_ELIGIBLE_ORIS"], whole["NUMBER_OF_ELIGIBLE_PSEUDO_ORIS"]) == (2, 3)
    assert (whole["POP_TOTAL"], whole["POP_TOTAL_WEIGHTED"]) == (100_000, 105_000)
    assert (whole["DER_POP_OFFICER_NUM"], whole["DER_POP_OFFICER_NUM_WEIGHTED"]) == (10, 13)
    assert whole["DER_POP_PCTSEXMALE_NUM_WEIGHTED"] == pytest.approx(105_000 * 300 / 1176)
    assert whole["UNIV_POP_COV"] == pytest.approx(100 / 105)
    assert whole["UNIV_COV_AGENCY_TRIBAL"] == 0
    assert whole["ORIG_UNIV_ELIG_PERM_AGENCY_MISSING_OVER_10_PERCENT"] == 0
    assert rows[2]["POP_TOTAL_WEIGHTED"] == 100_000
    assert rows[109]["POP_TOTAL_WEIGHTED"] == 75_000
    # The officers of an agency are not divided among its counties.
    assert rows[109]["DER_POP_OFFICER_NUM"] == 10


def test_population_totals_of_an_unknown_column_are_refused(nation: dict[str, pl.LazyFrame]) -> None:
    nation["geography"] = nation["geography"].with_columns(filter_expression=pl.lit("weather == 1"))
    with pytest.raises(ValueError, match="weather"):
        population_totals(nation, YEAR)


def test_crossing_numbers_run_through_the_levels(nation: dict[str, pl.LazyFrame]) -> None:
    split = {"data_year": YEAR, "ori": "VT0000100", "msa_name": "Boston", "population": 0, "population_share": 0.0}
    nation["agency_county"] = pl.concat(
        [
            nation["agency_county"],
            frame(
                AGENCY_COUNTY,
                {"county_fips": "25001", "metro_division_name": "A", **split},
                {"county_fips": "25003", "metro_division_name": "B", **split},
                {"county_fips": "25005", **split},
            ),
        ]
    )
    sheets = crossing_numbers(nation, YEAR)
    assert sheets["Region"].row(0) == ("1", 1, 21)
    assert sheets["State"].row(-1) == ("WY", 12, 712)
    assert sheets["FO"].rows() == [("Albany", 1, 713), ("Albany", 2, 714), ("Albany", 3, 715)]
    assert sheets["JD"]["jdCrossNum"].to_list() == [716, 717, 718, 719]
    groups = {name: rows["msaWgtGp"].to_list() for (name,), rows in sheets["MSA"].group_by("msaLvl")}
    assert groups == {"Boston": [4, 5, 6, 7, 8, 9], "Burlington, VT": [1, 2, 3]}
    assert sheets["MSA"]["msaCrossNum"].to_list() == list(range(720, 729))


def test_agencies_are_found_by_legacy_ori_and_others_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "pieces.csv"
    path.write_text(
        "ORI,LEGACY_ORI,state,county,COUNTY_NAME_CENSUS,MSA_NAME_COUNTY,METRO_DIVISION_COUNTY,JUDICIAL_DISTRICT_NAME,"
        "FIELD_OFFICE_NAME,popResidAgcyCounty_cbi,propMult\n"
        "VT0990000,,VT,7,,Not Available,,,,10.4,1\n"
        "NY0000100,,36,001,,,,,,1,1\n"
    )
    known = agencies({"legacy_ori": "VT0990000"})
    with caplog.at_level(logging.INFO):
        rows = import_agency_county(known, path, YEAR).collect()
    assert rows.select("ori", "county_fips", "msa_name", "population").rows() == [("VT0000100", "50007", None, 10)]
    assert "1 rows are of agencies that are not in the source" in caplog.text


def test_an_agency_named_by_both_its_oris_is_refused(nation: dict[str, pl.LazyFrame], tmp_path: Path) -> None:
    path = tmp_path / "smoothed.csv"
    path.write_text("ORI_UNIVERSE,totcrime\nVT0000200,1\nVT0990000,1\n")
    with pytest.raises(PipelineError, match="lines 2 and 3, column ORI: two rows have ORI VT0000200"):
        import_srs_benchmark(nation["agency"], path, YEAR)


def test_a_county_named_twice_counts_where_it_has_residents(nation: dict[str, pl.LazyFrame], tmp_path: Path) -> None:
    path = tmp_path / render_externals(nation, YEAR, tmp_path)["cbi_summary_county_reduced"]
    text = pl.read_csv(path, infer_schema=False)
    pl.concat([text, text.with_columns(popResidAgcyCounty_cbi=pl.lit("0"))]).write_csv(path)
    found = import_agency_county(nation["agency"], path, YEAR).collect()
    assert_frame_equal(found, nation["agency_county"].collect(), check_row_order=False)


# What the importers refuse.

Change = Callable[[pl.DataFrame], pl.DataFrame]


def put(column: str, value: str, line: int = 2) -> Change:
    """Write a value into a cell."""

    def change(text: pl.DataFrame) -> pl.DataFrame:
        is_line = pl.int_range(pl.len()) == line - 2
        return text.with_columns(pl.when(is_line).then(pl.lit(value)).otherwise(column).alias(column))

    return change


def twice(text: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([text, text.head(1)])


@pytest.mark.parametrize(
    ("code_name", "change", "words"),
    [
        ("cbi_summary_county_reduced", twice, ["lines 2 and 5", "ORI VT0000100, county 50001"]),
        ("cbi_summary_county_reduced", put("popResidAgcyCounty_cbi", "-1"), ["line 2", "popResidAgcyCounty_cbi", "-1"]),
        ("cbi_summary_county_reduced", put("popResidAgcyCounty_cbi", "many", 3), ["line 3", "'many' is not a number"]),
        ("cbi_summary_county_reduced", put("propMult", "0.3"), ["line 2, 3", "propMult", "1.05", "VT0000100"]),
        ("cbi_summary_county_reduced", put("propMult", "inf"), ["line 2", "propMult", "not a number"]),
        ("cbi_summary_county_reduced", put("state", "99"), ["line 2", "column state", "'99' is not a state"]),
        ("cbi_summary_county_reduced", put("county", "1000"), ["line 2", "column county", "'1000'"]),
        ("cbi_summary_county_reduced", put("ORI", ""), ["line 2", "column ORI", "is missing"]),
        ("cbi_summary_county_reduced", lambda text: text.drop("propMult"), ["column propMult is missing", "found ORI"]),
        ("population", twice, ["lines 2 and 6", "PERMUTATION_NUMBER 1"]),
        ("population", put("PERMUTATION_NUMBER_DESC", "quit()"), ["line 2", "PERMUTATION_NUMBER_DESC", "'quit()'"]),
        ("population", put("WEIGHT_VAR", "MyWgt"), ["line 2", "WEIGHT_VAR", "'MyWgt'", "NationalWgt"]),
        ("population", put("PERMUTATION_NUMBER", "1.5"), ["line 2", "not a whole number"]),
        ("population", lambda text: text.drop("WEIGHT_VAR"), ["column WEIGHT_VAR is missing"]),
        ("exclusion", put("PERMUTATION_NUMBER", "x"), ["line 2", "'x' is not a number"]),
        ("srs_smoothed", twice, ["lines 2 and 4", "ORI_UNIVERSE VT0000100"]),
        ("srs_smoothed", put("totcrime", "?"), ["line 2", "column totcrime", "'?'"]),
        ("srs_smoothed", lambda text: text.rename({"totcrime": "totcrime_arson"}), ["totcrime_arson", "vhcTheft"]),
        ("srs_smoothed", lambda text: text.select("ORI_UNIVERSE"), ["column totcrime is missing"]),
        ("judicial_district", twice, ["lines 2 and 3", "JUDICIAL_DISTRICT_CODE 001"]),
        ("field_office", put("FIELD_OFFICE_NAME", ""), ["line 2", "FIELD_OFFICE_NAME", "is missing"]),
        ("county_population", twice, ["county_fips 50001", "sex_code M"]),
        ("county_population", put("population", "-3"), ["line 2", "column population", "-3"]),
        ("county_population", put("county_fips", "99001"), ["line 2", "column county_fips", "is not a state"]),
        ("county_population", put("race_code", "X"), ["line 2", "column race_code", "'X'", "W, B"]),
        ("county_population", put("age_bin_code", "OLD"), ["line 2", "column age_bin_code", "'OLD'"]),
        (
            "county_population",
            lambda text: text.with_columns(data_year=pl.lit("2023")),
            ["column data_year", "there is no row of 2024"],
        ),
    ],
)
def test_faults_are_named(
    nation: dict[str, pl.LazyFrame], tmp_path: Path, code_name: str, change: Change, words: list[str]
) -> None:
    paths = {name: tmp_path / file for name, file in render_externals(nation, YEAR, tmp_path).items()}
    change(pl.read_csv(paths[code_name], infer_schema=False)).write_csv(paths[code_name])
    readers: dict[str, Callable[[], pl.LazyFrame]] = {
        "cbi_summary_county_reduced": lambda: import_agency_county(nation["agency"], paths[code_name], YEAR),
        "population": lambda: import_geography(paths[code_name], None),
        "exclusion": lambda: import_geography(paths["population"], paths[code_name]),
        "srs_smoothed": lambda: import_srs_benchmark(nation["agency"], paths[code_name], YEAR),
        "judicial_district": lambda: import_judicial_district(paths[code_name]),
        "field_office": lambda: import_field_office(paths[code_name]),
        "county_population": lambda: import_county_population(paths[code_name], YEAR),
    }
    with pytest.raises(PipelineError) as error:
        readers[code_name]().collect()
    for word in [paths[code_name].name, *words]:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "cannot be read"),
        (b"FIELD_OFFICE_UNIV,FIELD_OFFICE_NAME\n1,a,b\n", "cannot be read"),
        (b"FIELD_OFFICE_UNIV,FIELD_OFFICE_NAME\n1,M\xfcnchen\n", "cannot be read"),
        (b"FIELD_OFFICE_UNIV,FIELD_OFFICE_UNIV\n1,2\n", "FIELD_OFFICE_UNIV is repeated"),
        (b"PK\x03\x04", "is missing"),
    ],
)
def test_files_that_are_no_table(tmp_path: Path, content: bytes, word: str) -> None:
    path = tmp_path / "fo.csv"
    path.write_bytes(content)
    with pytest.raises(PipelineError, match=word) as error:
        import_field_office(path)
    assert "fo.csv" in str(error.value)


def test_headers_may_differ_in_case_and_blank_lines_are_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "fo.csv"
    path.write_text("field_office_univ,Field_Office_Name\n\n 3 , Albany \n\n")
    assert import_field_office(path).collect().rows() == [("3", "Albany")]


def test_parquet_is_read(nation: dict[str, pl.LazyFrame], tmp_path: Path) -> None:
    path = tmp_path / "counties.parquet"
    nation["county_population"].collect().write_parquet(path)
    found = import_county_population(path, YEAR).collect()
    assert_frame_equal(found, nation["county_population"].collect())


# Workbooks.


def write_workbook(path: Path, sheets: Mapping[str, list[list[str | float | None]]]) -> Path:
    """The least workbook that a reader accepts."""
    office = "http://schemas.openxmlformats.org"
    main, relations = f"{office}/spreadsheetml/2006/main", f"{office}/officeDocument/2006/relationships"
    package = f"{office}/package/2006/relationships"

    def cell(value: str | float | None) -> str:
        if value is None:
            return "<c/>"
        if isinstance(value, str):
            return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
        return f"<c><v>{value}</v></c>"

    names = list(sheets)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{office}/package/2006/content-types"><Default Extension="rels" ContentType="application/'
            'vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
            '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.'
            'spreadsheetml.sheet.main+xml"/></Types>',
        )
        file.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}"><Relationship Id="r1" Type="{relations}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        listed = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, name in enumerate(names, 1))
        file.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets>{listed}</sheets></workbook>'
        )
        targets = "".join(
            f'<Relationship Id="r{n}" Type="{relations}/worksheet" Target="worksheets/sheet{n}.xml"/>'
            for n in range(1, len(names) + 1)
        )
        file.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{package}">{targets}</Relationships>')
        for n, rows in enumerate(sheets.values(), 1):
            cells = "".join("<row>" + "".join(map(cell, row)) + "</row>" for row in rows)
            file.writestr(
                f"xl/worksheets/sheet{n}.xml",
                f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>',
            )
    return path


def test_workbooks_are_read_by_sheet(tmp_path: Path) -> None:
    pytest.importorskip("fastexcel")
    path = write_workbook(
        tmp_path / "crosswalk.xlsx",
        {
            "JD": [["JUDICIAL_DISTRICT_CODE", "JUDICIAL_DISTRICT_NAME"], ["001", "Alabama, Middle"]],
            "FO": [["FIELD_OFFICE_UNIV", "FIELD_OFFICE_NAME"], [3, "Albany"], [None, None], [4, "Boston"]],
        },
    )
    assert import_judicial_district(path).collect().rows() == [("001", "Alabama, Middle")]
    assert import_field_office(path).collect().rows() == [("3", "Albany"), ("4", "Boston")]


def test_faults_of_a_workbook_are_named(tmp_path: Path) -> None:
    pytest.importorskip("fastexcel")
    path = write_workbook(tmp_path / "fo.xlsx", {"FO": [["FIELD_OFFICE_UNIV", "FIELD_OFFICE_NAME"], [3, None]]})
    with pytest.raises(PipelineError, match=r"fo\.xlsx, line 2, column FIELD_OFFICE_NAME"):
        import_field_office(path)
    path.write_bytes(b"no workbook")
    with pytest.raises(PipelineError, match=r"fo\.xlsx cannot be read as XLSX"):
        import_field_office(path)


# The wrapper.


@dataclass(frozen=True)
class _Source:
    writes: tuple[Dataset, ...] = DATASETS
    spec: str = "test:"

    def probe(self, year: int, seed: int) -> Probe:
        return Probe((year,), {}, str(seed), True, "a source for tests")

    def tasks(self) -> tuple[Task, ...]:
        return (Task(name="ingest_agencies", function=self.ingest, writes=self.writes),)

    def ingest(self) -> dict[str, pl.LazyFrame]:
        return {dataset.name: dataset.empty() for dataset in self.writes}


def added(*code_names: str, writes: tuple[Dataset, ...] = DATASETS) -> list[str]:
    return [task.name for task in with_external_files(_Source(writes), code_names).tasks()][1:]


def test_one_task_for_each_dataset_whose_file_is_named() -> None:
    assert added() == []
    assert added("population", "pep") == ["import_geography"]
    assert added("exclusion") == []
    assert len(added(*FILES)) == 9
    assert {file.code_name for task in with_external_files(_Source(), FILES).tasks() for file in task.externals} == set(
        FILES
    )


def test_the_dataset_of_the_source_wins(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert added("population", "field_office", writes=(*DATASETS, GEOGRAPHY)) == ["import_field_office"]
    assert "its own dataset geography, so the external file population is not read" in caplog.text


def test_the_wrapped_source_is_picklable_and_keeps_its_name() -> None:
    source = with_external_files(_Source(), ["population"])
    again = pickle.loads(pickle.dumps(source))
    assert again.spec == "test:"
    assert again.probe(YEAR, 5).fingerprint == "5"
    assert [task.name for task in again.tasks()] == [task.name for task in source.tasks()]


# Filters.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a == 1", [1]),
        ("a == 1 | a == 3", [1, 3]),
        ("a %in% c(1, 2.0) & b == 'x'", [1]),
        ('a == 3 | a %in% c(1,2) & b == "y"', [2, 3]),
        ('(a == 3 | a %in% c(1,2)) & b == "y"', [2]),
        ('b == "it\'s"', []),
    ],
)
def test_filters_select(text: str, expected: list[int]) -> None:
    rows = pl.DataFrame({"a": [1, 2, 3, None], "b": ["x", "y", None, "y"]})
    assert rows.filter(parse_filter(text).expression())["a"].to_list() == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "a = 1", "a == b", "a > 1", "a == 1 &", "& a == 1", "(a == 1", "a == 1)", "a %in% (1)", "a %in% c()",
        "a == 1 b == 2", "__import__('os')", "a == 'x", "a == 1;", "a == 1.2.3", "a == 1e5", "1 == a", "(" * 500,
        "a %in% c(b)", "c(1) == 1", "!a == 1",
    ],
)  # fmt: skip
def test_filters_outside_the_grammar_are_refused(text: str) -> None:
    with pytest.raises(FilterError):
        parse_filter(text)


def test_all_states_are_known_to_the_importer() -> None:
    assert code_list("state")["state_fips"].drop_nulls().len() >= 51


def test_table_of_state_groups(tmp_path: Path) -> None:
    """The reference's table (handbook 07): classes of a state that share a number are one group."""
    shipped = Path(__file__).parents[2] / "docs" / "reference" / "state_weight_groups.csv"
    rows = checked(import_state_weight_group(shipped), STATE_WEIGHT_GROUP)
    assert rows.height == 4 * 51
    groups: dict[str, dict[str, int]] = {}
    for state, one, group in rows.iter_rows():
        groups.setdefault(state, {})[one] = group
    assert groups["VT"] == {"A": 1, "B": 2, "Z": 3, "O": 4}
    assert set(groups["FL"].values()) == set(groups["HI"].values()) == {9}
    assert {state for state, of in groups.items() if of["A"] == 1} == set(groups) - {"AK", "FL", "HI", "LA", "MD", "PA"}
    assert {state for state, of in groups.items() if of["B"] == 2} == set(groups) - {"FL", "HI", "LA", "MD", "MS", "PA"}
    assert {state for state, of in groups.items() if of["Z"] == 3} == set(groups) - {"FL", "HI"}
    assert {state for state, of in groups.items() if of["O"] == 4} == set(groups) - {"AK", "FL", "HI", "MS", "PA"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("VT,Z,3", "VT,Z,10"), ["column weight_group", "'10'", "is not a valid code"]),
        (("VT,Z,3", "VT,X,3"), ["column super_class", "'X'", "is not a valid code"]),
        (("VT,Z,3", "XX,Z,3"), ["column state_abbr", "'XX'", "not a UCR abbreviation"]),
        (("VT,Z,3\n", ""), ["column state_abbr", "'VT'", "does not have all four super classes"]),
        (("VT,Z,3\n", "VT,O,3\n"), ["VT"]),
    ],
)
def test_wrong_tables_of_state_groups_are_refused(change: tuple[str, str], told: list[str], tmp_path: Path) -> None:
    rows = "state_abbr,super_class,weight_group\nVT,A,1\nVT,B,2\nVT,Z,3\nVT,O,4\n"
    (tmp_path / "groups.csv").write_text(rows.replace(*change))
    with pytest.raises(PipelineError) as error:
        import_state_weight_group(tmp_path / "groups.csv")
    for part in told:
        assert part in str(error.value)
