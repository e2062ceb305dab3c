"""docs/evaluations.md: its examples are read as they stand; its tables name what the code has, and nothing else."""

import ast
import re

import pytest

from evaluations import formats
from evaluations.formats import Source
from evaluations.items import KEYS
from evaluations.models import Verdict
from evaluations.policy import READERS, SIGNALS
from evaluations.scorers import SCORERS
from promptledger.demo import evaluated
from tests.live import ROOT

PAGE = (ROOT / "docs" / "evaluations.md").read_text()


def table(title: str, column: int = 0) -> set[str]:
    """The names in one column of the first table below a heading."""
    part = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in part.splitlines() if line.startswith("| ")][2:]
    return {name for row in rows for name in re.findall(r"`([a-z_]+)`", row[column])}


def test_its_examples_are_read_as_they_stand():
    text = re.search(r"```jsonl\n(.*?)```", PAGE, re.DOTALL)[1]
    parsed = formats.parse([Source(text, "jsonl")], variables=["part_number"], must_expect=True)
    assert (parsed.errors, parsed.warnings, len(parsed.items)) == ([], [], 2)
    assert {key for item in parsed.items for key in item.as_json()} == set(KEYS)
    assert table("Examples") == set(KEYS)


def test_every_scorer_is_there_with_its_options():
    assert table("Scorers") == set(SCORERS)
    rows = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| `")]
    for row in rows:
        kind = re.findall(r"`(\w+)`", row[0])[0]
        if len(row) == 3 and kind in SCORERS:
            options = set(SCORERS[kind].options) or {"scorers"}
            assert set(re.findall(r"`(\w+)`", row[2])) == options, kind


def test_every_verdict_and_every_key_of_a_policy_is_there():
    assert table("A run") == set(Verdict.values)
    assert table("The policy") == set(READERS)
    assert all(f"`{signal}`" in PAGE for signal in SIGNALS)


def conditions() -> set[str]:
    """What the gates can name, out of their code."""
    found = set()
    for name in ("gates", "approving"):
        for node in ast.walk(ast.parse((ROOT / "evaluations" / f"{name}.py").read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Condition":
                found.add(ast.literal_eval(node.args[0]))
    return found


def test_every_condition_of_the_gate_is_there():
    assert table("The gate") == conditions()


@pytest.mark.parametrize("name", ["PartsClassifier.default"])
def test_the_demo_has_the_prompt_that_it_speaks_of(name):
    assert f"`{name}`" in PAGE
    assert name == evaluated.PROMPT
