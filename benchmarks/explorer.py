"""The explorer in headless Chromium: size of the site, time and bytes of the first view, time of 200 random views.

nibrs publish site --run RUN --out explorer
python -m benchmarks.explorer explorer
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page
from tests.support.browser import Explorer, open_browser, served

FIRST_S, FIRST_MB, FURTHER_MS, VIEWS = 2.0, 4.0, 300.0, 200
#: Largest size in MB: the demo, and a nation at scale 1.
DEMO_MB, NATION_MB = 60.0, 1_500.0

#: Milliseconds from a new address to the view.
_SHOW = """hash => new Promise(resolve => {
  const main = document.getElementById('main')
  const start = performance.now()
  const observer = new MutationObserver(() => {
    if (main.dataset.view === hash) {
      observer.disconnect()
      resolve([performance.now() - start, document.querySelectorAll('.problem').length])
    }
  })
  observer.observe(main, { attributes: true, attributeFilter: ['data-view'] })
  location.hash = hash
})"""


def main() -> None:
    site = Path(sys.argv[1])
    size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) / 1e6
    limit = DEMO_MB if size < DEMO_MB * 2 else NATION_MB
    print(f"size: {size:,.0f} MB, {size / limit:.2f} of {limit:,.0f} MB")
    said = json.loads((site / "site.json").read_text())
    run = said["runs"][-1]["run"]
    described = json.loads((site / f"runs/{run}/run.json").read_text())
    tables = {name: json.loads((site / f"tables/{name}.json").read_text()) for name in described["tables"]}
    with served(site) as address, open_browser() as browser:
        seconds, megabytes = first_view(browser.new_context().new_page(), address)
        print(f"first view: {seconds:.2f} s, {seconds / FIRST_S:.2f} of {FIRST_S} s")
        print(f"first view: {megabytes:.2f} MB, {megabytes / FIRST_MB:.2f} of {FIRST_MB} MB")
        shown = Explorer(browser.new_page(), address)
        shown.go("start")
        times: dict[str, list[float]] = {}
        draw = random.Random(1)
        for _ in range(VIEWS):
            view = random_view(draw, described, tables)
            took, problems = shown.page.evaluate(_SHOW, view)
            assert not problems, view
            times.setdefault(view[1:].partition("?")[0], []).append(took)
        assert not shown.wrong, shown.wrong
    for name, several in sorted(times.items()):
        print(
            f"{name}: {len(several)} views, median {np.median(several):.0f} ms, p95 {np.percentile(several, 95):.0f} ms"
        )
    p95 = np.percentile([took for several in times.values() for took in several], 95)
    print(f"further views: p95 {p95:.0f} ms, {p95 / FURTHER_MS:.2f} of {FURTHER_MS:.0f} ms")


def first_view(page: Page, address: str) -> tuple[float, float]:
    """Seconds and megabytes of the first page in a browser that knows nothing."""
    client = page.context.new_cdp_session(page)
    client.send("Network.enable")
    lengths: list[float] = []
    client.on("Network.loadingFinished", lambda event: lengths.append(event["encodedDataLength"]))
    start = time.perf_counter()
    page.goto(f"{address}/index.html")
    page.locator('main[data-view="#start"]').wait_for()
    return time.perf_counter() - start, sum(lengths) / 1e6


def random_view(draw: random.Random, run: dict[str, Any], tables: dict[str, Any]) -> str:
    """The address of a view of a random table, places, columns and rows."""
    table = tables[draw.choice(sorted(tables))]
    view = draw.choice(["table", "table", "table", "chart", "map", "compare", "coverage", "start"])
    numbers = [place["number"] for place in run["places"]]
    places = ",".join(map(str, draw.sample(numbers, draw.choice([1, 1, 2, 3]))))
    columns = draw.sample(
        [column["column"] for column in table["columns"]], min(len(table["columns"]), draw.choice([1, 2, 4]))
    )
    chosen = ",".join(map(str, sorted(columns)))
    show = draw.choice(sorted(table["n_rows"]))
    address = f"#{view}?run={run['run']}&table={table['table']}&places={places}&columns={chosen}&show={show}"
    if view == "chart":
        address += f"&by={draw.choice(['rows', 'columns', 'places'])}"
    if view == "compare":
        one, other = draw.sample(numbers, 2)
        address += f"&by=places&first={one}&second={other}"
    return address


if __name__ == "__main__":
    main()
