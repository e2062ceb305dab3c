"""export_prompts, promote_prompt and rollback_prompt as scripts use them (S3-11, S3-21, S3-28)."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from ledger.models import LedgerEvent
from tests.evaluations.gating import evidence, gated
from tests.factories import TESTER, make_prompt, make_version
from tests.repository.registering import everything
from versions.models import PromptVersion
from versions.seen import ANYTHING

pytestmark = pytest.mark.django_db


def run(command, *options):
    out = StringIO()
    call_command(command, *options, stdout=out, stderr=out)
    return out.getvalue()


def refusal(command, *options):
    """What it says when it refuses; nothing was changed."""
    before = everything()
    out = StringIO()
    with pytest.raises(CommandError) as error:
        call_command(command, *options, stdout=out, stderr=out)
    assert everything() == before
    return out.getvalue() + str(error.value)


def stage(label, name="greet"):
    major, minor = label[1:].split(".")
    return PromptVersion.objects.get(prompt__name=name, major=major, minor=minor).stage


# Promoting


def test_a_version_goes_one_stage_on():
    make_version("DEV", name="greet")
    assert run("promote_prompt", "greet", "v1.0", "--to", "TST") == "greet v1.0 is in TST.\n"
    assert run("promote_prompt", "greet", "1", "--to", "PRD", "--reason", "91 of 100") == "greet v1.0 is in PRD.\n"
    event = LedgerEvent.objects.get(to_stage="PRD")
    assert (event.actor, event.actor_kind, event.reason) == ("system:promote_prompt", "system", "91 of 100")


def test_the_gate_says_every_condition():
    """S3-23: the same gate as the button's."""
    version = gated("greet")
    evidence(version, 0.8)
    said = refusal("promote_prompt", "greet", "v1.0", "--to", "PRD")
    assert "met      Metadata is up to date." in said
    assert "not met  Its score 0.8 is below the threshold 0.85." in said
    evidence(version, 0.85)
    assert run("promote_prompt", "greet", "v1.0", "--to", "PRD") == "greet v1.0 is in PRD.\n"


def test_an_override_takes_a_reason_and_in_a_users_name_the_permission(engineer, manager):
    """S3-28: by manual override via the promotion script."""
    gated("greet")
    options = ("greet", "v1.0", "--to", "PRD", "--override")
    assert "needs a reason" in refusal("promote_prompt", *options)
    options = (*options, "--reason", "agreed in the meeting")
    assert "not allowed to override a gate" in refusal("promote_prompt", *options, "--user", "engineer")
    run("promote_prompt", *options, "--user", "manager")
    event = LedgerEvent.objects.get(action="promoted_by_override")
    assert (event.actor, event.reason) == ("manager", "agreed in the meeting")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("greet", "v1.0", "--to", "PRD"), "can only go to TST"),
        (("greet", "v9.0", "--to", "TST"), "not_found"),
        (("nobody", "v1.0", "--to", "TST"), "Prompt 'nobody' not found"),
        (("greet", "v1.0", "--to", "TST", "--user", "ghost"), "There is no user 'ghost'"),
        (("greet", "v1.0", "--to", "TST", "--user", "viewer"), "not allowed"),
    ],
)
def test_a_promotion_that_cannot_be_is_refused(options, said, viewer):
    make_version("DEV", name="greet")
    assert said in refusal("promote_prompt", *options)


# Rolling back


def test_the_text_before_is_live_again():
    """S3-14: on regression the last good text comes back, as a new version."""
    first = make_version("RET", name="greet", template_source="the good one")
    assert run("rollback_prompt", "greet", "--reason", "score fell") == "greet v1.2 is in PRD, with the text of v1.0.\n"
    live = first.prompt.production
    assert (live.label, live.template_source, live.rollback_of) == ("v1.2", "the good one", 1)
    assert stage("v1.1") == "RET"


def test_a_second_rollback_does_not_bring_the_bad_text_back():
    """A script that runs twice: the text that was rolled back is the newest retired one, and not the last good one."""
    good = make_version("PRD", name="greet", template_source="the good one")
    make_version("PRD", prompt=good.prompt, template_source="the bad one")
    for _ in range(2):
        run("rollback_prompt", "greet", "--reason", "score fell")
        assert good.prompt.production.template_source == "the good one"


def test_where_all_were_rolled_back_a_person_has_to_name_one():
    first = make_version("PRD", name="greet", template_source="the good one")
    make_version("PRD", prompt=first.prompt, template_source="the bad one")
    assert "text of v1.0" in run("rollback_prompt", "greet", "--reason", "score fell")
    assert "text of v1.1" in run("rollback_prompt", "greet", "--to", "v1.1", "--reason", "it was better all the same")
    assert "was not rolled back itself" in refusal("rollback_prompt", "greet", "--reason", "once more")
    assert first.prompt.production.label == "v1.3"


