"""Takes the pictures of the README from a freshly started PromptLedger with demo data.

    .venv/bin/python tools/screenshots.py

Each page is taken at 1440 pixels in light and dark, the main one also as on a phone, into docs/images/.
Needs Chromium (CHROMIUM names it, else /usr/bin/chromium).
"""

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests import live  # noqa: E402  (the tests start it the same way)

IMAGES = ROOT / "docs" / "images"
LIMIT = 250 * 1024
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
VERSION = "/prompts/SupportAgent.default/versions"


@dataclass(frozen=True)
class Shot:
    """One picture: its name, the page, what is pressed first, and in which forms it is taken."""

    name: str
    path: str
    press: str = ""
    themes: tuple[str, ...] = ("light", "dark")
    phone: bool = False


SHOTS = (
    Shot("home", "/"),
    Shot("version", f"{VERSION}/v1.2/", phone=True),
    Shot("promote", f"{VERSION}/v1.3/", press="[data-action=promote]"),
    Shot("history", "/prompts/SupportAgent.APPROVED/history/"),
)


def main() -> int:
    """Take them all; 1 if one is too large."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    too_large = []
    with tempfile.TemporaryDirectory() as data_dir, live.running(Path(data_dir)) as url, sync_playwright() as tool:
        executable = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = tool.chromium.launch(executable_path=executable, args=["--no-sandbox", "--hide-scrollbars"])
        for shot in SHOTS:
            forms = [(f"{shot.name}-{theme}", theme, DESKTOP) for theme in shot.themes]
            forms += [(f"{shot.name}-phone", "light", PHONE)] if shot.phone else []
            for name, theme, size in forms:
                page = browser.new_context(color_scheme=theme, viewport=size, locale="en-US").new_page()
                take(page, f"{url}{shot.path}", shot.press)
                picture = page.screenshot()
                (IMAGES / f"{name}.png").write_bytes(picture)
                print(f"docs/images/{name}.png  {len(picture) // 1024} KB")
                too_large += [name] if len(picture) > LIMIT else []
                page.context.close()
        browser.close()
    for name in too_large:
        print(f"{name}.png is over {LIMIT // 1024} KB", file=sys.stderr)
    return 1 if too_large else 0


def take(page: Page, url: str, press: str) -> None:
    """Open the page, press what is to be pressed, and wait until it is at rest."""
    answer = page.goto(url)
    assert answer is not None and answer.ok, f"{url}: {answer and answer.status}"
    if press:
        page.click(press)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(400)  # transitions


if __name__ == "__main__":
    sys.exit(main())
