"""`run.html`: the course of a run, for readers. It contains times, so it is not compared between runs."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any
from urllib.parse import quote

from nibrs_estimation.pipeline.flow import Plan
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.unit import Outcome

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:62rem;padding:0 1rem;color:#1b2733}
body{overflow-wrap:anywhere}
h1{font-size:1.5rem;margin-bottom:0}table{border-collapse:collapse;width:100%;margin:1rem 0}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #dfe5ea;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums}.bar{background:#4c78a8;height:.7rem;display:inline-block}
.synthetic{color:#9a4a00;font-weight:600}.finished{color:#2a7d46}.failed{color:#b3261e}.dim{color:#66727d}code{font-size:.9em}
@media(max-width:40rem){.bar{display:none}th,td{padding:.3rem .2rem}}
"""


def render_run_page(
    about: Mapping[str, Any], plan: Plan, outcomes: Mapping[str, Outcome], files: Mapping[str, str]
) -> str:
    """The page as self-contained HTML: state, failures, what was published, then every task with its time and memory.

    Args:
        about: metadata of the run.
        plan: the plan of the run.
        outcomes: outcomes of its units.
        files: published file name -> description; the page is in the same folder.
    """
    identity = Identity(**about["identity"])
    mark = ' class="synthetic"' if identity.is_synthetic else ""
    longest = max((task["duration_s"] for task in about["tasks"].values()), default=0.0) or 1.0
    rows = "".join(_task_row(name, task, longest) for name, task in about["tasks"].items())
    failures = "".join(
        f"<tr><td><code>{escape(outcome.key)}</code></td><td>{escape(outcome.message)}</td>"
        f"<td><code>{escape(str(outcome.log_path or ''))}</code></td></tr>"
        for outcome in outcomes.values()
        if outcome.state in ("failed", "blocked")
    )
    listed = "".join(
        f'<tr><td><a href="{quote(name)}">{escape(name)}</a></td><td>{escape(text)}</td></tr>'
        for name, text in files.items()
    )
    published = f"<h2>Files</h2><table>{listed}</table>" if files else ""
    failed = f"<h2>What failed</h2><table><tr><th>unit<th>why<th>log</tr>{failures}</table>" if failures else ""
    absent = "".join(f"<li><code>{escape(name)}</code>: {escape(text)}" for name, text in about["absent"].items())
    without = f"<h2>Optional datasets that are absent</h2><ul>{absent}</ul>" if absent else ""
    settings = "".join(
        f"<tr><td>{escape(str(key))}</td><td><code>{escape(str(value))}</code></td></tr>"
        for key, value in {**about["settings"], "python": about["python"], **about["libraries"]}.items()
        if value is not None
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>Run {escape(about["run_id"])}</title>'
        f"<style>{_STYLE}</style></head><body><h1>Run {escape(about['run_id'])}, flow {escape(about['flow'])}: "
        f'<span class="{about["state"]}">{about["state"]}</span></h1>'
        f"<p{mark}>{escape(identity.text)} · seed {identity.seed}</p>"
        f'<p class="dim">{escape(about["started"])} to {escape(about["ended"])} · source '
        f"{escape(about['source'])}: {escape(about['source_summary'])} · version {escape(about['code_version'])}</p>"
        f"{failed}{published}<h2>Tasks</h2><table><tr><th>task<th><th>state<th>time<th>peak memory</tr>{rows}</table>"
        f"<p class='dim'>{len(plan.units)} units in {len(plan.tasks())} tasks. Peak memory is the process's "
        "maximum during the task, including the memory of the program itself.</p>"
        f"{without}<h2>Settings and versions</h2><table>{settings}</table></body></html>\n"
    )


def _task_row(name: str, task: Mapping[str, Any], longest: float) -> str:
    states = ", ".join(f"{task[state]} {state}" for state in ("done", "kept", "failed", "blocked") if task[state])
    peak = task["peak_memory_bytes"]
    shown = f"{peak / 2**20:,.0f} MiB ({task['peak_memory_of']})" if peak else ""
    width = round(100 * task["duration_s"] / longest)
    bar = f'<span class="bar" style="width:{width}px"></span>'
    return (
        f"<tr><td><code>{escape(name)}</code></td><td>{bar}</td><td>{states}</td>"
        f'<td class="n">{task["duration_s"]:.2f} s</td><td class="n">{shown}</td></tr>'
    )
