"""Report of the end of a run to a webhook (NIBRS_WEBHOOK_URL), whose address is a secret."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPMessage
from typing import IO, Any

from pydantic import SecretStr

from nibrs_estimation.cli.amounts import duration_text
from nibrs_estimation.cli.console import errors, plain
from nibrs_estimation.pipeline.errors import PipelineError, UsageError
from nibrs_estimation.pipeline.identity import Identity
from nibrs_estimation.pipeline.run import RunResult, RunSettings
from nibrs_estimation.stages.publication import REPORT

#: A webhook that does not answer delays the end of a run by this time.
TIMEOUT_S = 10.0
FINISHED, FAILED, STOPPED = "finished", "failed", "stopped"
#: Failed units that are named.
_LISTED = 20


@contextmanager
def reported_end(
    flow_name: str, settings: RunSettings, webhook: SecretStr | None
) -> Iterator[Callable[[RunResult], None]]:
    """Report how a run ends, to the webhook if there is one; yields a function that takes the result.

    A wrong option is not reported, because then no run started. Exceptions pass unchanged.
    """
    results: list[RunResult] = []
    state, reason, clock = FINISHED, "", time.monotonic()
    try:
        yield results.append
    except UsageError:
        raise
    except PipelineError as error:
        state, reason = FAILED, str(error)
        raise
    except KeyboardInterrupt:
        state, reason = STOPPED, "It was stopped; the same command continues it."
        raise
    except Exception as error:
        state, reason = FAILED, type(error).__name__
        raise
    finally:
        if webhook is not None and (results or reason):
            result = results[0] if results else None
            send(webhook, message(flow_name, settings, result, state, reason, time.monotonic() - clock))


def message(
    flow_name: str, settings: RunSettings, result: RunResult | None, state: str, reason: str, duration_s: float
) -> dict[str, Any]:
    """What is sent: ``text`` for people, and the same in fields.

    Args:
        flow_name: name of the flow.
        settings: settings of the run.
        result: None if the run did not come to its end.
        state: "finished", "failed" or "stopped".
        reason: why it did not come to its end.
        duration_s: wall time of the command in seconds.
    """
    failed = [outcome for outcome in result.failures if outcome.state == "failed"] if result else []
    state = FAILED if result and result.failures else state
    year, seed = settings.parameters["year"], settings.parameters["seed"]
    found = Identity.read(result.root / "datasets") if result else None
    identity = found or Identity(settings.run_id, settings.source.spec, year, seed, is_synthetic=False)
    report = f"{result.artifacts}/{REPORT.name}" if result and REPORT.name in result.published else None
    reasons = [f"{outcome.key}: {outcome.message}" for outcome in failed[:3]] or [reason]
    parts = [f"Flow {flow_name} {state} after {duration_text(duration_s)}", *filter(None, reasons)]
    if report:
        parts.append(f"Report: {report}")
    return {
        "text": f"{identity.text}. " + ". ".join(part.rstrip(".") for part in parts) + ".",
        "flow": flow_name,
        "run_id": settings.run_id,
        "state": state,
        "source": identity.source,
        "year": identity.year,
        "is_synthetic": identity.is_synthetic,
        "duration_s": round(duration_s, 1),
        "failed_units": [outcome.key for outcome in failed[:_LISTED]],
        "n_failed_units": len(failed),
        "report": report,
    }


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses to send the message to an address that the server names."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


def send(webhook: SecretStr, content: dict[str, Any]) -> None:
    """Send JSON to the webhook; if that fails, print a warning that does not contain its address."""
    request = urllib.request.Request(
        webhook.get_secret_value(),
        data=json.dumps(content).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIMEOUT_S):
            return
    except urllib.error.HTTPError as error:
        problem = f"it answered with status {error.code}"
        if 300 <= error.code < 400:
            problem += ", a redirect, which is not followed"
    except TimeoutError:
        problem = f"it did not answer within {TIMEOUT_S:.0f} seconds"
    except Exception as error:
        # Texts of exceptions may contain the address.
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        timed_out = isinstance(cause, TimeoutError)
        problem = f"it did not answer within {TIMEOUT_S:.0f} seconds" if timed_out else "it cannot be reached"
        problem += "" if timed_out else f" ({type(cause).__name__})"
    errors.print(
        f"[yellow]Warning:[/] The end of the run could not be reported to NIBRS_WEBHOOK_URL: {plain(problem)}. The run "
        "itself is not affected. Correct the setting, or the server that it names.",
        highlight=False,
    )
