"""The explorer in a browser: every control, the numbers of the terminal, downloads, and what bad input gets."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from nibrs_estimation.cli import table_view
from nibrs_estimation.reading.agencies import AGENCIES_FILE, read_agencies, without_all_months
from nibrs_estimation.reading.comparing import Options, differences
from nibrs_estimation.reading.runs import EstimatedRun, required_run
from nibrs_estimation.reading.selection import find_rows, find_series
from nibrs_estimation.tables.definition import Estimate, TableDefinition
from nibrs_estimation.tables.guide import find_cells, find_questions
from nibrs_estimation.tables.read import table_definition
from nibrs_estimation.tables.table_cells import TYPE_NUMBERS
from tests.support.browser import PATIENCE_MS, Explorer, open_browser, served
from tests.support.command import nibrs, succeed
from tests.support.once import once

#: Tables of the small site: those of the ten questions, and of other kinds of numbers.
TABLES = ("1a", "2a", "2b", "3a", "3b", "5a", "GV2a", "LEOKA")
DOCS = Path(__file__).parents[2] / "docs/user-guide"
VIEWS = ("start", "table", "chart", "map", "compare", "coverage", "definitions")
_NUMBER = re.compile(r"[\d,]+(?:\.\d+)?")


@pytest.fixture(scope="session")
def site(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site of the demo with some of its tables."""

    def make(folder: Path) -> None:
        options = [option for name in TABLES for option in ("--table", name)]
        succeed(folder, "publish", "site", "--out", "site", *options, SCRATCH_DIR=str(demo / "scratch"))

    return once(tmp_path_factory, "explorer", make) / "site"


@pytest.fixture(scope="module")
def run(demo: Path) -> EstimatedRun:
    return required_run(demo / "scratch", "demo")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as found:
        yield found


@pytest.fixture
def explorer(site: Path, browser: Browser) -> Iterator[Explorer]:
    """The site on a desktop; no script may fail, and nothing may be asked of another place."""
    with served(site) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        shown = Explorer(page, address)
        yield shown
        page.close()
        assert not shown.wrong


def other_site(site: Path, folder: Path) -> Path:
    """A copy of the site, to damage it."""
    return shutil.copytree(site, folder / "site")


def place_number(run: EstimatedRun, name: str) -> int:
    return int(run.places.filter(pl.col("estimate_geographic_location") == name)["geography_number"][0])


# Numbers


def normal(text: str) -> str:
    """A text with every number as its value: 3.0 and 3 are the same."""
    return _NUMBER.sub(lambda found: repr(float(found[0].replace(",", ""))), text)


def expected(cell: dict[str, Any], *, is_known: bool) -> tuple[str, str]:
    """Estimate and interval as the terminal shows them, without marks."""
    if cell["is_blank"]:
        return "–", ""
    if cell["suppression_reason"] is not None:
        return "×", ""
    if cell["missing"] is not None:
        return "n/a", ""
    value = table_view._of_known(cell) if is_known else table_view._estimate(cell)
    return value, "" if is_known else table_view._interval(cell)


def check_random_cells(explorer: Explorer, run: EstimatedRun, names: tuple[str, ...], n_cells: int) -> None:
    """Random cells of random views are those of the terminal."""
    draw = random.Random(25)
    checked = shown = 0
    tables: dict[tuple[str, int], pl.DataFrame] = {}
    while checked < n_cells:
        table = table_definition(draw.choice(names))
        place = run.places.sample(1, seed=draw.randrange(2**31))
        show = draw.choice(["count", "percentage", "known", "rate"])
        columns = sorted(draw.sample(range(1, len(table.columns) + 1), min(3, len(table.columns))))
        number = place["geography_number"][0]
        key = table.table, number
        if key not in tables:
            tables[key] = run.rows(table, place, None)
        wanted = cells_of(table, tables[key], columns, show)
        if not wanted:
            continue
        chosen = ",".join(map(str, columns))
        explorer.go(f"table?run=demo&table={table.table}&show={show}&places={number}&columns={chosen}")
        found = explorer.cells()
        assert len(found) == len(wanted)
        for (row, column), cell in draw.sample(sorted(wanted.items()), min(25, len(wanted))):
            value, interval = expected(cell, is_known=show == "known")
            texts = found[f"{number}-{row}-{column}"]
            assert [normal(text) for text in texts] == [normal(value), normal(interval)], (key, row, column, show)
            checked += 1
            shown += value not in ("–", "×", "n/a", "0", "0.0", "")
    # Most of the demo is suppressed or 0; enough is not.
    assert shown > n_cells / 30


