"""CREATE NEW makes the next version from any stage (S0-59 to S0-63); numbers and labels are never given twice."""

import pytest

from ledger.models import LedgerEvent
from tests.factories import TESTER, make_prompt, make_tracking_prompt, make_version
from tests.versions.refusing import refused
from versions import numbering
from versions.models import Prompt, PromptVersion
from versions.seen import ANYTHING, Seen

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("stage", ["DEV", "TST", "PRD", "RET"])
def test_a_draft_with_the_same_content_and_the_source_untouched(stage):
    version = make_version(stage, config={"temperature": 0.5})
    highest = Prompt.objects.get().highest_version
    row = PromptVersion.objects.values().get(pk=version.pk)
    draft = version.create_new(by=TESTER, seen=Seen.of(version))
    assert (draft.stage, draft.revision, draft.based_on) == ("DEV", 1, version.version)
    assert (draft.version, draft.label) == (highest + 1, f"v1.{highest}")
    assert (draft.template_source, draft.config) == (version.template_source, {"temperature": 0.5})
    assert (draft.deployed_at, draft.retired_at, draft.archived_at, draft.rollback_of) == (None, None, None, None)
    assert draft.created_by == TESTER.name
    assert PromptVersion.objects.values().get(pk=version.pk) == row
    event = LedgerEvent.objects.latest("id")
    assert (event.action, event.label, event.to_stage) == ("created", draft.label, "DEV")
    assert event.detail == {"based_on": version.label}


def test_with_a_text_config_and_message_of_its_own():
    draft = make_version("PRD").create_new(
        by=TESTER, seen=ANYTHING, template_source="Other.", config={"a": 1}, commit_message="Try."
    )
    assert (draft.template_source, draft.config, draft.commit_message) == ("Other.", {"a": 1}, "Try.")


def test_the_next_minor_above_the_highest_ever_given():
    """SPEC 1: from RET v2.2 with v2.4 existing: v2.5."""
    prompt = make_prompt()
    first = prompt.versions.get()
    second = first.create_new(by=TESTER, seen=ANYTHING, bump="major")
    assert second.label == "v2.0"
    labels = [first.create_new(by=TESTER, seen=ANYTHING).label for _ in range(4)]
    assert labels == ["v2.1", "v2.2", "v2.3", "v2.4"]
    assert prompt.versions.look_up("v2.2").create_new(by=TESTER, seen=ANYTHING).label == "v2.5"


def test_a_number_is_not_given_again_after_delete():
    first = make_version("DEV")
    draft = first.create_new(by=TESTER, seen=ANYTHING)
    draft.delete_draft(by=TESTER, seen=ANYTHING)
    again = first.create_new(by=TESTER, seen=ANYTHING)
    assert (draft.version, draft.label, again.version, again.label) == (2, "v1.1", 3, "v1.2")


def test_not_even_when_all_were_deleted():
    prompt = make_prompt()
    prompt.versions.get().delete_draft(by=TESTER, seen=ANYTHING)
    draft = prompt.first_draft(by=TESTER, text="Again.", config={}, commit_message="")
    assert (draft.version, draft.label) == (2, "v1.1")


def test_ten_comes_after_nine():
    version = make_version("DEV")
    for _ in range(10):
        version = version.create_new(by=TESTER, seen=ANYTHING)
    labels = [one.label for one in version.prompt.versions.newest_first()[:3]]
    assert labels == ["v1.10", "v1.9", "v1.8"]


def test_tracking_takes_the_next_major():
    prompt = make_tracking_prompt()
    assert numbering.take_next(prompt) == numbering.Number(2, 2, 0)
    assert numbering.take_next(prompt, bump="minor") == numbering.Number(3, 3, 0)


def test_an_archived_version_may_be_taken_up_as_a_new_one():
    version = make_version("DEV").archive(by=TESTER, seen=ANYTHING)
    draft = version.create_new(by=TESTER, seen=ANYTHING)
    assert draft.archived_at is None


def test_a_late_press_does_nothing():
    version = make_version("DEV")
    version.edit(by=TESTER, seen=ANYTHING, template_source="Other.")
    with refused("stale"):
        version.create_new(by=TESTER, seen=Seen.of(version))


def test_bad_text_takes_no_number():
    version = make_version("DEV")
    with refused("invalid", 400):
        version.create_new(by=TESTER, seen=ANYTHING, template_source=" ")
    assert version.create_new(by=TESTER, seen=ANYTHING).label == "v1.1"


def test_a_tracking_prompt_is_refused():
    version = make_tracking_prompt().versions.get()
    with refused("wrong_mode", 400):
        version.create_new(by=TESTER, seen=ANYTHING)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2.3", {"major": 2, "minor": 3}), ("v2.10", {"major": 2, "minor": 10}), ("7", {"version": 7}),
        ("v7", None), ("0", None), ("0.1", None), ("01.0", None), ("1.01", None), ("1.", None), (".1", None),
        ("", None), ("latest", None), ("1.0\n", None), ("²", None), ("1.-1", None), ("1e3", None),
        ("9999999999", None), ("1.0.0", None), ("V1.0", None), (" 1", None),
    ],
)  # fmt: skip
def test_references_are_read_strictly(text, wanted):
    assert numbering.parse_reference(text) == wanted
