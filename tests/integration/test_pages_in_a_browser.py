"""Pages in a browser: none is wider than a phone's window or a desk's, and no two labels of a chart overlap."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import polars as pl
import pytest
from tests.support.report import given_tables, page
from tests.support.weights_page import example, written

from nibrs_estimation.pipeline.flow import Plan
from nibrs_estimation.pipeline.run_page import render_run_page
from nibrs_estimation.pipeline.unit import Outcome
from nibrs_estimation.stages.validation import weight_charts

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium to draw pages")
SWITCHES = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--allow-file-access-from-files",
    "--virtual-time-budget=3000",
)  # fmt: skip
#: Measures a page in a frame of a given width: its own width, and overlapping pairs of texts of each drawing.
MEASURE = """<body style="margin:0"><pre id="found"></pre><script>function measure(frame) {{
const page = frame.contentDocument, overlaps = [];
for (const drawing of page.querySelectorAll('figure > svg')) {{
  const boxes = [...drawing.querySelectorAll('text')]
    .filter(t => t.textContent.trim() && t.getAttribute('opacity') !== '0')
    .map(t => [t.textContent, t.getBoundingClientRect()]);
  boxes.forEach(([a, p], i) => boxes.slice(i + 1).forEach(([b, q]) => {{
    const wide = Math.min(p.right, q.right) - Math.max(p.left, q.left);
    const high = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
    if (wide > 2 && high > 0.4 * Math.min(p.height, q.height)) overlaps.push([a, b]);
  }}));
}}
document.getElementById('found').textContent = JSON.stringify({{width: page.documentElement.scrollWidth, overlaps}});
}}</script><iframe src="{page}" onload="measure(this)" style="border:0;width:{width}px;height:900px"></iframe>"""


def measured(path: Path, width: int, folder: Path) -> tuple[int, list[list[str]]]:
    """Width of a page in a window, and pairs of labels that overlap."""
    frame = folder / f"frame-{width}.html"
    frame.write_text(MEASURE.format(page=path.as_uri(), width=width), encoding="utf-8")
    command = [str(CHROMIUM), *SWITCHES, f"--user-data-dir={folder / 'profile'}", "--dump-dom", frame.as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    found = re.search(r'<pre id="found">(.*?)</pre>', shown, re.S)
    assert found, shown[-2000:]
    told = json.loads(html.unescape(found[1]))
    return told["width"], told["overlaps"]


def run_page() -> str:
    """The page of a run with long names, settings and messages."""
    identity = {"run_id": "a", "source": "cde:" + "VT-2024.zip," * 20, "year": 2024, "seed": 1, "is_synthetic": False}
    task = {"done": 51, "kept": 0, "failed": 1, "blocked": 0, "duration_s": 321.5, "peak_memory_bytes": 2**32,
            "peak_memory_of": "process"}  # fmt: skip
    about = {
        "identity": identity, "tasks": {"a_task_with_a_rather_long_name": task}, "absent": {"agency_county": "x" * 99},
        "settings": {"external_file_locations": "/a/folder/" * 20}, "python": "3.11", "libraries": {}, "run_id": "a",
        "flow": "all", "state": "failed", "started": "now", "ended": "then", "source": "cde",
        "source_summary": "y" * 99, "code_version": "0.1.0+0123456789ab",
    }  # fmt: skip
    outcomes = {
        "u": Outcome("a_task/VT", "a_task", "failed", 1.0, "ComputeError: " + "z" * 200, Path("/logs/" + "l" * 90))
    }
    files = {"external_file_locations.json": "which files"}
    return render_run_page(about, Plan((), {}), outcomes, files)


@pytest.mark.parametrize("width", [390, 1200])
def test_no_page_is_wider_than_its_window(width: int, tmp_path: Path) -> None:
    page(given_tables(), tmp_path)
    written(tmp_path, *example())
    (tmp_path / "run.html").write_text(run_page(), encoding="utf-8")
    for name in ("report.html", "page.html", "run.html"):
        assert measured(tmp_path / name, width, tmp_path)[0] <= width, name


def test_equal_weights_do_not_print_labels_over_each_other(tmp_path: Path) -> None:
    """A state in which all responded: every weight is 1, and an axis from 1 to 1 has no room for its labels."""
    weights = {f"percentile_{p:02d}": [1.0] for p in (5, 25, 50, 75, 95)}
    checks = pl.DataFrame(
        {
            "geography_level": ["nation"], "mean": [1.0], "place": ["Vermont"], "label": ["All agencies"],
            "weight_group": [1], "order": [0], "kind": ["Nation"], **weights,
        }
    )  # fmt: skip
    for number, drawn in enumerate(
        (weight_charts.boxes(checks), weight_charts.strips(checks.with_columns(geography_level=pl.lit("state"))))
    ):
        path = tmp_path / f"chart-{number}.html"
        path.write_text(f"<!doctype html><meta charset='utf-8'>{drawn}", encoding="utf-8")
        assert measured(path, 1200, tmp_path)[1] == []