def cells_of(
    table: TableDefinition, rows: pl.DataFrame, columns: list[int], show: str
) -> dict[tuple[int, int], dict[str, Any]]:
    """The cells that a view shows, by row and column: counts, or the rates of rows that have no count."""
    kinds = {}
    for row in table.rows:
        if show == "count" and row.estimates and not row.is_dropped:
            kinds[row.row] = TYPE_NUMBERS["count" if "count" in row.estimates else "rate"]
        elif show != "count" and ("percentage" if show == "known" else show) in row.estimates and not row.is_dropped:
            kinds[row.row] = TYPE_NUMBERS["rate" if show == "rate" else "percentage"]
    return {
        (cell["row"], cell["column"]): cell
        for cell in rows.filter(pl.col("column").is_in(columns)).iter_rows(named=True)
        if kinds.get(cell["row"]) == cell["estimate_type_num"]
    }


def test_numbers_are_those_of_the_terminal(explorer: Explorer, run: EstimatedRun) -> None:
    check_random_cells(explorer, run, TABLES, 300)


@pytest.mark.slow
def test_numbers_of_all_tables_are_those_of_the_terminal(
    demo: Path, run: EstimatedRun, browser: Browser, tmp_path: Path
) -> None:
    """1,000 of them; with all tables the site of the demo is below 60 MB."""
    succeed(tmp_path, "publish", "site", "--out", "site", SCRATCH_DIR=str(demo / "scratch"))
    site = tmp_path / "site"
    assert sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) < 60e6
    names = tuple(one["table"] for one in json.loads((site / "site.json").read_text())["tables"])
    assert len(names) > 30
    with served(site) as address:
        shown = Explorer(browser.new_page(), address)
        check_random_cells(shown, run, names, 1_000)
        assert not shown.wrong


# Controls


def test_start(explorer: Explorer) -> None:
    """Cards of a place, another place by its postal code, and the search."""
    page = explorer.page
    explorer.go("start")
    assert page.locator(".card").count() == 6
    assert "SYNTHETIC DATA" in page.locator("#identity").inner_text()
    page.locator("#places").fill("VT")
    page.locator("#places").press("Enter")
    page.get_by_role("button", name="Remove Vermont").wait_for()
    assert "Vermont" in page.locator("h2").inner_text()
    page.get_by_role("button", name="Remove United States").click()
    page.get_by_role("button", name="Remove United States").wait_for(state="detached")
    page.locator("#words").fill("aggravated assault firearm")
    page.locator("#find").click()
    page.locator("#found").wait_for()
    assert "How many aggravated assaults were there with a firearm?" in explorer.text()
    page.get_by_role("link", name="Person Victims, Firearm").or_(page.locator("#found a").first).first.click()
    page.locator("td[data-cell]").first.wait_for()
    page.go_back()
    page.locator("#words").fill("zebra")
    page.locator("#find").click()
    page.get_by_text("No table or place has any of the words").wait_for()


def test_table(explorer: Explorer) -> None:
    """Table, places, columns, rows, kind of number, details and order of the rows."""
    page = explorer.page
    explorer.go("table?table=1a")
    page.get_by_role("button", name="All 20 columns").click()
    page.get_by_role("button", name="Main columns").wait_for()
    assert page.locator("thead th").count() == 20
    page.get_by_role("button", name="Main columns").click()
    page.get_by_role("button", name="All 20 columns").wait_for()
    page.locator("#columns").fill("kidnapping")
    page.locator("#columns").press("Enter")
    page.get_by_role("button", name="Remove Kidnapping").wait_for()
    page.locator("#columns").fill("arson")
    page.locator("#columns").press("Enter")
    page.get_by_text("has no column “arson”").wait_for()
    page.locator("#rows").select_option(label="Weapon involved ᵖ")
    page.locator("tbody tr.heading").first.wait_for()
    page.wait_for_timeout(100)
    explorer.wait()
    assert page.locator("tbody tr:not(.heading)").count() == 2
    page.get_by_label("Percent", exact=True).check()
    explorer.wait()
    assert "show=percentage" in page.url
    page.get_by_label("Percent of known").check()
    explorer.wait()
    page.locator("#show-count").check()
    explorer.wait()
    page.get_by_label("Standard errors and agencies").check()
    explorer.wait()
    assert "agencies" in page.locator("td[data-cell]").first.inner_text()
    page.locator("thead button").first.click()
    page.locator('th[aria-sort="descending"]').wait_for()
    page.locator("thead button").first.click()
    page.locator('th[aria-sort="ascending"]').wait_for()
    page.locator("#table").select_option("3b")
    page.get_by_role("heading", name="Person Victims-Rates").wait_for()
    page.locator("#places").fill("Atlantis")
    page.locator("#places").press("Enter")
    page.get_by_text("has no place “Atlantis”").wait_for()


