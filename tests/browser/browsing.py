"""A headless browser, and a page of it, for the tests of this folder."""

import os
import shutil
from contextlib import contextmanager

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def executable():
    """Return the browser's path, None where the machine has none."""
    named = os.environ.get("CHROMIUM")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def opened(browser, file, *, width=1280, height=900, **context):
    """Give the page of a file, and fail where the page complained or asked for something else."""
    complaints, asked = [], []
    with browser.new_context(viewport={"width": width, "height": height}, **context) as window:
        page = window.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(file if "://" in str(file) else file.as_uri())
        yield page
    assert complaints == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
