"""The README's lines work as they stand, and no link in the documents leads nowhere."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import live

ROOT = live.ROOT
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?:\]\(|src=\"|srcset=\")([^)\"\s]+)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)

# What each line of the README answers, in its order.
ANSWERS = [
    ("POST", 201, {"name": "return-policy", "production": None}),
    ("PATCH", 200, {"label": "v1.0", "stage": "DEV", "revision": 2}),
    ("POST", 200, {"response_text": "Say in German, in three sentences, how returns work.", "provider": "offline"}),
    ("POST", 200, {"label": "v1.0", "stage": "TST"}),
    ("POST", 200, {"label": "v1.0", "stage": "PRD"}),
    ("GET", 200, {"label": "v1.0", "template_source": "Say in {{ language }}, in three sentences, how returns work."}),
    ("POST", 200, {"text": "Say in German, in three sentences, how returns work."}),
    ("POST", 201, {"label": "v1.1", "stage": "DEV", "based_on": "v1.0"}),
    ("GET", 200, {"from": "v1.0", "to": "v1.1", "identical": False}),
    ("GET", 200, {"count": 6}),
    ("PATCH", 409, {"detail": "Cannot edit production versions", "code": "immutable"}),
]


def lines_of_curl() -> list[str]:
    """The README's commands, with their continuations, in order."""
    return [line for line in "".join(BLOCKS).replace("\\\n", " ").splitlines() if line.startswith("curl ")]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with live.running(tmp_path_factory.mktemp("readme")) as url:
        yield url


def test_every_line_of_the_readme_works_as_written(address):
    curl = shutil.which("curl")
    assert curl, "curl is not installed"
    head = "".join(line + "\n" for line in "".join(BLOCKS).splitlines() if re.match(r"[A-Z]+=", line))
    head = head.replace("http://127.0.0.1:8000", address)
    assert "API=" in head and "JSON=" in head
    lines = lines_of_curl()
    assert len(lines) == len(ANSWERS)
    for line, (method, status, expected) in zip(lines, ANSWERS, strict=True):
        told = f'{head}{line} -w "\\n%{{http_code}} %{{method}}"'
        said = subprocess.run(["bash", "-c", told], capture_output=True, text=True, check=True).stdout
        body, _, written = said.rpartition("\n")  # of an answer with headers, the body begins with its brace
        assert written == f"{status} {method}", (line, said)
        answered = json.loads(body[body.index("{") :])
        assert {key: answered[key] for key in expected} == expected, line


def test_the_tour_finds_what_it_speaks_of(address):
    """The demo has the versions, in the stages, that the README sends a newcomer to."""

    def stage(label: str) -> str:
        told = f"{address}/v1/prompts/SupportAgent.default/versions/{label}"
        said = subprocess.run(["curl", "-s", told], capture_output=True, text=True, check=True).stdout
        return json.loads(said)["stage"]

    assert [stage(label) for label in ("v1.2", "v1.3", "v1.4")] == ["PRD", "TST", "DEV"]
    assert "v1.4, a draft" in README
    assert "v1.3, which is in testing" in README
    assert "SupportAgent.APPROVED" in README


def anchors(page: Path) -> set[str]:
    """The addresses of a page's headings, as code hosts make them."""
    titles = (re.sub(r"[^\w\- ]", "", title.lower()).strip() for title in HEADING.findall(page.read_text()))
    return {title.replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for link in LINK.findall(text):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_pictures_are_small_and_all_are_used():
    pictures = sorted((ROOT / "docs/images").glob("*.png"))
    assert len(pictures) == 9
    for picture in pictures:
        assert picture.stat().st_size < 250 * 1024, picture.name
        assert f"docs/images/{picture.name}" in README, picture.name


def test_every_decision_is_listed_and_says_context_options_choice_and_cost():
    listed = (ROOT / "docs/adr/README.md").read_text()
    records = sorted((ROOT / "docs/adr").glob("0*.md"))
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    for record in records:
        text = record.read_text()
        title = text.splitlines()[0].removeprefix("# ")
        assert f"[{title[:4]}]({record.name}) | {title[5:]} |" in listed
        for part in ("**Context.**", "**Options.**", "**Choice.**", "**Cost.**"):
            assert text.count(part) == 1, (record.name, part)