def test_address_holds_the_state(explorer: Explorer, browser: Browser) -> None:
    """The address of a view, opened in another window, shows the same."""
    explorer.go("table?table=1a&columns=2,5&rows=1,3&show=count&details=yes&sort=2-1 down")
    other = Explorer(browser.new_page(viewport={"width": 1280, "height": 900}), explorer.address)
    other.page.goto(explorer.page.url)
    other.wait()
    assert other.text() == explorer.text()
    other.page.close()


def test_chart(explorer: Explorer) -> None:
    """A dot for each number that is shown, and the numbers themselves."""
    page = explorer.page
    explorer.go("chart?table=1a&by=columns&columns=1,2,3")
    page.locator(".chart svg").wait_for()
    numbers = [text for text in page.locator("tbody .value").all_inner_texts() if text not in ("×", "n/a", "–")]
    assert numbers
    for number in numbers:
        assert page.locator(".chart svg text", has_text=number).count() == 1
    for by in ("rows", "places"):
        page.locator("#side-by-side").select_option(by)
        explorer.wait()
        assert f"by={by}" in page.url
    page.locator("#column").select_option("2")
    explorer.wait()


def test_map(explorer: Explorer, run: EstimatedRun) -> None:
    """States by rate, with those of low coverage hatched, and lists in the order of the rates."""
    page = explorer.page
    explorer.go("map?table=1a&columns=1&show=rate")
    states = run.places.filter(pl.col("geography_level") == "state", pl.col("agency_group").is_null())
    assert page.locator("path.hatched").count() == states.filter(pl.col("population_coverage") < 0.8).height
    assert page.locator("table.ranked").count() == 2
    shown = [text for text in page.locator("table.ranked").first.locator(".value").all_inner_texts() if text != "×"]
    values = [float(text.replace(",", "")) for text in shown if text != "n/a"]
    assert values == sorted(values, reverse=True)
    assert len(values) > 5
    page.locator("path.state:not(.none)").first.click()
    page.locator("td[data-cell]").first.wait_for()


def test_compare(explorer: Explorer, run: EstimatedRun) -> None:
    """Headline rates of two places have the interval of `nibrs compare`, others a cautious one and a command."""
    page, table = explorer.page, table_definition("1a")
    column = table.column("aggravated_assault")
    cells = run.rows(table, run.places, None, {2}).filter(
        pl.col("column") == column.position, pl.col("suppression_reason").is_null(), pl.col("estimate") > 0
    )
    states = run.places.filter(pl.col("geography_level") == "state", pl.col("agency_group").is_null())
    one, other = cells.filter(pl.col("geography_number").is_in(states["geography_number"].implode()))[
        "geography_number"
    ][:2]
    sides = (f"geography:{one}", f"geography:{other}")
    exact = differences(Options((run,), table, sides, ("1",), (column.name,), (), "rate"), shows_suppressed=False).row(
        0, named=True
    )
    explorer.go(f"compare?table=1a&by=places&first={one}&second={other}&columns={column.position}&show=rate")
    line = page.locator("tbody tr")
    assert line.get_attribute("data-kind") == "exact"
    shown = ends_of(line.locator("td").nth(3).inner_text())
    assert shown == pytest.approx([exact["lower"], exact["upper"]], abs=0.06)
    explorer.go(f"compare?table=1a&by=places&first={one}&second={other}&columns={column.position}&show=count")
    line = page.locator("tbody tr")
    assert line.get_attribute("data-kind") == "cautious"
    counts = differences(Options((run,), table, sides, ("1",), (column.name,), ()), shows_suppressed=False).row(
        0, named=True
    )
    low, high = ends_of(line.locator("td").nth(3).inner_text())
    assert low <= counts["lower"] + 1
    assert high >= counts["upper"] - 1
    assert f"--geography geography:{one} --geography geography:{other}" in page.locator(".command").inner_text()
    page.locator("#compare").select_option("columns")
    explorer.wait()
    page.locator("#second").select_option("5")
    explorer.wait()
    assert "second=5" in page.url
    page.locator("#compare").select_option("rows")
    explorer.wait()


def ends_of(text: str) -> list[float]:
    return [float(end.replace(",", "").replace("−", "-")) for end in text.split(" to ")]


