"""The documents are current: what the code has, they name; what they name, the code has."""

import re
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command, get_commands
from drf_spectacular.generators import SchemaGenerator

from executions import words
from promptledger.management.commands import make_docs
from tests.live import ROOT
from versions.actions import MATRIX, MORE
from versions.stages import Stage
from versions.templatetags.prompts import PHRASES

APPS = (
    "common", "ledger", "accounts", "agents", "versions", "executions", "evaluations", "repository", "promptledger",
)  # fmt: skip
# Codes of a field's error, inside a 400 with code "invalid": they are not in any answer.
OF_FIELDS = {"control", "dots", "not_an_object", "reserved", "slash", "space", "unstorable"}


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def sources() -> Iterator[str]:
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path.read_text()


# The matrix


def test_the_matrix_in_the_documents_is_the_table_of_actions():
    call_command("make_docs", check=True)


def test_an_outdated_matrix_is_noticed_and_written_anew(tmp_path, monkeypatch, capsys):
    copy = tmp_path / "lifecycle.md"
    copy.write_text(page("lifecycle.md").replace("| **PRD** | off |", "| **PRD** | on |"))
    monkeypatch.setattr(make_docs, "PAGE", copy)
    with pytest.raises(CommandError, match="out of date"):
        call_command("make_docs", check=True)
    call_command("make_docs")
    assert "written anew" in capsys.readouterr().out
    assert copy.read_text() == page("lifecycle.md")
    call_command("make_docs")
    assert capsys.readouterr().out == ""


def test_a_page_without_its_marks_is_not_written():
    with pytest.raises(CommandError, match="lacks its marks"):
        make_docs.with_tables("# The lifecycle of a version\n")


def test_the_matrix_says_what_the_specification_says():
    assert make_docs.matrix().splitlines()[2:] == [
        "| **DEV** | on | on | `Promote to TST` | on | on |",
        "| **TST** | on | on | `Promote to PRD` | on | off |",
        "| **PRD** | off | on | absent | on | off |",
        "| **RET** | off | on | absent | on | off |",
    ]


def test_every_button_is_explained():
    text = page("lifecycle.md")
    for action in (*MATRIX, *MORE):
        for label in [action.label] if isinstance(action.label, str) else action.label.values():
            assert f"**{label}**" in text, label


# Codes, actions, settings, addresses, commands


def codes() -> set[str]:
    """The codes that answers carry, as they stand in the code."""
    found: set[str] = set()
    for text in sources():
        found |= set(re.findall(r"""(?:\bcode|default_code)\s*=\s*"([a-z_]+)\"""", text))
        found |= set(re.findall(r"""["']code["']: "([a-z_]+)\"""", text))
        found |= set(re.findall(r""".code = (?:\d+, )?"([a-z_]+)\"""", text))
    return (found | {code for code in words.ERRORS if code.startswith("provider_")}) - OF_FIELDS


def test_every_code_is_documented_and_every_documented_code_exists():
    table = page("api.md").partition("| Code |")[2].partition("\n\n")[0]
    documented = {code for row in table.splitlines()[2:] for code in re.findall(r"`([a-z_]+)`", row.split("|")[1])}
    assert codes() - documented == set()
    of_the_framework = {"not_authenticated", "method_not_allowed", "unsupported_media_type", "throttled", "parse_error"}
    known = codes() | of_the_framework | set(re.findall(r'"([a-z_]+)"', "".join(sources())))
    assert documented - known == set()


def test_every_action_of_the_ledger_is_documented():
    table = page("api.md").partition("| Action | Of |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([a-z_]+)`", table)) == set(PHRASES)  # which tests/pages/test_events.py holds to the code


def test_every_setting_is_documented_and_every_documented_setting_exists():
    named = set(re.findall(r"""env\.\w+\(\s*"([A-Z_]+)\"""", (ROOT / "promptledger/settings.py").read_text()))
    named |= set(re.findall(r"""os\.environ\.get\("([A-Z_]+)\"""", "".join(sources())))
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", page("operations.md"), re.MULTILINE))
    assert named == documented


def test_every_call_of_the_api_is_documented():
    table = page("api.md").partition("## Calls")[2].partition("## Answers")[0]
    documented = set()
    for row in table.splitlines():
        for methods, path in re.findall(r"`((?:[A-Z]+ )+)(/v1/[^`?]*)[^`]*`", row):
            documented |= {(method, path) for method in methods.split()}
        if unarchive := re.search(r"`POST (/v1/\S+)/archive`, `…/unarchive`", row):
            documented.add(("POST", f"{unarchive[1]}/unarchive"))
    schema = SchemaGenerator().get_schema(request=None, public=True)
    offered = {
        (
            method.upper(),
            path.replace("{version}", "{v}")
            .replace("{event}", "{id}")
            .replace("{execution}", "{id}")
            .replace("{evaluation}", "{id}"),
        )
        for path, calls in schema["paths"].items()
        for method in calls
    }
    assert offered - documented == set()
    assert documented - offered - {("GET", "/v1/openapi.json"), ("GET", "/v1/docs")} == set()


def test_every_command_that_is_named_exists():
    texts = "".join(path.read_text() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
    named = set(re.findall(r"manage\.py ([a-z_]+)", texts))
    assert named - set(get_commands()) - {"version"} == set()  # that one manage.py answers itself
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)`", texts)) - targets == set()


def test_our_own_commands_are_all_named():
    table = page("operations.md").partition("## Commands")[2].partition("## ")[0]
    named = set(re.findall(r"^\| `([a-z_]+)", table, re.MULTILINE))
    assert {name for name, app in get_commands().items() if app in APPS} - named == set()
    assert named - set(get_commands()) == set()


def test_the_glossary_is_in_order_and_has_the_words_of_the_lifecycle():
    words = re.findall(r"^\*\*`?([^*`]+?)`?\.\*\*", page("glossary.md"), re.MULTILINE)
    folded = [word.casefold().split(",")[0] for word in words]
    assert len(words) == len(set(words))
    for stage in Stage.values:
        assert stage in page("glossary.md")
    for word in ("agent", "prompt", "version", "draft", "stage", "status key", "label", "ledger", "promote", "sealed"):
        assert word in folded
