"""One version, wherever one looks: files, API, pages, command line (S2-1, S2-4, S2-7, S2-8)."""

import importlib.util
import re
import subprocess
import sys
import tomllib

import promptledger_client
import pytest
from django.urls import reverse

import promptledger
from tests.conftest import Api
from tests.release.world import PLACES, ROOT

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


@pytest.fixture(scope="module")
def tool():
    """tools/release_git.py, as a module."""
    spec = importlib.util.spec_from_file_location("release_git", ROOT / "tools/release_git.py")
    made = importlib.util.module_from_spec(spec)
    sys.modules["release_git"] = made  # its dataclass asks for it
    spec.loader.exec_module(made)
    yield made
    del sys.modules["release_git"]


def test_files_and_code_say_the_same():
    """S2-1, S2-4, S2-7: what the package says is what pyproject.toml says; the client goes with it."""
    client = tomllib.loads((ROOT / "clients/python/pyproject.toml").read_text())["project"]["version"]
    assert promptledger.__version__ == promptledger_client.__version__ == client == VERSION


def test_the_tool_finds_the_version_in_each_of_its_files(tool):
    assert tuple(tool.FILES) == PLACES
    for place, pattern in tool.FILES.items():
        assert tool.once(pattern, (ROOT / place).read_text()) == VERSION, place
    assert tool.known(VERSION)


@pytest.mark.django_db
def test_the_api_says_it():
    assert Api()("GET", "/version").json()["version"] == VERSION


@pytest.mark.django_db
def test_the_foot_of_every_page_says_it(client):
    page = client.get(reverse("accounts:login")).content.decode()
    assert f"<span>PromptLedger {VERSION}</span>" in page


@pytest.mark.parametrize("word", ["version", "--version"])
def test_the_command_line_says_it(word):
    """S2-7: a developer asks the program. It needs neither settings nor a database."""
    done = subprocess.run(
        [sys.executable, "manage.py", word],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={"DATABASE_URL": "no such thing"},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{VERSION}\n", "")


def test_the_changelog_has_the_heading_that_a_release_turns_into_its_own():
    """tools/release.py refuses to work without it."""
    assert len(re.findall(r"^## \[Unreleased\]$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)) == 1
