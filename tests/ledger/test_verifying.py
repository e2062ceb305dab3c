"""verify_ledger finds whatever was changed behind the ledger's back, and says where; untouched data it calls sound."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from ledger.actors import Actor
from ledger.models import LedgerEvent
from ledger.verify import stored_rows
from tests.factories import TESTER, make_agent, make_prompt, make_tracking_prompt, make_version
from versions import guards
from versions.models import PromptVersion, SavedText
from versions.seen import ANYTHING
from versions.verifying import problems

pytestmark = pytest.mark.django_db


@pytest.fixture
def story():
    """Everything that can happen, once: v1.0 RET, v1.1 RET, v1.2 deleted, v1.3 archived, v1.4 PRD by rollback."""
    first = make_version("RET", name="story", agent=make_agent(name="Ada"), template_source="first {{ ä }} 🎉\u2028")
    prompt = first.prompt
    draft = make_version(prompt=prompt)
    draft = draft.edit(by=TESTER, seen=ANYTHING, template_source="edited", config={"b": 1e22, "a": [None, "é"]})
    draft.delete_draft(by=TESTER, seen=ANYTHING)
    make_version("TST", prompt=prompt).archive(by=TESTER, seen=ANYTHING)
    first.roll_back(by=Actor("anna", user_id=7, api_key="pl_1"), seen=ANYTHING, reason='worse "now"')
    prompt.change(by=TESTER, title="Story", tags=["a"])
    make_tracking_prompt(name="tracked")
    gone = make_prompt(name="gone")
    gone.archive(by=TESTER)
    gone.remove(by=TESTER)
    return prompt


def said() -> list[str]:
    return [str(problem) for problem in problems()]


def behind_its_back(sql: str) -> None:
    guards.lift()
    with connection.cursor() as cursor:
        cursor.execute(sql)
        assert cursor.rowcount == 1


def test_what_was_done_in_order_is_sound(story):
    assert said() == []


def test_an_empty_ledger_is_sound():
    assert said() == []


def test_the_kept_hash_is_the_one_that_seal_makes(story):
    for event in LedgerEvent.objects.all():
        kept = event.hash
        event.seal()
        assert event.hash == kept


CHANGED = "was changed after it was written"
EVENT_CHANGES = [
    "actor = 'somebody else'", "at = '2020-01-01 00:00:00+00:00'", "reason = 'because'", "detail = '{\"x\":1}'", "action = 'edited'",
    "api_key = 'pl_2'", "actor_id = 3", "replaced = 9", "to_stage = 'DEV'", "label = 'v9.9'",
]  # fmt: skip


@pytest.mark.parametrize("change", EVENT_CHANGES)
def test_a_changed_event_is_found(story, change):
    event = LedgerEvent.objects.get(action="rolled_back")
    behind_its_back(f"UPDATE ledger_events SET {change} WHERE id = {event.pk}")
    assert f"{event.chain} #{event.sequence}: {CHANGED}" in said()


def test_an_event_that_was_changed_and_sealed_anew_is_found(story):
    event = LedgerEvent.objects.get(action="edited")
    event.actor = "somebody else"
    event.seal()
    behind_its_back(f"UPDATE ledger_events SET actor = '{event.actor}', hash = '{event.hash}' WHERE id = {event.pk}")
    assert said() == [f"{event.chain} #{event.sequence + 1}: does not follow from the event before it"]


def test_a_missing_event_is_found(story):
    event = LedgerEvent.objects.get(action="edited")
    behind_its_back(f"DELETE FROM ledger_events WHERE id = {event.pk}")
    missing = f"{event.chain} #{event.sequence + 1}: events {event.sequence} to before {event.sequence + 1} are missing"
    assert missing in said()


def test_a_tail_that_was_cut_off_is_found(story):
    last = LedgerEvent.objects.filter(chain=f"prompt:{story.pk}").latest("sequence")
    behind_its_back(f"DELETE FROM ledger_events WHERE id = {last.pk}")
    assert said() == [
        f"prompt:{story.pk}: should end with event {last.sequence}, but its last events are missing or other"
    ]


def test_a_chain_that_was_removed_as_a_whole_is_found(story):
    behind_its_back("DELETE FROM ledger_events WHERE action = 'agent_created'")
    assert len(said()) == 1
    assert said()[0].startswith("agent:")


def test_a_prompt_that_went_without_its_event_is_found(story):
    other = make_prompt(name="vanishing", template_source=None)
    behind_its_back(f"DELETE FROM prompts WHERE id = {other.pk}")
    assert said() == [f"prompt:{other.pk}: is gone, and no event deleted it"]


VERSION_CHANGES = [
    ("v1.4", "template_source = 'other'", {"its text does not match its checksum", "its text or config does not match its content hash"}),
    ("v1.0", "config = '{\"a\":1}'", {"its text or config does not match its content hash"}),
    ("v1.4", "checksum_hash = 'x'", {"its text does not match its checksum"}),
    ("v1.3", "stage = 'DEV'", {"its stage is DEV, the ledger says TST"}),
    ("v1.3", "archived_at = NULL", {"its archived is False, the ledger says True"}),
]  # fmt: skip


@pytest.mark.parametrize(("label", "change", "expected"), VERSION_CHANGES)
def test_a_changed_version_is_found(story, label, change, expected):
    version = story.versions.look_up(label)
    behind_its_back(f"UPDATE prompt_versions SET {change} WHERE id = {version.pk}")
    assert set(said()) == {f"story {label}: {one}" for one in expected}


@pytest.mark.parametrize("column", ["deployed_at", "retired_at"])
def test_a_changed_date_is_found(story, column):
    version = story.versions.look_up("v1.1")
    was = getattr(version, column)
    moved = "2020-01-01 00:00:00+00:00" if column == "deployed_at" else "2099-01-01 00:00:00+00:00"
    moved = moved if connection.vendor == "postgresql" else moved.removesuffix("+00:00")
    behind_its_back(f"UPDATE prompt_versions SET {column} = '{moved}' WHERE id = {version.pk}")
    year = moved[:4]
    assert said() == [f"story v1.1: its {column} is {year}-01-01T00:00:00+00:00, the ledger says {was.isoformat()}"]


def test_a_changed_text_with_matching_hashes_is_found(story):
    version = story.versions.look_up("v1.4")
    was = version.content_hash
    version.say("forged", {})
    behind_its_back(
        f"UPDATE prompt_versions SET template_source = 'forged', config = '{{}}', "
        f"checksum_hash = '{version.checksum_hash}', content_hash = '{version.content_hash}' WHERE id = {version.pk}"
    )
    assert said() == [f"story v1.4: its content hash is {version.content_hash}, the ledger says {was}"]


def test_a_version_that_no_event_speaks_of_is_found(story):
    version = story.versions.look_up("v1.3")
    version.pk, version.version, version.minor, version.archived_at, version.stage = None, 99, 99, None, "DEV"
    PromptVersion.objects.bulk_create([version])
    assert said() == ["story v1.99: no event of the ledger speaks of it"]


def test_a_version_that_was_removed_is_found(story):
    version = story.versions.look_up("v1.3")
    behind_its_back(f"DELETE FROM prompt_versions WHERE id = {version.pk}")
    assert f"prompt {story.pk}, version {version.version} (v1.3): is gone, and no event deleted it" in said()


def test_a_kept_text_that_was_changed_is_found(story):
    kept = SavedText.objects.get(template_source="edited")
    behind_its_back(f"UPDATE saved_texts SET template_source = 'other' WHERE content_hash = '{kept.content_hash}'")
    assert said() == [f"kept text {kept.content_hash[:12]}: does not match its hash"]


def test_a_kept_text_that_was_removed_is_found(story):
    kept = SavedText.objects.get(template_source="edited")
    deletion = LedgerEvent.objects.get(action="edited")
    behind_its_back(f"DELETE FROM saved_texts WHERE content_hash = '{kept.content_hash}'")
    assert said() == [
        f"{deletion.chain} #{deletion.sequence}: speaks of a text that is nowhere to be found: {kept.content_hash}"
    ]


def test_values_that_no_row_of_ours_holds_are_a_problem_and_no_crash(story):
    event = LedgerEvent.objects.get(action="rolled_back")
    changed = (
        "detail = 'no json', label = ''" if connection.vendor == "postgresql" else "detail = x'00ff', reason = 1.5"
    )
    behind_its_back(f"UPDATE ledger_events SET {changed} WHERE id = {event.pk}")
    assert f"{event.chain} #{event.sequence}: {CHANGED}" in said()


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("verify_ledger", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_says_that_all_is_well(story):
    number = LedgerEvent.objects.count()
    assert run() == f"{number} events: every chain and every text is as it was written.\n"
    assert json.loads(run("--json")) == {"events": number, "problems": []}


def test_the_command_prints_each_problem_and_fails(story):
    number = LedgerEvent.objects.count()
    version = story.versions.look_up("v1.3")
    behind_its_back(f"UPDATE prompt_versions SET stage = 'DEV' WHERE id = {version.pk}")
    out = StringIO()
    with pytest.raises(CommandError, match=f"^1 problem in {number} events.$") as failure:
        call_command("verify_ledger", stdout=out)
    assert failure.value.returncode == 1
    assert out.getvalue() == "story v1.3: its stage is DEV, the ledger says TST\n"
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("verify_ledger", "--json", stdout=out)
    assert json.loads(out.getvalue())["problems"] == [
        {"where": "story v1.3", "what": "its stage is DEV, the ledger says TST"}
    ]


def test_rows_are_read_as_the_driver_gives_them(story):
    (detail,) = next(stored_rows("SELECT detail FROM ledger_events WHERE action = 'rolled_back'"))
    assert detail == '{"replaced":"v1.1","rollback_of":"v1.0"}'
