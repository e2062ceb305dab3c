"""Every line of S2 is named by a test, or in docs/releasing.md with how to see it at GitHub; and that page is right."""

import re

from tests.release.world import ROOT

PAGE = (ROOT / "docs/releasing.md").read_text()
TESTS = "".join(path.read_text() for path in sorted((ROOT / "tests/release").glob("test_*.py")))


def test_every_line_of_s2_is_named():
    """S2-1 to S2-44."""
    named = {int(number) for number in re.findall(r"S2-(\d+)", TESTS + PAGE)}
    for first, last in re.findall(r"S2-(\d+) to S2-(\d+)", PAGE):
        named |= set(range(int(first), int(last) + 1))
    assert named == set(range(1, 45))


def test_every_test_file_that_the_page_names_is_there():
    for name in set(re.findall(r"`(test_\w+\.py)`", PAGE)):
        assert (ROOT / "tests/release" / name).is_file(), name


def test_every_error_that_the_page_explains_is_one_that_the_tool_gives():
    tool = "".join(path.read_text() for path in sorted((ROOT / "tools").glob("release*.py")))
    tool = re.sub(r'"\s*f?"', "", tool)  # words that go on in the next line
    table = PAGE.partition("## When something fails")[2].partition("\n## ")[0]
    said = [
        words for row in re.findall(r"^\| (.*?) \|", table, re.MULTILINE) for words in re.findall(r"\*(.+?)\*", row)
    ]
    pieces = [
        piece.strip() for words in said for piece in re.split(r"…|\b[XY]\b(?!\.)|\*", words) if len(piece.strip()) > 8
    ]
    assert len(pieces) > 10
    for piece in pieces:
        assert piece in tool or piece in TESTS, piece


def test_the_commands_for_the_settings_are_those_that_the_tool_names(world):
    settings = {
        "": {"delete_branch_on_merge": False},
        "/actions/permissions/workflow": {"can_approve_pull_request_reviews": False},
    }
    world.write({**world.state, "settings": settings})
    said = world.refused("check", "--settings")
    commands = re.findall(r"^gh api -X .*$", PAGE, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        assert command in said