@pytest.mark.parametrize("by", ["places", "columns", "rows"])
def test_the_command_of_a_comparison_works(explorer: Explorer, run: EstimatedRun, demo: Path, by: str) -> None:
    explorer.go(f"compare?table=1a&by={by}&columns=1")
    command = explorer.page.locator(".command").first.inner_text().split()
    done = nibrs(demo, *command[1:], SCRATCH_DIR=str(demo / "scratch"))
    assert done.returncode == 0, done.stderr
    assert run.run_id in command


def test_coverage(explorer: Explorer, run: EstimatedRun) -> None:
    """Facts of the place and its agencies, the largest first; the next page has smaller ones."""
    page = explorer.page
    explorer.go("coverage?table=1a")
    nation = run.coverage.row(0, named=True)
    assert (
        f"{nation['responding_agencies']:,} of {nation['eligible_agencies']:,} are in the estimates" in explorer.text()
    )
    rows = page.locator("table.agencies tbody tr")
    assert rows.count() == 50
    residents = [int(row.locator("td").nth(4).inner_text().replace(",", "") or 0) for row in rows.all()]
    assert residents == sorted(residents, reverse=True)
    page.get_by_role("button", name="Smaller agencies").click()
    page.get_by_text("Agencies 51 to 100").wait_for()
    page.get_by_role("button", name="Larger agencies").click()
    page.get_by_text("Agencies 1 to 50").wait_for()


def test_definitions(explorer: Explorer) -> None:
    explorer.go("definitions?table=1a")
    assert "nibrs tables show 1a" in explorer.text()
    explorer.page.get_by_role("link", name="Aggravated Assault", exact=True).click()
    explorer.page.locator("td[data-cell]").first.wait_for()


@pytest.mark.parametrize(
    "query",
    ["aggravated assault firearm", "women simple assault rate", "murder guns", "age robbery victims 18-24", "xyz"],
)
def test_search_is_that_of_the_terminal(explorer: Explorer, query: str) -> None:
    """The same questions, and the same cells in the same order, among the tables of the site."""
    explorer.go("start?words=" + query.replace(" ", "+"))
    hits = [hit for hit in find_cells(query) if hit.table.table in TABLES]
    most = max((hit.n_found for hit in hits), default=0)
    questions = find_questions(query)[:3]
    is_unanswered = any(not question.answers for question in questions)
    wanted = [] if is_unanswered else [hit for hit in hits if hit.n_found == most][:8]
    codes = explorer.page.locator("#found > ul code").all_inner_texts()
    assert codes == [
        f"nibrs tables show {hit.table.table} --row {hit.row.row} --column {hit.column.name}" for hit in wanted
    ]
    asked = explorer.page.locator("#found div h3").all_inner_texts()
    assert asked == [question.ask for question in questions]


def test_footer(explorer: Explorer, browser: Browser) -> None:
    """Every view can be cited and printed."""
    explorer.go("table?table=1a&columns=2")
    cited = explorer.page.locator("#citation").inner_text()
    assert "run demo" in cited
    assert explorer.page.url in cited
    assert re.search(r"Published [A-Z][a-z]+ \d{1,2}, \d{4}\.", cited)
    explorer.page.emulate_media(media="print")
    assert not explorer.page.locator("nav").is_visible()
    assert explorer.page.locator("td[data-cell]").first.is_visible()


def read_download(path: Path) -> pl.DataFrame:
    if path.suffix == ".xlsx":
        return pl.read_excel(path)
    return pl.read_csv(path) if path.suffix == ".csv" else pl.read_parquet(path)


def test_downloads(explorer: Explorer, tmp_path: Path) -> None:
    """CSV, XLSX and Parquet hold the same rows: those of the view."""
    explorer.go("table?table=1a&columns=1,2")
    found = {}
    for kind in ("csv", "xlsx", "parquet"):
        with explorer.page.expect_download() as waiting:
            explorer.page.locator(f"#download-{kind}").click()
        path = tmp_path / f"view.{kind}"
        waiting.value.save_as(path)
        found[kind] = read_download(path)
    shown = explorer.page.locator("td[data-cell]").count()
    columns = ["place", "row", "column", "column_label", "estimate"]
    kept = [
        table.select(columns).cast({"row": pl.Int64, "column": pl.Int64, "estimate": pl.Float64})
        for table in found.values()
    ]
    assert kept[0].height == shown
    assert kept[0].equals(kept[1])
    assert kept[0].equals(kept[2])
    assert found["csv"]["is_synthetic"].all()


# Ten questions


