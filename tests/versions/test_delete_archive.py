"""DELETE removes a DEV draft for good; ARCHIVE hides a draft of DEV or TST, and can be taken back."""

import pytest

from ledger.models import LedgerEvent
from tests.factories import TESTER, make_tracking_prompt, make_version
from tests.versions.refusing import everything, refused
from versions.models import PromptVersion, SavedText
from versions.models.transitions import NO_DELETE
from versions.seen import ANYTHING, Seen

pytestmark = pytest.mark.django_db


def test_a_draft_goes_and_its_text_stays_findable():
    version = make_version("DEV", template_source="Gone but kept.")
    version.delete_draft(by=TESTER, seen=Seen.of(version))
    assert PromptVersion.objects.count() == 0
    event = LedgerEvent.objects.latest("id")
    assert (event.action, event.label, event.from_stage, event.to_stage) == ("deleted", "v1.0", "DEV", "")
    assert SavedText.find(version.prompt_id, event.before_hash)["template_source"] == "Gone but kept."


@pytest.mark.parametrize("stage", ["TST", "PRD", "RET"])
def test_past_dev_nothing_is_deleted(stage):
    version = make_version(stage)
    with refused("wrong_stage") as caught:
        version.delete_draft(by=TESTER, seen=ANYTHING)
    assert caught.value.detail == NO_DELETE == "Cannot delete versions that have progressed beyond DEV"


def test_a_late_delete_does_nothing():
    version = make_version("DEV")
    seen = Seen.of(version)
    version.edit(by=TESTER, seen=seen, template_source="Somebody's work.")
    with refused("stale"):
        version.delete_draft(by=TESTER, seen=seen)


def test_twice_is_not_found():
    version = make_version("DEV")
    version.delete_draft(by=TESTER, seen=ANYTHING)
    with refused("not_found", 404):
        version.delete_draft(by=TESTER, seen=ANYTHING)


def test_a_draft_in_use_stays(settings):
    settings.DRAFT_USES = [f"{__name__}.pinned"]
    version = make_version("DEV")
    with refused("in_use") as caught:
        version.delete_draft(by=TESTER, seen=ANYTHING)
    assert caught.value.detail == "v1.0 cannot be deleted: it is pinned."
    with refused("in_use"):
        version.prompt.remove(by=TESTER)


def pinned(version: PromptVersion) -> str:
    return "it is pinned."


def test_an_archived_draft_may_be_deleted():
    version = make_version("DEV").archive(by=TESTER, seen=ANYTHING)
    version.delete_draft(by=TESTER, seen=ANYTHING)
    assert PromptVersion.objects.count() == 0


@pytest.mark.parametrize("stage", ["DEV", "TST"])
def test_archive_and_back_leave_all_else_as_it_was(stage):
    version = make_version(stage)
    row = PromptVersion.objects.values().get()
    archived = version.archive(by=TESTER, seen=Seen.of(version))
    assert archived.archived_at is not None
    assert PromptVersion.objects.values().get() == row | {"archived_at": archived.archived_at}
    assert list(PromptVersion.objects.current()) == []
    version.unarchive(by=TESTER, seen=ANYTHING)
    assert PromptVersion.objects.values().get() == row
    actions = list(LedgerEvent.objects.order_by("id").values_list("action", "from_stage", "to_stage"))[-2:]
    assert actions == [("archived", stage, stage), ("unarchived", stage, stage)]


@pytest.mark.parametrize("archived", [True, False])
def test_what_is_so_already_changes_and_logs_nothing(archived):
    version = make_version("DEV")
    if archived:
        version.archive(by=TESTER, seen=ANYTHING)
    before = everything()
    (version.archive if archived else version.unarchive)(by=TESTER, seen=ANYTHING)
    assert everything() == before


@pytest.mark.parametrize("stage", ["PRD", "RET"])
@pytest.mark.parametrize("press", ["archive", "unarchive"])
def test_what_was_in_production_is_not_archived(stage, press):
    version = make_version(stage)
    with refused("wrong_stage"):
        getattr(version, press)(by=TESTER, seen=ANYTHING)


@pytest.mark.parametrize("press", ["delete_draft", "archive", "unarchive"])
def test_a_tracking_prompt_is_refused(press):
    version = make_tracking_prompt().versions.get()
    with refused("wrong_mode", 400):
        getattr(version, press)(by=TESTER, seen=ANYTHING)
