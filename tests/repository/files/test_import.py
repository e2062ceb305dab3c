"""Importing: a plan that is shown, then done through the lifecycle; what is sealed stays, what goes live is let through
by the gate (S3-11, S3-23 to S3-25, S3-36).
"""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from evaluations import datasets
from evaluations.models import EvaluationRun
from evaluations.policy import merged
from ledger.models import LedgerEvent
from repository import exporting
from repository.applying import apply
from repository.files.tree import read_tree
from repository.plans import plan
from tests.evaluations.gating import evidence
from tests.evaluations.gating import gated as version_in_test
from tests.factories import TESTER, make_agent, make_prompt, make_tracking_prompt, make_version
from tests.repository.files.stories import export_to, taken_back
from tests.repository.registering import everything
from versions.models import Prompt, PromptVersion
from versions.seen import ANYTHING

pytestmark = pytest.mark.django_db


def put(root, path, text):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def change(root, path, old, new):
    text = (root / path).read_text()
    assert old in text, text
    (root / path).write_text(text.replace(old, new))


def run(root, *options):
    """Import; returns (what it said, what it refused with or None)."""
    out = StringIO()
    try:
        call_command("import_prompts", str(root), *options, stdout=out, stderr=out)
    except CommandError as error:
        return out.getvalue(), str(error)
    return out.getvalue(), None


def stages(name="part-number"):
    return [(row.label, row.stage) for row in PromptVersion.objects.filter(prompt__name=name).order_by("version")]


METADATA = "name: part-number\ndescription: Finds it.\ninputs: {title: t}\noutputs: {number: n}\n"


@pytest.fixture
def root(tmp_path):
    return tmp_path / "prompts"


def test_a_new_file_is_a_draft(root):
    """S3-8: a prompt begins as a file in 00-templates."""
    make_prompt()
    put(root, "00-templates/part.yaml", "name: part-number\ntemplate: 'Part {{ title }}'\nconfig: {model: m}\n")
    put(root, "03-metadata/part.yaml", METADATA + "agent: Parts\nstatus_key: NEW\nthreshold: 0.5\ntags: [a]\n")
    said, refused = run(root, "--note", "commit abc123")
    assert refused is None
    assert "create   part-number: v1.0 as a draft" in said
    prompt = Prompt.objects.get(name="part-number")
    version = prompt.versions.get()
    assert (prompt.agent.name, prompt.status_key, prompt.evaluation, prompt.tags) == (
        "Parts",
        "NEW",
        {"threshold": 0.5},
        ["a"],
    )
    assert (version.template_source, version.config, version.stage) == ("Part {{ title }}", {"model": "m"}, "DEV")
    assert version.commit_message == "Imported from prompt files (commit abc123)"
    assert {event.actor for event in LedgerEvent.objects.filter(prompt="part-number")} == {"system:import_prompts"}
    assert run(root)[0].startswith("Nothing to do")


def test_an_edited_draft_is_edited_in_place_and_a_further_file_is_the_next(root):
    make_version("DEV", name="part-number")
    export_to(root)
    change(root, "00-templates/part-number.v1.0.yaml", "Hello", "Good day")
    put(root, "00-templates/next.yaml", "name: part-number\ntemplate: another\n")
    said, _ = run(root)
    assert "edit     part-number: v1.0 says what the file says" in said
    texts = list(PromptVersion.objects.order_by("version").values_list("version", "template_source"))
    assert texts == [(1, "Good day {{ name }}!"), (2, "another")]
    assert run(root)[0].startswith("Nothing to do")


def test_a_file_that_moves_to_production_asks_for_the_promotion(root):
    """S3-11: from 00-templates to 02-production; what was there retires, and its file goes to the archive by export."""
    live = make_version("PRD", name="part-number")
    live.create_new(by=TESTER, seen=ANYTHING, template_source="better {{ name }}")
    export_to(root)
    (root / "00-templates/part-number.v1.1.yaml").rename(root / "02-production/part-number.yaml")
    change(root, "02-production/part-number.yaml", "stage: DEV\n", "")
    said, refused = run(root)
    assert refused is None
    assert "live     part-number v1.1" in said
    assert stages() == [("v1.0", "RET"), ("v1.1", "PRD")]
    call_command("export_prompts", str(root), stdout=StringIO())
    assert sorted(path.name for path in (root / "99-archive").iterdir()) == ["part-number.v1.0.yaml"]
    assert not list((root / "00-templates").iterdir())


