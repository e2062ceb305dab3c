"""The walk that S3 describes, from raw fields to production and back, in files: nothing in it is done by hand but writing.

S3-7 raw data, S3-8 a template, S3-9 examples, S3-10 scored, S3-11 promoted, S3-14 rolled back, S3-26 to S3-28 archived on
failure, superseded, overridden; the registry and the results are current after each step (S3-22, S3-30, S3-31).
"""

import csv
import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from common.canonical import sha256
from evaluations.models import EvaluationRun
from ledger.models import LedgerEvent
from repository.files.tree import read_tree
from repository.files.yaml_text import read
from repository.validation import problems_in
from tests.factories import TESTER
from versions.models import PromptVersion
from versions.seen import ANYTHING
from versions.verifying import problems

pytestmark = pytest.mark.django_db

RAW = """part_number,title,manufacturer
6205-2RS1,Deep groove ball bearing 25x52x15,Norrland Bearings
CDQ2-32-PS,Repair kit for cylinder 32 mm,Airmotion
XPB 1250,"Narrow V-belt, raw edge, 1250 mm",Texbelt
"""
METADATA = """name: part-number
title: Number of a part
description: Names a part as the catalogue does.
inputs:
  part_number: as the supplier writes it
  title: the supplier's title, any language
  manufacturer: maker's name, may be blank
outputs: {name: as it stands in the catalogue}
threshold: 0.85
evaluation:
  scorer: {type: exact}
  auto_evaluate: false
"""


