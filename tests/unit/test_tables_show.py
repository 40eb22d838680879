"""`nibrs tables show`: which run, geography, series and column are meant, and what is printed."""

import io
import json
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console
from tests.support.estimated import REASON, Place, estimates, with_suppressed_place, write_run
from tests.support.frames import DATASETS
from typer.testing import CliRunner, Result

from nibrs_estimation.cli.pager import paged
from nibrs_estimation.cli.table_view import lines_of
from nibrs_estimation.cli.tables import tables_app
from nibrs_estimation.model.coverage import COVERAGE
from nibrs_estimation.model.published import PUBLISHED
from nibrs_estimation.pipeline.errors import UsageError
from nibrs_estimation.pipeline.manifest import Cause, Manifest
from nibrs_estimation.pipeline.table import find_table, read_table, write_table
from nibrs_estimation.reading.runs import find_run
from nibrs_estimation.tables.caution import cautions
from nibrs_estimation.tables.read import table_definition, table_definitions
from nibrs_estimation.tables.table_rows import INTERVAL_MEANS, MONTHS_INFERRED, OWN_WEIGHTS


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    write_run(folder, "old", ended="2024-01-01T00:00:00+00:00")
    write_run(folder, "us", ended="2025-01-01T00:00:00+00:00")
    write_run(folder, "broken", ended="2026-01-01T00:00:00+00:00", state="failed")
    return folder


def show(scratch: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str, width: int = 200) -> Result:
    monkeypatch.setenv("SCRATCH_DIR", str(scratch))
    console = Console(width=width)
    for module in ("table_show", "table_frame"):
        monkeypatch.setattr(f"nibrs_estimation.cli.{module}.console", console)
    return CliRunner().invoke(tables_app, ["show", *arguments])


def told(scratch: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str, width: int = 200) -> str:
    """What is shown, without line ends and repeated blanks."""
    result = show(scratch, monkeypatch, *arguments, width=width)
    if result.exception is not None:
        raise result.exception
    return " ".join(result.stdout.split())


def test_the_nation_of_the_run_that_finished_last(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = told(scratch, monkeypatch, "1a", "--column", "violent_crime", "--all")
    assert "1a Person Incidents Incidents in which a crime against a person was reported." in words
    assert "The United States (nation, geography 1) Data year 2024, source cde:zips, run us" in words
    assert "The newest of 2 finished runs; --run NAME shows another." in words
    assert "Incident count 9,000 a 7,236 – 10,764 10.0% 3" in words
    assert "Incident rate (per 100k total pop) 900.0 a 723.6 – 1,076.4 10.0% 3" in words
    assert "Weapon involved ᵖ No 6,000 a 4,824 – 7,176 66.7 a 62.7 – 70.6 10.0% 3 Yes 3,000" in words
    # Nothing reported has an upper end.
    assert "Weapon involved (% of weapon involved yes) ᵖ Personal weapons 0 0 – 2 0.0 0 Firearms 1,500" in words
    assert words.count(INTERVAL_MEANS["prediction"]) == 1
    assert f"n/a¹ {REASON}" in words
    assert "n/a² the rows that it is a percentage of are 0" in words
    assert "ᵖ its codes are a proposal of this program" in words
    # The sum is defined where it is shown.
    assert "Violent Crime: Murder and Nonnegligent Manslaughter (09A); Rape (11A)" in words
    assert "Left out" not in words


def test_all_columns_with_intervals(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = told(scratch, monkeypatch, "1a", "--run", "old", "--geography", "vt", "--all")
    assert "Vermont (state, VT, FIPS 50, geography 102) Data year 2024, source cde:zips, run old" in words
    assert "2,000 (1,608–2,392)" in words
    assert "– never estimated, by design of the table" in words
    assert INTERVAL_MEANS["prediction"] in words
    assert "finished runs" not in words


def test_the_meaning_of_intervals_follows_the_rule_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path, "us")
    cause = Cause("", {"variance_rule": "reference"}, {}, {})
    manifest = Manifest("estimate_cells", cause, {}, "", 0.0, None, "", "inline")
    (tmp_path / "us/all/manifests").mkdir()
    manifest.write(tmp_path / "us/all/manifests/estimate_cells.json")
    for arguments in (("--all",), ("--column", "violent_crime")):
        words = told(tmp_path, monkeypatch, "1a", *arguments)
        assert INTERVAL_MEANS["reference"] in words
        assert INTERVAL_MEANS["prediction"] not in words
    data = json.loads(show(tmp_path, monkeypatch, "1a", "--json").stdout)
    assert data["interval"] == INTERVAL_MEANS["reference"]


def test_where_only_months_are_inferred_there_is_no_interval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path, "us")
    datasets = tmp_path / "us/all/datasets"
    coverage = read_table(find_table(datasets, COVERAGE), COVERAGE).collect()
    inferred = coverage.with_columns(unreported_ratio=pl.lit(0.0), has_inferred_months=pl.lit(True))
    write_table(inferred.lazy(), COVERAGE, datasets / "coverage.parquet")
    words = told(tmp_path, monkeypatch, "1a", "--column", "violent_crime", "--all")
    assert "Incident count 9,000 a inferred" in words
    assert f"inferred, or without interval: {MONTHS_INFERRED}" in words
    assert "not sampled" not in words