def asked(question: str) -> str:
    """The choices for a question that the handbook tells, from the table of the explorer's page."""
    rows: list[tuple[str, str]] = re.findall(
        r"^\| (.+?) \| (.+?) \|$", (DOCS / "explorer.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    return dict(rows)[question]


def answer(shown: Explorer, question: str) -> int:
    """Do what the handbook says for a question; returns the number of actions."""
    steps = asked(question).split("; ")
    for step in steps:
        kind, text = re.fullmatch(r"(search|open|choose|check) \*(.+)\*", step).groups()  # type: ignore[union-attr]
        if kind == "search":
            shown.page.locator("#words").fill(text)
            shown.page.locator("#words").press("Enter")
            shown.page.locator("#found").wait_for()
        elif kind == "open":
            shown.page.locator("#found").get_by_role("link", name=text).first.click()
        else:
            shown.page.get_by_label(text, exact=True).check()
        shown.page.wait_for_timeout(50)
        shown.wait()
    return len(steps)


QUESTIONS = [
    ("aggravated assaults with a firearm", "2a", "Weapon involved: Firearms", "aggravated_assault", "count"),
    ("share of robbery victims aged 18 to 24", "3a", "Victim Age: 18-24", "robbery", "percentage"),
    ("rate of simple assault per 100,000 women", "3b", "Sex-specific victimization rate: Female", "simple_assault",
     "rate"),
    ("clearance of burglary", "2b", "Clearance 2: Cleared incident", "burglary", "percentage"),
    ("murder victims killed with firearms", "GV2a", "1", "murder", "count"),
    ("simple assaults by intimate partners", "3a", "Victim-offender relationship hierarchy: Intimate partner",
     "simple_assault", "count"),
    ("officers assaulted, by activity", "LEOKA", "LEOKA Types of Activity", None, "count"),
]  # fmt: skip


@pytest.mark.parametrize(("question", "name", "row", "column", "kind"), QUESTIONS)
def test_numbers_of_the_ten_questions(
    explorer: Explorer, run: EstimatedRun, question: str, name: str, row: str, column: str | None, kind: Estimate
) -> None:
    """Three actions lead to the numbers of the rows and columns that the terminal's command names."""
    explorer.go("start")
    assert answer(explorer, question) <= 3
    table = table_definition(name)
    number = run.places["geography_number"][0]
    columns = {table.column(column).position} if column else set(range(1, len(table.columns) + 1))
    rows = {of_table.row for of_table in find_rows(table, row)}
    wanted = {
        (cell["row"], cell["column"]): expected(cell, is_known=False)
        for cell in run.rows(table, run.places.head(1), None).iter_rows(named=True)
        if cell["row"] in rows and cell["column"] in columns and cell["estimate_type_num"] == TYPE_NUMBERS[kind]
    }
    found = explorer.cells()
    assert found
    for key, texts in found.items():
        of_place, of_row, of_column = map(int, key.split("-"))
        assert of_place == number
        assert [normal(text) for text in texts] == [normal(text) for text in wanted[of_row, of_column]]
    assert {int(key.split("-")[1]) for key in found} == {of_row for of_row, _column in wanted}


def test_two_places_are_compared(explorer: Explorer, run: EstimatedRun) -> None:
    """The rates of violent crime of Vermont and New Hampshire: the interval holds that of `nibrs compare`."""
    explorer.go("start")
    assert answer(explorer, "which of two places has more violent crime") <= 3
    head = explorer.page.locator("main table thead th").all_inner_texts()
    assert head[:2] == ["Vermont", "New Hampshire"]
    assert "Violent Crime" in explorer.page.locator("tbody tr").inner_text()
    table = table_definition("2a")
    options = Options((run,), table, ("VT", "NH"), ("2",), ("violent_crime",), (), "rate")
    exact = differences(options, shows_suppressed=False).row(0, named=True)
    line = explorer.page.locator("tbody tr")
    if exact["lower"] is None:
        assert "suppressed" in line.inner_text()
    else:
        low, high = ends_of(line.locator("td").nth(3).inner_text())
        assert low <= exact["lower"] + 0.06
        assert high >= exact["upper"] - 0.06
    assert "nibrs compare 2a --geography" in explorer.page.locator(".command").inner_text()


def test_agencies_without_all_months(explorer: Explorer, run: EstimatedRun) -> None:
    """Those of the nation, the most populous first, and no others; then those of a state."""
    explorer.go("start")
    assert answer(explorer, "agencies that did not report all months") <= 3
    agencies = without_all_months(read_agencies(required_file(run)))
    caption = explorer.page.locator("table.agencies caption").inner_text()
    assert caption.endswith(f"of {agencies.height:,}, by residents")
    shown = explorer.page.locator("table.agencies tbody tr td:nth-child(2)").all_inner_texts()
    assert shown == agencies["ori"].head(50).to_list()


def required_file(run: EstimatedRun) -> Path:
    path = run.files.document(AGENCIES_FILE)
    assert path is not None
    return path


@pytest.mark.slow
def test_a_group_of_persons_answers_a_question(whole_run: Path, browser: Browser, tmp_path: Path) -> None:
    """Arrests for larceny of persons under 18: the demo has no demographic series."""
    named = ("--run", "whole", "--table", "5a", "--series", "Age: Under 18", "--no-differences")
    succeed(tmp_path, "publish", "site", *named, "--out", "site", SCRATCH_DIR=str(whole_run / "scratch"))
    run, table = required_run(whole_run / "scratch", "whole"), table_definition("5a")
    cell = run.rows(table, run.places.head(1), find_series(table, "Age: Under 18")).filter(
        pl.col("row") == 1, pl.col("column") == table.column("larceny").position
    ).row(0, named=True)  # fmt: skip
    with served(tmp_path / "site") as address:
        shown = Explorer(browser.new_page(viewport={"width": 1280, "height": 900}), address)
        shown.go("start")
        assert answer(shown, "larceny arrests under 18") <= 3
        assert "Only for this group: Age: Under 18" in shown.text()
        (texts,) = shown.cells().values()
        assert [normal(text) for text in texts] == [normal(text) for text in expected(cell, is_known=False)]
        assert not shown.wrong
        shown.page.close()


def test_a_group_that_the_site_does_not_have(explorer: Explorer) -> None:
    """The answer is no link to the numbers of all persons."""
    explorer.go("start?words=larceny+arrests+under+18")
    first = explorer.page.locator("#found li").first
    assert "This site does not have this group of persons." in first.inner_text()
    assert first.locator("a").count() == 0


# For everybody


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_accessibility(site: Path, browser: Browser, view: str, scheme: Any) -> None:
    """Axe has no serious finding, on a desktop and on a phone; on a phone nothing but tables scrolls sideways."""
    with served(site) as address:
        # Axe itself is put into the page.
        context = browser.new_context(bypass_csp=True, color_scheme=scheme, viewport={"width": 390, "height": 800})
        shown = Explorer(context.new_page(), address)
        shown.go(f"{view}?words=robbery" if view == "start" else f"{view}?table=1a&details=yes")
        assert shown.page.evaluate("document.documentElement.scrollWidth") <= 390
        # Dark mode differs in colors only.
        for width in (390, 1280) if scheme == "light" else (1280,):
            shown.page.set_viewport_size({"width": width, "height": 800})
            found = Axe().run(shown.page).response["violations"]
            serious = [one for one in found if one["impact"] in ("serious", "critical")]
            assert not serious, [(one["id"], one["nodes"][0]["html"][:200]) for one in serious]
        context.close()


def test_keyboard(explorer: Explorer) -> None:
    """The first key leads to the numbers; controls keep the focus when they are used."""
    page = explorer.page
    explorer.go("table?table=1a")
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the numbers"
    page.locator("#show-count").focus()
    page.keyboard.press("ArrowRight")
    explorer.wait()
    assert "show=percentage" in page.url
    assert page.locator(":focus").get_attribute("id") == "show-percentage"


# Bad input


def open_damaged(browser: Browser, site: Path, view: str) -> str:
    """What a view of a damaged site says."""
    with served(site) as address:
        page = browser.new_page()
        page.goto(f"{address}/index.html#{view}")
        page.locator(".problem").wait_for(timeout=PATIENCE_MS)
        said = page.locator(".problem").first.inner_text()
        page.close()
        return said


def test_a_site_of_another_version(site: Path, browser: Browser, tmp_path: Path) -> None:
    """Page and command say what is wrong, and how to write it anew."""
    copy = other_site(site, tmp_path)
    said = json.loads((copy / "site.json").read_text())
    (copy / "site.json").write_text(json.dumps({**said, "format": 0}))
    assert "format 0" in open_damaged(browser, copy, "start")
    done = nibrs(tmp_path, "explore", "--site", "site", "--no-browser")
    assert done.returncode != 0
    assert "of another version" in done.stderr
    assert "nibrs publish site" in done.stderr


def test_a_damaged_file_shows_no_number(site: Path, browser: Browser, tmp_path: Path) -> None:
    copy = other_site(site, tmp_path)
    path = copy / "runs/demo/1a/0/count-00.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 3 : len(content) // 3 + 8] = b"\0" * 8
    for at in range(100, len(content) - 100, 500):
        content[at] ^= 1
    path.write_bytes(content)
    said = open_damaged(browser, copy, "table?table=1a")
    assert "count-00.parquet is damaged" in said
    assert "nibrs publish site" in said
    path.unlink()
    assert "copied or published in part" in open_damaged(browser, copy, "table?table=1a")
    (copy / "tables/1a.json").write_text("{")
    assert "1a.json is damaged" in open_damaged(browser, copy, "table?table=1a")


@pytest.mark.parametrize(
    ("view", "says"),
    [
        ("table?places=99999", "no place with number 99999"),
        ("table?table=9z", "no table 9z"),
        ("table?run=other", "no run other"),
        ("nothing", "no view nothing"),
        ("table?table=3b&group=151", "no group of persons 151"),
        ("compare?by=places&first=99999&second=1", "no place “99999”"),
    ],
)
def test_addresses_that_name_nothing(site: Path, browser: Browser, view: str, says: str) -> None:
    assert says in open_damaged(browser, site, view)


def test_a_place_that_is_not_estimated(explorer: Explorer, run: EstimatedRun) -> None:
    """It is named with the reason."""
    out = run.coverage.filter(~pl.col("geography_number").is_in(run.places["geography_number"].implode()))
    name, number = out.row(0, named=True)["estimate_geographic_location"], out["geography_number"][0]
    explorer.go(f"table?places={number}")
    assert f"{name} is not estimated in run demo: no agency responded" in explorer.text()
    explorer.go("table")
    explorer.page.locator("#places").fill(name)
    explorer.page.locator("#places").press("Enter")
    explorer.page.get_by_text("no agency responded").wait_for()


def test_without_javascript(site: Path, browser: Browser) -> None:
    with served(site) as address:
        context = browser.new_context(java_script_enabled=False)
        page = context.new_page()
        page.goto(f"{address}/index.html")
        assert "JavaScript is off" in page.locator("main").inner_text()
        context.close()


def test_names_with_markup_or_formulas_are_text(site: Path, browser: Browser, tmp_path: Path) -> None:
    """On the page, in CSV and in XLSX."""
    copy = other_site(site, tmp_path)
    path = copy / "runs/demo/run.json"
    said = json.loads(path.read_text())
    name = '=HYPERLINK("http://x")<img src=x onerror=alert(1)>'
    said["places"][0]["name"] = name
    path.write_text(json.dumps(said))
    with served(copy) as address:
        page = browser.new_page()
        page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        shown = Explorer(page, address)
        for view in VIEWS:
            shown.go(f"{view}?table=1a")
            assert page.locator("img").count() == 0
        shown.go("table?table=1a&columns=1")
        assert name in shown.text()
        found = []
        for kind in ("csv", "xlsx"):
            with page.expect_download() as waiting:
                page.locator(f"#download-{kind}").click()
            waiting.value.save_as(tmp_path / f"view.{kind}")
            found.append(read_download(tmp_path / f"view.{kind}")["place"][0])
        assert found == [f"'{name}", name]
        assert not shown.wrong
        page.close()


def test_a_server_without_ranges(site: Path, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that sends whole files is slower, but the numbers are the same."""
    monkeypatch.setattr("nibrs_estimation.site.server._RANGE", re.compile("no request"))
    with served(site) as address:
        page = browser.new_page()
        shown = Explorer(page, address)
        shown.go("table?table=1a&columns=1")
        assert page.locator("td[data-cell]").count() > 50
        assert not shown.wrong
        page.close()


def test_refusals_of_the_command(demo: Path, tmp_path: Path) -> None:
    """A folder with other files, a run that does not exist, and one named twice."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("years of work")
    scratch = str(demo / "scratch")
    for arguments, says in (
        (("publish", "site", "--run", "demo", "--out", "mine"), "has other files than an explorer"),
        (("publish", "site", "--run", "nothing", "--out", "site"), "There is no run 'nothing'"),
        (("publish", "site", "--run", "demo", "--run", "demo", "--out", "site"), "named twice"),
        (("explore", "--site", "mine", "--no-browser"), "has no explorer"),
    ):
        done = nibrs(tmp_path, *arguments, SCRATCH_DIR=scratch)
        assert done.returncode != 0
        assert says in " ".join(done.stderr.split())
    assert (tmp_path / "mine/thesis.txt").read_text() == "years of work"
    assert not (tmp_path / "site").exists()


@pytest.mark.slow
def test_half_a_run(demo: Path, browser: Browser, tmp_path: Path) -> None:
    """A table that the run has not estimated is left out, with the reason; a run without any is refused."""
    scratch = tmp_path / "scratch/demo"
    shutil.copytree(
        demo / "scratch/demo",
        scratch,
        ignore=shutil.ignore_patterns("incident*", "victim*", "offense*", "cell_estimate"),
    )
    cells = scratch / "all/datasets/cell_estimate"
    cells.mkdir()
    shutil.copy(demo / "scratch/demo/all/datasets/cell_estimate/GV3a.parquet", cells)
    arguments = ("publish", "site", "--run", "demo", "--out", "site", "--no-differences", "--table")
    done = nibrs(tmp_path, *arguments, "GV3a", "--table", "1a")
    assert done.returncode == 0, done.stderr
    assert "has not estimated table 1a" in " ".join(done.stderr.split())
    with served(tmp_path / "site") as address:
        shown = Explorer(browser.new_page(), address)
        shown.go("start")
        assert "has not estimated table 1a" in shown.text()
        shown.page.close()
    done = nibrs(tmp_path, *arguments, "1a")
    assert done.returncode != 0
    assert "has not estimated table 1a" in " ".join(done.stderr.split())


# Years and groups of persons


@pytest.mark.slow
def test_years(two_years: Path, browser: Browser, tmp_path: Path) -> None:
    """Two years side by side, and the difference of a headline count that `nibrs compare` computes."""
    scratch = two_years / "scratch"
    named = ("--run", "y2024", "--run", "y2023", "--table", "1a")
    succeed(tmp_path, "publish", "site", *named, "--out", "site", SCRATCH_DIR=str(scratch))
    runs = tuple(required_run(scratch, f"y{year}") for year in (2023, 2024))
    options = Options(runs, table_definition("1a"), ("geography:1",), ("1",), ("violent_crime",), ())
    exact = differences(options, shows_suppressed=True).row(0, named=True)
    column = table_definition("1a").column("violent_crime").position
    with served(tmp_path / "site") as address:
        shown = Explorer(browser.new_page(), address)
        shown.go(f"chart?table=1a&by=years&columns={column}&rows=1")
        assert shown.page.locator("tbody th").all_inner_texts() == ["2023 (y2023)", "2024 (y2024)"]
        shown.go(f"compare?table=1a&by=years&columns={column}&rows=1&show=count")
        line = shown.page.locator("tbody tr")
        if line.get_attribute("data-kind") == "exact":
            assert ends_of(line.locator("td").nth(3).inner_text()) == pytest.approx(
                [exact["lower"], exact["upper"]], abs=0.6
            )
        else:
            assert "suppressed" in shown.text()
        shown.go(f"compare?table=1a&by=years&columns={column}&rows=1&show=count&first=y2023&second=y2024")
        assert "2023 (y2023) and 2024 (y2024)" in shown.text()
        assert not shown.wrong
        shown.page.close()


@pytest.mark.slow
def test_groups_of_persons(whole_run: Path, browser: Browser, tmp_path: Path) -> None:
    """The numbers of a group are those of the terminal, and two groups are compared."""
    scratch = whole_run / "scratch"
    named = ("--run", "whole", "--table", "3a", "--series", "female", "--series", "male", "--no-differences")
    succeed(tmp_path, "publish", "site", *named, "--out", "site", SCRATCH_DIR=str(scratch))
    run, table = required_run(scratch, "whole"), table_definition("3a")
    female, male = (find_series(table, name) for name in ("female", "male"))
    place = run.places.head(1)
    number = place["geography_number"][0]
    rows = run.rows(table, place, female)
    with served(tmp_path / "site") as address:
        shown = Explorer(browser.new_page(), address)
        shown.go(f"table?table=3a&columns=1,2&group={female.number}&places={number}")
        assert f"Only for this group: {female.label}" in shown.text()
        wanted = cells_of(table, rows, [1, 2], "count")
        found = shown.cells()
        assert len(found) == len(wanted) > 100
        for (row, column), cell in wanted.items():
            texts = found[f"{number}-{row}-{column}"]
            assert [normal(text) for text in texts] == [normal(text) for text in expected(cell, is_known=False)]
        shown.go(f"compare?table=3a&by=groups&columns=1&first={female.number}&second={male.number}")
        command = shown.page.locator(".command").first.inner_text()
        assert f"--series {female.number}" in command
        assert f"--series {male.number}" in command
        shown.go(f"chart?table=3a&by=groups&columns=1&places={number}")
        assert shown.page.locator("tbody tr").count() == 3
        assert not shown.wrong
        shown.page.close()
