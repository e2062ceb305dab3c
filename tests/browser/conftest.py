"""A real Chromium against a real server."""

import os
import shutil
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.test import Client

from tests.live_llm import llm, llm_settings, model_server  # noqa: F401  (fixtures)

# Playwright's synchronous API runs a loop in this thread; the tests still use the database directly.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
PATIENCE = 30_000  # milliseconds that a busy machine may take for what is quick


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without Chromium these tests say so, plainly, and stand aside."""
    here = os.path.dirname(__file__)
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.browser)
            # One worker: the browser is started once, and each test has the server to itself.
            item.add_marker(pytest.mark.timeout(900))
            if not CHROMIUM:
                item.add_marker(pytest.mark.skipif(True, reason="no Chromium on this machine: browser tests not run"))


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    """One browser for these tests. Playwright's loop ends with them: else nothing could run a loop of its own later."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Screen:
    """A browser tab as one person, with what the tests ask of it."""

    def __init__(self, page: Any, base: str) -> None:
        self.page, self.base = page, base
        self.problems: list[str] = []
        page.on("console", lambda said: self.problems.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.problems.append(str(error)))

    def open(self, path: str) -> "Screen":
        self.page.goto(self.base + path)
        return self

    def version(self, version: Any, rest: str = "") -> "Screen":
        return self.open(f"/prompts/{quote(version.prompt.name, safe='')}/versions/{version.label}/{rest}")

    def button(self, action: str) -> Any:
        return self.page.locator(f"[data-action={action}]")

    def press(self, action: str) -> "Screen":
        self.button(action).click()
        return self

    def save(self, text: str, message: str = "") -> "Screen":
        """Type into the editor and save."""
        self.page.locator("#id_template_source[data-grown]").wait_for(state="attached")
        self.page.locator(".cm-content").fill(text)
        if message:
            self.page.locator("#id_commit_message").fill(message)
        self.page.locator("[data-save]").click()
        return self

    def confirm(self) -> "Screen":
        self.page.locator("[data-confirm]").click()
        return self

    def shows(self, label: str, stage: str) -> None:
        """Wait until the screen shows this version in this stage."""
        from playwright.sync_api import expect

        expect(self.page.locator(".version-head h2")).to_have_text(label)
        expect(self.page.locator(".version-head .stage")).to_have_text(stage)

    def says(self, words: str) -> None:
        """Wait until the page says these words."""
        from playwright.sync_api import expect

        expect(self.page.locator("main")).to_contain_text(words)


@pytest.fixture
def screen_for(chromium: Any, live_server: Any) -> Iterator[Any]:
    """Open a tab as a user: screen_for(user, java_script=True, width=1440, scheme="light")."""
    contexts = []

    def make(user: Any, *, java_script: bool = True, width: int = 1440, scheme: str = "light") -> Screen:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, java_script_enabled=java_script, color_scheme=scheme
        )
        contexts.append(context)
        if user is not None:
            client = Client()
            client.force_login(user)
            name = settings.SESSION_COOKIE_NAME
            context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        return Screen(page, live_server.url)

    yield make
    for context in contexts:
        context.close()
    # A page asks once more as its test ends: what the server still does for it must not meet the tables' emptying.
    for thread in threading.enumerate():
        if thread.name.endswith("(process_request_thread)"):
            thread.join(PATIENCE / 1000)


@pytest.fixture
def people(transactional_db: None) -> dict[str, Any]:
    """The users of the roles."""
    from tests.conftest import make_user

    return {name: make_user(name) for name in ("viewer", "engineer", "manager")}


@pytest.fixture
def screen(screen_for: Any, people: dict[str, Any]) -> Screen:
    """A tab as the engineer. At the end: no error in the console, which is where the CSP reports."""
    made = screen_for(people["engineer"])
    yield made
    expected = ("status of 409", "status of 422")
    assert [problem for problem in made.problems if not any(code in problem for code in expected)] == []
