"""EDIT changes a draft in place (S0-51): no new number; refused from PRD on, when late, when archived."""

import pytest

from ledger.models import LedgerEvent
from tests.factories import TESTER, make_prompt, make_tracking_prompt, make_version
from tests.versions.refusing import everything, refused
from versions.content import content_hash
from versions.models import PromptVersion, SavedText
from versions.models.transitions import ARCHIVED, NO_EDIT
from versions.seen import ANYTHING, Seen

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("stage", ["DEV", "TST"])
def test_a_draft_is_changed_in_place(stage):
    version = make_version(stage)
    made, seen_at = version.updated_at, Seen.of(version)
    after = version.edit(
        by=TESTER, seen=seen_at, template_source="New.", config={"temperature": 0}, commit_message=" why "
    )
    row = PromptVersion.objects.get()
    assert (row.pk, row.version, row.label, row.stage) == (version.pk, 1, "v1.0", stage)
    assert (row.template_source, row.config, row.commit_message, row.revision) == ("New.", {"temperature": 0}, "why", 2)
    assert row.content_hash == content_hash("text", "New.", {"temperature": 0})
    assert row.updated_at > made
    assert row.created_at == version.created_at
    assert after.revision == 2


def test_the_text_before_stays_findable():
    version = make_version("DEV", template_source="One.")
    version.edit(by=TESTER, seen=ANYTHING, template_source="Two.")
    event = LedgerEvent.objects.latest("id")
    assert (event.action, event.from_stage, event.to_stage) == ("edited", "DEV", "DEV")
    assert (event.before_hash, event.after_hash) == (version.content_hash, content_hash("text", "Two.", {}))
    assert SavedText.find(version.prompt_id, event.before_hash) == {"template_source": "One.", "config": {}}
    assert SavedText.find(version.prompt_id, event.after_hash) == {"template_source": "Two.", "config": {}}
    other = make_prompt()
    assert SavedText.find(other.pk, event.before_hash) is None


def test_none_leaves_a_part_as_it_is():
    version = make_version("DEV", template_source="One.").edit(by=TESTER, seen=ANYTHING, config={"a": 1})
    after = version.edit(by=TESTER, seen=ANYTHING, commit_message="Only the message.")
    assert (after.template_source, after.config, after.commit_message) == ("One.", {"a": 1}, "Only the message.")
    assert after.content_hash == version.content_hash
    assert after.revision == version.revision + 1


def test_equal_content_changes_and_logs_nothing():
    version = make_version("TST", template_source="Same.")
    before = everything()
    after = version.edit(by=TESTER, seen=ANYTHING, template_source="Same.", config={}, commit_message="")
    assert after.revision == 1
    assert everything() == before


@pytest.mark.parametrize("stage", ["PRD", "RET"])
def test_production_texts_are_refused(stage):
    version = make_version(stage)
    with refused("immutable") as caught:
        version.edit(by=TESTER, seen=ANYTHING, template_source="New.")
    assert caught.value.detail == NO_EDIT == "Cannot edit production versions"


def test_a_late_edit_is_refused_with_both_texts():
    version = make_version("DEV", template_source="One.")
    seen = Seen.of(version)
    version.edit(by=TESTER, seen=seen, template_source="Two.")
    with refused("stale") as caught:
        version.edit(by=TESTER, seen=seen, template_source="Three.")
    assert caught.value.data["yours"]["template_source"] == "Three."
    assert caught.value.data["current"]["template_source"] == "Two."
    assert (caught.value.data["stage"], caught.value.data["revision"]) == ("DEV", 2)


def test_an_edit_of_what_went_to_production_meanwhile_is_stale_not_done():
    version = make_version("TST")
    version.promote(by=TESTER, to="PRD", seen=ANYTHING)
    with refused("stale") as caught:
        version.edit(by=TESTER, seen=Seen.of(version), template_source="Late.")
    assert caught.value.data["stage"] == "PRD"


def test_an_archived_draft_is_refused():
    version = make_version("DEV").archive(by=TESTER, seen=ANYTHING)
    with refused("archived") as caught:
        version.edit(by=TESTER, seen=ANYTHING, template_source="New.")
    assert caught.value.detail == ARCHIVED


def test_a_tracking_prompt_is_refused():
    version = make_tracking_prompt(name="owned").versions.get()
    with refused("wrong_mode", 400) as caught:
        version.edit(by=TESTER, seen=ANYTHING, template_source="New.")
    assert caught.value.detail == "Prompt 'owned' is in tracking mode. Use code-based endpoints instead."


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"template_source": ""}, "invalid"),
        ({"template_source": " \n\t"}, "invalid"),
        ({"template_source": "a\x00b"}, "invalid"),
        ({"template_source": "half \ud83d"}, "invalid"),
        ({"template_source": 7}, "invalid"),
        ({"template_source": "ä" * 102_401}, "too_long"),
        ({"config": []}, "invalid"),
        ({"config": {"a": float("nan")}}, "invalid"),
        ({"config": {"a": "x" * 70_000}}, "too_long"),
        ({"commit_message": "x" * 2_001}, "invalid"),
        ({"commit_message": "a\x00"}, "invalid"),
    ],
)  # fmt: skip
def test_bad_input_is_refused(data, code):
    version = make_version("DEV")
    with refused(code, 400):
        version.edit(by=TESTER, seen=ANYTHING, **data)


def test_the_largest_text_is_kept_byte_for_byte():
    text = "é" * 102_400
    assert make_version("DEV").edit(by=TESTER, seen=ANYTHING, template_source=text).template_source == text
    assert PromptVersion.objects.get().template_source == text


def test_spaces_line_ends_and_odd_letters_stay_as_they_are():
    text = ' \r\nZoë\t{{ a }} {% x %} {"json": [1]} \u2028 👩‍💻 e\u0301 \r'
    make_version("DEV", template_source=text)
    assert PromptVersion.objects.get().template_source == text


def test_a_deleted_draft_is_not_found():
    version = make_version("DEV")
    version.delete_draft(by=TESTER, seen=ANYTHING)
    with refused("not_found", 404):
        version.edit(by=TESTER, seen=ANYTHING, template_source="New.")


def test_a_version_of_a_deleted_prompt_is_refused():
    version = make_version("DEV")
    version.prompt.remove(by=TESTER)
    with refused("gone"):
        version.edit(by=TESTER, seen=ANYTHING, template_source="New.")