def test_any_retired_version_can_be_named(manager):
    first = make_version("RET", name="greet", template_source="the first")
    make_version("PRD", prompt=first.prompt)
    assert "text of v1.0" in run(
        "rollback_prompt", "greet", "--to", "v1.0", "--reason", "the first was best", "--user", "manager"
    )
    assert LedgerEvent.objects.get(action="rolled_back").actor == "manager"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("greet", "--reason", " "), "reason is required"),
        (("greet", "--to", "v1.1", "--reason", "why"), "only a retired version can be rolled back to"),
        (("fresh", "--reason", "why"), "has no retired version"),
        (("nobody", "--reason", "why"), "not found"),
        (("greet", "--reason", "why", "--user", "engineer"), "not allowed"),
    ],
)
def test_a_rollback_that_cannot_be_is_refused(options, said, engineer):
    make_version("RET", name="greet")
    make_version("PRD", name="fresh")
    assert said in refusal("rollback_prompt", *options).lower() or said in refusal("rollback_prompt", *options)


# Exporting


def test_a_second_export_changes_nothing(tmp_path):
    make_version("RET", name="greet")
    assert "4 new, 0 changed, 0 gone" in run("export_prompts", str(tmp_path / "a"))
    assert "0 new, 0 changed, 0 gone" in run("export_prompts", str(tmp_path / "a"))
    run("export_prompts", str(tmp_path / "b"))
    for path in (tmp_path / "a").rglob("*.yaml"):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_a_check_fails_when_files_and_ledger_differ(tmp_path):
    """Ledger changes are offered back: --check says that there are some, an export writes them."""
    version = make_version("TST", name="greet")
    run("export_prompts", str(tmp_path))
    assert "says what the ledger has" in run("export_prompts", str(tmp_path), "--check")
    version.promote(by=TESTER, to="PRD", seen=ANYTHING)
    said = refusal("export_prompts", str(tmp_path), "--check")
    for line in (
        "new     02-production/greet.yaml",
        "gone    00-templates/greet.v1.0.yaml",
        "changed prompt_registry.yaml",
    ):
        assert line in said
    assert not (tmp_path / "02-production").exists()
    run("export_prompts", str(tmp_path))
    assert "says what the ledger has" in run("export_prompts", str(tmp_path), "--check")


def test_a_file_that_was_never_imported_is_a_difference_too(tmp_path):
    make_prompt(name="greet")
    run("export_prompts", str(tmp_path))
    (tmp_path / "00-templates/new.yaml").write_text("name: new\ntemplate: x\n")
    assert "strange 00-templates/new.yaml" in refusal("export_prompts", str(tmp_path), "--check")
    run("export_prompts", str(tmp_path))
    assert (tmp_path / "00-templates/new.yaml").exists(), "it is left alone"


@pytest.mark.parametrize("work", ["An hour of work, ", "Unreadable: ", "<<<<<<< HEAD\n"])
def test_an_edit_that_was_not_imported_is_not_lost(work, tmp_path):
    make_prompt(name="greet")
    run("export_prompts", str(tmp_path))
    path = tmp_path / "00-templates/greet.v1.0.yaml"
    path.write_text(path.read_text().replace("Hello", work))
    mine = path.read_bytes()
    assert "the ledger never had this text" in refusal("export_prompts", str(tmp_path))
    assert path.read_bytes() == mine
    run("export_prompts", str(tmp_path), "--force")
    assert path.read_bytes() != mine


def test_results_are_a_log_that_nothing_is_taken_from(tmp_path):
    """S3-30: results stay in 04-evals, also of versions that are gone."""
    draft = make_version("DEV", name="greet")
    (tmp_path / "04-evals").mkdir()
    (tmp_path / "04-evals/greet.v0.9.jsonl").write_text("kept\n")
    run("export_prompts", str(tmp_path))
    draft.delete_draft(by=TESTER, seen=ANYTHING)
    run("export_prompts", str(tmp_path))
    assert (tmp_path / "04-evals/greet.v0.9.jsonl").read_text() == "kept\n"
    assert not list((tmp_path / "00-templates").iterdir())


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    make_prompt()
    assert "no folder" in refusal("export_prompts", str(tmp_path / "file"))
    assert str(tmp_path / "file") in refusal("export_prompts", str(tmp_path / "file/below"))
