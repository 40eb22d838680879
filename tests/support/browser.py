"""A headless browser on a site that this process serves."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from nibrs_estimation.site.server import open_server

#: Debian's name, and others.
_NAMES = ("chromium", "chromium-browser", "google-chrome")
#: Milliseconds that a view may take on a busy machine.
PATIENCE_MS = 30_000


def chromium_path() -> str:
    """Where Chromium is; the test is skipped without it."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    return found


@contextmanager
def served(site: Path) -> Iterator[str]:
    """The address of a site while it is served."""
    server = open_server(site)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def open_browser() -> Iterator[Browser]:
    """A headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class Explorer:
    """A page of the explorer.

    Args:
        page: page of the browser.
        address: address of the site.

    Attributes:
        wrong: errors of scripts and of the browser's console, and requests to other places.
    """

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.wrong: list[str] = []
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda message: self.wrong.append(message.text) if message.type == "error" else None)
        page.on("request", self._check)
        page.set_default_timeout(PATIENCE_MS)

    def _check(self, request: Any) -> None:
        if not request.url.startswith((self.address, "blob:", "data:")):
            self.wrong.append(f"request to {request.url}")

    def go(self, view: str) -> None:
        """Show a view by its address, such as ``table?table=1a``."""
        self.page.goto(f"{self.address}/index.html#{view}")
        self.wait()

    def wait(self) -> None:
        """Wait until the view of the address is shown."""
        view = quote(self.page.evaluate("location.hash") or "#start", safe="#?&=,%+")
        self.page.locator(f'main[data-view="{view}"]:not([aria-busy])').wait_for()

    def cells(self) -> dict[str, tuple[str, str]]:
        """Estimate and interval of the cells of a table, by place, row and column."""
        script = """cells => cells.map(cell => [cell.dataset.cell,
            ...['.value', '.interval'].map(part => cell.querySelector(part)?.textContent ?? '')])"""
        return {key: (value, ends) for key, value, ends in self.page.locator("td[data-cell]").evaluate_all(script)}

    def text(self) -> str:
        """The text of the view."""
        return self.page.locator("main").inner_text()