def test_suppressed_cells_show_why_and_their_numbers_only_if_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(tmp_path, "us")
    datasets = tmp_path / "us/all/datasets"
    for name, frame in with_suppressed_place(estimates(), 102).items():
        if name in ("coverage", "geography_quality"):
            write_table(frame, DATASETS[name], datasets / f"{name}.parquet")
    reason = "×¹ suppressed: more than 75% of the main numbers of the place are not reliable"
    vermont = ("1a", "--column", "violent_crime", "--geography", "vt")
    hidden = told(tmp_path, monkeypatch, *vermont)
    assert "Incident count ×¹ ×¹" in hidden
    assert "1,000" not in hidden
    assert reason in hidden
    assert "--show-suppressed shows the numbers of suppressed cells" in hidden
    # The letters of cautions go with numbers.
    assert "caution:" not in hidden
    shown = told(tmp_path, monkeypatch, *vermont, "--show-suppressed")
    assert "Incident count 1,000 ac×¹ 804 – 1,196" in shown
    assert reason in shown
    assert "--show-suppressed" not in shown
    beside = told(tmp_path, monkeypatch, "1a", "--row", "1", "--column", "17", "-g", "us", "-g", "vt")
    assert "The United States 9,000 a 7,236 – 10,764" in beside
    assert "Vermont ×¹ ×¹" in beside
    # Files keep the number, with flag and reason.
    path = tmp_path / "vt.csv"
    told(tmp_path, monkeypatch, *vermont, "--row", "1", "--csv", str(path))
    row = pl.read_csv(path, schema=PUBLISHED.schema).row(0, named=True)
    assert (row["estimate"], row["is_suppressed"]) == (1000.0, True)
    assert row["suppression_reason"].startswith("more than 75% of the main numbers")