def gated(root, threshold=0.9):
    make_prompt()
    put(root, "02-production/part.yaml", "name: part-number\ntemplate: 'Part {{ title }}'\n")
    put(root, "03-metadata/part.yaml", METADATA + f"threshold: {threshold}\n")
    put(
        root,
        "01-examples/part-number.jsonl",
        '{"input": {"title": "A"}, "expected": "Part A"}\n{"input": {"title": "B"}, "expected": "Teil B"}\n',
    )


def test_the_gate_is_asked_and_scores_are_taken_first(root):
    """S3-36: promoted or blocked, based on the score."""
    gated(root, threshold=0.5)
    said, refused = run(root)
    assert refused is None, said
    assert stages() == [("v1.0", "PRD")]
    run_ = EvaluationRun.objects.get()
    assert (run_.score, run_.status) == (0.5, "succeeded")


def test_what_the_gate_blocks_stays_in_test_with_the_reason(root):
    """S3-23: below the threshold nothing goes live; everything else of the import stands."""
    gated(root, threshold=0.9)
    said, refused = run(root)
    assert refused == "1 not promoted to production; everything else was imported."
    assert "blocked  part-number v1.0 stays in TST. Its score 0.5 is below the threshold 0.9." in said
    assert stages() == [("v1.0", "TST")]
    assert LedgerEvent.objects.filter(to_stage="PRD").count() == 0
    assert run(root)[1] is not None, "the next import asks again"
    assert EvaluationRun.objects.count() == 1, "on the evidence that is there"


def test_incomplete_metadata_block(root):
    """S3-24: metadata are up to date, or nothing goes live."""
    gated(root, threshold=0.5)
    change(root, "03-metadata/part.yaml", "inputs: {title: t}", "inputs: {other: t}")
    said, refused = run(root)
    assert (refused is not None, "Its inputs do not name title" in said) == (True, True)
    assert stages() == [("v1.0", "TST")]


def test_without_evaluation_it_is_left_to_the_worker(root):
    gated(root, threshold=0.5)
    said, refused = run(root, "--no-evaluate")
    assert (refused is not None, "v1.0 is being evaluated. Wait for the result." in said) == (True, True)
    assert EvaluationRun.objects.get().status == "queued"


def test_approvals_are_asked_of_an_import_as_of_everybody(root):
    version = make_version("TST", name="part-number")
    version.prompt.change(by=TESTER, evaluation=merged(version.prompt, {"required_approvals": 1}))
    export_to(root)
    (root / "02-production").mkdir()
    (root / "00-templates/part-number.v1.0.yaml").rename(root / "02-production/part-number.yaml")
    change(root, "02-production/part-number.yaml", "stage: TST\n", "")
    assert run(root)[1] is not None
    assert stages() == [("v1.0", "TST")]


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("02-production/part-number.yaml", "template: ", "template: X"),
        ("99-archive/part-number.v1.0.yaml", "template: ", "template: X"),
        ("02-production/part-number.yaml", "name: part-number\n", "name: part-number\nconfig: {temperature: 1}\n"),
    ],
)
def test_a_changed_file_of_what_is_sealed_is_an_error_that_names_it(root, path, old, new):
    """S3-12's other side: what is in 02-production and 99-archive is locked. Without its hashes the ledger finds it."""
    make_version("RET", name="part-number")
    export_to(root)
    change(root, path, old, new)
    for key in ("sha256", "content_hash"):
        text = (root / path).read_text().splitlines(keepends=True)
        (root / path).write_text("".join(line for line in text if not line.startswith(key)))
    put(root, "00-templates/other.yaml", "name: other\ntemplate: a good one\n")
    before = everything()
    refused = run(root)[1]
    assert (path in refused, "cannot change" in refused) == (True, True), refused
    assert everything() == before, "all or nothing"
    change(root, path, new, old)
    assert run(root)[1] is None


def test_a_dry_run_shows_the_plan_and_writes_nothing(root):
    gated(root)
    before = everything()
    said, _ = run(root, "--dry-run")
    for line in (
        "create   part-number: v1.0 as a draft",
        "to TST   part-number: ",
        "to PRD   part-number: ",
        "Dry run",
    ):
        assert line in said
    assert everything() == before


