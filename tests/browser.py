"""Debian's Chromium, without a network, as Playwright drives it; what it complains of is kept."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium")
OPTIONS = ("gpu", "quic", "background-networking", "component-update", "sync")
NEEDED = pytest.mark.skipif(not CHROMIUM, reason="needs Debian's chromium: `make test` as root installs it")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium with a profile of its own, and end it."""
    with sync_playwright() as playwright:
        options = ["--no-first-run", *(f"--disable-{option}" for option in OPTIONS)]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options, chromium_sandbox=False)
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, path: Path, width: int = 1280, place: str = "", **options) -> Iterator[Page]:
    """Open a file in a window of so many pixels; at the end nothing may have gone wrong or been requested.

    Parameters
    ----------
    place : what follows the file's name in the address, such as #ranking
    options : of `browser.new_context`
    """
    complaints = []
    with browser.new_context(viewport={"width": width, "height": 844}, offline=True, **options) as context:
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(f"request: {request.url[:200]}"))
        page.goto(path.as_uri() + place)
        yield page
        assert complaints == [f"request: {path.as_uri()}"]