@pytest.mark.parametrize("name", table_definitions())
def test_a_table_fits_a_screen_unless_asked_for_more(name: str, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = show(scratch, monkeypatch, name, width=80).stdout.splitlines()
    assert len(lines) <= 50
    assert max(map(len, lines)) <= 80
    definition = table_definition(name)
    assert " ".join(definition.counts.split()) in " ".join(" ".join(lines).split())
    n_published = sum(not row.is_dropped for row in definition.rows)
    if n_published > 30 or len(definition.columns) > 3:
        assert "--all shows everything" in " ".join(" ".join(lines).split())


@pytest.mark.parametrize("arguments", [(), ("--all",), ("--row", "1"), ("--column", "2"), ("-g", "us", "-g", "vt")])
@pytest.mark.parametrize("width", [60, 80, 133])
def test_no_line_is_wider_than_the_terminal(
    width: int, arguments: tuple[str, ...], scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("1a", "GV2a", "4b"):
        result = show(scratch, monkeypatch, name, *arguments, width=width)
        assert result.exception is None
        assert max(map(len, result.stdout.splitlines())) <= width


def test_what_is_left_out_is_named(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = told(scratch, monkeypatch, "3a", width=80)
    assert "Not shown, 32 of 33 columns: NIBRS crimes against persons (Total);" in words
    assert " of 171 rows: " in words
    assert "--all shows everything, --column NAME or --row LABEL shows one of them in full" in words
    assert len(show(scratch, monkeypatch, "3a", "--all", width=80).stdout.splitlines()) > 1000


def test_rows_by_number_label_block_or_part(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_label = told(scratch, monkeypatch, "1a", "--row", "Weapon involved: Firearms", "--column", "17")
    assert by_label == told(scratch, monkeypatch, "1a", "--row", "6", "--column", "violent_crime")
    # The row says what its percentage is of.
    assert "Weapon involved: Firearms (% of" in by_label
    assert "1,500 a 1,206 – 1,794" in by_label
    block = told(scratch, monkeypatch, "1a", "--row", "weapon involved", "--column", "17")
    assert "Personal weapons" in block
    assert "Injury" not in block
    part = told(scratch, monkeypatch, "3a", "--row", "firearms", "--column", "2")
    assert "Weapon involved - Yes 2" in part
    assert "Weapon involved - Yes 3: Firearms" in part
    with pytest.raises(UsageError, match=r"There is no row 'teeth' in table 1a. Give a number or a part of a label: "):
        told(scratch, monkeypatch, "1a", "--row", "teeth")
    with pytest.raises(UsageError, match=r"in table 1a \(did you mean Weapon involved\?\)"):
        told(scratch, monkeypatch, "1a", "--row", "weapon envolved")
    with pytest.raises(UsageError, match=r"\(did you mean Aggravated Assault\?\)"):
        told(scratch, monkeypatch, "1a", "--column", "agravated assault")


def test_one_row_with_every_column(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = told(scratch, monkeypatch, "1a", "--row", "1", "--all")
    assert "Aggravated Assault 0" in words
    assert "Violent Crime 9,000 a 7,236 – 10,764 10.0% 3" in words


def test_geographies_side_by_side(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = told(scratch, monkeypatch, "1a", "-g", "VT", "-g", "us", "-g", "Vermont", "--column", "violent_crime")
    assert "Vermont (state, VT, FIPS 50, geography 102) The United States (nation, geography 1) Data year" in words
    assert "Incident count 1,000 (804–1,196) a 9,000 (7,236–10,764)" in words
    words = told(scratch, monkeypatch, "1a", "-g", "VT", "-g", "us", "--column", "violent_crime", "--row", "1")
    assert "Vermont 1,000 a 804 – 1,196 10.0% 3 The United States 9,000 a 7,236 – 10,764 10.0% 3" in words
    words = told(scratch, monkeypatch, "1a", "-g", "VT", "-g", "us")
    assert "Vermont The United States NIBRS crimes against persons (Total) 2,000 (1,608–2,392) a 18,000" in words
    assert OWN_WEIGHTS in words
    assert "Incident rate (per 100k total pop) Vermont" in words


def test_too_many_geographies_are_for_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more: list[Place] = [(number, "msa", f"Area {number}", None, f"Area {number}") for number in range(109, 116)]
    write_run(tmp_path, "us", more_places=more)
    with pytest.raises(UsageError, match=r"14 geographies are too many to show .* or add --csv FILE or --json"):
        told(tmp_path, monkeypatch, "1a", "--geography", "all")


def test_real_data_go_before_synthetic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path, "made-up", ended="2026-01-01T00:00:00+00:00", source="synthetic:0.01", is_synthetic=True)
    words = told(tmp_path, monkeypatch, "1a", "--row", "1")
    mark = "SYNTHETIC DATA: these numbers describe a nation that does not exist; data year 2024, source synthetic:0.01"
    assert f"{mark}, run made-up" in words
    write_run(tmp_path, "real", ended="2025-01-01T00:00:00+00:00")
    words = told(tmp_path, monkeypatch, "1a", "--row", "1")
    assert "SYNTHETIC" not in words
    assert "source cde:zips, run real Run made-up is newer but synthetic: the newest run of real data is" in words
    assert mark in told(tmp_path, monkeypatch, "1a", "--run", "made-up")
    csv = tmp_path / "x.csv"
    assert mark in told(tmp_path, monkeypatch, "1a", "--run", "made-up", "--csv", str(csv))
    # Runs that know only what their metadata say are told apart, too.
    (tmp_path / "made-up/all/datasets/identity.json").unlink()
    assert "source cde:zips, run real" in told(tmp_path, monkeypatch, "1a", "--row", "1")
    assert mark in told(tmp_path, monkeypatch, "1a", "--run", "made-up")


def test_a_number_that_is_a_fips_code_is_questioned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path, "us", more_places=[(50, "region", "4", "Agency Type City", "West, City")])
    both = (
        r"50 may be geography number 50, West, City \(a part of the region: Agency Type City, geography 50\), or FIPS "
        r"code 50, Vermont \(state, VT, FIPS 50, geography 102\). Write geography:50 or fips:50"
    )
    with pytest.raises(UsageError, match=both):
        told(tmp_path, monkeypatch, "1a", "--geography", "50")
    assert "West, City (a part of" in told(tmp_path, monkeypatch, "1a", "--geography", "geography:50")
    assert "Vermont (state" in told(tmp_path, monkeypatch, "1a", "--geography", "fips:50")
    # 33 is no geography of the run, and 01 no number that anybody writes for a geography.
    assert "New Hampshire (state, NH, FIPS 33" in told(tmp_path, monkeypatch, "1a", "--geography", "33")
    with pytest.raises(UsageError, match=r"'01' is no geography"):
        told(tmp_path, monkeypatch, "1a", "--geography", "01")


def test_what_asks_for_caution_is_marked(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three agencies are behind each estimate; a legend tells what the mark means."""
    rule = cautions()["few_agencies"]
    for arguments in (("--column", "violent_crime"), ("-g", "us", "-g", "vt"), ("--row", "1")):
        words = told(scratch, monkeypatch, "1a", *arguments)
        assert f"{rule.mark} caution: {rule.words}" in words
    assert f"Incident count 9,000 {rule.mark} 7,236" in told(scratch, monkeypatch, "1a", "--column", "violent_crime")
    assert "caution" not in told(scratch, monkeypatch, "1b", "--column", "arson")


def test_a_pager_is_for_terminals_that_are_too_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pager = tmp_path / "pager"
    pager.write_text(f"#!/bin/sh\nprintf '%s' \"$LESS\" > {tmp_path}/less\ncat > {tmp_path}/paged\n")
    pager.chmod(0o755)
    monkeypatch.setenv("PAGER", str(pager))
    monkeypatch.delenv("LESS", raising=False)
    for is_terminal, height, is_wanted, is_paged in (
        (True, 10, True, True), (True, 100, True, False), (False, 10, True, False), (True, 10, False, False),
    ):  # fmt: skip
        printed = io.StringIO()
        console = Console(file=printed, force_terminal=is_terminal, width=80, height=height)
        with paged(console, is_wanted=is_wanted):
            console.print("line\n" * 20)
        shown = tmp_path / "paged"
        assert shown.exists() == is_paged
        if is_paged:
            assert shown.read_text().count("line") == 20
            assert (tmp_path / "less").read_text() == "FRX"
            shown.unlink()
        else:
            assert printed.getvalue().count("line") == 20
    monkeypatch.setenv("PAGER", "no-such-pager")
    printed = io.StringIO()
    console = Console(file=printed, force_terminal=True, width=80, height=10)
    with paged(console):
        console.print("line\n" * 20)
    assert printed.getvalue().count("line") == 20


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("1", "The United States"), ("us", "The United States"), ("6", "The United States, City"),
        ("VT", "Vermont (state"), ("vermont", "Vermont (state"), ("558", "Vermont (judicial district"),
        ("north", "Northeast"), ("102", "Vermont"), ("City", "The United"),
    ],
)  # fmt: skip
def test_geographies(asked: str, found: str, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found in show(scratch, monkeypatch, "DM1", "--geography", asked).stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["9z"], "There is no table '9z'"),
        (
            ["1a", "--geography", "new"],
            r"matches several geographies of run us. Name one: 86 New Hampshire; 90 New York",
        ),
        (["1a", "--geography", "77"], r"'77' is no geography of run us. Name one: 1 the United States; "),
        (["1a", "--geography", "NE"], r"Nebraska \(geography 84\) is not estimated in run us: no agency responded"),
        (["1a", "--geography", "NY"], r"New York .* list of geographies left out"),
        (["1a", "--series", "male"], "Table 1a has no demographic series"),
        (["3a", "--series", "nobody"], "There is no series 'nobody'. Name one: 1 Age: Under 5; "),
        (["3a", "--series", "white"], "matches several: 147 Race: Non-Hispanic White; 155 "),
        (["3a", "--series", "12"], r"Series 12 \(Race: White\) is retired"),
        (["3a", "--series", "84", "--geography", "VT"], "estimated for the nation only, not for Vermont"),
        (["3a", "--series", "154", "--geography", "VT"], "for the nation and its regions only"),
        (["1a", "--column", "crime"], "'crime' matches several: 1 NIBRS crimes"),
        (["1a", "--column", "99"], "There is no column of table 1a '99'"),
        (["1a", "--run", "nope"], "There is no run 'nope' with estimates in .* Runs with estimates: broken, old, us"),
        (["1a", "--run", "../x"], "is not a run id"),
        (["1a", "--frame", "--geography", "VT"], "--frame shows no estimates"),
        (["1a", "--csv", "x.csv", "--json"], "give one of them"),
    ],
)
def test_what_cannot_be_shown(
    arguments: list[str], message: str, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=message):
        raise show(scratch, monkeypatch, *arguments).exception or AssertionError("shown all the same")


@pytest.mark.parametrize(
    ("part", "arguments", "what"),
    [
        ("cell_estimate/3a.parquet", ["3a"], "table 3a"),
        ("series_estimate/3a_all2.parquet", ["3a", "--series", "male"], "demographic series of table 3a"),
    ],
)
def test_what_a_run_has_not_estimated_is_not_0(
    part: str, arguments: list[str], what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(tmp_path, "us")
    (tmp_path / "us/all/datasets" / part).unlink()
    with pytest.raises(UsageError, match=f"Run us has not estimated {what}. Run it completely"):
        raise show(tmp_path, monkeypatch, *arguments).exception or AssertionError("shown all the same")


def test_a_run_of_another_version_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path, "past")
    (tmp_path / "past/run.json").unlink()
    with pytest.raises(UsageError, match=r"Run past in .* another version of this program"):
        told(tmp_path, monkeypatch, "1a", "--run", "past")
    with pytest.raises(UsageError, match=r"These runs are of another version of this program: past"):
        told(tmp_path, monkeypatch, "1a", "-g", "us")


def test_without_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Never estimated: rows 11-12" in told(tmp_path, monkeypatch, "2a")
    with pytest.raises(UsageError, match=r"No finished run in .* has estimates. `nibrs demo` creates"):
        raise show(tmp_path, monkeypatch, "2a", "--geography", "VT").exception or AssertionError
    write_run(tmp_path, "half", state="running")
    assert find_run(tmp_path, None) is None
    assert "run half" in show(tmp_path, monkeypatch, "DM1", "--run", "half").stdout


def test_the_frame_on_request(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = told(scratch, monkeypatch, "2a", "--frame")
    assert "2a Person Offenses Offenses against persons, one for each victim of each offense." in words
    assert "victim_offense" not in words
    assert "run us" not in words


def test_files(scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, every, men = (tmp_path / name for name in ("one.csv", "every.csv", "men.csv"))
    assert "3,920 rows" in show(scratch, monkeypatch, "1a", "--geography", "VT", "--csv", str(one)).stdout
    vermont = pl.read_csv(one, infer_schema_length=None)
    assert vermont.columns == list(PUBLISHED.schema)
    assert vermont.height == 3920
    assert vermont.filter(der_variable_name="t_1a_1_1_17")["estimate"].to_list() == [1000.0]
    assert (vermont["missing"] == "never estimated, by design of the table").sum() == 2 * 140
    show(scratch, monkeypatch, "1a", "--geography", "all", "--csv", str(every))
    read = pl.read_csv(every, infer_schema_length=None)
    assert read["geography_number"].unique().sort().to_list() == [1, 6, 12, 86, 102, 107, 558]
    assert read.filter(geography_number=102).equals(vermont)
    show(scratch, monkeypatch, "3a", "--geography", "all", "--series", "male", "--csv", str(men))
    read = pl.read_csv(men, infer_schema_length=None).filter(der_variable_name="t_3a_1_1_1")
    assert set(read["series_number"]) == {10}
    assert dict(read.select("geography_number", "estimate").rows()) == {
        1: 70.0, 6: 0.0, 12: 0.0, 86: 0.0, 102: 7.0, 107: 0.0, 558: 0.0,
    }  # fmt: skip


def test_parts_as_files(scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    csv = tmp_path / "part.csv"
    arguments = ["1a", "-g", "VT", "-g", "us", "--column", "violent_crime", "--row", "1", "--csv", str(csv)]
    assert "2 rows of 2 geographies" in told(scratch, monkeypatch, *arguments)
    read = pl.read_csv(csv, infer_schema_length=None)
    assert dict(read.select("geography_number", "estimate").rows()) == {102: 1000.0, 1: 9000.0}


def test_json(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = json.loads(show(scratch, monkeypatch, "3a", "--series", "10", "--column", "1", "--json").stdout)
    assert found["table"] == "3a"
    assert (found["run"], found["year"], found["source"], found["is_synthetic"]) == ("us", 2024, "cde:zips", False)
    assert [place["number"] for place in found["geographies"]] == [1]
    assert found["series"] == {"number": 10, "label": "Sex: Male"}
    assert {(row["geography_number"], row["column"]) for row in found["estimates"]} == {(1, 1)}
    assert found["estimates"][0]["estimate"] == 70.0
    both = json.loads(show(scratch, monkeypatch, "1a", "-g", "us", "-g", "VT", "--row", "1", "--json").stdout)
    assert [place["name"] for place in both["geographies"]] == ["the United States", "Vermont"]
    assert {(row["geography_number"], row["row"]) for row in both["estimates"]} == {(1, 1), (102, 1)}


def test_every_published_row_has_a_line() -> None:
    for definition in table_definitions().values():
        lines = lines_of(definition.rows)
        assert [line.row for line in lines if line.row] == [row for row in definition.rows if not row.is_dropped]
        assert not any("  " in line.label.text.strip() for line in lines)