def test_a_tree_that_is_behind_undoes_nothing(root):
    """A checkout of yesterday: the ledger has gone on, by its pages."""
    version = make_version("DEV", name="part-number")
    other = make_version("TST", name="other")
    export_to(root)
    version.edit(by=TESTER, seen=ANYTHING, template_source="edited on the page")
    other.promote(by=TESTER, to="PRD", seen=ANYTHING)
    before = everything()
    said, refused = run(root)
    assert refused is None
    assert "v1.0 was edited in the ledger since" in said
    assert "v1.0 is in PRD in the ledger already" in said
    assert everything() == before


def test_both_edited_is_a_conflict(root):
    version = make_version("DEV", name="part-number")
    export_to(root)
    version.edit(by=TESTER, seen=ANYTHING, template_source="edited on the page")
    change(root, "00-templates/part-number.v1.0.yaml", "Hello", "Edited in the file")
    before = everything()
    assert "edited in the ledger as well" in run(root)[1]
    assert everything() == before


def test_somebody_who_is_faster_is_not_overwritten(root):
    version = make_version("DEV", name="part-number")
    export_to(root)
    change(root, "00-templates/part-number.v1.0.yaml", "Hello", "Edited in the file")
    put(root, "00-templates/a-first.yaml", "name: a-first\ntemplate: a good one\n")
    found = plan(read_tree(root))
    version.edit(by=TESTER, seen=ANYTHING, template_source="edited on the page")
    before = everything()
    with pytest.raises(Exception, match="somebody changed it in the meantime"):
        apply(found)
    assert everything() == before


def test_what_people_describe_is_described(root):
    make_version("PRD", name="part-number", description="old")
    export_to(root)
    change(root, "03-metadata/part-number.yaml", "description: old", "description: new")
    change(root, "03-metadata/part-number.yaml", "threshold: null", "threshold: 0.25")
    said, _ = run(root)
    assert "describe part-number: description, evaluation" in said
    prompt = Prompt.objects.get()
    assert (prompt.description, prompt.evaluation) == ("new", {"threshold": 0.25})


def test_a_short_metadata_file_leaves_the_rest_as_it_is(root):
    make_version(
        "DEV", name="part-number", description="old", owner_team="Parts", metadata={"inputs": {"a": "b"}, "x": 1}
    )
    put(root, "03-metadata/p.yaml", "name: part-number\ndescription: new\noutputs: {c: d}\n")
    run(root)
    prompt = Prompt.objects.get()
    assert (prompt.description, prompt.owner_team) == ("new", "Parts")
    assert prompt.metadata == {"inputs": {"a": "b"}, "outputs": {"c": "d"}, "x": 1}


def test_examples_come_with_it(root):
    """S3-9: input and output pairs, as JSON lines or one file each."""
    prompt = make_prompt(name="part-number")
    put(root, "03-metadata/part-number.yaml", "name: part-number\n")
    put(root, "01-examples/part-number.jsonl", '{"id": "a", "input": {"name": "x"}, "expected": "y"}\n')
    put(root, "01-examples/part-number/b.json", '{"id": "b", "input": {"name": "z"}}')
    run(root)
    assert sorted(item.key for item in datasets.items_of(datasets.current(prompt))) == ["a", "b"]
    assert run(root)[0].startswith("Nothing to do")
    call_command("export_prompts", str(root), stdout=StringIO())
    assert not list((root / "01-examples/part-number").iterdir()), "one place for each example"


