"""examples/prompts is what an export of the demo's parts classifier is: the tree that the documents and the workflows show.

    PROMPTLEDGER_WRITE_EXAMPLE=1 .venv/bin/python -m pytest tests/repository/files/test_example.py

writes it anew after the demo or the format changed.
"""

import os
import subprocess
import sys
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import call_command

from ledger.actors import Actor
from promptledger.demo.parts import CLASSIFIER, CLASSIFY
from promptledger.demo.timeline import play
from repository import exporting
from repository.files.tree import read_tree
from repository.files.writing import compare, write
from repository.validation import problems_in
from tests.live import ROOT

TREE = ROOT / "examples/prompts"
TODAY = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
PEOPLE = {role: Actor(name=f"demo {role}", kind="system") for role in ("engineer", "manager", "deployment")}

pytestmark = pytest.mark.django_db


def test_it_is_an_export_of_the_demo():
    play([CLASSIFIER], [CLASSIFY], people=PEOPLE, today=TODAY)
    files = exporting.export()
    changes = compare(TREE, files, read_tree(TREE), ["PartsClassifier.default"])
    if os.environ.get("PROMPTLEDGER_WRITE_EXAMPLE"):
        write(TREE, files, changes)
        changes = compare(TREE, files, read_tree(TREE), ["PartsClassifier.default"])
    assert changes.lines() == [], "write it anew: see the top of this file"


def test_nothing_is_wrong_with_it():
    assert [str(one) for one in problems_in(read_tree(TREE))] == []


def test_it_comes_back_out_of_an_empty_ledger():
    call_command("import_prompts", str(TREE), stdout=StringIO())
    call_command("export_prompts", str(TREE), "--check", stdout=StringIO())


def test_what_the_workflow_runs_runs_on_it():
    """S3-15, S3-16: the lines of prompts.yml, with this tree in the place of a repository's own."""
    env = os.environ | {
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "DJANGO_SETTINGS_MODULE": "promptledger.settings",
    }
    lines = [["-m", "repository.validation", str(TREE), "--format", "github", "--strict"],
             ["manage.py", "eval_runner", str(TREE), "--production", "--provider", "offline", "--dry-run"]]  # fmt: skip
    for line in lines:
        done = subprocess.run([sys.executable, *line], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "pass  PartsClassifier.default v2.0" in done.stdout
