"""The ledger in words: every action that the code can write has some, and those of evaluations say their figures."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluations import datasets, running, starting
from tests.evaluations.gating import ask_for, gated
from tests.factories import TESTER
from tests.live import ROOT
from versions.seen import ANYTHING
from versions.templatetags.prompts import PHRASES

APPS = ("accounts", "agents", "evaluations", "executions", "repository", "versions")
WRITERS = {"entry", "Entry", "_log"}
HISTORY = "/prompts/gated/history/"


def sources() -> Iterator[tuple[str, ast.Module]]:
    for app in APPS:
        for path in sorted(Path(ROOT, app).rglob("*.py")):
            if "migrations" not in path.parts:
                yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def constants(tree: ast.Module) -> dict[str, ast.expr]:
    """What names of a module stand for."""
    return {
        target.id: node.value
        for node in tree.body if isinstance(node, ast.Assign)
        for target in node.targets if isinstance(target, ast.Name)
    }  # fmt: skip


def texts(node: ast.expr, names: dict[str, ast.expr]) -> set[str]:
    """The texts that an expression can be: one of two, a named one, one out of a table."""
    if isinstance(node, ast.Constant):
        return {node.value} if isinstance(node.value, str) else set()
    if isinstance(node, ast.IfExp):
        return texts(node.body, names) | texts(node.orelse, names)
    if isinstance(node, ast.Name):
        return texts(names[node.id], names) if node.id in names else set()
    if isinstance(node, ast.Subscript):
        return texts(node.value, names)
    if isinstance(node, ast.Dict):
        return set().union(*(texts(value, names) for value in node.values))
    return set()


def written() -> dict[str, str]:
    """Every action that is written, with a file that does."""
    found: dict[str, str] = {}
    for path, tree in sources():
        names = constants(tree)
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called not in WRITERS:
                continue
            given = [*node.args[:1], *(word.value for word in node.keywords if word.arg == "action")]
            for action in set().union(*(texts(one, names) for one in given)):
                found[action] = path
    return found


def test_every_action_that_can_be_written_has_words_and_no_words_are_left_over():
    found = written()
    assert {action: path for action, path in found.items() if action not in PHRASES} == {}
    assert set(PHRASES) - set(found) == set()


@pytest.mark.django_db
def test_an_evaluation_says_its_score_and_leads_to_it(page):
    run = running.work(starting.start(gated(), by=TESTER).pk)
    text = " ".join(page.get(HISTORY).content.decode().split())
    assert f'<a href="/evaluations/{run.pk}/">score 1 of 0.85: pass</a>' in text
    assert "on 4 examples, dataset 1" in text


@pytest.mark.django_db
def test_changed_examples_are_counted_and_a_policy_is_named(page):
    version = gated()
    datasets.remove(version.prompt, by=TESTER, keys=["ex-0", "ex-1"])
    text = " ".join(page.get(HISTORY).content.decode().split())
    assert "changed the examples" in text
    assert "2 examples, 2 gone" in text and "4 examples, 4 new" in text
    assert 'href="/prompts/gated/examples/?dataset=2"' in text
    assert '<p class="small quiet">policy</p>' in text
    home = " ".join(page.get("/").content.decode().split())
    assert 'changed the examples of <a href="/prompts/gated/">gated</a>' in home


@pytest.mark.django_db
def test_an_override_names_what_was_not_met(page, admin):
    version = gated()
    ask_for(version.prompt, required_approvals=1)
    version.promote(by=admin, to="PRD", seen=ANYTHING, override=True, reason="The customer waits.")
    text = " ".join(page.get(HISTORY).content.decode().split())
    assert "overrode the gate and promoted" in text
    assert "<li>Nobody has approved it yet." in text and "<li>v1.0 is not evaluated. Evaluate it.</li>" in text
    assert "<blockquote>The customer waits.</blockquote>" in text