def test_a_tracking_prompt_is_its_codes_business(root):
    make_tracking_prompt(name="code")
    export_to(root)
    change(root, "02-production/code.yaml", "Tracked", "Changed")
    text = "".join(
        line
        for line in (root / "02-production/code.yaml").read_text().splitlines(True)
        if "hash" not in line and "sha" not in line
    )
    put(root, "02-production/code.yaml", text)
    put(root, "00-templates/x.yaml", "name: code\ntemplate: more\n")
    before = everything()
    refused = run(root)[1]
    assert "code registers its texts" in refused
    assert everything() == before


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("99-archive/x.yaml", "name: unknown\ntemplate: x\n", "taken over with --history"),
        ("99-archive/x.yaml", "name: part-number\ntemplate: never said\n", "never in production"),
        (
            "00-templates/x.yaml",
            "name: part-number\nversion: 7\nlabel: v3.1\ntemplate: x\n",
            "Leave version and label out",
        ),
        ("00-templates/x.yaml", "name: part-number\nversion: 1\nlabel: v2.0\ntemplate: x\n", "Version 1 is v1.0"),
        ("00-templates/x.yaml", "name: unknown\nversion: 4\nlabel: v1.3\ntemplate: x\n", "begins with v1.0"),
        (
            "99-archive/x.yaml",
            "name: part-number\nversion: 1\nlabel: v1.0\ntemplate: 'Hello {{ name }}!'\n",
            "never in production",
        ),
        ("03-metadata/x.yaml", "name: part-number\nmode: tracking\n", "is in full mode"),
        ("03-metadata/x.yaml", "name: part-number\ntype: chat\n", "cannot change"),
        ("03-metadata/x.yaml", "name: new\nmode: tracking\n", "registered by code"),
        ("01-examples/part-number.jsonl", '{"input": {"name": "x"}}\n{"input": {"name": "x"}}\n', "PL042"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_done(root, path, text, said):
    make_version("DEV", name="part-number")
    put(root, "03-metadata/ok.yaml", "name: ok\n")
    put(root, "03-metadata/part-number.yaml", "name: part-number\n")
    put(
        root,
        path.replace("03-metadata/x", "03-metadata/part-number" if "name: part" in text else "03-metadata/x"),
        text,
    )
    before = everything()
    refused = run(root)[1] or ""
    assert said in refused, refused
    assert everything() == before


def test_a_label_that_comes_next_may_be_said(root):
    make_version("DEV", name="part-number")
    put(root, "00-templates/x.yaml", "name: part-number\nversion: 2\nlabel: v2.0\ntemplate: a new major\n")
    assert run(root)[1] is None
    assert stages() == [("v1.0", "DEV"), ("v2.0", "DEV")]


def test_an_agent_that_cannot_be_is_refused_before_anything_is_written(root):
    make_version("PRD", name="taken", agent=make_agent(name="Parts"))
    put(root, "03-metadata/x.yaml", "name: second\nagent: Parts\n")
    before = everything()
    assert "Nothing was imported" in run(root)[1]
    assert everything() == before


def test_history_is_not_believed_when_it_cannot_have_been(root, tmp_path):
    with taken_back():
        make_version("RET", name="part-number")
        export_to(root)
    change(root, "99-archive/part-number.v1.0.yaml", "retired_at: ", "retired_at: 2031-01-01T00:00:00Z #")
    assert "at the same instant" in run(root)[1]
    assert not Prompt.objects.exists()


def test_what_was_retired_had_a_successor(root):
    with taken_back():
        make_version("RET", name="part-number")
        export_to(root)
    (root / "02-production/part-number.yaml").unlink()
    assert "nothing took its place in production" in run(root)[1]
    assert not Prompt.objects.exists()


def test_one_result_of_two_versions_that_say_the_same_is_taken_over_once(root):
    """A rollback carries its evidence along: both files name one run."""
    with taken_back():
        first = version_in_test("part-number")
        evidence(first, 0.9)
        first.promote(by=TESTER, to="PRD", seen=ANYTHING)
        other = first.create_new(by=TESTER, seen=ANYTHING, template_source="other {{ name }}")
        other = other.promote(by=TESTER, to="TST", seen=ANYTHING)
        other.promote(by=TESTER, to="PRD", seen=ANYTHING, override=True, reason="so that it is told")
        first.roll_back(by=TESTER, seen=ANYTHING, reason="back")
        files = export_to(root)
    assert {"04-evals/part-number.v1.0.jsonl", "04-evals/part-number.v1.2.jsonl"} <= set(files)
    assert run(root)[1] is None
    assert EvaluationRun.objects.count() == 1
    assert exporting.export() == files


def test_nothing_live_comes_of_files_alone_where_the_ledger_has_prompts(root):
    """A tree that says it was in production is believed by an empty ledger, or with --history; else the gate decides."""
    with taken_back():
        version = make_version("PRD", name="part-number")
        version.prompt.change(by=TESTER, evaluation={"required_approvals": 2})
        export_to(root)
    make_prompt()
    assert run(root)[1] is not None
    assert stages() == [("v1.0", "TST")]