class Walk:
    """A tree and a ledger, kept alike as the workflows do it: validate, evaluate, import, export."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def call(self, command: str, *options: str) -> tuple[str, str]:
        """What a command said, and what it refused with."""
        out = io.StringIO()
        try:
            call_command(command, *options, stdout=out, stderr=out)
        except CommandError as error:
            return out.getvalue(), str(error)
        return out.getvalue(), ""

    def merge(self) -> tuple[str, str]:
        """What happens after a merge: import, then the ledger is offered back as files. Checks that all is current."""
        said = self.call("import_prompts", str(self.root), "--note", "commit 1f0c9a7")
        self.export()
        return said

    def export(self) -> None:
        assert self.call("export_prompts", str(self.root))[1] == ""
        assert self.call("export_prompts", str(self.root), "--check")[1] == ""
        assert self.errors() == []
        for path in self.row["files"]:
            assert (self.root / path).is_file(), path
        runs = {str(run.pk) for run in EvaluationRun.objects.filter(status="succeeded")}
        logged = {
            json.loads(path.read_text().splitlines()[0])["run"].get("id") for path in (self.root / "04-evals").glob("*")
        }
        assert logged <= runs | {None}

    def errors(self) -> list:
        """What makes the check of a pull request red."""
        return [one for one in problems_in(read_tree(self.root)) if one.rule.level == "error"]

    @property
    def row(self) -> dict:
        """What the registry says of the prompt now."""
        return read((self.root / "prompt_registry.yaml").read_bytes()).value["prompts"]["part-number"]

    def stages(self) -> dict[str, str]:
        return {row.label: row.stage for row in PromptVersion.objects.order_by("version")}

    def files(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.root / folder).glob("*.yaml"))


def test_from_raw_fields_to_production(tmp_path):
    walk = Walk(tmp_path / "prompts")
    rows = list(csv.DictReader(io.StringIO(RAW)))  # S3-7: structured fields

    # S3-8: a prompt in 00-templates, nothing else. It becomes a draft; nobody asks for a score.
    walk.write("00-templates/part-number.yaml", "name: part-number\ntemplate: '{{ title }} by {{ manufacturer }}'\n")
    walk.write("03-metadata/part-number.yaml", METADATA)
    assert walk.merge()[1] == ""
    assert (walk.stages(), walk.row["draft"]["label"], walk.row["production"]) == ({"v1.0": "DEV"}, "v1.0", None)
    assert walk.files("00-templates") == ["part-number.v1.0.yaml"], "the file has its number now"

    # S3-9: input and output pairs, made of the raw fields.
    lines = [
        {"input": row, "expected": f"{row['title']} ({row['part_number']}) by {row['manufacturer']}"} for row in rows
    ]
    walk.write("01-examples/part-number.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    assert walk.merge()[1] == ""
    assert (walk.row["examples"]["count"], walk.row["evaluation"]) == (3, None)

    # S3-10: scored in CI, before anything is merged: it names no number, and fails.
    said, refused = walk.call("eval_runner", str(walk.root), "--provider", "offline")
    assert (refused.startswith("1 of 1 tasks"), "FAIL  part-number v1.0: 0, threshold 0.85 (3 examples" in said) == (
        True,
        True,
    )
    assert (walk.root / "04-evals/part-number.v1.0.jsonl").exists()

    # Somebody moves it to 02-production all the same: the gate blocks it, and says why (S3-23, S3-36).
    (walk.root / "02-production").mkdir(exist_ok=True)
    draft = walk.root / "00-templates/part-number.v1.0.yaml"
    draft.rename(walk.root / "02-production/part-number.yaml")
    text = (walk.root / "02-production/part-number.yaml").read_text().replace("stage: DEV\n", "")
    walk.write("02-production/part-number.yaml", text)
    assert {one.code for one in walk.errors()} == {"PL062"}, "its pull request is red for its score, and nothing else"
    said, refused = walk.merge()
    assert "Its score 0 is below the threshold 0.85." in said
    assert (bool(refused), walk.stages(), walk.row["production"]) == (True, {"v1.0": "TST"}, None)
    assert walk.files("00-templates") == ["part-number.v1.0.yaml"], "the files say what is so"
    assert (walk.row["draft"]["stage"], walk.files("02-production")) == ("TST", [])

    # Fixed in the file, scored again, and promoted: score, metadata and structure are as they must be (S3-11, S3-24, S3-25).
    path = "00-templates/part-number.v1.0.yaml"
    text = (
        (walk.root / path)
        .read_text()
        .replace("{{ title }} by", "{{ title }} ({{ part_number }}) by")
        .replace("stage: TST\n", "")
    )
    (walk.root / path).unlink()
    walk.write("02-production/part-number.yaml", text)
    assert walk.call("eval_runner", str(walk.root), "--provider", "offline", "--dry-run")[1] == ""
    assert walk.errors() == [], "its pull request is green"
    said, refused = walk.merge()
    assert (refused, "live     part-number v1.0" in said, walk.stages()) == ("", True, {"v1.0": "PRD"})
    live = PromptVersion.objects.get()
    assert (walk.row["production"]["sha256"], walk.row["evaluation"]["score"]) == (sha256(live.template_source), 1.0)
    assert (walk.root / "02-production/part-number.yaml").exists()
    assert walk.row["evaluation"]["file"] == "04-evals/part-number.v1.0.jsonl"

    # S3-27: superseded. The next one is written as a draft, goes through the same, and the old one is archived.
    walk.write(
        "00-templates/next.yaml",
        "name: part-number\ntemplate: |-\n  {{ title }} ({{ part_number }}) by {{ manufacturer }}\nconfig: {temperature: 0}\n",
    )
    assert walk.merge()[1] == ""
    assert walk.stages() == {"v1.0": "PRD", "v1.1": "DEV"}
    assert walk.call("promote_prompt", "part-number", "v1.1", "--to", "TST")[1] == ""
    said, refused = walk.call("promote_prompt", "part-number", "v1.1", "--to", "PRD")
    assert ("not met  v1.1 is not evaluated. Evaluate it." in said, walk.stages()["v1.1"]) == (True, "TST"), said
    (walk.root / "00-templates/part-number.v1.1.yaml").rename(walk.root / "02-production/part-number.yaml")
    text = (walk.root / "02-production/part-number.yaml").read_text().replace("stage: DEV\n", "")
    walk.write("02-production/part-number.yaml", text)
    assert walk.errors() == [], "and that of the next one, which takes the file's place"
    assert walk.merge()[1] == ""
    assert walk.stages() == {"v1.0": "RET", "v1.1": "PRD"}
    assert (walk.files("99-archive"), walk.files("00-templates")) == (["part-number.v1.0.yaml"], [])
    assert walk.row["versions"][0]["retired_at"] == walk.row["production"]["deployed_at"]

    # S3-28: past the gate by the promotion script, with a reason that the ledger keeps; without one it is refused.
    walk.write(
        "00-templates/worse.yaml",
        "name: part-number\ntemplate: 'worse: {{ title }} {{ part_number }} {{ manufacturer }}'\n",
    )
    assert walk.merge()[1] == ""
    walk.call("promote_prompt", "part-number", "v1.2", "--to", "TST")
    assert walk.call("promote_prompt", "part-number", "v1.2", "--to", "PRD", "--override")[1]
    assert walk.stages()["v1.2"] == "TST"
    reason = "The catalogue is being moved tonight"
    assert walk.call("promote_prompt", "part-number", "v1.2", "--to", "PRD", "--override", "--reason", reason)[1] == ""
    walk.export()
    assert LedgerEvent.objects.filter(action="promoted_by_override", reason=reason).count() == 1
    assert walk.stages() == {"v1.0": "RET", "v1.1": "RET", "v1.2": "PRD"}

    # S3-14, S3-21: what is live scores below its threshold: rolled back to the last good text, as a new version.
    said, refused = walk.call("eval_runner", str(walk.root), "--provider", "offline", "--production")
    assert (refused.startswith("1 of 1"), "FAIL  part-number v1.2" in said) == (True, True)
    assert any(one.code == "PL062" for one in problems_in(read_tree(walk.root)))
    assert walk.call("rollback_prompt", "part-number", "--reason", "score fell below the threshold")[1] == ""
    walk.export()
    assert walk.stages() == {"v1.0": "RET", "v1.1": "RET", "v1.2": "RET", "v1.3": "PRD"}
    assert walk.row["production"]["label"] == "v1.3"
    assert PromptVersion.objects.get(version=4).rollback_of == 2
    assert walk.call("eval_runner", str(walk.root), "--provider", "offline", "--production", "--dry-run")[1] == ""

    # S3-29, S3-35, S3-37: everything is versioned and audited, and a round trip changes nothing.
    assert "Nothing to do" in walk.merge()[0]
    assert [str(problem) for problem in problems()] == []
    assert {event.actor for event in LedgerEvent.objects.all()} <= {
        "system:import_prompts", "system:promote_prompt", "system:rollback_prompt", "system:evaluation", "system:automation",
    }  # fmt: skip


def test_a_failing_draft_is_archived_not_demoted(tmp_path):
    """S3-26: a draft that is given up is archived; its file says so, and an import leaves it so."""
    walk = Walk(tmp_path / "prompts")
    walk.write("00-templates/part-number.yaml", "name: part-number\ntemplate: 'x'\n")
    walk.write("03-metadata/part-number.yaml", METADATA.replace("0.85", "null"))
    walk.merge()
    PromptVersion.objects.select_related("prompt").get().archive(by=TESTER, seen=ANYTHING)
    walk.call("export_prompts", str(walk.root))
    assert "archived_at: " in (walk.root / "00-templates/part-number.v1.0.yaml").read_text()
    assert "Nothing to do" in walk.merge()[0]
    assert walk.row["draft"] is None
